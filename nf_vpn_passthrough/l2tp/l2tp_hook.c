// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages of L2TP over IP are read where a conntrack helper would read
 * them: on their way out, when NAT has chosen the addresses.  Only here is it
 * known, for the first packet of a client, what its public address is.
 */
#include <linux/ip.h>
#include <linux/netfilter_ipv4.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_core.h>
#include "l2tp.h"

/**
 * struct nf_vpn_l2tp_packet - a control message in a packet
 * @skb: the packet
 * @off: offset of the message in it
 */
struct nf_vpn_l2tp_packet {
	struct sk_buff	*skb;
	unsigned int	off;
};

static const u8 *nf_vpn_l2tp_peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	const struct nf_vpn_l2tp_packet *p = ctx;

	return skb_header_pointer(p->skb, p->off + off, n, buf);
}

/* L2TP over IP has no checksum (RFC 3931 4.1.1). */
static int nf_vpn_l2tp_write(struct nf_vpn_net *vn,
			     const struct nf_vpn_l2tp_packet *p,
			     const struct nf_vpn_l2tp_id *id, u32 to)
{
	unsigned int at = p->off + id->off;

	if (id->seen != NF_VPN_L2TP_CLEAR || id->id == to)
		return 0;
	if (skb_ensure_writable(p->skb, at + sizeof(to)))
		return NF_VPN_STAT_NO_MEMORY;
	nf_vpn_put_be32(p->skb->data + at, to);
	nf_vpn_count(vn, NF_VPN_STAT_L2TP_REWRITTEN);
	return 0;
}

static int nf_vpn_l2tp_apply(struct nf_vpn_net *vn,
			     const struct nf_vpn_l2tp_packet *p,
			     const struct nf_vpn_l2tp_msg *msg,
			     const struct nf_vpn_l2tp_edit *edit)
{
	int why;

	why = nf_vpn_l2tp_write(vn, p, &msg->assigned, edit->assigned);
	if (!why)
		why = nf_vpn_l2tp_write(vn, p, &msg->local, edit->local);
	if (!why)
		why = nf_vpn_l2tp_write(vn, p, &msg->remote, edit->remote);
	return why;
}

/* nf_vpn_net.lock held.  0, or why the packet must not go on. */
static int nf_vpn_l2tp_message(struct nf_vpn_l2tp_net *ln,
			       struct nf_vpn_l2tp_pair *pair, u8 from,
			       const struct nf_vpn_l2tp_packet *p)
{
	struct nf_vpn_l2tp_octets in = {
		.ctx	= (void *)p,
		.len	= p->skb->len - p->off,
		.peek	= nf_vpn_l2tp_peek,
	};
	struct nf_vpn_l2tp_edit edit;
	struct nf_vpn_l2tp_msg msg;
	enum nf_vpn_l2tp_err err;
	int why;

	err = nf_vpn_l2tp_parse(&in, &msg);
	if (err || msg.version != 3) {
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_BAD);
		/* Which of two IDs the receiver believes, we cannot know. */
		return err == NF_VPN_L2TP_BAD_ID ? NF_VPN_STAT_L2TP_REFUSED : 0;
	}
	nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_MESSAGE);
	edit.assigned = msg.assigned.id;
	edit.local = msg.local.id;
	edit.remote = msg.remote.id;
	why = nf_vpn_l2tp_control(pair, from, &msg, &edit);
	return why ? why : nf_vpn_l2tp_apply(ln->vn, p, &msg, &edit);
}

/* Its first packet, before conntrack would drop it for the tuple it has. */
static int nf_vpn_l2tp_first(struct nf_vpn_l2tp_net *ln,
			     struct nf_vpn_l2tp_pair *pair,
			     const struct nf_conn *ct)
{
	if (pair->resolved)
		return 0;
	if (!nf_ct_is_confirmed(ct) &&
	    nf_conntrack_tuple_taken(&ct->tuplehash[IP_CT_DIR_REPLY].tuple,
				     ct)) {
		nf_vpn_l2tp_pair_rezone(ln, pair);
		return NF_VPN_STAT_L2TP_CLASH;
	}
	return nf_vpn_l2tp_pair_resolve(ln, pair, ct) ?
		NF_VPN_STAT_L2TP_REFUSED : 0;
}

/* A session ID of 0: a control message (RFC 3931 4.1.1.2). */
static bool nf_vpn_l2tp_is_control(const struct sk_buff *skb, unsigned int off)
{
	__be32 _id, *id;

	id = skb_header_pointer(skb, off, sizeof(_id), &_id);
	return id && !*id;
}

static int nf_vpn_l2tp_leaving(struct nf_vpn_l2tp_net *ln, struct sk_buff *skb,
			       struct nf_conn *ct, u8 from)
{
	struct nf_vpn_l2tp_packet p = {
		.skb	= skb,
		.off	= skb_network_offset(skb) + ip_hdrlen(skb),
	};
	bool control = nf_vpn_l2tp_is_control(skb, p.off);
	struct nf_vpn_l2tp_pair *pair;
	int why = 0;

	/* Data of an established session: nothing to be read. */
	if (!control && nf_ct_is_confirmed(ct))
		return 0;
	p.off += NF_VPN_L2TP_IP_ZERO_LEN;
	spin_lock_bh(&ln->vn->lock);
	pair = nf_vpn_l2tp_pair_of(ln, ct);
	if (pair)
		why = nf_vpn_l2tp_first(ln, pair, ct);
	if (pair && !why && control)
		why = nf_vpn_l2tp_message(ln, pair, from, &p);
	spin_unlock_bh(&ln->vn->lock);
	return why;
}

static unsigned int nf_vpn_l2tp_hook(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct nf_vpn_l2tp_net *ln = priv;
	enum ip_conntrack_info info;
	struct nf_conn *ct;
	int why;

	if (ip_hdr(skb)->protocol != IPPROTO_L2TP)
		return NF_ACCEPT;
	ct = nf_ct_get(skb, &info);
	/* An ICMP error has the entry of what it quotes; it is not protocol 115. */
	if (!ct || nf_ct_is_template(ct) || ip_is_fragment(ip_hdr(skb)))
		return NF_ACCEPT;
	why = nf_vpn_l2tp_leaving(ln, skb, ct, CTINFO2DIR(info));
	if (!why)
		return NF_ACCEPT;
	nf_vpn_count(ln->vn, why);
	return NF_DROP;
}

static void nf_vpn_l2tp_enable_work(struct work_struct *work)
{
	struct nf_vpn_l2tp_net *ln = container_of(work, struct nf_vpn_l2tp_net,
						  enable);

	if (nf_register_net_hooks(ln->vn->net, ln->ops, ARRAY_SIZE(ln->ops))) {
		/* No memory: the next marked packet asks again. */
		nf_vpn_count(ln->vn, NF_VPN_STAT_NO_MEMORY);
		atomic_set(&ln->hooked, NF_VPN_HOOKS_OFF);
		return;
	}
	atomic_set(&ln->hooked, NF_VPN_HOOKS_ON);
}

void nf_vpn_l2tp_hook_enable(struct nf_vpn_l2tp_net *ln)
{
	if (likely(atomic_read(&ln->hooked)) || READ_ONCE(ln->vn->dead))
		return;
	if (atomic_cmpxchg(&ln->hooked, NF_VPN_HOOKS_OFF,
			   NF_VPN_HOOKS_ASKED) == NF_VPN_HOOKS_OFF)
		schedule_work(&ln->enable);
}

static void nf_vpn_l2tp_hook_ops(struct nf_hook_ops *ops, unsigned int hooknum,
				 struct nf_vpn_l2tp_net *ln)
{
	ops->hook = nf_vpn_l2tp_hook;
	ops->pf = NFPROTO_IPV4;
	ops->hooknum = hooknum;
	ops->priority = NF_IP_PRI_CONNTRACK_HELPER;
	ops->priv = ln;
}

void nf_vpn_l2tp_hook_net_init(struct nf_vpn_l2tp_net *ln)
{
	nf_vpn_l2tp_hook_ops(&ln->ops[0], NF_INET_POST_ROUTING, ln);
	nf_vpn_l2tp_hook_ops(&ln->ops[1], NF_INET_LOCAL_IN, ln);
	INIT_WORK(&ln->enable, nf_vpn_l2tp_enable_work);
}

void nf_vpn_l2tp_hook_net_exit(struct nf_vpn_l2tp_net *ln)
{
	cancel_work_sync(&ln->enable);
	if (atomic_read(&ln->hooked) == NF_VPN_HOOKS_ON)
		nf_unregister_net_hooks(ln->vn->net, ln->ops,
					ARRAY_SIZE(ln->ops));
}
