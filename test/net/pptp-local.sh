#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# The router's own client (helper rule in the output hook) and its own server
# (input). The router's client shares the public address with the clients behind
# it: neither takes a call ID, or a call, from the other.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 17
must modprobe nf_vpn_passthrough
topo_up 1
must helper_rule vpn-pptp tcp 1723
r nft -f - <<-'N'
	table ip helpers {
		chain out {
			type filter hook output priority filter;
			tcp dport 1723 ct helper set "vpn-pptp"
		}
	}
	table ip own {
		chain input {
			type filter hook input priority filter; policy drop;
			ct state established,related counter accept
			tcp dport 1723 accept
			icmp type echo-request accept
		}
	}
N
peer_up s s listen
peer_up c1 c1
peer_up r r
p s ids 100 >/dev/null

control r k $SERVER
is "the router's own client" "$(p r call k 5)" "up own=5 peer=100"
is "its GRE" "$(p r ping)" "sent 1 back 1 wrong 0"
is "conntrack has it" "$(gre_entries)" 1

# a LAN client asks with an ID that is the router's own
control c1 k $SERVER
is "a LAN client with the same ID" "$(p c1 call k 5)" "up own=5 peer=101"
is "LAN client: GRE" "$(p c1 ping)" "sent 1 back 1 wrong 0"
is "the router's call lives" "$(p r ping)" "sent 1 back 1 wrong 0"

# the other way round: the LAN client was first
is "the LAN client takes ID 6" "$(p c1 call k 6)" "up own=6 peer=102"
matches "the router's own client asks with ID 6, too" "$(p r call k 6)" "^up own=6 peer=103$"
is "the server heard four different IDs" \
	"$(sed -nE 's/.*< ocrq own=//p' "$(log_of s)" | sort -u | wc -l)" 4
is "LAN client: GRE in both calls" "$(p c1 ping)" "sent 2 back 2 wrong 0"
is "the router: GRE in both calls" "$(p r ping)" "sent 2 back 2 wrong 0"

# the router as server, clients on both sides
must p_ok r listen
p r ids 300 >/dev/null
must s ip route add 192.168.1.0/24 via $WAN
control s o $WAN
control c1 o "$(gateway_ip 1)"
is "a client outside" "$(p s call o 9)" "up own=9 peer=300"
is "a client inside, same ID" "$(p c1 call o 9)" "up own=9 peer=301"
is "outside: GRE" "$(p s ping o)" "sent 1 back 1 wrong 0"
is "inside: GRE" "$(p c1 ping o)" "sent 1 back 1 wrong 0"
is "nothing went astray" "$(p s wrong) $(p c1 wrong) $(p r wrong)" "0 0 0"
check "the namespaces are gone" topo_down
