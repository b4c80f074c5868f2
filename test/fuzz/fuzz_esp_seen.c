// SPDX-License-Identifier: GPL-2.0-only
/*
 * esp_seen: packets of unknown SPIs arrive as the input says. Beside it all of them
 * are remembered: what is taken for a second packet follows one of the same SPI, that
 * is not too old, and what is told of that one is true; of SPIs in places of their own
 * none is missed.
 */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/ipsec/esp_plan.h"
#include "../../nf_vpn_passthrough/ipsec/esp_seen.h"

#define SPIS	64

static struct nf_vpn_esp_seen seen;
static struct {
	u64 at;			/* 0: never */
	u32 seq;
} last[SPIS];
static u8 alone[SPIS];		/* nobody else has its place */
static u32 salt, epoch;
static u64 now;

static u32 spi_of(unsigned int k)
{
	return 0xc0000000u + k * k;
}

static u32 place(unsigned int k)
{
	return nf_vpn_mix32(spi_of(k) ^ salt) % NF_VPN_ESP_SEEN;
}

static void find_alone(void)
{
	unsigned int i, j;

	for (i = 0; i < SPIS; i++) {
		alone[i] = 1;
		for (j = 0; j < SPIS; j++)
			if (i != j && place(i) == place(j))
				alone[i] = 0;
	}
}

static void arrive(unsigned int k, u32 seq)
{
	struct nf_vpn_esp_arrival a = { .spi = spi_of(k), .seq = seq };
	bool follows = last[k].at && now - last[k].at < NF_VPN_ESP_SEEN_MS &&
		       nf_vpn_esp_counts_on(seq, last[k].seq);
	struct nf_vpn_esp_in in;
	bool again;

	memset(&in, 0x55, sizeof(in));
	again = nf_vpn_esp_seen(&seen, salt, &a, epoch + (u32)now, &in);
	CLAIM(!again || follows);
	CLAIM(again == follows || !alone[k]);
	CLAIM(in.packets == again && !in.settled && !in.n);
	if (again)
		CLAIM(in.sa.first == epoch + (u32)last[k].at &&
		      in.sa.seq == last[k].seq &&
		      in.sa.fresh == (in.sa.seq >= 1 && in.sa.seq <= NF_VPN_ESP_FRESH_SEQ));
	last[k].at = now;
	last[k].seq = seq;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	unsigned int k;
	u8 op;

	memset(&seen, 0, sizeof(seen));
	memset(last, 0, sizeof(last));
	salt = fuzz_u32(&f);
	epoch = fuzz_u32(&f);
	now = 1;
	find_alone();
	while (f.left) {
		op = fuzz_u8(&f);
		k = op % SPIS;
		now += op & 0x80 ? fuzz_u16(&f) * 2U : 1;
		arrive(k, op & 0x40 ? fuzz_u32(&f) :
		       last[k].seq + (u32)(s32)(s8)fuzz_u8(&f));
	}
	return 0;
}
