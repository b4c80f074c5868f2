// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs: who talks to whom through which public address, and the evidence
 * about the SAs they are setting up.  Made from an IKE entry that was seen in
 * both directions, never from a packet of the WAN alone.
 */
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* A lane that knows its pair. */
struct nf_vpn_esp_lane {
	struct nf_vpn_lane	lane;
	struct nf_vpn_pair	*pair;
};

static const struct rhashtable_params nf_vpn_end_params[IP_CT_DIR_MAX] = {
	[IP_CT_DIR_ORIGINAL] = {
		.head_offset = offsetof(struct nf_vpn_pair, node[0]),
		.key_offset = offsetof(struct nf_vpn_pair, end[0]),
		.key_len = sizeof(struct nf_vpn_end),
		.automatic_shrinking = true,
	},
	[IP_CT_DIR_REPLY] = {
		.head_offset = offsetof(struct nf_vpn_pair, node[1]),
		.key_offset = offsetof(struct nf_vpn_pair, end[1]),
		.key_len = sizeof(struct nf_vpn_end),
		.automatic_shrinking = true,
	},
};

struct rhlist_head *nf_vpn_pair_lookup(struct nf_vpn_ipsec_net *in, u8 dir,
				       const struct nf_vpn_end *end)
{
	return rhltable_lookup(&in->ends[dir], end, nf_vpn_end_params[dir]);
}

static void nf_vpn_pair_free_rcu(struct rcu_head *head)
{
	struct nf_vpn_pair *pair = container_of(head, struct nf_vpn_pair, rcu);

	if (pair->master)
		nf_ct_put(pair->master);
	if (pair->tmpl)
		nf_ct_put(pair->tmpl);
	kfree(pair);
}

void nf_vpn_pair_put(struct nf_vpn_pair *pair)
{
	if (refcount_dec_and_test(&pair->use))
		call_rcu(&pair->rcu, nf_vpn_pair_free_rcu);
}

/* Packets of this direction, as they arrive: the conntrack tuple says it. */
static void nf_vpn_pair_end_of(const struct nf_conn *ct, u8 dir,
			       struct nf_vpn_end *end)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[dir].tuple;

	end->src = t->src.u3.ip;
	end->dst = t->dst.u3.ip;
	end->zone = nf_ct_zone_id(nf_ct_zone(ct), dir);
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
	err = nf_vpn_pair_index(in, pair, IP_CT_DIR_REPLY);
	pair->resolved = !err;
	if (!err)
		list_del_init(&pair->waiting);
	return err;
}

/* Listed and charged to the client, known by its outbound end. */
static struct nf_vpn_pair *nf_vpn_pair_new(struct nf_vpn_net *vn,
					   const struct nf_vpn_end *out)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_pair *pair;

	if (vn->dead || nf_vpn_client_charge(vn, out->src))
		return NULL;
	pair = kzalloc(sizeof(*pair), GFP_ATOMIC);
	if (!pair)
		goto release;
	refcount_set(&pair->use, 1);
	INIT_LIST_HEAD(&pair->waiting);
	pair->end[IP_CT_DIR_ORIGINAL] = *out;
	pair->gate_opened = jiffies;
	pair->out_seen = jiffies;
	if (nf_vpn_pair_index(in, pair, IP_CT_DIR_ORIGINAL))
		goto free;
	list_add_tail(&pair->list, &in->pairs);
	return pair;

free:
	kfree(pair);
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

	nf_vpn_pair_end_of(ike, IP_CT_DIR_ORIGINAL, &out);
	nf_vpn_pair_end_of(ike, IP_CT_DIR_REPLY, &back);
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

static void nf_vpn_pair_gate_expire(struct nf_vpn_ipsec_net *in,
				    struct nf_vpn_pair *pair)
{
	if (time_after(jiffies, pair->gate_opened + READ_ONCE(in->gate))) {
		pair->gates = 0;
		pair->wanted = 0;
	}
	/* An SA that never got an answer awaits none for ever. */
	if (time_after(jiffies, pair->out_seen + READ_ONCE(in->gate)))
		pair->unmatched_out = 0;
}

static void nf_vpn_pair_gate_open(struct nf_vpn_net *vn,
				  struct nf_vpn_ipsec_net *in,
				  struct nf_vpn_pair *pair)
{
	nf_vpn_count(vn, NF_VPN_STAT_IKE_GATE);
	if (pair->wanted)
		pair->wanted--;
	if (!pair->gates)
		pair->order = in->order++;
	if (pair->gates < U8_MAX)
		pair->gates++;
	pair->gate_opened = jiffies;
	/*
	 * On UDP 500 an answered exchange means raw ESP.  Its entry is made
	 * now, so that the server may be the first to send, even when IKE's
	 * own entry is long idle by then.
	 */
	nf_vpn_esp_lane(vn, pair);
}

void nf_vpn_pair_observe(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			 const struct nf_vpn_ike_msg *msg, u8 dir)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	nf_vpn_pair_gate_expire(in, pair);
	/* An IKE SA that starts anew may negotiate without UDP. */
	switch (nf_vpn_ike_observe(&pair->ike, msg, dir)) {
	case NF_VPN_IKE_EV_SETUP:
		pair->floated = false;
		break;
	case NF_VPN_IKE_EV_GATE_WANTED:
		if (pair->wanted < U8_MAX)
			pair->wanted++;
		if (!pair->gates)
			pair->gate_opened = jiffies;
		break;
	case NF_VPN_IKE_EV_GATE_OPEN:
		nf_vpn_pair_gate_open(vn, in, pair);
		break;
	case NF_VPN_IKE_EV_GATE_RENEWED:
		pair->gate_opened = jiffies;
		break;
	case NF_VPN_IKE_EV_GATE_REFUSED:
		if (pair->wanted)
			pair->wanted--;
		break;
	case NF_VPN_IKE_EV_NONE:
	case NF_VPN_IKE_EV_CLOSE_HINT:
		break;
	}
}

static u32 nf_vpn_pair_age(unsigned long since)
{
	return jiffies_to_msecs(jiffies - since);
}

static void nf_vpn_pair_evidence_lane(struct nf_vpn_pair *pair,
				      struct nf_vpn_esp_candidate *c)
{
	const struct nf_vpn_flow *flow;
	u32 idle;

	list_for_each_entry(flow, &pair->lane->flows, list) {
		idle = nf_vpn_pair_age(READ_ONCE(flow->used));
		c->idle_ms = min(c->idle_ms, idle);
		if (flow->dir == IP_CT_DIR_REPLY && c->live < U8_MAX &&
		    container_of(flow, struct nf_vpn_spi, flow)->matched)
			c->live++;
	}
}

void nf_vpn_pair_evidence(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			  struct nf_vpn_esp_candidate *c)
{
	nf_vpn_pair_gate_expire(nf_vpn_ipsec_pernet(vn->net), pair);
	memset(c, 0, sizeof(*c));
	c->gates = pair->gates;
	c->gates_wanted = pair->wanted;
	c->unmatched_out = pair->unmatched_out;
	c->order = pair->order;
	c->gate_age_ms = pair->gates ? nf_vpn_pair_age(pair->gate_opened) :
		NF_VPN_ESP_NEVER;
	c->out_age_ms = pair->unmatched_out ? nf_vpn_pair_age(pair->out_seen) :
		NF_VPN_ESP_NEVER;
	c->idle_ms = NF_VPN_ESP_NEVER;
	if (pair->lane)
		nf_vpn_pair_evidence_lane(pair, c);
}

/* A gate that led to an SA both ends use is satisfied. */
static void nf_vpn_pair_gate_close(struct nf_vpn_pair *pair)
{
	if (pair->gates)
		pair->gates--;
	if (!pair->gates)
		pair->wanted = 0;
}

static struct nf_vpn_spi *nf_vpn_pair_unmatched_in(struct nf_vpn_pair *pair)
{
	struct nf_vpn_flow *flow;
	struct nf_vpn_spi *spi;

	list_for_each_entry_reverse(flow, &pair->lane->flows, list) {
		spi = container_of(flow, struct nf_vpn_spi, flow);
		if (flow->dir == IP_CT_DIR_REPLY && !spi->matched)
			return spi;
	}
	return NULL;
}

void nf_vpn_pair_match(struct nf_vpn_pair *pair, struct nf_vpn_spi *spi)
{
	struct nf_vpn_spi *other;

	if (spi->flow.dir == IP_CT_DIR_REPLY) {
		if (!pair->unmatched_out)
			return;
		pair->unmatched_out--;
		spi->matched = true;
		nf_vpn_pair_gate_close(pair);
		return;
	}
	other = nf_vpn_pair_unmatched_in(pair);
	if (other) {
		other->matched = true;
		nf_vpn_pair_gate_close(pair);
	} else if (pair->unmatched_out < U8_MAX) {
		pair->unmatched_out++;
		pair->out_seen = jiffies;
	}
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

void nf_vpn_pair_lane_gone(struct nf_vpn_lane *lane)
{
	struct nf_vpn_pair *pair = nf_vpn_pair_of_lane(lane);
	bool mine;

	spin_lock_bh(&lane->vn->lock);
	mine = pair->lane == lane;
	if (mine) {
		pair->lane = NULL;
		/* SPIs that are gone await no partner. */
		pair->unmatched_out = 0;
	}
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
static bool nf_vpn_pair_over(const struct nf_vpn_ipsec_net *in,
			     const struct nf_vpn_pair *pair)
{
	if (pair->lane)
		return false;
	if (pair->master)
		return !nf_vpn_ct_alive(pair->master);
	return time_after(jiffies, pair->out_seen + READ_ONCE(in->gate));
}

static void nf_vpn_pair_end(struct nf_vpn_net *vn, bool all)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_pair *pair, *tmp;

	spin_lock_bh(&vn->lock);
	list_for_each_entry_safe(pair, tmp, &in->pairs, list)
		if (all || nf_vpn_pair_over(in, pair))
			nf_vpn_pair_del(vn, pair);
	spin_unlock_bh(&vn->lock);
}

void nf_vpn_pair_reap(struct nf_vpn_net *vn)
{
	nf_vpn_pair_end(vn, false);
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
