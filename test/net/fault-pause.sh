#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# One end is suspended: the server's process is stopped while a call is asked for, a
# client's link is down while the server sends. Shorter than the timeouts nothing is
# lost but packets. Longer, the sessions end as an idle one does, and a call and a key
# exchange bring them back.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

k() { cat "$TOPO_TMP/call.$1"; }
timeouts() { r sysctl -qw net.netfilter.nf_vpn.pptp_timeout_stream="$1" net.netfilter.nf_vpn.ipsec_timeout_stream="$1"; }

plan 14
topo_up 2
must sessions_rules
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=1 net.netfilter.nf_vpn.pptp_quiet=1
peers_start c1 c2 s
sessions_up

kill -STOP "$(pid_of s)"
must p_ok c1 send "$(k 1)" ocrq own=8
is "a call is asked for while the server is suspended" "$(p c1 wait "$(k 1)" ocrp 2)" nothing
is "the tunnels of ESP go on" "$(carries 2 | sed 's/gre //') $(carries 1 | sed 's/gre //')" "out in out in"
kill -CONT "$(pid_of s)"
matches "it is answered when the server wakes up" "$(p c1 wait "$(k 1)" ocrp 10)" "^ocrp own=[0-9]+ peer=8 result=1"
must p_ok c1 send "$(k 1)" ccrq own=8
is "all carry" "$(carried)" "$ALL"

must c1 ip link set eth0 down
must p_ok s send a1 echorq id=5
ask esp s $WAN 0x2001 900 >/dev/null
is "the other client goes on while a link is down" "$(carries 2)" "gre out in"
sleep 2
printf '%s\n' 'link set eth0 up' 'route replace default via 192.168.1.1' | c1 ip -batch -
is "the message waits in TCP, and comes" "$(p c1 wait "$(k 1)" echorq 15)" "echorq id=5"
is "all carry" "$(carried)" "$ALL"

must timeouts 3
is "all carry with short timeouts" "$(carried)" "$ALL"
check "idle for longer all flows of data go" wait_for 20 no_flows
must timeouts 3600
check "a call and a key exchange bring them back" all_up
sessions_down
check "the namespaces are gone" topo_down
