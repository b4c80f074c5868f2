/* SPDX-License-Identifier: GPL-2.0-only */
/* Conntrack entries in messages. */
#ifndef _NF_VPN_CORE_TRACK_H
#define _NF_VPN_CORE_TRACK_H

#include "nf_vpn.h"

struct netlink_range_validation;
struct nlattr;

extern struct netlink_range_validation nf_vpn_track_zones;
extern const struct nla_policy nf_vpn_track_policy[NF_VPN_A_TRACK_MAX + 1];

/* As a nest NF_VPN_A_SESSION_TRACK.  0 or -EMSGSIZE.  RCU. */
int nf_vpn_track_fill(struct sk_buff *msg, const struct nf_conn *ct);

/**
 * nf_vpn_track_find() - the living entry that a nest names
 * @vn: namespace
 * @nest: checked against nf_vpn_track_policy
 * Return: it, with a reference; -EINVAL: an attribute is missing; -ENOENT: there is
 * none with both tuples.
 */
struct nf_conn *nf_vpn_track_find(struct nf_vpn_net *vn,
				  const struct nlattr *nest);

#endif
