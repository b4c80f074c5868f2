#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 300
#
# The main job, with the software people run: two pptp-linux clients behind one
# public address talk to one pptpd at the same time. Without the helper rule no
# session comes up, although the module is loaded: it acts by rule only.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/vpn.sh
. "$(dirname "$0")/../lib/vpn.sh"

# Both clients dial at once; this is how many got a session.
sessions() {
	local k n=0
	pptp_client_start 1 && pptp_client_start 2
	for k in 1 2; do
		wait_for 60 pptp_is_settled $k
		! pptp_is_up $k || n=$((n + 1))
	done
	echo $n
}

no_gre_of() { [ -z "$(ct_entries "$1" gre)" ]; }

plan 20
must modprobe nf_vpn_passthrough
topo_up 2
must pptp_server_up
if knows_gre; then
	is "control: without the helper rule nobody gets a session" "$(sessions)" 0
	matches "control: the server's GRE found no client" "$(r conntrack -L -p gre 2>/dev/null)" "src=$SERVER dst=$WAN .*UNREPLIED"
else
	check "control: without the helper rule no two get a session" [ "$(sessions)" -le 1 ]
	is "control: the server's GRE found no second client" "$(r conntrack -L -p gre 2>/dev/null | grep -c "src=$SERVER dst=$WAN ")" 1
	for k in 1 2; do ! pptp_is_up $k || must pptp_client_down $k; done
fi
must r conntrack -F

must helper_rule vpn-pptp tcp 1723
must watch_rule helped 'ip protocol gre ct helper "vpn-pptp"'
must watch_rule related 'ip protocol gre ct state related'
must watch_rule unrelated 'ip protocol gre ct state new,invalid'
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=2
is "two clients dial at once, both get a session" "$(sessions)" 2
for k in 1 2; do
	is "client $k reaches the server" "$(pptp_answered $k 3)" 3
	is "the server reaches client $k" "$(pptp_answered_back $k 3)" 3
done
ct_entries 1 gre | diag
ct_entries 2 gre | diag
for k in 1 2; do
	matches "client $k has an answered GRE entry" "$(ct_entries $k gre)" "src=$SERVER dst=$WAN .*ASSURED"
done
check "GRE belongs to the helper's connection" [ "$(watched helped)" -gt 12 ]
check "each tunnel began as RELATED" [ "$(watched related)" -ge 2 ]
is "no GRE came as new or invalid" "$(watched unrelated)" 0

check "client 1 hangs up" pptp_client_down 1
check "its GRE entries end within the grace time" wait_for 10 no_gre_of 1
is "client 2 keeps working" "$(pptp_answered 2 3)" 3
is "and is reached" "$(pptp_answered_back 2 3)" 3
check "client 1 dials again" pptp_client_up 1
is "and works" "$(pptp_answered 1 3)" 3
is "beside client 2" "$(pptp_answered 2 3)" 3
check "the namespaces are gone" topo_down
