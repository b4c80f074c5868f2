# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# VPNs of two clients that are up while something else happens; source after ktap.sh
# and topo.sh, instead of peer/ike.sh and peer/pptp.sh. Clients 1 and 2 have a PPTP
# call with the same call ID and an ESP tunnel each, to one server.
#
#	peers_start c1 c2 s
#	sessions_up				# a result: they are up
#	is "all carry" "$(carried)" "$ALL"	# GRE both ways, ESP out, ESP in
#	sessions_down				# two results: nothing is left of them
#
# shellcheck source=test/peer/ike.sh
. "$(dirname "${BASH_SOURCE[0]}")/../peer/ike.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "${BASH_SOURCE[0]}")/../peer/pptp.sh"

# shellcheck disable=SC2034 # for those who source this
ALL="1: gre out in, 2: gre out in"
BESIDE_WAIT=8

sessions_rules() { helper_rule vpn-pptp tcp 1723 && helper_rule2 vpn-ike udp 500; }

# A second helper in the table of helper_rule.
helper_rule2() {
	r nft -f - <<-N
		table ip helpers {
			ct helper $1 {
				type "$1" protocol $2;
			}
			chain more {
				type filter hook prerouting priority filter;
				$2 dport $3 ct helper set "$1"
			}
		}
	N
}

# peers_start c1 c2 s [NODE...]: the programs; all nodes are ike.py's, these three pptp.py's, too.
peers_start() {
	peer_up s s listen
	p s ids 100 >/dev/null
	peer_up c1 c1
	peer_up c2 c2
	peers_up "$@"
}

# call_up K, esp_up K: one session; another PPTP connection each time.
call_up() {
	local name
	name=k$(now_ms)
	[ ! -e "$TOPO_TMP/call.$1" ] || p "c$1" close "$(cat "$TOPO_TMP/call.$1")" >/dev/null
	echo "$name" >"$TOPO_TMP/call.$1"
	p_ok "c$1" connect "$name" "$SERVER" t=5 && p "c$1" start "$name" | grep -qx sccrp || return
	p "c$1" call "$name" 7 t=5 | grep '^up own=7 '
}

esp_up() {
	[ "$(meet "c$1" s)" != "lost init" ] || return
	settle "c$1" s "0x100$1" "0x200$1" "$(now_ms)"
	[ "$(owner "0x200$1")" = "$(client_ip "$1") settled" ]
}

all_up() { call_up 1 && call_up 2 && esp_up 1 && esp_up 2; }
sessions_up() { check "two clients have a PPTP call and an ESP tunnel each" all_up; }

# carries K: what passes of client K: "gre out in" if all does.
carries() {
	local seq call
	seq=$(now_ms)
	call=$(cat "$TOPO_TMP/call.$1")
	[ "$(p "c$1" ping "$call" t=$BESIDE_WAIT)" != "sent 1 back 1 wrong 0" ] || printf 'gre '
	[ "$(deliver "c$1" "$SERVER" "0x100$1" "$seq" wait=$BESIDE_WAIT)" != "s ${PUBLIC:-$WAN}" ] || printf 'out '
	[ "$(deliver s "${PUBLIC:-$WAN}" "0x200$1" "$seq" wait=$BESIDE_WAIT)" != "c$1 $SERVER" ] || printf in
}

carried() { echo "1: $(carries 1), 2: $(carries 2)"; }
all_carry() { [ "$(BESIDE_WAIT=2 carried)" = "$ALL" ]; }

# Nobody sends any more; what the modules made has an end.
sessions_down() {
	local k
	for k in 1 2; do p c$k close "$(cat "$TOPO_TMP/call.$k")" >/dev/null; done
	r conntrack -F 2>/dev/null
	r conntrack -F 2>/dev/null
	check "no flow is left" wait_for 20 no_flows
	is "every flow made was ended" "$(counted flow_end)" "$(counted flow_new)"
	peers_down
}

# streams_on: ESP and GRE of both clients, both ways, fifty packets a second each;
# with the call IDs that all_up's calls have. "ask calm" ends them.
streams_on() {
	local k own
	for k in 1 2; do
		ask stream c$k "$SERVER" 50 "0000100$k++++++++0000000000000000"
		ask stream s "${PUBLIC:-$WAN}" 50 "0000200$k++++++++0000000000000000"
		own=$(r sed -nE "s/^pptp reply client=$(client_ip $k) .* id=0x([0-9a-f]+) ->.*/\1/p" /proc/net/nf_vpn/flows | head -n 1)
		ask stream c$k "$SERVER" 47 "3001880b0008006$((3 + k))++++++++0000000000000000"
		ask stream s "${PUBLIC:-$WAN}" 47 "3001880b0008$(printf '%04x' "0x${own:-0}")++++++++0000000000000000"
	done
} >/dev/null

# What is bridged in r passes the IP hooks. Built in, it cannot go.
bridge_hooks_up() { modprobe br_netfilter && r sysctl -qw net.bridge.bridge-nf-call-iptables=1; }
bridge_hooks_down() { [ ! -e /sys/module/br_netfilter/initstate ] || modprobe -r br_netfilter; }
