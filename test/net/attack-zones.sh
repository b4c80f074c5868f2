#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# The range of zones is used up (zone_count=1): who comes last is refused, by a counter's
# name, and nobody else notices. Nor can a client use it up by talking to many servers: a
# zone is taken per server. When a tunnel ends, its zone is the next one's.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

# Another server behind the first: t, 203.0.113.3, by another cable.
OTHER=203.0.113.3
other_server() {
	ns_add t && link s int t eth0 && address s int 10.0.9.1/24 && address t eth0 10.0.9.2/24 &&
		ip -n "$(ns_name t)" addr add $OTHER/32 dev lo &&
		in_ns t ip route add default via 10.0.9.1 src $OTHER &&
		s ip route add $OTHER/32 via 10.0.9.2 && s sysctl -qw net.ipv4.ip_forward=1 &&
		r ip route add $OTHER/32 via $SERVER
}
zones() { r conntrack -L -p 50 2>/dev/null | grep -oE 'zone=[0-9]+' | sort | uniq -c | xargs; }
sets_up() { # CLIENT SERVER ADDRESS OUT IN
	meet "$1" "$2" >/dev/null
	settle "$1" "$2" "$4" "$5"
	echo "$(deliver "$1" "$3" "$4" 700) $(deliver "$2" $WAN "$5" 700)"
}

plan 17
topo_up 3
must other_server
must sessions_rules
must r sysctl -qw net.netfilter.nf_vpn.zone_count=1
peers_start c1 c2 s c3 t@$OTHER
sessions_up
is "the second has the only zone" "$(zones)" "1 zone=60000"
is "client 1 has a tunnel to another server" "$(sets_up c1 t $OTHER 0x1011 0x2011)" "t $WAN c1 $OTHER"
is "client 2 as well" "$(sets_up c2 t $OTHER 0x1012 0x2012)" "t $WAN c2 $OTHER"
is "with the same zone" "$(zones)" "2 zone=60000"
is "none was missing" "$(counted zone_full)" 0

matches "client 3 exchanges keys" "$(meet c3 s)" "^$WAN:"
is "it is refused" "$(deliver_lost c3 $SERVER 0x1003 1)" nobody
check "by name" [ "$(counted zone_full)" -gt 0 ]
for i in 2 3 4 5 6; do ask esp c3 $SERVER 0x100300$i 1 >/dev/null; done
is "however often it tries there is no flow of it" "$(r grep -c "client=$(client_ip 3)" /proc/net/nf_vpn/flows)" 0
is "the others go on" "$(carried)" "$ALL"
peer_up c3 c3
control c3 k $SERVER
is "a call of client 3 needs no zone" "$(p c3 call k 7 | cut -d' ' -f1,2)" "up own=7"
is "and carries" "$(p c3 ping k)" "sent 1 back 1 wrong 0"
p c3 close k >/dev/null

must r conntrack -D -s "$(client_ip 2)" -p 17 >/dev/null
must r conntrack -D -s "$(client_ip 2)" -p 50 >/dev/null
freed() { [ "$(deliver_lost c3 $SERVER 0x1003 "$(now_ms)")" = "s $WAN" ]; }
check "client 2's tunnel ends: client 3 has its zone" wait_for 20 freed
sessions_down
check "the namespaces are gone" topo_down
