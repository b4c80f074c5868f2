/* SPDX-License-Identifier: GPL-2.0-only */
/* Since 5.17 (719774377622) a new template holds one reference. */
#ifndef _NF_VPN_TMPL_H
#define _NF_VPN_TMPL_H

#include <net/netfilter/nf_conntrack_core.h>

static inline struct nf_conn *
nf_vpn_tmpl_alloc(struct net *net, const struct nf_conntrack_zone *zone)
{
	return nf_ct_tmpl_alloc(net, zone, GFP_ATOMIC);
}

#endif
