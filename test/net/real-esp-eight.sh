#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 900
#
# Eight libreswan clients behind one public address start at once with one
# server, raw ESP. All pass traffic, both ways, and go on doing so while each
# side rekeys all tunnels at once. ROUNDS=3 rekeys three times each, REPEATS=20
# does all of it, daemons and all, so often:
#
#	echo "exec bash /test/net/real-esp-eight.sh" >/tmp/eight
#	scripts/vm -k 6.1 -t 14000 -e ROUNDS=3 -e REPEATS=20 /tmp/eight
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/vpn.sh
. "$(dirname "$0")/../lib/vpn.sh"

N=${N:-8} ROUNDS=${ROUNDS:-1} REPEATS=${REPEATS:-1}
VPN_WAIT=120

# at_once NAME FUNCTION ARGUMENTS...: for all clients, K in place of %.
at_once() {
	local k
	for ((k = 1; k <= N; k++)); do "${@//%/$k}" & done
	wait
}
made() { ike_sas "c$1" "$1"; }
all_have() {
	local k
	for ((k = 1; k <= N; k++)); do
		[ "$(ike_sas "c$k" $k)" -ge "$1" ] && [ "$(ike_sas s $k)" -ge "$1" ] || return
	done
}
# new_sas COUNT WHO VERB: all tunnels get another SA, WHO (c% or s) begins.
new_sas() {
	at_once asks "$2" % "$3" && wait_for $VPN_WAIT all_have "$1"
}
asks() { whack "$1" "$3" --asynchronous --name "c$2" >/dev/null; }
# How many of all pings each direction were answered.
answers() {
	at_once ping_one "$1" % 5
	local k n=0
	for ((k = 1; k <= N; k++)); do n=$((n + $(cat "$TOPO_TMP/answers.$k"))); done
	echo "$n of $((5 * N))"
}
ping_one() { "$1" "$2" "$3" >"$TOPO_TMP/answers.$2"; }

no_flows() { ! r grep -q . /proc/net/nf_vpn/flows; }

all=$((5 * N))
rekeys() {
	check "all clients rekey at once" new_sas $((++sas)) c% --rekey-ipsec
	is "each passes traffic" "$(answers ike_answered)" "$all of $all"
	is "and back" "$(answers ike_answered_back)" "$all of $all"
	check "the server rekeys all at once" new_sas $((++sas)) s --rekey-ipsec
	is "the server pings first" "$(answers ike_answered_back)" "$all of $all"
	is "and back" "$(answers ike_answered)" "$all of $all"
}
# From the daemons' start to their end.
once() {
	local sas=1 i
	must ike_up ikev2
	check "all start at once" new_sas 1 c% --initiate
	is "each passes traffic" "$(answers ike_answered)" "$all of $all"
	is "and back" "$(answers ike_answered_back)" "$all of $all"
	for ((i = 1; i <= ROUNDS; i++)); do rekeys; done
	check "all daemons end" ike_down
	must r conntrack -F
	check "no flow is left" wait_for 10 no_flows
}

plan $(((5 + 6 * ROUNDS) * REPEATS + 2))
must modprobe nf_vpn_passthrough
topo_up "$N"
must helper_rule vpn-ike udp 500
for ((repeat = 1; repeat <= REPEATS; repeat++)); do once; done
# shellcheck disable=SC2016 # awk expands these
is "nothing was refused" "$(r awk '$1 == "esp_refused" { print $2 }' /proc/net/nf_vpn/stats)" 0
# shellcheck disable=SC2016 # awk expands these
r awk '$2' /proc/net/nf_vpn/stats | diag
check "the namespaces are gone" topo_down
