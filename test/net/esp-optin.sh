#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# Helpers act only on flows that a rule names: without a rule nothing is hooked
# or counted; with a rule for client 1 alone, client 2 gets what stock conntrack
# gives it, and client 1 is helped.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

# shellcheck disable=SC2016 # awk expands these
counts() { r awk '$2 { print $1, $2 }' /proc/net/nf_vpn/stats | xargs; }

plan 15
must modprobe nf_vpn_passthrough
topo_up 3
peers_up c1 c2 c3 s

# No rule at all.
is "client 1 exchanges keys, unhelped" "$(meet c1 s)" "$WAN:500"
is "client 1's ESP, by stock conntrack" "$(deliver c1 $SERVER 0x901 1)" "s $WAN"
matches "client 2 exchanges keys, unhelped" "$(meet c2 s)" "^$WAN:"
is "client 2's ESP is lost" "$(deliver_lost c2 $SERVER 0x902 1)" nobody
is "without a rule nothing is counted" "$(counts)" ""
is "and there is no flow" "$(flow_count)" 0
must r conntrack -F

# A rule for client 1 alone.
must r nft -f - <<-N
	table ip helpers {
		ct helper vpn-ike {
			type "vpn-ike" protocol udp;
		}
		chain pre {
			type filter hook prerouting priority filter;
			ip saddr $(client_ip 1) udp dport 500 ct helper set "vpn-ike"
		}
	}
N
is "client 2 is first, unhelped" "$(meet c2 s)/$(deliver c2 $SERVER 0x1002 1)" "$WAN:500/s $WAN"
matches "client 1 exchanges keys, helped" "$(meet c1 s)" "^$WAN:"
matches "client 1's ESP arrives beside it" "$(deliver c1 $SERVER 0x1001 1)/$(deliver s $WAN 0x2001 1)" "s $WAN/.*c1 $SERVER"
is "all of a talk" "$(talk c1 s 0x1001 0x2001 from=2)" 10
is "and client 2 is not cut off" "$(talk c2 s 0x1002 0x2002 from=2)" 10
matches "client 3 exchanges keys, unhelped" "$(meet c3 s)" "^$WAN:"
is "client 3's ESP is lost, as without us" "$(deliver_lost c3 $SERVER 0x1003 1)" nobody
is "flows are client 1's alone" "$(r sed -nE 's/.* client=([^ ]*) .*/\1/p' /proc/net/nf_vpn/flows | sort -u)" "$(client_ip 1)"
peers_down
check "the namespaces are gone" topo_down
