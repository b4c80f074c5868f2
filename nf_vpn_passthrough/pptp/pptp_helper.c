// SPDX-License-Identifier: GPL-2.0-only
/*
 * The helper on TCP 1723: segments in, translated segments out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/tcp.h>
#include <net/netfilter/nf_nat_helper.h>
#include "nf_vpn_helper.h"
#include "pptp.h"

/**
 * struct nf_vpn_pptp_packet - a segment on its way through the stream walker
 * @skb: the packet
 * @control: its connection, locked
 * @info: conntrack state
 * @protoff: offset of the TCP header
 * @data: offset of the payload
 * @from: sender, IP_CT_DIR_*
 */
struct nf_vpn_pptp_packet {
	struct sk_buff			*skb;
	struct nf_vpn_pptp_control	*control;
	enum ip_conntrack_info		info;
	unsigned int			protoff;
	unsigned int			data;
	u8				from;
};

static const u8 *nf_vpn_pptp_peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	const struct nf_vpn_pptp_packet *p = ctx;

	return skb_header_pointer(p->skb, p->data + off, n, buf);
}

static int nf_vpn_pptp_write(void *ctx, u32 off, const u8 *octets, u32 n)
{
	const struct nf_vpn_pptp_packet *p = ctx;

	if (!nf_nat_mangle_tcp_packet(p->skb, p->control->ct, p->info,
				      p->protoff, off, n, (const char *)octets,
				      n))
		return -ENOMEM;
	nf_vpn_count(p->control->vn, NF_VPN_STAT_PPTP_REWRITTEN);
	return 0;
}

static int nf_vpn_pptp_on_message(void *ctx, const struct nf_vpn_pptp_msg *msg,
				  struct nf_vpn_pptp_edit *edit)
{
	const struct nf_vpn_pptp_packet *p = ctx;

	nf_vpn_count(p->control->vn, msg->lost ? NF_VPN_STAT_PPTP_LOST :
						 NF_VPN_STAT_PPTP_MESSAGE);
	return nf_vpn_pptp_call_message(p->control, p->from, msg, edit);
}

static void nf_vpn_pptp_count_why(struct nf_vpn_net *vn,
				  enum nf_vpn_pptp_why why)
{
	static const u8 stat[NF_VPN_PPTP_WHY_COUNT] = {
		[NF_VPN_PPTP_WHY_UNSYNCED]	= NF_VPN_STAT_PPTP_UNSYNCED,
		[NF_VPN_PPTP_WHY_OPAQUE]	= NF_VPN_STAT_PPTP_OPAQUE,
		[NF_VPN_PPTP_WHY_BAD_MAGIC]	= NF_VPN_STAT_PPTP_NOT_PPTP,
		[NF_VPN_PPTP_WHY_BAD_KIND]	= NF_VPN_STAT_PPTP_NOT_PPTP,
		[NF_VPN_PPTP_WHY_BAD_TYPE]	= NF_VPN_STAT_PPTP_NOT_PPTP,
		[NF_VPN_PPTP_WHY_BAD_LENGTH]	= NF_VPN_STAT_PPTP_NOT_PPTP,
		[NF_VPN_PPTP_WHY_PARTIAL]	= NF_VPN_STAT_PPTP_SPLIT,
		[NF_VPN_PPTP_WHY_REFUSED]	= NF_VPN_STAT_PPTP_HELD_BACK,
		[NF_VPN_PPTP_WHY_FULL]		= NF_VPN_STAT_PPTP_FULL,
		[NF_VPN_PPTP_WHY_CHANGED]	= NF_VPN_STAT_PPTP_CHANGED,
		[NF_VPN_PPTP_WHY_PEEK]		= NF_VPN_STAT_NO_MEMORY,
		[NF_VPN_PPTP_WHY_HOLE]		= NF_VPN_STAT_PPTP_HOLE,
		[NF_VPN_PPTP_WHY_OLD]		= NF_VPN_STAT_PPTP_OLD,
	};

	if (stat[why])
		nf_vpn_count(vn, stat[why]);
}

/*
 * Shorten the segment: what is cut off comes again.  PSH and FIN belong to the
 * last octet (RFC 9293 3.9.1), which is not in it any more.
 */
static unsigned int nf_vpn_pptp_trim(const struct nf_vpn_pptp_packet *p,
				     u32 keep)
{
	unsigned int cut = p->skb->len - p->data - keep;
	struct tcphdr *th;

	if (skb_ensure_writable(p->skb, p->skb->len))
		return NF_DROP;
	th = (struct tcphdr *)(p->skb->data + p->protoff);
	th->psh = 0;
	th->fin = 0;
	if (!__nf_nat_mangle_tcp_packet(p->skb, p->control->ct, p->info,
					p->protoff, keep, cut, "", 0, false))
		return NF_DROP;
	if (skb_is_gso(p->skb) && keep <= skb_shinfo(p->skb)->gso_size)
		skb_gso_reset(p->skb);
	return NF_ACCEPT;
}

/* A SYN later than that is somebody's guess (RFC 5961 4), not a beginning. */
static bool nf_vpn_pptp_handshake(const struct nf_conn *ct)
{
	switch (READ_ONCE(ct->proto.tcp.state)) {
	case TCP_CONNTRACK_SYN_SENT:
	case TCP_CONNTRACK_SYN_SENT2:
	case TCP_CONNTRACK_SYN_RECV:
		return true;
	}
	return false;
}

static void nf_vpn_pptp_begin(struct nf_vpn_pptp_packet *p,
			      const struct tcphdr *th)
{
	struct nf_vpn_pptp_stream *stream = p->control->stream;

	if (th->syn && nf_vpn_pptp_handshake(p->control->ct)) {
		nf_vpn_pptp_stream_syn(&stream[p->from], ntohl(th->seq));
		if (th->ack)
			nf_vpn_pptp_stream_syn(&stream[!p->from],
					       ntohl(th->ack_seq) - 1);
	}
	if (th->ack)
		nf_vpn_pptp_stream_ack(&stream[!p->from], ntohl(th->ack_seq));
}

static unsigned int nf_vpn_pptp_walk(struct nf_vpn_pptp_packet *p,
				     const struct tcphdr *th)
{
	struct nf_vpn_pptp_segment seg = {
		.seq		= ntohl(th->seq) + th->syn,
		.len		= p->skb->len - p->data,
		.ctx		= p,
		.peek		= nf_vpn_pptp_peek,
		.write		= nf_vpn_pptp_write,
		.on_message	= nf_vpn_pptp_on_message,
	};
	struct nf_vpn_pptp_stream *stream = &p->control->stream[p->from];
	enum nf_vpn_pptp_verdict verdict;
	enum nf_vpn_pptp_why why;
	u32 keep;

	nf_vpn_pptp_begin(p, th);
	verdict = nf_vpn_pptp_stream_walk(stream, &seg, &keep, &why);
	nf_vpn_pptp_count_why(p->control->vn, why);
	if (verdict == NF_VPN_PPTP_TRIM)
		return nf_vpn_pptp_trim(p, keep);
	return verdict == NF_VPN_PPTP_DROP ? NF_DROP : NF_ACCEPT;
}

/* No room to follow it: without NAT it does no harm, with NAT it would. */
static unsigned int nf_vpn_pptp_no_room(const struct nf_conn *ct,
					unsigned int payload)
{
	nf_vpn_count(nf_vpn_pernet(nf_ct_net(ct)), NF_VPN_STAT_PPTP_REFUSED);
	if (!payload || (!nf_vpn_pptp_translated(ct, IP_CT_DIR_ORIGINAL) &&
			 !nf_vpn_pptp_translated(ct, IP_CT_DIR_REPLY)))
		return NF_ACCEPT;
	return NF_DROP;
}

static unsigned int nf_vpn_pptp_segment(struct nf_vpn_pptp_packet *p,
					struct nf_conn *ct,
					const struct tcphdr *th)
{
	unsigned int verdict;

	p->control = nf_vpn_pptp_control_get(ct);
	if (!p->control)
		return nf_vpn_pptp_no_room(ct, p->skb->len - p->data);

	spin_lock_bh(&p->control->lock);
	verdict = nf_vpn_pptp_walk(p, th);
	spin_unlock_bh(&p->control->lock);
	nf_vpn_pptp_control_put(p->control);
	return verdict;
}

static int nf_vpn_pptp_help(struct sk_buff *skb, unsigned int protoff,
			    struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	struct nf_vpn_pptp_packet p = {
		.skb		= skb,
		.info		= ctinfo,
		.protoff	= protoff,
		.from		= CTINFO2DIR(ctinfo),
	};
	struct tcphdr _th, th;
	const struct tcphdr *hp;

	nf_vpn_enable(nf_vpn_pernet(nf_ct_net(ct)));
	/* Nothing is kept for a connection nobody has answered. */
	if (!nf_ct_is_confirmed(ct) ||
	    !test_bit(IPS_SEEN_REPLY_BIT, &ct->status))
		return NF_ACCEPT;

	hp = skb_header_pointer(skb, protoff, sizeof(_th), &_th);
	if (!hp)
		return NF_ACCEPT;
	/* The walker may move the packet's data. */
	th = *hp;
	p.data = protoff + th.doff * 4;
	if (th.doff * 4 < sizeof(th) || p.data > skb->len) {
		nf_vpn_count(nf_vpn_pernet(nf_ct_net(ct)),
			     NF_VPN_STAT_TRUNCATED);
		return NF_ACCEPT;
	}
	return nf_vpn_pptp_segment(&p, ct, &th);
}

static const struct nf_conntrack_expect_policy nf_vpn_pptp_policy = {
	.max_expected	= 1,
	.timeout	= 60,
};

static bool drop_in;
module_param(drop_in, bool, 0444);
MODULE_PARM_DESC(drop_in, "answer to the in-tree helper's name \"pptp\" as well");

static struct nf_vpn_helper nf_vpn_pptp_helper;
static struct nf_vpn_helper nf_vpn_pptp_drop_in;

static int nf_vpn_pptp_helper_add(struct nf_vpn_helper *helper,
				  const char *name, u16 slot)
{
	int err;

	err = nf_vpn_helper_register(helper, IPPROTO_TCP, name, slot,
				     &nf_vpn_pptp_policy, nf_vpn_pptp_help,
				     THIS_MODULE);
	if (err == -EBUSY)
		pr_err("helper name \"%s\" is taken%s\n", name, slot ?
		       ": unload nf_nat_pptp and nf_conntrack_pptp first" : "");
	return err;
}

int nf_vpn_pptp_helper_init(void)
{
	int err;

	err = nf_vpn_pptp_helper_add(&nf_vpn_pptp_helper, "vpn-pptp", 0);
	if (err || !drop_in)
		return err;
	err = nf_vpn_pptp_helper_add(&nf_vpn_pptp_drop_in, "pptp", 1);
	if (err)
		nf_vpn_helper_unregister(&nf_vpn_pptp_helper);
	return err;
}

void nf_vpn_pptp_helper_exit(void)
{
	if (drop_in)
		nf_vpn_helper_unregister(&nf_vpn_pptp_drop_in);
	nf_vpn_helper_unregister(&nf_vpn_pptp_helper);
}
