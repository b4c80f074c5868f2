#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# Packets from outside allocate nothing: 20,000 ESP packets with random SPIs,
# from a stranger and from the server's own address, make no flow while no client
# talked to that address. When clients do, the table stays bounded and their
# tunnels go on.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

# ESP between ends without a pair is counted as unknown.
pair_gone() {
	local before
	before=$(stat esp_unknown)
	ask esp s $WAN 0x999 1
	[ "$(stat esp_unknown)" -gt "$before" ]
}

plan 17
topo_up 3
helper_rule vpn-ike udp 500
peers_up c1 c2 c3 s

# The hooks are there once a helped packet was seen; that talk is then forgotten.
is "client 3's key exchange" "$(meet c3 s)" "$WAN:500"
must r conntrack -F
check "its pair is gone" wait_for 10 pair_gone
check "and all its flows" wait_for 10 no_flows
unknown=$(stat esp_unknown) made=$(stat flow_new)
is "a flood from the server's address" "$(ask flood s $WAN 20000)" sent
is "a flood from a stranger" "$(ask flood s $WAN 20000 src=198.51.100.77)" sent
is "it was seen" "$(($(stat esp_unknown) - unknown))" 40000
is "it made no flow" "$(stat flow_new)" "$made"
is "and no pair" "$(stat ike_pair)" 1

is "client 1 sets up" "$(meet c1 s) $(settle c1 s 0x1001 0x2001)$(owner 0x2001)" "$WAN:500 $(client_ip 1) settled"
matches "client 2 sets up" "$(meet c2 s) $(settle c2 s 0x1002 0x2002)$(owner 0x2002)" "^$WAN:[0-9]+ $(client_ip 2) settled\$"
is "a flood from the stranger again" "$(ask flood s $WAN 5000 src=198.51.100.77)" sent
is "no flow of it" "$(flow_count)" 4
is "a flood from the server's address: high sequence numbers" "$(ask flood s $WAN 10000)" sent
is "and low ones" "$(ask flood s $WAN 10000 seq=1)" sent
check "the table is bounded" [ "$(flow_count)" -le 34 ]
ask forget >/dev/null
is "both tunnels go on" \
	"$(deliver c1 $SERVER 0x1001 99) $(deliver c2 $SERVER 0x1002 99) $(deliver s $WAN 0x2001 99) $(deliver s $WAN 0x2002 99)" \
	"s $WAN s $WAN c1 $SERVER c2 $SERVER"
peers_down
check "the namespaces are gone" topo_down
