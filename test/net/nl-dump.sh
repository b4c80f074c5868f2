#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 200
#
# 1,200 calls are dumped complete and each once, while their packets flow and other
# calls come and go; all but one connection's are gone after a flush.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

# IDs of client 1, of several dumps one after the other
dumps() {
	local i
	for i in 1 2 3 4 5; do
		r nfvpn list -j -c "$(client_ip 1)" | sed -nE 's/^\{"id":([0-9]+),.*/\1/p' >"$TOPO_TMP/dump.$i"
	done
}
# shellcheck disable=SC2317 # runs in the background
comes_and_goes() {
	while [ ! -e "$TOPO_TMP/stop" ]; do
		r nfvpn flush -c "$(client_ip 2)" >/dev/null
		r nfvpn list -j -c "$(client_ip 2)" >/dev/null
	done
}

plan 11
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=1 net.netfilter.nf_vpn.pptp_quiet=1
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
for i in 1 2 3; do
	control c1 k$i $SERVER
	is "connection $i: 400 calls" "$(p c1 calls k$i $((i * 400)) 400 burst=8 t=40)" "400 up"
done
control c2 k $SERVER
is "client 2: 30 calls" "$(p c2 calls k 5000 30 burst=8 t=40)" "30 up"
comes_and_goes >/dev/null 2>&1 &
other=$!
dumps &
dumping=$!
is "packets flow meanwhile" "$(p c1 ping t=40)" "sent 1200 back 1200 wrong 0"
wait $dumping
touch "$TOPO_TMP/stop"
wait $other
is "each dump has them all" "$(wc -l "$TOPO_TMP"/dump.* | awk '{ printf "%s ", $1 }')" "1200 1200 1200 1200 1200 6000 "
is "each once" "$(sort -u "$TOPO_TMP"/dump.* | wc -l)" 1200
is "client 2's are gone, client 1's are not" "$(nfvpn_json list -c "$(client_ip 2)") $(p c1 ping t=40)" "[] sent 1200 back 1200 wrong 0"
is "the flush says how many" "$(r nfvpn flush -p pptp)" "1200 sessions ended"
is "nobody is left" "$(nfvpn_json list)" "[]"
check "the namespaces are gone" topo_down
