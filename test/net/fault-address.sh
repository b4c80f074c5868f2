#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# The public address changes at random moments, under traffic: masquerade's entries end
# with the address, and ours. With the last one, new calls and IKE's next messages bring all
# back; no entry and no flow has an address of before.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

ROUNDS=${ROUNDS:-6}
# One address after the other, at random moments; IKE goes on meanwhile.
changes() {
	local i now=$WAN next
	for ((i = 0; i < ROUNDS; i++)); do
		next=203.0.113.$((11 + i % 3))
		printf '%s\n' "addr del $now/24 dev wan" "addr add $next/24 dev wan" | r ip -batch - || return
		now=$next
		[ $((RANDOM % 2)) = 0 ] || meet c1 s >/dev/null
		sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
	done
}
old_ones() { r grep -c "203\.0\.113\.1 " /proc/net/nf_vpn/flows; }
no_old_ones() { [ "$(old_ones)" = 0 ]; }

plan 9
topo_up 2
must sessions_rules
peers_start c1 c2 s
sessions_up
must streams_on
check "$ROUNDS public addresses" changes
check "packets were sent meanwhile" [ "$(ask calm)" -gt 200 ]
ask forget >/dev/null
PUBLIC=203.0.113.$((11 + (ROUNDS - 1) % 3))
check "no flow has the first address" wait_for 20 no_old_ones
check "all come back with a call and a key exchange" all_up
is "and carry, by the last address" "$(carried)" "$ALL"
sessions_down
check "the namespaces are gone" topo_down
