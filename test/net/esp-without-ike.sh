#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 200
#
# Tunnels keyed by hand, no IKE at all, by the kernel's own ESP: with the sysctl
# ipsec_without_ike two clients share one public address; without it (the default)
# the second one fails, as it does on the stock kernel.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

K=0x0123456789abcdef0123456789abcdef01234567
sa() { in_ns "$1" ip xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid "$5" mode tunnel aead 'rfc4106(gcm(aes))' $K 128; }
policy() { in_ns "$1" ip xfrm policy add src "$2" dst "$3" dir "$4" tmpl src "$5" dst "$6" proto esp reqid "$7" mode tunnel; }

# tunnel K: 10.88.0.K at client K, 10.99.0.1 at the server, which sees the router.
tunnel() {
	local k=$1 c=c$1 at out=0x100$1 back=0x200$1 inner=10.88.0.$1/32
	at=$(client_ip "$k")
	address "$c" lo "$inner" &&
		sa "$c" "$at" $SERVER "$out" "$k" && sa "$c" $SERVER "$at" "$back" "$k" &&
		policy "$c" "$inner" 10.99.0.1/32 out "$at" $SERVER "$k" &&
		policy "$c" 10.99.0.1/32 "$inner" in $SERVER "$at" "$k" &&
		sa s $WAN $SERVER "$out" "$k" && sa s $SERVER $WAN "$back" "$k" &&
		policy s "$inner" 10.99.0.1/32 in $WAN $SERVER "$k" &&
		policy s 10.99.0.1/32 "$inner" out $SERVER $WAN "$k" &&
		s ip route add "$inner" via $WAN
}
pings() { answered "c$1" "$2" 10.99.0.1 -I "10.88.0.$1"; }

plan 14
modprobe -a esp4 xfrm_user
must modprobe nf_vpn_ipsec
topo_up 2
address s lo 10.99.0.1/32
must tunnel 1
must tunnel 2
is "it is off by default" "$(r sysctl -n net.netfilter.nf_vpn.ipsec_without_ike)" 0
is "off: client 1 works" "$(pings 1 2)" 2
is "off: client 2 does not" "$(pings 2 2)" 0
is "off: nothing is counted" "$(stat esp_unknown)" 0

must r sysctl -qw net.netfilter.nf_vpn.ipsec_without_ike=1
must r conntrack -F
# The first answer comes before the second packet of the client.
is "on: client 1 works" "$(pings 1 3)" 3
is "on: client 2 works from the first packet" "$(pings 2 3)" 3
is "on: both at once" "$(pings 1 2 & pings 2 2; wait)" $'2\n2'
matches "client 1 is where it was without us" "$(esp_entry 1)" 'src=192.168.1.2 .*dst=203.0.113.1'
check_not "without a zone" grep zone= <<<"$(esp_entry 1)"
matches "client 2 has a zone of its own" "$(esp_entry 2)" 'zone=60000'
must r conntrack -F
is "after a flush: client 2 first" "$(pings 2 3)" 3
is "then client 1" "$(pings 1 3)" 3
check "four flows" [ "$(flow_count)" = 4 ]
check "the namespaces are gone" topo_down
