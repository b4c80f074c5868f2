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
# How many of all pings each direction were answered: by what the senders' kernels
# got. ping itself does not wait for an answer that comes late on a busy machine.
answers() {
	local before
	before=$(echo_replies)
	at_once "$1" % 5 >/dev/null
	wait_for 15 all_replies "$before"
	echo "$(($(echo_replies) - before)) of $all"
}
all_replies() { [ "$(($(echo_replies) - $1))" -ge "$all" ]; }
echo_replies() {
	local ns
	# shellcheck disable=SC2016 # awk expands these
	for ns in s $(ike_clients); do
		in_ns "$ns" awk '/^Icmp:/ { for (i = 1; i <= NF; i++) if ($i == "InEchoReps") at = i; last = $at } END { print last }' /proc/net/snmp
	done | paste -sd+ | bc
}

# What else topo.sh does not show: did the packet arrive, and was refused there?
# shellcheck disable=SC2016 # awk expands these
whose_fault() {
	local ns
	for ns in s $(ike_clients); do
		echo "$ns: $(in_ns "$ns" awk '$2' /proc/net/xfrm_stat | xargs)"
		in_ns "$ns" ip -s xfrm state | grep -E '^src|spi|replay|failed|[0-9]+\(bytes' | xargs
	done
}
all_answered() {
	local got
	got=$(answers "$2")
	is "$1" "$got" "$all of $all"
	[ "$got" = "$all of $all" ] || whose_fault | diag
}

no_flows() { ! r grep -q . /proc/net/nf_vpn/flows; }

all=$((5 * N))
rekeys() {
	check "all clients rekey at once" new_sas $((++sas)) c% --rekey-ipsec
	all_answered "each passes traffic" ike_answered
	all_answered "and back" ike_answered_back
	check "the server rekeys all at once" new_sas $((++sas)) s --rekey-ipsec
	all_answered "the server pings first" ike_answered_back
	all_answered "and back" ike_answered
}
# From the daemons' start to their end.
once() {
	local sas=1 i
	must ike_up ikev2
	check "all start at once" new_sas 1 c% --initiate
	all_answered "each passes traffic" ike_answered
	all_answered "and back" ike_answered_back
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
