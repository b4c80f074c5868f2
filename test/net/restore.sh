#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 300
#
# Sessions outlive a module that is loaded anew, and a reboot (conntrack has lost
# everything): nfvpn save, nfvpn restore. Then each client gets its own, also when
# the server speaks first, which without it is lost; and control connections are
# taken up: a new call, a message of the server's, a second packet of a new SPI.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

FILE=$TOPO_TMP/sessions.json
unloaded() { modprobe -r nf_vpn_passthrough 2>/dev/null; ! lsmod | grep -q ^nf_vpn; }
unload() { r nft delete table ip helpers && wait_for 20 unloaded; }
rules() { helper_rule vpn-ike udp 500 && helper_rule vpn-pptp tcp 1723; }
restore() { r nfvpn restore "$FILE" 2>&1 | xargs; }
# first WORD: the server speaks first to both callers, by the numbers it knows
first() {
	local k out=
	for k in 3 4; do
		p p gre to=$WAN id="${PUB[$k]}" data="$1$k" >/dev/null
		out+="c$k: $(p "c$k" gwait "${2:-3}" | sed 's/.*data=//') "
	done
	echo "${out% }"
}
both() { echo "$(deliver s $WAN 0x2001 "$1") $(deliver s $WAN 0x2002 "$1") $(deliver c1 $SERVER 0x1001 "$1") $(deliver c2 $SERVER 0x1002 "$1")"; }
own="c1 $SERVER c2 $SERVER s $WAN s $WAN"
facts() { sessions '' 'protocol client server public zone state bound replied awaited'; for k in 1 2 3 4; do numbers "client=$(client_ip $k)" in; numbers "client=$(client_ip $k)" out; done; }

plan 32
must modprobe nf_vpn_passthrough
topo_up 4
must rules
peers_up c1 c2 s
matches "client 1 and 2: IPsec" "$(meet c1 s) $(settle c1 s 0x1001 0x2001) $(meet c2 s) $(settle c2 s 0x1002 0x2002)" "^$WAN:500 +$WAN:"
peer_up s p listen
peer_up c3 c3
peer_up c4 c4
control c3 k $SERVER
control c4 k $SERVER
p p ids 100 >/dev/null
is "client 3: a call" "$(p c3 call k 7)" "up own=7 peer=100"
is "client 4: a call with the same number" "$(p c4 call k 7)" "up own=7 peer=101"
for k in 3 4; do PUB[k]=$(numbers "client=$(client_ip $k)" in | sed 's/>.*//'); done
is "the server first" "$(first a)" "c3: a3 c4: a4"
is "GRE both ways" "$(p c3 ping) $(p c4 ping)" "sent 1 back 1 wrong 0 sent 1 back 1 wrong 0"
before=$(facts)
is "saved" "$(r nfvpn save "$FILE" 2>&1)" ""
matches "for root alone, whole" "$(command stat -c %a "$FILE") $(ls "$TOPO_TMP"/sessions.json*)" "^600 $FILE$"
is "four sessions in it, of this version" "$(python3 -c 'import json, sys; f = json.load(open(sys.argv[1])); print(f["version"], len(f["sessions"]))' "$FILE")" "1 4"
is "restored while they are there: nothing to do" "$(restore) code $?" \
	"0 sessions restored, 4 there already, 0 not restored code 0"
is "and nothing was done" "$(facts)" "$before"

# --- a module that is loaded anew: conntrack has TCP and IKE still, without helper
check "the modules unload" unload
is "without them the server's GRE is lost" "$(first b 0.3)" "c3: nothing c4: nothing"
must rules
is "loaded anew: it is lost still" "$(first b 0.3)" "c3: nothing c4: nothing"
is "and its ESP" "$(deliver_lost s $WAN 0x2001 9100) $(deliver_lost s $WAN 0x2002 9100)" "nobody nobody"
is "restored" "$(restore)" "4 sessions restored, 0 there already, 0 not restored"
is "the same numbers" "$(numbers "client=$(client_ip 4)" in) $(numbers "client=$(client_ip 4)" out) $(numbers "client=$(client_ip 2)" in)" \
	"${PUB[4]}>7 exact 101>101 exact 8194>8194 settled"
is "the server's GRE, first" "$(first c)" "c3: c3 c4: c4"
is "ESP, the server first" "$(both 9200)" "$own"
is "GRE both ways" "$(p c3 ping) $(p c4 ping)" "sent 1 back 1 wrong 0 sent 1 back 1 wrong 0"
is "the calls are RELATED to their control connections" \
	"$(sessions protocol=pptp 'state bound replied' | xargs)" "up control True up control True"
is "a new call on the old connection, its number translated" \
	"$(p c4 call k 8 | sed 's/ peer=.*//') $(p c3 call k 8 | sed 's/ peer=.*//')" "up own=8 up own=8"
is "GRE in all calls" "$(p c3 ping) $(p c4 ping)" "sent 2 back 2 wrong 0 sent 2 back 2 wrong 0"

# --- a reboot: nothing is left of conntrack either
is "saved again" "$(r nfvpn save "$FILE" 2>&1)" ""
check "the modules unload again" unload
must r conntrack -F
must rules
is "without it the server's GRE is lost" "$(first d 0.3)" "c3: nothing c4: nothing"
must r conntrack -F
is "all is restored, control connections too" "$(restore)" "6 sessions restored, 0 there already, 0 not restored"
is "the server's GRE, first, after that" "$(first e)" "c3: e3 c4: e4"
is "ESP, the server first, after that" "$(both 9300)" "$own"
is "the server's Echo-Request, first, in the control connections" \
	"$(for k in a1 a2; do p p send $k echorq; done | xargs) $(for k in c3 c4; do p $k wait k echorq; done | sed 's/ .*//' | xargs)" "ok ok echorq echorq"
is "a third call" "$(p c4 call k 9 | sed 's/ peer=.*//') $(p c4 ping)" "up own=9 sent 3 back 3 wrong 0"
p c4 close k >/dev/null
check "the calls end with their connection" wait_for 20 sessions_are "client=$(client_ip 4)" state ""
peers_down
check "the namespaces are gone" topo_down
