#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 240
#
# Rules that give a helper: in a chain of type nat, as those that are shipped, they see
# the first packet of a connection alone, and help where there is no other NAT, with
# iptables' NAT, and with a port forward that changes the port. In a chain of type
# filter they help as well.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"

# helper NS ADDRESS PROTOCOL PORT: of the connection that NS opens
helper() {
	local name
	r conntrack -D -p "$3" >/dev/null 2>&1
	if [ "$3" = tcp ]; then in_ns "$1" nc -z -w 1 "$2" "$4" 2>/dev/null
	else echo x | in_ns "$1" nc -u -q 0 -w 1 "$2" "$4" 2>/dev/null; fi
	name=$(r conntrack -L -p "$3" --orig-port-dst "$4" 2>/dev/null | sed -nE 's/.*helper=([a-z0-9-]+).*/\1/p')
	echo "${name:-none}"
}
helpers() { echo "$(helper "$1" $SERVER tcp 1723) $(helper "$1" $SERVER udp 500) $(helper "$1" $SERVER udp 4500) $(helper "$1" $SERVER udp 1701)"; }
ALL="vpn-pptp vpn-ike vpn-ike vpn-l2tp"
shipped() { sed -E 's/\{ "lan0", "lan1" \}/{ "lan1", "lan2" }/; s/"wan0"/"wan"/; s/192\.168\.1\.1[01]/192.168.1.2/' "/usr/share/nf_vpn/$1" >/tmp/rules.nft; r nft -f /tmp/rules.nft; }
# how often the rule was met that a chain of the shipped file begins with
met() { r nft list chain ip vpn_clients prerouting | sed -nE 's/.*counter packets ([0-9]+) .*/\1/p'; }

plan 14
topo_up 2 own nonat
must s ip route add default via $WAN
# an entry that is reset is gone at once: somebody listens
must background s tcp nc -lk 1723
must background c1 server nc -lk 1723
must shipped clients.nft
must shipped clients.nft # again
is "no other NAT: clients" "$(helpers c1)" "$ALL"
is "the router's own" "$(helpers r)" "$ALL"
is "nobody else" "$(helper s 192.168.1.2 udp 500)" none

must s nft 'table ip quiet { chain in { type filter hook input priority 0; udp dport 500 drop; }; }'
r conntrack -F >/dev/null 2>&1
must r nft insert rule ip vpn_clients prerouting counter
# not nc: what comes late to it becomes one datagram
must c1 python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 500))
for _ in range(6):
    s.sendto(b'x', ('$SERVER', 500))"
is "six packets of a connection" "$(r conntrack -L -p udp --orig-port-dst 500 2>/dev/null | sed -nE 's/.*packets=([0-9]+).*packets=.*/\1/p')" 6
is "one of them is asked about" "$(met)" 1

if r iptables-legacy -t nat -A POSTROUTING -o wan -j MASQUERADE 2>/dev/null; then
	is "with iptables' NAT" "$(helpers c1)" "$ALL"
	must r iptables-legacy -t nat -F
else
	skip "with iptables' NAT" "no iptables-legacy here"
fi
must r nft 'table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }; }'
is "with NAT" "$(helpers c2)" "$ALL"

# a rule that rewrites the destination is the last one of its kind that is met
must r nft 'table ip early { chain pre { type nat hook prerouting priority -120; udp dport 500 dnat to 203.0.113.2; }; }'
is "behind a chain that rewrites destinations: none" "$(helper c1 $SERVER udp 500)" none
must r nft delete table ip early
must r nft 'table ip late { chain pre { type nat hook prerouting priority dstnat; udp dport 500 dnat to 203.0.113.2; }; }'
is "before it" "$(helper c1 $WAN udp 500)" vpn-ike
must r nft delete table ip late

must r nft delete table ip vpn_clients
must r nft delete table ip nat
must r nft insert rule ip filter forward ct status dnat accept
must shipped server.nft
is "a server behind the router" "$(helper s $WAN tcp 1723) $(helper s $WAN udp 500) $(helper s $WAN udp 4500)" "vpn-pptp vpn-ike vpn-ike"
must r nft add rule ip vpn_servers portforward iifname wan tcp dport 1724 ct helper set '"pptp"' dnat to 192.168.1.2:1723
is "by another port" "$(helper s $WAN tcp 1724)" vpn-pptp
is "its clients are not" "$(helper c1 $SERVER tcp 1723)" none
must r nft delete table ip vpn_servers

must r nft 'table ip old { ct helper ike { type "vpn-ike" protocol udp; }; chain pre { type filter hook prerouting priority filter; udp dport 500 ct state new ct helper set "ike"; }; }'
is "a chain of type filter" "$(helper c1 $SERVER udp 500)" vpn-ike
stop tcp
stop server
check "the namespaces are gone" topo_down
