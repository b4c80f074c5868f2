#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# Slipstreaming by UDP: a page in a client's browser has it send STUN and TURN, whose
# user name the page chooses, to ports 500, 4500 and 1701 of its accomplice, in one
# datagram or in fragments the second of which begins with an IKE or L2TP request. Nothing
# is opened: no pair, flow or expectation, and no packet from outside comes in but the answer.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

INIT=1111111111111111000000000000000021202208000000000000012c # IKE_SA_INIT, 300 octets
SCCRQ=c802001c00000000000000008008000000000001800800000009000c # its tunnel is 12
zeros() { printf '%0*d' $(($1 * 2)) 0; }
# turn USERNAME-HEX: an Allocate request; the browser chooses the transaction ID
turn() { printf '0003%04x2112a442a1b2c3d4e5f60718293a4b5c0006%04x%s' $((${#1} / 2 + 4)) $((${#1} / 2)) "$1"; }
# in_two PORT HEAD TAIL: UDP in two fragments, the second begins with TAIL (HEAD: 8 octets times N)
in_two() {
	local data=$2$3
	ask raw c1 $SERVER 17 "$(printf '9c40%04x%04x0000' "$1" $((${#data} / 2 + 8)))$data" frag=$((${#2} / 2 + 8))
}
opened() { echo "$(flow_count) flows, $(stat ike_pair) pairs, $(r conntrack -L expect 2>/dev/null | wc -l) expected"; }
NOTHING="0 flows, 0 pairs, 0 expected"
comes_in() { # from the accomplice, in all ways that an opening would be used
	echo "$(deliver_lost s $WAN 0x2001 1), $(ask tell s $WAN 5000 1701 c802 wait=1), $(ask tell s $WAN 4500 4500 00112233445566778899 wait=1), $(ask tell s $WAN 500 500 "$INIT" wait=1)"
}
CLOSED="nobody, nobody, nobody, nobody"

plan 18
topo_up 1
helper_rule vpn-ike udp '{ 500, 4500 }'
r nft -f - <<-'N'
	table ip helpers {
		ct helper vpn-l2tp { type "vpn-l2tp" protocol udp; }
		chain l2tp {
			type filter hook prerouting priority filter;
			udp dport 1701 ct helper set "vpn-l2tp"
		}
	}
N
peers_up c1 s
for port in 1701 4500 5000; do ask udp s $WAN $port 9 00 >/dev/null; done
ask udp c1 $SERVER 500 9 00 >/dev/null
must r conntrack -F

bad=$(stat ike_bad) strange=$(stat l2tp_not_l2tp)
for port in 500 4500 1701; do
	payload=$(turn "$(zeros 8)$INIT$(zeros 40)")
	is "TURN to $port arrives as it is" "$(ask tell c1 $SERVER 40000 $port "$payload")" "s $WAN:40000"
	is "the answer comes" "$(ask tell s $WAN $port 40000 "$payload")" "c1 $SERVER:$port"
done
# as L2TP an Allocate request is data of version 3, a Binding request (type 1) nothing
ask tell c1 $SERVER 40000 1701 "00010000$(zeros 16)" >/dev/null
is "nothing is opened by it" "$(opened)" "$NOTHING"
is "nothing comes in" "$(comes_in)" "$CLOSED"
check "what is no IKE is counted" [ "$(stat ike_bad)" -gt "$bad" ]
check "what is no L2TP, too" [ "$(stat l2tp_not_l2tp)" -gt "$strange" ]
must r conntrack -F

# the second fragment begins with a request
bad=$(stat ike_bad)
in_two 500 "$(turn "$(zeros 96)")" "$INIT$(zeros 272)" >/dev/null
in_two 1701 "$(turn "$(zeros 96)")" "$SCCRQ$(zeros 80)" >/dev/null
is "what comes in fragments is read as a whole: no IKE" "$(($(stat ike_bad) - bad))" 1
is "nothing is opened by fragments" "$(opened)" "$NOTHING"
is "nothing comes in" "$(comes_in)" "$CLOSED"
must r conntrack -F

# the same test would see an opening: true requests, of a program and not of a page
ask tell c1 $SERVER 1701 1701 "$SCCRQ" >/dev/null
is "a true L2TP request opens one port" "$(r conntrack -L expect 2>/dev/null | wc -l)" 1
is "to which the server's answer comes" "$(ask tell s $WAN 5000 1701 c8020011)" "c1 $SERVER:5000"
matches "a true key exchange opens ESP" "$(meet c1 s) $(deliver c1 $SERVER 0x1001 1)" "^$WAN:500 s $WAN\$"
is "between these two" "$(deliver s $WAN 0x2001 1)" "c1 $SERVER"
peers_down
check "the namespaces are gone" topo_down
