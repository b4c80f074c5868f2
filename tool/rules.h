/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules that "nfvpn enable" keeps. */
#ifndef NFVPN_RULES_H
#define NFVPN_RULES_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NFVPN_DIR		"/etc/nf_vpn"
#define NFVPN_FILE		NFVPN_DIR "/nf_vpn.nft"
#define NFVPN_MARK_SYSCTL	"/proc/sys/net/netfilter/nf_vpn/l2tp_ip_mark"
#define NFVPN_MARK_DEFAULT	0x20u
#define NFVPN_IFACES_MAX	64

enum {
	NFVPN_PPTP = 1,
	NFVPN_L2TP = 2,
	NFVPN_IPSEC = 4,
};

/**
 * struct nfvpn_rules - what is helped
 * @protocols: NFVPN_PPTP and so on; 0: nothing
 * @outside: @ifaces are where clients do not come from, else where they do
 * @ifaces: names; one may end in "*"
 * @n_ifaces: 0: not said
 * @mark: the bit that marks protocol 115, 0: not said
 */
struct nfvpn_rules {
	unsigned int	protocols;
	bool		outside;
	char		ifaces[NFVPN_IFACES_MAX][IFNAMSIZ];
	unsigned int	n_ifaces;
	uint32_t	mark;
};

/* 0: no such protocol */
unsigned int nfvpn_rules_protocol(const char *name);
/* Whether there is room and it is a name that may stand in a rule. */
bool nfvpn_rules_add_iface(struct nfvpn_rules *rules, const char *name);
/* A single bit, else false. */
bool nfvpn_rules_set_mark(struct nfvpn_rules *rules, const char *text);
/* From the file's text; false: nfvpn did not write this. */
bool nfvpn_rules_parse(struct nfvpn_rules *rules, const char *text);
void nfvpn_rules_print(const struct nfvpn_rules *rules, FILE *file);
/* "pptp, ipsec for what comes in from lan0" */
void nfvpn_rules_say(const struct nfvpn_rules *rules, FILE *file);

#endif
