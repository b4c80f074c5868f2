#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# Limits: calls of a control connection, things kept for a client, flows in all.
# A refused call is counted and never goes through half; what the connection
# carries besides, and the calls it has, live on; with room, calls are made again.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

plan 28
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
limit() { r sysctl -qw "net.netfilter.nf_vpn.$1=$2"; }
must limit pptp_grace 1
must limit pptp_quiet 1
peer_up s s listen
peer_up c1 c1
peer_up c2 c2

must limit pptp_max_calls 3
control c1 k $SERVER
control c1 l $SERVER
check_not "nfvpn doctor: no call was refused" blames pptp-refused
is "pptp_max_calls=3: three calls" "$(p c1 calls k 1 3)" "3 up"
matches "a fourth one is refused, in words" "$(p c1 call k 4)" "^refused ocrp own=[0-9]+ peer=4 result=7$"
check "it is counted" counted_above pptp_refused 0
check "nfvpn doctor says so" blames pptp-refused pptp_refused
check_not "and not for want of Call IDs" blames limit pptp_no_id
is "another connection may" "$(p c1 call l 5 | cut -d' ' -f1-2)" "up own=5"
must p_ok c1 send k echorq id=9
is "the connection with the refused call still carries Echo" "$(p c1 wait k echorp 5)" "echorp id=9"
is "its three calls work" "$(p c1 ping)" "sent 4 back 4 wrong 0"
must limit pptp_max_calls 100
is "with more room it gets a call" "$(p c1 call k 6 t=8 | cut -d' ' -f1,2)" "up own=6"
p c1 close k >/dev/null
p c1 close l >/dev/null
check "all gone" wait_for 10 flows_are 0

# per client: 1 for the control connection and 2 for each call
must limit max_per_client 5
control c1 m $SERVER
is "max_per_client=5: two calls" "$(p c1 calls m 10 2)" "2 up"
matches "no third one" "$(p c1 call m 12)" "^refused ocrp own=[0-9]+ peer=12 result=7$"
check "it is counted" counted_above client_limit 0
control c2 m $SERVER
is "the other client is not touched by it" "$(p c2 calls m 10 2)" "2 up"
is "all four work" "$(p c1 ping m), $(p c2 ping m)" "sent 2 back 2 wrong 0, sent 2 back 2 wrong 0"
must limit max_per_client 4096
p c2 close m >/dev/null
p c1 close m >/dev/null
check "all gone again" wait_for 10 flows_are 0

must limit max_flows 2
control c2 n $SERVER
is "max_flows=2: one call" "$(p c2 calls n 20 1)" "1 up"
matches "no second one" "$(p c2 call n 21)" "^refused ocrp own=[0-9]+ peer=21 result=7$"
must limit max_flows 1000
must limit max_flows 262144
p c2 close n >/dev/null
check "all gone once more" wait_for 10 flows_are 0

# no Call ID left: client 1 has the ones that client 2 asks for, and the range is small
must limit pptp_id_min 100
must limit pptp_id_max 102
control c1 o $SERVER
control c2 o $SERVER
is "client 1 has Call IDs 1 to 5" "$(p c1 calls o 1 5)" "5 up"
is "three other IDs for client 2" "$(p c2 calls o 1 3)" "3 up"
matches "and no fourth one" "$(p c2 call o 4)" "^refused ocrp own=[0-9]+ peer=4 result=7$"
check "it is counted" counted_above pptp_no_id 0
check "nfvpn doctor has that, too" blames limit pptp_no_id
must p_ok c2 send o echorq id=77
is "the connection still carries Echo" "$(p c2 wait o echorp 5)" "echorp id=77"
is "an ID that nobody has stays what it is" "$(p c2 call o 9 | cut -d' ' -f1,2)" "up own=9"
check "the namespaces are gone" topo_down
