#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# NAT slipstreaming: a page in a client's browser posts PPTP octets to port 1723 of
# its accomplice; forged segments outside the window; GRE from a third address.
# Nothing is opened, nothing is changed.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 18
must modprobe nf_vpn_passthrough
topo_up 1
must helper_rule vpn-pptp tcp 1723
# what conntrack finds invalid has no NAT: the router would answer it with a reset
must r nft 'add chain ip filter input { type filter hook input priority filter; }'
must r nft add rule ip filter input ct state invalid drop
must r nft insert rule ip filter forward ct state invalid counter drop
must address s eth0 203.0.113.3/24
peer_up s s listen
peer_up c1 c1
p s ids 100 >/dev/null
nothing_opened() { [ "$(flows) $(gre_entries) $(counted pptp_call)" = "0 0 0" ]; }

# the browser: an HTTP request whose body is PPTP, in segments of its own
p s auto ocrp >/dev/null
must p_ok c1 connect k $SERVER
must p_ok c1 raw k 'text:POST~/~HTTP/1.1\r\nHost:~a\r\nContent-Length:~324\r\n\r\n'
is "the request arrives as it is" "$(p s octets a1 50)" \
	"$(printf 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 324\r\n\r\n' | od -An -v -tx1 | tr -d ' \n')"
must p_ok c1 send k sccrq + ocrq own=7
is "the body arrives: Start-Control-Connection-Request" "$(p s wait a1 sccrq)" "sccrq"
is "the body arrives: Outgoing-Call-Request, its ID as it was" "$(p s wait a1 ocrq)" "ocrq own=7"
must p_ok s send a1 sccrp + ocrp own=100 peer=7 result=1
matches "the accomplice's answer arrives, perhaps about nothing" "$(p c1 wait k ocrp)" \
	"^ocrp own=100 peer=(7|65535) result=1$"
check "nothing was opened" nothing_opened
check "it is counted once" counted_is pptp_not_pptp 1
p s gre to=$WAN id=7 seq=1 data=attack >/dev/null
is "GRE from outside does not come in" "$(p c1 gwait 1)" nothing

# a reset that dies in the router makes it forget what the stream began with
must p_ok c1 inject k flags=4 ttl=1 text:
sleep 2.5
must p_ok c1 send k ocrq own=9
p s send a1 ocrp own=101 peer=9 result=1 >/dev/null
p c1 wait k ocrp 2 >/dev/null
is "after a reset that died in the router nothing is opened" "$(flows) $(counted pptp_call)" "0 0"
check "it is counted" counted_above pptp_refused 0
is "the request has not gone out with its own ID" "$(p s queue a1 | grep -c 'own=9$')" 0

# a true control connection; forged segments from the far end and the near one
p s auto sccrq echorq >/dev/null
control c1 l $SERVER
must p_ok c1 send l ocrq own=8
p s wait a2 ocrq >/dev/null
# octets of an answer: OCRP own=100 peer=8 result=1
answer=$(printf '002000011a2b3c4d000800000064000801%030d' 0)
for off in 5000000 -5000000 1 600; do must p_ok s inject a2 off=$off "$answer"; done
for off in 5000000 600; do must p_ok c1 inject l off=$off "$(printf '00a800011a2b3c4d00070000%04x%0308d' 99 0)"; done
must p_ok c1 send l echorq id=1
is "the connection goes on" "$(p c1 wait l echorp)" "echorp id=1"
is "no call came of it" "$(counted pptp_call) $(flows up)" "0 0"
is "the client has seen none of the forged answers" "$(p c1 queue l)" ""
is "the server has seen none of the forged requests" "$(p s queue a2 | grep -c 'own=99')" 0

# the call comes up; then GRE from another address than the server's
must p_ok s send a2 ocrp own=100 peer=8 result=1
is "the true answer" "$(p c1 wait l ocrp)" "ocrp own=100 peer=8 result=1"
p s gre to=$WAN id=8 seq=1 data=true >/dev/null
is "GRE of the server comes in" "$(p c1 gwait)" "gre from=$SERVER id=8 seq=1 data=true"
p s gre to=$WAN id=8 seq=1 data=third from=203.0.113.3 >/dev/null
is "GRE of a third address does not" "$(p c1 gwait 1)" nothing
check "the namespaces are gone" topo_down
