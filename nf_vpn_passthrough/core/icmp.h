/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors that quote a flow. */
#ifndef _NF_VPN_CORE_ICMP_H
#define _NF_VPN_CORE_ICMP_H

#include "nf_vpn.h"

/* The packet path for ICMP; a netfilter verdict. */
unsigned int nf_vpn_icmp(struct nf_vpn_net *vn, struct sk_buff *skb,
			 const struct nf_hook_state *state);

#endif
