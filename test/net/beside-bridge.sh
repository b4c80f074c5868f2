#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 150
#
# br_netfilter: clients on a bridge, the uplink on another one, and bridged packets go
# through the IP hooks (bridge-nf-call-iptables=1), ours before conntrack's. Inbound ESP
# whose owner is not known yet is copied there, in the bridge's PREROUTING. What is
# bridged from client to client passes the same hooks.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

# The uplink gets a bridge under its own name.
uplink_bridge() {
	r ip -batch - <<-I
		link set wan down
		link set wan name up0
		link add wan type bridge
		link set up0 master wan
		link set up0 up
		link set wan up
		addr add $WAN/24 dev wan
	I
	r ip addr del $WAN/24 dev up0
	r ip link set wan address 02:00:00:00:00:01
}
physdev() { r nft list counter ip seen bridged | sed -nE 's/.*packets ([0-9]+).*/\1/p'; }

plan 13
topo_up 3 lan
must bridge_hooks_up
must uplink_bridge
must sessions_rules
# what is bridged from client to client: "forward" has it, too
must r nft -f - <<-'N'
	insert rule ip filter forward iifname "lan1" oifname "lan1" accept
	table ip seen {
		counter bridged { }
		chain forward {
			type filter hook forward priority filter - 10;
			iifname "lan1" oifname "lan1" counter name bridged
		}
	}
N
peers_start c1 c2 s c3
sessions_up
is "all carry" "$(carried)" "$ALL"

# both await an SPI: the server's packets are weighed and copied
copies=$(counted esp_copy)
for k in 1 2; do rekey c$k s >/dev/null; done
for k in 1 2; do ask esp s $WAN 0x210$k 1 >/dev/null; ask esp s $WAN 0x210$k 2 >/dev/null; done
check "packets were copied in the bridge's PREROUTING" [ "$(counted esp_copy)" -gt "$copies" ]
for k in 1 2; do settle c$k s 0x110$k 0x210$k 3; done
is "their new SPIs are found" "$(owner 0x2101), $(owner 0x2102)" "$(client_ip 1) settled, $(client_ip 2) settled"
is "each gets its own" "$(deliver s $WAN 0x2101 900), $(deliver s $WAN 0x2102 900)" "c1 $SERVER, c2 $SERVER"
is "all carry" "$(carried)" "$ALL"

# client 1 has a server next to it
before=$(physdev)
is "IKE from client to client" "$(meet c3 c1)" "$(client_ip 3):500"
is "and ESP" "$(deliver c3 "$(client_ip 1)" 0x3001 1), $(deliver c1 "$(client_ip 3)" 0x3002 1)" "c1 $(client_ip 3), c3 $(client_ip 1)"
check "bridged, by the IP hooks" [ "$(physdev)" -ge $((before + 6)) ]
is "nobody is disturbed" "$(carried)" "$ALL"
sessions_down
check "the namespaces are gone" topo_down
bridge_hooks_down
