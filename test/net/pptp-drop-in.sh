#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 200
#
# In the place of Linux's own helper: with drop_in=1 rules that say "pptp" work as
# they are, nft's and iptables's, and what asks for the in-tree modules by name gets
# ours. Where the in-tree one is loaded already, ours says so and does not load.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

CONF=/etc/modprobe.d/nf_vpn.conf
in_tree() { modprobe -n --ignore-install nf_conntrack_pptp 2>/dev/null; }
loaded() { lsmod | grep -q "^$1 "; }
two_calls() {
	control c1 "$1" $SERVER
	control c2 "$1" $SERVER
	is "$2: first call" "$(p c1 call "$1" 7 | cut -d' ' -f1,2)" "up own=7"
	is "$2: second call with the same ID" "$(p c2 call "$1" 7 | cut -d' ' -f1,2)" "up own=7"
	is "$2: GRE of both" "$(p c1 ping "$1"), $(p c2 ping "$1")" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
	p c1 close "$1" >/dev/null
	p c2 close "$1" >/dev/null
}

plan 14
topo_up 2
peer_up s s listen
peer_up c1 c1
peer_up c2 c2

if in_tree; then
	modprobe nf_nat_pptp
	check_not "the in-tree helper holds the name: ours does not load" modprobe nf_vpn_pptp drop_in=1
	check "and says why" wait_for 5 sh -c 'dmesg | grep -q "name \"pptp\" is taken: unload nf_nat_pptp"'
	check "beside it, under its own name, it does" modprobe nf_vpn_pptp
	must modprobe -r nf_vpn_pptp
	modprobe -r nf_nat_pptp nf_conntrack_pptp
else
	# a kernel after its removal: nothing can hold the name
	check "the kernel has no helper of its own" not loaded nf_conntrack_pptp
	check "ours loads" modprobe nf_vpn_pptp drop_in=1
	check "under its own name as well" grep -q "^Y" /sys/module/nf_vpn_pptp/parameters/drop_in
	must modprobe -r nf_vpn_pptp
fi

# as the README has it
cat >$CONF <<-'C'
	options nf_vpn_pptp drop_in=1
	alias nfct-helper-pptp nf_vpn_pptp
	alias nf_conntrack_pptp nf_vpn_pptp
	alias nf_nat_pptp nf_vpn_pptp
C
check_not "nothing is loaded" loaded nf_vpn_pptp
must helper_rule pptp tcp 1723
check "an nft rule that says \"pptp\" loads it" loaded nf_vpn_pptp
check_not "and not the in-tree one" loaded nf_conntrack_pptp
two_calls k "nft, type \"pptp\""
r nft delete table ip helpers
check "what loads nf_nat_pptp by name gets ours" modprobe nf_nat_pptp
must r iptables -t raw -A PREROUTING -p tcp --dport 1723 -j CT --helper pptp
two_calls l "iptables -j CT --helper pptp"
r iptables -t raw -F
rm -f $CONF
check "the namespaces are gone" topo_down
