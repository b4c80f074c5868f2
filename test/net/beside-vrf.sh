#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 120
#
# Clients in a VRF of the router, the uplink outside of it (routes leak both ways): a
# packet of a client passes PREROUTING twice, as the client's device's and as the VRF's.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

twice() { r nft list table ip seen | sed -nE "s/.*\"$1\".* packets ([0-9]+).*/\1/p"; }

plan 9
topo_up 2
modprobe -qa vrf || true
# the rules of the tests' router know devices by "lan*"
must r ip -batch - <<-'I'
	link add lanvrf type vrf table 10
	link set lanvrf up
	link set lan1 master lanvrf
	link set lan2 master lanvrf
	route add table 10 203.0.113.0/24 dev wan
	route add 192.168.1.0/24 dev lan1
	route add 192.168.2.0/24 dev lan2
I
must r nft -f - <<-'N'
	table ip seen {
		chain pre {
			type filter hook prerouting priority filter;
			iifname "lan1" meta l4proto { gre, esp } counter
			iifname "lanvrf" meta l4proto { gre, esp } counter
		}
	}
N
must sessions_rules
peers_start c1 c2 s
sessions_up
is "all carry" "$(carried)" "$ALL"
check "the clients' packets are the VRF's" [ "$(twice lanvrf)" -ge 10 ]
check "and their devices'" [ "$(twice lan1)" -ge 10 ]
is "two entries of GRE, two of ESP" "$(r conntrack -L -p gre 2>/dev/null | wc -l) $(r conntrack -L -p 50 2>/dev/null | wc -l)" "2 2"
is "and once more" "$(carried)" "$ALL"
sessions_down
check "the namespaces are gone" topo_down
