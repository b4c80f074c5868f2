/* SPDX-License-Identifier: GPL-2.0-only */
/* An expectation names the helper of the expected entry apart from its master's. */
#ifndef _NF_VPN_EXPECT_ASSIGN_H
#define _NF_VPN_EXPECT_ASSIGN_H

#include <net/netfilter/nf_conntrack_expect.h>

static inline void nf_vpn_expect_assign(struct nf_conntrack_expect *exp,
					struct nf_conntrack_helper *helper)
{
	rcu_assign_pointer(exp->assign_helper, helper);
}

#endif
