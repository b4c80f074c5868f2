// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control connections and sessions: whose ID is whose.
 *
 * Each end chooses the ID that it wants to receive (RFC 3931 3.1), and a packet
 * carries the receiver's.  So an ID is known by two numbers: the real one, which
 * its owner chose, and the public one, by which the other end calls it.  They
 * differ only where two clients chose alike.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include "l2tp.h"

/* Random IDs tried: with any number of sessions one of them is free. */
#define NF_VPN_L2TP_ID_TRIES	32

/* Pairs looked at for idle sessions in a second */
#define NF_VPN_L2TP_IDLE_CHUNK	16

struct nf_vpn_l2tp_link *
nf_vpn_l2tp_link_by_real(const struct nf_vpn_l2tp_pair *pair, u8 space, u8 end,
			 u32 id)
{
	struct nf_vpn_l2tp_link *link;

	list_for_each_entry(link, &pair->links, list)
		if (link->space == space && link->name[end].real == id)
			return link;
	return NULL;
}

struct nf_vpn_l2tp_link *
nf_vpn_l2tp_link_by_pub(const struct nf_vpn_l2tp_pair *pair, u8 space, u8 end,
			u32 id)
{
	struct nf_vpn_l2tp_link *link;

	list_for_each_entry(link, &pair->links, list)
		if (link->space == space && link->name[end].real &&
		    link->name[end].pub == id)
			return link;
	return NULL;
}

struct nf_vpn_l2tp_link *nf_vpn_l2tp_link_new(struct nf_vpn_l2tp_pair *pair,
					      u8 space,
					      struct nf_vpn_l2tp_link *conn)
{
	struct nf_vpn_net *vn = pair->lane.vn;
	struct nf_vpn_l2tp_link *link;

	if (nf_vpn_client_charge(vn, pair->lane.client))
		return NULL;
	link = kzalloc(sizeof(*link), GFP_ATOMIC);
	if (!link) {
		nf_vpn_client_release(vn, pair->lane.client);
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	INIT_LIST_HEAD(&link->end_list);
	link->pair = pair;
	link->space = space;
	link->conn = conn;
	list_add(&link->list, &pair->links);
	/* Its last one had ended, and the reaper was not there yet. */
	WRITE_ONCE(pair->lane.closing, false);
	return link;
}

/* Packets towards @end, as they arrive here. */
static void nf_vpn_l2tp_link_arrive(const struct nf_vpn_l2tp_link *link, u8 end,
				    struct nf_vpn_key *key)
{
	const struct nf_vpn_l2tp_end *way = &link->pair->end[!end];

	memset(key, 0, sizeof(*key));
	key->src = way->src;
	key->dst = way->dst;
	key->id = htonl(link->name[end].pub);
	key->zone = link->pair->from_zone;
	key->l4proto = IPPROTO_L2TP;
	key->space = link->space;
}

/* And as they leave; an error about one comes back from there. */
static void nf_vpn_l2tp_link_depart(const struct nf_vpn_l2tp_link *link, u8 end,
				    struct nf_vpn_key *key)
{
	const struct nf_vpn_l2tp_end *back = &link->pair->end[end];

	memset(key, 0, sizeof(*key));
	key->src = back->dst;
	key->dst = back->src;
	key->id = htonl(link->name[end].real);
	key->zone = link->pair->from_zone;
	key->l4proto = IPPROTO_L2TP;
	key->space = link->space;
}

static int nf_vpn_l2tp_link_flow(struct nf_vpn_l2tp_link *link, u8 end)
{
	struct nf_vpn_l2tp_name *name = &link->name[end];
	struct nf_vpn_key arrive, depart;
	struct nf_vpn_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow)
		return -ENOMEM;
	nf_vpn_l2tp_link_arrive(link, end, &arrive);
	nf_vpn_l2tp_link_depart(link, end, &depart);
	err = nf_vpn_flow_add(flow, &link->pair->lane, !end, &arrive, &depart);
	if (err)
		kfree(flow);
	else
		name->flow = flow;
	return err;
}

static void nf_vpn_l2tp_link_unname(struct nf_vpn_l2tp_link *link, u8 end)
{
	struct nf_vpn_l2tp_name *name = &link->name[end];

	if (name->flow)
		nf_vpn_flow_del(name->flow);
	memset(name, 0, sizeof(*name));
}

static int nf_vpn_l2tp_link_pick(struct nf_vpn_l2tp_link *link, u8 end)
{
	int err = -EEXIST;
	unsigned int i;
	u32 id;

	for (i = 0; err == -EEXIST && i < NF_VPN_L2TP_ID_TRIES; i++) {
		get_random_bytes(&id, sizeof(id));
		if (!id)
			continue;
		link->name[end].pub = id;
		err = nf_vpn_l2tp_link_flow(link, end);
	}
	return err;
}

int nf_vpn_l2tp_link_name(struct nf_vpn_l2tp_link *link, u8 end, u32 id,
			  bool keep)
{
	struct nf_vpn_l2tp_name *name = &link->name[end];
	int err;

	if (name->real == id)
		return 0;
	nf_vpn_l2tp_link_unname(link, end);
	name->real = id;
	name->pub = id;
	/* Else nf_vpn_l2tp_link_index() does it. */
	if (!link->pair->resolved)
		return 0;
	err = nf_vpn_l2tp_link_flow(link, end);
	if (err == -EEXIST && !keep)
		err = nf_vpn_l2tp_link_pick(link, end);
	if (err)
		memset(name, 0, sizeof(*name));
	return err;
}

int nf_vpn_l2tp_link_rename(struct nf_vpn_l2tp_link *link, u8 end, u32 real,
			    u32 pub)
{
	struct nf_vpn_l2tp_name *name = &link->name[end];
	int err = 0;

	nf_vpn_l2tp_link_unname(link, end);
	name->real = real;
	name->pub = pub;
	if (link->pair->resolved)
		err = nf_vpn_l2tp_link_flow(link, end);
	if (err)
		memset(name, 0, sizeof(*name));
	return err;
}

void nf_vpn_l2tp_link_index(struct nf_vpn_l2tp_pair *pair)
{
	struct nf_vpn_l2tp_link *link;
	u8 end;

	list_for_each_entry(link, &pair->links, list)
		for (end = 0; end < IP_CT_DIR_MAX; end++)
			if (link->name[end].real && !link->name[end].flow)
				nf_vpn_l2tp_link_flow(link, end);
}

static void nf_vpn_l2tp_link_end_at(struct nf_vpn_l2tp_link *link,
				    unsigned int delay)
{
	struct nf_vpn_l2tp_net *ln =
		nf_vpn_l2tp_pernet(link->pair->lane.vn->net);

	/* The first reason to end it counts. */
	if (!list_empty(&link->end_list))
		return;
	link->expires = jiffies + delay;
	list_add_tail(&link->end_list, &ln->closing);
}

void nf_vpn_l2tp_link_close(struct nf_vpn_l2tp_link *link, unsigned int delay)
{
	struct nf_vpn_l2tp_link *session;

	/* RFC 3931 3.3.2: with a control connection its sessions end. */
	if (link->space == NF_VPN_L2TP_CONTROL)
		list_for_each_entry(session, &link->pair->links, list)
			if (session->conn == link)
				nf_vpn_l2tp_link_end_at(session, delay);
	nf_vpn_l2tp_link_end_at(link, delay);
}

void nf_vpn_l2tp_link_reopen(struct nf_vpn_l2tp_link *link)
{
	list_del_init(&link->end_list);
}

/* Only memory: the flows went with their lane, or are gone. */
static void nf_vpn_l2tp_link_free(struct nf_vpn_l2tp_link *link)
{
	struct nf_vpn_lane *lane = &link->pair->lane;

	list_del(&link->end_list);
	list_del(&link->list);
	kfree(link);
	nf_vpn_client_release(lane->vn, lane->client);
	nf_vpn_count(lane->vn, NF_VPN_STAT_L2TP_END);
}

/* Its sessions outlive it, if somebody speaks in them. */
static void nf_vpn_l2tp_link_orphan(struct nf_vpn_l2tp_link *link)
{
	struct nf_vpn_l2tp_link *session;

	list_for_each_entry(session, &link->pair->links, list)
		if (session->conn == link)
			session->conn = NULL;
}

void nf_vpn_l2tp_link_free_all(struct nf_vpn_l2tp_pair *pair)
{
	struct nf_vpn_l2tp_link *link, *tmp;

	list_for_each_entry_safe(link, tmp, &pair->links, list)
		nf_vpn_l2tp_link_free(link);
}

void nf_vpn_l2tp_link_del(struct nf_vpn_l2tp_link *link)
{
	struct nf_vpn_l2tp_pair *pair = link->pair;

	if (!pair->lane.dead) {
		nf_vpn_l2tp_link_unname(link, IP_CT_DIR_ORIGINAL);
		nf_vpn_l2tp_link_unname(link, IP_CT_DIR_REPLY);
	}
	nf_vpn_l2tp_link_orphan(link);
	nf_vpn_l2tp_link_free(link);
	/* Over UDP the entry has its ports to itself and just times out. */
	if (!list_empty(&pair->links) || !pair->resolved)
		return;
	/* Nothing left to be steered to the entry: it gives its zone back. */
	WRITE_ONCE(pair->lane.expires, jiffies);
	WRITE_ONCE(pair->lane.closing, true);
}

static bool nf_vpn_l2tp_link_idle(const struct nf_vpn_l2tp_link *link,
				  unsigned int timeout)
{
	const struct nf_vpn_flow *flow;
	u8 end;

	for (end = 0; end < IP_CT_DIR_MAX; end++) {
		flow = link->name[end].flow;
		if (flow && !time_after(jiffies, READ_ONCE(flow->used) + timeout))
			return false;
	}
	return link->name[0].flow || link->name[1].flow;
}

/* The entry lives as long as one session does; who stopped to speak goes. */
static void nf_vpn_l2tp_link_reap_idle(struct nf_vpn_l2tp_net *ln)
{
	unsigned int timeout = READ_ONCE(ln->timeout[1]);
	struct nf_vpn_l2tp_pair *pair;
	struct nf_vpn_l2tp_link *link;
	unsigned int i;

	for (i = 0; i < NF_VPN_L2TP_IDLE_CHUNK; i++) {
		pair = list_first_entry_or_null(&ln->pairs,
						struct nf_vpn_l2tp_pair, list);
		if (!pair)
			return;
		list_move_tail(&pair->list, &ln->pairs);
		if (pair->lane.dead)
			continue;
		list_for_each_entry(link, &pair->links, list)
			if (nf_vpn_l2tp_link_idle(link, timeout))
				nf_vpn_l2tp_link_end_at(link, 0);
	}
}

void nf_vpn_l2tp_link_reap(struct nf_vpn_net *vn)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(vn->net);
	struct nf_vpn_l2tp_link *link;

	spin_lock_bh(&vn->lock);
	nf_vpn_l2tp_link_reap_idle(ln);
	while ((link = list_first_entry_or_null(&ln->closing,
						struct nf_vpn_l2tp_link,
						end_list))) {
		if (time_before(jiffies, link->expires))
			break;
		nf_vpn_l2tp_link_del(link);
	}
	spin_unlock_bh(&vn->lock);
}
