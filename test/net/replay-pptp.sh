#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 300
#
# Recorded PPTP sessions (test/captures) replayed: clients that overlap in time, and
# have the same call IDs, each get what their server sent them; control connections,
# GRE and the ends of calls come through unchanged but for call IDs and ports.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/replay.sh
. "$(dirname "$0")/../lib/replay.sh"

B="--server $SERVER --gap 0.1"

plan 6
must modprobe nf_vpn_passthrough
replay_up
# shellcheck disable=SC2086 # options
check "control: without the rule the server's GRE finds no client" fails_with 'GRE call ID .* from the server\) did not arrive' \
	"$CAPTURES/pptp-one-inside.pcapng" --client 192.168.1.2 $B --copies 2 --patience 2
must replay_again
must replay_rules
# shellcheck disable=SC2086
check "three clients with the same call IDs" tells "client's call ID [0-9]+ is [0-9]+ at the other end" \
	"$CAPTURES/pptp-one-inside.pcapng" --client 192.168.1.2 $B --copies 3
must replay_again
# shellcheck disable=SC2086
check "two recorded together, and one whose server ended the call" replay "$CAPTURES/pptp-two-inside.pcapng" \
	"$CAPTURES/pptp-server-ends-inside.pcapng" --client 192.168.1.2,192.168.1.3 --client 192.168.1.2 $B
must replay_again
# shellcheck disable=SC2086
check "four calls on one control connection, two clients, cleared one by one" tells "client's call ID [0-9]+ is [0-9]+ at the other end" \
	"$CAPTURES/pptp-calls-inside.pcapng" --client 192.168.1.2 $B --copies 2
must replay_again
# shellcheck disable=SC2086
check "one recorded outside of a router" replay "$CAPTURES/pptp-server-ends-outside.pcapng" --client "$WAN" $B
check "the namespaces are gone" topo_down
