#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh SCENARIO [SIZES...]: in a guest under icount, with load.c built as
# /out/load.  Prints figures, "SCENARIO VARIANT N WHAT VALUE" with tabs between, and
# "# ..." for what helps to believe them.
# shellcheck source=test/lib/ktap.sh
. /test/lib/ktap.sh
# shellcheck source=test/lib/topo.sh
. /test/lib/topo.sh
set -uo pipefail

SCENARIO=$1
COUNT=${BENCH_COUNT:-4000}
shift
ENTRIES=1000000

# say VARIANT N WHAT VALUE
say() { printf '%s\t%s\t%s\t%s\t%s\n' "$SCENARIO" "$@"; }

# up [nat|nonat]: the network anew, and load in it.
up() {
	topo_up 1 own "${1:-nat}" && must sysctl -qw net.netfilter.nf_conntrack_max=$ENTRIES
	# as kernels have it, while tests read the counters
	must r sysctl -qw net.netfilter.nf_conntrack_acct="${BENCH_ACCT:-0}"
	[ "${1:-nat}" = nat ] || r nft flush ruleset
	must r ip route add 10.128.0.0/9 via "$(client_ip 1)"
	must r ip route add 198.18.0.0/15 via $SERVER
	must s ip route add default via $WAN
	must c1 ip route add local 10.128.0.0/9 dev lo
	must s ip route add local 198.18.0.0/15 dev lo
	coproc LOAD { exec /out/load "/run/netns/$(ns_name c1)" "/run/netns/$(ns_name s)" \
		"$([ "${1:-nat}" = nat ] && echo $WAN || echo -)"; }
}

# Out of a pipe or $(...): bash keeps a coprocess from both.
ask() {
	echo "$*" >&"${LOAD[1]}"
	read -r -t 3000 -u "${LOAD[0]}" ANSWER || { echo "# load is gone: $*"; exit 1; }
	case $ANSWER in failed*) echo "# $*: $ANSWER"; exit 1 ;; esac
}

down() {
	local pid=$LOAD_PID
	echo quit >&"${LOAD[1]}"
	wait "$pid"
	topo_down || exit 1
}

# warm COMMAND COUNT: both ends speak, and are answered.
warm() {
	local dir
	for dir in out in out; do ask "$1" $dir "$2"; done
}

# both VARIANT N COMMAND: a figure for each direction, of what both ends have spoken on.
both() {
	local dir
	# each session of them
	warm "$3" $(($2 > 64 ? $2 : 64))
	for dir in out in; do
		ask "$3" $dir "$COUNT"
		say "$1" "$2" $dir "$ANSWER"
	done
}

# The rules of tool/nft/clients.nft, for helpers as they are called.
rules() { # KIND: ours, intree, or none (the same chains, and nobody is helped)
	case $1 in
	ours)
		sed -E 's/\{ "lan0", "lan1" \}/{ "lan1" }/' /usr/share/nf_vpn/clients.nft >/tmp/rules.nft
		must r nft -f /tmp/rules.nft
		must r sysctl -qw net.netfilter.nf_vpn.max_per_client=$ENTRIES \
			net.netfilter.nf_vpn.max_flows=$ENTRIES
		;;
	intree | none)
		r nft -f - <<-N
			table ip vpn_clients {
				$([ "$1" = none ] || echo 'ct helper pptp { type "pptp" protocol tcp; }')
				chain helped {
					tcp dport 1723 $([ "$1" = none ] && echo counter || echo 'ct helper set "pptp"')
					udp dport { 500, 4500 } counter
					udp dport 1701 counter
				}
				chain prerouting {
					type nat hook prerouting priority dstnat - 10;
					iifname "lan1" jump helped
				}
			}
		N
		;;
	esac
}

flows() { r grep -cE "$1" /proc/net/nf_vpn/flows || true; }

gre() {
	local n
	up nonat
	both plain 0 gre
	down
	# without a helper nothing comes back that a call ID is written into
	up nat
	ask gre out "$COUNT"
	say conntrack 0 out "$ANSWER"
	down
	modprobe nf_nat_pptp
	for n in "$@"; do
		[ "$n" -le 1000 ] || continue # one connection a call, and a list
		up nat
		rules intree
		ask calls "$n" 1 1
		# of what comes in with 1,000 calls it loses half
		if [ "$n" -lt 1000 ]; then
			both intree "$n" gre
		else
			ask gre out "$COUNT"
			say intree "$n" out "$ANSWER"
		fi
		down
	done
	rmmod nf_nat_pptp nf_conntrack_pptp
	modprobe nf_vpn_passthrough
	for n in "$@"; do
		up nat
		rules ours
		r sysctl -qw net.netfilter.nf_vpn.pptp_max_calls=1000
		ask calls "$n" 1000 8
		both ours "$n" gre
		echo "# $(flows ' up ') flows up"
		down
	done
}

esp() {
	local n
	up nonat
	ask sa
	both plain 1 esp
	down
	up nat
	ask sa
	both conntrack 1 esp
	down
	up nat
	rules none
	ask sa
	both conntrack+rules 1 esp
	down
	modprobe nf_vpn_passthrough
	for n in "$@"; do
		up nat
		rules ours
		ours_sas "$n"
		both ours "$n" esp
		echo "# $n: $(flows settled) settled"
		down
	done
}

# N pairs of SPIs, each of a client and server of its own: whose an SPI is, is settled
# by the second packet then. Who shares a server has to talk longer than this.
ours_sas() {
	r sysctl -qw net.netfilter.nf_vpn.ipsec_hold=0
	ask sas "$1" 1 1
}

# UDP with a helper, or what stands in for it.
udp() {
	local spec kind ports
	for spec in 'l2tp 1701 1701' 'ike 500 500' 'natt 4500 4500'; do
		kind=${spec%% *} ports=${spec#* }
		up nonat
		ask udp "$kind" "$ports"
		both "plain $kind" 1 udp
		down
		up nat
		ask udp "$kind" "$ports"
		both "conntrack $kind" 1 udp
		down
		up nat
		rules none
		ask udp "$kind" "$ports"
		both "conntrack+rules $kind" 1 udp
		down
	done
	modprobe nf_vpn_passthrough
	for spec in 'l2tp 1701 1701' 'ike 500 500' 'natt 4500 4500'; do
		kind=${spec%% *} ports=${spec#* }
		up nat
		rules ours
		ask calls 1 1 1 # our hooks, which UDP pays for as well
		ask udp "$kind" "$ports"
		both "ours $kind" 1 udp
		# shellcheck disable=SC2016 # awk expands these
		echo "# $kind: $(r awk '$2 { print $1, $2 }' /proc/net/nf_vpn/stats | xargs)"
		down
	done
}

# Packets that are nobody's business here.
others_measure() {
	ask udp plain 40000 9
	both "udp $1" 1 udp
	ask rr "$COUNT"
	say "tcp $1" 1 both "$(awk -v n="$ANSWER" 'BEGIN { printf "%.1f", n / 2 }')"
}

others() {
	up nonat
	others_measure plain
	down
	up nat
	others_measure conntrack
	down
	up nat
	rules none
	others_measure conntrack+rules
	down
	modprobe nf_vpn_passthrough
	up nat
	others_measure loaded
	down
	up nat
	rules ours
	ask calls 1 1 1 # our hooks come with the first one that is helped
	ask sas 1 1 1
	others_measure ours
	echo "# $(flows .) flows"
	down
}

strange() {
	up nonat
	ask strange other "$COUNT"
	say plain 1 other "$ANSWER"
	down
	up nat
	ask strange other "$COUNT"
	say conntrack 1 other "$ANSWER"
	ask sa
	ask strange known "$COUNT"
	say conntrack 1 known "$ANSWER"
	down
	modprobe nf_vpn_passthrough
	for n in "$@"; do
		up nat
		rules ours
		ours_sas "$n"
		ask strange other "$COUNT"
		say ours "$n" other "$ANSWER"
		ask strange known "$COUNT"
		say ours "$n" known "$ANSWER"
		echo "# $(flows .) flows"
		down
	done
}

# What one more session costs to set up, when so many are there: control messages
# and the first data, both ends, all the way.
setup() {
	local kind
	modprobe nf_vpn_passthrough
	for kind in conntrack ours; do
		setup_one "$kind" pptp 'calls %s 1000 8' 'calls %s 1000 1' "$@"
		setup_one "$kind" ipsec 'sas %s 1 1' 'sas %s 1 1' "$@"
	done
}

setup_one() { # VARIANT TEXT MANY ONE SIZES...
	local variant=$1 text=$2 many=$3 one=$4 probe=${BENCH_PROBE:-100} live=0 n
	shift 4
	up nat
	if [ "$variant" = ours ]; then
		rules ours
		r sysctl -qw net.netfilter.nf_vpn.ipsec_hold=0 net.netfilter.nf_vpn.pptp_max_calls=1000
	fi
	for n in "$@"; do
		# shellcheck disable=SC2059 # the command is the format
		if [ "$n" -gt $((live + 1)) ]; then ask "$(printf "$many" $((n - live)))"; live=$n; fi
		# shellcheck disable=SC2059
		ask "$(printf "$one" "$probe")"
		# shellcheck disable=SC2059
		ask "$(printf "$one" "$probe")"
		live=$((live + probe * 2))
		say "$variant $text" "$n" session "$ANSWER"
	done
	[ "$variant" = conntrack ] || echo "# $text: $(flows .) flows, $(flows settled) settled"
	down
}

# Bytes that N sessions take, each, and what of it is ours; a namespace that uses nothing.
memory() {
	local n=$1 a b kind entry stock
	up nat
	mapfile -t a < <(used)
	ask flows "$n"
	mapfile -t b < <(used)
	entry=$(((b[0] + b[1] - a[0] - a[1]) / n))
	say "conntrack udp" "$n" entry $entry
	down
	up nat
	mapfile -t a < <(used)
	idle_namespaces 100
	mapfile -t b < <(used)
	say "without" 100 namespace $(((b[0] + b[1] + b[2] - a[0] - a[1] - a[2]) / 100))
	idle_namespaces 0
	modprobe nf_vpn_passthrough
	mapfile -t a < <(used)
	idle_namespaces 100
	mapfile -t b < <(used)
	say "loaded" 100 namespace $(((b[0] + b[1] + b[2] - a[0] - a[1] - a[2]) / 100))
	idle_namespaces 0
	down
	for kind in pptp ipsec; do
		sessions conntrack $kind "$n"
		stock=$SESSION
		sessions ours $kind "$n"
		# of a call stock conntrack has no entry here: nobody sends GRE
		[ $kind = ipsec ] || stock=$((stock + entry))
		say "ours $kind" "$n" "beyond conntrack" $((SESSION - stock))
	done
}

# sessions VARIANT KIND N: SESSION is what each takes
sessions() {
	local a b
	up nat
	if [ "$1" = ours ]; then
		rules ours
		r sysctl -qw net.netfilter.nf_vpn.ipsec_hold=0 net.netfilter.nf_vpn.pptp_max_calls=1000
	fi
	mapfile -t a < <(used)
	if [ "$2" = pptp ]; then ask calls "$3" 1000 8; else ask sas "$3" 1 1; fi
	mapfile -t b < <(used)
	SESSION=$(((b[0] + b[1] - a[0] - a[1]) / $3))
	say "$1 $2" "$3" session $SESSION
	say "$1 $2" "$3" entries "$(awk -v a="${a[3]}" -v b="${b[3]}" -v n="$3" 'BEGIN { printf "%.2f", (b - a) / n }')"
	down
}

# Bytes in slabs, large ones included, in tables outside them, of per-CPU data;
# conntrack entries.
used() {
	local cache
	ip netns add wait_rcu && ip netns del wait_rcu
	sleep 3
	# what was freed before and is kept for the next one would count as nobody's
	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
	awk '/^SUnreclaim:/ { print $2 * 1024 }' /proc/meminfo
	awk '{ n += $2 } END { printf "%.0f\n", n }' /proc/vmallocinfo
	awk '/^Percpu:/ { print $2 * 1024 }' /proc/meminfo
	r conntrack -C
}

idle_namespaces() {
	local i
	if [ "$1" = 0 ]; then
		for i in $(ip netns list | sed -n 's/^\(idle[0-9]*\).*/\1/p'); do ip netns del "$i"; done
		sleep 3
	else
		for ((i = 0; i < $1; i++)); do ip netns add "idle$i"; done
	fi
}

# All sessions, listed.
dump() {
	local n=$1 in
	modprobe nf_vpn_passthrough
	up nat
	rules ours
	r sysctl -qw net.netfilter.nf_vpn.ipsec_hold=0
	ask sas "$n" 1 1
	in="ip netns exec $(ns_name r)"
	echo "# $(flows settled) settled, $(r nfvpn list | wc -l) lines"
	ask run "$in nfvpn list"
	say "nfvpn list" "$n" all "$ANSWER"
	ask run "$in nfvpn list -j"
	say "nfvpn -j list" "$n" all "$ANSWER"
	ask run "$in cat /proc/net/nf_vpn/flows"
	say "/proc/net/nf_vpn/flows" "$n" all "$ANSWER"
	ask run "$in conntrack -L -p esp"
	say "conntrack -L -p esp" "$n" all "$ANSWER"
	down
}

# For scripts/profile, which ends the guest.
profile() { # VARIANT SETUP COMMAND
	case $1 in
	intree) modprobe nf_nat_pptp ;;
	ours) modprobe nf_vpn_passthrough ;;
	esac
	if [ "$1" = plain ]; then up nonat; else up nat; fi
	case $1 in
	intree | ours) rules "$1" ;;
	conntrack+rules) rules none ;;
	esac
	[ "$1" != ours ] || r sysctl -qw net.netfilter.nf_vpn.ipsec_hold=0
	[ -z "$2" ] || ask "$2"
	# as both() begins
	case $3 in *' in' | *' out') warm "${3% *}" 64 ;; esac
	ask "$3 500"
	cp /proc/kallsyms /out/kallsyms
	touch /out/ready
	ask "$3 1000000"
}

case $SCENARIO in
profile | gre | esp | udp | others | strange | setup | memory | dump) "$SCENARIO" "$@" ;;
*) echo "# no scenario $SCENARIO"; exit 1 ;;
esac
plan 0
