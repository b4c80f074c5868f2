#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 240
#
# Two routers in namespaces of their own, with the very same addresses, do not
# know of each other: flows, counters, sysctls. One is deleted while packets
# flow through it; nothing of it stays, and the other works on.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

# A second network, of the same addresses: clients d1 and d2, router q, server t.
second_network() {
	local k
	ns_add q && ns_add t && link t eth0 q wan && address t eth0 $SERVER/24 &&
		address q wan $WAN/24 && in_ns q sysctl -qw net.ipv4.ip_forward=1 || return
	for k in 1 2; do
		ns_add d$k && link d$k eth0 q lan$k && address q lan$k 192.168.$k.1/24 &&
			address d$k eth0 192.168.$k.2/24 &&
			in_ns d$k ip route add default via 192.168.$k.1 || return
	done
	r nft list ruleset | in_ns q nft -f -
}
# of ROUTER COUNTER; flows_of ROUTER
# shellcheck disable=SC2016 # awk expands these
of() { in_ns "$1" awk -v name="$2" '$1 == name { print $2 }' /proc/net/nf_vpn/stats; }
flows_of() { in_ns "$1" sh -c 'wc -l </proc/net/nf_vpn/flows'; }
sets_up() {
	local ROUTER=r
	[ "$2" = s ] || ROUTER=q
	echo "$(meet "$1" "$2" | sed 's/:.*//') $(settle "$@")$(deliver "$1" $SERVER "$3" 150) $(deliver "$2" $WAN "$4" 150)"
}

plan 14
topo_up 2
helper_rule vpn-ike udp 500
must second_network
peers_up c1 c2 s d1@192.168.1.2 d2@192.168.2.2 t@$SERVER
is "client 1 of the first" "$(sets_up c1 s 0x1001 0x2001)" "$WAN s $WAN c1 $SERVER"
is "the second saw nothing" "$(of q ike_message) $(of q attached) $(flows_of q)" "0 0 0"
is "client 1 of the second, with the same SPIs" "$(sets_up d1 t 0x1001 0x2001)" "$WAN t $WAN d1 $SERVER"
is "client 2 of the first" "$(sets_up c2 s 0x1002 0x2002)" "$WAN s $WAN c2 $SERVER"
is "flows of each" "$(flows_of r) $(flows_of q)" "4 2"
is "pairs of each" "$(of r ike_pair) $(of q ike_pair)" "2 1"
must in_ns q sysctl -qw net.netfilter.nf_vpn.zone_base=100 net.netfilter.nf_vpn.max_flows=77
is "sysctls of each" "$(r sysctl -n net.netfilter.nf_vpn.max_flows) $(in_ns q sysctl -n net.netfilter.nf_vpn.max_flows)" "262144 77"
is "client 2 of the second" "$(sets_up d2 t 0x1002 0x2002)" "$WAN t $WAN d2 $SERVER"
is "zones of each" "$(r conntrack -L -p 50 2>/dev/null | grep -o 'zone=[0-9]*') $(in_ns q conntrack -L -p 50 2>/dev/null | grep -o 'zone=[0-9]*')" "zone=60000 zone=100"

# The second router goes while both its clients and its server send.
for k in 1 2; do
	must ask stream d$k $SERVER 50 "0000100$k++++++++0000000000000000"
	must ask stream t $WAN 50 "0000200$k++++++++0000000000000000"
	must ask stream c$k $SERVER 50 "0000100$k++++++++0000000000000000"
done
before=$(of q attached)
streaming() { [ "$(of q attached)" -gt $((before + 40)) ]; }
must wait_for 20 streaming
must ip netns del "$(ns_name q)"
check "its namespace is freed" wait_for 20 canary_is_gone q
check "packets were sent meanwhile" [ "$(ask calm)" -gt 50 ]
is "the first works on, client 1" "$(deliver c1 $SERVER 0x1001 0x70000) $(deliver s $WAN 0x2001 152)" "s $WAN c1 $SERVER"
is "and client 2" "$(deliver c2 $SERVER 0x1002 0x70000) $(deliver s $WAN 0x2002 152)" "s $WAN c2 $SERVER"
peers_down
check "the namespaces are gone" topo_down
