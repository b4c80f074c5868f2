// SPDX-License-Identifier: GPL-2.0-only
/* Is the table a sysctl handler gets constant?  6.11. */
#include <linux/sysctl.h>

int nf_vpn_probe(const struct ctl_table *table, int write, void *buffer,
		 size_t *lenp, loff_t *ppos);

proc_handler *nf_vpn_probe_handler = nf_vpn_probe;
