// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reserved range of conntrack zones.  A zone is what separates conntrack
 * entries with equal tuples; ids need to be unique only among those, so every
 * (server, public address) uses the whole range again.  That a zone is free is
 * not booked here: inserting the entry is the test.
 */
#include <linux/module.h>
#include "nf_vpn.h"

u16 nf_vpn_zone_nth(const struct nf_vpn_net *vn, unsigned int n)
{
	unsigned int base = READ_ONCE(vn->zone_base);
	unsigned int count = READ_ONCE(vn->zone_count);

	/* Two sysctls are not changed at once: keep the sum in 16 bits. */
	count = clamp(count, 1U, 65536U - base);
	return base + n % count;
}
EXPORT_SYMBOL_GPL(nf_vpn_zone_nth);

bool nf_vpn_zone_reserved(const struct nf_vpn_net *vn, u16 zone)
{
	unsigned int base = READ_ONCE(vn->zone_base);

	return zone >= base && zone - base < READ_ONCE(vn->zone_count);
}
EXPORT_SYMBOL_GPL(nf_vpn_zone_reserved);
