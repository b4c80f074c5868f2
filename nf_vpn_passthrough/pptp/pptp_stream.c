// SPDX-License-Identifier: GPL-2.0-only
/*
 * PPTP control stream -> messages, without a buffer.
 *
 * The one rule everything follows from: octets of a head that carries IDs
 * travel together or not at all. Then the receiver never acknowledges half a
 * head, so the sender's retransmission always starts at or before the head's
 * first octet, and the head can be translated whole.
 */

#include "pptp_stream.h"

#define before	nf_vpn_seq_before
#define after	nf_vpn_seq_after

/* A mark holds 4 bits of type over 12 bits of length (NF_VPN_PPTP_LEN_MAX) */
#define MARK(type, len)	((u16)((type) << 12 | (len)))
#define MARK_TYPE(m)	((m) >> 12)
#define MARK_LEN(m)	((m) & NF_VPN_PPTP_LEN_MAX)

/* Where the walk through a segment has come; pos and end are sequence numbers */
struct cursor {
	struct nf_vpn_pptp_stream *s;
	const struct nf_vpn_pptp_segment *seg;
	u32 pos;
	u32 end;
};

/* @seq is a message boundary; nothing is known but whether acks are reported */
static void anchor(struct nf_vpn_pptp_stream *s, u32 seq)
{
	bool acks = s->acks;

	memset(s, 0, sizeof(*s));
	s->acks = acks;
	s->next = seq;
	s->oldest = seq;
	s->acked = seq;
	s->synced = true;
}

void nf_vpn_pptp_stream_init(struct nf_vpn_pptp_stream *s)
{
	memset(s, 0, sizeof(*s));
}

void nf_vpn_pptp_stream_syn(struct nf_vpn_pptp_stream *s, u32 isn)
{
	if (s->synced && s->oldest == isn + 1)
		return;
	anchor(s, isn + 1);
}

void nf_vpn_pptp_stream_ack(struct nf_vpn_pptp_stream *s, u32 ack)
{
	if (!s->synced) {
		s->acks = true;
		return;
	}
	if (after(ack, s->next)) {
		/* next stands still in an opaque stream, elsewhere it is a lie */
		if (!s->opaque)
			return;
		ack = s->next;
	}
	/* the first one counts as is: acked may be further away than 2^31 */
	if (!s->acks || after(ack, s->acked))
		s->acked = ack;
	s->acks = true;
	if (!before(s->acked, s->oldest))
		s->lossy = false;
}

/* Is everything before @seq acknowledged, as far as we were told? */
static bool acked_to(const struct nf_vpn_pptp_stream *s, u32 seq)
{
	return s->acks && !before(s->acked, seq);
}

static u32 oldest_end(const struct nf_vpn_pptp_stream *s)
{
	return s->oldest + MARK_LEN(s->mark[s->first]);
}

/* May one more message be remembered? Forget none that TCP may send again. */
static bool has_room(const struct nf_vpn_pptp_stream *s)
{
	return s->count < NF_VPN_PPTP_MARKS || !s->acks ||
	       acked_to(s, oldest_end(s));
}

static void forget_oldest(struct nf_vpn_pptp_stream *s)
{
	s->oldest = oldest_end(s);
	if (!acked_to(s, s->oldest))
		s->lossy = true;
	s->first = (s->first + 1) % NF_VPN_PPTP_MARKS;
	s->count--;
}

static void remember(struct nf_vpn_pptp_stream *s,
		     const struct nf_vpn_pptp_msg *msg)
{
	if (s->count == NF_VPN_PPTP_MARKS)
		forget_oldest(s);
	s->mark[(s->first + s->count) % NF_VPN_PPTP_MARKS] =
		MARK(msg->type, msg->len);
	s->count++;
	s->next += msg->len;
}

/* Parse at the cursor; *@peeked tells a NULL of peek from too few octets */
static enum nf_vpn_pptp_err parse(const struct cursor *c,
				  struct nf_vpn_pptp_msg *msg, bool *peeked)
{
	u32 have = nf_vpn_min_u32(c->end - c->pos, NF_VPN_PPTP_HEAD_MAX);
	u8 buf[NF_VPN_PPTP_HEAD_MAX];
	const u8 *head;

	head = c->seg->peek(c->seg->ctx, c->pos - c->seg->seq, have, buf);
	*peeked = head;
	return head ? nf_vpn_pptp_parse(head, have, msg) :
		      NF_VPN_PPTP_NEED_MORE;
}

static int show(const struct cursor *c, const struct nf_vpn_pptp_msg *msg)
{
	return c->seg->on_message(c->seg->ctx, msg, c->pos - c->seg->seq);
}

/* Show an old message whose head is all there, for the same translation */
static enum nf_vpn_pptp_why show_again(const struct cursor *c, u16 mark)
{
	struct nf_vpn_pptp_msg msg;
	bool peeked;

	if (parse(c, &msg, &peeked) || msg.type != MARK_TYPE(mark) ||
	    msg.len != MARK_LEN(mark))
		return peeked ? NF_VPN_PPTP_WHY_CHANGED : NF_VPN_PPTP_WHY_PEEK;
	msg.again = true;
	return show(c, &msg) < 0 ? NF_VPN_PPTP_WHY_REFUSED : NF_VPN_PPTP_WHY_OK;
}

/* Length of the head as far as it must not be torn; 0 without any ID */
static u32 tied_octets(const struct nf_vpn_pptp_desc *d)
{
	u8 last = d->peer_off > d->own_off ? d->peer_off : d->own_off;

	return last ? last + 2 : 0;
}

/* The cursor is on an octet of a known message, which starts at @start */
static enum nf_vpn_pptp_why old_message(const struct cursor *c, u32 start,
					u16 mark)
{
	const struct nf_vpn_pptp_desc *d = nf_vpn_pptp_desc(MARK_TYPE(mark));
	u32 tied_end = start + tied_octets(d);
	enum nf_vpn_pptp_why why = NF_VPN_PPTP_WHY_OK;

	if (c->pos == start && c->end - start >= d->head)
		why = show_again(c, mark);
	else if (before(c->pos, tied_end))
		why = c->pos == start ? NF_VPN_PPTP_WHY_PARTIAL :
					NF_VPN_PPTP_WHY_CUT_ID;
	/*
	 * The receiver throws acknowledged octets away and acknowledges again,
	 * which the sender may be waiting for. A keepalive is such an octet.
	 */
	return acked_to(c->s, tied_end) ? NF_VPN_PPTP_WHY_OK : why;
}

/* Go through what the segment repeats of known messages */
static enum nf_vpn_pptp_why walk_old(struct cursor *c)
{
	const struct nf_vpn_pptp_stream *s = c->s;
	enum nf_vpn_pptp_why why;
	u32 start, stop = s->oldest;
	unsigned int i;

	if (before(c->pos, s->oldest)) {
		if (s->lossy)
			return NF_VPN_PPTP_WHY_OLD;
		/* acknowledged, or went by before we were synchronised */
		c->pos = s->oldest;
	}
	for (i = 0; i < s->count && before(c->pos, c->end); i++) {
		u16 mark = s->mark[(s->first + i) % NF_VPN_PPTP_MARKS];

		start = stop;
		stop += MARK_LEN(mark);
		if (!before(c->pos, stop))
			continue;
		why = old_message(c, start, mark);
		if (why)
			return why;
		c->pos = stop;
	}
	return NF_VPN_PPTP_WHY_OK;
}

/* The octets at the cursor are no PPTP message: never look at them again */
static enum nf_vpn_pptp_why give_up(struct nf_vpn_pptp_stream *s,
				    enum nf_vpn_pptp_err err)
{
	s->opaque = true;
	switch (err) {
	case NF_VPN_PPTP_BAD_MAGIC:
		return NF_VPN_PPTP_WHY_BAD_MAGIC;
	case NF_VPN_PPTP_BAD_KIND:
		return NF_VPN_PPTP_WHY_BAD_KIND;
	case NF_VPN_PPTP_BAD_TYPE:
		return NF_VPN_PPTP_WHY_BAD_TYPE;
	default:
		return NF_VPN_PPTP_WHY_BAD_LENGTH;
	}
}

/* The cursor is on the first octet of a message never accepted before */
static enum nf_vpn_pptp_why new_message(struct cursor *c)
{
	struct nf_vpn_pptp_msg msg;
	enum nf_vpn_pptp_err err;
	bool peeked;

	err = parse(c, &msg, &peeked);
	if (!peeked)
		return NF_VPN_PPTP_WHY_PEEK;
	if (err == NF_VPN_PPTP_NEED_MORE)
		return NF_VPN_PPTP_WHY_PARTIAL;
	if (err)
		return give_up(c->s, err);
	if (!has_room(c->s))
		return NF_VPN_PPTP_WHY_FULL;
	if (show(c, &msg) < 0)
		return NF_VPN_PPTP_WHY_REFUSED;
	remember(c->s, &msg);
	c->pos = c->s->next;
	return NF_VPN_PPTP_WHY_OK;
}

static enum nf_vpn_pptp_why walk_new(struct cursor *c)
{
	enum nf_vpn_pptp_why why = NF_VPN_PPTP_WHY_OK;

	while (!why && before(c->pos, c->end))
		why = c->s->opaque ? NF_VPN_PPTP_WHY_OPAQUE : new_message(c);
	return why;
}

/* Magic cookie, kind and type: message bodies do not look so by chance */
static bool try_sync(const struct cursor *c)
{
	struct nf_vpn_pptp_msg msg;
	bool peeked;

	if (parse(c, &msg, &peeked))
		return false;
	anchor(c->s, c->pos);
	return true;
}

static enum nf_vpn_pptp_why walk(struct cursor *c)
{
	enum nf_vpn_pptp_why why;

	if (c->pos == c->end)
		return NF_VPN_PPTP_WHY_OK;
	if (!c->s->synced && !try_sync(c))
		return NF_VPN_PPTP_WHY_UNSYNCED;
	if (after(c->pos, c->s->next))
		return c->s->opaque ? NF_VPN_PPTP_WHY_OPAQUE :
				      NF_VPN_PPTP_WHY_HOLE;
	why = walk_old(c);
	return why ? why : walk_new(c);
}

static bool is_pass(enum nf_vpn_pptp_why why)
{
	return why < NF_VPN_PPTP_WHY_PARTIAL;
}

enum nf_vpn_pptp_verdict
nf_vpn_pptp_stream_walk(struct nf_vpn_pptp_stream *s,
			const struct nf_vpn_pptp_segment *seg,
			u32 *keep, enum nf_vpn_pptp_why *why)
{
	struct cursor c = {
		.s = s, .seg = seg, .pos = seg->seq, .end = seg->seq + seg->len,
	};

	*why = walk(&c);
	if (is_pass(*why)) {
		*keep = seg->len;
		return NF_VPN_PPTP_PASS;
	}
	/* every message before the cursor was accepted, none behind it */
	*keep = c.pos - seg->seq;
	return *keep ? NF_VPN_PPTP_TRIM : NF_VPN_PPTP_DROP;
}

const char *nf_vpn_pptp_why_name(enum nf_vpn_pptp_why why)
{
	static const char * const name[NF_VPN_PPTP_WHY_COUNT] = {
		[NF_VPN_PPTP_WHY_OK] = "ok",
		[NF_VPN_PPTP_WHY_UNSYNCED] = "unsynced",
		[NF_VPN_PPTP_WHY_OPAQUE] = "opaque",
		[NF_VPN_PPTP_WHY_BAD_MAGIC] = "bad_magic",
		[NF_VPN_PPTP_WHY_BAD_KIND] = "bad_kind",
		[NF_VPN_PPTP_WHY_BAD_TYPE] = "bad_type",
		[NF_VPN_PPTP_WHY_BAD_LENGTH] = "bad_length",
		[NF_VPN_PPTP_WHY_PARTIAL] = "partial",
		[NF_VPN_PPTP_WHY_REFUSED] = "refused",
		[NF_VPN_PPTP_WHY_FULL] = "full",
		[NF_VPN_PPTP_WHY_CHANGED] = "changed",
		[NF_VPN_PPTP_WHY_PEEK] = "peek",
		[NF_VPN_PPTP_WHY_HOLE] = "hole",
		[NF_VPN_PPTP_WHY_CUT_ID] = "cut_id",
		[NF_VPN_PPTP_WHY_OLD] = "old",
	};

	return (unsigned int)why < NF_VPN_PPTP_WHY_COUNT ? name[why] : "?";
}
