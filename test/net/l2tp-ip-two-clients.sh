#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# arch: yes
# timeout: 240
#
# L2TP version 3 over IP: two clients behind one address, one server. Each client
# gets what is sent to the session ID it chose, also when both chose the same
# ones; without the mark nobody is helped, and the second client is lost.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

plan 41
must modprobe nf_vpn_passthrough
topo_up 2
peers_up c1 c2 s
is "without the mark: client 1 is on its own" "$(v3_tunnel c1 11 101)" "up 11"
is "without the mark: client 2 is lost" "$(say_lost c2 $SERVER SCCRQ assigned=12)" nobody
is "nothing was learned" "$(flows)" 0
r conntrack -F 2>/dev/null

must mark_rule
must r sysctl -qw net.netfilter.nf_vpn.l2tp_grace=1
is "client 1: control connection" "$(v3_tunnel c1 11 101)" "up 11"
is "client 2: control connection, from its first packet" "$(v3_tunnel c2 12 102)" "up 12"
is "client 1: session" "$(v3_session c1 1001 2001)" "up 1001"
is "client 2: session" "$(v3_session c2 1002 2002)" "up 1002"
is "data of client 1" "$(data c1 $SERVER 2001)" "s from=$WAN id=2001"
is "data of client 2" "$(data c2 $SERVER 2002)" "s from=$WAN id=2002"
is "data for client 1" "$(data s $WAN 1001)" "c1 from=$SERVER id=1001"
is "data for client 2" "$(data s $WAN 1002)" "c2 from=$SERVER id=1002"
is "HELLO to client 2" "$(say s $WAN HELLO conn=12)" "c2 from=$SERVER HELLO conn=12"
is "HELLO to client 1" "$(say s $WAN HELLO conn=11)" "c1 from=$SERVER HELLO conn=11"
is "an acknowledgement without AVPs" "$(say s $WAN ZLB conn=12)" "c2 from=$SERVER ZLB conn=12"
check_not "client 1 is where it was without us" grep zone= <<<"$(l2tp_entry 1)"
matches "client 2 has a zone of its own" "$(l2tp_entry 2)" 'zone=60000'
is "five flows each: requests, two control, two session" "$(flows)" 10
check "no ID was touched" [ "$(counted l2tp_rewritten)" = 0 ]

# the server begins a session; the client's answer names its ID
is "the server asks client 2" "$(say s $WAN ICRQ conn=12 local=2003 remote=0)" \
	"c2 from=$SERVER ICRQ conn=12 local=2003 remote=0"
is "which answers" "$(say c2 $SERVER ICRP conn=102 local=1003 remote=2003)" \
	"s from=$WAN ICRP conn=102 local=1003 remote=2003"
is "data for that session" "$(data s $WAN 1003)" "c2 from=$SERVER id=1003"

# client 2 chooses what client 1 has
seen=$(v3_session c2 1001 2004)
matches "both clients chose 1001" "$seen" "^up [0-9]+$"
seen=${seen#up }
check "the server knows the second one by another ID" [ "$seen" != 1001 ]
is "nfvpn list has both clients" "$(sessions protocol=l2tp-ip 'client server public zone state replied')" \
	"$(client_ip 1) $SERVER $WAN 0 up True
$(client_ip 2) $SERVER $WAN 60000 up True"
matches "and client 2's number, as it is on the wire and translated" "$(numbers "client=$(client_ip 2)" in | xargs)" "(^| )$seen>1001 exact"
is "data for it" "$(data s $WAN "$seen")" "c2 from=$SERVER id=1001"
is "data for the first" "$(data s $WAN 1001)" "c1 from=$SERVER id=1001"

# what is not acknowledged comes again (RFC 3931 4.2), large packets in fragments (4.1.4)
before=$(flows)
is "repeated, the request has the same ID" "$(say c2 $SERVER ICRQ conn=102 local=1001 remote=0)" \
	"s from=$WAN ICRQ conn=102 local=$seen remote=0"
is "and the answer" "$(say s $WAN ICRP conn=12 local=2004 remote="$seen")" "c2 from=$SERVER ICRP conn=12 local=2004 remote=1001"
is "so has the very first request" "$(say c2 $SERVER SCCRQ assigned=12)" "s from=$WAN SCCRQ conn=0 assigned=12"
is "no flow came of it" "$(flows)" "$before"
is "data in fragments" "$(data c2 $SERVER 2004 size=4000)" "s from=$WAN id=2004"
is "and back, the ID translated" "$(data s $WAN "$seen" size=4000)" "c2 from=$SERVER id=1001"
check "an idle session lives for many HELLOs" \
	[ "$(l2tp_entry 2 | awk '{ print $3 }')" -gt 3500 ]
is "WAN-Error-Notify about it names the client's ID" \
	"$(say s $WAN WEN conn=12 local=2004 remote="$seen")" "c2 from=$SERVER WEN conn=12 local=2004 remote=1001"
is "and that from the client the public one" \
	"$(say c2 $SERVER CDN conn=102 local=1001 remote=2004)" "s from=$WAN CDN conn=102 local=$seen remote=2004"
check "Call-Disconnect-Notify ended that session, and no other" wait_for 10 flows_are 7 "client=$(client_ip 2)"
ask_zero() { is "$1" "$(counted "$2")" 0; }
ask_zero "nothing was refused" l2tp_refused

# the end
say s $WAN STOPCCN conn=12 assigned=102 >/dev/null
check "Stop-Control-Connection ends all of client 2" wait_for 10 flows_are 0 "client=$(client_ip 2)"
check "and its entry" wait_for 10 not l2tp_entry 2
peers_down
check "the namespaces are gone" topo_down
