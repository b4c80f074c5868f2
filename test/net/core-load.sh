#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# arch: yes
# timeout: 200
#
# A rule that names a helper loads just the modules it needs; modprobe
# nf_vpn_passthrough brings all and modprobe -r takes all away, as often as one
# likes. Without a helper rule no hook is registered: nothing is counted.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

ours() { lsmod | awk '/^nf_vpn/ { print $1 }' | sort | xargs; }
all_gone() { [ -z "$(ours)" ]; }
unload() { modprobe -r "$@" 2>/dev/null; all_gone; }
aliases() { modinfo -F alias "$1" | sort | xargs; }
# shellcheck disable=SC2016 # awk expands these
counts() { r awk '$2 { print $1, $2 }' /proc/net/nf_vpn/stats | xargs; }

cycles() {
	local i
	for ((i = 1; i <= 20; i++)); do
		if ! { modprobe nf_vpn_passthrough && [ "$(ours)" = "$all" ] &&
			modprobe -r nf_vpn_passthrough && all_gone; }; then
			echo "in cycle $i: $(ours)"
			return 1
		fi
	done
}

all="nf_vpn nf_vpn_ipsec nf_vpn_l2tp nf_vpn_pptp"
plan 18
is "nothing is loaded" "$(ours)" ""
matches "nf_vpn_ipsec says what it is" "$(aliases nf_vpn_ipsec)" "nf_vpn_passthrough.*nfct-helper-vpn-ike"
matches "nf_vpn_pptp says what it is" "$(aliases nf_vpn_pptp)" "nf_vpn_passthrough.*nfct-helper-vpn-pptp"
matches "nf_vpn_l2tp says what it is" "$(aliases nf_vpn_l2tp)" "nf_vpn_passthrough.*nfct-helper-vpn-l2tp"
is "the licence" "$(for m in $all; do modinfo -F license "$m"; done | sort -u)" GPL

topo_up 2
helper_rule vpn-ike udp 500
is "a rule with vpn-ike loads" "$(ours)" "nf_vpn nf_vpn_ipsec"
check_not "it does not unload while the rule stands" modprobe -r nf_vpn_ipsec
must r nft delete table ip helpers
check "without the rule it does" wait_for 10 unload nf_vpn_ipsec
helper_rule vpn-pptp tcp 1723
is "a rule with vpn-pptp loads" "$(ours)" "nf_vpn nf_vpn_pptp"
must r nft delete table ip helpers
check "and unloads" wait_for 10 unload nf_vpn_pptp
helper_rule vpn-l2tp udp 1701
is "a rule with vpn-l2tp loads" "$(ours)" "nf_vpn nf_vpn_l2tp"
must r nft delete table ip helpers
check "and unloads" wait_for 10 unload nf_vpn_l2tp
check "20 times all in and all out" cycles

must modprobe nf_vpn_passthrough
is "modprobe nf_vpn_passthrough brings all" "$(ours)" "$all"
peers_up c1 s
is "IKE and ESP pass, of no one's interest" "$(meet c1 s) $(deliver c1 $SERVER 0x1001 1) $(deliver s $WAN 0x2001 1)" "$WAN:500 s $WAN c1 $SERVER"
is "without a rule nothing is counted" "$(counts)" ""
peers_down
check "modprobe -r takes all away beside a live namespace" wait_for 10 unload nf_vpn_passthrough
check "the namespaces are gone" topo_down
