#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 400
# root: firewalld
#
# firewalld's own "pptp" helper, unchanged, on top of drop_in=1: firewalld loads the
# in-tree module by name and gets ours; two clients of its internal zone call one
# server with the same call ID. Without a policy that names the helper nothing helps.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

fw() { firewall-offline-cmd "$@" >/dev/null; }
loaded() { lsmod | grep -q "^$1 "; }
rules_have() { grep -q "$1" <(r nft list ruleset); }
# Its own bus; everything is configured before it starts.
firewalld_up() {
	background r fw sh -c 'mkdir -p /run/dbus /run/firewalld
		dbus-daemon --system --fork --nopidfile; exec firewalld --nofork --nopid'
}

plan 9
topo_up 2
must r nft flush ruleset
cat >/etc/modprobe.d/nf_vpn.conf <<-'C'
	options nf_vpn_pptp drop_in=1
	alias nfct-helper-pptp nf_vpn_pptp
	alias nf_conntrack_pptp nf_vpn_pptp
	alias nf_nat_pptp nf_vpn_pptp
C
must fw --zone=external --add-interface=wan
must fw --zone=internal --add-interface=lan1
must fw --zone=internal --add-interface=lan2
must fw --new-service=pptp-client
must fw --service=pptp-client --add-port=1723/tcp
must fw --service=pptp-client --add-helper=pptp
must fw --new-policy=out
must fw --policy=out --add-ingress-zone=internal
must fw --policy=out --add-egress-zone=external
must fw --policy=out --set-target=ACCEPT
must firewalld_up
check "firewalld runs" wait_for 120 rules_have filter_FWD_policy_out

peer_up s s listen
peer_up c1 c1
peer_up c2 c2
control c1 k $SERVER
control c2 k $SERVER
p c1 call k 7 >/dev/null
p c2 call k 7 >/dev/null
p c1 ping k t=1 >/dev/null
check_not "without the helper one client at least hears nothing" \
	test "$(p c2 ping k t=1)" = "sent 1 back 1 wrong 0"
p c1 close k >/dev/null
p c2 close k >/dev/null
r conntrack -F 2>/dev/null

stop fw
r nft flush ruleset
must fw --policy=out --add-service=pptp-client
must firewalld_up
check "with the service in its policy it runs" wait_for 120 rules_have filter_FWD_policy_out
check "its ruleset names the helper pptp" rules_have 'type "pptp"'
check "ours is loaded" loaded nf_vpn_pptp
check_not "the in-tree one is not" loaded nf_conntrack_pptp
control c1 l $SERVER
control c2 l $SERVER
is "two calls with the same ID" "$(p c1 call l 7 | cut -d' ' -f1,2), $(p c2 call l 7 | cut -d' ' -f1,2)" "up own=7, up own=7"
is "GRE of both" "$(p c1 ping l), $(p c2 ping l)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
rm -f /etc/modprobe.d/nf_vpn.conf
check "the namespaces are gone" topo_down
