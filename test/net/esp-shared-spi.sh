#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# Two clients of one server choose the same inbound SPI. The second one's packets
# cannot be told from the first one's; that is noticed, counted and logged, and
# both get them.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

second_gets_it() {
	local i
	for ((i = 1; i <= 12; i++)); do
		ask esp c2 $SERVER 0x1002 "$i" >/dev/null
		deliver s $WAN 0x5000 $((5000 + i)) >/dev/null
		[[ $(deliver s $WAN 0x5000 "$i") != *c2* ]] || return 0
		sleep 0.5
	done
	return 1
}

plan 10
topo_up 2
helper_rule vpn-ike udp 500
watching
peers_up c1 c2 s
is "client 1 sets up" "$(meet c1 s) $(settle c1 s 0x1001 0x5000)$(owner 0x5000)" "$WAN:500 $(client_ip 1) settled"
matches "client 2 exchanges keys" "$(meet c2 s)" "^$WAN:"
check_not "nfvpn doctor has nothing to say about it" blames spi-shared
check "it gets packets of the SPI of client 1" second_gets_it
is "that was counted" "$(stat esp_shared)" 1
check "nfvpn doctor says so" blames spi-shared esp_shared
check "told to who watches" event_comes '"event":"collision"' "\"client\":\"$(client_ip 1)\",\"server\":\"$SERVER\"" "\"number\":$((0x5000))"
stop watch
check "and said" grep -q 'use the inbound SPI 0x5000' <(dmesg)
matches "client 1 gets them, too" "$(deliver s $WAN 0x5000 6000)" "c1 $SERVER"
peers_down
check "the namespaces are gone" topo_down
