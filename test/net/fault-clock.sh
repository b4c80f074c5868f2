#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 90
#
# The wall clock jumps, a day ahead, two back: nothing depends on it. Entries keep what
# is left of their time, sessions their age, no flow ends and all carry.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

# Seconds that GRE and ESP entries have left, the least and the most.
left() { r conntrack -L 2>/dev/null | awk '$1 == "gre" || $2 == 50 { print $3 }' | sort -n | sed -n '1p;$p' | xargs; }
keep_time() { [[ $(left) =~ ^35[0-9][0-9]\ 179[0-9][0-9]$ ]]; }
# The longest that any flow was idle, in seconds.
idle() { r sed -nE 's/.* idle=([0-9]+).*/\1/p' /proc/net/nf_vpn/flows | sort -n | tail -n 1; }
jump() { date -s "@$(($(date +%s) + $1))" >/dev/null; }

plan 16
topo_up 2
must sessions_rules
must r sysctl -qw net.netfilter.nf_conntrack_timestamp=1
peers_start c1 c2 s
sessions_up
is "all carry" "$(carried)" "$ALL"
for days in 1 -2 1; do
	must jump $((days * 86400))
	check "$days days: what is left of the entries' time" keep_time
	check "no flow is older" [ "$(idle)" -le 60 ]
	is "all carry" "$(carried)" "$ALL"
done
is "they are the same flows" "$(counted flow_new) $(counted flow_end)" "8 0"
check "a new call, and keys" all_up
sessions_down
check "the namespaces are gone" topo_down
