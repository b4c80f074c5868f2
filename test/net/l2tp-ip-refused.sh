#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# What cannot be served is refused by name and not half done: IDs hidden in AVPs,
# signed messages whose ID is taken, limits; and what is not L2TP is counted, makes
# no state, and disturbs nobody.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
# shellcheck source=test/lib/doctor.sh
. "$(dirname "$0")/../lib/doctor.sh"

plan 46
must modprobe nf_vpn_l2tp
topo_up 3
must mark_rule
must r sysctl -qw net.netfilter.nf_vpn.l2tp_grace=1
must s ip addr add 203.0.113.9/24 dev eth0
peers_up c1 c2 c3 s o:s@203.0.113.9
limit() { r sysctl -qw "net.netfilter.nf_vpn.$1=$2"; }

is "client 1" "$(v3_tunnel c1 11 101) $(v3_session c1 1001 2001)" "up 11 up 1001"
is "client 2" "$(v3_tunnel c2 12 102) $(v3_session c2 1002 2002)" "up 12 up 1002"
before=$(flows)
still() { [ "$(data s $WAN 1001), $(data s $WAN 1002)" = "c1 from=$SERVER id=1001, c2 from=$SERVER id=1002" ]; }

# hidden
is "a hidden Assigned Control Connection ID" "$(say_lost c3 $SERVER SCCRQ assigned=13 hide=assigned)" nobody
is "is refused by name" "$(counted l2tp_hidden)" 1
check "nfvpn doctor says so" blames l2tp-hidden l2tp_hidden
check_not "and not that it was signed" blames l2tp-digest
is "a hidden Local Session ID" "$(say_lost c2 $SERVER ICRQ conn=102 local=1003 remote=0 hide=local)" nobody
is "a hidden Remote Session ID" "$(say_lost s $WAN ICRP conn=12 local=2003 remote=1002 hide=remote)" nobody
is "too" "$(counted l2tp_hidden)" 3
is "a message that hides nothing we need passes" "$(say c2 $SERVER HELLO conn=102)" "s from=$WAN HELLO conn=102"
is "no session was made of it" "$(flows "client=$(client_ip 2)")" 5

# signed
is "signed: an ID that is free" "$(say c3 $SERVER SCCRQ assigned=13 digest=1)" "s from=$WAN SCCRQ conn=0 assigned=13"
is "signed: a Control Connection ID that client 1 has" "$(say_lost c3 $SERVER SCCRQ assigned=11 digest=1)" nobody
is "is refused by name" "$(counted l2tp_digest)" 1
check "nfvpn doctor has that, too" blames l2tp-digest l2tp_digest
check_not "but no limit" blames l2tp-refused
is "without a signature it is translated" \
	"$(say c3 $SERVER SCCRQ assigned=11 | sed -E 's/(assigned)=[0-9]+$/\1=N/')" "s from=$WAN SCCRQ conn=0 assigned=N"
is "signed: a Session ID that client 1 has" "$(say_lost c2 $SERVER ICRQ conn=102 local=1001 remote=0 digest=1)" nobody
is "is refused by name" "$(counted l2tp_digest)" 2
is "client 2 has no flow of it" "$(flows "client=$(client_ip 2)")" 5
is "its session works" "$(data s $WAN 1002)" "c2 from=$SERVER id=1002"

# the same ID twice: which one will the server believe?
is "twice the same AVP" "$(say_lost c2 $SERVER ICRQ conn=102 local=1003 twice=local)" nobody
check "is refused" counted_above l2tp_refused 0
check "nfvpn doctor tells of refusals" blames l2tp-refused l2tp_refused
bad=$(counted l2tp_bad)

# broken
for cut in 4 8 15 17 26 35; do say_lost c2 $SERVER ICRQ conn=102 local=1003 remote=0 cut=$cut >/dev/null; done
check "messages cut short are counted" [ "$(counted l2tp_bad)" -gt "$bad" ]
is "and pass as they are" "$(say c2 $SERVER ICRQ hex=00000000c803002c00000066000100010000 | cut -d' ' -f1,2)" "s from=$WAN"
bad=$(counted l2tp_bad)
is "another version" "$(say c2 $SERVER X hex=00000000c804000c0000006600010001 | cut -d' ' -f1,2)" "s from=$WAN"
is "no control message" "$(say c2 $SERVER X hex=000000000003000c0000006600010001 | cut -d' ' -f1,2)" "s from=$WAN"
is "both are counted" "$(counted l2tp_bad)" $((bad + 2))
say_lost c2 $SERVER X hex=0000 >/dev/null
check "less than a session ID" counted_above truncated 0
check "nothing of it made state" [ "$(flows "client=$(client_ip 2)")" = 5 ]

# from outside: nothing is allocated for whoever knocks
before=$(flows)
ask flood o $WAN 300 type=SCCRQ >/dev/null
ask flood s $WAN 300 type=ICRQ conn=999 what=local >/dev/null
say_lost o $WAN ICRQ conn=12 local=77 >/dev/null
say_lost o $WAN SCCRP conn=11 assigned=66 src=203.0.113.77 >/dev/null
is "a flood from outside makes nothing" "$(flows)" "$before"
check "it is counted" counted_above l2tp_unknown 300
check "the sessions go on" still

# a client that asks for everything
limit max_per_client 50
ask flood c3 $SERVER 200 >/dev/null
check "a client gets no more than its limit" [ "$(flows "client=$(client_ip 3)")" -le 50 ]
check "which is counted" counted_above client_limit 100
check "the others go on" still
is "and get what they ask for" "$(v3_session c2 1004 2004)" "up 1004"
limit max_flows 5
is "max_flows: no further session" "$(say_lost c2 $SERVER ICRQ conn=102 local=1005 remote=0)" nobody
check "is counted" counted_above flow_limit 0
limit max_flows 262144
limit max_per_client 4096
check "the sessions go on" still

# a server that asks for everything
limit max_per_client 30
ask flood s $WAN 200 type=ICRQ what=local conn=12 >/dev/null
check "the server cannot fill a client's account" [ "$(flows "client=$(client_ip 2)")" -le 30 ]
check "the sessions go on" still
check "no kernel memory was short" [ "$(counted no_memory)" = 0 ]
peers_down
check "all is given back" r conntrack -F
check "the namespaces are gone" topo_down
