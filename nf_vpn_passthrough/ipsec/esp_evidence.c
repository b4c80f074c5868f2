// SPDX-License-Identifier: GPL-2.0-only
/* What one client did, and what it may therefore await. */

#include "esp_evidence.h"

unsigned int nf_vpn_esp_open_gates(const struct nf_vpn_esp_evidence *ev)
{
	return ev->gates > ev->tentative ? ev->gates - ev->tentative : 0;
}

bool nf_vpn_esp_is_hot(const struct nf_vpn_esp_evidence *ev, u32 now)
{
	return ev->flags & NF_VPN_ESP_EV_HANDED &&
	       nf_vpn_since(now, ev->handed) < NF_VPN_ESP_HOT_MS &&
	       (ev->wanted || nf_vpn_esp_open_gates(ev));
}

static bool has_slot(const struct nf_vpn_esp_evidence *ev, u32 now)
{
	return nf_vpn_esp_is_hot(ev, now) && !(ev->flags & NF_VPN_ESP_EV_DONE) &&
	       nf_vpn_since(now, ev->handed) < NF_VPN_ESP_SLOT_MS;
}

static void heat(struct nf_vpn_esp_evidence *ev, u32 now)
{
	ev->handed = now;
	ev->flags |= NF_VPN_ESP_EV_HANDED;
	ev->flags &= ~(NF_VPN_ESP_EV_SERVED | NF_VPN_ESP_EV_DONE);
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
static void open_gate(struct nf_vpn_esp_evidence *ev, u32 asked, u32 now)
{
	if (ev->flags & NF_VPN_ESP_EV_EARLY) {
		ev->flags &= ~NF_VPN_ESP_EV_EARLY;
		return;
	}
	if (ev->gates == NF_VPN_ESP_GATES)
		drop_gate(ev, 0);
	ev->gate[ev->gates++] = asked;
	ev->flags &= ~NF_VPN_ESP_EV_DELETED;
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
	while (ev->gates && nf_vpn_since(now, ev->gate[0]) >= NF_VPN_ESP_AWAIT_MS)
		drop_gate(ev, 0);
	if (ev->wanted && nf_vpn_since(now, ev->wanted_at) >= NF_VPN_ESP_WANTED_MS)
		suspect_gate(ev);
	if (ev->tentative && nf_vpn_since(now, ev->tentative_at) >= NF_VPN_ESP_HOT_MS)
		ev->tentative = 0;
	if (ev->unmatched_out && nf_vpn_since(now, ev->out_new) >= NF_VPN_ESP_AWAIT_MS)
		ev->unmatched_out = 0;
	if (nf_vpn_since(now, ev->handed) >= NF_VPN_ESP_HOT_MS)
		ev->flags &= ~NF_VPN_ESP_EV_HANDED;
	if (nf_vpn_since(now, ev->settled_at) >= NF_VPN_ESP_RECENT_MS)
		ev->flags &= ~NF_VPN_ESP_EV_SETTLED;
	if (nf_vpn_since(now, ev->out_last) >= NF_VPN_ESP_AWAIT_MS)
		ev->flags &= ~NF_VPN_ESP_EV_SENT;
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
		ev->flags |= NF_VPN_ESP_EV_FROM_BIRTH;
	if (knows_ike_sa(ev, msg->ispi))
		return;
	learn_ike_sa(ev, msg->ispi);
	if (first || !msg->v2 || is_setup(msg))
		return;
	/* The delete of the old IKE SA was taken for one of a child SA. */
	if (ev->flags & NF_VPN_ESP_EV_DELETED)
		ev->flags &= ~NF_VPN_ESP_EV_DELETED;
	else if (ev->gates)
		drop_gate(ev, ev->gates - 1);
}

/*
 * INFORMATIONAL right after an exchange: the SA it replaced is deleted. If that
 * one was never used, its gate is still there, the oldest of several.
 */
static void retire(struct nf_vpn_esp_evidence *ev, u32 now)
{
	if (ev->gates < 2 || ev->flags & NF_VPN_ESP_EV_DELETED ||
	    nf_vpn_since(now, ev->gate[ev->gates - 1]) >= NF_VPN_ESP_RECENT_MS)
		return;
	drop_gate(ev, 0);
	ev->flags |= NF_VPN_ESP_EV_DELETED;
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
	u32 rtt = nf_vpn_min_u32(nf_vpn_since(now, ev->wanted_at), 0xfff0) + 1;

	if (!dir || !(ev->flags & NF_VPN_ESP_EV_TIMING))
		return;
	ev->flags &= ~NF_VPN_ESP_EV_TIMING;
	if (ev->rtt && rtt > ev->rtt)
		rtt = ev->rtt + (rtt - ev->rtt) / 8;
	ev->rtt = (u16)rtt;
}

enum nf_vpn_ike_evidence nf_vpn_esp_ike(struct nf_vpn_esp_evidence *ev,
					const struct nf_vpn_ike_msg *msg,
					unsigned int dir, u32 now)
{
	bool hands = nf_vpn_ike_hands_spi(&ev->ike, msg, dir);
	enum nf_vpn_ike_evidence what;
	bool asked;

	forget(ev, now);
	follow_ike_sa(ev, msg);
	if (is_exchange(msg))
		time_exchange(ev, dir, now);
	if (hands)
		ev->flags &= ~NF_VPN_ESP_EV_TIMING;
	what = nf_vpn_ike_observe(&ev->ike, msg, dir);
	switch (what) {
	case NF_VPN_IKE_EV_GATE_WANTED:
		ev->flags &= ~NF_VPN_ESP_EV_EARLY;
		if (client_asked(msg, dir) && ev->wanted < 255) {
			ev->wanted++;
			ev->wanted_at = now;
			ev->flags |= NF_VPN_ESP_EV_TIMING;
		}
		break;
	case NF_VPN_IKE_EV_GATE_OPEN:
		asked = client_asked(msg, dir) && ev->wanted;
		if (asked)
			ev->wanted--;
		open_gate(ev, asked ? ev->wanted_at : now, now);
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
	if (waited >= hold_ms || nf_vpn_esp_is_hot(ev[self], now) ||
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
	u32 gap = ev->flags & NF_VPN_ESP_EV_SENT ? nf_vpn_since(now, ev->out_last) : 0xffff;

	memmove(&ev->gap[1], &ev->gap[0], sizeof(ev->gap) - sizeof(ev->gap[0]));
	ev->gap[0] = (u16)nf_vpn_min_u32(gap, 0xffff);
	ev->out_last = now;
	ev->flags |= NF_VPN_ESP_EV_SENT;
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
	if (nf_vpn_esp_open_gates(ev))
		heat(ev, now);
}

/* It may have SAs from before we looked */
static bool may_have_lost(const struct nf_vpn_esp_evidence *ev)
{
	return ev->flags & NF_VPN_ESP_EV_FORGOT ||
	       (!ev->live && !(ev->flags & NF_VPN_ESP_EV_FROM_BIRTH));
}

bool nf_vpn_esp_watched(const struct nf_vpn_esp_evidence *ev, u32 now)
{
	return ev->gates || ev->wanted || ev->unmatched_out ||
	       may_have_lost(ev) ||
	       (ev->flags & NF_VPN_ESP_EV_SETTLED &&
		nf_vpn_since(now, ev->settled_at) < NF_VPN_ESP_RECENT_MS);
}

void nf_vpn_esp_view(struct nf_vpn_esp_evidence *ev, u32 now,
		     struct nf_vpn_esp_candidate *c)
{
	unsigned int open;

	forget(ev, now);
	open = nf_vpn_esp_open_gates(ev);
	memset(c, 0, sizeof(*c));
	c->gates = (u8)open;
	c->gates_wanted = ev->wanted;
	c->unmatched_out = ev->unmatched_out;
	c->live = ev->live;
	c->gate_age_ms = open ? nf_vpn_since(now, ev->gate[ev->gates - 1]) :
				NF_VPN_ESP_NEVER;
	c->out_age_ms = ev->unmatched_out ? nf_vpn_since(now, ev->out_new) :
					    NF_VPN_ESP_NEVER;
	c->idle_ms = ev->flags & NF_VPN_ESP_EV_SENT ? nf_vpn_since(now, ev->out_last) :
					NF_VPN_ESP_NEVER;
	c->hot = nf_vpn_esp_is_hot(ev, now);
	c->tentative = ev->tentative;
	c->recent = ev->flags & NF_VPN_ESP_EV_SETTLED;
	c->lost = may_have_lost(ev);
}

/* ---- an SPI of its own ---- */

/*
 * One gate, one SPI: the newest that it does not predate. An SA that is not new
 * was lost and found again, and satisfies nothing.
 */
static void satisfy(struct nf_vpn_esp_evidence *ev, u32 first, u32 now)
{
	unsigned int i = ev->gates;

	while (i && nf_vpn_since(now, ev->gate[i - 1]) < first)
		i--;
	if (i) {
		drop_gate(ev, i - 1);
	} else if (ev->wanted && nf_vpn_since(now, ev->wanted_at) >= first) {
		ev->wanted--;
		ev->flags |= NF_VPN_ESP_EV_EARLY;
	}
}

void nf_vpn_esp_settle(struct nf_vpn_esp_evidence *ev, bool fresh, u32 first,
		       u32 now)
{
	if (fresh)
		satisfy(ev, nf_vpn_since(now, first), now);
	if (ev->tentative)
		ev->tentative--;
	if (ev->unmatched_out)
		ev->unmatched_out--;
	else if (ev->unmatched_in < NF_VPN_ESP_GATES)
		ev->unmatched_in++;
	if (ev->live < 255)
		ev->live++;
	ev->settled_at = now;
	ev->flags |= NF_VPN_ESP_EV_SETTLED;
	ev->flags &= ~NF_VPN_ESP_EV_FORGOT;
}

void nf_vpn_esp_unsettle(struct nf_vpn_esp_evidence *ev, u32 first)
{
	if (ev->live)
		ev->live--;
	if (ev->unmatched_in)
		ev->unmatched_in--;
	else if (ev->unmatched_out < NF_VPN_ESP_GATES)
		ev->unmatched_out++;
	if (ev->gates == NF_VPN_ESP_GATES)
		return;
	/* The oldest it can be: @first says no more than that it was before. */
	memmove(&ev->gate[1], &ev->gate[0], ev->gates * sizeof(ev->gate[0]));
	if (!ev->gates++ || nf_vpn_since(first, ev->gate[1]) >= 0x80000000U)
		ev->gate[0] = first;
	else
		ev->gate[0] = ev->gate[1];
}

/*
 * The best guess for a first packet has had its share: other SPIs look elsewhere
 * first. However wrong each guess, there are as many as SPIs, so who is left
 * over is mostly who still awaits one. And a clear leader leaves its slot.
 */
void nf_vpn_esp_suppose(struct nf_vpn_esp_evidence *ev, u32 spi, bool again,
			bool clear, bool alone, u32 now)
{
	if (!nf_vpn_esp_is_hot(ev, now))
		return;
	if (!(ev->flags & NF_VPN_ESP_EV_SERVED) || again)
		ev->tentative_spi = spi;
	ev->flags |= NF_VPN_ESP_EV_SERVED;
	if (alone || clear)
		ev->flags |= NF_VPN_ESP_EV_DONE;
	if (!again || !nf_vpn_esp_open_gates(ev) || !clear)
		return;
	ev->tentative++;
	ev->tentative_at = now;
}
