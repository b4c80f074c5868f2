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

/*
 * Call IDs tried before a call is refused: a fraction of a millisecond.  With
 * 99 of 100 in use one is found in all but 1 of 10^35 cases, were they spread.
 */
#define NF_VPN_PPTP_TRIES	8192

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

void nf_vpn_pptp_call_close_all(struct nf_vpn_pptp_control *control)
{
	unsigned int grace = READ_ONCE(control->pn->grace);
	struct nf_vpn_pptp_call *call;

	list_for_each_entry(call, &control->calls, list)
		nf_vpn_pptp_call_close(call, grace);
}

struct nf_vpn_pptp_call *
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
	u16 id = NF_VPN_PPTP_NO_CALL;

	while (pub ? nf_vpn_pptp_call_by_pub(control, end, id) :
		     nf_vpn_pptp_call_by_real(control, end, id))
		id--;
	return id;
}

/*
 * The end's own choice.  Where its address is not translated and it is the end
 * itself that used the ID before, that call is over.
 */
static int nf_vpn_pptp_call_keep(struct nf_vpn_pptp_call *call, u8 end)
{
	int err;

	call->id[end].pub = call->id[end].real;
	if (call->id[end].real == NF_VPN_PPTP_NO_CALL)
		return -EEXIST;
	err = nf_vpn_pptp_gre_reserve(call, end);
	if (err != -EEXIST || nf_vpn_pptp_translated(call->control->ct, end))
		return err;
	nf_vpn_pptp_gre_evict(call, end);
	return nf_vpn_pptp_gre_reserve(call, end);
}

/* Any other of the range that is free. */
static int nf_vpn_pptp_call_pick(struct nf_vpn_pptp_call *call, u8 end)
{
	const struct nf_vpn_pptp_net *pn = call->control->pn;
	unsigned int min = READ_ONCE(pn->id_min), max = READ_ONCE(pn->id_max);
	unsigned int i, count = max < min ? 0 : max - min + 1;
	int err = -EEXIST;
	u32 start;

	get_random_bytes(&start, sizeof(start));
	start %= count ? count : 1;
	for (i = 0; err == -EEXIST && i < count && i < NF_VPN_PPTP_TRIES; i++) {
		call->id[end].pub = min + (start + i) % count;
		if (!nf_vpn_pptp_gre_taken(call, end))
			err = nf_vpn_pptp_gre_reserve(call, end);
	}
	if (err == -EEXIST)
		nf_vpn_count(call->lane.vn, NF_VPN_STAT_PPTP_NO_ID);
	return err;
}

static int nf_vpn_pptp_call_name(struct nf_vpn_pptp_call *call, u8 end, u16 id)
{
	int err;

	call->id[end].real = id;
	err = nf_vpn_pptp_call_keep(call, end);
	if (err == -EEXIST)
		err = nf_vpn_pptp_call_pick(call, end);
	call->id[end].known = !err;
	return err;
}

struct nf_vpn_pptp_call *
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
	call->lane.expires = jiffies + READ_ONCE(control->pn->pending);
	call->lane.quiet = READ_ONCE(control->pn->quiet);
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

static struct nf_vpn_pptp_call *
nf_vpn_pptp_call_new(struct nf_vpn_pptp_control *control, u8 from, u16 id)
{
	struct nf_vpn_pptp_call *call;

	call = nf_vpn_pptp_call_alloc(control, from);
	if (!call || !nf_vpn_pptp_call_name(call, from, id))
		return call;
	nf_vpn_pptp_call_close(call, 0);
	return NULL;
}

/* Outgoing-Call-Request, Incoming-Call-Request (RFC 2637 2.7, 2.9). */
static int nf_vpn_pptp_call_request(struct nf_vpn_pptp_control *control,
				    u8 from, const struct nf_vpn_pptp_msg *msg,
				    struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_call *call;

	call = nf_vpn_pptp_call_by_real(control, from, msg->own_id);
	/* The ID of a call that was answered, asked for anew: a new call. */
	if (call && (call->lane.closing || rcu_access_pointer(call->lane.ct))) {
		nf_vpn_pptp_call_close(call, 0);
		call = NULL;
	}
	if (!call)
		call = nf_vpn_pptp_call_new(control, from, msg->own_id);
	if (!call)
		return nf_vpn_pptp_refuse(control, from, msg, edit);
	edit->own = call->id[from].pub;
	return 0;
}

/* The answer named its own ID: with both known the GRE entry can be made. */
static int nf_vpn_pptp_call_up(struct nf_vpn_pptp_call *call, u8 from, u16 id)
{
	int err = 0;

	if (!call->id[from].known)
		err = nf_vpn_pptp_call_name(call, from, id);
	return err ? err : nf_vpn_pptp_gre_up(call);
}

static void nf_vpn_pptp_call_answer(struct nf_vpn_pptp_call *call, u8 from,
				    const struct nf_vpn_pptp_msg *msg)
{
	unsigned int grace = READ_ONCE(call->control->pn->grace);

	if (msg->result != NF_VPN_PPTP_RESULT_OK) {
		nf_vpn_pptp_call_close(call, grace);
		return;
	}
	if (call->lane.closing || rcu_access_pointer(call->lane.ct) ||
	    !nf_vpn_pptp_call_up(call, from, msg->own_id))
		return;
	/* Too late to ask for less: the asking end is told, and told again. */
	nf_vpn_count(call->lane.vn, NF_VPN_STAT_PPTP_REFUSED);
	call->refused = true;
	nf_vpn_pptp_call_close(call, grace);
}

/* Outgoing-Call-Reply, Incoming-Call-Reply (RFC 2637 2.8, 2.10). */
static int nf_vpn_pptp_call_reply(struct nf_vpn_pptp_control *control, u8 from,
				  const struct nf_vpn_pptp_msg *msg,
				  struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_call *call;

	if (nf_vpn_pptp_refuse_answer(control, from, msg, edit))
		return 0;
	call = nf_vpn_pptp_call_by_pub(control, !from, msg->peer_id);
	if (!call || call->requester == from) {
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_UNKNOWN_ID);
		edit->peer = nf_vpn_pptp_call_none(control, !from, false);
		return 0;
	}
	nf_vpn_pptp_call_answer(call, from, msg);
	edit->peer = call->id[!from].real;
	if (call->refused)
		nf_vpn_pptp_refuse_result(msg, edit);
	if (call->id[from].known)
		edit->own = call->id[from].pub;
	return 0;
}

/* A message about a call that exists: only the names change. */
static struct nf_vpn_pptp_call *
nf_vpn_pptp_call_rename(struct nf_vpn_pptp_control *control, u8 from,
			const struct nf_vpn_pptp_msg *msg,
			struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_call *call;

	if (msg->desc->own_off) {
		call = nf_vpn_pptp_call_by_real(control, from, msg->own_id);
		edit->own = call ? call->id[from].pub :
			nf_vpn_pptp_call_none(control, from, true);
	} else {
		call = nf_vpn_pptp_call_by_pub(control, !from, msg->peer_id);
		edit->peer = call ? call->id[!from].real :
			nf_vpn_pptp_call_none(control, !from, false);
	}
	if (!call)
		nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_UNKNOWN_ID);
	return call;
}

/*
 * It names no call where it goes.  A request is answered for it: the end that
 * asked may ask again.  All else is as if it had not been sent.
 */
static int nf_vpn_pptp_call_lost(struct nf_vpn_pptp_control *control, u8 from,
				 const struct nf_vpn_pptp_msg *msg,
				 struct nf_vpn_pptp_edit *edit)
{
	if (msg->type != NF_VPN_PPTP_OCRQ && msg->type != NF_VPN_PPTP_ICRQ)
		return 0;
	return nf_vpn_pptp_refuse(control, from, msg, edit);
}

int nf_vpn_pptp_call_message(struct nf_vpn_pptp_control *control, u8 from,
			     const struct nf_vpn_pptp_msg *msg,
			     struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_call *call;

	if (msg->lost)
		return nf_vpn_pptp_call_lost(control, from, msg, edit);
	switch (msg->type) {
	case NF_VPN_PPTP_OCRQ:
	case NF_VPN_PPTP_ICRQ:
		return nf_vpn_pptp_call_request(control, from, msg, edit);
	case NF_VPN_PPTP_OCRP:
	case NF_VPN_PPTP_ICRP:
		return nf_vpn_pptp_call_reply(control, from, msg, edit);
	case NF_VPN_PPTP_STOPCCRP:
		/* RFC 2637 2.3: all calls are cleared with the connection. */
		if (msg->result == NF_VPN_PPTP_RESULT_OK)
			nf_vpn_pptp_call_close_all(control);
		return 0;
	}
	if (!msg->desc->own_off && !msg->desc->peer_off)
		return 0;

	call = nf_vpn_pptp_call_rename(control, from, msg, edit);
	/* RFC 2637 2.13: after it the PAC's end of the call does not exist. */
	if (call && msg->type == NF_VPN_PPTP_CDN)
		nf_vpn_pptp_call_close(call, READ_ONCE(control->pn->grace));
	return 0;
}
