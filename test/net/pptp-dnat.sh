#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 240
#
# PPTP servers behind a port forward: outside clients reach one server, and two
# servers on two ports of the public address whose call IDs are the same.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 17
must modprobe nf_vpn_passthrough
topo_up 3 own nonat
# servers in c1 and c2; clients in s and, from another side, in c3
r nft -f - <<-N
	table ip nat {
		ct helper pptp {
			type "vpn-pptp" protocol tcp;
		}
		chain pre {
			type nat hook prerouting priority dstnat;
			ip daddr $WAN tcp dport 1723 ct helper set "pptp" dnat to $(client_ip 1)
			ip daddr $WAN tcp dport 1724 ct helper set "pptp" dnat to $(client_ip 2):1723
		}
	}
N
must r nft insert rule ip filter forward ct status dnat accept
peer_up c1 v1 listen
peer_up c2 v2 listen
peer_up s s
peer_up c3 c3
for v in v1 v2; do p $v ids 50 >/dev/null; done

control s k $WAN
control c3 k $WAN
is "an outside client" "$(p s call k 7)" "up own=7 peer=50"
is "another one with the same ID" "$(p c3 call k 7)" "up own=7 peer=51"
is "their IDs are left alone: they are not translated" \
	"$(p v1 wait a1 ocrq), $(p v1 wait a2 ocrq)" "ocrq own=7, ocrq own=7"
is "outside client: GRE" "$(p s ping)" "sent 1 back 1 wrong 0"
is "other client: GRE" "$(p c3 ping)" "sent 1 back 1 wrong 0"

# the second server answers with the ID that the first has given to this client
control s l $WAN 1724
answer=$(p s call l 8)
matches "the same client at the second server, which has the same ID" "$answer" "^up own=8 peer=[0-9]+$"
second=${answer##*=}
check "the client hears another one" test "$second" -ne 50
is "GRE to both servers" "$(p s ping)" "sent 2 back 2 wrong 0"
p s gre to=$WAN id="$second" seq=3 data=for-server-2 >/dev/null
is "the second server gets its own ID" "$(p v2 gwait)" "gre from=$SERVER id=50 seq=3 data=for-server-2"
is "the first got none of it" "$(p v1 gwait 0.2)" nothing

# the servers talk about their calls
must p_ok v2 send a1 cdn own=50
is "Disconnect-Notify of the second server has its public ID" "$(p s wait l cdn)" "cdn own=$second"
must p_ok v1 send a1 wen peer=7 + sli peer=7
is "WAN-Error-Notify names the client's ID, untouched" "$(p s wait k wen)" "wen peer=7"
must p_ok s send l sli peer="$second"
is "Set-Link-Info to the second server names its own" "$(p v2 wait a1 sli)" "sli peer=50"

# a server calls its client, with the ID of the other server's call
must p_ok s auto
p s pings on >/dev/null
p s ids 7000 >/dev/null
is "the second server calls its client" "$(p v2 call a1 51)" "up own=51 peer=7000"
is "GRE in it" "$(p v2 ping a1 | cut -d' ' -f5-)" "wrong 0"
is "nothing went astray" "$(p v1 wrong) $(p v2 wrong) $(p s wrong) $(p c3 wrong)" "0 0 0 0"
check "the namespaces are gone" topo_down
