#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 300
#
# xl2tpd and pppd at both ends: two clients, both with source port 1701, dial one
# server through one public address; with the helper their tunnels are seen, and
# one that hangs up leaves the other alone.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
# shellcheck source=test/lib/l2tpd.sh
. "$(dirname "$0")/../lib/l2tpd.sh"

plan 14
must modprobe nf_vpn_l2tp
topo_up 2
must helper_rule vpn-l2tp udp 1701
must r sysctl -qw net.netfilter.nf_vpn.l2tp_grace=1
must l2tp_prepare
must l2tp_daemon s lns
must l2tp_daemon c1 lac
must l2tp_daemon c2 lac
check "client 1 dials" l2tp_dial 1
check "client 2 dials" l2tp_dial 2
is "client 1 reaches the server" "$(l2tp_pings 1)" 3
is "client 2 reaches the server" "$(l2tp_pings 2)" 3
is "the server reaches client 1" "$(answered s 3 "$(l2tp_address c1)")" 3
is "the server reaches client 2" "$(answered s 3 "$(l2tp_address c2)")" 3
for k in 1 2; do
	matches "client $k: its tunnel and session are seen" "$(tunnels $k)" "^session=[0-9]+/[0-9]+ tunnel=[0-9]+/[0-9]+$"
	matches "client $k speaks from port 1701" "$(r conntrack -L -p udp 2>/dev/null | grep "src=$(client_ip $k) ")" \
		"sport=1701 dport=1701 packets=[0-9]+ bytes=[0-9]+ src=$SERVER dst=$WAN "
done
check "nothing was not understood" [ "$(counted l2tp_bad) $(counted l2tp_not_l2tp)" = "0 0" ]
must l2tp_control c1 d
has_none() { [ -z "$(tunnels "$1")" ]; }
check "client 1 hangs up: its tunnel is gone" wait_for 20 has_none 1
is "client 2 goes on" "$(l2tp_pings 2)" 3
for n in c1 c2 s; do stop "xl2tpd-$n"; done
check "the namespaces are gone" topo_down
