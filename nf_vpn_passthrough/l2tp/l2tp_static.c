// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions without control messages (sysctl l2tp_without_control): set up by
 * hand at both ends, as "ip l2tp" does, or told of before we were loaded.
 *
 * What the client sends names the server's ID.  Nothing names the client's, so
 * the first packet of an unknown ID from the server is taken for the one client
 * that has sent and was not yet answered; are there several, the one whose two
 * IDs would be alike, as many type them; else nobody's.
 */
#include "l2tp.h"

/* Clients of one server looked at: nobody types more. */
#define NF_VPN_L2TP_STATIC_MAX	256

void nf_vpn_l2tp_static_out(struct nf_vpn_l2tp_pair *pair, u32 id)
{
	struct nf_vpn_net *vn = pair->lane.vn;
	struct nf_vpn_l2tp_link *link;

	link = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_DATA, IP_CT_DIR_REPLY,
					id);
	if (link)
		return;
	link = nf_vpn_l2tp_link_new(pair, NF_VPN_L2TP_DATA, NULL);
	if (!link) {
		nf_vpn_count(vn, NF_VPN_STAT_L2TP_REFUSED);
		return;
	}
	if (nf_vpn_l2tp_link_name(link, IP_CT_DIR_REPLY, id, true)) {
		nf_vpn_l2tp_link_del(link);
		nf_vpn_count(vn, NF_VPN_STAT_L2TP_REFUSED);
	}
}

/* A session of the pair that the server has not answered. */
static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_static_open(const struct nf_vpn_l2tp_pair *pair, u32 like)
{
	struct nf_vpn_l2tp_link *link, *found = NULL;

	list_for_each_entry(link, &pair->links, list) {
		if (link->space != NF_VPN_L2TP_DATA ||
		    link->name[IP_CT_DIR_ORIGINAL].real)
			continue;
		if (link->name[IP_CT_DIR_REPLY].real == like)
			return link;
		found = link;
	}
	return found;
}

/**
 * struct nf_vpn_l2tp_choice - sessions an inbound ID could belong to
 * @any: the last one found
 * @open: how many
 * @twin: the last one whose server's ID is the same number
 * @twins: how many
 */
struct nf_vpn_l2tp_choice {
	struct nf_vpn_l2tp_link	*any;
	struct nf_vpn_l2tp_link	*twin;
	unsigned int		open;
	unsigned int		twins;
};

static void nf_vpn_l2tp_static_weigh(struct nf_vpn_l2tp_pair *pair, u32 id,
				     struct nf_vpn_l2tp_choice *choice)
{
	struct nf_vpn_l2tp_link *link = nf_vpn_l2tp_static_open(pair, id);

	if (!link)
		return;
	choice->any = link;
	choice->open++;
	if (link->name[IP_CT_DIR_REPLY].real != id)
		return;
	choice->twin = link;
	choice->twins++;
}

/* All clients of that server, as far as they are known. */
static void nf_vpn_l2tp_static_look(struct nf_vpn_l2tp_net *ln,
				    const struct nf_vpn_key *key,
				    struct nf_vpn_l2tp_choice *choice)
{
	struct nf_vpn_l2tp_end end = { .src = key->src, .dst = key->dst };
	struct rhlist_head *list, *pos;
	struct nf_vpn_l2tp_pair *pair;
	unsigned int n = 0;

	list = nf_vpn_l2tp_pair_lookup(ln, IP_CT_DIR_REPLY, &end);
	rhl_for_each_entry_rcu(pair, pos, list, node[IP_CT_DIR_REPLY]) {
		if (n++ == NF_VPN_L2TP_STATIC_MAX)
			break;
		if (!pair->lane.dead && pair->from_zone == key->zone &&
		    nf_vpn_l2tp_pair_adopt(ln, pair))
			nf_vpn_l2tp_static_weigh(pair, ntohl(key->id), choice);
	}
}

struct nf_vpn_flow *nf_vpn_l2tp_static_in(struct nf_vpn_l2tp_net *ln,
					  const struct nf_vpn_key *key)
{
	struct nf_vpn_l2tp_choice choice = { .any = NULL };
	struct nf_vpn_l2tp_link *link = NULL;

	nf_vpn_l2tp_static_look(ln, key, &choice);
	if (choice.open == 1)
		link = choice.any;
	else if (choice.twins == 1)
		link = choice.twin;
	if (!link || nf_vpn_l2tp_link_name(link, IP_CT_DIR_ORIGINAL,
					   ntohl(key->id), true)) {
		nf_vpn_count(ln->vn, choice.open > 1 ?
			     NF_VPN_STAT_L2TP_AMBIGUOUS :
			     NF_VPN_STAT_L2TP_UNKNOWN);
		return NULL;
	}
	nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_STATIC);
	return link->name[IP_CT_DIR_ORIGINAL].flow;
}
