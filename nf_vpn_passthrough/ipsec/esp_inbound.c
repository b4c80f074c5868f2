// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inbound ESP whose owner is not settled: weighed anew packet by packet, sent to
 * the likeliest client, and copies to who else may own it.  Rules and figures:
 * docs/association.md.
 */
#include <linux/jhash.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* One inbound packet, under nf_vpn_net.lock. */
struct nf_vpn_esp_case {
	struct nf_vpn_net		*vn;
	struct nf_vpn_ipsec_net		*in;
	struct nf_vpn_group		*group;
	struct sk_buff			*skb;
	const struct nf_vpn_key		*key;
	const struct nf_vpn_esp_arrival	*a;
	struct sk_buff_head		*copies;
	u32				now;
	bool				foreign;
};

/* The sysctls may be written meanwhile. */
static void nf_vpn_esp_rules_now(const struct nf_vpn_ipsec_net *in,
				 struct nf_vpn_esp_rules *rules)
{
	rules->copies = READ_ONCE(in->rules.copies);
	rules->rate = READ_ONCE(in->rules.rate);
	rules->burst = READ_ONCE(in->rules.burst);
	rules->hold_ms = READ_ONCE(in->rules.hold_ms);
}

/*
 * A client that no rule gave to us may have an entry of stock conntrack for the
 * same ends.  Its packets stay its own: until an SPI is settled as that of a
 * client of ours, the packet itself is left alone and ours get copies.
 */
static bool nf_vpn_esp_foreign(const struct nf_vpn_esp_case *c)
{
	struct nf_conntrack_tuple_hash *h;
	struct nf_vpn_end out;
	struct nf_conn *ct;
	bool foreign;

	h = nf_vpn_conn_find(c->vn, IPPROTO_ESP, c->key->src, c->key->dst,
			     c->key->zone);
	if (!h)
		return false;
	ct = nf_ct_tuplehash_to_ctrack(h);
	nf_vpn_pair_end_of(c->vn, ct, IP_CT_DIR_ORIGINAL, &out);
	foreign = !nf_vpn_pair_lookup(c->in, IP_CT_DIR_ORIGINAL, &out);
	nf_ct_put(ct);
	return foreign;
}

static void nf_vpn_esp_copy_to(struct nf_vpn_esp_case *c,
			       struct nf_vpn_pair *pair)
{
	struct nf_vpn_lane *lane = nf_vpn_esp_lane(c->vn, pair);
	struct sk_buff *copy;

	if (!lane)
		return;
	copy = pskb_copy(c->skb, GFP_ATOMIC);
	if (!copy) {
		nf_vpn_count(c->vn, NF_VPN_STAT_NO_MEMORY);
		return;
	}
	if (!nf_vpn_lane_lend(copy, lane)) {
		kfree_skb(copy);
		return;
	}
	pair->fed = jiffies;
	nf_vpn_count(c->vn, NF_VPN_STAT_ESP_COPY);
	__skb_queue_tail(c->copies, copy);
}

static bool nf_vpn_esp_give_to(struct nf_vpn_esp_case *c,
			       struct nf_vpn_pair *pair)
{
	struct nf_vpn_lane *lane = nf_vpn_esp_lane(c->vn, pair);

	pair->fed = jiffies;
	return lane && nf_vpn_lane_attach(c->skb, lane, IP_CT_DIR_REPLY);
}

static void nf_vpn_esp_tell(const struct nf_vpn_esp_case *c, u32 type,
			    const struct nf_vpn_pair *pair)
{
	if (pair->lane)
		nf_vpn_tell(c->vn, type, pair->lane, c->key->id);
}

static void nf_vpn_esp_unexpected(const struct nf_vpn_esp_case *c)
{
	nf_vpn_count(c->vn, NF_VPN_STAT_ESP_UNEXPECTED);
	nf_vpn_tell_of(c->vn, NF_VPN_EVENT_SPOOF, NF_VPN_PROTOCOL_ESP, 0,
		       c->key);
}

/* What is bound goes with the best guess; a guess may change. */
static void nf_vpn_esp_rebind(struct nf_vpn_esp_case *c, struct nf_vpn_spi *spi,
			      const struct nf_vpn_esp_in *in,
			      struct nf_vpn_pair *to, bool many)
{
	if (spi && nf_vpn_pair_of_lane(spi->flow.lane) == to) {
		nf_vpn_spi_keep(spi, in);
		WRITE_ONCE(spi->flow.used, jiffies);
		WRITE_ONCE(spi->flow.watched, !in->settled);
		return;
	}
	if (spi) {
		nf_vpn_spi_drop(spi);
		nf_vpn_count(c->vn, NF_VPN_STAT_ESP_MOVED);
		nf_vpn_esp_tell(c, NF_VPN_EVENT_MOVED, to);
	} else if (many) {
		nf_vpn_count(c->vn, NF_VPN_STAT_ESP_IN_GUESS);
		nf_vpn_esp_tell(c, NF_VPN_EVENT_AMBIGUOUS, to);
	}
	if (nf_vpn_spi_in(c->vn, to, c->key, in))
		return;
	if (in->settled)
		nf_vpn_esp_gone(&to->ev);
	nf_vpn_count(c->vn, NF_VPN_STAT_ESP_REFUSED);
}

/* Where the plan says.  With @keep it is worth a binding. */
static void nf_vpn_esp_carry_out(struct nf_vpn_esp_case *c,
				 struct nf_vpn_spi *spi,
				 const struct nf_vpn_esp_in *in, bool keep)
{
	const struct nf_vpn_esp_plan *plan = &c->in->memory->plan;
	struct nf_vpn_pair *to;
	unsigned int i;

	to = nf_vpn_group_pair(c->group, plan->target[0]);
	for (i = 1; i < plan->n; i++)
		nf_vpn_esp_copy_to(c, nf_vpn_group_pair(c->group,
							plan->target[i]));
	if (c->foreign && !plan->settled) {
		nf_vpn_esp_copy_to(c, to);
	} else if (!nf_vpn_esp_give_to(c, to)) {
		nf_vpn_count(c->vn, NF_VPN_STAT_ESP_REFUSED);
		return;
	}
	nf_vpn_count(c->vn, plan->settled ? NF_VPN_STAT_ESP_SETTLED :
			    keep ? NF_VPN_STAT_ESP_WEIGHED :
				   NF_VPN_STAT_ESP_FIRST);
	if (keep)
		nf_vpn_esp_rebind(c, spi, in, to, plan->n > 1);
	/* What it awaited has come, and what it sends tells more, or nothing. */
	if (plan->settled) {
		nf_vpn_spi_watch_out(to);
		nf_vpn_esp_tell(c, to->ev.live > 1 ? NF_VPN_EVENT_REKEYED :
						     NF_VPN_EVENT_SETTLED, to);
	}
}

static void nf_vpn_esp_weigh_in(struct nf_vpn_esp_case *c,
				struct nf_vpn_spi *spi)
{
	u32 salt = jhash_3words((__force u32)c->key->src,
				(__force u32)c->key->dst, c->key->zone,
				c->in->salt);
	struct nf_vpn_esp_rules rules;
	struct nf_vpn_esp_in in;
	bool keep = true;

	if (spi)
		in = *spi->open;
	else
		keep = nf_vpn_esp_seen(&c->in->memory->seen, salt, c->a, c->now,
				       &in);
	nf_vpn_esp_rules_now(c->in, &rules);
	c->foreign = nf_vpn_esp_foreign(c);
	rules.rival = c->foreign;
	nf_vpn_esp_plan(&in, c->a, c->group->member, c->group->n, &rules,
			&c->group->bucket, c->now, &c->in->memory->plan);
	if (c->in->memory->plan.n)
		nf_vpn_esp_carry_out(c, spi, &in, keep);
	else
		nf_vpn_esp_unexpected(c);
}

/* It may be the SPI of somebody who sends with a new SA and gets no answer. */
static bool nf_vpn_esp_may_share(struct nf_vpn_esp_case *c, unsigned int i)
{
	struct nf_vpn_esp_candidate view;

	nf_vpn_esp_view(c->group->member[i], c->now, &view);
	return (view.gates || view.tentative) && view.unmatched_out;
}

/*
 * Two clients chose one SPI: nobody can tell their packets apart, so both get
 * them.  Return: there is such a second client.
 */
static bool nf_vpn_esp_share(struct nf_vpn_esp_case *c, struct nf_vpn_spi *spi)
{
	struct nf_vpn_pair *owner = nf_vpn_pair_of_lane(spi->flow.lane);
	unsigned int i, room = READ_ONCE(c->in->rules.copies), n = 1;

	for (i = 0; i < c->group->n && n < room; i++) {
		if ((int)i == owner->place || !nf_vpn_esp_may_share(c, i))
			continue;
		nf_vpn_esp_copy_to(c, nf_vpn_group_pair(c->group, i));
		n++;
	}
	if (n > 1 && !spi->shared) {
		spi->shared = true;
		nf_vpn_count(c->vn, NF_VPN_STAT_ESP_SHARED);
		nf_vpn_esp_tell(c, NF_VPN_EVENT_COLLISION, owner);
		net_notice_ratelimited("nf_vpn: two clients of %pI4 use the inbound SPI 0x%x, both get its packets\n",
				       &c->key->src, c->a->spi);
	}
	return n > 1;
}

static void nf_vpn_esp_settled(struct nf_vpn_esp_case *c,
			       struct nf_vpn_spi *spi)
{
	if (!(nf_vpn_esp_in_shared(&spi->sa, c->a) &&
	      nf_vpn_esp_share(c, spi)) &&
	    time_after(jiffies, c->group->suspect_until))
		WRITE_ONCE(spi->flow.watched, false);
	WRITE_ONCE(spi->flow.used, jiffies);
	if (!nf_vpn_lane_attach(c->skb, spi->flow.lane, IP_CT_DIR_REPLY))
		nf_vpn_count(c->vn, NF_VPN_STAT_ESP_REFUSED);
}

static void nf_vpn_esp_decide(struct nf_vpn_esp_case *c)
{
	struct nf_vpn_flow *flow = nf_vpn_flow_find(c->vn, c->key);
	struct nf_vpn_spi *spi = NULL;

	/* A client may have the addresses of another one's server. */
	if (flow && flow->dir != IP_CT_DIR_REPLY)
		return;
	if (flow)
		spi = container_of(flow, struct nf_vpn_spi, flow);
	if (spi && !spi->open)
		nf_vpn_esp_settled(c, spi);
	else if (c->in->memory)
		nf_vpn_esp_weigh_in(c, spi);
	else
		nf_vpn_count(c->vn, NF_VPN_STAT_NO_MEMORY);
}

void nf_vpn_esp_inbound(struct nf_vpn_net *vn, struct sk_buff *skb,
			const struct nf_vpn_end *end,
			const struct nf_vpn_key *key,
			const struct nf_vpn_esp_arrival *a,
			struct sk_buff_head *copies)
{
	struct nf_vpn_esp_case c = {
		.vn = vn, .in = nf_vpn_ipsec_pernet(vn->net), .skb = skb,
		.key = key, .a = a, .copies = copies, .now = nf_vpn_esp_now(),
	};

	spin_lock_bh(&vn->lock);
	c.group = nf_vpn_group_find(c.in, end);
	if (c.group)
		nf_vpn_esp_decide(&c);
	spin_unlock_bh(&vn->lock);
}
