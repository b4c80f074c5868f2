#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# What a replay must find: packets that go out untranslated, that are lost, or changed
# where no NAT may change them. A router that does these things is made here.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/replay.sh
. "$(dirname "$0")/../lib/replay.sh"

A="--client 192.168.1.2 --server $SERVER --gap 0.1 --patience 2"

# harm CHAIN RULE: what the router does wrong from now on.
harm() {
	r nft -f - <<-N
		table ip harm {
			chain $1 {
				type filter hook $1 priority 300;
				$2
			}
		}
	N
}
unharmed() { r nft delete table ip harm && replay_again; }

plan 6
must modprobe nf_vpn_passthrough
replay_up
must replay_rules
F=$CAPTURES/pptp-one-inside.pcapng
# shellcheck disable=SC2086 # options
check "nothing is wrong" replay "$F" $A
must replay_again
must harm postrouting 'meta l4proto gre meta length > 70 drop'
# shellcheck disable=SC2086
check "lost packets" fails_with 'octets, from the client\) did not arrive within' "$F" $A
must unharmed
must harm postrouting 'tcp dport 1723 ip dscp set 10'
# shellcheck disable=SC2086
check "a changed octet" fails_with 'arrived changed: octet 1 is 0x28' "$F" $A
must unharmed
must harm postrouting 'ip daddr 192.168.1.3 ip daddr set 192.168.1.2'
# shellcheck disable=SC2086
check "the wrong host" fails_with 'went to the wrong host, client 1' "$F" $A --copies 2
must unharmed
must r nft delete table ip nat
# shellcheck disable=SC2086
check "a leak" fails_with 'LEAK: a packet 192.168.1.2 > 203.0.113.2' "$F" $A
check "the namespaces are gone" topo_down
