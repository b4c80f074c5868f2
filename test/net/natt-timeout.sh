#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 120
#
# NAT traversal, UDP 4500: conntrack gives an idle connection two minutes. Helped,
# it has what ipsec_natt_timeout says once both ends spoke; any datagram renews it:
# IKE, ESP in UDP, a keepalive of one octet. An IKE session that moves there from 500
# is RELATED, and helped without a rule for 4500.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

timeout_of() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | awk -v from="src=$(client_ip "$1")" '$4 == from { print $3 }'; }
IKE=0000000000000000000000010000000000000002"2e20250800000001"0000001c # behind the marker
ESP=000010010000000100000000
out() { ask udp c1 $SERVER 4500 4500 "$1" >/dev/null; }
back() { ask udp s $WAN 4500 4500 "$1" >/dev/null; }
lives() { # a timeout between two values
	[ "$(timeout_of 1)" -ge "$1" ] && [ "$(timeout_of 1)" -le "$2" ]
}

plan 20
topo_up 1
peers_up c1 s
must ask udp s $WAN 4500 9 00
out $ESP; back $ESP; sleep 3; out $ESP
check "without the rule: two minutes" wait_for 5 lives 1 120
must r conntrack -F
helper_rule vpn-ike udp 4500
is "the default" "$(r sysctl -n net.netfilter.nf_vpn.ipsec_natt_timeout)" 3600
out "$IKE"
check "not answered: as stock" wait_for 5 lives 1 30
back "$IKE"
check "answered: an hour" wait_for 5 lives 3590 3600
must r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=900
out $ESP
check "ESP in UDP renews it, by the new value" wait_for 5 lives 890 900
sleep 6
check "it grows older" lives 800 895
out ff
check "a keepalive renews it" wait_for 5 lives 896 900
sleep 6
back $ESP
check "so does the server's ESP" wait_for 5 lives 896 900
must r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=6
out ff
check "it is short if so set" wait_for 5 lives 1 6
gone() { [ -z "$(timeout_of 1)" ]; }
check "and then the mapping ends" wait_for 20 gone
out $ESP
check "the next datagram begins anew" wait_for 5 lives 1 30
is "a value that is none is refused" "$(r sysctl -w net.netfilter.nf_vpn.ipsec_natt_timeout=soon 2>&1 | grep -c 'Invalid argument')" 1
is "what is no IKE is not read as IKE" "$(stat ike_bad)" 0

# A router that lets IKE on 500 pass and nothing else of its own accord. The client
# goes on at 4500 (RFC 7296 2.23), which no rule names.
must only_out udp 500
must r nft delete table ip helpers
must r conntrack -F
known() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | grep -c "src=$(client_ip 1) dst=$1 "; }
meet c1 s >/dev/null
out "$IKE"
is "without the rule: no way on from 500 to 4500" "$(known $SERVER)" 0
must r conntrack -F
must helper_rule vpn-ike udp 500
out "$IKE"
is "nor before the server answered on 500" "$(known $SERVER)" 0
meet c1 s >/dev/null
must ask udp c1 203.0.113.9 4500 4500 "$IKE"
is "nor to another server" "$(known 203.0.113.9)" 0
out "$IKE"
is "the session's move to 4500 is RELATED" "$(known $SERVER)" 1
back "$IKE"
check "and helped: an hour" wait_for 5 lives 3 6
must r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=3600
out $ESP
check "or what the setting says" wait_for 5 lives 3590 3600
peers_down
check "the namespaces are gone" topo_down
