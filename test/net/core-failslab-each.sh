#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: debug
# since: 6.3
# timeout: 900
#
# Every place where the modules ask for memory is refused it: the list is what the
# compiler made of them (lib/alloc_sites.py), so a new place is on it by itself. For
# each, failslab is told to refuse what is asked for with that one return address on
# the stack, while something runs that gets there; that it was refused is what
# failslab counts. What cannot be refused is named here, with the
# reason, and nothing else may be left. After each round all works again, and
# nothing stays. Loading modules: core-failslab. (failslab knows no stacks on x86-64
# before 6.3.)
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

FAIL=/sys/kernel/debug/failslab
PAGES=/sys/kernel/debug/fail_page_alloc
LIST=$(mktemp)
declare -A HITS

fail_set() { echo "$2" >"$FAIL/$1"; }
fail_prepare() {
	fail_set probability 0 && fail_set ignore-gfp-wait N && fail_set verbose 0 && fail_set interval 1 &&
		fail_set space 0 && fail_set stacktrace-depth 32
}
fail_prepare_pages() {
	local FAIL=$PAGES
	fail_prepare && fail_set ignore-gfp-highmem N && fail_set min-order 0
}

# arm MODULE SECTION AFTER TIMES [DIRECTORY]: from now on what is asked for there is refused
arm() {
	local at FAIL=${5:-$FAIL}
	at=$(($(cat "/sys/module/$1/sections/$2") + $3)) &&
		fail_set require-start "$(printf '%#x' $at)" && fail_set require-end "$(printf '%#x' $((at + 1)))" &&
		fail_set times "$4" && fail_set probability 100
}
# armed MODULE SECTION AFTER TIMES CALLEE: what is larger than a slab's object comes in
# pages of its own, and only when there are none asks a slab for its bookkeeping.
armed() {
	case $5 in *kvmalloc*) arm "${@:1:4}" $PAGES || return ;; esac
	arm "${@:1:4}"
}
disarm() {
	local FAIL
	for FAIL in /sys/kernel/debug/{failslab,fail_page_alloc}; do fail_set probability 0; done
}

# What gets to a function, by its name: a line for each kind of place.
scenario_of() {
	case $2 in
	*_net_init | *sysctl_register) echo birth ;;
	*enable_work | *_prepare | nf_vpn_ipsec_remember) echo hooks ;;
	*natt_hook_on) echo ike-hook ;;
	*netlink* | *restore* | *event*) echo pptp-listed ;;
	nf_vpn_icmp*) echo pptp-icmp ;;
	nf_vpn_port_write | nf_vpn_udp_write) echo l2tp-port ;;
	*ike_share*) echo ike-port ;;
	*natt_lane*) echo ike-natt ;;
	*held* | *copy_to*) echo ike-rush ;;
	*spi_suspect | *spi_doubt) echo ike-doubt ;;
	*local*) echo ike-local ;;
	*manual*) echo ike-manual ;;
	*l2tp_udp* | *l2tp_pair_udp* | nf_vpn_l2tp_read) echo l2tp-udp ;;
	*l2tp_share*) echo l2tp-port ;;
	nf_vpn_conn_make) if [ "$3" = nf_ct_helper_ext_add ]; then echo ike-revive; else echo pptp-calls; fi ;;
	*) case $1 in nf_vpn_ipsec) echo ike-pairs ;; nf_vpn_l2tp) echo l2tp-ip ;; *) echo pptp-calls ;; esac ;;
	esac
}

# Why a place may be left: REASON of MODULE SECTION FUNCTION CALLEE, or nothing.
excused() {
	case $2-$3-$4 in
	.init.text-* | *helper_init-* | *helper_add-* | *netlink_init-*) echo "at module load, see core-failslab" ;;
	*-rhashtable_insert_slow | *-rht_bucket_nested_insert) echo "asks when 16 keys meet in a chain, or after a table could not grow" ;;
	*-pcpu_alloc_noprof) echo "failslab does not see per-CPU memory" ;;
	*-nf_ct_expect_related_report | *-nf_nat_setup_info) echo "asks for no memory here" ;;
	*-nf_ct_ext_add | *-nf_ct_ecache_ext_add) echo "the first extension asked for 128 octets, these fit" ;;
	*-nf_vpn_pptp_segment-*) echo "not driven: a forwarded segment is writable, one of the router's own would not be" ;;
	*-nf_vpn_port_write-* | *-nf_vpn_l2tp_write-skb* | *-nf_nat_mangle_udp_packet)
		echo "behind ip_forward(), which made the packet writable" ;;
	esac
}

# Who asks twice is refused twice.
often() { case $1 in *xa_alloc* | *kvmalloc*) echo 1000 ;; *) echo 1 ;; esac; }

# refuse PREFIX: each place whose scenario begins so
refuse() {
	local module section after function callee scenario n times
	while read -r -u 3 n module section after function callee; do
		scenario=$(scenario_of "$module" "$function" "$callee") times=$(often "$callee")
		[[ $scenario/$section = "$1"*/.text ]] || continue
		[ -z "$(excused "$module" "$section" "$function" "$callee")" ] || continue
		armed "$module" "$section" "$after" "$times" "$callee" || continue
		N=$((N + 1))
		"do_${scenario//-/_}" >"$TOPO_TMP.said" 2>&1 </dev/null
		disarm
		HITS[$n]=$((times - $(cat $FAIL/times)))
		diag "$module $function $callee ($scenario): refused ${HITS[$n]}"
	done 3<"$LIST"
}

N=0
flows_gone() { [ "$(r sh -c 'wc -l </proc/net/nf_vpn/flows')" = 0 ]; }
count_is_zero() { [ "$(r cat /proc/sys/net/netfilter/nf_conntrack_count)" = 0 ]; }
# A look at the flows costs more than the time it takes them to end, which is skipped.
afresh() { r conntrack -F; sleep 4; }

do_birth() { ip netns add unborn; ip netns del unborn; }
do_hooks() {
	ip netns add young
	ip netns exec young sysctl -qw net.netfilter.nf_vpn.ipsec_without_ike=1 \
		net.netfilter.nf_vpn.ipsec_port_500=1 net.netfilter.nf_vpn.l2tp_ip_mark=0x20
	sleep 1
	ip netns del young
}

do_pptp_calls() {
	local k
	for k in 1 2; do
		p c$k connect k$N $SERVER t=0.5
		p c$k start k$N
		p c$k calls k$N 1 2 t=0.5
	done
	p c1 ping t=0.3
	p c2 ping t=0.3
	for k in 1 2; do p c$k close k$N; done
	sleep 5
}
# Two clients have one call ID, so that one is translated, and back in what is quoted.
do_pptp_icmp() {
	local k
	for k in 1 2; do
		p c$k connect k$N $SERVER t=0.5
		p c$k start k$N
		p c$k calls k$N 1 1 t=0.5
	done
	for k in 1 2; do
		p c$k ping t=0.3
		p c$k icmp to=$SERVER
		p c$k close k$N
	done
	sleep 5
}
do_pptp_listed() {
	p c1 connect k$N $SERVER t=0.5
	p c1 start k$N
	p c1 calls k$N 1 2 t=0.5
	r nfvpn list
	r nfvpn stats
	r nfvpn status
	r nfvpn save "$TOPO_TMP/saved"
	r nfvpn restore "$TOPO_TMP/saved"
	r python3 /test/peer/genl.py get 2:u32:1
	p c1 close k$N
	sleep 5
}

spi() { printf '0x%x' $(($1 + 16 * N)); }
do_ike_pairs() {
	meet c1 s
	meet c2 s
	talk c1 s "$(spi 0x10001)" "$(spi 0x20001)" rounds=3
	talk c2 s "$(spi 0x10002)" "$(spi 0x20002)" rounds=3
	afresh
}
# Client 1 reacts as if client 2's SPI were its own, until that is believed.
do_ike_doubt() {
	local i
	meet c1 s
	meet c2 s
	settle c1 s "$(spi 0x10001)" "$(spi 0x20002)"
	for i in {4..20}; do
		talk c2 s "$(spi 0x10002)" "$(spi 0x20002)" from=$((i * 10))
		[ "$(cat $FAIL/times)" != 0 ] || break
	done
	afresh
}
do_ike_rush() {
	local k
	for k in 1 2 3; do
		ike c$k s init
		ike s c$k init!
	done
	rush s c1 c2 c3 rounds=3 "spi=$(spi 0x100000)"
	afresh
}
do_ike_port() {
	r sysctl -qw net.netfilter.nf_vpn.ipsec_port_500=2
	local k
	for k in 1 2 3; do meet c$k s; done
	for k in 2 3; do
		rekey c$k s
		renew c$k s
	done
	ike s c2 info
	r sysctl -qw net.netfilter.nf_vpn.ipsec_port_500=0
	afresh
}
do_ike_natt() {
	local k
	for k in 1 2 3; do
		ask udp c1 $SERVER 4500 4500 "0000100${k}0000000100000000"
		ask udp s $WAN 4500 4500 000020010000000100000000
	done
	afresh
}
mapped() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | grep -q src=; }
do_ike_revive() {
	r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=3
	do_natt_once
	wait_for 20 not mapped
	sleep 2
	ask tell s $WAN 4500 4500 000020010000000200000000 wait=1
	r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_timeout=3600
	afresh
}
# The hook behind conntrack goes with the setting, and comes when a mapping ended.
do_ike_hook() {
	r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_revive=0
	sleep 1
	r sysctl -qw net.netfilter.nf_vpn.ipsec_natt_revive=3600
	do_ike_revive
}
do_natt_once() {
	ask udp c1 $SERVER 4500 4500 000010010000000100000000
	ask udp s $WAN 4500 4500 000020010000000100000000
	ask udp c1 $SERVER 4500 4500 000010010000000200000000
	ask udp s $WAN 4500 4500 000020010000000200000000
}
do_ike_local() {
	meet c1 s
	deliver c1 $SERVER "$(spi 0x10001)" 1
	deliver s $WAN "$(spi 0x20001)" 1
	ask esp s $WAN 0x4001 1
	afresh
}
do_ike_manual() {
	r sysctl -qw net.netfilter.nf_vpn.ipsec_without_ike=1
	deliver c1 $SERVER "$(spi 0x10001)" 1
	deliver c2 $SERVER "$(spi 0x10002)" 1
	r sysctl -qw net.netfilter.nf_vpn.ipsec_without_ike=0
	afresh
}
do_l2tp_ip() {
	v3_tunnel c1 11 101
	v3_tunnel c2 11 102
	v3_session c1 1001 2001
	v3_session c2 1001 2002
	data s $WAN 1001 wait=1
	data c1 $SERVER 2001 wait=1
	say c1 $SERVER STOPCCN conn=101 assigned=11 wait=1
	afresh
}
do_l2tp_udp() {
	say c1 $SERVER SCCRQ sport=1701 assigned=5 wait=1
	say s $WAN SCCRP sport=1701 dport=1701 conn=5 assigned=9 wait=1
	say c1 $SERVER ICRQ sport=1701 conn=9 local=50 wait=1
	say s $WAN ICRP sport=1701 dport=1701 conn=5/50 local=90 wait=1
	afresh
}
do_l2tp_port() {
	local k seen
	r sysctl -qw net.netfilter.nf_vpn.l2tp_port_1701=1
	for k in 1 2; do
		seen=$(value assigned "$(say c$k $SERVER SCCRQ sport=1701 assigned=5 wait=1)")
		say s $WAN SCCRP sport=1701 dport=1701 conn="${seen:-5}" assigned=10$k wait=1
		say c$k $SERVER SCCCN sport=1701 conn=10$k wait=1
	done
	r sysctl -qw net.netfilter.nf_vpn.l2tp_port_1701=0
	afresh
}

# Who listens to a device shares its packets: to write in one then takes a copy.
TAP='import socket
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print("ready", flush=True)
while tap.recv(1): pass'
tapped() { background r tap python3 -c "$TAP" && wait_for 20 grep -q ready "$(log_of tap)"; }

# A network with all rules, where conntrack keeps all it can about an entry.
begin() {
	topo_up 3
	must r sysctl -qw net.netfilter.nf_conntrack_timestamp=1 net.netfilter.nf_conntrack_events=1 \
		net.netfilter.nf_vpn.pptp_grace=1 net.netfilter.nf_vpn.pptp_quiet=1 net.netfilter.nf_vpn.l2tp_grace=1
	must helper_rule vpn-pptp tcp 1723
	must helper_rule vpn-ike udp 500
	must r nft insert rule ip helpers pre udp dport 4500 ct helper set '"vpn-ike"'
	must helper_rule vpn-l2tp udp 1701
	must tapped
	watching
}
# finish NAME: what was set up in vain is gone, all of it
finish() {
	stop watch
	stop tap
	r conntrack -F 2>/dev/null
	check "$1: flows end" wait_for 30 flows_gone
	check "$1: conntrack is empty" wait_for 30 count_is_zero
	is "$1: every flow that was made ended" "$(counted flow_new)" "$(counted flow_end)"
	check "$1: the namespaces are gone" topo_down
}

plan 23
must fail_prepare
must fail_prepare_pages
must modprobe nf_vpn_passthrough
python3 /test/lib/alloc_sites.py /lib/modules/"$(uname -r)"/updates/nf_vpn*.ko | awk '{ print NR, $0 }' >"$LIST"
check "places that ask for memory" [ "$(wc -l <"$LIST")" -gt 80 ]
refuse birth
refuse hooks

begin
peer_up s s listen
peer_up c1 c1
peer_up c2 c2
refuse pptp
N=$((N + 1))
control c1 z $SERVER
is "PPTP: with memory back, calls" "$(p c1 calls z 1 5) $(p c1 ping)" "5 up sent 5 back 5 wrong 0"
p c1 close z >/dev/null
stop c1; stop c2; stop s
check "PPTP: it was counted" [ "$(counted no_memory)" -gt 0 ]
finish PPTP

# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
begin
# shellcheck disable=SC2086 # a list of words
must r ip xfrm state add src $SERVER dst $WAN proto esp spi 0x4001 reqid 9 mode tunnel \
	aead 'rfc4106(gcm(aes))' 0x0123456789abcdef0123456789abcdef01234567 128
peers_up c1 c2 c3 s
for n in s c1 c2; do must ask udp $n 192.0.2.99 4500 9 00; done
refuse ike
N=$((N + 1))
ask forget >/dev/null
is "IPsec: with memory back, pairs" \
	"$(for k in 1 2; do meet c$k s >/dev/null; talk c$k s "$(spi 0x1000$k)" "$(spi 0x2000$k)" rounds=5; done | xargs)" "5 5"
check "IPsec: it was counted" [ "$(counted no_memory)" -gt 0 ]
peers_down
finish IPsec

# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"
begin
must mark_rule
peers_up c1 c2 s
for n in s c1 c2; do ask listen $n 1701 >/dev/null; done
refuse l2tp
is "L2TP: with memory back, a tunnel and a session" "$(v3_tunnel c1 21 201) $(v3_session c1 3001 4001)" "up 21 up 3001"
check "L2TP: it was counted" [ "$(counted no_memory)" -gt 0 ]
peers_down
finish L2TP

left='' hit=' '
while read -r n _ _ _ function callee; do
	[ "${HITS[$n]:-0}" = 0 ] || hit+="$function:$callee "
done <"$LIST"
while read -r n module section after function callee; do
	[ "${HITS[$n]:-0}" = 0 ] || continue
	why=$(excused "$module" "$section" "$function" "$callee")
	# what one call made writable, the next one finds so
	[[ $callee != skb_ensure_writable || $hit != *" $function:$callee "* ]] || why="another call of it there was refused"
	diag "not refused: $module $function $callee: ${why:-?}"
	[ -n "$why" ] || left+="$function:$callee "
done <"$LIST"
diag "$(printf '%s\n' "${HITS[@]}" | grep -c '[1-9]') of $(wc -l <"$LIST") places were refused memory"
is "no place is left that could be refused and was not" "$left" ""
check "the modules unload" modprobe -r nf_vpn_passthrough
check_not "all of them" grep -q '^nf_vpn' /proc/modules
is "failslab is off" "$(cat $FAIL/probability)" 0
rm -f "$LIST" "$TOPO_TMP.said"
