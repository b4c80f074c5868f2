#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 200
#
# The router is an IPsec endpoint itself, with the same server as a client behind
# it. Packets of its own SAs are never given to the client, counted as esp_local,
# and the client's tunnel works beside it. A tunnel of the router in UDP (RFC 3948)
# may even have the SPI of a client's raw ESP.
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
# Another tunnel of the router, in UDP: the same inbound SPI as a client's raw ESP.
ENCAP='import socket, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 4501))
u.setsockopt(17, 100, 2)
print("ready", flush=True)
time.sleep(600)'
# shellcheck disable=SC2086 # K is two words
udp_sa() { in_ns "$1" ip xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid 10 mode tunnel aead 'rfc4106(gcm(aes))' $K 128 encap espinudp 4501 4501 0.0.0.0; }
udp_policy() { in_ns "$1" ip xfrm policy add src "$2" dst "$3" dir "$4" tmpl src "$5" dst "$6" proto esp reqid 10 mode tunnel; }
udp_tunnel() {
	local ns
	for ns in r s; do
		background $ns encap-$ns python3 -c "$ENCAP" && wait_for 20 grep -q ready "$(log_of encap-$ns)" || return
	done
	address r lo 10.77.0.2/32 && address s lo 10.99.0.2/32 &&
		udp_sa r $WAN $SERVER 0x3301 && udp_sa r $SERVER $WAN 0x2301 &&
		udp_sa s $WAN $SERVER 0x3301 && udp_sa s $SERVER $WAN 0x2301 &&
		udp_policy r 10.77.0.2 10.99.0.2 out $WAN $SERVER && udp_policy r 10.99.0.2 10.77.0.2 in $SERVER $WAN &&
		udp_policy s 10.99.0.2 10.77.0.2 out $SERVER $WAN && udp_policy s 10.77.0.2 10.99.0.2 in $WAN $SERVER &&
		r ip route add 10.99.0.2 via $SERVER && s ip route add 10.77.0.2 via $WAN
}
udp_pings() { answered r "$1" 10.99.0.2 -I 10.77.0.2; }
router_pings() { answered r "$1" 10.99.0.1 -I 10.77.0.1; }
sets_up() { echo "$(meet c1 s | sed 's/:.*//') $(deliver c1 $SERVER 0x1001 1) $(deliver s $WAN 0x2001 1)"; }

# ESP between ends without a pair is counted as unknown.
pair_gone() {
	local before
	before=$(stat esp_unknown)
	ask esp s $WAN 0x999 1
	[ "$(stat esp_unknown)" -gt "$before" ] && r conntrack -F
}

plan 18
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

must r nft insert rule ip nat post ip saddr 10.77.0.2 accept
must udp_tunnel
local0=$(stat esp_local)
is "the router's tunnel in UDP" "$(udp_pings 3)" 3
is "is none of ours" $(($(stat esp_local) - local0)) 0
is "its inbound SPI, raw, is a client's" "$(rekey c1 s)/$(deliver c1 $SERVER 0x1301 1) $(deliver s $WAN 0x2301 1)" "$SERVER:500/s $WAN c1 $SERVER"
is "the tunnel in UDP works on" "$(udp_pings 2)" 2
stop encap-r
stop encap-s
peers_down
check "the namespaces are gone" topo_down
