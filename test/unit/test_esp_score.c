// SPDX-License-Identifier: GPL-2.0-only
/* esp_score: the cases other systems fail, by name, then properties. */

#include "ktap.h"
#include "../../nf_vpn_passthrough/ipsec/esp_score.h"

#define PROPERTY_ROUNDS	(400000 / KTAP_FEWER)
#define MOST		6

#define NEVER	NF_VPN_ESP_NEVER
#define TIE	(-1)

/* What a candidate may look like; ages in ms */
#define IDLE	{ .gate_age_ms = NEVER, .out_age_ms = NEVER, .idle_ms = NEVER }
#define LIVE	{ .gate_age_ms = NEVER, .out_age_ms = NEVER, .idle_ms = 500, \
		  .live = 1 }
#define GATE	{ .gate_age_ms = 200, .out_age_ms = NEVER, .idle_ms = NEVER, \
		  .gates = 1, }
#define REKEY { .gate_age_ms = 200, .out_age_ms = NEVER, .idle_ms = 500, \
		   .gates = 1, .live = 1, }
#define WANT	{ .gate_age_ms = NEVER, .out_age_ms = NEVER, \
		  .idle_ms = NEVER, .gates_wanted = 1 }
#define OUT(age) { .gate_age_ms = NEVER, .out_age_ms = (age), .idle_ms = 500, \
		   .unmatched_out = 1 }
#define GATE_OUT { .gate_age_ms = 200, .out_age_ms = 100, .idle_ms = 100, \
		      .gates = 1, .unmatched_out = 1, }

struct scene {
	const char *name;
	u32 seq;
	unsigned int n;
	struct nf_vpn_esp_candidate c[MOST];
	int best;
};

/* As the plan ranks them: among who awaits one, if any does and it is new */
static int best(const struct nf_vpn_esp_arrival *a,
		const struct nf_vpn_esp_candidate *c, unsigned int n)
{
	unsigned int i, any = 0;
	int who = TIE;
	u32 score, top = 0;

	for (i = 0; i < n; i++)
		any += nf_vpn_esp_awaits(&c[i]);
	for (i = 0; i < n; i++) {
		if (any && nf_vpn_esp_fresh(a) && !nf_vpn_esp_awaits(&c[i]))
			continue;
		score = nf_vpn_esp_score(a, &c[i]) + 1;
		if (score >= top)
			who = score > top ? (int)i : TIE;
		if (score > top)
			top = score;
	}
	return who;
}

static void play(const struct scene *s, unsigned int n)
{
	for (; n--; s++) {
		struct nf_vpn_esp_arrival a = { .spi = 0xc0ffee, .seq = s->seq };
		int who = best(&a, s->c, s->n);

		CHECK_MSG(who == s->best, "%s: %d", s->name, who);
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
	SCENES({ "nobody", 1, 0, { IDLE }, TIE },
	       { "one, idle", 1, 1, { IDLE }, 0 },
	       { "one, idle, running SA", 9999, 1, { IDLE }, 0 },
	       { "one with all bound", 9999, 1, { LIVE }, 0 },
	       { "one with a gate", 1, 1, { GATE }, 0 });
}

static void new_sa_goes_to_who_awaits_one(void)
{
	SCENES({ "gate, first", 1, 2, { GATE, LIVE }, 0 },
	       { "gate, second", 1, 2, { LIVE, GATE }, 1 },
	       { "gate, not who lost", 1, 2, { IDLE, GATE }, 1 },
	       { "rekey among many", 3, 5,
		 { LIVE, LIVE, IDLE, REKEY, LIVE }, 3 },
	       { "exchange in flight", 1, 2, { LIVE, WANT }, 1 },
	       { "outbound seen", 1, 2, { LIVE, OUT(100) }, 1 },
	       { "outbound seen long ago", 1, 2, { LIVE, OUT(90000) },
		 1 });
}

static void order_of_evidence_new(void)
{
	SCENES({ "gate over wanted", 1, 2, { WANT, GATE }, 1 },
	       { "gate over recent out", 1, 2, { OUT(100), GATE },
		 1 },
	       { "gate over old out", 1, 2, { OUT(90000), GATE }, 1 },
	       { "gate of a rekey over old out", 1, 2,
		 { OUT(90000), REKEY }, 1 },
	       { "both over gate", 1, 2, { GATE, GATE_OUT }, 1 },
	       { "both over recent out", 1, 2, { OUT(100), GATE_OUT },
		 1 },
	       { "recent out over old", 1, 2, { OUT(90000), OUT(100) },
		 1 },
	       { "recent out over wanted", 1, 2, { WANT, OUT(100) },
		 1 },
	       { "old out over wanted", 1, 2, { WANT, OUT(90000) },
		 1 });
}

static void two_gates(void)
{
	SCENES({ "both new", 1, 2, { GATE, GATE }, TIE },
	       { "three", 1, 3, { GATE, GATE, GATE }, TIE },
	       { "first SA before rekey", 1, 2, { REKEY, GATE }, 1 },
	       { "two outbound", 1, 2, { OUT(100), OUT(200) }, TIE });
}

static void low_and_high(void)
{
	SCENES({ "1 is low", 1, 2, { IDLE, REKEY }, 1 },
	       { "64 is low", 64, 2, { IDLE, REKEY }, 1 },
	       { "65 is high", 65, 2, { IDLE, REKEY }, 0 },
	       { "0 is never sent first", 0, 2, { IDLE, REKEY }, 0 },
	       { "far", 0xffffffff, 2, { IDLE, REKEY }, 0 });
}

static void nobody_awaits_a_new_sa(void)
{
	SCENES({ "all bound", 1, 2, { LIVE, LIVE }, TIE },
	       { "one has none", 1, 2, { LIVE, IDLE }, 1 });
}

static void lost_table(void)
{
	SCENES({ "one lost", 70000, 3, { LIVE, IDLE, LIVE }, 1 },
	       { "both lost", 70000, 2, { IDLE, IDLE }, TIE },
	       { "both lost, one sends", 70000, 2, { IDLE, OUT(100) },
		 1 },
	       { "both lost, both send", 70000, 2, { OUT(100), OUT(300) },
		 TIE },
	       { "lost over a bound one that sends", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = 100,
			   .live = 1, .unmatched_out = 1 } }, 0 },
	       { "lost over a bound one that sent", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = 90000,
			   .live = 1, .unmatched_out = 1 } }, 0 },
	       { "all bound", 70000, 2, { LIVE, LIVE }, TIE },
	       { "lost, active one first", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .idle_ms = 59999 } }, 1 },
	       { "active is a minute", 70000, 2,
		 { IDLE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .idle_ms = 60000 } }, TIE });
}

static void cases_others_fail(void)
{
	SCENES({ "server talks first after rekey", 1, 3,
		 { LIVE, REKEY, LIVE }, 1 },
	       { "server overtakes its own answer", 1, 2,
		 { LIVE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .live = 1, TIE } }, 1 },
	       { "forged high number while a gate is open", 5000, 2,
		 { LIVE, REKEY }, 1 },
	       { "one-way SA does not win over a gate", 1, 2,
		 { OUT(3600000), GATE }, 1 },
	       { "two start at once, one sends", 1, 2,
		 { GATE, GATE_OUT }, 1 });
}

static void gate_needs_a_count_and_an_age(void)
{
	SCENES({ "count without age", 1, 2,
		 { LIVE, { .gate_age_ms = NEVER, .out_age_ms = NEVER,
			   .idle_ms = NEVER, .gates = 1, .live = 1 } },
		 0 },
	       { "age without count", 1, 2,
		 { LIVE, { .gate_age_ms = 5, .out_age_ms = NEVER,
			   .idle_ms = NEVER, .live = 1 } }, 0 });
}

static void out_age_bound(void)
{
	SCENES({ "9999 is recent", 1, 2, { GATE, OUT(9999) }, 0 },
	       { "10000 is not", 1, 2, { GATE, OUT(10000) }, 0 },
	       { "nor never", 1, 2, { GATE, OUT(NEVER) }, 0 });
}

static void random_candidate(u64 *rng, struct nf_vpn_esp_candidate *c)
{
	static const u32 age[] = { 0, 100, 9999, 10000, 90000, NEVER };

	memset(c, 0, sizeof(*c));
	c->gate_age_ms = age[ktap_below(rng, 6)];
	c->out_age_ms = age[ktap_below(rng, 6)];
	c->idle_ms = age[ktap_below(rng, 6)];
	c->gates = ktap_below(rng, 2);
	c->gates_wanted = ktap_below(rng, 2);
	c->live = ktap_below(rng, 2);
	c->unmatched_out = ktap_below(rng, 2);
}

static bool open_gate(const struct nf_vpn_esp_candidate *c)
{
	return c->gates && c->gate_age_ms != NEVER;
}

/* The top evidence is never outvoted */
static void properties(void)
{
	struct nf_vpn_esp_candidate a, b;
	struct nf_vpn_esp_arrival p = { .spi = 1 };
	u64 rng = 4303;
	long round;

	for (round = 0; round < PROPERTY_ROUNDS; round++) {
		p.seq = ktap_below(&rng, 2) ? ktap_below(&rng, 70) :
			(u32)ktap_rand(&rng);
		random_candidate(&rng, &a);
		random_candidate(&rng, &b);
		if (p.seq >= 1 && p.seq <= 64) {
			CHECK(nf_vpn_esp_fresh(&p));
			if (open_gate(&a) && !open_gate(&b))
				CHECK(nf_vpn_esp_score(&p, &a) >
				      nf_vpn_esp_score(&p, &b));
		} else {
			CHECK(!nf_vpn_esp_fresh(&p));
			if (!a.live && b.live)
				CHECK(nf_vpn_esp_score(&p, &a) >
				      nf_vpn_esp_score(&p, &b));
		}
	}
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
	KTAP_CASE(properties),
};

KTAP_MAIN(cases)
