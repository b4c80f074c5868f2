#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# "nfvpn doctor" says whose fault it is when a tunnel fails for a reason outside this
# router: a server that does not answer, or one client only; another NAT; AH; limits.
# What encryption hides is said to be hidden.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

forget() { r conntrack -D "$@" >/dev/null 2>&1; }
# three packets that nobody answers
tries() { for _ in 1 2 3; do ask udp "$1" $SERVER 500 500 00000000 >/dev/null; done; }
ah() { for _ in 1 2 3; do ask raw "$1" $SERVER 51 0402000000000001000000010000000000000000 >/dev/null; done; }
established() { r conntrack -L -p tcp --dport 1723 2>/dev/null | grep -q ESTABLISHED; }
waits() { r conntrack -L -p tcp --dport 1723 2>/dev/null | grep -q "SYN_SENT src=$(client_ip 2) "; }

plan 23
must modprobe nf_vpn_passthrough
topo_up 4
rm -rf /etc/nf_vpn
must r nfvpn enable pptp ipsec l2tp --wan wan
peers_up c1 c2 c3 c4 s r
matches "client 1" "$(meet c1 s)" "^$WAN:500"

# a server that keeps silent
for seq in 1 2 3 4; do ask esp c1 $SERVER 0x1001 $seq >/dev/null; done
is "no answer for a moment is no fault" "$(doctor)" "0"
check "after ten seconds it is" wait_for 30 doctor_says "1 fault:no-answer"
is "it is not here" "$(told no-answer at)" "the server, or the way there: nothing has come back to this router"
matches "by what was counted" "$(told no-answer seen)" "esp to $SERVER, 4 packets out, 0 in"
settle c1 s 0x1001 0x2001 10
is "answered: no fault" "$(doctor)" "0"

# a server that has one client an address
must s nft 'table ip old { chain in { type filter hook input priority filter; udp dport 500 udp sport != 500 drop; tcp dport 1723 ct state new limit rate over 1/day burst 1 packets drop; }; }'
tries c2
is "IKE: it answers client 1 only" "$(doctor)" "1 fault:second-client"
is "that is the server's" "$(told second-client at)" "the server"
matches "by both entries" "$(told second-client seen)" "$(client_ip 1) -> $SERVER port 500 is answered; $(client_ip 2) -> $SERVER port 500 is not, 3 packets"
forget -p udp --orig-src "$(client_ip 2)"
is "without the second one it is well" "$(doctor)" "0"
background s server nc -lkd 1723
background c1 first nc -d $SERVER 1723
must wait_for 10 established
background c2 second nc -d $SERVER 1723
must wait_for 10 waits
is "PPTP: likewise" "$(doctor): $(told second-client at)" "1 fault:second-client: the server"
stop first
stop second
stop server
forget -p tcp
s nft delete table ip old

# what cannot be seen is said to be so
ask udp c1 $SERVER 4500 4500 00000000 >/dev/null
ask udp c2 $SERVER 4500 4500 00000000 >/dev/null
is "two clients with UDP 4500: perhaps L2TP" "$(doctor)" "0 note:l2tp-selectors"
matches "that cannot be told" "$(told l2tp-selectors what)" "cannot be told from here"
forget -p udp --dport 4500
ask udp r $SERVER 500 500 00000000 >/dev/null
is "IPsec of the router's own with that server" "$(doctor)" "0 note:own-ipsec"
forget -p udp --orig-src $WAN
is "a healthy router" "$(doctor)" "0"

# a second NAT on the way
must r ip addr add 100.64.0.1/32 dev wan
must s ip route add 100.64.0.1/32 via $WAN
r nft 'flush chain ip nat post; add rule ip nat post oifname "wan" snat to 100.64.0.1'
meet c3 s >/dev/null
is "another NAT" "$(doctor)" "1 fault:double-nat"
is "the fault is there" "$(told double-nat at)" "the next router, towards the provider"
matches "by the address" "$(told double-nat seen)" "leaves as 100\\.64\\.0\\.1, of 100\\.64\\.0\\.0/10"
settle c3 s 0x1003 0x2003
meet c4 s >/dev/null
settle c4 s 0x1004 0x2004
is "it lets two clients through: a note" "$(doctor)" "0 note:double-nat"
r nft 'flush chain ip nat post; add rule ip nat post oifname "wan" masquerade'
must r nfvpn flush --control --all

# what only a counter tells
meet c1 s >/dev/null
ask esp c2 $SERVER 0x4001 1 >/dev/null
ah c3
is "AH, and ESP that no rule asked for" "$(doctor): $(told ah-nat at)" "1 fault:ah-nat note:esp-unhelped: the client's and the server's settings"
must r sysctl -qw net.netfilter.nf_vpn.max_flows=1
ask esp c1 $SERVER 0x1011 1 >/dev/null
ask esp c1 $SERVER 0x1012 1 >/dev/null
matches "a limit" "$(doctor): $(told limit seen)" "^1 fault:ah-nat .*fault:limit.*: nfvpn stats: flow_limit [1-9][0-9]*; "
matches "for people: what, where, evidence, remedy" "$(r nfvpn doctor)" \
	$'FAULT limit: sessions were refused: the table is full\n  at:   this router\'s settings\n  seen: .*\n  do:   sysctl '
peers_down
rm -rf /etc/nf_vpn
check "the namespaces are gone" topo_down
