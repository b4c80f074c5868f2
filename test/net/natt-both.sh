#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 200
#
# NAT traversal with NAT on both sides, and twice on one: d and e behind c1 (a router of
# its own), c2, all masqueraded again by r; the server v is behind s, which forwards UDP
# 500 and 4500 to it. No router has a rule for 4500 but that.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

IKE=0000000000000000000000010000000000000002"2e20250800000001"0000001c # behind the marker
esp() { printf '%08x0000000100000000' "$1"; }
out() { ask tell "$1" $SERVER 4500 4500 "$2"; }
back() { ask tell v $WAN 4500 "$1" "$(esp "$2")"; }
# the mapping of an address in router R
mapping() { in_ns "$1" conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | grep "src=$2 "; }
ended() { [ -z "$(mapping r 192.168.1.2)" ] && [ -z "$(mapping c1 10.1.1.2)" ]; }
remembered() { [ "$(counted natt_ended)" -ge "$1" ] && [ "$(counted natt_ended c1)" -ge "$2" ]; }

plan 20
must modprobe nf_vpn_passthrough
topo_up 2
topo_behind
must behind_router c1 vpn-ike udp 500 </dev/null
must behind_router s vpn-ike udp 500 <<-'N'
	chain pre {
		type nat hook prerouting priority dstnat;
		iifname "eth0" udp dport { 500, 4500 } dnat to 10.9.0.2
	}
N
must helper_rule vpn-ike udp 500
must only_out udp 500
peers_up d@10.1.1.2 e@10.1.2.2 c2 v@10.9.0.2/$SERVER
for n in d e c2 v; do must ask udp $n 192.0.2.99 4500 9 00; done

port=()
for c in d e c2; do
	matches "client $c: IKE" "$(meet $c v)" "^$WAN:"
	seen=$(out $c "$IKE")
	matches "its move to 4500" "$seen" "^v $WAN:"
	port+=("${seen##*:}")
done
is "three ports at the server" "$(printf '%s\n' "${port[@]}" | sort -u | wc -l)" 3
i=0
for c in d e c2; do
	matches "client $c: ESP out" "$(out $c "$(esp $((0x1001 + i)))")" "^v $WAN:${port[$i]}$"
	is "ESP in" "$(back "${port[$i]}" $((0x2001 + i)))" "$c $SERVER:4500"
	i=$((i + 1))
done
is "helped, in three routers" \
	"$(mapping c1 10.1.1.2 | grep -c helper=vpn-ike) $(mapping r 192.168.1.2 | grep -c helper=vpn-ike) $(mapping s $WAN | grep -c helper=vpn-ike)" "1 2 3"
is "listed by r: client addresses" "$(r nfvpn list -p natt -j | grep -o '"client":"[0-9.]*"' | sort | xargs)" \
	"client:192.168.1.2 client:192.168.1.2 client:192.168.2.2"

# idle for too long in both of the client's routers
for n in c1 r; do must in_ns $n sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=4; done
for c in d e c2; do out $c "$(esp 0x1009)" >/dev/null; done
back "${port[0]}" 0x2001 >/dev/null
back "${port[1]}" 0x2002 >/dev/null
check "the mappings of both routers end" wait_for 30 ended
check "and are remembered" wait_for 10 remembered 3 2
is "the server speaks first: d again, through both" "$(back "${port[0]}" 0x2001)" "d $SERVER:4500"
is "e, too" "$(back "${port[1]}" 0x2002)" "e $SERVER:4500"
peers_down
check "the namespaces are gone" topo_down
