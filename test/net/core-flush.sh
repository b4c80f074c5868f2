#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# `conntrack -F` and `conntrack -D -p 50` at any moment, under traffic: nothing
# crashes or leaks, flows vanish with their entries, and after the next key
# exchange the tunnels work. With the IKE entry alive and ESP's alone deleted,
# the tunnels come back by themselves.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

flush_often() {
	local i
	for ((i = 0; i < 15; i++)); do
		r conntrack -F || return
		meet c1 s && meet c2 s || return
		r conntrack -D -p 50
		sleep "0.0$((RANDOM % 10))"
		r conntrack -D -p 17
	done
	return 0
}
sets_up() { echo "$(meet "c$1" s | sed 's/:.*//') $(settle "c$1" s "0x100$1" "0x200$1")$(deliver "c$1" $SERVER "0x100$1" 199) $(deliver s $WAN "0x200$1" 199)"; }
goes_on() { echo "$(settle "c$1" s "0x100$1" "0x200$1" "$2")$(deliver "c$1" $SERVER "0x100$1" $(($2 + 150))) $(deliver s $WAN "0x200$1" $(($2 + 150)))"; }

plan 13
topo_up 2
helper_rule vpn-ike udp 500
peers_up c1 c2 s
is "client 1 sets up" "$(sets_up 1)" "$WAN s $WAN c1 $SERVER"
is "client 2 sets up" "$(sets_up 2)" "$WAN s $WAN c2 $SERVER"
is "four flows" "$(flow_count)" 4

must r conntrack -D -p 50
is "ESP's entries deleted: client 1 comes back" "$(goes_on 1 5001)" "s $WAN c1 $SERVER"
is "client 2 too" "$(goes_on 2 5002)" "s $WAN c2 $SERVER"

for k in 1 2; do
	must ask stream c$k $SERVER 50 "0000100$k++++++++0000000000000000"
	must ask stream s $WAN 50 "0000200$k++++++++0000000000000000"
done
check "15 rounds of flushing and deleting under traffic" flush_often
check "packets were sent meanwhile" [ "$(ask calm)" -gt 100 ]
r conntrack -F
r conntrack -F
check "the table shrinks to nothing when the entries are gone" wait_for 10 no_flows
is "every flow made was ended" "$(stat flow_new)" "$(stat flow_end)"
ask forget >/dev/null
is "after the next key exchange client 1 is back" "$(sets_up 1)" "$WAN s $WAN c1 $SERVER"
is "and client 2" "$(sets_up 2)" "$WAN s $WAN c2 $SERVER"
is "each is alone with its entry" "$(r conntrack -L -p 50 2>/dev/null | grep -c 'src=192')" 2
peers_down
check "the namespaces are gone" topo_down
