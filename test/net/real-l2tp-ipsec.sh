#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 500
#
# L2TP over IPsec in transport mode, with the software people run: xl2tpd and pppd over
# libreswan (IKEv1), two clients behind one public address. With a source port of its
# own for each client's L2TP both work, in UDP 4500 and as raw ESP. With 1701 for both
# the server replaces the policy of the first client by that of the second, whose
# selectors are the same: that is noticed here, and said to be the server's.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/vpn.sh
. "$(dirname "$0")/../lib/vpn.sh"
# shellcheck source=test/lib/l2tpd.sh
. "$(dirname "$0")/../lib/l2tpd.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

# l2tp_connection NAME PORT [OPTION...]: of a client
l2tp_connection() {
	printf 'conn %s\n' "$1"
	printf ' %s\n' "left=$(client_ip "${1:1:1}")" "leftprotoport=17/$2" "right=$SERVER" rightprotoport=17/1701 \
		type=transport authby=secret auto=add leftupdown=/bin/true "${L2TP_IKE[@]}" "${@:3}"
}

# Instead of vpn.sh's. Client K has cKnat, cKraw (it says nothing of NAT traversal), and
# cKold: from port 1701, as Windows does. The server takes them all.
ike_config() {
	L2TP_IKE=(ikev2=no aggressive=no 'ike=aes128-sha2_256;dh19' 'phase2alg=aes128-sha2_256')
	printf '%s\n' 'config setup' ' uniqueids=no' ' ikev1-policy=accept' ' virtual-private=%v4:192.168.0.0/16'
	if [ "$1" = s ]; then
		printf '%s\n' 'conn l2tp' " left=$SERVER" ' leftprotoport=17/1701' ' right=%any'
		printf ' %s\n' 'rightsubnet=vhost:%priv,%no' rightprotoport=17/%any type=transport authby=secret auto=add \
			leftupdown=/bin/true overlapip=yes "${L2TP_IKE[@]}"
	else
		l2tp_connection "$1nat" "4000${1:1}"
		l2tp_connection "$1raw" "4000${1:1}" encapsulation=no nat-ikev1-method=none
		l2tp_connection "$1old" 1701
	fi
}

keyed() { grep -q "\"c$1$2\" .*IPsec SA established" "$TOPO_TMP/pluto-c$1.log"; }
# client K, KIND: a transport mode SA, and L2TP in it
dial() { whack "c$1" --initiate --asynchronous --name "c$1$2" >/dev/null && wait_for "$VPN_WAIT" keyed "$1" "$2" && l2tp_dial "$1"; }
# its device, not only its address: the next one would be ppp1
is_down() { not in_ns "c$1" ip link show dev ppp0; }
hang_up() { l2tp_control "c$1" d && wait_for 30 is_down "$1" && whack "c$1" --delete --name "c$1$2" >/dev/null && wait_for 30 esp_has_none "c$1"; }
both_ways() {
	for k in 1 2; do
		is "$1: client $k reaches the server" "$(l2tp_pings $k)" 3
		is "$1: the server reaches client $k" "$(answered s 3 "$(l2tp_address c$k)")" 3
	done
}
lac() { sed "s/^port = .*/port = $2/" "$TOPO_TMP/lac.conf" >"$TOPO_TMP/lac$1.conf" && l2tp_daemon "c$1" "lac$1"; }
# what leaves and enters at the router's outer side, for client K in UDP 4500
entry() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | grep " src=$(client_ip "$1") "; }
came_in() { entry "$1" | sed -nE 's/.*packets=[0-9]+ .*packets=([0-9]+) .*/\1/p'; }
went_out() { entry "$1" | sed -nE 's/.*packets=([0-9]+) .*packets=.*/\1/p'; }
data_astray() { grep -q 'tty is not open yet' "$(log_of xl2tpd-s)"; }
noticed() { l2tp_pings 2 >/dev/null; [ "$(counted natt_collision)" -gt 0 ]; }

plan 30
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-ike udp 500
# L2TP goes in IPsec or nowhere
must r nft 'insert rule ip filter forward udp dport 1701 drop'
must ike_up ikev1
must l2tp_prepare
must l2tp_daemon s lns
for k in 1 2; do must lac $k 4000$k; done

for k in 1 2; do check "a port of its own, in UDP 4500: client $k dials" dial $k nat; done
both_ways "a port of its own, in UDP 4500"
is "the move to 4500 is helped" "$(entry 1 | grep -c 'helper=vpn-ike') $(entry 2 | grep -c 'helper=vpn-ike')" "1 1"
for k in 1 2; do check "client $k hangs up" hang_up $k nat; done
is "there was no ESP outside UDP" "$(counted esp_out)" 0

for k in 1 2; do check "raw ESP: client $k dials" dial $k raw; done
both_ways "raw ESP"
is "each has its own SPIs: none was refused, none shared" "$(counted esp_out) $(counted esp_refused) $(counted esp_shared)" "2 0 0"
for k in 1 2; do check "raw ESP: client $k hangs up" hang_up $k raw; done
is "so far the server kept all apart" "$(counted natt_collision)" 0

for k in 1 2; do stop "xl2tpd-c$k"; must lac $k 1701; done
# clients that were not there within the hour
must r conntrack -F
check "from 1701: client 1 dials" dial 1 old
is "from 1701: client 1 reaches the server" "$(l2tp_pings 1)" 3
in_ns c1 ping -n -i 1 -I ppp0 $L2TP_SERVER >"$TOPO_TMP/pings" 2>&1 &
pings=$!
heard() { [ "$(grep -c 'bytes from' "$TOPO_TMP/pings")" -ge 6 ]; }
must wait_for 30 heard
# An old kernel (seen on 5.10) of a server with two tunnels from one address and port
# gives the data of both to one of the two sockets, which knows no session of the other
# tunnel: then not even client 2 works.
served=1
dial 2 old || served=0
check "from 1701: client 2 gets an SA" keyed 2 old
in=$(came_in 1) out=$(went_out 1)
reaches() { [ "$(l2tp_pings "$1")" -gt 0 ]; }
if [ $served = 1 ]; then
	check "client 2 works" wait_for 20 reaches 2
else
	check "the server's kernel loses client 2's data" data_astray
fi
# its device may be gone, too
got=$(l2tp_pings 1)
is "client 1 is cut off" "${got:-0}" 0
asks_on() { [ "$(went_out 1)" -gt "$((out + 3))" ]; }
check "it asks on" wait_for 30 asks_on
# IKE's may come
check "the server is silent ($in to $(came_in 1) packets)" [ "$(came_in 1)" -le "$((in + 2))" ]
check "that is noticed" wait_for 90 noticed
doctor >"$TOPO_TMP/found"
is "it is the server's" "$(tr ' ' '\n' <"$TOPO_TMP/found" | grep selectors): $(told l2tp-selectors at)" "fault:l2tp-selectors: the server"
kill $pings
for n in c1 c2 s; do stop "xl2tpd-$n"; done
ike_down
check "the namespaces are gone" topo_down
