#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 400
#
# Eight clients of one server, behind one public address, exchange keys at the
# same moment; the server's answers and its ESP come in any order. Every client
# gets its own packets, and none is proved to be another one's, when all start, and
# when all are rekeyed at once, by themselves or by the server, who sends first.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

N=8
mapfile -t clients < <(seq -f 'c%.0f' $N)

# astray BASE: SPIs of that base that are settled as another client's. (Those that
# are not settled yet reach their owner by a copy.)
astray() {
	local k n=0 own
	for ((k = 1; k <= N; k++)); do
		own=$(owner "$(printf '0x%x' $(($1 + 0x2000 + k)))")
		[[ $own = "$(client_ip $k) "* || $own != *settled ]] || n=$((n + 1))
	done
	echo $n
}
all_up() { matches "$1" "$2" "^$N of $N up"; echo "$2" | diag; }

plan 11
topo_up $N
helper_rule vpn-ike udp 500
peers_up "${clients[@]}" s
for c in "${clients[@]}"; do
	ike "$c" s init >/dev/null && ike s "$c" init! >/dev/null
done
is "all have begun" "$(stat ike_pair)" $N
all_up "all exchange keys at once" "$(rush s "${clients[@]}" rounds=25)"
check "and no packet was lost" [ "$(stat esp_refused)" = 0 ]
is "no SPI is settled as another client's" "$(astray 0)" 0
check "messages were held, not dropped" [ "$(stat ike_held)" -gt 0 ]
check "copies were sent" [ "$(stat esp_copy)" -gt 0 ]

all_up "all rekey at once" "$(rush s "${clients[@]}" child=c spi=0x10000 rounds=25)"
is "nor here" "$(astray 0x10000)" 0
all_up "the server rekeys all at once, and is the first to send" \
	"$(rush s "${clients[@]}" child=s spi=0x20000 rounds=25 first=1)"
is "nor here" "$(astray 0x20000)" 0
r cat /proc/net/nf_vpn/stats | awk '$2' | diag
peers_down
check "the namespaces are gone" topo_down
