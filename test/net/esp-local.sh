#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 200
#
# The router is an IPsec endpoint itself, with the same server as a client behind
# it. Packets of its own SAs are never given to the client, counted as esp_local,
# and the client's tunnel works beside it.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

K=0x0123456789abcdef0123456789abcdef01234567
sa() { in_ns "$1" ip xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid 9 mode tunnel aead 'rfc4106(gcm(aes))' $K 128; }
policy() { in_ns "$1" ip xfrm policy add src "$2" dst "$3" dir "$4" tmpl src "$5" dst "$6" proto esp reqid 9 mode tunnel; }
router_tunnel() {
	address r lo 10.77.0.1/32 && address s lo 10.99.0.1/32 &&
		sa r $WAN $SERVER 0x3001 && sa r $SERVER $WAN 0x4001 &&
		sa s $WAN $SERVER 0x3001 && sa s $SERVER $WAN 0x4001 &&
		policy r 10.77.0.1 10.99.0.1 out $WAN $SERVER && policy r 10.99.0.1 10.77.0.1 in $SERVER $WAN &&
		policy s 10.99.0.1 10.77.0.1 out $SERVER $WAN && policy s 10.77.0.1 10.99.0.1 in $WAN $SERVER &&
		r ip route add 10.99.0.1 via $SERVER && s ip route add 10.77.0.1 via $WAN
}
router_pings() { answered r "$1" 10.99.0.1 -I 10.77.0.1; }
sets_up() { echo "$(meet c1 s | sed 's/:.*//') $(deliver c1 $SERVER 0x1001 1) $(deliver s $WAN 0x2001 1)"; }

# ESP between ends without a pair is counted as unknown.
pair_gone() {
	local before
	before=$(stat esp_unknown)
	ask esp s $WAN 0x999 1
	[ "$(stat esp_unknown)" -gt "$before" ] && r conntrack -F
}

plan 14
modprobe -a esp4 xfrm_user
topo_up 1
must router_tunnel
must r nft insert rule ip nat post ip saddr 10.77.0.1 accept
helper_rule vpn-ike udp 500
peers_up c1 s
is "the router's own tunnel" "$(router_pings 2)" 2
is "a client sets up with the same server" "$(sets_up)" "$WAN s $WAN c1 $SERVER"
local0=$(stat esp_local)
is "the router's tunnel works on" "$(router_pings 3)" 3
check "it was recognised, both ways" [ $(($(stat esp_local) - local0)) -ge 6 ]
is "the client's too" "$(deliver c1 $SERVER 0x1001 2) $(deliver s $WAN 0x2001 2)" "s $WAN c1 $SERVER"
is "only the client's SPIs are flows" "$(r sed -nE 's/.* id=(0x[0-9a-f]*) ->.*/\1/p' /proc/net/nf_vpn/flows | sort | xargs)" "0x1001 0x2001"
is "a gate is open: still not the client's" "$(rekey c1 s)/$(router_pings 2)" "$SERVER:500/2"
is "then the client's new SA" "$(deliver s $WAN 0x2101 1) $(deliver c1 $SERVER 0x1101 1)" "c1 $SERVER s $WAN"

# The client is first.
must r conntrack -F
check "all is forgotten" wait_for 10 pair_gone
is "the client first" "$(sets_up)" "$WAN s $WAN c1 $SERVER"
local0=$(stat esp_local)
is "the router's tunnel beside it" "$(router_pings 3)" 3
check "by ESP" [ $(($(stat esp_local) - local0)) -ge 6 ]
is "and the client's again" "$(deliver c1 $SERVER 0x1001 3) $(deliver s $WAN 0x2001 3)" "s $WAN c1 $SERVER"
r conntrack -L 2>/dev/null | diag
peers_down
check "the namespaces are gone" topo_down
