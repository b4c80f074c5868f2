// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions of UDP 4500 (RFC 3948).  Ports tell clients apart and stock NAT sees to them:
 * a session is there to be looked at, and so that the mapping is remembered when it
 * times out (natt_revive.c).
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>
#include "ipsec.h"

u8 nf_vpn_natt_tag __read_mostly;

/* Inbound SPIs, the latest first, network order. */
static void nf_vpn_natt_spis(const struct nf_conn *ct, __be32 *spi)
{
	const struct nf_vpn_ike_data *data = nf_vpn_ike_data(ct);

	spi[0] = READ_ONCE(data->natt.talk.heard) ?
		htonl(READ_ONCE(data->natt.talk.spi)) : 0;
	spi[1] = htonl(READ_ONCE(data->natt.old));
}

void nf_vpn_natt_set_spis(struct nf_vpn_ike_data *data, const __be32 *spi)
{
	if (!spi[0])
		return;
	data->natt.talk.spi = ntohl(spi[0]);
	data->natt.talk.in = nf_vpn_natt_now();
	data->natt.talk.since = data->natt.talk.in;
	data->natt.talk.heard = true;
	data->natt.old = ntohl(spi[1]);
}

/* Remembered is only what addresses and ports alone find again. */
static bool nf_vpn_natt_plain(const struct nf_conn *ct)
{
	return ct->status & IPS_SRC_NAT && !(ct->status & IPS_DST_NAT) &&
	       nf_ct_zone(ct)->id == NF_CT_DEFAULT_ZONE_ID;
}

static u32 nf_vpn_natt_mark(const struct nf_conn *ct)
{
#ifdef CONFIG_NF_CONNTRACK_MARK
	return READ_ONCE(ct->mark);
#else
	return 0;
#endif
}

static void nf_vpn_natt_outside_of(const struct nf_conn *ct,
				   struct nf_vpn_natt_outside *outside)
{
	const struct nf_conntrack_tuple *back =
		&ct->tuplehash[IP_CT_DIR_REPLY].tuple;

	outside->server = back->src.u3.ip;
	outside->public = back->dst.u3.ip;
	outside->port = back->dst.u.udp.port;
}

static void nf_vpn_natt_mapping_of(const struct nf_conn *ct,
				   struct nf_vpn_natt_mapping *m)
{
	const struct nf_conntrack_tuple *out =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;

	memset(m, 0, sizeof(*m));
	nf_vpn_natt_outside_of(ct, &m->outside);
	m->client = out->src.u3.ip;
	m->client_port = out->src.u.udp.port;
	nf_vpn_natt_spis(ct, m->spi);
	m->mark = nf_vpn_natt_mark(ct);
	m->masq_index = nf_vpn_conn_masq_index(ct);
	m->at = jiffies / HZ;
}

static void nf_vpn_natt_want(struct nf_vpn_ipsec_net *in)
{
	if (!READ_ONCE(in->memory) ||
	    (READ_ONCE(in->natt_wanted) && !READ_ONCE(in->natt_hooked)))
		schedule_work(&in->prepare);
}

/*
 * One that was deleted or flushed is not remembered: the admin wants the rules to be
 * asked again.  Lock held.
 */
static void nf_vpn_natt_ended(struct nf_vpn_ipsec_net *in,
			      const struct nf_conn *ct)
{
	struct nf_vpn_natt_mapping m;

	if (!nf_ct_is_expired(ct) || !in->memory || !READ_ONCE(in->natt_revive) ||
	    !nf_vpn_natt_plain(ct))
		return;
	nf_vpn_natt_mapping_of(ct, &m);
	if (!m.spi[0])
		return;
	nf_vpn_natt_remember(&in->memory->past, in->salt, &m);
	nf_vpn_count(in->vn, NF_VPN_STAT_NATT_ENDED);
	/* From now on there is something that packets are looked at for. */
	in->natt_wanted = true;
	nf_vpn_natt_want(in);
}

static void nf_vpn_natt_gone(struct nf_vpn_lane *lane)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(lane->vn->net);

	spin_lock_bh(&lane->vn->lock);
	nf_vpn_natt_ended(in, rcu_dereference_protected(lane->ct, true));
	nf_vpn_client_release(lane->vn, lane->client);
	spin_unlock_bh(&lane->vn->lock);
}

static void nf_vpn_natt_free(struct nf_vpn_lane *lane)
{
	kfree(lane);
}

static int nf_vpn_natt_fill_spi(struct sk_buff *msg, __be32 spi)
{
	struct nlattr *nest = nla_nest_start(msg, NF_VPN_A_SESSION_KEY);

	if (!nest || nla_put_u32(msg, NF_VPN_A_KEY_KIND, NF_VPN_KIND_SPI) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_DIRECTION, NF_VPN_DIRECTION_IN) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_ARRIVES, ntohl(spi)) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_LEAVES, ntohl(spi)) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_EVIDENCE, NF_VPN_EVIDENCE_EXACT))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* There are no flows: ports are the session's own attributes. */
static int nf_vpn_natt_fill(struct sk_buff *msg,
			    const struct nf_vpn_lane *lane,
			    const struct nf_vpn_flow *flow)
{
	const struct nf_conn *ct = rcu_dereference(lane->ct);
	__be32 spi[NF_VPN_NATT_SPIS];
	unsigned int i;

	nf_vpn_natt_spis(ct, spi);
	for (i = 0; i < NF_VPN_NATT_SPIS; i++)
		if (spi[i] && nf_vpn_natt_fill_spi(msg, spi[i]))
			return -EMSGSIZE;
	return nla_put_u32(msg, NF_VPN_A_SESSION_BOUND, NF_VPN_BOUND_CONTROL);
}

/* Not registered: its packets are found by stock conntrack. */
static const struct nf_vpn_proto nf_vpn_natt_proto = {
	.name		= "natt",
	.protocol	= NF_VPN_PROTOCOL_NATT,
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_UDP,
	.borrows	= true,
	.prolongs	= true,
	.gone		= nf_vpn_natt_gone,
	.free		= nf_vpn_natt_free,
	.fill		= nf_vpn_natt_fill,
};

/* Somebody has the mapping, who had it before does not matter any more. */
static void nf_vpn_natt_taken(struct nf_vpn_ipsec_net *in,
			      const struct nf_conn *ct)
{
	struct nf_vpn_natt_outside outside;

	nf_vpn_natt_outside_of(ct, &outside);
	if (in->memory)
		nf_vpn_natt_forget(&in->memory->past, in->salt, &outside);
}

/* Listed; lock held. */
static struct nf_vpn_lane *nf_vpn_natt_lane(struct nf_vpn_ipsec_net *in,
					    struct nf_conn *ct)
{
	struct nf_vpn_lane *lane;
	__be32 client;

	client = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3.ip;
	if (nf_vpn_client_charge(in->vn, client))
		return NULL;
	lane = kzalloc(sizeof(*lane), GFP_ATOMIC);
	if (!lane)
		goto release;
	nf_vpn_natt_taken(in, ct);
	nf_vpn_lane_init(lane, in->vn, &nf_vpn_natt_proto, client,
			 in->natt_timeout);
	nf_conntrack_get(&ct->ct_general);
	RCU_INIT_POINTER(lane->ct, ct);
	if (!nf_vpn_lane_list(lane))
		return lane;
	nf_vpn_lane_put(lane);
release:
	nf_vpn_client_release(in->vn, client);
	nf_vpn_count(in->vn, NF_VPN_STAT_NO_MEMORY);
	return NULL;
}

/* Answered for the first time, or again after our module was loaded anew. */
static void nf_vpn_natt_begin(struct nf_vpn_ipsec_net *in, struct nf_conn *ct)
{
	struct nf_vpn_natt_talk *talk = &nf_vpn_ike_data(ct)->natt.talk;

	spin_lock_bh(&in->vn->lock);
	/* Another packet of it may have been faster. */
	if (talk->session != nf_vpn_natt_tag) {
		nf_vpn_natt_lane(in, ct);
		/* If a limit refused it: not asked again for each packet. */
		WRITE_ONCE(talk->session, nf_vpn_natt_tag);
	}
	spin_unlock_bh(&in->vn->lock);
	nf_vpn_natt_want(in);
}

/*
 * The last two, so that a rekey leaves the old one known.  Forged ones may push both
 * out: then the mapping just ends with its timeout.
 */
static void nf_vpn_natt_spi(struct nf_vpn_ike_data *data, u32 spi)
{
	if (READ_ONCE(data->natt.talk.heard) &&
	    READ_ONCE(data->natt.talk.spi) != spi)
		WRITE_ONCE(data->natt.old, READ_ONCE(data->natt.talk.spi));
}

void nf_vpn_natt_seen(struct nf_vpn_ipsec_net *in, struct nf_conn *ct, u32 spi,
		      u8 dir)
{
	struct nf_vpn_ike_data *data = nf_vpn_ike_data(ct);

	if (!test_bit(IPS_SEEN_REPLY_BIT, &ct->status) ||
	    !nf_ct_is_confirmed(ct))
		return;
	if (unlikely(READ_ONCE(data->natt.talk.session) != nf_vpn_natt_tag))
		nf_vpn_natt_begin(in, ct);
	if (spi && dir == IP_CT_DIR_REPLY)
		nf_vpn_natt_spi(data, spi);
}

/* nf_vpn_net.lock held. */
static enum nf_vpn_refusal nf_vpn_natt_put_back(struct nf_vpn_ipsec_net *in,
						const struct nf_vpn_saved *saved)
{
	struct nf_vpn_ike_data *data = nf_vpn_ike_data(saved->ct);
	__be32 spi[NF_VPN_NATT_SPIS] = { };
	unsigned int i;

	if (data->natt.talk.session == nf_vpn_natt_tag)
		return NF_VPN_REFUSED_EXISTS;
	if (!nf_vpn_natt_lane(in, saved->ct))
		return NF_VPN_REFUSED_LIMIT;
	for (i = 0; i < saved->n; i++)
		spi[i] = htonl(saved->key[i].arrives);
	nf_vpn_natt_set_spis(data, spi);
	data->natt.talk.session = nf_vpn_natt_tag;
	if (saved->replied)
		nf_vpn_conn_replied(saved->ct, READ_ONCE(in->natt_timeout[1]));
	return NF_VPN_RESTORED;
}

enum nf_vpn_refusal nf_vpn_natt_restore(struct nf_vpn_net *vn,
					const struct nf_vpn_saved *saved)
{
	enum nf_vpn_refusal why;
	unsigned int i;

	for (i = 0; i < saved->n; i++)
		if (saved->key[i].kind != NF_VPN_KIND_SPI ||
		    saved->key[i].direction != NF_VPN_DIRECTION_IN ||
		    saved->key[i].arrives != saved->key[i].leaves)
			return NF_VPN_REFUSED_NUMBERS;
	if (saved->n > NF_VPN_NATT_SPIS || !nf_vpn_ike_on_natt(saved->ct))
		return NF_VPN_REFUSED_NUMBERS;
	spin_lock_bh(&vn->lock);
	why = nf_vpn_natt_put_back(nf_vpn_ipsec_pernet(vn->net), saved);
	spin_unlock_bh(&vn->lock);
	return why;
}

void nf_vpn_natt_init(void)
{
	nf_vpn_natt_tag = get_random_u32() | 1;
}

void nf_vpn_natt_flush(struct nf_vpn_net *vn)
{
	nf_vpn_net_flush(vn, &nf_vpn_natt_proto);
}
