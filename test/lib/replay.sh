# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Captures replayed through the router; source ktap.sh and topo.sh first.
#
#	replay_up			# the network; no rule helps anybody yet
#	replay_rules			# the admin's rules for everything we help
#	replay FILE --client A --server B ...	# prints a report, see replay.py
#	replay_again			# forget all connections
#
# All clients live in c1's namespace and all servers in s, without a local stack:
# replay.py sends and receives whole packets there.

REPLAY_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../replay" && pwd)
# shellcheck disable=SC2034 # the tests read it
CAPTURES=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/captures

replay_up() { topo_up 1; }

# Everything we help, on its usual ports.
replay_rules() {
	helper_rule vpn-pptp tcp 1723 && helper_rule vpn-ike udp '{ 500, 4500 }' &&
		helper_rule vpn-l2tp udp 1701 || return
	r sysctl -qw net.netfilter.nf_vpn.l2tp_ip_mark=0x20 && r nft -f - <<-N
		table ip mark115 {
			chain raw {
				type filter hook prerouting priority raw;
				iifname "lan*" meta l4proto 115 meta mark set mark or 0x20
			}
		}
	N
}

replay() {
	PYTHONPYCACHEPREFIX=/tmp/pycache python3 "$REPLAY_DIR/replay.py" \
		--namespaces "$(ns_name c1),$(ns_name r),$(ns_name s)" --public "$WAN" --outside "$SERVER" "$@"
}

replay_again() { r conntrack -F; } 2>/dev/null

# fails_with REGEXP ARGS...: the replay ends, finds something wrong, and says so.
fails_with() {
	local said code=0
	said=$(replay "${@:2}") || code=$?
	[ $code = 1 ] && [[ $said =~ $1 ]] && return
	printf 'exit code %s, wanted 1 and: %s\n%s\n' $code "$1" "$said"
	return 1
}

# tells REGEXP ARGS...: everything came through, and the report says so.
tells() {
	local said code=0
	said=$(replay "${@:2}") || code=$?
	[ $code = 0 ] && [[ $said =~ $1 ]] && return
	printf 'exit code %s, wanted 0 and: %s\n%s\n' $code "$1" "$said"
	return 1
}
