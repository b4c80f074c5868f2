#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# arch: yes
# timeout: 240
#
# An ICMP error that quotes ESP reaches the client whose packet it quotes, with
# inner and outer addresses translated, from either side, also when just 8 octets
# are quoted (stock conntrack gives all errors to the first client). Forged ones
# are refused, and errors neither make state nor keep it alive.
#
# The server o is behind s, the "host in the middle", whose link to o has a small
# MTU: s sends real errors, too.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

O=198.51.100.2
errors() { ask errors "$@"; }
timeout_of() { esp_entry "$1" | awk '{ print $3 }'; }
dropped() { errors "$1" wait=1; }

plan 25
topo_up 2
must ns_add o
must link o eth0 s out
must address o eth0 $O/24
must address s out 198.51.100.1/24
in_ns o ip route add default via 198.51.100.1
must s sysctl -qw net.ipv4.ip_forward=1
s sysctl -qw net.ipv4.icmp_ratelimit=0
must r ip route add 198.51.100.0/24 via $SERVER
s ip route add $WAN via $WAN dev eth0 2>/dev/null
helper_rule vpn-ike udp 500
peers_up c1 c2 s "o@$O"

matches "client 1 sets up" "$(meet c1 o) $(settle c1 o 0x1001 0x2001)$(deliver c1 $O 0x1001 150) $(deliver o $WAN 0x2001 150)" "o $WAN c1 $O\$"
matches "client 2 sets up" "$(meet c2 o) $(settle c2 o 0x1002 0x2002)$(deliver c2 $O 0x1002 150) $(deliver o $WAN 0x2002 150)" "o $WAN c2 $O\$"
ask forget >/dev/null

# From outside, about what a client sent.
ask error s $WAN 3 4 $WAN $O 0x1002 5 mtu=1300 >/dev/null
is "fragmentation needed, of client 2's packet" "$(errors c2)" "3/4 $SERVER 192.168.2.2>$O 0x1002 1300"
is "not given to client 1" "$(dropped c1)" none
ask error s $WAN 3 4 $WAN $O 0x1001 5 mtu=1300 octets=64 >/dev/null
is "of client 1's packet" "$(errors c1)" "3/4 $SERVER 192.168.1.2>$O 0x1001 1300"
ask error o $WAN 3 2 $WAN $O 0x1002 5 >/dev/null
is "protocol unreachable, from the server itself" "$(errors c2)" "3/2 $O 192.168.2.2>$O 0x1002 0"
ask error s $WAN 11 0 $WAN $O 0x1002 5 >/dev/null
is "time exceeded" "$(errors c2)" "11/0 $SERVER 192.168.2.2>$O 0x1002 0"

# From inside, about what the server sent.
ask error c2 $O 3 2 $O 192.168.2.2 0x2002 5 >/dev/null
is "client 2's error reaches the server as from the router" "$(errors o)" "3/2 $WAN $O>$WAN 0x2002 0"
ask error c1 $O 3 2 $O 192.168.1.2 0x2001 5 octets=100 >/dev/null
is "client 1's too" "$(errors o)" "3/2 $WAN $O>$WAN 0x2001 0"
is "six were attached to a flow" "$(stat icmp_attached)" 6

# Forged, or about nothing.
bad=$(stat icmp_bad)
ask error s $WAN 3 4 $WAN $O 0x1002 5 mtu=600 badsum=1 >/dev/null
is "one with a bad checksum is refused" "$(dropped c2)" none
is "and counted" "$(($(stat icmp_bad) - bad))" 1
must s ip route add 192.168.1.0/24 via $WAN
ask error s 192.168.1.2 3 4 $WAN $O 0x1002 5 mtu=600 >/dev/null
is "one that quotes client 2 and goes to client 1 is refused" "$(dropped c1)/$(dropped c2)" none/none
is "and counted" "$(($(stat icmp_bad) - bad))" 2
shared=$(stat icmp_shared)
ask error s $WAN 3 2 $WAN $O 0x7777 5 >/dev/null
is "one about an SPI nobody has is given to no client" "$(dropped c1)/$(dropped c2)" none/none
is "and counted, by a name of its own" "$(($(stat icmp_shared) - shared))" 1

# State.
is "no flow was made" "$(flow_count)" 4
must r sysctl -qw net.netfilter.nf_vpn.ipsec_timeout_stream=1000
deliver c2 $O 0x1002 152 >/dev/null
check "the entry grows older" wait_for 10 sh -c "! ip netns exec $(ns_name r) conntrack -L -p 50 2>/dev/null | grep 'src=192.168.2.2 ' | grep -qE ' (1000|999) '"
ask error s $WAN 3 4 $WAN $O 0x1002 5 mtu=1300 >/dev/null
is "an error arrives" "$(errors c2)" "3/4 $SERVER 192.168.2.2>$O 0x1002 1300"
check "and does not make it younger ($(timeout_of 2))" [ "$(timeout_of 2)" -lt 999 ]

# A real one: s cannot forward client 2's packet to o.
must s ip link set out mtu 900
ask forget >/dev/null
ask raw c2 $O 50 "0000100200000009$(printf '%02400d' 0)" df=1 >/dev/null
is "the kernel's own error reaches client 2" "$(errors c2)" "3/4 $SERVER 192.168.2.2>$O 0x1002 900"
is "and client 2's kernel believes it" "$(in_ns c2 ip route get $O | grep -o 'mtu [0-9]*')" "mtu 900"
is "client 1's knows only of its own" "$(in_ns c1 ip route get $O | grep -o 'mtu [0-9]*')" "mtu 1300"
s ip link set out mtu 1500
is "both tunnels go on" "$(deliver c1 $O 0x1001 9) $(deliver c2 $O 0x1002 9)" "o $WAN o $WAN"
peers_down
check "the namespaces are gone" topo_down
