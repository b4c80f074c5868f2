#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh ROUNDS PACKETS SEED: in a guest, by scripts/storm. Two clients have a PPTP
# call and an ESP tunnel each with one server. Then, in each round, from five places at
# a time: two other clients, the server's own network, a host that pretends to be the
# server, and one that has a control connection; and netlink requests, of users without
# rights, of root in another namespace, and of root here, who restores what is spoilt.
# After each round both tunnels of both clients must work, both ways. Then packets of one
# protocol at a time: each must be in one of the counters. At the end nothing is left.
# shellcheck source=test/lib/ktap.sh
. /test/lib/ktap.sh
# shellcheck source=test/lib/topo.sh
. /test/lib/topo.sh
# shellcheck source=test/peer/pptp.sh
. /test/peer/pptp.sh
# shellcheck source=test/peer/ike.sh
. /test/peer/ike.sh
rounds=$1 each=$(($2 / ($1 * 4))) first=$3
OTHER=198.51.100.2
# live numbers: SPIs both ways, call IDs
IDS=(0x1001 0x1002 0x2001 0x2002 7 7 100 101)

# mac NS DEVICE: of the router's end of a cable
mac() { in_ns "$1" cat "/sys/class/net/$2/address"; }
# throw NS SEED COUNT KIND DEVICE SOURCE DESTINATION: from NS, into the router's DEVICE
throw() { in_ns "$1" /out/storm packets "$2" "$3" "$4" eth0 "$(mac r "$5")" "$6" "$7" "${IDS[@]}"; }

# What arrives is not what is tested: of that one of eight, for what it provokes in turn.
deaf() {
	local ns
	for ns in c1 c2 c3 c4 s o; do
		if [ "$1" = on ]; then
			in_ns $ns nft -f - <<<"table ip deaf { chain pre { type filter hook prerouting priority -390; meta l4proto != tcp numgen random mod 8 != 0 drop; }; }"
		else
			in_ns $ns nft delete table ip deaf
		fi
	done
}

# Everything each round sends; the peers sleep meanwhile, they are not what is tested.
storm() {
	local seed=$1 pids=()
	kill -STOP "$PEERS_PID" "$(pid_of c1)" "$(pid_of c2)" "$(pid_of s)"
	deaf on
	throw c3 "$seed" "$each" all lan3 "$(client_ip 3)" $SERVER >"$TOPO_TMP/sent.1" & pids+=($!)
	throw c4 $((seed + 1)) "$each" all lan4 "$(client_ip 4)" $OTHER >"$TOPO_TMP/sent.2" & pids+=($!)
	throw s $((seed + 2)) "$each" all wan $SERVER $WAN >"$TOPO_TMP/sent.3" & pids+=($!)
	throw o $((seed + 3)) "$each" all wan2 $SERVER $WAN >"$TOPO_TMP/sent.4" & pids+=($!)
	c3 /out/storm tcp $((seed + 4)) $((each / 50)) $OTHER >"$TOPO_TMP/said.1" & pids+=($!)
	r setpriv --reuid 65534 --clear-groups /out/storm netlink $((seed + 5)) 300 >"$TOPO_TMP/said.2" & pids+=($!)
	in_ns o /out/storm netlink $((seed + 6)) 300 >"$TOPO_TMP/said.3" & pids+=($!)
	r /out/storm restore $((seed + 7)) 300 "$(client_ip 1)" "$(client_ip 2)" >"$TOPO_TMP/said.4" & pids+=($!)
	wait "${pids[@]}"
	deaf off
	kill -CONT "$PEERS_PID" "$(pid_of c1)" "$(pid_of c2)" "$(pid_of s)"
}

# Which counter a packet of a protocol is in, when we leave it; by protocol number.
# Refusals of what a packet asked for (a flow, a place) are counted beside it.
declare -A EXITS=(
	[esp]="attached truncated fragment esp_reserved esp_unknown esp_local esp_first esp_weighed esp_unexpected esp_refused"
	[gre]="attached truncated fragment gre_other gre_unknown gre_pending"
	[l2tp]="attached truncated fragment l2tp_unknown l2tp_pending l2tp_clash l2tp_ambiguous l2tp_refused l2tp_bad l2tp_message l2tp_hidden l2tp_digest"
	[ah]="truncated fragment ah_passed ah_nat"
	[icmp]="icmp_attached icmp_unknown icmp_bad icmp_shared truncated gre_other esp_reserved"
)
# shellcheck disable=SC2016 # awk's
exits() { r awk -v list="${EXITS[$1]}" 'BEGIN { n = split(list, a); for (i = 1; i <= n; i++) want[a[i]] = 1 } $1 in want { sum += $2 } END { print sum }' /proc/net/nf_vpn/stats; }
arrived() { r nft -j list counter ip arrive seen | sed -E 's/.*"packets": ([0-9]+).*/\1/'; }
# each_counted KIND PROTOCOL: so many arrive behind raw and before us, so many exits
each_counted() {
	local before
	r nft delete table ip arrive 2>/dev/null
	r nft -f - <<-N || return
		table ip arrive {
			counter seen { }
			chain pre {
				type filter hook prerouting priority -250;
				$2 counter name seen
			}
			chain out {
				type filter hook output priority -250;
				$2 counter name seen
			}
		}
	N
	before=$(exits "$1")
	throw c3 $((first + 7)) 4000 "$1" lan3 "$(client_ip 3)" $SERVER >/dev/null
	throw o $((first + 8)) 4000 "$1" wan2 $SERVER $WAN >/dev/null
	sleep 1
	echo "$(arrived) arrived, $(($(exits "$1") - before)) counted"
}

calls() { echo "$(p c1 ping) $(p c2 ping)"; }
tunnels() {
	ask forget >/dev/null
	echo "$(deliver c1 $SERVER 0x1001 "$1") $(deliver c2 $SERVER 0x1002 "$1")" \
		"$(deliver s $WAN 0x2001 "$1") $(deliver s $WAN 0x2002 "$1")"
}
good="s $WAN s $WAN c1 $SERVER c2 $SERVER"
work="sent 1 back 1 wrong 0 sent 1 back 1 wrong 0"

plan $((4 + 2 * rounds + 5 + 3))
must modprobe nf_vpn_passthrough
topo_up 4
must ns_add o
must link o eth0 r wan2
must address o eth0 $OTHER/24
must address r wan2 198.51.100.1/24
must in_ns o ip route add default via 198.51.100.1
must s ip route add default via $WAN
r nft add rule ip filter forward iifname '"lan*"' oifname '"wan2"' accept
r nft add rule ip nat post oifname '"wan2"' masquerade
r sysctl -qw net.netfilter.nf_conntrack_gre_timeout=5 \
	net.netfilter.nf_conntrack_udp_timeout=5 net.netfilter.nf_conntrack_icmp_timeout=5
sysctl -qw net.netfilter.nf_conntrack_max=200000
must helper_rule vpn-pptp tcp 1723
must helper_rule vpn-ike udp 500
must helper_rule vpn-l2tp udp 1701
r nft insert rule ip helpers pre udp dport 4500 ct helper set '"vpn-ike"'
r sysctl -qw net.netfilter.nf_vpn.l2tp_ip_mark=0x20
r nft add chain ip helpers raw '{ type filter hook prerouting priority raw; }'
r nft add rule ip helpers raw iifname '"lan*"' meta l4proto 115 meta mark set mark or 0x20
two_connected
is "client 1 calls" "$(p c1 call k 7)" "up own=7 peer=100"
is "client 2 calls" "$(p c2 call k 7)" "up own=7 peer=101"
peers_up c1 c2 s
for k in 1 2; do
	meet c$k s >/dev/null
	settle c$k s 0x100$k 0x200$k
	is "client $k has a tunnel" "$(owner 0x200$k)" "$(client_ip $k) settled"
done
background o sink /out/storm sink 99
must wait_for 20 grep -q ready "$(log_of sink)"

sent=0
for ((i = 1; i <= rounds; i++)); do
	t0=$SECONDS
	storm $((first + i * 100))
	now=$(cat "$TOPO_TMP"/sent.* | awk '{ n += $1 } END { print n }') sent=$((sent + now))
	diag "round $i: $now packets in $((SECONDS - t0)) s; $(cat "$TOPO_TMP"/said.* | xargs)"
	is "round $i: the calls" "$(calls)" "$work"
	is "round $i: the tunnels" "$(tunnels $((1000 + i)))" "$good"
done
diag "$sent packets in all, from seed $first on"
deaf on
for kind in "esp meta l4proto esp" "gre meta l4proto gre" "l2tp meta l4proto 115" "ah meta l4proto ah" \
	"icmp icmp type { 3, 4, 11, 12 } @th,64,8 69 @th,112,16 and 0x1fff == 0 @th,136,8 { 47, 50, 115 }"; do
	read -r kind match <<<"$kind"
	said=$(each_counted "$kind" "$match")
	diag "$kind: $said"
	read -r n _ m _ <<<"$said"
	check "$kind: each packet that arrives is counted" [ "$n" -gt 0 -a "$n" -le "$m" ]
done
deaf off
# shellcheck disable=SC2016 # awk's
r awk '$2' /proc/net/nf_vpn/stats | diag
r conntrack -C | sed 's/^/conntrack entries: /' | diag
peers_down
for name in s c1 c2 sink; do stop $name; done
check "the namespaces are gone" topo_down
check "the modules unload" modprobe -r nf_vpn_passthrough
check_not "all of them" grep -q '^nf_vpn' /proc/modules
