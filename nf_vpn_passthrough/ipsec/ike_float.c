// SPDX-License-Identifier: GPL-2.0-only
/*
 * IKE that finds a NAT goes on from UDP 500 to 4500 (RFC 3947 4, RFC 7296 2.23):
 * the same session, so conntrack is told to expect it, from that client to that
 * server.  It is RELATED then, and helped like the flow it comes from.
 */
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include "ipsec.h"
#include "nf_vpn_expect_assign.h"

static bool nf_vpn_ike_float_awaited(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);

	return !help || help->expecting[NF_CT_EXPECT_CLASS_DEFAULT];
}

void nf_vpn_ike_expect_float(struct nf_vpn_net *vn, struct nf_conn *ct,
			     struct nf_conntrack_helper *helper)
{
	const struct nf_conntrack_tuple *out =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	const __be16 natt = htons(NF_VPN_NATT_PORT);
	struct nf_conntrack_expect *exp;

	if (nf_vpn_ike_float_awaited(ct))
		return;
	exp = nf_ct_expect_alloc(ct);
	if (!exp) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return;
	}
	/* Any source port: another NAT before us may have moved it. */
	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, AF_INET,
			  &out->src.u3, &out->dst.u3, IPPROTO_UDP, NULL, &natt);
	nf_vpn_expect_assign(exp, helper);
	if (nf_ct_expect_related(exp, 0))
		nf_vpn_count(vn, NF_VPN_STAT_NATT_NO_EXPECT);
	nf_ct_expect_put(exp);
}
