/* SPDX-License-Identifier: GPL-2.0-only */
/* Accounts: how much is kept on behalf of each client. */
#ifndef _NF_VPN_CORE_LIMIT_H
#define _NF_VPN_CORE_LIMIT_H

#include "nf_vpn.h"

int nf_vpn_limit_net_init(struct nf_vpn_net *vn);
void nf_vpn_limit_net_exit(struct nf_vpn_net *vn);

#endif
