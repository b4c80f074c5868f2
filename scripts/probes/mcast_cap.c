// SPDX-License-Identifier: GPL-2.0-only
/* Have multicast groups flags of their own?  6.1.y. */
#include <net/genetlink.h>

struct genl_multicast_group nf_vpn_probe = { .flags = GENL_MCAST_CAP_NET_ADMIN };
