/* SPDX-License-Identifier: GPL-2.0-only */
/* Until 6.11 (78eb4ea25cd5) a handler gets a table it could write to. */
#ifndef _NF_VPN_CTL_H
#define _NF_VPN_CTL_H

#include <linux/sysctl.h>

#define NF_VPN_CTL_TABLE struct ctl_table

#endif
