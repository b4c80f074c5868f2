# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# KTAP version 1 for test scripts. A script reads:
#
#	. "$(dirname "$0")/../lib/ktap.sh"
#	plan 3
#	check "two and two make four" [ $((2 + 2)) -eq 4 ]
#	is "the answer" "$(answer)" 42
#	pass "got here"			# or: fail "what went wrong"
#
# Leaving early, a wrong number of results or a failed one: exit code 1, and
# test/run finds fault with it. On the first failure of a script the function
# on_failure, if there is one, prints the state to look at.

set -uo pipefail

KTAP_PLAN=0 KTAP_DONE=0 KTAP_FAILED=0

plan() {
	KTAP_PLAN=$1
	printf 'KTAP version 1\n1..%s\n' "$KTAP_PLAN"
}

# Lines of explanation, from the arguments or standard input.
diag() {
	if [ $# -gt 0 ]; then printf '%s\n' "$*"; else cat; fi | sed 's/^/# /'
}

pass() {
	KTAP_DONE=$((KTAP_DONE + 1))
	printf 'ok %s - %s\n' "$KTAP_DONE" "$1"
}

fail() {
	KTAP_DONE=$((KTAP_DONE + 1))
	KTAP_FAILED=$((KTAP_FAILED + 1))
	printf 'not ok %s - %s\n' "$KTAP_DONE" "$1"
	[ $# -lt 2 ] || diag "${*:2}"
	[ "$KTAP_FAILED" -gt 1 ] || ! declare -F on_failure >/dev/null || on_failure 2>&1 | diag
}

# A skip is a failure where nobody looks: in CI.
skip() {
	if [ "${CI:-}" = true ]; then
		fail "$1" "would be skipped: ${2:-}"
	else
		KTAP_DONE=$((KTAP_DONE + 1))
		printf 'ok %s - %s # SKIP %s\n' "$KTAP_DONE" "$1" "${2:-}"
	fi
}

# check TEXT COMMAND...: ok when COMMAND succeeds; its output explains a failure.
check() {
	local text=$1 output code=0
	shift
	output=$("$@" 2>&1) || code=$?
	if [ $code -eq 0 ]; then pass "$text"; else fail "$text" "$*: exit code $code"$'\n'"$output"; fi
}

check_not() {
	local text=$1 output
	shift
	if output=$("$@" 2>&1); then fail "$text" "$*: succeeded"$'\n'"$output"; else pass "$text"; fi
}

# is TEXT GOT WANTED
is() {
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2"$'\n'"wanted: $3"; fi
}

# matches TEXT GOT EXTENDED-REGEXP
matches() {
	if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "got: $2"$'\n'"does not match: $3"; fi
}

# must COMMAND...: what a test stands on; without it there is nothing to test.
must() {
	local output
	if ! output=$("$@" 2>&1); then
		printf 'Bail out! %s\n' "$*"
		printf '%s\n' "$output" | diag
		exit 1
	fi
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds, but not longer than that.
# The only way to wait in a test: there is no sleep for luck. A debug kernel is
# slower: test/run sets NF_VPN_SLOWER to the factor.
wait_for() {
	local end
	end=$(($(now_ms) + ${1%.*} * 1000 * ${NF_VPN_SLOWER:-1}))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		nap
	done
}

# A twentieth of a second without starting a process: nobody writes into that pipe.
nap() { read -r -t 0.05 -u "$KTAP_NAP" || true; }
exec {KTAP_NAP}<> <(:)

now_ms() {
	local up
	read -r up _ </proc/uptime
	printf '%s\n' "$((10#${up/./}))0"
}

# The time limit (guest-suite) sends this: leave with the state on paper.
ktap_time_out() {
	trap - TERM
	diag "time-out in: ${FUNCNAME[*]:1} (line ${BASH_LINENO[*]})"
	! declare -F on_failure >/dev/null || on_failure 2>&1 | diag
	exit 124
}
trap ktap_time_out TERM

ktap_finish() {
	local code=$?
	trap - EXIT
	! declare -F on_exit >/dev/null || on_exit
	if [ "$KTAP_DONE" -ne "$KTAP_PLAN" ]; then
		diag "planned $KTAP_PLAN results, gave $KTAP_DONE"
		code=1
	fi
	[ "$KTAP_FAILED" -eq 0 ] || code=1
	exit $code
}
trap ktap_finish EXIT
