// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.netfilter.nf_vpn.*: one table per module and namespace, copied from a
 * template with the data pointers moved into the namespace's object.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include "sysctl.h"

#define NF_VPN_SYSCTL_PATH	"net/netfilter/nf_vpn"

/* Only the addresses in it count. */
static struct nf_vpn_net nf_vpn_sysctl_base;
static int nf_vpn_sysctl_most_flows = 1 << 24;
static int nf_vpn_sysctl_most_zone = U16_MAX;

static const struct ctl_table nf_vpn_sysctl_template[] = {
	{
		.procname	= "max_flows",
		.data		= &nf_vpn_sysctl_base.max_flows,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nf_vpn_sysctl_most_flows,
	}, {
		.procname	= "max_per_client",
		.data		= &nf_vpn_sysctl_base.max_per_client,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &nf_vpn_sysctl_most_flows,
	}, {
		.procname	= "zone_base",
		.data		= &nf_vpn_sysctl_base.zone_base,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &nf_vpn_sysctl_most_zone,
	}, {
		.procname	= "zone_count",
		.data		= &nf_vpn_sysctl_base.zone_count,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &nf_vpn_sysctl_most_zone,
	},
};

struct ctl_table_header *
nf_vpn_sysctl_register(struct net *net, const struct ctl_table *template,
		       unsigned int n, void *from, void *to)
{
	struct ctl_table_header *header;
	struct ctl_table *table;
	unsigned int i;

	if (WARN_ON_ONCE(n > NF_VPN_SYSCTL_MAX))
		return NULL;
	/* One more, zeroed: kernels before 6.11 look for it. */
	table = kcalloc(n + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return NULL;
	for (i = 0; i < n; i++) {
		table[i] = template[i];
		table[i].data += to - from;
		/* Limits are of the host, not of whoever owns a namespace. */
		if (net->user_ns != &init_user_ns)
			table[i].mode = 0444;
	}
	header = register_net_sysctl_sz(net, NF_VPN_SYSCTL_PATH, table, n);
	if (!header)
		kfree(table);
	return header;
}
EXPORT_SYMBOL_GPL(nf_vpn_sysctl_register);

void nf_vpn_sysctl_unregister(struct ctl_table_header *header)
{
	const struct ctl_table *table = header->ctl_table_arg;

	unregister_net_sysctl_table(header);
	kfree(table);
}
EXPORT_SYMBOL_GPL(nf_vpn_sysctl_unregister);

int nf_vpn_sysctl_net_init(struct nf_vpn_net *vn)
{
	vn->max_flows = 262144;
	vn->max_per_client = 4096;
	/* High, where hand-written rules seldom number their zones. */
	vn->zone_base = 60000;
	vn->zone_count = 5000;
	vn->ctl = nf_vpn_sysctl_register(vn->net, nf_vpn_sysctl_template,
					 ARRAY_SIZE(nf_vpn_sysctl_template),
					 &nf_vpn_sysctl_base, vn);
	return vn->ctl ? 0 : -ENOMEM;
}

void nf_vpn_sysctl_net_exit(struct nf_vpn_net *vn)
{
	nf_vpn_sysctl_unregister(vn->ctl);
}
