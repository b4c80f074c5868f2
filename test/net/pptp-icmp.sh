#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 150
#
# ICMP errors that quote GRE, with no more than the 8 octets of RFC 792: they go to
# the client whose packet is quoted, which finds its own address and call ID in
# there; they change no state and refresh none.
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
two_connected
p c1 call k 7 >/dev/null
is "second client, translated" "$(p c2 call k 7)" "up own=7 peer=101"
is "GRE" "$(p c1 ping), $(p c2 ping)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
state() {
	r cat /proc/net/nf_vpn/flows | sed 's/ idle=.*//' | sort
	r conntrack -L -p gre 2>/dev/null | grep -oE '(src|dst|srckey|dstkey)=[^ ]+' | sort
}

# the server quotes what it got last: client 2's packet, then client 1's
before=$(state)
must p_ok s icmp to=$WAN mtu=1300
is "frag needed about client 2's packet" "$(p c2 iwait)" \
	"icmp from=$SERVER type=3 code=4 mtu=1300 quoted proto=47 src=$(client_ip 2) dst=$SERVER flags=3001 type=880b len=13 id=101 sums=good"
must p_ok s icmp to=$WAN type=11 code=0 mtu=0 quote=20
matches "time exceeded, more quoted" "$(p c2 iwait)" "^icmp from=$SERVER type=11 code=0 .* src=$(client_ip 2) dst=$SERVER .* id=101 sums=good$"
p c1 ping >/dev/null
must p_ok s icmp to=$WAN type=3 code=1 mtu=0
matches "host unreachable about client 1's packet" "$(p c1 iwait)" "^icmp .* src=$(client_ip 1) dst=$SERVER .* id=100 sums=good$"
is "nobody got another one's" "$(p c1 iwait 0.3), $(p c2 iwait 0.3)" "nothing, nothing"

# the clients quote what they got: the quoted ID is turned into the public one
must p_ok c2 icmp to=$SERVER mtu=1200
public=$(sed -nE 's/.* a2 < ocrq own=//p' "$(log_of s)")
is "a client's error about the server's packet" "$(p s iwait)" \
	"icmp from=$WAN type=3 code=4 mtu=1200 quoted proto=47 src=$SERVER dst=$WAN flags=3081 type=880b len=13 id=$public sums=good"
check "the ID in it was rewritten" test "$public" -ne 7

# nobody's, and forged ones
for id in 5 65535 7; do must p_ok s icmp to=$WAN id=$id; done
is "errors about unknown calls reach nobody" "$(p c1 iwait 0.5), $(p c2 iwait 0.5)" "nothing, nothing"
check "and are counted" counted_above icmp_unknown 0
must p_ok s icmp to=$WAN spoil=1
is "with a wrong checksum: nobody" "$(p c1 iwait 0.5), $(p c2 iwait 0.3)" "nothing, nothing"
is "errors were counted" "$(counted icmp_attached)" 4

# no state, no refresh
p c1 ping >/dev/null
p c2 ping >/dev/null
is "no flow and no entry was made" "$(state)" "$before"
must r sysctl -qw net.netfilter.nf_vpn.pptp_timeout_stream=50
p c2 ping >/dev/null
left() { r conntrack -L -p gre -s "$(client_ip 2)" 2>/dev/null | awk '$1 == "gre" { print $3 }'; }
lower() { [ "$(left)" -le 48 ]; }
check "time passes" wait_for 8 lower
was=$(left)
must p_ok s icmp to=$WAN mtu=1300
matches "one more error" "$(p c2 iwait)" "src=$(client_ip 2)"
check "an error does not refresh the tunnel" test "$(left)" -le "$was"
check "the namespaces are gone" topo_down
