// SPDX-License-Identifier: GPL-2.0-only
/* Clients whose IKE is not answered from another source port, in fixed memory. */

#include "ike_notes.h"

/* First of its places */
static u32 place(u32 salt, u32 client, u32 server)
{
	return nf_vpn_mix32(nf_vpn_mix32(client ^ salt) ^ server) % NF_VPN_IKE_NOTES &
	       ~(NF_VPN_IKE_NOTES_WAYS - 1U);
}

void nf_vpn_ike_note(struct nf_vpn_ike_notes *notes, u32 salt, u32 client,
		     u32 server, u32 now)
{
	u32 first = place(salt, client, server), worst = first, i;

	for (i = first; i < first + NF_VPN_IKE_NOTES_WAYS; i++) {
		if (notes->e[i].client == client &&
		    notes->e[i].server == server) {
			worst = i;
			break;
		}
		if (!notes->e[worst].client)
			continue;
		if (!notes->e[i].client ||
		    nf_vpn_since(now, notes->e[i].at) >
		    nf_vpn_since(now, notes->e[worst].at))
			worst = i;
	}
	notes->e[worst].client = client;
	notes->e[worst].server = server;
	notes->e[worst].at = now;
}

bool nf_vpn_ike_noted(const struct nf_vpn_ike_notes *notes, u32 salt,
		      u32 client, u32 server, u32 now)
{
	u32 first = place(salt, client, server), i;

	for (i = first; i < first + NF_VPN_IKE_NOTES_WAYS; i++)
		if (notes->e[i].client == client &&
		    notes->e[i].server == server)
			return nf_vpn_since(now, notes->e[i].at) <
			       NF_VPN_IKE_NOTES_AGE;
	return false;
}
