// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that cannot be served: a limit, no memory, no free Call ID.
 *
 * The request may not stay in the TCP stream as it is, for its Call ID may be
 * another client's; it may not be dropped, or the control connection would
 * stall.  So it goes out with a Call ID that leads nowhere, and the answer,
 * whatever it says, is turned into "do not accept" (RFC 2637 2.8, 2.10).  The
 * answering end finds out by the silence.
 */
#include "pptp.h"

enum {
	NF_VPN_PPTP_FREE,
	NF_VPN_PPTP_ASKED,
	NF_VPN_PPTP_ANSWERED,
};

/* The newest request of that end and ID. */
static struct nf_vpn_pptp_refusal *
nf_vpn_pptp_refusal_of(struct nf_vpn_pptp_control *control, u8 from, u16 id)
{
	struct nf_vpn_pptp_refusal *r;
	unsigned int i;

	for (i = 1; i <= NF_VPN_PPTP_REFUSALS; i++) {
		r = &control->refusal[(control->refusal_turn - i) %
				      NF_VPN_PPTP_REFUSALS];
		if (r->state != NF_VPN_PPTP_FREE && r->from == from &&
		    r->id == id)
			return r;
	}
	return NULL;
}

/* Answers come in the order of the requests; a repeated one has its own ID. */
static struct nf_vpn_pptp_refusal *
nf_vpn_pptp_refusal_answered(struct nf_vpn_pptp_control *control, u8 to,
			     u16 other, bool again)
{
	u8 state = again ? NF_VPN_PPTP_ANSWERED : NF_VPN_PPTP_ASKED;
	struct nf_vpn_pptp_refusal *r;
	unsigned int i;

	for (i = 0; i < NF_VPN_PPTP_REFUSALS; i++) {
		r = &control->refusal[(control->refusal_turn + i) %
				      NF_VPN_PPTP_REFUSALS];
		if (r->state == state && r->from == to &&
		    (!again || r->other == other))
			return r;
	}
	return NULL;
}

int nf_vpn_pptp_refuse(struct nf_vpn_pptp_control *control, u8 from,
		       const struct nf_vpn_pptp_msg *msg,
		       struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_refusal *r;

	r = &control->refusal[control->refusal_turn % NF_VPN_PPTP_REFUSALS];
	/* More at once than we can remember: this one waits for an answer. */
	if (r->state == NF_VPN_PPTP_ASKED)
		return -ENOSPC;
	control->refusal_turn++;
	r->id = msg->own_id;
	r->from = from;
	r->state = NF_VPN_PPTP_ASKED;
	edit->own = NF_VPN_PPTP_REFUSED_ID;
	nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_REFUSED);
	return 0;
}

bool nf_vpn_pptp_refused(struct nf_vpn_pptp_control *control, u8 from,
			 const struct nf_vpn_pptp_msg *msg,
			 struct nf_vpn_pptp_edit *edit)
{
	if (!msg->again || !nf_vpn_pptp_refusal_of(control, from, msg->own_id))
		return false;
	edit->own = NF_VPN_PPTP_REFUSED_ID;
	return true;
}

bool nf_vpn_pptp_refuse_answer(struct nf_vpn_pptp_control *control, u8 from,
			       const struct nf_vpn_pptp_msg *msg,
			       struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_refusal *r;

	if (msg->peer_id != NF_VPN_PPTP_REFUSED_ID)
		return false;
	r = nf_vpn_pptp_refusal_answered(control, !from, msg->own_id,
					 msg->again);
	if (!r)
		return false;
	r->state = NF_VPN_PPTP_ANSWERED;
	r->other = msg->own_id;
	edit->peer = r->id;
	edit->refuse = true;
	return true;
}
