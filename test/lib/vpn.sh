# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Real VPN software at the ends of the tests' network; source ktap.sh and
# topo.sh first.
#
#	PPTP	pptpd in s, pptp-linux and pppd in the clients. Inside the tunnel
#		the server is 10.55.0.1, a client what the server gave it.
#	IPsec	libreswan in s and in the clients, a pre-shared key, raw ESP in
#		tunnel mode although there is a NAT between (encapsulation=no).
#		Inside, the server is 10.99.0.1 and client K is 10.88.0.K.
#
#	pptp_server_up
#	pptp_client_up 1			# dial, and wait for the session
#	is "client 1" "$(pptp_answered 1 3)" 3	# pings client -> server
#	ike_up ikev2				# or ikev1: the daemons
#	ike_connect 1				# a tunnel of client 1
#	is "server" "$(ike_answered_back 1 3)" 3	# pings server -> client
#
# All waits end early when what they wait for happens; guests are slow.

PPTP_SERVER=10.55.0.1
ESP_SERVER=10.99.0.1
VPN_WAIT=60
WHACK=/usr/libexec/ipsec/whack

# --- PPTP

# No compression and no encryption: only what a NAT can see matters here.
pptp_options() {
	printf '%s\n' noauth nobsdcomp nodeflate novj nodefaultroute noipv6 noccp nomppe \
		'lcp-echo-interval 0' 'mtu 1400' 'mru 1400' 'lcp-restart 2' "$@"
}

pptp_prepare() {
	modprobe -qa ppp_generic ppp_async || true
	mkdir -p "$TOPO_TMP"
	pptp_options >"$TOPO_TMP/ppp.client"
	pptp_options noipdefault >"$TOPO_TMP/ppp.server"
}

pptp_server_up() {
	pptp_prepare || return
	printf '%s\n' "option $TOPO_TMP/ppp.server" "localip $PPTP_SERVER" \
		'remoteip 10.55.0.100-199' >"$TOPO_TMP/pptpd.conf"
	background s pptpd pptpd -f -c "$TOPO_TMP/pptpd.conf" -o "$TOPO_TMP/ppp.server" \
		-p "$TOPO_TMP/pptpd.own" &&
		wait_for "$VPN_WAIT" listens_on_1723
}

listens_on_1723() { s ss -Hltn sport = 1723 | grep -q .; }

# Dials without waiting. pppd gives up by itself when nobody answers: after 20 s.
pptp_client_start() {
	pptp_prepare || return
	background "c$1" "pppd-c$1" pppd pty "pptp $SERVER --nolaunchpppd" \
		file "$TOPO_TMP/ppp.client" nodetach
}

pptp_client_up() {
	pptp_client_start "$1" && wait_for "$VPN_WAIT" pptp_is_settled "$1" && pptp_is_up "$1"
}

# The address that the server gave client K, as pppd tells (cheaper than asking
# the kernel in another namespace, for a loop that waits).
pptp_address() { sed -nE 's/^local +IP address ([0-9.]+).*/\1/p' "$TOPO_TMP/pppd-c$1.log"; }

pptp_is_up() { pptp_dials "$1" && [ -n "$(pptp_address "$1")" ]; }
pptp_dials() { kill -0 "$(pid_of "pppd-c$1")"; } 2>/dev/null
pptp_is_settled() { pptp_is_up "$1" || not pptp_dials "$1"; }

# Client K hangs up: it clears the call and closes the control connection.
pptp_client_down() { stop "pppd-c$1" && wait_for "$VPN_WAIT" not pptp_is_up "$1"; }

# pptp_answered K COUNT [PING OPTIONS]: from the client, and from the server.
pptp_answered() {
	pptp_is_up "$1" || { echo 0; return; }
	answered "c$1" "$2" $PPTP_SERVER -I ppp0 "${@:3}"
}

pptp_answered_back() {
	pptp_is_up "$1" || { echo 0; return; }
	answered s "$2" "$(pptp_address "$1")" "${@:3}"
}

# --- IPsec

# ike_connection NAME LEFT LEFTID LEFTSUBNET RIGHT RIGHTID RIGHTSUBNET
ike_connection() {
	printf 'conn %s\n' "$1"
	printf ' %s\n' "left=$2" "leftid=$3" "leftsubnet=$4" "right=$5" "rightid=$6" "rightsubnet=$7" \
		authby=secret auto=add encapsulation=no leftupdown=/bin/true "${IKE_OPTIONS[@]}"
}

# ike_config NS: what the daemon in NS reads.
ike_config() {
	local k
	printf '%s\n' 'config setup' ' uniqueids=no' ' ikev1-policy=accept'
	for ((k = 1; k <= TOPO_CLIENTS; k++)); do
		case $1 in
		s) ike_connection "c$k" "$SERVER" @server $ESP_SERVER/32 %any "@c$k" "10.88.0.$k/32" ;;
		"c$k") ike_connection "c$k" "$(client_ip "$k")" "@c$k" "10.88.0.$k/32" "$SERVER" @server $ESP_SERVER/32 ;;
		esac
	done
}

ike_clients() { seq -f 'c%.0f' "$TOPO_CLIENTS"; }

# ike_up [ikev2|ikev1]: all daemons, knowing their connections.
ike_up() {
	local ns k
	# what the first SA would load, or IKE waits and sends again meanwhile
	modprobe -qa esp4 xfrm_user xfrm_algo authenc echainiv seqiv cbc hmac sha256_generic || true
	IKE_OPTIONS=('ike=aes128-sha2_256;dh19' 'phase2alg=aes128-sha2_256')
	# a file, because ike_up may run in a subshell ("must ike_up")
	echo "${1:-ikev2}" >"$TOPO_TMP/ike.version"
	case ${1:-ikev2} in
	ikev2) IKE_OPTIONS+=(ikev2=yes) ;;
	ikev1) IKE_OPTIONS+=(ikev2=no aggressive=no nat-ikev1-method=none) ;;
	esac
	[ -e /var/lib/ipsec/nss/cert9.db ] || { mkdir -p /var/lib/ipsec/nss && ipsec initnss >/dev/null; } || return
	printf '%%any %%any : PSK "a long shared secret that is not one"\n' >"$TOPO_TMP/ike.secrets"
	s ip addr replace $ESP_SERVER/32 dev lo && s ip route replace 10.88.0.0/16 via "$WAN" || return
	for ((k = 1; k <= TOPO_CLIENTS; k++)); do
		in_ns "c$k" ip addr replace "10.88.0.$k/32" dev lo || return
	done
	for ns in s $(ike_clients); do
		ike_config "$ns" >"$TOPO_TMP/ike.$ns.conf"
		background "$ns" "pluto-$ns" /usr/libexec/ipsec/pluto --nofork --stderrlog --rundir /run/pluto \
			--config "$TOPO_TMP/ike.$ns.conf" --secretsfile "$TOPO_TMP/ike.secrets" \
			--nssdir /var/lib/ipsec/nss || { echo "no process for pluto in $ns"; return 1; }
	done
	for ns in s $(ike_clients); do
		wait_for "$VPN_WAIT" ike_is_ready "$ns" || {
			echo "pluto in $ns does not start"
			tail -n 5 "$TOPO_TMP/pluto-$ns.log"
			return 1
		}
	done
}

whack() { inside "pluto-$1" $WHACK "${@:2}"; }

# The daemon reads its connections by itself, and listens after that.
ike_is_ready() { grep -q 'loading secrets from' "$TOPO_TMP/pluto-$1.log"; }

# ike_connect K: client K keys a tunnel; true when both ends say they have it.
# Whether ESP then flows is another matter.
ike_connect() { ike_new_sa "c$1" "$1" --initiate; }

# ike_rekey NS K: the daemon in NS (cK or s) makes a new ESP SA for the tunnel
# of client K; true when both ends say they have it.
ike_rekey() {
	# libreswan rekeys on command only with IKEv2; with IKEv1 a second quick
	# mode is what its timer would begin
	if [ "$(cat "$TOPO_TMP/ike.version")" = ikev1 ]; then
		ike_new_sa "$1" "$2" --initiate
	else
		ike_new_sa "$1" "$2" --rekey-ipsec
	fi
}

ike_new_sa() {
	local near far
	near=$(ike_sas "c$2" "$2") far=$(ike_sas s "$2")
	whack "$1" "$3" --asynchronous --name "c$2" >/dev/null || return
	wait_for "$VPN_WAIT" ike_has_more "$2" "$near" "$far"
}

# How many ESP SAs the daemon in NS has made for client K; from its log, because
# asking it costs more than it does under emulation.
ike_sas() { grep -cE "\"c$2\".*((established|rekeyed) Child SA|IPsec SA established)" "$TOPO_TMP/pluto-$1.log"; }
ike_has_more() { [ "$(ike_sas "c$1" "$1")" -gt "$2" ] && [ "$(ike_sas s "$1")" -gt "$3" ]; }

ike_disconnect() {
	whack "c$1" --terminate --name "c$1" >/dev/null
	wait_for "$VPN_WAIT" esp_has_none "c$1"
}

ike_down() {
	local ns
	# all at once first: each says goodbye to its peers
	for ns in $(ike_clients) s; do kill "$(pid_of "pluto-$ns")" 2>/dev/null; done
	for ns in $(ike_clients) s; do stop "pluto-$ns"; done
}

# The SPIs in the kernel of NS, one a line: both directions.
esp_spis() { in_ns "$1" ip xfrm state 2>/dev/null | sed -nE 's/^.*proto esp spi (0x[0-9a-f]+) .*/\1/p' | sort; }
esp_has_none() { [ -z "$(esp_spis "$1")" ]; }

ike_answered() { answered "c$1" "$2" $ESP_SERVER -I "10.88.0.$1" "${@:3}"; }
ike_answered_back() { answered s "$2" "10.88.0.$1" -I $ESP_SERVER "${@:3}"; }

# --- what the router sees

# The conntrack entries of r for client K and PROTOCOL (gre, esp).
ct_entries() {
	local name=$2
	[ "$2" != esp ] || name=unknown
	r conntrack -L 2>/dev/null | grep -E "^$name +$(case $2 in esp) echo 50 ;; gre) echo 47 ;; esac) .* src=$(client_ip "$1") "
}

# The zone in such entries, one a line; 0 for an entry without one.
ct_zones() { ct_entries "$1" "$2" | sed -E 's/.* zone=([0-9]+).*/\1/; t; s/.*/0/' | sort -u; }

# watch_rule NAME MATCH...: counts forwarded packets in r, before any verdict;
# "watched NAME" is how many there were.
watch_rule() {
	r nft -f - <<-N
		table ip watch {
			counter $1 {
			}
			chain forward {
				type filter hook forward priority -10;
				${*:2} counter name "$1"
			}
		}
	N
}

watched() { r nft list counter ip watch "$1" | sed -nE 's/.*packets ([0-9]+).*/\1/p'; }
