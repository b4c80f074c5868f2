/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP segments of ONE direction of a PPTP control connection -> messages. Pure.
 *
 * The NAT rewrites Call IDs where they stand, and a message that cannot be
 * translated is never forwarded with a wrong ID.  So the octets of a head from
 * the first ID on (2, or 5 in the answer to a call request) are forwarded only
 * when all of them have come, in whatever segments; what comes too early is cut
 * off, but its value is kept, so that the segment behind it is enough to decide,
 * and TCP sends it again.  All other octets pass in any shape.
 *
 * A sender may have nothing to send behind such octets before they are
 * acknowledged.  Then they pass, on their third time, as the ID of no call
 * (NF_VPN_PPTP_NO_CALL): that one message is lost, the connection is not.
 *
 * Locking: none. The owner serialises all calls for one stream.
 */
#ifndef NF_VPN_PPTP_STREAM_H
#define NF_VPN_PPTP_STREAM_H

#include "pptp_msg.h"

/* Messages remembered for retransmissions.  A segment holds 60 of the shortest
 * with an ID that come in a row (Set-Link-Info).
 */
#define NF_VPN_PPTP_MARKS	64

/**
 * struct nf_vpn_pptp_mark - a message that was translated
 * @head:	type << 12 | length
 * @own:	its sender's Call ID as forwarded, host order
 * @peer:	its receiver's Call ID as forwarded, host order
 * @result:	its result code as forwarded
 */
struct nf_vpn_pptp_mark {
	u16 head;
	u16 own;
	u16 peer;
	u8 result;
};

/**
 * struct nf_vpn_pptp_stream - one direction; treat as opaque
 * @next:	sequence number at which the first message starts whose head has
 *		not been complete yet
 * @oldest:	sequence number of the first message remembered
 * @acked:	everything before it has been acknowledged by the receiver
 * @mark:	remembered messages, ring; they are contiguous from @oldest to
 *		@next
 * @first:	index of the oldest mark
 * @count:	marks in use
 * @have:	octets known of the head at @next
 * @stuck:	so often they came again and none behind them
 * @head:	the octets
 * @synced:	@next is a message boundary
 * @opaque:	from @next on the stream is not PPTP
 * @acks:	the owner reports acknowledgments
 * @lossy:	a mark was forgotten without knowing it acknowledged
 * @lost:	the IDs at @next are forwarded as those of no call
 */
struct nf_vpn_pptp_stream {
	u32 next;
	u32 oldest;
	u32 acked;
	struct nf_vpn_pptp_mark mark[NF_VPN_PPTP_MARKS];
	u8 first;
	u8 count;
	u8 have;
	u8 stuck;
	u8 head[NF_VPN_PPTP_HEAD_MAX];
	bool synced;
	bool opaque;
	bool acks;
	bool lossy;
	bool lost;
};

/**
 * struct nf_vpn_pptp_edit - what the receiver of a message shall read
 * @own: the sender's Call ID, host order
 * @peer: the receiver's Call ID, host order
 * @result: the result code
 *
 * A field that the message does not have is ignored.
 */
struct nf_vpn_pptp_edit {
	u16 own;
	u16 peer;
	u8 result;
};

enum nf_vpn_pptp_verdict {
	NF_VPN_PPTP_PASS,	/* forward, with the translations made */
	NF_VPN_PPTP_TRIM,	/* forward only the first *keep octets */
	NF_VPN_PPTP_DROP,	/* forward nothing; no message was accepted */
};

/* Why a segment got its verdict. One counter each. */
enum nf_vpn_pptp_why {
	NF_VPN_PPTP_WHY_OK = 0,		/* PASS: understood to its last octet */
	NF_VPN_PPTP_WHY_UNSYNCED,	/* PASS: no message boundary known yet */
	NF_VPN_PPTP_WHY_OPAQUE,		/* PASS: not PPTP since some time */
	NF_VPN_PPTP_WHY_BAD_MAGIC,	/* PASS: not PPTP from here on */
	NF_VPN_PPTP_WHY_BAD_KIND,	/* PASS: not PPTP from here on */
	NF_VPN_PPTP_WHY_BAD_TYPE,	/* PASS: not PPTP from here on */
	NF_VPN_PPTP_WHY_BAD_LENGTH,	/* PASS: not PPTP from here on */
	NF_VPN_PPTP_WHY_PARTIAL,	/* TRIM, DROP: ends inside the IDs */
	NF_VPN_PPTP_WHY_REFUSED,	/* TRIM, DROP: on_message said no */
	NF_VPN_PPTP_WHY_FULL,		/* TRIM, DROP: too much unacknowledged */
	NF_VPN_PPTP_WHY_CHANGED,	/* TRIM, DROP: not what was sent before */
	NF_VPN_PPTP_WHY_PEEK,		/* TRIM, DROP: peek or write failed */
	NF_VPN_PPTP_WHY_HOLE,		/* DROP: data before it is missing */
	NF_VPN_PPTP_WHY_OLD,		/* DROP: older than what is remembered */
	NF_VPN_PPTP_WHY_COUNT,
};

/**
 * struct nf_vpn_pptp_segment - a TCP segment and what to do with its messages
 * @seq:	sequence number of the first payload octet, host order. For a SYN
 *		that carries data (RFC 7413) that is the header's number plus 1.
 * @len:	payload octets
 * @ctx:	handed to the functions
 * @peek:	return a pointer to @n readable payload octets from offset @off,
 *		either in place or copied to @buf (which has room for
 *		NF_VPN_PPTP_HEAD_MAX octets), or NULL. @off + @n <= @len.
 * @write:	replace @n payload octets from offset @off. 0, or negative when it
 *		cannot be done now. Other octets stay what they were.
 * @on_message:	called for each message when its head is complete, in order.
 *		@msg lives for the call; @edit comes in as in the message.
 *
 *		Return 0 when the message may go, as @edit says: it is not shown
 *		again, the stream repeats the translation by itself. A negative
 *		value means that it must not go now; it is shown again when
 *		TCP sends it again.
 *
 *		With msg->lost it goes with NF_VPN_PPTP_NO_CALL for each ID,
 *		whatever @edit says: part of it has gone so already.
 */
struct nf_vpn_pptp_segment {
	u32 seq;
	u32 len;
	void *ctx;
	const u8 *(*peek)(void *ctx, u32 off, u32 n, u8 *buf);
	int (*write)(void *ctx, u32 off, const u8 *octets, u32 n);
	int (*on_message)(void *ctx, const struct nf_vpn_pptp_msg *msg,
			  struct nf_vpn_pptp_edit *edit);
};

/**
 * nf_vpn_pptp_stream_init() - start without knowing a message boundary
 * @s:	stream, any content
 *
 * For a connection first seen in its middle. Until a segment begins with a
 * valid message head everything passes, WHY_UNSYNCED.
 */
void nf_vpn_pptp_stream_init(struct nf_vpn_pptp_stream *s);

/**
 * nf_vpn_pptp_stream_syn() - this direction sent a SYN
 * @s:		stream, initialised
 * @isn:	sequence number of the SYN, host order
 *
 * The first message starts at @isn + 1. Harmless for a repeated SYN. Call only
 * for a SYN that connection tracking takes as part of the connection: with
 * another @isn the stream starts anew.
 */
void nf_vpn_pptp_stream_syn(struct nf_vpn_pptp_stream *s, u32 isn);

/**
 * nf_vpn_pptp_stream_ack() - the OTHER direction acknowledged up to here
 * @s:		the stream whose data is acknowledged
 * @ack:	acknowledgment number, host order, from a segment with ACK set
 *
 * Not needed for correct translation, but call it for every segment of the
 * other direction, the handshake's included. Acknowledged octets cannot harm, so they pass in any
 * shape, which lets the receiver repeat a lost acknowledgment. Once called,
 * the stream takes no more messages than it can remember (WHY_FULL) instead of
 * forgetting one that may be sent again (WHY_OLD).
 */
void nf_vpn_pptp_stream_ack(struct nf_vpn_pptp_stream *s, u32 ack);

/**
 * nf_vpn_pptp_stream_walk() - find and show the messages of a segment
 * @s:		stream
 * @seg:	the segment
 * @keep:	set with every verdict to the octets that may be forwarded:
 *		seg->len (PASS), 0 (DROP), or between them (TRIM)
 * @why:	set with every verdict
 *
 * On TRIM shorten the segment to @keep payload octets and clear FIN and PSH, the
 * sender will come again for the rest.
 *
 * Return: the verdict.
 */
enum nf_vpn_pptp_verdict
nf_vpn_pptp_stream_walk(struct nf_vpn_pptp_stream *s,
			const struct nf_vpn_pptp_segment *seg,
			u32 *keep, enum nf_vpn_pptp_why *why);

/**
 * nf_vpn_pptp_why_name() - a reason in words for counters and logs
 * @why:	reason, any value
 *
 * Return: a short lower case name, "?" for a value not of the enum.
 */
const char *nf_vpn_pptp_why_name(enum nf_vpn_pptp_why why);

#endif /* NF_VPN_PPTP_STREAM_H */
