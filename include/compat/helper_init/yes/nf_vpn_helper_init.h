/* SPDX-License-Identifier: GPL-2.0-only */
/* Since 7.3 a helper has no port: rules say which flows are helped. */
#ifndef _NF_VPN_HELPER_INIT_H
#define _NF_VPN_HELPER_INIT_H

#include <net/netfilter/nf_conntrack_helper.h>

static inline void
nf_vpn_helper_do_init(struct nf_conntrack_helper *helper, u8 l4proto,
		      const char *name, u16 slot,
		      const struct nf_conntrack_expect_policy *policy,
		      int (*help)(struct sk_buff *skb, unsigned int protoff,
				  struct nf_conn *ct,
				  enum ip_conntrack_info ctinfo),
		      struct module *owner)
{
	nf_ct_helper_init(helper, NFPROTO_IPV4, l4proto, name, policy, 0,
			  help, NULL, owner);
}

#endif
