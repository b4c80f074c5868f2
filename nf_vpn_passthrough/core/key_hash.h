/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hash of a flow's key.  Who includes this has jhash_3words(): the kernel's,
 * or the one of test/unit/test_key_hash.c.
 */
#ifndef _NF_VPN_KEY_HASH_H
#define _NF_VPN_KEY_HASH_H

/*
 * Source and (zone, protocol, space) share a word.  Those that collide whatever the
 * seed is have the same id and destination, and sources as far apart as their
 * protocols or zones are: a few, since a client chooses neither.
 */
static inline u32 nf_vpn_key_words_hash(const u32 *w, u32 seed)
{
	return jhash_3words(w[0] ^ w[3], w[1], w[2], seed);
}

#endif /* _NF_VPN_KEY_HASH_H */
