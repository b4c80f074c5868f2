# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the router's nfvpn says; source after topo.sh.
#
#	is "SPIs" "$(sessions protocol=esp 'client state')" "192.168.1.2 up"
#	watching
#	check "a new one" event_comes '"event":"up"' '"client":"192.168.1.2"'

# nfvpn_json VERB [OPTIONS]: in r.
nfvpn_json() { r nfvpn "$@" -j; }

# sessions FIELD=VALUE|'' 'FIELDS...': of "nfvpn list -j", a session a line, sorted.
sessions() {
	nfvpn_json list | python3 -c '
import json, sys
want, fields = sys.argv[1], sys.argv[2].split()
rows = json.load(sys.stdin)
if want:
    name, value = want.split("=")
    rows = [row for row in rows if str(row.get(name)) == value]
print("\n".join(sorted(" ".join(str(row.get(f, "-")) for f in fields) for row in rows)))' "${1:-}" "${2:-client}"
}
sessions_are() { [ "$(sessions "$1" "$2" | xargs)" = "$3" ]; }

# numbers FIELD=VALUE DIRECTION: "ARRIVES>LEAVES EVIDENCE" of each number.
numbers() {
	nfvpn_json list | python3 -c '
import json, sys
name, value = sys.argv[1].split("=")
for row in json.load(sys.stdin):
    if str(row.get(name)) == value:
        for key in row["keys"]:
            if key["direction"] == sys.argv[2]:
                print("%d>%d %s" % (key["arrives"], key["leaves"], key["evidence"]))' "$1" "$2" | sort
}

# watching: what "nfvpn watch -j" says from now on is kept, until "stop watch".
watching() {
	must background r watch nfvpn watch -j
	# shellcheck disable=SC2016 # awk expands these
	must wait_for 15 r awk '$2 == 16 && $3 { found = 1 } END { exit !found }' /proc/net/netlink
}

# event PATTERN...: a line of it has them all, in that order.
event() { grep -q "$(printf '.*%s' "$@")" "$(log_of watch)"; }
event_comes() { wait_for 15 event "$@"; }

# events NAME PYTHON: of all events of that name, how many are "e" for which PYTHON holds.
events() {
	python3 -c '
import json, sys
rows = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == sys.argv[2]]
print(sum(bool(eval(sys.argv[3])) for e in rows), "of", len(rows))' "$(log_of watch)" "$1" "$2"
}
