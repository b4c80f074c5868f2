#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 300
#
# Recorded L2TP of two clients (test/captures) replayed: version 2 over UDP from one
# port, version 3 over IP with the same IDs; without the mark the second client of
# the latter is lost. Last, every kind of VPN through one router at the same time.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/replay.sh
. "$(dirname "$0")/../lib/replay.sh"

B="--server $SERVER --gap 0.1"

plan 5
must modprobe nf_vpn_passthrough
replay_up
# shellcheck disable=SC2086 # options
check "control: without the mark the second client is lost" fails_with 'L2TPv3 .* did not arrive' \
	"$CAPTURES/l2tpv3-two-inside.pcapng" --client 192.168.1.2,192.168.1.3 $B --patience 2
must replay_again
must replay_rules
# shellcheck disable=SC2086
check "L2TPv3 over IP, the same IDs" tells "client's session ID [0-9]+ is [0-9]+ at the other end" \
	"$CAPTURES/l2tpv3-two-inside.pcapng" --client 192.168.1.2,192.168.1.3 $B
must replay_again
# shellcheck disable=SC2086
check "L2TP over UDP" replay "$CAPTURES/l2tp-two-inside.pcapng" --client 192.168.1.2,192.168.1.3 $B
must replay_again
# shellcheck disable=SC2086
check "PPTP, IPsec, NAT traversal and L2TP at once, to one server" replay \
	"$CAPTURES"/{pptp-one,ikev1-two,natt-float,l2tp-two}-inside.pcapng \
	--client 192.168.1.2 --client 192.168.1.2,192.168.1.3 --client 192.168.1.2 --client 192.168.1.2,192.168.1.3 $B
check "the namespaces are gone" topo_down
