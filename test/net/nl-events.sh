#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 180
#
# "nfvpn watch" tells of sessions that come and go, of SPIs whose owner was found,
# of packets nobody awaits, and of a limit that was met; a flood of such packets
# does not flood who listens, and what was left out is counted.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

plan 12
must modprobe nf_vpn_passthrough
topo_up 3
helper_rule vpn-ike udp 500
watching
peers_up c1 c2 c3 s
is "a client meets the server" "$(meet c1 s)" "$WAN:500"
check "its session is up" event_comes '"event":"up"' '"protocol":"esp"' "\"client\":\"$(client_ip 1)\",\"server\":\"$SERVER\",\"public\":\"$WAN\""
settle c1 s 0x1001 0x2001
check "its SPI is settled" event_comes '"event":"settled"' '"number":8193'
check_not "that is no rekeying" event '"event":"rekeyed"'
rekey c1 s >/dev/null
settle c1 s 0x1012 0x2011
check "that of a new child SA: it is rekeyed" event_comes '"event":"rekeyed"' "\"client\":\"$(client_ip 1)\"" '"number":8209'
for _ in 1 2 3; do ask raw c2 $SERVER 51 0402000000000001000000010000000000000000 >/dev/null; done
check "AH under NAT" event_comes '"event":"ah-under-nat"' "\"client\":\"$(client_ip 2)\",\"server\":\"$SERVER\",\"public\":\"$WAN\""

# random SPIs; who was served a moment ago may own one, so it goes on for a while
flood_is_told() { ask flood s $WAN 100 seq=99 >/dev/null && event '"event":"spoof-suspected"' '"missed":'; }
check "SPIs nobody awaits: what is left out is counted" wait_for 40 flood_is_told
check "it says from whom they pretend to be" event '"event":"spoof-suspected"' "\"server\":\"$SERVER\""

must r sysctl -qw net.netfilter.nf_vpn.max_flows=2
ask esp c1 $SERVER 0x1011 1 >/dev/null
check "a limit is told" event_comes '"event":"limit"' "\"client\":\"$(client_ip 1)\""
is "flushed" "$(r nfvpn flush --client "$(client_ip 1)")" "1 session ended"
check "and its end told" event_comes '"event":"down"' "\"client\":\"$(client_ip 1)\""
peers_down
stop watch
check "the namespaces are gone" topo_down
