// SPDX-License-Identifier: GPL-2.0-only
/*
 * AH signs the addresses (RFC 4302 3.3.3.1.1.1), so what NAT translated, the other
 * end discards, and nobody says why (RFC 3715 2.1 a).  Nothing helps but to say
 * it; AH that is not translated is nobody's business.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include "ipsec.h"

static int nf_vpn_ah_key(const struct sk_buff *skb, unsigned int off,
			 struct nf_vpn_key *key)
{
	/* An ICMP error quotes no more than that. */
	struct {
		u8	nexthdr;
		u8	hdrlen;
		__be16	reserved;
		__be32	spi;
	} _ah, *ah;

	ah = skb_header_pointer(skb, off, sizeof(_ah), &_ah);
	if (!ah)
		return NF_VPN_STAT_TRUNCATED;
	key->id = ah->spi;
	return 0;
}

/* Whose it is, for who listens. */
static void nf_vpn_ah_tell(struct nf_vpn_net *vn, const struct nf_conn *ct,
			   const struct nf_vpn_key *key)
{
	const struct nf_conntrack_tuple *reply =
		&ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	struct nf_vpn_key back = {
		.src = reply->src.u3.ip, .dst = reply->dst.u3.ip,
		.id = key->id,
	};

	nf_vpn_tell_of(vn, NF_VPN_EVENT_AH_NAT, 0,
		       ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3.ip,
		       &back);
}

/* Stock conntrack decides with the first packet whether it translates. */
static bool nf_vpn_ah_translated(struct nf_vpn_net *vn,
				 const struct nf_vpn_key *key)
{
	struct nf_conntrack_tuple_hash *h;
	struct nf_conn *ct;
	bool translated;

	h = nf_vpn_conn_find(vn, IPPROTO_AH, key->src, key->dst, key->zone);
	if (!h)
		return false;
	ct = nf_ct_tuplehash_to_ctrack(h);
	translated = READ_ONCE(ct->status) & IPS_NAT_MASK;
	if (translated)
		nf_vpn_ah_tell(vn, ct, key);
	nf_ct_put(ct);
	return translated;
}

static unsigned int nf_vpn_ah_miss(struct nf_vpn_net *vn, struct sk_buff *skb,
				   unsigned int off,
				   const struct nf_vpn_key *key,
				   struct nf_vpn_flow **flow)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);

	if (!nf_vpn_ah_translated(vn, key)) {
		nf_vpn_count(vn, NF_VPN_STAT_AH_PASSED);
		return NF_ACCEPT;
	}
	nf_vpn_count(vn, NF_VPN_STAT_AH_NAT);
	if (!READ_ONCE(in->ah_told)) {
		WRITE_ONCE(in->ah_told, true);
		net_notice_ratelimited("nf_vpn: AH between %pI4 and %pI4 is translated by NAT: it signs the addresses, so the other end discards it; use ESP\n",
				       &key->src, &key->dst);
	}
	return NF_ACCEPT;
}

const struct nf_vpn_proto nf_vpn_ah_proto = {
	.name		= "ah",
	.owner		= THIS_MODULE,
	.l4proto	= IPPROTO_AH,
	.key		= nf_vpn_ah_key,
	.miss		= nf_vpn_ah_miss,
};
