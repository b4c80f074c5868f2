#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels: ends
# timeout: 240
#
# Captures in every form that is read (link layers, byte orders, fragments), and broken
# ones (cut, damaged, unrelated, no capture at all), which are refused with a sentence
# and soon. See test/replay/odd.py; no packet is sent.
# shellcheck source=test/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

HERE=$(cd "$(dirname "$0")/.." && pwd)
ODD=$(mktemp -d)
on_exit() { rm -rf "$ODD"; }

plan 37
while read -r verdict what; do
	case $verdict in
	ok) pass "$what" ;;
	bad) fail "$what" ;;
	*) diag "$verdict $what" ;;
	esac
done < <(python3 -B "$HERE/replay/odd.py" "$HERE/captures/pptp-one-inside.pcapng" 192.168.1.2 203.0.113.2 "$ODD" 60 2>&1)
