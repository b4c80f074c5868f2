#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# NAT on both sides, and twice on one: d and e behind c1 (a router of its own),
# c2, all masqueraded again by r; the server v is behind s, which forwards the
# port to it. Every client uses the same call ID.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 13
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
PPTP_RULE='
	table ip helpers {
		ct helper vpn-pptp { type "vpn-pptp" protocol tcp; }
		chain pre {
			type filter hook prerouting priority filter;
			tcp dport 1723 ct helper set "vpn-pptp"
		}
	}'
# a router in namespace $1: $2 is its outer device; more rules from stdin
router() {
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1
	in_ns "$1" nft -f - <<-N
		$PPTP_RULE
		table ip filter {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				iifname "in*" accept
				ct status dnat accept
			}
		}
		$(cat)
	N
}
topo_behind
must router c1 <<-'N'
	table ip nat {
		chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
	}
N
must router s <<-'N'
	table ip nat {
		chain pre { type nat hook prerouting priority dstnat; iifname "eth0" tcp dport 1723 dnat to 10.9.0.2; }
		chain post { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
	}
N

peer_up v v listen
peer_up d d
peer_up e e
peer_up c2 c2
p v ids 7 >/dev/null
for n in d e c2; do control $n k $SERVER; done
is "client d, two routers in" "$(p d call k 7)" "up own=7 peer=7"
is "client e, beside it" "$(p e call k 7)" "up own=7 peer=8"
is "client c2, one router in" "$(p c2 call k 7)" "up own=7 peer=9"
is "the server hears three IDs" \
	"$(sed -nE 's/.*< ocrq own=//p' "$(log_of v)" | sort -u | wc -l)" 3
for n in d e c2; do is "$n: GRE" "$(p $n ping)" "sent 1 back 1 wrong 0"; done
is "as PAC: d" "$(p d call k 20 in)" "up own=20 peer=10"
is "as PAC: c2, same ID" "$(p c2 call k 20 in)" "up own=20 peer=11"
must p_ok v send a1 cdn own=7
is "the server's Disconnect-Notify through three routers" "$(p d wait k cdn)" "cdn own=7"
is "GRE in the rest" "$(p e ping), $(p c2 ping)" "sent 1 back 1 wrong 0, sent 2 back 2 wrong 0"
is "nothing went astray" "$(p v wrong) $(p d wrong) $(p e wrong) $(p c2 wrong)" "0 0 0 0"
check "the namespaces are gone" topo_down
