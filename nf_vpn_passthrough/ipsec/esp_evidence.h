/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who owns an unknown inbound SPI: the memory behind esp_score. Pure.
 *
 * One struct nf_vpn_esp_evidence per pair, one struct nf_vpn_esp_in per inbound
 * SPI, one struct nf_vpn_esp_seen per namespace. Times are milliseconds that
 * wrap; all zero is the initial state, but for the pair's @id. The caller holds
 * the lock. docs/association.md explains the rules and gives the figures.
 *
 * An inbound SPI is *unsettled* until evidence confirms whose it is. While it
 * is, each packet of it is weighed anew and may be copied to several clients,
 * the pair's gate stays open, and nothing that is settled changes. So a packet
 * forged in the server's name can neither take a gate nor close it.
 */
#ifndef NF_VPN_ESP_EVIDENCE_H
#define NF_VPN_ESP_EVIDENCE_H

#include "esp_score.h"
#include "ike_msg.h"

/* SAs a pair may await at once; a fifth replaces the oldest. Several child SAs
 * set up in a row are rare, more than four of them idle rarer still.
 */
#define NF_VPN_ESP_GATES	4

/* How long a pair that handed its SPI over is the likeliest owner: two round
 * trips over a satellite, one for IKE and one for the first ESP, and some.
 */
#define NF_VPN_ESP_HOT_MS	1500

/* How long an SA without traffic is awaited. A gate must not close because a
 * tunnel is idle: whoever forgets it gives its SPI to another client. A day is
 * the longest lifetime in common use.
 */
#define NF_VPN_ESP_AWAIT_MS	(24 * 3600 * 1000U)

/* A request without an answer: the longest retransmission scheme in common use
 * (strongSwan: 165 s) is over, the server's half may never have been made.
 */
#define NF_VPN_ESP_WANTED_MS	(180 * 1000U)

/* A gate just satisfied may have been satisfied by the wrong SPI; the owner of
 * the next unknown one may still be that pair. Some retransmissions long.
 */
#define NF_VPN_ESP_RECENT_MS	10000

/* A host answers within this time: TCP acknowledges a handshake, ping replies,
 * at once; the rest is the LAN (Wi-Fi in power save: tens of milliseconds).
 */
#define NF_VPN_ESP_REACT_MS	40

/* An answer is back one round trip after the question, give or take the jitter
 * of a usual WAN, and the time a host behind the server takes.
 */
#define NF_VPN_ESP_JITTER_MS	10
#define NF_VPN_ESP_THINK_MS	30

/* Lead, in the units of esp_evidence.c, that settles an SPI: an answer in time
 * and a reaction, or three of either, and never on fewer packets.
 */
#define NF_VPN_ESP_LEAD		10
#define NF_VPN_ESP_LEAD_PACKETS	3

/* Packets over NF_VPN_ESP_ONE_WAY_MS that settle an SPI for the only candidate
 * even if it never sends: a one-way SA. And how many more, if nobody reacts, for
 * who was the only hot one when it began.
 */
#define NF_VPN_ESP_ONE_WAY	8
#define NF_VPN_ESP_ONE_WAY_MS	1000
#define NF_VPN_ESP_ONE_WAY_MANY	24

/* The second packet of an SPI comes within this time, or counts as a first */
#define NF_VPN_ESP_SEEN_MS	(60 * 1000U)

/* Sequence numbers may jump so far between two packets of one SA. A forger that
 * reuses an SPI must at least count.
 */
#define NF_VPN_ESP_SEQ_JUMP	1024

/* A client that got a slot uses it within this time, or leaves it: two round
 * trips and a moment for its first packet. Hot it stays longer.
 */
#define NF_VPN_ESP_SLOT_MS	500

/* Longest hold. IKE gives up after 30 s at the earliest (RFC 7296 2.4 speaks of
 * minutes), and sends again after 0.5 s to 4 s, which does no harm.
 */
#define NF_VPN_ESP_HOLD_MS	4000

/* One more rival is put up with for each step a message waited: two clients
 * never wait long for each other, whatever one of them does.
 */
#define NF_VPN_ESP_HOLD_STEP_MS	250

/* Ask again so often: a fraction of any slot */
#define NF_VPN_ESP_HOLD_TICK_MS	20

/* Fan-out: receivers of one packet, default and most. A copy that reaches the
 * wrong host costs a lookup there; none where it should have gone costs seconds.
 * One packet never takes more than NF_VPN_ESP_SHARE of what may be copied now, so
 * one lone packet may be sent to all and a thousand forged ones go to few each.
 */
#define NF_VPN_ESP_COPIES	256
#define NF_VPN_ESP_COPIES_MAX	256
#define NF_VPN_ESP_SHARE	64

/* Evidence is kept for so many of them */
#define NF_VPN_ESP_TRACKED	32

/* Copies per second and server: what a forger can make of 1,000 packets, one
 * for each. And at once: 200 clients that start together need a good part.
 */
#define NF_VPN_ESP_COPY_RATE	1000
#define NF_VPN_ESP_COPY_BURST	65536

/* SPIs seen once and not worth memory of their own yet. At 1,000 forged ones a
 * second nine of ten entries live 400 ms, long enough for a second packet.
 */
#define NF_VPN_ESP_SEEN		4096

/* Packets of a client remembered, to see what it reacted to */
#define NF_VPN_ESP_GAPS		8

/* IKE SAs remembered per pair, to tell a rekeyed one */
#define NF_VPN_ESP_IKE_SAS	3

/**
 * struct nf_vpn_esp_evidence - what is known of one client and server
 * @ike:	exchanges seen
 * @ike_sa:	initiator SPIs of its IKE SAs, newest first
 * @id:		set by the caller: not 0, unlike that of any other pair
 * @gate:	when it handed over the SPIs of its gates, oldest first
 * @handed:	when it last gave its SPI to the server
 * @wanted_at:	when it last asked
 * @out_new:	first packet of its newest unmatched outbound SPI
 * @out_last:	its last ESP packet
 * @settled_at:	when an SPI was settled as its own
 * @tentative_at: when a packet that fits its gate was sent to it
 * @tentative_spi: its SPI
 * @order:	of its oldest gate
 * @flags:	which of the above are valid
 * @gates:	SAs negotiated whose inbound SPI is not settled
 * @wanted:	exchanges without an answer
 * @unmatched_out: outbound SPIs without an inbound one
 * @unmatched_in: settled inbound SPIs without an outbound one
 * @live:	settled inbound SPIs
 * @tentative:	gates for which a packet that fits was seen
 * @rtt:	ms from the NAT to the server and back, by IKE; 0: not known
 * @gap:	ms between its last packets, newest first, at most 65535 each
 */
struct nf_vpn_esp_evidence {
	struct nf_vpn_ike_gate_state ike;
	u64 ike_sa[NF_VPN_ESP_IKE_SAS];
	u32 id;
	u32 gate[NF_VPN_ESP_GATES];
	u32 handed;
	u32 wanted_at;
	u32 out_new;
	u32 out_last;
	u32 settled_at;
	u32 tentative_at;
	u32 tentative_spi;
	u32 order;
	u16 flags;
	u8 gates;
	u8 wanted;
	u8 unmatched_out;
	u8 unmatched_in;
	u8 live;
	u8 tentative;
	u16 rtt;
	u16 gap[NF_VPN_ESP_GAPS];
};

/**
 * struct nf_vpn_esp_in - one inbound SPI, settled or not
 * @first:	its first packet
 * @probe:	the last packet whose reactions are watched
 * @probed:	which of @id got that, bit by bit
 * @seq:	highest sequence number
 * @guess:	who was the only hot one when it began, 0: nobody
 * @turn:	where the next search among equals begins
 * @packets:	seen while unsettled, stops counting at the top
 * @again:	settled: how often its sequence number began anew
 * @settled:	it is known whose it is
 * @fresh:	its first sequence number was low: a new SA
 * @n:		clients weighed
 * @id:		their ids
 * @lead:	evidence for each of them
 */
struct nf_vpn_esp_in {
	u32 first;
	u32 probe;
	u32 probed;
	u32 seq;
	u32 guess;
	u16 turn;
	u8 packets;
	u8 again;
	bool settled;
	bool fresh;
	u8 n;
	u32 id[NF_VPN_ESP_TRACKED];
	s8 lead[NF_VPN_ESP_TRACKED];
};

/**
 * struct nf_vpn_esp_seen - SPIs of which one packet was seen
 * @e:		by hash; fixed memory, whatever arrives
 */
struct nf_vpn_esp_seen {
	struct {
		u32 spi;
		u32 seq;
		u32 at;
	} e[NF_VPN_ESP_SEEN];
};

/**
 * struct nf_vpn_esp_bucket - copies that may be made now
 * @at:		when it was filled last
 * @used:	thousandths of a copy used up, all zero is a full bucket: [0] by
 *		SPIs seen for the first time, [1] by others, which random forged
 *		ones never are; each has half of rate and burst
 */
struct nf_vpn_esp_bucket {
	u32 at;
	u32 used[2];
};

/**
 * struct nf_vpn_esp_rules - what the admin may change
 * @copies:	receivers of an ambiguous packet, 1 (no fan-out) to
 *		NF_VPN_ESP_COPIES_MAX
 * @rate:	copies per second, at most 1000000
 * @burst:	copies at once, at most 1000000, at least NF_VPN_ESP_SHARE
 * @hold_ms:	longest hold, 0 for none
 */
struct nf_vpn_esp_rules {
	u32 copies;
	u32 rate;
	u32 burst;
	u32 hold_ms;
};

/**
 * struct nf_vpn_esp_plan - what to do with an inbound packet
 * @n:		how many receive it; 0: nobody can own it, leave it alone
 * @target:	their indices; [0] gets the packet, the others copies
 * @eligible:	how many could own it
 * @settled:	[0] owns the SPI, from now on and for sure
 * @unexpected:	nobody awaits it
 * @gained:	work space: evidence about them, before it is weighted
 * @key:	work space: order of them
 *
 * Too large for a stack: one per namespace, under the lock.
 */
struct nf_vpn_esp_plan {
	u16 n;
	u16 target[NF_VPN_ESP_COPIES_MAX];
	u16 eligible;
	bool settled;
	bool unexpected;
	s8 gained[NF_VPN_ESP_COPIES_MAX];
	u64 key[NF_VPN_ESP_COPIES_MAX];
};

/**
 * nf_vpn_esp_ike() - an IKE message of this pair passes on now
 * @ev:		the pair
 * @msg:	parsed; call after a hold, not before
 * @dir:	0 sent by the client
 * @order:	number that grows with each call in the namespace
 * @now:	ms
 *
 * Return: what nf_vpn_ike_observe() said.
 */
enum nf_vpn_ike_evidence nf_vpn_esp_ike(struct nf_vpn_esp_evidence *ev,
					const struct nf_vpn_ike_msg *msg,
					unsigned int dir, u32 order, u32 now);

/**
 * nf_vpn_esp_out() - an outbound ESP packet
 * @ev:		the pair
 * @fresh:	first packet of its SPI
 * @now:	ms
 *
 * Wanted for the first packet of each SPI and for all packets while
 * nf_vpn_esp_watched(); others may be left out. With @fresh false it may be
 * called without the lock: a race costs a hint, no more.
 */
void nf_vpn_esp_out(struct nf_vpn_esp_evidence *ev, bool fresh, u32 now);

/* Must outbound packets of this pair be reported one by one? */
bool nf_vpn_esp_watched(const struct nf_vpn_esp_evidence *ev, u32 now);

/**
 * nf_vpn_esp_seen() - a packet of an inbound SPI that has no binding
 * @seen:	memory of the namespace
 * @salt:	secret, mixed with server and public address
 * @a:		the packet
 * @now:	ms
 * @in:		filled: what is known of the SPI, this packet not counted
 *
 * Return: true when it is the second packet of its SPI and counts on from the
 * first: now it is worth memory of its own. A forger's random SPIs are not.
 */
bool nf_vpn_esp_seen(struct nf_vpn_esp_seen *seen, u32 salt,
		     const struct nf_vpn_esp_arrival *a, u32 now,
		     struct nf_vpn_esp_in *in);

/**
 * nf_vpn_esp_plan() - where does an inbound packet go that is not settled?
 * @in:		its SPI: bound, or as nf_vpn_esp_seen() filled it
 * @a:		the packet
 * @ev:		the pairs of its server and public address
 * @n:		their number, at most 65535
 * @rules:	what the admin says
 * @bucket:	of that server
 * @now:	ms
 * @plan:	filled
 *
 * On plan->settled the pair's evidence has been updated. O(@n), no allocation.
 */
void nf_vpn_esp_plan(struct nf_vpn_esp_in *in,
		     const struct nf_vpn_esp_arrival *a,
		     struct nf_vpn_esp_evidence *const *ev, unsigned int n,
		     const struct nf_vpn_esp_rules *rules,
		     struct nf_vpn_esp_bucket *bucket, u32 now,
		     struct nf_vpn_esp_plan *plan);

/**
 * nf_vpn_esp_in_gone() - a binding is forgotten (idle, recycled, lane gone)
 * @ev:		its pair
 * @in:		the binding
 */
void nf_vpn_esp_in_gone(struct nf_vpn_esp_evidence *ev,
			const struct nf_vpn_esp_in *in);

/**
 * nf_vpn_esp_in_shared() - a packet of a settled SPI, while others await one
 * @in:		the binding
 * @a:		the packet
 *
 * Return: true when low numbers came again, more than once: two clients chose
 * the same SPI (or packets were reordered, then it costs a copy). Send a copy to
 * who awaits one, and say so.
 */
bool nf_vpn_esp_in_shared(struct nf_vpn_esp_in *in,
			  const struct nf_vpn_esp_arrival *a);

/**
 * nf_vpn_esp_hold() - may this IKE message go on now?
 * @ev:		the pairs of its server and public address
 * @n:		their number
 * @self:	index of its own
 * @msg:	parsed, not yet given to nf_vpn_esp_ike()
 * @dir:	0 sent by the client
 * @queued:	messages held for the same server and address, this one included
 * @waited:	ms it was held so far
 * @hold_ms:	longest hold, 0 for none
 * @now:	ms
 *
 * Only messages that hand a new inbound SPI to the server wait, and only while
 * other clients of the same server and address have a slot. There are as many
 * slots as empty the queue in time (Little: queue x slot / longest hold), none to
 * spare for a queue of one. Ask in order of arrival.
 *
 * Return: 0 to let it pass, or after how many ms to ask again.
 */
u32 nf_vpn_esp_hold(struct nf_vpn_esp_evidence *const *ev, unsigned int n,
		    unsigned int self, const struct nf_vpn_ike_msg *msg,
		    unsigned int dir, u32 queued, u32 waited, u32 hold_ms,
		    u32 now);

/**
 * nf_vpn_esp_view() - a pair as the scorer sees it
 * @ev:		the pair; what is too old is forgotten
 * @now:	ms
 * @c:		filled
 *
 * To be called at least once in 20 days, because times wrap.
 */
void nf_vpn_esp_view(struct nf_vpn_esp_evidence *ev, u32 now,
		     struct nf_vpn_esp_candidate *c);

#endif /* NF_VPN_ESP_EVIDENCE_H */
