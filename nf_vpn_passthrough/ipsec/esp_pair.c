// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs: who talks to whom through which public address, and the evidence
 * about the SAs they are setting up.  Made from an IKE entry that was seen in
 * both directions, never from a packet of the WAN alone.
 */
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* So long stock conntrack may take to make an entry. */
#define NF_VPN_PAIR_PATIENCE	(30 * HZ)

/* Of its own: what kmalloc() has next is a quarter larger. */
static struct kmem_cache *nf_vpn_pairs;

/* A lane that knows its pair. */
struct nf_vpn_esp_lane {
	struct nf_vpn_lane	lane;
	struct nf_vpn_pair	*pair;
};

static inline u32 nf_vpn_end_hash(const void *data, u32 len, u32 seed)
{
	const u32 *w = data;

	return jhash_3words(w[0], w[1], w[2], seed);
}

/* rhashtable's own calls memcmp(); these are compared in place. */
static inline int nf_vpn_end_out_differs(struct rhashtable_compare_arg *arg,
					 const void *obj)
{
	const struct nf_vpn_pair *pair = obj;

	return memcmp(&pair->end[IP_CT_DIR_ORIGINAL], arg->key,
		      sizeof(struct nf_vpn_end));
}

static inline int nf_vpn_end_in_differs(struct rhashtable_compare_arg *arg,
					const void *obj)
{
	const struct nf_vpn_pair *pair = obj;

	return memcmp(&pair->end[IP_CT_DIR_REPLY], arg->key,
		      sizeof(struct nf_vpn_end));
}

static const struct rhashtable_params nf_vpn_end_params[IP_CT_DIR_MAX] = {
	[IP_CT_DIR_ORIGINAL] = {
		.head_offset = offsetof(struct nf_vpn_pair, node[0]),
		.key_offset = offsetof(struct nf_vpn_pair, end[0]),
		.key_len = sizeof(struct nf_vpn_end),
		.hashfn = nf_vpn_end_hash,
		.obj_cmpfn = nf_vpn_end_out_differs,
		.automatic_shrinking = true,
	},
	[IP_CT_DIR_REPLY] = {
		.head_offset = offsetof(struct nf_vpn_pair, node[1]),
		.key_offset = offsetof(struct nf_vpn_pair, end[1]),
		.key_len = sizeof(struct nf_vpn_end),
		.hashfn = nf_vpn_end_hash,
		.obj_cmpfn = nf_vpn_end_in_differs,
		.automatic_shrinking = true,
	},
};

/* @dir spelt out, so that the compiler knows the functions. */
struct rhlist_head *nf_vpn_pair_lookup(struct nf_vpn_ipsec_net *in, u8 dir,
				       const struct nf_vpn_end *end)
{
	if (dir == IP_CT_DIR_ORIGINAL)
		return rhltable_lookup(&in->ends[IP_CT_DIR_ORIGINAL], end,
				       nf_vpn_end_params[IP_CT_DIR_ORIGINAL]);
	return rhltable_lookup(&in->ends[IP_CT_DIR_REPLY], end,
			       nf_vpn_end_params[IP_CT_DIR_REPLY]);
}

static void nf_vpn_pair_free_rcu(struct rcu_head *head)
{
	struct nf_vpn_pair *pair = container_of(head, struct nf_vpn_pair, rcu);

	if (pair->master)
		nf_ct_put(pair->master);
	if (pair->tmpl)
		nf_ct_put(pair->tmpl);
	kmem_cache_free(nf_vpn_pairs, pair);
}

void nf_vpn_pair_put(struct nf_vpn_pair *pair)
{
	if (refcount_dec_and_test(&pair->use))
		call_rcu(&pair->rcu, nf_vpn_pair_free_rcu);
}

void nf_vpn_pair_end_of(const struct nf_vpn_net *vn, const struct nf_conn *ct,
			u8 dir, struct nf_vpn_end *end)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[dir].tuple;

	end->src = t->src.u3.ip;
	end->dst = t->dst.u3.ip;
	end->zone = nf_vpn_zone_arriving(vn, ct, dir);
	end->pad = 0;
}

static int nf_vpn_pair_index(struct nf_vpn_ipsec_net *in,
			     struct nf_vpn_pair *pair, u8 dir)
{
	return rhltable_insert(&in->ends[dir], &pair->node[dir],
			       nf_vpn_end_params[dir]);
}

static void nf_vpn_pair_unindex(struct nf_vpn_ipsec_net *in,
				struct nf_vpn_pair *pair, u8 dir)
{
	rhltable_remove(&in->ends[dir], &pair->node[dir],
			nf_vpn_end_params[dir]);
}

int nf_vpn_pair_resolve(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			const struct nf_vpn_end *in_end)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	int err;

	pair->end[IP_CT_DIR_REPLY] = *in_end;
	err = nf_vpn_group_join(in, pair);
	if (err)
		return err;
	err = nf_vpn_pair_index(in, pair, IP_CT_DIR_REPLY);
	if (err) {
		nf_vpn_group_leave(pair);
		return err;
	}
	pair->resolved = true;
	list_del_init(&pair->waiting);
	/* Its candidates cannot be weighed without. */
	if (!in->memory)
		schedule_work(&in->prepare);
	return 0;
}

/* Listed and charged to the client, known by its outbound end. */
static struct nf_vpn_pair *nf_vpn_pair_new(struct nf_vpn_net *vn,
					   const struct nf_vpn_end *out)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_pair *pair;

	if (vn->dead || nf_vpn_client_charge(vn, out->src))
		return NULL;
	pair = kmem_cache_zalloc(nf_vpn_pairs, GFP_ATOMIC);
	if (!pair)
		goto release;
	refcount_set(&pair->use, 1);
	INIT_LIST_HEAD(&pair->waiting);
	pair->end[IP_CT_DIR_ORIGINAL] = *out;
	pair->born = jiffies;
	pair->fed = jiffies;
	pair->place = -1;
	pair->ev.id = ++in->last_id ? in->last_id : ++in->last_id;
	if (nf_vpn_pair_index(in, pair, IP_CT_DIR_ORIGINAL))
		goto free;
	list_add_tail(&pair->list, &in->pairs);
	return pair;

free:
	kmem_cache_free(nf_vpn_pairs, pair);
release:
	nf_vpn_client_release(vn, out->src);
	nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
	return NULL;
}

/* Out of the tables; its reference there is put. */
static void nf_vpn_pair_del(struct nf_vpn_net *vn, struct nf_vpn_pair *pair)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	nf_vpn_pair_unindex(in, pair, IP_CT_DIR_ORIGINAL);
	if (pair->resolved)
		nf_vpn_pair_unindex(in, pair, IP_CT_DIR_REPLY);
	nf_vpn_group_leave(pair);
	list_del(&pair->waiting);
	list_del(&pair->list);
	nf_vpn_client_release(vn, pair->end[IP_CT_DIR_ORIGINAL].src);
	nf_vpn_pair_put(pair);
}

static struct nf_vpn_pair *nf_vpn_pair_make(struct nf_vpn_net *vn,
					    const struct nf_vpn_end *out,
					    const struct nf_vpn_end *back)
{
	struct nf_vpn_pair *pair = nf_vpn_pair_new(vn, out);

	if (!pair)
		return NULL;
	if (nf_vpn_pair_resolve(vn, pair, back)) {
		nf_vpn_pair_del(vn, pair);
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	nf_vpn_count(vn, NF_VPN_STAT_IKE_PAIR);
	return pair;
}

static void nf_vpn_pair_set_master(struct nf_vpn_pair *pair,
				   struct nf_conn *ike)
{
	if (pair->master == ike)
		return;
	nf_conntrack_get(&ike->ct_general);
	if (pair->master)
		nf_ct_put(pair->master);
	pair->master = ike;
}

struct nf_vpn_pair *nf_vpn_pair_of(struct nf_vpn_net *vn, struct nf_conn *ike,
				   bool make)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct rhlist_head *list, *pos;
	struct nf_vpn_end out, back;
	struct nf_vpn_pair *pair;

	nf_vpn_pair_end_of(vn, ike, IP_CT_DIR_ORIGINAL, &out);
	nf_vpn_pair_end_of(vn, ike, IP_CT_DIR_REPLY, &back);
	list = nf_vpn_pair_lookup(in, IP_CT_DIR_ORIGINAL, &out);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_ORIGINAL])
		if (pair->resolved &&
		    !memcmp(&pair->end[IP_CT_DIR_REPLY], &back, sizeof(back)))
			goto found;
	pair = make ? nf_vpn_pair_make(vn, &out, &back) : NULL;
	if (!pair)
		return NULL;
found:
	if (make)
		nf_vpn_pair_set_master(pair, ike);
	return pair;
}

struct nf_vpn_pair *nf_vpn_pair_manual(struct nf_vpn_net *vn,
				       const struct nf_vpn_end *out)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_pair *pair = nf_vpn_pair_new(vn, out);

	if (pair)
		list_add_tail(&pair->waiting, &in->unresolved);
	return pair;
}

void nf_vpn_pair_float(struct nf_vpn_pair *pair, bool floated)
{
	if (pair->floated == floated)
		return;
	pair->floated = floated;
	if (floated)
		nf_vpn_group_exit(pair);
	else
		nf_vpn_group_enter(pair);
}

void nf_vpn_pair_observe(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			 const struct nf_vpn_ike_msg *msg, u8 dir)
{
	switch (nf_vpn_esp_ike(&pair->ev, msg, dir, nf_vpn_esp_now())) {
	case NF_VPN_IKE_EV_SETUP:
		/* An IKE SA that starts anew may negotiate without UDP. */
		nf_vpn_pair_float(pair, false);
		break;
	case NF_VPN_IKE_EV_GATE_OPEN:
		nf_vpn_count(vn, NF_VPN_STAT_IKE_GATE);
		/*
		 * On UDP 500 an answered exchange means raw ESP.  Its entry is
		 * made now, so that the server may be the first to send, even
		 * when IKE's own entry is long idle by then.
		 */
		nf_vpn_esp_lane(vn, pair);
		break;
	default:
		break;
	}
	nf_vpn_spi_watch_out(pair);
}

struct nf_vpn_pair *nf_vpn_pair_of_lane(struct nf_vpn_lane *lane)
{
	return container_of(lane, struct nf_vpn_esp_lane, lane)->pair;
}

void nf_vpn_pair_lane_free(struct nf_vpn_lane *lane)
{
	nf_vpn_pair_put(nf_vpn_pair_of_lane(lane));
	kfree(container_of(lane, struct nf_vpn_esp_lane, lane));
}

void nf_vpn_pair_lane_leave(struct nf_vpn_pair *pair)
{
	pair->lane = NULL;
	while (pair->ev.live)
		nf_vpn_esp_gone(&pair->ev);
}

void nf_vpn_pair_lane_gone(struct nf_vpn_lane *lane)
{
	struct nf_vpn_pair *pair = nf_vpn_pair_of_lane(lane);
	bool mine;

	spin_lock_bh(&lane->vn->lock);
	mine = pair->lane == lane;
	if (mine)
		nf_vpn_pair_lane_leave(pair);
	/* Keyed by hand: the next packet asks the rules again. */
	if (mine && !pair->master)
		nf_vpn_pair_del(lane->vn, pair);
	spin_unlock_bh(&lane->vn->lock);
	if (mine)
		nf_vpn_lane_put(lane);
}

struct nf_vpn_lane *nf_vpn_pair_lane_new(struct nf_vpn_net *vn,
					 struct nf_vpn_pair *pair,
					 struct nf_conn *ct)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_esp_lane *el = kzalloc(sizeof(*el), GFP_ATOMIC);

	if (!el) {
		nf_ct_put(ct);
		return NULL;
	}
	nf_vpn_lane_init(&el->lane, vn, &nf_vpn_esp_proto,
			 pair->end[IP_CT_DIR_ORIGINAL].src, in->timeout);
	refcount_inc(&pair->use);
	el->pair = pair;
	RCU_INIT_POINTER(el->lane.ct, ct);
	if (nf_vpn_lane_list(&el->lane)) {
		nf_vpn_lane_put(&el->lane);
		return NULL;
	}
	nf_vpn_lane_get(&el->lane);
	pair->lane = &el->lane;
	return &el->lane;
}

/*
 * Without ESP a pair lives as long as its IKE entry, or, keyed manually, as
 * long as stock conntrack may still be making its entry.
 */
static bool nf_vpn_pair_over(const struct nf_vpn_pair *pair)
{
	if (pair->lane)
		return false;
	if (pair->master)
		return !nf_vpn_ct_alive(pair->master);
	return time_after(jiffies, pair->born + NF_VPN_PAIR_PATIENCE);
}

static void nf_vpn_pair_end(struct nf_vpn_net *vn, bool all)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_pair *pair, *tmp;

	spin_lock_bh(&vn->lock);
	if (!all)
		nf_vpn_group_tend(in);
	list_for_each_entry_safe(pair, tmp, &in->pairs, list)
		if (all || nf_vpn_pair_over(pair))
			nf_vpn_pair_del(vn, pair);
	spin_unlock_bh(&vn->lock);
}

void nf_vpn_pair_reap(struct nf_vpn_net *vn)
{
	nf_vpn_pair_end(vn, false);
}

int nf_vpn_pair_init(void)
{
	nf_vpn_pairs = KMEM_CACHE(nf_vpn_pair, 0);
	return nf_vpn_pairs ? 0 : -ENOMEM;
}

void nf_vpn_pair_exit(void)
{
	kmem_cache_destroy(nf_vpn_pairs);
}

int nf_vpn_pair_net_init(struct nf_vpn_ipsec_net *in)
{
	int err;

	INIT_LIST_HEAD(&in->pairs);
	INIT_LIST_HEAD(&in->unresolved);
	err = rhltable_init(&in->ends[IP_CT_DIR_ORIGINAL],
			    &nf_vpn_end_params[IP_CT_DIR_ORIGINAL]);
	if (err)
		return err;
	err = rhltable_init(&in->ends[IP_CT_DIR_REPLY],
			    &nf_vpn_end_params[IP_CT_DIR_REPLY]);
	if (err)
		rhltable_destroy(&in->ends[IP_CT_DIR_ORIGINAL]);
	return err;
}

void nf_vpn_pair_net_exit(struct nf_vpn_net *vn, struct nf_vpn_ipsec_net *in)
{
	nf_vpn_net_flush(vn, &nf_vpn_esp_proto);
	nf_vpn_pair_end(vn, true);
	rhltable_destroy(&in->ends[IP_CT_DIR_REPLY]);
	rhltable_destroy(&in->ends[IP_CT_DIR_ORIGINAL]);
}
