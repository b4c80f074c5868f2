// SPDX-License-Identifier: GPL-2.0-only
/* pptp_stream: segments of any octets, in any order, whatever was there before. */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/pptp/pptp_stream.h"

struct hand {
	u8 *p;
	u32 len;
	u8 answer;
};

static const u8 *peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	struct hand *h = ctx;

	CLAIM(n && n <= NF_VPN_PPTP_HEAD_MAX && off <= h->len && n <= h->len - off);
	memcpy(buf, h->p + off, n);
	return buf;
}

static int write_octets(void *ctx, u32 off, const u8 *octets, u32 n)
{
	struct hand *h = ctx;

	CLAIM(n && off <= h->len && n <= h->len - off);
	memcpy(h->p + off, octets, n);
	return 0;
}

static int on_message(void *ctx, const struct nf_vpn_pptp_msg *msg,
		      struct nf_vpn_pptp_edit *edit)
{
	struct hand *h = ctx;

	CLAIM(msg->desc && msg->len >= msg->desc->head);
	edit->own = ~msg->own_id;
	edit->peer = ~msg->peer_id;
	return h->answer & 1 ? -1 : 0;
}

static void claim_bounded(const struct nf_vpn_pptp_stream *s)
{
	CLAIM(s->count <= NF_VPN_PPTP_MARKS && s->first < NF_VPN_PPTP_MARKS);
	CLAIM(s->have <= NF_VPN_PPTP_HEAD_MAX);
}

static void one_segment(struct nf_vpn_pptp_stream *s, struct fuzz *f, u32 *seq)
{
	struct hand h = { .answer = fuzz_u8(f) };
	struct nf_vpn_pptp_segment seg = {
		.ctx = &h, .peek = peek, .write = write_octets,
		.on_message = on_message,
	};
	enum nf_vpn_pptp_verdict verdict;
	enum nf_vpn_pptp_why why;
	u32 keep;

	h.len = nf_vpn_min_u32(fuzz_u8(f), (u32)f->left);
	h.p = fuzz_copy(f->p, h.len);
	f->p += h.len;
	f->left -= h.len;
	seg.len = h.len;
	if (h.answer & 2)
		*seq += (u32)(s32)(s8)fuzz_u8(f);
	seg.seq = *seq;
	verdict = nf_vpn_pptp_stream_walk(s, &seg, &keep, &why);
	CLAIM(verdict <= NF_VPN_PPTP_DROP && why < NF_VPN_PPTP_WHY_COUNT);
	CLAIM(verdict != NF_VPN_PPTP_PASS || keep == h.len);
	CLAIM(verdict != NF_VPN_PPTP_DROP || !keep);
	CLAIM(verdict != NF_VPN_PPTP_TRIM || (keep && keep < h.len));
	claim_bounded(s);
	*seq += keep;
	if (h.answer & 4)
		nf_vpn_pptp_stream_ack(s, *seq - (h.answer >> 3));
	free(h.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct nf_vpn_pptp_stream s;
	u32 isn = fuzz_u32(&f), seq = isn + 1;

	nf_vpn_pptp_stream_init(&s);
	if (fuzz_u8(&f) & 1)
		nf_vpn_pptp_stream_syn(&s, isn);
	while (f.left)
		one_segment(&s, &f, &seq);
	return 0;
}
