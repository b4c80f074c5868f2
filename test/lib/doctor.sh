# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What "nfvpn doctor" finds in the router; source after topo.sh.

# doctor: "EXIT-CODE WEIGHT:CHECK...", sorted, each once
doctor() {
	local code=0
	r nfvpn doctor -j >"$TOPO_TMP/doctor" 2>"$TOPO_TMP/doctor.err" || code=$?
	python3 -c '
import json, sys
print(sys.argv[1], *sorted({"%s:%s" % (f["weight"], f["check"]) for f in json.load(open(sys.argv[2]))}))' \
		"$code" "$TOPO_TMP/doctor"
	cat "$TOPO_TMP/doctor.err"
}
# told CHECK FIELD: of the last doctor, the first of that name: at, what, seen, do
told() {
	python3 -c '
import json, sys
print(next((f[sys.argv[2]] for f in json.load(open(sys.argv[3])) if f["check"] == sys.argv[1]), "-"))' \
		"$1" "$2" "$TOPO_TMP/doctor"
}
doctor_says() { [ "$(doctor)" = "$1" ]; }
# blames CHECK [EVIDENCE]: does a doctor called now say that, "seen" like this?
blames() {
	# its exit code is about everything it found
	{ r nfvpn doctor -j 2>/dev/null || true; } | python3 -c '
import json, re, sys
sys.exit(not any(f["check"] == sys.argv[1] and re.search(sys.argv[2], f["seen"]) for f in json.load(sys.stdin)))' \
		"$1" "${2:-}"
}
