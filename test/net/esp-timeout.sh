#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# ESP's entries live as long as the sysctls say and no longer. A busy tunnel
# outlives its IKE entry; a later key exchange from anew finds the same pair.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

timeout_of() { esp_entry "$1" | awk '{ print $3 }'; }
ike_gone() { ! r conntrack -L -p udp --orig-port-dst 500 2>/dev/null | grep -q "src=$(client_ip "$1") "; }
settled() { [ "$(owner "$1")" = "$(client_ip 1) settled" ]; }
pair_gone() {
	local before
	before=$(stat esp_unknown)
	ask esp s $WAN 0x999 1
	[ "$(stat esp_unknown)" -gt "$before" ]
}

plan 21
topo_up 2
helper_rule vpn-ike udp 500
peers_up c1 c2 s
must modprobe nf_vpn_ipsec
is "the defaults" "$(r sysctl -n net.netfilter.nf_vpn.ipsec_timeout net.netfilter.nf_vpn.ipsec_timeout_stream | xargs)" "600 3600"

is "client 1 exchanges keys" "$(meet c1 s)" "$WAN:500"
is "one way so far" "$(deliver c1 $SERVER 0x1001 1)" "s $WAN"
matches "the timeout of one way" "$(timeout_of 1)" '^(59[0-9]|600)$'
is "and back" "$(deliver s $WAN 0x2001 1)" "c1 $SERVER"
matches "the timeout of a tunnel" "$(timeout_of 1)" '^(359[0-9]|3600)$'

must r sysctl -qw net.netfilter.nf_vpn.ipsec_timeout=4 net.netfilter.nf_vpn.ipsec_timeout_stream=8
matches "client 2 sets up, one way" "$(meet c2 s) $(deliver c2 $SERVER 0x1002 1)" "s $WAN\$"
t0=$(now_ms)
check "its entry ends" wait_for 20 esp_gone 2
took=$(($(now_ms) - t0))
check "after its 4 s ($took ms)" [ $took -ge 3000 -a $took -lt 10000 ]

# A busy tunnel: client 1, whose IKE is silent from here.
pairs=$(stat ike_pair)
must ask stream c1 $SERVER 50 "00001001++++++++0000000000000000" pause=0.2
must ask stream s $WAN 50 "00002001++++++++0000000000000000" pause=0.2
must r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3 net.netfilter.nf_conntrack_udp_timeout_stream=3
for k in 1 2; do
	ike c$k s info >/dev/null
	ike s c$k info! >/dev/null
done
check "client 1's IKE entry ends" wait_for 15 ike_gone 1
matches "the tunnel goes on" "$(timeout_of 1)" '^[78]$'
check "its SPI is settled" wait_for 30 settled 0x2001
is "both ways" "$(deliver c1 $SERVER 0x1001 0x70000) $(deliver s $WAN 0x2001 0x70000)" "s $WAN c1 $SERVER"
is "client 1 exchanges keys anew" "$(meet c1 s)" "$WAN:500"
is "its new SAs" "$(deliver c1 $SERVER 0x1101 1) $(deliver s $WAN 0x2101 1)" "s $WAN c1 $SERVER"
is "in the same pair" "$(stat ike_pair)" "$pairs"
must ask calm
t0=$(now_ms)
check "then the entry ends" wait_for 20 esp_gone 1
took=$(($(now_ms) - t0))
check "after its 8 s ($took ms)" [ $took -ge 6000 -a $took -lt 15000 ]
check "the pair is gone, too" wait_for 15 pair_gone
check "no flow is left" wait_for 5 no_flows
peers_down
check "the namespaces are gone" topo_down
