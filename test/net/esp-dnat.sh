#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# An IPsec server behind a port forward: outside clients reach it by the public
# address. The rules forward UDP 500 and 4500 and say nothing of ESP: that follows
# its key exchange, both ways, whoever speaks or rekeys first.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

SECOND=198.51.100.2
plan 18
topo_up 1
must ns_add p
must link p eth0 s inp
must address p eth0 $SECOND/24; must address s inp 198.51.100.1/24
must in_ns p ip route add default via 198.51.100.1
must s sysctl -qw net.ipv4.ip_forward=1
must r ip route add default via $SERVER
must r nft -f - <<-'N'
	table ip nat {
		chain pre {
			type nat hook prerouting priority dstnat;
			iifname "wan" udp dport { 500, 4500 } dnat to 192.168.1.2
		}
	}
	flush chain ip filter forward
	table ip filter {
		chain forward {
			ct state established,related accept
			iifname "wan" udp dport { 500, 4500 } ct status dnat accept
		}
	}
N
peers_up v:c1@192.168.1.2/$WAN o:s@$SERVER p@$SECOND

is "stock: the key exchange is forwarded" "$(meet o v)" "$SERVER:500"
is "stock: ESP is not" "$(deliver_lost o $WAN 0x901 1)" nobody
is "stock: nor is the server's" "$(deliver_lost v $SERVER 0x902 1)" nobody
must r conntrack -F

helper_rule vpn-ike udp 500
is "client o exchanges keys" "$(meet o v)" "$SERVER:500"
is "client o's ESP reaches the server" "$(deliver o $WAN 0x1001 1)" "v $SERVER"
is "and is answered" "$(deliver v $SERVER 0x2001 1)" "o $WAN"
is "client p exchanges keys" "$(meet p v)" "$SECOND:500"
is "the server talks first to client p" "$(deliver v $SECOND 0x2002 1)" "p $WAN"
is "client p answers" "$(deliver p $WAN 0x1002 1)" "v $SECOND"
is "client o rekeys" "$(rekey o v)" "$WAN:500"
is "its new SAs" "$(deliver o $WAN 0x1101 1), $(deliver v $SERVER 0x2101 1)" "v $SERVER, o $WAN"
is "the server rekeys client p" "$(rekey v p)" "$SECOND:500"
is "its new SAs, the server first" "$(deliver v $SECOND 0x2102 1), $(deliver p $WAN 0x1102 1)" "p $WAN, v $SECOND"
is "both clients choose one SPI: their addresses tell them apart" \
	"$(deliver o $WAN 0x1777 1), $(deliver p $WAN 0x1777 1)" "v $SERVER, v $SECOND"
is "the server too" "$(deliver v $SERVER 0x2777 1), $(deliver v $SECOND 0x2777 1)" "o $WAN, p $WAN"
is "a stranger's ESP is not forwarded" \
	"$(ask pass o $WAN 50 000030010000000100000000 src=203.0.113.4 wait=1)" nobody
is "one entry for each client" "$(r conntrack -L -p 50 2>/dev/null | grep -c "dst=$WAN.*src=192.168.1.2")" 2
peers_down
check "the namespaces are gone" topo_down
