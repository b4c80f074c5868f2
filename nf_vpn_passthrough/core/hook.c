// SPDX-License-Identifier: GPL-2.0-only
/*
 * The path of a packet: key -> flow -> attach, then stock NAT and filter.
 *
 * We run just before conntrack, after defragmentation and the raw table, so a
 * zone the admin set there is part of the key.  nf_conntrack_in() leaves a
 * packet alone that has its entry already.
 */
#include <linux/ip.h>
#include <linux/l2tp.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rwsem.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_acct.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "flow.h"
#include "hook.h"
#include "icmp.h"
#include "restore.h"
#include "session.h"

#define NF_VPN_REAP_PERIOD	HZ

/*
 * What a flow writes, its own time and the timeout of its entry, it writes so often:
 * processors that share the work do not take a line from each other with each packet.
 */
#define NF_VPN_USED_LAG		(HZ / 8)

/* By protocol number; behind them ports of UDP that clients may share. */
#define NF_VPN_PORTS		2

static const struct nf_vpn_proto __rcu *nf_vpn_protos[U8_MAX + 1 + NF_VPN_PORTS];
/* Written to change the table; read while ->reap() and ->gone() may run. */
static DECLARE_RWSEM(nf_vpn_protos_sem);

static const struct nf_vpn_proto *
nf_vpn_proto_of_port(const struct sk_buff *skb, unsigned int off)
{
	const struct nf_vpn_proto *proto;
	__be16 _port[2], *port;
	unsigned int i;

	port = skb_header_pointer(skb, off, sizeof(_port), _port);
	if (!port || port[0] != port[1])
		return NULL;
	for (i = U8_MAX + 1; i < ARRAY_SIZE(nf_vpn_protos); i++) {
		proto = rcu_dereference(nf_vpn_protos[i]);
		if (proto && port[0] == htons(proto->port))
			return proto;
	}
	return NULL;
}

const struct nf_vpn_proto *nf_vpn_proto_find(const struct nf_vpn_net *vn,
					     const struct sk_buff *skb,
					     u8 l4proto, unsigned int off)
{
	if (l4proto != IPPROTO_UDP)
		return rcu_dereference(nf_vpn_protos[l4proto]);
	/* As long as nobody shares one, UDP pays this much. */
	return READ_ONCE(vn->port_flows) ? nf_vpn_proto_of_port(skb, off) : NULL;
}

/* That of a template, which a rule set. */
static noinline u16 nf_vpn_zone_of(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	struct nf_conntrack_zone tmp;

	return nf_ct_zone_tmpl(nf_ct_get(skb, &info), skb, &tmp)->id;
}

static __always_inline int
nf_vpn_read_key(const struct nf_vpn_proto *proto, const struct sk_buff *skb,
		const struct iphdr *iph, unsigned int off,
		struct nf_vpn_key *key)
{
	key->src = iph->saddr;
	key->dst = iph->daddr;
	key->id = 0;
	key->zone = unlikely(skb_get_nfct(skb)) ? nf_vpn_zone_of(skb) :
						  NF_CT_DEFAULT_ZONE_ID;
	key->l4proto = proto->l4proto;
	key->space = 0;
	return proto->key(skb, off, key);
}

int nf_vpn_key_of(const struct nf_vpn_proto *proto, const struct sk_buff *skb,
		  const struct iphdr *iph, unsigned int off,
		  struct nf_vpn_key *key)
{
	return nf_vpn_read_key(proto, skb, iph, off, key);
}

/* As resolve_normal_ct() finds the state of a packet. */
static enum ip_conntrack_info nf_vpn_ctinfo(const struct nf_conn *ct, u8 dir)
{
	unsigned long status = READ_ONCE(ct->status);

	if (dir == IP_CT_DIR_REPLY)
		return IP_CT_ESTABLISHED_REPLY;
	if (status & IPS_SEEN_REPLY)
		return IP_CT_ESTABLISHED;
	return status & IPS_EXPECTED ? IP_CT_RELATED : IP_CT_NEW;
}

static void nf_vpn_mark_reply(struct nf_conn *ct)
{
	if (test_bit(IPS_SEEN_REPLY_BIT, &ct->status))
		return;
	if (!test_and_set_bit(IPS_SEEN_REPLY_BIT, &ct->status))
		nf_conntrack_event_cache(IPCT_REPLY, ct);
}

/* Seen both ways: not the first to go when the table is full. */
static void nf_vpn_mark_assured(struct nf_conn *ct)
{
	if (!test_bit(IPS_SEEN_REPLY_BIT, &ct->status) ||
	    test_bit(IPS_ASSURED_BIT, &ct->status))
		return;
	if (!test_and_set_bit(IPS_ASSURED_BIT, &ct->status))
		nf_conntrack_event_cache(IPCT_ASSURED, ct);
}

/* What the tracker would have done for the packet. */
static void nf_vpn_track(struct sk_buff *skb, struct nf_conn *ct,
			 enum ip_conntrack_info info,
			 const struct nf_vpn_lane *lane)
{
	bool replied;

	if (info == IP_CT_ESTABLISHED_REPLY)
		nf_vpn_mark_reply(ct);
	else
		nf_vpn_mark_assured(ct);
	replied = test_bit(IPS_SEEN_REPLY_BIT, &ct->status);
	nf_ct_refresh_acct(ct, info, skb, READ_ONCE(lane->timeout[replied]));
}

/*
 * nf_nat may be able to do this as well, and then finds it done; it is not when
 * the kernel has no GRE tracker.
 */
static bool nf_vpn_rewrite(struct sk_buff *skb, unsigned int off,
			   const struct nf_vpn_flow *flow)
{
	const struct nf_vpn_proto *proto = flow->lane->proto;

	if (likely(flow->key[0].id == flow->key[1].id))
		return true;
	return proto->rewrite(skb, off, flow->key[1].id);
}

static noinline void nf_vpn_join(struct sk_buff *skb, struct nf_conn *ct,
				 const struct nf_vpn_lane *lane, u8 dir)
{
	enum ip_conntrack_info info = nf_vpn_ctinfo(ct, dir);

	nf_vpn_set_ct(skb, ct, info);
	nf_vpn_track(skb, ct, info, lane);
}

/*
 * The same for an entry that was seen both ways: nearly every packet.  @lately: the
 * time was set a moment ago.
 */
static __always_inline void
nf_vpn_join_again(struct sk_buff *skb, struct nf_conn *ct,
		  const struct nf_vpn_flow *flow, bool lately)
{
	enum ip_conntrack_info info = IP_CT_ESTABLISHED;

	if (flow->dir == IP_CT_DIR_REPLY)
		info = IP_CT_ESTABLISHED_REPLY;
	nf_vpn_set_ct(skb, ct, info);
	if (unlikely(!lately))
		nf_ct_refresh_acct(ct, info, skb,
				   READ_ONCE(flow->lane->timeout[1]));
	else if (nf_conn_acct_find(ct))
		nf_ct_acct_update(ct, flow->dir, skb->len);
}

bool nf_vpn_lane_attach(struct sk_buff *skb, const struct nf_vpn_lane *lane,
			u8 dir)
{
	struct nf_conn *ct = rcu_dereference(lane->ct);

	if (!nf_vpn_ct_alive(ct))
		return false;
	nf_vpn_join(skb, ct, lane, dir);
	nf_vpn_count(lane->vn, NF_VPN_STAT_ATTACHED);
	return true;
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_attach);

bool nf_vpn_lane_lend(struct sk_buff *skb, const struct nf_vpn_lane *lane)
{
	struct nf_conn *ct = rcu_dereference(lane->ct);

	if (!nf_vpn_ct_alive(ct))
		return false;
	nf_vpn_set_ct(skb, ct, IP_CT_ESTABLISHED_REPLY);
	return true;
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_lend);

static __always_inline bool nf_vpn_attach(struct sk_buff *skb,
					  unsigned int off,
					  struct nf_vpn_flow *flow)
{
	bool lately = time_before(jiffies, READ_ONCE(flow->used) +
					   NF_VPN_USED_LAG);
	struct nf_conn *ct;

	ct = rcu_dereference(flow->lane->ct);
	if (!nf_vpn_ct_alive(ct) || !nf_vpn_rewrite(skb, off, flow))
		return false;
	if (likely(!(~READ_ONCE(ct->status) & (IPS_SEEN_REPLY | IPS_ASSURED))))
		nf_vpn_join_again(skb, ct, flow, lately);
	else
		nf_vpn_join(skb, ct, flow->lane, flow->dir);
	if (unlikely(!lately))
		WRITE_ONCE(flow->used, jiffies);
	return true;
}

static unsigned int nf_vpn_hook(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state);

/* A copy goes on where its original does: with the hook after this one. */
static void nf_vpn_resume(struct sk_buff *skb, struct nf_hook_state state)
{
	const struct nf_hook_entries *e;
	unsigned int i = 0;

	e = rcu_dereference(state.net->nf.hooks_ipv4[state.hook]);
	while (e && i < e->num_hook_entries && e->hooks[i].hook != nf_vpn_hook)
		i++;
	/* Just unregistered: conntrack is not to be skipped. */
	if (!e || i == e->num_hook_entries) {
		kfree_skb(skb);
		return;
	}
	if (nf_hook_slow(skb, &state, e, i + 1) == 1)
		state.okfn(state.net, state.sk, skb);
}

static noinline unsigned int nf_vpn_weigh(struct nf_vpn_net *vn,
					  const struct nf_vpn_proto *proto,
					  struct sk_buff *skb, unsigned int off,
					  const struct nf_vpn_key *key,
					  struct nf_vpn_flow *flow,
					  const struct nf_hook_state *state)
{
	struct sk_buff_head copies;
	unsigned int verdict;
	struct sk_buff *copy;

	__skb_queue_head_init(&copies);
	verdict = proto->weigh(vn, skb, off, key, flow, &copies);
	while ((copy = __skb_dequeue(&copies)))
		nf_vpn_resume(copy, *state);
	return verdict;
}

static noinline unsigned int nf_vpn_miss(struct nf_vpn_net *vn,
					 const struct nf_vpn_proto *proto,
					 struct sk_buff *skb, unsigned int off,
					 const struct nf_vpn_key *key,
					 struct nf_vpn_flow *flow)
{
	unsigned int verdict;

	if (flow && rcu_access_pointer(flow->lane->ct))
		nf_vpn_count(vn, NF_VPN_STAT_STALE);
	verdict = proto->miss(vn, skb, off, key, &flow);
	if (verdict == NF_ACCEPT && flow && nf_vpn_attach(skb, off, flow))
		nf_vpn_count(vn, NF_VPN_STAT_ATTACHED);
	return verdict;
}

static unsigned int nf_vpn_steer(struct nf_vpn_net *vn,
				 const struct nf_vpn_proto *proto,
				 struct sk_buff *skb, unsigned int off,
				 const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct nf_vpn_flow *flow;
	struct nf_vpn_key key;
	int why;

	/* Seen before (loopback), or NOTRACK: the admin's word. */
	if (nf_vpn_tracked(skb))
		return NF_ACCEPT;
	why = unlikely(ip_is_fragment(iph)) ? NF_VPN_STAT_FRAGMENT :
		nf_vpn_read_key(proto, skb, iph, off, &key);
	if (unlikely(why)) {
		nf_vpn_count(vn, why);
		return NF_ACCEPT;
	}

	flow = nf_vpn_flow_lookup(vn, &key);
	if (likely(flow && !READ_ONCE(flow->watched)) &&
	    nf_vpn_attach(skb, off, flow)) {
		nf_vpn_count(vn, NF_VPN_STAT_ATTACHED);
		return NF_ACCEPT;
	}
	if (proto->weigh)
		return nf_vpn_weigh(vn, proto, skb, off, &key, flow, state);
	return nf_vpn_miss(vn, proto, skb, off, &key, flow);
}

/* Not in nf_vpn_hook(), where it would cost everybody a stack frame. */
static noinline unsigned int nf_vpn_look(struct nf_vpn_net *vn,
					 struct sk_buff *skb, u8 l4proto,
					 const struct nf_hook_state *state)
{
	unsigned int off = skb_network_offset(skb) + ip_hdrlen(skb);
	const struct nf_vpn_proto *proto;

	proto = nf_vpn_proto_find(vn, skb, l4proto, off);
	if (likely(proto))
		return nf_vpn_steer(vn, proto, skb, off, state);
	if (l4proto == IPPROTO_ICMP)
		return nf_vpn_icmp(vn, skb, state);
	return NF_ACCEPT;
}

static unsigned int nf_vpn_hook(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	u8 l4proto = ip_hdr(skb)->protocol;
	struct nf_vpn_net *vn = priv;

	/* Nearly all there is, and none of ours: no more than this for it. */
	if (l4proto == IPPROTO_TCP ||
	    (l4proto == IPPROTO_UDP && likely(!READ_ONCE(vn->port_flows))))
		return NF_ACCEPT;
	return nf_vpn_look(vn, skb, l4proto, state);
}

/* The place of @proto: where it is, or would be.  NULL: taken. */
static const struct nf_vpn_proto __rcu **
nf_vpn_proto_place(const struct nf_vpn_proto *proto,
		   const struct nf_vpn_proto *now)
{
	unsigned int i = proto->port ? U8_MAX + 1 : proto->l4proto;
	unsigned int last = proto->port ? ARRAY_SIZE(nf_vpn_protos) - 1 : i;

	for (; i <= last; i++)
		if (rcu_access_pointer(nf_vpn_protos[i]) == now)
			return &nf_vpn_protos[i];
	return NULL;
}

int nf_vpn_proto_register(const struct nf_vpn_proto *proto)
{
	const struct nf_vpn_proto __rcu **place;

	down_write(&nf_vpn_protos_sem);
	place = nf_vpn_proto_place(proto, NULL);
	if (place)
		rcu_assign_pointer(*place, proto);
	up_write(&nf_vpn_protos_sem);
	return place ? 0 : -EBUSY;
}
EXPORT_SYMBOL_GPL(nf_vpn_proto_register);

void nf_vpn_proto_unregister(const struct nf_vpn_proto *proto)
{
	const struct nf_vpn_proto __rcu **place;

	down_write(&nf_vpn_protos_sem);
	place = nf_vpn_proto_place(proto, proto);
	if (!WARN_ON_ONCE(!place))
		RCU_INIT_POINTER(*place, NULL);
	up_write(&nf_vpn_protos_sem);
	synchronize_net();
}
EXPORT_SYMBOL_GPL(nf_vpn_proto_unregister);

void nf_vpn_net_flush(struct nf_vpn_net *vn, const struct nf_vpn_proto *proto)
{
	/* The reaper moves lanes about in the list. */
	down_write(&nf_vpn_protos_sem);
	nf_vpn_flow_flush(vn, proto);
	up_write(&nf_vpn_protos_sem);
}
EXPORT_SYMBOL_GPL(nf_vpn_net_flush);

unsigned int nf_vpn_net_end(struct nf_vpn_net *vn,
			    const struct nf_vpn_session_filter *filter,
			    bool control)
{
	unsigned long id = filter->id;
	unsigned int n = 0;
	bool found;

	/* One at a time: the reapers of all namespaces wait meanwhile. */
	do {
		down_write(&nf_vpn_protos_sem);
		found = nf_vpn_flow_end(vn, &id, filter, control);
		up_write(&nf_vpn_protos_sem);
		n += found;
		cond_resched();
	} while (found && !filter->id);
	return n;
}

/* Who restores it: of L2TP one is registered, for both ways to carry it. */
static u8 nf_vpn_l4proto(u32 protocol)
{
	static const u8 l4proto[NF_VPN_PROTOCOL_MAX + 1] = {
		[NF_VPN_PROTOCOL_PPTP]		= IPPROTO_GRE,
		[NF_VPN_PROTOCOL_ESP]		= IPPROTO_ESP,
		[NF_VPN_PROTOCOL_L2TP_IP]	= IPPROTO_L2TP,
		[NF_VPN_PROTOCOL_L2TP_UDP]	= IPPROTO_L2TP,
		[NF_VPN_PROTOCOL_IKE]		= IPPROTO_ESP,
		[NF_VPN_PROTOCOL_NATT]		= IPPROTO_ESP,
	};

	return l4proto[protocol];
}

enum nf_vpn_refusal nf_vpn_net_restore(struct nf_vpn_net *vn,
				       const struct nf_vpn_saved *saved)
{
	enum nf_vpn_refusal why = NF_VPN_REFUSED_ABSENT;
	const struct nf_vpn_proto *proto;

	nf_vpn_enable(vn);
	flush_work(&vn->enable);
	/* Who is registered stays meanwhile. */
	down_read(&nf_vpn_protos_sem);
	proto = rcu_dereference_protected(nf_vpn_protos[nf_vpn_l4proto(saved->protocol)],
					  true);
	if (proto && proto->restore)
		why = nf_vpn_restore_helped(proto, saved) ?
			proto->restore(vn, saved) : NF_VPN_REFUSED_HELPER;
	up_read(&nf_vpn_protos_sem);
	return why;
}

static void nf_vpn_reap_work(struct work_struct *work)
{
	struct nf_vpn_net *vn = container_of(to_delayed_work(work),
					     struct nf_vpn_net, reap);
	const struct nf_vpn_proto *proto;
	unsigned int i;

	down_read(&nf_vpn_protos_sem);
	for (i = 0; i < ARRAY_SIZE(nf_vpn_protos); i++) {
		proto = rcu_dereference_protected(nf_vpn_protos[i], true);
		if (proto && proto->reap)
			proto->reap(vn);
	}
	nf_vpn_flow_reap(vn);
	up_read(&nf_vpn_protos_sem);
	schedule_delayed_work(&vn->reap, NF_VPN_REAP_PERIOD);
}

static void nf_vpn_enable_work(struct work_struct *work)
{
	struct nf_vpn_net *vn = container_of(work, struct nf_vpn_net, enable);

	if (nf_register_net_hooks(vn->net, vn->ops, ARRAY_SIZE(vn->ops))) {
		/* No memory: the next packet of a helped flow asks again. */
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		atomic_set(&vn->hooked, NF_VPN_HOOKS_OFF);
		return;
	}
	atomic_set(&vn->hooked, NF_VPN_HOOKS_ON);
	schedule_delayed_work(&vn->reap, NF_VPN_REAP_PERIOD);
}

void nf_vpn_enable_hooks(struct nf_vpn_net *vn)
{
	if (READ_ONCE(vn->dead))
		return;
	if (atomic_cmpxchg(&vn->hooked, NF_VPN_HOOKS_OFF,
			   NF_VPN_HOOKS_ASKED) == NF_VPN_HOOKS_OFF)
		schedule_work(&vn->enable);
}
EXPORT_SYMBOL_GPL(nf_vpn_enable_hooks);

static void nf_vpn_hook_ops(struct nf_hook_ops *ops, unsigned int hooknum,
			    struct nf_vpn_net *vn)
{
	ops->hook = nf_vpn_hook;
	ops->pf = NFPROTO_IPV4;
	ops->hooknum = hooknum;
	ops->priority = NF_IP_PRI_CONNTRACK - 1;
	ops->priv = vn;
}

void nf_vpn_hook_net_init(struct nf_vpn_net *vn)
{
	nf_vpn_hook_ops(&vn->ops[0], NF_INET_PRE_ROUTING, vn);
	nf_vpn_hook_ops(&vn->ops[1], NF_INET_LOCAL_OUT, vn);
	INIT_WORK(&vn->enable, nf_vpn_enable_work);
	INIT_DELAYED_WORK(&vn->reap, nf_vpn_reap_work);
}

void nf_vpn_hook_net_exit(struct nf_vpn_net *vn)
{
	cancel_work_sync(&vn->enable);
	cancel_delayed_work_sync(&vn->reap);
	if (atomic_read(&vn->hooked) == NF_VPN_HOOKS_ON)
		nf_unregister_net_hooks(vn->net, vn->ops, ARRAY_SIZE(vn->ops));
}
