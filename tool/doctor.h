/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings of "nfvpn doctor", and the checks that make them. */
#ifndef NFVPN_DOCTOR_H
#define NFVPN_DOCTOR_H

#include "facts.h"

/* Of all checks: a note is no finding, the exit code stays 0. */
enum nfvpn_weight {
	NFVPN_NOTE,
	NFVPN_FAULT,
};

/**
 * struct nfvpn_finding - something to tell; texts are from nfvpn_say()
 * @check: its name: it does not change
 * @at: whose fault it is
 * @what: what is wrong
 * @seen: the evidence
 * @todo: what to type
 */
struct nfvpn_finding {
	enum nfvpn_weight	weight;
	const char		*check;
	const char		*at;
	const char		*what;
	const char		*seen;
	const char		*todo;
};

/* sprintf() to memory that is there until the end. */
__attribute__((format(printf, 1, 2)))
const char *nfvpn_say(const char *format, ...);
/* An IPv4 address, likewise. */
const char *nfvpn_say_address(uint32_t address);
void nfvpn_find(const struct nfvpn_finding *finding);

/* check_setup.c: modules, rules, helpers, connection tracking. */
void nfvpn_check_setup(const struct nfvpn_facts *facts);
/* check_rules.c: what the ruleset drops or leaves out of conntrack. */
void nfvpn_check_rules(const struct nfvpn_facts *facts);
/* Whether a rule gives the helper of this type, in chains of this hook or (NULL) any. */
bool nfvpn_rules_give(const struct nfvpn_facts *facts, const char *type,
		      const char *hook);
/* check_sessions.c: limits, and what sessions and counters tell of other sides. */
void nfvpn_check_sessions(const struct nfvpn_facts *facts);

#endif
