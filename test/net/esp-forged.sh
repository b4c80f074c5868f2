#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# Forged ESP in the server's name neither takes an SPI that is settled nor blocks
# one that is awaited: not single packets, not a forger who counts on, not when
# a client has just exchanged keys.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

own() { echo "$(settle "c$1" s "0x100$1" "0x200$1" "${2:-1}")$(owner "0x200$1")"; }

plan 12
topo_up 3
helper_rule vpn-ike udp 500
peers_up c1 c2 c3 s
is "client 1 sets up" "$(meet c1 s | sed 's/:.*//') $(own 1)" "$WAN $(client_ip 1) settled"
is "client 2 sets up" "$(meet c2 s | sed 's/:.*//') $(own 2)" "$WAN $(client_ip 2) settled"
flows=$(flow_count)
matches "client 3 exchanges keys" "$(meet c3 s)" "^$WAN:"
must ask flood s $WAN 3000 seq=1
is "3,000 first packets make no flow" "$(flow_count)" "$flows"
for seq in 1 2 3; do
	for spi in 0x6661 0x6662 0x6663; do deliver s $WAN $spi $seq >/dev/null; done
done
check "a forger who counts makes a few" [ "$(flow_count)" -le $((flows + 3)) ]
check "none of them is proved to be a client's" [ -z "$(owner '0x666[0-9]' | grep settled)" ]
is "client 1 goes on, alone" "$(deliver s $WAN 0x2001 90)" "c1 $SERVER"
is "client 2 too" "$(deliver s $WAN 0x2002 90)" "c2 $SERVER"
ask forget >/dev/null
is "client 3's own SPI is found nonetheless" "$(own 3)" "$(client_ip 3) settled"
is "and arrives" "$(deliver s $WAN 0x2003 90)" "c3 $SERVER"
is "the settled ones stayed" "$(owner 0x2001), $(owner 0x2002)" "$(client_ip 1) settled, $(client_ip 2) settled"
peers_down
check "the namespaces are gone" topo_down
