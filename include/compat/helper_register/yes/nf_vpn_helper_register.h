/* SPDX-License-Identifier: GPL-2.0-only */
/* Since 7.2 the kernel registers a copy, and the copy is what is unregistered. */
#ifndef _NF_VPN_HELPER_REGISTER_H
#define _NF_VPN_HELPER_REGISTER_H

#include <net/netfilter/nf_conntrack_helper.h>

static inline int nf_vpn_helper_do_register(struct nf_conntrack_helper *helper,
					    struct nf_conntrack_helper **live)
{
	return nf_conntrack_helper_register(helper, live);
}

#endif
