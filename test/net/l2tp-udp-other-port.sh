#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# arch: yes
# timeout: 240
#
# RFC 2661 8.1: the server may answer from another port than it was asked at. With
# the rule its answer finds the client, and only its answer; without, it is lost.
# The tunnels are seen in /proc, and an idle one outlives HELLO's interval.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

plan 36
must modprobe nf_vpn_passthrough
topo_up 2
must s ip addr add 203.0.113.9/24 dev eth0
peers_up c1 c2 s o:s@203.0.113.9
ask listen s 1701 >/dev/null
ask listen s 5000 >/dev/null
# ask2 C TUNNEL: the client's request; prints what the server saw
ask2() { say "$1" $SERVER SCCRQ sport=1701 assigned="$2"; }
port_of() { sed -nE "s/^s from=$WAN:([0-9]+) .*/\1/p" <<<"$1"; }
is "without the rule: asked" "$(ask2 c1 5)" "s from=$WAN:1701 SCCRQ conn=0/0 assigned=5"
is "without the rule: an answer from port 5000 is lost" \
	"$(say_lost s $WAN SCCRP sport=5000 dport=1701 conn=5 assigned=9)" nobody
is "without the rule: from port 1701 it is not" \
	"$(say s $WAN SCCRP sport=1701 dport=1701 conn=5 assigned=9)" "c1 from=$SERVER:1701 SCCRP conn=5/0 assigned=9"
is "without the rule: nothing is known" "$(flows)" 0
must r conntrack -F

must helper_rule vpn-l2tp udp 1701
is "client 1 asks" "$(ask2 c1 5)" "s from=$WAN:1701 SCCRQ conn=0/0 assigned=5"
is "another host cannot answer it" "$(say_lost o $WAN SCCRP sport=1701 dport=1701 conn=5 assigned=9)" nobody
is "nor the server at another port of ours" "$(say_lost s $WAN SCCRP sport=5000 dport=1702 conn=5 assigned=9)" nobody
is "the server from port 5000 can" \
	"$(say s $WAN SCCRP sport=5000 dport=1701 conn=5 assigned=9)" "c1 from=$SERVER:5000 SCCRP conn=5/0 assigned=9"
is "the client goes on there" \
	"$(say c1 $SERVER SCCCN sport=1701 dport=5000 conn=9)" "s from=$WAN:1701 SCCCN conn=9/0"
is "and asks for a session" \
	"$(say c1 $SERVER ICRQ sport=1701 dport=5000 conn=9 local=50)" "s from=$WAN:1701 ICRQ conn=9/0 local=50"
is "which it gets" \
	"$(say s $WAN ICRP sport=5000 dport=1701 conn=5/50 local=90)" "c1 from=$SERVER:5000 ICRP conn=5/50 local=90"
is "data out" "$(data c1 $SERVER 9/90 sport=1701 dport=5000)" "s from=$WAN:1701 id=9/90"
is "data in" "$(data s $WAN 5/50 sport=5000 dport=1701)" "c1 from=$SERVER:5000 id=5/50"
check "it is counted" [ "$(counted l2tp_other_port)" = 1 ]
matches "tunnel and session are seen" "$(tunnels 1)" "session=50/90 tunnel=5/9"
is "a third port of the server is nobody's" "$(data_lost s $WAN 5/50 sport=5001 dport=1701)" nobody

# the second client has another public port, and the same IDs
seen=$(ask2 c2 5)
port=$(port_of "$seen")
matches "client 2 asks, from another port" "$seen" "^s from=$WAN:[0-9]+ SCCRQ conn=0/0 assigned=5$"
check "really" [ "$port" != 1701 ]
is "answered from port 5000" \
	"$(say s $WAN SCCRP sport=5000 dport="$port" conn=5 assigned=10)" "c2 from=$SERVER:5000 SCCRP conn=5/0 assigned=10"
is "it goes on" "$(say c2 $SERVER SCCCN sport=1701 dport=5000 conn=10)" "s from=$WAN:$port SCCCN conn=10/0"
is "said twice, it changes nothing" "$(say c2 $SERVER SCCCN sport=1701 dport=5000 conn=10)" "s from=$WAN:$port SCCCN conn=10/0"
is "the server's HELLO" "$(say s $WAN HELLO sport=5000 dport="$port" conn=5)" "c2 from=$SERVER:5000 HELLO conn=5/0"
is "client 1 is untouched" "$(data s $WAN 5/50 sport=5000 dport=1701)" "c1 from=$SERVER:5000 id=5/50"
is "two tunnels are seen" "$(tunnels 2)" "tunnel=5/10"
is "nfvpn list has them, with their ports" \
	"$(sessions protocol=l2tp-udp 'client server public client-port server-port public-port state')" \
	"$(client_ip 1) $SERVER $WAN 1701 5000 1701 up
$(client_ip 2) $SERVER $WAN 1701 5000 $port up"
is "and numbers" "$(numbers "client=$(client_ip 1)" in | xargs), $(numbers "client=$(client_ip 2)" out)" "50>50 exact 5>5 exact, 10>10 exact"
check "an idle tunnel lives for more than two HELLOs" \
	[ "$(r conntrack -L -p udp --orig-port-src 5000 2>/dev/null | sed -nE '/UNREPLIED/!s/^udp +17 ([0-9]+) .*/\1/p' | sort -n | head -n 1)" -gt 300 ]

# the usual way: answered from 1701, no other answer is waited for
must r conntrack -F
seen() { [ "$(tunnels 1)" = "$1" ]; }
ask2 c1 6 >/dev/null
is "waiting for the answer" "$(r conntrack -L expect 2>/dev/null | wc -l)" 1
is "from 1701" "$(say s $WAN SCCRP sport=1701 dport=1701 conn=6 assigned=11)" "c1 from=$SERVER:1701 SCCRP conn=6/0 assigned=11"
is "no longer" "$(r conntrack -L expect 2>/dev/null | wc -l)" 0
check "seen, and the one before it no more" wait_for 10 seen "tunnel=6/11"

# what is hidden or broken passes and is counted
is "hidden IDs pass" "$(say c1 $SERVER ICRQ sport=1701 conn=11 local=51 hide=local)" "s from=$WAN:1701 ICRQ conn=11/0"
is "broken messages pass" "$(say c1 $SERVER X sport=1701 hex=c802000b0000000000000000 | cut -d' ' -f1)" s
say c1 $SERVER X sport=1701 hex=ffffffffffff >/dev/null
is "all are counted" "$(counted l2tp_veiled) $(counted l2tp_bad) $(counted l2tp_not_l2tp)" "1 1 1"
# a client gets no more than its share, and its datagrams pass nevertheless
must r sysctl -qw net.netfilter.nf_vpn.max_per_client=20
ask flood s $WAN 100 type=ICRQ what=local conn=6 sport=1701 dport=1701 >/dev/null
check "what is kept for a client is limited" [ "$(counted client_limit)" -gt 50 ]
peers_down
check "the namespaces are gone" topo_down
