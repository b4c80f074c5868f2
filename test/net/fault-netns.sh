#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# A second router's namespace is made, used and deleted again and again (ROUNDS, 5) while
# packets of its sessions keep coming; the first router's sessions go on, and nothing
# holds any of the deleted ones.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

ROUNDS=${ROUNDS:-5}
# Router q with its cables; the ends of them vanish with it.
router_made() {
	local k
	{
		ns_make q
		cable t eth0 q wan
		for k in 1 2; do cable d$k eth0 q lan$k; done
	} | ip -batch - || return
	printf '%s\n' 'link set wan up' "addr add $WAN/24 dev wan" 'link set lan1 up' 'addr add 192.168.1.1/24 dev lan1' \
		'link set lan2 up' 'addr add 192.168.2.1/24 dev lan2' | ns_config q ipv4/ip_forward=1 &&
		in_ns q nft -f "$TOPO_TMP/rules" && topo_host t $SERVER/24 || return
	for k in 1 2; do topo_host d$k 192.168.$k.2/24 "route add default via 192.168.$k.1" || return; done
}
streams_there() {
	local k
	for k in 1 2; do
		ask stream d$k $SERVER 50 "0000100$k++++++++0000000000000000" pause=0.005
		ask stream t $WAN 50 "0000200$k++++++++0000000000000000" pause=0.005
		ask stream d$k $SERVER udp:500:500 "111111111111111${k}000000000000000021202208++++++++0000001c"
	done
}
flows_there() { [ "$(in_ns q grep -c '^esp' /proc/net/nf_vpn/flows)" -ge 2 ]; }
used() { meet d1 t >/dev/null && meet d2 t >/dev/null && wait_for 5 flows_there; }
rounds() {
	local i
	for ((i = 1; i <= ROUNDS; i++)); do
		router_made || return
		used || { echo "round $i: no flows"; return 1; }
		ip netns del "$(ns_name q)"
		wait_for 20 canary_is_gone q || { echo "round $i: the namespace lives on"; return 1; }
	done
}

plan 8
topo_up 2
must sessions_rules
r nft list ruleset >"$TOPO_TMP/rules"
ns_make d1 d2 t | ip -batch -
peers_start c1 c2 s d1@192.168.1.2 d2@192.168.2.2 t@$SERVER
sessions_up
must streams_there
check "$ROUNDS routers made, used and deleted under traffic" rounds
check "packets were sent meanwhile" [ "$(ask calm)" -gt 100 ]
ask forget >/dev/null
is "the first router's sessions go on" "$(carried)" "$ALL"
is "they are the same flows" "$(counted flow_new) $(counted flow_end)" "8 0"
sessions_down
check "the namespaces are gone" topo_down
