#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 150
#
# What somebody does who has read README.md and nothing else, in its order and with its
# commands: one protocol is enabled, the sessions of two clients are seen, the set-up is
# broken and the doctor says where, one client is flushed and the other one goes on.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"

# a line of "nfvpn list" for client K, up
lists() { r nfvpn list | grep -cE "^ *[0-9]+ +pptp +$(client_ip "$1") +$SERVER .*up"; }
doctor() { r nfvpn doctor 2>&1; }

plan 18
topo_up 2
rm -rf /etc/nf_vpn
must r ip route add default via $SERVER
peer_up s p listen
for k in 1 2; do peer_up c$k c$k; done
p p ids 100 >/dev/null
for k in 1 2; do must control c$k k $SERVER; done
for k in 1 2; do p c$k call k 7 >/dev/null; done
is "before: one client's GRE comes back, if that" "$(p c1 ping >/dev/null; p c2 ping)" "sent 1 back 0 wrong 0"
matches "the doctor says that the module is missing" "$(doctor)" "FAULT module-missing:.*modprobe nf_vpn_passthrough"
for k in 1 2; do p c$k close k >/dev/null; done

matches "nfvpn enable pptp" "$(r nfvpn enable pptp 2>&1)" "enabled: pptp for what does not come in from wan"
matches "nfvpn status" "$(r nfvpn status)" "^active +(yes|no: no rule)"
r conntrack -D -p tcp --dport 1723 >/dev/null 2>&1
for k in 1 2; do must control c$k k $SERVER; done
is "client 1 calls" "$(p c1 call k 7)" "up own=7 peer=102"
is "client 2, with the same number" "$(p c2 call k 7)" "up own=7 peer=103"
is "GRE of both" "$(p c1 ping), $(p c2 ping)" "sent 1 back 1 wrong 0, sent 1 back 1 wrong 0"
is "nfvpn list shows both" "$(lists 1) $(lists 2)" "1 1"
matches "nfvpn doctor finds nothing" "$(doctor)" "^nothing wrong was found; 2 sessions"

must r nft insert rule ip filter forward ip protocol gre counter drop comment "broken"
is "broken on purpose: GRE is dropped" "$(p c1 ping)" "sent 1 back 0 wrong 0"
matches "the doctor says by what, and what to type" "$(doctor)" "FAULT rule-drops:.*GRE.*seen: table ip filter, chain forward.*do: "
handle=$(r nft -a list chain ip filter forward | sed -nE 's/.*"broken" # handle ([0-9]+)$/\1/p')
must r nft delete rule ip filter forward handle "$handle"
is "mended" "$(p c1 ping)" "sent 1 back 1 wrong 0"

is "nfvpn flush --client" "$(r nfvpn flush --client "$(client_ip 1)")" "1 session ended"
is "its call is gone" "$(p c1 ping)" "sent 1 back $(strays 1) wrong 0"
is "the other one goes on" "$(p c2 ping)" "sent 1 back 1 wrong 0"
is "nfvpn list shows one" "$(lists 1) $(lists 2)" "0 1"
matches "nfvpn disable pptp" "$(r nfvpn disable pptp 2>&1)" "^nothing is enabled any more"
rm -rf /etc/nf_vpn
check "the namespaces are gone" topo_down
