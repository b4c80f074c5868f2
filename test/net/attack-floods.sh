#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# One client inside floods: ESP with random SPIs, calls without number, requests that
# nobody answers. What is kept for it has a bound, of its own SPIs the idle ones give
# way, and nobody else is refused anything or loses a packet.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

FLOOD=${FLOOD:-3000}
limit() { r sysctl -qw "net.netfilter.nf_vpn.$1=$2"; }
# Flows of a client: "flows_of K [PATTERN]".
flows_of() { r grep -c "${2:-}.*client=$(client_ip "$1") " /proc/net/nf_vpn/flows; }
# Calls of a client in a state: "calls_of K up|pending".
calls_of() { r grep -cE "^pptp reply client=$(client_ip "$1") .* $2 " /proc/net/nf_vpn/flows; }
calls_are() { [ "$(calls_of "$1" "$2")" = "$3" ]; }

plan 20
topo_up 3
must sessions_rules
must limit pptp_grace 1
must limit pptp_quiet 1
peers_start c1 c2 s c3
sessions_up
matches "client 3 has a tunnel" "$(meet c3 s) $(settle c3 s 0x1003 0x2003)$(owner 0x2003)" "^$WAN:[0-9]+ $(client_ip 3) settled\$"

is "it floods with $FLOOD random SPIs" "$(ask flood c3 $SERVER "$FLOOD")" sent
check "16 of them are kept, and its own inbound one" [ "$(flows_of 3 esp)" -le 17 ]
check "the rest was forgotten, by name" [ "$(counted esp_recycled)" -ge $((FLOOD - 100)) ]
is "the others lost nothing" "$(flows_of 1 esp) $(flows_of 2 esp)" "2 2"
is "all of theirs carry" "$(carried)" "$ALL"
is "its own tunnel, too" "$(deliver c3 $SERVER 0x1003 700), $(deliver s $WAN 0x2003 700)" "s $WAN, c3 $SERVER"

# calls: each connection has a bound, and so has the client
must limit pptp_max_calls 20
must limit max_per_client 100
peer_up c3 c3
for c in k l m; do control c3 $c $SERVER; done
p c3 calls k 1 30 t=5 >/dev/null
is "it calls, 30 times on one connection: 20 are made" "$(calls_of 3 up)" 20
for c in l m; do p c3 calls $c 1 30 t=5 >/dev/null; done
check "on three it has as many as max_per_client allows" [ "$(calls_of 3 up)" -le 40 ]
check "and flows" [ "$(flows_of 3)" -le 100 ]
check "which is counted" [ "$(counted client_limit)" -gt 0 ]
check "client 1 calls once more, with a number that client 3 has" call_up 1
is "all of theirs carry" "$(carried)" "$ALL"
for c in k l m; do p c3 close $c >/dev/null; done
must wait_for 20 calls_are 3 up 0

# requests that nobody answers
must limit pptp_pending 3
p s auto sccrq >/dev/null
control c3 n $SERVER
requests=$(seq -f 'ocrq own=%.0f +' 501 530 | xargs)
must p_ok c3 send n "${requests% +}"
check "requests without an answer are bounded, too" wait_for 5 calls_are 3 pending 20
p s auto sccrq ocrq echorq >/dev/null
check "another client calls meanwhile" call_up 2
check "they are forgotten after pptp_pending" wait_for 15 calls_are 3 pending 0
p c3 close n >/dev/null
sessions_down
check "the namespaces are gone" topo_down
