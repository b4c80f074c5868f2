// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients, servers and the network between them: IKEv2 (RFC 7296), the outside
 * of IKEv1 (RFC 2409), ESP, and traffic that asks, answers and retransmits.
 */
#include "sim.h"

/* Streams of random numbers of a client */
enum { R_NET, R_IKE, R_TRAFFIC, R_SPI };

#define LAN_LEAST	(1 * MS)	/* client to NAT, one way */
#define LAN_SPREAD	(4 * MS)
#define TRIES		6
#define STEPS		8		/* packets of a burst, most */
#define ONEWAY_PACKETS	20

struct client client[MOST_CLIENTS];
u64 now;
static u64 world_rng;
static struct { u32 spi, seq; } forged;

static u64 between(u64 *rng, u64 least, u64 most)
{
	return least + (u64)(unit(rng) * (double)(most - least));
}

static void at(u64 delay, struct event *e)
{
	e->t = now + delay;
	push(e);
}

static void timer(struct client *c, enum what what, u64 delay, u32 gen, u8 dir)
{
	struct event e = { .cl = c->id, .what = what, .gen = gen, .dir = dir };

	at(delay, &e);
}

/* ---- network ---- */

static u64 lan(struct client *c)
{
	return between(&c->rng[R_NET], LAN_LEAST, LAN_LEAST + LAN_SPREAD);
}

static u64 wan(struct client *c)
{
	return sc->rtt / 2 + between(&c->rng[R_NET], 0, sc->jitter);
}

static bool lost(struct client *c)
{
	return unit(&c->rng[R_NET]) < sc->loss;
}

/* A packet leaves its sender; the WAN leg of the server's comes first */
static void emit(struct client *c, struct event *e)
{
	bool gone = e->dir == SERVER && lost(c);
	u64 delay = e->dir == SERVER ? wan(c) : lan(c);

	if (!gone)
		at(delay, e);
}

/* It leaves the NAT */
static void onward(struct client *c, struct event *e)
{
	if (e->dir == CLIENT && lost(c))
		return;
	e->what = e->what == W_NAT_ESP ? W_END_ESP : W_END_IKE;
	at(e->dir == CLIENT ? wan(c) : lan(c), e);
}

/* ---- SAs ---- */

static void account(struct sa *sa)
{
	if (!sa->arrived)
		return;
	res->sas++;
	res->sas_right += !sa->wrong;
	res->sas_first_right += sa->first_right;
	res->sas_settled_right += sa->last_right;
	sa->arrived = 0;
}

static s8 new_sa(struct client *c)
{
	s8 i = (s8)((c->newest + 1) % SAS);
	struct sa *sa = &c->sa[i];
	u64 *rng = &c->rng[R_SPI];

	account(sa);
	memset(sa, 0, sizeof(*sa));
	if (sc->same_spi && c->id == 1)
		rng = &client[0].rng[R_SPI];
	sa->spi[CLIENT] = (u32)next_rand(rng) | 0x1000;
	if (sc->same_spi && c->id < 2)
		sa->spi[CLIENT] = 0xc0000000U + (u32)(c->ispi_count + c->sa_gen);
	sa->spi[SERVER] = (u32)next_rand(rng) | 0x1000;
	sa->used = true;
	return i;
}

static struct sa *sending(struct client *c, enum side side)
{
	unsigned int i;

	for (i = 0; i < SAS; i++) {
		struct sa *sa = &c->sa[(c->newest + 2 * SAS - i) % SAS];

		if (sa->used && sa->out[side])
			return sa;
	}
	return NULL;
}

static void end_sas(struct client *c, enum side side, s8 except)
{
	s8 i;

	for (i = 0; i < SAS; i++)
		if (i != except)
			c->sa[i].out[side] = false;
}

/* ---- ESP and traffic ---- */

static bool send_esp(struct client *c, enum side side, u8 burst, u8 step,
		     bool oneway)
{
	struct sa *sa = sending(c, side);
	struct event e = { .what = W_NAT_ESP, .cl = c->id, .dir = side };

	if (!sa)
		return false;
	e.esp.spi = sa->spi[!side];
	e.esp.seq = ++sa->seq[side];
	e.esp.burst = burst;
	e.esp.step = step;
	e.esp.oneway = oneway;
	emit(c, &e);
	return true;
}

static u64 next_gap(struct client *c)
{
	return expo(&c->rng[R_TRAFFIC], c->busy ? sc->gap / 4 : sc->gap);
}

static void send_step(struct client *c, u8 b)
{
	struct burst *burst = &c->burst[b];
	enum side side = (b + burst->step) % 2 ? SERVER : CLIENT;
	u64 rto = (burst->step ? 400 * MS : SEC) << burst->tries;

	send_esp(c, side, b, burst->step, false);
	timer(c, W_AGAIN, rto, burst->gen, b);
}

static void begin_burst(struct client *c, u8 b)
{
	struct burst *burst = &c->burst[b];

	if (burst->active)
		return;
	burst->gen++;
	burst->step = 0;
	burst->tries = 0;
	burst->oneway = b == CLIENT ? c->oneway_out : c->oneway_in;
	burst->active = true;
	if (burst->oneway) {
		burst->steps = ONEWAY_PACKETS;
		timer(c, W_ONEWAY, 0, burst->gen, b);
		return;
	}
	burst->steps = (u8)(2 + 2 * between(&c->rng[R_TRAFFIC], 0, STEPS / 2));
	send_step(c, b);
}

static void do_oneway(struct client *c, u8 b)
{
	struct burst *burst = &c->burst[b];

	send_esp(c, b, b, burst->step, true);
	if (++burst->step >= burst->steps)
		burst->active = false;
	else
		timer(c, W_ONEWAY, between(&c->rng[R_TRAFFIC], 20 * MS,
					   200 * MS), burst->gen, b);
}

static u8 who_begins(struct client *c)
{
	if (c->oneway_in)
		return SERVER;
	if (c->oneway_out)
		return CLIENT;
	return unit(&c->rng[R_TRAFFIC]) < sc->server_first ? SERVER : CLIENT;
}

static void do_burst(struct client *c)
{
	begin_burst(c, who_begins(c));
	timer(c, W_BURST, next_gap(c), c->gen, 0);
}

/* A tunnel is rekeyed while it is used: it goes on at once */
static void traffic_after(struct client *c, bool start)
{
	bool soon = start ? unit(&c->rng[R_TRAFFIC]) < 0.8 : c->busy;
	u64 delay = soon ? between(&c->rng[R_TRAFFIC], 5 * MS, 200 * MS) :
			   next_gap(c);

	if (start && sc->silent_start)
		delay = next_gap(c);
	if (start || soon)
		timer(c, start ? W_BURST : W_STEP, delay, c->gen, 0);
}

static void two_way(struct client *c)
{
	if (c->two_way)
		return;
	c->two_way = true;
	res->up++;
	if (res->two_way == res->two_way_room) {
		res->two_way_room = res->two_way_room ?
				    2 * res->two_way_room : 1024;
		res->two_way_ms = realloc(res->two_way_ms, res->two_way_room *
					  sizeof(double));
		if (!res->two_way_ms)
			abort();
	}
	res->two_way_ms[res->two_way++] = (double)(now - c->started) / 1000;
}

static void answer_step(struct client *c, const struct esp *p)
{
	struct burst *burst = &c->burst[p->burst];

	if (p->oneway || !burst->active || p->step != burst->step)
		return;
	burst->step++;
	burst->tries = 0;
	burst->gen++;
	if (burst->step >= burst->steps)
		burst->active = false;
	else
		timer(c, W_STEP, between(&c->rng[R_TRAFFIC], MS / 2, 20 * MS),
		      burst->gen, (u8)(p->burst + 1));
}

static void end_esp(struct client *c, const struct event *e)
{
	enum side to = !e->dir;
	unsigned int i;

	for (i = 0; i < SAS; i++) {
		struct sa *sa = &c->sa[i];

		if (!sa->used || !sa->in[to] || sa->spi[to] != e->esp.spi)
			continue;
		c->heard[to] = now;
		sa->out[to] |= i == (unsigned int)c->newest;
		if (to == SERVER)
			c->server_got = true;
		if (to == CLIENT && (c->server_got || c->oneway_in))
			two_way(c);
		answer_step(c, &e->esp);
		return;
	}
}

/* ---- IKE ---- */

static void send_ike(struct client *c, enum side side, const struct ike *ike)
{
	struct event e = { .what = W_NAT_IKE, .cl = c->id, .dir = side,
			   .ike = *ike, .gen = c->gen };

	emit(c, &e);
}

static void send_request(struct client *c, enum side side)
{
	struct exchange *ex = &c->ex[side];
	struct ike m = { .ispi = ex->ispi, .msgid = ex->msgid, .kind = ex->kind,
			 .stage = 1, .sa = ex->sa, .from = side };

	send_ike(c, side, &m);
	timer(c, W_IKE_AGAIN, c->rto << ex->tries, ex->gen, side);
}

static void ask(struct client *c, enum side side, enum ike_kind kind, s8 sa)
{
	struct exchange *ex = &c->ex[side];

	if (ex->active)
		return;
	ex->active = true;
	ex->kind = kind;
	ex->tries = 0;
	ex->sa = sa;
	ex->gen++;
	ex->ispi = c->ispi;
	ex->msgid = kind == K_QUICK ? (u32)next_rand(&c->rng[R_IKE]) | 1 :
		    kind >= K_MAIN1 ? 0 : c->msgid[side]++;
	send_request(c, side);
}

static void new_ike_sa(struct client *c)
{
	c->ispi = (u64)(c->id + 1) << 32 | ++c->ispi_count;
	c->msgid[CLIENT] = 0;
	c->msgid[SERVER] = 0;
}

static void start(struct client *c)
{
	unsigned int i;

	c->gen++;
	for (i = 0; i < SAS; i++) {
		memset(c->sa[i].in, 0, sizeof(c->sa[i].in));
		memset(c->sa[i].out, 0, sizeof(c->sa[i].out));
	}
	memset(c->ex, 0, sizeof(c->ex));
	memset(c->burst, 0, sizeof(c->burst));
	memset(c->done, 0, sizeof(c->done));
	memset(c->quick, 0, sizeof(c->quick));
	c->up = false;
	c->two_way = false;
	c->server_got = false;
	c->started = now;
	res->started++;
	new_ike_sa(c);
	ask(c, CLIENT, c->v1 ? K_MAIN1 : K_INIT, -1);
}

static void schedule_rekey(struct client *c)
{
	u64 life = between(&c->rng[R_IKE], sc->life * 85 / 100, sc->life);
	u8 side = unit(&c->rng[R_IKE]) < sc->by_server ? SERVER : CLIENT;

	if (sc->life)
		timer(c, W_REKEY, life, ++c->sa_gen, side);
}

static void begin_rekey(struct client *c, enum side side)
{
	s8 sa;

	if (!c->up || c->ex[0].active || c->ex[1].active) {
		timer(c, W_REKEY, SEC, c->sa_gen, side);
		return;
	}
	sa = new_sa(c);
	c->newest = sa;
	res->rekeys++;
	ask(c, side, c->v1 ? K_QUICK : K_CHILD, sa);
	schedule_rekey(c);
}

static void established(struct client *c)
{
	c->up = true;
	schedule_rekey(c);
	if (sc->ike_life && !c->v1)
		timer(c, W_IKE_REKEY, between(&c->rng[R_IKE], sc->ike_life / 2,
					      sc->ike_life), c->gen, 0);
	if (sc->dpd)
		timer(c, W_DPD, sc->dpd, c->gen, 0);
	traffic_after(c, true);
}

/* A request came: what @side does with it the first time */
static void grant(struct client *c, enum side side, const struct ike *m)
{
	struct sa *sa = m->sa >= 0 ? &c->sa[m->sa] : NULL;

	switch (m->kind) {
	case K_AUTH:
		c->newest = m->sa;
		sa->in[side] = true;
		sa->out[side] = true;
		break;
	case K_CHILD:
	case K_QUICK:
		sa->in[side] = true;
		sa->out[side] |= m->kind == K_CHILD && !c->lazy[side];
		break;
	case K_DELETE:
		c->sa[c->newest].out[side] = true;
		end_sas(c, side, c->newest);
		break;
	}
}

static void request_came(struct client *c, enum side side, const struct ike *m)
{
	struct ike answer = *m;

	if (c->done[!side].ispi != m->ispi || c->done[!side].kind != m->kind ||
	    c->done[!side].msgid != m->msgid) {
		c->done[!side].ispi = m->ispi;
		c->done[!side].msgid = m->msgid;
		c->done[!side].kind = m->kind;
		grant(c, side, m);
		if (m->kind == K_QUICK) {
			c->quick[!side].ispi = m->ispi;
			c->quick[!side].msgid = m->msgid;
			c->quick[!side].sa = m->sa;
			c->quick[!side].done = false;
			timer(c, W_QUICK_AGAIN, c->rto, m->msgid, side);
		}
	}
	answer.stage = 2;
	send_ike(c, side, &answer);
}

/* Quick Mode's answer was not confirmed */
static void quick_again(struct client *c, const struct event *e)
{
	struct ike m = { .ispi = c->quick[!e->dir].ispi, .msgid = e->gen,
			 .kind = K_QUICK, .stage = 2,
			 .sa = c->quick[!e->dir].sa, .from = !e->dir };

	if (c->quick[!e->dir].msgid != e->gen || c->quick[!e->dir].done)
		return;
	send_ike(c, e->dir, &m);
	timer(c, W_QUICK_AGAIN, 2 * c->rto, e->gen, e->dir);
}

static void quick_last(struct client *c, enum side side, const struct ike *m)
{
	struct ike last = *m;

	last.stage = 3;
	send_ike(c, side, &last);
}

static void follow(struct client *c, enum side side, enum ike_kind kind)
{
	struct event e = { .what = W_EXCHANGE, .cl = c->id, .dir = side,
			   .gen = c->gen };

	e.ike.kind = kind;
	at(between(&c->rng[R_IKE], MS, 30 * MS), &e);
}

static void answered(struct client *c, enum side side, u8 kind, s8 sa)
{
	bool first = false;

	switch (kind) {
	case K_INIT:
	case K_MAIN3:
		follow(c, side, kind == K_INIT ? K_AUTH : K_QUICK);
		return;
	case K_MAIN1:
	case K_MAIN2:
		follow(c, side, kind + 1);
		return;
	case K_IKE:
		new_ike_sa(c);
		return;
	case K_AUTH:
	case K_CHILD:
	case K_QUICK:
		first = !c->up && side == CLIENT;
		c->sa[sa].in[side] = true;
		c->sa[sa].out[side] = true;
		if (first)
			established(c);
		else
			traffic_after(c, false);
		if (!first && c->deletes)
			follow(c, side, K_DELETE);
		return;
	case K_DELETE:
		end_sas(c, side, c->newest);
		return;
	}
}

static void answer_came(struct client *c, enum side side, const struct ike *m)
{
	struct exchange *ex = &c->ex[side];
	bool quick = m->kind == K_QUICK && side == m->from;
	bool mine = ex->ispi == m->ispi && ex->kind == m->kind &&
		    ex->msgid == m->msgid;

	if (quick)
		quick_last(c, side, m);
	if (!mine || !ex->active)
		return;
	ex->active = false;
	answered(c, side, ex->kind, ex->sa);
}

static void end_ike(struct client *c, const struct event *e)
{
	enum side side = !e->dir;

	if (e->gen != c->gen)
		return;
	c->heard[side] = now;
	if (e->ike.stage == 1) {
		request_came(c, side, &e->ike);
	} else if (e->ike.stage == 2) {
		answer_came(c, side, &e->ike);
	} else if (c->quick[!side].msgid == e->ike.msgid) {
		c->quick[!side].done = true;
		c->sa[e->ike.sa].out[side] = true;
	}
}

static void ike_again(struct client *c, const struct event *e)
{
	struct exchange *ex = &c->ex[e->dir];

	if (!ex->active || ex->gen != e->gen)
		return;
	if (++ex->tries < TRIES) {
		send_request(c, e->dir);
		return;
	}
	ex->active = false;
	if (!c->up || ex->kind == K_DPD)
		timer(c, W_START, SEC, c->gen, 1);
}

/* The next exchange of a chain */
static void do_exchange(struct client *c, const struct event *e)
{
	s8 sa = -1;

	if (c->ex[e->dir].active)
		return;
	if (e->ike.kind == K_AUTH || e->ike.kind == K_QUICK) {
		sa = new_sa(c);
		c->newest = sa;
	}
	ask(c, e->dir, e->ike.kind, sa);
}

/* ---- the NAT ---- */

static void nat_real_in(struct client *c, struct event *e)
{
	u16 to[NF_VPN_ESP_COPIES_MAX];
	unsigned int i, n = nat_in(c->server, e->esp.spi, e->esp.seq, to);
	bool right = false;

	res->in++;
	res->copies += n ? n - 1 : 0;
	for (i = 0; i < n; i++) {
		right |= to[i] == c->id;
		res->misdelivered += to[i] != c->id;
	}
	res->lost += !right;
	for (i = 0; i < SAS; i++) {
		struct sa *sa = &c->sa[i];

		if (!sa->used || sa->spi[CLIENT] != e->esp.spi)
			continue;
		if (!sa->arrived++)
			sa->first_right = right;
		sa->last_right = right;
		sa->wrong += !right;
		if (sa->before_forger && !right) {
			res->old_lost++;
			sa->before_forger = false;
		}
	}
	if (right)
		onward(c, e);
}

static void nat_esp(struct client *c, struct event *e)
{
	if (e->dir == SERVER) {
		nat_real_in(c, e);
		return;
	}
	nat_out(c->id, e->esp.spi);
	onward(c, e);
}

static void nat_ike_event(struct client *c, struct event *e)
{
	u64 wait;

	if (!e->held_since)
		e->held_since = now;
	wait = nat_hold(e);
	if (wait) {
		at(wait, e);
		return;
	}
	if (now > e->held_since) {
		double ms = (double)(now - e->held_since) / 1000;

		res->held++;
		res->held_ms_sum += ms;
		if (ms > res->held_ms_max)
			res->held_ms_max = ms;
	}
	e->held_since = 0;
	nat_ike(e);
	onward(c, e);
}

static void mark_old(void)
{
	unsigned int i, j;

	for (i = 0; i < sc->clients; i++)
		for (j = 0; j < SAS; j++) {
			struct sa *sa = &client[i].sa[j];

			sa->before_forger = sa->used && sa->arrived > 1 &&
					    sa->last_right;
			res->old += sa->before_forger;
		}
}

static void forge(void)
{
	struct event e = { .what = W_FORGE };
	u16 to[NF_VPN_ESP_COPIES_MAX];
	unsigned int n;

	if (!res->forged)
		mark_old();
	res->forged++;
	if (sc->forger != FORGE_COUNTING || forged.seq >= 3) {
		forged.spi = (u32)next_rand(&world_rng) | 0x1000;
		forged.seq = 0;
	}
	forged.seq++;
	if (sc->forger == FORGE_RANDOM)
		forged.seq = unit(&world_rng) < 0.5 ?
			     1 + (u32)next_rand(&world_rng) % 64 :
			     (u32)next_rand(&world_rng);
	n = nat_in(0, forged.spi, forged.seq, to);
	res->forged_delivered += n;
	at(expo(&world_rng, (u64)(1e6 / sc->forged_per_second)), &e);
}

/* ---- running ---- */

static void do_dpd(struct client *c, const struct event *e)
{
	if (e->gen != c->gen)
		return;
	if (now - c->heard[CLIENT] >= sc->dpd && !c->v1)
		ask(c, CLIENT, K_DPD, -1);
	timer(c, W_DPD, sc->dpd, c->gen, 0);
}

static void step_due(struct client *c, const struct event *e)
{
	/* dir 0: traffic after a rekey; else burst number plus one */
	if (!e->dir) {
		begin_burst(c, who_begins(c));
		return;
	}
	if (c->burst[e->dir - 1].gen == e->gen)
		send_step(c, e->dir - 1);
}

static void step_again(struct client *c, const struct event *e)
{
	struct burst *burst = &c->burst[e->dir];

	if (!burst->active || burst->gen != e->gen || burst->oneway)
		return;
	if (++burst->tries < TRIES)
		send_step(c, e->dir);
	else
		burst->active = false;
}

static void handle(struct event *e)
{
	struct client *c = &client[e->cl];

	switch (e->what) {
	case W_NAT_ESP:		nat_esp(c, e); break;
	case W_END_ESP:		end_esp(c, e); break;
	case W_NAT_IKE:		nat_ike_event(c, e); break;
	case W_END_IKE:		end_ike(c, e); break;
	case W_START:
		if (!e->dir || e->gen == c->gen)
			start(c);
		break;
	case W_REKEY:
		if (e->gen == c->sa_gen)
			begin_rekey(c, e->dir);
		break;
	case W_IKE_REKEY:
		if (e->gen != c->gen)
			break;
		ask(c, CLIENT, K_IKE, -1);
		timer(c, W_IKE_REKEY, sc->ike_life, c->gen, 0);
		break;
	case W_BURST:
		if (e->gen == c->gen)
			do_burst(c);
		break;
	case W_STEP:		step_due(c, e); break;
	case W_AGAIN:		step_again(c, e); break;
	case W_ONEWAY:
		if (c->burst[e->dir].gen == e->gen)
			do_oneway(c, e->dir);
		break;
	case W_IKE_AGAIN:	ike_again(c, e); break;
	case W_QUICK_AGAIN:	quick_again(c, e); break;
	case W_EXCHANGE:
		if (e->gen == c->gen)
			do_exchange(c, e);
		break;
	case W_FORGE:		forge(); break;
	case W_LOSE:		nat_forget(); break;
	case W_REBOOT:		start(c); break;
	case W_DPD:		do_dpd(c, e); break;
	}
}

static void make_client(unsigned int i, u64 seed)
{
	static const u64 rto[] = { 500 * MS, 1 * SEC, 4 * SEC };
	struct client *c = &client[i];
	unsigned int j;
	double kind;

	memset(c, 0, sizeof(*c));
	for (j = 0; j < 4; j++) {
		c->rng[j] = seed ^ (u64)(i + 1) << 20 ^ (u64)(j + 1) << 50;
		next_rand(&c->rng[j]);
	}
	c->id = (u16)i;
	c->server = (u8)(i % sc->servers);
	c->newest = SAS - 1;
	c->v1 = unit(&c->rng[R_IKE]) < sc->v1;
	c->deletes = !c->v1 || i % 2;
	c->lazy[CLIENT] = unit(&c->rng[R_IKE]) < 0.5;
	c->lazy[SERVER] = unit(&c->rng[R_IKE]) < 0.5;
	c->rto = rto[next_rand(&c->rng[R_IKE]) % 3];
	kind = unit(&c->rng[R_TRAFFIC]);
	c->busy = kind < sc->busy;
	kind = unit(&c->rng[R_TRAFFIC]);
	c->oneway_in = kind < sc->one_way_in;
	c->oneway_out = !c->oneway_in && kind < sc->one_way_in + sc->one_way_out;
	timer(c, W_START, between(&c->rng[R_IKE], 0, sc->start_spread), 0, 0);
	if (unit(&c->rng[R_IKE]) < sc->reboots)
		timer(c, W_REBOOT, sc->end / 2 + between(&c->rng[R_IKE], 0,
							  SEC), 0, 0);
}

static void special_events(void)
{
	struct event lose = { .t = sc->lose_table, .what = W_LOSE };
	struct event forger = { .t = sc->forge_from, .what = W_FORGE };

	if (sc->lose_table)
		push(&lose);
	if (sc->forger)
		push(&forger);
}

void world_run(u64 seed)
{
	unsigned long enough = res->rekeys + sc->rekeys / sc->runs;
	struct event e;
	unsigned int i, j;

	drop_all();
	now = 0;
	world_rng = ~seed;
	memset(&forged, 0, sizeof(forged));
	nat_init(seed);
	for (i = 0; i < sc->clients; i++)
		make_client(i, seed);
	special_events();
	while (pop(&e) && e.t < sc->end &&
	       (!sc->rekeys || res->rekeys < enough)) {
		now = e.t;
		handle(&e);
	}
	for (i = 0; i < sc->clients; i++)
		for (j = 0; j < SAS; j++)
			account(&client[i].sa[j]);
}
