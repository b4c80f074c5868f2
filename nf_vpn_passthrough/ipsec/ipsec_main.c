// SPDX-License-Identifier: GPL-2.0-only
/*
 * nf_vpn_ipsec: the helper "vpn-ike", and ESP behind it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netns/generic.h>
#include "ipsec.h"
#include "nf_vpn_ctl.h"

static unsigned int nf_vpn_ipsec_net_id __read_mostly;

/* Only the addresses in it count. */
static struct nf_vpn_ipsec_net nf_vpn_ipsec_base;
static int nf_vpn_ipsec_most_copies = NF_VPN_ESP_COPIES_MAX;
static int nf_vpn_ipsec_most_rate = 1000000;
static int nf_vpn_ipsec_most_port_500 = NF_VPN_PORT_500_ON;
static int nf_vpn_ipsec_least_burst = NF_VPN_ESP_SHARE;
/* IKE gives up after 30 s at the earliest. */
static int nf_vpn_ipsec_most_hold = 10000;

/* Writing 1 is the opt-in that otherwise a helped IKE flow is. */
static int nf_vpn_ipsec_without_ike(NF_VPN_CTL_TABLE *table, int write,
				    void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);
	struct nf_vpn_ipsec_net *in;

	in = container_of((unsigned int *)table->data, struct nf_vpn_ipsec_net,
			  without_ike);
	if (!err && write && READ_ONCE(in->without_ike))
		nf_vpn_enable(in->vn);
	return err;
}

/* Whoever is not answered has to be remembered. */
static int nf_vpn_ipsec_port_500(NF_VPN_CTL_TABLE *table, int write,
				 void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_minmax(table, write, buffer, lenp, ppos);
	struct nf_vpn_ipsec_net *in;

	in = container_of((unsigned int *)table->data, struct nf_vpn_ipsec_net,
			  port_500);
	if (!err && write && READ_ONCE(in->port_500))
		schedule_work(&in->prepare);
	return err;
}

static int nf_vpn_ipsec_natt_revive(NF_VPN_CTL_TABLE *table, int write,
				    void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_jiffies(table, write, buffer, lenp, ppos);
	struct nf_vpn_ipsec_net *in;

	in = container_of((unsigned int *)table->data, struct nf_vpn_ipsec_net,
			  natt_revive);
	/* It goes, if it is there: the next mapping brings it when it is wanted. */
	if (!err && write && !READ_ONCE(in->natt_revive))
		schedule_work(&in->prepare);
	return err;
}

static const struct ctl_table nf_vpn_ipsec_sysctls[] = {
	{
		.procname	= "ipsec_timeout",
		.data		= &nf_vpn_ipsec_base.timeout[0],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "ipsec_timeout_stream",
		.data		= &nf_vpn_ipsec_base.timeout[1],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "ipsec_natt_timeout",
		.data		= &nf_vpn_ipsec_base.natt_timeout[1],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "ipsec_natt_revive",
		.data		= &nf_vpn_ipsec_base.natt_revive,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= nf_vpn_ipsec_natt_revive,
	}, {
		.procname	= "ipsec_copies",
		.data		= &nf_vpn_ipsec_base.rules.copies,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &nf_vpn_ipsec_most_copies,
	}, {
		.procname	= "ipsec_copy_rate",
		.data		= &nf_vpn_ipsec_base.rules.rate,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nf_vpn_ipsec_most_rate,
	}, {
		.procname	= "ipsec_copy_burst",
		.data		= &nf_vpn_ipsec_base.rules.burst,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &nf_vpn_ipsec_least_burst,
		.extra2		= &nf_vpn_ipsec_most_rate,
	}, {
		.procname	= "ipsec_hold",
		.data		= &nf_vpn_ipsec_base.rules.hold_ms,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nf_vpn_ipsec_most_hold,
	}, {
		.procname	= "ipsec_port_500",
		.data		= &nf_vpn_ipsec_base.port_500,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= nf_vpn_ipsec_port_500,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nf_vpn_ipsec_most_port_500,
	}, {
		.procname	= "ipsec_without_ike",
		.data		= &nf_vpn_ipsec_base.without_ike,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= nf_vpn_ipsec_without_ike,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

struct nf_vpn_ipsec_net *nf_vpn_ipsec_pernet(const struct net *net)
{
	return net_generic(net, nf_vpn_ipsec_net_id);
}

/* 150 KB that only namespaces with pairs, or with UDP 4500, pay for. */
static void nf_vpn_ipsec_remember(struct nf_vpn_ipsec_net *in)
{
	struct nf_vpn_esp_memory *memory;

	if (READ_ONCE(in->memory))
		return;
	/* The counter tells; the next one who needs it asks again. */
	memory = kvzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!memory) {
		nf_vpn_count(in->vn, NF_VPN_STAT_NO_MEMORY);
		return;
	}
	spin_lock_bh(&in->vn->lock);
	in->memory = memory;
	spin_unlock_bh(&in->vn->lock);
}

static void nf_vpn_ipsec_prepare(struct work_struct *work)
{
	struct nf_vpn_ipsec_net *in = container_of(work, struct nf_vpn_ipsec_net,
						   prepare);

	nf_vpn_ipsec_remember(in);
	if (READ_ONCE(in->natt_revive) && READ_ONCE(in->natt_wanted))
		nf_vpn_natt_hook_on(in);
	else
		nf_vpn_natt_hook_off(in);
}

static int __net_init nf_vpn_ipsec_net_init(struct net *net)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(net);
	int err;

	in->vn = nf_vpn_pernet(net);
	/* As stock conntrack's generic timeout, for a one-way SA. */
	in->timeout[0] = 600 * HZ;
	/* An idle SA whose ends believe in it; commercial ALGs use the same. */
	in->timeout[1] = 3600 * HZ;
	/* As stock's for UDP, until it is answered. */
	in->natt_timeout[0] = 30 * HZ;
	in->natt_timeout[1] = 3600 * HZ;
	in->natt_revive = 3600 * HZ;
	in->rules.copies = NF_VPN_ESP_COPIES;
	in->rules.rate = NF_VPN_ESP_COPY_RATE;
	in->rules.burst = NF_VPN_ESP_COPY_BURST;
	in->rules.hold_ms = NF_VPN_ESP_HOLD_MS;
	in->salt = get_random_u32() | 1;
	INIT_WORK(&in->prepare, nf_vpn_ipsec_prepare);
	INIT_LIST_HEAD(&in->rekeyed);
	nf_vpn_natt_watch_init(&in->natt);
	nf_vpn_held_net_init(in);
	err = nf_vpn_pair_net_init(in);
	if (err)
		return err;
	in->ctl = nf_vpn_sysctl_register(net, nf_vpn_ipsec_sysctls,
					 ARRAY_SIZE(nf_vpn_ipsec_sysctls),
					 &nf_vpn_ipsec_base, in);
	if (in->ctl)
		return 0;
	nf_vpn_pair_net_exit(in->vn, in);
	return -ENOMEM;
}

/* The core's exit comes after ours, finds nothing left and waits for RCU. */
static void __net_exit nf_vpn_ipsec_net_exit(struct net *net)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(net);

	nf_vpn_sysctl_unregister(in->ctl);
	nf_vpn_held_net_exit(in);
	nf_vpn_net_flush(in->vn, &nf_vpn_ike_proto);
	nf_vpn_natt_flush(in->vn);
	nf_vpn_pair_net_exit(in->vn, in);
	cancel_work_sync(&in->prepare);
	nf_vpn_natt_hook_off(in);
	kvfree(in->memory);
	/* No hook of ours runs here any more: who had it has its own reference. */
	nf_vpn_local_net_exit(in);
}

static struct pernet_operations nf_vpn_ipsec_net_ops = {
	.init	= nf_vpn_ipsec_net_init,
	.exit	= nf_vpn_ipsec_net_exit,
	.id	= &nf_vpn_ipsec_net_id,
	.size	= sizeof(struct nf_vpn_ipsec_net),
};

static int __init nf_vpn_ipsec_init(void)
{
	int err;

	nf_vpn_natt_init();
	err = nf_vpn_pair_init();
	if (err)
		return err;
	err = register_pernet_subsys(&nf_vpn_ipsec_net_ops);
	if (err)
		goto free_pairs;
	err = nf_vpn_proto_register(&nf_vpn_esp_proto);
	if (err)
		goto unregister_pernet;
	err = nf_vpn_proto_register(&nf_vpn_ah_proto);
	if (err)
		goto unregister_proto;
	err = nf_vpn_proto_register(&nf_vpn_ike_proto);
	if (err)
		goto unregister_ah;
	err = nf_vpn_ike_helper_init();
	if (err)
		goto unregister_ike;
	return 0;

unregister_ike:
	nf_vpn_proto_unregister(&nf_vpn_ike_proto);
unregister_ah:
	nf_vpn_proto_unregister(&nf_vpn_ah_proto);
unregister_proto:
	nf_vpn_proto_unregister(&nf_vpn_esp_proto);
unregister_pernet:
	unregister_pernet_subsys(&nf_vpn_ipsec_net_ops);
	rcu_barrier();
	rcu_barrier();
free_pairs:
	nf_vpn_pair_exit();
	return err;
}

static void __exit nf_vpn_ipsec_exit(void)
{
	nf_vpn_ike_helper_exit();
	nf_vpn_proto_unregister(&nf_vpn_ike_proto);
	nf_vpn_proto_unregister(&nf_vpn_ah_proto);
	nf_vpn_proto_unregister(&nf_vpn_esp_proto);
	unregister_pernet_subsys(&nf_vpn_ipsec_net_ops);
	/* twice: a freed lane puts its pair through RCU again */
	rcu_barrier();
	rcu_barrier();
	nf_vpn_pair_exit();
}

module_init(nf_vpn_ipsec_init);
module_exit(nf_vpn_ipsec_exit);

MODULE_DESCRIPTION("VPN passthrough: IPsec (helper \"vpn-ike\")");
MODULE_AUTHOR("The nf_vpn_passthrough authors");
MODULE_VERSION(NF_VPN_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("nf_vpn_passthrough");
MODULE_ALIAS_NFCT_HELPER("vpn-ike");
/* the names firewalld makes of the helper's */
MODULE_ALIAS("nf_conntrack_vpn_ike");
MODULE_ALIAS("nf_nat_vpn_ike");
