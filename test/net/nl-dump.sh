#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 240
#
# Thousands of sessions are dumped complete and each once, while others come and go;
# packets of one of them flow meanwhile, and none is lost or waits for the dump: its ends
# run before all else, so that only the kernel can make them wait, and look how far the
# dump went between two answers. One client's are gone after a flush, the others stay.
# Another number of them:
#
#	scripts/vm -k 7.3 -m 2048 -t 3600 -o /tmp/dump -e SESSIONS=100000 \
#		test/lib/guest-suite /test/net/nl-dump.sh:3500; cat /tmp/dump/nl-dump.tap
#
# with -c in instructions: "ms" are a million of them.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

SESSIONS=${SESSIONS:-1000}
# a long list takes long, and the peer answers when it is done
# shellcheck disable=SC2034 # pptp.sh reads it
PEER_PATIENCE=1000
FILE=$TOPO_TMP/sessions.json

# saved CLIENT FIRST COUNT: as nfvpn save writes them; 500 calls to a control
# connection, 20,000 to a server
saved() {
	awk -v client="$(client_ip "$1")" -v public=$WAN -v from="$2" -v n="$3" 'BEGIN {
		print "{\"version\":1,\"sessions\":["
		for (i = from; i < from + n; i++) {
			server = "198.51.100." 1 + int(i / 20000); port = 10000 + int(i / 500); id = 1 + i % 20000
			printf "%s{\"protocol\":\"pptp\",\"client\":\"%s\",\"server\":\"%s\",\"zone\":0,\"state\":\"up\",\"bound\":\"control\"," \
				"\"replied\":true,\"track\":{\"protonum\":6,\"src\":\"%s\",\"dst\":\"%s\",\"reply-src\":\"%s\",\"reply-dst\":\"%s\"," \
				"\"sport\":%d,\"dport\":1723,\"reply-sport\":1723,\"reply-dport\":%d,\"zone\":0,\"helper\":\"vpn-pptp\"},\"keys\":[" \
				"{\"kind\":\"call\",\"direction\":\"in\",\"arrives\":%d,\"leaves\":%d,\"evidence\":\"exact\"}," \
				"{\"kind\":\"call\",\"direction\":\"out\",\"arrives\":%d,\"leaves\":%d,\"evidence\":\"exact\"}]}\n",
				(i > from ? "," : ""), client, server, client, server, server, public, port, port, id, id, id, id
		}
		print "]}"
	}'
}
# restored CLIENT COUNT: 5,000 at a time, prints how many
restored() {
	local first=0 n up=0
	while [ $first -lt "$2" ]; do
		n=$(($2 - first))
		[ $n -le 5000 ] || n=5000
		saved "$1" $first $n >"$FILE"
		up=$((up + $(r nfvpn restore "$FILE" | sed -n 's/ sessions restored, .*//p')))
		first=$((first + n))
	done
	echo $up
}
# shellcheck disable=SC2317 # runs in the background
comes_and_goes() {
	until [ -e "$TOPO_TMP/stop" ]; do
		r nfvpn restore "$FILE.3"
		r nfvpn flush -c "$(client_ip 3)"
		nap
	done
}
# dump N OPTIONS...: where it goes, while "stream" looks at how far it is
dump() {
	while [ ! -s "$TOPO_TMP/streaming" ]; do nap; done
	r nfvpn list -j "${@:2}" >"$TOPO_TMP/dump.$1"
	touch "$TOPO_TMP/dump.$1.end"
}
# IDs of a client's in a dump
ids() { LC_ALL=C grep -oE "^,?\[?\{\"id\":[0-9]+,\"protocol\":\"pptp\",\"client\":\"$(client_ip "$1")\"" "$2" | LC_ALL=C sed 's/.*"id":\([0-9]*\).*/\1/'; }
# while_dumped N OPTIONS...: client 2's packets meanwhile
while_dumped() {
	: >"$TOPO_TMP/dump.$1"
	rm -f "$TOPO_TMP/streaming"
	dump "$@" >/dev/null &
	p c2 stream "$TOPO_TMP/dump.$1" "$TOPO_TMP/streaming"
	wait $!
}

plan $((SESSIONS < 20000 ? 11 : 13))
must modprobe nf_vpn_passthrough
topo_up 3
must helper_rule vpn-pptp tcp 1723
max=$(sysctl -n net.netfilter.nf_conntrack_max)
[ "$max" -gt $((2 * SESSIONS)) ] || must sysctl -qw net.netfilter.nf_conntrack_max=$((2 * SESSIONS))
must r sysctl -qw net.netfilter.nf_vpn.{max_per_client,max_flows}=1000000 net.netfilter.nf_vpn.pptp_{grace,quiet}=0
peer_up s s listen
peer_up c2 c2
control c2 k $SERVER
is "client 2: 20 calls" "$(p c2 calls k 30000 20 burst=8 t=40)" "20 up"
for peer in c2 s; do must chrt -f -p 50 "$(pid_of $peer)"; done
began=$(now_ms)
is "client 1 has $SESSIONS calls" "$(restored 1 "$SESSIONS")" "$SESSIONS"
diag "in $(($(now_ms) - began)) ms"
saved 3 100000 10 >"$FILE.3"
comes_and_goes >"$TOPO_TMP/others" 2>&1 &
other=$!
diag "a dump of nobody: $(while_dumped 0 -c 192.0.2.1)"
for i in 1 2; do
	began=$(now_ms)
	answer=$(while_dumped $i)
	diag "dump $i: $(($(now_ms) - began)) ms, $(wc -c <"$TOPO_TMP/dump.$i") octets; $answer"
	matches "no packet is lost meanwhile" "$answer" '^([0-9]+) answered, 0 lost, '
	# a short one may be over before a busy machine lets the guest go on
	[ "$SESSIONS" -lt 20000 ] || check "nor do packets wait for the dump: its part between two answers" \
		[ "$(sed -nE 's/.* ([0-9]+) % .*/\1/p' <<<"$answer")" -lt 20 ]
	is "the dump has all of client 1" "$(ids 1 "$TOPO_TMP/dump.$i" | wc -l)" "$SESSIONS"
done
touch "$TOPO_TMP/stop"
wait $other
is "each once, and the same ones" "$(ids 1 "$TOPO_TMP/dump.1" | sort -u | cmp - <(ids 1 "$TOPO_TMP/dump.2" | sort -u) | wc -l) \
$(ids 1 "$TOPO_TMP/dump.2" | sort -u | wc -l)" "0 $SESSIONS"
matches "client 3's came and went, ten at a time" "$(grep -c '^10 sessions ended' "$TOPO_TMP/others") $(grep -vcE '^10 sessions (ended|restored, 0 there)' "$TOPO_TMP/others")" "^[1-9][0-9]* 0$"
is "client 1's are flushed" "$(r nfvpn flush -c "$(client_ip 1)")" "$SESSIONS sessions ended"
is "and nobody else's" "$(nfvpn_json list | grep -c '"state":"up"') $(p c2 ping t=40)" "20 sent 20 back 20 wrong 0"
sysctl -qw net.netfilter.nf_conntrack_max="$max"
check "the namespaces are gone" topo_down
