// SPDX-License-Identifier: GPL-2.0-only
/*
 * PPTP control stream -> messages, without a buffer for what passes.
 *
 * Two rules everything follows from.  The octets of a message from its first
 * ID to the end of its head pass only when all of them are known, for only
 * then the translation is: until then they are kept here (5 at most) and not
 * forwarded, but all before them is.  And the translation of a message is
 * decided once, and remembered until its octets are acknowledged, so a
 * retransmission may be cut anywhere.
 */

#include "pptp_stream.h"

#define before	nf_vpn_seq_before
#define after	nf_vpn_seq_after

/* A mark holds 4 bits of type over 12 bits of length (NF_VPN_PPTP_LEN_MAX) */
#define MARK_HEAD(type, len)	((u16)((type) << 12 | (len)))
#define MARK_TYPE(m)		((m)->head >> 12)
#define MARK_LEN(m)		((m)->head & NF_VPN_PPTP_LEN_MAX)

/* So often octets that cannot pass may come again with none behind them.  The
 * sender's timer doubles (RFC 6298 5.5): that is some 0.6 s for Linux.
 */
#define PATIENCE	2

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

/* Up to here the octets of the message in progress may be forwarded */
static u32 passable(const struct nf_vpn_pptp_stream *s)
{
	return s->next + (s->lost ? s->have :
			  nf_vpn_min_u32(s->have, NF_VPN_PPTP_HDR_LEN));
}

void nf_vpn_pptp_stream_ack(struct nf_vpn_pptp_stream *s, u32 ack)
{
	if (!s->synced) {
		s->acks = true;
		return;
	}
	if (after(ack, passable(s))) {
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

static struct nf_vpn_pptp_mark *mark_at(struct nf_vpn_pptp_stream *s,
					unsigned int i)
{
	return &s->mark[(s->first + i) % NF_VPN_PPTP_MARKS];
}

/* May one more message be remembered? Forget none that TCP may send again. */
static bool has_room(struct nf_vpn_pptp_stream *s)
{
	return s->count < NF_VPN_PPTP_MARKS || !s->acks ||
	       acked_to(s, s->oldest + MARK_LEN(mark_at(s, 0)));
}

static void forget_oldest(struct nf_vpn_pptp_stream *s)
{
	s->oldest += MARK_LEN(mark_at(s, 0));
	if (!acked_to(s, s->oldest))
		s->lossy = true;
	s->first = (s->first + 1) % NF_VPN_PPTP_MARKS;
	s->count--;
}

static struct nf_vpn_pptp_mark *remember(struct nf_vpn_pptp_stream *s,
					 const struct nf_vpn_pptp_msg *msg,
					 const struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_mark *mark;

	if (s->count == NF_VPN_PPTP_MARKS)
		forget_oldest(s);
	mark = mark_at(s, s->count++);
	mark->head = MARK_HEAD(msg->type, msg->len);
	mark->own = edit->own;
	mark->peer = edit->peer;
	mark->result = edit->result;
	s->next += msg->len;
	s->have = 0;
	s->stuck = 0;
	s->lost = false;
	return mark;
}

/*
 * The part of the @n octets from sequence number @seq that is in the segment:
 * *@skip of them are before it.  Return: its length.
 */
static u32 overlap(const struct cursor *c, u32 seq, u32 n, u32 *skip)
{
	*skip = before(seq, c->seg->seq) ? c->seg->seq - seq : 0;
	if (*skip >= n || !before(seq + *skip, c->end))
		return 0;
	return nf_vpn_min_u32(n - *skip, c->end - seq - *skip);
}

static const u8 *peek(const struct cursor *c, u32 seq, u32 n, u8 *buf)
{
	return c->seg->peek(c->seg->ctx, seq - c->seg->seq, n, buf);
}

/* Let the octets from @seq, as far as they are here, read @want */
static bool impose(const struct cursor *c, u32 seq, const u8 *want, u32 n)
{
	u8 buf[NF_VPN_PPTP_HEAD_MAX];
	const u8 *is;
	u32 skip;

	n = overlap(c, seq, n, &skip);
	if (!n)
		return true;
	is = peek(c, seq + skip, n, buf);
	if (!is)
		return false;
	if (!memcmp(is, want + skip, n))
		return true;
	return !c->seg->write(c->seg->ctx, seq + skip - c->seg->seq,
			      want + skip, n);
}

static bool impose_id(const struct cursor *c, u32 start, u8 off, u16 id)
{
	u8 octets[2];

	nf_vpn_put_be16(octets, id);
	return !off || impose(c, start + off, octets, sizeof(octets));
}

/* Write the translation into what the segment has of the message at @start */
static bool translate(const struct cursor *c, u32 start,
		      const struct nf_vpn_pptp_mark *mark)
{
	const struct nf_vpn_pptp_desc *d = nf_vpn_pptp_desc(MARK_TYPE(mark));

	return impose_id(c, start, d->own_off, mark->own) &&
	       impose_id(c, start, d->peer_off, mark->peer) &&
	       (!d->res_off ||
		impose(c, start + d->res_off, &mark->result, 1));
}

/* Do the header octets in the segment say what they said before? */
static enum nf_vpn_pptp_why compare(const struct cursor *c, u32 start,
				    const struct nf_vpn_pptp_mark *mark)
{
	u8 want[NF_VPN_PPTP_CHECKED], buf[NF_VPN_PPTP_CHECKED];
	const u8 *is;
	u32 skip, n;

	n = overlap(c, start, sizeof(want), &skip);
	if (!n)
		return NF_VPN_PPTP_WHY_OK;
	nf_vpn_pptp_header(want, MARK_TYPE(mark), MARK_LEN(mark));
	is = peek(c, start + skip, n, buf);
	if (!is)
		return NF_VPN_PPTP_WHY_PEEK;
	return memcmp(is, want + skip, n) ? NF_VPN_PPTP_WHY_CHANGED :
					    NF_VPN_PPTP_WHY_OK;
}

/*
 * The segment has octets of a known message, which starts at @start.  The
 * receiver throws acknowledged octets away and acknowledges again, which the
 * sender may be waiting for.  A keepalive is such an octet, of any value.
 */
static enum nf_vpn_pptp_why old_message(const struct cursor *c, u32 start,
					const struct nf_vpn_pptp_mark *mark)
{
	u32 head_end = start + nf_vpn_pptp_desc(MARK_TYPE(mark))->head;
	enum nf_vpn_pptp_why why;

	if (acked_to(c->s, before(c->end, head_end) ? c->end : head_end))
		return NF_VPN_PPTP_WHY_OK;
	why = compare(c, start, mark);
	if (!why && !translate(c, start, mark))
		why = NF_VPN_PPTP_WHY_PEEK;
	return why;
}

/* Go through what the segment repeats of known messages */
static enum nf_vpn_pptp_why walk_old(struct cursor *c)
{
	struct nf_vpn_pptp_stream *s = c->s;
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
		start = stop;
		stop += MARK_LEN(mark_at(s, i));
		if (!before(c->pos, stop))
			continue;
		why = old_message(c, start, mark_at(s, i));
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

/* Not all of it may pass: the cursor goes to the first octet that may not */
static enum nf_vpn_pptp_why hold(struct cursor *c, u32 start,
				 enum nf_vpn_pptp_why why)
{
	u32 limit = start + NF_VPN_PPTP_HDR_LEN;

	if (before(c->pos, limit))
		c->pos = before(limit, c->end) ? limit : c->end;
	return why;
}

/* Add the octets at the cursor to the head in progress */
static enum nf_vpn_pptp_why gather(struct cursor *c)
{
	struct nf_vpn_pptp_stream *s = c->s;
	u32 at = c->pos - s->next, n;
	u8 buf[NF_VPN_PPTP_HEAD_MAX];
	const u8 *octets;

	n = nf_vpn_min_u32(c->end - c->pos, NF_VPN_PPTP_HEAD_MAX - at);
	octets = n ? peek(c, c->pos, n, buf) : buf;
	if (!octets)
		return NF_VPN_PPTP_WHY_PEEK;
	if (memcmp(s->head + at, octets, nf_vpn_min_u32(s->have - at, n)))
		return NF_VPN_PPTP_WHY_CHANGED;
	if (at + n <= s->have) {
		s->stuck += at + n == s->have && s->stuck < PATIENCE;
		return NF_VPN_PPTP_WHY_OK;
	}
	memcpy(s->head + at, octets, n);
	s->have = at + n;
	s->stuck = 0;
	return NF_VPN_PPTP_WHY_OK;
}

/*
 * The segment ends inside a head.  When the sender only ever sends the same
 * octets, because it waits for their acknowledgment (Nagle's algorithm, a window
 * of one segment), the IDs pass as those of no call: one call is lost then, and
 * not the connection.
 */
static enum nf_vpn_pptp_why wait_for_rest(struct cursor *c)
{
	static const u8 none[NF_VPN_PPTP_HEAD_MAX - NF_VPN_PPTP_HDR_LEN] = {
		0xff, 0xff, 0xff, 0xff
	};
	struct nf_vpn_pptp_stream *s = c->s;

	if (after(c->end, passable(s)) && s->stuck >= PATIENCE)
		s->lost = true;
	if (after(c->end, passable(s)))
		return hold(c, s->next, NF_VPN_PPTP_WHY_PARTIAL);
	if (s->lost && !impose(c, s->next + NF_VPN_PPTP_HDR_LEN, none,
			       s->have - NF_VPN_PPTP_HDR_LEN))
		return hold(c, s->next, NF_VPN_PPTP_WHY_PEEK);
	c->pos = c->end;
	return NF_VPN_PPTP_WHY_OK;
}

/* Ask what to do with the message whose head is complete, and do it */
static enum nf_vpn_pptp_why decide(struct cursor *c,
				   struct nf_vpn_pptp_msg *msg)
{
	struct nf_vpn_pptp_edit edit = {
		.own = msg->own_id, .peer = msg->peer_id, .result = msg->result,
	};
	struct nf_vpn_pptp_mark *mark;
	u32 start = c->s->next;

	msg->lost = c->s->lost;
	if (!has_room(c->s))
		return hold(c, start, NF_VPN_PPTP_WHY_FULL);
	if (c->seg->on_message(c->seg->ctx, msg, &edit) < 0)
		return hold(c, start, NF_VPN_PPTP_WHY_REFUSED);
	if (msg->lost) {
		edit.own = NF_VPN_PPTP_NO_CALL;
		edit.peer = NF_VPN_PPTP_NO_CALL;
	}
	mark = remember(c->s, msg, &edit);
	if (!translate(c, start, mark))
		return hold(c, start, NF_VPN_PPTP_WHY_PEEK);
	c->pos = c->s->next;
	return NF_VPN_PPTP_WHY_OK;
}

/* The cursor is in a head that has not been complete before */
static enum nf_vpn_pptp_why new_message(struct cursor *c)
{
	struct nf_vpn_pptp_msg msg;
	enum nf_vpn_pptp_why why;
	enum nf_vpn_pptp_err err;

	if (acked_to(c->s, c->end)) {	/* as above */
		c->pos = c->end;
		return NF_VPN_PPTP_WHY_OK;
	}
	why = gather(c);
	if (why)
		return why;
	err = nf_vpn_pptp_parse(c->s->head, c->s->have, &msg);
	if (err == NF_VPN_PPTP_NEED_MORE)
		return wait_for_rest(c);
	if (err)
		return give_up(c->s, err);
	c->s->have = msg.desc->head;
	return decide(c, &msg);
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
	u32 n = nf_vpn_min_u32(c->end - c->pos, NF_VPN_PPTP_HEAD_MAX);
	u8 buf[NF_VPN_PPTP_HEAD_MAX];
	struct nf_vpn_pptp_msg msg;
	const u8 *head;

	head = peek(c, c->pos, n, buf);
	if (!head || nf_vpn_pptp_parse(head, n, &msg))
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
	if (after(c->pos, c->s->next + c->s->have))
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
	/* all before the cursor may go, nothing behind it */
	*keep = c.pos - seg->seq;
	if (*keep == seg->len)
		return NF_VPN_PPTP_PASS;
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
		[NF_VPN_PPTP_WHY_OLD] = "old",
	};

	return (unsigned int)why < NF_VPN_PPTP_WHY_COUNT ? name[why] : "?";
}
