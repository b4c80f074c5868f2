/* SPDX-License-Identifier: GPL-2.0-only */
/* Until 6.6 (95d4977876b8) a table ended with an empty entry, without a size. */
#include_next <net/net_namespace.h>
#ifndef _NF_VPN_COMPAT_SYSCTL_SZ_H
#define _NF_VPN_COMPAT_SYSCTL_SZ_H

static inline struct ctl_table_header *
register_net_sysctl_sz(struct net *net, const char *path,
		       struct ctl_table *table, size_t table_size)
{
	return register_net_sysctl(net, path, table);
}

#endif
