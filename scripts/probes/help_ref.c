// SPDX-License-Identifier: GPL-2.0-only
/* Does an entry hold a reference on its helper?  7.3. */
#include <net/netfilter/nf_conntrack_helper.h>

bool nf_vpn_probe(struct nf_conntrack_helper *h);
bool nf_vpn_probe(struct nf_conntrack_helper *h)
{
	return refcount_inc_not_zero(&h->ct_refcnt);
}
