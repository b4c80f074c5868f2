// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP: each SPI is a flow.  An outbound SPI is found by its addresses; whose an
 * inbound SPI is, esp_inbound.c finds out.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>
#include "ipsec.h"

static inline int nf_vpn_esp_id(const struct ip_esp_hdr *eh,
				struct nf_vpn_key *key)
{
	if (ntohl(eh->spi) <= NF_VPN_ESP_SPI_RESERVED)
		return NF_VPN_STAT_ESP_RESERVED;
	key->id = eh->spi;
	return 0;
}

/* In fragments of memory, or not all there. */
static noinline int nf_vpn_esp_key_far(const struct sk_buff *skb,
				       unsigned int off, struct nf_vpn_key *key)
{
	struct ip_esp_hdr _eh, *eh;

	eh = skb_header_pointer(skb, off, sizeof(_eh), &_eh);
	return eh ? nf_vpn_esp_id(eh, key) : NF_VPN_STAT_TRUNCATED;
}

static int nf_vpn_esp_key(const struct sk_buff *skb, unsigned int off,
			  struct nf_vpn_key *key)
{
	if (likely(off + sizeof(struct ip_esp_hdr) <= skb_headlen(skb)))
		return nf_vpn_esp_id((void *)(skb->data + off), key);
	return nf_vpn_esp_key_far(skb, off, key);
}

/*
 * The pair of an outbound packet.  Several with those addresses: the public
 * address changed, and the newest comes first.
 */
static struct nf_vpn_pair *nf_vpn_esp_sender(struct nf_vpn_ipsec_net *in,
					     const struct nf_vpn_end *end)
{
	struct rhlist_head *list, *pos;
	struct nf_vpn_pair *pair;

	list = nf_vpn_pair_lookup(in, IP_CT_DIR_ORIGINAL, end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_ORIGINAL])
		if (pair->lane ||
		    (pair->master && nf_vpn_ct_alive(pair->master)))
			return pair;
	return NULL;
}

/* Lock held.  Somebody else may have learned the SPI meanwhile. */
static struct nf_vpn_flow *nf_vpn_esp_learn_out(struct nf_vpn_net *vn,
						const struct nf_vpn_end *end,
						const struct nf_vpn_key *key)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_flow *flow = nf_vpn_flow_find(vn, key);
	struct nf_vpn_pair *pair;

	if (flow)
		return flow->dir == IP_CT_DIR_ORIGINAL ? flow : NULL;
	pair = nf_vpn_esp_sender(in, end);
	flow = pair ? nf_vpn_spi_out(vn, pair, key) : NULL;
	if (!flow) {
		nf_vpn_count(vn, NF_VPN_STAT_ESP_REFUSED);
		return NULL;
	}
	/* Raw ESP from the client's side: it does not use UDP after all. */
	nf_vpn_pair_float(pair, false);
	nf_vpn_esp_out(&pair->ev, true, nf_vpn_esp_now());
	nf_vpn_spi_watch_out(pair);
	return flow;
}

/* No lock: a race costs a hint, no more. */
static void nf_vpn_esp_note_out(struct nf_vpn_flow *flow)
{
	struct nf_vpn_esp_evidence *ev = &nf_vpn_pair_of_lane(flow->lane)->ev;
	u32 now = nf_vpn_esp_now();

	nf_vpn_esp_out(ev, false, now);
	if (nf_vpn_esp_watched(ev, now))
		return;
	WRITE_ONCE(flow->watched, false);
	/* Who opened a gate meanwhile has set it before, or is seen now. */
	smp_mb();
	if (nf_vpn_esp_watched(ev, now))
		WRITE_ONCE(flow->watched, true);
}

/* False: none of ours. */
static bool nf_vpn_esp_outbound(struct nf_vpn_net *vn, struct sk_buff *skb,
				const struct nf_vpn_end *end,
				const struct nf_vpn_key *key,
				struct nf_vpn_flow *flow)
{
	if (flow) {
		nf_vpn_esp_note_out(flow);
	} else {
		spin_lock_bh(&vn->lock);
		flow = nf_vpn_esp_learn_out(vn, end, key);
		spin_unlock_bh(&vn->lock);
	}
	if (!flow)
		return false;
	if (time_after(jiffies, READ_ONCE(flow->used) + HZ))
		WRITE_ONCE(flow->used, jiffies);
	return nf_vpn_lane_attach(skb, flow->lane, IP_CT_DIR_ORIGINAL);
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

static unsigned int nf_vpn_esp_unknown(struct nf_vpn_ipsec_net *in,
				       struct sk_buff *skb,
				       const struct nf_vpn_end *end)
{
	struct nf_vpn_net *vn = in->vn;

	if (READ_ONCE(in->without_ike) &&
	    inet_addr_type(vn->net, end->dst) != RTN_LOCAL)
		nf_vpn_manual_out(vn, skb, end);
	else
		nf_vpn_count(vn, NF_VPN_STAT_ESP_UNKNOWN);
	return NF_ACCEPT;
}

static unsigned int nf_vpn_esp_stranger(struct nf_vpn_net *vn,
					struct sk_buff *skb, unsigned int off,
					const struct nf_vpn_key *key,
					struct sk_buff_head *copies)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_end end = {
		.src = key->src, .dst = key->dst, .zone = key->zone,
	};
	struct nf_vpn_esp_arrival a;
	int dir;

	if (READ_ONCE(in->without_ike))
		nf_vpn_manual_resolve(vn);
	dir = nf_vpn_esp_direction(in, &end);
	if (dir < 0)
		return nf_vpn_esp_unknown(in, skb, &end);
	if (dir == IP_CT_DIR_REPLY) {
		nf_vpn_esp_arrival_of(skb, off, &a);
		nf_vpn_esp_inbound(vn, skb, &end, key, &a, copies);
	} else if (!nf_vpn_esp_outbound(vn, skb, &end, key, NULL) &&
		   READ_ONCE(in->without_ike)) {
		/* Stock conntrack has not made its entry yet. */
		nf_vpn_manual_out(vn, skb, &end);
	}
	return NF_ACCEPT;
}

static unsigned int nf_vpn_esp_weigh(struct nf_vpn_net *vn, struct sk_buff *skb,
				     unsigned int off,
				     const struct nf_vpn_key *key,
				     struct nf_vpn_flow *flow,
				     struct sk_buff_head *copies)
{
	/* Its entry ended: so did all the SPIs that shared it. */
	if (flow && !nf_vpn_ct_alive(rcu_dereference(flow->lane->ct))) {
		nf_vpn_count(vn, NF_VPN_STAT_STALE);
		nf_vpn_lane_kill(flow->lane);
		flow = NULL;
	}
	if (flow && flow->dir == IP_CT_DIR_ORIGINAL) {
		nf_vpn_esp_outbound(vn, skb, NULL, key, flow);
		return NF_ACCEPT;
	}
	if (!flow && nf_vpn_local_owns(vn->net, skb, key)) {
		nf_vpn_local_zone(vn, skb, key);
		nf_vpn_count(vn, NF_VPN_STAT_ESP_LOCAL);
		return NF_ACCEPT;
	}
	return nf_vpn_esp_stranger(vn, skb, off, key, copies);
}

static void nf_vpn_esp_show(struct seq_file *s, const struct nf_vpn_flow *flow)
{
	const struct nf_vpn_pair *pair = nf_vpn_pair_of_lane(flow->lane);
	const struct nf_vpn_spi *spi;

	if (flow->dir == IP_CT_DIR_REPLY) {
		spi = container_of(flow, struct nf_vpn_spi, flow);
		seq_printf(s, " %s", READ_ONCE(spi->open) ? "guess" :
							    "settled");
	}
	seq_printf(s, " gates=%u%s%s", READ_ONCE(pair->ev.gates),
		   READ_ONCE(flow->watched) ? " watched" : "",
		   pair->master ? "" : " without-ike");
}

static int nf_vpn_esp_fill(struct sk_buff *msg, const struct nf_vpn_lane *lane,
			   const struct nf_vpn_flow *flow)
{
	u32 evidence = NF_VPN_EVIDENCE_EXACT;
	const struct nf_vpn_pair *pair;

	if (!flow) {
		pair = nf_vpn_pair_of_lane((struct nf_vpn_lane *)lane);
		if (nla_put_u32(msg, NF_VPN_A_SESSION_AWAITED, pair->ev.gates))
			return -EMSGSIZE;
		return nla_put_u32(msg, NF_VPN_A_SESSION_BOUND, pair->master ?
				   NF_VPN_BOUND_CONTROL : NF_VPN_BOUND_DATA);
	}
	if (flow->dir == IP_CT_DIR_REPLY)
		evidence = container_of(flow, struct nf_vpn_spi, flow)->open ?
			NF_VPN_EVIDENCE_GUESS : NF_VPN_EVIDENCE_SETTLED;
	if (nla_put_u32(msg, NF_VPN_A_KEY_KIND, NF_VPN_KIND_SPI))
		return -EMSGSIZE;
	return nla_put_u32(msg, NF_VPN_A_KEY_EVIDENCE, evidence);
}

const struct nf_vpn_proto nf_vpn_esp_proto = {
	.name		= "esp",
	.protocol	= NF_VPN_PROTOCOL_ESP,
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_ESP,
	.key		= nf_vpn_esp_key,
	.weigh		= nf_vpn_esp_weigh,
	.shared		= nf_vpn_esp_shared,
	.reap		= nf_vpn_pair_reap,
	.gone		= nf_vpn_pair_lane_gone,
	.free		= nf_vpn_pair_lane_free,
	.forget		= nf_vpn_spi_forget,
	.show		= nf_vpn_esp_show,
	.fill		= nf_vpn_esp_fill,
	.restore	= nf_vpn_esp_restore,
};
