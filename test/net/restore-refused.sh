#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 240
#
# What is not a session, may not be one, or would take another's number, is not
# restored, and each time it is said why; nothing is left of it. A file of another
# version, a stranger and another namespace change nothing here.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

# said COMMAND...: "EXIT-CODE what it wrote"
said() {
	local code=0 text
	text=$("$@" 2>&1) || code=$?
	echo "$code $(tr '\n' ' ' <<<"$text" | sed 's/ $//')"
}
nobody() { r setpriv --reuid=65534 --clear-groups --inh-caps=-all "$@"; }
# asked WHAT...: to the kernel itself, an ESP session of client 1 but for WHAT
asked() { r python3 /test/peer/genl.py new "$@"; }
C1=4:ip:$(client_ip 1)
ends=2@$(client_ip 1),3@$SERVER,6@$SERVER,7@$WAN
TRACK=27:nest:1=17,10=0,$ends,4~500,5~500,8~500,9~500
ESP=(3:u32:2 "$C1" 12:u32:0 14:u32:1 "$TRACK")
# edited PYTHON: the saved file, changed; its name
edited() {
	python3 -c '
import json, sys
f = json.load(open(sys.argv[1]))
one = f["sessions"][0]
exec(sys.argv[2])
json.dump(f, open(sys.argv[1] + ".edited", "w"))' "$FILE" "$1"
	echo "$FILE.edited"
}
restored() { said r nfvpn restore "$(edited "$1")"; }
FILE=$TOPO_TMP/file

plan 41
must modprobe nf_vpn_passthrough
topo_up 2
# IKE is silent while the requests are made: on a busy machine for more than 30 s
must r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=600
helper_rule vpn-ike udp 500
peers_up c1 c2 s
is "client 1" "$(meet c1 s) $(settle c1 s 0x1001 0x2001)$(owner 0x2001)" "$WAN:500 $(client_ip 1) settled"
must r nfvpn save "$FILE"
chmod 644 "$FILE"; chmod 755 "$TOPO_TMP"
ask udp c1 $SERVER 53 53 00000000 >/dev/null
before=$(sessions '' 'id client zone awaited' && flow_count)

is "nothing" "$(asked)" "-22 protocol, client, bound, zone and track are needed"
matches "a protocol out of range" "$(asked 3:u32:9 "${ESP[@]:1}")" "^-(34|22) .+"
matches "a zone out of range" "$(asked "${ESP[@]}" 12:u32:70000)" "^-(34|22) .+"
matches "an answer's attribute" "$(asked "${ESP[@]}" 3:raw:01)" "^-(34|22) .+"
is "half an entry" "$(asked "${ESP[@]::4}" 27:nest:1=17,10=0)" "-22 track needs protonum, zone, both tuples, and the ports of TCP and UDP"
is "an entry that is not there" "$(asked "${ESP[@]::4}" "${TRACK/4~500/4~501}")" "-2 conntrack has no such entry as track names"
is "one that is translated to something else" "$(asked "${ESP[@]::4}" "${TRACK/9~500/9~501}")" "-2 conntrack has no such entry as track names"
is "another protocol's" "$(asked 3:u32:1 "${ESP[@]:1}")" "-22 track is not of the protocol that such a session needs"
is "another client's" "$(asked "${ESP[@]}" "4:ip:$(client_ip 2)")" "-22 the client did not begin the connection that track names"
is "one that no rule gave to us" "$(asked "${ESP[@]::4}" "${TRACK//~500/~53}")" "-67 the entry that track names has no helper of its protocol's"
is "a number without its value" "$(asked "${ESP[@]}" 24:nest:1=2,2=1)" "-22 a number lacks its kind, direction or value"
matches "a direction out of range" "$(asked "${ESP[@]}" 24:nest:1=2,2=7,3=9999,4=9999)" "^-(34|22) .+"
is "a reserved SPI" "$(asked "${ESP[@]}" 24:nest:1=2,2=1,3=255,4=255,8=2)" "-22 it has no numbers, or not those of its protocol"
is "a call of PPTP" "$(asked "${ESP[@]}" 24:nest:1=1,2=1,3=9999,4=9999,8=1)" "-22 it has no numbers, or not those of its protocol"
mapfile -t many < <(for _ in {1..60}; do echo 24:nest:1=2,2=1,3=9999,4=9999,8=2; done)
is "sixty numbers" "$(asked "${ESP[@]}" "${many[@]}")" "-7 more numbers than a session shows"
is "IKE itself" "$(asked 3:u32:5 "${ESP[@]:1}")" "-95 IKE on a shared port: the client's next message sets it up anew"
is "one that is there" "$(asked "${ESP[@]}" 24:nest:1=2,2=1,3=9999,4=9999,8=2)" "-17 this session is there already"
is "nothing was changed" "$(sessions '' 'id client zone awaited' && flow_count)" "$before"

# files
matches "no file" "$(said r nfvpn restore /nowhere)" "^1 nfvpn: /nowhere: No such file"
matches "no name" "$(said r nfvpn restore)" "^2 nfvpn: which file"
matches "no place for one" "$(said r nfvpn save /nowhere/file)" "^1 nfvpn: /nowhere/file: No such file"
matches "no JSON" "$(said r nfvpn restore /etc/passwd)" "^1 nfvpn: /etc/passwd: not written by nfvpn save, or by a later version"
matches "a later version" "$(restored 'f["version"] = 2')" "^1 nfvpn: .* or by a later version"
is "nobody" "$(said nobody nfvpn restore "$FILE")" "4 nfvpn: CAP_NET_ADMIN is needed in the user namespace that owns this network namespace; run it as root (sudo nfvpn ...)"
is "root of a namespace of one's own, there" "$(said nobody unshare -Urn nfvpn restore "$FILE")" "0 1 session restored, 0 there already, 0 not restored"
is "another namespace, there" "$(said in_ns c2 nfvpn restore "$FILE") $(in_ns c2 nfvpn flush --all)" "0 1 session restored, 0 there already, 0 not restored 1 session ended"
is "here nothing was changed" "$(sessions '' 'id client zone awaited' && flow_count)" "$before"

is "flushed" "$(r nfvpn flush --all)" "1 session ended"
matches "long ago" "$(restored 'f["saved"] = 1')" "^1 nfvpn: esp of client $(client_ip 1), server $SERVER: not restored: its time was over before now 0 sessions restored, 0 there already, 1 not restored"
matches "cut" "$(restored 'del one["track"]["dst"]')" "^1 .*: not restored: its track cannot be read"
matches "an SPI that is none" "$(restored 'one["keys"][0]["arrives"] = 1e10')" "^1 .*: not restored: a number of it cannot be read"
must r sysctl -qw net.netfilter.nf_vpn.max_per_client=2
matches "more than the limit" "$(restored '')" "^1 .*: not restored: a limit was met, .*max_per_client"
is "nothing is left of it" "$(flow_count) $(sessions '' id) $(r conntrack -L -p esp 2>/dev/null)" "0  "
must r sysctl -qw net.netfilter.nf_vpn.max_per_client=4096
is "without the limit" "$(restored '')" "0 1 session restored, 0 there already, 0 not restored"
twin='c = "'$(client_ip 2)'"; one["client"] = one["track"]["src"] = c; one["track"]["reply-dport"] = 4321;'
matches "client 2 with the SPI of client 1" "$(restored "$twin")" "^1 .*: not restored: one of its numbers is another session's"
is "it has none" "$(sessions '' client)" "$(client_ip 1)"
matches "beside one that can be: that is restored" \
	"$(restored "$twin"'one["keys"] = [k for k in one["keys"] if k["direction"] == "out"]; f["sessions"].append({"state": "up"})')" \
	"^1 .*not restored: its protocol.* 1 session restored, 0 there already, 1 not restored"
is "client 1 has its own" "$(deliver s $WAN 0x2001 9000) $(deliver c1 $SERVER 0x1001 9000)" "c1 $SERVER s $WAN"
is "and client 2 sends" "$(deliver c2 $SERVER 0x1001 9000)" "s $WAN"
peers_down
check "the namespaces are gone" topo_down
