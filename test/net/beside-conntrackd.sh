#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 120
#
# conntrackd: the router tells a second one of its connections (sync mode), ours among
# them, GRE and ESP, and of their end. VPNs work meanwhile, as does what it polls and
# destroys itself.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/lib/beside.sh
. "$(dirname "$0")/../lib/beside.sh"

# conf OWN OTHER: of one of the two
conf() {
	cat <<-C
		Sync {
			Mode FTFW {
				DisableExternalCache no
			}
			UDP {
				IPv4_address $1
				IPv4_Destination_Address $2
				Port 3780
				Interface sync
				Checksum on
			}
		}
		General {
			HashSize 1024
			HashLimit 8192
			LogFile off
			Syslog off
			LockFile /run/lock/conntrack.lock
			UNIX {
				Path /run/conntrackd.ctl
			}
			NetlinkBufferSize 2097152
			NetlinkBufferSizeMaxGrowth 8388608
		}
	C
}
second_router() {
	ns_add q && link q sync r sync && address q sync 10.0.0.2/24 && address r sync 10.0.0.1/24 || return
	conf 10.0.0.1 10.0.0.2 >"$TOPO_TMP/r.conf"
	conf 10.0.0.2 10.0.0.1 >"$TOPO_TMP/q.conf"
	background r ctd-r conntrackd -C "$TOPO_TMP/r.conf" && background q ctd-q conntrackd -C "$TOPO_TMP/q.conf"
}
asks() { inside "ctd-$1" conntrackd -C "$TOPO_TMP/$1.conf" "${@:2}"; }
# What the second one has been told: "GRE ESP control-connections"
told() { asks q -e 2>/dev/null | awk '$1 == "gre" { g++ } $1 == "unknown" && $2 == 50 { e++ } /dport=1723/ { t++ } END { print g + 0, e + 0, t + 0 }'; }
told_is() { [ "$(told)" = "$1" ]; }
told_has() { [[ $(told) == "$1 "* ]]; }
answers() { asks "$1" -s; }

plan 11
topo_up 2
must sessions_rules
must r sysctl -qw net.netfilter.nf_vpn.pptp_grace=1
must second_router
check "conntrackd runs in both routers" wait_for 20 answers r
must wait_for 20 answers q
peers_start c1 c2 s
sessions_up
is "all carry" "$(carried)" "$ALL"
check "the second router is told of GRE, ESP and control connections" wait_for 20 told_is "2 2 2"
must asks r -B
check "and in bulk" wait_for 20 told_is "2 2 2"
is "all carry beside it" "$(carried)" "$ALL"
p c2 close "$(cat "$TOPO_TMP/call.2")" >/dev/null
check "a call that ends is taken back" wait_for 30 told_has "1 2"
is "the other client goes on" "$(carries 1)" "gre out in"
must call_up 2
for d in r q; do stop ctd-$d; done
sessions_down
check "the namespaces are gone" topo_down
