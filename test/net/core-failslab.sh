#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: debug
# since: 6.3
# timeout: 600
#
# Memory runs out, wherever we ask for it. Only requests that our modules make are
# refused (failslab looks at the stack): each of those at module load and at the
# birth of a namespace, one after the other until all had their turn; then every
# third, fifth, ... while calls and SAs are set up. Nothing crashes or leaks, what
# fails fails whole, and with memory back a call and a pair come up as ever.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

FAIL=/sys/kernel/debug/failslab
fail_set() { echo "$2" >"$FAIL/$1"; }

# Modules lie between these addresses, and on this kernel all modules are ours.
fail_prepare() {
	fail_set ignore-gfp-wait N && fail_set verbose 0 &&
		fail_set stacktrace-depth 32 &&
		fail_set require-start 0xffffffffa0000000 &&
		fail_set require-end 0xffffffffff000000 && fail_no_pages
}
# What refuses pages counts its own requests for fail-nth as well: none is to be.
fail_no_pages() {
	local FAIL=/sys/kernel/debug/fail_page_alloc
	[ ! -d $FAIL ] || { fail_set stacktrace-depth 32 && fail_set require-start 1 && fail_set require-end 2; }
}

# fail_nth N COMMAND...: the N-th request of our modules on behalf of COMMAND fails;
# before 6.2 the kernel counts other requests as well, so there it is any one of
# them. Sets HIT when one was refused.
EXACT=1
fail_nth() {
	local code=0 n=$1
	shift
	fail_set times 1
	if [ "$EXACT" = 1 ]; then
		(echo "$n" >/proc/self/fail-nth && exec "$@") >/dev/null 2>&1 || code=$?
	else
		fail_set probability 8
		"$@" >/dev/null 2>&1 || code=$?
		fail_set probability 0
	fi
	HIT=$((1 - $(cat $FAIL/times)))
	return $code
}

# Is there another turn after turn N?
another() { if [ "$EXACT" = 1 ]; then [ "$HIT" = 1 ]; else [ "$1" -lt 60 ]; fi; }

ours() { lsmod | awk '/^nf_vpn/ { print $1 }' | sort | xargs; }
all_gone() { [ -z "$(ours)" ]; }
unload() { modprobe -r nf_vpn_passthrough 2>/dev/null; [ -z "$(ours)" ] || rmmod "$(ours | cut -d' ' -f1)" 2>/dev/null; all_gone; }

# Each request while a module is loaded (the core with it), in turn. Prints how many
# were refused; after each nothing may be left.
loads() {
	local n=0 good=0 hits=0
	HIT=1
	while another $n; do
		n=$((n + 1))
		fail_nth $n modprobe "$1" && good=$((good + HIT))
		hits=$((hits + HIT))
		wait_for 10 unload || { echo "after request $n: $(ours) will not go"; return; }
	done
	echo "refused $hits, loaded all the same $good"
}

births() {
	local n=0 good=0 hits=0
	HIT=1
	while another $n; do
		n=$((n + 1))
		fail_nth $n ip netns add unborn && good=$((good + HIT))
		hits=$((hits + HIT))
		ip netns del unborn 2>/dev/null
	done
	echo "refused $hits, born all the same $good"
}

# fail_every N COMMAND...: each N-th request fails, in whatever context; counted.
REFUSED=0
fail_every() {
	local n=$1
	shift
	fail_set times 100000
	fail_set interval "$n"
	fail_set probability 100
	"$@" >/dev/null 2>&1
	fail_set probability 0
	REFUSED=$((REFUSED + 100000 - $(cat $FAIL/times)))
}

calls() {
	p c1 connect "k$1" $SERVER t=3
	p c1 start "k$1"
	p c1 calls "k$1" 1 30 burst=5 t=4
	p c1 ping t=1
	p c1 close "k$1"
}

pairs() {
	meet c1 s
	meet c2 s
	ask flood c1 $SERVER 40
	ask flood c2 $SERVER 40
	ask flood s $WAN 40
	r conntrack -D -p 50
}

starve() {
	local n
	for n in 1 2 3 4 5 7 11 13; do
		fail_every $n calls $n
		fail_every $n pairs
	done
}

# settled, so that it awaits nothing: what is another one's would be copied to it
sets_up() { echo "$(meet "c$1" s | sed 's/:.*//') $(settle "c$1" s "0x100$1" "0x200$1")$(deliver "c$1" $SERVER "0x100$1" 99) $(deliver s $WAN "0x200$1" 99)"; }
flows_gone() { [ ! -s /proc/net/nf_vpn/flows ] && no_flows; }
count_is_zero() { [ "$(r cat /proc/sys/net/netfilter/nf_conntrack_count)" = 0 ]; }

plan 18
must fail_prepare
# nothing of ours runs for it
fail_nth 3 true
[ "$HIT" = 0 ] || EXACT=0
modprobe -r nf_vpn_passthrough 2>/dev/null
for module in nf_vpn_pptp nf_vpn_ipsec; do
	result=$(loads $module)
	diag "$result"
	matches "each request when $module is loaded" "$result" '^refused [0-9]+, loaded all the same [0-9]+$'
	matches "there are some" "$result" '^refused [1-9][0-9]+,'
done
must modprobe nf_vpn_passthrough
result=$(births)
diag "$result"
matches "each at the birth of a namespace" "$result" '^refused [0-9]+, born all the same [0-9]+$'
matches "there are some" "$result" '^refused [1-9][0-9]+,'

topo_up 2
must helper_rule vpn-ike udp 500
must r nft -f - <<-'N'
	table ip helpers {
		ct helper vpn-pptp {
			type "vpn-pptp" protocol tcp;
		}
		chain pptp {
			type filter hook prerouting priority filter;
			tcp dport 1723 ct helper set "vpn-pptp"
		}
	}
N
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=1 net.netfilter.nf_vpn.pptp_quiet=1
peers_up c1 c2 s
peer_up s gs listen
peer_up c1 c1
is "with memory, a pair" "$(sets_up 1)" "$WAN s $WAN c1 $SERVER"
control c1 k $SERVER
is "and a call" "$(p c1 calls k 1 3)" "3 up"
p c1 close k >/dev/null

starve
diag "refused while calls and pairs came and went: $REFUSED"
r grep -E 'memory|refused|ct_fail' /proc/net/nf_vpn/stats | diag
check "requests were refused" [ "$REFUSED" -gt 200 ]
check "it was counted" [ "$(stat no_memory)" -gt 0 ]
ask forget >/dev/null
r conntrack -F 2>/dev/null
# the pairs end with their entries, once the reaper finds out: else client 1 awaits more
sleep 4
is "with memory back, pairs" "$(sets_up 1), $(sets_up 2)" "$WAN s $WAN c1 $SERVER, $WAN s $WAN c2 $SERVER"
control c1 z $SERVER
is "and calls" "$(p c1 calls z 1 30)" "30 up"
is "their GRE" "$(p c1 ping z)" "sent 30 back 30 wrong 0"
p c1 close z >/dev/null

peers_down
stop c1
stop gs
r nft flush table ip helpers
r conntrack -F 2>/dev/null
check "flows end" wait_for 30 no_flows
check "conntrack is empty" wait_for 30 count_is_zero
must r nft delete table ip helpers
check "the modules unload beside the namespaces" wait_for 30 unload
check "the namespaces are gone" topo_down
is "failslab is off" "$(cat $FAIL/probability)" 0
