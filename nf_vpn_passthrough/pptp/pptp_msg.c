// SPDX-License-Identifier: GPL-2.0-only
/* PPTP control messages: the table of RFC 2637 section 2 and its parser. */

#include "pptp_msg.h"

/* Common header, RFC 2637 2.1 */
#define OFF_LENGTH	0
#define OFF_KIND	2
#define OFF_MAGIC	4
#define OFF_TYPE	8

#define KIND_CONTROL	1	/* 2 is "management", never defined further */

#define ROW(n, l)		{ .name = (n), .len = (l), .head = 12 }
#define ROW_OWN(n, l)		{ .name = (n), .len = (l), .own_off = 12, \
				  .head = 14 }
#define ROW_PEER(n, l)		{ .name = (n), .len = (l), .peer_off = 12, \
				  .head = 14 }
#define ROW_REPLY(n, l)		{ .name = (n), .len = (l), .own_off = 12, \
				  .peer_off = 14, .res_off = 16, .head = 17 }

/*
 * Whose Call ID a field holds is easy to get wrong. Call-Clear-Request (2.12)
 * and Call-Disconnect-Notify (2.13) carry the ID of their sender, "because the
 * latter [peer's] may not be known"; WAN-Error-Notify (2.14), Set-Link-Info
 * (2.15) and Incoming-Call-Connected (2.11) that of their receiver.
 */
static const struct nf_vpn_pptp_desc table[NF_VPN_PPTP_TYPE_MAX + 1] = {
	[NF_VPN_PPTP_SCCRQ] = ROW("Start-Control-Connection-Request", 156),
	[NF_VPN_PPTP_SCCRP] = ROW("Start-Control-Connection-Reply", 156),
	[NF_VPN_PPTP_STOPCCRQ] = ROW("Stop-Control-Connection-Request", 16),
	[NF_VPN_PPTP_STOPCCRP] = { .name = "Stop-Control-Connection-Reply",
				   .len = 16, .res_off = 12, .head = 13 },
	[NF_VPN_PPTP_ECHORQ] = ROW("Echo-Request", 16),
	[NF_VPN_PPTP_ECHORP] = ROW("Echo-Reply", 20),
	[NF_VPN_PPTP_OCRQ] = ROW_OWN("Outgoing-Call-Request", 168),
	[NF_VPN_PPTP_OCRP] = ROW_REPLY("Outgoing-Call-Reply", 32),
	[NF_VPN_PPTP_ICRQ] = ROW_OWN("Incoming-Call-Request", 220),
	[NF_VPN_PPTP_ICRP] = ROW_REPLY("Incoming-Call-Reply", 24),
	[NF_VPN_PPTP_ICCN] = ROW_PEER("Incoming-Call-Connected", 28),
	[NF_VPN_PPTP_CCRQ] = ROW_OWN("Call-Clear-Request", 16),
	[NF_VPN_PPTP_CDN] = ROW_OWN("Call-Disconnect-Notify", 148),
	[NF_VPN_PPTP_WEN] = ROW_PEER("WAN-Error-Notify", 40),
	[NF_VPN_PPTP_SLI] = ROW_PEER("Set-Link-Info", 24),
};

const struct nf_vpn_pptp_desc *nf_vpn_pptp_desc(unsigned int type)
{
	if (type < NF_VPN_PPTP_SCCRQ || type > NF_VPN_PPTP_TYPE_MAX)
		return NULL;
	return &table[type];
}

/* Judge each header field as soon as it is there, whatever is still missing */
static enum nf_vpn_pptp_err check_header(const u8 *head, unsigned int have)
{
	if (have >= OFF_MAGIC + 4 &&
	    nf_vpn_get_be32(head + OFF_MAGIC) != NF_VPN_PPTP_MAGIC)
		return NF_VPN_PPTP_BAD_MAGIC;
	if (have >= OFF_KIND + 2 &&
	    nf_vpn_get_be16(head + OFF_KIND) != KIND_CONTROL)
		return NF_VPN_PPTP_BAD_KIND;
	if (have < OFF_TYPE + 2)
		return NF_VPN_PPTP_NEED_MORE;
	if (!nf_vpn_pptp_desc(nf_vpn_get_be16(head + OFF_TYPE)))
		return NF_VPN_PPTP_BAD_TYPE;
	return NF_VPN_PPTP_OK;
}

static u16 field(const u8 *head, u8 off)
{
	return off ? nf_vpn_get_be16(head + off) : 0;
}

static void fill(struct nf_vpn_pptp_msg *msg, const u8 *head, u16 type)
{
	const struct nf_vpn_pptp_desc *d = &table[type];

	msg->desc = d;
	msg->type = type;
	msg->len = nf_vpn_get_be16(head + OFF_LENGTH);
	msg->own_id = field(head, d->own_off);
	msg->peer_id = field(head, d->peer_off);
	msg->result = d->res_off ? head[d->res_off] : 0;
	msg->exact = msg->len == d->len;
	msg->lost = false;
}

enum nf_vpn_pptp_err nf_vpn_pptp_parse(const u8 *head, unsigned int have,
				       struct nf_vpn_pptp_msg *msg)
{
	const struct nf_vpn_pptp_desc *d;
	enum nf_vpn_pptp_err err;
	u16 type, len;

	err = check_header(head, have);
	if (err)
		return err;
	type = nf_vpn_get_be16(head + OFF_TYPE);
	len = nf_vpn_get_be16(head + OFF_LENGTH);
	d = nf_vpn_pptp_desc(type);
	if (len < d->head || len > NF_VPN_PPTP_LEN_MAX)
		return NF_VPN_PPTP_BAD_LENGTH;
	if (have < d->head)
		return NF_VPN_PPTP_NEED_MORE;
	fill(msg, head, type);
	return NF_VPN_PPTP_OK;
}

void nf_vpn_pptp_header(u8 *head, u16 type, u16 len)
{
	nf_vpn_put_be16(head + OFF_LENGTH, len);
	nf_vpn_put_be16(head + OFF_KIND, KIND_CONTROL);
	nf_vpn_put_be32(head + OFF_MAGIC, NF_VPN_PPTP_MAGIC);
	nf_vpn_put_be16(head + OFF_TYPE, type);
}
