// SPDX-License-Identifier: GPL-2.0-only
/*
 * nf_vpn: the core under nf_vpn_pptp, nf_vpn_ipsec and nf_vpn_l2tp.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "event.h"
#include "flow.h"
#include "hook.h"
#include "limit.h"
#include "netlink.h"
#include "proc.h"
#include "sysctl.h"

static unsigned int nf_vpn_net_id __read_mostly;

struct nf_vpn_net *nf_vpn_pernet(const struct net *net)
{
	return net_generic(net, nf_vpn_net_id);
}
EXPORT_SYMBOL_GPL(nf_vpn_pernet);

static int __net_init nf_vpn_net_init(struct net *net)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(net);
	int err = -ENOMEM;

	vn->net = net;
	vn->stats = alloc_percpu(struct nf_vpn_stats);
	if (!vn->stats)
		return err;
	err = nf_vpn_flow_net_init(vn);
	if (err)
		goto free_stats;
	err = nf_vpn_limit_net_init(vn);
	if (err)
		goto exit_flow;
	err = nf_vpn_sysctl_net_init(vn);
	if (err)
		goto exit_limit;
	err = nf_vpn_proc_net_init(vn);
	if (err)
		goto exit_sysctl;
	nf_vpn_event_net_init(vn);
	nf_vpn_hook_net_init(vn);
	return 0;

exit_sysctl:
	nf_vpn_sysctl_net_exit(vn);
exit_limit:
	nf_vpn_limit_net_exit(vn);
exit_flow:
	nf_vpn_flow_net_exit(vn);
free_stats:
	free_percpu(vn->stats);
	return err;
}

/* From here nothing new is listed; what is there, the protocols' exits end. */
static void __net_exit nf_vpn_net_pre_exit(struct net *net)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(net);

	spin_lock_bh(&vn->lock);
	vn->dead = true;
	spin_unlock_bh(&vn->lock);
}

/*
 * Runs before conntrack's own exit, which waits for the last reference on any
 * entry: ours are put from RCU callbacks, so wait for those here.
 */
static void __net_exit nf_vpn_net_exit(struct net *net)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(net);

	nf_vpn_hook_net_exit(vn);
	nf_vpn_proc_net_exit(vn);
	nf_vpn_sysctl_net_exit(vn);
	/* twice: a protocol may put one object from the callback of another */
	rcu_barrier();
	rcu_barrier();
	nf_vpn_event_net_exit(vn);
	nf_vpn_limit_net_exit(vn);
	nf_vpn_flow_net_exit(vn);
	free_percpu(vn->stats);
}

static struct pernet_operations nf_vpn_net_ops = {
	.init		= nf_vpn_net_init,
	.pre_exit	= nf_vpn_net_pre_exit,
	.exit		= nf_vpn_net_exit,
	.id		= &nf_vpn_net_id,
	.size		= sizeof(struct nf_vpn_net),
};

static int __init nf_vpn_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct nf_vpn_key) != 4 * sizeof(u32));

	err = register_pernet_subsys(&nf_vpn_net_ops);
	if (err)
		return err;
	err = nf_vpn_netlink_init();
	if (err)
		unregister_pernet_subsys(&nf_vpn_net_ops);
	return err;
}

static void __exit nf_vpn_exit(void)
{
	nf_vpn_netlink_exit();
	unregister_pernet_subsys(&nf_vpn_net_ops);
	rcu_barrier();
}

module_init(nf_vpn_init);
module_exit(nf_vpn_exit);

MODULE_DESCRIPTION("VPN passthrough: core (flows, zones, counters)");
MODULE_AUTHOR("The nf_vpn_passthrough authors");
MODULE_VERSION(NF_VPN_VERSION);
MODULE_LICENSE("GPL");
