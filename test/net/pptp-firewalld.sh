#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 300
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

fw() { inside fw firewall-cmd "$@"; }
loaded() { lsmod | grep -q "^$1 "; }

plan 9
topo_up 2
must r nft flush ruleset
cat >/etc/modprobe.d/nf_vpn.conf <<-'C'
	options nf_vpn_pptp drop_in=1
	alias nfct-helper-pptp nf_vpn_pptp
	alias nf_conntrack_pptp nf_vpn_pptp
	alias nf_nat_pptp nf_vpn_pptp
C
firewall-offline-cmd --zone=external --add-interface=wan >/dev/null
firewall-offline-cmd --zone=internal --add-interface=lan1 >/dev/null
firewall-offline-cmd --zone=internal --add-interface=lan2 >/dev/null
must background r fw sh -c 'mkdir -p /run/dbus /run/firewalld; dbus-daemon --system --fork --nopidfile
	exec firewalld --nofork --nopid'
check "firewalld runs" wait_for 90 fw --state
must fw --permanent --new-service=pptp-client
must fw --permanent --service=pptp-client --add-port=1723/tcp --add-helper=pptp
must fw --permanent --new-policy=out
must fw --permanent --policy=out --add-ingress-zone=internal --add-egress-zone=external --set-target=ACCEPT
must fw --reload

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

must fw --permanent --policy=out --add-service=pptp-client
check "the policy takes the service with its helper" fw --reload
check "its ruleset names the helper pptp" sh -c "ip netns exec $(ns_name r) nft list ruleset | grep -q 'type \"pptp\"'"
check "ours is loaded" loaded nf_vpn_pptp
check_not "the in-tree one is not" loaded nf_conntrack_pptp
control c1 l $SERVER
control c2 l $SERVER
is "two calls with the same ID" "$(p c1 call l 7 | cut -d' ' -f1,2), $(p c2 call l 7 | cut -d' ' -f1,2)" "up own=7, up own=7"
is "GRE of both" "$(p c1 ping l), $(p c2 ping l)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
rm -f /etc/modprobe.d/nf_vpn.conf
check "the namespaces are gone" topo_down
