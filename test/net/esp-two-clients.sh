#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# arch: yes
# timeout: 180
#
# Two clients keep raw ESP tunnels to one server behind one public address. The
# firewall lets ESP through as established or related only. Each inbound SPI is
# learned for the right client from its key exchange, also when the server talks
# first, when either side rekeys, and when a running SA has lost its binding.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

counted() { r nft list counter ip watch "$1" | awk '/packets/ { print $2 }'; }

# Without the tuples' counters and the timeout, which the module chooses.
shape() { sed -E 's/^[a-z]+ +//; s/ [0-9]+ src/ src/; s/(packets|bytes|use)=[0-9]+ ?//g; s/\[ASSURED\] //' <<<"$1"; }

plan 23
topo_up 2
peers_up c1 c2 s

# The control: what a router does without us.
is "stock: client 1's ESP arrives" "$(deliver c1 $SERVER 0x901 1)" "s $WAN"
is "stock: the answer too" "$(deliver s $WAN 0x902 1)" "c1 $SERVER"
is "stock: client 2's ESP is lost" "$(deliver_lost c2 $SERVER 0x903 1)" nobody
stock=$(shape "$(esp_entry 1)")
must r conntrack -F

helper_rule vpn-ike udp 500
must r nft -f - <<-'N'
	flush chain ip filter forward
	table ip filter {
		chain forward {
			ct state established,related accept
			iifname "lan*" udp dport 500 accept
		}
	}
	table ip watch {
		counter related { }
		counter helped { }
		counter every { }
		chain forward {
			type filter hook forward priority filter - 5;
			meta l4proto esp ct state related counter name related
			meta l4proto esp ct helper "vpn-ike" counter name helped
			meta l4proto esp counter name every
		}
	}
N
is "client 1's key exchange" "$(meet c1 s)" "$WAN:500"
is "client 1 sends, as related" "$(deliver c1 $SERVER 0x1001 1)" "s $WAN"
is "the server answers client 1" "$(deliver s $WAN 0x2001 1)" "c1 $SERVER"
matches "client 2's key exchange, from another port" "$(meet c2 s)" "^$WAN:"
matches "the server talks first to client 2" "$(deliver s $WAN 0x2002 1)" "c2 $SERVER"
is "client 2 answers" "$(deliver c2 $SERVER 0x1002 1)" "s $WAN"
is "client 1 goes on" "$(settle c1 s 0x1001 0x2001 2)$(owner 0x2001)" "$(client_ip 1) settled"
is "client 2 goes on" "$(settle c2 s 0x1002 0x2002 2)$(owner 0x2002)" "$(client_ip 2) settled"
is "each gets its own alone" "$(deliver s $WAN 0x2001 90) $(deliver s $WAN 0x2002 90)" "c1 $SERVER c2 $SERVER"

is "client 1's entry looks as it did without us" "$(shape "$(esp_entry 1)")" "$stock"
matches "client 2's entry has a zone of its own" "$(esp_entry 2)" 'zone=60000'
is "related: the first packet from a client" "$(counted related)" 1
check "ct helper matches every ESP packet" [ "$(counted helped)" = "$(counted every)" -a "$(counted every)" -ge 44 ]

is "client 2 rekeys" "$(rekey c2 s)" "$SERVER:500"
matches "its new SPI is client 2's, the server first" "$(deliver s $WAN 0x2102 1)" "c2 $SERVER"
is "client 2 uses the new SA" "$(settle c2 s 0x1102 0x2102 2)$(owner 0x2102)" "$(client_ip 2) settled"
matches "the server rekeys client 1" "$(rekey s c1)" "^$WAN:"
is "its new SPI is client 1's" "$(settle c1 s 0x1101 0x2101)$(owner 0x2101)" "$(client_ip 1) settled"

# Client 2's entry is lost, its IKE is alive, client 1's SA runs.
must r conntrack -D -p 50 -s "$(client_ip 2)"
is "a running SA whose binding was lost is client 2's" \
	"$(settle c2 s 0x1102 0x2102 5000)$(owner 0x2102)" "$(client_ip 2) settled"
peers_down
check "the namespaces are gone" topo_down
