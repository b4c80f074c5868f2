#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 150
#
# Timeouts that hold. The in-tree helper sets 10 min and 5 h too, but
# nf_conntrack_gre_packet() overwrites them: on 6.1 a fresh entry shows 29 s, and
# an idle tunnel dies after 180 s. Ours are the sysctl's, before and after traffic.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 14
must modprobe nf_vpn_passthrough
topo_up 1
must helper_rule vpn-pptp tcp 1723
limit() { r sysctl -qw "net.netfilter.nf_vpn.$1=$2"; }
# what conntrack says is left of the only GRE entry
left() { r conntrack -L -p gre 2>/dev/null | awk '$1 == "gre" { print $3 }'; }
within() { [ "$1" -le "$2" ] && [ "$1" -ge $(($2 - 20)) ]; }
is "defaults: 10 min, 5 h, grace 10 s" \
	"$(r sysctl -n net.netfilter.nf_vpn.pptp_timeout net.netfilter.nf_vpn.pptp_timeout_stream net.netfilter.nf_vpn.pptp_grace | xargs)" \
	"600 18000 10"
peer_up s s listen
peer_up c1 c1
p s ids 100 >/dev/null
control c1 k $SERVER
p c1 call k 7 >/dev/null
check "a fresh call: 10 min" within "$(left)" 600
p s gre to=$WAN id=7 seq=1 data=a >/dev/null
p c1 gwait >/dev/null
p s gre to=$WAN id=7 seq=2 data=a >/dev/null
p c1 gwait >/dev/null
p c1 gre to=$SERVER id=100 seq=1 data=b >/dev/null
p s gwait >/dev/null
check "after traffic both ways: 5 h" within "$(left)" 18000

# shorter ones: idle shorter than that lives, longer dies
must limit pptp_quiet 1
must limit pptp_timeout 3
must limit pptp_timeout_stream 6
is "traffic takes over the new value" "$(p c1 ping)" "sent 1 back 1 wrong 0"
check "it shows in conntrack" test "$(left)" -le 6
half() { [ "$(left)" -le 3 ]; }
must wait_for 8 half
is "idle for half of it: alive" "$(p c1 ping)" "sent 1 back 1 wrong 0"
check "refreshed by that" test "$(left)" -ge 4
check "idle for longer: gone" wait_for 15 gre_entries_are 0
check "and its flows" wait_for 5 flows_are 0
is "the control connection is still there: a new call" "$(p c1 call k 7 | cut -d' ' -f1-2)" "up own=7"
check "never used, it goes after pptp_timeout" wait_for 8 flows_are 0
must limit pptp_pending 4
p s auto sccrq >/dev/null
must p_ok c1 send k ocrq own=9
p s wait a1 ocrq >/dev/null
check "a request without an answer is remembered" flows_are 1
check "and forgotten after pptp_pending" wait_for 12 flows_are 0
check "the namespaces are gone" topo_down
