// SPDX-License-Identifier: GPL-2.0-only
/* esp_evidence: stories of gates, holds, guesses and forgers; then a fuzzer. */

#include "ktap.h"
#include "../../nf_vpn_passthrough/ipsec/esp_plan.h"
#include "../../nf_vpn_passthrough/ipsec/esp_seen.h"

#define PAIRS		8
#define FUZZ_ROUNDS	(300000 / KTAP_FEWER)
#define RTT		50

/* A small world: its clock wraps in the middle of most stories */
static struct nf_vpn_esp_evidence pair[PAIRS];
static struct nf_vpn_esp_evidence *all[PAIRS];
static struct nf_vpn_esp_seen seen;
static struct nf_vpn_esp_bucket bucket;
static struct nf_vpn_esp_plan plan;
static struct nf_vpn_esp_rules rules;
static u32 now, rules_used;

static void world(void)
{
	unsigned int i;

	memset(pair, 0, sizeof(pair));
	memset(&seen, 0, sizeof(seen));
	memset(&bucket, 0, sizeof(bucket));
	rules.rival = false;
	bucket.used[1] = rules_used;
	rules.copies = NF_VPN_ESP_COPIES;
	rules.rate = NF_VPN_ESP_COPY_RATE;
	rules.burst = NF_VPN_ESP_COPY_BURST;
	rules.hold_ms = NF_VPN_ESP_HOLD_MS;
	now = 0xffffffffU - 150;
	for (i = 0; i < PAIRS; i++) {
		pair[i].id = i + 1;
		all[i] = &pair[i];
	}
}

static struct nf_vpn_ike_msg message(u8 exchange, bool response, u32 msgid,
				     u64 ispi)
{
	struct nf_vpn_ike_msg m = {
		.ispi = ispi, .rspi = ~ispi, .msgid = msgid, .len = 300,
		.major = exchange < 34 ? 1 : 2, .exchange = exchange,
		.v2 = exchange >= 34, .response = response,
	};

	return m;
}

static void ike(unsigned int i, unsigned int dir, u8 exchange, bool response,
		u32 msgid, u64 ispi)
{
	struct nf_vpn_ike_msg m = message(exchange, response, msgid, ispi);

	nf_vpn_esp_ike(&pair[i], &m, dir, now);
}

/* From the first answer on, as the kernel's helper sees it */
static void start(unsigned int i)
{
	ike(i, 1, NF_VPN_IKE2_SA_INIT, true, 0, i + 1);
}

static void exchange(unsigned int i, u8 type, u32 msgid, u64 ispi)
{
	ike(i, 0, type, false, msgid, ispi);
	now += RTT;
	ike(i, 1, type, true, msgid, ispi);
}

static void bring_up(unsigned int i)
{
	start(i);
	exchange(i, NF_VPN_IKE2_AUTH, 1, i + 1);
}

static void send(unsigned int i, bool fresh)
{
	nf_vpn_esp_out(&pair[i], fresh, now);
}

static void arrive(struct nf_vpn_esp_in *in, u32 spi, u32 seq, unsigned int n)
{
	struct nf_vpn_esp_arrival a = { .spi = spi, .seq = seq };

	nf_vpn_esp_plan(in, &a, all, n, &rules, &bucket, now, &plan);
}

/* First packet, by way of the memory of SPIs; true when it is kept */
static bool first(struct nf_vpn_esp_in *in, u32 spi, u32 seq, unsigned int n)
{
	struct nf_vpn_esp_arrival a = { .spi = spi, .seq = seq };
	bool kept = nf_vpn_esp_seen(&seen, 77, &a, now, in);

	arrive(in, spi, seq, n);
	return kept;
}

/*
 * SPI 5 goes on until it is settled, @seq to below @end; after each packet one of the @n
 * sends at once, and @gap later the next one comes. The number after the last one.
 */
static u32 converse(struct nf_vpn_esp_in *in, u32 seq, u32 end,
		    unsigned int client, u32 gap, unsigned int n)
{
	for (; seq < end && !in->settled; seq++) {
		now += 5;
		send(client, false);
		now += gap;
		arrive(in, 5, seq, n);
	}
	return seq;
}

static struct nf_vpn_esp_candidate view(unsigned int i)
{
	struct nf_vpn_esp_candidate c;

	nf_vpn_esp_view(&pair[i], now, &c);
	return c;
}

/* ---- gates ---- */

static void gate_by_exchange(void)
{
	world();
	start(0);
	CHECK(!nf_vpn_esp_awaits(&(struct nf_vpn_esp_candidate){ 0 }));
	CHECK(!view(0).lost && !view(0).hot);
	ike(0, 0, NF_VPN_IKE2_AUTH, false, 1, 1);
	CHECK(view(0).hot);
	CHECK_EQ(view(0).gates_wanted, 1);
	ike(0, 0, NF_VPN_IKE2_AUTH, false, 1, 1);
	CHECK_EQ(view(0).gates_wanted, 1);
	now += RTT;
	ike(0, 1, NF_VPN_IKE2_AUTH, true, 1, 1);
	CHECK_EQ(view(0).gates, 1);
	CHECK_EQ(view(0).gates_wanted, 0);
	ike(0, 1, NF_VPN_IKE2_AUTH, true, 1, 1);
	CHECK_EQ(view(0).gates, 1);
	now += NF_VPN_ESP_HOT_MS;
	CHECK(!view(0).hot);
	CHECK_EQ(view(0).gates, 1);
	now += NF_VPN_ESP_AWAIT_MS;
	CHECK_EQ(view(0).gates, 0);
}

/* Told by a question asked once only */
static void round_trip(void)
{
	world();
	bring_up(0);
	CHECK_EQ(pair[0].rtt, RTT + 1);
	start(1);
	ike(1, 0, NF_VPN_IKE2_AUTH, false, 1, 2);
	now += 1000;
	exchange(1, NF_VPN_IKE2_AUTH, 1, 2);
	CHECK_EQ(pair[1].rtt, 0);
}

static void server_asks(void)
{
	world();
	bring_up(0);
	now += 60000;
	ike(0, 1, NF_VPN_IKE2_CREATE_CHILD, false, 0, 1);
	CHECK_EQ(view(0).gates_wanted, 0);
	CHECK(!view(0).hot);
	ike(0, 0, NF_VPN_IKE2_CREATE_CHILD, true, 0, 1);
	CHECK_EQ(view(0).gates, 2);
	CHECK(view(0).hot);
}

static void refused_and_unanswered(void)
{
	struct nf_vpn_ike_msg m = message(NF_VPN_IKE2_CREATE_CHILD, true, 2, 1);

	world();
	bring_up(0);
	ike(0, 0, NF_VPN_IKE2_CREATE_CHILD, false, 2, 1);
	m.len = 80;
	nf_vpn_esp_ike(&pair[0], &m, 1, now);
	CHECK_EQ(view(0).gates_wanted, 0);
	CHECK_EQ(view(0).gates, 1);
	ike(0, 0, NF_VPN_IKE2_CREATE_CHILD, false, 3, 1);
	now += NF_VPN_ESP_WANTED_MS;
	CHECK_EQ(view(0).gates_wanted, 0);
	CHECK_EQ(view(0).gates, 2);
}

static void rekeyed_ike_sa_opens_no_gate(void)
{
	world();
	bring_up(0);
	now += 60000;
	exchange(0, NF_VPN_IKE2_CREATE_CHILD, 2, 1);
	CHECK_EQ(view(0).gates, 2);
	now += 20000;
	ike(0, 0, NF_VPN_IKE2_INFORMATIONAL, false, 0, 99);
	CHECK_EQ(view(0).gates, 1);
	CHECK(view(0).gate_age_ms > 60000);
	ike(0, 1, NF_VPN_IKE2_INFORMATIONAL, true, 0, 99);
	CHECK_EQ(view(0).gates, 1);
}

static void delete_retires_what_was_replaced(void)
{
	world();
	bring_up(0);
	exchange(0, NF_VPN_IKE2_INFORMATIONAL, 2, 1);
	CHECK_EQ(view(0).gates, 1);
	now += 60000;
	exchange(0, NF_VPN_IKE2_CREATE_CHILD, 3, 1);
	exchange(0, NF_VPN_IKE2_INFORMATIONAL, 4, 1);
	CHECK_EQ(view(0).gates, 1);
	CHECK(view(0).gate_age_ms < 1000);
	exchange(0, NF_VPN_IKE2_INFORMATIONAL, 5, 1);
	CHECK_EQ(view(0).gates, 1);
	now += 60000;
	exchange(0, NF_VPN_IKE2_CREATE_CHILD, 6, 1);
	now += 60000;
	exchange(0, NF_VPN_IKE2_CREATE_CHILD, 7, 1);
	CHECK_EQ(view(0).gates, 3);
	exchange(0, NF_VPN_IKE2_INFORMATIONAL, 8, 1);
	exchange(0, NF_VPN_IKE2_INFORMATIONAL, 9, 1);
	CHECK_EQ(view(0).gates, 2);
	/* it was the delete of an IKE SA: nothing more to take back */
	now += 20000;
	ike(0, 0, NF_VPN_IKE2_INFORMATIONAL, false, 0, 99);
	CHECK_EQ(view(0).gates, 2);
}

static void unknown_past(void)
{
	world();
	ike(0, 1, NF_VPN_IKE2_INFORMATIONAL, true, 7, 1);
	CHECK(view(0).lost);
	CHECK(nf_vpn_esp_watched(&pair[0], now));
	bring_up(1);
	CHECK(!view(1).lost);
}

/* ---- packets ---- */

static void seen_once(void)
{
	struct nf_vpn_esp_arrival a = { .spi = 0xabcd, .seq = 1 };
	struct nf_vpn_esp_in in;
	u32 i, kept = 0;

	world();
	CHECK(!nf_vpn_esp_seen(&seen, 1, &a, now, &in));
	CHECK(!nf_vpn_esp_seen(&seen, 1, &a, now, &in));
	a.seq = 2;
	CHECK(nf_vpn_esp_seen(&seen, 1, &a, now + 5, &in));
	CHECK_EQ(in.packets, 1);
	CHECK_EQ(in.sa.first, now);
	a.seq = 3 + NF_VPN_ESP_SEQ_JUMP;
	CHECK(!nf_vpn_esp_seen(&seen, 1, &a, now + 5, &in));
	a.seq++;
	CHECK(!nf_vpn_esp_seen(&seen, 1, &a, now + 5 + NF_VPN_ESP_SEEN_MS,
			       &in));
	for (i = 0; i < 100000; i++) {
		a.spi = i * 0x9e3779b1U;
		a.seq = i;
		kept += nf_vpn_esp_seen(&seen, 1, &a, now, &in);
	}
	CHECK_EQ(kept, 0);
}

static void nobody_awaits(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	world();
	start(0);
	start(1);
	CHECK(!first(&in, 5, 1, 2));
	CHECK_EQ(plan.n, 0);
	CHECK(plan.unexpected);
	/* but who insists is searched for, and settled on nothing yet */
	CHECK(first(&in, 5, 2, 2));
	CHECK_EQ(plan.n, 2);
	CHECK(!plan.settled);
	for (seq = 3; seq < 6; seq++) {
		send(0, false);
		now += 1000;
		arrive(&in, 5, seq, 2);
		CHECK(!plan.settled);
	}
	nf_vpn_esp_plan(&in, &(struct nf_vpn_esp_arrival){ 5, 3 }, all, 0,
			&rules, &bucket, now, &plan);
	CHECK_EQ(plan.n, 0);
}

/* Packets of an SPI until it is settled as client 0's, who reacts to each */
static unsigned int packets_until_settled(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	/* copies are scarce: a lead is believed as soon as it is large enough */
	bucket.used[1] = NF_VPN_ESP_COPY_BURST * 500;
	send(0, true);
	send(1, true);
	now += 1000;
	first(&in, 5, 1, 2);
	now += 1000;
	first(&in, 5, 2, 2);
	seq = converse(&in, 3, 20, 0, 995, 2);
	CHECK(in.settled);
	CHECK_EQ(plan.target[0], 0);
	return seq - 1;
}

static void unexpected_takes_more(void)
{
	unsigned int awaited;

	world();
	bring_up(0);
	bring_up(1);
	awaited = packets_until_settled();
	world();
	start(0);
	start(1);
	pair[0].unmatched_in = 1;
	pair[1].unmatched_in = 1;
	CHECK(packets_until_settled() > awaited + 2);
	CHECK(plan.unexpected);
}

static void only_candidate(void)
{
	struct nf_vpn_esp_in in;

	world();
	bring_up(0);
	start(1);
	send(0, true);
	now += RTT;
	first(&in, 5, 1, 2);
	CHECK_EQ(plan.n, 1);
	CHECK_EQ(plan.target[0], 0);
	CHECK(!plan.settled);
	CHECK_EQ(pair[0].gates, 1);
	send(0, false);
	now += RTT;
	CHECK(first(&in, 5, 2, 2));
	CHECK(plan.settled && in.settled);
	CHECK_EQ(pair[0].gates, 0);
	CHECK_EQ(pair[0].unmatched_out, 0);
	CHECK_EQ(view(0).live, 1);
	CHECK(view(0).recent);
	now += NF_VPN_ESP_RECENT_MS;
	CHECK(!view(0).recent);
	CHECK(!nf_vpn_esp_watched(&pair[0], now));
	nf_vpn_esp_gone(&pair[0]);
	CHECK_EQ(view(0).live, 0);
	CHECK(view(0).lost);
}

/* The only one known, but there is one unknown */
static void rival(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	world();
	bring_up(0);
	rules.rival = true;
	now += 700;
	first(&in, 5, 1, 1);
	for (seq = 2; seq < 40; seq++) {
		now += 300;
		send(0, seq == 2);
		now += 700;
		seq == 2 ? (void)first(&in, 5, 2, 1) : arrive(&in, 5, seq, 1);
		CHECK(!plan.settled);
	}
	converse(&in, seq, 100, 0, 75, 1);
	CHECK(in.settled);
}

static void one_way(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	world();
	bring_up(0);
	first(&in, 5, 1, 1);
	for (seq = 2; seq < NF_VPN_ESP_ONE_WAY; seq++) {
		now += 10;
		seq == 2 ? (void)first(&in, 5, 2, 1) : arrive(&in, 5, seq, 1);
		CHECK(!plan.settled);
	}
	now += NF_VPN_ESP_ONE_WAY_MS;
	arrive(&in, 5, seq, 1);
	CHECK(plan.settled);
	/* its outbound one comes late, and is no reason to await another */
	send(0, true);
	CHECK_EQ(pair[0].unmatched_out, 0);
	send(0, true);
	CHECK_EQ(pair[0].unmatched_out, 1);
}

static void forged_first(void)
{
	struct nf_vpn_esp_in forged, in;
	u32 i;

	world();
	bring_up(0);
	for (i = 0; i < 1000; i++) {
		now++;
		CHECK(!first(&forged, 1000 + i, 1 + i % 64, 1));
		CHECK(!plan.settled);
	}
	CHECK_EQ(pair[0].gates, 1);
	send(0, true);
	now += RTT;
	first(&in, 5, 1, 1);
	CHECK_EQ(plan.target[0], 0);
	send(0, false);
	now += RTT;
	first(&in, 5, 2, 1);
	CHECK(plan.settled);
	CHECK_EQ(pair[0].gates, 0);
}

/* Two gates; the one that answers owns it, whoever is guessed first */
static void who_reacts(unsigned int owner)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	world();
	bring_up(0);
	bring_up(1);
	now += 700;
	first(&in, 5, 1, 2);
	CHECK_EQ(plan.n, 2);
	CHECK(!plan.settled);
	for (seq = 2; seq < 100 && !in.settled; seq++) {
		now += 5;
		send(owner, seq == 2);
		now += 75;
		seq == 2 ? (void)first(&in, 5, 2, 2) : arrive(&in, 5, seq, 2);
	}
	CHECK(in.settled);
	CHECK_EQ(plan.target[0], owner);
	CHECK(seq > 3);
	CHECK_EQ(pair[owner].gates, 0);
	CHECK_EQ(pair[!owner].gates, 1);
}

static void reaction_decides(void)
{
	who_reacts(0);
	who_reacts(1);
}

/* With plenty of copies to be had a lead is not believed at once */
static void patience(void)
{
	u32 start, plenty, pressed;

	world();
	start = now;
	who_reacts(0);
	plenty = now - start;
	CHECK(plenty >= NF_VPN_ESP_PATIENT_MS);
	rules_used = NF_VPN_ESP_COPY_BURST * 500 / 4 * 3;
	start = 0xffffffffU - 150;
	who_reacts(0);
	pressed = now - start;
	rules_used = 0;
	CHECK(pressed < NF_VPN_ESP_PATIENT_MS);
}

/*
 * Client 0 has all it negotiated, but may have lost something (it sends with an
 * SPI nobody answers); client 1 awaits its SA.
 */
static void settled_and_waiting(struct nf_vpn_esp_in *in)
{
	world();
	bring_up(0);
	send(0, true);
	first(in, 4, 1, 1);
	send(0, true);
	now += RTT;
	first(in, 4, 2, 1);
	CHECK(in->settled);
	bring_up(1);
	now += 2000;
}

/* Client 0's pings keep time with the answers client 1 gets. */
static void gate_outweighs_timing(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	settled_and_waiting(&in);
	for (seq = 1; seq < 60; seq++) {
		now += 1000 - RTT - 10;
		send(1, seq == 1);
		now += RTT;
		seq < 3 ? (void)first(&in, 5, seq, 2) : arrive(&in, 5, seq, 2);
		CHECK(plan.target[0] == 1 || plan.n == 2);
		CHECK(!plan.settled || plan.target[0] == 1);
		now += 10;
		send(0, false);
	}
}

/*
 * The same, and then client 0 rekeys: it awaits an SA again, but not the one of which
 * packets came before.
 */
static void rekey_proves_nothing_old(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	settled_and_waiting(&in);
	for (seq = 1; seq < 30; seq++) {
		now += 60;
		send(1, seq == 1);
		now += 130;
		seq < 3 ? (void)first(&in, 5, seq, 2) : arrive(&in, 5, seq, 2);
		CHECK(!plan.settled || plan.target[0] == 1);
		now += 10;
		send(0, false);
		if (seq != 20)
			continue;
		exchange(0, NF_VPN_IKE2_CREATE_CHILD, 2, 1);
		send(0, true);
	}
}

/* Sends all the time, so its sending proves nothing */
static void busy_is_no_reaction(void)
{
	struct nf_vpn_esp_in in;
	u32 seq, t;

	world();
	bring_up(0);
	bring_up(1);
	for (seq = 1; seq < 12; seq++) {
		for (t = 0; t < 80; t += 10) {
			now += 10;
			send(0, seq == 1 && !t);
		}
		seq < 3 ? (void)first(&in, 5, seq, 2) : arrive(&in, 5, seq, 2);
		CHECK(!plan.settled);
		CHECK_EQ(plan.n, 2);
	}
}

/* Quiet, but what it sends comes too late to be an answer */
static void late_is_no_reaction(void)
{
	struct nf_vpn_esp_in in;
	u32 seq;

	world();
	bring_up(0);
	bring_up(1);
	for (seq = 1; seq < 30; seq++) {
		now += 300;
		send(0, seq == 1);
		now += 700;
		seq < 3 ? (void)first(&in, 5, seq, 2) : arrive(&in, 5, seq, 2);
		CHECK(!plan.settled);
	}
}

/* The SPI of the first gate is settled when the second is open */
static void which_gate(void)
{
	struct nf_vpn_esp_in in;

	world();
	bring_up(0);
	first(&in, 5, 1, 1);
	now += 1000;
	exchange(0, NF_VPN_IKE2_CREATE_CHILD, 2, 1);
	send(0, true);
	now += 10;
	first(&in, 5, 2, 1);
	CHECK(plan.settled);
	CHECK_EQ(view(0).gates, 1);
	CHECK(view(0).gate_age_ms < 1000);
}

static void spi_before_the_gate(void)
{
	struct nf_vpn_esp_in in;

	world();
	bring_up(0);
	start(1);
	now += 10;
	first(&in, 5, 1, 2);
	CHECK_EQ(plan.eligible, 1);
	now += 10;
	exchange(1, NF_VPN_IKE2_AUTH, 1, 2);
	first(&in, 5, 2, 2);
	CHECK_EQ(plan.eligible, 1);
	CHECK_EQ(plan.target[0], 0);
	/* a new one may be either's */
	first(&in, 6, 1, 2);
	CHECK_EQ(plan.eligible, 2);
}

/* Who awaits one handed it over after the packet came: nobody's */
static void gate_after_the_spi(void)
{
	struct nf_vpn_esp_in in;

	world();
	start(0);
	start(1);
	first(&in, 5, 1, 2);
	CHECK_EQ(plan.n, 0);
	now += 10;
	exchange(1, NF_VPN_IKE2_AUTH, 1, 2);
	plan.target[0] = 999;
	CHECK(first(&in, 5, 2, 2));
	CHECK_EQ(plan.n, 0);
	CHECK_EQ(plan.eligible, 0);
	CHECK_EQ(bucket.used[0], 0);
	CHECK_EQ(bucket.used[1], 0);
}

static void old_sa_takes_no_gate(void)
{
	struct nf_vpn_esp_in in;

	world();
	bring_up(0);
	send(0, true);
	now += RTT;
	first(&in, 5, 70000, 1);
	CHECK_EQ(plan.n, 1);
	send(0, false);
	now += RTT;
	first(&in, 5, 70001, 1);
	CHECK(plan.settled);
	CHECK_EQ(pair[0].gates, 1);
}

/* As the kernel does with what is settled */
static bool doubt(struct nf_vpn_esp_in *in, unsigned int owner, u32 gate)
{
	struct nf_vpn_esp_sa sa = in->sa;

	CHECK(in->settled);
	if (!nf_vpn_esp_doubtful(&sa, gate, now))
		return false;
	nf_vpn_esp_doubt(&pair[owner], &sa, now, in);
	return true;
}

/* Settled as the wrong one's; the right one asks and gets nothing */
static void doubted(void)
{
	struct nf_vpn_esp_in in;
	unsigned int i;

	world();
	bring_up(0);
	now += 10;
	bring_up(1);
	now += 10;
	send(0, true);
	send(1, true);
	first(&in, 5, 1, 1);
	now += 10;
	send(0, false);
	now += 10;
	first(&in, 5, 2, 1);
	CHECK(in.settled);
	CHECK_EQ(view(0).gates, 0);
	/* what began before it handed its SPI over cannot be its own */
	CHECK(!nf_vpn_esp_doubtful(&in.sa, now, now));
	CHECK(doubt(&in, 0, pair[1].gate[0]));
	CHECK(!in.settled);
	CHECK_EQ(view(0).gates, 1);
	CHECK_EQ(view(0).live, 0);
	CHECK_EQ(pair[0].unmatched_out, 1);
	now += 10;
	arrive(&in, 5, 50000, 2);
	CHECK_EQ(plan.n, 2);
	converse(&in, 50001, 50100, 1, 75, 2);
	CHECK(in.settled);
	CHECK_EQ(plan.target[0], 1);
	CHECK_EQ(view(0).gates, 1);
	CHECK_EQ(view(1).gates, 0);
	for (i = 1; i < NF_VPN_ESP_DOUBTS; i++) {
		CHECK(doubt(&in, 1, in.sa.first));
		in.settled = true;
	}
	CHECK(!doubt(&in, 1, in.sa.first));
}

static void same_spi_twice(void)
{
	struct nf_vpn_esp_in in = { .settled = true, .sa.seq = 500 };
	struct nf_vpn_esp_arrival a = { .spi = 5, .seq = 501 };

	CHECK(!nf_vpn_esp_in_shared(&in.sa, &a));
	CHECK_EQ(in.sa.seq, 501);
	a.seq = 400;
	CHECK(!nf_vpn_esp_in_shared(&in.sa, &a));
	CHECK(!nf_vpn_esp_in_shared(&in.sa, &a));
	a.seq = 1;
	CHECK(!nf_vpn_esp_in_shared(&in.sa, &a));
	a.seq = 2;
	CHECK(nf_vpn_esp_in_shared(&in.sa, &a));
	CHECK_EQ(in.sa.seq, 501);
}

/* ---- copies ---- */

static void copies_are_bounded(void)
{
	struct nf_vpn_esp_in in;
	u32 i, copies = 0;

	world();
	rules.burst = 1000;
	rules.rate = 100;
	for (i = 0; i < PAIRS; i++)
		bring_up(i);
	now += 5000;
	for (i = 0; i < 3000; i++) {
		first(&in, 1000 + i, 1, PAIRS);
		copies += plan.n - 1;
	}
	CHECK(copies >= 400 && copies <= 500);
	CHECK_EQ(plan.n, 1);
	/* one that counts on is better off */
	CHECK(first(&in, 1000 + i - 1, 2, PAIRS));
	CHECK_EQ(plan.n, PAIRS);
	now += 10000;
	first(&in, 7, 1, PAIRS);
	CHECK_EQ(plan.n, PAIRS);
	rules.copies = 3;
	first(&in, 8, 1, PAIRS);
	CHECK_EQ(plan.n, 3);
	rules.copies = 0;
	first(&in, 9, 1, PAIRS);
	CHECK_EQ(plan.n, 1);
}

/* With fewer copies than candidates the search gets round */
static void search_gets_round(void)
{
	struct nf_vpn_esp_in in;
	u32 seq, got = 0, i;

	world();
	rules.copies = 2;
	for (i = 0; i < PAIRS; i++)
		bring_up(i);
	now += 5000;
	first(&in, 5, 1, PAIRS);
	for (seq = 2; seq < 8; seq++) {
		now += 100;
		seq == 2 ? (void)first(&in, 5, 2, PAIRS) :
			   arrive(&in, 5, seq, PAIRS);
		for (i = 0; i < plan.n; i++)
			got |= 1U << plan.target[i];
	}
	CHECK_EQ(got, (1U << PAIRS) - 1);
}

/* ---- holds ---- */

static u32 hold(unsigned int i, const struct nf_vpn_ike_msg *m,
		unsigned int dir, u32 queued, u32 waited)
{
	return nf_vpn_esp_hold(all, PAIRS, i, m, dir, queued, waited,
			       rules.hold_ms, now);
}

static void only_the_ambiguous_waits(void)
{
	struct nf_vpn_ike_msg auth = message(NF_VPN_IKE2_AUTH, false, 1, 2);
	struct nf_vpn_ike_msg info = message(NF_VPN_IKE2_INFORMATIONAL, false,
					     1, 2);
	struct nf_vpn_ike_msg child = message(NF_VPN_IKE2_CREATE_CHILD, true,
					      1, 2);

	world();
	start(0);
	start(1);
	CHECK_EQ(hold(1, &auth, 0, 1, 0), 0);
	ike(0, 0, NF_VPN_IKE2_AUTH, false, 1, 1);
	CHECK_EQ(hold(1, &auth, 0, 1, 0), NF_VPN_ESP_HOLD_TICK_MS);
	CHECK_EQ(hold(1, &child, 0, 1, 0), NF_VPN_ESP_HOLD_TICK_MS);
	CHECK_EQ(hold(1, &auth, 1, 1, 0), 0);
	CHECK_EQ(hold(1, &info, 0, 1, 0), 0);
	CHECK_EQ(hold(0, &auth, 0, 1, 0), 0);
	CHECK_EQ(hold(1, &auth, 0, 7, 0), NF_VPN_ESP_HOLD_TICK_MS);
	CHECK_EQ(hold(1, &auth, 0, 8, 0), 0);
	CHECK_EQ(hold(1, &auth, 0, 1, NF_VPN_ESP_HOLD_STEP_MS), 0);
	CHECK_EQ(nf_vpn_esp_hold(all, PAIRS, 1, &auth, 0, 1, 0, 0, now), 0);
	now += NF_VPN_ESP_SLOT_MS;
	CHECK_EQ(hold(1, &auth, 0, 1, 0), 0);
	/* what passed once passes again, whoever else is hot by now */
	ike(1, 0, NF_VPN_IKE2_AUTH, false, 1, 2);
	ike(0, 0, NF_VPN_IKE2_CREATE_CHILD, false, 2, 1);
	CHECK_EQ(hold(1, &auth, 0, 1, 0), 0);
}

static void hold_is_bounded(void)
{
	struct nf_vpn_ike_msg auth = message(NF_VPN_IKE2_AUTH, false, 1, 8);
	u32 waited = 0, more;
	unsigned int i;

	world();
	start(7);
	for (i = 0; i < 7; i++)
		start(i);
	do {
		for (i = 0; i < 7; i++)
			ike(i, 0, NF_VPN_IKE2_CREATE_CHILD, false, 10 + waited,
			    i + 1);
		more = hold(7, &auth, 0, 1, waited);
		waited += more;
		now += more;
	} while (more && waited < 2 * NF_VPN_ESP_HOLD_MS);
	CHECK(waited >= 7 * NF_VPN_ESP_HOLD_STEP_MS);
	CHECK(waited < 8 * NF_VPN_ESP_HOLD_STEP_MS);
	/* the last tick is shorter */
	rules.hold_ms = 1510;
	CHECK_EQ(hold(7, &auth, 0, 1, 1495), 15);
	CHECK_EQ(hold(7, &auth, 0, 1, 1510), 0);
}

static void packet_frees_the_slot(void)
{
	struct nf_vpn_ike_msg auth = message(NF_VPN_IKE2_AUTH, false, 1, 2);
	struct nf_vpn_esp_in in;

	world();
	bring_up(0);
	start(1);
	CHECK(hold(1, &auth, 0, 1, 0));
	first(&in, 5, 1, 2);
	CHECK_EQ(hold(1, &auth, 0, 1, 0), 0);
	/* but closes no gate */
	CHECK_EQ(pair[0].gates, 1);
}

static void quick_mode(void)
{
	struct nf_vpn_ike_msg m = message(NF_VPN_IKE1_QUICK, false, 9, 2);

	world();
	ike(1, 1, NF_VPN_IKE1_MAIN, false, 0, 2);
	CHECK(nf_vpn_ike_hands_spi(&pair[1].ike, &m, 0));
	CHECK(!nf_vpn_ike_hands_spi(&pair[1].ike, &m, 1));
	nf_vpn_esp_ike(&pair[1], &m, 0, now);
	CHECK(nf_vpn_ike_hands_spi(&pair[1].ike, &m, 0));
	nf_vpn_esp_ike(&pair[1], &m, 1, now);
	m.len = 60;
	CHECK(!nf_vpn_ike_hands_spi(&pair[1].ike, &m, 0));
	nf_vpn_esp_ike(&pair[1], &m, 0, now);
	CHECK_EQ(view(1).gates, 1);
	CHECK_EQ(view(1).gates_wanted, 0);
	/* the server asks: the client's answer gives it away */
	m.msgid = 10;
	m.len = 300;
	nf_vpn_esp_ike(&pair[1], &m, 1, now);
	CHECK(nf_vpn_ike_hands_spi(&pair[1].ike, &m, 0));
}

/* ---- fuzz ---- */

static void random_ike(u64 *rng)
{
	static const u8 types[] = { 2, 4, 5, 32, 34, 35, 36, 37, 43 };
	unsigned int i = ktap_below(rng, PAIRS);
	struct nf_vpn_ike_msg m = message(types[ktap_below(rng, 9)],
					  ktap_below(rng, 2),
					  ktap_below(rng, 4),
					  1 + ktap_below(rng, 3));

	m.len = ktap_below(rng, 2) ? 300 : 60;
	m.response &= m.v2;
	if (!nf_vpn_esp_hold(all, PAIRS, i, &m, ktap_below(rng, 2), 1,
			     ktap_below(rng, 100), rules.hold_ms, now))
		nf_vpn_esp_ike(&pair[i], &m, ktap_below(rng, 2), now);
}

static void sound(unsigned int n, const struct nf_vpn_esp_in *in)
{
	u32 got = 0;
	unsigned int i;

	CHECK(plan.n <= n && plan.n <= plan.eligible && plan.eligible <= n);
	CHECK(plan.n >= 1 || !plan.settled);
	for (i = 0; i < plan.n; i++) {
		CHECK(plan.target[i] < n);
		CHECK(!(got & 1U << plan.target[i]));
		got |= 1U << plan.target[i];
	}
	CHECK(in->n <= NF_VPN_ESP_TRACKED);
	for (i = 0; i < PAIRS; i++) {
		CHECK(pair[i].gates <= NF_VPN_ESP_GATES);
		CHECK(pair[i].tentative <= pair[i].gates);
	}
}

static void fuzz(void)
{
	struct nf_vpn_esp_in in[4] = { 0 };
	u64 rng = 2409;
	unsigned int k, n, settled = 0;
	long round;

	world();
	for (round = 0; round < FUZZ_ROUNDS; round++) {
		now += ktap_below(&rng, 1000) ? ktap_below(&rng, 60) :
		       ktap_below(&rng, 100000000);
		rules.copies = ktap_below(&rng, 10);
		k = ktap_below(&rng, 4);
		n = ktap_below(&rng, PAIRS + 1);
		switch (ktap_below(&rng, 3)) {
		case 0:
			random_ike(&rng);
			break;
		case 1:
			send(ktap_below(&rng, PAIRS), !ktap_below(&rng, 9));
			break;
		default:
			if (in[k].settled) {
				nf_vpn_esp_gone(&pair[k]);
				memset(&in[k], 0, sizeof(in[k]));
			}
			arrive(&in[k], k, in[k].sa.seq + 1, n);
			sound(n, &in[k]);
			settled += plan.settled;
		}
	}
	CHECK(settled > 100);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(gate_by_exchange),
	KTAP_CASE(round_trip),
	KTAP_CASE(server_asks),
	KTAP_CASE(refused_and_unanswered),
	KTAP_CASE(rekeyed_ike_sa_opens_no_gate),
	KTAP_CASE(delete_retires_what_was_replaced),
	KTAP_CASE(unknown_past),
	KTAP_CASE(seen_once),
	KTAP_CASE(nobody_awaits),
	KTAP_CASE(unexpected_takes_more),
	KTAP_CASE(only_candidate),
	KTAP_CASE(rival),
	KTAP_CASE(one_way),
	KTAP_CASE(forged_first),
	KTAP_CASE(reaction_decides),
	KTAP_CASE(patience),
	KTAP_CASE(gate_outweighs_timing),
	KTAP_CASE(rekey_proves_nothing_old),
	KTAP_CASE(busy_is_no_reaction),
	KTAP_CASE(late_is_no_reaction),
	KTAP_CASE(which_gate),
	KTAP_CASE(spi_before_the_gate),
	KTAP_CASE(gate_after_the_spi),
	KTAP_CASE(old_sa_takes_no_gate),
	KTAP_CASE(doubted),
	KTAP_CASE(same_spi_twice),
	KTAP_CASE(copies_are_bounded),
	KTAP_CASE(search_gets_round),
	KTAP_CASE(only_the_ambiguous_waits),
	KTAP_CASE(hold_is_bounded),
	KTAP_CASE(packet_frees_the_slot),
	KTAP_CASE(quick_mode),
	KTAP_CASE(fuzz),
};

KTAP_MAIN(cases)
