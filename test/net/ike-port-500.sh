#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 240
#
# A server that answers source port 500 only. By default a second client's port is
# moved, and it is not answered. With ipsec_port_500=1 it gets 500 when its first
# messages stayed without an answer, with 2 at once; what the server sends is told
# apart by the initiator SPI, also when it asks first, and after a rekeyed IKE SA. A
# new IKE SA that the server begins goes to the first client.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

mode() { must r sysctl -qw "net.netfilter.nf_vpn.ipsec_port_500=$1"; }
# both_ask K: client K asks the server, and the server asks it.
both_ask() { echo "$(ike "c$1" s info) $(ike s "c$1" info!) $(ike s "c$1" info) $(ike "c$1" s info!)"; }
there="$WAN:500" back="$SERVER:500"
all="$there $back $back $there"
# on_500: clients that conntrack has on public port 500
on_500() { r conntrack -L -p udp --orig-port-dst 500 2>/dev/null | awk -v wan="dst=$WAN" '{ n = 0; for (i = 1; i <= NF; i++) { if ($i == wan) n = 1; if (n && $i == "dport=500") print $4 } }' | sort | xargs; }
listed() { r nfvpn list -p ike 2>/dev/null | awk 'NR > 1' | wc -l; }
refused() { r sysctl -w "net.netfilter.nf_vpn.ipsec_port_500=$1" 2>&1 | grep -c "Invalid argument"; }

plan 37
topo_up 4
must s nft -f - <<-'N'
	table ip picky {
		chain input {
			type filter hook input priority 0;
			udp dport 500 udp sport != 500 counter drop
		}
	}
N
helper_rule vpn-ike udp 500
peers_up c1 c2 c3 c4 s

is "client 1 is answered" "$(meet c1 s)" "$there"
is "off: client 2's moved port is not" "$(meet c2 s)" "lost init"
is "others pay nothing, nothing is listed" "$(listed) $(counted ike_port_kept) $(flow_count)" "0 0 0"
must r conntrack -F

mode 1
is "auto: client 1 is answered" "$(meet c1 s)" "$there"
is "client 2 is not, once" "$(ike c2 s init)" lost
is "nor twice" "$(ike c2 s auth)" lost
is "nor a third time" "$(ike c2 s auth) $(counted ike_port_silent)" "lost 1"
is "after that it is, from port 500" "$(meet c2 s)" "$there"
is "both are on it" "$(on_500)" "src=$(client_ip 1) src=$(client_ip 2)"
is "which is counted" "$(counted ike_port_kept)" 1
is "client 1 and the server ask each other" "$(both_ask 1)" "$all"
is "client 2 and the server, too" "$(both_ask 2)" "$all"
is "when it comes back, it need not wait" "$(r conntrack -D -s "$(client_ip 2)" >/dev/null 2>&1; meet c2 s)" "$there"
must r conntrack -F

mode 2
is "on: client 1" "$(meet c1 s)" "$there"
is "client 2" "$(meet c2 s)" "$there"
is "client 3 at once" "$(meet c3 s)" "$there"
is "nfvpn lists them" "$(listed)" 3
for k in 1 2 3; do
	is "client $k and the server ask each other" "$(both_ask $k)" "$all"
done
is "client 2's raw ESP goes out" "$(deliver c2 $SERVER 0x1002 1)" "s $WAN"
is "and finds back" "$(talk c2 s 0x1002 0x2002 from=2)" 10
must settle c1 s 0x1001 0x2001
is "client 1's, too" "$(owner 0x2001)" "$(client_ip 1) settled"

# a rekeyed IKE SA: the client speaks first, or the server
is "client 2 rekeys" "$(rekey c2 s)" "$back"
renew c2 s >/dev/null
is "and speaks with the new SPIs" "$(both_ask 2)" "$all"
is "client 3 rekeys" "$(rekey c3 s)" "$back"
renew c3 s >/dev/null
is "the server is the first to use them" "$(ike s c3 info) $(ike c3 s info!)" "$back $there"
is "which was a guess" "$(counted ike_guess)" 1
is "and is none any more" "$(both_ask 3) $(counted ike_guess)" "$all 1"
is "a new IKE SA of the server's: the first client" "$(offer s "$WAN") $(counted ike_unknown)" "c1 $back 1"

# what is quoted in an ICMP error says 500, and not whose
must ask error s "$WAN" 3 1 "$WAN" "$SERVER" 0x01f401f4 0x00500000 QPROTO=17 >/dev/null
is "an ICMP error about port 500 goes to nobody" "$(ask errors c1 wait=1) $(counted icmp_shared)" "none 1"

# two clients with one SPI: the second one's cannot be told apart
renew c1 s 0x1122334455667788 >/dev/null
both_ask 1 >/dev/null
is "client 4 comes" "$(meet c4 s)" "$there"
renew c4 s 0x1122334455667788 >/dev/null
is "with an SPI that client 1 has" "$(ike c4 s info) $(counted ike_spi_taken)" "$there 1"
mode 0
is "off again: who has it keeps it" "$(both_ask 3)" "$all"
is "no other value" "$(refused 3)" 1
is "nothing is left when they are flushed" "$(r nfvpn flush -p ike >/dev/null; listed; counted no_memory)" "0
0"
peers_down
check "the namespaces are gone" topo_down
