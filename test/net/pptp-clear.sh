#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 240
#
# How calls end and what is said about them while they live: whose ID a message
# carries decides whether it is translated (RFC 2637 2.12 to 2.15). The server's
# own ID is chosen equal to the public ID of the client's end, so that a NAT
# which translates the wrong one is caught (the in-tree helper is, in 2.13).
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 31
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=2 net.netfilter.nf_vpn.pptp_quiet=2
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
control c1 k $SERVER
control c2 k $SERVER
p s ids 100 >/dev/null
must grep -q up <(p c1 call k 7)

# client 2 asks for call 7, too; learn its public ID, then answer with the same
p s auto sccrq echorq stopccrq >/dev/null
must p_ok c2 send k ocrq own=7
ask=$(p s wait a2 ocrq)
public=${ask#*own=}
check "client 2's ID is another one outside" test "$public" -ne 7
must p_ok s send a2 ocrp own="$public" peer="$public" result=1
is "the answer: the client's ID is its own, the server's untouched" "$(p c2 wait k ocrp)" \
	"ocrp own=$public peer=7 result=1"
p c2 know k 7 "$public" >/dev/null
p s know a2 "$public" "$public" >/dev/null
is "GRE in that call" "$(p c2 ping)" "sent 1 back 1 wrong 0"

must p_ok s send a2 wen peer="$public" + sli peer="$public" + echorq id=77
is "WAN-Error-Notify names the receiver's ID" "$(p c2 wait k wen)" "wen peer=7"
is "Set-Link-Info names the receiver's ID" "$(p c2 wait k sli)" "sli peer=7"
is "Echo-Request has none" "$(p c2 wait k echorq)" "echorq id=77"
must p_ok c2 send k echorp id=77 + sli peer="$public" + wen peer="$public" + echorq id=7
is "Echo-Reply" "$(p s wait a2 echorp)" "echorp id=77"
is "Set-Link-Info to the server keeps the server's ID" "$(p s wait a2 sli)" "sli peer=$public"
is "WAN-Error-Notify to the server as well" "$(p s wait a2 wen)" "wen peer=$public"
is "Echo from the client" "$(p c2 wait k echorp)" "echorp id=7"
must p_ok s send a2 cdn own="$public"
is "Call-Disconnect-Notify carries the PAC's own ID: untouched" "$(p c2 wait k cdn)" "cdn own=$public"
check "the call is over after the grace time" wait_for 8 flows_are 2
# shellcheck disable=SC2119 # its argument may be left out
is "its GRE entry is gone" "$(gre_entries)" 1
is "GRE of the dead call is the server's no more" "$(p c2 ping t=1)" "sent 1 back 0 wrong $(strays 1)"
p c2 forget k 7 >/dev/null
is "client 1's call lives" "$(p c1 ping)" "sent 1 back 1 wrong 0"

# Call-Clear-Request carries the PNS's own; used again right after
p s auto >/dev/null
p s ids 200 >/dev/null
must grep -q 'own=7 peer=200' <(p c2 call k 7)
public=$(p s wait a2 ocrq); public=${public#*own=}
p c2 forget k 7 >/dev/null
must p_ok c2 send k ccrq own=7
is "Call-Clear-Request carries the PNS's own ID: translated" "$(p s wait a2 ccrq)" "ccrq own=$public"
is "Call-Disconnect-Notify in answer" "$(p c2 wait k cdn)" "cdn own=200"
is "the same ID again, at once: a new call" "$(p c2 call k 7)" "up own=7 peer=201"
again=$(p s wait a2 ocrq)
check "with a public ID that was not in use just now" test "${again#*own=}" -ne "$public"
is "GRE in the new call" "$(p c2 ping)" "sent 1 back 1 wrong 0"

# the PAC is the translated end: its own ID in Disconnect-Notify is translated
is "client 2 as PAC" "$(p c2 call k 8 in)" "up own=8 peer=202"
is "client 1 as PAC, same ID" "$(p c1 call k 8 in)" "up own=8 peer=203"
public=$(p s wait a1 icrq); public=${public#*own=}
must p_ok c1 send k cdn own=8
is "Call-Disconnect-Notify of the translated end" "$(p s wait a1 cdn)" "cdn own=$public"
p c1 forget k 8 >/dev/null

# the ways a control connection ends; client 1: 1 call, client 2: 2
p s auto sccrq echorq >/dev/null
must p_ok c1 send k stopccrq
is "Stop-Control-Connection-Request" "$(p s wait a1 stopccrq)" "stopccrq"
must p_ok s send a1 stopccrp result=2
is "the server does not want to" "$(p c1 wait k stopccrp)" "stopccrp result=2"
sleep 4
is "its call lives, longer than the grace time" "$(p c1 ping)" "sent 1 back 1 wrong 0"
p s auto >/dev/null
must p_ok c1 send k stopccrq
is "Stop-Control-Connection is answered" "$(p c1 wait k stopccrp)" "stopccrp result=1"
check "its calls end, though TCP does not" wait_for 15 flows_are 4
p c1 close k >/dev/null
p c2 reset k >/dev/null
check "reset: its calls end" wait_for 10 flows_are 0
control c1 k $SERVER
p c1 call k 7 >/dev/null
must r conntrack -D -p tcp --dport 1723
check "conntrack -D: its calls end" wait_for 10 flows_are 0
check "the namespaces are gone" topo_down
