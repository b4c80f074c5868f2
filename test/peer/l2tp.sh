# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The verbs of l2tp.py as shell functions; source after ktap.sh and topo.sh.
#
#	topo_up 2
#	peers_up c1 c2 s		# or a second one in s: peers_up c1 s o:s@203.0.113.9
#	say c1 $SERVER SCCRQ assigned=7	# prints who got it, and what
#	data s $WAN 7			# a data packet, likewise
#	v3_tunnel c1 7 100		# a control connection, their own IDs
#	v3_session c1 8 200		# a session in it
#	peers_down			# before topo_down: sockets hold namespaces

# shellcheck disable=SC2034 # peers.sh reads it
PEERS_PROGRAM=l2tp.py
# shellcheck source=test/peer/peers.sh
. "$(dirname "${BASH_SOURCE[0]}")/peers.sh"

say() { ask say "$@"; }
data() { ask data "$@"; }
# For what should not arrive: a second is enough, nothing waits on this path.
say_lost() { ask say "$@" wait=1; }
data_lost() { ask data "$@" wait=1; }

# value NAME TEXT: of "NAME=value" in an answer of the peers.
value() { sed -nE "s/.* $1=([^ ]+).*/\1/p" <<<"$2"; }

# The admin's opt-in for protocol 115: a mark, in a chain before conntrack.
mark_rule() {
	r sysctl -qw net.netfilter.nf_vpn.l2tp_ip_mark=0x20 &&
		r nft -f - <<-N
			table ip l2tp {
				chain raw {
					type filter hook prerouting priority raw;
					iifname "${1:-lan*}" meta l4proto 115 meta mark set mark or 0x20
				}
			}
		N
}

# v3_tunnel CLIENT ID SERVER-ID: prints "up SEEN", the client's ID as the server
# sees it, and leaves both in the files that v3_session reads.
v3_tunnel() {
	local seen
	seen=$(value assigned "$(say "$1" "$SERVER" SCCRQ assigned="$2")")
	[ -n "$seen" ] || { echo "no SCCRQ"; return; }
	[ "$(value assigned "$(say s "$WAN" SCCRP conn="$seen" assigned="$3")")" = "$3" ] || { echo "no SCCRP"; return; }
	[ "$(value conn "$(say "$1" "$SERVER" SCCCN conn="$3")")" = "$3" ] || { echo "no SCCCN"; return; }
	echo "$2 $3 $seen" >"$TOPO_TMP/tunnel.$1"
	echo "up $seen"
}

# v3_session CLIENT ID SERVER-ID: likewise, in the tunnel of that client.
v3_session() {
	local seen theirs ours
	read -r _ theirs ours <"$TOPO_TMP/tunnel.$1"
	seen=$(value local "$(say "$1" "$SERVER" ICRQ conn="$theirs" local="$2" remote=0)")
	[ -n "$seen" ] || { echo "no ICRQ"; return; }
	[ "$(value remote "$(say s "$WAN" ICRP conn="$ours" local="$3" remote="$seen")")" = "$2" ] || { echo "no ICRP"; return; }
	say "$1" "$SERVER" ICCN conn="$theirs" local="$2" remote="$3" >/dev/null
	echo "up $seen"
}

# --- what the router says

# flows [PATTERN]: lines it has.
counted_above() { [ "$(counted "$1")" -gt "$2" ]; }
flows() { r grep -c "^l2tp.*${1:-}" /proc/net/nf_vpn/flows; }
flows_are() { [ "$(flows "${2:-}")" = "$1" ]; }

# l2tp_entry K: the conntrack entry of client K's protocol 115, in whatever zone.
l2tp_entry() { r conntrack -L -p 115 2>/dev/null | grep "src=$(client_ip "$1") "; }

# The line of client K's tunnels over UDP: "tunnel=CLIENT'S/SERVER'S session=...".
tunnels() { r sed -nE "s/^l2tp-udp original client=$(client_ip "$1") .* idle=[0-9]+ //p" /proc/net/nf_vpn/flows; }
