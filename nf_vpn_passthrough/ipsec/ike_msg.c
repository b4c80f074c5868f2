// SPDX-License-Identifier: GPL-2.0-only
/* IKE header, UDP 4500 demultiplexing, and evidence of ESP SAs to come. */

#include "ike_msg.h"

/* Header, RFC 2408 3.1 and RFC 7296 3.1 (the same layout on purpose) */
#define OFF_ISPI	0
#define OFF_RSPI	8
#define OFF_NEXT	16
#define OFF_VERSION	17
#define OFF_EXCHANGE	18
#define OFF_FLAGS	19
#define OFF_MSGID	20
#define OFF_LENGTH	24

#define KEEPALIVE	0xff	/* RFC 3948 2.3 */

static void fill(struct nf_vpn_ike_msg *msg, const u8 *p)
{
	memset(msg, 0, sizeof(*msg));
	msg->ispi = nf_vpn_get_be64(p + OFF_ISPI);
	msg->rspi = nf_vpn_get_be64(p + OFF_RSPI);
	msg->next_payload = p[OFF_NEXT];
	msg->major = p[OFF_VERSION] >> 4;
	msg->minor = p[OFF_VERSION] & 0xf;
	msg->exchange = p[OFF_EXCHANGE];
	msg->flags = p[OFF_FLAGS];
	msg->msgid = nf_vpn_get_be32(p + OFF_MSGID);
	msg->len = nf_vpn_get_be32(p + OFF_LENGTH);
}

/* What the version decides */
static void interpret(struct nf_vpn_ike_msg *msg)
{
	msg->v2 = msg->major == 2;
	if (!msg->v2) {
		msg->fragment = msg->next_payload ==
				NF_VPN_IKE1_PAYLOAD_FRAGMENT;
		return;
	}
	msg->response = msg->flags & NF_VPN_IKE2_FLAG_RESPONSE;
	msg->initiator = msg->flags & NF_VPN_IKE2_FLAG_INITIATOR;
	msg->fragment = msg->next_payload == NF_VPN_IKE2_PAYLOAD_SKF;
}

enum nf_vpn_ike_err nf_vpn_ike_parse(const u8 *p, unsigned int have,
				     unsigned int len,
				     struct nf_vpn_ike_msg *msg)
{
	u32 claimed;
	u8 major;

	if (have < NF_VPN_IKE_HDR_LEN)
		return NF_VPN_IKE_SHORT;
	if (!nf_vpn_get_be64(p + OFF_ISPI))
		return NF_VPN_IKE_BAD_SPI;
	major = p[OFF_VERSION] >> 4;
	if (major != 1 && major != 2)
		return NF_VPN_IKE_BAD_VERSION;
	claimed = nf_vpn_get_be32(p + OFF_LENGTH);
	if (claimed < NF_VPN_IKE_HDR_LEN || claimed > len)
		return NF_VPN_IKE_BAD_LENGTH;
	fill(msg, p);
	interpret(msg);
	return NF_VPN_IKE_OK;
}

enum nf_vpn_natt_kind nf_vpn_natt_classify(const u8 *p, unsigned int have,
					   unsigned int len)
{
	if (len == 1 && have)
		return p[0] == KEEPALIVE ? NF_VPN_NATT_KEEPALIVE :
					   NF_VPN_NATT_JUNK;
	if (have < NF_VPN_NATT_MARKER_LEN)
		return NF_VPN_NATT_JUNK;
	if (nf_vpn_get_be32(p))
		return len >= NF_VPN_ESP_HDR_LEN ? NF_VPN_NATT_ESP :
						   NF_VPN_NATT_JUNK;
	return len >= NF_VPN_NATT_MARKER_LEN + NF_VPN_IKE_HDR_LEN ?
	       NF_VPN_NATT_IKE : NF_VPN_NATT_JUNK;
}

/* ---- evidence ---- */

enum stage {
	FREE = 0,
	ASKED,		/* first message seen */
	ANSWERED,	/* the other side replied */
	DONE,		/* Quick Mode: third message seen */
};

static struct nf_vpn_ike_slot *take(struct nf_vpn_ike_gate_state *st)
{
	struct nf_vpn_ike_slot *slot = &st->slot[st->turn % NF_VPN_IKE_SLOTS];

	st->turn = (st->turn + 1) % NF_VPN_IKE_SLOTS;
	memset(slot, 0, sizeof(*slot));
	return slot;
}

static void begin(struct nf_vpn_ike_slot *slot,
		  const struct nf_vpn_ike_msg *msg, unsigned int from)
{
	slot->ispi = msg->ispi;
	slot->msgid = msg->msgid;
	slot->first_len = msg->len;
	slot->exchange = msg->exchange;
	slot->from = (u8)from;
	slot->stage = ASKED;
}

/*
 * IKEv2 message IDs count per direction of asking (RFC 7296 2.2), so who asked
 * is part of an exchange's name. IKEv1 picks them at random (RFC 2408 3.1) and
 * does not say who asked.
 */
static struct nf_vpn_ike_slot *find(struct nf_vpn_ike_gate_state *st,
				    const struct nf_vpn_ike_msg *msg,
				    unsigned int from)
{
	unsigned int i;

	for (i = 0; i < NF_VPN_IKE_SLOTS; i++) {
		struct nf_vpn_ike_slot *slot = &st->slot[i];

		if (slot->stage != FREE && slot->ispi == msg->ispi &&
		    slot->exchange == msg->exchange &&
		    slot->msgid == msg->msgid &&
		    (!msg->v2 || slot->from == from))
			return slot;
	}
	return NULL;
}

/* The IKE_AUTH slot of this IKE SA: all its rounds negotiate one child SA */
static struct nf_vpn_ike_slot *find_auth(struct nf_vpn_ike_gate_state *st,
					 const struct nf_vpn_ike_msg *msg,
					 unsigned int from)
{
	unsigned int i;

	for (i = 0; i < NF_VPN_IKE_SLOTS; i++) {
		struct nf_vpn_ike_slot *slot = &st->slot[i];

		if (slot->stage != FREE && slot->ispi == msg->ispi &&
		    slot->exchange == NF_VPN_IKE2_AUTH && slot->from == from)
			return slot;
	}
	return NULL;
}

/* A new IKE SA: its first message has no responder SPI yet */
static enum nf_vpn_ike_evidence see_setup(struct nf_vpn_ike_gate_state *st,
					  const struct nf_vpn_ike_msg *msg,
					  unsigned int dir)
{
	if (msg->rspi || msg->response || find(st, msg, dir))
		return NF_VPN_IKE_EV_NONE;
	begin(take(st), msg, dir);
	return NF_VPN_IKE_EV_SETUP;
}

static enum nf_vpn_ike_evidence see_request(struct nf_vpn_ike_gate_state *st,
					    const struct nf_vpn_ike_msg *msg,
					    unsigned int dir)
{
	bool auth = msg->exchange == NF_VPN_IKE2_AUTH;

	if (auth ? find_auth(st, msg, dir) : find(st, msg, dir))
		return NF_VPN_IKE_EV_NONE;
	begin(take(st), msg, dir);
	return NF_VPN_IKE_EV_GATE_WANTED;
}

/* A fragment may be short whatever the whole message holds */
static bool grants_nothing(const struct nf_vpn_ike_msg *msg)
{
	return msg->len < NF_VPN_IKE2_MIN_GRANT && !msg->fragment;
}

static enum nf_vpn_ike_evidence refuse(struct nf_vpn_ike_slot *slot)
{
	if (!slot || slot->stage != ASKED)
		return NF_VPN_IKE_EV_NONE;
	slot->stage = ANSWERED;
	return NF_VPN_IKE_EV_GATE_REFUSED;
}

/* The answer to @slot, which may be new to us */
static enum nf_vpn_ike_evidence answer(struct nf_vpn_ike_slot *slot,
				       const struct nf_vpn_ike_msg *msg)
{
	if (slot->stage == ASKED) {
		slot->stage = ANSWERED;
		slot->msgid = msg->msgid;
		return NF_VPN_IKE_EV_GATE_OPEN;
	}
	/* IKE_AUTH only: a later round; IDs grow, so an old one is a repeat */
	if ((s32)(msg->msgid - slot->msgid) <= 0)
		return NF_VPN_IKE_EV_NONE;
	slot->msgid = msg->msgid;
	return NF_VPN_IKE_EV_GATE_RENEWED;
}

static enum nf_vpn_ike_evidence see_response(struct nf_vpn_ike_gate_state *st,
					     const struct nf_vpn_ike_msg *msg,
					     unsigned int dir)
{
	bool auth = msg->exchange == NF_VPN_IKE2_AUTH;
	struct nf_vpn_ike_slot *slot;

	slot = auth ? find_auth(st, msg, !dir) : find(st, msg, !dir);
	if (grants_nothing(msg))
		return auth ? NF_VPN_IKE_EV_NONE : refuse(slot);
	if (!slot) {
		slot = take(st);
		begin(slot, msg, !dir);
	}
	return answer(slot, msg);
}

/*
 * Quick Mode, RFC 2409 5.5: HASH SA Ni .. / HASH SA Nr .. / HASH. The third is
 * the shortest by far, which tells it from the first sent once more. Fragments
 * have lengths of their own and never are the third: it fits any packet.
 */
static enum nf_vpn_ike_evidence see_quick(struct nf_vpn_ike_gate_state *st,
					  const struct nf_vpn_ike_msg *msg,
					  unsigned int dir)
{
	struct nf_vpn_ike_slot *slot = find(st, msg, dir);

	if (!slot) {
		begin(take(st), msg, dir);
		return NF_VPN_IKE_EV_GATE_WANTED;
	}
	if (slot->from != dir) {
		if (slot->stage == ASKED)
			slot->stage = ANSWERED;
		return NF_VPN_IKE_EV_NONE;
	}
	if (slot->stage != ANSWERED || msg->fragment ||
	    msg->len >= slot->first_len)
		return NF_VPN_IKE_EV_NONE;
	slot->stage = DONE;
	return NF_VPN_IKE_EV_GATE_OPEN;
}

/* Both the request and its answer, DPD or delete: one hint */
static enum nf_vpn_ike_evidence see_info(struct nf_vpn_ike_gate_state *st,
					 const struct nf_vpn_ike_msg *msg,
					 unsigned int dir)
{
	unsigned int from = msg->response ? !dir : dir;
	struct nf_vpn_ike_slot *slot = &st->info;

	if (slot->stage != FREE && slot->ispi == msg->ispi &&
	    slot->msgid == msg->msgid && slot->exchange == msg->exchange &&
	    slot->from == from)
		return NF_VPN_IKE_EV_NONE;
	begin(slot, msg, from);
	return NF_VPN_IKE_EV_CLOSE_HINT;
}

static enum nf_vpn_ike_evidence observe_v1(struct nf_vpn_ike_gate_state *st,
					   const struct nf_vpn_ike_msg *msg,
					   unsigned int dir)
{
	switch (msg->exchange) {
	case NF_VPN_IKE1_MAIN:
	case NF_VPN_IKE1_AGGRESSIVE:
		return see_setup(st, msg, dir);
	case NF_VPN_IKE1_QUICK:
		return see_quick(st, msg, dir);
	case NF_VPN_IKE1_INFORMATIONAL:
		return see_info(st, msg, dir);
	default:
		return NF_VPN_IKE_EV_NONE;
	}
}

static enum nf_vpn_ike_evidence observe_v2(struct nf_vpn_ike_gate_state *st,
					   const struct nf_vpn_ike_msg *msg,
					   unsigned int dir)
{
	switch (msg->exchange) {
	case NF_VPN_IKE2_SA_INIT:
	case NF_VPN_IKE2_SESSION_RESUME:
		return see_setup(st, msg, dir);
	case NF_VPN_IKE2_AUTH:
	case NF_VPN_IKE2_CREATE_CHILD:
		return msg->response ? see_response(st, msg, dir) :
				       see_request(st, msg, dir);
	case NF_VPN_IKE2_INFORMATIONAL:
		return see_info(st, msg, dir);
	default:
		return NF_VPN_IKE_EV_NONE;
	}
}

enum nf_vpn_ike_evidence nf_vpn_ike_observe(struct nf_vpn_ike_gate_state *st,
					    const struct nf_vpn_ike_msg *msg,
					    unsigned int dir)
{
	dir = !!dir;
	return msg->v2 ? observe_v2(st, msg, dir) : observe_v1(st, msg, dir);
}

/* The first message, or the second when the server sent the first */
static bool quick_hands_spi(const struct nf_vpn_ike_slot *slot)
{
	return !slot || slot->from || slot->stage == ASKED;
}

bool nf_vpn_ike_hands_spi(struct nf_vpn_ike_gate_state *st,
			  const struct nf_vpn_ike_msg *msg, unsigned int dir)
{
	if (dir)
		return false;
	if (!msg->v2)
		return msg->exchange == NF_VPN_IKE1_QUICK &&
		       quick_hands_spi(find(st, msg, dir));
	if (msg->exchange == NF_VPN_IKE2_AUTH)
		return !msg->response;
	return msg->exchange == NF_VPN_IKE2_CREATE_CHILD &&
	       !(msg->response && grants_nothing(msg));
}
