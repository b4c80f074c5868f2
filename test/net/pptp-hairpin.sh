#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# Hairpin: clients on the LAN reach a server on the same LAN through the public
# address. Both ends are translated, and so are both ends' call IDs.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 14
must modprobe nf_vpn_passthrough
topo_up 3 lan
must helper_rule vpn-pptp tcp 1723
r nft -f - <<-N
	table ip hairpin {
		chain pre {
			type nat hook prerouting priority dstnat;
			ip daddr $WAN tcp dport 1723 dnat to $(client_ip 1)
		}
		chain post {
			type nat hook postrouting priority srcnat;
			iifname "lan1" oifname "lan1" masquerade
		}
	}
N
must r nft insert rule ip filter forward ct status dnat accept
peer_up c1 v listen
peer_up c2 c2
peer_up c3 c3
p v ids 7 >/dev/null
control c2 k $WAN
control c3 k $WAN
is "client 2" "$(p c2 call k 7)" "up own=7 peer=7"
is "client 3, same ID" "$(p c3 call k 7)" "up own=7 peer=8"
is "the server sees the router" "$(sed -nE 's/.* a[12] from ([^ ]+) .*/\1/p' "$(log_of v)" | sort -u)" 192.168.1.1
is "the server hears the first one's ID" "$(p v wait a1 ocrq)" "ocrq own=7"
second=$(p v wait a2 ocrq); second=${second#*own=}
check "and another for the second" test "$second" -ne 7
is "client 2: GRE" "$(p c2 ping)" "sent 1 back 1 wrong 0"
is "client 3: GRE" "$(p c3 ping)" "sent 1 back 1 wrong 0"
must p_ok v icmp to=192.168.1.1 mtu=1300
matches "an ICMP error about client 3's packet (RFC 5508 REQ-7)" "$(p c3 iwait)" \
	"^icmp from=$WAN type=3 code=4 mtu=1300 quoted proto=47 src=$(client_ip 3) dst=$WAN .* id=8 sums=good$"
is "is not client 2's" "$(p c2 iwait 0.5)" nothing
is "conntrack has both" "$(gre_entries)" 2
must p_ok c3 send k ccrq own=7
is "Call-Clear-Request is translated" "$(p v wait a2 ccrq)" "ccrq own=$second"
is "client 3 hears the end of it" "$(p c3 wait k cdn)" "cdn own=8"
is "nothing went astray" "$(p v wrong) $(p c2 wrong) $(p c3 wrong)" "0 0 0"
check "the namespaces are gone" topo_down
