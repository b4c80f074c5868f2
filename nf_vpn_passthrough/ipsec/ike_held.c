// SPDX-License-Identifier: GPL-2.0-only
/*
 * IKE messages that wait.  What hands a new inbound SPI to the server goes on
 * only when few other clients of that server have just done so: that keeps apart
 * whom the SPIs belong to.  Nothing is dropped and nothing else waits.
 *
 * A helper runs last in POSTROUTING (NF_IP_PRI_CONNTRACK_CONFIRM), so a message
 * that was held is done with all hooks and goes straight out.
 */
#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/route.h>
#include "ipsec.h"

struct nf_vpn_ike_held {
	struct list_head	list;
	struct sk_buff		*skb;
	struct nf_vpn_pair	*pair;	/* with a reference */
	struct nf_vpn_ike_msg	msg;
	u32			since;
	__be32			by;	/* a client it waits for, or 0 */
};

/* 0, or after how many ms to ask again. */
static u32 nf_vpn_held_ask(struct nf_vpn_ipsec_net *in,
			   const struct nf_vpn_pair *pair,
			   const struct nf_vpn_ike_msg *msg, u32 queued,
			   u32 waited, u32 now)
{
	const struct nf_vpn_group *group = pair->group;

	if (!group || pair->place < 0)
		return 0;
	return nf_vpn_esp_hold(group->member, group->n, pair->place, msg,
			       IP_CT_DIR_ORIGINAL, queued, waited,
			       READ_ONCE(in->rules.hold_ms), now);
}

/* Routed out by IP, not bridged and not for the router itself. */
static bool nf_vpn_held_can(struct sk_buff *skb)
{
	return skb_dst(skb) && skb_rtable(skb)->rt_type == RTN_UNICAST &&
	       skb_dst_force(skb);
}

static void nf_vpn_held_enqueue(struct nf_vpn_ipsec_net *in,
				struct nf_vpn_ike_held *held, u32 after)
{
	refcount_inc(&held->pair->use);
	held->pair->held++;
	held->pair->group->held++;
	list_add_tail(&held->list, &in->held);
	if (!in->held_count++)
		schedule_delayed_work(&in->release, msecs_to_jiffies(after));
	nf_vpn_count(in->vn, NF_VPN_STAT_IKE_HELD);
}

/* The first of those who have just handed an SPI over. */
static __be32 nf_vpn_held_by(const struct nf_vpn_pair *pair, u32 now)
{
	const struct nf_vpn_group *group = pair->group;
	unsigned int i;

	for (i = 0; i < group->n; i++)
		if ((int)i != pair->place &&
		    nf_vpn_esp_is_hot(group->member[i], now))
			return nf_vpn_group_pair(group, i)->end[0].src;
	return 0;
}

static void nf_vpn_held_tell(struct nf_vpn_net *vn,
			     const struct nf_vpn_ike_held *held, u32 now)
{
	const struct nf_vpn_end *back = &held->pair->end[IP_CT_DIR_REPLY];
	struct nf_vpn_key key = { .src = back->src, .dst = back->dst };

	nf_vpn_tell_blocked(vn, held->pair->end[IP_CT_DIR_ORIGINAL].src, &key,
			    held->by, now - held->since);
}

bool nf_vpn_held_take(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
		      struct sk_buff *skb, const struct nf_vpn_ike_msg *msg,
		      u8 dir)
{
	struct nf_vpn_ipsec_net *in = nf_vpn_ipsec_pernet(vn->net);
	struct nf_vpn_ike_held *held;
	u32 now = nf_vpn_esp_now(), after;

	if (dir != IP_CT_DIR_ORIGINAL || !pair->group)
		return false;
	after = nf_vpn_held_ask(in, pair, msg, pair->group->held + 1, 0, now);
	if (!after || !nf_vpn_held_can(skb))
		return false;
	held = in->held_count < NF_VPN_IKE_HELD_MOST ?
		kzalloc(sizeof(*held), GFP_ATOMIC) : NULL;
	if (!held) {
		nf_vpn_count(vn, NF_VPN_STAT_IKE_HELD_FULL);
		return false;
	}
	held->skb = skb;
	held->pair = pair;
	held->msg = *msg;
	held->since = now;
	held->by = nf_vpn_held_by(pair, now);
	nf_vpn_held_enqueue(in, held, after);
	return true;
}

/* Out of the queue, lock held. */
static void nf_vpn_held_dequeue(struct nf_vpn_ipsec_net *in,
				struct nf_vpn_ike_held *held)
{
	in->held_count--;
	held->pair->held--;
	if (held->pair->group)
		held->pair->group->held--;
}

static void nf_vpn_held_pass(struct nf_vpn_ipsec_net *in,
			     struct list_head *pass)
{
	struct nf_vpn_ike_held *held, *tmp;
	u32 now = nf_vpn_esp_now(), queued;

	list_for_each_entry_safe(held, tmp, &in->held, list) {
		queued = held->pair->group ? held->pair->group->held : 0;
		if (nf_vpn_held_ask(in, held->pair, &held->msg, queued,
				    max(now - held->since, 1U), now))
			continue;
		nf_vpn_held_dequeue(in, held);
		nf_vpn_held_tell(in->vn, held, now);
		list_move_tail(&held->list, pass);
		if (held->pair->group)
			nf_vpn_pair_observe(in->vn, held->pair, &held->msg,
					    IP_CT_DIR_ORIGINAL);
	}
}

static void nf_vpn_held_free(struct nf_vpn_ike_held *held)
{
	nf_vpn_pair_put(held->pair);
	kfree(held);
}

static void nf_vpn_held_send(struct net *net, struct list_head *pass)
{
	struct nf_vpn_ike_held *held, *tmp;
	struct sk_buff *skb;

	local_bh_disable();
	rcu_read_lock();
	list_for_each_entry_safe(held, tmp, pass, list) {
		skb = held->skb;
		/* It has been through POSTROUTING. */
		IPCB(skb)->flags |= IPSKB_REROUTED;
		dst_output(net, skb->sk, skb);
		nf_vpn_held_free(held);
	}
	rcu_read_unlock();
	local_bh_enable();
}

static void nf_vpn_held_work(struct work_struct *work)
{
	struct nf_vpn_ipsec_net *in =
		container_of(to_delayed_work(work), struct nf_vpn_ipsec_net,
			     release);
	LIST_HEAD(pass);

	rcu_read_lock();
	spin_lock_bh(&in->vn->lock);
	nf_vpn_held_pass(in, &pass);
	if (in->held_count)
		schedule_delayed_work(&in->release,
				      msecs_to_jiffies(NF_VPN_ESP_HOLD_TICK_MS));
	spin_unlock_bh(&in->vn->lock);
	rcu_read_unlock();
	nf_vpn_held_send(in->vn->net, &pass);
}

void nf_vpn_held_net_init(struct nf_vpn_ipsec_net *in)
{
	INIT_LIST_HEAD(&in->held);
	INIT_DELAYED_WORK(&in->release, nf_vpn_held_work);
}

/* Nothing is queued any more; the devices may be gone. */
void nf_vpn_held_net_exit(struct nf_vpn_ipsec_net *in)
{
	struct nf_vpn_ike_held *held, *tmp;

	cancel_delayed_work_sync(&in->release);
	list_for_each_entry_safe(held, tmp, &in->held, list) {
		nf_vpn_held_dequeue(in, held);
		kfree_skb(held->skb);
		nf_vpn_held_free(held);
	}
}
