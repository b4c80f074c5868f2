/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a server take two clients for one? Pure.
 *
 * L2TP over IPsec in transport mode, both from UDP 1701: for the server the two have
 * the same selectors (RFC 3948 5.2). If it does not keep them apart, what it has to
 * send to either is encrypted for the one that came last, and some drop what comes from
 * the other, as not protected by the SA of the policy. From outside:
 *
 * - misled: a client sends and is sent nothing any more, and each time it asks after a
 *   pause another one is sent something that had asked for nothing (the server has
 *   one policy for both);
 * - muted: it is sent nothing any more from the moment on that another one had its
 *   first SA (libreswan: the policy is replaced).
 *
 * All times are in milliseconds and wrap.
 */
#ifndef NF_VPN_NATT_DOUBT_H
#define NF_VPN_NATT_DOUBT_H

#include "../../include/nf_vpn_pure.h"

/* A pause; and no answer takes longer, or it is not taken for one */
#define NF_VPN_NATT_PAUSE_MS	500

/*
 * Misled: so many wrong answers in a row. One that happens to come within the pause, of
 * a server that sends to the other client on its own, is as likely as its rate times
 * the pause: less than a half, as what comes more often comes without a pause.
 */
#define NF_VPN_NATT_PROOFS	8

/*
 * Muted: so many questions in a row were answered before, none of so many after, and
 * the change was no further than that from the other one's first packet. A client that
 * is idle then is not noticed: many an idle one hunts for printers, and finds none, and
 * a minute instead of this would blame some for that.
 */
#define NF_VPN_NATT_ANSWERED	4
#define NF_VPN_NATT_VAIN	8
#define NF_VPN_NATT_VAIN_MS	10000
#define NF_VPN_NATT_NEAR_MS	10000

/**
 * struct nf_vpn_natt_talk - what a connection on UDP 4500 did lately
 * @out:	when the client sent ESP last, if @spoke
 * @in:		when the server did, if @heard
 * @spi:	with which SPI, host order
 * @since:	when it did so first with that one
 * @ike:	when the server sent IKE last, if @alive
 * @spoke:	the client sent ESP at all
 * @heard:	the server did
 * @owed:	the client sent, and nothing came since
 * @alive:	the server sent IKE here
 * @rekeyed:	@spi is not the first
 * @answered:	questions after a pause that were, in a row, up to 255
 * @suspect:	the owner's
 * @session:	the owner's
 *
 * All zero is the initial state. Both directions write, without a lock: of two
 * packets of one moment it does not matter which was the last.
 */
struct nf_vpn_natt_talk {
	u32 out;
	u32 in;
	u32 spi;
	u32 since;
	u32 ike;
	u8 spoke;
	u8 heard;
	u8 owed;
	u8 alive;
	u8 rekeyed;
	u8 answered;
	u8 suspect;
	u8 session;
};

/* Times are that exact: who is in the midst of it need not be written down */
#define NF_VPN_NATT_STEP_MS	50

/**
 * nf_vpn_natt_speaks_on() - the client sends ESP, and did a moment ago
 * @talk:	of its connection
 * @now:	ms
 *
 * Return: false when nf_vpn_natt_speaks() is to be called.
 */
static inline bool nf_vpn_natt_speaks_on(struct nf_vpn_natt_talk *talk, u32 now)
{
	if (!READ_ONCE(talk->spoke) ||
	    nf_vpn_since(now, READ_ONCE(talk->out)) >= NF_VPN_NATT_STEP_MS)
		return false;
	if (!READ_ONCE(talk->owed))
		WRITE_ONCE(talk->owed, true);
	return true;
}

/**
 * nf_vpn_natt_speaks() - the client sends ESP
 * @talk:	of its connection
 * @now:	ms
 *
 * Return: true when it does so after a pause, and was not answered before it.
 */
bool nf_vpn_natt_speaks(struct nf_vpn_natt_talk *talk, u32 now);

enum nf_vpn_natt_hearing {
	NF_VPN_NATT_MORE,	/* more of the same */
	NF_VPN_NATT_NEWS,	/* worth a look: once in PAUSE_MS, or less */
	NF_VPN_NATT_UNASKED,	/* nothing went before it, either way */
};

/**
 * nf_vpn_natt_hears() - the server sends it ESP
 * @talk:	of its connection
 * @spi:	host order
 * @now:	ms
 *
 * Return: what that is.
 */
enum nf_vpn_natt_hearing nf_vpn_natt_hears(struct nf_vpn_natt_talk *talk,
					   u32 spi, u32 now);

/**
 * nf_vpn_natt_hears_on() - the server sends it ESP, and did a moment ago
 * @talk:	of its connection
 * @spi:	host order
 * @now:	ms
 *
 * Return: false when nf_vpn_natt_hears() is to be called.
 */
static inline bool nf_vpn_natt_hears_on(struct nf_vpn_natt_talk *talk, u32 spi,
					u32 now)
{
	u8 answered = READ_ONCE(talk->answered);

	if (!READ_ONCE(talk->heard) || READ_ONCE(talk->suspect) ||
	    spi != READ_ONCE(talk->spi) ||
	    nf_vpn_since(now, READ_ONCE(talk->in)) >= NF_VPN_NATT_STEP_MS)
		return false;
	if (!READ_ONCE(talk->owed))
		return true;
	WRITE_ONCE(talk->owed, false);
	if (answered < 255)
		WRITE_ONCE(talk->answered, answered + 1);
	return true;
}

/* The server sends it IKE. */
void nf_vpn_natt_lives(struct nf_vpn_natt_talk *talk, u32 now);

/**
 * struct nf_vpn_natt_doubt - a client that asks in vain
 * @by:		who was sent its answers, any number that tells clients apart
 * @first:	when it first did so since it was answered
 * @asked:	when it did so last, after a pause
 * @heard:	when it was sent ESP last, if @served
 * @ike:	when it was sent IKE last, if @alive
 * @served:	it was sent ESP before
 * @alive:	it was sent IKE
 * @open:	what it asked for may still come, to whomever
 * @answered:	questions in a row that were, before
 * @vain:	questions since @first, up to 255
 * @proofs:	how often an answer came to @by, less how often nothing came
 *
 * All zero is the initial state. The owner serialises access.
 */
struct nf_vpn_natt_doubt {
	u64 by;
	u32 first;
	u32 asked;
	u32 heard;
	u32 ike;
	bool served;
	bool alive;
	bool open;
	u8 answered;
	u8 vain;
	u8 proofs;
};

/**
 * nf_vpn_natt_asks() - nf_vpn_natt_speaks() said so
 * @doubt:	of that client
 * @talk:	of that client
 * @now:	ms
 */
void nf_vpn_natt_asks(struct nf_vpn_natt_doubt *doubt,
		      struct nf_vpn_natt_talk *talk, u32 now);

/**
 * nf_vpn_natt_proved() - another client is sent ESP
 * @doubt:	of a client of the same server and public address
 * @by:		the other client
 * @talk:	of the other client
 * @hearing:	what nf_vpn_natt_hears() said of it
 * @now:	ms
 *
 * No client is doubted that was answered since the other one's SA began. What must not
 * be taken for it:
 *
 * - a client that only talks (who hunts for printers, or calls a host that is down):
 *   it is not misled, as nothing comes to the other one whenever it talks; nor muted,
 *   as it was not answered before;
 * - a server that began anew: some come back sooner than others, which still use SAs it
 *   does not know. So the other one has to be new, not only its SPI; or the server has
 *   to speak IKE with the one that is muted, which it would not then.
 *
 * What cannot be told apart: a client that asks the other one, through the server, and
 * nothing else of anybody, and that one keeps silent, eight times.
 *
 * Return: true when it is proved.
 */
bool nf_vpn_natt_proved(struct nf_vpn_natt_doubt *doubt, u64 by,
			const struct nf_vpn_natt_talk *talk,
			enum nf_vpn_natt_hearing hearing, u32 now);

#endif /* NF_VPN_NATT_DOUBT_H */
