// SPDX-License-Identifier: GPL-2.0-only
/* Is the use count of a conntrack a refcount_t?  5.17, with templates held. */
#include <net/netfilter/nf_conntrack.h>

unsigned int nf_vpn_probe(const struct nf_conn *ct);
unsigned int nf_vpn_probe(const struct nf_conn *ct)
{
	return refcount_read(&ct->ct_general.use);
}
