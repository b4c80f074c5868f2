// SPDX-License-Identifier: GPL-2.0-only
/* Is there register_net_sysctl_sz()?  Linux 6.6. */
#include <net/net_namespace.h>

void *nf_vpn_probe = register_net_sysctl_sz;
