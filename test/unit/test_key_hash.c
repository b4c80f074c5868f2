// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow table's hash against who chooses SPIs and call IDs: what collides for one
 * seed does not for another (a table's is random), patterns do not pile up, and what
 * collides for every seed is as little as key_hash.h says.
 */

#include <netinet/in.h>
#include "../../include/nf_vpn_pure.h"
#include "ktap.h"

/* Bob Jenkins' lookup3, final(): as in the kernel's include/linux/jhash.h */
static u32 rol32(u32 x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static u32 jhash_3words(u32 a, u32 b, u32 c, u32 initval)
{
	u32 start = 0xdeadbeef + (3 << 2) + initval;

	a += start;
	b += start;
	c += start;
	c = (c ^ b) - rol32(b, 14);
	a = (a ^ c) - rol32(c, 11);
	b = (b ^ a) - rol32(a, 25);
	c = (c ^ b) - rol32(b, 16);
	a = (a ^ c) - rol32(c, 4);
	b = (b ^ a) - rol32(a, 14);
	c = (c ^ b) - rol32(b, 24);
	return c;
}

#include "../../nf_vpn_passthrough/core/key_hash.h"

#define BUCKETS	2048	/* what rhashtable has for so many: 75 % full at most */
#define KEYS	1500
#define SEEDS	200
/* A bucket of 1500 keys thrown at random in 2048: 8 or more once in 10^5 */
#define LONGEST	11

struct key {
	u32 w[4];
};

static u32 next_seed(void)
{
	static u32 seed = 1;

	seed = seed * 1664525 + 1013904223;
	return seed;
}

static struct key key_of(u32 src, u32 id, u8 l4proto, u8 space)
{
	struct key k = { .w = { htonl(src), htonl(0xcb007101), htonl(id) } };
	u8 last[4] = { 0, 0, l4proto, space };

	memcpy(&k.w[3], last, sizeof(last));
	return k;
}

static unsigned int longest(const struct key *k, unsigned int n, u32 seed)
{
	static u16 chain[BUCKETS];
	unsigned int i, most = 0;

	memset(chain, 0, sizeof(chain));
	for (i = 0; i < n; i++) {
		u16 *c = &chain[nf_vpn_key_words_hash(k[i].w, seed) % BUCKETS];

		if (++*c > most)
			most = *c;
	}
	return most;
}

/* Over many seeds, the longest of all */
static unsigned int worst(const struct key *k, unsigned int n)
{
	unsigned int i, most = 0, one;

	for (i = 0; i < SEEDS; i++) {
		one = longest(k, n, next_seed());
		most = one > most ? one : most;
	}
	return most;
}

static struct key keys[KEYS];

/* Whoever knew one seed: all in one bucket.  Of the others that tells nothing. */
static void found_for_one_seed(void)
{
	unsigned int n = 0;
	u32 id, seed = next_seed();

	for (id = 256; n < KEYS / 4; id++) {
		keys[n] = key_of(0xc0a80102, id, 50, 0);
		if (nf_vpn_key_words_hash(keys[n].w, seed) % BUCKETS == 7)
			n++;
	}
	CHECK_EQ(longest(keys, n, seed), n);
	CHECK_MSG(worst(keys, n) <= LONGEST, "%u", worst(keys, n));
}

/* Counted, in high bits, in all octets alike, in the middle */
static void patterns(void)
{
	unsigned int i, shape, most;

	for (shape = 0; shape < 4; shape++) {
		for (i = 0; i < KEYS; i++) {
			u32 id[] = { 256 + i, i << 20 | i >> 12, i * 0x01010101,
				     i << 8 };

			keys[i] = key_of(0xc0a80102, id[shape], 50, 0);
		}
		most = worst(keys, KEYS);
		CHECK_MSG(most <= LONGEST, "shape %u: %u", shape, most);
	}
}

/* Call IDs have 16 bits: all of a client's, and the same of many clients */
static void call_ids(void)
{
	unsigned int i, most;

	for (i = 0; i < KEYS; i++)
		keys[i] = key_of(0xc0a80102 + i % 30, i / 30, 47, 0);
	most = worst(keys, KEYS);
	CHECK_MSG(most <= LONGEST, "%u", most);
}

/* One id at one server by each address of a network and protocol */
static void for_every_seed(void)
{
	static const u8 l4proto[] = { 50, 47, 115, 17 };
	unsigned int n = 0, i, p, space, same = 0, here;

	for (i = 0; i < 128; i++)
		for (p = 0; p < 4; p++)
			for (space = 0; space < 2; space++)
				keys[n++] = key_of(0xc0a80100 + i, 7,
						   l4proto[p], space);
	for (i = 0; i < n; i++) {
		for (here = 0, p = 0; p < n; p++)
			here += (keys[i].w[0] ^ keys[i].w[3]) ==
				(keys[p].w[0] ^ keys[p].w[3]);
		same = here > same ? here : same;
	}
	CHECK_MSG(same <= 8, "%u", same);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(found_for_one_seed),
	KTAP_CASE(patterns),
	KTAP_CASE(call_ids),
	KTAP_CASE(for_every_seed),
};

int main(void)
{
	return ktap_run(cases, ARRAY_SIZE(cases));
}
