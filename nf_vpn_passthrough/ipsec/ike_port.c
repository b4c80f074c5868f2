// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public source port of IKE.  Where a second client has source port 500, NAT
 * looks for another one of its class, below 512 (nf_nat_l4proto_unique_tuple()):
 * 511 clients at most, and some servers refuse odd ports of that kind.  RFC 7296
 * 2.23 has servers accept any port, so such a connection gets one from 1024 on.
 */
#include <linux/random.h>
#include <linux/udp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include "ipsec.h"

#define NF_VPN_IKE_PORT_FIRST	1024
#define NF_VPN_IKE_PORT_TRIES	128

/* The class of ports stays: who left 1024 and above need not be helped. */
static bool nf_vpn_ike_port_bad(const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig, *reply;
	u16 port;

	orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	port = ntohs(reply->dst.u.udp.port);
	if (port >= NF_VPN_IKE_PORT_FIRST)
		return false;
	/* All of its class are taken: NAT leaves it with one of them. */
	return reply->dst.u.udp.port != orig->src.u.udp.port ||
	       (ct->status & IPS_SRC_NAT && nf_conntrack_tuple_taken(reply, ct));
}

static __be16 nf_vpn_ike_port_free(const struct nf_conn *ct)
{
	struct nf_conntrack_tuple reply = ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	unsigned int i;

	for (i = 0; i < NF_VPN_IKE_PORT_TRIES; i++) {
		reply.dst.u.udp.port =
			htons(NF_VPN_IKE_PORT_FIRST + get_random_u32() %
			      (U16_MAX + 1 - NF_VPN_IKE_PORT_FIRST));
		if (!nf_conntrack_tuple_taken(&reply, ct))
			return reply.dst.u.udp.port;
	}
	return 0;
}

static bool nf_vpn_ike_port_write(struct sk_buff *skb, unsigned int off,
				  __be16 port)
{
	struct udphdr *uh;

	if (skb_ensure_writable(skb, off + sizeof(*uh)))
		return false;
	uh = (struct udphdr *)(skb->data + off);
	if (uh->check || skb->ip_summed == CHECKSUM_PARTIAL) {
		inet_proto_csum_replace2(&uh->check, skb, uh->source, port,
					 false);
		if (!uh->check)
			uh->check = CSUM_MANGLED_0;
	}
	uh->source = port;
	return true;
}

void nf_vpn_ike_port(struct nf_vpn_net *vn, struct sk_buff *skb,
		     unsigned int off, struct nf_conn *ct)
{
	__be16 port;

	if (nf_ct_is_confirmed(ct) || !nf_vpn_ike_port_bad(ct))
		return;
	port = nf_vpn_ike_port_free(ct);
	if (!port || !nf_vpn_ike_port_write(skb, off, port)) {
		nf_vpn_count(vn, NF_VPN_STAT_IKE_NO_PORT);
		return;
	}
	/* Nobody else sees an entry that is not confirmed. */
	ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port = port;
	nf_vpn_count(vn, NF_VPN_STAT_IKE_PORT);
}
