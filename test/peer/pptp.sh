# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The shell's side of pptp.py; source ktap.sh and topo.sh first.
#
#	peer_up s s "listen"		# in namespace s, called s
#	peer_up c1 c1			# a client
#	p c1 connect k $SERVER
#	is "the call" "$(p c1 call k 5)" "up own=5 peer=1"
#
# "p NAME COMMAND..." prints what the peer answers; commands are in pptp.py.

declare -A PEER_IN PEER_OUT

# peer_up NAMESPACE NAME [COMMAND]
peer_up() {
	local ns=$1 name=$2 base=$TOPO_TMP/$2 fd
	mkfifo "$base.in" "$base.out"
	exec {fd}<>"$base.in"
	PEER_IN[$name]=$fd
	exec {fd}<>"$base.out"
	PEER_OUT[$name]=$fd
	must background "$ns" "$name" python3 /test/peer/pptp.py "$name" "$base.in" "$base.out"
	must wait_for 20 grep -q ' ready$' "$(log_of "$name")"
	[ -z "${3:-}" ] || must p_ok "$name" "$3"
}

p() {
	local name=$1 line
	shift
	printf '%s\n' "$*" >&"${PEER_IN[$name]}"
	while IFS= read -r -t "${PEER_PATIENCE:-80}" -u "${PEER_OUT[$name]}" line; do
		[ "$line" != . ] || return 0
		printf '%s\n' "$line"
	done
	echo "$name does not answer"
}

p_ok() {
	local answer
	answer=$(p "$@")
	[ "$answer" = ok ] || { echo "$*: $answer"; return 1; }
}

# A control connection, started: "control c1 k ADDRESS [PORT]".
control() {
	must p_ok "$1" connect "${@:2}"
	must control_started "$1" "$2"
}
control_started() { p "$1" start "$2" | grep -x 'sccrp'; }

# A server, whose calls have the IDs from 100 on, and two clients, each with a control
# connection k to it.
two_connected() {
	peer_up s s listen
	peer_up c1 c1
	peer_up c2 c2
	p s ids 100 >/dev/null
	control c1 k "$SERVER"
	control c2 k "$SERVER"
}

# The last connection that a listening peer accepted: a1, a2, ...
last_accepted() { sed -nE 's/.* (a[0-9]+) from .*/\1/p' "$(log_of "$1")" | tail -n 1; }

counted_is() { [ "$(counted "$1")" = "$2" ]; }
counted_above() { [ "$(counted "$1")" -gt "$2" ]; }

# Flows of the router (two a call), in all or in a state: up, closing, pending.
flows() { in_ns "${2:-r}" grep -c "^pptp.* ${1:-.*} idle=" /proc/net/nf_vpn/flows; }
flows_are() { [ "$(flows "${2:-}" "${3:-r}")" = "$1" ]; }

# GRE entries of the router.
gre_entries() { r conntrack -L -p gre 2>/dev/null | grep -c '^gre'; }
gre_entries_are() { [ "$(gre_entries)" = "$1" ]; }

if [ "${NF_VPN_TEST_HELPER:-}" = pptp ]; then
	# shellcheck source=test/lib/intree.sh
	. "$(dirname "${BASH_SOURCE[0]}")/../lib/intree.sh"
fi
