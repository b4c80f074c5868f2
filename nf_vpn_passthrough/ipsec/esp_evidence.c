// SPDX-License-Identifier: GPL-2.0-only
/* Who owns an unknown inbound SPI: what a pair did, and what follows. */

#include "esp_evidence.h"

/* flags */
#define HANDED		0x01	/* @handed */
#define SENT		0x02	/* @out_last */
#define SETTLED		0x04	/* @settled_at */
#define FROM_BIRTH	0x08	/* its first IKE SA began before our eyes */
#define EARLY		0x10	/* its SPI was settled before the answer came */
#define DELETED		0x20	/* the newest gate retired an older one */
#define SERVED		0x80	/* the best guess for some SPI */
#define DONE		0x100	/* and for sure: its slot is free */
#define FORGOT		0x200	/* a settled SPI; its SA may live on */
#define TIMING		0x40	/* asked once, so the answer tells the round trip */

/* Of a client's evidence for one SPI; the scale is that of NF_VPN_ESP_LEAD */
#define LEAD_HOT	2	/* it just handed its SPI over */
#define LEAD_SERVED	(-1)	/* the same, but it is the best guess for another */
#define LEAD_SENDS	1	/* and sends with a new one */
#define LEAD_RUNS	2	/* running SA: it sends with an unmatched one */
#define LEAD_TENTATIVE	(-2)	/* another SPI seems to be what it awaits */
#define LEAD_RECENT	(-3)	/* another SPI proved to be it */
#define LEAD_REACTED	3	/* at most: was quiet, got the packet, sent; one for
				 * each doubling of quiet over delay
				 */
#define LEAD_SILENT	(-1)	/* did not send: half of all packets ask for
				 * no answer, so this says little
				 */
#define LEAD_ECHO	3	/* at most: it sent one round trip ago, and rarely
				 * does
				 */
#define LEAD_LATE	1	/* or somewhat earlier: the peer thought */
#define LEAD_EARLY	(-1)	/* sent, but no answer can be back yet */
#define LEAD_TOP	100	/* no more, s8 */

static u32 since(u32 now, u32 then)
{
	return now - then;
}

/* Without a tentative owner yet */
static unsigned int open_gates(const struct nf_vpn_esp_evidence *ev)
{
	return ev->gates > ev->tentative ? ev->gates - ev->tentative : 0;
}

static bool is_hot(const struct nf_vpn_esp_evidence *ev, u32 now)
{
	return ev->flags & HANDED &&
	       since(now, ev->handed) < NF_VPN_ESP_HOT_MS &&
	       (ev->wanted || open_gates(ev));
}

static bool has_slot(const struct nf_vpn_esp_evidence *ev, u32 now)
{
	return is_hot(ev, now) && !(ev->flags & DONE) &&
	       since(now, ev->handed) < NF_VPN_ESP_SLOT_MS;
}

static void heat(struct nf_vpn_esp_evidence *ev, u32 now)
{
	ev->handed = now;
	ev->flags |= HANDED;
	ev->flags &= ~(SERVED | DONE);
}

/* ---- gates ---- */

/* Gate @i, 0 the oldest, is no longer awaited */
static void drop_gate(struct nf_vpn_esp_evidence *ev, unsigned int i)
{
	if (i >= ev->gates)
		return;
	memmove(&ev->gate[i], &ev->gate[i + 1],
		(ev->gates - i - 1) * sizeof(ev->gate[0]));
	ev->gates--;
	if (ev->tentative > ev->gates)
		ev->tentative = ev->gates;
}

/* An exchange that began at @asked was answered */
static void open_gate(struct nf_vpn_esp_evidence *ev, u32 asked, u32 order,
		      u32 now)
{
	if (ev->flags & EARLY) {
		ev->flags &= ~EARLY;
		return;
	}
	if (ev->gates == NF_VPN_ESP_GATES)
		drop_gate(ev, 0);
	if (!ev->gates)
		ev->order = order;
	ev->gate[ev->gates++] = asked;
	ev->flags &= ~DELETED;
	heat(ev, now);
}

/*
 * No answer was seen, yet the server may have got the SPI: IKEv1's third message
 * may be lost for good, and ESP shows the client that all is well.
 */
static void suspect_gate(struct nf_vpn_esp_evidence *ev)
{
	ev->wanted = 0;
	if (ev->gates < NF_VPN_ESP_GATES)
		ev->gate[ev->gates++] = ev->wanted_at;
}

/* Too old to matter; times wrap, so nothing may stay for ever */
static void forget(struct nf_vpn_esp_evidence *ev, u32 now)
{
	while (ev->gates && since(now, ev->gate[0]) >= NF_VPN_ESP_AWAIT_MS)
		drop_gate(ev, 0);
	if (ev->wanted && since(now, ev->wanted_at) >= NF_VPN_ESP_WANTED_MS)
		suspect_gate(ev);
	if (ev->tentative && since(now, ev->tentative_at) >= NF_VPN_ESP_HOT_MS)
		ev->tentative = 0;
	if (ev->unmatched_out && since(now, ev->out_new) >= NF_VPN_ESP_AWAIT_MS)
		ev->unmatched_out = 0;
	if (since(now, ev->handed) >= NF_VPN_ESP_HOT_MS)
		ev->flags &= ~HANDED;
	if (since(now, ev->settled_at) >= NF_VPN_ESP_RECENT_MS)
		ev->flags &= ~SETTLED;
	if (since(now, ev->out_last) >= NF_VPN_ESP_AWAIT_MS)
		ev->flags &= ~SENT;
}

/* ---- IKE ---- */

static bool knows_ike_sa(struct nf_vpn_esp_evidence *ev, u64 ispi)
{
	unsigned int i;

	for (i = 0; i < NF_VPN_ESP_IKE_SAS; i++)
		if (ev->ike_sa[i] == ispi)
			return true;
	return false;
}

static void learn_ike_sa(struct nf_vpn_esp_evidence *ev, u64 ispi)
{
	memmove(&ev->ike_sa[1], &ev->ike_sa[0],
		sizeof(ev->ike_sa) - sizeof(ev->ike_sa[0]));
	ev->ike_sa[0] = ispi;
}

static bool is_setup(const struct nf_vpn_ike_msg *msg)
{
	if (msg->v2)
		return msg->exchange == NF_VPN_IKE2_SA_INIT ||
		       msg->exchange == NF_VPN_IKE2_SESSION_RESUME;
	return msg->exchange == NF_VPN_IKE1_MAIN ||
	       msg->exchange == NF_VPN_IKE1_AGGRESSIVE;
}

/*
 * IKEv2: SPIs never seen, without IKE_SA_INIT, come from a rekeyed IKE SA. So
 * the last CREATE_CHILD_SA made that, and no child SA (RFC 7296 1.3.2).
 */
static void follow_ike_sa(struct nf_vpn_esp_evidence *ev,
			  const struct nf_vpn_ike_msg *msg)
{
	bool first = !ev->ike_sa[0];

	if (first && is_setup(msg))
		ev->flags |= FROM_BIRTH;
	if (knows_ike_sa(ev, msg->ispi))
		return;
	learn_ike_sa(ev, msg->ispi);
	if (first || !msg->v2 || is_setup(msg))
		return;
	/* The delete of the old IKE SA was taken for one of a child SA. */
	if (ev->flags & DELETED)
		ev->flags &= ~DELETED;
	else if (ev->gates)
		drop_gate(ev, ev->gates - 1);
}

/*
 * INFORMATIONAL right after an exchange: the SA it replaced is deleted. If that
 * one was never used, its gate is still there, the oldest of several.
 */
static void retire(struct nf_vpn_esp_evidence *ev, u32 now)
{
	if (ev->gates < 2 || ev->flags & DELETED ||
	    since(now, ev->gate[ev->gates - 1]) >= NF_VPN_ESP_RECENT_MS)
		return;
	drop_gate(ev, 0);
	ev->flags |= DELETED;
}

/* IKEv2 counts per asker, and the server's own request gives nothing away */
static bool client_asked(const struct nf_vpn_ike_msg *msg, unsigned int dir)
{
	return !msg->v2 || !dir != msg->response;
}

/* A message of an exchange that makes a child SA */
static bool is_exchange(const struct nf_vpn_ike_msg *msg)
{
	if (msg->v2)
		return msg->exchange == NF_VPN_IKE2_AUTH ||
		       msg->exchange == NF_VPN_IKE2_CREATE_CHILD;
	return msg->exchange == NF_VPN_IKE1_QUICK;
}

/*
 * From a key exchange: how long do packets to the server and back take? Not told
 * by what was sent twice (Karn). Grows slowly, since processing is in it.
 */
static void time_exchange(struct nf_vpn_esp_evidence *ev, unsigned int dir,
			  u32 now)
{
	u32 rtt = nf_vpn_min_u32(since(now, ev->wanted_at), 0xfff0) + 1;

	if (!dir || !(ev->flags & TIMING))
		return;
	ev->flags &= ~TIMING;
	if (ev->rtt && rtt > ev->rtt)
		rtt = ev->rtt + (rtt - ev->rtt) / 8;
	ev->rtt = (u16)rtt;
}

enum nf_vpn_ike_evidence nf_vpn_esp_ike(struct nf_vpn_esp_evidence *ev,
					const struct nf_vpn_ike_msg *msg,
					unsigned int dir, u32 order, u32 now)
{
	bool hands = nf_vpn_ike_hands_spi(&ev->ike, msg, dir);
	enum nf_vpn_ike_evidence what;
	bool asked;

	forget(ev, now);
	follow_ike_sa(ev, msg);
	if (is_exchange(msg))
		time_exchange(ev, dir, now);
	if (hands)
		ev->flags &= ~TIMING;
	what = nf_vpn_ike_observe(&ev->ike, msg, dir);
	switch (what) {
	case NF_VPN_IKE_EV_GATE_WANTED:
		ev->flags &= ~EARLY;
		if (client_asked(msg, dir) && ev->wanted < 255) {
			ev->wanted++;
			ev->wanted_at = now;
			ev->flags |= TIMING;
		}
		break;
	case NF_VPN_IKE_EV_GATE_OPEN:
		asked = client_asked(msg, dir) && ev->wanted;
		if (asked)
			ev->wanted--;
		open_gate(ev, asked ? ev->wanted_at : now, order, now);
		break;
	case NF_VPN_IKE_EV_GATE_RENEWED:
		heat(ev, now);
		break;
	case NF_VPN_IKE_EV_GATE_REFUSED:
		if (client_asked(msg, dir) && ev->wanted)
			ev->wanted--;
		break;
	case NF_VPN_IKE_EV_CLOSE_HINT:
		retire(ev, now);
		break;
	case NF_VPN_IKE_EV_SETUP:
	case NF_VPN_IKE_EV_NONE:
		break;
	}
	/* Also sent once more: then the client is not there yet. */
	if (hands)
		heat(ev, now);
	return what;
}

u32 nf_vpn_esp_hold(struct nf_vpn_esp_evidence *const *ev, unsigned int n,
		    unsigned int self, const struct nf_vpn_ike_msg *msg,
		    unsigned int dir, u32 queued, u32 waited, u32 hold_ms,
		    u32 now)
{
	unsigned int i, rivals = 0;
	u32 slots;

	/* What passed once may be in the server's hands: no use in waiting. */
	if (waited >= hold_ms || is_hot(ev[self], now) ||
	    !nf_vpn_ike_hands_spi(&ev[self]->ike, msg, dir))
		return 0;
	for (i = 0; i < n; i++)
		rivals += has_slot(ev[i], now);
	slots = queued * NF_VPN_ESP_SLOT_MS / hold_ms +
		waited / NF_VPN_ESP_HOLD_STEP_MS;
	if (rivals <= slots)
		return 0;
	return nf_vpn_min_u32(NF_VPN_ESP_HOLD_TICK_MS, hold_ms - waited);
}

/* ---- ESP ---- */

/* One more packet of the client's */
static void note(struct nf_vpn_esp_evidence *ev, u32 now)
{
	u32 gap = ev->flags & SENT ? since(now, ev->out_last) : 0xffff;

	memmove(&ev->gap[1], &ev->gap[0], sizeof(ev->gap) - sizeof(ev->gap[0]));
	ev->gap[0] = (u16)nf_vpn_min_u32(gap, 0xffff);
	ev->out_last = now;
	ev->flags |= SENT;
}

void nf_vpn_esp_out(struct nf_vpn_esp_evidence *ev, bool fresh, u32 now)
{
	note(ev, now);
	if (!fresh)
		return;
	if (ev->unmatched_in) {
		ev->unmatched_in--;
		return;
	}
	if (ev->unmatched_out < NF_VPN_ESP_GATES)
		ev->unmatched_out++;
	ev->out_new = now;
	if (open_gates(ev))
		heat(ev, now);
}

/* It may have SAs from before we looked */
static bool may_have_lost(const struct nf_vpn_esp_evidence *ev)
{
	return ev->flags & FORGOT || (!ev->live && !(ev->flags & FROM_BIRTH));
}

bool nf_vpn_esp_watched(const struct nf_vpn_esp_evidence *ev, u32 now)
{
	return ev->gates || ev->wanted || ev->unmatched_out ||
	       may_have_lost(ev) ||
	       (ev->flags & SETTLED &&
		since(now, ev->settled_at) < NF_VPN_ESP_RECENT_MS);
}

void nf_vpn_esp_view(struct nf_vpn_esp_evidence *ev, u32 now,
		     struct nf_vpn_esp_candidate *c)
{
	unsigned int open;

	forget(ev, now);
	open = open_gates(ev);
	memset(c, 0, sizeof(*c));
	c->gates = (u8)open;
	c->gates_wanted = ev->wanted;
	c->unmatched_out = ev->unmatched_out;
	c->live = ev->live;
	c->order = ev->order;
	c->gate_age_ms = open ? since(now, ev->gate[ev->gates - 1]) :
				NF_VPN_ESP_NEVER;
	c->out_age_ms = ev->unmatched_out ? since(now, ev->out_new) :
					    NF_VPN_ESP_NEVER;
	c->idle_ms = ev->flags & SENT ? since(now, ev->out_last) :
					NF_VPN_ESP_NEVER;
	c->hot = is_hot(ev, now);
	c->tentative = ev->tentative;
	c->recent = ev->flags & SETTLED;
	c->lost = may_have_lost(ev);
}

/* ---- memory of SPIs seen once ---- */

/* Finalizer of splitmix32: the forger chooses SPIs, but not where they go */
static u32 place(u32 x)
{
	x = (x ^ x >> 16) * 0x21f0aaad;
	x = (x ^ x >> 15) * 0x735a2d97;
	return (x ^ x >> 15) % NF_VPN_ESP_SEEN;
}

static bool counts_on(u32 seq, u32 before)
{
	return seq - before - 1 < NF_VPN_ESP_SEQ_JUMP;
}

bool nf_vpn_esp_seen(struct nf_vpn_esp_seen *seen, u32 salt,
		     const struct nf_vpn_esp_arrival *a, u32 now,
		     struct nf_vpn_esp_in *in)
{
	u32 i = place(a->spi ^ salt);
	bool again = seen->e[i].spi == (a->spi ^ salt) &&
		     counts_on(a->seq, seen->e[i].seq) &&
		     since(now, seen->e[i].at) < NF_VPN_ESP_SEEN_MS;

	memset(in, 0, sizeof(*in));
	if (again) {
		in->first = seen->e[i].at;
		in->probe = in->first;
		in->seq = seen->e[i].seq;
		in->packets = 1;
		in->fresh = in->seq - 1 < NF_VPN_ESP_FRESH_SEQ;
	}
	seen->e[i].spi = a->spi ^ salt;
	seen->e[i].seq = a->seq;
	seen->e[i].at = now;
	return again;
}

/* ---- copies ---- */

static void refill(struct nf_vpn_esp_bucket *b,
		   const struct nf_vpn_esp_rules *rules, u32 now)
{
	u64 back = (u64)since(now, b->at) * rules->rate / 2;
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
 * @guessed:	in->guess is a candidate still
 * @guess:	its index
 * @guess_gain:	evidence about it
 * @hot:	how many are
 * @hot_id:	the last of them
 * @kept:	in->id still eligible, bit by bit
 * @now:	ms
 * @rtt:	shortest of the group, 0: not known
 * @due:	the reactions to the last probe can be told
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
	bool guessed;
	unsigned int guess;
	int guess_gain;
	unsigned int hot;
	u32 hot_id;
	u32 kept;
	u32 now;
	u32 rtt;
	bool due;
};

static int prior(const struct scan *s, const struct nf_vpn_esp_evidence *ev,
		 const struct nf_vpn_esp_candidate *c)
{
	bool sends = c->out_age_ms < NF_VPN_ESP_OUT_RECENT_MS;

	if (!nf_vpn_esp_fresh(s->a))
		return sends ? LEAD_RUNS : 0;
	if (ev->flags & SERVED && ev->tentative_spi == s->a->spi)
		return LEAD_HOT + (sends ? LEAD_SENDS : 0);
	if (c->hot)
		return (ev->flags & SERVED ? LEAD_SERVED : LEAD_HOT) +
		       (sends ? LEAD_SENDS : 0);
	if (c->tentative || ev->flags & SERVED)
		return LEAD_TENTATIVE;
	if (c->gates || c->gates_wanted || c->unmatched_out)
		return 0;
	return c->recent ? LEAD_RECENT : 0;
}

/*
 * What its sending after the last probe says. Who sends all the time sends soon
 * after any packet, so what counts is how much sooner it was than usual.
 */
static int reaction(const struct scan *s, const struct nf_vpn_esp_evidence *ev)
{
	u32 age = since(s->now, ev->out_last), probe = since(s->now, s->in->probe);
	u32 delay = probe, quiet = 0;
	unsigned int i;
	int lead = 0;

	if (!(ev->flags & SENT) || age > probe)
		return LEAD_SILENT;
	/* back to the first packet after the probe */
	for (i = 0; i < NF_VPN_ESP_GAPS && age <= probe; i++) {
		delay = probe - age;
		quiet = ev->gap[i];
		age += quiet;
	}
	if (age <= probe)
		return 0;
	if (delay > NF_VPN_ESP_REACT_MS)
		return LEAD_SILENT;
	for (quiet /= 2; quiet > delay; quiet /= 2)
		if (++lead == LEAD_REACTED)
			break;
	return lead;
}

/*
 * Did it ask what this packet answers? Again, who sends all the time has always
 * sent one round trip ago.
 */
static int echo(const struct scan *s, const struct nf_vpn_esp_evidence *ev)
{
	u32 rtt = ev->rtt ? ev->rtt : s->rtt;
	u32 age = since(s->now, ev->out_last);
	u32 usual = NF_VPN_ESP_THINK_MS + NF_VPN_ESP_JITTER_MS;

	if (!rtt || !(ev->flags & SENT))
		return 0;
	if (age + NF_VPN_ESP_JITTER_MS < rtt)
		return LEAD_EARLY;
	if (age >= rtt + usual)
		return age < 2 * rtt + 4 * NF_VPN_ESP_THINK_MS ? LEAD_LATE : 0;
	return ev->gap[0] > usual ? LEAD_ECHO : LEAD_LATE;
}

static int clamp_lead(int lead)
{
	if (lead > LEAD_TOP)
		return LEAD_TOP;
	return lead < -LEAD_TOP ? -LEAD_TOP : lead;
}

/*
 * Evidence that this client owns the SPI. Who got the first packet was not
 * noted, it went to as many as possible.
 */
static int lead_of(struct scan *s, const struct nf_vpn_esp_evidence *ev,
		   const struct nf_vpn_esp_candidate *c)
{
	struct nf_vpn_esp_in *in = s->in;
	int lead = prior(s, ev, c), old = 0, react;
	unsigned int i;

	for (i = 0; i < in->n && in->id[i] != ev->id; i++)
		;
	if (i < in->n) {
		s->kept |= 1U << i;
		old = in->lead[i];
	}
	if (s->due || in->packets == 1)
		old += echo(s, ev);
	s->silent = false;
	if (s->due && (in->packets == 2 || (i < in->n && in->probed >> i & 1))) {
		react = reaction(s, ev);
		s->silent = react == LEAD_SILENT;
		old += react;
	}
	if (i < in->n)
		in->lead[i] = (s8)clamp_lead(old);
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

static void rank(struct scan *s, unsigned int i, int lead)
{
	if (!s->plan->eligible || lead > s->lead[0]) {
		s->lead[1] = s->plan->eligible ? s->lead[0] : -LEAD_TOP;
		s->lead[0] = lead;
		s->leader = i;
		s->leader_silent = s->silent;
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

/* All it handed over, it did after the first packet: not one of those */
static bool too_late(const struct scan *s, const struct nf_vpn_esp_evidence *ev,
		     const struct nf_vpn_esp_candidate *c)
{
	u32 first = since(s->now, s->in->first);

	if (c->lost || c->tentative || c->recent || (!ev->gates && !ev->wanted))
		return false;
	if (ev->gates && since(s->now, ev->gate[0]) >= first)
		return false;
	return !ev->wanted || since(s->now, ev->wanted_at) < first;
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
		rank(s, i, s->gain);
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

/* Who is as far behind as would settle it between two gets no copies */
static void narrow(struct scan *s)
{
	struct nf_vpn_esp_plan *p = s->plan;
	unsigned int i, n = 1;

	if (s->in->packets < NF_VPN_ESP_LEAD_PACKETS ||
	    s->lead[0] < NF_VPN_ESP_LEAD || s->leader_silent)
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
		in->first = now;
		in->fresh = nf_vpn_esp_fresh(a);
	} else if (!counts_on(a->seq, in->seq)) {
		return;
	}
	in->seq = a->seq;
	if (in->packets < 255)
		in->packets++;
}

/* One way only, and one client stood out when it began */
static bool nobody_reacts(const struct scan *s)
{
	return s->guessed && s->in->packets >= NF_VPN_ESP_ONE_WAY_MANY &&
	       s->lead[0] - s->guess_gain < LEAD_ECHO;
}

/* Is the leader proved? */
static bool proved(const struct scan *s, const struct nf_vpn_esp_evidence *ev)
{
	const struct nf_vpn_esp_in *in = s->in;
	int want = s->plan->unexpected ? 2 * NF_VPN_ESP_LEAD : NF_VPN_ESP_LEAD;
	bool sends = ev->flags & SENT &&
		     since(s->now, ev->out_last) <= since(s->now, in->first);

	if (in->packets < 2)
		return false;
	if (nobody_reacts(s))
		return true;
	if (s->plan->eligible == 1)
		return sends || (in->packets >= NF_VPN_ESP_ONE_WAY &&
				 since(s->now, in->first) >=
				 NF_VPN_ESP_ONE_WAY_MS);
	return sends && in->packets >= NF_VPN_ESP_LEAD_PACKETS &&
	       !s->leader_silent && s->lead[0] >= want &&
	       s->lead[0] - s->lead[1] >= want;
}

/*
 * One gate, one SPI: the newest that it does not predate. An SA that is not new
 * was lost and found again, and satisfies nothing.
 */
static void satisfy(struct nf_vpn_esp_evidence *ev,
		    const struct nf_vpn_esp_in *in, u32 now)
{
	u32 first = since(now, in->first);
	unsigned int i = ev->gates;

	if (!in->fresh)
		return;
	while (i && since(now, ev->gate[i - 1]) < first)
		i--;
	if (i) {
		drop_gate(ev, i - 1);
	} else if (ev->wanted && since(now, ev->wanted_at) >= first) {
		ev->wanted--;
		ev->flags |= EARLY;
	}
}

static void settle(struct nf_vpn_esp_evidence *ev, struct nf_vpn_esp_in *in,
		   u32 now)
{
	satisfy(ev, in, now);
	if (ev->tentative)
		ev->tentative--;
	if (ev->unmatched_out)
		ev->unmatched_out--;
	else if (ev->unmatched_in < NF_VPN_ESP_GATES)
		ev->unmatched_in++;
	if (ev->live < 255)
		ev->live++;
	ev->settled_at = now;
	ev->flags |= SETTLED;
	ev->flags &= ~FORGOT;
	in->settled = true;
}

/*
 * The best guess for a first packet has had its share: other SPIs look elsewhere
 * first. However wrong each guess, there are as many as SPIs, so who is left
 * over is mostly who still awaits one. And a clear leader leaves its slot.
 */
static void suppose(const struct scan *s, struct nf_vpn_esp_evidence *ev)
{
	bool clear = s->lead[0] - s->lead[1] >= NF_VPN_ESP_LEAD / 2;

	if (!is_hot(ev, s->now) || !nf_vpn_esp_fresh(s->a))
		return;
	if (!(ev->flags & SERVED) || s->in->packets > 1)
		ev->tentative_spi = s->a->spi;
	ev->flags |= SERVED;
	if (s->hot == 1 || clear)
		ev->flags |= DONE;
	if (s->in->packets < 2 || !open_gates(ev) || !clear)
		return;
	ev->tentative++;
	ev->tentative_at = s->now;
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
	s->due = in->packets > 1 &&
		 since(now, in->probe) > NF_VPN_ESP_REACT_MS;
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
		settle(ev[s.leader], in, now);
		return;
	}
	narrow(&s);
	if (!pressed(bucket, rules))
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

void nf_vpn_esp_in_gone(struct nf_vpn_esp_evidence *ev,
			const struct nf_vpn_esp_in *in)
{
	if (!in->settled)
		return;
	if (ev->live)
		ev->live--;
	ev->flags |= FORGOT;
}

bool nf_vpn_esp_in_shared(struct nf_vpn_esp_in *in,
			  const struct nf_vpn_esp_arrival *a)
{
	if (a->seq - in->seq - 1 < 0x80000000U)
		in->seq = a->seq;
	else if (nf_vpn_esp_fresh(a) && in->again < 255)
		in->again++;
	return in->again > 1;
}
