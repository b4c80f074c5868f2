// SPDX-License-Identifier: GPL-2.0-only
/* L2TP headers and the AVPs that name tunnels and sessions. */

#include "l2tp_msg.h"

/* Header, RFC 2661 3.1: two octets of flags, then what they say is there */
#define FLAG_CONTROL	0x8000	/* T */
#define FLAG_LENGTH	0x4000	/* L */
#define FLAG_SEQUENCE	0x0800	/* S */
#define FLAG_OFFSET	0x0200	/* O */
#define FLAG_PRIORITY	0x0100	/* P */
#define MASK_VERSION	0x000f

/* A control header has all of it, in both versions */
#define OFF_LENGTH	2
#define OFF_CONN	4
#define OFF_NS		8
#define OFF_NR		10

/* AVP, RFC 2661 4.1 */
#define AVP_HDR_LEN	6
#define AVP_HIDDEN	0x4000
#define AVP_RESERVED	0x3c00
#define AVP_LENGTH	0x03ff

/* Attribute types: RFC 2661 4.4, RFC 3931 5.4; vendor 0 */
#define AVP_MESSAGE_TYPE	0
#define AVP_ASSIGNED_TUNNEL	9
#define AVP_ASSIGNED_SESSION	14
#define AVP_DIGEST		59
#define AVP_ASSIGNED_CONN	61
#define AVP_LOCAL_SESSION	63
#define AVP_REMOTE_SESSION	64
#define AVP_NONCE		73

struct avp {
	u32 off;	/* of the AVP */
	u16 len;	/* header included */
	u16 flags;
	u16 vendor;
	u16 type;
};

static enum nf_vpn_l2tp_err check_flags(u16 flags)
{
	u16 version = flags & MASK_VERSION;

	if (version != 2 && version != 3)
		return NF_VPN_L2TP_BAD_VERSION;
	if (!(flags & FLAG_CONTROL))
		return NF_VPN_L2TP_OK;
	/* RFC 2661 3.1: L and S "MUST be set to 1", O and P "to 0". */
	if ((flags & (FLAG_LENGTH | FLAG_SEQUENCE)) !=
	    (FLAG_LENGTH | FLAG_SEQUENCE))
		return NF_VPN_L2TP_BAD_FLAGS;
	if (version == 2 && flags & (FLAG_OFFSET | FLAG_PRIORITY))
		return NF_VPN_L2TP_BAD_FLAGS;
	return NF_VPN_L2TP_OK;
}

/* Where the IDs are: only version 2 data may come without a length. */
static u16 id_offset(u16 flags)
{
	bool wide = (flags & MASK_VERSION) == 3 || flags & FLAG_LENGTH;

	return wide ? OFF_CONN : OFF_LENGTH;
}

enum nf_vpn_l2tp_err nf_vpn_l2tp_head(const u8 *p, unsigned int have,
				      struct nf_vpn_l2tp_head *head)
{
	enum nf_vpn_l2tp_err err;
	u16 flags, off;

	if (have < OFF_LENGTH)
		return NF_VPN_L2TP_SHORT;
	flags = nf_vpn_get_be16(p);
	err = check_flags(flags);
	if (err)
		return err;
	off = id_offset(flags);
	if (have < off + 4U)
		return NF_VPN_L2TP_SHORT;

	head->version = flags & MASK_VERSION;
	head->control = flags & FLAG_CONTROL;
	head->id_off = off;
	head->session = 0;
	head->id = nf_vpn_get_be32(p + off);
	if (head->version == 2) {
		head->session = (u16)head->id;
		head->id >>= 16;
	}
	return NF_VPN_L2TP_OK;
}

/* ---- control messages ---- */

static enum nf_vpn_l2tp_err read_header(const struct nf_vpn_l2tp_octets *in,
					struct nf_vpn_l2tp_msg *msg)
{
	struct nf_vpn_l2tp_head head;
	u8 buf[NF_VPN_L2TP_CONTROL_LEN];
	enum nf_vpn_l2tp_err err;
	const u8 *p;

	if (in->len < sizeof(buf))
		return NF_VPN_L2TP_SHORT;
	p = in->peek(in->ctx, 0, sizeof(buf), buf);
	if (!p)
		return NF_VPN_L2TP_SHORT;
	err = nf_vpn_l2tp_head(p, sizeof(buf), &head);
	if (err)
		return err;
	if (!head.control)
		return NF_VPN_L2TP_BAD_FLAGS;

	memset(msg, 0, sizeof(*msg));
	msg->version = head.version;
	msg->len = nf_vpn_get_be16(p + OFF_LENGTH);
	msg->conn = head.id;
	msg->session = head.session;
	msg->ns = nf_vpn_get_be16(p + OFF_NS);
	msg->nr = nf_vpn_get_be16(p + OFF_NR);
	if (msg->len < NF_VPN_L2TP_CONTROL_LEN || msg->len > in->len)
		return NF_VPN_L2TP_BAD_LENGTH;
	return NF_VPN_L2TP_OK;
}

static enum nf_vpn_l2tp_err read_avp(const struct nf_vpn_l2tp_octets *in,
				     u32 off, u32 end, struct avp *avp)
{
	u8 buf[AVP_HDR_LEN];
	const u8 *p;
	u16 word;

	if (end - off < sizeof(buf))
		return NF_VPN_L2TP_BAD_AVP;
	p = in->peek(in->ctx, off, sizeof(buf), buf);
	if (!p)
		return NF_VPN_L2TP_BAD_AVP;
	word = nf_vpn_get_be16(p);
	avp->off = off;
	avp->flags = word;
	avp->len = word & AVP_LENGTH;
	avp->vendor = nf_vpn_get_be16(p + 2);
	avp->type = nf_vpn_get_be16(p + 4);
	if (avp->len < AVP_HDR_LEN || avp->len > end - off)
		return NF_VPN_L2TP_BAD_AVP;
	return NF_VPN_L2TP_OK;
}

/* Two or four octets, the whole value of an AVP. */
static bool read_value(const struct nf_vpn_l2tp_octets *in,
		       const struct avp *avp, unsigned int n, u32 *value)
{
	u8 buf[4];
	const u8 *p;

	if (avp->len != AVP_HDR_LEN + n)
		return false;
	p = in->peek(in->ctx, avp->off + AVP_HDR_LEN, n, buf);
	if (!p)
		return false;
	*value = n == 2 ? nf_vpn_get_be16(p) : nf_vpn_get_be32(p);
	return true;
}

/*
 * Reserved bits set: RFC 2661 4.1 has the AVP treated as unrecognized, RFC 3931
 * 5.1 has the bits ignored.
 */
static bool is_foreign(const struct avp *avp, u8 version)
{
	return avp->vendor || (version == 2 && avp->flags & AVP_RESERVED);
}

/* RFC 2661 4.4.1, RFC 3931 5.4.1: comes first, is never hidden. */
static enum nf_vpn_l2tp_err read_type(const struct nf_vpn_l2tp_octets *in,
				      const struct avp *avp,
				      struct nf_vpn_l2tp_msg *msg)
{
	u32 type;

	if (is_foreign(avp, msg->version) || avp->type != AVP_MESSAGE_TYPE ||
	    avp->flags & AVP_HIDDEN ||
	    !read_value(in, avp, 2, &type) || !type)
		return NF_VPN_L2TP_BAD_TYPE;
	msg->type = (u16)type;
	return NF_VPN_L2TP_OK;
}

/*
 * Twice the same ID: we could rewrite one and the receiver believe the other.
 * Who refuses early has no ID to give and sends 0: as good as none.
 */
static enum nf_vpn_l2tp_err read_id(const struct nf_vpn_l2tp_octets *in,
				    const struct avp *avp, unsigned int n,
				    struct nf_vpn_l2tp_id *id)
{
	if (id->seen)
		return NF_VPN_L2TP_BAD_ID;
	if (avp->flags & AVP_HIDDEN) {
		id->seen = NF_VPN_L2TP_HIDDEN;
		return NF_VPN_L2TP_OK;
	}
	if (!read_value(in, avp, n, &id->id))
		return NF_VPN_L2TP_BAD_ID;
	if (!id->id)
		return NF_VPN_L2TP_OK;
	id->seen = NF_VPN_L2TP_CLEAR;
	id->off = (u16)(avp->off + AVP_HDR_LEN);
	return NF_VPN_L2TP_OK;
}

static enum nf_vpn_l2tp_err note_v2(const struct nf_vpn_l2tp_octets *in,
				    const struct avp *avp,
				    struct nf_vpn_l2tp_msg *msg)
{
	switch (avp->type) {
	case AVP_ASSIGNED_TUNNEL:
		return read_id(in, avp, 2, &msg->assigned);
	case AVP_ASSIGNED_SESSION:
		return read_id(in, avp, 2, &msg->local);
	}
	return NF_VPN_L2TP_OK;
}

static enum nf_vpn_l2tp_err note_v3(const struct nf_vpn_l2tp_octets *in,
				    const struct avp *avp,
				    struct nf_vpn_l2tp_msg *msg)
{
	switch (avp->type) {
	case AVP_DIGEST:
	case AVP_NONCE:
		msg->digest = true;
		break;
	case AVP_ASSIGNED_CONN:
		return read_id(in, avp, 4, &msg->assigned);
	case AVP_LOCAL_SESSION:
		return read_id(in, avp, 4, &msg->local);
	case AVP_REMOTE_SESSION:
		return read_id(in, avp, 4, &msg->remote);
	}
	return NF_VPN_L2TP_OK;
}

static enum nf_vpn_l2tp_err note(const struct nf_vpn_l2tp_octets *in,
				 const struct avp *avp,
				 struct nf_vpn_l2tp_msg *msg)
{
	if (avp->flags & AVP_HIDDEN && msg->hidden < 0xff)
		msg->hidden++;
	if (is_foreign(avp, msg->version))
		return NF_VPN_L2TP_OK;
	return msg->version == 2 ? note_v2(in, avp, msg) :
				   note_v3(in, avp, msg);
}

enum nf_vpn_l2tp_err nf_vpn_l2tp_parse(const struct nf_vpn_l2tp_octets *in,
				       struct nf_vpn_l2tp_msg *msg)
{
	u32 off = NF_VPN_L2TP_CONTROL_LEN;
	enum nf_vpn_l2tp_err err;
	struct avp avp;
	unsigned int n;

	err = read_header(in, msg);
	for (n = 0; !err && off < msg->len; n++) {
		if (n == NF_VPN_L2TP_AVPS)
			return NF_VPN_L2TP_BAD_AVP;
		err = read_avp(in, off, msg->len, &avp);
		if (err)
			break;
		err = n ? note(in, &avp, msg) : read_type(in, &avp, msg);
		off += avp.len;
	}
	return err;
}
