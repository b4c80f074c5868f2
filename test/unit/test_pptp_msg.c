// SPDX-License-Identifier: GPL-2.0-only
/* pptp_msg: table against RFC 2637, every bound, a mutation fuzz. */

#include "ktap.h"
#include "pptp_build.h"

#define FUZZ_ROUNDS	(2000000 / KTAP_FEWER)

static void table_is_rfc_2637(void)
{
	unsigned int t;

	for (t = 1; t <= 15; t++) {
		const struct nf_vpn_pptp_desc *d = nf_vpn_pptp_desc(t);
		u8 result = rfc_result[t];

		CHECK_EQ(d->len, rfc_len[t]);
		CHECK_EQ(d->own_off, rfc_own[t]);
		CHECK_EQ(d->peer_off, rfc_peer[t]);
		CHECK_EQ(d->res_off, result);
		CHECK_EQ(d->head, result ? result + 1 : t >= 7 ? 14 : 12);
		CHECK(d->head <= NF_VPN_PPTP_HEAD_MAX);
		CHECK(d->name && d->name[0]);
	}
}

static void table_ends(void)
{
	CHECK(!nf_vpn_pptp_desc(0));
	CHECK(!nf_vpn_pptp_desc(16));
	CHECK(!nf_vpn_pptp_desc(65535));
	CHECK(!nf_vpn_pptp_desc(0xffffffffU));
}

static void every_type_is_read(void)
{
	struct nf_vpn_pptp_msg msg;
	u8 buf[220];
	u16 t;

	for (t = 1; t <= 15; t++) {
		memset(buf, 0xee, sizeof(buf));
		build(buf, t, 0x8001, 0x7f02, 1);
		memset(&msg, 0x55, sizeof(msg));
		CHECK_EQ(nf_vpn_pptp_parse(buf, rfc_len[t], &msg), 0);
		CHECK(msg.desc == nf_vpn_pptp_desc(t));
		CHECK_EQ(msg.type, t);
		CHECK_EQ(msg.len, rfc_len[t]);
		CHECK_EQ(msg.own_id, rfc_own[t] ? 0x8001 : 0);
		CHECK_EQ(msg.peer_id, rfc_peer[t] ? 0x7f02 : 0);
		CHECK_EQ(msg.result, rfc_result[t] ? 1 : 0);
		CHECK(msg.exact);
		CHECK(!msg.lost);
	}
}

/* Under ASan: the parser reads not one octet more than it was given */
static void too_few_octets(void)
{
	struct nf_vpn_pptp_msg msg;
	unsigned int have;
	u8 buf[220] = { 0 };
	u16 t;

	for (t = 1; t <= 15; t++) {
		unsigned int head = nf_vpn_pptp_desc(t)->head;

		build(buf, t, 1, 2, 1);
		for (have = 0; have <= head; have++) {
			u8 *p = ktap_dup(buf, have);

			CHECK_EQ(nf_vpn_pptp_parse(p, have, &msg),
				 have < head ? NF_VPN_PPTP_NEED_MORE :
				 NF_VPN_PPTP_OK);
			free(p);
		}
	}
}

static enum nf_vpn_pptp_err with16(unsigned int off, u16 v, unsigned int have)
{
	struct nf_vpn_pptp_msg msg;
	u8 buf[220] = { 0 };

	build(buf, 7, 1, 0, 0);
	nf_vpn_put_be16(buf + off, v);
	return nf_vpn_pptp_parse(buf, have, &msg);
}

static void faults_are_named(void)
{
	CHECK_EQ(with16(2, 2, 168), NF_VPN_PPTP_BAD_KIND);
	CHECK_EQ(with16(2, 0, 168), NF_VPN_PPTP_BAD_KIND);
	CHECK_EQ(with16(2, 0x101, 168), NF_VPN_PPTP_BAD_KIND);
	CHECK_EQ(with16(4, 0x1a2c, 168), NF_VPN_PPTP_BAD_MAGIC);
	CHECK_EQ(with16(6, 0x3c4c, 168), NF_VPN_PPTP_BAD_MAGIC);
	CHECK_EQ(with16(8, 0, 168), NF_VPN_PPTP_BAD_TYPE);
	CHECK_EQ(with16(8, 16, 168), NF_VPN_PPTP_BAD_TYPE);
	CHECK_EQ(with16(8, 0x107, 168), NF_VPN_PPTP_BAD_TYPE);
	/* Reserved0 "MUST be 0" when sent, a receiver has no say in it */
	CHECK_EQ(with16(10, 7, 168), NF_VPN_PPTP_OK);
}

/* A fault that can be seen must not be reported as "wait for more" */
static void faults_are_seen_early(void)
{
	CHECK_EQ(with16(2, 2, 3), NF_VPN_PPTP_NEED_MORE);
	CHECK_EQ(with16(2, 2, 4), NF_VPN_PPTP_BAD_KIND);
	CHECK_EQ(with16(6, 0, 7), NF_VPN_PPTP_NEED_MORE);
	CHECK_EQ(with16(6, 0, 8), NF_VPN_PPTP_BAD_MAGIC);
	CHECK_EQ(with16(8, 16, 9), NF_VPN_PPTP_NEED_MORE);
	CHECK_EQ(with16(8, 16, 10), NF_VPN_PPTP_BAD_TYPE);
	CHECK_EQ(with16(0, 13, 9), NF_VPN_PPTP_NEED_MORE);
	CHECK_EQ(with16(0, 13, 10), NF_VPN_PPTP_BAD_LENGTH);
}

static void lengths(void)
{
	struct nf_vpn_pptp_msg msg;
	u8 buf[220] = { 0 };
	unsigned int l;
	u16 t;

	for (t = 1; t <= 15; t++) {
		const struct nf_vpn_pptp_desc *d = nf_vpn_pptp_desc(t);

		build(buf, t, 1, 2, 1);
		for (l = 0; l <= 0xffff; l++) {
			bool ok = l >= d->head && l <= 4095;

			nf_vpn_put_be16(buf, (u16)l);
			CHECK_EQ(nf_vpn_pptp_parse(buf, 17, &msg),
				 ok ? NF_VPN_PPTP_OK : NF_VPN_PPTP_BAD_LENGTH);
			CHECK(!ok || msg.exact == (l == rfc_len[t]));
			CHECK(!ok || msg.len == l);
		}
	}
}

static void failure_leaves_msg_alone(void)
{
	struct nf_vpn_pptp_msg msg, was;
	u8 buf[220] = { 0 };

	memset(&msg, 0x5a, sizeof(msg));
	was = msg;
	build(buf, 8, 1, 2, 1);
	nf_vpn_pptp_parse(buf, 16, &msg);
	buf[4] = 0;
	nf_vpn_pptp_parse(buf, 32, &msg);
	CHECK(!memcmp(&msg, &was, sizeof(msg)));
}

/* What must hold of any input: an independent reading of the same octets */
static enum nf_vpn_pptp_err reference(const u8 *p, unsigned int have)
{
	static const u8 head[16] = {
		0, 12, 12, 12, 13, 12, 12, 14, 17, 14, 17, 14, 14, 14, 14, 14
	};
	static const u8 magic[4] = { 0x1a, 0x2b, 0x3c, 0x4d };
	unsigned int len;

	if (have >= 8 && memcmp(p + 4, magic, 4))
		return NF_VPN_PPTP_BAD_MAGIC;
	if (have >= 4 && (p[2] != 0 || p[3] != 1))
		return NF_VPN_PPTP_BAD_KIND;
	if (have < 10)
		return NF_VPN_PPTP_NEED_MORE;
	if (p[8] || !p[9] || p[9] > 15)
		return NF_VPN_PPTP_BAD_TYPE;
	len = p[0] * 256u + p[1];
	if (len < head[p[9]] || len > 4095)
		return NF_VPN_PPTP_BAD_LENGTH;
	return have < head[p[9]] ? NF_VPN_PPTP_NEED_MORE : NF_VPN_PPTP_OK;
}

static void fuzz(void)
{
	unsigned int seen[NF_VPN_PPTP_ERR_COUNT] = { 0 };
	u64 rng = 2637;
	long i;
	int e;

	for (i = 0; i < FUZZ_ROUNDS; i++) {
		unsigned int flips = ktap_below(&rng, 3);
		unsigned int have = ktap_below(&rng, 24);
		struct nf_vpn_pptp_msg msg;
		u8 buf[220] = { 0 }, *p;

		build(buf, 1 + ktap_below(&rng, 15), 5, 6, 1);
		while (flips--)
			buf[ktap_below(&rng, 17)] ^= 1 << ktap_below(&rng, 8);
		p = ktap_dup(buf, have);
		e = nf_vpn_pptp_parse(p, have, &msg);
		CHECK_EQ(e, reference(p, have));
		seen[e]++;
		free(p);
	}
	for (e = 0; e < NF_VPN_PPTP_ERR_COUNT; e++)
		CHECK_MSG(seen[e] > 1000, "outcome %d never came up", e);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(table_is_rfc_2637),
	KTAP_CASE(table_ends),
	KTAP_CASE(every_type_is_read),
	KTAP_CASE(too_few_octets),
	KTAP_CASE(faults_are_named),
	KTAP_CASE(faults_are_seen_early),
	KTAP_CASE(lengths),
	KTAP_CASE(failure_leaves_msg_alone),
	KTAP_CASE(fuzz),
};

KTAP_MAIN(cases)
