#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# What is truncated, reserved, of another kind or in pieces is left to stock
# conntrack and counted by a named reason; it never becomes state of ours, and
# other uses of these protocols (a plain GRE tunnel) work on with helpers loaded.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

# counts NAME AMOUNT NODE DESTINATION PROTOCOL HEX...: each packet counts as NAME.
counts() {
	local name=$1 amount=$2 node=$3 to=$4 proto=$5 before hex
	before=$(stat "$name")
	shift 5
	for hex in "$@"; do ask raw "$node" "$to" "$proto" "$hex" >/dev/null; done
	wait_for 5 stat_is "$name" $((before + amount)) && return
	echo "$name: $before, now $(stat "$name"), wanted $amount more"
	return 1
}
stat_is() { [ "$(stat "$1")" = "$2" ]; }
# ike_bad HEX...: IKE from client 1 that does not parse.
ike_bad() {
	local before hex
	before=$(stat ike_bad)
	for hex in "$@"; do ask udp c1 $SERVER 500 500 "$hex" >/dev/null; done
	wait_for 5 stat_is ike_bad $((before + $#))
}

plan 26
modprobe -a esp4 ip_gre
topo_up 2
helper_rule vpn-ike udp 500
must r nft -f - <<-'N'
	table ip helpers {
		ct helper vpn-pptp {
			type "vpn-pptp" protocol tcp;
		}
		chain pptp {
			type filter hook prerouting priority filter;
			tcp dport 1723 ct helper set "vpn-pptp"
		}
	}
N
peers_up c1 c2 s
matches "client 1 sets up" "$(meet c1 s) $(settle c1 s 0x1001 0x2001)$(owner 0x2001)" " $(client_ip 1) settled\$"
matches "client 2 sets up" "$(meet c2 s) $(settle c2 s 0x1002 0x2002)$(owner 0x2002)" " $(client_ip 2) settled\$"
entries=$(r conntrack -C)
pairs=$(stat ike_pair)

short=('' 00 0000 000010 00001001 0000100100 000010010000 00001001000000)
check "ESP of 0 to 7 octets, from a client" counts truncated 8 c1 $SERVER 50 "${short[@]}"
check "and from outside" counts truncated 8 s $WAN 50 "${short[@]}"
reserved=(0000000000000001 0000000100000001 000000ff00000001)
check "reserved SPIs, from a client" counts esp_reserved 3 c2 $SERVER 50 "${reserved[@]}"
check "and from outside" counts esp_reserved 3 s $WAN 50 "${reserved[@]}"

# In pieces of 8 octets: conntrack puts them together before we look.
esp=0000100200000007$(printf '%0128d' 0)
is "ESP in fragments of 8 octets, client 2" "$(ask pass c2 $SERVER 50 "$esp" frag=8)" "s $WAN"
is "and to client 2" "$(ask pass s $WAN 50 "00002002${esp:8}" frag=8)" "c2 $SERVER"
is "a first fragment alone is kept back" "$(ask pass s $WAN 50 "00002002000000080000000000000000" frag=8 first=1 wait=1)" nobody
is "no flow was made by any of these" "$(flow_count)" 4

# IKE.
spi=1111111111111111
# ike_header VERSION LENGTH [SPI]: a header, both in hex.
ike_header() { echo "${3:-$spi}000000000000000021${1}220800000000$2"; }
good=$(ike_header 20 0000001c)
check "IKE: nothing, one octet, 27 octets" ike_bad '' 00 "${good%??}"
check "IKE version 0, 3 and 15" ike_bad "$(ike_header 00 0000001c)" "$(ike_header 30 0000001c)" "$(ike_header f0 0000001c)"
check "IKE length 27, 29 and the largest in 28 octets" ike_bad "$(ike_header 20 0000001b)" "$(ike_header 20 0000001d)" "$(ike_header 20 ffffffff)"
check "IKE with an initiator SPI of zero" ike_bad "$(ike_header 20 0000001c 0000000000000000)"
messages=$(stat ike_message)
ask udp c1 $SERVER 500 500 "$good" >/dev/null
check "and a good one, for comparison" wait_for 5 stat_is ike_message $((messages + 1))
is "no pair and no flow was made by any of these" "$(stat ike_pair) $(flow_count)" "$pairs 4"

# GRE: not PPTP's.
check "GRE of 0 to 7 octets" counts truncated 8 c1 $SERVER 47 '' 00 2001 200188 2001880b 2001880b00 2001880b0000 2001880b000000
check "GRE version 0, plain and keyed; other protocols; flags PPTP never has" counts gre_other 6 c1 $SERVER 47 \
	0000080000000000 2000080000000001 2001080000000001 2002880b00000001 a001880b00000001 6001880b00000001
check "PPTP's GRE of a call that is not" counts gre_unknown 1 c1 $SERVER 47 3001880b0000000500000000
is "no flow was made by any of these" "$(flow_count)" 4
check "nor did conntrack grow by more than stock GRE's few" [ "$(r conntrack -C)" -le $((entries + 4)) ]
must r conntrack -D -p gre

for tunnel in '' 'key 7'; do
	# shellcheck disable=SC2086 # words
	in_ns c1 ip tunnel add tun1 mode gre remote $SERVER local 192.168.1.2 $tunnel
	# shellcheck disable=SC2086 # words
	s ip tunnel add tun1 mode gre remote $WAN local $SERVER $tunnel
	in_ns c1 ip addr add 10.7.0.1/24 dev tun1
	in_ns c1 ip link set tun1 up
	s ip addr add 10.7.0.2/24 dev tun1
	s ip link set tun1 up
	is "a tunnel of stock GRE ${tunnel:-without key} through the NAT" "$(answered c1 3 10.7.0.2)" 3
	in_ns c1 ip link del tun1
	s ip link del tun1
done
is "both VPNs go on" "$(deliver c1 $SERVER 0x1001 9) $(deliver c2 $SERVER 0x1002 9) $(deliver s $WAN 0x2001 9) $(deliver s $WAN 0x2002 9)" \
	"s $WAN s $WAN c1 $SERVER c2 $SERVER"
check "all of it in four flows" [ "$(stat flow_new)" = 4 ]
peers_down
check "the namespaces are gone" topo_down
