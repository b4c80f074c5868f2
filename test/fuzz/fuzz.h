/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: the input as a supply of numbers, and claims.
 *
 * Each fuzz_NAME.c has one LLVMFuzzerTestOneInput() that feeds a pure file of the
 * modules and claims what its header promises. See ./run.
 */
#ifndef NF_VPN_TEST_FUZZ_H
#define NF_VPN_TEST_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../include/nf_vpn_pure.h"

/* Says what was claimed and where; libFuzzer keeps the input. */
#define CLAIM(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: does not hold: %s\n",	\
				__FILE__, __LINE__, #cond);		\
			abort();					\
		}							\
	} while (0)

struct fuzz {
	const u8 *p;
	size_t left;
};

/* Zeroes follow its end: callers stop when nothing is left. */
static inline u8 fuzz_u8(struct fuzz *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->p++;
}

static inline u16 fuzz_u16(struct fuzz *f)
{
	u16 high = fuzz_u8(f);

	return (u16)(high << 8 | fuzz_u8(f));
}

static inline u32 fuzz_u32(struct fuzz *f)
{
	u32 high = fuzz_u16(f);

	return high << 16 | fuzz_u16(f);
}

/* 0 to @n - 1; 0 for @n 0 */
static inline u32 fuzz_below(struct fuzz *f, u32 n)
{
	return n ? fuzz_u16(f) % n : 0;
}

/* A copy of exactly @len octets: to read beyond them is seen. */
static inline u8 *fuzz_copy(const u8 *p, size_t len)
{
	u8 *copy = malloc(len ? len : 1);

	CLAIM(copy);
	memcpy(copy, p, len);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* NF_VPN_TEST_FUZZ_H */
