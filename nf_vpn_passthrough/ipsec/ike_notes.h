/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients whose IKE is not answered from another source port than 500. Pure. */
#ifndef NF_VPN_IKE_NOTES_H
#define NF_VPN_IKE_NOTES_H

#include "../../include/nf_vpn_pure.h"

/* Clients remembered: a note is needed from one repetition of a message to the
 * next, and after that spares the client the wait when it comes back.
 */
#define NF_VPN_IKE_NOTES	1024

/* Places one client may have */
#define NF_VPN_IKE_NOTES_WAYS	4

/* A note is forgotten after this many seconds: servers are mended */
#define NF_VPN_IKE_NOTES_AGE	(24 * 3600U)

/**
 * struct nf_vpn_ike_notes - clients and their servers
 * @e:		by hash, NF_VPN_IKE_NOTES_WAYS beside each other; all zero is empty
 *
 * Addresses in any order of octets, but always the same. The owner serialises
 * access.
 */
struct nf_vpn_ike_notes {
	struct {
		u32 client;
		u32 server;
		u32 at;
	} e[NF_VPN_IKE_NOTES];
};

/**
 * nf_vpn_ike_note() - remember, or remember anew
 * @notes:	memory
 * @salt:	secret: which clients share places is not theirs to choose
 * @client:	address, not 0
 * @server:	address
 * @now:	seconds
 *
 * The oldest note of its places gives way.
 */
void nf_vpn_ike_note(struct nf_vpn_ike_notes *notes, u32 salt, u32 client,
		     u32 server, u32 now);

/* Is there a note, not too old?  Arguments as above. */
bool nf_vpn_ike_noted(const struct nf_vpn_ike_notes *notes, u32 salt,
		      u32 client, u32 server, u32 now);

#endif /* NF_VPN_IKE_NOTES_H */
