#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 200
#
# RFC 6092, REC-21 to 25: over IPv6 a router without NAT lets AH, ESP and IKE
# through from inside, keeps ESP's state by the two addresses, not by SPI and not
# depending on IKE, and returns the ICMPv6 errors about it. Our helper is asked for
# in the same rule as for IPv4, and changes none of that. The server x is behind s,
# a router of the outside world.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"

V6S=2001:db8:e::2
K=0x0123456789abcdef0123456789abcdef01234567
GCM="aead rfc4106(gcm(aes)) $K 128"
HMAC="auth-trunc hmac(sha1) $K 96"
v6() { echo "2001:db8:$1::2"; }
v6_up() { # NAMESPACE DEVICE ADDRESS
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf."$2".disable_ipv6=0 net.ipv6.conf."$2".accept_dad=0 &&
		in_ns "$1" ip addr add "$3/64" dev "$2" nodad
}
# state NAMESPACE SRC DST PROTO SPI: transport mode
state() {
	local key=$GCM
	[ "$4" = esp ] || key=$HMAC
	# shellcheck disable=SC2086 # a list of words
	in_ns "$1" ip -6 xfrm state add src "$2" dst "$3" proto "$4" spi "$5" reqid 7 mode transport $key
}
x() { in_ns x "$@"; }
# protected CLIENT PROTO PORT SPI: UDP to that port goes in ESP or AH, and its answer
protected() {
	local c
	c=$(v6 "$1")
	state "c$1" "$c" $V6S "$2" "$4" && state "c$1" $V6S "$c" "$2" $(($4 + 0x1000)) &&
		state x "$c" $V6S "$2" "$4" && state x $V6S "$c" "$2" $(($4 + 0x1000)) &&
		in_ns "c$1" ip -6 xfrm policy add src "$c" dst $V6S proto udp dport "$3" dir out tmpl proto "$2" reqid 7 mode transport &&
		x ip -6 xfrm policy add src $V6S dst "$c" proto udp sport "$3" dir out tmpl proto "$2" reqid 7 mode transport
}
echo_up() { background x "echo$1" python3 -c "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', $1))
print('ready', flush=True)
while True:
    data, where = s.recvfrom(2000)
    s.sendto(data[:16], where)" && wait_for 20 grep -q ready "$(log_of "echo$1")"; }
# says CLIENT PORT [ADDRESS [OCTETS]]: is what it says answered? yes, no or an error
says() { in_ns "c$1" timeout 20 python3 -c "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect(('${3:-$V6S}', $2))
try:
    s.send(b'x' * ${4:-16})
    print('yes' if s.recv(2000) else 'no')
except TimeoutError:
    print('no')
except OSError as e:
    print(e.strerror)"; }
entries() { r conntrack -L -f ipv6 2>/dev/null | grep -c " $1 .*src=$(v6 1) dst=$V6S "; }

plan 18
modprobe -a esp6 ah6 xfrm_user nf_vpn_passthrough
topo_up 2
must r sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.all.forwarding=1
for k in 1 2; do
	must v6_up c$k eth0 "$(v6 $k)"
	must v6_up r lan$k "2001:db8:$k::1"
	must in_ns c$k ip -6 route add default via "2001:db8:$k::1"
done
must ns_add x
must link x eth0 s inx
must v6_up x eth0 $V6S
must v6_up s inx 2001:db8:e::1
must v6_up s eth0 2001:db8:f::2
must v6_up r wan 2001:db8:f::1
must s sysctl -qw net.ipv6.conf.all.forwarding=1
must x ip -6 route add default via 2001:db8:e::1
must s ip -6 route add default via 2001:db8:f::1
must r ip -6 route add default via 2001:db8:f::2
must r nft -f - <<-'N'
	table inet sixes {
		ct helper vpn-ike { type "vpn-ike" protocol udp; }
		chain pre {
			type filter hook prerouting priority filter;
			udp dport 500 ct helper set "vpn-ike"
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			meta nfproto ipv4 accept
			ct state established,related accept
			iifname "lan*" oifname "wan" ct state new accept
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		}
	}
N
for port in 500 7001 7002; do must echo_up $port; done
for k in 1 2; do
	must protected $k esp 7001 $((0x700 + k))
	must protected $k ah 7002 $((0x800 + k))
done

is "IKE, by the rule that names the helper" "$(says 1 500) $(says 2 500)" "yes yes"
is "ESP, client 1" "$(says 1 7001)" yes
is "ESP, client 2, to the same server" "$(says 2 7001)" yes
is "AH, client 1" "$(says 1 7002)" yes
is "AH, client 2" "$(says 2 7002)" yes
is "state by addresses: one entry of ESP" "$(entries 50)" 1
# another SA of the same ends
must c1 ip -6 xfrm state flush
must x ip -6 xfrm state flush
must state x "$(v6 2)" $V6S ah 0x802
must state x $V6S "$(v6 2)" ah 0x1802
for ns in c1 x; do
	must state $ns "$(v6 1)" $V6S esp 0x7701
	must state $ns $V6S "$(v6 1)" esp 0x8701
	must state $ns "$(v6 1)" $V6S ah 0x7801
	must state $ns $V6S "$(v6 1)" ah 0x8801
done
is "new SAs, new SPIs, no key exchange seen: ESP" "$(says 1 7001)" yes
is "AH" "$(says 1 7002)" yes
is "in the same entry" "$(entries 50)" 1
# errors about them come back, through the filter: what was too big is sent again
# in pieces
must s ip link set inx mtu 1280
big() { says "$1" "$2" $V6S 1380; }
is "too big for the way on: ESP's sender is told" "$(big 1 7001) $(big 1 7001)" "no yes"
matches "AH's, too" "$(big 2 7002) $(big 2 7002)" '^(no|Message too long) yes$'
is "smaller ones go on" "$(says 1 7001) $(says 2 7002)" "yes yes"
# from outside: as the filter says
must c1 nft 'table ip6 seen { chain in { type filter hook prerouting priority raw; meta l4proto esp counter; }; }'
must x ip -6 xfrm policy add src $V6S dst "$(v6 1)" proto udp sport 7009 dir out tmpl proto esp reqid 7 mode transport
unasked() {
	x python3 -c "
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', 7009))
s.sendto(b'x', ('$(v6 1)', 7001))"
	sleep 1
	c1 nft list chain ip6 seen in | sed -nE 's/.*packets ([0-9]+) .*/\1/p'
}
must r conntrack -F
is "unasked ESP from outside is not let in" "$(unasked)" 0
must r nft add rule inet sixes forward ip6 nexthdr esp accept
is "unless the filter says so" "$(unasked)" 1
is "nothing of it is ours: no flow" "$(r sh -c 'wc -l </proc/net/nf_vpn/flows')" 0
is "nor any ESP counted" "$(r sed -nE 's/^(esp_out|esp_in|esp_unknown|ah_nat|ike_pair)\t([0-9]+).*/\2/p' /proc/net/nf_vpn/stats | xargs)" "0 0 0 0 0"
is "IKE is read for no IPv6 client" "$(r sed -nE 's/^ike_message\t([0-9]+).*/\1/p' /proc/net/nf_vpn/stats)" 0
check "the namespaces are gone" topo_down
