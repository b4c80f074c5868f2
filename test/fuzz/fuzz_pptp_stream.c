// SPDX-License-Identifier: GPL-2.0-only
/*
 * pptp_stream: the input says which messages a sender has, how it cuts and repeats
 * them, what the receiver acknowledges and what fails on the way. No octet reaches
 * the receiver with an ID untranslated, none in two versions, and once nothing
 * fails any more all arrive.
 */
#include "fuzz.h"
#include "../unit/pptp_build.h"
#include "../../nf_vpn_passthrough/pptp/pptp_stream.h"

/* more than it remembers */
#define MOST	(NF_VPN_PPTP_MARKS + 16)
#define ROOM	(MOST * 220)

enum { PLAIN, ID };

struct world {
	struct nf_vpn_pptp_stream s;
	u32 isn, total, una, nxt, rcv;
	u8 *seg;			/* in the walker */
	u32 len;
	u8 fail;			/* bits: peek, write, on_message */
	u8 text[ROOM], want[ROOM], what[ROOM], read[ROOM];
	bool got[ROOM];
};

static struct world w;

/* No octet of it stays, and none becomes 0xff, for these IDs. */
static u16 other(u16 id)
{
	return id ^ 0x2552;
}

static void put_message(u16 type, u16 n)
{
	u8 *p = w.text + w.total;
	u32 i;

	memset(p, 0xee, rfc_len[type]);
	build(p, type, 0x1000 + n, 0x4000 + n, n & 7);
	for (i = 0; i < rfc_len[type]; i++)
		w.want[w.total + i] = p[i];
	if (rfc_own[type]) {
		nf_vpn_put_be16(w.want + w.total + rfc_own[type], other(0x1000 + n));
		memset(w.what + w.total + rfc_own[type], ID, 2);
	}
	if (rfc_peer[type]) {
		nf_vpn_put_be16(w.want + w.total + rfc_peer[type], other(0x4000 + n));
		memset(w.what + w.total + rfc_peer[type], ID, 2);
	}
	w.total += rfc_len[type];
}

static const u8 *peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	(void)ctx;
	CLAIM(n && n <= NF_VPN_PPTP_HEAD_MAX && off <= w.len && n <= w.len - off);
	if (w.fail & 1)
		return NULL;
	if (off & 1)
		return w.seg + off;
	memcpy(buf, w.seg + off, n);
	return buf;
}

static int write_octets(void *ctx, u32 off, const u8 *octets, u32 n)
{
	(void)ctx;
	CLAIM(n && off <= w.len && n <= w.len - off);
	if (w.fail & 2)
		return -1;
	memcpy(w.seg + off, octets, n);
	return 0;
}

static int on_message(void *ctx, const struct nf_vpn_pptp_msg *msg,
		      struct nf_vpn_pptp_edit *edit)
{
	(void)ctx;
	CLAIM(msg->exact);
	if (w.fail & 4)
		return -1;
	edit->own = other(msg->own_id);
	edit->peer = other(msg->peer_id);
	return 0;
}

/* What the receiver has acknowledged may come in any shape: it looks no more. */
static void receive(u32 from, u32 keep)
{
	u32 i, off;

	for (i = 0; i < keep; i++) {
		off = from + i;
		if (off < w.rcv)
			continue;
		CLAIM(w.seg[i] == w.want[off] ||
		      (w.what[off] == ID && w.seg[i] == 0xff));
		CLAIM(!w.got[off] || w.read[off] == w.seg[i]);
		w.read[off] = w.seg[i];
		w.got[off] = true;
	}
	while (w.rcv < w.total && w.got[w.rcv])
		w.rcv++;
}

static void send_piece(u32 from, u32 len)
{
	struct nf_vpn_pptp_segment seg = {
		.seq = w.isn + 1 + from, .len = len,
		.peek = peek, .write = write_octets, .on_message = on_message,
	};
	enum nf_vpn_pptp_verdict verdict;
	enum nf_vpn_pptp_why why;
	u32 keep;

	w.seg = fuzz_copy(w.text + from, len);
	w.len = len;
	verdict = nf_vpn_pptp_stream_walk(&w.s, &seg, &keep, &why);
	CLAIM(why < NF_VPN_PPTP_WHY_COUNT);
	CLAIM(why < NF_VPN_PPTP_WHY_UNSYNCED || why > NF_VPN_PPTP_WHY_BAD_LENGTH);
	CLAIM(keep == (verdict == NF_VPN_PPTP_PASS ? len :
		       verdict == NF_VPN_PPTP_DROP ? 0 : keep));
	CLAIM(verdict != NF_VPN_PPTP_TRIM || (keep && keep < len));
	receive(from, keep);
	free(w.seg);
	if (from + len > w.nxt)
		w.nxt = from + len;
}

static void ack(u32 to)
{
	nf_vpn_pptp_stream_ack(&w.s, w.isn + 1 + to);
	if (to > w.una)
		w.una = to;
}

static void step(struct fuzz *f)
{
	u8 op = fuzz_u8(f);
	u32 from;

	w.fail = op & 0x80 ? op >> 4 & 7 : 0;
	switch (op & 3) {
	case 0: /* what is next */
		from = w.nxt;
		break;
	case 1: /* the oldest again */
		from = w.una;
		break;
	case 2: /* anything again */
		from = w.una + fuzz_below(f, w.nxt - w.una + 1);
		break;
	default:
		ack(w.una + fuzz_below(f, w.rcv - w.una + 1));
		return;
	}
	if (from < w.total)
		send_piece(from, 1 + fuzz_below(f, nf_vpn_min_u32(w.total - from, 1460)));
}

/* Nagle's algorithm: nothing new before all that was sent is acknowledged. */
static void finish_stubborn(void)
{
	u32 tries, len = 1 + (w.isn >> 1) % 23;

	w.fail = 0;
	while (w.rcv < w.total) {
		if (w.una == w.nxt)
			w.nxt += nf_vpn_min_u32(len, w.total - w.nxt);
		for (tries = 0; tries < 8 && w.rcv < w.nxt; tries++)
			send_piece(w.una, nf_vpn_min_u32(w.nxt - w.una, 1460));
		CLAIM(w.rcv > w.una);
		ack(w.rcv);
	}
}

/* A sender that has all to send, and a network that loses nothing. */
static void finish(void)
{
	u32 round, from, len;

	w.fail = 0;
	for (round = 0; round < 2 * MOST + 8 && w.rcv < w.total; round++) {
		for (from = w.una; from < w.total; from += len) {
			len = nf_vpn_min_u32(w.total - from, 1460);
			send_piece(from, len);
		}
		ack(w.rcv);
	}
	CLAIM(w.rcv == w.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	unsigned int i, n;

	memset(&w, 0, offsetof(struct world, text));
	memset(w.what, PLAIN, sizeof(w.what));
	memset(w.got, 0, sizeof(w.got));
	w.isn = fuzz_u32(&f);
	n = 1 + fuzz_u8(&f) % MOST;
	for (i = 0; i < n; i++)
		put_message(1 + fuzz_u8(&f) % 15, i);
	nf_vpn_pptp_stream_init(&w.s);
	nf_vpn_pptp_stream_syn(&w.s, w.isn);
	nf_vpn_pptp_stream_ack(&w.s, w.isn + 1);
	while (f.left)
		step(&f);
	if (w.isn & 1)
		finish_stubborn();
	else
		finish();
	return 0;
}
