// SPDX-License-Identifier: GPL-2.0-only
/* NAT mappings of UDP 4500 that timed out, in fixed memory. */

#include "natt_past.h"

/* First of its places.  In whatever order of octets: it stays here. */
static u32 place(u32 salt, const struct nf_vpn_natt_outside *o)
{
	u32 x = nf_vpn_mix32((__force u32)o->server ^ salt);

	x = nf_vpn_mix32((__force u32)o->public ^ x);
	x = nf_vpn_mix32((__force u16)o->port ^ x);
	return x % NF_VPN_NATT_PAST & ~(NF_VPN_NATT_PAST_WAYS - 1U);
}

static bool same(const struct nf_vpn_natt_outside *a,
		 const struct nf_vpn_natt_outside *b)
{
	return a->server == b->server && a->public == b->public &&
	       a->port == b->port;
}

void nf_vpn_natt_remember(struct nf_vpn_natt_past *past, u32 salt,
			  const struct nf_vpn_natt_mapping *m)
{
	struct nf_vpn_natt_mapping *first = past->m + place(salt, &m->outside);
	struct nf_vpn_natt_mapping *worst = first, *i;

	for (i = first; i < first + NF_VPN_NATT_PAST_WAYS; i++) {
		if (same(&i->outside, &m->outside)) {
			worst = i;
			break;
		}
		if (worst->client &&
		    (!i->client || nf_vpn_since(m->at, i->at) >
				   nf_vpn_since(m->at, worst->at)))
			worst = i;
	}
	*worst = *m;
}

static bool has(const struct nf_vpn_natt_mapping *m, __be32 spi)
{
	u32 i;

	for (i = 0; i < NF_VPN_NATT_SPIS; i++)
		if (m->spi[i] == spi)
			return true;
	return false;
}

const struct nf_vpn_natt_mapping *
nf_vpn_natt_recall(const struct nf_vpn_natt_past *past, u32 salt,
		   const struct nf_vpn_natt_outside *outside, __be32 spi,
		   u32 now, u32 age)
{
	const struct nf_vpn_natt_mapping *first, *i;

	first = past->m + place(salt, outside);
	for (i = first; i < first + NF_VPN_NATT_PAST_WAYS; i++)
		if (i->client && same(&i->outside, outside))
			return spi && has(i, spi) &&
			       nf_vpn_since(now, i->at) < age ? i : NULL;
	return NULL;
}

void nf_vpn_natt_forget(struct nf_vpn_natt_past *past, u32 salt,
			const struct nf_vpn_natt_outside *outside)
{
	struct nf_vpn_natt_mapping *first = past->m + place(salt, outside), *i;

	for (i = first; i < first + NF_VPN_NATT_PAST_WAYS; i++)
		if (same(&i->outside, outside))
			memset(i, 0, sizeof(*i));
}
