// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: the clients of one server behind one public address.  Their inbound
 * ESP looks alike, so each unknown SPI is weighed among them.
 */
#include <linux/slab.h>
#include "ipsec.h"

/* Somebody sends with a new SA and was sent nothing for so long */
#define NF_VPN_GROUP_VAIN_MS	2000
/* and is still at it. */
#define NF_VPN_GROUP_TRIES_MS	10000
/* An SA that only sends waits in vain for ever: somewhen that is believed. */
#define NF_VPN_GROUP_GIVE_UP_MS	120000
#define NF_VPN_GROUP_SUSPECT	(3 * HZ)

struct nf_vpn_pair *nf_vpn_group_pair(const struct nf_vpn_group *group,
				      unsigned int i)
{
	return container_of(group->member[i], struct nf_vpn_pair, ev);
}

struct nf_vpn_group *nf_vpn_group_find(struct nf_vpn_ipsec_net *in,
				       const struct nf_vpn_end *end)
{
	struct rhlist_head *list, *pos;
	struct nf_vpn_pair *pair;

	list = nf_vpn_pair_lookup(in, IP_CT_DIR_REPLY, end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_REPLY])
		return pair->group;
	return NULL;
}

static int nf_vpn_group_grow(struct nf_vpn_group *group)
{
	unsigned int room = group->room ? 2 * group->room : 4;
	struct nf_vpn_esp_evidence **member;

	if (room > NF_VPN_GROUP_MOST)
		return -ENOSPC;
	member = krealloc(group->member, room * sizeof(*member), GFP_ATOMIC);
	if (!member)
		return -ENOMEM;
	group->member = member;
	group->room = room;
	return 0;
}

int nf_vpn_group_enter(struct nf_vpn_pair *pair)
{
	struct nf_vpn_group *group = pair->group;

	if (!group || pair->place >= 0)
		return 0;
	if (group->n == group->room && nf_vpn_group_grow(group))
		return -ENOMEM;
	pair->place = group->n;
	group->member[group->n++] = &pair->ev;
	return 0;
}

void nf_vpn_group_exit(struct nf_vpn_pair *pair)
{
	struct nf_vpn_group *group = pair->group;

	if (!group || pair->place < 0)
		return;
	group->member[pair->place] = group->member[--group->n];
	nf_vpn_group_pair(group, pair->place)->place = pair->place;
	pair->place = -1;
}

int nf_vpn_group_join(struct nf_vpn_ipsec_net *in, struct nf_vpn_pair *pair)
{
	struct nf_vpn_group *group;

	group = nf_vpn_group_find(in, &pair->end[IP_CT_DIR_REPLY]);
	if (!group)
		group = kzalloc(sizeof(*group), GFP_ATOMIC);
	if (!group)
		return -ENOMEM;
	group->pairs++;
	pair->group = group;
	if (!nf_vpn_group_enter(pair))
		return 0;
	nf_vpn_group_leave(pair);
	return -ENOMEM;
}

void nf_vpn_group_leave(struct nf_vpn_pair *pair)
{
	struct nf_vpn_group *group = pair->group;

	if (!group)
		return;
	nf_vpn_group_exit(pair);
	group->held -= pair->held;
	pair->group = NULL;
	if (--group->pairs)
		return;
	kfree(group->member);
	kfree(group);
}

/*
 * A client with an open gate that sends and is sent nothing: its SPI is settled
 * as another client's, by mistake or because that one chose the same. Who has
 * been silent since it was fed waits for nothing.
 */
static bool nf_vpn_group_in_vain(const struct nf_vpn_pair *pair,
				 const struct nf_vpn_esp_candidate *c)
{
	u32 hungry_ms = jiffies_to_msecs(jiffies - READ_ONCE(pair->fed));

	return (c->gates || c->tentative) && c->unmatched_out &&
	       c->idle_ms < NF_VPN_GROUP_TRIES_MS &&
	       c->out_age_ms >= NF_VPN_GROUP_VAIN_MS &&
	       c->out_age_ms < NF_VPN_GROUP_GIVE_UP_MS &&
	       hungry_ms > NF_VPN_GROUP_VAIN_MS && c->idle_ms < hungry_ms;
}

static bool nf_vpn_group_review(struct nf_vpn_pair *pair, u32 now)
{
	struct nf_vpn_group *group = pair->group;
	struct nf_vpn_esp_candidate c;
	u32 gate = pair->ev.gate[0];

	nf_vpn_esp_view(&pair->ev, now, &c);
	if (!group || group->n < 2 || !nf_vpn_group_in_vain(pair, &c))
		return false;
	if (!group->suspect ||
	    nf_vpn_since(now, gate) > nf_vpn_since(now, group->suspect_gate))
		group->suspect_gate = gate;
	group->suspect = true;
	group->suspect_until = jiffies + NF_VPN_GROUP_SUSPECT;
	return true;
}

void nf_vpn_group_tend(struct nf_vpn_ipsec_net *in)
{
	u32 now = nf_vpn_esp_now();
	struct nf_vpn_pair *pair;
	bool suspect = false;

	list_for_each_entry(pair, &in->pairs, list)
		if (nf_vpn_group_review(pair, now))
			suspect = true;
	if (!suspect)
		return;
	list_for_each_entry(pair, &in->pairs, list)
		if (pair->group && pair->group->suspect)
			nf_vpn_spi_suspect(pair, now);
	list_for_each_entry(pair, &in->pairs, list)
		if (pair->group)
			pair->group->suspect = false;
}
