#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# Over IPv6 nothing is translated: control connections pass untouched although an
# inet rule names the helper, and GRE with them; IPv4 is helped by the same rule.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 9
must modprobe nf_vpn_passthrough
topo_up 2
r nft -f - <<-'N'
	table inet helpers {
		ct helper vpn-pptp {
			type "vpn-pptp" protocol tcp;
		}
		chain pre {
			type filter hook prerouting priority filter;
			tcp dport 1723 ct helper set "vpn-pptp"
		}
	}
N
# six NAMESPACE DEVICE ADDRESS
six() {
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 "net.ipv6.conf.$2.disable_ipv6=0" \
		"net.ipv6.conf.$2.accept_dad=0" net.ipv6.conf.all.forwarding="$([ "$1" = r ] && echo 1 || echo 0)"
	ip -n "$(ns_name "$1")" addr add "$3/64" dev "$2" nodad
}
for k in 1 2; do
	must six r lan$k 2001:db8:$k::1
	must six c$k eth0 2001:db8:$k::2
	must in_ns c$k ip route add default via 2001:db8:$k::1
done
must six r wan 2001:db8:9::1
must six s eth0 2001:db8:9::2
must s ip route add default via 2001:db8:9::1
peer_up s s "listen v6=1"
peer_up c1 c1
peer_up c2 c2
is "client 1 over IPv6" "$(p c1 connect k 2001:db8:9::2 1723 && p c1 start k)" "ok
sccrp"
is "client 2 over IPv6" "$(p c2 connect k 2001:db8:9::2 1723 && p c2 start k)" "ok
sccrp"
is "a call" "$(p c1 call k 7)" "up own=7 peer=1"
is "another with the same ID" "$(p c2 call k 7)" "up own=7 peer=2"
is "the server heard the IDs as they are" "$(p s wait a1 ocrq), $(p s wait a2 ocrq)" "ocrq own=7, ocrq own=7"
is "nothing was read, no state" "$(counted pptp_message) $(flows)" "0 0"
control c1 f $SERVER
is "IPv4 by the same rule" "$(p c1 call f 8)" "up own=8 peer=3"
is "IPv4: GRE" "$(p c1 ping f)" "sent 1 back 1 wrong 0"
check "the namespaces are gone" topo_down
