// SPDX-License-Identifier: GPL-2.0-only
/* Does a server take two clients for one? */

#include "natt_doubt.h"

static u8 nf_vpn_natt_one_more(u8 n)
{
	return n == 255 ? n : n + 1;
}

static bool nf_vpn_natt_pause(u8 ever, u32 then, u32 now)
{
	return !ever || nf_vpn_since(now, then) >= NF_VPN_NATT_PAUSE_MS;
}

bool nf_vpn_natt_speaks(struct nf_vpn_natt_talk *talk, u32 now)
{
	bool again = READ_ONCE(talk->owed) &&
		     nf_vpn_natt_pause(true, READ_ONCE(talk->out), now);

	WRITE_ONCE(talk->out, now);
	WRITE_ONCE(talk->spoke, true);
	WRITE_ONCE(talk->owed, true);
	return again;
}

static void nf_vpn_natt_new_spi(struct nf_vpn_natt_talk *talk, u32 spi, u32 now)
{
	WRITE_ONCE(talk->rekeyed, READ_ONCE(talk->heard));
	WRITE_ONCE(talk->spi, spi);
	WRITE_ONCE(talk->since, now);
}

enum nf_vpn_natt_hearing nf_vpn_natt_hears(struct nf_vpn_natt_talk *talk,
					   u32 spi, u32 now)
{
	enum nf_vpn_natt_hearing hearing = NF_VPN_NATT_MORE;
	u32 before = READ_ONCE(talk->in);

	if (before / NF_VPN_NATT_PAUSE_MS != now / NF_VPN_NATT_PAUSE_MS)
		hearing = NF_VPN_NATT_NEWS;
	if (nf_vpn_natt_pause(READ_ONCE(talk->heard), before, now) &&
	    nf_vpn_natt_pause(READ_ONCE(talk->spoke), READ_ONCE(talk->out), now))
		hearing = NF_VPN_NATT_UNASKED;
	if (!READ_ONCE(talk->heard) || spi != READ_ONCE(talk->spi))
		nf_vpn_natt_new_spi(talk, spi, now);
	if (READ_ONCE(talk->owed))
		WRITE_ONCE(talk->answered,
			   nf_vpn_natt_one_more(READ_ONCE(talk->answered)));
	WRITE_ONCE(talk->in, now);
	WRITE_ONCE(talk->heard, true);
	WRITE_ONCE(talk->owed, false);
	return hearing;
}

void nf_vpn_natt_lives(struct nf_vpn_natt_talk *talk, u32 now)
{
	WRITE_ONCE(talk->ike, now);
	WRITE_ONCE(talk->alive, true);
}

void nf_vpn_natt_asks(struct nf_vpn_natt_doubt *doubt,
		      struct nf_vpn_natt_talk *talk, u32 now)
{
	if (!doubt->vain) {
		doubt->first = now;
		doubt->answered = READ_ONCE(talk->answered);
		/* From here it counts anew. */
		WRITE_ONCE(talk->answered, 0);
	}
	doubt->vain = nf_vpn_natt_one_more(doubt->vain);
	doubt->served = READ_ONCE(talk->heard);
	doubt->heard = READ_ONCE(talk->in);
	doubt->alive = READ_ONCE(talk->alive);
	doubt->ike = READ_ONCE(talk->ike);
	/* Not all that is sent asks for an answer. */
	if (doubt->open && doubt->proofs)
		doubt->proofs--;
	doubt->open = true;
	doubt->asked = now;
}

static bool nf_vpn_natt_misled(struct nf_vpn_natt_doubt *doubt, u64 by, u32 now)
{
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
	doubt->proofs = nf_vpn_natt_one_more(doubt->proofs);
	return doubt->proofs >= NF_VPN_NATT_PROOFS;
}

/* The server did not begin anew. */
static bool nf_vpn_natt_goes_on(const struct nf_vpn_natt_doubt *doubt,
				const struct nf_vpn_natt_talk *talk)
{
	return !READ_ONCE(talk->rekeyed) ||
	       (doubt->alive &&
		nf_vpn_seq_after(doubt->ike, READ_ONCE(talk->since)));
}

static bool nf_vpn_natt_muted(const struct nf_vpn_natt_doubt *doubt,
			      const struct nf_vpn_natt_talk *talk, u32 now)
{
	u32 since = READ_ONCE(talk->since);

	return doubt->answered >= NF_VPN_NATT_ANSWERED &&
	       doubt->vain >= NF_VPN_NATT_VAIN &&
	       nf_vpn_since(now, doubt->first) >= NF_VPN_NATT_VAIN_MS &&
	       nf_vpn_since(since, doubt->heard) <= NF_VPN_NATT_NEAR_MS &&
	       nf_vpn_seq_before(doubt->first, since + NF_VPN_NATT_NEAR_MS) &&
	       nf_vpn_natt_goes_on(doubt, talk);
}

bool nf_vpn_natt_proved(struct nf_vpn_natt_doubt *doubt, u64 by,
			const struct nf_vpn_natt_talk *talk,
			enum nf_vpn_natt_hearing hearing, u32 now)
{
	/* A server that kept to the older SA never served the younger one. */
	if (doubt->served &&
	    !nf_vpn_seq_after(READ_ONCE(talk->since), doubt->heard))
		return false;
	if (hearing == NF_VPN_NATT_UNASKED &&
	    nf_vpn_natt_misled(doubt, by, now))
		return true;
	return nf_vpn_natt_muted(doubt, talk, now);
}
