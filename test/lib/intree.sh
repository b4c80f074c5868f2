# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The same scripts with Linux's own PPTP helper, for scripts/compare-intree:
# sourced by test/peer/pptp.sh when NF_VPN_TEST_HELPER=pptp. What only our
# modules have (counters, the list of flows) reads "n/a", and a result that
# depends on it is skipped, not failed.

modprobe() {
	case $1 in
	nf_vpn*) command modprobe nf_nat_pptp ;;
	*) command modprobe "$@" ;;
	esac
}

eval "$(declare -f helper_rule | sed '1s/helper_rule/own_helper_rule/')"
helper_rule() {
	local type=$1
	[ "$type" != vpn-pptp ] || type=pptp
	own_helper_rule "$type" "${@:2}"
}

# Our settings are not there, and not to be missed.
eval "$(declare -f must | sed '1s/must/own_must/')"
must() {
	case "$*" in
	*nf_vpn.*) ;;
	*) own_must "$@" ;;
	esac
}

# Without them loaded, these commands of a test would end it.
limit() { :; }
counted() { echo n/a; }
counted_is() { echo n/a; return 1; }
counted_above() { echo n/a; return 1; }
flows() { echo n/a; }
flows_are() { echo n/a; return 1; }

fail() {
	case "${*:2}" in
	*n/a*) skip "$1" "about our modules only" ;;
	*)
		KTAP_DONE=$((KTAP_DONE + 1))
		KTAP_FAILED=$((KTAP_FAILED + 1))
		printf 'not ok %s - %s\n' "$KTAP_DONE" "$1"
		[ $# -lt 2 ] || diag "${*:2}"
		;;
	esac
}
