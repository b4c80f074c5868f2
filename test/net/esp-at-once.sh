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
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

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
# What events of that name are about these ends and, by the second word, more than that.
told() {
	events "$1" "e['client'] in '$(for ((k = 1; k <= N; k++)); do client_ip $k; done | xargs)'.split() and \
		(e['server'], e['public'], e['protocol']) == ('$SERVER', '$WAN', 'esp') and $2"
}
# every_one "N of N", not 0
every_one() { [[ $1 =~ ^([1-9][0-9]*)\ of\ ([0-9]+)$ && ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]]; }
all_up() { matches "$1" "$2" "^$N of $N up"; echo "$2" | diag; }

plan 14
topo_up $N
helper_rule vpn-ike udp 500
watching
peers_up "${clients[@]}" s
for c in "${clients[@]}"; do
	ike "$c" s init >/dev/null && ike s "$c" init! >/dev/null
done
is "all have begun" "$(stat ike_pair)" $N
all_up "all exchange keys at once" "$(rush s "${clients[@]}" rounds=25)"
check "and no packet was lost" [ "$(stat esp_refused)" = 0 ]
is "no SPI is settled as another client's" "$(astray 0)" 0
check "messages were held, not dropped" [ "$(stat ike_held)" -gt 0 ]
check "each is told: who waited, and how long, at most ipsec_hold" every_one "$(told blocked "0 < e['ms'] < 4100")"
matches "and behind which other client" "$(told blocked "e.get('by', e['client']) != e['client']")" "^[1-9]"
check "copies were sent" [ "$(stat esp_copy)" -gt 0 ]
check "which SPIs several may own is told" every_one "$(told ambiguous "e['number'] > 0x2000")"

all_up "all rekey at once" "$(rush s "${clients[@]}" child=c spi=0x10000 rounds=25)"
is "nor here" "$(astray 0x10000)" 0
all_up "the server rekeys all at once, and is the first to send" \
	"$(rush s "${clients[@]}" child=s spi=0x20000 rounds=25 first=1)"
is "nor here" "$(astray 0x20000)" 0
r cat /proc/net/nf_vpn/stats | awk '$2' | diag
diag "blocked: $(told blocked True), held: $(stat ike_held)"
stop watch
peers_down
check "the namespaces are gone" topo_down
