// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls: whose Call ID is whose, and what a message does to a call.
 *
 * Every ID in a message is either its sender's or its receiver's (the table in
 * pptp_msg.c says which), so one rule serves all 15 messages and both roles:
 * the sender's own ID is turned from real to public, the receiver's from public
 * to real.  Where an end's address is not translated, both are the same.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include "pptp.h"

bool nf_vpn_pptp_translated(const struct nf_conn *ct, u8 end)
{
	const struct nf_conntrack_tuple *own = &ct->tuplehash[end].tuple;
	const struct nf_conntrack_tuple *other = &ct->tuplehash[!end].tuple;

	return own->src.u3.ip != other->dst.u3.ip;
}

void nf_vpn_pptp_call_close(struct nf_vpn_pptp_call *call, unsigned int delay)
{
	unsigned long expires = jiffies + delay;

	/* The first reason to end it counts. */
	if (READ_ONCE(call->lane.closing) &&
	    time_before(READ_ONCE(call->lane.expires), expires))
		return;
	WRITE_ONCE(call->lane.expires, expires);
	WRITE_ONCE(call->lane.closing, true);
}

static struct nf_vpn_pptp_call *
nf_vpn_pptp_call_by_real(const struct nf_vpn_pptp_control *control, u8 end,
			 u16 id)
{
	struct nf_vpn_pptp_call *call;

	list_for_each_entry(call, &control->calls, list)
		if (call->id[end].known && call->id[end].real == id)
			return call;
	return NULL;
}

static struct nf_vpn_pptp_call *
nf_vpn_pptp_call_by_pub(const struct nf_vpn_pptp_control *control, u8 end,
			u16 id)
{
	struct nf_vpn_pptp_call *call;

	list_for_each_entry(call, &control->calls, list)
		if (call->id[end].known && call->id[end].pub == id)
			return call;
	return NULL;
}

/*
 * A message names a call that we do not know: its number, left as it is, could
 * be that of another call on the other side.  It gets one that no call has
 * there, and the receiver ignores it as it ignores any unknown call.
 */
static u16 nf_vpn_pptp_call_none(const struct nf_vpn_pptp_control *control,
				 u8 end, bool pub)
{
	u16 id = U16_MAX;

	while (pub ? nf_vpn_pptp_call_by_pub(control, end, id) :
		     nf_vpn_pptp_call_by_real(control, end, id))
		id--;
	return id;
}

/* The end's own choice when it is free, else any that is. */
static int nf_vpn_pptp_call_pick(struct nf_vpn_pptp_call *call, u8 end)
{
	struct nf_vpn_pptp_id *id = &call->id[end];
	unsigned int i;
	u32 start;
	int err;

	id->pub = id->real;
	err = nf_vpn_pptp_gre_reserve(call, end);
	get_random_bytes(&start, sizeof(start));
	for (i = 0; err == -EEXIST && i < U16_MAX; i++) {
		id->pub = 1 + (start + i) % U16_MAX;
		err = nf_vpn_pptp_gre_reserve(call, end);
	}
	if (err == -EEXIST)
		nf_vpn_count(call->lane.vn, NF_VPN_STAT_PPTP_NO_ID);
	return err;
}

/* Not translated: the same end uses the same ID again, the old call is over. */
static int nf_vpn_pptp_call_keep(struct nf_vpn_pptp_call *call, u8 end)
{
	int err;

	call->id[end].pub = call->id[end].real;
	err = nf_vpn_pptp_gre_reserve(call, end);
	if (err != -EEXIST)
		return err;
	nf_vpn_pptp_gre_evict(call, end);
	return nf_vpn_pptp_gre_reserve(call, end);
}

static int nf_vpn_pptp_call_name(struct nf_vpn_pptp_call *call, u8 end, u16 id)
{
	int err;

	call->id[end].real = id;
	err = nf_vpn_pptp_translated(call->control->ct, end) ?
		nf_vpn_pptp_call_pick(call, end) :
		nf_vpn_pptp_call_keep(call, end);
	call->id[end].known = !err;
	return err;
}

static struct nf_vpn_pptp_call *
nf_vpn_pptp_call_alloc(struct nf_vpn_pptp_control *control, u8 from)
{
	const struct nf_conntrack_tuple *orig =
		&control->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct nf_vpn_pptp_call *call;
	int err;

	if (control->gone ||
	    control->call_count >= READ_ONCE(control->pn->max_calls))
		return NULL;
	call = kzalloc(sizeof(*call), GFP_ATOMIC);
	if (!call)
		return NULL;
	nf_vpn_lane_init(&call->lane, control->vn, &nf_vpn_pptp_proto,
			 orig->src.u3.ip, control->pn->timeout);
	call->lane.expires = jiffies + NF_VPN_PPTP_PENDING;
	call->requester = from;
	refcount_inc(&control->use);
	call->control = control;
	list_add(&call->list, &control->calls);
	control->call_count++;

	spin_lock_bh(&control->vn->lock);
	err = nf_vpn_lane_list(&call->lane);
	spin_unlock_bh(&control->vn->lock);
	if (!err)
		return call;
	list_del(&call->list);
	control->call_count--;
	nf_vpn_lane_put(&call->lane);
	return NULL;
}

static int nf_vpn_pptp_call_new(struct nf_vpn_pptp_control *control, u8 from,
				u16 id, struct nf_vpn_pptp_call **made)
{
	struct nf_vpn_pptp_call *call;
	int err;

	call = nf_vpn_pptp_call_alloc(control, from);
	if (!call) {
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_REFUSED);
		return -ENOSPC;
	}
	err = nf_vpn_pptp_call_name(call, from, id);
	if (err) {
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_REFUSED);
		nf_vpn_pptp_call_close(call, 0);
		return err;
	}
	*made = call;
	return 0;
}

/* Outgoing-Call-Request, Incoming-Call-Request (RFC 2637 2.7, 2.9). */
static int nf_vpn_pptp_call_request(struct nf_vpn_pptp_control *control,
				    u8 from, const struct nf_vpn_pptp_msg *msg,
				    u16 *own)
{
	struct nf_vpn_pptp_call *call;
	int err;

	call = nf_vpn_pptp_call_by_real(control, from, msg->own_id);
	/* The ID of a call that was answered, asked for anew: a new call. */
	if (call && !msg->again &&
	    (call->lane.closing || rcu_access_pointer(call->lane.ct))) {
		nf_vpn_pptp_call_close(call, 0);
		call = NULL;
	}
	if (!call) {
		err = nf_vpn_pptp_call_new(control, from, msg->own_id, &call);
		if (err)
			return err;
	}
	*own = call->id[from].pub;
	return 0;
}

/* The answer named its own ID: with both known the GRE entry can be made. */
static int nf_vpn_pptp_call_answer(struct nf_vpn_pptp_call *call, u8 from,
				   const struct nf_vpn_pptp_msg *msg)
{
	int err;

	if (msg->again || call->lane.closing ||
	    rcu_access_pointer(call->lane.ct))
		return 0;
	if (msg->result != NF_VPN_PPTP_RESULT_OK) {
		nf_vpn_pptp_call_close(call, READ_ONCE(call->control->pn->grace));
		return 0;
	}
	if (!call->id[from].known) {
		err = nf_vpn_pptp_call_name(call, from, msg->own_id);
		if (err)
			return err;
	}
	return nf_vpn_pptp_gre_up(call);
}

/* Outgoing-Call-Reply, Incoming-Call-Reply (RFC 2637 2.8, 2.10). */
static int nf_vpn_pptp_call_reply(struct nf_vpn_pptp_control *control, u8 from,
				  const struct nf_vpn_pptp_msg *msg,
				  u16 *own, u16 *peer)
{
	struct nf_vpn_pptp_call *call;
	int err;

	call = nf_vpn_pptp_call_by_pub(control, !from, msg->peer_id);
	if (!call || call->requester == from) {
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_UNKNOWN_ID);
		*peer = nf_vpn_pptp_call_none(control, !from, false);
		return 0;
	}
	err = nf_vpn_pptp_call_answer(call, from, msg);
	if (err) {
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_REFUSED);
		return err;
	}
	*peer = call->id[!from].real;
	if (call->id[from].known)
		*own = call->id[from].pub;
	return 0;
}

/* A message about a call that exists: only the names change. */
static struct nf_vpn_pptp_call *
nf_vpn_pptp_call_rename(struct nf_vpn_pptp_control *control, u8 from,
			const struct nf_vpn_pptp_msg *msg, u16 *own, u16 *peer)
{
	struct nf_vpn_pptp_call *call;

	if (msg->desc->own_off) {
		call = nf_vpn_pptp_call_by_real(control, from, msg->own_id);
		*own = call ? call->id[from].pub :
			nf_vpn_pptp_call_none(control, from, true);
	} else {
		call = nf_vpn_pptp_call_by_pub(control, !from, msg->peer_id);
		*peer = call ? call->id[!from].real :
			nf_vpn_pptp_call_none(control, !from, false);
	}
	if (!call)
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_UNKNOWN_ID);
	return call;
}

int nf_vpn_pptp_call_message(struct nf_vpn_pptp_control *control, u8 from,
			     const struct nf_vpn_pptp_msg *msg,
			     u16 *own, u16 *peer)
{
	struct nf_vpn_pptp_call *call;

	switch (msg->type) {
	case NF_VPN_PPTP_OCRQ:
	case NF_VPN_PPTP_ICRQ:
		return nf_vpn_pptp_call_request(control, from, msg, own);
	case NF_VPN_PPTP_OCRP:
	case NF_VPN_PPTP_ICRP:
		return nf_vpn_pptp_call_reply(control, from, msg, own, peer);
	}
	if (!msg->desc->own_off && !msg->desc->peer_off)
		return 0;

	call = nf_vpn_pptp_call_rename(control, from, msg, own, peer);
	/* RFC 2637 2.13: after it the PAC's end of the call does not exist. */
	if (call && msg->type == NF_VPN_PPTP_CDN)
		nf_vpn_pptp_call_close(call, READ_ONCE(control->pn->grace));
	return 0;
}
