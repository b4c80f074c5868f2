/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions that come back: after a reboot, a new module, or on another router. */
#ifndef _NF_VPN_CORE_RESTORE_H
#define _NF_VPN_CORE_RESTORE_H

#include <net/netlink.h>
#include "nf_vpn.h"

struct genl_info;

extern const struct nla_policy nf_vpn_restore_policy[NF_VPN_A_SESSION_MAX + 1];

/*
 * The session that a message describes, whose attributes were checked against the
 * policy.  0, or negative with a message why not.
 */
int nf_vpn_restore(struct nf_vpn_net *vn, struct genl_info *info);

/* Has its control connection, if it has one, the helper of its protocol? */
bool nf_vpn_restore_helped(const struct nf_vpn_proto *proto,
			   const struct nf_vpn_saved *saved);

#endif
