// SPDX-License-Identifier: GPL-2.0-only
/* l2tp_msg: RFC 2661 and 3931 headers and AVPs, every bound, a mutation fuzz. */

#include "ktap.h"
#include "../../nf_vpn_passthrough/l2tp/l2tp_msg.h"

#define FUZZ_ROUNDS	(1000000 / KTAP_FEWER)

/* ---- building ---- */

struct buf {
	u8 p[2048];
	unsigned int n;
};

static void add16(struct buf *b, u16 v)
{
	nf_vpn_put_be16(b->p + b->n, v);
	b->n += 2;
}

static void add32(struct buf *b, u32 v)
{
	add16(b, (u16)(v >> 16));
	add16(b, (u16)v);
}

static void begin(struct buf *b, u16 version, u32 conn)
{
	b->n = 0;
	add16(b, 0xc800 | version);
	add16(b, 0);
	add32(b, conn);
	add16(b, 0x1234);
	add16(b, 0x5678);
}

/* flags: 0x8000 M, 0x4000 H */
static void avp(struct buf *b, u16 flags, u16 vendor, u16 type, unsigned int n)
{
	add16(b, (u16)(flags | (6 + n)));
	add16(b, vendor);
	add16(b, type);
}

static void avp16(struct buf *b, u16 type, u16 v)
{
	avp(b, 0x8000, 0, type, 2);
	add16(b, v);
}

static void avp32(struct buf *b, u16 type, u32 v)
{
	avp(b, 0x8000, 0, type, 4);
	add32(b, v);
}

static void end(struct buf *b)
{
	nf_vpn_put_be16(b->p + 2, (u16)b->n);
}

/* ---- reading: an exact copy, so that ASan sees an octet too many ---- */

struct source {
	u8 *p;
	u32 n;
};

static const u8 *peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	const struct source *s = ctx;
	u32 i;

	if (off > s->n || n > s->n - off)
		return NULL;
	if (n % 2)
		return s->p + off;
	/* like a packet in pieces: what is not in one comes in the buffer */
	for (i = 0; i < n; i++)
		buf[i] = s->p[off + i];
	return buf;
}

static enum nf_vpn_l2tp_err parse_n(const u8 *p, u32 n, u32 claimed,
				    struct nf_vpn_l2tp_msg *msg)
{
	struct source s = { ktap_dup(p, n), n };
	struct nf_vpn_l2tp_octets in = { &s, claimed, peek };
	enum nf_vpn_l2tp_err err;

	err = nf_vpn_l2tp_parse(&in, msg);
	free(s.p);
	return err;
}

static enum nf_vpn_l2tp_err parse(const struct buf *b,
				  struct nf_vpn_l2tp_msg *msg)
{
	memset(msg, 0x55, sizeof(*msg));
	return parse_n(b->p, b->n, b->n, msg);
}

static enum nf_vpn_l2tp_err head(u16 flags, unsigned int have,
				 struct nf_vpn_l2tp_head *h)
{
	u8 octets[8] = { 0, 0, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32 };
	enum nf_vpn_l2tp_err err;
	u8 *p;

	nf_vpn_put_be16(octets, flags);
	p = ktap_dup(octets, have);
	err = nf_vpn_l2tp_head(p, have, h);
	free(p);
	return err;
}

/* ---- headers ---- */

static void data_headers(void)
{
	struct nf_vpn_l2tp_head h;

	/* version 2 without and with a length: RFC 2661 3.1 */
	CHECK_EQ(head(0x0002, 8, &h), 0);
	CHECK_EQ(h.version, 2);
	CHECK(!h.control);
	CHECK_EQ(h.id_off, 2);
	CHECK_EQ(h.id, 0x1112);
	CHECK_EQ(h.session, 0x2122);
	CHECK_EQ(head(0x4002, 8, &h), 0);
	CHECK_EQ(h.id_off, 4);
	CHECK_EQ(h.id, 0x2122);
	CHECK_EQ(h.session, 0x3132);
	/* sequence, offset, priority: behind the IDs, or of no size */
	CHECK_EQ(head(0x0b02, 8, &h), 0);
	CHECK_EQ(h.id, 0x1112);
	/* version 3 over UDP: RFC 3931 4.1.2.1 */
	CHECK_EQ(head(0x0003, 8, &h), 0);
	CHECK_EQ(h.version, 3);
	CHECK_EQ(h.id_off, 4);
	CHECK_EQ(h.id, 0x21223132);
	CHECK_EQ(h.session, 0);
	CHECK(!h.control);
}

static void control_headers(void)
{
	struct nf_vpn_l2tp_head h;

	CHECK_EQ(head(0xc802, 8, &h), 0);
	CHECK(h.control);
	CHECK_EQ(h.version, 2);
	CHECK_EQ(h.id, 0x2122);
	CHECK_EQ(h.session, 0x3132);
	CHECK_EQ(head(0xc803, 8, &h), 0);
	CHECK(h.control);
	CHECK_EQ(h.version, 3);
	CHECK_EQ(h.id, 0x21223132);
	/* bits that nobody defined are ignored on receipt */
	CHECK_EQ(head(0xf4f2, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	CHECK_EQ(head(0xfcf2, 8, &h), 0);
}

static void header_faults(void)
{
	struct nf_vpn_l2tp_head h;
	u16 v;

	for (v = 0; v < 16; v++) {
		bool known = v == 2 || v == 3;

		CHECK_EQ(head(0xc800 | v, 8, &h),
			 known ? 0 : NF_VPN_L2TP_BAD_VERSION);
		CHECK_EQ(head(v, 8, &h), known ? 0 : NF_VPN_L2TP_BAD_VERSION);
	}
	CHECK_EQ(head(0x8802, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	CHECK_EQ(head(0xc002, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	CHECK_EQ(head(0x8803, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	CHECK_EQ(head(0xc003, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	CHECK_EQ(head(0xca02, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	CHECK_EQ(head(0xc902, 8, &h), NF_VPN_L2TP_BAD_FLAGS);
	/* version 3 leaves those two bits undefined */
	CHECK_EQ(head(0xcb03, 8, &h), 0);
}

static void header_bounds(void)
{
	struct nf_vpn_l2tp_head h;
	unsigned int n;

	for (n = 0; n <= 8; n++) {
		CHECK_EQ(head(0x0002, n, &h), n < 6 ? NF_VPN_L2TP_SHORT : 0);
		CHECK_EQ(head(0x4002, n, &h), n < 8 ? NF_VPN_L2TP_SHORT : 0);
		CHECK_EQ(head(0x0003, n, &h), n < 8 ? NF_VPN_L2TP_SHORT : 0);
		CHECK_EQ(head(0xc803, n, &h), n < 8 ? NF_VPN_L2TP_SHORT : 0);
		CHECK_EQ(head(0xc801, n, &h), n < 2 ? NF_VPN_L2TP_SHORT :
			 NF_VPN_L2TP_BAD_VERSION);
	}
}

/* ---- messages ---- */

static void zlb(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	begin(&b, 2, 0x00070009);
	end(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK_EQ(msg.type, NF_VPN_L2TP_ZLB);
	CHECK_EQ(msg.version, 2);
	CHECK_EQ(msg.conn, 7);
	CHECK_EQ(msg.session, 9);
	CHECK_EQ(msg.ns, 0x1234);
	CHECK_EQ(msg.nr, 0x5678);
	CHECK_EQ(msg.len, 12);
	CHECK(!msg.assigned.seen && !msg.local.seen && !msg.remote.seen);
	CHECK(!msg.digest && !msg.hidden);
}

static void all_of_version_2(struct buf *b)
{
	begin(b, 2, 0x00070009);
	avp16(b, 0, NF_VPN_L2TP_SCCRQ);
	avp16(b, 2, 0x0100);		/* Protocol Version */
	avp16(b, 9, 0x4567);
	avp16(b, 14, 0x89ab);
	avp32(b, 61, 1);		/* version 3's: means nothing here */
	avp32(b, 63, 2);
	avp32(b, 64, 3);
	avp(b, 0x8000, 0, 7, 5);
	add32(b, 0x6c616321);
	b->p[b->n++] = 'x';
	end(b);
}

static void version_2(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	all_of_version_2(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK_EQ(msg.type, NF_VPN_L2TP_SCCRQ);
	CHECK_EQ(msg.assigned.seen, NF_VPN_L2TP_CLEAR);
	CHECK_EQ(msg.assigned.id, 0x4567);
	CHECK_EQ(msg.assigned.off, 12 + 8 + 8 + 6);
	CHECK_EQ(msg.local.seen, NF_VPN_L2TP_CLEAR);
	CHECK_EQ(msg.local.id, 0x89ab);
	CHECK_EQ(msg.local.off, 12 + 8 + 8 + 8 + 6);
	CHECK_EQ(msg.remote.seen, NF_VPN_L2TP_ABSENT);
	CHECK(!msg.digest);
}

static void all_of_version_3(struct buf *b)
{
	begin(b, 3, 0xdeadbeef);
	avp16(b, 0, NF_VPN_L2TP_ICRP);
	avp(b, 0x8000, 0, 59, 17);	/* Message Digest */
	memset(b->p + b->n, 0xaa, 17);
	b->n += 17;
	avp32(b, 63, 0x01020304);
	avp16(b, 9, 0x4567);		/* version 2's */
	avp32(b, 64, 0xa1a2a3a4);
	avp32(b, 61, 0xf1f2f3f4);
	end(b);
}

static void version_3(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	all_of_version_3(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK_EQ(msg.version, 3);
	CHECK_EQ(msg.type, NF_VPN_L2TP_ICRP);
	CHECK_EQ(msg.conn, 0xdeadbeef);
	CHECK_EQ(msg.session, 0);
	CHECK(msg.digest);
	CHECK_EQ(msg.local.seen, NF_VPN_L2TP_CLEAR);
	CHECK_EQ(msg.local.id, 0x01020304);
	CHECK_EQ(msg.local.off, 12 + 8 + 23 + 6);
	CHECK_EQ(msg.remote.id, 0xa1a2a3a4);
	CHECK_EQ(msg.remote.off, 12 + 8 + 23 + 10 + 8 + 6);
	CHECK_EQ(msg.assigned.id, 0xf1f2f3f4);
	CHECK_EQ(msg.assigned.seen, NF_VPN_L2TP_CLEAR);
	CHECK_EQ(msg.assigned.off, 12 + 8 + 23 + 10 + 8 + 10 + 6);
}

static void types(void)
{
	static const u16 rfc[] = { 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14, 15,
				   16, 20 };
	static const u16 ours[] = {
		NF_VPN_L2TP_SCCRQ, NF_VPN_L2TP_SCCRP, NF_VPN_L2TP_SCCCN,
		NF_VPN_L2TP_STOPCCN, NF_VPN_L2TP_HELLO, NF_VPN_L2TP_OCRQ,
		NF_VPN_L2TP_OCRP, NF_VPN_L2TP_OCCN, NF_VPN_L2TP_ICRQ,
		NF_VPN_L2TP_ICRP, NF_VPN_L2TP_ICCN, NF_VPN_L2TP_CDN,
		NF_VPN_L2TP_WEN, NF_VPN_L2TP_SLI, NF_VPN_L2TP_ACK,
	};
	struct nf_vpn_l2tp_msg msg;
	struct buf b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rfc); i++) {
		CHECK_EQ(ours[i], rfc[i]);
		begin(&b, 3, 1);
		avp16(&b, 0, rfc[i]);
		end(&b);
		CHECK_EQ(parse(&b, &msg), 0);
		CHECK_EQ(msg.type, rfc[i]);
	}
}

/* RFC 3931 4.3: a nonce asks for signatures from now on */
static void nonce(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	begin(&b, 3, 0);
	avp16(&b, 0, NF_VPN_L2TP_SCCRQ);
	avp32(&b, 61, 5);
	end(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK(!msg.digest);
	avp32(&b, 73, 0x12345678);
	end(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK(msg.digest);
}

/* A value under the H bit is never taken for the ID */
static void hidden(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	begin(&b, 2, 0);
	avp16(&b, 0, NF_VPN_L2TP_SCCRQ);
	avp(&b, 0xc000, 0, 9, 2);
	add16(&b, 0x1111);
	avp(&b, 0xc000, 0, 14, 8);
	add32(&b, 0x22222222);
	add32(&b, 0x22222222);
	avp(&b, 0x4000, 99, 1, 0);
	end(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK_EQ(msg.assigned.seen, NF_VPN_L2TP_HIDDEN);
	CHECK_EQ(msg.assigned.id, 0);
	CHECK_EQ(msg.local.seen, NF_VPN_L2TP_HIDDEN);
	CHECK_EQ(msg.hidden, 3);

	begin(&b, 3, 0);
	avp16(&b, 0, NF_VPN_L2TP_ICRQ);
	avp(&b, 0xc000, 0, 63, 4);
	add32(&b, 0x22222222);
	avp(&b, 0xc000, 0, 64, 4);
	add32(&b, 0x22222222);
	avp(&b, 0xc000, 0, 61, 4);
	add32(&b, 0x22222222);
	end(&b);
	CHECK_EQ(parse(&b, &msg), 0);
	CHECK_EQ(msg.assigned.seen, NF_VPN_L2TP_HIDDEN);
	CHECK_EQ(msg.local.seen, NF_VPN_L2TP_HIDDEN);
	CHECK_EQ(msg.remote.seen, NF_VPN_L2TP_HIDDEN);
}

/* Nobody's AVP: another vendor's; in version 2, also with bits of the future */
static void unknown(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;
	u16 bit;

	for (bit = 0x0400; bit <= 0x2000; bit <<= 1) {
		begin(&b, 2, 0);
		avp16(&b, 0, NF_VPN_L2TP_ICRQ);
		avp(&b, 0x8000 | bit, 0, 14, 2);
		add16(&b, 0x2222);
		avp(&b, 0x8000, 9, 14, 2);
		add16(&b, 0x3333);
		end(&b);
		CHECK_EQ(parse(&b, &msg), 0);
		CHECK_EQ(msg.local.seen, NF_VPN_L2TP_ABSENT);

		begin(&b, 3, 0);
		avp(&b, 0x8000 | bit, 0, 0, 2);
		add16(&b, NF_VPN_L2TP_ICRQ);
		avp(&b, 0x8000, 9, 63, 4);
		add32(&b, 0x33333333);
		avp(&b, 0x8000 | bit, 0, 63, 4);
		add32(&b, 0x22222222);
		end(&b);
		CHECK_EQ(parse(&b, &msg), 0);
		CHECK_EQ(msg.local.seen, NF_VPN_L2TP_CLEAR);
		CHECK_EQ(msg.local.id, 0x22222222);
	}
}

static enum nf_vpn_l2tp_err one_avp(u16 version, u16 type, unsigned int n,
				    unsigned int times, u32 value)
{
	struct nf_vpn_l2tp_msg msg;
	enum nf_vpn_l2tp_err err;
	struct buf b;

	begin(&b, version, 0);
	avp16(&b, 0, NF_VPN_L2TP_ICRQ);
	while (times--) {
		avp(&b, 0, 0, type, n);
		memset(b.p + b.n, 0, n);
		if (n >= 2)
			nf_vpn_put_be16(b.p + b.n + n - 2, (u16)value);
		b.n += n;
	}
	end(&b);
	err = parse(&b, &msg);
	if (!err && !value)
		CHECK(!msg.assigned.seen && !msg.local.seen);
	return err;
}

static void id_faults(void)
{
	unsigned int n;

	for (n = 0; n <= 8; n++) {
		CHECK_EQ(one_avp(2, 9, n, 1, 1), n == 2 ? 0 : NF_VPN_L2TP_BAD_ID);
		CHECK_EQ(one_avp(2, 14, n, 1, 1), n == 2 ? 0 : NF_VPN_L2TP_BAD_ID);
		CHECK_EQ(one_avp(3, 61, n, 1, 1), n == 4 ? 0 : NF_VPN_L2TP_BAD_ID);
		CHECK_EQ(one_avp(3, 63, n, 1, 1), n == 4 ? 0 : NF_VPN_L2TP_BAD_ID);
		CHECK_EQ(one_avp(3, 64, n, 1, 1), n == 4 ? 0 : NF_VPN_L2TP_BAD_ID);
	}
	CHECK_EQ(one_avp(2, 9, 2, 2, 1), NF_VPN_L2TP_BAD_ID);
	CHECK_EQ(one_avp(2, 14, 2, 2, 1), NF_VPN_L2TP_BAD_ID);
	CHECK_EQ(one_avp(3, 61, 4, 2, 1), NF_VPN_L2TP_BAD_ID);
	CHECK_EQ(one_avp(3, 63, 4, 2, 1), NF_VPN_L2TP_BAD_ID);
	/* 0 is what an end sends that has none to give */
	CHECK_EQ(one_avp(2, 9, 2, 1, 0), 0);
	CHECK_EQ(one_avp(3, 63, 4, 1, 0), 0);
	/* others may come as often as they like */
	CHECK_EQ(one_avp(2, 7, 2, 2, 1), 0);
	CHECK_EQ(one_avp(3, 59, 4, 2, 1), 0);
}

static void type_faults(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	begin(&b, 2, 0);
	avp16(&b, 9, 1);
	avp16(&b, 0, 1);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_TYPE);

	begin(&b, 2, 0);
	avp(&b, 0xc000, 0, 0, 2);
	add16(&b, 1);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_TYPE);

	begin(&b, 2, 0);
	avp(&b, 0x8400, 0, 0, 2);
	add16(&b, 1);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_TYPE);

	begin(&b, 2, 0);
	avp(&b, 0x8000, 1, 0, 2);
	add16(&b, 1);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_TYPE);

	begin(&b, 2, 0);
	avp32(&b, 0, 1);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_TYPE);

	begin(&b, 2, 0);
	avp16(&b, 0, 0);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_TYPE);
}

static void lengths(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;
	u16 len;

	all_of_version_2(&b);
	/* octets behind it: nothing of ours */
	CHECK_EQ(parse_n(b.p, b.n + 9, b.n + 9, &msg), 0);
	CHECK_EQ(msg.len, b.n);
	for (len = 0; len < 12; len++) {
		nf_vpn_put_be16(b.p + 2, len);
		CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_LENGTH);
	}
	nf_vpn_put_be16(b.p + 2, (u16)(b.n + 1));
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_LENGTH);
	/* every length but those where an AVP ends */
	for (len = 13; len < b.n; len++) {
		enum nf_vpn_l2tp_err err;

		nf_vpn_put_be16(b.p + 2, len);
		err = parse(&b, &msg);
		CHECK_EQ(err, len == 20 || len == 28 || len == 36 ||
			 len == 44 || len == 54 || len == 64 || len == 74 ?
			 0 : NF_VPN_L2TP_BAD_AVP);
	}
}

/* The packet ends before it should: never an octet beyond, never an OK */
static void truncated(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b[2];
	unsigned int i, n;

	all_of_version_2(&b[0]);
	all_of_version_3(&b[1]);
	for (i = 0; i < 2; i++) {
		for (n = 0; n < b[i].n; n++) {
			CHECK_EQ(parse_n(b[i].p, n, n, &msg), n < 12 ?
				 NF_VPN_L2TP_SHORT : NF_VPN_L2TP_BAD_LENGTH);
			/* octets that are there and cannot be read */
			CHECK(parse_n(b[i].p, n, b[i].n, &msg) ||
			      n >= b[i].n - 5);
		}
	}
}

static void avp_faults(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;
	u16 n;

	for (n = 0; n < 1024; n++) {
		begin(&b, 2, 0);
		avp16(&b, 0, 1);
		add16(&b, n);
		add32(&b, 200);
		memset(b.p + b.n, 0, 100);
		b.n += 100;
		end(&b);
		if (n >= 6 && n <= 106)
			continue;
		CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_AVP);
	}
}

/* Of 5 octets, so that behind them stands an AVP without fault */
static void avp_of_no_length(void)
{
	static const u8 octets[11] = { 0, 5, 0, 0, 0, 0, 6, 0, 0, 0, 7 };
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	begin(&b, 2, 0);
	avp16(&b, 0, 1);
	memcpy(b.p + b.n, octets, sizeof(octets));
	b.n += sizeof(octets);
	end(&b);
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_AVP);
}

static void too_many(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;
	unsigned int n, i;

	for (n = 127; n <= 129; n++) {
		begin(&b, 2, 0);
		avp16(&b, 0, 1);
		for (i = 1; i < n; i++)
			avp(&b, 0, 0, 7, 0);
		end(&b);
		CHECK_EQ(parse(&b, &msg), n > 128 ? NF_VPN_L2TP_BAD_AVP : 0);
	}
}

static void not_control(void)
{
	struct nf_vpn_l2tp_msg msg;
	struct buf b;

	all_of_version_2(&b);
	b.p[0] &= 0x7f;
	CHECK_EQ(parse(&b, &msg), NF_VPN_L2TP_BAD_FLAGS);
}

/* Whatever comes: no read out of bounds, and what is said is in the message */
static void fuzz(void)
{
	struct nf_vpn_l2tp_msg msg;
	u64 seed = 20260101, ok = 0;
	struct buf b;
	unsigned int i, j;

	for (i = 0; i < FUZZ_ROUNDS; i++) {
		u32 n;

		if (i % 2)
			all_of_version_2(&b);
		else
			all_of_version_3(&b);
		for (j = ktap_below(&seed, 4); j; j--)
			b.p[ktap_below(&seed, b.n)] = (u8)ktap_rand(&seed);
		n = ktap_below(&seed, 8) ? b.n : ktap_below(&seed, b.n + 1);
		if (parse_n(b.p, n, n, &msg))
			continue;
		ok++;
		CHECK(msg.len <= n);
		CHECK(msg.assigned.seen != NF_VPN_L2TP_CLEAR ||
		      msg.assigned.off + 2U <= msg.len);
		CHECK(msg.local.seen != NF_VPN_L2TP_CLEAR ||
		      msg.local.off + 2U <= msg.len);
		CHECK(msg.version == 2 || msg.version == 3);
	}
	CHECK(ok > FUZZ_ROUNDS / 10);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(data_headers),
	KTAP_CASE(control_headers),
	KTAP_CASE(header_faults),
	KTAP_CASE(header_bounds),
	KTAP_CASE(zlb),
	KTAP_CASE(version_2),
	KTAP_CASE(version_3),
	KTAP_CASE(types),
	KTAP_CASE(nonce),
	KTAP_CASE(hidden),
	KTAP_CASE(unknown),
	KTAP_CASE(id_faults),
	KTAP_CASE(type_faults),
	KTAP_CASE(lengths),
	KTAP_CASE(truncated),
	KTAP_CASE(avp_faults),
	KTAP_CASE(avp_of_no_length),
	KTAP_CASE(too_many),
	KTAP_CASE(not_control),
	KTAP_CASE(fuzz),
};

KTAP_MAIN(cases)
