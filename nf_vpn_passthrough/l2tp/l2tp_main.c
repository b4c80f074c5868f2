// SPDX-License-Identifier: GPL-2.0-only
/*
 * nf_vpn_l2tp: the helper "vpn-l2tp" for L2TP over UDP, and version 3 over IP.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netns/generic.h>
#include "l2tp.h"
#include "nf_vpn_ctl.h"

static unsigned int nf_vpn_l2tp_net_id __read_mostly;

/* Only the addresses in it count. */
static struct nf_vpn_l2tp_net nf_vpn_l2tp_base;

/* No helper can be set on IP protocol 115: the mark is the opt-in. */
static int nf_vpn_l2tp_set_mark(NF_VPN_CTL_TABLE *table, int write,
				void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_douintvec(table, write, buffer, lenp, ppos);
	struct nf_vpn_l2tp_net *ln;

	ln = container_of((unsigned int *)table->data, struct nf_vpn_l2tp_net,
			  mark);
	if (!err && write && READ_ONCE(ln->mark)) {
		nf_vpn_enable(ln->vn);
		nf_vpn_l2tp_hook_enable(ln);
	}
	return err;
}

static const struct ctl_table nf_vpn_l2tp_sysctls[] = {
	{
		.procname	= "l2tp_timeout",
		.data		= &nf_vpn_l2tp_base.timeout[0],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "l2tp_timeout_stream",
		.data		= &nf_vpn_l2tp_base.timeout[1],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "l2tp_udp_timeout",
		.data		= &nf_vpn_l2tp_base.udp_timeout[1],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "l2tp_grace",
		.data		= &nf_vpn_l2tp_base.grace,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "l2tp_ip_mark",
		.data		= &nf_vpn_l2tp_base.mark,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= nf_vpn_l2tp_set_mark,
	}, {
		.procname	= "l2tp_port_1701",
		.data		= &nf_vpn_l2tp_base.port_1701,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	}, {
		.procname	= "l2tp_without_control",
		.data		= &nf_vpn_l2tp_base.without_control,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

struct nf_vpn_l2tp_net *nf_vpn_l2tp_pernet(const struct net *net)
{
	return net_generic(net, nf_vpn_l2tp_net_id);
}

static int __net_init nf_vpn_l2tp_net_init(struct net *net)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(net);
	int err;

	ln->vn = nf_vpn_pernet(net);
	/* As stock conntrack's generic timeout. */
	ln->timeout[0] = 600 * HZ;
	/* Static sessions have no HELLO, they may be idle for long. */
	ln->timeout[1] = 3600 * HZ;
	/* As stock conntrack until a server answers. */
	ln->udp_timeout[0] = 30 * HZ;
	/* HELLO is due after 60 seconds (RFC 3931 4.4), but may be set to more. */
	ln->udp_timeout[1] = 600 * HZ;
	/* RFC 3931 3.3.2: a full cycle of repetitions takes 31 seconds at least. */
	ln->grace = 31 * HZ;
	err = nf_vpn_l2tp_pair_net_init(ln);
	if (err)
		return err;
	nf_vpn_l2tp_hook_net_init(ln);
	ln->ctl = nf_vpn_sysctl_register(net, nf_vpn_l2tp_sysctls,
					 ARRAY_SIZE(nf_vpn_l2tp_sysctls),
					 &nf_vpn_l2tp_base, ln);
	if (ln->ctl)
		return 0;
	nf_vpn_l2tp_pair_net_exit(ln);
	return -ENOMEM;
}

/* The core's exit comes after ours, finds nothing left and waits for RCU. */
static void __net_exit nf_vpn_l2tp_net_exit(struct net *net)
{
	struct nf_vpn_l2tp_net *ln = nf_vpn_l2tp_pernet(net);

	nf_vpn_sysctl_unregister(ln->ctl);
	nf_vpn_l2tp_hook_net_exit(ln);
	nf_vpn_l2tp_pair_net_exit(ln);
}

static struct pernet_operations nf_vpn_l2tp_net_ops = {
	.init	= nf_vpn_l2tp_net_init,
	.exit	= nf_vpn_l2tp_net_exit,
	.id	= &nf_vpn_l2tp_net_id,
	.size	= sizeof(struct nf_vpn_l2tp_net),
};

static int __init nf_vpn_l2tp_init(void)
{
	int err;

	err = register_pernet_subsys(&nf_vpn_l2tp_net_ops);
	if (err)
		return err;
	err = nf_vpn_proto_register(&nf_vpn_l2tp_proto);
	if (err)
		goto unregister_pernet;
	err = nf_vpn_proto_register(&nf_vpn_l2tp_udp_proto);
	if (err)
		goto unregister_proto;
	err = nf_vpn_l2tp_helper_init();
	if (err)
		goto unregister_udp;
	return 0;

unregister_udp:
	nf_vpn_proto_unregister(&nf_vpn_l2tp_udp_proto);
unregister_proto:
	nf_vpn_proto_unregister(&nf_vpn_l2tp_proto);
unregister_pernet:
	unregister_pernet_subsys(&nf_vpn_l2tp_net_ops);
	rcu_barrier();
	return err;
}

static void __exit nf_vpn_l2tp_exit(void)
{
	nf_vpn_l2tp_helper_exit();
	nf_vpn_proto_unregister(&nf_vpn_l2tp_udp_proto);
	nf_vpn_proto_unregister(&nf_vpn_l2tp_proto);
	unregister_pernet_subsys(&nf_vpn_l2tp_net_ops);
	rcu_barrier();
}

module_init(nf_vpn_l2tp_init);
module_exit(nf_vpn_l2tp_exit);

MODULE_DESCRIPTION("VPN passthrough: L2TP (helper \"vpn-l2tp\")");
MODULE_AUTHOR("The nf_vpn_passthrough authors");
MODULE_VERSION(NF_VPN_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("nf_vpn_passthrough");
MODULE_ALIAS_NFCT_HELPER("vpn-l2tp");
/* the names firewalld makes of the helper's */
MODULE_ALIAS("nf_conntrack_vpn_l2tp");
MODULE_ALIAS("nf_nat_vpn_l2tp");
