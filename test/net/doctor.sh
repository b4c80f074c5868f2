#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# "nfvpn doctor" finds what is wrong with this router itself (modules, rules, helpers,
# connection tracking), each with its evidence, and finds nothing on a healthy one.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

forward() { r nft "${2:-insert}" rule ip filter forward "$1"; }
# Takes the rule out again that has this comment, test.
undo() {
	local handle
	handle=$(r nft -a list chain ip filter forward | sed -nE 's/.*"test" # handle ([0-9]+)$/\1/p')
	r nft delete rule ip filter forward handle "$handle"
}
connects() { # the client's TCP 1723 stays open; "-d": /dev/null is no end
	background "$1" "tcp.$1" nc -d $SERVER 1723
	must wait_for 10 established "$1"
}
established() { r conntrack -L -p tcp --dport 1723 2>/dev/null | grep -q "ESTABLISHED src=$(client_ip "${1#c}") "; }
hangs_up() {
	stop "tcp.$1"
	r conntrack -D -p tcp --dport 1723 >/dev/null 2>&1
}

plan 42
topo_up 2
rm -rf /etc/nf_vpn
must background s server nc -lk 1723
is "neither module nor rule" "$(doctor)" "1 fault:module-missing fault:no-rule"
matches "it says what to type" "$(told module-missing 'do')" "modprobe nf_vpn_passthrough"
# shellcheck disable=SC2016 # the inner shell's
matches "modules that nobody installed" "$(r unshare -m sh -c 'mount -t tmpfs tmpfs "/lib/modules/$(uname -r)"; nfvpn doctor')" \
	"module-missing: the modules are not installed for the kernel that runs.*seen: kernel [^ ]+; modprobe -n: .*do: +make KDIR="
matches "nobody may not ask" "$(r setpriv --reuid=65534 --clear-groups --inh-caps=-all nfvpn doctor 2>&1; echo $?)" "run it as root.*4$"
must modprobe nf_vpn_passthrough
is "no rule" "$(doctor)" "1 fault:no-rule"
connects c1
is "a client that nobody helps" "$(doctor)" "1 fault:helper-missing fault:no-rule"
matches "by its entry" "$(told helper-missing seen)" "$(client_ip 1) -> $SERVER port 1723, helper none"
must r nfvpn enable pptp ipsec --lan 'lan*'
is "older than its rule" "$(doctor)" "1 fault:helper-not-assigned note:nothing-yet"
matches "what to do" "$(told helper-not-assigned 'do')" "conntrack -D -p tcp --dport 1723"
hangs_up c1
is "rules, and nobody came: a note" "$(doctor)" "0 note:nothing-yet"
connects c1
is "a client that is helped is no finding" "$(doctor)" "0"
hangs_up c1

if modprobe -qn nf_conntrack_pptp; then
	must r nfvpn disable pptp
	must helper_rule pptp tcp 1723
	connects c1
	is "Linux's own helper serves it" "$(doctor)" "1 fault:in-tree-helper"
	hangs_up c1
	r nft delete table ip helpers
	must r nfvpn enable pptp
else
	pass "this kernel has no PPTP helper of its own: $(uname -r)"
fi
must r nfvpn disable pptp ipsec
must r iptables -t raw -A PREROUTING -p tcp --dport 1723 -j CT --helper vpn-pptp
connects c1
is "a rule of iptables is one, too" "$(doctor)" "0"
hangs_up c1
must r nft delete table ip raw
stop server
must r nfvpn enable pptp ipsec l2tp --lan 'lan*'

peers_up c1 c2 s r
matches "two IPsec clients" "$(meet c1 s) $(settle c1 s 0x1001 0x2001) $(meet c2 s) $(settle c2 s 0x1002 0x2002)" "^$WAN:500 +$WAN:"
before=$(r nft list ruleset; cat /etc/nf_vpn/nf_vpn.nft)
is "a healthy router" "$(doctor)" "0"
is "for people" "$(r nfvpn doctor)" "nothing wrong was found; 2 sessions"
is "it changed nothing" "$(r nft list ruleset; cat /etc/nf_vpn/nf_vpn.nft)" "$before"
must r nft flush chain ip nf_vpn output
ask udp r $SERVER 500 500 00000000 >/dev/null
is "this router's own client of that server is not helped" "$(doctor)" "1 fault:helper-missing note:own-ipsec"
matches "which rule is missing" "$(told helper-missing what)" 'this router.s own ipsec client.*"hook output"'
r conntrack -D -p udp --orig-src $WAN >/dev/null 2>&1
must r nfvpn load

must forward 'ip protocol esp counter drop comment "test"'
is "a rule that would drop ESP" "$(doctor)" "0 note:rule-drops"
deliver_lost c1 $SERVER 0x1001 500 >/dev/null
is "and did" "$(doctor)" "1 fault:rule-drops"
matches "which, and how often" "$(told rule-drops seen): $(told rule-drops what)" "table ip filter, chain forward, rule handle [0-9]+: [1-9][0-9]* packets: .*ESP"
undo
must forward 'meta l4proto { gre, icmp } counter drop comment "test"'
ask raw c1 $SERVER 47 2001880b00000007 >/dev/null
is "one for GRE, in a set" "$(doctor): $(told rule-drops what)" "1 fault:rule-drops: a rule drops GRE, ICMP errors (path MTU)"
undo
must forward 'udp dport { 400-600, 4500 } counter drop comment "test"'
ask udp c1 $SERVER 500 500 00 >/dev/null
is "one for a set of ports" "$(doctor): $(told rule-drops what)" "1 fault:rule-drops: a rule drops UDP 500, UDP 4500"
undo
must forward 'tcp dport { 22, 1723 } drop comment "test"'
is "one without a counter: a note" "$(doctor): $(told rule-drops what)" "0 note:rule-drops: a rule drops TCP 1723, if it comes by"
undo
must forward 'ip protocol icmp counter drop comment "test"'
answered c1 1 $SERVER >/dev/null
is "one for ICMP" "$(doctor)" "1 fault:icmp-dropped"
undo
must forward 'icmp type echo-request counter drop comment "test"'
is "pings may be dropped" "$(doctor)" "0"
undo
must forward 'meta l4proto esp counter drop comment "test"' add
is "so may ESP that is not related" "$(doctor)" "0"
undo
r nft -f - <<-'N'
	flush chain ip filter forward
	table ip filter {
		chain forward {
			ct state vmap { established : accept, related : jump in, invalid : drop }
			iifname "lan*" ct state new accept
		}
		chain in { ip protocol 50 drop; accept; }
	}
N
# a verdict map that jumps is not read: taken to be right
is "a jump out of a map is not guessed at" "$(doctor)" "0"
r nft -f - <<-'N'
	flush chain ip filter forward
	table ip filter {
		chain forward {
			ct state established accept
			iifname "lan*" ct state new accept
		}
	}
N
is "related is not accepted: a note while nobody suffers" "$(doctor)" "0 note:related-dropped"
matches "where" "$(told related-dropped seen)" "table ip filter, chain forward: policy drop"
must r nfvpn flush --client "$(client_ip 1)"
rekey c1 s >/dev/null
ask esp c1 $SERVER 0x1021 1 >/dev/null
is "and a fault when somebody does" "$(doctor)" "1 fault:related-dropped"
r nft delete table ip filter
must router_rules nonat
settle c1 s 0x1021 0x2021
is "a healthy router again" "$(doctor)" "0"

r nft 'table ip raw { chain pre { type filter hook prerouting priority raw; udp dport 4500 counter notrack; }; }'
is "notrack that nothing met: a note" "$(doctor)" "0 note:notrack"
ask udp c1 $SERVER 4500 4500 00000000 >/dev/null
is "and that something met" "$(doctor): $(told notrack what)" "1 fault:notrack: a rule takes UDP 4500 out of connection tracking: no NAT, no help"
r nft delete table ip raw
must background r ike nc -lu 500
is "this router's own IKE alone is no fault" "$(doctor)" "0"
r nft 'table ip portfw { chain pre { type nat hook prerouting priority dstnat; iifname "wan" udp dport 500 dnat to 192.168.1.2; }; }'
is "beside a port forward it is" "$(doctor)" "1 fault:own-endpoint"
stop ike
r nft delete table ip portfw
must r nfvpn disable l2tp
ask raw c1 $SERVER 115 0000000012345678 >/dev/null
is "protocol 115 without a mark" "$(doctor)" "1 fault:l2tp-ip-unmarked"
r conntrack -D -p 115 >/dev/null 2>&1
must r sysctl -qw net.ipv4.ip_forward=0
is "no forwarding" "$(doctor)" "1 fault:no-forwarding"
must r sysctl -qw net.ipv4.ip_forward=1
max=$(sysctl -n net.netfilter.nf_conntrack_max)
must sysctl -qw net.netfilter.nf_conntrack_max=2
is "connection tracking is full" "$(doctor)" "1 fault:conntrack-full"
sysctl -qw net.netfilter.nf_conntrack_max="$max"
is "a healthy router at last" "$(doctor)" "0"
peers_down
rm -rf /etc/nf_vpn
check "the namespaces are gone" topo_down
