# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The network every test runs in; source ktap.sh first.
#
#	 c1 192.168.1.2/24 --- lan1 .---------------------.
#	   (eth0)                   | r                   |
#	 c2 192.168.2.2/24 --- lan2 |   nft: masquerade   | wan ------ eth0 s
#	                            |   forward: drop but | 203.0.113.1    203.0.113.2/24
#	 cN 192.168.N.2/24 --- lanN | established,related |
#	                            '---------------------'
#
# Namespaces have random suffixes: call them by the functions c1 ... cN, r, s
# ("r nft list ruleset") or "in_ns NAME COMMAND...". With "topo_up N lan" the
# clients share one bridge lan1: client K is 192.168.1.(K+1), router .1.
# A last client may come from outside too: add addresses as you need.
#
# A script ends with:	check "the namespaces are gone" topo_down

TOPO_ID=$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')
TOPO_TMP=/tmp/topo-$TOPO_ID
TOPO_CLIENTS=0
TOPO_MODE=own
WAN=203.0.113.1
SERVER=203.0.113.2

# The namespaces of this topology, by their short names.
ns_list() { ip netns list | sed -nE "s/^(.*)-$TOPO_ID( .*)?\$/\1/p"; }
ns_name() { printf '%s-%s' "$1" "$TOPO_ID"; }
in_ns() { ip netns exec "$1-$TOPO_ID" "${@:2}"; }
r() { in_ns r "$@"; }
s() { in_ns s "$@"; }

# The address of client K, and of the router as that client sees it.
client_ip() { if [ "$TOPO_MODE" = lan ]; then echo "192.168.1.$(($1 + 1))"; else echo "192.168.$1.2"; fi; }
gateway_ip() { if [ "$TOPO_MODE" = lan ]; then echo 192.168.1.1; else echo "192.168.$1.1"; fi; }

# Under emulation a process that starts costs as much as a thousand packets: what
# "ip" can do in one go, it does.

# ns_make NAME...: ip commands for namespaces, each with a canary: a veth whose end
# out here vanishes only when the kernel has really begun to free the namespace.
ns_make() {
	local name
	for name in "$@"; do
		printf 'netns add %s\n' "$(ns_name "$name")"
		printf 'link add x-%s type veth peer name canary netns %s\n' "$name-$TOPO_ID" "$(ns_name "$name")"
	done
}

cable() { printf 'link add %s netns %s type veth peer name %s netns %s\n' "$2" "$(ns_name "$1")" "$4" "$(ns_name "$3")"; }

# ns_config NAME [SYSCTL=VALUE...]: what a namespace has from its start, and the ip
# commands of standard input, in there. A killed program's TCP socket holds its
# namespace while it repeats a FIN that nobody answers: one repetition will do.
ns_config() {
	# shellcheck disable=SC2016 # the inner shell expands these
	in_ns "$1" sh -c 'cd /proc/sys/net || exit
		for set do echo "${set#*=}" >"${set%%=*}" || exit; done
		exec ip -batch -' sh ipv6/conf/{all,default}/disable_ipv6=1 ipv4/tcp_orphan_retries=1 "${@:2}"
}

ns_add() { ns_make "$1" | ip -batch - && echo 'link set lo up' | ns_config "$1"; }

# link NS1 DEV1 NS2 DEV2: a cable with both ends up.
link() {
	ip link add "$2" netns "$(ns_name "$1")" type veth peer name "$4" netns "$(ns_name "$3")" &&
		ip -n "$(ns_name "$1")" link set "$2" up &&
		ip -n "$(ns_name "$3")" link set "$4" up
}

address() { ip -n "$(ns_name "$1")" addr add "$3" dev "$2"; }

# topo_up [CLIENTS=2] [own|lan] [nonat]
topo_up() {
	local k
	TOPO_CLIENTS=${1:-2} TOPO_MODE=${2:-own}
	mkdir -p "$TOPO_TMP"
	modprobe -qa nf_conntrack nf_nat nf_conntrack_netlink nft_masq nft_ct nft_chain_nat nf_tables || true
	must topo_cables
	must topo_router
	must topo_host s "$SERVER/24"
	for ((k = 1; k <= TOPO_CLIENTS; k++)); do
		must topo_host "c$k" "$(client_ip "$k")/24" "route add default via $(gateway_ip "$k")"
		eval "c$k() { in_ns c$k \"\$@\"; }"
	done
	must router_rules "${3:-nat}"
}

# only_out PROTOCOL PORT: the router lets that out, what belongs to it in, and nothing else.
only_out() {
	r nft -f - <<-N
		flush chain ip filter forward
		table ip filter {
			chain forward {
				ct state established,related accept
				iifname "lan*" oifname "wan" $1 dport $2 ct state new accept
			}
		}
	N
}

# The router's device towards client K.
router_port() { if [ "$TOPO_MODE" = lan ]; then echo "port$1"; else echo "lan$1"; fi; }

topo_cables() {
	local clients k
	mapfile -t clients < <(seq -f 'c%.0f' "$TOPO_CLIENTS")
	{
		ns_make r s "${clients[@]}"
		cable s eth0 r wan
		for ((k = 1; k <= TOPO_CLIENTS; k++)); do cable "c$k" eth0 r "$(router_port "$k")"; done
	} | ip -batch -
}

topo_router() {
	local k
	{
		printf '%s\n' 'link set lo up' 'link set wan up' "addr add $WAN/24 dev wan"
		[ "$TOPO_MODE" = own ] ||
			printf '%s\n' 'link add lan1 type bridge' 'link set lan1 up' 'addr add 192.168.1.1/24 dev lan1'
		for ((k = 1; k <= TOPO_CLIENTS; k++)); do
			echo "link set $(router_port "$k") up"
			if [ "$TOPO_MODE" = own ]; then
				echo "addr add $(gateway_ip "$k")/24 dev lan$k"
			else
				echo "link set port$k master lan1"
			fi
		done
	} | ns_config r ipv4/ip_forward=1 netfilter/nf_conntrack_acct=1 || return
	# where br_netfilter is built in, what is bridged would pass the IP hooks
	[ "$TOPO_MODE" = own ] || r sysctl -qew net.bridge.bridge-nf-call-iptables=0
}

# topo_host NAME ADDRESS [IP-COMMAND...]
topo_host() {
	printf '%s\n' 'link set lo up' 'link set eth0 up' "addr add $2 dev eth0" "${@:3}" | ns_config "$1"
}

router_rules() {
	r nft -f - <<-'N' || return
		table ip filter {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related counter accept
				iifname "lan*" oifname "wan" ct state new counter accept
				counter
			}
		}
	N
	[ "$1" = nonat ] || r nft -f - <<-'N'
		table ip nat {
			chain post {
				type nat hook postrouting priority srcnat;
				oifname "wan" counter masquerade
			}
		}
	N
}

# Hosts behind the ends: d 10.1.1.2 and e 10.1.2.2 behind c1, v 10.9.0.2 behind s.
# Their routers' inner devices are ind, ine and inv; rules are the test's.
topo_behind() {
	local ns
	for ns in d e v; do must ns_add "$ns"; done
	must link d eth0 c1 ind
	must link e eth0 c1 ine
	must link v eth0 s inv
	must address d eth0 10.1.1.2/24; must address c1 ind 10.1.1.1/24
	must address e eth0 10.1.2.2/24; must address c1 ine 10.1.2.1/24
	must address v eth0 10.9.0.2/24; must address s inv 10.9.0.1/24
	must in_ns d ip route add default via 10.1.1.1
	must in_ns e ip route add default via 10.1.2.1
	must in_ns v ip route add default via 10.9.0.1
}

# behind_router NS HELPER PROTOCOL PORTS: a router for topo_behind's hosts, whose outer
# device is eth0. It masquerades, helps, and lets these ports in where stdin, more rules
# for its table ip nat, forwards them.
behind_router() {
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1
	in_ns "$1" nft -f - <<-N
		table ip helpers {
			ct helper $2 { type "$2" protocol $3; }
			chain pre {
				type filter hook prerouting priority filter;
				$3 dport $4 ct helper set "$2"
			}
		}
		table ip filter {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				iifname "in*" $3 dport $4 accept
				$3 dport $4 ct status dnat accept
			}
		}
		table ip nat {
			chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
			$(cat)
		}
	N
}

# Does the kernel track GRE? Debug kernels do not: for them all of two hosts is one
# connection, and where stock conntrack is left alone one client's gets through.
knows_gre() { [ -e /proc/sys/net/netfilter/nf_conntrack_gre_timeout ]; }
# strays N: so many of one client's N packets of a call we do not know get through
strays() { if knows_gre; then echo 0; else echo "$1"; fi; }

# A counter of /proc/net/nf_vpn/stats in r (or in namespace $2).
# shellcheck disable=SC2016 # awk's
counted() { in_ns "${2:-r}" awk -v name="$1" '$1 == name { print $2 }' /proc/net/nf_vpn/stats; }

# helper_rule TYPE PROTOCOL PORT: the admin's opt-in, in the router.
helper_rule() {
	r nft -f - <<-N
		table ip helpers {
			ct helper $1 {
				type "$1" protocol $2;
			}
			chain pre {
				type nat hook prerouting priority dstnat - 10;
				$2 dport $3 ct helper set "$1"
			}
		}
	N
}

# background NS NAME COMMAND...: a process with a /run of its own (daemons of
# one kind do not meet); output in $(log_of NAME). "inside NAME COMMAND..." runs
# something where that process lives, "stop NAME" ends it.
background() {
	local ns=$1 name=$2
	shift 2
	# shellcheck disable=SC2016 # the inner shell expands these
	in_ns "$ns" sh -c 'mount -t tmpfs tmpfs /run; mkdir -p /run/lock /run/pptp /run/pluto /run/xl2tpd
		echo $$ >"$1"; shift; exec "$@"' sh "$TOPO_TMP/$name.pid" "$@" </dev/null >"$TOPO_TMP/$name.log" 2>&1 &
	wait_for 10 test -s "$TOPO_TMP/$name.pid"
}

log_of() { printf '%s\n' "$TOPO_TMP/$1.log"; }
pid_of() { cat "$TOPO_TMP/$1.pid"; }
inside() { nsenter -t "$(pid_of "$1")" -m -n "${@:2}"; }

stop() {
	local pid
	pid=$(pid_of "$1") || return 0
	kill "$pid" 2>/dev/null
	wait_for 5 not kill -0 "$pid" || kill -9 "$pid" 2>/dev/null
	rm -f "$TOPO_TMP/$1.pid"
}

not() { ! "$@"; }

# Packets that a client gets answered: "answered c1 3 ADDRESS [PING OPTIONS]".
answered() {
	in_ns "$1" ping -n -q -c "$2" -i 0.2 -W 2 "${@:4}" "$3" 2>/dev/null |
		sed -nE 's/.* ([0-9]+) received.*/\1/p'
}

# What to look at when a test failed; called by ktap.sh.
on_failure() {
	local file name
	ns_list | grep -qx r || return 0
	echo "--- conntrack of r, all zones"
	r conntrack -L 2>&1
	r conntrack -L expect 2>&1
	echo "--- nft of r"
	r nft list ruleset
	echo "--- modules and their state in r"
	lsmod | grep -E '^(nf_vpn|nf_conntrack|nf_nat)'
	# shellcheck disable=SC2016 # the inner shell expands these
	r sh -c 'for f in /proc/net/nf_vpn/* /proc/net/nf_vpn; do [ ! -f "$f" ] || { echo "== $f"; cat "$f"; }; done'
	r sysctl -a 2>/dev/null | grep -E 'nf_vpn'
	for file in "$TOPO_TMP"/*.log; do
		[ -s "$file" ] || continue
		name=${file##*/}
		echo "--- the end of $name"
		tail -n 15 "$file"
	done
	echo "--- kernel"
	dmesg | tail -n 15
}

# Ends every process in the namespaces, deletes these and waits until the kernel
# has freed them: a reference that a module lost shows here.
topo_down() {
	local name names failed=0
	mapfile -t names < <(ns_list)
	# shellcheck disable=SC2046 # a list of words
	kill -9 $(ns_pids) 2>/dev/null
	wait_for 5 ns_are_idle || echo "processes will not die: $(ns_pids)"
	printf "netns del %s-$TOPO_ID\n" "${names[@]}" | ip -force -batch - || failed=1
	for name in "${names[@]}"; do
		wait_for 20 canary_is_gone "$name" || { echo "namespace $name lives on: something holds it"; failed=1; }
	done
	[ $failed -ne 0 ] || ns_workqueue_passed || failed=1
	rm -rf "$TOPO_TMP"
	return $failed
}

# The processes in the namespaces of this topology, one a line.
ns_pids() {
	find /run/netns/*-"$TOPO_ID" /proc/[0-9]*/ns/net -printf '%i %p %l\n' 2>/dev/null |
		awk 'NF == 2 { ours["net:[" $1 "]"] = 1 } $3 in ours { split($2, part, "/"); print part[3] }'
}

ns_are_idle() { [ -z "$(ns_pids)" ]; }
canary_is_gone() { [ ! -e "/sys/class/net/x-$1-$TOPO_ID" ]; }

# The kernel frees namespaces one after the other: when a new one is gone, the
# exit functions of all the older ones have returned (conntrack's own waits
# for every entry to be released).
ns_workqueue_passed() {
	{ ns_make last; echo "netns del $(ns_name last)"; } | ip -batch - && wait_for 20 canary_is_gone last && return
	echo "the kernel hangs while it frees a namespace: a conntrack entry was not released"
	return 1
}

# Called by ktap.sh at the end, also of a script that failed on its way.
on_exit() {
	[ ! -d "$TOPO_TMP" ] || topo_down >/dev/null 2>&1
}
