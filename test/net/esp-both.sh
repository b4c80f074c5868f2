#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 240
#
# NAT on both sides, and twice on one: d and e behind c1 (a router of its own), c2,
# all masqueraded again by r; the server v is behind s, which forwards UDP 500 to
# it. At s all clients have one address; at r two of them have.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

# tunnel C OUT IN ROUTER...: both ways until these routers know whose IN is
tunnel() {
	local up router seq=2
	up=$(deliver "$1" $SERVER "$2" 1)
	for router in "${@:4}"; do
		ROUTER=$router settle "$1" v "$2" "$3" $seq
		seq=$((seq + 100))
	done
	echo "$up, $(deliver v $WAN "$3" 300)"
}

plan 16
topo_up 2
helper_rule vpn-ike udp 500
topo_behind
must behind_router c1 vpn-ike udp 500 </dev/null
must behind_router s vpn-ike udp 500 <<-'N'
	chain pre { type nat hook prerouting priority dstnat; iifname "eth0" udp dport 500 dnat to 10.9.0.2; }
N
peers_up d@10.1.1.2 e@10.1.2.2 c2 v@10.9.0.2/$SERVER

is "client d keys a tunnel, two routers in" "$(meet d v)" "$WAN:500"
is "it works" "$(tunnel d 0x1001 0x2001 c1 r)" "v $WAN, d $SERVER"
matches "client e, beside it" "$(meet e v)" "^$WAN:"
is "it works" "$(tunnel e 0x1002 0x2002 c1 r)" "v $WAN, e $SERVER"
matches "client c2, one router in" "$(meet c2 v)" "^$WAN:"
is "it works" "$(tunnel c2 0x1003 0x2003 r)" "v $WAN, c2 $SERVER"
is "router r knows them by two addresses" "$(owner 0x2001), $(owner 0x2002), $(owner 0x2003)" \
	"192.168.1.2 settled, 192.168.1.2 settled, 192.168.2.2 settled"
is "router c1 tells its two apart" "$(ROUTER=c1 owner 0x2001), $(ROUTER=c1 owner 0x2002)" \
	"10.1.1.2 settled, 10.1.2.2 settled"
is "all go on" "$(deliver v $WAN 0x2001 391), $(deliver v $WAN 0x2002 391), $(deliver v $WAN 0x2003 391)" \
	"d $SERVER, e $SERVER, c2 $SERVER"
is "client e rekeys" "$(rekey e v)" "$SERVER:500"
is "it works" "$(tunnel e 0x1102 0x2102 c1 r)" "v $WAN, e $SERVER"
matches "the server rekeys client d" "$(rekey v d)" "^$WAN:"
is "it works" "$(tunnel d 0x1101 0x2101 c1 r)" "v $WAN, d $SERVER"
is "all go on again" "$(deliver v $WAN 0x2101 391), $(deliver v $WAN 0x2102 391), $(deliver v $WAN 0x2003 392)" \
	"d $SERVER, e $SERVER, c2 $SERVER"
is "nothing was refused, in three routers" \
	"$(counted esp_refused)$(counted esp_refused c1)$(counted esp_refused s)" 000
peers_down
check "the namespaces are gone" topo_down
