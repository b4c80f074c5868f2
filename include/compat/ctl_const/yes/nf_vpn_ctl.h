/* SPDX-License-Identifier: GPL-2.0-only */
/* Since 6.11 (78eb4ea25cd5) a handler gets a constant table. */
#ifndef _NF_VPN_CTL_H
#define _NF_VPN_CTL_H

#include <linux/sysctl.h>

#define NF_VPN_CTL_TABLE const struct ctl_table

#endif
