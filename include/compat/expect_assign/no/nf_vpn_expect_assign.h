/* SPDX-License-Identifier: GPL-2.0-only */
/* An expectation has one helper: that of the expected entry. */
#ifndef _NF_VPN_EXPECT_ASSIGN_H
#define _NF_VPN_EXPECT_ASSIGN_H

#include <net/netfilter/nf_conntrack_expect.h>

static inline void nf_vpn_expect_assign(struct nf_conntrack_expect *exp,
					struct nf_conntrack_helper *helper)
{
	/* not yet published; since 6.1.y it is __rcu, before it was not */
	*(struct nf_conntrack_helper __force **)&exp->helper = helper;
}

#endif
