// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs: a client and a server that talk L2TP, and their conntrack entry.
 *
 * Over UDP conntrack has ports to tell clients apart, and all is said.  Over IP
 * there is no other flow to copy NAT from, so stock conntrack and the admin's
 * rules make the entry, from the client's first packet; all we add is a zone,
 * by a template, when another client talks to the same server.
 */
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "l2tp.h"
#include "nf_vpn_tmpl.h"

static const struct rhashtable_params nf_vpn_l2tp_end_params[IP_CT_DIR_MAX] = {
	[IP_CT_DIR_ORIGINAL] = {
		.head_offset = offsetof(struct nf_vpn_l2tp_pair, node[0]),
		.key_offset = offsetof(struct nf_vpn_l2tp_pair, end[0]),
		.key_len = sizeof(struct nf_vpn_l2tp_end),
		.automatic_shrinking = true,
	},
	[IP_CT_DIR_REPLY] = {
		.head_offset = offsetof(struct nf_vpn_l2tp_pair, node[1]),
		.key_offset = offsetof(struct nf_vpn_l2tp_pair, end[1]),
		.key_len = sizeof(struct nf_vpn_l2tp_end),
		.automatic_shrinking = true,
	},
};

struct rhlist_head *nf_vpn_l2tp_pair_lookup(struct nf_vpn_l2tp_net *ln, u8 dir,
					    const struct nf_vpn_l2tp_end *end)
{
	return rhltable_lookup(&ln->ends[dir], end,
			       nf_vpn_l2tp_end_params[dir]);
}

/* Of IP protocol 115 a tuple has no more than addresses, the rest is 0. */
static void nf_vpn_l2tp_pair_end(const struct nf_conn *ct, u8 dir,
				 struct nf_vpn_l2tp_end *end)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[dir].tuple;

	end->src = t->src.u3.ip;
	end->dst = t->dst.u3.ip;
	end->sport = t->src.u.all;
	end->dport = t->dst.u.all;
}

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_of_lane(struct nf_vpn_lane *lane)
{
	return container_of(lane, struct nf_vpn_l2tp_pair, lane);
}

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_from(struct nf_vpn_l2tp_net *ln,
					       const struct nf_vpn_key *key)
{
	struct nf_vpn_l2tp_end end = { .src = key->src, .dst = key->dst };
	struct rhlist_head *list, *pos;
	struct nf_vpn_l2tp_pair *pair;

	list = nf_vpn_l2tp_pair_lookup(ln, IP_CT_DIR_ORIGINAL, &end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_ORIGINAL])
		if (pair->from_zone == key->zone && !pair->lane.dead)
			return pair;
	return NULL;
}

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_of(struct nf_vpn_l2tp_net *ln,
					     const struct nf_conn *ct)
{
	struct rhlist_head *list, *pos;
	struct nf_vpn_l2tp_pair *pair;
	struct nf_vpn_l2tp_end end;

	nf_vpn_l2tp_pair_end(ct, IP_CT_DIR_ORIGINAL, &end);
	list = nf_vpn_l2tp_pair_lookup(ln, IP_CT_DIR_ORIGINAL, &end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_ORIGINAL])
		if (pair->zone == nf_ct_zone(ct)->id && !pair->lane.dead)
			return pair;
	return NULL;
}

/* Does a client of the same server have that zone? */
static bool nf_vpn_l2tp_zone_used(const struct nf_vpn_l2tp_net *ln,
				  const struct nf_vpn_l2tp_pair *self, u16 zone)
{
	const struct nf_vpn_l2tp_pair *pair;

	list_for_each_entry(pair, &ln->pairs, list)
		if (pair != self && pair->zone == zone && !pair->lane.dead &&
		    pair->end[IP_CT_DIR_ORIGINAL].dst ==
		    self->end[IP_CT_DIR_ORIGINAL].dst &&
		    pair->lane.proto == self->lane.proto)
			return true;
	return false;
}

static bool nf_vpn_l2tp_take_zone(struct nf_vpn_l2tp_pair *pair, u16 id)
{
	struct nf_conntrack_zone zone;
	struct nf_conn *tmpl;

	nf_ct_zone_init(&zone, id, NF_CT_DEFAULT_ZONE_DIR, 0);
	tmpl = nf_vpn_tmpl_alloc(pair->lane.vn->net, &zone);
	if (!tmpl) {
		nf_vpn_count(pair->lane.vn, NF_VPN_STAT_NO_MEMORY);
		return false;
	}
	if (pair->tmpl)
		nf_ct_put(pair->tmpl);
	else
		nf_vpn_count(pair->lane.vn, NF_VPN_STAT_ZONE_USED);
	pair->tmpl = tmpl;
	pair->zone = id;
	return true;
}

bool nf_vpn_l2tp_pair_rezone(struct nf_vpn_l2tp_net *ln,
			     struct nf_vpn_l2tp_pair *pair)
{
	u16 id;

	while (pair->tries < NF_VPN_L2TP_ZONE_TRIES) {
		id = nf_vpn_zone_nth(ln->vn, pair->tries++);
		if (!nf_vpn_l2tp_zone_used(ln, pair, id))
			return nf_vpn_l2tp_take_zone(pair, id);
	}
	nf_vpn_count(ln->vn, NF_VPN_STAT_ZONE_FULL);
	return false;
}

static int nf_vpn_l2tp_pair_flow(struct nf_vpn_l2tp_pair *pair, u8 dir,
				 const struct nf_vpn_key *arrive,
				 const struct nf_vpn_key *depart)
{
	struct nf_vpn_flow *flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	int err;

	if (!flow)
		return -ENOMEM;
	err = nf_vpn_flow_add(flow, &pair->lane, dir, arrive, depart);
	if (err)
		kfree(flow);
	else if (dir == IP_CT_DIR_ORIGINAL)
		pair->door = flow;
	return err;
}

/* For what the client sends before it knows an ID: RFC 3931 3.2.1, 0 then. */
static int nf_vpn_l2tp_pair_door(struct nf_vpn_l2tp_pair *pair,
				 const struct nf_vpn_key *key)
{
	struct nf_vpn_key arrive = *key, depart;

	arrive.id = 0;
	arrive.space = NF_VPN_L2TP_CONTROL;
	/* Several clients' packets leave like this: an error fits none of them. */
	depart = arrive;
	depart.space = NF_VPN_L2TP_NOWHERE;
	return nf_vpn_l2tp_pair_flow(pair, IP_CT_DIR_ORIGINAL, &arrive,
				     &depart);
}

static struct nf_vpn_l2tp_pair *
nf_vpn_l2tp_pair_alloc(struct nf_vpn_l2tp_net *ln,
		       const struct nf_vpn_proto *proto, __be32 client,
		       const struct nf_vpn_l2tp_end *end, u16 zone)
{
	struct nf_vpn_l2tp_pair *pair = kzalloc(sizeof(*pair), GFP_ATOMIC);

	if (!pair) {
		nf_vpn_count(ln->vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	nf_vpn_lane_init(&pair->lane, ln->vn, proto, client,
			 proto == &nf_vpn_l2tp_proto ? ln->timeout :
						       ln->udp_timeout);
	pair->lane.expires = jiffies + NF_VPN_L2TP_PENDING;
	INIT_LIST_HEAD(&pair->links);
	pair->end[IP_CT_DIR_ORIGINAL] = *end;
	pair->from_zone = zone;
	pair->zone = zone;
	return pair;
}

/* From here the core ends it; false: the caller does. */
static bool nf_vpn_l2tp_pair_list(struct nf_vpn_l2tp_net *ln,
				  struct nf_vpn_l2tp_pair *pair)
{
	if (rhltable_insert(&ln->ends[IP_CT_DIR_ORIGINAL],
			    &pair->node[IP_CT_DIR_ORIGINAL],
			    nf_vpn_l2tp_end_params[IP_CT_DIR_ORIGINAL])) {
		nf_vpn_count(ln->vn, NF_VPN_STAT_NO_MEMORY);
		return false;
	}
	if (nf_vpn_lane_list(&pair->lane)) {
		rhltable_remove(&ln->ends[IP_CT_DIR_ORIGINAL],
				&pair->node[IP_CT_DIR_ORIGINAL],
				nf_vpn_l2tp_end_params[IP_CT_DIR_ORIGINAL]);
		return false;
	}
	list_add_tail(&pair->list, &ln->pairs);
	return true;
}

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_new(struct nf_vpn_l2tp_net *ln,
					      const struct nf_vpn_key *key)
{
	struct nf_vpn_l2tp_end end = { .src = key->src, .dst = key->dst };
	struct nf_vpn_l2tp_pair *pair;

	pair = nf_vpn_l2tp_pair_alloc(ln, &nf_vpn_l2tp_proto, key->src, &end,
				      key->zone);
	if (!pair)
		return NULL;
	if (!nf_vpn_l2tp_pair_list(ln, pair)) {
		nf_vpn_lane_put(&pair->lane);
		return NULL;
	}
	if ((nf_vpn_l2tp_zone_used(ln, pair, pair->from_zone) &&
	     !nf_vpn_l2tp_pair_rezone(ln, pair)) ||
	    nf_vpn_l2tp_pair_door(pair, key)) {
		/* The reaper takes it, within a second. */
		WRITE_ONCE(pair->lane.expires, jiffies - 1);
		return NULL;
	}
	return pair;
}

static bool nf_vpn_l2tp_pair_whole(struct nf_vpn_l2tp_net *ln,
				   struct nf_vpn_l2tp_pair *pair,
				   struct nf_conn *ct)
{
	struct nf_vpn_key key = {
		.src		= pair->end[IP_CT_DIR_ORIGINAL].src,
		.dst		= pair->end[IP_CT_DIR_ORIGINAL].dst,
		.zone		= pair->from_zone,
		.l4proto	= IPPROTO_L2TP,
	};
	u16 zone = nf_ct_zone(ct)->id;

	if ((zone != pair->from_zone && !nf_vpn_l2tp_take_zone(pair, zone)) ||
	    nf_vpn_l2tp_pair_door(pair, &key) ||
	    nf_vpn_l2tp_pair_resolve(ln, pair, ct))
		return false;
	nf_conntrack_get(&ct->ct_general);
	return !nf_vpn_lane_set_ct(&pair->lane, ct);
}

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_again(struct nf_vpn_l2tp_net *ln,
						struct nf_conn *ct)
{
	u16 zone = nf_ct_zone(ct)->id;
	struct nf_vpn_l2tp_pair *pair;
	struct nf_vpn_l2tp_end end;

	/* Ours is a second client's: its packets come in the base zone. */
	if (nf_vpn_zone_reserved(ln->vn, zone))
		zone = NF_CT_DEFAULT_ZONE_ID;
	nf_vpn_l2tp_pair_end(ct, IP_CT_DIR_ORIGINAL, &end);
	pair = nf_vpn_l2tp_pair_alloc(ln, &nf_vpn_l2tp_proto, end.src, &end,
				      zone);
	if (!pair)
		return NULL;
	if (!nf_vpn_l2tp_pair_list(ln, pair)) {
		nf_vpn_lane_put(&pair->lane);
		return NULL;
	}
	if (nf_vpn_l2tp_pair_whole(ln, pair, ct))
		return pair;
	WRITE_ONCE(pair->lane.expires, jiffies - 1);
	return NULL;
}

/* So that they are seen, and limited; no packet is found by them. */
static int nf_vpn_l2tp_pair_udp_flow(struct nf_vpn_l2tp_pair *pair,
				     const struct nf_conn *ct, u8 dir)
{
	struct nf_vpn_key arrive = {
		.zone		= nf_ct_zone_id(nf_ct_zone(ct), dir),
		.l4proto	= IPPROTO_UDP,
		.space		= NF_VPN_L2TP_NOWHERE,
	};
	struct nf_vpn_l2tp_end end;
	struct nf_vpn_key depart;

	nf_vpn_l2tp_pair_end(ct, !dir, &end);
	depart = arrive;
	depart.src = end.dst;
	depart.dst = end.src;
	depart.id = htonl(ntohs(end.dport) << 16 | ntohs(end.sport));
	nf_vpn_l2tp_pair_end(ct, dir, &end);
	arrive.src = end.src;
	arrive.dst = end.dst;
	arrive.id = htonl(ntohs(end.sport) << 16 | ntohs(end.dport));
	return nf_vpn_l2tp_pair_flow(pair, dir, &arrive, &depart);
}

/* Where the server answered from another port, it began that entry. */
static __be32 nf_vpn_l2tp_pair_client(const struct nf_conn *ct)
{
	const struct nf_conn *first = ct->master ? ct->master : ct;

	return first->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3.ip;
}

void nf_vpn_l2tp_pair_succeed(struct nf_vpn_l2tp_net *ln, struct nf_conn *ct)
{
	struct nf_vpn_l2tp_pair *pair;
	bool over;

	spin_lock_bh(&ln->vn->lock);
	pair = nf_vpn_l2tp_pair_of(ln, ct);
	over = pair && rcu_access_pointer(pair->lane.ct) &&
	       rcu_access_pointer(pair->lane.ct) != ct;
	if (over)
		nf_vpn_lane_get(&pair->lane);
	spin_unlock_bh(&ln->vn->lock);
	if (!over)
		return;
	nf_vpn_lane_kill(&pair->lane);
	nf_vpn_lane_put(&pair->lane);
}

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_udp(struct nf_vpn_l2tp_net *ln,
					      struct nf_conn *ct)
{
	struct nf_vpn_l2tp_pair *pair = nf_vpn_l2tp_pair_of(ln, ct);
	struct nf_vpn_l2tp_end end;

	if (pair)
		return pair;
	nf_vpn_l2tp_pair_end(ct, IP_CT_DIR_ORIGINAL, &end);
	pair = nf_vpn_l2tp_pair_alloc(ln, &nf_vpn_l2tp_udp_proto,
				      nf_vpn_l2tp_pair_client(ct), &end,
				      nf_ct_zone(ct)->id);
	if (!pair)
		return NULL;
	if (!nf_vpn_l2tp_pair_list(ln, pair)) {
		nf_vpn_lane_put(&pair->lane);
		return NULL;
	}
	if (nf_vpn_l2tp_pair_udp_flow(pair, ct, IP_CT_DIR_ORIGINAL) ||
	    nf_vpn_l2tp_pair_udp_flow(pair, ct, IP_CT_DIR_REPLY)) {
		/* The reaper takes it; the entry itself is not ours to end. */
		WRITE_ONCE(pair->lane.expires, jiffies - 1);
		return NULL;
	}
	nf_conntrack_get(&ct->ct_general);
	return nf_vpn_lane_set_ct(&pair->lane, ct) ? NULL : pair;
}

int nf_vpn_l2tp_pair_resolve(struct nf_vpn_l2tp_net *ln,
			     struct nf_vpn_l2tp_pair *pair,
			     const struct nf_conn *ct)
{
	int err;

	if (pair->resolved)
		return 0;
	nf_vpn_l2tp_pair_end(ct, IP_CT_DIR_REPLY, &pair->end[IP_CT_DIR_REPLY]);
	err = rhltable_insert(&ln->ends[IP_CT_DIR_REPLY],
			      &pair->node[IP_CT_DIR_REPLY],
			      nf_vpn_l2tp_end_params[IP_CT_DIR_REPLY]);
	pair->resolved = !err;
	if (!err)
		nf_vpn_l2tp_link_index(pair);
	return err;
}

/* The entry stock conntrack made of the pair's first packet; a reference. */
static struct nf_conn *nf_vpn_l2tp_pair_entry(const struct nf_vpn_l2tp_pair *pair)
{
	const struct nf_vpn_l2tp_end *end = &pair->end[IP_CT_DIR_ORIGINAL];
	struct nf_conntrack_tuple_hash *h;
	struct nf_conn *ct;

	h = nf_vpn_conn_find(pair->lane.vn, IPPROTO_L2TP, end->src, end->dst,
			     pair->zone);
	if (!h)
		return NULL;
	ct = nf_ct_tuplehash_to_ctrack(h);
	if (NF_CT_DIRECTION(h) == IP_CT_DIR_ORIGINAL)
		return ct;
	nf_ct_put(ct);
	return NULL;
}

/* Not so when NAT chose another address for the client's next packet. */
static bool nf_vpn_l2tp_pair_fits(const struct nf_vpn_l2tp_pair *pair,
				  const struct nf_conn *ct)
{
	struct nf_vpn_l2tp_end end;

	nf_vpn_l2tp_pair_end(ct, IP_CT_DIR_REPLY, &end);
	return !memcmp(&end, &pair->end[IP_CT_DIR_REPLY], sizeof(end));
}

bool nf_vpn_l2tp_pair_adopt(struct nf_vpn_l2tp_net *ln,
			    struct nf_vpn_l2tp_pair *pair)
{
	struct nf_conn *ct;

	if (rcu_access_pointer(pair->lane.ct))
		return true;
	ct = nf_vpn_l2tp_pair_entry(pair);
	if (!ct)
		return false;
	if (!nf_vpn_l2tp_pair_resolve(ln, pair, ct) &&
	    nf_vpn_l2tp_pair_fits(pair, ct))
		return !nf_vpn_lane_set_ct(&pair->lane, ct);
	nf_ct_put(ct);
	/* The reaper takes it; the client's next request begins anew. */
	WRITE_ONCE(pair->lane.expires, jiffies - 1);
	return false;
}

static void nf_vpn_l2tp_pair_unindex(struct nf_vpn_l2tp_net *ln,
				     struct nf_vpn_l2tp_pair *pair, u8 dir)
{
	rhltable_remove(&ln->ends[dir], &pair->node[dir],
			nf_vpn_l2tp_end_params[dir]);
}

void nf_vpn_l2tp_pair_gone(struct nf_vpn_lane *lane)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(lane->vn->net);
	struct nf_vpn_l2tp_pair *pair = nf_vpn_l2tp_pair_of_lane(lane);

	spin_lock_bh(&lane->vn->lock);
	nf_vpn_l2tp_pair_unindex(ln, pair, IP_CT_DIR_ORIGINAL);
	if (pair->resolved)
		nf_vpn_l2tp_pair_unindex(ln, pair, IP_CT_DIR_REPLY);
	list_del(&pair->list);
	nf_vpn_l2tp_link_free_all(pair);
	spin_unlock_bh(&lane->vn->lock);
}

void nf_vpn_l2tp_pair_free(struct nf_vpn_lane *lane)
{
	struct nf_vpn_l2tp_pair *pair = nf_vpn_l2tp_pair_of_lane(lane);

	if (pair->tmpl)
		nf_ct_put(pair->tmpl);
	kfree(pair);
}

int nf_vpn_l2tp_pair_net_init(struct nf_vpn_l2tp_net *ln)
{
	int err;

	INIT_LIST_HEAD(&ln->pairs);
	INIT_LIST_HEAD(&ln->closing);
	err = rhltable_init(&ln->ends[IP_CT_DIR_ORIGINAL],
			    &nf_vpn_l2tp_end_params[IP_CT_DIR_ORIGINAL]);
	if (err)
		return err;
	err = rhltable_init(&ln->ends[IP_CT_DIR_REPLY],
			    &nf_vpn_l2tp_end_params[IP_CT_DIR_REPLY]);
	if (err)
		rhltable_destroy(&ln->ends[IP_CT_DIR_ORIGINAL]);
	return err;
}

void nf_vpn_l2tp_pair_net_exit(struct nf_vpn_l2tp_net *ln)
{
	nf_vpn_net_flush(ln->vn, &nf_vpn_l2tp_proto);
	nf_vpn_net_flush(ln->vn, &nf_vpn_l2tp_udp_proto);
	WARN_ON_ONCE(!list_empty(&ln->pairs));
	rhltable_destroy(&ln->ends[IP_CT_DIR_REPLY]);
	rhltable_destroy(&ln->ends[IP_CT_DIR_ORIGINAL]);
}
