// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow table and the lanes behind it.
 *
 * References only point one way: table -> flow -> lane -> conntrack.  Nothing
 * in conntrack knows of us, so `conntrack -D`, a flush or a timeout need not
 * tell us; a dying entry is a miss for the packet path, and the reaper drops
 * what it finds dead within a second.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "flow.h"
#include "session.h"

/* Lanes looked at with the lock held: about 20 us under emulation. */
#define NF_VPN_REAP_CHUNK	128
/* Dead lanes taken along from one chunk. */
#define NF_VPN_REAP_BATCH	16

static const struct rhashtable_params nf_vpn_depart_params = {
	.head_offset = offsetof(struct nf_vpn_flow, depart),
	.key_offset = offsetof(struct nf_vpn_flow, key[1]),
	.key_len = sizeof(struct nf_vpn_key),
	.hashfn = nf_vpn_key_hash,
	.automatic_shrinking = true,
};

struct nf_vpn_flow *nf_vpn_flow_find(struct nf_vpn_net *vn,
				     const struct nf_vpn_key *key)
{
	return nf_vpn_flow_lookup(vn, key);
}
EXPORT_SYMBOL_GPL(nf_vpn_flow_find);

struct nf_vpn_flow *nf_vpn_flow_find_departed(struct nf_vpn_net *vn,
					      const struct nf_vpn_key *key)
{
	return rhashtable_lookup(&vn->departures, key, nf_vpn_depart_params);
}

void nf_vpn_lane_init(struct nf_vpn_lane *lane, struct nf_vpn_net *vn,
		      const struct nf_vpn_proto *proto, __be32 client,
		      const unsigned int *timeout)
{
	lane->vn = vn;
	lane->proto = proto;
	lane->client = client;
	lane->timeout = timeout;
	INIT_LIST_HEAD(&lane->list);
	INIT_LIST_HEAD(&lane->flows);
	refcount_set(&lane->use, 1);
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_init);

static void nf_vpn_lane_changed(struct nf_vpn_net *vn, int more)
{
	WRITE_ONCE(vn->lane_count, vn->lane_count + more);
	/* 0 would mean that nobody counts (nl_dump_check_consistent()). */
	WRITE_ONCE(vn->session_seq, vn->session_seq + 1 ?: 1);
}

int nf_vpn_lane_list(struct nf_vpn_lane *lane)
{
	struct nf_vpn_net *vn = lane->vn;

	lockdep_assert_held(&vn->lock);
	if (vn->dead)
		return -ESHUTDOWN;

	if (xa_alloc_cyclic(&vn->sessions, &lane->id, lane, xa_limit_32b,
			    &vn->session_next, GFP_ATOMIC) < 0) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return -ENOMEM;
	}
	list_add_tail(&lane->list, &vn->lanes);
	lane->born = jiffies;
	nf_vpn_lane_changed(vn, 1);
	if (rcu_access_pointer(lane->ct))
		nf_vpn_tell(vn, NF_VPN_EVENT_UP, lane, 0);
	return 0;
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_list);

void nf_vpn_lane_get(struct nf_vpn_lane *lane)
{
	refcount_inc(&lane->use);
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_get);

int nf_vpn_lane_set_ct(struct nf_vpn_lane *lane, struct nf_conn *ct)
{
	lockdep_assert_held(&lane->vn->lock);
	if (!lane->dead) {
		rcu_assign_pointer(lane->ct, ct);
		nf_vpn_tell(lane->vn, NF_VPN_EVENT_UP, lane, 0);
		return 0;
	}
	nf_ct_kill(ct);
	nf_ct_put(ct);
	return -ESHUTDOWN;
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_set_ct);

static void nf_vpn_lane_free_rcu(struct rcu_head *head)
{
	struct nf_vpn_lane *lane = container_of(head, struct nf_vpn_lane, rcu);
	struct nf_conn *ct = rcu_dereference_protected(lane->ct, true);

	if (ct)
		nf_ct_put(ct);
	lane->proto->free(lane);
}

void nf_vpn_lane_put(struct nf_vpn_lane *lane)
{
	if (refcount_dec_and_test(&lane->use))
		call_rcu(&lane->rcu, nf_vpn_lane_free_rcu);
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_put);

/* As long as there is one, the hook looks at UDP. */
static bool nf_vpn_flow_on_port(const struct nf_vpn_flow *flow)
{
	return flow->key[0].l4proto == IPPROTO_UDP &&
	       flow->key[0].space != NF_VPN_SPACE_NOWHERE;
}

int nf_vpn_flow_add(struct nf_vpn_flow *flow, struct nf_vpn_lane *lane, u8 dir,
		    const struct nf_vpn_key *arrive,
		    const struct nf_vpn_key *depart)
{
	struct nf_vpn_net *vn = lane->vn;
	int err;

	lockdep_assert_held(&vn->lock);
	if (atomic_read(&vn->flow_count) >= READ_ONCE(vn->max_flows)) {
		nf_vpn_count(vn, NF_VPN_STAT_FLOW_LIMIT);
		nf_vpn_tell(vn, NF_VPN_EVENT_LIMIT, lane, arrive->id);
		return -ENOSPC;
	}
	err = nf_vpn_client_charge(vn, lane->client);
	if (err)
		return err;

	flow->key[0] = *arrive;
	flow->key[1] = *depart;
	flow->lane = lane;
	flow->dir = dir;
	flow->used = jiffies;
	err = rhashtable_lookup_insert_fast(&vn->arrivals, &flow->arrive,
					    nf_vpn_arrive_params);
	if (err) {
		nf_vpn_client_release(vn, lane->client);
		/* -E2BIG and -EBUSY: the table cannot grow fast enough */
		return err == -EEXIST ? err : -ENOMEM;
	}
	/* Two flows may leave alike: the first answers for ICMP errors. */
	flow->departs = !rhashtable_lookup_insert_fast(&vn->departures,
						       &flow->depart,
						       nf_vpn_depart_params);
	nf_vpn_lane_get(lane);
	list_add_tail(&flow->list, &lane->flows);
	if (nf_vpn_flow_on_port(flow))
		WRITE_ONCE(vn->port_flows, vn->port_flows + 1);
	atomic_inc(&vn->flow_count);
	nf_vpn_count(vn, NF_VPN_STAT_FLOW_NEW);
	return 0;
}
EXPORT_SYMBOL_GPL(nf_vpn_flow_add);

void nf_vpn_flow_del(struct nf_vpn_flow *flow)
{
	struct nf_vpn_lane *lane = flow->lane;
	struct nf_vpn_net *vn = lane->vn;

	lockdep_assert_held(&vn->lock);
	rhashtable_remove_fast(&vn->arrivals, &flow->arrive,
			       nf_vpn_arrive_params);
	if (flow->departs)
		rhashtable_remove_fast(&vn->departures, &flow->depart,
				       nf_vpn_depart_params);
	list_del(&flow->list);
	if (nf_vpn_flow_on_port(flow))
		WRITE_ONCE(vn->port_flows, vn->port_flows - 1);
	atomic_dec(&vn->flow_count);
	nf_vpn_client_release(vn, lane->client);
	nf_vpn_count(vn, NF_VPN_STAT_FLOW_END);
	if (lane->proto->forget)
		lane->proto->forget(flow);
	kfree_rcu(flow, rcu);
	nf_vpn_lane_put(lane);
}
EXPORT_SYMBOL_GPL(nf_vpn_flow_del);

static bool nf_vpn_lane_unlist(struct nf_vpn_lane *lane)
{
	struct nf_vpn_net *vn = lane->vn;
	struct nf_vpn_flow *flow, *tmp;
	bool mine;

	spin_lock_bh(&vn->lock);
	mine = !lane->dead;
	lane->dead = true;
	if (mine) {
		list_for_each_entry_safe(flow, tmp, &lane->flows, list)
			nf_vpn_flow_del(flow);
		list_del_init(&lane->list);
		xa_erase(&vn->sessions, lane->id);
		nf_vpn_lane_changed(vn, -1);
		if (rcu_access_pointer(lane->ct) && !lane->retired)
			nf_vpn_tell(vn, NF_VPN_EVENT_DOWN, lane, 0);
	}
	spin_unlock_bh(&vn->lock);
	return mine;
}

/* @spare: an entry that packets are found by without us. */
static bool nf_vpn_lane_close(struct nf_vpn_lane *lane, bool spare)
{
	struct nf_conn *ct;

	if (!nf_vpn_lane_unlist(lane))
		return false;

	/* The list's reference keeps @ct, and is put last. */
	ct = rcu_dereference_protected(lane->ct, true);
	if (ct && (!spare || nf_vpn_port_shared(lane->vn, ct)))
		nf_ct_kill(ct);
	if (lane->proto->gone)
		lane->proto->gone(lane);
	nf_vpn_lane_put(lane);
	return true;
}

bool nf_vpn_lane_kill(struct nf_vpn_lane *lane)
{
	return nf_vpn_lane_close(lane, false);
}
EXPORT_SYMBOL_GPL(nf_vpn_lane_kill);

static bool nf_vpn_lane_over(const struct nf_vpn_lane *lane)
{
	const struct nf_conn *ct = rcu_dereference_protected(lane->ct, true);

	if ((!ct || READ_ONCE(lane->closing) || lane->retired) &&
	    time_after(jiffies, READ_ONCE(lane->expires)))
		return true;
	return ct && !lane->retired && !nf_vpn_ct_alive(ct);
}

/* Its time has come: end it, or begin its quiet time. */
static void nf_vpn_lane_end(struct nf_vpn_lane *lane)
{
	struct nf_conn *ct = rcu_dereference_protected(lane->ct, true);

	if (!ct || !lane->quiet || lane->retired) {
		nf_vpn_lane_kill(lane);
		return;
	}
	WRITE_ONCE(lane->expires, jiffies + lane->quiet);
	WRITE_ONCE(lane->retired, true);
	nf_vpn_tell(lane->vn, NF_VPN_EVENT_DOWN, lane, 0);
	nf_ct_kill(ct);
}

/*
 * With each packet the tracker of UDP sets its own timeout: somebody sent since we
 * last looked.  Written here, and not for each packet a second time.
 */
static void nf_vpn_lane_prolong(struct nf_vpn_lane *lane)
{
	struct nf_conn *ct = rcu_dereference_protected(lane->ct, true);

	if (!lane->proto->prolongs || !nf_vpn_ct_alive(ct) ||
	    READ_ONCE(ct->timeout) == lane->prolonged)
		return;
	nf_vpn_conn_prolong(ct, READ_ONCE(lane->timeout[1]));
	lane->prolonged = READ_ONCE(ct->timeout);
}

/*
 * Look at one chunk from the head of the list and move it to the tail, so that
 * the next chunk is another one.  @lanes gets a reference on each dead lane.
 */
static unsigned int nf_vpn_reap_chunk(struct nf_vpn_net *vn,
				      const struct nf_vpn_proto *all_of,
				      struct nf_vpn_lane **lanes,
				      unsigned int *seen)
{
	struct nf_vpn_lane *lane;
	unsigned int i, n = 0;

	spin_lock_bh(&vn->lock);
	for (i = 0; i < NF_VPN_REAP_CHUNK && n < NF_VPN_REAP_BATCH; i++) {
		lane = list_first_entry_or_null(&vn->lanes, struct nf_vpn_lane,
						list);
		if (!lane)
			break;
		list_move_tail(&lane->list, &vn->lanes);
		nf_vpn_lane_prolong(lane);
		if (all_of ? lane->proto == all_of : nf_vpn_lane_over(lane)) {
			nf_vpn_lane_get(lane);
			lanes[n++] = lane;
		}
	}
	*seen += max(i, 1U);
	spin_unlock_bh(&vn->lock);
	return n;
}

static void nf_vpn_reap_lanes(struct nf_vpn_net *vn,
			      const struct nf_vpn_proto *all_of)
{
	unsigned int total = READ_ONCE(vn->lane_count), seen = 0;
	struct nf_vpn_lane *lanes[NF_VPN_REAP_BATCH];
	unsigned int n;

	while (seen < total) {
		n = nf_vpn_reap_chunk(vn, all_of, lanes, &seen);
		while (n--) {
			if (all_of)
				nf_vpn_lane_close(lanes[n], all_of->borrows);
			else
				nf_vpn_lane_end(lanes[n]);
			nf_vpn_lane_put(lanes[n]);
		}
		cond_resched();
	}
}

/* The next one that fits, with a reference; NULL: that was all. */
static struct nf_vpn_lane *
nf_vpn_end_next(struct nf_vpn_net *vn, unsigned long *id,
		const struct nf_vpn_session_filter *filter)
{
	struct nf_vpn_lane *lane;

	rcu_read_lock();
	do {
		lane = nf_vpn_session_next(vn, id, filter);
		if (!IS_ERR_OR_NULL(lane) &&
		    !refcount_inc_not_zero(&lane->use)) {
			lane = ERR_PTR(-EAGAIN);
			++*id;
		}
		if (IS_ERR(lane)) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	} while (IS_ERR(lane));
	rcu_read_unlock();
	return lane;
}

/* Its control connection's entry is held by its own. */
static void nf_vpn_end_control(const struct nf_vpn_lane *lane)
{
	const struct nf_conn *ct = rcu_dereference_protected(lane->ct, true);

	if (ct && ct->master)
		nf_ct_kill(ct->master);
}

bool nf_vpn_flow_end(struct nf_vpn_net *vn, unsigned long *id,
		     const struct nf_vpn_session_filter *filter, bool control)
{
	struct nf_vpn_lane *lane = nf_vpn_end_next(vn, id, filter);

	if (!lane)
		return false;
	if (control)
		nf_vpn_end_control(lane);
	nf_vpn_lane_end(lane);
	nf_vpn_lane_put(lane);
	++*id;
	return true;
}

void nf_vpn_flow_reap(struct nf_vpn_net *vn)
{
	nf_vpn_reap_lanes(vn, NULL);
}

void nf_vpn_flow_flush(struct nf_vpn_net *vn, const struct nf_vpn_proto *proto)
{
	nf_vpn_reap_lanes(vn, proto);
}

int nf_vpn_flow_net_init(struct nf_vpn_net *vn)
{
	int err;

	spin_lock_init(&vn->lock);
	INIT_LIST_HEAD(&vn->lanes);
	xa_init_flags(&vn->sessions, XA_FLAGS_ALLOC1);
	vn->session_seq = 1;
	err = rhashtable_init(&vn->arrivals, &nf_vpn_arrive_params);
	if (err)
		return err;
	err = rhashtable_init(&vn->departures, &nf_vpn_depart_params);
	if (err)
		rhashtable_destroy(&vn->arrivals);
	return err;
}

void nf_vpn_flow_net_exit(struct nf_vpn_net *vn)
{
	/* The protocols' own exits, which run before ours, ended all lanes. */
	WARN_ON_ONCE(!list_empty(&vn->lanes));
	xa_destroy(&vn->sessions);
	rhashtable_destroy(&vn->departures);
	rhashtable_destroy(&vn->arrivals);
}
