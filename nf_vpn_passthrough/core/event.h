/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of a namespace, on their way to the multicast group. */
#ifndef _NF_VPN_CORE_EVENT_H
#define _NF_VPN_CORE_EVENT_H

#include "nf_vpn.h"

/**
 * struct nf_vpn_event_item - one event that waits to be sent
 * @list: in nf_vpn_events.list
 * @type: enum nf_vpn_event
 * @session: id or 0
 * @protocol: enum nf_vpn_protocol or 0
 * @client: network order or 0
 * @server: network order or 0
 * @public: network order or 0
 * @number: host order or 0
 * @missed: so many of its type were not sent before it
 * @by: a client, network order or 0
 * @ms: milliseconds
 */
struct nf_vpn_event_item {
	struct list_head	list;
	u32			type;
	u32			session;
	u32			protocol;
	__be32			client;
	__be32			server;
	__be32			public;
	u32			number;
	u32			missed;
	__be32			by;
	u32			ms;
};

void nf_vpn_event_net_init(struct nf_vpn_net *vn);
void nf_vpn_event_net_exit(struct nf_vpn_net *vn);

#endif
