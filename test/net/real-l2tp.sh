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

L2TP_SERVER=10.66.0.1

l2tp_prepare() {
	modprobe -qa ppp_generic ppp_async pppox l2tp_ppp || true
	printf '%s\n' noauth nobsdcomp nodeflate novj noipv6 noccp nodefaultroute \
		'lcp-echo-interval 0' 'mtu 1400' 'mru 1400' >"$TOPO_TMP/ppp"
	printf '%s\n' '[global]' 'port = 1701' '[lns default]' 'ip range = 10.66.0.100-10.66.0.110' \
		"local ip = $L2TP_SERVER" 'require authentication = no' 'refuse chap = yes' \
		'refuse pap = yes' "pppoptfile = $TOPO_TMP/ppp" 'length bit = yes' >"$TOPO_TMP/lns.conf"
	printf '%s\n' '[global]' 'port = 1701' '[lac t]' "lns = $SERVER" 'require authentication = no' \
		'refuse chap = yes' 'refuse pap = yes' "pppoptfile = $TOPO_TMP/ppp" 'autodial = no' >"$TOPO_TMP/lac.conf"
}
daemon() {
	background "$1" "xl2tpd-$1" xl2tpd -D -c "$TOPO_TMP/$2.conf" -s /dev/null -p /run/xl2tpd.pid \
		-C /run/xl2tpd/l2tp-control && wait_for 30 inside "xl2tpd-$1" test -p /run/xl2tpd/l2tp-control
}
control() { inside "xl2tpd-$1" sh -c "echo '$2 t' >/run/xl2tpd/l2tp-control"; }
address_of() { in_ns "$1" ip -br addr show dev ppp0 2>/dev/null | sed -nE 's/.* (10\.66\.0\.[0-9]+).*/\1/p'; }
is_up() { [ -n "$(address_of "$1")" ]; }
dial() { control "c$1" c && wait_for 60 is_up "c$1"; }
pings() { answered "c$1" 3 $L2TP_SERVER -I ppp0; }

plan 14
must modprobe nf_vpn_l2tp
topo_up 2
must helper_rule vpn-l2tp udp 1701
must r sysctl -qw net.netfilter.nf_vpn.l2tp_grace=1
must l2tp_prepare
must daemon s lns
must daemon c1 lac
must daemon c2 lac
check "client 1 dials" dial 1
check "client 2 dials" dial 2
is "client 1 reaches the server" "$(pings 1)" 3
is "client 2 reaches the server" "$(pings 2)" 3
is "the server reaches client 1" "$(answered s 3 "$(address_of c1)")" 3
is "the server reaches client 2" "$(answered s 3 "$(address_of c2)")" 3
for k in 1 2; do
	matches "client $k: its tunnel and session are seen" "$(tunnels $k)" "^session=[0-9]+/[0-9]+ tunnel=[0-9]+/[0-9]+$"
	matches "client $k speaks from port 1701" "$(r conntrack -L -p udp 2>/dev/null | grep "src=$(client_ip $k) ")" \
		"sport=1701 dport=1701 .*ASSURED"
done
check "nothing was not understood" [ "$(counted l2tp_bad) $(counted l2tp_not_l2tp)" = "0 0" ]
must control c1 d
has_none() { [ -z "$(tunnels "$1")" ]; }
check "client 1 hangs up: its tunnel is gone" wait_for 20 has_none 1
is "client 2 goes on" "$(pings 2)" 3
for n in c1 c2 s; do stop "xl2tpd-$n"; done
check "the namespaces are gone" topo_down
