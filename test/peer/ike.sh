# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The verbs of ike.py as shell functions; source after ktap.sh and topo.sh.
#
#	topo_up 2
#	peers_up c1 c2 s		# or with an address: peers_up c1 o@198.51.100.2
#	meet c1 s			# prints what the server saw: ADDRESS:PORT
#	deliver s "$WAN" 0x2001 1	# prints who got it: c1 203.0.113.2
#	peers_down			# before topo_down: sockets hold namespaces

# shellcheck disable=SC2034 # peers.sh reads it
PEERS_PROGRAM=ike.py
# shellcheck source=test/peer/peers.sh
. "$(dirname "${BASH_SOURCE[0]}")/peers.sh"

meet() { ask meet "$@"; }
rekey() { ask rekey "$@"; }
renew() { ask renew "$@"; }
offer() { ask offer "$@"; }
ike() { ask ike "$@"; }
deliver() { ask deliver "$@"; }
talk() { ask talk "$@"; }
rush() { ask rush "$@"; }
# For what should not arrive: a second is enough, nothing waits on this path.
deliver_lost() { ask deliver "$@" wait=1; }

# --- what the router says

# stat NAME: a counter of the router; flow_count: flows it has.
# shellcheck disable=SC2016 # awk expands these
stat() { r awk -v name="$1" '$1 == name { print $2 }' /proc/net/nf_vpn/stats; }
flow_count() { r sh -c 'wc -l </proc/net/nf_vpn/flows'; }
no_flows() { [ "$(flow_count)" = 0 ]; }

# settle C S OUT IN [SEQ]: talks, from that number on, until the router knows for
# sure whose IN is; prints nothing. In a second network: ROUTER.
settle() {
	local i
	for i in 0 10 20 30 40 50 60 70; do
		talk "$1" "$2" "$3" "$4" from=$((${5:-1} + i)) >/dev/null
		[[ $(owner "$4") != *settled ]] || return 0
	done
}

# owner SPI: whose the router takes an inbound SPI for: "ADDRESS settled|guess".
owner() { in_ns "${ROUTER:-r}" sed -nE "s/^esp reply client=([^ ]*) .* id=$1 ->.* (settled|guess) .*/\\1 \\2/p" /proc/net/nf_vpn/flows; }

# esp_entry K: the conntrack entry of client K's ESP, in whatever zone.
esp_entry() { r conntrack -L -p 50 2>/dev/null | grep "src=$(client_ip "$1") "; }
esp_gone() { ! esp_entry "$1" >/dev/null; }
