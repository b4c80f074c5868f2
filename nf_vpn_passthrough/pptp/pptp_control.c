// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control connections: one object each, found by its conntrack entry.  Kept
 * beside conntrack, with a reference on the entry, because the 32 octets of
 * helper data cannot hold two streams, and because a pointer in there could
 * not be taken back when a helper is unregistered.
 */
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/slab.h>
#include "pptp.h"

static const struct rhashtable_params nf_vpn_pptp_control_params = {
	.head_offset = offsetof(struct nf_vpn_pptp_control, node),
	.key_offset = offsetof(struct nf_vpn_pptp_control, key),
	.key_len = sizeof(unsigned long),
	.automatic_shrinking = true,
};

static void nf_vpn_pptp_control_free_rcu(struct rcu_head *head)
{
	struct nf_vpn_pptp_control *control =
		container_of(head, struct nf_vpn_pptp_control, rcu);

	nf_ct_put(control->ct);
	kfree(control);
}

void nf_vpn_pptp_control_put(struct nf_vpn_pptp_control *control)
{
	if (refcount_dec_and_test(&control->use))
		call_rcu(&control->rcu, nf_vpn_pptp_control_free_rcu);
}

static struct nf_vpn_pptp_control *
nf_vpn_pptp_control_find(struct nf_vpn_pptp_net *pn, const struct nf_conn *ct)
{
	unsigned long key = (unsigned long)ct;
	struct nf_vpn_pptp_control *control;

	control = rhashtable_lookup(&pn->controls, &key,
				    nf_vpn_pptp_control_params);
	if (control && !refcount_inc_not_zero(&control->use))
		return NULL;
	return control;
}

static struct nf_vpn_pptp_control *
nf_vpn_pptp_control_alloc(struct nf_vpn_net *vn, struct nf_conn *ct)
{
	struct nf_vpn_pptp_control *control;

	control = kzalloc(sizeof(*control), GFP_ATOMIC);
	if (!control)
		return NULL;
	spin_lock_init(&control->lock);
	INIT_LIST_HEAD(&control->calls);
	nf_vpn_pptp_stream_init(&control->stream[IP_CT_DIR_ORIGINAL]);
	nf_vpn_pptp_stream_init(&control->stream[IP_CT_DIR_REPLY]);
	nf_conntrack_get(&ct->ct_general);
	control->ct = ct;
	control->key = (unsigned long)ct;
	control->vn = vn;
	control->pn = nf_vpn_pptp_pernet(vn->net);
	/* one for the table, one for the caller */
	refcount_set(&control->use, 2);
	return control;
}

static __be32 nf_vpn_pptp_control_client(const struct nf_conn *ct)
{
	return ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3.ip;
}

/* Charged to the client like everything; nf_vpn_net.lock held. */
static int nf_vpn_pptp_control_add(struct nf_vpn_pptp_control *control)
{
	struct nf_vpn_net *vn = control->vn;
	__be32 client = nf_vpn_pptp_control_client(control->ct);
	int err;

	if (vn->dead)
		return -ESHUTDOWN;
	err = nf_vpn_client_charge(vn, client);
	if (err)
		return err;
	err = rhashtable_lookup_insert_fast(&control->pn->controls,
					    &control->node,
					    nf_vpn_pptp_control_params);
	if (err) {
		nf_vpn_client_release(vn, client);
		return err;
	}
	list_add_tail(&control->list, &control->pn->list);
	return 0;
}

static struct nf_vpn_pptp_control *nf_vpn_pptp_control_new(struct nf_conn *ct)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(nf_ct_net(ct));
	struct nf_vpn_pptp_control *control;
	int err;

	control = nf_vpn_pptp_control_alloc(vn, ct);
	if (!control) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return NULL;
	}
	spin_lock_bh(&vn->lock);
	err = nf_vpn_pptp_control_add(control);
	spin_unlock_bh(&vn->lock);
	if (!err)
		return control;
	nf_vpn_pptp_control_put(control);
	nf_vpn_pptp_control_put(control);
	/* Another CPU was faster: take that one. */
	return err == -EEXIST ?
		nf_vpn_pptp_control_find(nf_vpn_pptp_pernet(vn->net), ct) :
		NULL;
}

static bool nf_vpn_pptp_control_over(const struct nf_conn *ct)
{
	switch (READ_ONCE(ct->proto.tcp.state)) {
	case TCP_CONNTRACK_TIME_WAIT:
	case TCP_CONNTRACK_CLOSE:
		return true;
	}
	return !nf_vpn_ct_alive(ct);
}

struct nf_vpn_pptp_control *nf_vpn_pptp_control_get(struct nf_conn *ct)
{
	struct nf_vpn_pptp_net *pn = nf_vpn_pptp_pernet(nf_ct_net(ct));
	struct nf_vpn_pptp_control *control;

	control = nf_vpn_pptp_control_find(pn, ct);
	/*
	 * Where a RST went by that the ends have not seen, the beginning of the
	 * stream is forgotten, and what comes may look like one.
	 */
	if (control || nf_vpn_pptp_control_over(ct))
		return control;
	return nf_vpn_pptp_control_new(ct);
}

/* RFC 2637 3.1.4: without a control connection there are no calls. */
static void nf_vpn_pptp_control_hang_up(struct nf_vpn_pptp_control *control)
{
	spin_lock_bh(&control->lock);
	control->gone = true;
	nf_vpn_pptp_call_close_all(control);
	spin_unlock_bh(&control->lock);
}

/* nf_vpn_net.lock held; the table's reference goes to the caller. */
static void nf_vpn_pptp_control_del(struct nf_vpn_pptp_control *control)
{
	rhashtable_remove_fast(&control->pn->controls, &control->node,
			       nf_vpn_pptp_control_params);
	list_del(&control->list);
	nf_vpn_client_release(control->vn,
			      nf_vpn_pptp_control_client(control->ct));
}

/* Take one that is over (or any) out of the table. */
static struct nf_vpn_pptp_control *
nf_vpn_pptp_control_take(struct nf_vpn_net *vn, struct nf_vpn_pptp_net *pn,
			 bool any)
{
	struct nf_vpn_pptp_control *control, *found = NULL;

	spin_lock_bh(&vn->lock);
	list_for_each_entry(control, &pn->list, list) {
		if (!any && !nf_vpn_pptp_control_over(control->ct))
			continue;
		nf_vpn_pptp_control_del(control);
		found = control;
		break;
	}
	spin_unlock_bh(&vn->lock);
	return found;
}

static void nf_vpn_pptp_control_end(struct nf_vpn_net *vn,
				    struct nf_vpn_pptp_net *pn, bool any)
{
	struct nf_vpn_pptp_control *control;

	while ((control = nf_vpn_pptp_control_take(vn, pn, any))) {
		nf_vpn_pptp_control_hang_up(control);
		nf_vpn_pptp_control_put(control);
	}
}

void nf_vpn_pptp_control_reap(struct nf_vpn_net *vn)
{
	nf_vpn_pptp_control_end(vn, nf_vpn_pptp_pernet(vn->net), false);
}

int nf_vpn_pptp_control_net_init(struct nf_vpn_pptp_net *pn)
{
	INIT_LIST_HEAD(&pn->list);
	return rhashtable_init(&pn->controls, &nf_vpn_pptp_control_params);
}

void nf_vpn_pptp_control_net_exit(struct nf_vpn_net *vn,
				  struct nf_vpn_pptp_net *pn)
{
	nf_vpn_pptp_control_end(vn, pn, true);
	rhashtable_destroy(&pn->controls);
}
