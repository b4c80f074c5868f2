// SPDX-License-Identifier: GPL-2.0-only
/* Does nf_conntrack_helper_register() give back what it registered?  7.2. */
#include <net/netfilter/nf_conntrack_helper.h>

int nf_vpn_probe(struct nf_conntrack_helper *h, struct nf_conntrack_helper **p);
int nf_vpn_probe(struct nf_conntrack_helper *h, struct nf_conntrack_helper **p)
{
	return nf_conntrack_helper_register(h, p);
}
