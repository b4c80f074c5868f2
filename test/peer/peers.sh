# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# One process that plays every node, and how to talk to it: what ike.sh and l2tp.sh
# share. They set PEERS_PROGRAM, a file beside this one.
#
#	peers_up c1 c2 s		# NODE[:NAMESPACE][@ADDRESS[/PUBLIC]]...
#	ask VERB ARGUMENTS...		# prints the answer
#	peers_down			# before topo_down: sockets hold namespaces

peers_up() {
	local node ns address args=()
	for node in "$@"; do
		address=${node#*@} node=${node%@*}
		ns=${node#*:} node=${node%:*}
		[ "$address" != "$node" ] || address=$(node_address "$node")
		args+=("$node=/run/netns/$(ns_name "$ns")@$address")
	done
	coproc PEERS { exec python3 "$(dirname "${BASH_SOURCE[0]}")/$PEERS_PROGRAM" "${args[@]}" 2>>"$TOPO_TMP/peers.log"; }
	# copies of our own: bash hides a coprocess from subshells of subshells
	exec {PEERS_ASK}>&"${PEERS[1]}" {PEERS_SAY}<&"${PEERS[0]}"
	must peers_ready
}

peers_ready() {
	local line
	read -r -t 60 line <&"$PEERS_SAY" && [ "$line" = ready ] && return
	echo "the peers (process $PEERS_PID) said: ${line:-nothing}"
	cat "$TOPO_TMP/peers.log" "/proc/$PEERS_PID/wchan" "/proc/$PEERS_PID/stack"
	ps -eo pid,stat,wchan:30,args
	return 1
}

node_address() {
	case $1 in
	s*) echo "$SERVER" ;;
	r*) echo "$WAN" ;;
	*) client_ip "${1#c}" ;;
	esac
}

# ask VERB ARGUMENTS...: prints the answer.
ask() {
	local line
	printf '%s\n' "$*" >&"$PEERS_ASK" && read -r -t 80 line <&"$PEERS_SAY" && printf '%s\n' "$line"
}

peers_down() {
	local pid=${PEERS_PID:-}
	[ -n "$pid" ] || return 0
	echo quit >&"$PEERS_ASK"
	wait_for 20 not kill -0 "$pid" || kill -9 "$pid"
	wait "$pid" 2>/dev/null
	PEERS_PID=
}

# Instead of topo.sh's: sockets of the peers hold the namespaces.
on_exit() {
	peers_down
	[ ! -d "$TOPO_TMP" ] || topo_down >/dev/null 2>&1
}
