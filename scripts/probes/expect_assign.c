// SPDX-License-Identifier: GPL-2.0-only
/* Has an expectation a second helper, the one to be assigned?  6.12.y, 7.1. */
#include <net/netfilter/nf_conntrack_expect.h>

void *nf_vpn_probe(struct nf_conntrack_expect *exp);
void *nf_vpn_probe(struct nf_conntrack_expect *exp)
{
	return &exp->assign_helper;
}
