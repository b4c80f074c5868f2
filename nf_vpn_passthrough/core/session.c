// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: lanes as the operator sees them.
 *
 * They are found by ids that only grow, so whoever walks them goes on at the id
 * after the last one: what is there all the time is seen, and seen once, without
 * a lock and however much comes and goes meanwhile.
 */
#include <linux/xarray.h>
#include <net/netfilter/nf_conntrack_acct.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>
#include <uapi/linux/nf_vpn.h>
#include "session.h"
#include "track.h"

/* Sessions passed over in one RCU read section. */
#define NF_VPN_SESSION_CHUNK	512

/* Where the server answered from another port, it began the entry. */
static u8 nf_vpn_session_client_dir(const struct nf_conn *ct, __be32 client)
{
	const struct nf_conntrack_tuple *orig =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;

	return orig->src.u3.ip == client ? IP_CT_DIR_ORIGINAL :
					   IP_CT_DIR_REPLY;
}

static void nf_vpn_session_ends_of(const struct nf_conn *ct,
				   struct nf_vpn_session_ends *ends)
{
	u8 dir = nf_vpn_session_client_dir(ct, ends->client);
	const struct nf_conntrack_tuple *there = &ct->tuplehash[dir].tuple;
	const struct nf_conntrack_tuple *back = &ct->tuplehash[!dir].tuple;

	ends->client_dir = dir;
	ends->server = back->src.u3.ip;
	if (back->dst.u3.ip != there->src.u3.ip)
		ends->public = back->dst.u3.ip;
	else if (back->src.u3.ip != there->dst.u3.ip)
		ends->public = there->dst.u3.ip;
	if (there->dst.protonum != IPPROTO_UDP)
		return;
	ends->client_port = there->src.u.udp.port;
	ends->server_port = back->src.u.udp.port;
	ends->public_port = back->dst.u.udp.port;
}

void nf_vpn_session_ends(const struct nf_vpn_lane *lane,
			 struct nf_vpn_session_ends *ends)
{
	const struct nf_conn *ct;

	memset(ends, 0, sizeof(*ends));
	ends->client = lane->client;
	rcu_read_lock();
	ct = rcu_dereference(lane->ct);
	if (ct)
		nf_vpn_session_ends_of(ct, ends);
	rcu_read_unlock();
}

bool nf_vpn_session_fits(const struct nf_vpn_lane *lane,
			 const struct nf_vpn_session_filter *filter)
{
	const struct nf_conn *ct = rcu_dereference(lane->ct);
	bool retired = READ_ONCE(lane->retired);
	struct nf_vpn_session_ends ends;

	if (ct && !retired && !nf_vpn_ct_alive(ct))
		return false;
	if ((filter->live && retired) ||
	    (filter->id && lane->id != filter->id) ||
	    (filter->protocol && lane->proto->protocol != filter->protocol) ||
	    (filter->client && lane->client != filter->client))
		return false;
	if (!filter->server)
		return true;
	nf_vpn_session_ends(lane, &ends);
	return ends.server == filter->server;
}

struct nf_vpn_lane *
nf_vpn_session_next(struct nf_vpn_net *vn, unsigned long *id,
		    const struct nf_vpn_session_filter *filter)
{
	unsigned long last = filter->id ?: U32_MAX;
	unsigned int i = NF_VPN_SESSION_CHUNK;
	struct nf_vpn_lane *lane;

	lane = xa_find(&vn->sessions, id, last, XA_PRESENT);
	while (lane && !nf_vpn_session_fits(lane, filter)) {
		if (!--i)
			return ERR_PTR(-EAGAIN);
		lane = xa_find_after(&vn->sessions, id, last, XA_PRESENT);
	}
	return lane;
}

static u32 nf_vpn_session_since(unsigned long then)
{
	return (jiffies - then) / HZ;
}

static u32 nf_vpn_session_state(const struct nf_vpn_lane *lane)
{
	if (READ_ONCE(lane->retired))
		return NF_VPN_STATE_QUIET;
	if (READ_ONCE(lane->closing))
		return NF_VPN_STATE_CLOSING;
	return rcu_access_pointer(lane->ct) ? NF_VPN_STATE_UP :
					      NF_VPN_STATE_PENDING;
}

static int nf_vpn_session_fill_ends(struct sk_buff *msg,
				    const struct nf_vpn_session_ends *ends)
{
	if (nla_put_in_addr(msg, NF_VPN_A_SESSION_CLIENT, ends->client) ||
	    (ends->server &&
	     nla_put_in_addr(msg, NF_VPN_A_SESSION_SERVER, ends->server)) ||
	    (ends->public &&
	     nla_put_in_addr(msg, NF_VPN_A_SESSION_PUBLIC, ends->public)))
		return -EMSGSIZE;
	if (!ends->client_port)
		return 0;
	if (nla_put_be16(msg, NF_VPN_A_SESSION_CLIENT_PORT,
			 ends->client_port) ||
	    nla_put_be16(msg, NF_VPN_A_SESSION_SERVER_PORT,
			 ends->server_port) ||
	    nla_put_be16(msg, NF_VPN_A_SESSION_PUBLIC_PORT, ends->public_port))
		return -EMSGSIZE;
	return 0;
}

static int nf_vpn_session_fill_acct(struct sk_buff *msg,
				    const struct nf_conn *ct, u8 client_dir)
{
	const struct nf_conn_counter *out, *in;
	const struct nf_conn_acct *acct;

	acct = nf_conn_acct_find(ct);
	if (!acct)
		return 0;
	out = &acct->counter[client_dir];
	in = &acct->counter[!client_dir];
	if (nla_put_u64_64bit(msg, NF_VPN_A_SESSION_PACKETS_OUT,
			      atomic64_read(&out->packets),
			      NF_VPN_A_SESSION_PAD) ||
	    nla_put_u64_64bit(msg, NF_VPN_A_SESSION_BYTES_OUT,
			      atomic64_read(&out->bytes),
			      NF_VPN_A_SESSION_PAD) ||
	    nla_put_u64_64bit(msg, NF_VPN_A_SESSION_PACKETS_IN,
			      atomic64_read(&in->packets),
			      NF_VPN_A_SESSION_PAD) ||
	    nla_put_u64_64bit(msg, NF_VPN_A_SESSION_BYTES_IN,
			      atomic64_read(&in->bytes), NF_VPN_A_SESSION_PAD))
		return -EMSGSIZE;
	return 0;
}

static int nf_vpn_session_fill_ct(struct sk_buff *msg, const struct nf_conn *ct,
				  u8 client_dir)
{
	if (nla_put_u32(msg, NF_VPN_A_SESSION_ZONE, nf_ct_zone(ct)->id) ||
	    nla_put_u32(msg, NF_VPN_A_SESSION_EXPIRES,
			nf_ct_expires(ct) / HZ) ||
	    (test_bit(IPS_SEEN_REPLY_BIT, &ct->status) &&
	     nla_put_flag(msg, NF_VPN_A_SESSION_REPLIED)))
		return -EMSGSIZE;
	return nf_vpn_session_fill_acct(msg, ct, client_dir);
}

/* What is to be there when the session is restored. */
static int nf_vpn_session_fill_track(struct sk_buff *msg,
				     const struct nf_vpn_lane *lane,
				     const struct nf_conn *ct)
{
	bool own = lane->proto->l4proto == IPPROTO_UDP || !ct->master;

	return nf_vpn_track_fill(msg, own ? ct : ct->master);
}

/* 1: it carries no number that somebody would look for. */
static int nf_vpn_session_fill_key(struct sk_buff *msg,
				   const struct nf_vpn_flow *flow)
{
	const struct nf_vpn_lane *lane = flow->lane;
	struct nlattr *nest;
	int err = -EMSGSIZE;

	nest = nla_nest_start(msg, NF_VPN_A_SESSION_KEY);
	if (!nest)
		return err;
	if (nla_put_u32(msg, NF_VPN_A_KEY_DIRECTION, flow->dir) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_ARRIVES, ntohl(flow->key[0].id)) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_LEAVES, ntohl(flow->key[1].id)) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_IDLE,
			nf_vpn_session_since(READ_ONCE(flow->used))))
		goto cancel;
	err = lane->proto->fill(msg, lane, flow);
	if (err)
		goto cancel;
	nla_nest_end(msg, nest);
	return 0;

cancel:
	nla_nest_cancel(msg, nest);
	return err == -ENODATA ? 1 : err;
}

/* What the tracker would say: since when its timeout runs down. */
static u32 nf_vpn_session_ct_idle(const struct nf_vpn_lane *lane,
				  const struct nf_conn *ct)
{
	bool replied = test_bit(IPS_SEEN_REPLY_BIT, &ct->status);
	unsigned long whole = READ_ONCE(lane->timeout[replied]);
	unsigned long left = nf_ct_expires(ct);

	return left < whole ? (whole - left) / HZ : 0;
}

/* nf_vpn_net.lock held: the flows stay. */
static int nf_vpn_session_fill_keys(struct sk_buff *msg,
				    const struct nf_vpn_lane *lane,
				    const struct nf_conn *ct)
{
	unsigned int shown = 0, left_out = 0;
	struct nf_vpn_flow *flow;
	u32 idle = U32_MAX;
	int ret;

	list_for_each_entry(flow, &lane->flows, list) {
		if (shown == NF_VPN_SESSION_KEYS) {
			left_out++;
			continue;
		}
		ret = nf_vpn_session_fill_key(msg, flow);
		if (ret < 0)
			return ret;
		if (ret)
			continue;
		shown++;
		idle = min(idle, nf_vpn_session_since(READ_ONCE(flow->used)));
	}
	if (idle == U32_MAX)
		idle = ct ? nf_vpn_session_ct_idle(lane, ct) :
			    nf_vpn_session_since(lane->born);
	if (nla_put_u32(msg, NF_VPN_A_SESSION_IDLE, idle) ||
	    (left_out &&
	     nla_put_u32(msg, NF_VPN_A_SESSION_KEYS_LEFT_OUT, left_out)))
		return -EMSGSIZE;
	return lane->proto->fill(msg, lane, NULL);
}

int nf_vpn_session_fill(struct sk_buff *msg, struct nf_vpn_lane *lane)
{
	const struct nf_conn *ct = rcu_dereference(lane->ct);
	struct nf_vpn_session_ends ends;
	int err;

	nf_vpn_session_ends(lane, &ends);
	if (nla_put_u32(msg, NF_VPN_A_SESSION_ID, lane->id) ||
	    nla_put_u32(msg, NF_VPN_A_SESSION_PROTOCOL,
			lane->proto->protocol) ||
	    nla_put_u32(msg, NF_VPN_A_SESSION_STATE,
			nf_vpn_session_state(lane)) ||
	    nla_put_u32(msg, NF_VPN_A_SESSION_AGE,
			nf_vpn_session_since(lane->born)) ||
	    nf_vpn_session_fill_ends(msg, &ends) ||
	    (ct && (nf_vpn_session_fill_ct(msg, ct, ends.client_dir) ||
		    nf_vpn_session_fill_track(msg, lane, ct))))
		return -EMSGSIZE;

	spin_lock_bh(&lane->vn->lock);
	err = lane->dead ? -ENOENT : nf_vpn_session_fill_keys(msg, lane, ct);
	spin_unlock_bh(&lane->vn->lock);
	return err;
}
