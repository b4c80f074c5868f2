#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# ICMP errors about L2TP over IP: to the client whose session or control connection
# they quote, with the ID that client knows; with 8 octets quoted a control message
# names nobody, and nobody gets it.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

plan 9
must modprobe nf_vpn_l2tp
topo_up 2
must mark_rule
peers_up c1 c2 s
is "client 1" "$(v3_tunnel c1 11 101) $(v3_session c1 1001 2001)" "up 11 up 1001"
is "client 2" "$(v3_tunnel c2 12 102) $(v3_session c2 1002 2002)" "up 12 up 1002"
ask error s $WAN $WAN $SERVER 2002 >/dev/null
is "about a session of client 2" "$(ask errors c2)" "$SERVER $(client_ip 2)>$SERVER 2002 1300"
ask error s $WAN $WAN $SERVER 2001 >/dev/null
is "about a session of client 1" "$(ask errors c1)" "$SERVER $(client_ip 1)>$SERVER 2001 1300"
ask error s $WAN $WAN $SERVER 102 control=1 octets=40 >/dev/null
is "about the control connection of client 2" "$(ask errors c2)" "$SERVER $(client_ip 2)>$SERVER 102 1300"
ask error s $WAN $WAN $SERVER 102 control=1 octets=8 >/dev/null
is "about any control connection: nobody" "$(ask errors c1 wait=1) $(ask errors c2 wait=1)" "none none"
ask error s $WAN $WAN $SERVER 4711 >/dev/null
is "about a session that nobody has: nobody" "$(ask errors c1 wait=1) $(ask errors c2 wait=1)" "none none"
is "both are counted" "$(counted icmp_shared)" 2
peers_down
check "the namespaces are gone" topo_down
