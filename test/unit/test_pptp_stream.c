// SPDX-License-Identifier: GPL-2.0-only
/* pptp_stream: every rule by example, then a model of TCP, then a fuzz. */

#include "ktap.h"
#include "pptp_build.h"
#include "../../nf_vpn_passthrough/pptp/pptp_stream.h"

#define STREAM_MAX	12000	/* octets of the longest stream of a test */
#define MESSAGES_MAX	160

#define MODEL_CASES	150000
#define MODEL_STEPS	60000
#define MODEL_FLIGHT	24
#define FUZZ_ROUNDS	(1000000 / KTAP_FEWER)

_Static_assert(sizeof(struct nf_vpn_pptp_stream) < 600, "bounded");

/* The translation of all tests: no octet of an ID stays what it was */
static u16 translate(u16 id)
{
	return id ^ 0xa55a;
}

static u8 translate_result(u8 result)
{
	return result ^ 0x80;
}

static struct nf_vpn_pptp_edit edit_of(const struct nf_vpn_pptp_msg *msg)
{
	return (struct nf_vpn_pptp_edit){
		.own = translate(msg->own_id), .peer = translate(msg->peer_id),
		.result = translate_result(msg->result),
	};
}

static void rewrite_id(u8 *p, u8 off)
{
	if (off)
		nf_vpn_put_be16(p + off, translate(nf_vpn_get_be16(p + off)));
}

/* What the receiver is to see of a whole message */
static void rewrite(u8 *p, u16 type)
{
	rewrite_id(p, rfc_own[type]);
	rewrite_id(p, rfc_peer[type]);
	if (rfc_result[type])
		p[rfc_result[type]] = translate_result(p[rfc_result[type]]);
}

/* A segment in hand, and what on_message has been told */
struct hand {
	u8 *p;
	u32 len;
	u32 calls;		/* answered with 0 */
	u32 writes;
	struct nf_vpn_pptp_msg last;
	bool refuse;
	bool blind;		/* peek returns NULL */
	bool dull;		/* write fails */
	bool copy;		/* peek uses buf */
};

static const u8 *peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	struct hand *h = ctx;

	CHECK(n <= NF_VPN_PPTP_HEAD_MAX && n > 0);
	CHECK(off <= h->len && n <= h->len - off);
	if (h->blind)
		return NULL;
	if (!h->copy)
		return h->p + off;
	memcpy(buf, h->p + off, n);
	return buf;
}

static int write(void *ctx, u32 off, const u8 *octets, u32 n)
{
	struct hand *h = ctx;

	CHECK(n && n <= 4 && off <= h->len && n <= h->len - off);
	if (h->dull)
		return -1;
	memcpy(h->p + off, octets, n);
	h->writes++;
	return 0;
}

static int on_message(void *ctx, const struct nf_vpn_pptp_msg *msg,
		      struct nf_vpn_pptp_edit *edit)
{
	struct hand *h = ctx;

	h->last = *msg;
	CHECK_EQ(edit->own, msg->own_id);
	CHECK_EQ(edit->peer, msg->peer_id);
	CHECK_EQ(edit->result, msg->result);
	if (h->refuse)
		return -1;
	*edit = edit_of(msg);
	h->calls++;
	return 0;
}

struct result {
	enum nf_vpn_pptp_verdict verdict;
	enum nf_vpn_pptp_why why;
	u32 keep;
};

static struct result walk(struct nf_vpn_pptp_stream *s, u32 seq,
			  struct hand *h)
{
	struct nf_vpn_pptp_segment seg = {
		.seq = seq, .len = h->len, .ctx = h,
		.peek = peek, .write = write, .on_message = on_message,
	};
	struct result r;

	r.verdict = nf_vpn_pptp_stream_walk(s, &seg, &r.keep, &r.why);
	CHECK(r.verdict != NF_VPN_PPTP_PASS || r.keep == h->len);
	CHECK(r.verdict != NF_VPN_PPTP_DROP || !r.keep);
	CHECK(r.verdict != NF_VPN_PPTP_TRIM || (r.keep && r.keep < h->len));
	return r;
}

/* ---- directed tests ---- */

#define ISN	0xfffffff0U	/* every directed stream wraps around */
#define BASE	(ISN + 1)

/* The stream of the directed tests. Offsets: */
#define AT_SCCRQ	0	/* 156, no ID */
#define AT_OCRQ		156	/* 168, own */
#define AT_OCRP		324	/* 32, own and peer */
#define AT_SLI		356	/* 24, peer */
#define AT_ECHO		380	/* 16, no ID */
#define AT_END		396

/* text[-1] exists, for the octet before the stream */
static u8 space[1 + STREAM_MAX];
static u8 * const text = space + 1;

/* What has been forwarded of it */
static u8 through[STREAM_MAX];

static struct nf_vpn_pptp_stream fresh(void)
{
	struct nf_vpn_pptp_stream s;
	u8 *p = text;

	memset(&s, 0xff, sizeof(s));
	memset(space, 0, sizeof(space));
	p += build(p, NF_VPN_PPTP_SCCRQ, 0, 0, 0);
	p += build(p, NF_VPN_PPTP_OCRQ, 0x1111, 0, 0);
	p += build(p, NF_VPN_PPTP_OCRP, 0x2222, 0x3333, 1);
	p += build(p, NF_VPN_PPTP_SLI, 0, 0x4444, 0);
	build(p, NF_VPN_PPTP_ECHORQ, 0, 0, 0);
	nf_vpn_pptp_stream_init(&s);
	nf_vpn_pptp_stream_syn(&s, ISN);
	return s;
}

static struct hand last_hand;

/* Send text[from, to) and report */
static struct result send_hand(struct nf_vpn_pptp_stream *s, u32 from, u32 to,
			       struct hand h)
{
	struct result r;

	h.len = to - from;
	h.p = ktap_dup(text + (s32)from, h.len);
	h.copy = from & 1;
	r = walk(s, BASE + from, &h);
	if (r.keep && from < STREAM_MAX)
		memcpy(through + from, h.p, r.keep);
	free(h.p);
	last_hand = h;
	return r;
}

static struct result send_as(struct nf_vpn_pptp_stream *s, u32 from, u32 to,
			     bool refuse)
{
	return send_hand(s, from, to, (struct hand){ .refuse = refuse });
}

static struct result send(struct nf_vpn_pptp_stream *s, u32 from, u32 to)
{
	return send_as(s, from, to, false);
}

/* Has the message at @at come out translated, all of it? */
static bool arrived(u32 at, u16 type)
{
	u8 want[256];

	memcpy(want, text + at, rfc_len[type]);
	rewrite(want, type);
	return !memcmp(through + at, want, rfc_len[type]);
}

#define EXPECT(r, v, w, k)						\
	do {								\
		struct result x = (r);					\
									\
		CHECK_EQ(x.verdict, NF_VPN_PPTP_##v);			\
		CHECK_EQ(x.why, NF_VPN_PPTP_WHY_##w);			\
		CHECK_EQ(x.keep, k);					\
	} while (0)

#define CALLS(n)	CHECK_EQ(last_hand.calls, n)

static void whole_stream_in_one(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, 0, AT_END), PASS, OK, AT_END);
	CALLS(5);
	CHECK_EQ(last_hand.last.type, NF_VPN_PPTP_ECHORQ);
	CHECK_EQ(s.next, BASE + AT_END);
	CHECK(arrived(AT_SCCRQ, NF_VPN_PPTP_SCCRQ));
	CHECK(arrived(AT_OCRQ, NF_VPN_PPTP_OCRQ));
	CHECK(arrived(AT_OCRP, NF_VPN_PPTP_OCRP));
	CHECK(arrived(AT_SLI, NF_VPN_PPTP_SLI));
	CHECK(arrived(AT_ECHO, NF_VPN_PPTP_ECHORQ));
}

static void one_message_each(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, 0, AT_OCRQ), PASS, OK, 156);
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), PASS, OK, 168);
	EXPECT(send(&s, AT_OCRP, AT_SLI), PASS, OK, 32);
	CALLS(1);
	CHECK_EQ(last_hand.last.own_id, 0x2222);
	CHECK_EQ(last_hand.last.peer_id, 0x3333);
	CHECK_EQ(last_hand.last.result, 1);
	CHECK(!last_hand.last.lost);
}

static void body_may_be_split(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, 0, AT_OCRQ + 14), PASS, OK, AT_OCRQ + 14);
	CALLS(2);
	EXPECT(send(&s, AT_OCRQ + 14, AT_OCRQ + 100), PASS, OK, 86);
	CALLS(0);
	EXPECT(send(&s, AT_OCRQ + 100, AT_SLI), PASS, OK, 100);
	CALLS(1);
}

/* The rest of a body, out of order: nothing to translate in it */
static void body_beyond_a_gap_passes(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, 0, AT_OCRQ + 14), PASS, OK, AT_OCRQ + 14);
	EXPECT(send(&s, AT_OCRQ + 60, AT_OCRP), PASS, OK, 108);
	EXPECT(send(&s, AT_OCRQ + 14, AT_OCRQ + 60), PASS, OK, 46);
}

/* An end that writes header and body apart, with Nagle's algorithm */
static void header_passes_alone(void)
{
	u32 n;

	for (n = 1; n <= 12; n++) {
		struct nf_vpn_pptp_stream s = fresh();

		EXPECT(send(&s, 0, AT_OCRQ + n), PASS, OK, AT_OCRQ + n);
		CALLS(1);
		EXPECT(send(&s, AT_OCRQ, AT_OCRQ + n), PASS, OK, n);
		EXPECT(send(&s, AT_OCRQ + n, AT_OCRP), PASS, OK, 168 - n);
		CALLS(1);
		CHECK(arrived(AT_OCRQ, NF_VPN_PPTP_OCRQ));
	}
}

static void octet_by_octet(void)
{
	struct nf_vpn_pptp_stream s = fresh();
	u32 n;

	for (n = 0; n < 12; n++)
		EXPECT(send(&s, n, n + 1), PASS, OK, 1);
	EXPECT(send(&s, 12, AT_OCRP), PASS, OK, AT_OCRP - 12);
	for (n = 0; n < 12; n++)
		EXPECT(send(&s, AT_OCRP + n, AT_OCRP + n + 1), PASS, OK, 1);
	for (; n < 16; n++) {
		EXPECT(send(&s, AT_OCRP + n, AT_OCRP + n + 1), DROP, PARTIAL, 0);
		CALLS(0);
	}
	EXPECT(send(&s, AT_OCRP + n, AT_OCRP + n + 1), PASS, OK, 1);
	CALLS(1);
	EXPECT(send(&s, AT_OCRP + n + 1, AT_SLI), PASS, OK, 15);
	/* those not forwarded come again, in any piece */
	EXPECT(send(&s, AT_OCRP + 15, AT_OCRP + 16), PASS, OK, 1);
	EXPECT(send(&s, AT_OCRP + 12, AT_OCRP + 15), PASS, OK, 3);
	CHECK(arrived(AT_OCRP, NF_VPN_PPTP_OCRP));
	CALLS(0);
}

/* What is cut off a segment is enough, with the next one, to decide */
static void cut_inside_the_ids(void)
{
	u32 n;

	for (n = 13; n < 17; n++) {
		struct nf_vpn_pptp_stream s = fresh();

		EXPECT(send(&s, 0, AT_OCRP + n), TRIM, PARTIAL, AT_OCRP + 12);
		CALLS(2);
		EXPECT(send(&s, AT_OCRP + n, AT_END), PASS, OK,
		       AT_END - AT_OCRP - n);
		CALLS(3);
		EXPECT(send(&s, AT_OCRP + 12, AT_OCRP + n), PASS, OK, n - 12);
		CALLS(0);
		CHECK(arrived(AT_OCRP, NF_VPN_PPTP_OCRP));
	}
}

/* Nothing behind them, however often: the sender waits for an acknowledgment */
static void stuck_ids_become_no_call(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	nf_vpn_pptp_stream_ack(&s, BASE);
	EXPECT(send(&s, 0, AT_OCRP + 14), TRIM, PARTIAL, AT_OCRP + 12);
	EXPECT(send(&s, AT_OCRP + 12, AT_OCRP + 14), DROP, PARTIAL, 0);
	EXPECT(send(&s, AT_OCRP + 12, AT_OCRP + 14), PASS, OK, 2);
	CHECK_EQ(nf_vpn_get_be16(through + AT_OCRP + 12), 0xffff);
	/* now they are acknowledged */
	nf_vpn_pptp_stream_ack(&s, BASE + AT_OCRP + 14);
	CHECK_EQ(s.acked, BASE + AT_OCRP + 14);
	EXPECT(send(&s, AT_OCRP + 14, AT_OCRP + 15), PASS, OK, 1);
	CALLS(0);
	CHECK_EQ(through[AT_OCRP + 14], 0xff);
	EXPECT(send(&s, AT_OCRP + 12, AT_END), PASS, OK, AT_END - AT_OCRP - 12);
	CALLS(3);
	CHECK_EQ(nf_vpn_get_be16(through + AT_OCRP + 12), 0xffff);
	CHECK_EQ(nf_vpn_get_be16(through + AT_OCRP + 14), 0xffff);
	/* and only this one */
	CHECK(!last_hand.last.lost);
	CHECK(arrived(AT_SLI, NF_VPN_PPTP_SLI));
}

static void stuck_needs_patience(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, 0, AT_OCRQ + 13), TRIM, PARTIAL, AT_OCRQ + 12);
	EXPECT(send(&s, AT_OCRQ, AT_OCRQ + 13), TRIM, PARTIAL, 12);
	/* not these octets again */
	EXPECT(send(&s, AT_OCRQ, AT_OCRQ + 9), PASS, OK, 9);
	EXPECT(send(&s, AT_OCRQ + 12, AT_OCRP), PASS, OK, 156);
	CHECK(!last_hand.last.lost);
	EXPECT(send(&s, AT_OCRQ + 12, AT_OCRP), PASS, OK, 156);
	CHECK(arrived(AT_OCRQ, NF_VPN_PPTP_OCRQ));
}

static void stuck_and_refused(void)
{
	struct nf_vpn_pptp_stream s = fresh();
	u32 i;

	send(&s, 0, AT_OCRQ + 13);
	for (i = 0; i < 2; i++)
		send(&s, AT_OCRQ, AT_OCRQ + 13);
	EXPECT(send_as(&s, AT_OCRQ + 13, AT_OCRP, true), DROP, REFUSED, 0);
	CHECK(last_hand.last.lost);
	CHECK_EQ(last_hand.last.own_id, 0x1111);
	EXPECT(send(&s, AT_OCRQ + 13, AT_OCRP), PASS, OK, 155);
	CHECK(last_hand.last.lost);
	CHECK_EQ(nf_vpn_get_be16(through + AT_OCRQ + 12), 0xffff);
}

static void hole_is_dropped(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, AT_OCRQ, AT_OCRP), DROP, HOLE, 0);
	EXPECT(send(&s, 1, AT_OCRP), DROP, HOLE, 0);
	EXPECT(send(&s, 0, AT_OCRQ), PASS, OK, 156);
	EXPECT(send(&s, AT_OCRQ + 1, AT_OCRP), DROP, HOLE, 0);
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), PASS, OK, 168);
}

static void refused_is_new_again(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send_as(&s, 0, AT_OCRP, true), TRIM, REFUSED, 12);
	EXPECT(send_as(&s, 12, AT_OCRP, true), DROP, REFUSED, 0);
	EXPECT(send(&s, 0, AT_OCRQ), PASS, OK, 156);
	CALLS(1);
	EXPECT(send_as(&s, AT_OCRQ, AT_END, true), TRIM, REFUSED, 12);
	EXPECT(send(&s, AT_OCRQ + 12, AT_OCRP), PASS, OK, 156);
	CALLS(1);
	/* body of the last one, then a refused one */
	EXPECT(send_as(&s, AT_OCRQ + 20, AT_END, true), TRIM, REFUSED, 160);
	/* it is enough to have its body */
	EXPECT(send(&s, AT_OCRP + 17, AT_END), PASS, OK, AT_END - AT_OCRP - 17);
	EXPECT(send(&s, AT_OCRP + 12, AT_OCRP + 17), PASS, OK, 5);
	CHECK(arrived(AT_OCRP, NF_VPN_PPTP_OCRP));
}

static void write_failure_is_repaired(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send_hand(&s, 0, AT_OCRP, (struct hand){ .dull = true }), TRIM,
	       PEEK, AT_OCRQ + 12);
	CALLS(2);
	EXPECT(send_hand(&s, AT_OCRQ, AT_OCRP, (struct hand){ .dull = true }),
	       DROP, PEEK, 0);
	EXPECT(send(&s, AT_OCRQ + 12, AT_OCRP), PASS, OK, 156);
	CALLS(0);
	CHECK(arrived(AT_OCRQ, NF_VPN_PPTP_OCRQ));
}

static void retransmission_is_the_same(void)
{
	struct nf_vpn_pptp_stream s = fresh();
	u32 from, to;

	send(&s, 0, AT_SLI);
	for (from = AT_OCRQ; from < AT_SLI; from++)
		for (to = from + 1; to <= AT_SLI; to += 1 + (to > from + 20)) {
			memset(through + from, 0, to - from);
			EXPECT(send(&s, from, to), PASS, OK, to - from);
			CALLS(0);
			CHECK(arrived(AT_OCRQ, NF_VPN_PPTP_OCRQ));
			CHECK(arrived(AT_OCRP, NF_VPN_PPTP_OCRP));
		}
	/* old and new mixed */
	EXPECT(send(&s, AT_OCRP, AT_END), PASS, OK, AT_END - AT_OCRP);
	CALLS(2);
	/* from inside a body, over the next ones */
	EXPECT(send(&s, AT_OCRQ + 14, AT_END), PASS, OK, 226);
	CALLS(0);
}

/* The same octets are not written twice: each write sums the packet anew */
static void writes_only_what_differs(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	send(&s, 0, AT_END);
	CHECK_EQ(last_hand.writes, 5);
	nf_vpn_put_be16(text + AT_OCRQ + 12, translate(0x1111));
	send(&s, AT_OCRQ, AT_OCRP);
	CHECK_EQ(last_hand.writes, 0);
}

static void retransmission_changed(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	send(&s, 0, AT_SLI);
	nf_vpn_put_be16(text + AT_OCRQ + 8, NF_VPN_PPTP_ICRQ);
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), DROP, CHANGED, 0);
	EXPECT(send(&s, AT_OCRQ + 9, AT_OCRP), DROP, CHANGED, 0);
	EXPECT(send(&s, AT_OCRQ + 10, AT_OCRP), PASS, OK, 158);
	EXPECT(send(&s, 0, AT_OCRP), TRIM, CHANGED, 156);
	nf_vpn_put_be16(text + AT_OCRQ + 8, NF_VPN_PPTP_OCRQ);
	nf_vpn_put_be16(text + AT_OCRQ, 167);
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), DROP, CHANGED, 0);
	text[AT_OCRQ + 4] = 0;
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), DROP, CHANGED, 0);
	CHECK(!s.opaque);
	/* of a head that was not complete */
	s = fresh();
	send(&s, 0, AT_OCRQ + 11);
	text[AT_OCRQ + 9] = NF_VPN_PPTP_ICRQ;
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), DROP, CHANGED, 0);
	/* another ID than before: the one that was translated counts */
	s = fresh();
	send(&s, 0, AT_OCRP);
	nf_vpn_put_be16(text + AT_OCRQ + 12, 0x7777);
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), PASS, OK, 168);
	CHECK_EQ(nf_vpn_get_be16(through + AT_OCRQ + 12), translate(0x1111));
}

static void keepalives_pass(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	/* before any data: the octet of the SYN */
	EXPECT(send(&s, -1, 0), PASS, OK, 1);
	EXPECT(send(&s, -1, -1), PASS, OK, 0);
	send(&s, 0, AT_OCRQ);
	EXPECT(send(&s, AT_OCRQ - 1, AT_OCRQ), PASS, OK, 1);
	EXPECT(send(&s, AT_OCRQ - 1, AT_OCRQ - 1), PASS, OK, 0);
	/* after a body was begun */
	send(&s, AT_OCRQ, AT_OCRQ + 50);
	EXPECT(send(&s, AT_OCRQ + 49, AT_OCRQ + 50), PASS, OK, 1);
	/* on a header: any octet will do, but only when it is acknowledged */
	text[AT_OCRQ + 9] = '?';
	EXPECT(send(&s, AT_OCRQ + 9, AT_OCRQ + 10), DROP, CHANGED, 0);
	nf_vpn_pptp_stream_ack(&s, BASE + AT_OCRQ + 9);
	EXPECT(send(&s, AT_OCRQ + 9, AT_OCRQ + 10), DROP, CHANGED, 0);
	nf_vpn_pptp_stream_ack(&s, BASE + AT_OCRQ + 10);
	EXPECT(send(&s, AT_OCRQ + 9, AT_OCRQ + 10), PASS, OK, 1);
}

/* A keepalive while the other half of a header is still to be written */
static void keepalive_inside_a_header(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	send(&s, 0, 8);
	text[7] = '?';
	EXPECT(send(&s, 7, 8), DROP, CHANGED, 0);
	nf_vpn_pptp_stream_ack(&s, BASE + 8);
	EXPECT(send(&s, 7, 8), PASS, OK, 1);
}

static void no_octets_pass(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	EXPECT(send(&s, 0, 0), PASS, OK, 0);
	EXPECT(send(&s, 500, 500), PASS, OK, 0);
	nf_vpn_pptp_stream_init(&s);
	EXPECT(send(&s, 0, 0), PASS, OK, 0);
}

static void garbage_turns_opaque(void)
{
	static const struct { u32 off; enum nf_vpn_pptp_why why; } bad[] = {
		{ 5, NF_VPN_PPTP_WHY_BAD_MAGIC },
		{ 3, NF_VPN_PPTP_WHY_BAD_KIND },
		{ 8, NF_VPN_PPTP_WHY_BAD_TYPE },
		{ 0, NF_VPN_PPTP_WHY_BAD_LENGTH },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct nf_vpn_pptp_stream s = fresh();
		struct result r;

		text[AT_OCRP + bad[i].off] = 0x77;
		r = send(&s, 0, AT_SLI);
		CHECK_EQ(r.verdict, NF_VPN_PPTP_PASS);
		CHECK_EQ(r.why, bad[i].why);
		CALLS(2);
		EXPECT(send(&s, AT_SLI, AT_END), PASS, OPAQUE, 40);
		CALLS(0);
		EXPECT(send(&s, AT_OCRP, AT_END), PASS, OPAQUE, 72);
		/* what was translated before still is */
		memset(through, 0, sizeof(through));
		EXPECT(send(&s, AT_OCRQ, AT_END), PASS, OPAQUE, 240);
		CALLS(0);
		CHECK(arrived(AT_OCRQ, NF_VPN_PPTP_OCRQ));
		nf_vpn_pptp_stream_ack(&s, BASE + AT_END);
		EXPECT(send(&s, AT_OCRQ + 12, AT_END), PASS, OPAQUE, 228);
	}
}

static void too_short_length_is_garbage(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	nf_vpn_put_be16(text + AT_OCRQ, 13);
	EXPECT(send(&s, 0, AT_OCRP), PASS, BAD_LENGTH, AT_OCRP);
	CALLS(1);
}

/* Garbage behind a header that passed: its octets are not looked at any more */
static void garbage_in_pieces(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	text[AT_OCRQ + 5] = 0x77;
	EXPECT(send(&s, 0, AT_OCRQ + 5), PASS, OK, AT_OCRQ + 5);
	EXPECT(send(&s, AT_OCRQ + 5, AT_OCRQ + 9), PASS, BAD_MAGIC, 4);
	EXPECT(send(&s, AT_OCRQ + 9, AT_END), PASS, OPAQUE, AT_END - AT_OCRQ - 9);
	CALLS(0);
}

static void unsynced(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	nf_vpn_pptp_stream_init(&s);
	EXPECT(send(&s, 20, AT_OCRQ), PASS, UNSYNCED, 136);
	EXPECT(send(&s, AT_OCRQ, AT_OCRQ + 13), PASS, UNSYNCED, 13);
	nf_vpn_pptp_stream_ack(&s, BASE + AT_OCRQ);
	CHECK(!s.synced);
	EXPECT(send_as(&s, AT_OCRP, AT_SLI, true), TRIM, REFUSED, 12);
	EXPECT(send(&s, AT_OCRP, AT_SLI), PASS, OK, 32);
	CALLS(1);
	/* went by untranslated, and does so again */
	EXPECT(send(&s, AT_OCRQ, AT_OCRP), PASS, OK, 168);
	CALLS(0);
	EXPECT(send(&s, AT_OCRQ, AT_END), PASS, OK, 240);
	CALLS(2);
}

static void repeated_syn(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	send(&s, 0, AT_OCRP);
	nf_vpn_pptp_stream_syn(&s, ISN);
	EXPECT(send(&s, AT_OCRP, AT_SLI), PASS, OK, 32);
	nf_vpn_pptp_stream_syn(&s, ISN + 1000);
	CHECK_EQ(s.next, ISN + 1001);
	EXPECT(send(&s, 1000, 1003), PASS, OK, 3);
	nf_vpn_pptp_stream_syn(&s, ISN + 5000);
	CHECK_EQ(s.next, ISN + 5001);
	CHECK_EQ(s.count, 0);
}

static void peek_failure(void)
{
	struct nf_vpn_pptp_stream s = fresh();
	struct hand h = { .p = text, .len = AT_END, .blind = true };

	EXPECT(walk(&s, BASE, &h), DROP, PEEK, 0);
	CHECK_EQ(h.calls, 0);
	send(&s, 0, AT_OCRP);
	EXPECT(walk(&s, BASE, &h), DROP, PEEK, 0);
	nf_vpn_pptp_stream_init(&s);
	EXPECT(walk(&s, BASE, &h), PASS, UNSYNCED, AT_END);
}

/* @n times Set-Link-Info */
static void fill_sli(unsigned int n)
{
	memset(space, 0, sizeof(space));
	while (n--)
		build(text + n * 24, NF_VPN_PPTP_SLI, 0, (u16)n, 0);
}

#define RING	NF_VPN_PPTP_MARKS

static void older_than_the_ring(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	fill_sli(RING + 8);
	EXPECT(send(&s, 0, RING * 24), PASS, OK, RING * 24);
	EXPECT(send(&s, 0, 24), PASS, OK, 24);
	CALLS(0);
	EXPECT(send(&s, RING * 24, (RING + 8) * 24), PASS, OK, 8 * 24);
	CALLS(8);
	EXPECT(send(&s, 0, 24), DROP, OLD, 0);
	EXPECT(send(&s, 7 * 24, 9 * 24), DROP, OLD, 0);
	EXPECT(send(&s, 8 * 24, (RING + 8) * 24), PASS, OK, RING * 24);
	CALLS(0);
	/* until told it was acknowledged */
	nf_vpn_pptp_stream_ack(&s, BASE + 8 * 24 - 1);
	EXPECT(send(&s, 0, 24), DROP, OLD, 0);
	nf_vpn_pptp_stream_ack(&s, BASE + 8 * 24);
	EXPECT(send(&s, 0, 24), PASS, OK, 24);
	EXPECT(send(&s, 7 * 24 + 3, 9 * 24), PASS, OK, 45);
	CALLS(0);
}

static void full_ring_waits_for_acks(void)
{
	struct nf_vpn_pptp_stream s = fresh();

	fill_sli(RING + 8);
	nf_vpn_pptp_stream_ack(&s, BASE);
	EXPECT(send(&s, 0, (RING + 8) * 24), TRIM, FULL, RING * 24 + 12);
	CALLS(RING);
	EXPECT(send(&s, RING * 24 + 12, RING * 24 + 24), DROP, FULL, 0);
	nf_vpn_pptp_stream_ack(&s, BASE + 23);
	EXPECT(send(&s, RING * 24 + 12, RING * 24 + 24), DROP, FULL, 0);
	nf_vpn_pptp_stream_ack(&s, BASE + 24);
	EXPECT(send(&s, RING * 24, (RING + 2) * 24), TRIM, FULL, 36);
	/* a lie does not help */
	nf_vpn_pptp_stream_ack(&s, BASE + (RING + 2) * 24 + 1);
	EXPECT(send(&s, (RING + 1) * 24 + 12, (RING + 2) * 24), DROP, FULL, 0);
	/* nor does an old one take anything back */
	nf_vpn_pptp_stream_ack(&s, BASE + (RING + 1) * 24);
	nf_vpn_pptp_stream_ack(&s, BASE);
	EXPECT(send(&s, (RING + 1) * 24 + 12, (RING + 8) * 24), PASS, OK,
	       7 * 24 - 12);
	CALLS(7);
}

/* 2^31 octets after the start, every comparison with the start has flipped */
static void very_long_connection(void)
{
	struct nf_vpn_pptp_stream s = fresh();
	struct result r;
	u32 from;

	fill_sli(RING + 30);
	send(&s, 0, (RING + 1) * 24);
	/* jump: as if all marks had moved on together */
	s.oldest += 0x90000000U;
	s.next += 0x90000000U;
	for (from = RING + 1; from < RING + 30; from++) {
		struct hand h = { .len = 24 };

		h.p = ktap_dup(text + from * 24, 24);
		r = walk(&s, BASE + 0x90000000U + from * 24, &h);
		CHECK_EQ(r.why, NF_VPN_PPTP_WHY_OK);
		CHECK(s.lossy);
		free(h.p);
	}
	nf_vpn_pptp_stream_ack(&s, s.next);
	CHECK_EQ(s.acked, s.next);
	CHECK(!s.lossy);
}

static void names(void)
{
	unsigned int i, k;

	for (i = 0; i < NF_VPN_PPTP_WHY_COUNT; i++)
		for (k = 0; k < i; k++)
			CHECK(strcmp(nf_vpn_pptp_why_name(i),
				     nf_vpn_pptp_why_name(k)));
	CHECK(!strcmp(nf_vpn_pptp_why_name(NF_VPN_PPTP_WHY_COUNT), "?"));
}

/* ---- model of a TCP connection through the walker ---- */

/*
 *  sender ---- flight[] ----> walker ----> receiver
 *     ^------------ ack ------ walker <------'
 *
 * The network loses, repeats and reorders. The sender cuts its stream as it
 * likes, and may send anything again; or it is a stubborn one, that has one
 * piece outstanding and repeats just that: Nagle's algorithm, a window of one
 * segment. What counts: each octet that reaches the receiver first time is the
 * translated one (of a lost message, no call's), each message is shown once,
 * and the stream ends up complete.
 */
struct model {
	struct nf_vpn_pptp_stream s;
	u64 rng;
	u32 isn;
	u32 total;
	u32 una, nxt, rcv;	/* stream offsets */
	u32 window, mss;
	u32 refuse_one_in;
	bool acks;
	bool stubborn;
	u32 start[MESSAGES_MAX];
	u16 type[MESSAGES_MAX];
	u8 shown[MESSAGES_MAX];
	bool lost[MESSAGES_MAX];
	u32 messages;
	struct { u32 off, len; } flight[MODEL_FLIGHT];
	u32 flying;
	u32 seg_off;		/* of the segment in the walker */
	u8 *seg;
	u32 seg_len;
	u8 sent[STREAM_MAX];
	u8 want[STREAM_MAX];
	u8 read[STREAM_MAX];
	u8 got[STREAM_MAX];
};

static unsigned int total_verdicts[3];
static unsigned int total_whys[NF_VPN_PPTP_WHY_COUNT];
static unsigned int total_lost[2], total_shown[2];

static void model_messages(struct model *m)
{
	u32 i, k, most = m->acks ? MESSAGES_MAX : NF_VPN_PPTP_MARKS;
	bool all_short = !ktap_below(&m->rng, 8);
	u16 len;

	m->messages = 1 + ktap_below(&m->rng, ktap_below(&m->rng, 3) &&
				     !all_short ? 8 : most);
	for (i = 0; i < m->messages; i++) {
		u16 type = all_short ? NF_VPN_PPTP_SLI :
			   1 + ktap_below(&m->rng, 15);
		u8 *p = m->sent + m->total;

		len = rfc_len[type];
		if (m->total + len > STREAM_MAX)
			break;
		for (k = 0; k < len; k += 8)
			memcpy(p + k, &(u64){ ktap_rand(&m->rng) },
			       len - k < 8 ? len - k : 8);
		build(p, type, ktap_rand(&m->rng), ktap_rand(&m->rng),
		      ktap_rand(&m->rng));
		memcpy(m->want + m->total, p, len);
		rewrite(m->want + m->total, type);
		m->start[i] = m->total;
		m->type[i] = type;
		m->total += len;
	}
	m->messages = i;
}

static void model_init(struct model *m, u64 seed)
{
	memset(m, 0, offsetof(struct model, sent));
	m->rng = seed;
	m->isn = ktap_below(&m->rng, 2) ? ktap_rand(&m->rng) :
		 0U - ktap_below(&m->rng, 3000);
	m->acks = ktap_below(&m->rng, 2);
	m->stubborn = !ktap_below(&m->rng, 3);
	m->refuse_one_in = ktap_below(&m->rng, 3) ? 0 : 6;
	m->window = 1 + ktap_below(&m->rng, 6000);
	m->mss = 200 + ktap_below(&m->rng, 1261);
	model_messages(m);
	memset(m->got, 0, m->total);
	nf_vpn_pptp_stream_init(&m->s);
	nf_vpn_pptp_stream_syn(&m->s, m->isn);
	if (m->acks)		/* the handshake */
		nf_vpn_pptp_stream_ack(&m->s, m->isn + 1);
}

static const u8 *model_peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	struct model *m = ctx;

	CHECK(n && n <= NF_VPN_PPTP_HEAD_MAX && off + n <= m->seg_len);
	if (off % 2)
		return m->seg + off;
	memcpy(buf, m->seg + off, n);
	return buf;
}

static int model_write(void *ctx, u32 off, const u8 *octets, u32 n)
{
	struct model *m = ctx;

	CHECK(n && n <= 4 && off + n <= m->seg_len);
	if (!ktap_below(&m->rng, 30))
		return -1;
	memcpy(m->seg + off, octets, n);
	return 0;
}

static int model_on_message(void *ctx, const struct nf_vpn_pptp_msg *msg,
			    struct nf_vpn_pptp_edit *edit)
{
	struct model *m = ctx;
	u32 i, at = m->s.next - m->isn - 1;

	for (i = 0; i < m->messages; i++)
		if (m->start[i] == at)
			break;
	CHECK_MSG(i < m->messages, "no message starts there");
	if (i == m->messages)
		return -1;
	CHECK_EQ(msg->type, m->type[i]);
	CHECK_EQ(msg->own_id, rfc_own[msg->type] ?
		 nf_vpn_get_be16(m->sent + at + rfc_own[msg->type]) : 0);
	CHECK(!m->shown[i]);
	if (m->refuse_one_in && !ktap_below(&m->rng, m->refuse_one_in))
		return -1;
	m->shown[i] = 1;
	m->lost[i] = msg->lost;
	total_shown[m->stubborn]++;
	total_lost[m->stubborn] += msg->lost;
	*edit = edit_of(msg);
	return 0;
}

/* What the receiver has is at got[]; below rcv it throws everything away */
static void model_receive(struct model *m, u32 keep)
{
	u32 i, off;

	for (i = 0; i < keep; i++) {
		off = m->seg_off + i;
		if (off < m->rcv)
			continue;
		CHECK_MSG(!m->got[off] || m->read[off] == m->seg[i],
			  "octet %u of %u was another", off, m->total);
		m->read[off] = m->seg[i];
		m->got[off] = 1;
	}
	while (m->rcv < m->total && m->got[m->rcv])
		m->rcv++;
}

/* A whole message as the receiver read it */
static void model_message(struct model *m, u32 i)
{
	u32 k, at = m->start[i], own = rfc_own[m->type[i]],
	    peer = rfc_peer[m->type[i]];
	bool id;

	CHECK_EQ(m->shown[i], 1);
	for (k = 0; k < rfc_len[m->type[i]]; k++) {
		id = (own && (k == own || k == own + 1)) ||
		     (peer && (k == peer || k == peer + 1));
		CHECK_MSG(m->read[at + k] == (id && m->lost[i] ? 0xff :
					      m->want[at + k]),
			  "octet %u of message %u", k, i);
	}
}

static void model_ack(struct model *m)
{
	u32 ack = m->rcv;

	if (!ktap_below(&m->rng, 6))
		return;		/* lost before the walker */
	if (m->acks)
		nf_vpn_pptp_stream_ack(&m->s, m->isn + 1 + ack);
	if (!ktap_below(&m->rng, 6))
		return;		/* lost behind it */
	if (ack > m->una)
		m->una = ack;
	if (m->una > m->nxt)
		m->nxt = m->una;
}

static void model_through(struct model *m, u32 off, u32 len, bool garbage)
{
	struct nf_vpn_pptp_segment seg = {
		.seq = m->isn + 1 + off, .len = len, .ctx = m,
		.peek = model_peek, .write = model_write,
		.on_message = model_on_message,
	};
	enum nf_vpn_pptp_verdict v;
	enum nf_vpn_pptp_why why;
	u32 keep;

	m->seg_off = off;
	m->seg_len = len;
	m->seg = garbage ? ktap_dup((const u8 *)"?", 1) :
		 ktap_dup(m->sent + off, len);
	v = nf_vpn_pptp_stream_walk(&m->s, &seg, &keep, &why);
	total_verdicts[v]++;
	total_whys[why]++;
	CHECK(keep <= len && (v == NF_VPN_PPTP_PASS) == (keep == len));
	CHECK(!m->s.opaque);
	if (garbage && m->acks)
		CHECK(v == NF_VPN_PPTP_PASS || m->s.acked != seg.seq + 1);
	if (!garbage && ktap_below(&m->rng, 8))
		model_receive(m, keep);
	free(m->seg);
	if (keep)
		model_ack(m);
}

static void model_fly(struct model *m, u32 off, u32 len)
{
	if (off + len > m->total)
		len = m->total - off;
	if (!len || m->flying == MODEL_FLIGHT)
		return;
	m->flight[m->flying].off = off;
	m->flight[m->flying++].len = len;
	if (off + len > m->nxt)
		m->nxt = off + len;
}

static void model_land(struct model *m)
{
	u32 i = m->flying ? ktap_below(&m->rng, 3) ? 0 :
		ktap_below(&m->rng, m->flying) : 0;

	if (!m->flying)
		return;
	if (ktap_below(&m->rng, 8))	/* else lost before the walker */
		model_through(m, m->flight[i].off, m->flight[i].len, false);
	if (ktap_below(&m->rng, 8)) {	/* else comes once more */
		memmove(m->flight + i, m->flight + i + 1,
			(m->flying - i - 1) * sizeof(m->flight[0]));
		m->flying--;
	}
}

/* One piece at a time, and nothing but it until it is acknowledged */
static void model_stubborn_step(struct model *m, u32 len)
{
	if (m->flying)
		model_land(m);
	else if (m->nxt == m->una)
		model_fly(m, m->nxt, len);
	else
		model_fly(m, m->una, m->nxt - m->una);
}

static void model_step(struct model *m)
{
	u32 len = 1 + ktap_below(&m->rng, ktap_below(&m->rng, 2) ? 40 : m->mss);

	if (m->stubborn) {
		model_stubborn_step(m, len);
		return;
	}
	switch (ktap_below(&m->rng, 16)) {
	case 0 ... 4:	/* new data */
		if (m->nxt - m->una < m->window)
			model_fly(m, m->nxt, len);
		break;
	case 5:		/* retransmission time-out */
		model_fly(m, m->una, m->mss);
		break;
	case 6:		/* some range again, cut anyhow */
		if (m->nxt > m->una)
			model_fly(m, m->una + ktap_below(&m->rng,
				  m->nxt - m->una), len);
		break;
	case 7:		/* something acknowledged long ago */
		if (m->una)
			model_fly(m, ktap_below(&m->rng, m->una), len);
		break;
	case 8:		/* keepalive */
		if (m->una && m->una == m->nxt)
			model_through(m, m->una - 1, 1, true);
		break;
	default:
		model_land(m);
	}
}

static void model_case(u64 seed)
{
	static struct model m;
	u32 i, steps;

	model_init(&m, seed);
	for (steps = 0; m.una < m.total && steps < MODEL_STEPS; steps++)
		model_step(&m);
	CHECK_MSG(m.una == m.total, "seed %llu stalls at %u of %u",
		  (unsigned long long)seed, m.una, m.total);
	for (i = 0; i < m.messages; i++)
		model_message(&m, i);
}

static void model(void)
{
	u64 seed;

	for (seed = 0; seed < MODEL_CASES && !ktap_faults; seed++)
		model_case(seed * 0x10001);
	printf("# %u pass, %u trim, %u drop\n",
	       total_verdicts[0], total_verdicts[1], total_verdicts[2]);
	for (unsigned int i = 0; i < 2; i++)
		printf("# %s: %u messages, %u of them lost\n",
		       i ? "stubborn" : "free", total_shown[i], total_lost[i]);
	for (unsigned int i = 0; i < NF_VPN_PPTP_WHY_COUNT; i++)
		printf("# why %s: %u\n", nf_vpn_pptp_why_name(i),
		       total_whys[i]);
	/* a model that never gets there proves nothing */
	CHECK(total_whys[NF_VPN_PPTP_WHY_PARTIAL] > 1000);
	CHECK(total_whys[NF_VPN_PPTP_WHY_REFUSED] > 1000);
	CHECK(total_whys[NF_VPN_PPTP_WHY_FULL] > 10);
	CHECK(total_whys[NF_VPN_PPTP_WHY_HOLE] > 1000);
	CHECK(total_lost[1] > 1000);
	CHECK(total_lost[0] * 1000 < total_shown[0]);
}

/* ---- anything at all ---- */

static void fuzz_invariants(const struct nf_vpn_pptp_stream *s)
{
	u32 at = s->oldest;
	unsigned int i;

	CHECK(s->count <= NF_VPN_PPTP_MARKS);
	CHECK(s->first < NF_VPN_PPTP_MARKS);
	for (i = 0; i < s->count; i++)
		at += s->mark[(s->first + i) % NF_VPN_PPTP_MARKS].head & 0xfff;
	CHECK_EQ(at, s->next);
	CHECK(s->have <= NF_VPN_PPTP_HEAD_MAX);
}

static u32 fuzz_fill(u64 *rng, u8 *buf, u32 room)
{
	u32 n = 0, flips = ktap_below(rng, 12) ? 0 : 1 + ktap_below(rng, 2);

	while (n < room - 220 && ktap_below(rng, 4))
		n += build(buf + n, 1 + ktap_below(rng, 15),
			   ktap_rand(rng), ktap_rand(rng), 1);
	while (n && flips--)
		buf[ktap_below(rng, n)] ^= 1 << ktap_below(rng, 8);
	return n ? n - ktap_below(rng, ktap_below(rng, 2) ? n : 1) : 0;
}

static void fuzz(void)
{
	struct nf_vpn_pptp_stream s;
	u64 rng = 1723;
	long i;

	memset(space, 0, sizeof(space));
	nf_vpn_pptp_stream_init(&s);
	for (i = 0; i < FUZZ_ROUNDS; i++) {
		struct hand h = { .blind = !ktap_below(&rng, 64),
				  .dull = !ktap_below(&rng, 64),
				  .refuse = !ktap_below(&rng, 16) };
		u32 seq = s.next;

		if (!ktap_below(&rng, 40))
			nf_vpn_pptp_stream_init(&s);
		if (!ktap_below(&rng, 40))
			nf_vpn_pptp_stream_syn(&s, ktap_rand(&rng));
		if (ktap_below(&rng, 2))
			nf_vpn_pptp_stream_ack(&s, s.next + 40 -
					       ktap_below(&rng, 900));
		if (!ktap_below(&rng, 3))
			seq += 40 - ktap_below(&rng, 900);
		if (!ktap_below(&rng, 50))
			seq = ktap_rand(&rng);
		h.len = fuzz_fill(&rng, text, 700);
		h.p = ktap_dup(text, h.len);
		walk(&s, seq, &h);
		fuzz_invariants(&s);
		free(h.p);
	}
}

static const struct ktap_case cases[] = {
	KTAP_CASE(whole_stream_in_one),
	KTAP_CASE(one_message_each),
	KTAP_CASE(body_may_be_split),
	KTAP_CASE(body_beyond_a_gap_passes),
	KTAP_CASE(header_passes_alone),
	KTAP_CASE(octet_by_octet),
	KTAP_CASE(cut_inside_the_ids),
	KTAP_CASE(stuck_ids_become_no_call),
	KTAP_CASE(stuck_needs_patience),
	KTAP_CASE(stuck_and_refused),
	KTAP_CASE(hole_is_dropped),
	KTAP_CASE(refused_is_new_again),
	KTAP_CASE(write_failure_is_repaired),
	KTAP_CASE(retransmission_is_the_same),
	KTAP_CASE(writes_only_what_differs),
	KTAP_CASE(retransmission_changed),
	KTAP_CASE(keepalives_pass),
	KTAP_CASE(keepalive_inside_a_header),
	KTAP_CASE(no_octets_pass),
	KTAP_CASE(garbage_turns_opaque),
	KTAP_CASE(too_short_length_is_garbage),
	KTAP_CASE(garbage_in_pieces),
	KTAP_CASE(unsynced),
	KTAP_CASE(repeated_syn),
	KTAP_CASE(peek_failure),
	KTAP_CASE(older_than_the_ring),
	KTAP_CASE(full_ring_waits_for_acks),
	KTAP_CASE(very_long_connection),
	KTAP_CASE(names),
	KTAP_CASE(model),
	KTAP_CASE(fuzz),
};

KTAP_MAIN(cases)
