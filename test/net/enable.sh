#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 240
#
# "nfvpn enable" and "disable" keep one file and one table: they help the clients
# named and the router's own from the first packet on, leave the admin's tables alone,
# may be repeated, survive a reboot by what nfvpn.service runs, and change nothing
# when nft is missing, refuses, or who asks may not.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/l2tp.sh
. "$(dirname "$0")/../peer/l2tp.sh"

FILE=/etc/nf_vpn/nf_vpn.nft
SYSCTL=net.netfilter.nf_vpn.l2tp_ip_mark

# said COMMAND...: "EXIT-CODE what it wrote"
said() {
	local code=0 text
	text=$("$@" 2>&1) || code=$?
	echo "$code $text"
}
table() { r nft list table ip nf_vpn 2>&1 | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'; }
all_but_ours() { r nft list ruleset | sed '/^table ip nf_vpn {/,/^}/d; s/counter packets [0-9]* bytes [0-9]*/counter/'; }
state() { table; cat $FILE 2>&1; ls -A /etc/nf_vpn 2>&1; r sysctl -n $SYSCTL 2>&1; }
nobody() { r setpriv --reuid=65534 --clear-groups --inh-caps=-all "$@"; }
# with_nft SCRIPT COMMAND...: nft is SCRIPT; "none": there is no nft
with_nft() {
	# shellcheck disable=SC2016 # the inner shell expands these
	r unshare -m sh -c 'cp /usr/sbin/nfvpn /run/nfvpn; s=$1; shift; mount -t tmpfs tmpfs /usr/sbin
		[ "$s" = none ] || { printf "#!/bin/sh\n%s\n" "$s" >/usr/sbin/nft; chmod +x /usr/sbin/nft; }
		exec /run/nfvpn "$@"' sh "$@"
}
# helper NS PROTOCOL PORT: of the flow that NS opens to the server
helper() {
	local name
	r conntrack -D -p "$2" --dport "$3" >/dev/null 2>&1
	# an entry that is reset before it is answered is gone at once: somebody listens
	if [ "$2" = tcp ]; then in_ns "$1" nc -z -w 1 $SERVER "$3" 2>/dev/null
	else echo x | in_ns "$1" nc -u -q 0 -w 1 $SERVER "$3" 2>/dev/null; fi
	name=$(r conntrack -L -p "$2" --dport "$3" 2>/dev/null | sed -nE 's/.*helper=([a-z0-9-]+).*/\1/p')
	echo "${name:-none}"
}
helpers() { echo "$(helper "$1" tcp 1723) $(helper "$1" udp 500) $(helper "$1" udp 4500) $(helper "$1" udp 1701)"; }

plan 47
topo_up 2
must background s server nc -lk 1723
rm -rf /etc/nf_vpn
before=$(all_but_ours)

matches "nobody may not" "$(said nobody nfvpn enable pptp --lan 'lan*')" "^4 nfvpn: .*run it as root"
echo /bin/false >/proc/sys/kernel/modprobe
matches "modules that do not load: nft refuses, and nfvpn says so" "$(said r nfvpn enable pptp --lan 'lan*')" \
	"^5 nfvpn: nft refused the rules, nothing was changed:.*nft: .*modprobe nf_vpn_passthrough"
echo /sbin/modprobe >/proc/sys/kernel/modprobe
is "no file, no table" "$(ls -A /etc/nf_vpn) $(r nft list tables | grep -c nf_vpn)" " 0"
matches "no nft: said" "$(said with_nft none enable pptp --lan lan1)" "^5 nfvpn: there is no nft: install nftables"
matches "neither lan nor wan, nor a default route" "$(said r nfvpn enable pptp)" "^2 .*no default route: say --lan"
matches "which?" "$(said r nfvpn enable --lan lan1)" "^2 .*enable what\\?"
matches "not a protocol" "$(said r nfvpn enable ah)" "^2 .*no protocol 'ah'"
matches "not an interface" "$(said r nfvpn enable pptp --lan 'a";b')" "^2 .*is no interface"
matches "nothing to load" "$(said r nfvpn load)" "^1 nfvpn: nothing is enabled"

matches "enable loads the modules" "$(said r nfvpn enable pptp --lan 'lan*')" "^0 enabled: pptp for what comes in from lan\\*, and for this machine's own"
is "PPTP is helped, nothing else" "$(helpers c1)" "vpn-pptp none none none"
is "the router's own, too" "$(helper r tcp 1723)" vpn-pptp
one=$(state)
is "again" "$(said r nfvpn enable pptp)" "0 enabled: pptp for what comes in from lan*, and for this machine's own ($FILE)"
is "nothing changed" "$(state)" "$one"
check "IPsec and L2TP, too" r nfvpn enable ipsec l2tp
is "client 2" "$(helpers c2)" "vpn-pptp vpn-ike vpn-ike vpn-l2tp"
is "the router" "$(helpers r)" "vpn-pptp vpn-ike vpn-ike vpn-l2tp"
is "protocol 115 has its bit" "$(r sysctl -n $SYSCTL)" 32
peers_up c1 c2 s
is "client 1 by protocol 115" "$(v3_tunnel c1 11 101) $(v3_session c1 1001 2001)" "up 11 up 1001"
matches "client 2 with the same number" "$(v3_tunnel c2 12 102) $(v3_session c2 1001 2002)" "^up 12 up [0-9]+$"
is "data for client 1" "$(data s $WAN 1001)" "c1 from=$SERVER id=1001"
peers_down

all=$(state)
for nft in none 'echo Error: no >&2; exit 1' 'kill -9 $$'; do
	matches "disable with nft '$nft'" "$(said with_nft "$nft" disable pptp)" "^5 nfvpn: (there is no nft|nft refused)"
	is "all is as it was" "$(state)" "$all"
done
matches "nor by nobody" "$(said nobody nfvpn disable pptp)" "^4 "
is "all is as it was" "$(state)" "$all"

# a reboot: what nftables.service does, then what nfvpn.service does
r nft flush ruleset
r sysctl -qw $SYSCTL=0
is "flushed" "$(helper c1 udp 500)" none
unit() { sed -nE "s/^$1=//p" /usr/lib/systemd/system/nfvpn.service; }
# shellcheck disable=SC2046 # a command and its words
check "what the unit starts" r $(unit ExecStart)
is "all is as it was" "$(state)" "$all"
is "and works" "$(helpers c1)" "vpn-pptp vpn-ike vpn-ike vpn-l2tp"
must router_rules nat
# shellcheck disable=SC2046
check "what it stops" r $(unit ExecStop | tail -n 1)
is "our table is gone, theirs are not" "$(r nft list tables | xargs) $(r sysctl -n $SYSCTL)" "table ip filter table ip nat 0"
must r nfvpn load

is "disable one" "$(said r nfvpn disable l2tp)" "0 still enabled: pptp, ipsec for what comes in from lan*, and for this machine's own"
is "the others stay" "$(helpers c1)" "vpn-pptp vpn-ike vpn-ike none"
is "no bit any more" "$(r sysctl -n $SYSCTL)" 0
must r ip route add default via $SERVER
matches "by --wan, and where the file says nothing by the default route" \
	"$(said r nfvpn disable pptp ipsec) $(said r nfvpn enable ipsec)" "^0 nothing is enabled any more 0 .*default route.*ipsec for what does not come in from wan"
is "clients are helped" "$(helper c1 udp 500)" vpn-ike
is "an interface that is not there yet is told" "$(said r nfvpn enable ipsec --lan lan9 --lan 'lan2*' 2>&1 | head -1)" "0 nfvpn: there is no interface lan9 yet; the rules wait for it"
is "and where they come from changed" "$(helper c1 udp 500) $(helper c2 udp 500)" "none vpn-ike"
is "disabled" "$(said r nfvpn disable ipsec)" "0 nothing is enabled any more"
is "once more" "$(said r nfvpn disable ipsec)" "0 nothing is enabled"
is "the admin's tables are as they were" "$(all_but_ours)" "$before"
echo "table ip admin {}" >$FILE
matches "a file that is not ours is not touched" "$(said r nfvpn enable pptp --lan lan1) $(cat $FILE)" "^1 .*move it away.*table ip admin"
rm -rf /etc/nf_vpn
stop server
check "the namespaces are gone" topo_down
