#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 200
#
# The modules leave while IKE, ESP and GRE packets flow: no crash, nothing of
# ours stays in conntrack; loaded again they learn from the next key exchange.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

ours() { lsmod | awk '/^nf_vpn/ { print $1 }' | sort | xargs; }
unload() { modprobe -r nf_vpn_passthrough 2>/dev/null; [ -z "$(ours)" ]; }
rules() {
	helper_rule vpn-ike udp 500 && r nft -f - <<-'N'
		table ip helpers {
			ct helper vpn-pptp {
				type "vpn-pptp" protocol tcp;
			}
			chain pptp {
				type filter hook prerouting priority filter;
				tcp dport 1723 ct helper set "vpn-pptp"
			}
		}
	N
}
traffic() {
	local k
	for k in 1 2; do
		ask stream c$k $SERVER 50 "0000100$k++++++++0000000000000000"
		ask stream s $WAN 50 "0000200$k++++++++0000000000000000"
		ask stream c$k $SERVER 47 "3001880b00080005++++++++0000000000000000"
		ask stream c$k $SERVER udp:500:500 "111111111111111${k}000000000000000021202208++++++++0000001c"
	done
}
sets_up() { echo "$(meet "c$1" s | sed 's/:.*//') $(settle "c$1" s "0x100$1" "0x200$1")$(deliver "c$1" $SERVER "0x100$1" 199) $(deliver s $WAN "0x200$1" 199)"; }
cycles() {
	local i
	for ((i = 1; i <= 3; i++)); do
		rules && meet c1 s && meet c2 s && r nft delete table ip helpers && wait_for 15 unload || return
	done
}

plan 11
topo_up 2
must rules
peers_up c1 c2 s
is "client 1 sets up" "$(sets_up 1)" "$WAN s $WAN c1 $SERVER"
is "client 2 sets up" "$(sets_up 2)" "$WAN s $WAN c2 $SERVER"
must traffic
check "flows exist" wait_for 5 [ "$(flow_count)" -ge 4 ]
must r nft delete table ip helpers
check "the modules unload under traffic" wait_for 15 unload
is "no entry in a zone of ours" "$(r conntrack -L 2>/dev/null | grep -c zone=)" 0
is "ESP that flows on has stock conntrack's timeout" "$(r conntrack -L -p 50 2>/dev/null | awk '$3 > 600')" ""
check "loaded, used and unloaded three times more" cycles
check "packets were sent meanwhile" [ "$(ask calm)" -gt 100 ]
ask forget >/dev/null
must rules
r conntrack -F
is "after the next key exchange client 1 works" "$(sets_up 1)" "$WAN s $WAN c1 $SERVER"
is "and client 2" "$(sets_up 2)" "$WAN s $WAN c2 $SERVER"
peers_down
check "the namespaces are gone" topo_down
