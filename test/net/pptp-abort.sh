#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# Calls that do not come up (RFC 2637 2.8, 2.10, 2.12, 3.2.3, 3.2.4): every refusal,
# cleared before the answer, given up by the PAC, answered in another order, answered
# after more than the minute that section 3 gives a reply.
# Client 1 holds the IDs client 2 uses: an untranslated one would show.
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
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=3 net.netfilter.nf_vpn.pptp_quiet=1
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
control c1 k $SERVER
control c2 k $SERVER
is "client 1 takes the IDs" "$(p c1 calls k 1 30)" "30 up"
# only client 1's; the router may have an entry for what it got itself
settled() { wait_for 10 flows_are 60 && ! r conntrack -L -p gre 2>/dev/null | grep -q "src=$(client_ip 2) "; }

# refused, for each reason there is
for reason in 2 3 4 5 6 7; do
	p s result $reason >/dev/null
	p c2 call k $reason
done >"$TOPO_TMP/refusals"
is "six reasons not to make an outgoing call, as they were given" \
	"$(sed -E 's/^refused ocrp own=[0-9]+ peer=([0-9]+) result=([0-9]+)$/\1:\2/' "$TOPO_TMP/refusals" | xargs)" \
	"2:2 3:3 4:4 5:5 6:6 7:7"
for reason in 2 3; do
	p s result $reason >/dev/null
	p c2 call k $reason in
done >"$TOPO_TMP/refusals"
is "two reasons not to answer an incoming call" \
	"$(sed -E 's/^refused icrp own=[0-9]+ peer=([0-9]+) result=([0-9]+)$/\1:\2/' "$TOPO_TMP/refusals" | xargs)" \
	"2:2 3:3"
last=$(sed -nE 's/.* a2 < icrq own=//p' "$(log_of s)" | tail -n 1)
p s gre to=$WAN id="$last" seq=0 data=x >/dev/null
is "GRE to a call that was refused reaches nobody" "$(p c2 gwait 0.5)" nothing
check "nothing is left of them" settled

# cleared before it was answered: the PNS has only its own ID to name it by
p s auto sccrq >/dev/null
p s queue a2 >/dev/null
control c2 slow $SERVER
p s queue a3 >/dev/null
must p_ok c2 send slow ocrq own=7
asked=$(now_ms)
slow=$(p s wait a3 ocrq); slow=${slow#*own=}
must p_ok c2 send k ocrq own=5
ask=$(p s wait a2 ocrq); public=${ask#*own=}
check "a request that waits" test "$public" -gt 30
must p_ok c2 send k ccrq own=5
is "Call-Clear-Request before the answer names the same call" "$(p s wait a2 ccrq)" "ccrq own=$public"
# the PAC's ID, which it never named before: nobody's
must p_ok s send a2 cdn own=900
matches "Call-Disconnect-Notify in place of an answer" "$(p c2 wait k cdn)" "^cdn own=(900|65535)$"
# the answer was on its way already
must p_ok c2 send k ocrq own=6
ask=$(p s wait a2 ocrq); public=${ask#*own=}
must p_ok c2 send k ccrq own=6
is "cleared while the answer is on its way" "$(p s wait a2 ccrq)" "ccrq own=$public"
must p_ok s send a2 ocrp own=901 peer="$public" result=1 + cdn own=901
is "the answer" "$(p c2 wait k ocrp)" "ocrp own=901 peer=6 result=1"
is "and the end of it" "$(p c2 wait k cdn)" "cdn own=901"

# the PAC gives up, before the answer and after it
must p_ok c2 send k icrq own=11
ask=$(p s wait a2 icrq); public=${ask#*own=}
must p_ok c2 send k cdn own=11
is "given up before the answer: Disconnect-Notify names the same call" "$(p s wait a2 cdn)" "cdn own=$public"
up=$(counted pptp_call)
must p_ok s send a2 icrp own=902 peer="$public" result=1
is "the answer that comes too late" "$(p c2 wait k icrp)" "icrp own=902 peer=11 result=1"
is "makes no call" "$(counted pptp_call)" "$up"
must p_ok c2 send k icrq own=12
ask=$(p s wait a2 icrq); public=${ask#*own=}
must p_ok s send a2 icrp own=903 peer="$public" result=1
p c2 wait k icrp >/dev/null
must p_ok c2 send k cdn own=12
is "given up before it was connected" "$(p s wait a2 cdn)" "cdn own=$public"

# a line that is engaged is known sooner than one that is answered
must p_ok c2 send k ocrq own=13 + ocrq own=14
first=$(p s wait a2 ocrq); first=${first#*own=}
second=$(p s wait a2 ocrq); second=${second#*own=}
must p_ok s send a2 ocrp own=914 peer="$second" result=1 + ocrp own=913 peer="$first" result=1
is "answers in another order than the requests" "$(p c2 wait k ocrp), $(p c2 wait k ocrp)" \
	"ocrp own=914 peer=14 result=1, ocrp own=913 peer=13 result=1"
for n in "13 $first" "14 $second"; do
	p c2 know k "${n% *}" "9${n% *}" >/dev/null
	p s know a2 "9${n% *}" "${n#* }" >/dev/null
done
is "GRE in these two" "$(p c2 ping)" "sent 2 back 2 wrong 0"
must p_ok s send a2 cdn own=913 + cdn own=914

# before the control connection was started as section 2.1 asks
must p_ok c2 connect early $SERVER
must p_ok c2 send early ocrq own=1
ask=$(p s wait a4 ocrq)
check "a call without Start-Control-Connection: not with its own ID" test "${ask#*own=}" -gt 30
p c2 close early >/dev/null

while [ $(($(now_ms) - asked)) -lt 66000 ]; do sleep 1; done
must p_ok s send a3 ocrp own=907 peer="$slow" result=1
is "the answer after more than a minute" "$(p c2 wait slow ocrp)" "ocrp own=907 peer=7 result=1"
p c2 know slow 7 907 >/dev/null
p s know a3 907 "$slow" >/dev/null
p c2 forget k 13 >/dev/null
p c2 forget k 14 >/dev/null
is "makes a call like any other" "$(p c2 ping)" "sent 1 back 1 wrong 0"
is "client 1's calls live" "$(p c1 ping)" "sent 30 back 30 wrong 0"
is "nothing went astray" "$(p c1 wrong) $(p c2 wrong)" "0 0"
check "the namespaces are gone" topo_down
