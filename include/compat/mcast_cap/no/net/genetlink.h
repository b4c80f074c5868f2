/* SPDX-License-Identifier: GPL-2.0-only */
/* Late 5.10.y has the flag under another name, and no other may be set. */
#include_next <net/genetlink.h>
#ifndef _NF_VPN_COMPAT_MCAST_CAP_H
#define _NF_VPN_COMPAT_MCAST_CAP_H

#define GENL_MCAST_CAP_NET_ADMIN	GENL_UNS_ADMIN_PERM

#endif
