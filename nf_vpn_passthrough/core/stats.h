/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters by reason. */
#ifndef _NF_VPN_CORE_STATS_H
#define _NF_VPN_CORE_STATS_H

#include "nf_vpn.h"

/**
 * struct nf_vpn_stat_text - a counter in words
 * @name: as in /proc/net/nf_vpn/stats and in the documentation
 * @meaning: one line
 */
struct nf_vpn_stat_text {
	const char	*name;
	const char	*meaning;
};

/* Never NULL; @why below NF_VPN_STAT_MAX. */
const struct nf_vpn_stat_text *nf_vpn_stat_text(unsigned int why);

/* Over all CPUs. */
u64 nf_vpn_stat_sum(const struct nf_vpn_net *vn, unsigned int why);

#endif
