#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
#
# Many IKE clients with source port 500, one server, one public address. NAT has
# ports 1 to 511 for them; with the helper they get one from 1024 on. The first one
# keeps 500; who moved the port itself keeps that; each is answered, and a checksum
# of zero stays none.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"

# crowd N PORT NET SECONDS: from N addresses 10.NET.*, an IKE_SA_INIT each, repeated while
# there is no answer (RFC 7296 2.1); how many get their own back
crowd() { c1 python3 -c "
import resource, select, socket, struct, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
poll, socks, left = select.epoll(), {}, set()
def ask():
    for n, fd in enumerate(left):
        s, head = socks[fd]
        s.sendto(head, ('$SERVER', 500))
        if n % 50 == 0:
            time.sleep(0.01)
for i in range($1):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('10.%d.%d.%d' % ($3, i >> 8, i & 255), $2))
    head = struct.pack('!QQBBBBII', ($3 << 32) + i + 1, 0, 33, 0x20, 34, 8, 0, 48) + bytes(20)
    socks[s.fileno()] = (s, head)
    left.add(s.fileno())
    poll.register(s.fileno(), select.EPOLLIN)
ask()
end, again = time.time() + $4, time.time() + 5
while left and time.time() < end:
    if time.time() > again:
        ask()
        again = time.time() + 5
    for fd, _ in poll.poll(1):
        s, head = socks[fd]
        if s.recv(2000)[:8] == head[:8]:
            left.discard(fd)
print($1 - len(left))"; }
server_up() {
	background s server python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
s.bind(('0.0.0.0', 500))
print('ready', flush=True)
while True:
    data, where = s.recvfrom(2000)
    print('from', where[0], where[1], flush=True)
    head = data[:8] + b'12345678' + data[16:19] + bytes([0x20]) + data[20:]
    s.sendto(head, where)" && wait_for 20 grep -q ready "$(log_of server)"
}
# the source ports the server saw since "from_now"
ports() { tail -n "+$((seen + 1))" "$(log_of server)" | awk '$1 == "from" { print $3 }' | sort -un; }
from_now() { seen=$(wc -l <"$(log_of server)"); }
# free PORT: the first from PORT on that NAT has given to none of them: with 5,000 of
# them out one in thirteen is taken, and then its owner's neighbour must be moved
free() { comm -23 <(seq "$1" "$(($1 + 99))" | sort) <(ports | sort) | head -n 1; }
seen=0
at_most() { [ "$1" -le "$2" ] || echo "$1"; }

plan 14
topo_up 2
must c1 sysctl -qw net.ipv4.ip_nonlocal_bind=1
must c1 ip route add local 10.0.0.0/8 dev lo
must r ip route add 10.0.0.0/8 via "$(client_ip 1)"
must r sysctl -qw net.netfilter.nf_conntrack_max=100000 net.netfilter.nf_conntrack_udp_timeout=600
must server_up
is "stock: of 600 clients no more than 511 are answered" "$(at_most "$(crowd 600 500 1 5)" 511)" ""
diag "their ports: $(ports | head -n 1) to $(ports | tail -n 1)"
is "none above" "$(ports | awk '$1 > 511' | wc -l)" 0
must r conntrack -F

helper_rule vpn-ike udp 500
from_now
is "one client" "$(crowd 1 500 2 5)" 1
is "keeps its port" "$(ports)" 500
is "5,000 clients are answered" "$(crowd 5000 500 3 60)" 5000
is "all by ports of their own" "$(ports | wc -l)" 5001
is "from 1024 on, but for the first" "$(ports | awk '$1 < 1024' | xargs)" 500
is "which is counted" "$(counted ike_port) $(counted ike_no_port)" "5000 0"
is "conntrack has them" "$(r conntrack -L -p udp 2>/dev/null | grep -c '^udp .*[0-9] src=10[.]3[.]')" 5000
own=$(free 4321)
from_now
is "a port of the client's own choice stays" "$(crowd 1 "$own" 4 5) $(ports)" "1 $own"
is "below 1024, too" "$(crowd 1 700 5 5) $(ports | head -n 1)" "1 700"
is "the second one with it is moved" "$(crowd 1 700 6 5) $(ports | awk '$1 < 1024' | xargs)" "1 700"
# checksums were right all the time: a raw one without goes through without
before=$(ports | wc -l)
must c2 python3 -c "
import socket, struct
body = struct.pack('!QQBBBBII', 99, 0, 33, 0x20, 34, 8, 0, 48) + bytes(20)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 17)
s.sendto(struct.pack('!HHHH', 500, 500, 8 + len(body), 0) + body, ('$SERVER', 0))"
more() { [ "$(ports | wc -l)" -gt "$before" ]; }
check "a datagram without checksum arrives, its port moved" wait_for 10 more
stop server
check "the namespaces are gone" topo_down
