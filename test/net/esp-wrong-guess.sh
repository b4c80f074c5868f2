#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 300
#
# A wrong guess is corrected. Without copies an SPI goes to one client at a time,
# until the one that reacts is found. And when chance has proved it to be the wrong
# one's, the right one, who gets nothing, brings it back into doubt.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

found() { echo "$(settle "$@")$(owner "$4")"; }

# For some seconds the router is sure that it is the other one's.
asks_until_found() {
	local i
	for i in {4..43}; do
		talk c2 s 0x1102 0x2102 from=$((i * 10)) >/dev/null
		[ "$(owner 0x2102)" != "$(client_ip 2) settled" ] || return 0
	done
	owner 0x2102
	return 1
}

plan 13
topo_up 2
must modprobe nf_vpn_ipsec
helper_rule vpn-ike udp 500
peers_up c1 c2 s
is "the defaults" "$(r sysctl -n net.netfilter.nf_vpn.ipsec_copies net.netfilter.nf_vpn.ipsec_copy_rate \
	net.netfilter.nf_vpn.ipsec_copy_burst net.netfilter.nf_vpn.ipsec_hold | xargs)" "256 1000 65536 4000"
check_not "copies are at least 1" r sysctl -qw net.netfilter.nf_vpn.ipsec_copies=0
check_not "and at most 256" r sysctl -qw net.netfilter.nf_vpn.ipsec_copies=257
must r sysctl -qw net.netfilter.nf_vpn.ipsec_copies=1 net.netfilter.nf_vpn.ipsec_hold=0
watching
meet c1 s >/dev/null
meet c2 s >/dev/null
deliver s $WAN 0x2001 1 >/dev/null
guess=$(deliver s $WAN 0x2001 2)
matches "an SPI goes to one client" "$guess" "^c[12] $SERVER\$"
# The owner is the other one.
k=2
[[ $guess = c1* ]] || k=1
is "as a guess" "$(owner 0x2001)" "$(client_ip $((3 - k))) guess"
is "then its owner, client $k, is found" "$(found c$k s 0x1001 0x2001 3)" "$(client_ip $k) settled"
check "it was moved" [ "$(stat esp_moved)" -ge 1 ]
check "which is told" event_comes '"event":"moved"' "\"client\":\"$(client_ip $k)\",\"server\":\"$SERVER\"" "\"number\":$((0x2001))"
stop watch
is "and the other's own is the other's" "$(found c$((3 - k)) s 0x1002 0x2002)" "$(client_ip $((3 - k))) settled"

must r sysctl -qw net.netfilter.nf_vpn.ipsec_copies=256
rekey c1 s >/dev/null
rekey c2 s >/dev/null
is "client 2's new SPI, while client 1 seems to react to it" "$(found c1 s 0x1101 0x2102)" "$(client_ip 1) settled"
check "client 2 asks, gets nothing, and is found" asks_until_found
check "by doubt" [ "$(stat esp_doubt)" -ge 1 ]
peers_down
check "the namespaces are gone" topo_down
