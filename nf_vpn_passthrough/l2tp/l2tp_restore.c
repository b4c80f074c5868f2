// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunnels and sessions that come back, with the names both ends had for them.
 * Their entry is stock conntrack's: ctnetlink put it there.
 */
#include <net/netfilter/nf_conntrack_zones.h>
#include "l2tp.h"

static u8 nf_vpn_l2tp_restore_space(const struct nf_vpn_saved_key *key)
{
	return key->kind == NF_VPN_KIND_TUNNEL ? NF_VPN_L2TP_CONTROL :
						 NF_VPN_L2TP_DATA;
}

/* The end that is called by it: packets towards that end carry it. */
static u8 nf_vpn_l2tp_restore_end(const struct nf_vpn_saved_key *key)
{
	return key->direction == NF_VPN_DIRECTION_IN ? IP_CT_DIR_ORIGINAL :
						       IP_CT_DIR_REPLY;
}

static bool nf_vpn_l2tp_restore_numbers(const struct nf_vpn_saved *saved)
{
	unsigned int i;

	for (i = 0; i < saved->n; i++)
		if ((saved->key[i].kind != NF_VPN_KIND_TUNNEL &&
		     saved->key[i].kind != NF_VPN_KIND_SESSION) ||
		    !saved->key[i].arrives || !saved->key[i].leaves)
			return false;
	return saved->n;
}

/*
 * Over UDP a list has the Session IDs of version 2 without the Tunnel ID that is
 * kept above them (l2tp_udp.c); those of version 3 are random 32 bits.
 */
static u32 nf_vpn_l2tp_restore_id(const struct nf_vpn_saved *saved, u32 parent,
				  u32 id)
{
	if (saved->protocol != NF_VPN_PROTOCOL_L2TP_UDP || !parent ||
	    parent > U16_MAX || id > U16_MAX)
		return id;
	return parent << 16 | id;
}

static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_restore_link(struct nf_vpn_l2tp_pair *pair,
			 const struct nf_vpn_saved *saved,
			 const struct nf_vpn_saved_key *key, u8 end)
{
	u8 space = nf_vpn_l2tp_restore_space(key);
	struct nf_vpn_l2tp_link *link, *conn = NULL;
	u32 peer = key->peer;

	if (key->parent && space == NF_VPN_L2TP_DATA)
		conn = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_CONTROL, end,
						key->parent);
	if (conn)
		peer = nf_vpn_l2tp_restore_id(saved, conn->name[!end].real,
					      peer);
	link = key->peer ? nf_vpn_l2tp_link_by_real(pair, space, !end, peer) :
			   NULL;
	return link ? link : nf_vpn_l2tp_link_new(pair, space, conn);
}

static enum nf_vpn_refusal
nf_vpn_l2tp_restore_key(struct nf_vpn_l2tp_pair *pair,
			const struct nf_vpn_saved *saved,
			const struct nf_vpn_saved_key *key)
{
	u32 parent = key->kind == NF_VPN_KIND_SESSION ? key->parent : 0;
	u8 end = nf_vpn_l2tp_restore_end(key);
	struct nf_vpn_l2tp_link *link;
	int err;

	link = nf_vpn_l2tp_restore_link(pair, saved, key, end);
	if (!link)
		return NF_VPN_REFUSED_LIMIT;
	if (link->name[end].real)
		return NF_VPN_REFUSED_NUMBERS;
	err = nf_vpn_l2tp_link_rename(link, end,
				      nf_vpn_l2tp_restore_id(saved, parent, key->leaves),
				      nf_vpn_l2tp_restore_id(saved, parent, key->arrives));
	if (!err)
		return NF_VPN_RESTORED;
	return err == -EEXIST ? NF_VPN_REFUSED_TAKEN : NF_VPN_REFUSED_LIMIT;
}

/* Tunnels first: sessions name them. */
static enum nf_vpn_refusal
nf_vpn_l2tp_restore_kind(struct nf_vpn_l2tp_pair *pair,
			 const struct nf_vpn_saved *saved, u32 kind)
{
	enum nf_vpn_refusal why = NF_VPN_RESTORED;
	unsigned int i;

	for (i = 0; i < saved->n && !why; i++)
		if (saved->key[i].kind == kind)
			why = nf_vpn_l2tp_restore_key(pair, saved,
						      &saved->key[i]);
	return why;
}

/* nf_vpn_net.lock held, RCU. */
static struct nf_vpn_l2tp_pair *
nf_vpn_l2tp_restore_pair(struct nf_vpn_l2tp_net *ln,
			 const struct nf_vpn_saved *saved)
{
	return saved->protocol == NF_VPN_PROTOCOL_L2TP_UDP ?
		nf_vpn_l2tp_pair_udp(ln, saved->ct) :
		nf_vpn_l2tp_pair_again(ln, saved->ct);
}

/* @made: with a reference, or NULL. */
static enum nf_vpn_refusal
nf_vpn_l2tp_restore_links(struct nf_vpn_l2tp_net *ln,
			  const struct nf_vpn_saved *saved,
			  struct nf_vpn_l2tp_pair **made)
{
	struct nf_vpn_l2tp_pair *pair = nf_vpn_l2tp_pair_of(ln, saved->ct);
	enum nf_vpn_refusal why;

	if (pair && (!list_empty(&pair->links) ||
		     saved->protocol == NF_VPN_PROTOCOL_L2TP_IP))
		return NF_VPN_REFUSED_EXISTS;
	pair = nf_vpn_l2tp_restore_pair(ln, saved);
	if (!pair)
		return NF_VPN_REFUSED_LIMIT;
	nf_vpn_lane_get(&pair->lane);
	*made = pair;
	why = nf_vpn_l2tp_restore_kind(pair, saved, NF_VPN_KIND_TUNNEL);
	if (!why)
		why = nf_vpn_l2tp_restore_kind(pair, saved,
					       NF_VPN_KIND_SESSION);
	return why;
}

enum nf_vpn_refusal nf_vpn_l2tp_restore(struct nf_vpn_net *vn,
					const struct nf_vpn_saved *saved)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(vn->net);
	struct nf_vpn_l2tp_pair *pair = NULL;
	enum nf_vpn_refusal why;

	if (!nf_vpn_l2tp_restore_numbers(saved))
		return NF_VPN_REFUSED_NUMBERS;
	nf_vpn_l2tp_hook_enable(ln);
	spin_lock_bh(&vn->lock);
	rcu_read_lock();
	why = nf_vpn_l2tp_restore_links(ln, saved, &pair);
	rcu_read_unlock();
	spin_unlock_bh(&vn->lock);
	if (pair && why)
		nf_vpn_lane_kill(&pair->lane);
	if (pair)
		nf_vpn_lane_put(&pair->lane);
	return why;
}
