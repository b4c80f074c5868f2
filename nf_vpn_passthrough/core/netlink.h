/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family "nf_vpn". */
#ifndef _NF_VPN_CORE_NETLINK_H
#define _NF_VPN_CORE_NETLINK_H

#include "nf_vpn.h"

struct nf_vpn_event_item;

/* 0 or a negative errno. */
int nf_vpn_netlink_init(void);
void nf_vpn_netlink_exit(void);

/* Does anybody listen to events of this namespace?  Any context. */
bool nf_vpn_netlink_heard(const struct nf_vpn_net *vn);

/* Send it; process context. */
void nf_vpn_netlink_send(struct nf_vpn_net *vn,
			 const struct nf_vpn_event_item *item);

#endif
