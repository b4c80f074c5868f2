// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enhanced GRE (RFC 2637 4.1).  The Call ID in a packet is the receiver's, so a
 * packet towards an end is found by the ID that its peer knows that end by.
 */
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>
#include "pptp.h"

#define NF_VPN_GRE_PPP		0x880b	/* RFC 2637 4.1: protocol type */
#define NF_VPN_GRE_VERSION_MASK	0x0007
#define NF_VPN_GRE_HAS_KEY	0x2000
#define NF_VPN_GRE_HAS_CSUM	0x8000
#define NF_VPN_GRE_HAS_ROUTE	0x4000

/* The first 8 octets, which even an ICMP error quotes. */
struct nf_vpn_gre_head {
	__be16	flags;
	__be16	protocol;
	__be16	length;
	__be16	call_id;
};

#define NF_VPN_GRE_FLAGS_READ	(NF_VPN_GRE_VERSION_MASK | NF_VPN_GRE_HAS_KEY | \
				 NF_VPN_GRE_HAS_CSUM | NF_VPN_GRE_HAS_ROUTE)
#define NF_VPN_GRE_FLAGS_WANTED	(NF_VPN_GRE_HAS_KEY | 1)

static inline int nf_vpn_pptp_gre_id(const struct nf_vpn_gre_head *gh,
				     struct nf_vpn_key *key)
{
	if ((gh->flags & htons(NF_VPN_GRE_FLAGS_READ)) !=
	    htons(NF_VPN_GRE_FLAGS_WANTED) ||
	    gh->protocol != htons(NF_VPN_GRE_PPP))
		return NF_VPN_STAT_GRE_OTHER;
	key->id = htonl(ntohs(gh->call_id));
	return 0;
}

/* In fragments of memory, or not all there. */
static noinline int nf_vpn_pptp_gre_key_far(const struct sk_buff *skb,
					    unsigned int off,
					    struct nf_vpn_key *key)
{
	struct nf_vpn_gre_head _gh, *gh;

	gh = skb_header_pointer(skb, off, sizeof(_gh), &_gh);
	return gh ? nf_vpn_pptp_gre_id(gh, key) : NF_VPN_STAT_TRUNCATED;
}

static int nf_vpn_pptp_gre_key(const struct sk_buff *skb, unsigned int off,
			       struct nf_vpn_key *key)
{
	if (likely(off + sizeof(struct nf_vpn_gre_head) <= skb_headlen(skb)))
		return nf_vpn_pptp_gre_id((void *)(skb->data + off), key);
	return nf_vpn_pptp_gre_key_far(skb, off, key);
}

/* Enhanced GRE has no checksum (RFC 2637 4.1): two octets are all. */
static bool nf_vpn_pptp_gre_rewrite(struct sk_buff *skb, unsigned int off,
				    __be32 id)
{
	struct nf_vpn_gre_head *gh;

	if (skb_ensure_writable(skb, off + sizeof(*gh)))
		return false;
	gh = (struct nf_vpn_gre_head *)(skb->data + off);
	gh->call_id = htons(ntohl(id));
	return true;
}

/* Exact: what the control connections did not announce is not ours. */
static unsigned int nf_vpn_pptp_gre_miss(struct nf_vpn_net *vn,
					 struct sk_buff *skb, unsigned int off,
					 const struct nf_vpn_key *key,
					 struct nf_vpn_flow **flow)
{
	bool pending = *flow && !rcu_access_pointer((*flow)->lane->ct);

	*flow = NULL;
	nf_vpn_count(vn, pending ? NF_VPN_STAT_GRE_PENDING :
				   NF_VPN_STAT_GRE_UNKNOWN);
	return NF_ACCEPT;
}

static struct nf_vpn_pptp_call *nf_vpn_pptp_call_of(struct nf_vpn_lane *lane)
{
	return container_of(lane, struct nf_vpn_pptp_call, lane);
}

static void nf_vpn_pptp_gre_gone(struct nf_vpn_lane *lane)
{
	struct nf_vpn_pptp_call *call = nf_vpn_pptp_call_of(lane);
	struct nf_vpn_pptp_control *control = call->control;

	spin_lock_bh(&control->lock);
	list_del_init(&call->list);
	control->call_count--;
	spin_unlock_bh(&control->lock);
	nf_vpn_count(lane->vn, NF_VPN_STAT_PPTP_CALL_END);
}

static void nf_vpn_pptp_gre_free(struct nf_vpn_lane *lane)
{
	struct nf_vpn_pptp_call *call = nf_vpn_pptp_call_of(lane);

	nf_vpn_pptp_control_put(call->control);
	kfree(call);
}

static int nf_vpn_pptp_gre_fill(struct sk_buff *msg,
				const struct nf_vpn_lane *lane,
				const struct nf_vpn_flow *flow)
{
	if (!flow)
		return nla_put_u32(msg, NF_VPN_A_SESSION_BOUND,
				   NF_VPN_BOUND_CONTROL);
	if (nla_put_u32(msg, NF_VPN_A_KEY_KIND, NF_VPN_KIND_CALL))
		return -EMSGSIZE;
	return nla_put_u32(msg, NF_VPN_A_KEY_EVIDENCE, NF_VPN_EVIDENCE_EXACT);
}

const struct nf_vpn_proto nf_vpn_pptp_proto = {
	.name		= "pptp",
	.protocol	= NF_VPN_PROTOCOL_PPTP,
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_GRE,
	.key		= nf_vpn_pptp_gre_key,
	.miss		= nf_vpn_pptp_gre_miss,
	.rewrite	= nf_vpn_pptp_gre_rewrite,
	.reap		= nf_vpn_pptp_control_reap,
	.gone		= nf_vpn_pptp_gre_gone,
	.free		= nf_vpn_pptp_gre_free,
	.fill		= nf_vpn_pptp_gre_fill,
	.restore	= nf_vpn_pptp_restore,
};

/* How a packet towards @end looks when it arrives here. */
static void nf_vpn_pptp_gre_arrive(const struct nf_vpn_pptp_call *call, u8 end,
				   struct nf_vpn_key *key)
{
	const struct nf_conn *ct = call->control->ct;
	const struct nf_conntrack_tuple *t = &ct->tuplehash[!end].tuple;

	memset(key, 0, sizeof(*key));
	key->src = t->src.u3.ip;
	key->dst = t->dst.u3.ip;
	key->id = htonl(call->id[end].pub);
	key->zone = nf_ct_zone_id(nf_ct_zone(ct), !end);
	key->l4proto = IPPROTO_GRE;
}

/* And how it looks when it leaves; an error about it comes back from there. */
static void nf_vpn_pptp_gre_depart(const struct nf_vpn_pptp_call *call, u8 end,
				   struct nf_vpn_key *key)
{
	const struct nf_conn *ct = call->control->ct;
	const struct nf_conntrack_tuple *t = &ct->tuplehash[end].tuple;

	memset(key, 0, sizeof(*key));
	key->src = t->dst.u3.ip;
	key->dst = t->src.u3.ip;
	key->id = htonl(call->id[end].real);
	key->zone = nf_ct_zone_id(nf_ct_zone(ct), end);
	key->l4proto = IPPROTO_GRE;
}

bool nf_vpn_pptp_gre_taken(const struct nf_vpn_pptp_call *call, u8 end)
{
	struct nf_vpn_key arrive;
	bool taken;

	nf_vpn_pptp_gre_arrive(call, end, &arrive);
	rcu_read_lock();
	taken = nf_vpn_flow_find(call->lane.vn, &arrive);
	rcu_read_unlock();
	return taken;
}

int nf_vpn_pptp_gre_reserve(struct nf_vpn_pptp_call *call, u8 end)
{
	struct nf_vpn_key arrive, depart;
	struct nf_vpn_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow)
		return -ENOMEM;
	nf_vpn_pptp_gre_arrive(call, end, &arrive);
	nf_vpn_pptp_gre_depart(call, end, &depart);
	spin_lock_bh(&call->lane.vn->lock);
	err = call->lane.dead ? -ESHUTDOWN :
		nf_vpn_flow_add(flow, &call->lane, !end, &arrive, &depart);
	spin_unlock_bh(&call->lane.vn->lock);
	if (err)
		kfree(flow);
	return err;
}

void nf_vpn_pptp_gre_evict(struct nf_vpn_pptp_call *call, u8 end)
{
	struct nf_vpn_net *vn = call->lane.vn;
	struct nf_vpn_key arrive, depart;
	struct nf_vpn_flow *flow;
	struct nf_conn *ct;

	nf_vpn_pptp_gre_arrive(call, end, &arrive);
	nf_vpn_pptp_gre_depart(call, end, &depart);
	spin_lock_bh(&vn->lock);
	rcu_read_lock();
	flow = nf_vpn_flow_find(vn, &arrive);
	if (flow && !memcmp(&flow->key[1], &depart, sizeof(depart))) {
		nf_vpn_pptp_call_close(nf_vpn_pptp_call_of(flow->lane), 0);
		/* The new one's entry may have the same tuple. */
		ct = rcu_dereference(flow->lane->ct);
		if (ct)
			nf_ct_kill(ct);
		nf_vpn_flow_del(flow);
	}
	rcu_read_unlock();
	spin_unlock_bh(&vn->lock);
}

/*
 * The tuple of a GRE entry carries the Call IDs as keys: nf_nat writes the
 * receiver's into a packet whose destination it translates.
 */
static void nf_vpn_pptp_gre_spec(const struct nf_vpn_pptp_call *call,
				 struct nf_vpn_conn_spec *spec)
{
	const struct nf_vpn_pptp_id *a = &call->id[IP_CT_DIR_ORIGINAL];
	const struct nf_vpn_pptp_id *b = &call->id[IP_CT_DIR_REPLY];
	struct nf_conn *ct = call->control->ct;

	memset(spec, 0, sizeof(*spec));
	spec->master = ct;
	spec->orig = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	spec->orig.dst.protonum = IPPROTO_GRE;
	spec->orig.src.u.gre.key = htons(a->real);
	spec->orig.dst.u.gre.key = htons(b->pub);
	spec->reply = ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	spec->reply.dst.protonum = IPPROTO_GRE;
	spec->reply.src.u.gre.key = htons(b->real);
	spec->reply.dst.u.gre.key = htons(a->pub);
	spec->zone = *nf_ct_zone(ct);
	spec->timeout = READ_ONCE(call->control->pn->timeout[0]);
}

int nf_vpn_pptp_gre_up(struct nf_vpn_pptp_call *call)
{
	struct nf_vpn_net *vn = call->lane.vn;
	struct nf_vpn_conn_spec spec;
	struct nf_conn *ct;
	int err;

	nf_vpn_pptp_gre_spec(call, &spec);
	ct = nf_vpn_conn_make(vn->net, &spec);
	if (IS_ERR(ct)) {
		nf_vpn_count(vn, NF_VPN_STAT_CT_FAIL);
		return PTR_ERR(ct);
	}
	spin_lock_bh(&vn->lock);
	err = nf_vpn_lane_set_ct(&call->lane, ct);
	spin_unlock_bh(&vn->lock);
	if (err)
		return err;
	nf_vpn_conn_announce(ct);
	nf_vpn_count(vn, NF_VPN_STAT_PPTP_CALL);
	return 0;
}
