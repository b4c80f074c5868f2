/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/net/nf_vpn/: what an engineer looks at first. */
#ifndef _NF_VPN_CORE_PROC_H
#define _NF_VPN_CORE_PROC_H

#include "nf_vpn.h"

int nf_vpn_proc_net_init(struct nf_vpn_net *vn);
void nf_vpn_proc_net_exit(struct nf_vpn_net *vn);

#endif
