#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# A capture whose sender cut each call ID in two TCP segments: the router lets half an
# ID pass to nobody, the replay sends again what was cut off, as TCP does, and two
# clients with the same IDs get through.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/replay.sh
. "$(dirname "$0")/../lib/replay.sh"

plan 4
must modprobe nf_vpn_passthrough
replay_up
must replay_rules
must python3 -B "$REPLAY_DIR/split.py" "$CAPTURES/pptp-one-inside.pcapng" "$TOPO_TMP/split.pcap"
check "two clients get through" tells '[1-9][0-9]* TCP segments were sent again' \
	"$TOPO_TMP/split.pcap" --client 192.168.1.2 --server "$SERVER" --gap 0.1 --copies 2
# shellcheck disable=SC2016 # awk's
check "the router waited for whole IDs" [ "$(r awk '$1 == "pptp_split" { print $2 }' /proc/net/nf_vpn/stats)" -gt 3 ]
# shellcheck disable=SC2016
is "no message went to no call" "$(r awk '$1 == "pptp_lost" { print $2 }' /proc/net/nf_vpn/stats)" 0
check "the namespaces are gone" topo_down
