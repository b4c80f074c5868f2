// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a control message of L2TP version 3 does (RFC 3931 3.1), and how its IDs
 * are translated: the sender's own from real to public, the receiver's from
 * public to real.  The ID in the header is the receiver's and has been
 * translated on the way in, with the flow.
 */
#include "l2tp.h"

/**
 * struct nf_vpn_l2tp_said - a message and where it goes
 * @pair: its client and server
 * @from: sender
 * @conn: its control connection, or NULL
 * @msg: as parsed
 */
struct nf_vpn_l2tp_said {
	struct nf_vpn_l2tp_pair		*pair;
	u8				from;
	struct nf_vpn_l2tp_link		*conn;
	const struct nf_vpn_l2tp_msg	*msg;
};

static int nf_vpn_l2tp_why(const struct nf_vpn_l2tp_said *said, int err)
{
	if (!err)
		return 0;
	return err == -EEXIST && said->msg->digest ? NF_VPN_STAT_L2TP_DIGEST :
						     NF_VPN_STAT_L2TP_REFUSED;
}

/* A new link that the sender names; refused, it leaves nothing. */
static int nf_vpn_l2tp_open(const struct nf_vpn_l2tp_said *said, u8 space,
			    u32 id)
{
	struct nf_vpn_l2tp_link *link;
	int err;

	link = nf_vpn_l2tp_link_new(said->pair, space, said->conn);
	if (!link)
		return NF_VPN_STAT_L2TP_REFUSED;
	err = nf_vpn_l2tp_link_name(link, said->from, id, said->msg->digest);
	if (err) {
		nf_vpn_l2tp_link_del(link);
		return nf_vpn_l2tp_why(said, err);
	}
	nf_vpn_count(said->pair->lane.vn, space == NF_VPN_L2TP_CONTROL ?
		     NF_VPN_STAT_L2TP_TUNNEL : NF_VPN_STAT_L2TP_SESSION);
	return 0;
}

/*
 * The client, whom a rule marked, may begin what it likes; the server within a
 * control connection that we know, and whoever claims to be it nothing.
 */
static bool nf_vpn_l2tp_may_begin(const struct nf_vpn_l2tp_said *said)
{
	if (said->from == IP_CT_DIR_ORIGINAL || said->conn)
		return true;
	nf_vpn_count(said->pair->lane.vn, NF_VPN_STAT_L2TP_UNKNOWN);
	return false;
}

/* Asked for again, or anew with the same ID: the same names serve. */
static int nf_vpn_l2tp_request(const struct nf_vpn_l2tp_said *said, u8 space,
			       const struct nf_vpn_l2tp_id *own)
{
	struct nf_vpn_l2tp_link *link;

	if (own->seen != NF_VPN_L2TP_CLEAR)
		return 0;
	link = nf_vpn_l2tp_link_by_real(said->pair, space, said->from, own->id);
	if (!link)
		return nf_vpn_l2tp_may_begin(said) ?
			nf_vpn_l2tp_open(said, space, own->id) : 0;
	nf_vpn_l2tp_link_reopen(link);
	if (space == NF_VPN_L2TP_DATA)
		link->conn = said->conn;
	return 0;
}

/* The answer names the other end's ID; the question may have been before us. */
static int nf_vpn_l2tp_answer(const struct nf_vpn_l2tp_said *said, u8 space,
			      struct nf_vpn_l2tp_link *link,
			      const struct nf_vpn_l2tp_id *own)
{
	if (!link)
		return nf_vpn_l2tp_request(said, space, own);
	if (own->seen != NF_VPN_L2TP_CLEAR)
		return 0;
	return nf_vpn_l2tp_why(said, nf_vpn_l2tp_link_name(link, said->from,
							   own->id,
							   said->msg->digest));
}

static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_remote(const struct nf_vpn_l2tp_said *said)
{
	if (said->msg->remote.seen != NF_VPN_L2TP_CLEAR)
		return NULL;
	return nf_vpn_l2tp_link_by_pub(said->pair, NF_VPN_L2TP_DATA,
				       !said->from, said->msg->remote.id);
}

static struct nf_vpn_l2tp_link *
nf_vpn_l2tp_local(const struct nf_vpn_l2tp_said *said)
{
	if (said->msg->local.seen != NF_VPN_L2TP_CLEAR)
		return NULL;
	return nf_vpn_l2tp_link_by_real(said->pair, NF_VPN_L2TP_DATA,
					said->from, said->msg->local.id);
}

/* RFC 3931 3.1: the three-way handshakes, and what ends them. */
static int nf_vpn_l2tp_effect(const struct nf_vpn_l2tp_said *said)
{
	struct nf_vpn_l2tp_net *ln =
		nf_vpn_l2tp_pernet(said->pair->lane.vn->net);
	unsigned int grace = READ_ONCE(ln->grace);
	struct nf_vpn_l2tp_link *session;

	switch (said->msg->type) {
	case NF_VPN_L2TP_SCCRQ:
		return nf_vpn_l2tp_request(said, NF_VPN_L2TP_CONTROL,
					   &said->msg->assigned);
	case NF_VPN_L2TP_SCCRP:
		return nf_vpn_l2tp_answer(said, NF_VPN_L2TP_CONTROL,
					  said->conn, &said->msg->assigned);
	case NF_VPN_L2TP_ICRQ:
	case NF_VPN_L2TP_OCRQ:
		return nf_vpn_l2tp_request(said, NF_VPN_L2TP_DATA,
					   &said->msg->local);
	case NF_VPN_L2TP_ICRP:
	case NF_VPN_L2TP_OCRP:
		return nf_vpn_l2tp_answer(said, NF_VPN_L2TP_DATA,
					  nf_vpn_l2tp_remote(said),
					  &said->msg->local);
	case NF_VPN_L2TP_CDN:
		session = nf_vpn_l2tp_local(said);
		if (!session)
			session = nf_vpn_l2tp_remote(said);
		if (session)
			nf_vpn_l2tp_link_close(session, grace);
		break;
	case NF_VPN_L2TP_STOPCCN:
		if (said->conn)
			nf_vpn_l2tp_link_close(said->conn, grace);
		break;
	}
	return 0;
}

static void nf_vpn_l2tp_translate(const struct nf_vpn_l2tp_said *said,
				  struct nf_vpn_l2tp_edit *edit)
{
	const struct nf_vpn_l2tp_link *conn = NULL, *session;

	if (said->msg->assigned.seen == NF_VPN_L2TP_CLEAR)
		conn = nf_vpn_l2tp_link_by_real(said->pair, NF_VPN_L2TP_CONTROL,
						said->from,
						said->msg->assigned.id);
	if (conn)
		edit->assigned = conn->name[said->from].pub;
	session = nf_vpn_l2tp_local(said);
	if (session)
		edit->local = session->name[said->from].pub;
	session = nf_vpn_l2tp_remote(said);
	if (session)
		edit->remote = session->name[!said->from].real;
}

/* Not a bit of a signed message may change (RFC 3931 4.3), nor of its header. */
static bool nf_vpn_l2tp_breaks_digest(const struct nf_vpn_l2tp_said *said,
				      const struct nf_vpn_l2tp_edit *edit)
{
	const struct nf_vpn_l2tp_msg *msg = said->msg;
	const struct nf_vpn_l2tp_name *to;

	if (!msg->digest)
		return false;
	to = said->conn ? &said->conn->name[!said->from] : NULL;
	return edit->assigned != msg->assigned.id ||
	       edit->local != msg->local.id || edit->remote != msg->remote.id ||
	       (to && to->real != to->pub);
}

static bool nf_vpn_l2tp_hides(const struct nf_vpn_l2tp_msg *msg)
{
	return msg->assigned.seen == NF_VPN_L2TP_HIDDEN ||
	       msg->local.seen == NF_VPN_L2TP_HIDDEN ||
	       msg->remote.seen == NF_VPN_L2TP_HIDDEN;
}

int nf_vpn_l2tp_control(struct nf_vpn_l2tp_pair *pair, u8 from,
			const struct nf_vpn_l2tp_msg *msg,
			struct nf_vpn_l2tp_edit *edit)
{
	struct nf_vpn_l2tp_said said = {
		.pair	= pair,
		.from	= from,
		.msg	= msg,
	};
	int why;

	/* Guessed, it could be another client's (RFC 3931 5.3). */
	if (nf_vpn_l2tp_hides(msg))
		return NF_VPN_STAT_L2TP_HIDDEN;
	if (msg->conn)
		said.conn = nf_vpn_l2tp_link_by_real(pair, NF_VPN_L2TP_CONTROL,
						     !from, msg->conn);
	why = nf_vpn_l2tp_effect(&said);
	if (why)
		return why;
	nf_vpn_l2tp_translate(&said, edit);
	return nf_vpn_l2tp_breaks_digest(&said, edit) ?
		NF_VPN_STAT_L2TP_DIGEST : 0;
}
