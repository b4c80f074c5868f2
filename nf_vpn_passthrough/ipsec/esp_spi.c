// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SPIs of a pair: flows on its lane.  Each direction keeps so many; what is
 * worth least makes room for a new one.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include "ipsec.h"

u32 nf_vpn_esp_now(void)
{
	return (u32)ktime_to_ms(ktime_get());
}

static struct nf_vpn_spi *nf_vpn_spi_of(struct nf_vpn_flow *flow)
{
	return container_of(flow, struct nf_vpn_spi, flow);
}

/* As the packet leaves; an ICMP error about it comes back from there. */
static void nf_vpn_spi_depart(const struct nf_conn *ct, u8 dir,
			      const struct nf_vpn_key *arrive,
			      const struct nf_vpn_end *back,
			      struct nf_vpn_key *depart)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[!dir].tuple;

	*depart = *arrive;
	depart->src = t->dst.u3.ip;
	depart->dst = t->src.u3.ip;
	depart->zone = back->zone;
}

/* Not settled before settled; of those fewest packets, else longest idle. */
static bool nf_vpn_spi_worth_less(struct nf_vpn_flow *a, struct nf_vpn_flow *b)
{
	const struct nf_vpn_esp_in *x, *y;

	if (a->dir == IP_CT_DIR_REPLY) {
		x = nf_vpn_spi_of(a)->open;
		y = nf_vpn_spi_of(b)->open;
		if (!x != !y)
			return x;
		if (x && x->packets != y->packets)
			return x->packets < y->packets;
	}
	return time_before(READ_ONCE(a->used), READ_ONCE(b->used));
}

static void nf_vpn_spi_recycle(struct nf_vpn_lane *lane, u8 dir)
{
	struct nf_vpn_flow *flow, *worst = NULL;
	unsigned int n = 0;

	list_for_each_entry(flow, &lane->flows, list) {
		if (flow->dir != dir)
			continue;
		n++;
		if (!worst || nf_vpn_spi_worth_less(flow, worst))
			worst = flow;
	}
	if (n < NF_VPN_PAIR_SPIS)
		return;
	nf_vpn_count(lane->vn, NF_VPN_STAT_ESP_RECYCLED);
	if (dir == IP_CT_DIR_REPLY)
		nf_vpn_spi_drop(nf_vpn_spi_of(worst));
	else
		nf_vpn_flow_del(worst);
}

/* @flow is freed on failure. */
static bool nf_vpn_spi_add(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			   struct nf_vpn_flow *flow, u8 dir,
			   const struct nf_vpn_key *key)
{
	struct nf_vpn_lane *lane = nf_vpn_esp_lane(vn, pair);
	struct nf_vpn_key depart;

	if (!flow || !lane)
		goto free;
	nf_vpn_spi_recycle(lane, dir);
	nf_vpn_spi_depart(rcu_dereference(lane->ct), dir, key, &pair->end[!dir],
			  &depart);
	if (!nf_vpn_flow_add(flow, lane, dir, key, &depart))
		return true;
free:
	kfree(flow);
	return false;
}

struct nf_vpn_flow *nf_vpn_spi_out(struct nf_vpn_net *vn,
				   struct nf_vpn_pair *pair,
				   const struct nf_vpn_key *key)
{
	struct nf_vpn_flow *flow = kzalloc(sizeof(*flow), GFP_ATOMIC);

	if (!nf_vpn_spi_add(vn, pair, flow, IP_CT_DIR_ORIGINAL, key))
		return NULL;
	if (!flow->departs)
		nf_vpn_count(vn, NF_VPN_STAT_ESP_DUPLICATE);
	nf_vpn_count(vn, NF_VPN_STAT_ESP_OUT);
	return flow;
}

struct nf_vpn_spi *nf_vpn_spi_in(struct nf_vpn_net *vn,
				 struct nf_vpn_pair *pair,
				 const struct nf_vpn_key *key,
				 const struct nf_vpn_esp_in *in)
{
	struct nf_vpn_spi *spi = kzalloc(sizeof(*spi), GFP_ATOMIC);
	struct nf_vpn_esp_in *open = NULL;

	if (!in->settled)
		open = kmemdup(in, sizeof(*in), GFP_ATOMIC);
	if (!spi || (!in->settled && !open))
		goto free;
	spi->open = open;
	spi->sa = in->sa;
	spi->flow.watched = open;
	if (nf_vpn_spi_add(vn, pair, &spi->flow, IP_CT_DIR_REPLY, key)) {
		nf_vpn_count(vn, NF_VPN_STAT_ESP_IN);
		return spi;
	}
	spi = NULL;	/* freed with its flow */
free:
	kfree(open);
	kfree(spi);
	return NULL;
}

static void nf_vpn_spi_close(struct nf_vpn_spi *spi)
{
	struct nf_vpn_esp_in *open = spi->open;

	/* Readers without the lock see no more than that it is not NULL. */
	WRITE_ONCE(spi->open, NULL);
	kfree(open);
}

void nf_vpn_spi_keep(struct nf_vpn_spi *spi, const struct nf_vpn_esp_in *in)
{
	spi->sa = in->sa;
	if (in->settled)
		nf_vpn_spi_close(spi);
	else
		*spi->open = *in;
}

void nf_vpn_spi_drop(struct nf_vpn_spi *spi)
{
	if (!spi->open)
		nf_vpn_esp_gone(&nf_vpn_pair_of_lane(spi->flow.lane)->ev);
	nf_vpn_flow_del(&spi->flow);
}

void nf_vpn_spi_forget(struct nf_vpn_flow *flow)
{
	if (flow->dir == IP_CT_DIR_REPLY)
		nf_vpn_spi_close(nf_vpn_spi_of(flow));
}

void nf_vpn_spi_watch_out(struct nf_vpn_pair *pair)
{
	struct nf_vpn_flow *flow;

	if (!pair->lane || !nf_vpn_esp_watched(&pair->ev, nf_vpn_esp_now()))
		return;
	list_for_each_entry(flow, &pair->lane->flows, list)
		if (flow->dir == IP_CT_DIR_ORIGINAL)
			WRITE_ONCE(flow->watched, true);
}

/* Without memory it is left as it is, and asked again within a second. */
static void nf_vpn_spi_doubt(struct nf_vpn_pair *pair, struct nf_vpn_spi *spi,
			     u32 now)
{
	struct nf_vpn_net *vn = spi->flow.lane->vn;
	struct nf_vpn_esp_in *in;

	if (spi->open ||
	    !nf_vpn_esp_doubtful(&spi->sa, pair->group->suspect_gate, now))
		return;
	in = kmalloc(sizeof(*in), GFP_ATOMIC);
	if (!in) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return;
	}
	nf_vpn_esp_doubt(&pair->ev, &spi->sa, now, in);
	WRITE_ONCE(spi->open, in);
	nf_vpn_count(vn, NF_VPN_STAT_ESP_DOUBT);
}

void nf_vpn_spi_suspect(struct nf_vpn_pair *pair, u32 now)
{
	struct nf_vpn_flow *flow;

	if (!pair->lane)
		return;
	list_for_each_entry(flow, &pair->lane->flows, list) {
		if (flow->dir != IP_CT_DIR_REPLY)
			continue;
		nf_vpn_spi_doubt(pair, nf_vpn_spi_of(flow), now);
		WRITE_ONCE(flow->watched, true);
	}
	nf_vpn_spi_watch_out(pair);
}
