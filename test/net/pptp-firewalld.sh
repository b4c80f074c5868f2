#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 400
# root: firewalld
#
# firewalld: client 1's zone has a service with firewalld's own "pptp" helper, unchanged,
# on top of drop_in=1 (firewalld loads the in-tree module by name and gets ours);
# client 2's zone the service vpn-pptp-client that comes with nfvpn. Both call one
# server with the same call ID. Without a policy that names a helper nothing helps.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

loaded() { lsmod | grep "^$1 "; }
rules_have() { grep -q "$1" <(r nft list ruleset); }
# Files, as each firewall-offline-cmd takes five seconds here.
config() { # FILE: what is in it
	mkdir -p "/etc/firewalld/${1%/*}"
	{ echo '<?xml version="1.0" encoding="utf-8"?>'; cat; } >"/etc/firewalld/$1"
}
zone() { config "zones/$1.xml" <<<"<zone><interface name=\"$2\"/>${3:-}</zone>"; }
policy() { # NAME FROM TARGET SERVICE...
	local name=$1 from=$2 target=$3 services
	shift 3
	services=$(printf '<service name="%s"/>' "$@")
	config "policies/$name.xml" <<<"<policy target=\"$target\"><ingress-zone name=\"$from\"/><egress-zone name=\"external\"/>$services</policy>"
}
# Its own bus; everything is configured before it starts.
firewalld_up() {
	background r fw sh -c 'mkdir -p /run/dbus /run/firewalld
		dbus-daemon --system --fork --nopidfile; exec firewalld --nofork --nopid'
}

plan 12
topo_up 2
must r nft flush ruleset
cat >/etc/modprobe.d/nf_vpn.conf <<-'C'
	options nf_vpn_pptp drop_in=1
	alias nfct-helper-pptp nf_vpn_pptp
	alias nf_conntrack_pptp nf_vpn_pptp
	alias nf_nat_pptp nf_vpn_pptp
C
zone external wan '<masquerade/>'
zone internal lan1
zone work lan2
config services/pptp-client.xml <<<'<service><port protocol="tcp" port="1723"/><helper name="pptp"/></service>'
policy one internal ACCEPT ssh
policy two work ACCEPT ssh
must firewalld_up
check "firewalld runs" wait_for 120 rules_have filter_FWD_policy_two

peer_up s s listen
peer_up c1 c1
peer_up c2 c2
control c1 k $SERVER
control c2 k $SERVER
p c1 call k 7 >/dev/null
p c2 call k 7 >/dev/null
p c1 ping k t=1 >/dev/null
check_not "without a helper one client at least hears nothing" \
	test "$(p c2 ping k t=1)" = "sent 1 back 1 wrong 0"
check_not "nothing of ours is loaded" loaded nf_vpn_pptp
p c1 close k >/dev/null
p c2 close k >/dev/null
r conntrack -F 2>/dev/null

stop fw
r nft flush ruleset
policy one internal ACCEPT pptp-client
policy two work CONTINUE vpn-pptp-client vpn-ipsec-client vpn-l2tp-client
must firewalld_up
check "with the services in its policies it runs" wait_for 120 rules_have filter_FWD_policy_two
check "its ruleset names its own helper" rules_have 'type "pptp" protocol tcp'
check "and ours" rules_have 'type "vpn-pptp" protocol tcp'
check "IKE's and L2TP's" rules_have 'type "vpn-ike" protocol udp'
check "their modules are loaded" loaded nf_vpn_l2tp
check_not "the in-tree one is not" loaded nf_conntrack_pptp
control c1 l $SERVER
control c2 l $SERVER
is "two calls with the same ID" "$(p c1 call l 7 | cut -d' ' -f1,2), $(p c2 call l 7 | cut -d' ' -f1,2)" "up own=7, up own=7"
is "GRE of both" "$(p c1 ping l), $(p c2 ping l)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
rm -f /etc/modprobe.d/nf_vpn.conf
check "the namespaces are gone" topo_down
