# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# strongSwan at the ends of the tests' network (root: strongswan), IKEv2 with a
# pre-shared key, tunnel mode; source ktap.sh and topo.sh first. It always traverses a
# NAT in UDP 4500. Inside, the server is 10.99.0.1 and client K is 10.88.0.K.
#
#	must swan_server
#	must swan_client 1 20		# keepalives after 20 s; 0: none
#	check "client 1" swan_dial 1
#	is "client 1" "$(swan_pings 1)" 3

SWAN_SERVER=10.99.0.1
SWAN_WAIT=120

# swan_config NAME LOCAL-ID LOCAL-TS REMOTE REMOTE-ID REMOTE-TS KEEPALIVE
swan_config() {
	cat >"$TOPO_TMP/$1.swan" <<-C
		connections {
			tunnel {
				version = 2
				remote_addrs = $4
				proposals = aes128-sha256-curve25519
				local { auth = psk
					id = $2 }
				remote { auth = psk
					id = $5 }
				children { tunnel {
					local_ts = $3
					remote_ts = $6
					esp_proposals = aes128-sha256
				} }
			}
		}
		secrets { ike { secret = "a long shared secret that is not one" } }
	C
	cat >"$TOPO_TMP/$1.conf" <<-C
		charon {
			load_modular = yes
			keep_alive = $7
			install_routes = no
			plugins { include /etc/strongswan.d/charon/*.conf }
			filelog { stderr { default = 1 } }
		}
	C
}

swan_is_ready() { inside "$1" test -S /run/charon.vici; }

# swan_daemon NS: charon, which knows its connection
swan_daemon() {
	background "$1" "swan-$1" env STRONGSWAN_CONF="$TOPO_TMP/$1.conf" /usr/lib/ipsec/charon --use-syslog no &&
		wait_for "$SWAN_WAIT" swan_is_ready "swan-$1" &&
		inside "swan-$1" swanctl --load-all --file "$TOPO_TMP/$1.swan" >/dev/null
}

swan_server() {
	modprobe -qa esp4 xfrm_user xfrm_algo authenc echainiv seqiv cbc hmac sha256_generic || true
	s ip addr replace $SWAN_SERVER/32 dev lo && s ip route replace 10.88.0.0/16 via "$WAN" || return
	swan_config s server $SWAN_SERVER/32 %any %any 10.88.0.0/16 0
	swan_daemon s
}

swan_client() {
	in_ns "c$1" ip addr replace "10.88.0.$1/32" dev lo || return
	swan_config "c$1" "c$1" "10.88.0.$1/32" "$SERVER" server $SWAN_SERVER/32 "$2"
	swan_daemon "c$1"
}

swan() { inside "swan-$1" swanctl "${@:2}"; }
swan_dial() { swan "c$1" --initiate --child tunnel --timeout 50 >"$TOPO_TMP/dial.c$1" 2>&1; }
swan_rekey() { swan "c$1" --rekey --child tunnel >/dev/null; }
swan_pings() { answered "c$1" 3 $SWAN_SERVER -I "10.88.0.$1"; }
swan_pings_back() { answered s 3 "10.88.0.$1" -I $SWAN_SERVER; }

# The SPI of ESP towards client K, as its kernel has it: the newest.
swan_spi() { in_ns "c$1" ip xfrm state 2>/dev/null | awk -v to="$(client_ip "$1")" '$1 == "src" { mine = $4 == to } mine && $2 == "esp" { print $4; exit }'; }
