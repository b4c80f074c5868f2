#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 180
#
# One client cannot fill the tables for all: max_per_client and max_flows refuse
# more, by named counters; whoever has a tunnel keeps it, other clients are not
# affected, and a raised limit helps at once. Only the host's root sets them.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

limit() { r sysctl -qw "net.netfilter.nf_vpn.$1=$2"; }
read_limit() { r sysctl -n "net.netfilter.nf_vpn.$1"; }

plan 22
topo_up 3
helper_rule vpn-ike udp 500
peers_up c1 c2 c3 s
per_client=$(read_limit max_per_client)
flows=$(read_limit max_flows)
is "the defaults" "$per_client $flows" "4096 262144"
matches "client 1 and 2 set up" \
	"$(meet c1 s) $(settle c1 s 0x1001 0x2001)$(deliver c1 $SERVER 0x1001 150) $(deliver s $WAN 0x2001 150) $(meet c2 s) $(settle c2 s 0x1002 0x2002)$(deliver c2 $SERVER 0x1002 150) $(deliver s $WAN 0x2002 150)" \
	"^$WAN:500 s $WAN c1 $SERVER $WAN:[0-9]+ s $WAN c2 $SERVER\$"

# Client 2 has a pair and two flows: three things.
must limit max_per_client 3
ask esp c2 $SERVER 0x1012 1 >/dev/null
is "client 2's next SPI is refused" "$(flow_count)" 4
is "by this name" "$(stat client_limit) $(stat esp_refused)" "1 1"
check "nfvpn doctor says so" blames esp-refused esp_refused
check "and which limit" blames limit client_limit
check_not "not the other one" blames limit flow_limit
is "its first SA goes on" "$(deliver c2 $SERVER 0x1002 152) $(deliver s $WAN 0x2002 152)" "s $WAN c2 $SERVER"
matches "client 3 is not affected" "$(meet c3 s) $(settle c3 s 0x1003 0x2003)$(deliver c3 $SERVER 0x1003 150) $(deliver s $WAN 0x2003 150)" "^$WAN:[0-9]+ s $WAN c3 $SERVER\$"
must limit max_per_client "$per_client"
is "with the limit raised the SPI is accepted" "$(deliver c2 $SERVER 0x1012 2)" "s $WAN"
is "and has a flow" "$(flow_count)" 7

must limit max_flows 7
ask esp c1 $SERVER 0x1011 1 >/dev/null
is "at max_flows a new SPI is refused" "$(flow_count)" 7
is "by that name" "$(stat flow_limit) $(stat client_limit)" "1 1"
check "nfvpn doctor has that limit, too" blames limit flow_limit
is "all the others go on" "$(deliver c1 $SERVER 0x1001 153) $(deliver s $WAN 0x2002 153) $(deliver s $WAN 0x2003 153)" "s $WAN c2 $SERVER c3 $SERVER"
must limit max_flows "$flows"
is "with the limit raised the SPI is accepted" "$(deliver c1 $SERVER 0x1011 2)" "s $WAN"
is "and has a flow" "$(flow_count)" 8

check_not "max_per_client is at least 1" limit max_per_client 0
check_not "no negative limit" limit max_flows -1
is "neither was changed" "$(read_limit max_per_client) $(read_limit max_flows)" "$per_client $flows"
# shellcheck disable=SC2016 # the inner shell expands these
is "nobody but the host's root writes them" \
	"$(unshare -Urn sh -c 'cd /proc/sys/net/netfilter/nf_vpn && stat -c %a * | sort -u | xargs; echo 5 2>/dev/null >max_flows && echo written; cat max_flows' 2>/dev/null | xargs)" \
	"444 $flows"
peers_down
check "the namespaces are gone" topo_down
