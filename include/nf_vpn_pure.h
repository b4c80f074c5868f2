/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files (parsers, stream walker, scorer) stand on.
 *
 * A pure file compiles unchanged in the kernel and in user space, so that the
 * unit tests and fuzzers run the very source that is shipped. It may use only
 * what this header offers: fixed width types, memory helpers and the accessors
 * below. It never allocates, never locks and includes no netfilter header.
 */
#ifndef NF_VPN_PURE_H
#define NF_VPN_PURE_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u64 __be64;

#define __force
/* Nobody else runs there. */
#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, value)	((x) = (value))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/*
 * Big-endian octets <-> host order numbers. Octet by octet, so alignment does
 * not matter and the move of asm/unaligned.h (v6.12) does not either; compilers
 * turn each into one load and a swap.
 */
static inline u16 nf_vpn_get_be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static inline u32 nf_vpn_get_be32(const u8 *p)
{
	return (u32)nf_vpn_get_be16(p) << 16 | nf_vpn_get_be16(p + 2);
}

static inline u64 nf_vpn_get_be64(const u8 *p)
{
	return (u64)nf_vpn_get_be32(p) << 32 | nf_vpn_get_be32(p + 4);
}

static inline void nf_vpn_put_be16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)(v & 0xff);
}

static inline void nf_vpn_put_be32(u8 *p, u32 v)
{
	nf_vpn_put_be16(p, (u16)(v >> 16));
	nf_vpn_put_be16(p + 2, (u16)(v & 0xffff));
}

static inline void nf_vpn_put_be64(u8 *p, u64 v)
{
	nf_vpn_put_be32(p, (u32)(v >> 32));
	nf_vpn_put_be32(p + 4, (u32)(v & 0xffffffff));
}

static inline u32 nf_vpn_min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

/* Finalizer of splitmix32: where a table keeps what others choose */
static inline u32 nf_vpn_mix32(u32 x)
{
	x = (x ^ x >> 16) * 0x21f0aaad;
	x = (x ^ x >> 15) * 0x735a2d97;
	return x ^ x >> 15;
}

/* Between two times that wrap */
static inline u32 nf_vpn_since(u32 now, u32 then)
{
	return now - then;
}

/* TCP sequence order, RFC 9293 3.4: modulo 2^32, right within half of it */
static inline bool nf_vpn_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool nf_vpn_seq_after(u32 a, u32 b)
{
	return nf_vpn_seq_before(b, a);
}

#endif /* NF_VPN_PURE_H */
