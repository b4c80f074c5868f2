/* SPDX-License-Identifier: GPL-2.0-only */
/* NAT mappings of UDP 4500 that timed out, for a while. Pure. */
#ifndef NF_VPN_NATT_PAST_H
#define NF_VPN_NATT_PAST_H

#include "../../include/nf_vpn_pure.h"

/* Mappings remembered, and places that one of them may have */
#define NF_VPN_NATT_PAST	2048
#define NF_VPN_NATT_PAST_WAYS	4

/* Inbound SPIs of a mapping: a rekey overlaps two */
#define NF_VPN_NATT_SPIS	2

/**
 * struct nf_vpn_natt_outside - a mapping as its server knows it
 * @server:	address
 * @public:	ours that it sends to
 * @port:	of @public
 * @pad:	0
 */
struct nf_vpn_natt_outside {
	__be32 server;
	__be32 public;
	__be16 port;
	u16 pad;
};

/**
 * struct nf_vpn_natt_mapping - a mapping, and who had it
 * @outside:	its key
 * @client:	address inside, 0: free
 * @client_port: and port
 * @spi:	inbound ones last seen, network order, 0: none
 * @mark:	of the entry
 * @masq_index:	of it
 * @at:		seconds, when it ended
 */
struct nf_vpn_natt_mapping {
	struct nf_vpn_natt_outside outside;
	__be32 client;
	__be16 client_port;
	__be32 spi[NF_VPN_NATT_SPIS];
	u32 mark;
	s32 masq_index;
	u32 at;
};

/**
 * struct nf_vpn_natt_past - them all
 * @m:		by hash, NF_VPN_NATT_PAST_WAYS beside each other; all zero is empty
 *
 * The owner serialises access.
 */
struct nf_vpn_natt_past {
	struct nf_vpn_natt_mapping m[NF_VPN_NATT_PAST];
};

/**
 * nf_vpn_natt_remember() - a mapping ended
 * @past:	memory
 * @salt:	secret
 * @m:		all of it filled in
 *
 * It takes the place of who had the same before, else of the one that ended first
 * beside it.
 */
void nf_vpn_natt_remember(struct nf_vpn_natt_past *past, u32 salt,
			  const struct nf_vpn_natt_mapping *m);

/**
 * nf_vpn_natt_recall() - whose was it?
 * @past:	memory
 * @salt:	secret
 * @outside:	the mapping, as a packet of the server's names it
 * @spi:	that packet's SPI, not 0
 * @now:	seconds
 * @age:	so many seconds ago it may have ended
 *
 * Return: it, until the next change of @past; NULL: not known, too old, or another
 * SPI.
 */
const struct nf_vpn_natt_mapping *
nf_vpn_natt_recall(const struct nf_vpn_natt_past *past, u32 salt,
		   const struct nf_vpn_natt_outside *outside, __be32 spi,
		   u32 now, u32 age);

/* Somebody has that mapping now. */
void nf_vpn_natt_forget(struct nf_vpn_natt_past *past, u32 salt,
			const struct nf_vpn_natt_outside *outside);

#endif /* NF_VPN_NATT_PAST_H */
