/* SPDX-License-Identifier: GPL-2.0-only */
/* ESP in UDP of several clients of one server: who asks in vain, who gets answers. */
#ifndef _NF_VPN_IPSEC_NATT_WATCH_H
#define _NF_VPN_IPSEC_NATT_WATCH_H

#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include "natt_doubt.h"

struct nf_conn;
struct nf_vpn_ipsec_net;

/* Clients of a namespace that ask in vain at a time: more are not looked at. */
#define NF_VPN_NATT_SUSPECTS	16

/**
 * struct nf_vpn_natt_ends - a connection on UDP 4500
 * @client: network order, as all here
 * @server: as the client calls it
 * @public: the client, as the server calls it
 * @port: the client's
 * @zone: conntrack's, host order
 */
struct nf_vpn_natt_ends {
	__be32	client;
	__be32	server;
	__be32	public;
	__be16	port;
	u16	zone;
};

/**
 * struct nf_vpn_natt_suspect - a client that asks in vain
 * @ends: its connection; a copy, so that nothing is held
 * @doubt: what speaks for it that another one gets its answers
 * @used: there is one
 * @told: it was said
 */
struct nf_vpn_natt_suspect {
	struct nf_vpn_natt_ends		ends;
	struct nf_vpn_natt_doubt	doubt;
	bool				used;
	bool				told;
};

/**
 * struct nf_vpn_natt_watch - of a namespace
 * @lock: of @suspect and changes of @n; innermost but for events
 * @n: of them are used; read without the lock: mostly 0, and all is done
 * @suspect: clients that ask in vain
 */
struct nf_vpn_natt_watch {
	spinlock_t			lock;	/* see above */
	unsigned int			n;
	struct nf_vpn_natt_suspect	suspect[NF_VPN_NATT_SUSPECTS];
};

void nf_vpn_natt_watch_init(struct nf_vpn_natt_watch *watch);

/* The clock of all this: ms, exact to a tick, cheap enough for each packet. */
static inline u32 nf_vpn_natt_now(void)
{
	/* No call where a tick is so many of them, as it is but for HZ=300. */
	if (!(MSEC_PER_SEC % HZ))
		return (u32)jiffies * (MSEC_PER_SEC / HZ);
	return jiffies_to_msecs(jiffies);
}

/**
 * nf_vpn_natt_look() - a datagram on UDP 4500 of at least an ESP header's length
 * @in: namespace
 * @ct: its entry, with our helper
 * @spi: its first four octets, host order; 0: not ESP
 * @dir: IP_CT_DIR_*
 *
 * Changes no packet.  While nobody asks in vain it writes to the connection's own
 * memory only.
 */
void nf_vpn_natt_look(struct nf_vpn_ipsec_net *in, struct nf_conn *ct, u32 spi,
		      u8 dir);

#endif
