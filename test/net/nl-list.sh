#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# arch: yes
# timeout: 240
#
# "nfvpn list" shows the ESP sessions of two clients and the PPTP calls of two
# clients of one server, each with its own numbers, as it is on the wire and
# translated; "nfvpn flush" ends those of one client and leaves the others alone.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

plan 20
must modprobe nf_vpn_passthrough
topo_up 4
helper_rule vpn-ike udp 500
must helper_rule vpn-pptp tcp 1723
is "nobody is there yet" "$(nfvpn_json list)" "[]"

peers_up c1 c2 s
matches "client 1 and 2: IPsec" "$(meet c1 s) $(settle c1 s 0x1001 0x2001) $(meet c2 s) $(settle c2 s 0x1002 0x2002)" "^$WAN:500 +$WAN:"
peer_up s p listen
peer_up c3 c3
peer_up c4 c4
control c3 k $SERVER
control c4 k $SERVER
p p ids 100 >/dev/null
is "client 3: a call" "$(p c3 call k 7)" "up own=7 peer=100"
is "client 4: a call with the same number" "$(p c4 call k 7)" "up own=7 peer=101"
check "GRE both ways" test "$(p c3 ping)" = "sent 1 back 1 wrong 0"

is "two ESP sessions" "$(sessions protocol=esp 'client server public state bound replied zone')" \
	"$(client_ip 1) $SERVER $WAN up control True 0
$(client_ip 2) $SERVER $WAN up control True 60000"
is "two PPTP sessions" "$(sessions protocol=pptp 'client server public state')" \
	"$(client_ip 3) $SERVER $WAN up
$(client_ip 4) $SERVER $WAN up"
is "SPIs of client 2" "$(numbers "client=$(client_ip 2)" out) $(numbers "client=$(client_ip 2)" in)" \
	"4098>4098 exact 8194>8194 settled"
is "the call of client 3 kept its number" "$(numbers "client=$(client_ip 3)" in)" "7>7 exact"
matches "that of client 4 was translated" "$(numbers "client=$(client_ip 4)" in)" "^[0-9]+>7 exact$"
check_not "really" grep -q '^7>' <<<"$(numbers "client=$(client_ip 4)" in)"
matches "packets and bytes each way" "$(sessions "client=$(client_ip 3)" 'packets-out packets-in bytes-out bytes-in')" \
	"^[1-9][0-9]* [1-9][0-9]* [1-9][0-9]* [1-9][0-9]*$"
matches "for people: aligned, with a head" "$(r nfvpn list --protocol ipsec --client "$(client_ip 1)")" \
	"^ID +PROTOCOL +CLIENT.*0x00002001"
check_not "no colours where no terminal is" grep -q $'\033' <<<"$(r nfvpn list)"
is "a filter" "$(r nfvpn list -j --protocol pptp --client "$(client_ip 4)" | grep -c '"id"')" 1

is "one client is flushed" "$(r nfvpn flush --control --client "$(client_ip 3)")" "1 session ended"
is "it is not listed" "$(sessions protocol=pptp client)" "$(client_ip 4)"
is "the other one is not touched" "$(p c4 ping)" "sent 1 back 1 wrong 0"
is "ESP goes on as it was" "$(deliver c1 $SERVER 0x1001 250) $(deliver s $WAN 0x2002 250)" "s $WAN c2 $SERVER"
peers_down
check "the namespaces are gone" topo_down
