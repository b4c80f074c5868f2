/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PPTP control messages (RFC 2637 section 2): one table, one parser. Pure.
 *
 * Nothing here is stateful. All numbers handed out are in host order, all
 * offsets count octets from the first octet of the message (its length field).
 */
#ifndef NF_VPN_PPTP_MSG_H
#define NF_VPN_PPTP_MSG_H

#include "../../include/nf_vpn_pure.h"

#define NF_VPN_PPTP_PORT	1723
#define NF_VPN_PPTP_MAGIC	0x1a2b3c4dU

/* length, PPTP message type, magic cookie, control type, reserved */
#define NF_VPN_PPTP_HDR_LEN	12

/* No type needs more than this to be parsed: header, two IDs, a result code */
#define NF_VPN_PPTP_HEAD_MAX	17

/* Octets of the header that have one right value, or are known: up to the type */
#define NF_VPN_PPTP_CHECKED	10

/*
 * The public Call ID of no call: GRE to it leads nowhere.  An end that chose it
 * itself gets another one when it is translated.
 */
#define NF_VPN_PPTP_NO_CALL	0xffff

/* The longest message of the RFC has 220 octets; see nf_vpn_pptp_parse() */
#define NF_VPN_PPTP_LEN_MAX	0x0fff

/* Result code that says a call (or the control connection) is established */
#define NF_VPN_PPTP_RESULT_OK	1

/* Control message types, RFC 2637 2.1 to 2.15 */
enum nf_vpn_pptp_type {
	NF_VPN_PPTP_SCCRQ	= 1,	/* Start-Control-Connection-Request */
	NF_VPN_PPTP_SCCRP	= 2,	/* Start-Control-Connection-Reply */
	NF_VPN_PPTP_STOPCCRQ	= 3,	/* Stop-Control-Connection-Request */
	NF_VPN_PPTP_STOPCCRP	= 4,	/* Stop-Control-Connection-Reply */
	NF_VPN_PPTP_ECHORQ	= 5,	/* Echo-Request */
	NF_VPN_PPTP_ECHORP	= 6,	/* Echo-Reply */
	NF_VPN_PPTP_OCRQ	= 7,	/* Outgoing-Call-Request, PNS to PAC */
	NF_VPN_PPTP_OCRP	= 8,	/* Outgoing-Call-Reply, PAC to PNS */
	NF_VPN_PPTP_ICRQ	= 9,	/* Incoming-Call-Request, PAC to PNS */
	NF_VPN_PPTP_ICRP	= 10,	/* Incoming-Call-Reply, PNS to PAC */
	NF_VPN_PPTP_ICCN	= 11,	/* Incoming-Call-Connected, PAC to PNS */
	NF_VPN_PPTP_CCRQ	= 12,	/* Call-Clear-Request, PNS to PAC */
	NF_VPN_PPTP_CDN		= 13,	/* Call-Disconnect-Notify, PAC to PNS */
	NF_VPN_PPTP_WEN		= 14,	/* WAN-Error-Notify, PAC to PNS */
	NF_VPN_PPTP_SLI		= 15,	/* Set-Link-Info, PNS to PAC */
	NF_VPN_PPTP_TYPE_MAX	= 15,
};

/**
 * struct nf_vpn_pptp_desc - what RFC 2637 says about one control message
 * @name:	spelling of the RFC, never NULL
 * @len:	exact length of the RFC, header included
 * @own_off:	offset of the Call ID that belongs to the message's SENDER, 0: none
 * @peer_off:	offset of the Call ID that belongs to its RECEIVER, 0: none
 * @res_off:	offset of the one-octet result code, 0: none or of no use to a NAT
 * @head:	octets a parser needs: the header and every field named above
 *
 * @own_off and @peer_off, where not 0, lie in [NF_VPN_PPTP_HDR_LEN, @head - 2].
 */
struct nf_vpn_pptp_desc {
	const char *name;
	u16 len;
	u8 own_off;
	u8 peer_off;
	u8 res_off;
	u8 head;
};

enum nf_vpn_pptp_err {
	NF_VPN_PPTP_OK = 0,
	NF_VPN_PPTP_NEED_MORE,		/* no fault so far, too few octets */
	NF_VPN_PPTP_BAD_MAGIC,		/* not 0x1a2b3c4d: sync is lost */
	NF_VPN_PPTP_BAD_KIND,		/* not a control message (type 1) */
	NF_VPN_PPTP_BAD_TYPE,		/* control type not 1..15 */
	NF_VPN_PPTP_BAD_LENGTH,		/* cannot hold its fields, or absurd */
	NF_VPN_PPTP_ERR_COUNT,
};

/**
 * struct nf_vpn_pptp_msg - one parsed control message
 * @desc:	its row of the table, valid for ever
 * @type:	enum nf_vpn_pptp_type
 * @len:	length the message claims; the next message starts there
 * @own_id:	Call ID of the sender, host order; 0 when desc->own_off is 0
 * @peer_id:	Call ID of the receiver, host order; 0 when desc->peer_off is 0
 * @result:	result code; 0 when desc->res_off is 0
 * @exact:	@len is what the RFC says
 * @lost:	set by pptp_stream only: its IDs could not be translated and went
 *		as NF_VPN_PPTP_NO_CALL
 */
struct nf_vpn_pptp_msg {
	const struct nf_vpn_pptp_desc *desc;
	u16 type;
	u16 len;
	u16 own_id;
	u16 peer_id;
	u8 result;
	bool exact;
	bool lost;
};

/**
 * nf_vpn_pptp_desc() - look a control message type up
 * @type:	control message type, host order, any value
 *
 * Return: its row, or NULL when @type is not 1..15.
 */
const struct nf_vpn_pptp_desc *nf_vpn_pptp_desc(unsigned int type);

/**
 * nf_vpn_pptp_parse() - read the head of one control message
 * @head:	first octet of the message
 * @have:	octets readable at @head; more than NF_VPN_PPTP_HEAD_MAX is
 *		never looked at
 * @msg:	filled completely on NF_VPN_PPTP_OK, otherwise untouched
 *
 * A fault is reported as soon as the octets there show it, so a caller who
 * waits after NEED_MORE never waits for something that cannot come right.
 *
 * Lengths: the RFC's are exact, yet only the length field frames the stream.
 * A message too short for the fields of its type is refused, because the IDs
 * would lie in the next message. Another length up to NF_VPN_PPTP_LEN_MAX is
 * believed (msg->exact false): the receiver decides what it thinks of that.
 *
 * Return: NF_VPN_PPTP_OK or the first fault, in the order of the enum.
 */
enum nf_vpn_pptp_err nf_vpn_pptp_parse(const u8 *head, unsigned int have,
				       struct nf_vpn_pptp_msg *msg);

/**
 * nf_vpn_pptp_header() - the first NF_VPN_PPTP_CHECKED octets of a message
 * @head:	room for them
 * @type:	control message type
 * @len:	length of the message
 */
void nf_vpn_pptp_header(u8 *head, u16 type, u16 len);

#endif /* NF_VPN_PPTP_MSG_H */
