// SPDX-License-Identifier: GPL-2.0-only
/*
 * The helper on UDP 1701.  Ports tell clients apart, and stock NAT sees to them;
 * what it lacks is the server that answers from another port (RFC 2661 8.1), a
 * timeout that an idle tunnel outlives, and a word about which tunnels there are.
 */
#include <linux/udp.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_nat_helper.h>
#include "l2tp.h"
#include "nf_vpn_expect_assign.h"
#include "nf_vpn_helper.h"

static struct nf_vpn_helper nf_vpn_l2tp_helper;

/**
 * struct nf_vpn_l2tp_datagram - a message in a packet
 * @skb: the packet
 * @off: offset of the message in it
 */
struct nf_vpn_l2tp_datagram {
	const struct sk_buff	*skb;
	unsigned int		off;
};

static const u8 *nf_vpn_l2tp_udp_peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	const struct nf_vpn_l2tp_datagram *d = ctx;

	return skb_header_pointer(d->skb, d->off + off, n, buf);
}

/*
 * RFC 2661 8.1: the server "picks a free port on its own system (which may or
 * may not be 1701)" for its answer.  From that address only, to that port only.
 */
static void nf_vpn_l2tp_expect(struct nf_vpn_net *vn, struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *back =
		&ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	struct nf_conntrack_expect *exp = nf_ct_expect_alloc(ct);

	if (!exp) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return;
	}
	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, AF_INET,
			  &back->src.u3, &back->dst.u3, IPPROTO_UDP, NULL,
			  &back->dst.u.udp.port);
	nf_vpn_expect_assign(exp, nf_vpn_l2tp_helper.live);
	exp->saved_proto.udp.port =
		ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port;
	exp->dir = IP_CT_DIR_REPLY;
	exp->expectfn = nf_nat_follow_master;
	if (nf_ct_expect_related(exp, 0))
		nf_vpn_count(vn, NF_VPN_STAT_L2TP_NO_EXPECT);
	nf_ct_expect_put(exp);
}

static void nf_vpn_l2tp_udp_message(struct nf_vpn_l2tp_net *ln,
				    struct nf_conn *ct, u8 from,
				    const struct nf_vpn_l2tp_msg *msg)
{
	bool replied = test_bit(IPS_SEEN_REPLY_BIT, &ct->status);

	nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_MESSAGE);
	if (!ct->master && !replied) {
		/* To a port that is shared, whoever asked last could be meant. */
		if (msg->type == NF_VPN_L2TP_SCCRQ &&
		    !nf_vpn_port_shared(ln->vn, ct))
			nf_vpn_l2tp_expect(ln->vn, ct);
		return;
	}
	if (ct->master && !nf_ct_is_confirmed(ct))
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_OTHER_PORT);
	/* It answered from the port it was asked at: no other is to come. */
	if (!ct->master && msg->type == NF_VPN_L2TP_SCCRP)
		nf_ct_remove_expectations(ct);
	nf_vpn_l2tp_udp_learn(ln, ct, from, msg);
}

static unsigned int nf_vpn_l2tp_udp_control(struct nf_vpn_l2tp_net *ln,
					    struct sk_buff *skb,
					    struct nf_vpn_l2tp_datagram *d,
					    struct nf_conn *ct,
					    enum ip_conntrack_info ctinfo)
{
	unsigned int verdict = NF_ACCEPT;
	struct nf_vpn_l2tp_octets in = {
		.ctx	= d,
		.len	= d->skb->len - d->off,
		.peek	= nf_vpn_l2tp_udp_peek,
	};
	struct nf_vpn_l2tp_msg msg;

	if (nf_vpn_l2tp_parse(&in, &msg)) {
		nf_vpn_count(ln->vn, NF_VPN_STAT_L2TP_BAD);
		return NF_ACCEPT;
	}
	if (CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL)
		verdict = nf_vpn_l2tp_share(ln, skb,
					    d->off - sizeof(struct udphdr),
					    ct, ctinfo, &msg);
	/* Two first packets at once: the entry of the other one won. */
	if (verdict == NF_ACCEPT && skb_nfct(skb) == &ct->ct_general)
		nf_vpn_l2tp_udp_message(ln, ct, CTINFO2DIR(ctinfo), &msg);
	if (CTINFO2DIR(ctinfo) == IP_CT_DIR_REPLY)
		nf_vpn_l2tp_share_answered(ln, ct, &msg);
	return verdict;
}

/* Data, as nearly all is: nobody reads them. */
static bool nf_vpn_l2tp_mere_data(const struct sk_buff *skb, unsigned int off)
{
	/* What is in fragments of memory is copied, and that is done elsewhere. */
	return off + NF_VPN_L2TP_HEAD_MAX <= skb_headlen(skb) &&
	       nf_vpn_l2tp_is_data(skb->data + off);
}

int nf_vpn_l2tp_udp_head(const struct sk_buff *skb, unsigned int off,
			 struct nf_vpn_l2tp_head *head)
{
	u8 _p[NF_VPN_L2TP_HEAD_MAX], *p;
	unsigned int have;

	if (off > skb->len)
		return NF_VPN_STAT_TRUNCATED;
	have = min_t(unsigned int, skb->len - off, sizeof(_p));
	p = skb_header_pointer(skb, off, have, _p);
	if (!p || nf_vpn_l2tp_head(p, have, head))
		return NF_VPN_STAT_L2TP_NOT_L2TP;
	return 0;
}

static noinline int nf_vpn_l2tp_read(struct sk_buff *skb, unsigned int protoff,
				     struct nf_conn *ct,
				     enum ip_conntrack_info ctinfo)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(nf_ct_net(ct));
	struct nf_vpn_l2tp_datagram d = {
		.skb	= skb,
		.off	= protoff + sizeof(struct udphdr),
	};
	unsigned int verdict = NF_ACCEPT;
	struct nf_vpn_l2tp_head head;
	int why;

	/* For the reaper. */
	nf_vpn_enable(ln->vn);
	why = nf_vpn_l2tp_udp_head(skb, d.off, &head);
	if (why) {
		nf_vpn_count(ln->vn, why);
		return NF_ACCEPT;
	}
	if (head.control)
		verdict = nf_vpn_l2tp_udp_control(ln, skb, &d, ct, ctinfo);
	/* The tracker set 30 or 120 seconds: less than some HELLO intervals. */
	nf_vpn_conn_prolong(ct, READ_ONCE(ln->udp_timeout[1]));
	return verdict;
}

static int nf_vpn_l2tp_help(struct sk_buff *skb, unsigned int protoff,
			    struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	if (likely(nf_vpn_l2tp_mere_data(skb, protoff + sizeof(struct udphdr))))
		return NF_ACCEPT;
	return nf_vpn_l2tp_read(skb, protoff, ct, ctinfo);
}

static const struct nf_conntrack_expect_policy nf_vpn_l2tp_policy = {
	/* one request at a time has its answer to come */
	.max_expected	= 1,
	/* while the request is repeated (RFC 2661 5.8) its answer may come */
	.timeout	= 60,
};

int nf_vpn_l2tp_helper_init(void)
{
	return nf_vpn_helper_register(&nf_vpn_l2tp_helper, IPPROTO_UDP,
				      "vpn-l2tp", 1, &nf_vpn_l2tp_policy,
				      nf_vpn_l2tp_help, THIS_MODULE);
}

void nf_vpn_l2tp_helper_exit(void)
{
	nf_vpn_helper_unregister(&nf_vpn_l2tp_helper);
}
