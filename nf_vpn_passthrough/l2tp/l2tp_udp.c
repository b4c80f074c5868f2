// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunnels and sessions over UDP, as the control messages tell: to be looked at,
 * and counted against their client's limit.  Nothing is translated here.
 *
 * In version 2 a Session ID means something in its tunnel only (RFC 2661 3.1),
 * so it is kept with the Tunnel ID of the same end above it.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <net/netlink.h>
#include "l2tp.h"

/* Tunnels and sessions of one flow that a line shows */
#define NF_VPN_L2TP_SHOWN	16

static u32 nf_vpn_l2tp_scoped(const struct nf_vpn_l2tp_msg *msg, u32 conn,
			      u32 session)
{
	return msg->version == 2 ? conn << 16 | session : session;
}

/* The receiver's ID, in whichever place the version has it; 0: none. */
static u32 nf_vpn_l2tp_receiver(const struct nf_vpn_l2tp_msg *msg)
{
	if (msg->version == 3)
		return msg->remote.id;
	return msg->session ? nf_vpn_l2tp_scoped(msg, msg->conn, msg->session) :
			      0;
}

/* One that the receiver or the sender knows by these; 0 is not asked for. */
static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_udp_link(const struct nf_vpn_l2tp_pair *pair, u8 space, u8 from,
		     u32 own, u32 other)
{
	struct nf_vpn_l2tp_link *link = NULL;

	if (other)
		link = nf_vpn_l2tp_link_by_real(pair, space, !from, other);
	if (!link && own)
		link = nf_vpn_l2tp_link_by_real(pair, space, from, own);
	return link;
}

/* Names it after both ends as far as they are known. */
static void nf_vpn_l2tp_udp_name(struct nf_vpn_l2tp_pair *pair, u8 space,
				 struct nf_vpn_l2tp_link *conn, u8 from,
				 u32 own, u32 other)
{
	struct nf_vpn_l2tp_link *link;

	link = nf_vpn_l2tp_udp_link(pair, space, from, own, other);
	if (!link) {
		link = nf_vpn_l2tp_link_new(pair, space, conn);
		if (!link) {
			nf_vpn_count(pair->lane.vn, NF_VPN_STAT_L2TP_REFUSED);
			return;
		}
		nf_vpn_count(pair->lane.vn, space == NF_VPN_L2TP_CONTROL ?
			     NF_VPN_STAT_L2TP_TUNNEL :
			     NF_VPN_STAT_L2TP_SESSION);
	}
	nf_vpn_l2tp_link_reopen(link);
	if (own)
		nf_vpn_l2tp_link_name(link, from, own, true);
	if (other)
		nf_vpn_l2tp_link_name(link, !from, other, true);
}

/*
 * The tunnel a message is in.  Where the server answered from another port its
 * first message made the entry, and we began with the client's second, which
 * names one end only: the next one from the server names the other.
 */
static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_udp_conn(const struct nf_vpn_l2tp_pair *pair, u8 from,
		     const struct nf_vpn_l2tp_msg *msg)
{
	struct nf_vpn_l2tp_link *link, *session;

	link = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_CONTROL, !from,
					msg->conn);
	if (link)
		return link;
	link = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_CONTROL, !from, 0);
	if (!link)
		return NULL;
	nf_vpn_l2tp_link_name(link, !from, msg->conn, true);
	/* The sessions it asked for meanwhile were kept without it. */
	list_for_each_entry(session, &pair->links, list)
		if (session->conn == link && session->name[!from].real)
			session->name[!from].real =
				nf_vpn_l2tp_scoped(msg, msg->conn,
						   session->name[!from].real);
	return link;
}

/* nf_vpn_net.lock held. */
static void nf_vpn_l2tp_udp_effect(struct nf_vpn_l2tp_net *ln,
				   struct nf_vpn_l2tp_pair *pair, u8 from,
				   const struct nf_vpn_l2tp_msg *msg)
{
	u32 other = nf_vpn_l2tp_receiver(msg), own = msg->local.id;
	unsigned int grace = READ_ONCE(ln->grace);
	struct nf_vpn_l2tp_link *conn, *session;

	conn = msg->conn ? nf_vpn_l2tp_udp_conn(pair, from, msg) : NULL;
	if (own)
		own = nf_vpn_l2tp_scoped(msg, conn ? conn->name[from].real : 0,
					 own);
	switch (msg->type) {
	case NF_VPN_L2TP_SCCRP:
		nf_vpn_l2tp_udp_name(pair, NF_VPN_L2TP_CONTROL, NULL, from,
				     msg->assigned.id, msg->conn);
		break;
	case NF_VPN_L2TP_SCCCN:
		if (!conn)
			nf_vpn_l2tp_udp_name(pair, NF_VPN_L2TP_CONTROL, NULL,
					     from, 0, msg->conn);
		break;
	case NF_VPN_L2TP_ICRQ:
	case NF_VPN_L2TP_OCRQ:
	case NF_VPN_L2TP_ICRP:
	case NF_VPN_L2TP_OCRP:
		if (conn && own)
			nf_vpn_l2tp_udp_name(pair, NF_VPN_L2TP_DATA, conn, from,
					     own, other);
		break;
	case NF_VPN_L2TP_CDN:
		session = nf_vpn_l2tp_udp_link(pair, NF_VPN_L2TP_DATA, from,
					       own, other);
		if (session)
			nf_vpn_l2tp_link_close(session, grace);
		break;
	case NF_VPN_L2TP_STOPCCN:
		if (conn)
			nf_vpn_l2tp_link_close(conn, grace);
		break;
	}
}

void nf_vpn_l2tp_udp_learn(struct nf_vpn_l2tp_net *ln, struct nf_conn *ct,
			   u8 from, const struct nf_vpn_l2tp_msg *msg)
{
	struct nf_vpn_l2tp_pair *pair;

	if (msg->assigned.seen == NF_VPN_L2TP_HIDDEN ||
	    msg->local.seen == NF_VPN_L2TP_HIDDEN)
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_VEILED);
	nf_vpn_l2tp_pair_succeed(ln, ct);
	spin_lock_bh(&ln->vn->lock);
	/* Its first packet may be dropped yet: the next one is early enough. */
	pair = nf_ct_is_confirmed(ct) ? nf_vpn_l2tp_pair_udp(ln, ct) : NULL;
	if (pair)
		nf_vpn_l2tp_udp_effect(ln, pair, from, msg);
	spin_unlock_bh(&ln->vn->lock);
}

static u32 nf_vpn_l2tp_plain(const struct nf_vpn_l2tp_link *link, u8 end)
{
	const struct nf_vpn_l2tp_link *conn = link->conn;
	u32 id = link->name[end].real;

	/* Version 2: the Tunnel ID above it. */
	if (conn && id >> 16 == conn->name[end].real)
		return id & 0xffff;
	return id;
}

/* The end that asked: the other one, where the server began the entry. */
static u8 nf_vpn_l2tp_udp_client(const struct nf_vpn_lane *lane)
{
	const struct nf_conn *ct = rcu_dereference(lane->ct);

	return ct && ct->master ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
}

static void nf_vpn_l2tp_udp_show(struct seq_file *s,
				 const struct nf_vpn_flow *flow)
{
	struct nf_vpn_l2tp_pair *pair = nf_vpn_l2tp_pair_of_lane(flow->lane);
	u8 client = nf_vpn_l2tp_udp_client(flow->lane);
	struct nf_vpn_l2tp_link *link;
	unsigned int n = 0;

	/* The client's first. */
	if (flow->dir != IP_CT_DIR_ORIGINAL ||
	    flow->key[0].space != NF_VPN_L2TP_NOWHERE)
		return;
	spin_lock_bh(&flow->lane->vn->lock);
	list_for_each_entry(link, &pair->links, list) {
		if (n++ == NF_VPN_L2TP_SHOWN) {
			seq_puts(s, " ...");
			break;
		}
		seq_printf(s, " %s=%u/%u",
			   link->space == NF_VPN_L2TP_CONTROL ? "tunnel" :
								"session",
			   nf_vpn_l2tp_plain(link, client),
			   nf_vpn_l2tp_plain(link, !client));
	}
	spin_unlock_bh(&flow->lane->vn->lock);
}

/* One ID of a link: that of @end, which packets towards it carry. */
static int nf_vpn_l2tp_udp_fill_id(struct sk_buff *msg,
				   const struct nf_vpn_l2tp_link *link, u8 end,
				   u32 direction)
{
	u32 id = nf_vpn_l2tp_plain(link, end), wire = id;
	struct nlattr *nest;

	if (!id)
		return 0;
	/* On a port that is shared. */
	if (link->name[end].flow)
		wire = link->name[end].pub;
	nest = nla_nest_start(msg, NF_VPN_A_SESSION_KEY);
	if (!nest ||
	    nla_put_u32(msg, NF_VPN_A_KEY_KIND,
			link->space == NF_VPN_L2TP_CONTROL ?
			NF_VPN_KIND_TUNNEL : NF_VPN_KIND_SESSION) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_DIRECTION, direction) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_ARRIVES, wire) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_LEAVES, id) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_PEER,
			nf_vpn_l2tp_plain(link, !end)) ||
	    (link->conn &&
	     nla_put_u32(msg, NF_VPN_A_KEY_PARENT,
			 link->conn->name[end].real)) ||
	    nla_put_u32(msg, NF_VPN_A_KEY_EVIDENCE, NF_VPN_EVIDENCE_EXACT))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int nf_vpn_l2tp_udp_fill(struct sk_buff *msg,
				const struct nf_vpn_lane *lane,
				const struct nf_vpn_flow *flow)
{
	u32 left_out = 0, shown = 0;
	struct nf_vpn_l2tp_pair *pair;
	struct nf_vpn_l2tp_link *link;
	u8 client;

	/* Ports tell clients apart: they are the session's own attributes. */
	if (flow)
		return -ENODATA;
	client = nf_vpn_l2tp_udp_client(lane);
	pair = nf_vpn_l2tp_pair_of_lane((struct nf_vpn_lane *)lane);
	list_for_each_entry(link, &pair->links, list) {
		if (shown == NF_VPN_SESSION_KEYS) {
			left_out += 2;
			continue;
		}
		if (nf_vpn_l2tp_udp_fill_id(msg, link, client,
					    NF_VPN_DIRECTION_IN) ||
		    nf_vpn_l2tp_udp_fill_id(msg, link, !client,
					    NF_VPN_DIRECTION_OUT))
			return -EMSGSIZE;
		shown += 2;
	}
	if (left_out &&
	    nla_put_u32(msg, NF_VPN_A_SESSION_KEYS_LEFT_OUT, left_out))
		return -EMSGSIZE;
	return nla_put_u32(msg, NF_VPN_A_SESSION_BOUND, NF_VPN_BOUND_CONTROL);
}

/* UDP packets are found by stock conntrack, but where clients share a port. */
const struct nf_vpn_proto nf_vpn_l2tp_udp_proto = {
	.name		= "l2tp-udp",
	.protocol	= NF_VPN_PROTOCOL_L2TP_UDP,
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_UDP,
	.port		= NF_VPN_L2TP_PORT,
	.borrows	= true,
	.prolongs	= true,
	.key		= nf_vpn_l2tp_share_key,
	.miss		= nf_vpn_l2tp_share_miss,
	.rewrite	= nf_vpn_l2tp_share_rewrite,
	.gone		= nf_vpn_l2tp_pair_gone,
	.free		= nf_vpn_l2tp_pair_free,
	.show		= nf_vpn_l2tp_udp_show,
	.fill		= nf_vpn_l2tp_udp_fill,
};
