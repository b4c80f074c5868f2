#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 150
#
# Who may not, or asks nonsense, is refused with a message that says why; a
# network namespace sees and ends its own sessions only; the command's exit codes
# tell scripts what was wrong.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

# said COMMAND...: "EXIT-CODE what it wrote"
said() {
	local code=0 text
	text=$("$@" 2>&1) || code=$?
	echo "$code $text"
}
nobody() { r setpriv --reuid=65534 --clear-groups --inh-caps=-all "$@"; }
hostile() { r python3 /test/peer/genl.py "$@"; }

plan 26
is "no module: said, with the remedy" "$(said nfvpn list)" \
	"3 nfvpn: the module is not loaded: modprobe nf_vpn_passthrough"
must modprobe nf_vpn_passthrough
topo_up 1
helper_rule vpn-ike udp 500
peers_up c1 s
matches "a client" "$(meet c1 s) $(settle c1 s 0x1001 0x2001)" "^$WAN:500"
is "a session" "$(sessions '' client)" "$(client_ip 1)"

for verb in list stats status "flush --all"; do
	# shellcheck disable=SC2086 # words
	matches "nobody: $verb" "$(said nobody nfvpn $verb)" "^4 nfvpn: CAP_NET_ADMIN is needed .*; run it as root"
done
matches "nobody: watch" "$(said nobody timeout 5 nfvpn watch)" "^4 nfvpn: .*CAP_NET_ADMIN"
is "another namespace sees nothing" "$(in_ns s nfvpn list -j)" "[]"
is "and ends nothing" "$(in_ns s nfvpn flush --all)" "0 sessions ended"
is "root of a namespace of one's own may look there" "$(nobody unshare -Urn nfvpn list -j)" "[]"
is "the session is still there" "$(sessions '' client)" "$(client_ip 1)"

matches "no such session" "$(said r nfvpn list --id 4000000000)" "^1 nfvpn: no such session"
matches "nor to flush" "$(said r nfvpn flush --id 4000000000)" "^1 nfvpn: no such session"
matches "flush what?" "$(said r nfvpn flush)" "^2 nfvpn: flush what\\?"
matches "an unknown option" "$(said r nfvpn list --colour)" "^2 .*nfvpn --help"
matches "an unknown command" "$(said r nfvpn lisst)" "^2 nfvpn: no command 'lisst'"
matches "not an address" "$(said r nfvpn list -c here)" "^2 nfvpn: 'here' is no IPv4 address"
matches "not a protocol" "$(said r nfvpn list -p ftp)" "^2 nfvpn: no protocol 'ftp'"

# the kernel itself, without the command's checks
matches "delete without a word which" "$(hostile del)" "^-22 name an id, protocol"
matches "a protocol out of range" "$(hostile del 3:u32:99)" "^-(34|22) .+"
matches "an attribute cut short" "$(hostile del 4:raw:7f)" "^-(34|22) .+"
matches "an attribute of an answer" "$(hostile del 6:raw: 20:u32:1)" "^-22 .+"
matches "a dump with an attribute cut short" "$(hostile dump 4:raw:7f00)" "^-(34|22) .+"
is "nothing was ended" "$(sessions '' client)" "$(client_ip 1)"
peers_down
check "the namespaces are gone" topo_down
