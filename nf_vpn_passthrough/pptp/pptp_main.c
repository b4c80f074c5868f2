// SPDX-License-Identifier: GPL-2.0-only
/*
 * nf_vpn_pptp: the helper "vpn-pptp".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netns/generic.h>
#include "pptp.h"

static unsigned int nf_vpn_pptp_net_id __read_mostly;

/* Only the addresses in it count. */
static struct nf_vpn_pptp_net nf_vpn_pptp_base;
static int nf_vpn_pptp_most_calls = U16_MAX;
static int nf_vpn_pptp_last_id = NF_VPN_PPTP_NO_CALL - 1;

static const struct ctl_table nf_vpn_pptp_sysctls[] = {
	{
		.procname	= "pptp_timeout",
		.data		= &nf_vpn_pptp_base.timeout[0],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "pptp_timeout_stream",
		.data		= &nf_vpn_pptp_base.timeout[1],
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "pptp_grace",
		.data		= &nf_vpn_pptp_base.grace,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "pptp_quiet",
		.data		= &nf_vpn_pptp_base.quiet,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "pptp_pending",
		.data		= &nf_vpn_pptp_base.pending,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_jiffies,
	}, {
		.procname	= "pptp_max_calls",
		.data		= &nf_vpn_pptp_base.max_calls,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &nf_vpn_pptp_most_calls,
	}, {
		.procname	= "pptp_id_min",
		.data		= &nf_vpn_pptp_base.id_min,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nf_vpn_pptp_last_id,
	}, {
		.procname	= "pptp_id_max",
		.data		= &nf_vpn_pptp_base.id_max,
		.maxlen		= sizeof(unsigned int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &nf_vpn_pptp_last_id,
	},
};

struct nf_vpn_pptp_net *nf_vpn_pptp_pernet(const struct net *net)
{
	return net_generic(net, nf_vpn_pptp_net_id);
}

static int __net_init nf_vpn_pptp_net_init(struct net *net)
{
	struct nf_vpn_pptp_net *pn = nf_vpn_pptp_pernet(net);
	int err;

	/* What the in-tree helper meant to use, and never did. */
	pn->timeout[0] = 10 * 60 * HZ;
	pn->timeout[1] = 5 * 60 * 60 * HZ;
	pn->grace = 10 * HZ;
	/*
	 * RFC 2637 3.2.1: setting up a call may take in excess of a minute.  mpd
	 * waits 90 s.
	 */
	pn->pending = 180 * HZ;
	pn->quiet = 30 * HZ;
	pn->max_calls = 1024;
	pn->id_min = 1;
	pn->id_max = NF_VPN_PPTP_NO_CALL - 1;
	err = nf_vpn_pptp_control_net_init(pn);
	if (err)
		return err;
	pn->ctl = nf_vpn_sysctl_register(net, nf_vpn_pptp_sysctls,
					 ARRAY_SIZE(nf_vpn_pptp_sysctls),
					 &nf_vpn_pptp_base, pn);
	if (pn->ctl)
		return 0;
	nf_vpn_pptp_control_net_exit(nf_vpn_pernet(net), pn);
	return -ENOMEM;
}

/* The core's exit comes after ours, finds nothing left and waits for RCU. */
static void __net_exit nf_vpn_pptp_net_exit(struct net *net)
{
	struct nf_vpn_pptp_net *pn = nf_vpn_pptp_pernet(net);

	nf_vpn_sysctl_unregister(pn->ctl);
	nf_vpn_pptp_control_net_exit(nf_vpn_pernet(net), pn);
	nf_vpn_net_flush(nf_vpn_pernet(net), &nf_vpn_pptp_proto);
}

static struct pernet_operations nf_vpn_pptp_net_ops = {
	.init	= nf_vpn_pptp_net_init,
	.exit	= nf_vpn_pptp_net_exit,
	.id	= &nf_vpn_pptp_net_id,
	.size	= sizeof(struct nf_vpn_pptp_net),
};

static int __init nf_vpn_pptp_init(void)
{
	int err;

	err = register_pernet_subsys(&nf_vpn_pptp_net_ops);
	if (err)
		return err;
	err = nf_vpn_proto_register(&nf_vpn_pptp_proto);
	if (err)
		goto unregister_pernet;
	err = nf_vpn_pptp_helper_init();
	if (err)
		goto unregister_proto;
	return 0;

unregister_proto:
	nf_vpn_proto_unregister(&nf_vpn_pptp_proto);
unregister_pernet:
	unregister_pernet_subsys(&nf_vpn_pptp_net_ops);
	rcu_barrier();
	return err;
}

static void __exit nf_vpn_pptp_exit(void)
{
	nf_vpn_pptp_helper_exit();
	nf_vpn_proto_unregister(&nf_vpn_pptp_proto);
	unregister_pernet_subsys(&nf_vpn_pptp_net_ops);
	/* twice: a freed call puts its control connection through RCU again */
	rcu_barrier();
	rcu_barrier();
}

module_init(nf_vpn_pptp_init);
module_exit(nf_vpn_pptp_exit);

MODULE_DESCRIPTION("VPN passthrough: PPTP (helper \"vpn-pptp\")");
MODULE_AUTHOR("The nf_vpn_passthrough authors");
MODULE_VERSION(NF_VPN_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS("nf_vpn_passthrough");
MODULE_ALIAS_NFCT_HELPER("vpn-pptp");
/* the names firewalld makes of the helper's */
MODULE_ALIAS("nf_conntrack_vpn_pptp");
MODULE_ALIAS("nf_nat_vpn_pptp");
