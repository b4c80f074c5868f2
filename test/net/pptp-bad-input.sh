#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# Octets that are not PPTP, PPTP with wrong lengths, broken TCP and GRE, fragments:
# passed on as they are or ignored, counted by name, never state; and the calls of
# everybody else go on.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 23
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
two_connected
p c1 call k 7 >/dev/null
is "a call to be left in peace" "$(p c2 call k 7)" "up own=7 peer=101"

# garbage as the first octets
must p_ok c1 connect g $SERVER
must p_ok c1 raw g 00ff00ff00ff00ff00ff00ff00ff
is "garbage goes through" "$(p s octets a3 14)" 00ff00ff00ff00ff00ff00ff00ff
check "and is counted" counted_is pptp_not_pptp 1

# a good start, then something wrong; what follows is left alone
p s auto sccrq >/dev/null
heard() { grep -qE " $1 (garbage|< (ocrq|type))" "$(log_of s)"; }
n=3
for wrong in magic=0x1a2b3c4e kind=2 type=16 type=0 len=13 len=5000; do
	n=$((n + 1))
	control c2 "b$n" $SERVER
	must p_ok c2 send "b$n" ocrq own=7 "$wrong"
	wait_for 5 heard "a$n" || true
	p s queue "a$n" >"$TOPO_TMP/wrong"
	check "$wrong: goes through, its ID as it was" grep -qE "own=7|0007|type(16|0)|^ocrq len=13" "$TOPO_TMP/wrong"
done
is "each is counted" "$(counted pptp_not_pptp)" 7
# shellcheck disable=SC2119 # its argument may be left out
is "none made state" "$(flows) $(gre_entries)" "4 2"

# an unusual length that can hold the message is believed
control c2 o $SERVER
must p_ok c2 send o ocrq own=7 len=200
matches "200 octets of Outgoing-Call-Request: translated" "$(p s wait a10 ocrq)" "^ocrq own=[0-9]+ len=200$"
check_not "really" grep -q 'own=7 len=200' "$(log_of s)"

# TCP: header cut short, header longer than the packet
was=$(flows)
must p_ok c2 inject k 00 doff=3
must p_ok c2 inject k 00 doff=15
must p_ok c2 send k echorq id=3
is "the connection lives on" "$(p s wait a2 echorq)" "echorq id=3"
is "no state" "$(flows)" "$was"

# GRE
gre() { must p_ok c2 gre to=$SERVER "hex=$1"; }
gre 3001880b			# cut short
gre 3001
gre 2000880b0000006500		# version 0
gre 0001880b00000065		# no key
gre a001880b00000065		# checksum
gre 6001880b00000065		# routing
gre 3001080000000065		# another protocol inside
check "GRE cut short is counted" counted_above truncated 0
is "GRE that is not PPTP's is counted" "$(counted gre_other)" 5
gre 3001880b0000fffe00000000	# nobody's
check "GRE of an unknown call is counted" counted_above gre_unknown 0
p s wrong >/dev/null
for _ in 1 2 3 4 5 6 7 8 9; do p s gwait 0.1; done >/dev/null
must p_ok c2 gre to=$SERVER id=101 seq=9 data=abcd times=800
matches "3200 octets in fragments arrive" "$(p s gwait)" "^gre from=$WAN id=101 seq=9 data=(abcd){800}$"
p s gre to=$WAN "id=$(sed -nE 's/.* a2 < ocrq own=//p' "$(log_of s)")" seq=9 data=abcd times=800 >/dev/null
matches "and back, the ID translated" "$(p c2 gwait)" "^gre from=$SERVER id=7 seq=9 data=(abcd){800}$"
is "the calls went on" "$(p c1 ping k), $(p c2 ping k)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
is "no state of it all" "$(flows up)" 4
check "the namespaces are gone" topo_down
