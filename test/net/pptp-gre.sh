#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# arch: yes
# timeout: 300
#
# Enhanced GRE (RFC 2637 4.1 to 4.3): whatever its header says about sequence and
# acknowledgment, with or without payload, in any order, arrives as it was sent, the
# call ID of a translated end apart. Call IDs at the ends of their range work.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 17
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
two_connected
p c1 call k 7 >/dev/null
is "a translated call" "$(p c2 call k 7)" "up own=7 peer=101"
public=$(p s wait a2 ocrq); public=${public#*own=}
check "really" test "$public" -ne 7

# an acknowledgment alone: no sequence number, no payload
must p_ok c2 gre to=$SERVER id=101 ack=9 data=
is "an acknowledgment alone, from the client" "$(p s gwait)" "gre from=$WAN id=101 ack=9 data="
must p_ok s gre to=$WAN id="$public" ack=8 data=
is "an acknowledgment alone, to the client" "$(p c2 gwait)" "gre from=$SERVER id=7 ack=8 data="
must p_ok c2 gre to=$SERVER id=101 seq=4294967295 ack=4294967294 data=p
is "sequence and acknowledgment, from the client" "$(p s gwait)" \
	"gre from=$WAN id=101 seq=4294967295 ack=4294967294 data=p"
must p_ok s gre to=$WAN id="$public" seq=4294967295 ack=4294967294 data=p
is "sequence and acknowledgment, to the client" "$(p c2 gwait)" \
	"gre from=$SERVER id=7 seq=4294967295 ack=4294967294 data=p"
# who receives them decides what to do with these
for n in 5 3 3 1; do
	must p_ok c2 gre to=$SERVER id=101 seq=$n data=x
	must p_ok s gre to=$WAN id="$public" seq=$n data=x
done
numbers() { for _ in 1 2 3 4; do p "$1" gwait; done | sed -E 's/.* seq=([0-9]+) .*/\1/' | xargs; }
is "out of sequence and twice, from the client" "$(numbers s)" "5 3 3 1"
is "out of sequence and twice, to the client" "$(numbers c2)" "5 3 3 1"
must p_ok s gre to=$WAN id="$public" seq=1 data=y times=1532
matches "a payload of 1532 octets" "$(p c2 gwait)" "^gre from=$SERVER id=7 seq=1 data=y{1532}$"

# the first and the last call ID
is "the client's ID 0" "$(p c2 call k 0)" "up own=0 peer=102"
is "the client's ID 65535" "$(p c2 call k 65535)" "up own=65535 peer=103"
check_not "which the server does not hear: it is no call's" grep -q '< ocrq own=65535$' "$(log_of s)"
p s ids 0 >/dev/null
is "the server's ID 0" "$(p c2 call k 8)" "up own=8 peer=0"
p s ids 65535 >/dev/null
answer=$(p c2 call k 9)
matches "the server's ID 65535" "$answer" "^up own=9 peer=[0-9]+$"
is "GRE in all five calls" "$(p c2 ping)" "sent 5 back 5 wrong 0"
is "nothing went astray" "$(p c1 wrong) $(p c2 wrong) $(p s wrong)" "0 0 0"
check "the namespaces are gone" topo_down
