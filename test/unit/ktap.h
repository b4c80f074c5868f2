/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Just enough to say what passed, in KTAP (Documentation/dev-tools/ktap.rst).
 *
 * A test is a void function. CHECK() that fails prints where and lets the test
 * go on; the test is then "not ok". Tests keep no state between each other.
 */
#ifndef NF_VPN_TEST_KTAP_H
#define NF_VPN_TEST_KTAP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* An emulated processor is slow: a run there does this part of the random rounds */
#ifndef KTAP_FEWER
#define KTAP_FEWER	1
#endif

struct ktap_case {
	const char *name;
	void (*run)(void);
};

#define KTAP_CASE(fn)	{ #fn, fn }

static unsigned int ktap_faults;

/* A broken loop must not write a million lines */
#define KTAP_MAX_LINES	20

#define CHECK_MSG(cond, ...)						\
	do {								\
		if (!(cond) && ++ktap_faults <= KTAP_MAX_LINES) {	\
			printf("# %s:%d: %s: ", __FILE__, __LINE__,	\
			       #cond);					\
			printf(__VA_ARGS__);				\
			printf("\n");					\
		}							\
	} while (0)

#define CHECK(cond)	CHECK_MSG(cond, "is false")

#define CHECK_EQ(a, b)							\
	do {								\
		long long ktap_a = (long long)(a);			\
		long long ktap_b = (long long)(b);			\
									\
		CHECK_MSG(ktap_a == ktap_b, "%s: %lld, %lld",		\
			  #a " == " #b, ktap_a, ktap_b);		\
	} while (0)

static inline int ktap_run(const struct ktap_case *c, unsigned int n)
{
	unsigned int i, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", n);
	for (i = 0; i < n; i++) {
		ktap_faults = 0;
		c[i].run();
		printf("%sok %u %s\n", ktap_faults ? "not " : "", i + 1,
		       c[i].name);
		bad += !!ktap_faults;
	}
	return !!bad;
}

#define KTAP_MAIN(cases)						\
int main(void)								\
{									\
	return ktap_run(cases, sizeof(cases) / sizeof((cases)[0]));	\
}

/* splitmix64: small, good enough, the same on every machine */
static inline uint64_t ktap_rand(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* 0 <= result < n, n > 0 */
static inline uint32_t ktap_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(ktap_rand(state) >> 32) % n;
}

/*
 * An exact-size heap copy: reading one octet beyond it is an ASan report.
 * Free with free().
 */
static inline uint8_t *ktap_dup(const uint8_t *p, size_t n)
{
	uint8_t *q = malloc(n ? n : 1);
	size_t i;

	if (!q)
		abort();
	for (i = 0; i < n; i++)
		q[i] = p[i];
	return q;
}

#endif /* NF_VPN_TEST_KTAP_H */
