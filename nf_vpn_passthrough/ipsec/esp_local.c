// SPDX-License-Identifier: GPL-2.0-only
/*
 * The router's own IPsec.  Its SAs are never taken for a client's, and where a
 * client of the same server has the base zone already, the router's packets get
 * a zone too: there stock conntrack makes their entry, as it would without us.
 */
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/xfrm.h>
#include "ipsec.h"
#include "nf_vpn_tmpl.h"

bool nf_vpn_local_owns(struct net *net, const struct sk_buff *skb,
		       const struct nf_vpn_key *key)
{
	xfrm_address_t daddr = { .a4 = key->dst };
	struct xfrm_state *x;
	bool raw;

	/* None at all, as on most routers. */
	if (!READ_ONCE(net->xfrm.state_num))
		return false;
	x = xfrm_state_lookup(net, skb->mark, &daddr, key->id, IPPROTO_ESP,
			      AF_INET);
	if (!x)
		return false;
	/* One in UDP refuses raw ESP: see encap_type in xfrm_input(). */
	raw = !x->encap;
	xfrm_state_put(x);
	return raw;
}

/* Does a client's ESP from @src to the public address @dst use the base zone? */
static bool nf_vpn_local_base_taken(struct nf_vpn_ipsec_net *in, __be32 src,
				    __be32 dst, u16 zone)
{
	struct nf_vpn_end end = { .src = src, .dst = dst, .zone = zone };
	struct rhlist_head *list, *pos;
	struct nf_vpn_pair *pair;

	list = nf_vpn_pair_lookup(in, IP_CT_DIR_REPLY, &end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_REPLY])
		if (!READ_ONCE(pair->zoned))
			return true;
	return false;
}

/* Made once; the last zone of the range, clients are given the first ones. */
static struct nf_conn *nf_vpn_local_tmpl(struct nf_vpn_net *vn,
					 struct nf_vpn_ipsec_net *in)
{
	struct nf_conn *tmpl = READ_ONCE(in->local_tmpl);
	struct nf_conntrack_zone zone;

	if (tmpl)
		return tmpl;
	nf_ct_zone_init(&zone, nf_vpn_zone_nth(vn, vn->zone_count - 1),
			NF_CT_DEFAULT_ZONE_DIR, 0);
	tmpl = nf_vpn_tmpl_alloc(vn->net, &zone);
	if (!tmpl || !cmpxchg(&in->local_tmpl, NULL, tmpl))
		return tmpl;
	/* Another CPU was faster. */
	nf_ct_put(tmpl);
	return READ_ONCE(in->local_tmpl);
}

void nf_vpn_local_zone(struct nf_vpn_net *vn, struct sk_buff *skb,
		       const struct nf_vpn_key *key)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_conn *tmpl;

	/* The admin's own template goes first. */
	if (skb_nfct(skb) ||
	    (!nf_vpn_local_base_taken(in, key->src, key->dst, key->zone) &&
	     !nf_vpn_local_base_taken(in, key->dst, key->src, key->zone)))
		return;
	tmpl = nf_vpn_local_tmpl(vn, in);
	if (!tmpl)
		return;
	nf_conntrack_get(&tmpl->ct_general);
	nf_ct_set(skb, tmpl, IP_CT_NEW);
}

void nf_vpn_local_net_exit(struct nf_vpn_ipsec_net *in)
{
	if (in->local_tmpl)
		nf_ct_put(in->local_tmpl);
}
