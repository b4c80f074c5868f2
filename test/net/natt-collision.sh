#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: all
# timeout: 180
#
# A server that takes two clients of UDP 4500 for one, as many do with L2TP over IPsec
# in transport mode, sends the answers of one to the other, or is silent to the first.
# No NAT can mend that: it is noticed, told and blamed on the server; clients that are
# served, or that only talk, are not taken for it.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

PAUSE=0.6 # longer than what NF_VPN_NATT_PAUSE_MS takes for a pause
seq=0
public_port() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | sed -nE "s/.* src=$(client_ip "$1") .*src=$SERVER .*dport=([0-9]+).*/\1/p"; }
esp() { printf '%08x%08x%032x' "$1" $((++seq)) 0; }
out() { ask udp "c$1" $SERVER 4500 4500 "$(esp 0x1000"$1")" >/dev/null; }
# back CLIENT [SPI]: the server's, whoever is to answer
back() { ask udp s $WAN 4500 "${port[$1]}" "$(esp "${2:-0x2000$1}")" >/dev/null; }
both_served() { for k in 1 2; do out $k; back $k; done; sleep $PAUSE; }
# client 1 asks, client 2 is sent the answer
misled() { out 1; back 2 "$1"; sleep $PAUSE; }
noticed() { misled "$1"; [ "$(counted natt_collision)" = 1 ]; }
known() { [ -n "$(public_port "$1")" ]; }

plan 13
must modprobe nf_vpn_passthrough
topo_up 3
must helper_rule vpn-ike udp 4500
must background r watch nfvpn watch -j
must wait_for 15 r sh -c 'grep -q . /proc/net/netlink'
peers_up c1 c2 c3 s
must ask udp s $WAN 4500 9 00
out 1; out 2
must wait_for 5 known 2
port=(0 "$(public_port 1)" "$(public_port 2)")
must [ "${port[1]}" != "${port[2]}" ]

for _ in {1..5}; do both_served; done
is "two clients that are served: no complaint" "$(counted natt_collision)" 0
# client 2 has a new SA; client 1 is answered nothing from now, and 2 what it asks for
for _ in {1..11}; do out 1; out 2; back 2 0x20003; sleep $PAUSE; done
is "one that only talks, beside one that is answered: nor here" "$(counted natt_collision)" 0
is "two clients with UDP 4500: perhaps L2TP, says the doctor" "$(doctor | tr ' ' '\n' | grep selectors)" "note:l2tp-selectors"
back 1
sleep $PAUSE
for _ in {1..11}; do misled 0x20003; done
is "nor where it was served since the other's SA began" "$(counted natt_collision)" 0
check "what client 1 asks comes to client 2, whose SA is new: counted" wait_for 60 noticed 0x20004
event() { grep -q '"event":"server-collision"' "$(log_of watch)"; }
check "told" wait_for 10 event
matches "with both clients and the server" "$(grep server-collision "$(log_of watch)")" \
	"\"client\":\"$(client_ip 1)\".*\"server\":\"$SERVER\".*\"public\":\"$WAN\".*\"by\":\"$(client_ip 2)\""
is "the log says it" "$(dmesg | grep -c "IPsec server $SERVER took client $(client_ip 2) for $(client_ip 1),")" 1
is "the doctor finds a fault" "$(doctor | tr ' ' '\n' | grep selectors)" "fault:l2tp-selectors"
is "it is the server's" "$(told l2tp-selectors at)" "the server"
for _ in {1..3}; do misled 0x20004; done
is "it is said once" "$(counted natt_collision)" 1

# the other kind of server: client 1 is sent nothing any more since client 3 is
out 3
must wait_for 5 known 3
port[3]=$(public_port 3)
for _ in {1..5}; do both_served; done
muted() { out 1; out 3; back 3; sleep $PAUSE; [ "$(counted natt_collision)" = 2 ]; }
check "client 1 is sent nothing since client 3 came: counted" wait_for 60 muted
stop watch
peers_down
check "the namespaces are gone" topo_down
