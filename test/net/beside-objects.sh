#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# since: 7.3
# timeout: 120
#
# "ct timeout" and "ct expectation" objects of nft. The flows that we help have the
# admin's timeouts. A connection has a helper or an expectation object, and whichever
# rule is first has it (as with any helper of the kernel): a call whose connection has our helper
# is translated though a later rule names an expectation, and the object works on
# the connection beside it. (Before, an expectation was made at once: the packet was
# dropped if the same client had one for that port already, and NAT then moved what the
# list of expectations begins in: KASAN tells on 6.1, with no module of ours.)
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

left() { r conntrack -L -p "$1" --orig-port-dst "$2" 2>/dev/null | awk '{ print $3 }' | sort -n | tail -n 1; }
within() { [ "$1" -gt $(($2 - 60)) ] && [ "$1" -le "$2" ]; }
expected() { r conntrack -L expect 2>/dev/null | grep 'dport=9876' | sed -nE 's/.*master-dst=[^ ]* .*dport=([0-9]+).*/\1/p' | sort -u | xargs; }
related() { r nft list counter ip objects related | sed -nE 's/.*packets ([0-9]+).*/\1/p'; }
listens() { in_ns "$1" ss -Hltn "sport = $2" | grep -q .; }

plan 14
topo_up 2
must sessions_rules
must r nft -f - <<-'N'
	table ip objects {
		counter related { }
		ct timeout long-tcp {
			protocol tcp;
			policy = { established : 7777, close : 13 }
		}
		ct timeout long-udp {
			protocol udp;
			policy = { unreplied : 5555, replied : 6666 }
		}
		ct expectation back {
			protocol tcp
			dport 9876
			timeout 2m
			size 4
			l3proto ip
		}
		chain pre {
			type filter hook prerouting priority filter + 10;
			iifname "lan*" tcp dport 1723 ct timeout set "long-tcp"
			iifname "lan*" udp dport 500 ct timeout set "long-udp"
			iifname "lan*" tcp dport { 1723, 7 } ct expectation set "back"
			tcp dport 9876 ct state related counter name related
		}
	}
N
peers_start c1 c2 s
sessions_up
is "all carry" "$(carried)" "$ALL"
check "the control connections have the admin's timeout" within "$(left tcp 1723)" 7777
check "IKE has it, too" within "$(left udp 500)" 5555
check "GRE has ours" within "$(r conntrack -L -p gre 2>/dev/null | awk '{ print $3 }' | tail -n 1)" 18000
is "helpers are on all four" "$(r conntrack -L 2>/dev/null | grep -c 'helper=vpn-')" 4

must background s echo nc -lk 7
must wait_for 10 listens s 7
must background c1 back nc -lk 9876
must wait_for 10 listens c1 9876
must c1 nc -w 5 -z $SERVER 7
is "the admin's expectation is that of the connection beside" "$(expected)" 7
check "what it expects comes to the client" s nc -w 5 -z $WAN 9876
check "as RELATED" [ "$(related)" -ge 1 ]
is "calls and tunnels go on" "$(carried)" "$ALL"
check "another call" call_up 1
sessions_down
check "the namespaces are gone" topo_down
