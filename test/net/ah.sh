#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 120
#
# AH signs the addresses, so NAT breaks it. Where addresses are translated that is
# counted, and said once; where they are not, AH passes and is counted as such.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"

K=0x0123456789abcdef0123456789abcdef01234567
# A transport mode SA and its policies, between $2 and $3 as $1 knows them.
sa() { in_ns "$1" ip xfrm state add src "$2" dst "$3" proto ah spi "$4" reqid 7 mode transport auth-trunc 'hmac(sha1)' $K 96; }
policy() { in_ns "$1" ip xfrm policy add src "$2" dst "$3" proto icmp dir "$4" tmpl proto ah reqid 7 mode transport; }
signed() { # NAMESPACE OWN OTHER SPI-OUT SPI-IN
	sa "$1" "$2" "$3" "$4" && sa "$1" "$3" "$2" "$5" &&
		policy "$1" "$2" "$3" out && policy "$1" "$3" "$2" in
}
told() { dmesg | grep -c "AH between $(client_ip 2) and $SERVER is translated"; }
# shellcheck disable=SC2016 # awk's
discarded() { s awk '$1 ~ /XfrmIn/ { n += $2 } END { print n + 0 }' /proc/net/xfrm_stat; }

plan 13
modprobe -a ah4 xfrm_user
topo_up 2
must r nft add rule ip filter forward iifname lan1 accept
must r nft insert rule ip nat post ip saddr "$(client_ip 1)" accept
must s ip route add 192.168.1.0/24 via $WAN
must signed c1 "$(client_ip 1)" $SERVER 0x501 0x601
must signed s $SERVER "$(client_ip 1)" 0x601 0x501
must signed c2 "$(client_ip 2)" $SERVER 0x502 0x602
is "client 1, whom nothing translates, before there are rules" "$(answered c1 3 $SERVER)" 3
helper_rule vpn-ike udp 500
# a helped flow is what turns us on
c1 sh -c "echo x | nc -u -w1 $SERVER 500" 2>/dev/null || true
is "with them, too" "$(answered c1 3 $SERVER)" 3
check "its AH is counted" [ "$(counted ah_passed)" -ge 6 ]
is "none was translated" "$(counted ah_nat)" 0
is "so nothing is said" "$(told)" 0
before=$(discarded)
is "client 2, whom NAT translates, gets no answer" "$(answered c2 4 $SERVER)" 0
check "the other end discards what it sends" [ $(($(discarded) - before)) -ge 4 ]
check "AH under NAT is counted, the first packet apart" [ "$(counted ah_nat)" -ge 3 ]
is "and said" "$(told)" 1
is "once" "$(answered c2 2 $SERVER) $(told)" "0 1"
is "no flow of ours is made" "$(r sh -c 'wc -l </proc/net/nf_vpn/flows')" 0
is "client 1 is untouched" "$(answered c1 3 $SERVER)" 3
check "the namespaces are gone" topo_down
