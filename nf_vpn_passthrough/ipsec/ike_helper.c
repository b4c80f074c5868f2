// SPDX-License-Identifier: GPL-2.0-only
/*
 * The helper on UDP 500 and 4500: reads IKE headers, changes none of them, but may
 * move the source port (ike_port.c) and keep a message back for a moment
 * (ike_held.c).
 */
#include <linux/udp.h>
#include "ipsec.h"
#include "nf_vpn_helper.h"

static struct nf_vpn_helper nf_vpn_ike_helper;

/* On 4500 ESP goes inside UDP (RFC 3948): no raw ESP to wait for. */
static void nf_vpn_ike_floated(struct nf_vpn_net *vn, struct nf_conn *ct)
{
	struct nf_vpn_pair *pair;

	spin_lock_bh(&vn->lock);
	pair = nf_vpn_pair_of(vn, ct, false);
	if (pair && !pair->floated && !pair->lane) {
		nf_vpn_pair_float(pair, true);
		nf_vpn_count(vn, NF_VPN_STAT_NATT_FLOAT);
	}
	spin_unlock_bh(&vn->lock);
}

/* What it tells is told when it passes on; a message that waits is stolen. */
static int nf_vpn_ike_learn(struct nf_vpn_net *vn, struct sk_buff *skb,
			    struct nf_conn *ct,
			    const struct nf_vpn_ike_msg *msg, u8 dir)
{
	struct nf_vpn_pair *pair;
	int verdict = NF_ACCEPT;

	/* A pinhole only between two ends that both spoke. */
	if (!test_bit(IPS_SEEN_REPLY_BIT, &ct->status) ||
	    !nf_ct_is_confirmed(ct))
		return NF_ACCEPT;
	spin_lock_bh(&vn->lock);
	pair = nf_vpn_pair_of(vn, ct, true);
	if (pair && nf_vpn_held_take(vn, pair, skb, msg, dir))
		verdict = NF_STOLEN;
	else if (pair)
		nf_vpn_pair_observe(vn, pair, msg, dir);
	spin_unlock_bh(&vn->lock);
	return verdict;
}

static int nf_vpn_ike_message(struct nf_vpn_net *vn, struct sk_buff *skb,
			      unsigned int off, struct nf_conn *ct, u8 dir)
{
	u8 _head[NF_VPN_IKE_HDR_LEN], *head;
	struct nf_vpn_ike_msg msg;
	unsigned int have;

	have = min_t(unsigned int, skb->len - off, sizeof(_head));
	head = skb_header_pointer(skb, off, have, _head);
	if (!head || nf_vpn_ike_parse(head, have, skb->len - off, &msg)) {
		nf_vpn_count(vn, NF_VPN_STAT_IKE_BAD);
		return NF_ACCEPT;
	}
	nf_vpn_count(vn, NF_VPN_STAT_IKE_MESSAGE);
	if (!nf_vpn_ike_on_natt(ct)) {
		nf_vpn_ike_share(vn, ct, &msg, dir);
		if (dir == IP_CT_DIR_REPLY)
			nf_vpn_ike_expect_float(vn, ct, nf_vpn_ike_helper.live);
		return nf_vpn_ike_learn(vn, skb, ct, &msg, dir);
	}
	nf_vpn_ike_floated(vn, ct);
	return NF_ACCEPT;
}

/* A datagram on 4500: where the IKE message in it is, or 0. */
static unsigned int nf_vpn_ike_natt(struct nf_vpn_ipsec_net *in,
				    const struct sk_buff *skb, unsigned int off,
				    struct nf_conn *ct, u8 dir)
{
	u8 _mark[NF_VPN_ESP_HDR_LEN], *mark;
	unsigned int have;
	u32 spi = 0;

	/* RFC 3948 4: keepalives may be off, or slower than 120 s. */
	nf_vpn_conn_prolong(ct, READ_ONCE(in->natt_timeout[1]));
	have = min_t(unsigned int, skb->len - off, sizeof(_mark));
	mark = skb_header_pointer(skb, off, have, _mark);
	if (!mark)
		return 0;
	/* A keepalive is shorter. */
	if (have == sizeof(_mark))
		spi = nf_vpn_get_be32(mark);
	nf_vpn_natt_seen(in, ct, spi, dir);
	if (have == sizeof(_mark))
		nf_vpn_natt_look(in, ct, spi, dir);
	return nf_vpn_natt_classify(mark, have, skb->len - off) ==
	       NF_VPN_NATT_IKE ? off + NF_VPN_NATT_MARKER_LEN : 0;
}

static noinline int nf_vpn_ike_read(struct sk_buff *skb, unsigned int protoff,
				    struct nf_conn *ct,
				    enum ip_conntrack_info ctinfo)
{
	unsigned int off = protoff + sizeof(struct udphdr);
	struct nf_vpn_net *vn = nf_vpn_pernet(nf_ct_net(ct));
	unsigned int verdict;

	nf_vpn_enable(vn);
	if (off > skb->len) {
		nf_vpn_count(vn, NF_VPN_STAT_TRUNCATED);
		return NF_ACCEPT;
	}
	if (CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL) {
		verdict = nf_vpn_ike_port(vn, skb, protoff, ct);
		/* Two first packets at once: the entry of the other one won. */
		if (verdict != NF_ACCEPT || skb_nfct(skb) != &ct->ct_general)
			return verdict;
	}
	if (nf_vpn_ike_on_natt(ct))
		off = nf_vpn_ike_natt(nf_vpn_ipsec_pernet(vn->net), skb, off,
				      ct, CTINFO2DIR(ctinfo));
	if (!off)
		return NF_ACCEPT;
	return nf_vpn_ike_message(vn, skb, off, ct, CTINFO2DIR(ctinfo));
}

/*
 * More ESP of a session that is known: nearly all that goes by, so nothing is written
 * but that the one or the other had the last word, and the time every 50 ms.  False:
 * look closer.  In line, as the calls would be a third of it.
 */
static __always_inline bool nf_vpn_natt_more(const struct sk_buff *skb,
					     unsigned int off,
					     const struct nf_conn *ct, u8 dir)
{
	struct nf_vpn_natt_talk *talk = &nf_vpn_ike_data(ct)->natt.talk;
	u32 spi;

	/* What is in fragments of memory is copied, and that is done elsewhere. */
	if (unlikely(READ_ONCE(talk->session) != nf_vpn_natt_tag ||
		     off + NF_VPN_ESP_HDR_LEN > skb_headlen(skb)))
		return false;
	spi = nf_vpn_get_be32(skb->data + off);
	if (!spi)
		return false;
	return dir == IP_CT_DIR_ORIGINAL ?
		nf_vpn_natt_speaks_on(talk, nf_vpn_natt_now()) :
		nf_vpn_natt_hears_on(talk, spi, nf_vpn_natt_now());
}

static int nf_vpn_ike_help(struct sk_buff *skb, unsigned int protoff,
			   struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	if (nf_vpn_ike_on_natt(ct) &&
	    likely(nf_vpn_natt_more(skb, protoff + sizeof(struct udphdr), ct,
				    CTINFO2DIR(ctinfo))))
		return NF_ACCEPT;
	return nf_vpn_ike_read(skb, protoff, ct, ctinfo);
}

static const struct nf_conntrack_expect_policy nf_vpn_ike_policy = {
	.max_expected	= 1,
	/* IKE_SA_INIT to IKE_AUTH, or Main Mode, with repetitions */
	.timeout	= 60,
};

struct nf_conntrack_helper *nf_vpn_ike_helper_live(void)
{
	return nf_vpn_ike_helper.live;
}

int nf_vpn_ike_helper_init(void)
{
	return nf_vpn_helper_register(&nf_vpn_ike_helper, IPPROTO_UDP,
				      "vpn-ike", 0, &nf_vpn_ike_policy,
				      nf_vpn_ike_help, THIS_MODULE);
}

void nf_vpn_ike_helper_exit(void)
{
	nf_vpn_helper_unregister(&nf_vpn_ike_helper);
}
