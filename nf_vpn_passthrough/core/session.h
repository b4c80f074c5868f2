/* SPDX-License-Identifier: GPL-2.0-only */
/* A lane as the operator sees it: a session. */
#ifndef _NF_VPN_CORE_SESSION_H
#define _NF_VPN_CORE_SESSION_H

#include "nf_vpn.h"

/* No session takes more room in a message. */
#define NF_VPN_SESSION_ROOM	8192

/**
 * struct nf_vpn_session_ends - who talks to whom
 * @client: network order, as all here
 * @server: 0: not known yet
 * @public: address of the router that stands for an end; 0: none does
 * @client_port: over UDP, else 0
 * @server_port: likewise
 * @public_port: likewise
 * @client_dir: the direction in which the client sends, IP_CT_DIR_*
 */
struct nf_vpn_session_ends {
	__be32	client;
	__be32	server;
	__be32	public;
	__be16	client_port;
	__be16	server_port;
	__be16	public_port;
	u8	client_dir;
};

/* Of a lane with an entry, else the client alone.  Any lock, or RCU. */
void nf_vpn_session_ends(const struct nf_vpn_lane *lane,
			 struct nf_vpn_session_ends *ends);

/**
 * struct nf_vpn_session_filter - which sessions are meant; 0: any
 * @id: as given by nf_vpn_lane_list()
 * @protocol: enum nf_vpn_protocol
 * @client: network order
 * @server: network order
 * @live: leave out those in their quiet time
 */
struct nf_vpn_session_filter {
	u32	id;
	u32	protocol;
	__be32	client;
	__be32	server;
	bool	live;
};

/* Is it one of those?  Not when it has ended and waits for the reaper.  RCU. */
bool nf_vpn_session_fits(const struct nf_vpn_lane *lane,
			 const struct nf_vpn_session_filter *filter);

/**
 * nf_vpn_session_next() - the session with the next id
 * @vn: namespace
 * @id: the first that may be it; set to its id, or to where to go on
 * @filter: which are meant
 *
 * Caller is in an RCU read section, as long as it uses the lane.
 * Return: NULL: none; -EAGAIN: leave the read section for a moment and go on.
 */
struct nf_vpn_lane *
nf_vpn_session_next(struct nf_vpn_net *vn, unsigned long *id,
		    const struct nf_vpn_session_filter *filter);

/**
 * nf_vpn_session_fill() - all that is known of it
 * @msg: attributes are appended
 * @lane: found under RCU
 *
 * Takes the namespace's lock while it looks at the flows of this one lane.
 * Return: 0; -EMSGSIZE: no room; -ENOENT: it ended meanwhile.
 */
int nf_vpn_session_fill(struct sk_buff *msg, struct nf_vpn_lane *lane);

#endif
