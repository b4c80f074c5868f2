#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# `notrack` in the raw table is the admin's word: GRE, ESP and the control connections
# of client 2 untracked pass as they are, nothing is made or translated for them, the
# rules see them as untracked. Client 1 beside it has its tunnels.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

plan 15
topo_up 2
must sessions_rules
peers_start c1 c2 s
sessions_up
is "all carry" "$(carried)" "$ALL"

# without NAT the server must know the way back
must s ip route add 192.168.2.0/24 via $WAN
must r nft -f - <<-'N'
	table ip raw {
		chain pre {
			type filter hook prerouting priority raw;
			ip saddr 192.168.2.2 notrack
			ip daddr 192.168.2.2 notrack
		}
	}
	insert rule ip filter forward ct state untracked counter accept comment "untracked"
N
attached=$(counted attached) messages=$(counted pptp_message) ike=$(counted ike_message)
is "its ESP passes as it is, though its flow is there" "$(deliver c2 $SERVER 0x1002 9)" "s 192.168.2.2"
is "and the server's to it" "$(deliver s 192.168.2.2 0x2002 9)" "c2 $SERVER"
# an entry may go with the one it belongs to, before its turn: an error, for conntrack
forgotten() {
	r conntrack -D -s 192.168.2.2 >/dev/null 2>&1
	[ "$(r conntrack -L 2>/dev/null | grep -c '192\.168\.2\.2')" = 0 ]
}
must wait_for 10 forgotten
is "its IKE" "$(meet c2 s)" "192.168.2.2:500"
control c2 u $SERVER
is "its control connection: the call ID as it is" "$(p c2 call u 7 | cut -d' ' -f1,2)" "up own=7"
is "at the server, too" "$(p s queue "$(last_accepted s)" | grep -c '^ocrq own=7')" 1
is "its GRE" "$(p c2 ping u)" "sent 1 back 1 wrong 0"
is "nothing of all that was read or attached" \
	"$(counted pptp_message) $(counted ike_message) $(counted attached)" "$messages $ike $attached"
is "and conntrack knows nothing" "$(r conntrack -L 2>/dev/null | grep -c '192\.168\.2\.2')" 0
check "the rules count it as untracked" [ "$(r nft list chain ip filter forward | sed -nE 's/.*untracked counter packets ([0-9]+).*/\1/p')" -ge 14 ]
is "client 1 goes on" "$(carries 1)" "gre out in"
sessions_down
check "the namespaces are gone" topo_down
