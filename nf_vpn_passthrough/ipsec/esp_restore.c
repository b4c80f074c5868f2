// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP that comes back: the pair, its entry, and the SPIs that were known for sure.
 * What was a guess is weighed anew.
 */
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

static bool nf_vpn_esp_restore_numbers(const struct nf_vpn_saved *saved)
{
	const struct nf_vpn_saved_key *key;
	unsigned int i;

	for (i = 0; i < saved->n; i++) {
		key = &saved->key[i];
		if (key->kind != NF_VPN_KIND_SPI ||
		    key->arrives != key->leaves ||
		    key->arrives <= NF_VPN_ESP_SPI_RESERVED)
			return false;
	}
	return true;
}

/* The first client has the zone of its IKE; if ours is taken, it gets another. */
static void nf_vpn_esp_restore_zone(struct nf_vpn_net *vn,
				    struct nf_vpn_pair *pair,
				    const struct nf_vpn_saved *saved)
{
	u16 own = nf_vpn_zone_arriving(vn, saved->ct, IP_CT_DIR_ORIGINAL);

	if (pair->zoned || saved->zone == own ||
	    !nf_vpn_zone_reserved(vn, saved->zone))
		return;
	pair->zone = saved->zone;
	pair->zoned = true;
	nf_vpn_count(vn, NF_VPN_STAT_ZONE_USED);
}

/* A rekey may have been half done: what it awaits may come yet. */
static void nf_vpn_esp_restore_evidence(struct nf_vpn_pair *pair,
					const struct nf_vpn_saved *saved)
{
	u32 now = nf_vpn_esp_now();
	unsigned int i;

	pair->ev.unmatched_in = 0;
	if (pair->ev.gates)
		return;
	pair->ev.gates = min_t(u32, saved->awaited, NF_VPN_ESP_GATES);
	for (i = 0; i < pair->ev.gates; i++)
		pair->ev.gate[i] = now;
}

static bool nf_vpn_esp_restore_in(struct nf_vpn_net *vn,
				  struct nf_vpn_pair *pair,
				  const struct nf_vpn_key *key)
{
	u32 now = nf_vpn_esp_now();
	struct nf_vpn_esp_in in = { .sa.first = now, .settled = true };

	if (!nf_vpn_spi_in(vn, pair, key, &in))
		return false;
	nf_vpn_esp_settle(&pair->ev, false, now, now);
	return true;
}

static enum nf_vpn_refusal
nf_vpn_esp_restore_spi(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
		       const struct nf_vpn_saved_key *spi)
{
	u8 dir = spi->direction == NF_VPN_DIRECTION_IN ? IP_CT_DIR_REPLY :
							 IP_CT_DIR_ORIGINAL;
	struct nf_vpn_key key = {
		.src		= pair->end[dir].src,
		.dst		= pair->end[dir].dst,
		.id		= htonl(spi->arrives),
		.zone		= pair->end[dir].zone,
		.l4proto	= IPPROTO_ESP,
	};

	if (dir == IP_CT_DIR_REPLY &&
	    spi->evidence == NF_VPN_EVIDENCE_GUESS)
		return NF_VPN_RESTORED;
	if (nf_vpn_flow_find(vn, &key))
		return NF_VPN_REFUSED_TAKEN;
	if (dir == IP_CT_DIR_REPLY ? nf_vpn_esp_restore_in(vn, pair, &key) :
	    !!nf_vpn_spi_out(vn, pair, &key))
		return NF_VPN_RESTORED;
	return NF_VPN_REFUSED_LIMIT;
}

static enum nf_vpn_refusal
nf_vpn_esp_restore_spis(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			const struct nf_vpn_saved *saved)
{
	enum nf_vpn_refusal why = NF_VPN_RESTORED;
	unsigned int i;

	for (i = 0; i < saved->n && !why; i++)
		why = nf_vpn_esp_restore_spi(vn, pair, &saved->key[i]);
	nf_vpn_esp_restore_evidence(pair, saved);
	return why;
}

static void nf_vpn_esp_restore_replied(struct nf_vpn_net *vn,
				       const struct nf_vpn_lane *lane)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	nf_vpn_conn_replied(rcu_dereference(lane->ct),
			    READ_ONCE(in->timeout[1]));
}

/* nf_vpn_net.lock held, RCU.  @lane: made here, with a reference, or NULL. */
static enum nf_vpn_refusal
nf_vpn_esp_restore_pair(struct nf_vpn_net *vn, const struct nf_vpn_saved *saved,
			struct nf_vpn_lane **lane)
{
	struct nf_vpn_pair *pair = nf_vpn_pair_of(vn, saved->ct, true);
	enum nf_vpn_refusal why;

	if (!pair)
		return NF_VPN_REFUSED_LIMIT;
	if (pair->lane && !pair->lane->dead &&
	    nf_vpn_ct_alive(rcu_dereference(pair->lane->ct)))
		return NF_VPN_REFUSED_EXISTS;
	nf_vpn_esp_restore_zone(vn, pair, saved);
	*lane = nf_vpn_esp_lane(vn, pair);
	if (!*lane)
		return NF_VPN_REFUSED_ENTRY;
	nf_vpn_lane_get(*lane);
	why = nf_vpn_esp_restore_spis(vn, pair, saved);
	if (!why && saved->replied)
		nf_vpn_esp_restore_replied(vn, *lane);
	return why;
}

enum nf_vpn_refusal nf_vpn_esp_restore(struct nf_vpn_net *vn,
				       const struct nf_vpn_saved *saved)
{
	struct nf_vpn_lane *lane = NULL;
	enum nf_vpn_refusal why;

	if (saved->protocol == NF_VPN_PROTOCOL_NATT)
		return nf_vpn_natt_restore(vn, saved);
	if (saved->protocol == NF_VPN_PROTOCOL_IKE)
		return NF_VPN_REFUSED_IKE;
	if (saved->bound == NF_VPN_BOUND_DATA)
		return NF_VPN_REFUSED_BOUND;
	if (!nf_vpn_esp_restore_numbers(saved))
		return NF_VPN_REFUSED_NUMBERS;
	spin_lock_bh(&vn->lock);
	rcu_read_lock();
	why = nf_vpn_esp_restore_pair(vn, saved, &lane);
	rcu_read_unlock();
	spin_unlock_bh(&vn->lock);
	if (lane && why)
		nf_vpn_lane_kill(lane);
	if (lane)
		nf_vpn_lane_put(lane);
	return why;
}
