// SPDX-License-Identifier: GPL-2.0-only
/*
 * ike_notes: clients are noted and asked for as the input says. Beside it a table that
 * forgets nothing: who is said to be noted was, and not too long ago; and who was is
 * noted as long as not so many were since as have places beside each other, where
 * most of these belong.
 */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/ipsec/ike_notes.h"

#define PAIRS	8

static struct nf_vpn_ike_notes notes;
static u64 noted_at[PAIRS];	/* 0: never */
static u32 client[PAIRS], server[PAIRS];
static u32 salt, epoch;
static u64 now;

static u32 seconds(void)
{
	return epoch + (u32)now;
}

/* As in ike_notes.c; were it another there, the fuzzer would be right and worth less. */
static u32 place(unsigned int k)
{
	return nf_vpn_mix32(nf_vpn_mix32(client[k] ^ salt) ^ server[k]) %
	       NF_VPN_IKE_NOTES / NF_VPN_IKE_NOTES_WAYS;
}

/* All but one belong to the places of the first. */
static void find_pairs(void)
{
	unsigned int k;

	for (k = 0; k < PAIRS; k++) {
		client[k] = 0x0a000001u + (k & 3);
		server[k] = 0xc0000201u + (k << 20);
		while (k && k != 3 && place(k) != place(0))
			server[k]++;
	}
}

/* So few were noted with it or since that it has a place still */
static bool kept(unsigned int k)
{
	unsigned int i, n = 0;

	for (i = 0; i < PAIRS; i++)
		n += i != k && noted_at[i] >= noted_at[k];
	return n < NF_VPN_IKE_NOTES_WAYS;
}

static void ask(unsigned int k)
{
	bool known = noted_at[k] && now - noted_at[k] < NF_VPN_IKE_NOTES_AGE;
	bool said = nf_vpn_ike_noted(&notes, salt, client[k], server[k], seconds());

	CLAIM(!said || known);
	CLAIM(said || !known || !kept(k));
}

static void note(unsigned int k)
{
	noted_at[k] = now;
	nf_vpn_ike_note(&notes, salt, client[k], server[k], seconds());
	ask(k);
}

/* None has two places. */
static void claim_once(void)
{
	unsigned int i, j;

	for (i = 0; i < NF_VPN_IKE_NOTES; i++)
		for (j = i + 1; notes.e[i].client && j % NF_VPN_IKE_NOTES_WAYS; j++)
			CLAIM(notes.e[i].client != notes.e[j].client ||
			      notes.e[i].server != notes.e[j].server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	u8 op;

	memset(&notes, 0, sizeof(notes));
	memset(noted_at, 0, sizeof(noted_at));
	salt = fuzz_u32(&f);
	epoch = fuzz_u32(&f);
	now = 1;
	find_pairs();
	while (f.left) {
		op = fuzz_u8(&f);
		/* hours, now and then, but less than the numbers' range in all */
		now += op >> 4 == 15 ? fuzz_u16(&f) * 2U : op >> 4;
		if (op & 1)
			note(op >> 1 & 7);
		else
			ask(op >> 1 & 7);
	}
	claim_once();
	return 0;
}
