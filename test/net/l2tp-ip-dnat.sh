#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# L2TP over IP to a server behind a port forward: two outside clients, which choose
# the same IDs, and a server that answers both and starts a session itself.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

plan 13
must modprobe nf_vpn_l2tp
topo_up 2
r nft -f - <<-N
	table ip forward {
		chain pre {
			type nat hook prerouting priority dstnat;
			iifname "wan" ip daddr $WAN ip protocol 115 dnat to $(client_ip 1)
		}
	}
N
must r nft insert rule ip filter forward ct status dnat accept
must mark_rule wan
must s ip addr add 203.0.113.3/24 dev eth0
peers_up c1 s o:s@203.0.113.3
is "client at $SERVER" "$(say s $WAN SCCRQ assigned=5)" "c1 from=$SERVER SCCRQ conn=0 assigned=5"
is "client at 203.0.113.3, the same ID" "$(say o $WAN SCCRQ assigned=5)" "c1 from=203.0.113.3 SCCRQ conn=0 assigned=5"
is "the server answers the first" "$(say c1 $SERVER SCCRP conn=5 assigned=50)" "s from=$WAN SCCRP conn=5 assigned=50"
is "and the second" "$(say c1 203.0.113.3 SCCRP conn=5 assigned=51)" "o from=$WAN SCCRP conn=5 assigned=51"
is "session of the first" "$(say s $WAN ICRQ conn=50 local=9 remote=0)" "c1 from=$SERVER ICRQ conn=50 local=9 remote=0"
is "answered" "$(say c1 $SERVER ICRP conn=5 local=90 remote=9)" "s from=$WAN ICRP conn=5 local=90 remote=9"
is "data in" "$(data s $WAN 90)" "c1 from=$SERVER id=90"
is "data out" "$(data c1 $SERVER 9)" "s from=$WAN id=9"
is "the server begins a session with the second" "$(say c1 203.0.113.3 ICRQ conn=5 local=91)" "o from=$WAN ICRQ conn=5 local=91"
is "which answers" "$(say o $WAN ICRP conn=51 local=8 remote=91)" "c1 from=203.0.113.3 ICRP conn=51 local=8 remote=91"
is "data in" "$(data o $WAN 91)" "c1 from=203.0.113.3 id=91"
is "no ID was touched" "$(counted l2tp_rewritten)" 0
peers_down
check "the namespaces are gone" topo_down
