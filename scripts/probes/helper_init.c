// SPDX-License-Identifier: GPL-2.0-only
/* Does nf_ct_helper_init() do without ports?  7.3. */
#include <net/netfilter/nf_conntrack_helper.h>

void nf_vpn_probe(struct nf_conntrack_helper *h);
void nf_vpn_probe(struct nf_conntrack_helper *h)
{
	nf_ct_helper_init(h, NFPROTO_IPV4, IPPROTO_UDP, "x", NULL, 0, NULL,
			  NULL, NULL);
}
