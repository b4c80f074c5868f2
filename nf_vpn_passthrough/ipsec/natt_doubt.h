/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a server give one client what it owes to another? Pure.
 *
 * L2TP over IPsec in transport mode, both from UDP 1701: what the server has to send
 * to its clients behind one address looks alike before it is encrypted, so a server
 * that does not keep them apart encrypts all of it for the one that came last. From
 * outside: a client sends and is sent nothing any more, and each time it asks after a
 * pause, another one is sent something that had asked for nothing.
 *
 * All times are in milliseconds and wrap.
 */
#ifndef NF_VPN_NATT_DOUBT_H
#define NF_VPN_NATT_DOUBT_H

#include "../../include/nf_vpn_pure.h"

/* A pause; and no answer takes longer, or it is not taken for one */
#define NF_VPN_NATT_PAUSE_MS	500

/*
 * So many wrong answers in a row. One that happens to come within the pause, of a
 * server that sends to the other client on its own, is as likely as its rate times
 * the pause: less than a half, as what comes more often comes without a pause.
 */
#define NF_VPN_NATT_PROOFS	6

/**
 * struct nf_vpn_natt_doubt - a client that asks in vain
 * @asked:	when it did so last, after a pause
 * @heard:	when it was sent ESP last, if @served
 * @by:		who was sent its answers, any number that tells clients apart
 * @served:	it was sent ESP before
 * @open:	what it asked for may still come, to whomever
 * @proofs:	how often that came to @by, less how often nothing came
 *
 * All zero is the initial state. The owner serialises access.
 */
struct nf_vpn_natt_doubt {
	u64 by;
	u32 asked;
	u32 heard;
	bool served;
	bool open;
	u8 proofs;
};

/**
 * nf_vpn_natt_asks() - the client sends again, after a pause and in vain so far
 * @doubt:	of that client
 * @now:	ms
 */
void nf_vpn_natt_asks(struct nf_vpn_natt_doubt *doubt, u32 now);

/**
 * nf_vpn_natt_misled() - another client is sent ESP, and nothing went before that
 * @doubt:	of a client of the same server and public address
 * @by:		the other client
 * @since:	when it was first sent something with that SPI, ms
 * @now:	ms
 *
 * What tells this from a client that only talks (who hunts for printers, or calls a
 * host that is down): nothing comes to it while an SA lives that is younger than the
 * last answer it had; the other client is sent something each time it asks, and at no
 * other time. So no client is suspected that was answered since. What cannot be told
 * apart: a client that asks the other one, through the server, and nothing else of
 * anybody, and that one keeps silent. Six times.
 *
 * Return: true when it is proved.
 */
bool nf_vpn_natt_misled(struct nf_vpn_natt_doubt *doubt, u64 by, u32 since,
			u32 now);

#endif /* NF_VPN_NATT_DOUBT_H */
