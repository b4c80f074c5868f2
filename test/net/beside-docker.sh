#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 150
#
# A router that is a Docker host as well: dockerd's own rules by iptables (DOCKER and
# DOCKER-USER chains, FORWARD that drops, MASQUERADE, a published port with hairpin),
# its bridge, and two containers. LAN clients, and a container, have VPNs with the same
# call ID and SPIs of one server, while published ports and the containers' own traffic go on.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

# As Docker 20 to 28 writes them, and what an admin adds for his LAN, all in one go.
docker_rules() {
	r iptables-restore <<-'I'
		*raw
		-A PREROUTING -p tcp --dport 1723 -j CT --helper vpn-pptp
		-A PREROUTING -p udp --dport 500 -j CT --helper vpn-ike
		COMMIT
		*nat
		:DOCKER - [0:0]
		-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
		-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
		-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp --dport 80 -j MASQUERADE
		-A POSTROUTING -o wan -j MASQUERADE
		-A DOCKER -i docker0 -p tcp --dport 9999 -j RETURN
		-A DOCKER -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
		COMMIT
		*filter
		:FORWARD DROP [0:0]
		:DOCKER - [0:0]
		:DOCKER-ISOLATION-STAGE-1 - [0:0]
		:DOCKER-ISOLATION-STAGE-2 - [0:0]
		:DOCKER-USER - [0:0]
		-A FORWARD -j DOCKER-USER
		-A FORWARD -j DOCKER-ISOLATION-STAGE-1
		-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A FORWARD -o docker0 -j DOCKER
		-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
		-A FORWARD -i docker0 -o docker0 -j ACCEPT
		-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
		-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
		-A DOCKER-ISOLATION-STAGE-1 -j RETURN
		-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
		-A DOCKER-ISOLATION-STAGE-2 -j RETURN
		-A DOCKER-USER -i lan+ -o wan -j ACCEPT
		-A DOCKER-USER -i wan -o lan+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A DOCKER-USER -j RETURN
		COMMIT
	I
}
containers() {
	local k
	ns_make d1 d2 | ip -batch - || return
	{
		cable d1 eth0 r veth1
		cable d2 eth0 r veth2
	} | ip -batch - || return
	printf '%s\n' 'link add docker0 type bridge' 'link set docker0 up' 'addr add 172.17.0.1/16 dev docker0' \
		'link set veth1 master docker0 up' 'link set veth2 master docker0 up' \
		'link set veth1 type bridge_slave hairpin on' 'link set veth2 type bridge_slave hairpin on' | r ip -batch - || return
	for k in 1 2; do topo_host d$k 172.17.0.$((k + 1))/16 'route add default via 172.17.0.1' || return; done
}
# NODE is answered by the published port; between two connections nobody listens
web() { wait_for 10 web_says "$1"; }
web_says() { in_ns "$1" nc -w 3 -N $WAN 8080 </dev/null | grep -qx hello; }

plan 14
topo_up 2 own nonat
must r nft delete table ip filter
# as dockerd does: bridged packets pass the IP hooks, and a port may get its own back
must bridge_hooks_up
must containers
must docker_rules
must background d1 web sh -c 'while :; do echo hello | nc -lN 80; done'
check "the published port, from outside" web s
peers_start c1 c2 s e:d2@172.17.0.3
peer_up d2 d2
sessions_up
is "all carry" "$(carried)" "$ALL"

# the second container, by Docker's MASQUERADE
control d2 k $SERVER
is "a container calls, with the same call ID" "$(p d2 call k 7 | cut -d' ' -f1,2)" "up own=7"
is "its GRE" "$(p d2 ping k)" "sent 1 back 1 wrong 0"
matches "it keys a tunnel" "$(meet e s)" "^$WAN:"
settle e s 0x1001 0x2003
is "with client 1's outbound SPI, and one of its own" "$(owner 0x2003)" "172.17.0.3 settled"
is "each gets its own" "$(deliver s $WAN 0x2003 700), $(carried)" "e $SERVER, $ALL"
check "the published port, from outside again" web s
check "from a LAN client, by the public address" web c1
check "from the container itself: hairpin" web d1
p d2 close k >/dev/null
sessions_down
check "the namespaces are gone" topo_down
bridge_hooks_down
