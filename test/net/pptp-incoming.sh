#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 240
#
# Incoming-Call-Request, -Reply, -Connected (RFC 2637 2.9 to 2.11): the PAC is the
# client behind the NAT or the server, the control connection is opened by either
# end. Both clients use the same ID; whoever is translated gets its own back.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 25
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
two_connected

# the clients are PACs
is "client 1 as PAC" "$(p c1 call k 9 in)" "up own=9 peer=100"
is "client 2 as PAC, same ID" "$(p c2 call k 9 in)" "up own=9 peer=101"
is "the server hears the first ID as it is" "$(p s wait a1 icrq)" "icrq own=9"
second=$(p s wait a2 icrq)
check "and the second as another" test "${second#*own=}" -ne 9
is "Connected names the server's ID (1)" "$(p s wait a1 iccn)" "iccn peer=100"
is "Connected names the server's ID (2)" "$(p s wait a2 iccn)" "iccn peer=101"
is "client 1: GRE" "$(p c1 ping)" "sent 1 back 1 wrong 0"
is "client 2: GRE" "$(p c2 ping)" "sent 1 back 1 wrong 0"

# the server is the PAC
for c in c1 c2; do
	p $c auto >/dev/null
	p $c pings on >/dev/null
	p $c ids 300 >/dev/null
done
is "the server as PAC calls client 1" "$(p s call a1 3000 in)" "up own=3000 peer=300"
answer=$(p s call a2 3001 in)
matches "and client 2, which answers with the same ID" "$answer" "^up own=3001 peer=[0-9]+$"
check "the server knows it by another ID" test "${answer##*=}" -ne 300
is "client 1 sees the server's ID" "$(p c1 wait k icrq)" "icrq own=3000"
is "client 2 sees the server's ID" "$(p c2 wait k icrq)" "icrq own=3001"
is "Connected names client 1's own ID" "$(p c1 wait k iccn)" "iccn peer=300"
is "Connected names client 2's own ID" "$(p c2 wait k iccn)" "iccn peer=300"
is "the server: GRE in all four calls" "$(p s ping)" "sent 4 back 4 wrong 0"

# the other end opens the control connection: client 1 is behind a port forward
r nft -f - <<-N
	table ip nat {
		chain pre {
			type nat hook prerouting priority dstnat;
			iifname "wan" tcp dport 1723 dnat to $(client_ip 1)
		}
	}
N
must r nft insert rule ip filter forward ct status dnat accept
must p_ok c1 listen
p c1 ids 700 >/dev/null
control s o $WAN
is "opened from outside, the inside end answers" "$(p s call o 4000 in)" "up own=4000 peer=700"
inside_end=$(last_accepted c1)
is "Connected names the inside end's ID" "$(p c1 wait "$inside_end" iccn)" "iccn peer=700"
taken=${second#*own=}
is "opened from outside, the inside end is PAC" "$(p c1 call "$inside_end" "$taken" in)" \
	"up own=$taken peer=102"
third=$(p s wait o icrq)
check "its ID, the public one of client 2's call, is another one outside" test "${third#*own=}" -ne "$taken"
is "Connected reaches the server with its ID" "$(p s wait o iccn)" "iccn peer=102"
is "the outside end: GRE" "$(p s ping o)" "sent 2 back 2 wrong 0"
is "the inside end: GRE" "$(p c1 ping "$inside_end")" "sent 2 back 2 wrong 0"
is "nothing went astray" "$(p c1 wrong) $(p c2 wrong) $(p s wrong)" "0 0 0"
check "the namespaces are gone" topo_down
