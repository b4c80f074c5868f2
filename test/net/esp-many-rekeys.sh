#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# Many rekeys of one tunnel: each new SPI is found, old ones go, and what is kept
# stays bounded.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

N=20
rekeys() {
	local i spi
	for ((i = 1; i <= N; i++)); do
		[ "$(rekey c1 s)" != lost ] || return
		printf -v spi '%x' $((i + 16))
		settle c1 s "0x10$spi" "0x20$spi"
		[ "$(owner "0x20$spi")" = "$(client_ip 1) settled" ] || { echo "rekey $i: $(owner "0x20$spi")"; return 1; }
	done
}

plan 8
topo_up 2
helper_rule vpn-ike udp 500
peers_up c1 c2 s
is "client 1 sets up" "$(meet c1 s) $(settle c1 s 0x1001 0x2001)$(owner 0x2001)" "$WAN:500 $(client_ip 1) settled"
matches "client 2 sets up" "$(meet c2 s) $(settle c2 s 0x1002 0x2002)$(owner 0x2002)" " $(client_ip 2) settled\$"
check "client 1 is rekeyed $N times, each new SPI is its own" rekeys
is "16 SPIs of each direction are kept, and client 2's" "$(flow_count)" 34
check "the others went" [ "$(stat esp_recycled)" -ge 10 ]
is "one entry for each client" "$(r conntrack -L -p 50 2>/dev/null | grep -c src=192)" 2
is "client 2 was not disturbed" "$(deliver s $WAN 0x2002 90)" "c2 $SERVER"
peers_down
check "the namespaces are gone" topo_down
