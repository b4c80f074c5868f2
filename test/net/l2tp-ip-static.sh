#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# The kernel's own L2TP over IP (ip l2tp ... encap ip), Ethernet inside, set up by
# hand as it is always: without a control message. With the sysctl
# l2tp_without_control two clients share one public address; without it (the
# default) the second one fails, as it does on the stock kernel.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

# tunnel NS LOCAL REMOTE ID PEER-ID SESSION PEER-SESSION DEVICE ADDRESS
tunnel() {
	in_ns "$1" ip l2tp add tunnel tunnel_id "$4" peer_tunnel_id "$5" encap ip local "$2" remote "$3" &&
		in_ns "$1" ip l2tp add session name "$8" tunnel_id "$4" session_id "$6" peer_session_id "$7" &&
		in_ns "$1" ip addr add "$9" dev "$8" && in_ns "$1" ip link set "$8" up
}
# Each client pings the server's end of its own tunnel, 10.7.K.1.
pings() { answered "c$1" "$2" "10.7.$1.1"; }
# Nobody speaks meanwhile: a stray packet of the server's would have the first
# entry, and put client 1 into a zone.
quiet_flush() {
	local end device
	for end in "c1 l2tp1" "c2 l2tp2" "s l2tp1" "s l2tp2"; do
		read -r end device <<<"$end"
		must in_ns "$end" ip link set "$device" down
	done
	must r conntrack -F
	for end in "c1 l2tp1" "c2 l2tp2" "s l2tp1" "s l2tp2"; do
		read -r end device <<<"$end"
		must in_ns "$end" ip link set "$device" up
	done
}
pings_back() { answered s "$2" "10.7.$1.2"; }

plan 15
modprobe -a l2tp_ip l2tp_eth l2tp_netlink
must modprobe nf_vpn_l2tp
topo_up 2
# the first with two different IDs, the second as many would type it
must tunnel c1 "$(client_ip 1)" $SERVER 11 101 1001 2001 l2tp1 10.7.1.2/24
must tunnel c2 "$(client_ip 2)" $SERVER 12 102 3000 3000 l2tp2 10.7.2.2/24
must tunnel s $SERVER $WAN 101 11 2001 1001 l2tp1 10.7.1.1/24
must tunnel s $SERVER $WAN 102 12 3000 3000 l2tp2 10.7.2.1/24
must r sysctl -qw net.netfilter.nf_vpn.l2tp_without_control=0
must mark_rule
quiet_flush
is "off: client 1 works" "$(pings 1 2)" 2
is "off: client 2 does not" "$(pings 2 2)" 0
is "off: nothing is learned" "$(flows)" 0
check "off: it is counted" counted_above l2tp_unknown 0

must r sysctl -qw net.netfilter.nf_vpn.l2tp_without_control=1
quiet_flush
is "on: client 1 works" "$(pings 1 3)" 3
is "on: client 2 works" "$(pings 2 3)" 3
is "the server reaches client 1" "$(pings_back 1 2)" 2
is "and client 2" "$(pings_back 2 2)" 2
is "both at once" "$(pings 1 2 & pings 2 2; wait)" $'2\n2'
check_not "client 1 is where it was without us" grep zone= <<<"$(l2tp_entry 1)"
matches "client 2 has a zone of its own" "$(l2tp_entry 2)" 'zone=60000'
is "both sessions were learned from data" "$(counted l2tp_static)" 2
quiet_flush
is "after a flush: client 2 first" "$(pings 2 3)" 3
is "then client 1" "$(pings 1 3)" 3
check "the namespaces are gone" topo_down
