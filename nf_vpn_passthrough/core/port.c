// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP ports that several clients share.  Some servers answer one source port only,
 * so NAT must not move it.  Then the reply tuples of these clients are equal: each
 * but the first stands in a zone of its own, in reply direction alone (as with
 * the CT target's --zone-reply; upstream deedb59039f1).  A flow, by a number in the
 * packet, leads to the entry.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/udp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "nf_vpn.h"

/* Zones tried, at random: of 5,000 half are taken, and one is found. */
#define NF_VPN_PORT_TRIES	64

bool nf_vpn_udp_write(struct sk_buff *skb, unsigned int off, unsigned int at,
		      __be16 value)
{
	struct udphdr *uh;
	__be16 *place;

	if (skb_ensure_writable(skb, off + max(at + sizeof(value),
					       sizeof(*uh))))
		return false;
	uh = (struct udphdr *)(skb->data + off);
	place = (__be16 *)(skb->data + off + at);
	if (uh->check || skb->ip_summed == CHECKSUM_PARTIAL) {
		inet_proto_csum_replace2(&uh->check, skb, *place, value,
					 false);
		if (!uh->check)
			uh->check = CSUM_MANGLED_0;
	}
	*place = value;
	return true;
}
EXPORT_SYMBOL_GPL(nf_vpn_udp_write);

bool nf_vpn_port_write(struct sk_buff *skb, unsigned int off, __be16 port)
{
	return nf_vpn_udp_write(skb, off, offsetof(struct udphdr, source), port);
}
EXPORT_SYMBOL_GPL(nf_vpn_port_write);

bool nf_vpn_port_shared(const struct nf_vpn_net *vn, const struct nf_conn *ct)
{
	const struct nf_conntrack_zone *zone = nf_ct_zone(ct);

	return zone->dir == NF_CT_ZONE_DIR_REPL &&
	       nf_vpn_zone_reserved(vn, zone->id);
}
EXPORT_SYMBOL_GPL(nf_vpn_port_shared);

u16 nf_vpn_zone_arriving(const struct nf_vpn_net *vn, const struct nf_conn *ct,
			 u8 dir)
{
	if (nf_vpn_port_shared(vn, ct))
		return NF_CT_DEFAULT_ZONE_ID;
	return nf_ct_zone_id(nf_ct_zone(ct), dir);
}
EXPORT_SYMBOL_GPL(nf_vpn_zone_arriving);

/* Puts the entry, which nobody sees yet, where that reply tuple is free. */
static bool nf_vpn_port_zone(struct nf_vpn_net *vn, struct nf_conn *ct,
			     const struct nf_conntrack_tuple *reply)
{
	struct nf_conntrack_zone zone;
	unsigned int i;

	for (i = 0; i < NF_VPN_PORT_TRIES; i++) {
		nf_ct_zone_init(&zone, nf_vpn_zone_nth(vn, get_random_u32()),
				NF_CT_ZONE_DIR_REPL, 0);
		nf_ct_zone_add(ct, &zone);
		if (!nf_conntrack_tuple_taken(reply, ct))
			return true;
	}
	nf_vpn_count(vn, NF_VPN_STAT_ZONE_FULL);
	return false;
}

bool nf_vpn_port_share(struct nf_vpn_net *vn, struct sk_buff *skb,
		       unsigned int off, struct nf_conn *ct)
{
	struct nf_conntrack_tuple reply = ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	const struct nf_conntrack_zone was = *nf_ct_zone(ct);

	/* One zone for both ways or for one: the admin's has its meaning. */
	if (was.id != NF_CT_DEFAULT_ZONE_ID)
		return false;
	reply.dst.u.udp.port =
		ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port;
	if (!nf_vpn_port_zone(vn, ct, &reply) ||
	    !nf_vpn_port_write(skb, off, reply.dst.u.udp.port)) {
		nf_ct_zone_add(ct, &was);
		return false;
	}
	ct->tuplehash[IP_CT_DIR_REPLY].tuple = reply;
	nf_vpn_count(vn, NF_VPN_STAT_ZONE_USED);
	return true;
}
EXPORT_SYMBOL_GPL(nf_vpn_port_share);
