#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# 2,000 calls of one client over five control connections, and some of another
# client with the same IDs: all come up, GRE of every one goes both ways, and they
# go with their connections.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 12
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=1 net.netfilter.nf_vpn.pptp_quiet=1
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
began=$(now_ms)
for i in 1 2 3 4 5; do
	control c1 k$i $SERVER
	is "connection $i: 400 calls" "$(p c1 calls k$i $((i * 400)) 400 burst=8 t=40)" "400 up"
done
control c2 k $SERVER
is "another client, 20 of the same IDs" "$(p c2 calls k 1000 20 burst=8)" "20 up"
diag "calls up after $(($(now_ms) - began)) ms"
is "flows" "$(flows up)" 4040
is "the last one's GRE" "$(p c2 ping)" "sent 20 back 20 wrong 0"
is "GRE in every one" "$(p c1 ping t=20)" "sent 2000 back 2000 wrong 0"
diag "pinged after $(($(now_ms) - began)) ms"
is "nothing went astray" "$(p c1 wrong) $(p c2 wrong) $(p s wrong)" "0 0 0"
for i in 1 2 3 4 5; do p c1 close k$i >/dev/null; done
check "they go with their connections, the other client's stay" wait_for 30 flows_are 40
check "the namespaces are gone" topo_down
