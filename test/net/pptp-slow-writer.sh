#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# Writers that send the head of a message in pieces and cannot send the second
# piece before the first is acknowledged: Nagle's algorithm (on by default), a small
# congestion window. The message must come through, translated.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 9
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
control c1 k $SERVER
control c2 k $SERVER
p c1 call k 7 >/dev/null
p s auto sccrq >/dev/null

p c2 nagle k >/dev/null
must p_ok c2 send k ocrq own=7 cut=12
ask=$(p s wait a2 ocrq 4)
matches "Nagle, header and body written apart" "$ask" '^ocrq own=[0-9]+$'
check "translated" test "${ask#*own=}" != 7
# so late that the first piece has been repeated and the sender is in loss recovery
must p_ok c2 send k sli peer=1 + cdn own=7 cut=36 gap=900
is "Nagle, header and body 0.9 s apart: the message before it" "$(p s wait a2 sli 4)" "sli peer=65535"
is "Nagle, header and body 0.9 s apart" "$(p s wait a2 cdn 4)" "cdn own=${ask#*own=}"
must p_ok c2 send k echorq id=4 cut=8
is "Nagle, the header itself in two" "$(p s wait a2 echorq 4)" "echorq id=4"
must p_ok c2 send k ccrq own=7 cut=13
is "Nagle, cut inside the ID" "$(p s wait a2 ccrq 4)" "ccrq own=${ask#*own=}"

# without Nagle, an octet every few milliseconds: the window of 10 is used up
must p_ok s send a1 wen peer=7 + echorq id=8 cut=each gap=3
is "octet by octet, slowly" "$(p c1 wait k wen 4)" "wen peer=7"
# more than a segment; what is trimmed off cannot be joined with the next, full one
p s auto >/dev/null
# A debug kernel may take longer than the sender waits: what came three times with
# nothing behind it passes as no call's, and the peer stops there.
burst=$(p c1 calls k 1000 400 t=20)
[ "${NF_VPN_SLOWER:-1}" = 1 ] || [ "$(counted pptp_lost)" = 0 ] ||
	burst=$(sed -E 's/^[0-9]+ up, then ocrp own=65535 .*/400 up/' <<<"$burst")
is "a burst of 400 requests" "$burst" "400 up"
check "the namespaces are gone" topo_down
