// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP keyed by hand, without IKE (sysctl ipsec_without_ike).
 *
 * There is no entry to copy NAT from, so stock conntrack and the admin's rules
 * make it, from the client's first packet; all we add is a zone, by a template,
 * when another client talks to the same server.  Once the entry is in the table
 * it tells the public address, and the pair is like any other.
 */
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"
#include "nf_vpn_tmpl.h"

/* Pairs to one server by hand: nobody types more. */
#define NF_VPN_MANUAL_MAX	256

/* Is @zone (or, 0, the base zone) in use towards that server?  Lock held. */
static bool nf_vpn_manual_used(const struct nf_vpn_ipsec_net *in,
			       const struct nf_vpn_end *end, u16 zone)
{
	const struct nf_vpn_pair *pair;

	list_for_each_entry(pair, &in->pairs, list)
		if (pair->end[IP_CT_DIR_ORIGINAL].dst == end->dst &&
		    (pair->zoned ? pair->zone : 0) == zone)
			return true;
	return false;
}

static bool nf_vpn_manual_zone(struct nf_vpn_net *vn,
			       struct nf_vpn_ipsec_net *in,
			       struct nf_vpn_pair *pair)
{
	const struct nf_vpn_end *end = &pair->end[IP_CT_DIR_ORIGINAL];
	struct nf_conntrack_zone zone;
	unsigned int i;
	u16 id;

	for (i = 0; i < NF_VPN_MANUAL_MAX; i++) {
		id = nf_vpn_zone_nth(vn, i);
		if (nf_vpn_manual_used(in, end, id))
			continue;
		nf_ct_zone_init(&zone, id, NF_CT_DEFAULT_ZONE_DIR, 0);
		pair->tmpl = nf_vpn_tmpl_alloc(vn->net, &zone);
		pair->zone = id;
		pair->zoned = pair->tmpl;
		return pair->tmpl;
	}
	nf_vpn_count(vn, NF_VPN_STAT_ZONE_FULL);
	return false;
}

/* Lock held. */
static struct nf_vpn_pair *nf_vpn_manual_find(struct nf_vpn_net *vn,
					      const struct nf_vpn_end *end)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct rhlist_head *list, *pos;
	struct nf_vpn_pair *pair;
	bool first;

	list = nf_vpn_pair_lookup(in, IP_CT_DIR_ORIGINAL, end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_ORIGINAL])
		return pair->master ? NULL : pair;

	first = !nf_vpn_manual_used(in, end, 0);
	pair = nf_vpn_pair_manual(vn, end);
	if (pair && !first && nf_vpn_manual_zone(vn, in, pair))
		nf_vpn_count(vn, NF_VPN_STAT_ZONE_USED);
	return pair;
}

void nf_vpn_manual_out(struct nf_vpn_net *vn, struct sk_buff *skb,
		       const struct nf_vpn_end *end)
{
	struct nf_vpn_pair *pair;

	spin_lock_bh(&vn->lock);
	pair = nf_vpn_manual_find(vn, end);
	if (!pair)
		nf_vpn_count(vn, NF_VPN_STAT_ESP_REFUSED);
	/* The admin's own template goes first. */
	if (pair && pair->tmpl && !skb_nfct(skb)) {
		nf_conntrack_get(&pair->tmpl->ct_general);
		nf_ct_set(skb, pair->tmpl, IP_CT_NEW);
	}
	spin_unlock_bh(&vn->lock);
}

/* The entry stock conntrack made of the pair's first packet. */
static struct nf_conn *nf_vpn_manual_entry(struct nf_vpn_net *vn,
					   const struct nf_vpn_pair *pair)
{
	const struct nf_vpn_end *end = &pair->end[IP_CT_DIR_ORIGINAL];
	struct nf_conntrack_tuple_hash *h;

	h = nf_vpn_conn_find(vn, IPPROTO_ESP, end->src, end->dst,
			     pair->zoned ? pair->zone : end->zone);
	return h ? nf_ct_tuplehash_to_ctrack(h) : NULL;
}

static void nf_vpn_manual_entered(struct nf_vpn_net *vn,
				  struct nf_vpn_pair *pair, struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *reply =
		&ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	struct nf_vpn_end back = {
		.src	= reply->src.u3.ip,
		.dst	= reply->dst.u3.ip,
		.zone	= pair->end[IP_CT_DIR_ORIGINAL].zone,
	};

	if (nf_vpn_pair_lane_new(vn, pair, ct))
		nf_vpn_pair_resolve(vn, pair, &back);
}

void nf_vpn_manual_resolve(struct nf_vpn_net *vn)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_pair *pair, *tmp;
	struct nf_conn *ct;

	if (list_empty(&in->unresolved))
		return;
	spin_lock_bh(&vn->lock);
	list_for_each_entry_safe(pair, tmp, &in->unresolved, waiting) {
		ct = pair->lane ? NULL : nf_vpn_manual_entry(vn, pair);
		if (ct)
			nf_vpn_manual_entered(vn, pair, ct);
	}
	spin_unlock_bh(&vn->lock);
}
