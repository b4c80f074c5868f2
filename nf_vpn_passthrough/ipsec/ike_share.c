// SPDX-License-Identifier: GPL-2.0-only
/*
 * IKE of several clients from one public source port 500, for servers that answer
 * no other (sysctl ipsec_port_500).  What the server sends carries the initiator
 * SPI (IKEv1: cookie), which client and server know each IKE SA by: it leads to the
 * entry.  An SPI is learned from the client's own messages.
 *
 * A rekeyed IKE SA (RFC 7296 2.18) has SPIs that were agreed on under encryption.  If
 * the server is the first to use them, those get its message that had a
 * CREATE_CHILD_SA exchange since their last new SPI; others than its owner ignore it
 * (2.21.4).  With a new IKE SA that the server begins (no responder SPI) all of them
 * could be meant and all would answer: it is left to stock conntrack, and goes to the
 * client that has the port without us.
 */
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#include "ipsec.h"

/* IKE SAs of a client that are known: rekeyed ones overlap. */
#define NF_VPN_IKE_LANE_SPIS	4

/* Clients looked at for a message with an unknown SPI. */
#define NF_VPN_IKE_REKEYED_MOST	64

/* In a key beside ports of other protocols. */
#define NF_VPN_IKE_SPACE	1

/**
 * struct nf_vpn_ike_lane - a client on a port that others have, too
 * @lane: its IKE entry
 * @rekeyed: in nf_vpn_ipsec_net.rekeyed, latest first, while it may know a new SPI
 */
struct nf_vpn_ike_lane {
	struct nf_vpn_lane	lane;
	struct list_head	rekeyed;
};

/* Both SPIs, behind the UDP header; those of short messages do not matter. */
static int nf_vpn_ike_share_spis(const struct sk_buff *skb, unsigned int off,
				 __be32 *spi, unsigned int len)
{
	const __be32 *p;

	p = skb_header_pointer(skb, off + sizeof(struct udphdr), len, spi);
	if (!p)
		return NF_VPN_STAT_TRUNCATED;
	if (p != spi)
		memcpy(spi, p, len);
	return 0;
}

static void nf_vpn_ike_share_id(struct nf_vpn_key *key, const __be32 *ispi)
{
	/* They are random (2.6): two in 2^32 are alike, and that is noticed. */
	key->id = ispi[0] ^ ispi[1];
	key->space = NF_VPN_IKE_SPACE;
}

static int nf_vpn_ike_share_key(const struct sk_buff *skb, unsigned int off,
				struct nf_vpn_key *key)
{
	__be32 ispi[2];
	int why = nf_vpn_ike_share_spis(skb, off, ispi, sizeof(ispi));

	if (!why)
		nf_vpn_ike_share_id(key, ispi);
	return why;
}

/* Of packets of @dir, as they arrive, or as they leave. */
static void nf_vpn_ike_share_key_of(const struct nf_vpn_net *vn,
				    const struct nf_conn *ct, u64 spi, u8 dir,
				    bool leave, struct nf_vpn_key *key)
{
	const struct nf_conntrack_tuple *t =
		&ct->tuplehash[leave ? !dir : dir].tuple;
	__be32 ispi[2] = { htonl(upper_32_bits(spi)), htonl(lower_32_bits(spi)) };

	memset(key, 0, sizeof(*key));
	key->src = leave ? t->dst.u3.ip : t->src.u3.ip;
	key->dst = leave ? t->src.u3.ip : t->dst.u3.ip;
	key->zone = nf_vpn_zone_arriving(vn, ct, dir);
	key->l4proto = IPPROTO_UDP;
	nf_vpn_ike_share_id(key, ispi);
}

/* The session of an entry, or NULL.  Lock held. */
static struct nf_vpn_ike_lane *nf_vpn_ike_lane_of(struct nf_vpn_net *vn,
						  const struct nf_conn *ct)
{
	struct nf_vpn_lane *lane = xa_load(&vn->sessions,
					   nf_vpn_ike_data(ct)->ike.session);

	if (!lane || lane->proto != &nf_vpn_ike_proto ||
	    rcu_access_pointer(lane->ct) != ct)
		return NULL;
	return container_of(lane, struct nf_vpn_ike_lane, lane);
}

static struct nf_vpn_ike_lane *nf_vpn_ike_lane_new(struct nf_vpn_net *vn,
						   struct nf_conn *ct)
{
	struct nf_vpn_ike_lane *il = kzalloc(sizeof(*il), GFP_ATOMIC);

	if (!il) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	INIT_LIST_HEAD(&il->rekeyed);
	nf_vpn_lane_init(&il->lane, vn, &nf_vpn_ike_proto,
			 ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3.ip,
			 nf_udp_pernet(vn->net)->timeouts);
	nf_conntrack_get(&ct->ct_general);
	RCU_INIT_POINTER(il->lane.ct, ct);
	if (nf_vpn_lane_list(&il->lane)) {
		nf_vpn_lane_put(&il->lane);
		return NULL;
	}
	nf_vpn_ike_data(ct)->ike.session = il->lane.id;
	return il;
}

/* The key is free, or of an entry that has ended.  Lock held. */
static bool nf_vpn_ike_share_free(struct nf_vpn_net *vn,
				  const struct nf_vpn_key *key)
{
	struct nf_vpn_flow *flow = nf_vpn_flow_find(vn, key);

	if (!flow)
		return true;
	if (nf_vpn_ct_alive(rcu_dereference(flow->lane->ct)))
		return false;
	nf_vpn_flow_del(flow);
	return true;
}

static struct nf_vpn_flow *nf_vpn_ike_share_flow(struct nf_vpn_ike_lane *il,
						 const struct nf_conn *ct,
						 u64 spi, u8 dir)
{
	struct nf_vpn_key arrive, leave;
	struct nf_vpn_flow *flow;
	int err = -EEXIST;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow) {
		nf_vpn_count(il->lane.vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	nf_vpn_ike_share_key_of(il->lane.vn, ct, spi, dir, false, &arrive);
	nf_vpn_ike_share_key_of(il->lane.vn, ct, spi, dir, true, &leave);
	if (nf_vpn_ike_share_free(il->lane.vn, &arrive))
		err = nf_vpn_flow_add(flow, &il->lane, dir, &arrive, &leave);
	if (!err)
		return flow;
	kfree(flow);
	if (err == -EEXIST)
		nf_vpn_count(il->lane.vn, NF_VPN_STAT_IKE_SPI_TAKEN);
	return NULL;
}

/* Two flows an SPI, the oldest first. */
static void nf_vpn_ike_share_forget(struct nf_vpn_ike_lane *il)
{
	struct nf_vpn_flow *flow, *tmp;
	unsigned int n = 0;

	list_for_each_entry(flow, &il->lane.flows, list)
		n++;
	list_for_each_entry_safe(flow, tmp, &il->lane.flows, list) {
		if (n-- <= 2 * NF_VPN_IKE_LANE_SPIS)
			return;
		nf_vpn_flow_del(flow);
	}
}

/* The client speaks with an SPI that is new.  Lock held. */
static void nf_vpn_ike_share_spi(struct nf_vpn_net *vn, struct nf_conn *ct,
				 u64 spi)
{
	struct nf_vpn_ike_lane *il = nf_vpn_ike_lane_of(vn, ct);
	struct nf_vpn_flow *in;

	if (!il)
		il = nf_vpn_ike_lane_new(vn, ct);
	if (!il)
		return;
	in = nf_vpn_ike_share_flow(il, ct, spi, IP_CT_DIR_REPLY);
	if (!in)
		return;
	if (!nf_vpn_ike_share_flow(il, ct, spi, IP_CT_DIR_ORIGINAL)) {
		nf_vpn_flow_del(in);
		return;
	}
	list_del_init(&il->rekeyed);
	nf_vpn_ike_share_forget(il);
}

/* It may have another SPI from now on.  Lock held. */
static void nf_vpn_ike_share_rekey(struct nf_vpn_net *vn, struct nf_conn *ct)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_ike_lane *il = nf_vpn_ike_lane_of(vn, ct);

	if (il)
		list_move(&il->rekeyed, &in->rekeyed);
}

/* One client alone on 500 as well, once a second one may come. */
bool nf_vpn_ike_shares(struct nf_vpn_net *vn, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *back =
		&ct->tuplehash[IP_CT_DIR_REPLY].tuple;

	if (!READ_ONCE(nf_vpn_ipsec_pernet(vn->net)->port_500) &&
	    !nf_vpn_port_shared(vn, ct))
		return false;
	return ct->status & IPS_SRC_NAT &&
	       back->dst.u.udp.port == htons(NF_VPN_IKE_PORT) &&
	       back->src.u.udp.port == htons(NF_VPN_IKE_PORT);
}

void nf_vpn_ike_share(struct nf_vpn_net *vn, struct nf_conn *ct,
		      const struct nf_vpn_ike_msg *msg, u8 dir)
{
	bool rekey = msg->v2 && msg->exchange == NF_VPN_IKE2_CREATE_CHILD;
	struct nf_vpn_flow *flow;
	struct nf_vpn_key key;
	bool known;

	if (!nf_vpn_ike_shares(vn, ct) || !nf_ct_is_confirmed(ct))
		return;
	nf_vpn_ike_share_key_of(vn, ct, msg->ispi, IP_CT_DIR_REPLY, false, &key);
	flow = nf_vpn_flow_find(vn, &key);
	known = flow && rcu_access_pointer(flow->lane->ct) == ct;
	/* What the server says alone names nobody. */
	if (known ? !rekey : dir == IP_CT_DIR_REPLY)
		return;
	spin_lock_bh(&vn->lock);
	if (known)
		nf_vpn_ike_share_rekey(vn, ct);
	else
		nf_vpn_ike_share_spi(vn, ct, msg->ispi);
	spin_unlock_bh(&vn->lock);
}

static bool nf_vpn_ike_share_fits(const struct nf_vpn_ike_lane *il,
				  const struct nf_vpn_key *key)
{
	const struct nf_conn *ct = rcu_dereference(il->lane.ct);
	const struct nf_conntrack_tuple *back;

	if (!nf_vpn_ct_alive(ct))
		return false;
	back = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	return back->src.u3.ip == key->src && back->dst.u3.ip == key->dst &&
	       nf_vpn_zone_arriving(il->lane.vn, ct, IP_CT_DIR_REPLY) == key->zone;
}

static void nf_vpn_ike_share_copy(struct nf_vpn_net *vn, struct sk_buff *skb,
				  const struct nf_vpn_ike_lane *il,
				  struct sk_buff_head *copies)
{
	struct sk_buff *copy = pskb_copy(skb, GFP_ATOMIC);

	if (!copy)
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
	else if (nf_vpn_lane_lend(copy, &il->lane))
		__skb_queue_tail(copies, copy);
	else
		kfree_skb(copy);
}

/* The latest gets the packet itself, the others copies.  Lock held. */
static bool nf_vpn_ike_share_guess(struct nf_vpn_net *vn, struct sk_buff *skb,
				   const struct nf_vpn_key *key,
				   struct sk_buff_head *copies)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	unsigned int left = NF_VPN_IKE_REKEYED_MOST, n = 0;
	const struct nf_vpn_ike_lane *il, *first = NULL;

	list_for_each_entry(il, &in->rekeyed, rekeyed) {
		if (!left-- || n == READ_ONCE(in->rules.copies))
			break;
		if (!nf_vpn_ike_share_fits(il, key))
			continue;
		n++;
		if (first)
			nf_vpn_ike_share_copy(vn, skb, il, copies);
		else
			first = il;
	}
	return first && nf_vpn_lane_lend(skb, &first->lane);
}

/* Is it from a server to where clients of it are? */
static bool nf_vpn_ike_share_inbound(struct nf_vpn_net *vn,
				     const struct nf_vpn_key *key)
{
	struct nf_vpn_end end = {
		.src = key->src, .dst = key->dst, .zone = key->zone,
	};

	return nf_vpn_pair_lookup(nf_vpn_ipsec_pernet(vn->net),
				  IP_CT_DIR_REPLY, &end);
}

static unsigned int nf_vpn_ike_share_weigh(struct nf_vpn_net *vn,
					   struct sk_buff *skb,
					   unsigned int off,
					   const struct nf_vpn_key *key,
					   struct nf_vpn_flow *flow,
					   struct sk_buff_head *copies)
{
	enum nf_vpn_stat why = NF_VPN_STAT_IKE_UNKNOWN;
	__be32 spi[4];

	if (flow || !nf_vpn_ike_share_inbound(vn, key)) {
		nf_vpn_count(vn, flow ? NF_VPN_STAT_STALE :
					NF_VPN_STAT_IKE_OTHER);
		return NF_ACCEPT;
	}
	if (!nf_vpn_ike_share_spis(skb, off, spi, sizeof(spi)) &&
	    (spi[2] | spi[3])) {
		spin_lock_bh(&vn->lock);
		if (nf_vpn_ike_share_guess(vn, skb, key, copies))
			why = NF_VPN_STAT_IKE_GUESS;
		spin_unlock_bh(&vn->lock);
	}
	nf_vpn_count(vn, why);
	return NF_ACCEPT;
}

static void nf_vpn_ike_share_gone(struct nf_vpn_lane *lane)
{
	spin_lock_bh(&lane->vn->lock);
	list_del_init(&container_of(lane, struct nf_vpn_ike_lane, lane)->rekeyed);
	spin_unlock_bh(&lane->vn->lock);
}

static void nf_vpn_ike_share_free_lane(struct nf_vpn_lane *lane)
{
	kfree(container_of(lane, struct nf_vpn_ike_lane, lane));
}

/* Its ports are the session's own attributes; no number is told by the other end. */
static int nf_vpn_ike_share_fill(struct sk_buff *msg,
				 const struct nf_vpn_lane *lane,
				 const struct nf_vpn_flow *flow)
{
	if (flow)
		return -ENODATA;
	return nla_put_u32(msg, NF_VPN_A_SESSION_BOUND, NF_VPN_BOUND_CONTROL);
}

const struct nf_vpn_proto nf_vpn_ike_proto = {
	.name		= "ike",
	.protocol	= NF_VPN_PROTOCOL_IKE,
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_UDP,
	.port		= NF_VPN_IKE_PORT,
	.borrows	= true,
	.key		= nf_vpn_ike_share_key,
	.weigh		= nf_vpn_ike_share_weigh,
	.gone		= nf_vpn_ike_share_gone,
	.free		= nf_vpn_ike_share_free_lane,
	.fill		= nf_vpn_ike_share_fill,
};
