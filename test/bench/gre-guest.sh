#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gre-guest.sh MODE CALLS: in a guest under icount.  MODE: plain (forwarding
# only), ours (vpn-pptp) or intree (nf_nat_pptp).  Prints
# "MODE CALLS INSTRUCTIONS-OF-LAST-CALL INSTRUCTIONS-OF-FIRST-CALL"; for plain a
# protocol that nothing looks at.
# shellcheck source=test/lib/ktap.sh
. /test/lib/ktap.sh
# shellcheck source=test/lib/topo.sh
. /test/lib/topo.sh
mode=$1 calls=$2
plan 0
topo_up 1 own "$([ "$mode" = plain ] && echo nonat || echo nat)"
sysctl -qw net.netfilter.nf_conntrack_max=1000000
s ip route add 192.168.0.0/16 via 203.0.113.1
case $mode in
plain) r nft flush ruleset ;;
ours)
	modprobe nf_vpn_pptp
	helper_rule vpn-pptp tcp 1723
	r sysctl -qw net.netfilter.nf_vpn.max_per_client=1000000 net.netfilter.nf_vpn.pptp_max_calls=1000
	;;
intree)
	modprobe nf_nat_pptp
	helper_rule pptp tcp 1723
	;;
esac
per=1000
[ "$mode" != intree ] || per=1 # all it can
first=0 last=0
if [ "$mode" != plain ]; then
	background s server python3 /test/bench/calls.py server
	wait_for 30 s sh -c 'ss -ltn | grep -q :1723'
	ulimit -n 100000
	background c1 client python3 /test/bench/calls.py client 203.0.113.2 "$calls" "$per"
	wait_for 3000 grep -q ^up "$(log_of client)" || { cat "$(log_of client)"; exit 1; }
	read -r _ up first last <"$(log_of client)"
	[ "$up" = "$calls" ] || exit 1
fi
proto=47
[ "$mode" != plain ] || proto=99
one() { c1 /out/send 203.0.113.2 $proto "$1" 2000; }
one "$last" >/dev/null
echo "$mode $calls $(for _ in 1 2 3; do one "$last"; done | sort -n | sed -n 2p) $(for _ in 1 2 3; do one "$first"; done | sort -n | sed -n 2p)"
if [ "$mode" = ours ]; then
	echo "# $(r grep -cE ' up ' /proc/net/nf_vpn/flows) flows up, $(r conntrack -C) conntrack entries"
	r grep -E '^(attached|gre_unknown|pptp_call|pptp_rewritten)	' /proc/net/nf_vpn/stats | sed 's/^/# /'
fi
