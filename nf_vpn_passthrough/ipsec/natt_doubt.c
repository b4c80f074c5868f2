// SPDX-License-Identifier: GPL-2.0-only
/* Does a server give one client what it owes to another? */

#include "natt_doubt.h"

void nf_vpn_natt_asks(struct nf_vpn_natt_doubt *doubt, u32 now)
{
	/* Not all that is sent asks for an answer. */
	if (doubt->open && doubt->proofs)
		doubt->proofs--;
	doubt->open = true;
	doubt->asked = now;
}

/* A server that took the older SA never served the younger one at all. */
static bool nf_vpn_natt_overtaken(const struct nf_vpn_natt_doubt *doubt,
				  u32 since)
{
	return !doubt->served || nf_vpn_seq_after(since, doubt->heard);
}

bool nf_vpn_natt_misled(struct nf_vpn_natt_doubt *doubt, u64 by, u32 since,
			u32 now)
{
	if (!nf_vpn_natt_overtaken(doubt, since))
		return false;
	if (doubt->proofs && doubt->by != by)
		return false;
	if (!doubt->open ||
	    nf_vpn_since(now, doubt->asked) > NF_VPN_NATT_PAUSE_MS) {
		/* The server has reasons of its own to send to that one. */
		doubt->proofs = 0;
		return false;
	}
	doubt->open = false;
	doubt->by = by;
	if (doubt->proofs < NF_VPN_NATT_PROOFS)
		doubt->proofs++;
	return doubt->proofs == NF_VPN_NATT_PROOFS;
}
