// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public source port of IKE.  Where a second client has source port 500, NAT
 * looks for another one of its class, below 512 (nf_nat_l4proto_unique_tuple()):
 * 511 clients at most, and some servers refuse odd ports of that kind.  RFC 7296
 * 2.23 has servers accept any port, so such a connection gets one from 1024 on.
 *
 * Some servers accept 500 only, all the same: sysctl ipsec_port_500, and
 * ike_share.c.
 */
#include <linux/random.h>
#include <linux/udp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include "ipsec.h"

#define NF_VPN_IKE_PORT_FIRST	1024
#define NF_VPN_IKE_PORT_TRIES	128

/*
 * A port is no good when the first message and two repetitions were not answered:
 * 3 s with libreswan or Windows, 11 s with strongSwan, which all go on for longer.
 */
#define NF_VPN_IKE_SILENT_SENT	3
#define NF_VPN_IKE_SILENT_FOR	(3 * HZ)

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

/* The notes of a namespace may not be there yet: the next message asks again. */
static bool nf_vpn_ike_port_noted(struct nf_vpn_ipsec_net *in,
				  const struct nf_conntrack_tuple *orig)
{
	bool noted;

	spin_lock_bh(&in->vn->lock);
	noted = in->memory &&
		nf_vpn_ike_noted(&in->memory->notes, in->salt,
				 (__force u32)orig->src.u3.ip,
				 (__force u32)orig->dst.u3.ip, jiffies / HZ);
	spin_unlock_bh(&in->vn->lock);
	return noted;
}

/* Is it one of those whose port 500 is kept? */
static bool nf_vpn_ike_port_keeps(struct nf_vpn_ipsec_net *in,
				  const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	unsigned int mode = READ_ONCE(in->port_500);

	if (orig->src.u.udp.port != htons(NF_VPN_IKE_PORT) ||
	    orig->dst.u.udp.port != htons(NF_VPN_IKE_PORT))
		return false;
	return mode == NF_VPN_PORT_500_ON ||
	       (mode == NF_VPN_PORT_500_AUTO &&
		nf_vpn_ike_port_noted(in, orig));
}

static void nf_vpn_ike_port_move(struct nf_vpn_net *vn, struct sk_buff *skb,
				 unsigned int off, struct nf_conn *ct)
{
	__be16 port = nf_vpn_ike_port_free(ct);

	if (!port || !nf_vpn_port_write(skb, off, port)) {
		nf_vpn_count(vn, NF_VPN_STAT_IKE_NO_PORT);
		return;
	}
	/* Nobody else sees an entry that is not confirmed. */
	ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port = port;
	nf_vpn_count(vn, NF_VPN_STAT_IKE_PORT);
}

static unsigned int nf_vpn_ike_port_first(struct nf_vpn_net *vn,
					  struct sk_buff *skb,
					  unsigned int off, struct nf_conn *ct)
{
	if (nf_vpn_ike_port_bad(ct)) {
		if (nf_vpn_ike_port_keeps(nf_vpn_ipsec_pernet(vn->net), ct) &&
		    nf_vpn_port_share(vn, skb, off, ct))
			nf_vpn_count(vn, NF_VPN_STAT_IKE_PORT_KEPT);
		else
			nf_vpn_ike_port_move(vn, skb, off, ct);
	}
	/* Its flow must be there for the answer, and leads to confirmed entries only. */
	return nf_vpn_ike_shares(vn, ct) ? nf_conntrack_confirm(skb) :
					   NF_ACCEPT;
}

/* Asked again and again, over some time, from a port that NAT moved. */
static bool nf_vpn_ike_port_silent(const struct nf_conn *ct)
{
	struct nf_vpn_ike_data *data = nf_vpn_ike_data(ct);

	if (!data->ike.sent)
		data->ike.first = jiffies;
	data->ike.sent++;
	return data->ike.sent >= NF_VPN_IKE_SILENT_SENT &&
	       (u32)jiffies - data->ike.first >= NF_VPN_IKE_SILENT_FOR;
}

/* No server answers at once only: the entry goes, the next one gets port 500. */
static void nf_vpn_ike_port_give_up(struct nf_vpn_ipsec_net *in,
				    struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;

	spin_lock_bh(&in->vn->lock);
	if (in->memory) {
		nf_vpn_ike_note(&in->memory->notes, in->salt,
				(__force u32)orig->src.u3.ip,
				(__force u32)orig->dst.u3.ip, jiffies / HZ);
		nf_vpn_count(in->vn, NF_VPN_STAT_IKE_PORT_SILENT);
		nf_ct_kill(ct);
	}
	spin_unlock_bh(&in->vn->lock);
}

static void nf_vpn_ike_port_watch(struct nf_vpn_net *vn, struct nf_conn *ct)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	if (READ_ONCE(in->port_500) != NF_VPN_PORT_500_AUTO ||
	    test_bit(IPS_SEEN_REPLY_BIT, &ct->status) ||
	    ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port ==
	    ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port ||
	    ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port !=
	    htons(NF_VPN_IKE_PORT))
		return;
	if (nf_vpn_ike_port_silent(ct))
		nf_vpn_ike_port_give_up(in, ct);
}

unsigned int nf_vpn_ike_port(struct nf_vpn_net *vn, struct sk_buff *skb,
			     unsigned int off, struct nf_conn *ct)
{
	unsigned int verdict = NF_ACCEPT;

	if (!nf_ct_is_confirmed(ct))
		verdict = nf_vpn_ike_port_first(vn, skb, off, ct);
	if (verdict == NF_ACCEPT)
		nf_vpn_ike_port_watch(vn, ct);
	return verdict;
}
