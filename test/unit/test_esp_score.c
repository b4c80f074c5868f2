// SPDX-License-Identifier: GPL-2.0-only
/* esp_score: the cases other systems fail, by name, then properties. */

#include "ktap.h"
#include "../../nf_vpn_passthrough/ipsec/esp_score.h"

#define PROPERTY_ROUNDS	400000
#define MOST		6

#define NEVER	NF_VPN_ESP_NEVER
#define NONE	NF_VPN_ESP_NONE
#define SURE	NF_VPN_ESP_SURE
#define UNSURE	NF_VPN_ESP_AMBIGUOUS

/* What a candidate may look like; ages in ms */
#define IDLE	{ .gate_age_ms = NEVER, .out_age_ms = NEVER, .idle_ms = NEVER }
#define LIVE	{ .gate_age_ms = NEVER, .out_age_ms = NEVER, .idle_ms = 500, \
		  .live = 1 }
#define GATE(o)	{ .gate_age_ms = 200, .out_age_ms = NEVER, .idle_ms = NEVER, \
		  .gates = 1, .order = (o) }
#define REKEY(o) { .gate_age_ms = 200, .out_age_ms = NEVER, .idle_ms = 500, \
		   .gates = 1, .live = 1, .order = (o) }
#define WANT	{ .gate_age_ms = NEVER, .out_age_ms = NEVER, \
		  .idle_ms = NEVER, .gates_wanted = 1 }
#define OUT(age) { .gate_age_ms = NEVER, .out_age_ms = (age), .idle_ms = 500, \
		   .unmatched_out = 1 }
#define GATE_OUT(o) { .gate_age_ms = 200, .out_age_ms = 100, .idle_ms = 100, \
		      .gates = 1, .unmatched_out = 1, .order = (o) }

struct scene {
	const char *name;
	u32 seq;
	unsigned int n;
	struct nf_vpn_esp_candidate c[MOST];
	enum nf_vpn_esp_verdict verdict;
	unsigned int winner;
};

static void play(const struct scene *s, unsigned int n)
{
	for (; n--; s++) {
		struct nf_vpn_esp_arrival a = { .spi = 0xc0ffee, .seq = s->seq };
		struct nf_vpn_esp_choice out;
		int ret;

		memset(&out, 0xff, sizeof(out));
		ret = nf_vpn_esp_choose(&a, s->c, s->n, &out);
		CHECK_MSG(out.verdict == s->verdict, "%s: %d", s->name,
			  out.verdict);
		CHECK_MSG(out.winner == s->winner, "%s: %u", s->name,
			  out.winner);
		CHECK_MSG(ret == (s->verdict ? (int)s->winner : -1), "%s: %d",
			  s->name, ret);
	}
}

#define SCENES(...)							\
	do {								\
		static const struct scene scenes[] = { __VA_ARGS__ };	\
									\
		play(scenes, ARRAY_SIZE(scenes));			\
	} while (0)

static void few_candidates(void)
{
	SCENES({ "nobody", 1, 0, { IDLE }, NONE, 0 },
	       { "one, idle", 1, 1, { IDLE }, SURE, 0 },
	       { "one, idle, running SA", 9999, 1, { IDLE }, SURE, 0 },
	       { "one with all bound", 9999, 1, { LIVE }, SURE, 0 },
	       { "one with a gate", 1, 1, { GATE(1) }, SURE, 0 });
}

static void new_sa_goes_to_who_awaits_one(void)
{
	SCENES({ "gate, first", 1, 2, { GATE(1), LIVE }, SURE, 0 },
	       { "gate, second", 1, 2, { LIVE, GATE(1) }, SURE, 1 },
	       { "gate, not who lost", 1, 2, { IDLE, GATE(1) }, SURE, 1 },
	       { "rekey among many", 3, 5,
		 { LIVE, LIVE, IDLE, REKEY(9), LIVE }, SURE, 3 },
	       { "exchange in flight", 1, 2, { LIVE, WANT }, SURE, 1 },
	       { "outbound seen", 1, 2, { LIVE, OUT(100) }, SURE, 1 },
	       { "outbound seen long ago", 1, 2, { LIVE, OUT(90000) },
		 SURE, 1 });
}

static void order_of_evidence_new(void)
{
	SCENES({ "gate over wanted", 1, 2, { WANT, GATE(1) }, SURE, 1 },
	       { "gate over recent out", 1, 2, { OUT(100), GATE(1) },
		 UNSURE, 1 },
	       { "gate over old out", 1, 2, { OUT(90000), GATE(1) }, SURE, 1 },
	       { "gate of a rekey over old out", 1, 2,
		 { OUT(90000), REKEY(1) }, SURE, 1 },
	       { "both over gate", 1, 2, { GATE(1), GATE_OUT(2) }, UNSURE, 1 },
	       { "both over recent out", 1, 2, { OUT(100), GATE_OUT(2) },
		 SURE, 1 },
	       { "recent out over old", 1, 2, { OUT(90000), OUT(100) },
		 UNSURE, 1 },
	       { "recent out over wanted", 1, 2, { WANT, OUT(100) },
		 UNSURE, 1 },
	       { "old out over wanted", 1, 2, { WANT, OUT(90000) },
		 UNSURE, 1 });
}

static void two_gates(void)
{
	SCENES({ "older first", 1, 2, { GATE(5), GATE(6) }, UNSURE, 0 },
	       { "older second", 1, 2, { GATE(6), GATE(5) }, UNSURE, 1 },
	       { "order wraps", 1, 2, { GATE(1), GATE(0xfffffffe) },
		 UNSURE, 1 },
	       { "three", 1, 3, { GATE(6), GATE(4), GATE(5) }, UNSURE, 1 },
	       { "same order", 1, 2, { GATE(5), GATE(5) }, UNSURE, 0 },
	       { "first SA before rekey", 1, 2, { REKEY(1), GATE(2) },
		 UNSURE, 1 },
	       { "two outbound, older", 1, 2, { OUT(100), OUT(200) },
		 UNSURE, 1 });
}

static void low_and_high(void)
{
	SCENES({ "1 is low", 1, 2, { IDLE, REKEY(1) }, SURE, 1 },
	       { "64 is low", 64, 2, { IDLE, REKEY(1) }, SURE, 1 },
	       { "65 is high", 65, 2, { IDLE, REKEY(1) }, SURE, 0 },
	       { "0 is never sent first", 0, 2, { IDLE, REKEY(1) }, SURE, 0 },
	       { "far", 0xffffffff, 2, { IDLE, REKEY(1) }, SURE, 0 });
}

static void nobody_awaits_a_new_sa(void)
{
	SCENES({ "all bound", 1, 2, { LIVE, LIVE }, UNSURE, 0 },
	       { "one has none", 1, 2, { LIVE, IDLE }, UNSURE, 1 });
}

static void lost_table(void)
{
	SCENES({ "one lost", 70000, 3, { LIVE, IDLE, LIVE }, SURE, 1 },
	       { "both lost", 70000, 2, { IDLE, IDLE }, UNSURE, 0 },
	       { "both lost, one sends", 70000, 2, { IDLE, OUT(100) },
		 UNSURE, 1 },
	       { "both lost, both send", 70000, 2, { OUT(100), OUT(300) },
		 UNSURE, 1 },
	       { "lost over a bound one that sends", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = 100,
			   .live = 1, .unmatched_out = 1 } }, UNSURE, 0 },
	       { "lost over a bound one that sent", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = 90000,
			   .live = 1, .unmatched_out = 1 } }, SURE, 0 },
	       { "all bound", 70000, 2, { LIVE, LIVE }, UNSURE, 0 },
	       { "lost, active one first", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .idle_ms = 59999 } }, UNSURE, 1 },
	       { "active is a minute", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .idle_ms = 60000 } }, UNSURE, 0 });
}

static void cases_others_fail(void)
{
	SCENES({ "server talks first after rekey", 1, 3,
		 { LIVE, REKEY(4), LIVE }, SURE, 1 },
	       { "server overtakes its own answer", 1, 2,
		 { LIVE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .live = 1, .gates_wanted = 1 } }, SURE, 1 },
	       { "forged high number while a gate is open", 5000, 2,
		 { LIVE, REKEY(1) }, UNSURE, 1 },
	       { "one-way SA does not win over a gate", 1, 2,
		 { OUT(3600000), GATE(1) }, SURE, 1 },
	       { "two start at once, one sends", 1, 2,
		 { GATE(1), GATE_OUT(2) }, UNSURE, 1 });
}

static void gate_needs_a_count_and_an_age(void)
{
	SCENES({ "count without age", 1, 2,
		 { LIVE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .idle_ms = NEVER, .gates = 1, .live = 1 } },
		 UNSURE, 0 },
	       { "age without count", 1, 2,
		 { LIVE, { .gate_age_ms = 5, .out_age_ms = NEVER,
			   .idle_ms = NEVER, .live = 1 } }, UNSURE, 0 });
}

static void out_age_bound(void)
{
	SCENES({ "9999 is recent", 1, 2, { GATE(1), OUT(9999) }, UNSURE, 0 },
	       { "10000 is not", 1, 2, { GATE(1), OUT(10000) }, SURE, 0 },
	       { "nor never", 1, 2, { GATE(1), OUT(NEVER) }, SURE, 0 });
}

static void scores_are_told(void)
{
	static const struct nf_vpn_esp_candidate c[] = {
		LIVE, GATE(2), GATE(1), WANT
	};
	struct nf_vpn_esp_arrival a = { .spi = 1, .seq = 1 };
	struct nf_vpn_esp_choice out;

	CHECK_EQ(nf_vpn_esp_choose(&a, c, 4, &out), 2);
	CHECK_EQ(out.eligible, 3);
	CHECK_EQ(out.score, out.runner_score);
	CHECK(!nf_vpn_esp_eligible(&a, c, 4, 0));
	CHECK(nf_vpn_esp_eligible(&a, c, 4, 1));
	CHECK(nf_vpn_esp_eligible(&a, c, 4, 3));
	CHECK_EQ(nf_vpn_esp_choose(&a, c, 2, &out), 1);
	CHECK_EQ(out.eligible, 1);
	CHECK_EQ(out.runner_score, 0);
	a.seq = 100;
	CHECK(nf_vpn_esp_eligible(&a, c, 4, 0));
	CHECK_EQ(nf_vpn_esp_choose(&a, c, 4, &out), 2);
	CHECK_EQ(out.eligible, 4);
}

static void random_candidate(u64 *rng, struct nf_vpn_esp_candidate *c, u32 i)
{
	static const u32 age[] = { 0, 100, 9999, 10000, 90000, NEVER };

	memset(c, 0, sizeof(*c));
	c->gate_age_ms = age[ktap_below(rng, 6)];
	c->out_age_ms = age[ktap_below(rng, 6)];
	c->idle_ms = age[ktap_below(rng, 6)];
	c->order = i * 7 + ktap_below(rng, 7);	/* unlike all others */
	c->gates = ktap_below(rng, 2);
	c->gates_wanted = ktap_below(rng, 2);
	c->live = ktap_below(rng, 2);
	c->unmatched_out = ktap_below(rng, 2);
}

static bool open_gate(const struct nf_vpn_esp_candidate *c)
{
	return c->gates && c->gate_age_ms != NEVER;
}

/* What the contract promises of any outcome */
static void promises(const struct nf_vpn_esp_arrival *a,
		     const struct nf_vpn_esp_candidate *c, unsigned int n,
		     const struct nf_vpn_esp_choice *out)
{
	const struct nf_vpn_esp_candidate *w = &c[out->winner];
	bool fresh = a->seq >= 1 && a->seq <= 64;
	unsigned int i, eligible = 0;

	for (i = 0; i < n; i++) {
		eligible += nf_vpn_esp_eligible(a, c, n, i);
		/* the top evidence is never outvoted */
		if (fresh && open_gate(&c[i]))
			CHECK(open_gate(w));
		if (!fresh && !c[i].live)
			CHECK(!w->live);
		/* nor is it shared and yet sure */
		if (i != out->winner && out->verdict == SURE && n > 1 &&
		    eligible > 1) {
			CHECK(!fresh || !open_gate(&c[i]));
			CHECK(fresh || c[i].live);
		}
	}
	CHECK(nf_vpn_esp_eligible(a, c, n, out->winner));
	CHECK_EQ(out->eligible, eligible);
	CHECK(out->score >= out->runner_score);
	CHECK(out->verdict != UNSURE || eligible > 1);
	CHECK_EQ(out->verdict == NONE, n == 0);
}

static void properties(void)
{
	unsigned int seen[3] = { 0 }, i, n;
	u64 rng = 4303;
	long round;

	for (round = 0; round < PROPERTY_ROUNDS; round++) {
		struct nf_vpn_esp_candidate c[MOST], turned[MOST];
		struct nf_vpn_esp_arrival a = { .spi = 1 };
		struct nf_vpn_esp_choice out, again;

		n = ktap_below(&rng, MOST + 1);
		a.seq = ktap_below(&rng, 2) ? ktap_below(&rng, 70) :
			(u32)ktap_rand(&rng);
		for (i = 0; i < n; i++)
			random_candidate(&rng, &c[i], i);
		for (i = 0; i < n; i++)
			turned[i] = c[n - 1 - i];
		nf_vpn_esp_choose(&a, c, n, &out);
		seen[out.verdict]++;
		if (n)
			promises(&a, c, n, &out);
		/* no matter in which order they are listed */
		nf_vpn_esp_choose(&a, turned, n, &again);
		CHECK_EQ(out.verdict, again.verdict);
		CHECK_EQ(out.score, again.score);
		CHECK_EQ(out.runner_score, again.runner_score);
		if (n && open_gate(&c[out.winner]))
			CHECK_EQ(out.winner, n - 1 - again.winner);
	}
	CHECK(seen[0] && seen[1] && seen[2]);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(few_candidates),
	KTAP_CASE(new_sa_goes_to_who_awaits_one),
	KTAP_CASE(order_of_evidence_new),
	KTAP_CASE(two_gates),
	KTAP_CASE(low_and_high),
	KTAP_CASE(nobody_awaits_a_new_sa),
	KTAP_CASE(lost_table),
	KTAP_CASE(cases_others_fail),
	KTAP_CASE(gate_needs_a_count_and_an_age),
	KTAP_CASE(out_age_bound),
	KTAP_CASE(scores_are_told),
	KTAP_CASE(properties),
};

KTAP_MAIN(cases)
