# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# xl2tpd and pppd at the ends of the tests' network; source ktap.sh and topo.sh
# first. The server is 10.66.0.1 inside the tunnel.
#
#	l2tp_prepare
#	l2tp_daemon s lns && l2tp_daemon c1 lac
#	l2tp_dial 1
#	is "client 1" "$(l2tp_pings 1)" 3

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
l2tp_daemon() {
	background "$1" "xl2tpd-$1" xl2tpd -D -c "$TOPO_TMP/$2.conf" -s /dev/null -p /run/xl2tpd.pid \
		-C /run/xl2tpd/l2tp-control && wait_for 30 inside "xl2tpd-$1" test -p /run/xl2tpd/l2tp-control
}
l2tp_control() { inside "xl2tpd-$1" sh -c "echo '$2 t' >/run/xl2tpd/l2tp-control"; }
l2tp_address() { in_ns "$1" ip -br addr show dev ppp0 2>/dev/null | sed -nE 's/.* (10\.66\.0\.[0-9]+).*/\1/p'; }
l2tp_is_up() { [ -n "$(l2tp_address "$1")" ]; }
l2tp_dial() { l2tp_control "c$1" c && wait_for 60 l2tp_is_up "c$1"; }
l2tp_pings() { answered "c$1" 3 $L2TP_SERVER -I ppp0; }
