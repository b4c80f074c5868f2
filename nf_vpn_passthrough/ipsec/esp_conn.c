// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conntrack entry of a pair's ESP, made whole from that of its IKE: same
 * addresses, same NAT.  The first client of a server keeps the zone its IKE is
 * in, so one client alone sees what it would see without us; where that tuple
 * is taken, a zone of the reserved range makes it unique.
 */
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* Zones tried for one entry: with fewer taken in a row, one is found. */
#define NF_VPN_ESP_ZONE_TRIES	128

static void nf_vpn_esp_tuple(const struct nf_conn *ike, u8 dir,
			     struct nf_conntrack_tuple *t)
{
	*t = ike->tuplehash[dir].tuple;
	t->src.u.all = 0;
	t->dst.u.all = 0;
	t->dst.protonum = IPPROTO_ESP;
}

static void nf_vpn_esp_spec(struct nf_vpn_net *vn, struct nf_conn *ike,
			    struct nf_vpn_conn_spec *spec)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	memset(spec, 0, sizeof(*spec));
	spec->master = ike;
	nf_vpn_esp_tuple(ike, IP_CT_DIR_ORIGINAL, &spec->orig);
	nf_vpn_esp_tuple(ike, IP_CT_DIR_REPLY, &spec->reply);
	/* ESP has no port to share. */
	if (nf_vpn_port_shared(vn, ike))
		nf_ct_zone_init(&spec->zone, NF_CT_DEFAULT_ZONE_ID,
				NF_CT_DEFAULT_ZONE_DIR, 0);
	else
		spec->zone = *nf_ct_zone(ike);
	spec->timeout = READ_ONCE(in->timeout[0]);
}

static struct nf_conn *nf_vpn_esp_conn_in(struct nf_vpn_net *vn,
					  struct nf_vpn_pair *pair,
					  struct nf_vpn_conn_spec *spec,
					  u16 zone)
{
	struct nf_conn *ct;

	nf_ct_zone_init(&spec->zone, zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	ct = nf_vpn_conn_make(vn->net, spec);
	if (IS_ERR(ct))
		return ct;
	if (!pair->zoned)
		nf_vpn_count(vn, NF_VPN_STAT_ZONE_USED);
	pair->zone = zone;
	pair->zoned = true;
	return ct;
}

/* How many share the inbound end: where to begin to look for a free zone. */
static unsigned int nf_vpn_esp_rank(struct nf_vpn_net *vn,
				    const struct nf_vpn_pair *pair)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	const struct nf_vpn_end *end = &pair->end[IP_CT_DIR_REPLY];
	struct rhlist_head *list, *pos;
	struct nf_vpn_pair *p;
	unsigned int n = 0;

	list = nf_vpn_pair_lookup(in, IP_CT_DIR_REPLY, end);
	rhl_for_each_entry_rcu(p, pos, list, node[IP_CT_DIR_REPLY])
		n += p->zoned;
	return n;
}

static struct nf_conn *nf_vpn_esp_conn_zoned(struct nf_vpn_net *vn,
					     struct nf_vpn_pair *pair,
					     struct nf_vpn_conn_spec *spec)
{
	unsigned int i, rank = nf_vpn_esp_rank(vn, pair);
	struct nf_conn *ct;

	for (i = 0; i < NF_VPN_ESP_ZONE_TRIES; i++) {
		ct = nf_vpn_esp_conn_in(vn, pair, spec,
					nf_vpn_zone_nth(vn, rank + i));
		if (!IS_ERR(ct) || PTR_ERR(ct) != -EEXIST)
			return ct;
	}
	nf_vpn_count(vn, NF_VPN_STAT_ZONE_FULL);
	return ERR_PTR(-EEXIST);
}

static struct nf_conn *nf_vpn_esp_conn(struct nf_vpn_net *vn,
				       struct nf_vpn_pair *pair)
{
	struct nf_vpn_conn_spec spec;
	struct nf_conn *ct;

	nf_vpn_esp_spec(vn, pair->master, &spec);
	ct = pair->zoned ?
		nf_vpn_esp_conn_in(vn, pair, &spec, pair->zone) :
		nf_vpn_conn_make(vn->net, &spec);
	if (!IS_ERR(ct) || PTR_ERR(ct) != -EEXIST)
		return ct;
	return nf_vpn_esp_conn_zoned(vn, pair, &spec);
}

/*
 * An entry that ended, not reaped yet, is replaced at once: its zone is needed.
 * The lane stays listed until the reaper, or a packet of its SPIs, finds it.
 */
static struct nf_vpn_lane *nf_vpn_esp_lane_live(struct nf_vpn_pair *pair)
{
	struct nf_vpn_lane *lane = pair->lane;
	struct nf_conn *ct;

	if (!lane)
		return NULL;
	ct = rcu_dereference(lane->ct);
	if (!lane->dead && nf_vpn_ct_alive(ct))
		return lane;
	/* Keyed by hand: the pair ends with it. */
	if (!pair->master)
		return NULL;
	nf_ct_kill(ct);
	nf_vpn_pair_lane_leave(pair);
	nf_vpn_lane_put(lane);
	return NULL;
}

struct nf_vpn_lane *nf_vpn_esp_lane(struct nf_vpn_net *vn,
				    struct nf_vpn_pair *pair)
{
	struct nf_vpn_lane *lane = nf_vpn_esp_lane_live(pair);
	struct nf_conn *ct;

	if (lane)
		return lane;
	/*
	 * No living IKE entry: it was deleted or flushed, and an admin who
	 * flushes wants the rules to be asked again.
	 */
	if (!pair->master || !nf_vpn_ct_alive(pair->master))
		return NULL;
	ct = nf_vpn_esp_conn(vn, pair);
	if (IS_ERR(ct)) {
		nf_vpn_count(vn, NF_VPN_STAT_CT_FAIL);
		return NULL;
	}
	nf_conntrack_get(&ct->ct_general);
	lane = nf_vpn_pair_lane_new(vn, pair, ct);
	/* An entry that nobody steers packets to would keep the zone taken. */
	if (lane)
		nf_vpn_conn_announce(ct);
	else
		nf_ct_kill(ct);
	nf_ct_put(ct);
	return lane;
}
