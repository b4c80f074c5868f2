#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# Several public addresses. With SNAT to a pool ESP leaves with the address its
# IKE has, and clients of different addresses are never confused, whatever SPIs
# they choose. When the public address changes, IKE's next message takes the
# tunnels along.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

NEW=203.0.113.9
source_of() { local from; from=$(meet "$1" s); echo "${from%:*}"; }
# info C: dead peer detection; prints the source that the server saw
info() { local from; from=$(ike "$1" s info); ike s "$1" info! >/dev/null; echo "${from%:*}"; }

plan 22
topo_up 3 own nonat
for a in 10 11; do must address r wan 203.0.113.$a/24; done
must r nft -f - <<-'N'
	table ip nat {
		map pool { type ipv4_addr : ipv4_addr; elements = { 192.168.1.2 : 203.0.113.10, 192.168.2.2 : 203.0.113.11, 192.168.3.2 : 203.0.113.10 } }
		chain post {
			type nat hook postrouting priority srcnat;
			oifname "wan" snat to ip saddr map @pool
		}
	}
N
helper_rule vpn-ike udp 500
peers_up c1 c2 c3 s
# client 1 and 3 are told apart by evidence, client 2 by its address
is "client 1 leaves with the first address" "$(source_of c1)" 203.0.113.10
is "client 1's ESP follows" "$(deliver c1 $SERVER 0x1001 1)" "s 203.0.113.10"
is "its answers are its own" "$(settle c1 s 0x1001 0x2002 2)$(owner 0x2002)" "$(client_ip 1) settled"
is "client 2 leaves with the second" "$(source_of c2)" 203.0.113.11
is "client 2's ESP follows" "$(deliver c2 $SERVER 0x1002 1)" "s 203.0.113.11"
is "its answers are nobody else's: one packet is enough" "$(deliver s 203.0.113.11 0x2002 1)" "c2 $SERVER"
talk c2 s 0x1002 0x2002 from=2 >/dev/null
is "the same SPI to the other address is another SA" \
	"$(owner 0x2002 | sort | xargs)" "$(client_ip 1) settled $(client_ip 2) settled"
is "client 3 leaves with the first, too" "$(source_of c3)" 203.0.113.10
is "client 3's ESP follows" "$(deliver c3 $SERVER 0x1003 1)" "s 203.0.113.10"
is "its answers are its own" "$(settle c3 s 0x1003 0x2003 2)$(owner 0x2003)" "$(client_ip 3) settled"
is "each gets its own" \
	"$(deliver s 203.0.113.10 0x2002 90), $(deliver s 203.0.113.11 0x2002 90), $(deliver s 203.0.113.10 0x2003 90)" \
	"c1 $SERVER, c2 $SERVER, c3 $SERVER"

# a masquerading router gets another address
must r conntrack -F
must r nft flush chain ip nat post
must r nft add rule ip nat post oifname wan masquerade
for k in 1 2; do
	is "client $k by masquerade" "$(source_of c$k)" $WAN
	is "its tunnel" "$(settle c$k s 0x101$k 0x201$k)$(owner 0x201$k)" "$(client_ip $k) settled"
done
must r ip addr flush dev wan
must address r wan $NEW/24
is "a new address: client 1's dead peer detection" "$(info c1)" $NEW
is "and client 2's" "$(info c2)" $NEW
is "ESP leaves with it" "$(deliver c1 $SERVER 0x1011 500), $(deliver c2 $SERVER 0x1012 500)" "s $NEW, s $NEW"
is "running SAs are found again" \
	"$(settle c1 s 0x1011 0x2011 501)$(settle c2 s 0x1012 0x2012 501)$(owner 0x2011), $(owner 0x2012)" \
	"$(client_ip 1) settled, $(client_ip 2) settled"
is "each gets its own" "$(deliver s $NEW 0x2011 600), $(deliver s $NEW 0x2012 600)" "c1 $SERVER, c2 $SERVER"
is "no entry has the old address" "$(r conntrack -L 2>/dev/null | grep -c "dst=$WAN ")" 0
peers_down
check "the namespaces are gone" topo_down
