#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 400
#
# Recorded IKE and ESP of two clients of one server (test/captures) replayed: each
# inbound SPI reaches the client whose it is, also after rekeys; without the rule the
# second client's ESP is lost.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/replay.sh
. "$(dirname "$0")/../lib/replay.sh"

AB="--client 192.168.1.2,192.168.1.3 --server $SERVER --gap 0.1"

plan 7
must modprobe nf_vpn_passthrough
replay_up
# shellcheck disable=SC2086 # options
check "control: without the rule ESP of the second client is lost" fails_with 'ESP SPI .* did not arrive' \
	"$CAPTURES/ikev2-two-inside.pcapng" $AB --patience 2
must replay_again
must replay_rules
# shellcheck disable=SC2086
check "IKEv2 and ESP of two clients" replay "$CAPTURES/ikev2-two-inside.pcapng" $AB
must replay_again
# shellcheck disable=SC2086
check "IKEv1, main mode" replay "$CAPTURES/ikev1-two-inside.pcapng" $AB
must replay_again
# shellcheck disable=SC2086
check "IKEv1, aggressive mode" replay "$CAPTURES/ikev1-aggressive-inside.pcapng" $AB
must replay_again
# shellcheck disable=SC2086
check "rekeys by a client, by the server, by the other client" replay "$CAPTURES/ikev2-rekey-inside.pcapng" $AB
must replay_again
# shellcheck disable=SC2086
check "NAT traversal from 500 to 4500, with and without L2TP inside, two clients each" replay \
	"$CAPTURES/natt-float-inside.pcapng" "$CAPTURES/l2tp-ipsec-one-inside.pcapng" --client 192.168.1.2 --server $SERVER --gap 0.1 --copies 2
check "the namespaces are gone" topo_down
