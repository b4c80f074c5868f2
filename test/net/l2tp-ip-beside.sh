#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# L2TP over IP of a client that no rule marked, beside one that is: each keeps what
# it has. Modules unload and namespaces go while sessions carry packets.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

ours() { lsmod | awk '/^nf_vpn/ { print $1 }' | xargs; }
unload() { modprobe -r nf_vpn_l2tp 2>/dev/null; [ -z "$(ours)" ]; }

plan 15
must modprobe nf_vpn_l2tp
topo_up 2
must mark_rule lan2
peers_up c1 c2 s
is "client 1, which nobody marks" "$(v3_tunnel c1 11 101) $(v3_session c1 1001 2001)" "up 11 up 1001"
is "has no flows" "$(flows)" 0
is "client 2's first packet shows that client 1 is in its way" "$(say_lost c2 $SERVER SCCRQ assigned=12)" nobody
check "which is counted" [ "$(counted l2tp_clash)" = 1 ]
is "repeated, it passes" "$(v3_tunnel c2 12 102) $(v3_session c2 1002 2002)" "up 12 up 1002"
is "data for client 2" "$(data s $WAN 1002)" "c2 from=$SERVER id=1002"
is "data for client 1" "$(data s $WAN 1001)" "c1 from=$SERVER id=1001"
matches "client 2 has a zone" "$(l2tp_entry 2)" 'zone=60000'

must r conntrack -F
check "after a flush nothing is left" wait_for 5 flows_are 0
is "client 2 begins anew" "$(v3_tunnel c2 12 102) $(v3_session c2 1002 2002)" "up 12 up 1002"
is "data for client 2" "$(data s $WAN 1002)" "c2 from=$SERVER id=1002"
check "the module unloads with sessions up" wait_for 15 unload
must modprobe nf_vpn_l2tp
must r sysctl -qw net.netfilter.nf_vpn.l2tp_ip_mark=0x20
is "loaded anew, client 2 begins anew" "$(v3_tunnel c2 12 102) $(v3_session c2 1002 2002)" "up 12 up 1002"
is "data for client 2" "$(data s $WAN 1002)" "c2 from=$SERVER id=1002"
peers_down
check "the namespaces go with sessions up" topo_down
