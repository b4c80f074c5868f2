# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the router's nfvpn says; source after topo.sh.
#
#	is "SPIs" "$(sessions protocol=esp 'client state')" "192.168.1.2 up"

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
