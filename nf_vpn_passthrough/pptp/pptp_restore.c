// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that come back: both ends' IDs are known, so the call is made as by the
 * answer to its request.  The control connection is taken up in its middle.
 */
#include "pptp.h"

/* The ID of @end, whose packets travel the other way. */
static bool nf_vpn_pptp_restore_id(const struct nf_vpn_saved *saved, u8 end,
				   struct nf_vpn_pptp_id *id)
{
	/* In: towards the end that began it. */
	u32 direction = end == IP_CT_DIR_ORIGINAL ? NF_VPN_DIRECTION_IN :
						    NF_VPN_DIRECTION_OUT;
	const struct nf_vpn_saved_key *key;
	unsigned int i;

	id->known = false;
	for (i = 0; i < saved->n; i++) {
		key = &saved->key[i];
		if (key->kind != NF_VPN_KIND_CALL || key->arrives > U16_MAX ||
		    key->leaves > U16_MAX)
			return false;
		if (key->direction != direction)
			continue;
		if (id->known)
			return false;
		id->pub = key->arrives;
		id->real = key->leaves;
		id->known = true;
	}
	return id->known;
}

static enum nf_vpn_refusal nf_vpn_pptp_restore_why(int err)
{
	switch (err) {
	case 0:
		return NF_VPN_RESTORED;
	case -EEXIST:
		return NF_VPN_REFUSED_TAKEN;
	case -ESHUTDOWN:
		return NF_VPN_REFUSED_GOING;
	default:
		return NF_VPN_REFUSED_LIMIT;
	}
}

static enum nf_vpn_refusal nf_vpn_pptp_restore_up(struct nf_vpn_pptp_call *call)
{
	int err;

	err = nf_vpn_pptp_gre_reserve(call, IP_CT_DIR_ORIGINAL);
	if (!err)
		err = nf_vpn_pptp_gre_reserve(call, IP_CT_DIR_REPLY);
	if (err)
		return nf_vpn_pptp_restore_why(err);
	return nf_vpn_pptp_gre_up(call) ? NF_VPN_REFUSED_ENTRY :
					  NF_VPN_RESTORED;
}

/* control->lock held.  @call: with a reference, or NULL. */
static enum nf_vpn_refusal
nf_vpn_pptp_restore_call(struct nf_vpn_pptp_control *control,
			 const struct nf_vpn_pptp_id *id,
			 struct nf_vpn_pptp_call **call)
{
	*call = nf_vpn_pptp_call_by_real(control, IP_CT_DIR_ORIGINAL,
					 id[IP_CT_DIR_ORIGINAL].real);
	if (*call && (*call)->id[IP_CT_DIR_REPLY].known &&
	    (*call)->id[IP_CT_DIR_REPLY].real == id[IP_CT_DIR_REPLY].real) {
		*call = NULL;
		return NF_VPN_REFUSED_EXISTS;
	}
	*call = nf_vpn_pptp_call_alloc(control, IP_CT_DIR_ORIGINAL);
	if (!*call)
		return control->gone ? NF_VPN_REFUSED_GOING :
				       NF_VPN_REFUSED_LIMIT;
	nf_vpn_lane_get(&(*call)->lane);
	(*call)->id[IP_CT_DIR_ORIGINAL] = id[IP_CT_DIR_ORIGINAL];
	(*call)->id[IP_CT_DIR_REPLY] = id[IP_CT_DIR_REPLY];
	return nf_vpn_pptp_restore_up(*call);
}

static void nf_vpn_pptp_restore_done(struct nf_vpn_pptp_call *call,
				     enum nf_vpn_refusal why, bool replied)
{
	struct nf_conn *ct;

	/* Half of one is none: its IDs are not kept quiet either. */
	if (why) {
		call->lane.quiet = 0;
		nf_vpn_lane_kill(&call->lane);
	} else if (replied) {
		ct = rcu_dereference_protected(call->lane.ct, true);
		nf_vpn_conn_replied(ct, READ_ONCE(call->lane.timeout[1]));
	}
	nf_vpn_lane_put(&call->lane);
}

enum nf_vpn_refusal nf_vpn_pptp_restore(struct nf_vpn_net *vn,
					const struct nf_vpn_saved *saved)
{
	struct nf_vpn_pptp_id id[IP_CT_DIR_MAX];
	struct nf_vpn_pptp_control *control;
	struct nf_vpn_pptp_call *call;
	enum nf_vpn_refusal why;

	if (!nf_vpn_pptp_restore_id(saved, IP_CT_DIR_ORIGINAL,
				    &id[IP_CT_DIR_ORIGINAL]) ||
	    !nf_vpn_pptp_restore_id(saved, IP_CT_DIR_REPLY,
				    &id[IP_CT_DIR_REPLY]))
		return NF_VPN_REFUSED_NUMBERS;
	rcu_read_lock();
	control = nf_vpn_pptp_control_get(saved->ct);
	rcu_read_unlock();
	if (!control)
		return NF_VPN_REFUSED_LIMIT;

	spin_lock_bh(&control->lock);
	why = nf_vpn_pptp_restore_call(control, id, &call);
	spin_unlock_bh(&control->lock);
	if (call)
		nf_vpn_pptp_restore_done(call, why, saved->replied);
	nf_vpn_pptp_control_put(control);
	return why;
}
