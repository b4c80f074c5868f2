#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# arch: yes
# timeout: 240
#
# Two clients use the same call ID towards one server: the first keeps its own,
# the second's is rewritten, and GRE reaches each with the ID it knows. The
# tunnels are RELATED to their control connections and known by the helper's
# name. Without the rule the second call shares the first one's number and loses.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 20
must modprobe nf_vpn_passthrough
topo_up 2
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
# what the forward rules will see of GRE
r nft -f - <<-'N'
	table ip seen {
		chain forward {
			type filter hook forward priority filter - 1;
			meta l4proto gre ct state related counter comment "related"
			meta l4proto gre ct state new counter comment "new"
			meta l4proto gre ct helper "vpn-pptp" counter comment "helper"
		}
	}
N
seen() { r nft list table ip seen | sed -nE "s/.*packets ([0-9]+) .*comment \"$1\"/\1/p"; }

# control: no rule gives the connection to the helper
control c1 k $SERVER
control c2 k $SERVER
is "without the rule: first call" "$(p c1 call k 7)" "up own=7 peer=1"
is "without the rule: second call" "$(p c2 call k 7)" "up own=7 peer=2"
is "without the rule both reach the server with the same ID" "$(p s wait a2 ocrq)" "ocrq own=7"
p c1 ping t=1 >/dev/null
check_not "without the rule one client at least hears nothing" \
	test "$(p c2 ping t=1)" = "sent 1 back 1 wrong 0"
for c in c1 c2; do p $c close k >/dev/null; done
r conntrack -F 2>/dev/null

before=$(seen new)
must helper_rule vpn-pptp tcp 1723
p s ids 100 >/dev/null
control c1 k $SERVER
control c2 k $SERVER
is "first call" "$(p c1 call k 7)" "up own=7 peer=100"
is "the first keeps its ID" "$(p s wait a3 ocrq)" "ocrq own=7"
is "second call" "$(p c2 call k 7)" "up own=7 peer=101"
matches "the second has another one at the server" "$(p s wait a4 ocrq)" "^ocrq own=[0-9]+$"
check_not "really another one" grep -q 'a4 < ocrq own=7$' "$(log_of s)"
p c1 gre to=$SERVER id=100 seq=0 data=first >/dev/null
is "GRE of client 1 arrives as it was sent" "$(p s gwait)" "gre from=$WAN id=100 seq=0 data=first"
check "the first packet is RELATED" test "$(seen related)" -eq 1
is "client 1: GRE both ways" "$(p c1 ping)" "sent 1 back 1 wrong 0"
is "client 2: GRE both ways" "$(p c2 ping)" "sent 1 back 1 wrong 0"
is "nobody got the other one's" "$(p c1 wrong)$(p c2 wrong)$(p s wrong)" 000
p s gre to=$WAN id=7 seq=4000000000 ack=5 data=server-first >/dev/null
is "from the server, sequence and ack untouched" "$(p c1 gwait)" \
	"gre from=$SERVER id=7 seq=4000000000 ack=5 data=server-first"
is "no GRE packet was NEW since the rule was there" "$(seen new)" "$before"
check "the tunnels have their helper's name" test "$(seen helper)" -ge 6
is "conntrack has both" "$(gre_entries)" 2
is "no expectation is used" "$(r conntrack -L expect 2>/dev/null | wc -l)" 0
check "the namespaces are gone" topo_down
