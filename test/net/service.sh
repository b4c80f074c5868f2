#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: newest
# timeout: 300
# root: firewalld
#
# nfvpn.service under a systemd that runs (as process 1 of a namespace, in the router):
# "systemctl enable --now" loads the rules, a call outlives its restart and that of
# nftables.service, which flushes all tables, and a reboot, after which conntrack and
# the modules are empty; disabled, it leaves nothing.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=test/lib/topo.sh
. "$(dirname "$0")/../lib/topo.sh"
# shellcheck source=test/peer/pptp.sh
. "$(dirname "$0")/../peer/pptp.sh"
# shellcheck source=test/lib/nl.sh
. "$(dirname "$0")/../lib/nl.sh"

SAVED=/var/lib/nf_vpn/sessions.json
# As in a container: it leaves alone what is the machine's, its cgroup is its root, and
# what there would be to start besides is masked.
systemd_up() {
	# shellcheck disable=SC2016 # the inner shells expand these
	background r systemd sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
		mkdir -p /sys/fs/cgroup/router && echo $$ >/sys/fs/cgroup/router/cgroup.procs && umount /sys/fs/cgroup &&
		exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child --mount-proc sh -c "$1"' sh '
		mkdir -p /run/systemd/system
		for unit in /lib/systemd/system/*.target.wants/*; do ln -s /dev/null "/run/systemd/system/${unit##*/}"; done 2>/dev/null
		mount -t tmpfs tmpfs /tmp && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -o remount,bind,ro /sys &&
		exec env -i container=other "PATH=$PATH" /lib/systemd/systemd --system --unit=sysinit.target --log-target=console'
	wait_for 60 booted
}
ctl() { nsenter -t "$(pgrep -P "$(pid_of systemd)")" -m -n -p systemctl "$@"; }
booted() { [ "$(ctl is-active sysinit.target)" = active ] && [ -z "$(ctl list-jobs --no-legend)" ]; }
active() { [ "$(ctl is-active nfvpn)" = active ]; }
ended() { ! kill -0 "$(pid_of systemd)"; }
rules() { r nft list table ip nf_vpn 2>/dev/null | grep -c 'ct helper set "pptp"'; }
session() { sessions protocol=pptp 'client state' | xargs; }
saved() { python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["sessions"]))' $SAVED 2>&1 | tail -n 1; }
unloaded() { modprobe -r nf_vpn_passthrough 2>/dev/null; ! lsmod | grep -q ^nf_vpn; }
# what a reboot leaves of it
forget() { r conntrack -F >/dev/null 2>&1; wait_for 20 unloaded; r conntrack -F >/dev/null 2>&1; }

plan 23
topo_up 2
rm -rf /etc/nf_vpn /var/lib/nf_vpn
{ echo "flush ruleset"; r nft list ruleset; } >/etc/nftables.conf
must r nfvpn enable pptp --lan 'lan*'
must r nft delete table ip nf_vpn
check "systemd runs" systemd_up
is "nobody enabled the service" "$(ctl is-enabled nfvpn) $(ctl is-active nfvpn)" "disabled inactive"
must ctl enable nftables
check "systemctl enable --now" ctl enable --now nfvpn
is "the rules are loaded" "$(ctl is-active nfvpn) $(rules)" "active 1"

peer_up s s listen
peer_up c1 c1
control c1 k $SERVER
is "a call" "$(p c1 call k 7 | sed 's/ peer=.*//') $(p c1 ping)" "up own=7 sent 1 back 1 wrong 0"
check "systemctl restart" ctl restart nfvpn
is "the call goes on, by the same rules" "$(p c1 ping) $(session) $(rules)" "sent 1 back 1 wrong 0 $(client_ip 1) up 1"
is "new ones come up" "$(p c1 call k 8 | sed 's/ peer=.*//') $(p c1 ping)" "up own=8 sent 2 back 2 wrong 0"
check "nftables.service, which flushes all tables" ctl restart nftables
wait_for 20 active
is "ours are there again, and the calls" "$(ctl is-active nfvpn) $(rules) $(p c1 ping)" "active 1 sent 2 back 2 wrong 0"

rm -f $SAVED
check "systemctl stop" ctl stop nfvpn
is "the rules are gone, the sessions saved" "$(rules) $(saved)" "0 2"
check "the modules unload, conntrack forgets" forget
is "without them the calls are dead" "$(p c1 ping t=1)" "sent 2 back $(strays 2) wrong 0"
check "systemctl start" ctl start nfvpn
is "the calls are restored" "$(p c1 ping) $(session)" "sent 2 back 2 wrong 0 $(client_ip 1) up $(client_ip 1) up"

rm -f $SAVED
ctl poweroff
check "shut down" wait_for 60 ended
is "the sessions were saved" "$(rules) $(saved)" "0 2"
must forget
check "booted again" systemd_up
is "the service was started, the calls are there" "$(ctl is-active nfvpn) $(rules) $(p c1 ping)" "active 1 sent 2 back 2 wrong 0"
check "systemctl disable --now" ctl disable --now nfvpn
is "nothing is left" "$(ctl is-enabled nfvpn) $(rules) $(ctl --failed --no-legend | grep -c nfvpn)" "disabled 0 0"
stop systemd
rm -rf /etc/nf_vpn /var/lib/nf_vpn
check "the namespaces are gone" topo_down
