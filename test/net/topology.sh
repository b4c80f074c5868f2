#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
#
# The ground the other tests stand on, without any module of ours: clients reach
# the server through the masquerading router, nobody reaches a client unasked,
# and the namespaces go away at the end.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"

plan 7
topo_up 2
is "client 1 reaches the server" "$(answered c1 3 $SERVER)" 3
is "client 2 reaches the server" "$(answered c2 3 $SERVER)" 3
matches "conntrack shows the public address" "$(r conntrack -L 2>/dev/null)" "dst=$WAN"
must s ip route add 192.168.1.0/24 via $WAN
is "the server does not reach a client unasked" "$(answered s 1 192.168.1.2)" 0
must topo_down
topo_up 3 lan
is "client 3 on a shared LAN reaches the server" "$(answered c3 2 $SERVER)" 2
c2 sleep 600 &
left=$!
check "the namespaces are gone" topo_down
check_not "and what ran in them" kill -0 $left
