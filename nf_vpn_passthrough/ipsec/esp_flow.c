// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP: each SPI is a flow.  An outbound SPI is found by its addresses; whose an
 * inbound SPI is, the evidence says (section 4 of docs/architecture.md).
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* RFC 4303 2.1: 1 to 255 are reserved, 0 is for local use. */
#define NF_VPN_ESP_SPI_RESERVED	255

static int nf_vpn_esp_key(const struct sk_buff *skb, unsigned int off,
			  struct nf_vpn_key *key)
{
	struct ip_esp_hdr _eh, *eh;

	eh = skb_header_pointer(skb, off, sizeof(_eh), &_eh);
	if (!eh)
		return NF_VPN_STAT_TRUNCATED;
	if (ntohl(eh->spi) <= NF_VPN_ESP_SPI_RESERVED)
		return NF_VPN_STAT_ESP_RESERVED;
	key->id = eh->spi;
	return 0;
}

/* As the packet leaves; an ICMP error about it comes back from there. */
static void nf_vpn_esp_depart(const struct nf_conn *ct, u8 dir,
			      const struct nf_vpn_key *arrive,
			      const struct nf_vpn_end *back,
			      struct nf_vpn_key *depart)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[!dir].tuple;

	*depart = *arrive;
	depart->src = t->dst.u3.ip;
	depart->dst = t->src.u3.ip;
	depart->zone = back->zone;
}

/* Room for one more SPI of this direction: the longest idle one goes. */
static void nf_vpn_esp_recycle(struct nf_vpn_lane *lane, u8 dir)
{
	struct nf_vpn_flow *flow, *oldest = NULL;
	unsigned int n = 0;

	list_for_each_entry(flow, &lane->flows, list) {
		if (flow->dir != dir)
			continue;
		n++;
		if (!oldest || time_before(READ_ONCE(flow->used),
					   READ_ONCE(oldest->used)))
			oldest = flow;
	}
	if (n < NF_VPN_PAIR_SPIS)
		return;
	nf_vpn_flow_del(oldest);
	nf_vpn_count(lane->vn, NF_VPN_STAT_ESP_RECYCLED);
}

static struct nf_vpn_flow *nf_vpn_esp_add(struct nf_vpn_net *vn,
					  struct nf_vpn_pair *pair,
					  struct nf_vpn_lane *lane, u8 dir,
					  const struct nf_vpn_key *key)
{
	struct nf_vpn_spi *spi = kzalloc(sizeof(*spi), GFP_ATOMIC);
	struct nf_vpn_key depart;

	if (!spi)
		return NULL;
	nf_vpn_esp_depart(rcu_dereference(lane->ct), dir, key,
			  &pair->end[!dir], &depart);
	if (nf_vpn_flow_add(&spi->flow, lane, dir, key, &depart)) {
		kfree(spi);
		return NULL;
	}
	if (dir == IP_CT_DIR_ORIGINAL && !spi->flow.departs)
		nf_vpn_count(vn, NF_VPN_STAT_ESP_DUPLICATE);
	nf_vpn_pair_match(pair, spi);
	nf_vpn_count(vn, dir == IP_CT_DIR_ORIGINAL ? NF_VPN_STAT_ESP_OUT :
						     NF_VPN_STAT_ESP_IN);
	return &spi->flow;
}

/* Lock held. */
static struct nf_vpn_flow *nf_vpn_esp_bind(struct nf_vpn_net *vn,
					   struct nf_vpn_pair *pair, u8 dir,
					   const struct nf_vpn_key *key)
{
	struct nf_vpn_lane *lane = nf_vpn_esp_lane(vn, pair);

	if (!lane)
		return NULL;
	/* Raw ESP from the client's side: it does not use UDP after all. */
	if (dir == IP_CT_DIR_ORIGINAL)
		pair->floated = false;
	nf_vpn_esp_recycle(lane, dir);
	return nf_vpn_esp_add(vn, pair, lane, dir, key);
}

/* Pairs with that end which raw ESP may be for; at most @max.  Lock held. */
static unsigned int nf_vpn_esp_candidates(struct nf_vpn_net *vn, u8 dir,
					  struct rhlist_head *list,
					  struct nf_vpn_pair **pairs,
					  unsigned int max)
{
	struct nf_vpn_pair *pair;
	struct rhlist_head *pos;
	unsigned int n = 0;

	rhl_for_each_entry_rcu(pair, pos, list, node[dir]) {
		if (n == max)
			break;
		if (!pair->floated)
			pairs[n++] = pair;
	}
	return n;
}

static struct nf_vpn_pair *nf_vpn_esp_weigh(struct nf_vpn_net *vn,
					    const struct nf_vpn_esp_arrival *a,
					    struct nf_vpn_pair **pairs,
					    struct nf_vpn_esp_candidate *c,
					    unsigned int n)
{
	struct nf_vpn_esp_choice choice;
	unsigned int i;

	for (i = 0; i < n; i++)
		nf_vpn_pair_evidence(vn, pairs[i], &c[i]);
	if (nf_vpn_esp_choose(a, c, n, &choice) < 0)
		return NULL;
	if (choice.verdict == NF_VPN_ESP_AMBIGUOUS)
		nf_vpn_count(vn, NF_VPN_STAT_ESP_IN_GUESS);
	return pairs[choice.winner];
}

/* Several clients: memory for weighing them, given back at once. */
static struct nf_vpn_pair *nf_vpn_esp_choose_pair(struct nf_vpn_net *vn, u8 dir,
						  struct rhlist_head *list,
						  const struct nf_vpn_esp_arrival *a)
{
	struct nf_vpn_esp_candidate *c;
	struct nf_vpn_pair *pair = NULL, *two[2], **pairs;
	unsigned int n;

	n = nf_vpn_esp_candidates(vn, dir, list, two, 2);
	if (n < 2)
		return n ? two[0] : NULL;

	pairs = kmalloc_array(NF_VPN_ESP_CANDIDATES, sizeof(*pairs) +
			      sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);
	if (!pairs) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	c = (void *)(pairs + NF_VPN_ESP_CANDIDATES);
	n = nf_vpn_esp_candidates(vn, dir, list, pairs, NF_VPN_ESP_CANDIDATES);
	pair = nf_vpn_esp_weigh(vn, a, pairs, c, n);
	kfree(pairs);
	return pair;
}

/* Lock held.  Somebody else may have learned the SPI meanwhile. */
static struct nf_vpn_flow *nf_vpn_esp_learn(struct nf_vpn_net *vn, u8 dir,
					    const struct nf_vpn_end *end,
					    const struct nf_vpn_key *key,
					    const struct nf_vpn_esp_arrival *a)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_flow *flow = nf_vpn_flow_find(vn, key);
	struct nf_vpn_pair *pair;

	if (flow)
		return flow;
	pair = nf_vpn_esp_choose_pair(vn, dir,
				      nf_vpn_pair_lookup(in, dir, end), a);
	flow = pair ? nf_vpn_esp_bind(vn, pair, dir, key) : NULL;
	if (!flow)
		nf_vpn_count(vn, NF_VPN_STAT_ESP_REFUSED);
	return flow;
}

static void nf_vpn_esp_arrival_of(const struct sk_buff *skb, unsigned int off,
				  struct nf_vpn_esp_arrival *a)
{
	struct ip_esp_hdr _eh, *eh;

	memset(a, 0, sizeof(*a));
	eh = skb_header_pointer(skb, off, sizeof(_eh), &_eh);
	if (!eh)
		return;
	a->spi = ntohl(eh->spi);
	a->seq = ntohl(eh->seq_no);
}

/* Does any pair have this end, and in which direction?  No lock: floods. */
static int nf_vpn_esp_direction(struct nf_vpn_ipsec_net *in,
				const struct nf_vpn_end *end)
{
	if (nf_vpn_pair_lookup(in, IP_CT_DIR_ORIGINAL, end))
		return IP_CT_DIR_ORIGINAL;
	if (nf_vpn_pair_lookup(in, IP_CT_DIR_REPLY, end))
		return IP_CT_DIR_REPLY;
	return -ENOENT;
}

/* Two pairs that a packet with these addresses could have come from. */
static bool nf_vpn_esp_shared(struct nf_vpn_net *vn,
			      const struct nf_vpn_key *key)
{
	struct nf_vpn_end back = {
		.src = key->dst, .dst = key->src, .zone = key->zone,
	};
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct rhlist_head *list;

	list = nf_vpn_pair_lookup(in, IP_CT_DIR_REPLY, &back);
	return list && rcu_access_pointer(list->next);
}

static unsigned int nf_vpn_esp_unknown(struct nf_vpn_net *vn,
				       struct sk_buff *skb,
				       const struct nf_vpn_end *end)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	if (READ_ONCE(in->without_ike) &&
	    inet_addr_type(vn->net, end->dst) != RTN_LOCAL)
		nf_vpn_manual_out(vn, skb, end);
	else
		nf_vpn_count(vn, NF_VPN_STAT_ESP_UNKNOWN);
	return NF_ACCEPT;
}

static unsigned int nf_vpn_esp_miss(struct nf_vpn_net *vn, struct sk_buff *skb,
				    unsigned int off,
				    const struct nf_vpn_key *key,
				    struct nf_vpn_flow **flow)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_end end = {
		.src = key->src, .dst = key->dst, .zone = key->zone,
	};
	struct nf_vpn_esp_arrival a;
	int dir;

	/* Its entry ended: so did all the SPIs that shared it. */
	if (*flow)
		nf_vpn_lane_kill((*flow)->lane);
	*flow = NULL;
	if (nf_vpn_local_owns(vn->net, skb, key)) {
		nf_vpn_local_zone(vn, skb, key);
		nf_vpn_count(vn, NF_VPN_STAT_ESP_LOCAL);
		return NF_ACCEPT;
	}
	if (READ_ONCE(in->without_ike))
		nf_vpn_manual_resolve(vn);
	dir = nf_vpn_esp_direction(in, &end);
	if (dir < 0)
		return nf_vpn_esp_unknown(vn, skb, &end);

	nf_vpn_esp_arrival_of(skb, off, &a);
	spin_lock_bh(&vn->lock);
	*flow = nf_vpn_esp_learn(vn, dir, &end, key, &a);
	spin_unlock_bh(&vn->lock);
	/* Keyed by hand, and stock conntrack has not made its entry yet. */
	if (!*flow && dir == IP_CT_DIR_ORIGINAL && READ_ONCE(in->without_ike))
		nf_vpn_manual_out(vn, skb, &end);
	return NF_ACCEPT;
}

static void nf_vpn_esp_show(struct seq_file *s, const struct nf_vpn_flow *flow)
{
	const struct nf_vpn_spi *spi =
		container_of(flow, struct nf_vpn_spi, flow);
	const struct nf_vpn_pair *pair = nf_vpn_pair_of_lane(flow->lane);

	if (flow->dir == IP_CT_DIR_REPLY)
		seq_printf(s, " %s", READ_ONCE(spi->matched) ? "matched" :
							       "provisional");
	seq_printf(s, " gates=%u%s", READ_ONCE(pair->gates),
		   pair->master ? "" : " without-ike");
}

const struct nf_vpn_proto nf_vpn_esp_proto = {
	.name		= "esp",
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_ESP,
	.key		= nf_vpn_esp_key,
	.miss		= nf_vpn_esp_miss,
	.shared		= nf_vpn_esp_shared,
	.reap		= nf_vpn_pair_reap,
	.gone		= nf_vpn_pair_lane_gone,
	.free		= nf_vpn_pair_lane_free,
	.show		= nf_vpn_esp_show,
};
