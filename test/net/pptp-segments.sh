#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 150
#
# TCP as it is: a message cut at every offset of its head, octet by octet, many in
# one segment, repeated, lost, reordered, doubled. The other end's stream must
# come out whole, every call ID translated. Client 1 holds the IDs that client 2
# uses, so an untranslated one would show.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

plan 17
must modprobe nf_vpn_passthrough
topo_up 2
must helper_rule vpn-pptp tcp 1723
must modprobe sch_netem
# quick retransmissions: the path is short
must in_ns c2 ip route change default via "$(gateway_ip 2)" rto_min 30ms
must s ip route add $WAN dev eth0 rto_min 30ms
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
control c1 k $SERVER
control c2 k $SERVER
is "client 1 takes the IDs" "$(p c1 calls k 1 60)" "60 up"
server_saw() { sed -nE "s/.* a2 < $1//p" "$(log_of s)"; }

# Outgoing-Call-Request: 14 octets of head
for ((i = 1; i <= 14; i++)); do
	must p_ok c2 send k ocrq own=$i cut=$i
	p c2 wait k ocrp 8
done >"$TOPO_TMP/replies"
is "a request cut at each offset of its head: all answered" \
	"$(grep -cE '^ocrp own=[0-9]+ peer=[0-9]+ result=1$' "$TOPO_TMP/replies")" 14
is "with the client's own IDs, in order" "$(sed -E 's/.* peer=([0-9]+) .*/\1/' "$TOPO_TMP/replies" | xargs)" \
	"$(seq 14 | xargs)"
check "the one that splits its ID was held back" counted_above pptp_split 0

# Outgoing-Call-Reply: 17 octets of head
p s auto sccrq stopccrq echorq >/dev/null
p s queue a2 >/dev/null
for ((i = 1; i <= 17; i++)); do
	must p_ok c2 send k ocrq own=$((20 + i))
	ask=$(p s wait a2 ocrq)
	must p_ok s send a2 ocrp own=$((900 + i)) peer="${ask#*own=}" cut=$i
	p c2 wait k ocrp 8
done >"$TOPO_TMP/replies"
is "a reply cut at each offset of its head" "$(xargs <"$TOPO_TMP/replies")" \
	"$(for ((i = 1; i <= 17; i++)); do echo "ocrp own=$((900 + i)) peer=$((20 + i)) result=1"; done | xargs)"

must p_ok c2 send k ocrq own=40 + echorq id=1 cut=each
ask=$(p s wait a2 ocrq 10)
matches "a request octet by octet" "$ask" '^ocrq own=[0-9]+$'
is "and the Echo behind it" "$(p s wait a2 any 10)" "echorq id=1"
must p_ok s send a2 ocrp own=940 peer="${ask#*own=}" + wen peer="${ask#*own=}" cut=each
is "a reply octet by octet" "$(p c2 wait k ocrp 10)" "ocrp own=940 peer=40 result=1"
is "and a WAN-Error-Notify behind it" "$(p c2 wait k wen 10)" "wen peer=40"
p c2 queue k >/dev/null

# many in one segment
must p_ok s send a2 wen peer="${ask#*own=}" + echorq id=5 + sli peer="${ask#*own=}" + cdn own=940 + wen peer="${ask#*own=}"
is "five messages in one segment" "$(for _ in 1 2 3 4 5; do p c2 wait k any; done | xargs)" \
	"wen peer=40 echorq id=5 sli peer=40 cdn own=940 wen peer=40"

# the first copy of everything is lost behind the router: all of it is repeated
s nft -f - <<-'N'
	table ip lossy {
		chain in {
			type filter hook input priority filter;
			tcp dport 1723 meta length > 100 numgen inc mod 2 0 counter drop
		}
	}
N
p s auto >/dev/null
p s ids 1000 >/dev/null
is "every segment sent twice: 10 calls" "$(for i in 41 42 43 44 45 46 47 48 49 50; do
	p c2 call k $i t=10; done | grep -c '^up')" 10
must s nft delete table ip lossy
is "the server has heard each of them once" "$(server_saw 'ocrq own=' | sort | uniq -d | wc -l)" 0

# a bad path, both ways, on the far and on the near side
bad="netem delay 4ms 2ms reorder 25% 50% loss 10% duplicate 10%"
for at in "s eth0" "r wan" "r lan2" "c2 eth0"; do
	# shellcheck disable=SC2086 # a list of words
	in_ns ${at% *} tc qdisc add dev ${at#* } root $bad || must false
done
is "30 calls over a bad path, sent in one go" "$(p c2 calls k 100 30 t=30)" "30 up"
is "and 10 as PAC" "$(p c2 calls k 51 10 in t=30)" "10 up"
for at in "s eth0" "r wan" "r lan2" "c2 eth0"; do
	# shellcheck disable=SC2086 # a list of words
	in_ns ${at% *} tc qdisc del dev ${at#* } root
done
is "no octet but the IDs was changed" "$(grep -hcE 'CHANGED|garbage' "$(log_of s)" "$(log_of c2)" | xargs)" "0 0"
# client 1 owns 1 to 60 outside; whatever else came with those IDs was not translated
is "no ID went through untranslated" \
	"$(server_saw '(ocrq|icrq) own=' | awk '$1 <= 60' | wc -l)" 0
check "the namespaces are gone" topo_down
