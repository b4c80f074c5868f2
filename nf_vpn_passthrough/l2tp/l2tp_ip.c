// SPDX-License-Identifier: GPL-2.0-only
/*
 * L2TP version 3 over IP, protocol 115 (RFC 3931 4.1.1): each session and each
 * control connection is a flow, found by the ID of its receiver.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>
#include "l2tp.h"

/* Where the Control Connection ID is: behind the zeroes, flags and length. */
#define NF_VPN_L2TP_CONN_OFF	8

/* An ICMP error may quote 8 octets only: then it is one of the door's. */
static int nf_vpn_l2tp_key(const struct sk_buff *skb, unsigned int off,
			   struct nf_vpn_key *key)
{
	__be32 _id, *id;

	id = skb_header_pointer(skb, off, sizeof(_id), &_id);
	if (!id)
		return NF_VPN_STAT_TRUNCATED;
	key->id = *id;
	if (key->id)
		return 0;
	key->space = NF_VPN_L2TP_CONTROL;
	id = skb_header_pointer(skb, off + NF_VPN_L2TP_CONN_OFF, sizeof(_id),
				&_id);
	if (id)
		key->id = *id;
	return 0;
}

/* No checksum covers it (RFC 3931 4.1.1). */
static bool nf_vpn_l2tp_rewrite(struct sk_buff *skb, unsigned int off,
				__be32 id)
{
	__be32 *at;

	if (skb_ensure_writable(skb, off + sizeof(*at)))
		return false;
	at = (__be32 *)(skb->data + off);
	if (!*at) {
		off += NF_VPN_L2TP_CONN_OFF;
		if (skb_ensure_writable(skb, off + sizeof(*at)))
			return false;
		at = (__be32 *)(skb->data + off);
	}
	memcpy(at, &id, sizeof(id));
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	return true;
}

/* May this packet of nobody's begin something?  A rule must have marked it. */
static bool nf_vpn_l2tp_wanted(struct nf_vpn_l2tp_net *ln,
			       const struct sk_buff *skb, unsigned int off,
			       const struct nf_vpn_key *key)
{
	u8 _p[NF_VPN_L2TP_HEAD_MAX], *p;
	u32 mark = READ_ONCE(ln->mark);
	struct nf_vpn_l2tp_head head;

	if (!mark || (skb->mark & mark) != mark)
		return false;
	nf_vpn_l2tp_hook_enable(ln);
	if (key->space == NF_VPN_L2TP_DATA)
		return READ_ONCE(ln->without_control);
	p = skb_header_pointer(skb, off + NF_VPN_L2TP_IP_ZERO_LEN, sizeof(_p),
			       _p);
	if (p && !nf_vpn_l2tp_head(p, sizeof(_p), &head) && head.control &&
	    head.version == 3)
		return true;
	nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_BAD);
	return false;
}

/* Stock conntrack is to make the entry, in the pair's zone. */
static void nf_vpn_l2tp_wait(struct nf_vpn_net *vn, struct sk_buff *skb,
			     const struct nf_vpn_l2tp_pair *pair)
{
	nf_vpn_count(vn, NF_VPN_STAT_L2TP_PENDING);
	/* The admin's own template goes first. */
	if (!pair->tmpl || skb_nfct(skb))
		return;
	nf_conntrack_get(&pair->tmpl->ct_general);
	nf_ct_set(skb, pair->tmpl, IP_CT_NEW);
}

/* A packet from a client we know, to an ID of the server's we may not. */
static struct nf_vpn_flow *nf_vpn_l2tp_out(struct nf_vpn_l2tp_net *ln,
					   struct sk_buff *skb,
					   struct nf_vpn_l2tp_pair *pair,
					   const struct nf_vpn_key *key)
{
	if (key->space == NF_VPN_L2TP_DATA && READ_ONCE(ln->without_control))
		nf_vpn_l2tp_static_out(pair, ntohl(key->id));
	if (!nf_vpn_l2tp_pair_adopt(ln, pair)) {
		nf_vpn_l2tp_wait(ln->vn, skb, pair);
		return NULL;
	}
	return pair->door;
}

/* nf_vpn_net.lock held. */
static struct nf_vpn_flow *nf_vpn_l2tp_find(struct nf_vpn_l2tp_net *ln,
					    struct sk_buff *skb,
					    unsigned int off,
					    const struct nf_vpn_key *key)
{
	struct nf_vpn_flow *flow = nf_vpn_flow_find(ln->vn, key);
	struct nf_vpn_l2tp_pair *pair;

	/* Reserved: its entry may be there now. */
	if (flow && flow->dir == IP_CT_DIR_REPLY) {
		pair = nf_vpn_l2tp_pair_of_lane(flow->lane);
		if (nf_vpn_l2tp_pair_adopt(ln, pair))
			return flow;
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_PENDING);
		return NULL;
	}
	pair = nf_vpn_l2tp_pair_from(ln, key);
	if (!pair && nf_vpn_l2tp_wanted(ln, skb, off, key))
		pair = nf_vpn_l2tp_pair_new(ln, key);
	if (pair)
		return nf_vpn_l2tp_out(ln, skb, pair, key);
	if (key->space == NF_VPN_L2TP_DATA && READ_ONCE(ln->without_control))
		return nf_vpn_l2tp_static_in(ln, key);
	nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_UNKNOWN);
	return NULL;
}

static unsigned int nf_vpn_l2tp_miss(struct nf_vpn_net *vn, struct sk_buff *skb,
				     unsigned int off,
				     const struct nf_vpn_key *key,
				     struct nf_vpn_flow **flow)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(vn->net);
	struct nf_conn *ct;

	ct = *flow ? rcu_dereference((*flow)->lane->ct) : NULL;
	if (nf_vpn_ct_alive(ct)) {
		/* The ID could not be rewritten: it must not go on as it is. */
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return NF_DROP;
	}
	/* Its entry ended: so did all the sessions that shared it. */
	if (ct)
		nf_vpn_lane_kill((*flow)->lane);
	spin_lock_bh(&vn->lock);
	*flow = nf_vpn_l2tp_find(ln, skb, off, key);
	spin_unlock_bh(&vn->lock);
	return NF_ACCEPT;
}

/* Two clients that a packet with these addresses could have come from. */
static bool nf_vpn_l2tp_shared(struct nf_vpn_net *vn,
			       const struct nf_vpn_key *key)
{
	struct nf_vpn_l2tp_end back = { .src = key->dst, .dst = key->src };
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(vn->net);
	struct rhlist_head *list;

	list = nf_vpn_l2tp_pair_lookup(ln, IP_CT_DIR_REPLY, &back);
	return list && rcu_access_pointer(list->next);
}

static void nf_vpn_l2tp_show(struct seq_file *s, const struct nf_vpn_flow *flow)
{
	static const char * const kind[] = { "session", "control", "" };

	if (flow->key[1].space == NF_VPN_L2TP_NOWHERE)
		seq_puts(s, " requests");
	else
		seq_printf(s, " %s", kind[flow->key[0].space]);
}

/* Its other name, and the tunnel above it: a session is restored from that. */
static int nf_vpn_l2tp_fill_link(struct sk_buff *msg,
				 const struct nf_vpn_lane *lane,
				 const struct nf_vpn_flow *flow)
{
	const struct nf_vpn_l2tp_pair *pair =
		nf_vpn_l2tp_pair_of_lane((struct nf_vpn_lane *)lane);
	u8 end = !flow->dir;
	struct nf_vpn_l2tp_link *link;

	link = nf_vpn_l2tp_link_by_real(pair, flow->key[0].space, end,
					ntohl(flow->key[1].id));
	if (!link)
		return 0;
	if ((link->name[!end].real &&
	     nla_put_u32(msg, NF_VPN_A_KEY_PEER, link->name[!end].real)) ||
	    (link->conn && link->conn->name[end].real &&
	     nla_put_u32(msg, NF_VPN_A_KEY_PARENT,
			 link->conn->name[end].real)))
		return -EMSGSIZE;
	return 0;
}

static int nf_vpn_l2tp_fill(struct sk_buff *msg, const struct nf_vpn_lane *lane,
			    const struct nf_vpn_flow *flow)
{
	if (!flow)
		return nla_put_u32(msg, NF_VPN_A_SESSION_BOUND,
				   NF_VPN_BOUND_CONTROL);
	if (flow->key[1].space == NF_VPN_L2TP_NOWHERE)
		return -ENODATA;
	if (nf_vpn_l2tp_fill_link(msg, lane, flow))
		return -EMSGSIZE;
	if (nla_put_u32(msg, NF_VPN_A_KEY_KIND,
			flow->key[0].space == NF_VPN_L2TP_CONTROL ?
			NF_VPN_KIND_TUNNEL : NF_VPN_KIND_SESSION))
		return -EMSGSIZE;
	return nla_put_u32(msg, NF_VPN_A_KEY_EVIDENCE, NF_VPN_EVIDENCE_EXACT);
}

const struct nf_vpn_proto nf_vpn_l2tp_proto = {
	.name		= "l2tp",
	.protocol	= NF_VPN_PROTOCOL_L2TP_IP,
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_L2TP,
	.key		= nf_vpn_l2tp_key,
	.miss		= nf_vpn_l2tp_miss,
	.rewrite	= nf_vpn_l2tp_rewrite,
	.shared		= nf_vpn_l2tp_shared,
	.reap		= nf_vpn_l2tp_link_reap,
	.gone		= nf_vpn_l2tp_pair_gone,
	.free		= nf_vpn_l2tp_pair_free,
	.show		= nf_vpn_l2tp_show,
	.fill		= nf_vpn_l2tp_fill,
	.restore	= nf_vpn_l2tp_restore,
};
