#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 200
#
# Two ways to use a router up, while a client has a call: half-open control
# connections by the thousand, and a conntrack table that is full. The call goes on,
# what cannot be had is refused and counted, and when there is room again the next
# call is made.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

table_most() { sysctl -qw "net.netfilter.nf_conntrack_max=$1"; }
half_open() { r conntrack -L -p tcp --state SYN_SENT 2>/dev/null | grep -c dport=1723; }
pings() { p "$1" ping t=1; }

plan 15
must modprobe nf_vpn_passthrough
topo_up 3
most=$(sysctl -n net.netfilter.nf_conntrack_max)
must helper_rule vpn-pptp tcp 1723
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
p s ids 100 >/dev/null
control c1 k $SERVER
is "client 1 calls" "$(p c1 call k 7)" "up own=7 peer=100"

# nobody answers at 203.0.113.9
must s ip neigh add 203.0.113.9 lladdr 02:00:00:00:00:09 dev eth0
must r ip neigh add 203.0.113.9 lladdr 02:00:00:00:00:09 dev wan
c3 hping3 -q -n -S -p 1723 -s 2000 -c 4000 -i u300 203.0.113.9 >/dev/null 2>&1
check "thousands of half-open connections" [ "$(half_open)" -ge 3000 ]
is "are no flows of ours" "$(flows)" 2
is "nor sessions" "$(r nfvpn list | grep -c "$(client_ip 3)")" 0
is "the call goes on" "$(pings c1)" "sent 1 back 1 wrong 0"
control c2 k $SERVER
is "another client calls all the same" "$(p c2 call k 7)" "up own=7 peer=101"
must r conntrack -D -p tcp --state SYN_SENT >/dev/null 2>&1

# no entry can be made, and none given up: all are in use
must table_most "$(r conntrack -C)"
is "a full table: both calls go on" "$(pings c1) $(pings c2)" "sent 1 back 1 wrong 0 sent 1 back 1 wrong 0"
failed=$(counted ct_fail)
matches "a further call is refused, in words" "$(p c1 call k 8)" "^refused ocrp own=[0-9]+ peer=8 result=7$"
check "and counted" [ "$(counted ct_fail)" -gt "$failed" ]
is "its connection is not lost" "$(p c1 send k echorq id=3; p c1 wait k echorp)" "ok"$'\n'"echorp id=3"
is "nor the calls" "$(pings c1) $(pings c2)" "sent 1 back 1 wrong 0 sent 1 back 1 wrong 0"
must table_most "$most"
matches "with room again the call is made" "$(p c1 call k 9)" "^up own=9 "
is "and carries, as the one before" "$(pings c1)" "sent 2 back 2 wrong 0"
for c in c1 c2; do p $c close k >/dev/null; done
check "the flows go" wait_for 60 flows_are 0
for name in s c1 c2; do stop $name; done
check "the namespaces are gone" topo_down
