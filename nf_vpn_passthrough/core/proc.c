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

/*
 * Where a reader is: the id of a session, and how many of its flows were shown.  Found
 * again by the id: a list of 100,000 is read a page at a time.
 */
#define NF_VPN_FLOWS_SHIFT	24

static struct nf_vpn_flow *nf_vpn_flows_nth(struct nf_vpn_lane *lane,
					    unsigned int n)
{
	struct nf_vpn_flow *flow, *found = NULL;

	spin_lock_bh(&lane->vn->lock);
	list_for_each_entry(flow, &lane->flows, list) {
		if (n--)
			continue;
		found = flow;
		break;
	}
	spin_unlock_bh(&lane->vn->lock);
	return found;
}

/* The first one from @pos on. */
static struct nf_vpn_flow *nf_vpn_flows_from(struct nf_vpn_net *vn, loff_t *pos)
{
	unsigned int n = *pos & (BIT(NF_VPN_FLOWS_SHIFT) - 1);
	unsigned long id = *pos >> NF_VPN_FLOWS_SHIFT;
	struct nf_vpn_flow *flow;
	unsigned long from = id;
	struct nf_vpn_lane *lane;

	lane = xa_find(&vn->sessions, &id, U32_MAX, XA_PRESENT);
	for (; lane; lane = xa_find_after(&vn->sessions, &id, U32_MAX,
					  XA_PRESENT)) {
		if (id != from)
			n = 0;
		flow = nf_vpn_flows_nth(lane, n);
		*pos = (loff_t)id << NF_VPN_FLOWS_SHIFT | n;
		if (flow)
			return flow;
	}
	return NULL;
}

static void *nf_vpn_flows_start(struct seq_file *s, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return nf_vpn_flows_from(nf_vpn_pernet(seq_file_net(s)), pos);
}

static void *nf_vpn_flows_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	return nf_vpn_flows_from(nf_vpn_pernet(seq_file_net(s)), pos);
}

static void nf_vpn_flows_stop(struct seq_file *s, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
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
			    sizeof(struct seq_net_private)))
		return 0;
	nf_vpn_proc_net_exit(vn);
	return -ENOMEM;
}

void nf_vpn_proc_net_exit(struct nf_vpn_net *vn)
{
	remove_proc_subtree("nf_vpn", vn->net->proc_net);
}
