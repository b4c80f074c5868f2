// SPDX-License-Identifier: GPL-2.0-only
/*
 * The association engine: clients of one server exchange keys, send, are sent
 * unknown SPIs, come and go, and time passes, all as the input says. Plans name
 * clients there are, each once, never more than may be copied; a settled SPI is
 * somebody's; counts stay within their bounds.
 */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/ipsec/esp_plan.h"
#include "../../nf_vpn_passthrough/ipsec/esp_seen.h"

#define PAIRS	6
#define SPIS	8

static struct nf_vpn_esp_evidence pair[PAIRS];
static struct nf_vpn_esp_evidence *member[PAIRS];
static struct nf_vpn_esp_in in[SPIS];
static u8 owner[SPIS];		/* of a settled one */
static struct nf_vpn_esp_bucket bucket;
static struct nf_vpn_esp_seen seen;
static struct nf_vpn_esp_plan plan;
static struct nf_vpn_esp_rules rules;
static u32 now;

static void claim_pairs(void)
{
	unsigned int i;

	for (i = 0; i < PAIRS; i++) {
		CLAIM(pair[i].gates <= NF_VPN_ESP_GATES);
		CLAIM(pair[i].tentative <= pair[i].gates);
		CLAIM(nf_vpn_esp_open_gates(&pair[i]) <= pair[i].gates);
	}
}

static void claim_plan(unsigned int n)
{
	unsigned int i, got = 0;

	CLAIM(plan.n <= n && plan.n <= plan.eligible && plan.eligible <= n);
	CLAIM(plan.n <= (rules.copies ? rules.copies : 1));
	CLAIM(!plan.settled || plan.n == 1);
	for (i = 0; i < plan.n; i++) {
		CLAIM(plan.target[i] < n && !(got & 1U << plan.target[i]));
		got |= 1U << plan.target[i];
	}
}

static void ike(struct fuzz *f)
{
	static const u8 types[] = { 2, 4, 5, 6, 32, 33, 34, 35, 36, 37, 38, 43, 99 };
	unsigned int i = fuzz_u8(f) % PAIRS;
	u8 bits = fuzz_u8(f);
	struct nf_vpn_ike_msg m = {
		.ispi = 1 + (bits & 3), .rspi = bits >> 2 & 1,
		.msgid = bits >> 3 & 3, .fragment = bits >> 5 & 1,
		.response = bits >> 6 & 1, .len = bits >> 7 ? 300 : 60,
		.exchange = types[fuzz_u8(f) % ARRAY_SIZE(types)],
	};
	u8 more = fuzz_u8(f);
	u32 wait;

	m.v2 = m.exchange >= 34;
	m.response &= m.v2;
	wait = nf_vpn_esp_hold(member, PAIRS, i, &m, more & 1, 1 + (more >> 1 & 7),
			       more, rules.hold_ms, now);
	CLAIM(!wait || (rules.hold_ms && more < rules.hold_ms));
	if (!wait)
		(void)nf_vpn_esp_ike(&pair[i], &m, more & 1, now);
}

/* A request and its answer, which may be too short to grant anything */
static void exchange(struct fuzz *f)
{
	unsigned int i = fuzz_u8(f) % PAIRS;
	u8 bits = fuzz_u8(f);
	struct nf_vpn_ike_msg m = {
		.ispi = 1 + (bits & 3), .rspi = 1, .v2 = true, .len = 300,
		.msgid = bits >> 2 & 7,
		.exchange = bits & 0x20 ? NF_VPN_IKE2_AUTH : NF_VPN_IKE2_CREATE_CHILD,
	};
	bool server = bits & 0x40;

	(void)nf_vpn_esp_ike(&pair[i], &m, server, now);
	now += fuzz_u8(f);
	m.response = true;
	m.len = bits & 0x80 ? 80 : 300;
	(void)nf_vpn_esp_ike(&pair[i], &m, !server, now);
}

static void arrive_at(unsigned int k, unsigned int n, u32 seq)
{
	struct nf_vpn_esp_arrival a = { .spi = 0x1000 + k, .seq = seq };
	bool keep;

	if (in[k].settled) {
		(void)nf_vpn_esp_in_shared(&in[k].sa, &a);
		return;
	}
	rules.rival = n & 1;
	keep = in[k].packets || nf_vpn_esp_seen(&seen, 7, &a, now, &in[k]);
	nf_vpn_esp_plan(&in[k], &a, member, n, &rules, &bucket, now, &plan);
	claim_plan(n);
	CLAIM(in[k].n <= NF_VPN_ESP_TRACKED);
	if (plan.settled)
		owner[k] = plan.target[0];
	else if (!keep)
		memset(&in[k], 0, sizeof(in[k]));
}

static void arrive(struct fuzz *f)
{
	unsigned int k = fuzz_u8(f) % SPIS, n = fuzz_u8(f) % (PAIRS + 1);

	arrive_at(k, n, in[k].sa.seq + (u32)(s32)(s8)fuzz_u8(f));
}

/* Packet by packet, and somebody sends each time, at once or not */
static void converse(struct fuzz *f)
{
	unsigned int k = fuzz_u8(f) % SPIS, i = fuzz_u8(f) % PAIRS;
	unsigned int packets = fuzz_u8(f) % 40;
	u8 delay = fuzz_u8(f), gap = fuzz_u8(f);

	while (packets--) {
		arrive_at(k, PAIRS, in[k].sa.seq + 1);
		now += delay;
		nf_vpn_esp_out(&pair[i], false, now);
		now += gap;
	}
}

static void forget(struct fuzz *f)
{
	unsigned int k = fuzz_u8(f) % SPIS;

	if (in[k].settled)
		nf_vpn_esp_gone(&pair[owner[k]]);
	memset(&in[k], 0, sizeof(in[k]));
}

static void doubt(struct fuzz *f)
{
	unsigned int k = fuzz_u8(f) % SPIS;
	struct nf_vpn_esp_sa sa = in[k].sa;

	if (!in[k].settled || !nf_vpn_esp_doubtful(&sa, now - fuzz_u16(f), now))
		return;
	nf_vpn_esp_doubt(&pair[owner[k]], &sa, now, &in[k]);
	CLAIM(!in[k].settled && in[k].sa.doubts <= NF_VPN_ESP_DOUBTS);
}

static void look(struct fuzz *f)
{
	struct nf_vpn_esp_candidate c;
	unsigned int i = fuzz_u8(f) % PAIRS;

	nf_vpn_esp_view(&pair[i], now, &c);
	CLAIM(c.gates <= NF_VPN_ESP_GATES);
	(void)nf_vpn_esp_awaits(&c);
	(void)nf_vpn_esp_is_hot(&pair[i], now);
	/* what is to be watched must be: a gate, a request, an SA of its own only */
	CLAIM(nf_vpn_esp_watched(&pair[i], now) ||
	      !(c.gates || c.gates_wanted || c.unmatched_out));
}

static void step(struct fuzz *f)
{
	u8 op = fuzz_u8(f);

	now += op >> 3 == 31 ? fuzz_u32(f) : (u32)(op >> 3) * (op >> 3);
	switch (op & 7) {
	case 0: case 1:
		ike(f);
		break;
	case 2:
		nf_vpn_esp_out(&pair[fuzz_u8(f) % PAIRS], fuzz_u8(f) & 1, now);
		break;
	case 3: case 4:
		arrive(f);
		break;
	case 5:
		look(f);
		break;
	case 6:
		forget(f);
		break;
	default:
		switch (fuzz_u8(f) & 3) {
		case 0:
			exchange(f);
			break;
		case 1: case 2:
			converse(f);
			break;
		default:
			doubt(f);
		}
	}
	claim_pairs();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	unsigned int i;

	memset(pair, 0, sizeof(pair));
	memset(in, 0, sizeof(in));
	memset(&bucket, 0, sizeof(bucket));
	memset(&seen, 0, sizeof(seen));
	for (i = 0; i < PAIRS; i++) {
		pair[i].id = i + 1;
		member[i] = &pair[i];
	}
	now = fuzz_u32(&f);
	rules = (struct nf_vpn_esp_rules){
		.copies = 1 + fuzz_u8(&f) % 8, .rate = fuzz_u16(&f),
		.burst = NF_VPN_ESP_SHARE + fuzz_u16(&f),
		.hold_ms = fuzz_u8(&f) & 1 ? NF_VPN_ESP_HOLD_MS : 0,
	};
	while (f.left)
		step(&f);
	return 0;
}
