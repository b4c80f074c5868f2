#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 180
#
# L2TP over UDP to a server behind a port forward, which answers from another port
# than it was asked at: the public address is kept, both ways.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

plan 9
must modprobe nf_vpn_l2tp
topo_up 1 own nonat
r nft -f - <<-N
	table ip forward {
		chain pre {
			type nat hook prerouting priority dstnat;
			iifname "wan" udp dport 1701 dnat to $(client_ip 1)
		}
	}
N
must r nft insert rule ip filter forward ct status dnat accept
peers_up c1 s
ask listen c1 1701 >/dev/null
ask listen s 1701 >/dev/null
asked="c1 from=$SERVER:1701 SCCRQ conn=0/0 assigned=5"
is "without the rule: asked" "$(say s $WAN SCCRQ sport=1701 assigned=5)" "$asked"
is "without the rule: the answer has the wrong address" \
	"$(say c1 $SERVER SCCRP sport=5000 conn=5 assigned=9)" "s from=$(client_ip 1):5000 SCCRP conn=5/0 assigned=9"
must r conntrack -F
must helper_rule vpn-l2tp udp 1701
is "asked" "$(say s $WAN SCCRQ sport=1701 assigned=5)" "$asked"
is "answered from another port" \
	"$(say c1 $SERVER SCCRP sport=5000 conn=5 assigned=9)" "s from=$WAN:5000 SCCRP conn=5/0 assigned=9"
is "the client goes on there" \
	"$(say s $WAN SCCCN sport=1701 dport=5000 conn=9)" "c1 from=$SERVER:1701 SCCCN conn=9/0"
is "data out" "$(data c1 $SERVER 5/6 sport=5000)" "s from=$WAN:5000 id=5/6"
is "data in" "$(data s $WAN 9/8 sport=1701 dport=5000)" "c1 from=$SERVER:1701 id=9/8"
check "it is counted" [ "$(counted l2tp_other_port)" = 1 ]
peers_down
check "the namespaces are gone" topo_down
