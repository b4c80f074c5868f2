#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 240
#
# An L2TP server that takes packets from port 1701 only. By default the second
# client's port is moved, and it is not answered. With l2tp_port_1701=1 both have 1701,
# also when they chose the same Tunnel ID: what the server sends is told apart by it,
# translated where it has to be. A tunnel that the server begins goes to the first.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

# from client K, from the server to the public port 1701: TYPE [OPTIONS]
asks() { say "c$1" "$SERVER" "${@:2}" sport=1701; }
tells() { say s "$WAN" "$@" sport=1701 dport=1701; }
# tunnel K ID SERVER'S: brought up, prints what the client is called there
tunnel() {
	local seen
	seen=$(value assigned "$(asks "$1" SCCRQ assigned="$2" "${@:4}")")
	[ "$(tells SCCRP conn="$seen" assigned="$3")" = "c$1 from=$SERVER:1701 SCCRP conn=$2/0 assigned=$3" ] || { echo "no SCCRP"; return; }
	[ "$(asks "$1" SCCCN conn="$3")" = "s from=$WAN:1701 SCCCN conn=$3/0" ] || { echo "no SCCCN"; return; }
	echo "$seen"
}

plan 35
must modprobe nf_vpn_passthrough
topo_up 3
peers_up c1 c2 c3 s
for n in s c1 c2 c3; do ask listen $n 1701 >/dev/null; done
must s nft -f - <<-'N'
	table ip picky {
		chain input {
			type filter hook input priority 0;
			udp dport 1701 udp sport != 1701 counter drop
		}
	}
N
must helper_rule vpn-l2tp udp 1701
is "off: client 1's tunnel" "$(tunnel 1 5 100)" 5
is "client 2's request is not answered" "$(say_lost c2 $SERVER SCCRQ assigned=5 sport=1701)" nobody
is "nothing is shared" "$(counted l2tp_port_kept)" 0
must r conntrack -F

must r sysctl -qw net.netfilter.nf_vpn.l2tp_port_1701=1
is "on: client 1's tunnel, by its own ID" "$(tunnel 1 5 100)" 5
other=$(tunnel 2 5 101)
matches "client 2's, with the same one, by another" "$other" '^[0-9]+$'
isnt() { [ "$1" != "$2" ]; }
check "really" isnt "$other" 5
is "client 3's has its own, behind a name of odd length" "$(tunnel 3 7 102 name=odd)" 7
is "from port 1701 all" "$(r conntrack -L -p udp --orig-port-dst 1701 2>/dev/null | grep -c "dst=$WAN sport=1701 dport=1701 ")" 3
is "which is counted" "$(counted l2tp_port_kept) $(counted l2tp_rewritten)" "2 1"
is "client 1 is asked" "$(tells HELLO conn=5)" "c1 from=$SERVER:1701 HELLO conn=5/0"
is "client 2 is asked" "$(tells HELLO conn="$other")" "c2 from=$SERVER:1701 HELLO conn=5/0"
is "client 3 is asked" "$(tells HELLO conn=7)" "c3 from=$SERVER:1701 HELLO conn=7/0"
is "client 2's session" "$(asks 2 ICRQ conn=101 local=50)" "s from=$WAN:1701 ICRQ conn=101/0 local=50"
is "is granted" "$(tells ICRP conn="$other/50" local=90)" "c2 from=$SERVER:1701 ICRP conn=5/50 local=90"
is "data out" "$(data c2 $SERVER 101/90 sport=1701)" "s from=$WAN:1701 id=101/90"
is "data in" "$(data s $WAN "$other/50" sport=1701 dport=1701)" "c2 from=$SERVER:1701 id=5/50"
is "data for client 1" "$(data s $WAN 5/50 sport=1701 dport=1701)" "c1 from=$SERVER:1701 id=5/50"
is "nfvpn list has what is on the wire" "$(numbers "client=$(client_ip 2)" in | tr ' ' '\n' | grep -c "^$other>5$")" 1
is "and all three" "$(sessions protocol=l2tp-udp client | sort | xargs)" "$(client_ip 1) $(client_ip 2) $(client_ip 3)"

# again and again
is "a request that is repeated has the same number" "$(value assigned "$(asks 2 SCCRQ assigned=5)")" "$other"
is "the answer, repeated" "$(tells SCCRP conn="$other" assigned=101)" "c2 from=$SERVER:1701 SCCRP conn=5/0 assigned=101"
another=$(tunnel 2 6 103)
is "another tunnel of client 2's" "$another" 6
is "both are" "$(tells HELLO conn="$other"), $(tells HELLO conn=6)" "c2 from=$SERVER:1701 HELLO conn=5/0, c2 from=$SERVER:1701 HELLO conn=6/0"
is "the end of the first names it by the server's number" "$(asks 2 STOPCCN conn=101 assigned=5)" "s from=$WAN:1701 STOPCCN conn=101/0 assigned=$other"
is "the second stays" "$(tells HELLO conn=6)" "c2 from=$SERVER:1701 HELLO conn=6/0"

# nobody's
is "a tunnel that nobody has: the first client" "$(tells HELLO conn=9999)" "c1 from=$SERVER:1701 HELLO conn=9999/0"
is "counted" "$(counted l2tp_port_unknown)" 1
is "a tunnel the server begins: the first client" "$(tells SCCRQ assigned=77)" "c1 from=$SERVER:1701 SCCRQ conn=0/0 assigned=77"
is "an error about client 3's packet" "$(ask error s "$WAN" "$WAN" $SERVER 0x06a506a5 mtu=1300 proto=17 >/dev/null; ask errors c1 wait=1; ask errors c3 wait=1) $(counted icmp_shared)" "none
none 1"
must r conntrack -D -p udp -s "$(client_ip 3)" >/dev/null 2>&1
is "a hidden ID is none to share a port by" "$(say_lost c3 $SERVER SCCRQ assigned=8 hide=assigned sport=1701)" nobody
must r sysctl -qw net.netfilter.nf_vpn.l2tp_port_1701=0
is "off again: who has it keeps it" "$(tells HELLO conn=6)" "c2 from=$SERVER:1701 HELLO conn=6/0"
is "no other value" "$(r sysctl -w net.netfilter.nf_vpn.l2tp_port_1701=2 2>&1 | grep -c 'Invalid argument')" 1
is "flushed, nothing is left" "$(r nfvpn flush -p l2tp-udp >/dev/null; flows)" 0
is "no memory was missing" "$(counted no_memory)" 0
peers_down
check "the namespaces are gone" topo_down
