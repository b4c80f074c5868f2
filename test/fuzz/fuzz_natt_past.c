// SPDX-License-Identifier: GPL-2.0-only
/*
 * natt_past: mappings end, are asked for, and are somebody else's, as the input says.
 * Beside it a table that forgets nothing: what is recalled is what was remembered last
 * of that mapping, with that SPI, and young enough; and it is there as long as not so
 * many ended since as have places beside each other, where all of these belong.
 */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/ipsec/natt_past.h"

#define KEYS	8

static struct nf_vpn_natt_past past;
static struct nf_vpn_natt_mapping truth[KEYS];	/* client 0: none */
static struct nf_vpn_natt_outside outside[KEYS];
static u64 ended[KEYS];		/* last, 0: never */
static u32 salt, epoch;
static u64 now;

static u32 seconds(void)
{
	return epoch + (u32)now;
}

/* As in natt_past.c; were it another there, the fuzzer would be right and worth less. */
static u32 place(const struct nf_vpn_natt_outside *o)
{
	u32 x = nf_vpn_mix32((u32)o->server ^ salt);

	x = nf_vpn_mix32((u32)o->public ^ x);
	x = nf_vpn_mix32((u16)o->port ^ x);
	return x % NF_VPN_NATT_PAST / NF_VPN_NATT_PAST_WAYS;
}

/* Half of them are found in the places of the first, the others anywhere. */
static void find_keys(void)
{
	unsigned int k;
	u16 port;

	for (k = 0; k < KEYS; k++) {
		port = (u16)(salt * 7 + (k << 13));
		do {
			outside[k] = (struct nf_vpn_natt_outside){
				.server = (__be32)(0x01010101u + (k & 1)),
				.public = (__be32)(0x02020202u + (k >> 1 & 1)),
				.port = (__be16)port++,
			};
		} while (k && k != 3 && place(&outside[k]) != place(outside));
	}
}

static bool young(const struct nf_vpn_natt_mapping *m, u32 age)
{
	return seconds() - m->at < age;
}

static bool same(const struct nf_vpn_natt_mapping *a,
		 const struct nf_vpn_natt_mapping *b)
{
	return a->client == b->client && a->client_port == b->client_port &&
	       a->mark == b->mark && a->masq_index == b->masq_index &&
	       a->at == b->at && !memcmp(a->spi, b->spi, sizeof(a->spi)) &&
	       !memcmp(&a->outside, &b->outside, sizeof(a->outside));
}

/* So few ended with it or since that it has a place still */
static bool kept(unsigned int k)
{
	unsigned int i, n = 0;

	for (i = 0; i < KEYS; i++)
		n += i != k && ended[i] >= ended[k];
	return n < NF_VPN_NATT_PAST_WAYS;
}

static void recall(unsigned int k, u32 spi, u32 age)
{
	const struct nf_vpn_natt_mapping *m, *t = &truth[k];
	bool known = t->client && spi && young(t, age) &&
		     (t->spi[0] == (__be32)spi || t->spi[1] == (__be32)spi);

	m = nf_vpn_natt_recall(&past, salt, &outside[k], (__be32)spi, seconds(),
			       age);
	CLAIM(!m || (known && same(m, t)));
	CLAIM(m || !known || !kept(k));
}

static void remember(unsigned int k, struct fuzz *f)
{
	struct nf_vpn_natt_mapping *t = &truth[k];
	u8 bits = fuzz_u8(f);

	ended[k] = now;
	*t = (struct nf_vpn_natt_mapping){
		.outside = outside[k], .client = (__be32)(1 + (bits & 3)),
		.client_port = (__be16)(bits >> 2), .at = seconds(),
		.spi = { (__be32)(bits >> 4), (__be32)(bits & 7) },
		.mark = bits, .masq_index = bits >> 6,
	};
	nf_vpn_natt_remember(&past, salt, t);
	recall(k, (u32)t->spi[0], 1);
}

static void forget(unsigned int k)
{
	nf_vpn_natt_forget(&past, salt, &outside[k]);
	truth[k].client = 0;
	recall(k, 1, ~0U);
}

/* No mapping has two places. */
static void claim_once(void)
{
	const struct nf_vpn_natt_mapping *m = past.m;
	unsigned int i, j;

	for (i = 0; i < NF_VPN_NATT_PAST; i++)
		for (j = i + 1; m[i].client && j % NF_VPN_NATT_PAST_WAYS; j++)
			CLAIM(!m[j].client || memcmp(&m[i].outside, &m[j].outside,
						     sizeof(m[i].outside)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	unsigned int k;
	u8 op;

	memset(&past, 0, sizeof(past));
	memset(truth, 0, sizeof(truth));
	memset(ended, 0, sizeof(ended));
	salt = fuzz_u16(&f);
	epoch = fuzz_u32(&f);
	now = 1;
	find_keys();
	while (f.left) {
		op = fuzz_u8(&f);
		k = op >> 5;
		now += op >> 2 & 7;
		switch (op & 3) {
		case 0:
			remember(k, &f);
			break;
		case 1:
			forget(k);
			break;
		default:
			recall(k, fuzz_u8(&f) & 0xf, fuzz_u8(&f));
		}
	}
	claim_once();
	return 0;
}
