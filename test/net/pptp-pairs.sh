#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# A tunnel is a pair of addresses (RFC 2637 1.3, 3.2.2): towards another server, or
# from another public address, a call ID is another ID; and a call leaves with the
# public address, whatever the source port, of its control connection.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 17
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
# a second server, o, is behind s: the router shows both the same address
O=198.51.100.2
must ns_add o
must link o eth0 s out
must address o eth0 $O/24
must address s out 198.51.100.1/24
must in_ns o ip route add default via 198.51.100.1
must s sysctl -qw net.ipv4.ip_forward=1
must r ip route add 198.51.100.0/24 via $SERVER
peer_up s s listen
peer_up o o listen
peer_up c1 c1
peer_up c2 c2
p s ids 100 >/dev/null
p o ids 100 >/dev/null

control c1 k $SERVER
control c2 k $O
is "client 1 at the first server" "$(p c1 call k 7)" "up own=7 peer=100"
is "client 2 at the second: the same ID, and the same answer" "$(p c2 call k 7)" "up own=7 peer=100"
is "each server hears the ID as it is: they are two tunnels" \
	"$(p s wait a1 ocrq), $(p o wait a1 ocrq)" "ocrq own=7, ocrq own=7"
is "GRE in both" "$(p c1 ping), $(p c2 ping)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
p s gre to=$WAN id=7 seq=1 data=first >/dev/null
p o gre to=$WAN id=7 seq=1 data=second >/dev/null
is "the first server's ID 7 is client 1" "$(p c1 gwait)" "gre from=$SERVER id=7 seq=1 data=first"
is "the second server's ID 7 is client 2" "$(p c2 gwait)" "gre from=$O id=7 seq=1 data=second"
control c1 l $O
is "client 1 at the second server, too" "$(p c1 call l 7)" "up own=7 peer=101"
ask=$(p o wait a2 ocrq)
check "which hears another ID" test "${ask#*own=}" -ne 7
is "client 1: GRE with both servers" "$(p c1 ping)" "sent 2 back 2 wrong 0"

# the source port is any unused one: the router has to change one of these
control c1 m $SERVER sport=5000
control c2 m $SERVER sport=5000
is "two clients with one source port: two at the server" \
	"$(sed -nE 's/.* a[23] from ([0-9.]+ [0-9]+)$/\1/p' "$(log_of s)" | sort -u | wc -l)" 2
is "a call of each, the same ID" "$(p c1 call m 9), $(p c2 call m 9)" "up own=9 peer=101, up own=9 peer=102"
is "GRE in both of these" "$(p c1 ping m), $(p c2 ping m)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"

# a public address for the control connections of client 2; GRE has no rule of its own
must address r wan 203.0.113.5/24
must r nft insert rule ip nat post ip saddr "$(client_ip 2)" tcp dport 1723 snat to 203.0.113.5
control c2 n $SERVER
is "client 2 by another public address, an ID that is in use on the first" \
	"$(p c2 call n 7)" "up own=7 peer=103"
is "the server hears it as it is" "$(p s wait a4 ocrq)" "ocrq own=7"
p c2 gre to=$SERVER id=103 seq=0 data=x >/dev/null
is "GRE leaves with the address of its control connection" "$(p s gwait)" \
	"gre from=203.0.113.5 id=103 seq=0 data=x"
is "GRE in all calls, nothing went astray" \
	"$(p c1 ping), $(p c2 ping): $(p c1 wrong)$(p c2 wrong)$(p s wrong)$(p o wrong)" \
	"sent 3 back 3 wrong 0, sent 3 back 3 wrong 0: 0000"
check "the namespaces are gone" topo_down
