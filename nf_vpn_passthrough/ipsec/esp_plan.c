// SPDX-License-Identifier: GPL-2.0-only
/* Where does an inbound ESP packet go whose owner is not known? */

#include "esp_lead.h"
#include "esp_plan.h"

bool nf_vpn_esp_counts_on(u32 seq, u32 before)
{
	return seq - before - 1 < NF_VPN_ESP_SEQ_JUMP;
}

/* ---- copies ---- */

static void refill(struct nf_vpn_esp_bucket *b,
		   const struct nf_vpn_esp_rules *rules, u32 now)
{
	u64 back = (u64)nf_vpn_since(now, b->at) * rules->rate / 2;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(b->used); i++)
		b->used[i] = back >= b->used[i] ? 0 : b->used[i] - (u32)back;
	b->at = now;
}

/* Copies there are for SPIs seen for the first time, or for others */
static u32 spare(const struct nf_vpn_esp_bucket *b,
		 const struct nf_vpn_esp_rules *rules, bool known)
{
	u32 limit = rules->burst * 500;

	return b->used[known] >= limit ? 0 : (limit - b->used[known]) / 1000;
}

/* Forged or real, there are more unknown SPIs than we care to copy */
static bool pressed(const struct nf_vpn_esp_bucket *b,
		    const struct nf_vpn_esp_rules *rules)
{
	return spare(b, rules, false) < rules->burst / 8;
}

/* ---- the plan ---- */

/**
 * struct scan - one packet and all its candidates
 * @in:		its SPI
 * @a:		the packet
 * @plan:	to be filled
 * @gain:	of the candidate at hand
 * @room:	receivers wanted
 * @lead:	of the two with most evidence gained
 * @leader:	who has lead[0]
 * @silent:	the candidate at hand did not react to the last probe
 * @leader_silent: nor did the leader, so it may be the wrong one
 * @leader_claims: it negotiated an SA that was not seen yet
 * @claims:	how many of all did
 * @guessed:	in->guess is a candidate still
 * @guess:	its index
 * @guess_gain:	evidence about it
 * @hot:	how many are
 * @hot_id:	the last of them
 * @kept:	in->id still eligible, bit by bit
 * @now:	ms
 * @rtt:	shortest of the group, 0: not known
 * @due:	the reactions to the last probe can be told
 * @trust:	a good lead is believed
 * @rival:	somebody nothing is known of may own it
 */
struct scan {
	struct nf_vpn_esp_in *in;
	const struct nf_vpn_esp_arrival *a;
	struct nf_vpn_esp_plan *plan;
	int gain;
	unsigned int room;
	int lead[2];
	unsigned int leader;
	bool silent;
	bool leader_silent;
	bool leader_claims;
	unsigned int claims;
	bool guessed;
	unsigned int guess;
	int guess_gain;
	unsigned int hot;
	u32 hot_id;
	u32 kept;
	u32 now;
	u32 rtt;
	bool due;
	bool trust;
	bool rival;
};

static int clamp_lead(int lead)
{
	if (lead > NF_VPN_ESP_LEAD_TOP)
		return NF_VPN_ESP_LEAD_TOP;
	return lead < -NF_VPN_ESP_LEAD_TOP ? -NF_VPN_ESP_LEAD_TOP : lead;
}

/*
 * Evidence that this client owns the SPI. Who got the first packet was not
 * noted, it went to as many as possible.
 */
static int lead_of(struct scan *s, const struct nf_vpn_esp_evidence *ev,
		   const struct nf_vpn_esp_candidate *c)
{
	struct nf_vpn_esp_in *in = s->in;
	int lead = nf_vpn_esp_prior(ev, c, s->a), old = 0, react;
	unsigned int i;

	for (i = 0; i < in->n && in->id[i] != ev->id; i++)
		;
	if (i < in->n) {
		s->kept |= 1U << i;
		old = in->lead[i];
	}
	if (s->due || in->packets == 1)
		old += nf_vpn_esp_echo(ev, s->rtt, s->now);
	s->silent = false;
	if (s->due && (in->packets == 2 || (i < in->n && in->probed >> i & 1))) {
		react = nf_vpn_esp_reaction(ev, in->probe, s->now);
		s->silent = react == NF_VPN_ESP_LEAD_SILENT;
		old += react;
	}
	if (i < in->n)
		in->lead[i] = (s8)clamp_lead(old);
	if (in->denied == ev->id &&
	    nf_vpn_since(s->now, in->denied_at) < NF_VPN_ESP_DENIED_MS) {
		s->gain = -NF_VPN_ESP_LEAD_TOP;
		return s->gain;
	}
	s->gain = clamp_lead(old);
	return clamp_lead(lead + old);
}

/*
 * Order of receivers: evidence; score; who is hot and waits longest; and among
 * equals each in turn, so that a search gets round.
 */
static u64 key_of(const struct scan *s, const struct nf_vpn_esp_candidate *c,
		  int lead, unsigned int i, unsigned int n)
{
	u32 score = nf_vpn_esp_score(s->a, c);
	u32 age = c->hot ? nf_vpn_min_u32(c->gate_age_ms, 0xffff) : 0;
	u32 turn = (s->in->turn + n - 1 - i) % n;

	return (u64)(lead + 128) << 48 | (u64)score << 32 | age << 16 | turn;
}

/* Into the best s->room of them */
static void enlist(struct scan *s, unsigned int i, u64 key)
{
	s8 gain = (s8)s->gain;
	struct nf_vpn_esp_plan *p = s->plan;
	unsigned int at = p->n;

	if (p->n < s->room)
		p->n++;
	else if (!p->n || key <= s->plan->key[--at])
		return;
	for (; at && s->plan->key[at - 1] < key; at--) {
		s->plan->key[at] = s->plan->key[at - 1];
		s->plan->gained[at] = s->plan->gained[at - 1];
		p->target[at] = p->target[at - 1];
	}
	s->plan->key[at] = key;
	s->plan->gained[at] = gain;
	p->target[at] = (u16)i;
}

static void rank(struct scan *s, unsigned int i, int lead, bool claims)
{
	s->claims += claims;
	if (!s->plan->eligible || lead > s->lead[0]) {
		s->lead[1] = s->plan->eligible ? s->lead[0] : -NF_VPN_ESP_LEAD_TOP;
		s->lead[0] = lead;
		s->leader = i;
		s->leader_silent = s->silent;
		s->leader_claims = claims;
	} else if (lead > s->lead[1]) {
		s->lead[1] = lead;
	}
	s->plan->eligible++;
}

/* Does anybody await an SPI? And how far away is the server? */
static void survey(struct scan *s, struct nf_vpn_esp_evidence *const *ev,
		   unsigned int n)
{
	struct nf_vpn_esp_candidate c;
	unsigned int i;

	s->plan->unexpected = true;
	for (i = 0; i < n; i++) {
		nf_vpn_esp_view(ev[i], s->now, &c);
		if (nf_vpn_esp_awaits(&c))
			s->plan->unexpected = false;
		if (ev[i]->rtt && (!s->rtt || ev[i]->rtt < s->rtt))
			s->rtt = ev[i]->rtt;
	}
}

/* It awaits an SPI that it handed over before the first packet of this one */
static bool in_time(const struct scan *s, const struct nf_vpn_esp_evidence *ev)
{
	u32 first = nf_vpn_since(s->now, s->in->sa.first);

	return (ev->gates && nf_vpn_since(s->now, ev->gate[0]) >= first) ||
	       (ev->wanted && nf_vpn_since(s->now, ev->wanted_at) >= first);
}

/* All it handed over, it did after the first packet: not one of those */
static bool too_late(const struct scan *s, const struct nf_vpn_esp_evidence *ev,
		     const struct nf_vpn_esp_candidate *c)
{
	if (c->lost || c->tentative || c->recent || (!ev->gates && !ev->wanted))
		return false;
	return !in_time(s, ev);
}

static void scan_all(struct scan *s, struct nf_vpn_esp_evidence *const *ev,
		     unsigned int n)
{
	struct nf_vpn_esp_candidate c;
	unsigned int i;
	int lead;

	for (i = 0; i < n; i++) {
		nf_vpn_esp_view(ev[i], s->now, &c);
		if (!s->plan->unexpected &&
		    (!nf_vpn_esp_awaits(&c) || too_late(s, ev[i], &c)))
			continue;
		if (c.hot) {
			s->hot++;
			s->hot_id = ev[i]->id;
		}
		lead = lead_of(s, ev[i], &c);
		rank(s, i, s->gain, in_time(s, ev[i]));
		if (s->in->guess == ev[i]->id) {
			s->guessed = true;
			s->guess = i;
			s->guess_gain = s->gain;
		}
		enlist(s, i, key_of(s, &c, lead, i, n));
	}
}

/* The evidence against those who await nothing any more is of no use */
static void tidy(struct scan *s)
{
	struct nf_vpn_esp_in *in = s->in;
	unsigned int i, n = 0;

	for (i = 0; i < in->n; i++) {
		if (!(s->kept & 1U << i))
			continue;
		in->id[n] = in->id[i];
		in->lead[n++] = in->lead[i];
	}
	in->probed = 0;
	in->n = (u8)n;
}

/* Where the evidence for @id is kept: the worst makes room */
static unsigned int slot_for(struct nf_vpn_esp_in *in, u32 id)
{
	unsigned int i, worst = 0;

	for (i = 0; i < in->n; i++) {
		if (in->id[i] == id)
			return i;
		if (in->lead[i] < in->lead[worst])
			worst = i;
	}
	return in->n < NF_VPN_ESP_TRACKED ? in->n++ : worst;
}

/* What was found out about the receivers, and that they got this packet */
static void remember(struct scan *s, struct nf_vpn_esp_evidence *const *ev)
{
	struct nf_vpn_esp_in *in = s->in;
	unsigned int i, slot;

	for (i = 0; i < s->plan->n && i < NF_VPN_ESP_TRACKED; i++) {
		slot = slot_for(in, ev[s->plan->target[i]]->id);
		in->id[slot] = ev[s->plan->target[i]]->id;
		in->lead[slot] = s->plan->gained[i];
		in->probed |= 1U << slot;
	}
}

/*
 * A new SA was negotiated by somebody. Whoever has all it negotiated may lead by
 * timing (pings of one period keep time with each other for as long as they run),
 * but not against one that awaits an SA still. Nor may who negotiated another one
 * since: its rekey says nothing of an SPI that was there before.
 */
static bool outclaimed(const struct scan *s)
{
	return s->in->sa.fresh && s->claims && !s->leader_claims;
}

/* Who is as far behind as would settle it between two gets no copies */
static void narrow(struct scan *s)
{
	struct nf_vpn_esp_plan *p = s->plan;
	unsigned int i, n = 1;

	if (s->in->packets < NF_VPN_ESP_LEAD_PACKETS || !s->trust ||
	    s->lead[0] < NF_VPN_ESP_LEAD || s->leader_silent || outclaimed(s))
		return;
	for (i = 1; i < p->n; i++) {
		if (s->lead[0] - s->plan->gained[i] >= NF_VPN_ESP_LEAD)
			continue;
		p->target[n] = p->target[i];
		s->plan->gained[n++] = s->plan->gained[i];
	}
	p->n = (u16)n;
}

static void count(struct nf_vpn_esp_in *in, const struct nf_vpn_esp_arrival *a,
		  u32 now)
{
	if (!in->packets) {
		in->sa.first = now;
		in->sa.fresh = nf_vpn_esp_fresh(a);
	} else if (!in->anew && !nf_vpn_esp_counts_on(a->seq, in->sa.seq)) {
		return;
	}
	in->anew = false;
	in->sa.seq = a->seq;
	if (in->packets < 255)
		in->packets++;
}

/* One way only, and one client stood out when it began */
static bool nobody_reacts(const struct scan *s)
{
	return s->guessed && s->in->packets >= NF_VPN_ESP_ONE_WAY_MANY &&
	       s->lead[0] - s->guess_gain < NF_VPN_ESP_LEAD_ECHO;
}

/* Is the leader proved? */
static bool proved(const struct scan *s, const struct nf_vpn_esp_evidence *ev)
{
	const struct nf_vpn_esp_in *in = s->in;
	int want = s->plan->unexpected ? 2 * NF_VPN_ESP_LEAD : NF_VPN_ESP_LEAD;
	bool sends = ev->flags & NF_VPN_ESP_EV_SENT &&
		     nf_vpn_since(s->now, ev->out_last) <= nf_vpn_since(s->now, in->sa.first);

	if (in->packets < 2)
		return false;
	if (nobody_reacts(s) && !s->rival)
		return true;
	if (s->plan->eligible == 1 && !s->rival)
		return sends || (in->packets >= NF_VPN_ESP_ONE_WAY &&
				 nf_vpn_since(s->now, in->sa.first) >=
				 NF_VPN_ESP_ONE_WAY_MS);
	return sends && in->packets >= NF_VPN_ESP_LEAD_PACKETS && s->trust &&
	       !s->leader_silent && !outclaimed(s) && s->lead[0] >= want &&
	       s->lead[0] - s->lead[1] >= want;
}

/* A guess, in which some trust is put if it leads clearly */
static void suppose(const struct scan *s, struct nf_vpn_esp_evidence *ev)
{
	nf_vpn_esp_suppose(ev, s->a->spi, s->in->packets > 1,
			   s->lead[0] - s->lead[1] >= NF_VPN_ESP_LEAD / 2,
			   s->hot == 1, s->now);
}

static void scan_init(struct scan *s, struct nf_vpn_esp_in *in,
		      const struct nf_vpn_esp_arrival *a,
		      const struct nf_vpn_esp_rules *rules,
		      const struct nf_vpn_esp_bucket *bucket, u32 now,
		      struct nf_vpn_esp_plan *plan)
{
	memset(s, 0, sizeof(*s));
	s->in = in;
	s->a = a;
	s->plan = plan;
	s->now = now;
	s->room = 1 + spare(bucket, rules, in->packets > 1) / NF_VPN_ESP_SHARE;
	s->room = nf_vpn_min_u32(s->room, rules->copies);
	s->room = nf_vpn_min_u32(s->room, NF_VPN_ESP_COPIES_MAX);
	if (!s->room)
		s->room = 1;
	s->rival = rules->rival;
	s->trust = (in->packets >= NF_VPN_ESP_PATIENT_PACKETS &&
		    nf_vpn_since(now, in->sa.first) >= NF_VPN_ESP_PATIENT_MS) ||
		   spare(bucket, rules, true) < rules->burst / 8 * 3;
	s->due = in->packets > 1 &&
		 nf_vpn_since(now, in->probe) > NF_VPN_ESP_REACT_MS;
}

void nf_vpn_esp_plan(struct nf_vpn_esp_in *in,
		     const struct nf_vpn_esp_arrival *a,
		     struct nf_vpn_esp_evidence *const *ev, unsigned int n,
		     const struct nf_vpn_esp_rules *rules,
		     struct nf_vpn_esp_bucket *bucket, u32 now,
		     struct nf_vpn_esp_plan *plan)
{
	struct scan s;

	plan->n = 0;
	plan->eligible = 0;
	plan->settled = false;
	count(in, a, now);
	refill(bucket, rules, now);
	scan_init(&s, in, a, rules, bucket, now, plan);
	survey(&s, ev, n);
	/* Nothing is done for a single packet nobody waits for. */
	if (!n || (plan->unexpected && in->packets < 2))
		return;
	scan_all(&s, ev, n);
	if (s.due)
		tidy(&s);
	/* Somebody awaits an SPI, but handed it over after this one came. */
	if (!plan->n)
		return;
	s.leader = nobody_reacts(&s) ? s.guess : s.leader;
	if (proved(&s, ev[s.leader])) {
		plan->n = 1;
		plan->target[0] = (u16)s.leader;
		plan->settled = true;
		nf_vpn_esp_settle(ev[s.leader], in->sa.fresh, in->sa.first, now);
		in->settled = true;
		return;
	}
	narrow(&s);
	if (!pressed(bucket, rules) && nf_vpn_esp_fresh(a))
		suppose(&s, ev[plan->target[0]]);
	bucket->used[in->packets > 1] += (plan->n - 1) * 1000U;
	if (in->packets == 2 && s.hot == 1)
		in->guess = s.hot_id;
	/* Packets in a row: who reacted to the first one will be seen later. */
	if (in->packets > 1 && !s.due)
		return;
	in->probe = now;
	remember(&s, ev);
	if (plan->eligible > plan->n)
		in->turn += plan->n;
}

void nf_vpn_esp_gone(struct nf_vpn_esp_evidence *ev)
{
	if (ev->live)
		ev->live--;
	ev->flags |= NF_VPN_ESP_EV_FORGOT;
}

bool nf_vpn_esp_doubtful(const struct nf_vpn_esp_sa *sa, u32 gate, u32 now)
{
	return sa->fresh && sa->doubts < NF_VPN_ESP_DOUBTS &&
	       nf_vpn_since(now, sa->first) <= nf_vpn_since(now, gate);
}

void nf_vpn_esp_doubt(struct nf_vpn_esp_evidence *ev,
		      const struct nf_vpn_esp_sa *sa, u32 now,
		      struct nf_vpn_esp_in *in)
{
	memset(in, 0, sizeof(*in));
	in->sa = *sa;
	in->sa.doubts++;
	in->anew = true;
	in->denied = ev->id;
	in->denied_at = now;
	in->packets = 1;
	in->probe = now;
	nf_vpn_esp_unsettle(ev, sa->first);
}

bool nf_vpn_esp_in_shared(struct nf_vpn_esp_sa *sa,
			  const struct nf_vpn_esp_arrival *a)
{
	if (a->seq - sa->seq - 1 < 0x80000000U)
		sa->seq = a->seq;
	else if (nf_vpn_esp_fresh(a) && sa->again < 255)
		sa->again++;
	return sa->again > 1;
}
