// SPDX-License-Identifier: GPL-2.0-only
/*
 * natt_doubt: clients of one server on UDP 4500 talk, are answered, get new SAs, and time
 * passes, all as the input says. Beside it stands a plain history in times that do not
 * wrap. Who is blamed has asked in vain often enough, and was not answered since the SA
 * of the other one began; what is said of each packet is what the history says.
 */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/ipsec/natt_doubt.h"

#define CLIENTS	3
#define NEVER	UINT64_MAX

/* What happened, by a clock of 64 bits */
struct past {
	u64 out;		/* it sent ESP last */
	u64 in;			/* it was sent ESP last */
	u64 since;		/* the first with this SPI */
	u64 first;		/* it asked in vain first, since the last answer */
	u32 spi;
	bool owed;
	unsigned int asked;	/* after a pause, since the last answer */
	unsigned int unasked;	/* answers to @by while it waited for one, in a row */
	unsigned int answered;	/* questions that were, in a row, before */
	unsigned int run;	/* the same, still growing */
};

static struct nf_vpn_natt_talk talk[CLIENTS];
static struct nf_vpn_natt_doubt doubt[CLIENTS];
static struct past past[CLIENTS];
static bool suspected[CLIENTS];
static bool fast;		/* as the packet path does it: what goes on is not written */
static u64 now;
static u32 epoch;		/* what the wrapping clock says at 0 */

static u32 ms(void)
{
	return epoch + (u32)now;
}

static bool paused(u64 then)
{
	return then == NEVER || now - then >= NF_VPN_NATT_PAUSE_MS;
}

static void out(unsigned int k)
{
	struct past *p = &past[k];
	bool again = p->owed && paused(p->out);

	if (fast && nf_vpn_natt_speaks_on(&talk[k], ms())) {
		CLAIM(p->out != NEVER && now - p->out < NF_VPN_NATT_STEP_MS);
		p->owed = true;
		return;
	}
	CLAIM(nf_vpn_natt_speaks(&talk[k], ms()) == again);
	p->out = now;
	p->owed = true;
	if (!again)
		return;
	if (!suspected[k]) {
		p->first = now;
		p->answered = p->run;
		p->run = 0;
		p->asked = 0;
	}
	p->asked++;
	suspected[k] = true;
	nf_vpn_natt_asks(&doubt[k], &talk[k], ms());
	CLAIM(doubt[k].open && doubt[k].vain);
	CLAIM(doubt[k].vain == (p->asked > 255 ? 255 : p->asked));
}

static void claim_proved(unsigned int k, unsigned int by,
			 enum nf_vpn_natt_hearing hearing)
{
	const struct past *p = &past[k];
	bool misled = hearing == NF_VPN_NATT_UNASKED &&
		      p->asked >= NF_VPN_NATT_PROOFS &&
		      p->unasked >= NF_VPN_NATT_PROOFS;
	bool muted = p->answered >= NF_VPN_NATT_ANSWERED &&
		     p->asked >= NF_VPN_NATT_VAIN &&
		     now - p->first >= NF_VPN_NATT_VAIN_MS;

	CLAIM(by != k && hearing != NF_VPN_NATT_MORE);
	CLAIM(misled || muted);
	CLAIM(p->in == NEVER || past[by].since > p->in);
	/* the silence began with the other one, or near it */
	CLAIM(misled || past[by].since - p->in <= NF_VPN_NATT_NEAR_MS);
}

static void others_hear(unsigned int by, enum nf_vpn_natt_hearing hearing)
{
	unsigned int k;

	for (k = 0; k < CLIENTS; k++) {
		if (k == by || !suspected[k])
			continue;
		if (hearing == NF_VPN_NATT_UNASKED)
			past[k].unasked++;
		if (nf_vpn_natt_proved(&doubt[k], by, &talk[by], hearing, ms()))
			claim_proved(k, by, hearing);
		CLAIM(doubt[k].proofs <= past[k].unasked);
	}
}

static bool hears_on(unsigned int k, u32 spi)
{
	struct past *p = &past[k];

	if (!fast || !nf_vpn_natt_hears_on(&talk[k], spi, ms()))
		return false;
	CLAIM(!suspected[k] && p->in != NEVER && p->spi == spi &&
	      now - p->in < NF_VPN_NATT_STEP_MS);
	if (p->owed && p->run < 255)
		p->run++;
	p->owed = false;
	CLAIM(talk[k].answered == p->run);
	return true;
}

static void in(unsigned int k, u32 spi)
{
	struct past *p = &past[k];
	bool unasked = paused(p->in) && paused(p->out);
	enum nf_vpn_natt_hearing hearing;

	if (hears_on(k, spi))
		return;
	if (p->in == NEVER || p->spi != spi) {
		p->since = now;
		p->spi = spi;
	}
	hearing = nf_vpn_natt_hears(&talk[k], spi, ms());
	CLAIM((hearing == NF_VPN_NATT_UNASKED) == unasked);
	if (p->owed && p->run < 255)
		p->run++;
	p->in = now;
	p->owed = false;
	/* as natt_watch.c does: who is answered is in no doubt */
	memset(&doubt[k], 0, sizeof(doubt[k]));
	suspected[k] = false;
	p->asked = 0;
	p->unasked = 0;
	CLAIM(talk[k].answered == p->run && talk[k].since == epoch + (u32)p->since);
	if (hearing != NF_VPN_NATT_MORE)
		others_hear(k, hearing);
}

/* A few times: one asks, and who is answered is one of them, if anybody. */
static void rounds(unsigned int k, unsigned int by, u8 how, u32 gap)
{
	unsigned int n = 1 + (how & 3);

	while (n--) {
		out(k);
		now += 40;
		if (how & 4)
			out(by);
		now += how & 4 ? 40 : 0;
		if (by < CLIENTS)
			in(by, how >> 3 & 1);
		now += gap;
	}
}

static void step(struct fuzz *f)
{
	u8 op = fuzz_u8(f);
	unsigned int k = (op >> 3) % CLIENTS;
	u32 gap = fuzz_u8(f);

	/* up to 65 s; half of the numbers' range is never passed in all */
	gap *= gap;
	now += op & 7 ? gap : 0;
	switch (op & 7) {
	case 0:
		rounds(k, op >> 6 == 3 ? k : op >> 6, fuzz_u8(f) & 0xf, gap);
		break;
	case 1: case 2:
		out(k);
		break;
	case 3: case 4:
		in(k, op >> 6);
		break;
	case 5:
		nf_vpn_natt_lives(&talk[k], ms());
		break;
	case 6:
		rounds(k, CLIENTS, fuzz_u8(f) & 3, gap);
		break;
	default:
		rounds(k, (k + 1) % CLIENTS, 3, gap);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	unsigned int k;

	memset(talk, 0, sizeof(talk));
	memset(doubt, 0, sizeof(doubt));
	memset(past, 0, sizeof(past));
	memset(suspected, 0, sizeof(suspected));
	for (k = 0; k < CLIENTS; k++) {
		past[k].out = NEVER;
		past[k].in = NEVER;
	}
	epoch = fuzz_u32(&f);
	fast = epoch & 1;
	now = 0;
	while (f.left)
		step(&f);
	return 0;
}
