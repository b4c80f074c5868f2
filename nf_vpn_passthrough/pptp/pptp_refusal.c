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

/* Result codes "do not accept": of an outgoing (RFC 2637 2.8), an incoming call
 * (2.10).
 */
#define NF_VPN_PPTP_OCRP_REFUSE	7
#define NF_VPN_PPTP_ICRP_REFUSE	3

/* Answers come in the order of the requests. */
static struct nf_vpn_pptp_refusal *
nf_vpn_pptp_refusal_asked(struct nf_vpn_pptp_control *control, u8 by)
{
	struct nf_vpn_pptp_refusal *r;
	unsigned int i;

	for (i = 0; i < NF_VPN_PPTP_REFUSALS; i++) {
		r = &control->refusal[(control->refusal_turn + i) %
				      NF_VPN_PPTP_REFUSALS];
		if (r->asked && r->from == by)
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
	if (r->asked)
		return -ENOSPC;
	control->refusal_turn++;
	r->id = msg->own_id;
	r->from = from;
	r->asked = true;
	edit->own = NF_VPN_PPTP_NO_CALL;
	nf_vpn_count(control->vn, NF_VPN_STAT_PPTP_REFUSED);
	return 0;
}

void nf_vpn_pptp_refuse_result(const struct nf_vpn_pptp_msg *msg,
			       struct nf_vpn_pptp_edit *edit)
{
	/* The end has its own reason, and perhaps an Error Code with it. */
	if (msg->result != NF_VPN_PPTP_RESULT_OK)
		return;
	edit->result = msg->type == NF_VPN_PPTP_OCRP ?
		NF_VPN_PPTP_OCRP_REFUSE : NF_VPN_PPTP_ICRP_REFUSE;
}

bool nf_vpn_pptp_refuse_answer(struct nf_vpn_pptp_control *control, u8 from,
			       const struct nf_vpn_pptp_msg *msg,
			       struct nf_vpn_pptp_edit *edit)
{
	struct nf_vpn_pptp_refusal *r;

	if (msg->peer_id != NF_VPN_PPTP_NO_CALL)
		return false;
	r = nf_vpn_pptp_refusal_asked(control, !from);
	if (!r)
		return false;
	r->asked = false;
	edit->peer = r->id;
	nf_vpn_pptp_refuse_result(msg, edit);
	return true;
}
