#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# A user without rights makes a user and a network namespace: there he is root, and
# has rules, and modules that his rules name are loaded, as any helper of the kernel.
# What he reaches is his own: the router's sessions he neither sees nor ends, nor
# does he set limits, or unload anything; and when he is gone nothing is left.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

user() { setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urn sh -c "$1" 2>&1; }
loaded() { grep -q '^nf_vpn_pptp ' /proc/modules; }
mkdir -p /tmp/userns
cat >/tmp/userns/nft <<-'N'
	table ip h {
		ct helper p { type "vpn-pptp" protocol tcp; }
		ct helper i { type "vpn-ike" protocol udp; }
		chain o {
			type filter hook output priority 0;
			tcp dport 1723 ct helper set "p"
			udp dport 500 ct helper set "i"
		}
	}
N
cat >/tmp/userns/send <<-'P'
	import socket
	socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(16) + b"!" + bytes(40), ("127.0.0.1", 500))
P
rules='ip link set lo up; nft -f /tmp/userns/nft'
# IKE messages, good or bad, that his namespace counts
# shellcheck disable=SC2016 # awk expands these
his_messages() { user "$1; cat /proc/net/nf_vpn/stats" | awk '$1 == "ike_bad" || $1 == "ike_message" { n += $2 } END { print n }'; }

plan 13
check_not "no module is loaded" loaded
user "$rules" | diag
if loaded; then diag "a user's rules load the modules here"; else diag "a user's rules load no module here"; fi
must modprobe nf_vpn_passthrough
topo_up 1
must helper_rule vpn-ike udp 500
peers_up c1 s
matches "a client of the router" "$(meet c1 s) $(settle c1 s 0x1001 0x2001)" "^$WAN:500"
is "in a namespace of his own a user has rules" "$(user "$rules; nft list ruleset | grep -c 'ct helper set'")" 2
# on the loopback device a packet meets its helper twice
matches "and state: a datagram is helped" "$(his_messages "$rules; python3 /tmp/userns/send")" "^[12]$"
is "the router counts none of it" "$(stat ike_bad)" 0
is "he sees no session" "$(user 'nfvpn list -j')" "[]"
is "and ends none" "$(user 'nfvpn flush --all')" "0 sessions ended"
matches "the flows are for the host's root" "$(user 'cat /proc/net/nf_vpn/flows')" "^$|Permission denied"
matches "limits are not his" "$(user 'echo 1 >/proc/sys/net/netfilter/nf_vpn/max_flows')" "Permission denied|cannot create"
matches "nor modules" "$(user 'rmmod nf_vpn_l2tp')" "not permitted|ERROR"
is "the router's session is as it was" "$(owner 0x2001)" "$(client_ip 1) settled"
is "and works" "$(deliver c1 $SERVER 0x1001 700) $(deliver s $WAN 0x2001 700)" "s $WAN c1 $SERVER"
peers_down
check "the namespaces are gone" topo_down
