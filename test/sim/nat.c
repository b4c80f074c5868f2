// SPDX-License-Identifier: GPL-2.0-only
/*
 * The NAT in the middle, by three policies.
 *
 * first-come: the ESP trackers patched into vendors' kernels (Broadcom, Allied
 * Telesis): an unknown inbound SPI is glued to the client that has waited
 * longest for one.  newest-talker: FreeBSD's libalias: inbound ESP goes to the
 * client that sent last.  ours: what the kernel glue does around esp_evidence.
 */
#include "sim.h"

#define SLOTS		16	/* SPIs per client and direction, as in ipsec.h */
#define HASH		8192
#define FIRST_UNREPLIED	(60 * SEC)	/* the most generous figures found */
#define FIRST_REPLIED	(3600 * SEC)

/* An inbound SPI and whose it is taken for */
struct slot {
	bool taken;
	u32 spi;
	u16 cl;
	s32 next;		/* in its hash chain */
	u64 used;
	struct nf_vpn_esp_in in;
};

/* An outbound SPI; first-come: and the inbound one glued to it */
struct out {
	u32 spi, in_spi;
	u64 made, used;
};

static struct slot slots[MOST_CLIENTS * SLOTS];
static s32 chains[HASH];
static struct out outs[MOST_CLIENTS][SLOTS];
static struct nf_vpn_esp_evidence pair[MOST_CLIENTS];
static bool exists[MOST_CLIENTS];
static u64 esp_used[MOST_CLIENTS];
static struct nf_vpn_esp_seen seen;
static struct nf_vpn_esp_bucket bucket[MOST_SERVERS];
static u16 talker[MOST_SERVERS];
static u32 salt;
static u32 queued[MOST_SERVERS];

static u32 ms(void)
{
	/* starts shortly before it wraps */
	return (u32)(now / MS) - 60000;
}

/* ---- slots ---- */

static s32 *chain_of(u32 spi)
{
	return &chains[(spi * 0x9e3779b1U) >> 19];
}

static struct slot *find(unsigned int server, u32 spi)
{
	s32 i;

	for (i = *chain_of(spi); i >= 0; i = slots[i].next)
		if (slots[i].spi == spi &&
		    client[slots[i].cl].server == server)
			return &slots[i];
	return NULL;
}

static void drop_slot(struct slot *s)
{
	s32 *p = chain_of(s->spi), me = (s32)(s - slots);

	while (*p != me)
		p = &slots[*p].next;
	*p = s->next;
	s->taken = false;
	if (policy == OURS && s->in.settled)
		nf_vpn_esp_gone(&pair[s->cl]);
}

/* Which one is worth least: not settled and fewest packets, else longest idle */
static bool worth_less(const struct slot *a, const struct slot *b)
{
	if (a->in.settled != b->in.settled)
		return !a->in.settled;
	if (!a->in.settled && a->in.packets != b->in.packets)
		return a->in.packets < b->in.packets;
	return a->used < b->used;
}

static struct slot *make_slot(unsigned int cl, u32 spi)
{
	struct slot *s = &slots[cl * SLOTS], *worst = s;
	unsigned int i;

	for (i = 0; i < SLOTS; i++, s++) {
		if (!s->taken) {
			worst = s;
			break;
		}
		if (worth_less(s, worst))
			worst = s;
	}
	if (worst->taken)
		drop_slot(worst);
	memset(worst, 0, sizeof(*worst));
	worst->taken = true;
	worst->spi = spi;
	worst->cl = (u16)cl;
	worst->used = now;
	worst->next = *chain_of(spi);
	*chain_of(spi) = (s32)(worst - slots);
	return worst;
}

static void drop_client(unsigned int cl)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (slots[cl * SLOTS + i].taken)
			drop_slot(&slots[cl * SLOTS + i]);
	memset(outs[cl], 0, sizeof(outs[cl]));
}

/* The entry that carries its ESP timed out */
static void expire(unsigned int cl)
{
	if (esp_used[cl] && now - esp_used[cl] > sc->esp_timeout) {
		drop_client(cl);
		esp_used[cl] = 0;
	}
}

/* Its outbound SPI; made when it is new */
static struct out *out_of(unsigned int cl, u32 spi, bool *fresh)
{
	struct out *o = outs[cl], *oldest = o;
	unsigned int i;

	for (i = 0; i < SLOTS; i++, o++) {
		if (o->spi == spi)
			return o;
		if (o->used < oldest->used)
			oldest = o;
	}
	*fresh = true;
	memset(oldest, 0, sizeof(*oldest));
	oldest->spi = spi;
	oldest->made = now;
	return oldest;
}

/* ---- first come ---- */

static bool waits(const struct out *o)
{
	return o->spi && !o->in_spi && now - o->used < FIRST_UNREPLIED;
}

static unsigned int first_come_in(unsigned int server, u32 spi, u16 *to)
{
	struct out *o, *oldest = NULL;
	struct slot *s = find(server, spi);
	unsigned int i, j;

	if (s && now - s->used < FIRST_REPLIED) {
		s->used = now;
		*to = s->cl;
		return 1;
	}
	if (s)
		drop_slot(s);
	for (i = server; i < sc->clients; i += sc->servers)
		for (j = 0; j < SLOTS; j++) {
			o = &outs[i][j];
			if (!waits(o) || (oldest && oldest->made <= o->made))
				continue;
			oldest = o;
			*to = (u16)i;
		}
	if (!oldest)
		return 0;
	oldest->in_spi = spi;
	make_slot(*to, spi);
	return 1;
}

/* ---- ours ---- */

static struct nf_vpn_esp_evidence *group[MOST_CLIENTS];
static u16 member[MOST_CLIENTS];

/* The pairs of a server; returns how many, and the place of @cl */
static unsigned int gather(unsigned int server, unsigned int cl,
			   unsigned int *self)
{
	unsigned int i, n = 0;

	for (i = server; i < sc->clients; i += sc->servers) {
		if (!exists[i])
			continue;
		if (i == cl)
			*self = n;
		member[n] = (u16)i;
		group[n++] = &pair[i];
	}
	return n;
}

static void use(struct slot *s)
{
	s->used = now;
	esp_used[s->cl] = now;
}

/* What is bound goes with the best guess; a guess may change */
static void rebind(struct slot *s, u32 spi, const struct nf_vpn_esp_in *in,
		   unsigned int cl)
{
	if (s && s->cl != cl) {
		drop_slot(s);
		s = NULL;
	}
	if (!s)
		s = make_slot(cl, spi);
	s->in = *in;
	use(s);
}

/* A second client that awaits an SPI, while a settled one begins anew */
static unsigned int shared_with(unsigned int server, struct slot *s,
				const struct nf_vpn_esp_arrival *a, u16 *to)
{
	struct nf_vpn_esp_candidate c;
	unsigned int i, n, k = 1;

	*to = s->cl;
	if (!nf_vpn_esp_in_shared(&s->in.sa, a))
		return 1;
	n = gather(server, 0, &i);
	for (i = 0; i < n && k < sc->rules.copies; i++) {
		nf_vpn_esp_view(group[i], ms(), &c);
		if (member[i] == s->cl || !(c.gates || c.tentative) ||
		    !c.unmatched_out)
			continue;
		to[k++] = member[i];
		res->shared += s->in.sa.again == 2;
	}
	return k;
}

static unsigned int ours_in(unsigned int server, u32 spi, u32 seq, u16 *to)
{
	struct nf_vpn_esp_arrival a = { .spi = spi, .seq = seq };
	struct slot *s = find(server, spi);
	struct nf_vpn_esp_plan plan;
	struct nf_vpn_esp_in in;
	unsigned int i, n, self;
	bool keep = true;

	if (s) {
		expire(s->cl);
		s = find(server, spi);
	}
	if (s && s->in.settled) {
		use(s);
		return shared_with(server, s, &a, to);
	}
	if (s)
		in = s->in;
	else
		keep = nf_vpn_esp_seen(&seen, salt + server, &a, ms(), &in);
	n = gather(server, 0, &self);
	nf_vpn_esp_plan(&in, &a, group, n, &sc->rules, &bucket[server], ms(),
			&plan);
	for (i = 0; i < plan.n; i++)
		to[i] = member[plan.target[i]];
	if (plan.n && keep)
		rebind(s, spi, &in, to[0]);
	return plan.n;
}

static void ours_out(unsigned int cl, bool fresh)
{
	if (!exists[cl])
		return;
	esp_used[cl] = now;
	if (fresh || nf_vpn_esp_watched(&pair[cl], ms()))
		nf_vpn_esp_out(&pair[cl], fresh, ms());
}

/* ---- IKE as it looks from outside ---- */

static void header(const struct event *e, struct nf_vpn_ike_msg *m)
{
	static const u8 exchange[] = {
		[K_INIT] = NF_VPN_IKE2_SA_INIT, [K_AUTH] = NF_VPN_IKE2_AUTH,
		[K_CHILD] = NF_VPN_IKE2_CREATE_CHILD,
		[K_IKE] = NF_VPN_IKE2_CREATE_CHILD,
		[K_DELETE] = NF_VPN_IKE2_INFORMATIONAL,
		[K_DPD] = NF_VPN_IKE2_INFORMATIONAL,
		[K_MAIN1] = NF_VPN_IKE1_MAIN, [K_MAIN2] = NF_VPN_IKE1_MAIN,
		[K_MAIN3] = NF_VPN_IKE1_MAIN, [K_QUICK] = NF_VPN_IKE1_QUICK,
	};
	static const u16 length[] = {
		[K_INIT] = 400, [K_AUTH] = 300, [K_CHILD] = 250, [K_IKE] = 220,
		[K_DELETE] = 80, [K_DPD] = 80, [K_MAIN1] = 150,
		[K_MAIN2] = 200, [K_MAIN3] = 110, [K_QUICK] = 200,
	};
	bool first = e->ike.stage == 1 &&
		     (e->ike.kind == K_INIT || e->ike.kind == K_MAIN1);

	memset(m, 0, sizeof(*m));
	m->ispi = e->ike.ispi;
	m->rspi = first ? 0 : ~e->ike.ispi;
	m->v2 = e->ike.kind < K_MAIN1;
	/* the delete after IKEv1's rekey, and its DPD, are IKEv1's */
	if (client[e->cl].v1)
		m->v2 = false;
	m->major = m->v2 ? 2 : 1;
	m->exchange = exchange[e->ike.kind];
	if (!m->v2 && m->exchange == NF_VPN_IKE2_INFORMATIONAL)
		m->exchange = NF_VPN_IKE1_INFORMATIONAL;
	m->msgid = e->ike.msgid;
	m->response = m->v2 && e->ike.stage == 2;
	m->initiator = !e->dir;
	m->len = e->ike.stage == 3 ? 60 : length[e->ike.kind];
}

/* Instead of requests: hold what opens a gate, by the same rule of pace */
static u32 hold_answer(unsigned int n, unsigned int self,
		       const struct nf_vpn_ike_msg *m, unsigned int dir,
		       u32 queue, u32 waited)
{
	struct nf_vpn_esp_candidate c;
	unsigned int i, rivals = 0;

	if (!dir || !m->response || waited >= sc->rules.hold_ms ||
	    (m->exchange != NF_VPN_IKE2_AUTH &&
	     m->exchange != NF_VPN_IKE2_CREATE_CHILD))
		return 0;
	for (i = 0; i < n; i++) {
		nf_vpn_esp_view(group[i], ms(), &c);
		if (c.gates && c.gate_age_ms < NF_VPN_ESP_SLOT_MS)
			rivals += i != self;
		/* its answer passed before */
		if (i == self && c.gates && c.gate_age_ms < NF_VPN_ESP_HOT_MS)
			return 0;
	}
	return rivals <= waited / NF_VPN_ESP_HOLD_STEP_MS +
	       queue * NF_VPN_ESP_SLOT_MS / sc->rules.hold_ms ? 0 :
	       NF_VPN_ESP_HOLD_TICK_MS;
}

static u32 ask(const struct event *e, u32 waited)
{
	u32 *queue = &queued[client[e->cl].server];
	struct nf_vpn_ike_msg m;
	unsigned int n, self = 0;

	header(e, &m);
	n = gather(client[e->cl].server, e->cl, &self);
	if (sc->holding == HOLD_ANSWER)
		return hold_answer(n, self, &m, e->dir, *queue + !waited,
				   waited);
	return nf_vpn_esp_hold(group, n, self, &m, e->dir, *queue + !waited,
			       waited, sc->rules.hold_ms, ms());
}

u64 nat_hold(const struct event *e)
{
	u32 waited = (u32)((now - e->held_since) / MS), more = 0;

	if (policy != OURS || sc->holding == HOLD_NOTHING)
		return 0;
	if (exists[e->cl])
		more = ask(e, waited);
	if (!waited && more)
		queued[client[e->cl].server]++;
	if (waited && !more)
		queued[client[e->cl].server]--;
	return more * MS;
}

void nat_ike(const struct event *e)
{
	struct nf_vpn_ike_msg m;

	if (policy != OURS)
		return;
	/* as the kernel: a pair only between two ends that both spoke */
	if (!exists[e->cl]) {
		if (e->dir == CLIENT)
			return;
		memset(&pair[e->cl], 0, sizeof(pair[0]));
		pair[e->cl].id = e->cl + 1;
		exists[e->cl] = true;
	}
	header(e, &m);
	nf_vpn_esp_ike(&pair[e->cl], &m, e->dir, ms());
}

/* ---- what the world calls ---- */

void nat_out(unsigned int cl, u32 spi)
{
	bool fresh = false;
	struct out *o;

	if (policy == OURS)
		expire(cl);
	o = out_of(cl, spi, &fresh);
	o->used = now;
	talker[client[cl].server] = (u16)cl;
	if (policy == OURS)
		ours_out(cl, fresh);
}

unsigned int nat_in(unsigned int server, u32 spi, u32 seq, u16 *to)
{
	switch (policy) {
	case FIRST_COME:
		return first_come_in(server, spi, to);
	case NEWEST:
		*to = talker[server];
		return *to < MOST_CLIENTS;
	default:
		return ours_in(server, spi, seq, to);
	}
}

void nat_forget(void)
{
	unsigned int i;

	memset(slots, 0, sizeof(slots));
	memset(chains, 0xff, sizeof(chains));
	memset(outs, 0, sizeof(outs));
	memset(pair, 0, sizeof(pair));
	memset(exists, 0, sizeof(exists));
	memset(esp_used, 0, sizeof(esp_used));
	memset(&seen, 0, sizeof(seen));
	memset(bucket, 0, sizeof(bucket));
	for (i = 0; i < MOST_SERVERS; i++)
		talker[i] = MOST_CLIENTS;
}

void nat_init(u64 seed)
{
	salt = (u32)(seed * 0x9e3779b97f4a7c15ULL >> 32);
	memset(queued, 0, sizeof(queued));
	nat_forget();
}
