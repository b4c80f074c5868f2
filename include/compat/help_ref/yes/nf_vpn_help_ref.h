/* SPDX-License-Identifier: GPL-2.0-only */
/* Since 7.3 an entry holds a reference on its helper. */
#ifndef _NF_VPN_HELP_REF_H
#define _NF_VPN_HELP_REF_H

#include <net/netfilter/nf_conntrack_helper.h>

/* False: it is being unregistered. */
static inline bool nf_vpn_help_get(struct nf_conntrack_helper *helper)
{
	return refcount_inc_not_zero(&helper->ct_refcnt);
}

#endif
