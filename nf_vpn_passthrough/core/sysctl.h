/* SPDX-License-Identifier: GPL-2.0-only */
/* net.netfilter.nf_vpn.* */
#ifndef _NF_VPN_CORE_SYSCTL_H
#define _NF_VPN_CORE_SYSCTL_H

#include "nf_vpn.h"

int nf_vpn_sysctl_net_init(struct nf_vpn_net *vn);
void nf_vpn_sysctl_net_exit(struct nf_vpn_net *vn);

#endif
