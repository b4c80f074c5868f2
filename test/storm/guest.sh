#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh ROUNDS PACKETS: in a guest, by scripts/storm. Two clients have a PPTP call and
# an ESP tunnel each with one server. Then, in each round, from five places at a time:
# two other clients, the server's own network, a host that pretends to be the
# server, and one that has a control connection. After each round both tunnels of
# both clients must work, both ways. At the end nothing may be left.
# shellcheck source=test/lib/ktap.sh
. /test/lib/ktap.sh
# shellcheck source=test/lib/topo.sh
. /test/lib/topo.sh
# shellcheck source=test/peer/pptp.sh
. /test/peer/pptp.sh
# shellcheck source=test/peer/ike.sh
. /test/peer/ike.sh
rounds=$1 each=$(($2 / ($1 * 5)))
OTHER=198.51.100.2
# live numbers: SPIs both ways, call IDs
IDS=(0x1001 0x1002 0x2001 0x2002 7 7 100 101)

# Everything each round sends; the peers sleep meanwhile, they are not what is tested.
storm() {
	local seed=$1 pids=()
	kill -STOP "$PEERS_PID" "$(pid_of c1)" "$(pid_of c2)" "$(pid_of s)"
	c3 /out/storm packets "$seed" "$each" "$(client_ip 3)" $SERVER "${IDS[@]}" >"$TOPO_TMP/sent.1" & pids+=($!)
	c4 /out/storm packets $((seed + 1)) "$each" "$(client_ip 4)" $OTHER "${IDS[@]}" >"$TOPO_TMP/sent.2" & pids+=($!)
	s /out/storm packets $((seed + 2)) "$each" $SERVER $WAN "${IDS[@]}" >"$TOPO_TMP/sent.3" & pids+=($!)
	in_ns o /out/storm packets $((seed + 3)) "$each" $SERVER $WAN "${IDS[@]}" >"$TOPO_TMP/sent.4" & pids+=($!)
	c3 /out/storm tcp $((seed + 4)) "$each" $OTHER >"$TOPO_TMP/sent.5" & pids+=($!)
	r setpriv --reuid 65534 --clear-groups /out/storm netlink $((seed + 5)) 2000 >"$TOPO_TMP/sent.6" & pids+=($!)
	in_ns o /out/storm netlink $((seed + 6)) 2000 >"$TOPO_TMP/sent.7" & pids+=($!)
	wait "${pids[@]}"
	kill -CONT "$PEERS_PID" "$(pid_of c1)" "$(pid_of c2)" "$(pid_of s)"
}

calls() { echo "$(p c1 ping) $(p c2 ping)"; }
tunnels() {
	ask forget >/dev/null
	echo "$(deliver c1 $SERVER 0x1001 "$1") $(deliver c2 $SERVER 0x1002 "$1")" \
		"$(deliver s $WAN 0x2001 "$1") $(deliver s $WAN 0x2002 "$1")"
}
good="s $WAN s $WAN c1 $SERVER c2 $SERVER"
work="sent 1 back 1 wrong 0 sent 1 back 1 wrong 0"

plan $((4 + 2 * rounds + 3))
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
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
p s ids 100 >/dev/null
control c1 k $SERVER
control c2 k $SERVER
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

for ((i = 1; i <= rounds; i++)); do
	storm $((i * 100))
	is "round $i: the calls" "$(calls)" "$work"
	is "round $i: the tunnels" "$(tunnels $((1000 + i)))" "$good"
	cat "$TOPO_TMP"/sent.* | xargs | diag
done
# shellcheck disable=SC2016 # awk's
r awk '$2' /proc/net/nf_vpn/stats | diag
r conntrack -C | sed 's/^/conntrack entries: /' | diag
peers_down
for name in s c1 c2 sink; do stop $name; done
check "the namespaces are gone" topo_down
check "the modules unload" modprobe -r nf_vpn_passthrough
check_not "all of them" grep -q '^nf_vpn' /proc/modules
