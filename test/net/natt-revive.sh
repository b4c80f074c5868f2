#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: main
# timeout: 200
#
# A NAT-T tunnel without keepalives outlives its mapping. The server's next ESP in UDP
# with an SPI that came that way before revives it, to the client that had it, under a
# firewall that lets nothing in. Not so another SPI, another server, IKE, a mapping that
# was deleted, one that ended too long ago or that somebody else has; nor when it is
# switched off.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/ike.sh
. "$(dirname "$0")/../peer/ike.sh"

mapping() { r conntrack -L -p udp --orig-port-dst 4500 2>/dev/null | grep "src=$(client_ip "$1") "; }
port_of() { mapping "$1" | sed -E 's/.*dport=([0-9]+) .*/\1/'; }
gone() { [ -z "$(mapping "$1")" ] && [ -z "$(r nfvpn list -p natt -c "$(client_ip "$1")" 2>/dev/null | tail -n +2)" ]; }
# esp SPI: ESP in UDP, number 1; says DATAGRAM: who got it
esp() { printf '%08x0000000100000000' "$1"; }
out() { ask udp "c$1" $SERVER 4500 4500 "$(esp "$2")" >/dev/null; }
# from the server: SPI PORT [src=A]
back() { ask tell s "$WAN" 4500 "$2" "$(esp "$1")"; }
lost() { ask tell s "$WAN" 4500 "$2" "$(esp "$1")" wait=1 ${3:+"$3"}; }
setting() { must r sysctl -qw "net.netfilter.nf_vpn.ipsec_natt_$1"; }

plan 39
topo_up 2
peers_up c1 c2 s
must r nft -f - <<-'N'
	flush chain ip filter forward
	table ip filter {
		chain forward {
			ct state established,related accept
			iifname "lan*" accept
		}
		chain input {
			type filter hook input priority 0; policy drop;
		}
	}
N
helper_rule vpn-ike udp 4500
for n in s c1 c2; do must ask udp $n 192.0.2.99 4500 9 00; done
is "the default" "$(r sysctl -n net.netfilter.nf_vpn.ipsec_natt_revive)" 3600
setting timeout=5
setting revive=0
out 1 0x1001; out 2 0x1002
is "client 2's port is another" "$([ "$(port_of 1)" = 4500 ] && [ "$(port_of 2)" != 4500 ] && echo so)" so
p=$(port_of 2)
is "the server answers client 2" "$(back 0x2002 "$p")" "c2 $SERVER:4500"
is "and client 1" "$(back 0x2001 4500)" "c1 $SERVER:4500"
matches "both are listed, with what they receive" "$(r nfvpn list -p natt -j)" '"natt".*0x2002|8194'
check "the mappings end" wait_for 20 gone 2
is "off: the server's ESP finds nobody" "$(lost 0x2002 "$p")" nobody

setting revive=3600
out 1 0x1001; out 2 0x1002
p=$(port_of 2)
is "again: the server answers client 2" "$(back 0x2002 "$p")" "c2 $SERVER:4500"
is "and client 1 " "$(back 0x2001 4500)" "c1 $SERVER:4500"
is "after a rekey, too" "$(back 0x2012 "$p")" "c2 $SERVER:4500"
check "they end, and are remembered" wait_for 20 gone 2
check "client 1's, too" wait_for 20 gone 1
ended() { [ "$(counted natt_ended)" = "$1" ]; }
check "which is counted" wait_for 5 ended 2
is "an SPI that never came: nobody" "$(lost 0x2222 "$p")" nobody
is "client 1's SPI to client 2's port: nobody" "$(lost 0x2001 "$p")" nobody
is "to another port: nobody" "$(lost 0x2002 $((p ^ 1)))" nobody
is "IKE is left to the server's patience" "$(ask tell s "$WAN" 4500 "$p" "00000000$(esp 0x2002)0000000000000000000000000000" wait=1)" nobody
is "another host with all of it right: nobody" "$(lost 0x2002 "$p" src=198.51.100.77)" nobody
is "all counted" "$(counted natt_stray) $(counted natt_revived)" "5 0"
is "the server's ESP: client 2" "$(back 0x2002 "$p")" "c2 $SERVER:4500"
is "by the same mapping" "$(port_of 2) $(counted natt_revived)" "$p 1"
is "the client answers by it" "$(ask tell c2 "$SERVER" 4500 4500 "$(esp 0x1002)")" "s $WAN:$p"
matches "it is helped" "$(mapping 2)" "helper=vpn-ike|mark="
is "the older SPI: client 1" "$(back 0x2001 4500)" "c1 $SERVER:4500"
is "the newer one of client 2 goes on" "$(back 0x2012 "$p")" "c2 $SERVER:4500"

# deleted: the admin wants the rules asked again
must r conntrack -D -p udp -s "$(client_ip 2)" >/dev/null 2>&1
check "one that was deleted" wait_for 10 gone 2
is "is not revived" "$(lost 0x2002 "$p")" nobody
# somebody else has port 4500 by now
check "client 1's ends again" wait_for 20 ended 3
out 2 0x1002
is "client 2 has client 1's port" "$(port_of 2)" 4500
is "who keeps it" "$(back 0x2001 4500 s) $(counted natt_taken)" "c2 $SERVER:4500 0"
setting revive=1
check "client 2's ends" wait_for 20 gone 2
sleep 2
is "too long ago: nobody" "$(lost 0x2001 4500)" nobody

# a new module: the mapping stays, as it is conntrack's; after a reboot nfvpn restores it
FILE=$TOPO_TMP/sessions.json
unloaded() { modprobe -r nf_vpn_passthrough 2>/dev/null; ! lsmod | grep -q ^nf_vpn; }
setting timeout=600
out 1 0x1001
p=$(port_of 1)
is "a mapping that lives" "$(back 0x2001 "$p")" "c1 $SERVER:4500"
must r nfvpn save "$FILE"
must r nft delete table ip helpers
check "the modules unload" wait_for 20 unloaded
is "the mapping stays" "$(port_of 1)" "$p"
must r conntrack -F
must modprobe nf_vpn_passthrough
must helper_rule vpn-ike udp 4500
is "flushed, and restored" "$(r nfvpn restore "$FILE" 2>&1 | xargs)" "1 session restored, 0 there already, 0 not restored"
is "the server speaks first: client 1" "$(back 0x2001 "$p")" "c1 $SERVER:4500"
is "its session is the one that was" "$(r nfvpn restore "$FILE" 2>&1 | xargs)" "0 sessions restored, 1 there already, 0 not restored"
peers_down
check "the namespaces are gone" topo_down
