#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# L2TP outlives a reboot: nfvpn save, nfvpn restore. Over IP two clients have the same
# session ID and each gets its own, the server first; over UDP the server's first
# packet finds its client. Tunnels are known again: a new session, and its end.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

FILE=$TOPO_TMP/sessions.json
unloaded() { modprobe -r nf_vpn_passthrough 2>/dev/null; ! lsmod | grep -q ^nf_vpn; }
# shellcheck disable=SC2119 # its argument may be left out
rules() { helper_rule vpn-l2tp udp 1701 && mark_rule; }
facts() { sessions '' 'protocol client server public client-port public-port zone state bound replied'; for k in 1 2 3; do numbers "client=$(client_ip $k)" in; numbers "client=$(client_ip $k)" out; done; }
in_all() { echo "$(data s $WAN 1001) $(data s $WAN "$SEEN") $(data s $WAN 5/50 dport=1701 sport=1701)"; }
out_all() { echo "$(data c1 $SERVER 2001) $(data c2 $SERVER 2002) $(data c3 $SERVER 9/90 sport=1701 dport=1701)"; }

plan 17
must modprobe nf_vpn_passthrough
topo_up 3
must rules
must r sysctl -qw net.netfilter.nf_vpn.l2tp_grace=1
peers_up c1 c2 c3 s
ask listen s 1701 >/dev/null
is "two clients over IP" "$(v3_tunnel c1 11 101) $(v3_tunnel c2 12 102) $(v3_session c1 1001 2001)" "up 11 up 12 up 1001"
seen=$(v3_session c2 1001 2002)
matches "both chose one session ID" "$seen" "^up [0-9]+$"
SEEN=${seen#up }
say c3 $SERVER SCCRQ sport=1701 assigned=5 >/dev/null
say s $WAN SCCRP sport=1701 dport=1701 conn=5 assigned=9 >/dev/null
say c3 $SERVER ICRQ sport=1701 conn=9 local=50 >/dev/null
is "one over UDP" "$(say s $WAN ICRP sport=1701 dport=1701 conn=5/50 local=90)" "c3 from=$SERVER:1701 ICRP conn=5/50 local=90"
going="c1 from=$SERVER id=1001 c2 from=$SERVER id=1001 c3 from=$SERVER:1701 id=5/50"
gone="s from=$WAN id=2001 s from=$WAN id=2002 s from=$WAN:1701 id=9/90"
is "data in" "$(in_all)" "$going"
is "data out" "$(out_all)" "$gone"
before=$(facts)

is "saved" "$(r nfvpn save "$FILE" 2>&1)" ""
must r nft delete table ip helpers
check "the modules unload" wait_for 20 unloaded
must r conntrack -F
must rules
is "without it the server's packets are lost" \
	"$(data_lost s $WAN 1001) $(data_lost s $WAN "$SEEN") $(data_lost s $WAN 5/50 dport=1701 sport=1701)" "nobody nobody nobody"
must r conntrack -F
is "restored" "$(r nfvpn restore "$FILE" 2>&1 | xargs)" "3 sessions restored, 0 there already, 0 not restored"
is "as they were" "$(facts)" "$before"
is "data in, the server first" "$(in_all)" "$going"
is "data out, after that" "$(out_all)" "$gone"
is "once more: they are there" "$(r nfvpn restore "$FILE" 2>&1 | xargs)" "0 sessions restored, 3 there already, 0 not restored"
is "a new session in the tunnel of client 1" "$(v3_session c1 1003 2003) $(data s $WAN 1003)" "up 1003 c1 from=$SERVER id=1003"
must r sysctl -qw net.netfilter.nf_vpn.l2tp_grace=1
say c2 $SERVER STOPCCN conn=102 assigned=12 >/dev/null
is "client 2 ends its tunnel, and its session with it" "$(wait_for 15 sessions_are "client=$(client_ip 2)" client "" && echo ended)" ended
is "nobody else's" "$(data s $WAN 1001)" "c1 from=$SERVER id=1001"
peers_down
check "the namespaces are gone" topo_down
