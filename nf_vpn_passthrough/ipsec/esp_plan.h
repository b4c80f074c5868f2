/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where does an inbound ESP packet go whose owner is not known? Pure.
 *
 * An inbound SPI is *unsettled* until evidence confirms whose it is. While it
 * is, each packet of it is weighed anew and may be copied to several clients,
 * the pair's gate stays open, and nothing that is settled changes. So a packet
 * forged in the server's name can neither take a gate nor close it.
 */
#ifndef NF_VPN_ESP_PLAN_H
#define NF_VPN_ESP_PLAN_H

#include "esp_evidence.h"

/* Sequence numbers may jump so far between two packets of one SA. A forger that
 * reuses an SPI must at least count.
 */
#define NF_VPN_ESP_SEQ_JUMP	1024

/* Lead, in the units of esp_evidence.c, that settles an SPI: an answer in time
 * and a reaction, or three of either, and never on fewer packets.
 */
#define NF_VPN_ESP_LEAD		10
#define NF_VPN_ESP_LEAD_PACKETS	3

/* While there are plenty of copies to be had, take more time: clients whose timers
 * have the same period (ping, keepalives) keep time with each other, and chance
 * looks like proof until one of them stops. Nobody lacks anything meanwhile.
 */
#define NF_VPN_ESP_PATIENT_MS	5000
#define NF_VPN_ESP_PATIENT_PACKETS 12

/* Packets over NF_VPN_ESP_ONE_WAY_MS that settle an SPI for the only candidate
 * even if it never sends: a one-way SA. And how many more, if nobody reacts, for
 * who was the only hot one when it began.
 */
#define NF_VPN_ESP_ONE_WAY	8
#define NF_VPN_ESP_ONE_WAY_MS	1000
#define NF_VPN_ESP_ONE_WAY_MANY	24

/* Fan-out: receivers of one packet, default and most. A copy that reaches the
 * wrong host costs a lookup there; none where it should have gone costs seconds.
 * One packet never takes more than NF_VPN_ESP_SHARE of what may be copied now, so
 * one lone packet may be sent to all and a thousand forged ones go to few each.
 */
#define NF_VPN_ESP_COPIES	256
#define NF_VPN_ESP_COPIES_MAX	256
#define NF_VPN_ESP_SHARE	64

/* A settled SPI is doubted so often. Who only sends, and gets nothing because
 * nothing is sent, must not keep the others unsettled.
 */
#define NF_VPN_ESP_DOUBTS	3

/* So long who had it by mistake is the last to be believed. */
#define NF_VPN_ESP_DENIED_MS	10000

/* Evidence is kept for so many of them */
#define NF_VPN_ESP_TRACKED	32

/* Copies per second and server: what a forger can make of 1,000 packets, one
 * for each. And at once: 200 clients that start together need a good part.
 */
#define NF_VPN_ESP_COPY_RATE	1000
#define NF_VPN_ESP_COPY_BURST	65536

/**
 * struct nf_vpn_esp_sa - what is remembered of an inbound SPI that is settled
 * @first:	its first packet
 * @seq:	highest sequence number
 * @again:	settled: how often its sequence number began anew
 * @doubts:	how often that turned out to be unsure
 * @fresh:	its first sequence number was low: a new SA
 */
struct nf_vpn_esp_sa {
	u32 first;
	u32 seq;
	u8 again;
	u8 doubts;
	bool fresh;
};

/**
 * struct nf_vpn_esp_in - one inbound SPI, settled or not
 * @sa:		all that matters once it is settled
 * @probe:	the last packet whose reactions are watched
 * @probed:	which of @id got that, bit by bit
 * @guess:	who was the only hot one when it began, 0: nobody
 * @denied:	whose it seemed to be when it was doubted last, 0: nobody's
 * @denied_at:	when that was
 * @turn:	where the next search among equals begins
 * @packets:	seen while unsettled, stops counting at the top
 * @anew:	it counted on unseen while it was settled
 * @settled:	it is known whose it is
 * @n:		clients weighed
 * @id:		their ids
 * @lead:	evidence for each of them
 */
struct nf_vpn_esp_in {
	struct nf_vpn_esp_sa sa;
	u32 probe;
	u32 probed;
	u32 guess;
	u32 denied;
	u32 denied_at;
	u16 turn;
	u8 packets;
	bool anew;
	bool settled;
	u8 n;
	u32 id[NF_VPN_ESP_TRACKED];
	s8 lead[NF_VPN_ESP_TRACKED];
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
 * @rival:	no rule: somebody nothing is known of may own the SPI, too
 */
struct nf_vpn_esp_rules {
	u32 copies;
	u32 rate;
	u32 burst;
	u32 hold_ms;
	bool rival;
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
 * nf_vpn_esp_counts_on() - may it follow in the same SA?
 * @seq:	sequence number of a packet
 * @before:	of one before
 */
bool nf_vpn_esp_counts_on(u32 seq, u32 before);

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
 * nf_vpn_esp_gone() - a settled SPI is forgotten (idle, recycled, lane gone)
 * @ev:		its pair
 */
void nf_vpn_esp_gone(struct nf_vpn_esp_evidence *ev);

/**
 * nf_vpn_esp_doubtful() - somebody who awaits an SPI gets nothing: is it this one?
 * @sa:		a settled SPI
 * @gate:	when the one in vain handed its SPI over
 * @now:	ms
 *
 * Return: whether it may be: only what began after that, and not more than
 * NF_VPN_ESP_DOUBTS times.
 */
bool nf_vpn_esp_doubtful(const struct nf_vpn_esp_sa *sa, u32 gate, u32 now);

/**
 * nf_vpn_esp_doubt() - a settled SPI is weighed anew from its next packet on
 * @ev:		the pair that it is settled as
 * @sa:		nf_vpn_esp_doubtful()
 * @now:	ms
 * @in:		filled: not settled
 */
void nf_vpn_esp_doubt(struct nf_vpn_esp_evidence *ev,
		      const struct nf_vpn_esp_sa *sa, u32 now,
		      struct nf_vpn_esp_in *in);

/**
 * nf_vpn_esp_in_shared() - a packet of a settled SPI, while others await one
 * @sa:		the SPI
 * @a:		the packet
 *
 * Return: true when low numbers came again, more than once: two clients chose
 * the same SPI (or packets were reordered, then it costs a copy). Send a copy to
 * who awaits one, and say so.
 */
bool nf_vpn_esp_in_shared(struct nf_vpn_esp_sa *sa,
			  const struct nf_vpn_esp_arrival *a);

#endif /* NF_VPN_ESP_PLAN_H */
