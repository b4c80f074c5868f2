#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# Any number of calls on a control connection, several control connections of
# one client, calls asked for by both sides: every one has its own GRE tunnel.
# (The in-tree helper knows one call a connection, and only the client asks.)
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 14
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
peer_up s s listen
peer_up c1 c1
peer_up c2 c2

control c1 k $SERVER
control c2 k $SERVER
is "50 calls of client 1, asked for in one go" "$(p c1 calls k 1 50)" "50 up"
is "50 calls of client 2 with the same IDs" "$(p c2 calls k 1 50)" "50 up"
seen_by_server() { sed -nE "s/.* a[0-9]+ < ocrq own=//p" "$(log_of s)" | sort | uniq -c | awk "$1" | wc -l; }
# shellcheck disable=SC2016 # for awk
is "the server has heard 100 different IDs" "$(seen_by_server '$1 == 1')" 100
is "client 1: GRE in every call" "$(p c1 ping)" "sent 50 back 50 wrong 0"
is "client 2: GRE in every call" "$(p c2 ping)" "sent 50 back 50 wrong 0"
is "conntrack has them all" "$(gre_entries)" 100

# the server asks, the clients answer with the same ID
for c in c1 c2; do
	p $c auto >/dev/null
	p $c pings on >/dev/null
	p $c ids 500 >/dev/null
done
is "a call asked for by the server" "$(p s call a1 3000)" "up own=3000 peer=500"
answer=$(p s call a2 3000)
matches "and one to client 2, which answers with the same ID" "$answer" "^up own=3000 peer=[0-9]+$"
check "the server knows it by another ID" test "${answer##*=}" -ne 500
is "the server: GRE in both" "$(p s ping a1 a2)" "sent 102 back 102 wrong 0"

# 20 more connections, each with the same call ID
for ((i = 1; i <= 20; i++)); do
	control c1 m$i $SERVER
	p c1 call m$i 7 >>"$TOPO_TMP/more"
done
is "20 more control connections, a call each" "$(grep -c '^up own=7' "$TOPO_TMP/more")" 20
is "GRE in all calls of client 1" "$(p c1 ping t=5)" "sent 71 back 71 wrong 0"
is "nothing went astray" "$(p c1 wrong) $(p c2 wrong) $(p s wrong)" "0 0 0"
check "the namespaces are gone" topo_down
