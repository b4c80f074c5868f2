#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# A flowtable with "flow add" for all that is established: what has a helper is left out
# by the kernel (control connections, IKE, its NAT-T), so are GRE with keys and ESP;
# other traffic beside them is offloaded, and so is NAT-T that no rule helps. VPNs work.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

# offloaded PROTOCOL PORT: entries in the flowtable, of all there are
offloaded() {
	r conntrack -L 2>/dev/null | awk -v proto="$1" -v port="dport=$2" '
		$1 == proto && / src=192[.]168/ && (port == "dport=" || index($0, port " ")) { n++; o += /\[OFFLOAD\]/ } END { print o + 0 " of " n + 0 }'
}
datagrams() { # NODE PORT COUNT: both ways
	local i from
	for ((i = 1; i <= $3; i++)); do
		from=$(ask tell "$1" $SERVER "$2" "$2" "0000100${i}0000000100000000")
		ask tell s $WAN "$2" "${from##*:}" "0000200${i}0000000100000000" >/dev/null
	done
}
went() { r nft list counter ip fast "$1" | sed -nE 's/.*packets ([0-9]+).*/\1/p'; }
# a connection of many segments; the chain sees as many as are not offloaded
talks() { c1 sh -c "for i in 1 2 3 4 5 6 7 8; do echo \$i; sleep 0.2; done | nc -w 5 -N $SERVER 7"; }
heard() { xargs <"$(log_of sink)"; }
is_offloaded() { [ "$(offloaded tcp 7)" = "1 of 1" ]; }

plan 16
topo_up 2
must sessions_rules
must r nft -f - <<-'N'
	table ip fast {
		counter slow { }
		flowtable f {
			hook ingress priority filter
			devices = { lan1, lan2, wan }
		}
		chain forward {
			type filter hook forward priority filter - 10;
			ip protocol tcp tcp dport 7 counter name slow
			ct state established flow add @f
		}
	}
N
must background s sink nc -lk 7
peers_start c1 c2 s
must ask udp s $WAN 4500 9 00
must ask udp s $WAN 4501 9 00
sessions_up
is "all carry" "$(carried)" "$ALL"
is "and once more" "$(carried)" "$ALL"
talks &
check "TCP beside it is offloaded" wait_for 10 is_offloaded
wait $!
is "and arrives" "$(heard)" "1 2 3 4 5 6 7 8"
check "the chain saw few of its packets" [ "$(went slow)" -le 6 ]
datagrams c1 4501 3
is "so is UDP" "$(offloaded udp 4501)" "1 of 1"
is "a control connection never" "$(offloaded tcp 1723)" "0 of 2"
is "nor IKE" "$(offloaded udp 500)" "0 of 2"
datagrams c2 4500 3
is "nor its NAT-T, which the helper follows" "$(offloaded udp 4500)" "0 of 1"
must r nft delete table ip helpers
r conntrack -D -p udp >/dev/null 2>&1
datagrams c1 4500 3
is "NAT-T that no rule helps is offloaded" "$(offloaded udp 4500)" "1 of 1"
is "GRE and ESP never" "$(offloaded gre ""), $(offloaded unknown "")" "0 of 2, 0 of 2"
is "they go on" "$(carried)" "$ALL"
sessions_down
check "the namespaces are gone" topo_down
