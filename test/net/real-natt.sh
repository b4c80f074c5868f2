#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# root: strongswan
# timeout: 240
#
# NAT traversal as strongSwan does it: two clients, IKEv2 from 500 to 4500, ESP in UDP.
# A rule lets IKE on 500 out and nothing else. Who sends keepalives keeps its mapping;
# who sends none loses it, and is found again by the server's first packet.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/swan.sh
. "$(dirname "$0")/../lib/swan.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

mapping() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | grep "src=$(client_ip "$1") "; }
port_of() { mapping "$1" | sed -E 's/.*dport=([0-9]+) .*/\1/'; }
seconds() { mapping "$1" | awk '{ print $3 }'; }
gone() { [ -z "$(mapping "$1")" ]; }
# the SPI that client K listens to is among the numbers of its session
listed() { numbers "client=$(client_ip "$1")" in | grep -q "^$(($(swan_spi "$1")))>"; }

# dials and gives up
refused() { not swan c1 --initiate --child tunnel --timeout 8 >/dev/null 2>&1 && swan c1 --terminate --ike tunnel --force >/dev/null; }
at_rest() { for k in 1 2; do [ -z "$(swan_spi $k)" ] || return 1; done; }

plan 26
must modprobe nf_vpn_passthrough
topo_up 2
must only_out udp 500
must swan_server
must swan_client 1 2
must swan_client 2 0
check "without the helper: 4500 is closed" refused
check "nobody has an SA" at_rest
must helper_rule vpn-ike udp 500
must r conntrack -F
for k in 1 2; do check "client $k dials" swan_dial $k; done
is "the move to 4500 is helped" "$(mapping 1 | grep -c helper=vpn-ike) $(mapping 2 | grep -c helper=vpn-ike)" "1 1"
check "by two ports: $(port_of 1), $(port_of 2)" [ "$(port_of 1)" != "$(port_of 2)" ]
for k in 1 2; do
	is "client $k reaches the server" "$(swan_pings $k)" 3
	is "the server reaches client $k" "$(swan_pings_back $k)" 3
done
for k in 1 2; do check "client $k's SPI is listed: $(swan_spi $k)" listed $k; done
is "sessions of UDP 4500" "$(sessions protocol=natt 'client server state')" \
	"$(client_ip 1) $SERVER up
$(client_ip 2) $SERVER up"
check "an hour" [ "$(seconds 1)" -gt 3500 ]

old=$(swan_spi 1)
check "client 1 rekeys" swan_rekey 1
is "it goes on" "$(swan_pings 1), $(swan_pings_back 1)" "3, 3"
check "another SPI: $old, $(swan_spi 1)" [ "$(swan_spi 1)" != "$old" ]
check "which is listed" listed 1
is "no ESP outside UDP" "$(counted esp_out)" 0

# idle: client 1 sends keepalives every 2 seconds, client 2 none
was=$(port_of 2)
must r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=6
swan_pings 1 >/dev/null
swan_pings 2 >/dev/null
check "client 2's mapping ends" wait_for 30 gone 2
ended() { [ "$(counted natt_ended)" -ge 1 ]; }
check "and is remembered" wait_for 5 ended
check "client 1's lives by its keepalives" [ -n "$(mapping 1)" ]
is "the server reaches client 2, speaking first" "$(swan_pings_back 2)" 3
is "by the mapping it had" "$(port_of 2) $(counted natt_revived)" "$was 1"
is "and client 1" "$(swan_pings_back 1)" 3
for n in c1 c2 s; do stop "swan-$n"; done
check "the namespaces are gone" topo_down
