# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of nfvpn(8).

_nfvpn_sessions() { # FIELD: what "nfvpn list" has there
	nfvpn list -aj 2>/dev/null | sed -nE "s/.*\"$1\":\"?([0-9.]+).*/\1/p" | sort -u
}

_nfvpn_interfaces() {
	local path
	for path in /sys/class/net/*; do printf '%s\n' "${path##*/}"; done
}

_nfvpn_words() { # COMMAND PREVIOUS
	case $2 in
	-p | --protocol) echo pptp esp l2tp-ip l2tp-udp ike natt; return ;;
	-c | --client) _nfvpn_sessions client; return ;;
	-s | --server) _nfvpn_sessions server; return ;;
	-i | --id) _nfvpn_sessions id; return ;;
	-l | --lan | -w | --wan) _nfvpn_interfaces; return ;;
	-m | --mark) return ;;
	esac
	case $1 in
	list) echo --protocol --client --server --id --all --json ;;
	watch) echo --protocol --client --server --json ;;
	flush) echo --protocol --client --server --id --all --control ;;
	stats) echo --all --json ;;
	status | doctor) echo --json ;;
	enable) echo pptp l2tp ipsec --lan --wan --mark ;;
	disable) echo pptp l2tp ipsec ;;
	load | unload | save | restore) ;;
	*) echo list watch flush stats status save restore enable disable load unload doctor --help ;;
	esac
}

_nfvpn() {
	local command=''
	COMPREPLY=()
	[ "$COMP_CWORD" -lt 2 ] || command=${COMP_WORDS[1]}
	mapfile -t COMPREPLY < <(compgen -W "$(_nfvpn_words "$command" "${COMP_WORDS[COMP_CWORD - 1]}")" \
		-- "${COMP_WORDS[COMP_CWORD]}")
	case $command in
	save | restore) mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}") ;;
	esac
}
complete -F _nfvpn nfvpn
