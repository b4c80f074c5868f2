#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 400
#
# The main job, with the software people run: two libreswan clients behind one
# public address, raw ESP to the same server, keyed by IKEv2. The first one
# stays in the packet's own zone, as without us; the second one, whom a stock
# kernel gives nothing back, gets a zone of the reserved range.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/vpn.sh
. "$(dirname "$0")/../lib/vpn.sh"
# real-esp-ikev1.sh runs this too
IKE=${IKE:-ikev2}

both_work() { is "$1: client 1" "$(ike_answered 1 3)" 3; is "$1: client 2" "$(ike_answered 2 3)" 3; }

# Pings of one period keep time with each other: that must not pass for proof.
both_at_once() {
	ike_answered 1 10 >"$TOPO_TMP/at-once" &
	local other=$!
	is "both ping at the same time: client 2" "$(ike_answered 2 10)" 10
	wait $other
	is "and client 1" "$(cat "$TOPO_TMP/at-once")" 10
}

is_reserved_zone() { [ "$1" -ge 60000 ] && [ "$1" -lt 65000 ]; }

plan 34
must modprobe nf_vpn_passthrough
topo_up 2
must ike_up "$IKE"
check "control: without the helper rule client 1 keys a tunnel" ike_connect 1
is "control: it works" "$(ike_answered 1 3)" 3
check "control: client 2 keys a tunnel too" ike_connect 2
is "control: it is black-holed" "$(ike_answered 2 3)" 0
is "control: client 1 still works" "$(ike_answered 1 3)" 3
for k in 1 2; do must ike_disconnect $k; done
must r conntrack -F

must helper_rule vpn-ike udp 500
must watch_rule helped 'ip protocol esp ct helper "vpn-ike"'
must watch_rule related 'ip protocol esp ct state related'
must watch_rule unrelated 'ip protocol esp ct state new,invalid'
check "client 1 alone keys a tunnel" ike_connect 1
is "client 1 alone works" "$(ike_answered 1 3)" 3
is "as on a stock kernel, in zone 0" "$(ct_zones 1 esp)" 0
check "client 2 keys a tunnel" ike_connect 2
both_work "both"
both_work "again"
both_at_once
ct_entries 1 esp | diag
ct_entries 2 esp | diag
is "client 1 keeps zone 0" "$(ct_zones 1 esp)" 0
check "client 2 has a zone of the reserved range" is_reserved_zone "$(ct_zones 2 esp)"
check "ESP belongs to the helper's connection" [ "$(watched helped)" -gt 40 ]
is "each tunnel began as RELATED" "$(watched related)" 2
is "no ESP came as new or invalid" "$(watched unrelated)" 0

for k in 1 2; do
	check "client $k rekeys" ike_rekey c$k $k
	both_work "client $k rekeyed"
done
for k in 1 2; do
	check "the server rekeys the tunnel of client $k" ike_rekey s $k
	is "the server pings client $k first" "$(ike_answered_back $k 3)" 3
done
both_work "the server rekeyed"
is "one ESP entry for each client: client 2 is where it was" "$(ct_zones 1 esp) $(ct_entries 2 esp | wc -l)" "0 1"
check "the namespaces are gone" topo_down
