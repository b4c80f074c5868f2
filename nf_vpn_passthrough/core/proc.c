// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/nf_vpn/stats: one reason and number a line, all of them.
 * /proc/net/nf_vpn/flows: one flow a line.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "proc.h"
#include "stats.h"

static int nf_vpn_stats_show(struct seq_file *s, void *v)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(seq_file_single_net(s));
	unsigned int i;

	for (i = NF_VPN_STAT_NONE + 1; i < NF_VPN_STAT_MAX; i++)
		seq_printf(s, "%s\t%llu\t%s\n", nf_vpn_stat_text(i)->name,
			   nf_vpn_stat_sum(vn, i),
			   nf_vpn_stat_text(i)->meaning);
	return 0;
}

struct nf_vpn_flows_iter {
	struct seq_net_private	p;
	struct rhashtable_iter	walk;
};

/* A table that is being resized gives -EAGAIN: go on, it starts over. */
static struct nf_vpn_flow *nf_vpn_flows_step(struct nf_vpn_flows_iter *iter)
{
	struct nf_vpn_flow *flow;

	do {
		flow = rhashtable_walk_next(&iter->walk);
	} while (flow == ERR_PTR(-EAGAIN));
	return flow;
}

static void *nf_vpn_flows_start(struct seq_file *s, loff_t *pos)
	__acquires(RCU)
{
	struct nf_vpn_flows_iter *iter = s->private;
	struct nf_vpn_flow *flow;
	loff_t i = *pos;

	rhashtable_walk_enter(&nf_vpn_pernet(seq_file_net(s))->arrivals,
			      &iter->walk);
	rhashtable_walk_start(&iter->walk);
	do {
		flow = nf_vpn_flows_step(iter);
	} while (flow && i--);
	return flow;
}

static void *nf_vpn_flows_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	return nf_vpn_flows_step(s->private);
}

static void nf_vpn_flows_stop(struct seq_file *s, void *v)
	__releases(RCU)
{
	struct nf_vpn_flows_iter *iter = s->private;

	rhashtable_walk_stop(&iter->walk);
	rhashtable_walk_exit(&iter->walk);
}

static int nf_vpn_flows_show(struct seq_file *s, void *v)
{
	const struct nf_vpn_flow *flow = v;
	const struct nf_vpn_lane *lane = flow->lane;
	const struct nf_conn *ct = rcu_dereference(lane->ct);

	seq_printf(s, "%s %s client=%pI4 src=%pI4 dst=%pI4 id=0x%x ->",
		   lane->proto->name, flow->dir ? "reply" : "original",
		   &lane->client, &flow->key[0].src, &flow->key[0].dst,
		   ntohl(flow->key[0].id));
	seq_printf(s, " src=%pI4 dst=%pI4 id=0x%x", &flow->key[1].src,
		   &flow->key[1].dst, ntohl(flow->key[1].id));
	if (ct)
		seq_printf(s, " zone=%u", nf_ct_zone(ct)->id);
	seq_printf(s, " %s idle=%u", lane->closing ? "closing" :
		   ct ? "up" : "pending",
		   jiffies_to_msecs(jiffies - READ_ONCE(flow->used)) / 1000);
	if (lane->proto->show)
		lane->proto->show(s, flow);
	seq_putc(s, '\n');
	return 0;
}

static const struct seq_operations nf_vpn_flows_ops = {
	.start	= nf_vpn_flows_start,
	.next	= nf_vpn_flows_next,
	.stop	= nf_vpn_flows_stop,
	.show	= nf_vpn_flows_show,
};

int nf_vpn_proc_net_init(struct nf_vpn_net *vn)
{
	struct proc_dir_entry *dir;

	dir = proc_net_mkdir(vn->net, "nf_vpn", vn->net->proc_net);
	if (!dir)
		return -ENOMEM;
	if (proc_create_net_single("stats", 0444, dir, nf_vpn_stats_show,
				   NULL) &&
	    proc_create_net("flows", 0440, dir, &nf_vpn_flows_ops,
			    sizeof(struct nf_vpn_flows_iter)))
		return 0;
	nf_vpn_proc_net_exit(vn);
	return -ENOMEM;
}

void nf_vpn_proc_net_exit(struct nf_vpn_net *vn)
{
	remove_proc_subtree("nf_vpn", vn->net->proc_net);
}
