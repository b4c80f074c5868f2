#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# L2TP with NAT on both sides, and twice on one: d and e behind c1 (a router of its own),
# c2, all masqueraded again by r; the server v is behind s, which forwards UDP 1701 and
# protocol 115 to it. All clients choose the same IDs. Over UDP the server answers the
# first from another port, through three NATs.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

# marks NS DEVICE: its opt-in for protocol 115
marks() {
	in_ns "$1" sysctl -qw net.netfilter.nf_vpn.l2tp_ip_mark=0x20
	in_ns "$1" nft -f - <<-N
		table ip l2tp {
			chain raw {
				type filter hook prerouting priority raw;
				iifname "$2" meta l4proto 115 meta mark set mark or 0x20
			}
		}
		table ip filter {
			chain forward {
				iifname "in*" meta l4proto 115 accept
				meta l4proto 115 ct status dnat accept
			}
		}
	N
}

# over IP: client C's tunnel 5, the server's ID; then its session 9
over_ip() {
	local seen theirs
	seen=$(value assigned "$(say "$1" $SERVER SCCRQ assigned=5)")
	is "over IP: client $1 gets the answer to its tunnel" "$(say v $WAN SCCRP conn="$seen" assigned="$2")" \
		"$1 from=$SERVER SCCRP conn=5 assigned=$2"
	theirs=$(value local "$(say "$1" $SERVER ICRQ conn="$2" local=9 remote=0)")
	is "and to its session" "$(say v $WAN ICRP conn="$seen" local="$3" remote="$theirs")" \
		"$1 from=$SERVER ICRP conn=5 local=$3 remote=9"
	is "data out" "$(data "$1" $SERVER "$3")" "v from=$WAN id=$3"
	is "data in" "$(data v $WAN "$theirs")" "$1 from=$SERVER id=9"
}

plan 34
must modprobe nf_vpn_l2tp
topo_up 2
topo_behind
must behind_router c1 vpn-l2tp udp 1701 </dev/null
must behind_router s vpn-l2tp udp 1701 <<-'N'
	chain pre {
		type nat hook prerouting priority dstnat;
		iifname "eth0" udp dport 1701 dnat to 10.9.0.2
		iifname "eth0" meta l4proto 115 dnat to 10.9.0.2
	}
N
must helper_rule vpn-l2tp udp 1701
must marks c1 'in*'; must marks r 'lan*'; must marks s eth0
peers_up d@10.1.1.2 e@10.1.2.2 c2 v@10.9.0.2
for n in d e c2; do ask listen $n 1701 >/dev/null; done
for p in 1701 5000; do ask listen v $p >/dev/null; done

is "client d asks, two routers in" "$(say d $SERVER SCCRQ sport=1701 assigned=5)" "v from=$WAN:1701 SCCRQ conn=0/0 assigned=5"
is "answered from another port" "$(say v $WAN SCCRP sport=5000 dport=1701 conn=5 assigned=9)" "d from=$SERVER:5000 SCCRP conn=5/0 assigned=9"
is "it goes on there" "$(say d $SERVER SCCCN sport=1701 dport=5000 conn=9)" "v from=$WAN:1701 SCCCN conn=9/0"
is "and asks for a session" "$(say d $SERVER ICRQ sport=1701 dport=5000 conn=9 local=50)" "v from=$WAN:1701 ICRQ conn=9/0 local=50"
is "which it gets" "$(say v $WAN ICRP sport=5000 dport=1701 conn=5/50 local=90)" "d from=$SERVER:5000 ICRP conn=5/50 local=90"
is "data out" "$(data d $SERVER 9/90 sport=1701 dport=5000)" "v from=$WAN:1701 id=9/90"
is "data in" "$(data v $WAN 5/50 sport=5000 dport=1701)" "d from=$SERVER:5000 id=5/50"
is "that was each router's doing" "$(counted l2tp_other_port s) $(counted l2tp_other_port) $(counted l2tp_other_port c1)" "1 1 1"
k=20
for c in e c2; do
	seen=$(say $c $SERVER SCCRQ sport=1701 assigned=5)
	port=$(sed -nE "s/^v from=$WAN:([0-9]+) .*/\1/p" <<<"$seen")
	is "client $c has a port of its own" "$seen" "v from=$WAN:$port SCCRQ conn=0/0 assigned=5"
	is "it is answered" "$(say v $WAN SCCRP sport=1701 dport="$port" conn=5 assigned=$k)" "$c from=$SERVER:1701 SCCRP conn=5/0 assigned=$k"
	is "and goes on" "$(say $c $SERVER SCCCN sport=1701 conn=$k)" "v from=$WAN:$port SCCCN conn=$k/0"
	is "the server's HELLO" "$(say v $WAN HELLO sport=1701 dport="$port" conn=5)" "$c from=$SERVER:1701 HELLO conn=5/0"
	k=$((k + 1))
done
is "client d is untouched" "$(data v $WAN 5/50 sport=5000 dport=1701)" "d from=$SERVER:5000 id=5/50"

over_ip d 100 1000
over_ip e 101 1001
over_ip c2 102 1002
# at c1 two of them met, at r the first of these and c2
for n in c1 r; do check "IDs were translated by $n" [ "$(counted l2tp_rewritten $n)" -gt 0 ]; done
is "the server's side had no need to" "$(counted l2tp_rewritten s)" 0
is "nobody was refused" "$(counted l2tp_refused c1)$(counted l2tp_refused)$(counted l2tp_refused s)" 000
peers_down
check "the namespaces are gone" topo_down
