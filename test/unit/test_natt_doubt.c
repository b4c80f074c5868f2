// SPDX-License-Identifier: GPL-2.0-only
/* natt_doubt: a server that takes two clients for one, and what only looks like it. */

#include "ktap.h"
#include "../../nf_vpn_passthrough/ipsec/natt_doubt.h"

#define ROUNDS	(4000 / KTAP_FEWER)
#define DAY_MS	(24 * 3600 * 1000u)

/* Clients of a server; client 0 is the one that may ask in vain */
struct scene {
	struct nf_vpn_natt_talk talk[3];
	struct nf_vpn_natt_doubt doubt;
	bool suspected;
	unsigned int proved;
	u32 now;
};

/* near the end of the numbers: all of it has to bear their wrapping */
static struct scene new_scene(void)
{
	return (struct scene){ .now = (u32)-3000 };
}

static void out(struct scene *s, unsigned int who)
{
	if (nf_vpn_natt_speaks_on(&s->talk[who], s->now))
		return;
	if (!nf_vpn_natt_speaks(&s->talk[who], s->now) || who)
		return;
	s->suspected = true;
	nf_vpn_natt_asks(&s->doubt, &s->talk[0], s->now);
}

static void in(struct scene *s, unsigned int who, u32 spi)
{
	enum nf_vpn_natt_hearing hearing = NF_VPN_NATT_MORE;

	s->talk[who].suspect = !who && s->suspected;
	if (!nf_vpn_natt_hears_on(&s->talk[who], spi, s->now))
		hearing = nf_vpn_natt_hears(&s->talk[who], spi, s->now);

	if (!who) {
		s->suspected = false;
		s->doubt = (struct nf_vpn_natt_doubt){ 0 };
	} else if (hearing != NF_VPN_NATT_MORE && s->suspected) {
		s->proved += nf_vpn_natt_proved(&s->doubt, who, &s->talk[who],
						hearing, s->now);
	}
}

static void later(struct scene *s, u32 ms)
{
	s->now += ms;
}

/* All are up and answered, client 0 first */
static struct scene both_work(void)
{
	struct scene s = new_scene();
	unsigned int i, who;

	for (i = 0; i < 8; i++)
		for (who = 0; who < 3; who++) {
			out(&s, who);
			later(&s, 40);
			in(&s, who, 100 + who);
			later(&s, 1000);
		}
	return s;
}

/* Client 1 has a new SA, or its first: the server serves nobody else from now */
static void overtaken(struct scene *s)
{
	out(s, 1);
	later(s, 30);
	in(s, 1, 200);
	later(s, 1000);
}

static unsigned int until_proved(struct scene *s, u32 pause)
{
	unsigned int n = 0;

	while (!s->proved && ++n < 100) {
		out(s, 0);
		later(s, 40);
		in(s, 1, 200);
		later(s, pause);
	}
	return n;
}

static void answers_of_another_are_noticed(void)
{
	struct scene s = both_work();

	CHECK_EQ(s.proved, 0);
	overtaken(&s);
	/* the first question is none in vain yet */
	CHECK_EQ(until_proved(&s, 1000), NF_VPN_NATT_PROOFS + 1);
}

/* L2TP's: 1, 2, 4, 8 seconds, RFC 2661 5.8 */
static void repetitions_that_slow_down(void)
{
	struct scene s = both_work();
	u32 pause = 1000;
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 10 && !s.proved; i++) {
		out(&s, 0);
		later(&s, 40);
		in(&s, 1, 200);
		later(&s, pause);
		pause = pause < 8000 ? 2 * pause : 8000;
	}
	CHECK_EQ(s.proved, 1);
}

/* The server keeps to the older SA: the newcomer was never answered at all */
static void one_that_never_was_answered(void)
{
	struct scene s = new_scene();

	overtaken(&s);
	CHECK_EQ(until_proved(&s, 1000), NF_VPN_NATT_PROOFS + 1);
}

/* Some of what it sends asks for nothing */
static void some_questions_go_nowhere(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 40 && !s.proved; i++) {
		out(&s, 0);
		later(&s, 40);
		if (i % 4)
			in(&s, 1, 200);
		later(&s, 1000);
	}
	CHECK_EQ(s.proved, 1);
}

static void one_answer_clears_the_server(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < NF_VPN_NATT_PROOFS; i++) {
		out(&s, 0);
		later(&s, 40);
		in(&s, 1, 200);
		later(&s, 1000);
	}
	in(&s, 0, 100);
	/* answered after the other's SA began: that one is not in its way */
	CHECK_EQ(until_proved(&s, 1000), 100);
}

static void who_only_talks(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 1000; i++) {
		out(&s, 0);
		later(&s, 1000);
	}
	CHECK_EQ(s.proved, 0);
}

/* The other asks at the same moments: its answers are its own */
static void keeping_time_with_who_asks(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 1000; i++) {
		out(&s, 0);
		out(&s, 1);
		later(&s, 40);
		in(&s, 1, 200);
		later(&s, 960);
	}
	CHECK_EQ(s.proved, 0);
}

/* What comes to the other comes without being asked for, now and then later, too */
static void a_server_with_reasons_of_its_own(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 1000; i++) {
		out(&s, 0);
		later(&s, 40);
		in(&s, 1, 200);
		later(&s, 700);
		if (i % 4 == 0)
			in(&s, 1, 200);
		later(&s, 700);
	}
	CHECK_EQ(s.proved, 0);
}

/* Now this one, now that one: it is not one that is taken for client 0 */
static void answers_to_anybody(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 1000; i++) {
		out(&s, 0);
		later(&s, 40);
		in(&s, 1 + i % 2, 200 + i % 2);
		later(&s, 1000);
	}
	CHECK_EQ(s.proved, 0);
}

static void a_busy_client_is_no_proof(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 100000; i++) {
		if (i % 100 == 0)
			out(&s, 0);
		later(&s, 10);
		in(&s, 1, 200);
	}
	CHECK_EQ(s.proved, 0);
}

static void a_busy_talker_is_no_proof(void)
{
	struct scene s = both_work();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < 100000; i++) {
		out(&s, 0);
		later(&s, 10);
		if (i % 100 == 0)
			in(&s, 1, 200);
	}
	CHECK_EQ(s.proved, 0);
}

/* Client 0 is served, for a time */
static struct scene one_works(void)
{
	struct scene s = new_scene();
	unsigned int i;

	for (i = 0; i < 2 * NF_VPN_NATT_ANSWERED; i++) {
		out(&s, 0);
		later(&s, 40);
		in(&s, 0, 100);
		later(&s, 1000);
	}
	return s;
}

/* Client 0 asks, at most so often; 1 is served; until the server is blamed */
static unsigned int asks_in_vain(struct scene *s, unsigned int most)
{
	unsigned int n = 0;

	while (!s->proved && n < most) {
		n++;
		out(s, 0);
		later(s, 100);
		out(s, 1);
		later(s, 40);
		in(s, 1, 200);
		later(s, 1360);
	}
	return n;
}

static void silence_since_another_came_is_noticed(void)
{
	struct scene s = one_works();

	overtaken(&s);
	CHECK_EQ(asks_in_vain(&s, 100), NF_VPN_NATT_VAIN + 1);
}

static void and_not_too_soon(void)
{
	struct scene s = one_works();
	unsigned int i;

	overtaken(&s);
	for (i = 0; i < NF_VPN_NATT_VAIN_MS / 600; i++) {
		out(&s, 0);
		out(&s, 1);
		later(&s, 30);
		in(&s, 1, 200);
		later(&s, 570);
	}
	CHECK_EQ(s.proved, 0);
}

/* It talked before, and was answered now and then: that it talks on means nothing */
static void silence_that_was_there_before(void)
{
	struct scene s = one_works();
	unsigned int i;

	for (i = 0; i < 20; i++) {
		out(&s, 0);
		later(&s, 1000);
		if (i % 4 == 3)
			in(&s, 0, 100);
	}
	overtaken(&s);
	CHECK_EQ(asks_in_vain(&s, 100), 100);
}

static void silence_long_before_or_after(void)
{
	struct scene s = one_works();

	later(&s, NF_VPN_NATT_NEAR_MS);
	overtaken(&s);
	CHECK_EQ(asks_in_vain(&s, 100), 100);
	s = one_works();
	overtaken(&s);
	later(&s, NF_VPN_NATT_NEAR_MS);
	CHECK_EQ(asks_in_vain(&s, 100), 100);
}

/* Both lost their SAs; client 1 noticed first */
static void a_server_that_began_anew(void)
{
	struct scene s = both_work();

	overtaken(&s);
	CHECK_EQ(asks_in_vain(&s, 100), 100);
}

/* It speaks IKE with the one: so it has not forgotten it */
static void a_redial_while_the_server_knows_both(void)
{
	struct scene s = both_work();
	unsigned int n;

	overtaken(&s);
	nf_vpn_natt_lives(&s.talk[0], s.now);
	n = asks_in_vain(&s, 100);
	CHECK_EQ(n, NF_VPN_NATT_VAIN + 1);
	s = both_work();
	nf_vpn_natt_lives(&s.talk[0], s.now);
	overtaken(&s);
	CHECK_EQ(asks_in_vain(&s, 100), 100);
}

static unsigned int chance(unsigned int of)
{
	return (unsigned int)rand() % of;
}

/*
 * A client that hunts for printers, four times every two minutes, and is answered
 * nothing for a day; a server that sends to another one, on its own, every so many
 * seconds: how often is it blamed?
 */
static void strangers_of_a_day(void)
{
	unsigned int every, i, blamed, days = ROUNDS / 80;

	srand(1);
	for (every = 1; every <= 64; every *= 4) {
		blamed = 0;
		for (i = 0; i < days; i++) {
			struct scene s = both_work();
			u32 from = s.now, hunt = 0, call = 0;

			overtaken(&s);
			while (s.now - from < DAY_MS && !s.proved) {
				if (!hunt) {
					out(&s, 0);
					hunt = s.now / 4000 % 30 ? 1000 : 116000;
				}
				if (!call) {
					in(&s, 1, 200);
					call = 1 + chance(every * 2000);
				}
				later(&s, hunt < call ? hunt : call);
				if (hunt < call) {
					call -= hunt;
					hunt = 0;
				} else {
					hunt -= call;
					call = 0;
				}
			}
			blamed += s.proved;
		}
		printf("# every %u s: blamed on %u of %u days\n", every, blamed, days);
		CHECK(blamed * 20 <= days);
	}
}

/*
 * Client 0 works for a minute, then for four it does nothing but hunt for printers, now
 * and then; another client comes to the same server at any moment of that.
 */
static void a_newcomer_of_any_moment(void)
{
	unsigned int i, blamed = 0;

	srand(1);
	for (i = 0; i < ROUNDS; i++) {
		struct scene s = one_works();
		u32 step, came = 10 + chance(290), hunt = chance(120);

		for (step = 0; step < 600; step++) {
			bool works = step % 300 < 60;

			if (works || (step + hunt) % 120 < 12)
				out(&s, 0);
			later(&s, 40);
			if (works)
				in(&s, 0, 100);
			later(&s, 300);
			if (step >= came) {
				out(&s, 1);
				later(&s, 20);
				in(&s, 1, 200);
			}
			later(&s, 660);
		}
		blamed += s.proved > 0;
	}
	printf("# blamed for %u of %u newcomers\n", blamed, ROUNDS);
	CHECK(blamed * 50 <= ROUNDS);
}

/* What nf_vpn_natt_*_on() leave out is but the exact time */
static void the_short_way_tells_the_same(void)
{
	struct nf_vpn_natt_talk talk = { 0 }, full = { 0 };
	u32 now = (u32)-3000, spi, i;
	u64 rng = 4500;

	for (i = 0; i < ROUNDS; i++) {
		now += ktap_below(&rng, 8) ? ktap_below(&rng, 20) : ktap_below(&rng, 2000);
		spi = 100 + i / 1000;
		if (ktap_below(&rng, 2)) {
			nf_vpn_natt_speaks(&full, now);
			if (!nf_vpn_natt_speaks_on(&talk, now))
				nf_vpn_natt_speaks(&talk, now);
		} else {
			nf_vpn_natt_hears(&full, spi, now);
			if (!nf_vpn_natt_hears_on(&talk, spi, now))
				nf_vpn_natt_hears(&talk, spi, now);
		}
		CHECK(talk.owed == full.owed && talk.answered == full.answered);
		CHECK(talk.spi == full.spi && talk.rekeyed == full.rekeyed);
		CHECK(nf_vpn_since(full.out, talk.out) < NF_VPN_NATT_STEP_MS);
		CHECK(nf_vpn_since(full.in, talk.in) < NF_VPN_NATT_STEP_MS);
	}
}

static const struct ktap_case cases[] = {
	KTAP_CASE(answers_of_another_are_noticed),
	KTAP_CASE(repetitions_that_slow_down),
	KTAP_CASE(one_that_never_was_answered),
	KTAP_CASE(some_questions_go_nowhere),
	KTAP_CASE(one_answer_clears_the_server),
	KTAP_CASE(who_only_talks),
	KTAP_CASE(keeping_time_with_who_asks),
	KTAP_CASE(a_server_with_reasons_of_its_own),
	KTAP_CASE(answers_to_anybody),
	KTAP_CASE(a_busy_client_is_no_proof),
	KTAP_CASE(a_busy_talker_is_no_proof),
	KTAP_CASE(silence_since_another_came_is_noticed),
	KTAP_CASE(and_not_too_soon),
	KTAP_CASE(silence_that_was_there_before),
	KTAP_CASE(silence_long_before_or_after),
	KTAP_CASE(a_server_that_began_anew),
	KTAP_CASE(a_redial_while_the_server_knows_both),
	KTAP_CASE(strangers_of_a_day),
	KTAP_CASE(a_newcomer_of_any_moment),
	KTAP_CASE(the_short_way_tells_the_same),
};

KTAP_MAIN(cases)
