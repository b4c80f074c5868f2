#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# "nft flush ruleset" under traffic, and the rules back some moments later, again and
# again: while they are gone nothing is translated, but all sessions and their entries
# stay, and go on with the rules. No call is dialled and no key exchanged anew.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

ROUNDS=${ROUNDS:-10}
flushes() {
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		r nft flush ruleset || return
		sleep "0.0$((RANDOM % 10))"
		r nft -f "$TOPO_TMP/rules" || return
		sleep "0.0$((RANDOM % 10))"
	done
}

plan 11
topo_up 2
must sessions_rules
r nft list ruleset >"$TOPO_TMP/rules"
peers_start c1 c2 s
sessions_up
must streams_on
check "the rules go and come $ROUNDS times" flushes
check "packets were sent meanwhile" [ "$(ask calm)" -gt 200 ]
ask forget >/dev/null
is "all carry" "$(carried)" "$ALL"
is "they are the same flows" "$(counted flow_new) $(counted flow_end)" "8 0"
must r nft flush ruleset
is "without rules nothing is translated" "$(deliver c1 $SERVER 0x1001 9)" "s 192.168.1.2"
must r nft -f "$TOPO_TMP/rules"
is "with the rules all carry" "$(carried)" "$ALL"
check "and a new call is made" call_up 2
sessions_down
check "the namespaces are gone" topo_down
