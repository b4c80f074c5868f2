// SPDX-License-Identifier: GPL-2.0-only
/*
 * L2TP version 2 of several clients from one public source port 1701, for servers that
 * insist on it (sysctl l2tp_port_1701).  Each end chooses the Tunnel ID that it wants
 * to receive (RFC 2661 3.1), and the header of every packet has it: what the server
 * sends leads by it to the client.  Clients choose without each other, and many begin
 * with 1: the second one with an ID is known to the server by another one.  It stands
 * in clear in the client's SCCRQ and StopCCN (4.4.3) and in the server's headers, and
 * no signature covers it.
 *
 * A tunnel that the server begins could be meant for any of them: it is left to stock
 * conntrack, and goes to the client that has the port without us.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_nat_helper.h>
#include "l2tp.h"

/* IDs tried: with half of them taken, one is found. */
#define NF_VPN_L2TP_SHARE_TRIES	64

static int nf_vpn_l2tp_share_head(const struct sk_buff *skb, unsigned int off,
				  struct nf_vpn_l2tp_head *head)
{
	int why = nf_vpn_l2tp_udp_head(skb, off + sizeof(struct udphdr), head);

	if (why)
		return why;
	return head->version == 2 && head->id ? 0 :
						NF_VPN_STAT_L2TP_PORT_OPEN;
}

int nf_vpn_l2tp_share_key(const struct sk_buff *skb, unsigned int off,
			  struct nf_vpn_key *key)
{
	struct nf_vpn_l2tp_head head;
	int why = nf_vpn_l2tp_share_head(skb, off, &head);

	if (why)
		return why;
	key->id = htonl(head.id);
	key->space = NF_VPN_L2TP_SHARED;
	return 0;
}

unsigned int nf_vpn_l2tp_share_miss(struct nf_vpn_net *vn, struct sk_buff *skb,
				    unsigned int off,
				    const struct nf_vpn_key *key,
				    struct nf_vpn_flow **flow)
{
	*flow = NULL;
	nf_vpn_count(vn, NF_VPN_STAT_L2TP_PORT_UNKNOWN);
	return NF_ACCEPT;
}

/* The Tunnel ID stands at an even offset, whether there is a length or not. */
bool nf_vpn_l2tp_share_rewrite(struct sk_buff *skb, unsigned int off,
			       __be32 id)
{
	struct nf_vpn_l2tp_head head;

	return !nf_vpn_l2tp_share_head(skb, off, &head) &&
	       nf_vpn_udp_write(skb, off, sizeof(struct udphdr) + head.id_off,
				htons(ntohl(id)));
}

static bool nf_vpn_l2tp_share_wanted(const struct nf_vpn_l2tp_net *ln,
				     const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;

	return (READ_ONCE(ln->port_1701) || nf_vpn_port_shared(ln->vn, ct)) &&
	       ct->status & IPS_SRC_NAT &&
	       orig->src.u.udp.port == htons(NF_VPN_L2TP_PORT) &&
	       orig->dst.u.udp.port == htons(NF_VPN_L2TP_PORT);
}

static bool nf_vpn_l2tp_share_kept(const struct nf_conn *ct)
{
	return ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port ==
	       htons(NF_VPN_L2TP_PORT);
}

/* The first request gets its port back, if NAT moved it and its ID can be read. */
static unsigned int nf_vpn_l2tp_share_first(struct nf_vpn_l2tp_net *ln,
					    struct sk_buff *skb,
					    unsigned int protoff,
					    struct nf_conn *ct,
					    const struct nf_vpn_l2tp_msg *msg)
{
	if (msg->type != NF_VPN_L2TP_SCCRQ ||
	    msg->assigned.seen != NF_VPN_L2TP_CLEAR)
		return NF_ACCEPT;
	if (!nf_vpn_l2tp_share_kept(ct)) {
		if (!nf_vpn_port_share(ln->vn, skb, protoff, ct))
			return NF_ACCEPT;
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_PORT_KEPT);
	}
	/* Its flow must be there for the answer, and leads to confirmed entries only. */
	return nf_conntrack_confirm(skb);
}

/* Packets towards @end, by the number the other end has for it. */
static int nf_vpn_l2tp_share_flow(struct nf_vpn_l2tp_link *link,
				  const struct nf_conn *ct, u8 end)
{
	const struct nf_conntrack_tuple *way = &ct->tuplehash[!end].tuple;
	const struct nf_conntrack_tuple *back = &ct->tuplehash[end].tuple;
	struct nf_vpn_l2tp_name *name = &link->name[end];
	struct nf_vpn_key arrive = {
		.src		= way->src.u3.ip,
		.dst		= way->dst.u3.ip,
		.id		= htonl(name->pub),
		.zone		= nf_vpn_zone_arriving(link->pair->lane.vn, ct,
						       !end),
		.l4proto	= IPPROTO_UDP,
		.space		= NF_VPN_L2TP_SHARED,
	};
	struct nf_vpn_key depart = arrive;
	struct nf_vpn_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow)
		return -ENOMEM;
	depart.src = back->dst.u3.ip;
	depart.dst = back->src.u3.ip;
	depart.id = htonl(name->real);
	err = nf_vpn_flow_add(flow, &link->pair->lane, !end, &arrive, &depart);
	if (err)
		kfree(flow);
	else
		name->flow = flow;
	return err;
}

/* By its own ID, if no other client has that; else by another one. */
static int nf_vpn_l2tp_share_pick(struct nf_vpn_l2tp_link *link,
				  const struct nf_conn *ct, u32 id)
{
	struct nf_vpn_l2tp_name *name = &link->name[IP_CT_DIR_ORIGINAL];
	unsigned int i;
	int err;

	name->real = id;
	name->pub = id;
	err = nf_vpn_l2tp_share_flow(link, ct, IP_CT_DIR_ORIGINAL);
	for (i = 0; err == -EEXIST && i < NF_VPN_L2TP_SHARE_TRIES; i++) {
		name->pub = 1 + get_random_u32() % U16_MAX;
		err = nf_vpn_l2tp_share_flow(link, ct, IP_CT_DIR_ORIGINAL);
	}
	return err;
}

static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_share_link(struct nf_vpn_l2tp_pair *pair, const struct nf_conn *ct,
		       const struct nf_vpn_l2tp_msg *msg)
{
	struct nf_vpn_l2tp_link *link;

	link = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_CONTROL,
					IP_CT_DIR_ORIGINAL, msg->assigned.id);
	if (msg->type != NF_VPN_L2TP_SCCRQ)
		return link;
	if (!link)
		link = nf_vpn_l2tp_link_new(pair, NF_VPN_L2TP_CONTROL, NULL);
	if (!link)
		return NULL;
	nf_vpn_l2tp_link_reopen(link);
	if (link->name[IP_CT_DIR_ORIGINAL].flow ||
	    !nf_vpn_l2tp_share_pick(link, ct, msg->assigned.id))
		return link;
	nf_vpn_l2tp_link_del(link);
	return NULL;
}

/* The ID that the server is to know; 0: it stays.  Lock held. */
static u32 nf_vpn_l2tp_share_claim(struct nf_vpn_l2tp_net *ln,
				   struct nf_conn *ct,
				   const struct nf_vpn_l2tp_msg *msg)
{
	struct nf_vpn_l2tp_pair *pair = nf_vpn_l2tp_pair_udp(ln, ct);
	struct nf_vpn_l2tp_link *link = NULL;

	if (msg->assigned.seen != NF_VPN_L2TP_CLEAR)
		return 0;
	if (pair)
		link = nf_vpn_l2tp_share_link(pair, ct, msg);
	if (!link)
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_REFUSED);
	return link ? link->name[IP_CT_DIR_ORIGINAL].pub : 0;
}

unsigned int nf_vpn_l2tp_share(struct nf_vpn_l2tp_net *ln, struct sk_buff *skb,
			       unsigned int protoff, struct nf_conn *ct,
			       enum ip_conntrack_info ctinfo,
			       const struct nf_vpn_l2tp_msg *msg)
{
	unsigned int verdict = NF_ACCEPT;
	__be16 tunnel;
	u32 pub;

	if (msg->version != 2 || !nf_vpn_l2tp_share_wanted(ln, ct))
		return NF_ACCEPT;
	if (!nf_ct_is_confirmed(ct))
		verdict = nf_vpn_l2tp_share_first(ln, skb, protoff, ct, msg);
	if (verdict != NF_ACCEPT || skb_nfct(skb) != &ct->ct_general ||
	    !nf_ct_is_confirmed(ct) || !nf_vpn_l2tp_share_kept(ct))
		return verdict;
	nf_vpn_l2tp_pair_succeed(ln, ct);
	spin_lock_bh(&ln->vn->lock);
	pub = nf_vpn_l2tp_share_claim(ln, ct, msg);
	spin_unlock_bh(&ln->vn->lock);
	if (!pub || pub == msg->assigned.id)
		return NF_ACCEPT;
	tunnel = htons(pub);
	if (!nf_nat_mangle_udp_packet(skb, ct, ctinfo, protoff,
				      msg->assigned.off, sizeof(tunnel),
				      (char *)&tunnel, sizeof(tunnel)))
		return NF_DROP;
	nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_REWRITTEN);
	return NF_ACCEPT;
}

void nf_vpn_l2tp_share_answered(struct nf_vpn_l2tp_net *ln, struct nf_conn *ct,
				const struct nf_vpn_l2tp_msg *msg)
{
	struct nf_vpn_l2tp_link *link = NULL;
	struct nf_vpn_l2tp_pair *pair;

	if (msg->assigned.seen != NF_VPN_L2TP_CLEAR ||
	    !nf_vpn_l2tp_share_wanted(ln, ct) || !nf_vpn_l2tp_share_kept(ct))
		return;
	spin_lock_bh(&ln->vn->lock);
	pair = nf_vpn_l2tp_pair_of(ln, ct);
	if (pair)
		link = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_CONTROL,
						IP_CT_DIR_REPLY,
						msg->assigned.id);
	if (link && !link->name[IP_CT_DIR_REPLY].flow)
		nf_vpn_l2tp_share_flow(link, ct, IP_CT_DIR_REPLY);
	spin_unlock_bh(&ln->vn->lock);
}
