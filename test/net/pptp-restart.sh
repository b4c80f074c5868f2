#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# A control connection that starts anew releases all call IDs (RFC 2637 3.2.1): the
# same pair of IDs is a new call then, whether the old connection was ended or just
# forgotten. And connections that both ends open at once (3.1.3).
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 18
must modprobe nf_vpn_passthrough
topo_up 1
must helper_rule vpn-pptp tcp 1723
must r sysctl -qw net.netfilter.nf_vpn.pptp_quiet=1
peer_up s s listen
peer_up c1 c1
p s ids 100 >/dev/null
control c1 k $SERVER
is "a call" "$(p c1 call k 7)" "up own=7 peer=100"
is "its GRE" "$(p c1 ping)" "sent 1 back 1 wrong 0"
# RFC 5382 REQ-5: 2 h 4 min; keep-alives are sent after a minute (3.1.4)
idle() { r conntrack -L -p tcp --dport 1723 2>/dev/null | awk '/ESTABLISHED/ { print $3 }' | sort -n | head -n 1; }
check "the control connection may be idle for more than two hours" test "$(idle)" -gt 7440

# both ends have started anew, and the router has not heard of it
control c1 l $SERVER
p s ids 100 >/dev/null
is "a new connection, the same IDs" "$(p c1 call l 7)" "up own=7 peer=100"
p c1 forget k 7 >/dev/null
p s forget a1 100 >/dev/null
is "GRE in the new call" "$(p c1 ping)" "sent 1 back 1 wrong 0"
# shellcheck disable=SC2119 # its argument may be left out
check "the old call is over" wait_for 5 flows_are 2
# shellcheck disable=SC2119
is "conntrack has the new one" "$(gre_entries)" 1

# reset, and back at once: the old call is in its grace time
p c1 reset l >/dev/null
p s forget a2 100 >/dev/null
control c1 m $SERVER
p s ids 100 >/dev/null
is "after a reset, at once, the same IDs" "$(p c1 call m 7)" "up own=7 peer=100"
is "GRE after a reset" "$(p c1 ping)" "sent 1 back 1 wrong 0"
check "the call before is over" wait_for 15 flows_are 2
is "the new one has not gone with it" "$(p c1 ping)" "sent 1 back 1 wrong 0"

# both ends open a connection; the higher address wins, the other one closes its own
r nft -f - <<-N
	table ip nat {
		chain pre {
			type nat hook prerouting priority dstnat;
			iifname "wan" tcp dport 1723 dnat to $(client_ip 1)
		}
	}
N
must r nft insert rule ip filter forward ct status dnat accept
must p_ok c1 listen
p c1 ids 300 >/dev/null
p s auto ocrq echorq >/dev/null
must p_ok c1 connect loser $SERVER
must p_ok s connect winner $WAN
must p_ok c1 send loser sccrq
must p_ok s send winner sccrq
is "the winner's request is answered" "$(p s wait winner sccrp)" sccrp
losers=$(last_accepted s)
is "the loser's has arrived" "$(p s wait "$losers" sccrq)" sccrq
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=1
p c1 close loser >/dev/null
is "the loser closes its own" "$(p s gone "$losers")" closed
# longer than the grace time: calls that ended with it would be gone
p c1 gwait 4 >/dev/null
is "a call on the winner's" "$(p s call winner 3000)" "up own=3000 peer=300"
is "GRE in it, and in the older call" "$(p s ping winner), $(p c1 ping m)" \
	"sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
winners=$(last_accepted c1)
must p_ok s send winner stopccrq
is "Stop-Control-Connection begun by the other end" \
	"$(p c1 wait "$winners" stopccrq), $(p s wait winner stopccrp)" "stopccrq, stopccrp result=1"
check "the namespaces are gone" topo_down
