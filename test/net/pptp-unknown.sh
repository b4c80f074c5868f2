#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# Messages about calls that do not exist, or not for this end: no state, and never
# the ID of somebody else's call. And a call that nobody asked for.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 15
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
two_connected
p c1 call k 7 >/dev/null
is "client 2's call" "$(p c2 call k 7)" "up own=7 peer=101"
public=$(p s wait a2 ocrq); public=${public#*own=}

# from inside: client 2 names IDs that are its own nowhere, but client 1's outside
for id in 100 "$public" 65535; do must p_ok c2 send k ccrq own="$id"; done
must p_ok c2 send k cdn own=100 + cdn own="$public" + echorq id=1
p s wait a2 echorq >/dev/null
seen=$(sed -nE 's/.* a2 < (ccrq|cdn) own=//p' "$(log_of s)")
is "five messages have come" "$(wc -l <<<"$seen")" 5
check_not "none has client 1's ID or the one of client 2's own call" grep -qxE "7|$public" <<<"$seen"
p s queue a2 >/dev/null

# from outside: the server names client 1's ID to client 2, and others
p c2 queue k >/dev/null
must p_ok s send a2 wen peer=7 + sli peer=7 + iccn peer=7 + wen peer=0 + wen peer=65535 + echorq id=2
p c2 wait k echorq >/dev/null
seen=$(p c2 queue k)
is "five messages have come" "$(wc -l <<<"$seen")" 5
check_not "none names client 2's own call" grep -qE "peer=7$" <<<"$seen"

# answers to what nobody asked
before=$(counted pptp_unknown_id)
p s auto sccrq echorq >/dev/null
must p_ok s send a2 ocrp own=500 peer=7 result=1 + icrp own=501 peer=7 result=1 + echorq id=3
p c2 wait k echorq >/dev/null
seen=$(p c2 queue k)
is "two answers have come" "$(wc -l <<<"$seen")" 2
check_not "neither names client 2's own call" grep -qE " peer=7 " <<<"$seen"
check "they were counted" counted_above pptp_unknown_id "$before"
is "no state was made" "$(flows) $(gre_entries)" "4 2"

# a second answer, with another ID, to a request that was answered
must p_ok s send a2 ocrp own=777 peer="$public" result=1
matches "a second answer names the call" "$(p c2 wait k ocrp)" "peer=7 result=1$"
is "and makes no state" "$(flows) $(gre_entries)" "4 2"
# the asking end cannot answer itself
must p_ok c2 send k ocrq own=8
ask=$(p s wait a2 ocrq)
must p_ok c2 send k ocrp own=600 peer=8 result=1 + ocrp own=601 peer="${ask#*own=}" result=1 + echorq id=4
p s wait a2 echorq >/dev/null
is "the asking end cannot answer itself" "$(counted pptp_call)" 2
# a refused call
must p_ok s send a2 ocrp own=0 peer="${ask#*own=}" result=2
is "a refusal reaches the client" "$(p c2 wait k ocrp)" "ocrp own=0 peer=8 result=2"
is "the calls live" "$(p c1 ping), $(p c2 ping)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
check "the namespaces are gone" topo_down
