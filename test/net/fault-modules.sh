#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 120
#
# Each module is unloaded and loaded again, one to four of them in any order, RELOADS
# times (10; test-beside: 1000), while a call and a tunnel are up in each cycle and GRE,
# ESP and IKE packets flow both ways. Nothing of it is left, and after the last cycle
# VPNs work.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

RELOADS=${RELOADS:-10}
streams() {
	local pause=pause=0.04
	ask stream c1 $SERVER 50 "00001001++++++++0000000000000000" $pause
	ask stream s $WAN 50 "00002001++++++++0000000000000000" $pause
	ask stream c1 $SERVER 47 "3001880b00080064++++++++0000000000000000" $pause
	ask stream s $WAN 47 "3001880b00080007++++++++0000000000000000" $pause
	ask stream c2 $SERVER udp:500:500 "1111111111111112000000000000000021202208++++++++0000001c" $pause
}
# what bash makes of descriptors of its coprocess, others do not inherit: opened anew
reloads() {
	python3 /test/peer/reload.py "/run/netns/$(ns_name r)" "$RELOADS" 8 9 \
		"$TOPO_TMP/c1.in" "$TOPO_TMP/c1.out" 8>"/proc/self/fd/$PEERS_ASK" 9<"/proc/self/fd/$PEERS_SAY"
}

plan 9
topo_up 2
must modprobe -a nf_vpn_pptp nf_vpn_ipsec nf_vpn_l2tp
peers_start c1 c2 s
must streams
result=$(reloads)
matches "$RELOADS cycles" "$result" "^$RELOADS cycles, [0-9]+ unloads, $RELOADS with sessions\$"
diag "$result"
check "packets were sent meanwhile" [ "$(ask calm)" -gt $((RELOADS * 5)) ]
r conntrack -F 2>/dev/null
is "no entry in a zone of ours" "$(r conntrack -L 2>/dev/null | grep -c zone=6)" 0
check "the last ones have no flow" wait_for 20 no_flows
ask forget >/dev/null
sessions_up
is "all carry" "$(carried)" "$ALL"
sessions_down
check "the namespaces are gone" topo_down
