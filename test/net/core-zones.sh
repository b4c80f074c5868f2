#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# Conntrack zones that the admin sets in the raw table are respected: tunnels of
# two clients work in zone 7, beside others in zone 0. Our own zones come from the
# range zone_base, zone_count; when it is full, a counter says so and whoever has
# a zone is left alone.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

zone_of() { esp_entry "$1" | sed -nE 's/.* zone=([0-9]+) .*/\1/p'; }
sets_up() { echo "$(meet "c$1" s | sed 's/:.*//') $(settle "c$1" s "0x100$1" "0x200$1")$(deliver "c$1" $SERVER "0x100$1" 150) $(deliver s $WAN "0x200$1" 150)"; }
good() { echo "$WAN s $WAN c$1 $SERVER"; }
goes_on() { echo "$(deliver "c$1" $SERVER "0x100$1" 157) $(deliver s $WAN "0x200$1" 157)"; }

plan 20
topo_up 4
helper_rule vpn-ike udp 500
peers_up c1 c2 c3 c4 s

must r nft -f - <<-'N'
	table ip raw {
		chain pre {
			type filter hook prerouting priority raw;
			iifname { "lan*", "wan" } ct zone set 7
		}
	}
N
is "client 1 sets up in zone 7" "$(sets_up 1)" "$(good 1)"
is "client 2 too" "$(sets_up 2)" "$(good 2)"
is "client 1 is in the admin's zone" "$(zone_of 1)" 7
is "client 2 in one of ours" "$(zone_of 2)" 60000
is "both go on" "$(goes_on 1) $(goes_on 2)" "s $WAN c1 $SERVER s $WAN c2 $SERVER"
is "nothing is in zone 0" "$(r conntrack -L -w 0 2>/dev/null | grep -cv zone=)" 0
must r nft delete table ip raw
must r conntrack -F
check "all is forgotten" wait_for 10 no_flows

must r sysctl -qw net.netfilter.nf_vpn.zone_base=100 net.netfilter.nf_vpn.zone_count=2
for k in 1 2 3; do is "client $k sets up" "$(sets_up $k)" "$(good $k)"; done
is "zones of the range, as set" "$(zone_of 1)/$(zone_of 2)/$(zone_of 3)" "/100/101"
is "nothing refused so far" "$(stat zone_full)" 0
check_not "nfvpn doctor: no zone was missing" blames limit zone_full
meet c4 s >/dev/null
is "no zone is left for client 4" "$(deliver_lost c4 $SERVER 0x1004 1)" nobody
check "which zone_full says" [ "$(stat zone_full)" -gt 0 ]
check "and nfvpn doctor" blames limit zone_full
is "the others go on" "$(goes_on 1) $(goes_on 2) $(goes_on 3)" "s $WAN c1 $SERVER s $WAN c2 $SERVER s $WAN c3 $SERVER"
must r sysctl -qw net.netfilter.nf_vpn.zone_count=3
is "with a larger range client 4 gets one" "$(deliver c4 $SERVER 0x1004 2)/$(zone_of 4)" "s $WAN/102"
matches "and its answer" "$(deliver s $WAN 0x2004 1)" "c4 $SERVER"
peers_down
check "the namespaces are gone" topo_down
