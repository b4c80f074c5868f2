#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# The router's devices go down and up under traffic. A LAN's changes nothing: its
# sessions go on. With the uplink, masquerade ends what it made, and so do our entries;
# ESP is back with IKE's next message, PPTP with the next call, and nothing is left of before.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

ROUNDS=${ROUNDS:-5}
toggles() { # DEVICE
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		r ip link set "$1" down || return
		sleep "0.0$((RANDOM % 10))"
		r ip link set "$1" up || return
		sleep "0.0$((RANDOM % 10))"
	done
}
# Dead peer detection, and talk until the running SA's owner is known again.
alive() { ike "c$1" s info >/dev/null && ike s "c$1" info! >/dev/null; }
found() {
	alive "$1"
	settle "c$1" s "0x100$1" "0x200$1" "$(now_ms)"
	[ "$(owner "0x200$1")" = "$(client_ip "$1") settled" ]
}
calls_up() { call_up 1 && call_up 2; }
first_ended() { [ "$(counted flow_end)" -ge 8 ]; }

plan 14
topo_up 2
must sessions_rules
peers_start c1 c2 s
sessions_up
must streams_on
check "lan1 down and up, $ROUNDS times" toggles lan1
is "no session ended" "$(counted flow_new) $(counted flow_end)" "8 0"
check "packets were sent meanwhile" [ "$(ask calm)" -gt 100 ]
ask forget >/dev/null
is "all carry" "$(carried)" "$ALL"
must streams_on
check "wan down and up, $ROUNDS times" toggles wan
ask calm >/dev/null
check "what masquerade made has ended" wait_for 20 first_ended
check "ESP is back with IKE's next message, client 1" found 1
check "and client 2" found 2
check "PPTP with the next call" calls_up
is "all carry again" "$(carried)" "$ALL"
sessions_down
check "the namespaces are gone" topo_down
