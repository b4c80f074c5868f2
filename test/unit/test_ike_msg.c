// SPDX-License-Identifier: GPL-2.0-only
/* ike_msg: header bounds, UDP 4500, evidence by story, two fuzzers. */

#include "ktap.h"
#include "../../nf_vpn_passthrough/ipsec/ike_msg.h"

#define FUZZ_ROUNDS	(1500000 / KTAP_FEWER)

/* An IKEv2 header as RFC 7296 3.1 draws it */
static void build(u8 *p, u8 version, u8 exchange, u8 flags, u32 msgid, u32 len)
{
	static const u8 spis[16] = {
		0x80, 1, 2, 3, 4, 5, 6, 7, 0x90, 9, 10, 11, 12, 13, 14, 15
	};

	memcpy(p, spis, 16);
	p[16] = 46;
	p[17] = version;
	p[18] = exchange;
	p[19] = flags;
	nf_vpn_put_be32(p + 20, msgid);
	nf_vpn_put_be32(p + 24, len);
}

static void header_is_read(void)
{
	struct nf_vpn_ike_msg m;
	u8 p[28];

	memset(&m, 0xff, sizeof(m));
	build(p, 0x21, 36, 0x28, 0x80000001, 100);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 100, &m), NF_VPN_IKE_OK);
	CHECK(m.ispi == 0x8001020304050607ULL);
	CHECK(m.rspi == 0x90090a0b0c0d0e0fULL);
	CHECK_EQ(m.next_payload, 46);
	CHECK_EQ(m.major, 2);
	CHECK_EQ(m.minor, 1);
	CHECK_EQ(m.exchange, NF_VPN_IKE2_CREATE_CHILD);
	CHECK_EQ(m.flags, 0x28);
	CHECK_EQ(m.msgid, 0x80000001);
	CHECK_EQ(m.len, 100);
	CHECK(m.v2 && m.response && m.initiator && !m.fragment);
}

static void flags_mean_what_the_version_says(void)
{
	struct nf_vpn_ike_msg m;
	u8 p[28];

	build(p, 0x20, 35, 0x08, 1, 28);
	nf_vpn_ike_parse(p, 28, 28, &m);
	CHECK(m.initiator && !m.response);
	p[19] = 0x20;
	nf_vpn_ike_parse(p, 28, 28, &m);
	CHECK(!m.initiator && m.response);
	build(p, 0x10, 32, 0x28, 1, 28);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m), NF_VPN_IKE_OK);
	CHECK(!m.v2 && !m.initiator && !m.response);
}

static void fragments(void)
{
	struct nf_vpn_ike_msg m;
	u8 p[28];

	build(p, 0x20, 35, 0x08, 1, 28);
	p[16] = 53;
	nf_vpn_ike_parse(p, 28, 28, &m);
	CHECK(m.fragment);
	p[16] = 132;
	nf_vpn_ike_parse(p, 28, 28, &m);
	CHECK(!m.fragment);
	p[17] = 0x10;
	nf_vpn_ike_parse(p, 28, 28, &m);
	CHECK(m.fragment);
	p[16] = 53;
	nf_vpn_ike_parse(p, 28, 28, &m);
	CHECK(!m.fragment);
}

static void header_faults(void)
{
	struct nf_vpn_ike_msg m, was;
	unsigned int n;
	u8 p[28], *q;

	memset(&m, 0x5a, sizeof(m));
	was = m;
	build(p, 0x20, 34, 8, 0, 28);
	for (n = 0; n < 28; n++) {
		q = ktap_dup(p, n);
		CHECK_EQ(nf_vpn_ike_parse(q, n, n, &m), NF_VPN_IKE_SHORT);
		CHECK_EQ(nf_vpn_ike_parse(q, n, 900, &m), NF_VPN_IKE_SHORT);
		free(q);
	}
	for (n = 0; n < 16; n++) {
		bool ok = n == 1 || n == 2;

		p[17] = (u8)(n << 4);
		if (!ok)
			CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m),
				 NF_VPN_IKE_BAD_VERSION);
	}
	build(p, 0x20, 34, 8, 0, 27);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m), NF_VPN_IKE_BAD_LENGTH);
	build(p, 0x20, 34, 8, 0, 29);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m), NF_VPN_IKE_BAD_LENGTH);
	build(p, 0x20, 34, 8, 0, 0xffffffff);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m), NF_VPN_IKE_BAD_LENGTH);
	build(p, 0x20, 34, 8, 0, 28);
	memset(p, 0, 8);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m), NF_VPN_IKE_BAD_SPI);
	CHECK(!memcmp(&m, &was, sizeof(m)));
	p[7] = 1;
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 28, &m), NF_VPN_IKE_OK);
	CHECK_EQ(nf_vpn_ike_parse(p, 28, 40, &m), NF_VPN_IKE_OK);
	CHECK_EQ(m.len, 28);
}

static enum nf_vpn_natt_kind kind(u32 first, unsigned int len)
{
	enum nf_vpn_natt_kind k;
	u8 *p = calloc(1, len ? len : 1);
	unsigned int i;

	for (i = 0; i < 4 && i < len; i++)
		p[i] = (u8)(first >> (24 - 8 * i));
	k = nf_vpn_natt_classify(p, len, len);
	/* enough to tell, whatever the length */
	CHECK_EQ(nf_vpn_natt_classify(p, len < 4 ? len : 4, len), k);
	free(p);
	return k;
}

static void natt_kinds(void)
{
	CHECK_EQ(kind(0, 0), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0xff000000, 1), NF_VPN_NATT_KEEPALIVE);
	CHECK_EQ(kind(0xfe000000, 1), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0, 1), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0xffff0000, 2), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0xffffff00, 3), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0, 4), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0, 31), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(0, 32), NF_VPN_NATT_IKE);
	CHECK_EQ(kind(0, 1400), NF_VPN_NATT_IKE);
	CHECK_EQ(kind(1, 7), NF_VPN_NATT_JUNK);
	CHECK_EQ(kind(1, 8), NF_VPN_NATT_ESP);
	CHECK_EQ(kind(0x01000000, 8), NF_VPN_NATT_ESP);
	CHECK_EQ(kind(0xffffffff, 1400), NF_VPN_NATT_ESP);
}

static void natt_too_little_to_see(void)
{
	const u8 p[4] = { 0xff, 1, 2, 3 };
	u8 *q = ktap_dup(p, 3);

	CHECK_EQ(nf_vpn_natt_classify(q, 0, 1), NF_VPN_NATT_JUNK);
	CHECK_EQ(nf_vpn_natt_classify(q, 3, 100), NF_VPN_NATT_JUNK);
	free(q);
}

/* ---- evidence: each story is told message by message ---- */

#define NONE	NF_VPN_IKE_EV_NONE
#define SETUP	NF_VPN_IKE_EV_SETUP
#define WANTED	NF_VPN_IKE_EV_GATE_WANTED
#define OPEN	NF_VPN_IKE_EV_GATE_OPEN
#define RENEWED	NF_VPN_IKE_EV_GATE_RENEWED
#define HINT	NF_VPN_IKE_EV_CLOSE_HINT
#define REFUSED	NF_VPN_IKE_EV_GATE_REFUSED

/* A line of a story leaves out what is 0 */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct line {
	unsigned int dir;
	u8 exchange;
	bool response;		/* IKEv2 */
	u32 msgid;
	u32 len;
	enum nf_vpn_ike_evidence want;
	u64 ispi;		/* 0: 1 */
	bool fragment;
	bool first;		/* no responder SPI yet */
};

static void tell(struct nf_vpn_ike_gate_state *st, const struct line *l,
		 unsigned int n, bool swap)
{
	unsigned int i;

	for (i = 0; i < n; i++, l++) {
		struct nf_vpn_ike_msg m = {
			.ispi = l->ispi ? l->ispi : 1,
			.rspi = l->first ? 0 : 2,
			.msgid = l->msgid,
			.len = l->len ? l->len : 100,
			.exchange = l->exchange,
			.v2 = l->exchange >= 34,
			.response = l->response,
			.fragment = l->fragment,
		};

		CHECK_MSG(nf_vpn_ike_observe(st, &m, l->dir ^ swap) == l->want,
			  "line %u, swapped %d", i, swap);
	}
}

/* Every story holds with the two sides changed over */
#define STORY(...)							\
	do {								\
		static const struct line story[] = { __VA_ARGS__ };	\
		struct nf_vpn_ike_gate_state st;			\
									\
		memset(&st, 0, sizeof(st));				\
		tell(&st, story, ARRAY_SIZE(story), false);		\
		memset(&st, 0, sizeof(st));				\
		tell(&st, story, ARRAY_SIZE(story), true);		\
	} while (0)

static void v2_new_sa(void)
{
	STORY({ 0, 34, 0, 0, 500, SETUP, .first = 1 },
	      { 0, 34, 0, 0, 500, NONE, .first = 1 },	/* again */
	      { 1, 34, 1, 0, 400, NONE },
	      { 0, 43, 0, 1, 900, NONE },
	      { 1, 43, 1, 1, 900, NONE },
	      { 0, 35, 0, 2, 300, WANTED },
	      { 0, 35, 0, 2, 300, NONE },		/* again */
	      { 1, 35, 1, 2, 200, OPEN },
	      { 1, 35, 1, 2, 200, NONE },		/* again */
	      { 0, 35, 0, 2, 300, NONE });
}

static void v2_cookie_makes_no_second_setup(void)
{
	STORY({ 0, 34, 0, 0, 500, SETUP, .first = 1 },
	      { 1, 34, 1, 0, 40, NONE, .first = 1 },
	      { 0, 34, 0, 0, 520, NONE, .first = 1 });
}

/* The first answer carries a certificate, the last one the SA */
static void v2_eap_is_one_gate(void)
{
	STORY({ 0, 35, 0, 1, 300, WANTED },
	      { 1, 35, 1, 1, 1200, OPEN },
	      { 0, 35, 0, 2, 100, NONE },
	      { 1, 35, 1, 2, 90, NONE },
	      { 0, 35, 0, 3, 100, NONE },
	      { 1, 35, 1, 3, 190, RENEWED },
	      { 1, 35, 1, 3, 190, NONE },
	      { 1, 35, 1, 1, 1200, NONE });		/* late repeat */
}

static void v2_eap_with_short_rounds(void)
{
	STORY({ 0, 35, 0, 1, 300, WANTED },
	      { 1, 35, 1, 1, 90, NONE },
	      { 0, 35, 0, 2, 100, NONE },
	      { 1, 35, 1, 2, 124, OPEN });
}

static void v2_too_short_for_an_sa(void)
{
	STORY({ 0, 36, 0, 2, 300, WANTED },
	      { 1, 36, 1, 2, 123, REFUSED },
	      { 1, 36, 1, 2, 123, NONE },		/* again */
	      { 0, 36, 0, 3, 300, WANTED },
	      { 1, 36, 1, 3, 124, OPEN },
	      { 1, 36, 1, 3, 123, NONE },
	      { 1, 36, 1, 7, 76, NONE },		/* nothing asked */
	      { 0, 35, 0, 1, 300, WANTED },
	      { 1, 35, 1, 1, 76, NONE });		/* failed, or EAP */
}

static void v2_fragments_count_once(void)
{
	STORY({ 0, 35, 0, 1, 576, WANTED, .fragment = 1 },
	      { 0, 35, 0, 1, 576, NONE, .fragment = 1 },
	      { 0, 35, 0, 1, 210, NONE, .fragment = 1 },
	      { 1, 35, 1, 1, 100, OPEN, .fragment = 1 },
	      { 1, 35, 1, 1, 133, NONE, .fragment = 1 });
}

/* Either side rekeys, with the same message ID: two exchanges, two gates */
static void v2_rekey_by_both(void)
{
	STORY({ 0, 36, 0, 2, 300, WANTED },
	      { 1, 36, 0, 2, 300, WANTED },
	      { 1, 36, 1, 2, 200, OPEN },
	      { 0, 36, 1, 2, 200, OPEN },
	      { 0, 36, 1, 2, 200, NONE },
	      { 1, 36, 1, 2, 200, NONE },
	      { 0, 36, 0, 3, 300, WANTED },
	      { 1, 36, 1, 3, 200, OPEN });
}

static void v2_other_ike_sa_is_another_gate(void)
{
	STORY({ 0, 35, 0, 1, 300, WANTED },
	      { 0, 35, 0, 1, 300, WANTED, .ispi = 7 },
	      { 1, 35, 1, 1, 200, OPEN, .ispi = 7 },
	      { 1, 35, 1, 1, 200, OPEN },
	      { 0, 36, 0, 1, 200, WANTED });
}

static void v2_answer_to_nothing_seen(void)
{
	STORY({ 1, 36, 1, 9, 200, OPEN },
	      { 1, 36, 1, 9, 200, NONE },
	      { 0, 36, 0, 9, 200, NONE });
}

static void v2_session_resume(void)
{
	STORY({ 0, 38, 0, 0, 200, SETUP, .first = 1 },
	      { 1, 38, 1, 0, 200, NONE },
	      { 0, 35, 0, 1, 200, WANTED },
	      { 1, 35, 1, 1, 200, OPEN });
}

static void informational_is_a_hint_once(void)
{
	STORY({ 0, 37, 0, 3, 80, HINT },
	      { 0, 37, 0, 3, 80, NONE },
	      { 1, 37, 1, 3, 80, NONE },
	      { 1, 37, 0, 3, 80, HINT },
	      { 0, 37, 0, 4, 80, HINT },
	      { 0, 5, 0, 77, 80, HINT },
	      { 0, 5, 0, 77, 80, NONE },
	      { 0, 5, 0, 77, 80, HINT, .ispi = 3 });
}

static void informational_does_not_flush_exchanges(void)
{
	STORY({ 0, 36, 0, 2, 300, WANTED },
	      { 1, 36, 1, 2, 300, OPEN },
	      { 0, 37, 0, 3, 80, HINT },
	      { 0, 37, 0, 4, 80, HINT },
	      { 0, 37, 0, 5, 80, HINT },
	      { 0, 37, 0, 6, 80, HINT },
	      { 1, 36, 1, 2, 300, NONE });
}

static void v1_main_and_quick(void)
{
	STORY({ 0, 2, 0, 0, 200, SETUP, .first = 1 },
	      { 0, 2, 0, 0, 200, NONE, .first = 1 },	/* again */
	      { 1, 2, 0, 0, 120, NONE },
	      { 0, 2, 0, 0, 300, NONE },
	      { 1, 2, 0, 0, 300, NONE },
	      { 0, 32, 0, 0x9999, 300, WANTED },
	      { 0, 32, 0, 0x9999, 300, NONE },		/* again */
	      { 1, 32, 0, 0x9999, 290, NONE },
	      { 0, 32, 0, 0x9999, 300, NONE },		/* again, late */
	      { 1, 32, 0, 0x9999, 290, NONE },
	      { 0, 32, 0, 0x9999, 60, OPEN },
	      { 0, 32, 0, 0x9999, 60, NONE },		/* again */
	      { 0, 32, 0, 0x9999, 300, NONE },
	      { 1, 32, 0, 0x9999, 76, NONE });		/* commit bit */
}

static void v1_aggressive(void)
{
	STORY({ 0, 4, 0, 0, 300, SETUP, .first = 1 },
	      { 1, 4, 0, 0, 300, NONE },
	      { 0, 4, 0, 0, 100, NONE },
	      { 0, 6, 0, 5, 100, NONE },
	      { 0, 33, 0, 6, 100, NONE });
}

static void v1_third_needs_an_answer(void)
{
	STORY({ 0, 32, 0, 5, 300, WANTED },
	      { 0, 32, 0, 5, 60, NONE });
}

static void v1_two_quick_modes(void)
{
	STORY({ 0, 32, 0, 5, 300, WANTED },
	      { 1, 32, 0, 6, 300, WANTED },
	      { 1, 32, 0, 5, 300, NONE },
	      { 0, 32, 0, 6, 300, NONE },
	      { 1, 32, 0, 6, 60, OPEN },
	      { 0, 32, 0, 5, 60, OPEN });
}

static void v1_fragment_is_no_third(void)
{
	STORY({ 0, 32, 0, 5, 576, WANTED, .fragment = 1 },
	      { 0, 32, 0, 5, 130, NONE, .fragment = 1 },
	      { 1, 32, 0, 5, 300, NONE },
	      { 0, 32, 0, 5, 130, NONE, .fragment = 1 },
	      { 0, 32, 0, 5, 60, OPEN });
}

static void ring_forgets_the_oldest(void)
{
	STORY({ 0, 36, 0, 1, 300, WANTED },
	      { 0, 36, 0, 2, 300, WANTED },
	      { 0, 36, 0, 3, 300, WANTED },
	      { 0, 36, 0, 4, 300, WANTED },
	      { 0, 36, 0, 1, 300, NONE },
	      { 0, 36, 0, 5, 300, WANTED },
	      { 0, 36, 0, 2, 300, NONE },
	      { 0, 36, 0, 1, 300, WANTED });
}

static void unknown_exchanges(void)
{
	struct nf_vpn_ike_gate_state st, was;
	unsigned int x;

	memset(&st, 0, sizeof(st));
	was = st;
	for (x = 0; x < 256; x++) {
		struct nf_vpn_ike_msg m = { .ispi = 1, .exchange = (u8)x };

		m.v2 = x < 34;	/* the other version's numbers as well */
		CHECK_EQ(nf_vpn_ike_observe(&st, &m, x & 1), 0);
	}
	CHECK(!memcmp(&st, &was, sizeof(st)));
}

static void parse_fuzz(void)
{
	unsigned int ok = 0, seen[4] = { 0 };
	u64 rng = 7296;
	long i;

	for (i = 0; i < FUZZ_ROUNDS; i++) {
		unsigned int have = ktap_below(&rng, 40), len;
		unsigned int flips = ktap_below(&rng, 3);
		u8 buf[40] = { 0 }, *p;
		struct nf_vpn_ike_msg m;

		build(buf + 4 * (i & 1), 0x20, 35, 8, 1,
		      ktap_below(&rng, 2) ? have : ktap_below(&rng, 64));
		while (flips--)
			buf[ktap_below(&rng, 36)] ^= 1 << ktap_below(&rng, 8);
		len = have + ktap_below(&rng, 4) * 20;
		p = ktap_dup(buf, have);
		if (!nf_vpn_ike_parse(p, have, len, &m)) {
			ok++;
			CHECK(have >= 28 && m.len >= 28 && m.len <= len);
			CHECK(m.ispi && (m.major == 1 || m.major == 2));
			CHECK_EQ(m.v2, m.major == 2);
		}
		seen[nf_vpn_natt_classify(p, have, len)]++;
		free(p);
	}
	CHECK(ok > FUZZ_ROUNDS / 150);
	CHECK(seen[0] && seen[2] && seen[3]);
}

/* Any sequence: bounded state, no gate without its exchange type */
static void observe_fuzz(void)
{
	static const u8 types[] = { 2, 4, 5, 32, 34, 35, 36, 37, 38, 43, 99 };
	struct nf_vpn_ike_gate_state st;
	unsigned int seen[7] = { 0 };
	u64 rng = 2409;
	long i;

	memset(&st, 0, sizeof(st));
	for (i = 0; i < FUZZ_ROUNDS; i++) {
		unsigned int dir = ktap_below(&rng, 2);
		enum nf_vpn_ike_evidence e;
		struct nf_vpn_ike_msg m = {
			.ispi = 1 + ktap_below(&rng, 2),
			.rspi = ktap_below(&rng, 2),
			.msgid = ktap_below(&rng, 3),
			.len = 122 + ktap_below(&rng, 4),
			.exchange = types[ktap_below(&rng, sizeof(types))],
			.response = ktap_below(&rng, 2),
			.fragment = !ktap_below(&rng, 4),
		};

		m.v2 = m.exchange >= 34;
		e = nf_vpn_ike_observe(&st, &m, dir);
		CHECK(e < 7 && st.turn < NF_VPN_IKE_SLOTS);
		seen[e]++;
		if (e == OPEN || e == WANTED)
			CHECK(m.exchange == 32 || m.exchange == 35 ||
			      m.exchange == 36);
		if (e == RENEWED)
			CHECK_EQ(m.exchange, 35);
		/* the very same message once more never counts */
		CHECK_EQ(nf_vpn_ike_observe(&st, &m, dir), NONE);
	}
	for (i = 0; i < 7; i++)
		CHECK_MSG(seen[i] > FUZZ_ROUNDS / 15000, "evidence %ld never came up", i);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(header_is_read),
	KTAP_CASE(flags_mean_what_the_version_says),
	KTAP_CASE(fragments),
	KTAP_CASE(header_faults),
	KTAP_CASE(natt_kinds),
	KTAP_CASE(natt_too_little_to_see),
	KTAP_CASE(v2_new_sa),
	KTAP_CASE(v2_cookie_makes_no_second_setup),
	KTAP_CASE(v2_eap_is_one_gate),
	KTAP_CASE(v2_eap_with_short_rounds),
	KTAP_CASE(v2_too_short_for_an_sa),
	KTAP_CASE(v2_fragments_count_once),
	KTAP_CASE(v2_rekey_by_both),
	KTAP_CASE(v2_other_ike_sa_is_another_gate),
	KTAP_CASE(v2_answer_to_nothing_seen),
	KTAP_CASE(v2_session_resume),
	KTAP_CASE(informational_is_a_hint_once),
	KTAP_CASE(informational_does_not_flush_exchanges),
	KTAP_CASE(v1_main_and_quick),
	KTAP_CASE(v1_aggressive),
	KTAP_CASE(v1_third_needs_an_answer),
	KTAP_CASE(v1_two_quick_modes),
	KTAP_CASE(v1_fragment_is_no_third),
	KTAP_CASE(ring_forgets_the_oldest),
	KTAP_CASE(unknown_exchanges),
	KTAP_CASE(parse_fuzz),
	KTAP_CASE(observe_fuzz),
};

KTAP_MAIN(cases)
