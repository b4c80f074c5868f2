#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# With tunnels running, all state is lost: conntrack is flushed, or the modules
# are loaded anew. When IKE has spoken again (a dead peer detection will do) each
# client's running SAs, whose key exchange nobody saw, are found again.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

setup() { echo "$(meet "c$1" s | sed 's/:.*//') $(settle "c$1" s "0x100$1" "0x200$1")$(owner "0x200$1")"; }
dpd() { ike "c$1" s info >/dev/null && ike s "c$1" info! >/dev/null; }
again() { settle "c$1" s "0x100$1" "0x200$1" "$2"; owner "0x200$1"; }
unloaded() { modprobe -r nf_vpn_passthrough 2>/dev/null; ! lsmod | grep -q ^nf_vpn; }

plan 10
topo_up 2
helper_rule vpn-ike udp 500
peers_up c1 c2 s
for k in 1 2; do is "client $k sets up" "$(setup $k)" "$WAN $(client_ip $k) settled"; done

must r conntrack -F
check "flushed: all flows go" wait_for 10 no_flows
for k in 1 2; do dpd $k; done
for k in 1 2; do is "client $k is found again" "$(again $k 2000)" "$(client_ip $k) settled"; done

must r nft delete table ip helpers
check "the modules unload" wait_for 15 unloaded
must helper_rule vpn-ike udp 500
must r conntrack -F
for k in 1 2; do dpd $k; done
for k in 1 2; do is "loaded anew: client $k is found again" "$(again $k 9000)" "$(client_ip $k) settled"; done
is "each gets its own" "$(deliver s $WAN 0x2001 9500) $(deliver s $WAN 0x2002 9500)" "c1 $SERVER c2 $SERVER"
peers_down
check "the namespaces are gone" topo_down
