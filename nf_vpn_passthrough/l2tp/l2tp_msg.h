/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L2TP in clear: headers of version 2 (RFC 2661 3.1) and 3 (RFC 3931 3.2, 4.1),
 * and the AVPs that name tunnels and sessions (RFC 2661 4.1, RFC 3931 5.1). Pure.
 *
 * Nothing here is stateful. Numbers handed out are in host order, offsets count
 * octets from the first octet of the header (the one with the T bit); what comes
 * before it, a UDP header or the four zero octets of L2TP over IP, is the caller's.
 */
#ifndef NF_VPN_L2TP_MSG_H
#define NF_VPN_L2TP_MSG_H

#include "../../include/nf_vpn_pure.h"

#define NF_VPN_L2TP_PORT	1701

/* Octets of a header that nf_vpn_l2tp_head() may want to see */
#define NF_VPN_L2TP_HEAD_MAX	8

/* A control header: both versions; RFC 2661 3.1, RFC 3931 3.2.1 */
#define NF_VPN_L2TP_CONTROL_LEN	12

/* Session ID 0 before a control message over IP, RFC 3931 4.1.1.2 */
#define NF_VPN_L2TP_IP_ZERO_LEN	4

/* More AVPs than any message has: the work for one packet is bounded */
#define NF_VPN_L2TP_AVPS	128

/* Message types, RFC 2661 3.2 and RFC 3931 3.1 */
enum nf_vpn_l2tp_type {
	NF_VPN_L2TP_ZLB		= 0,	/* no AVP at all, acknowledges */
	NF_VPN_L2TP_SCCRQ	= 1,	/* Start-Control-Connection-Request */
	NF_VPN_L2TP_SCCRP	= 2,	/* Start-Control-Connection-Reply */
	NF_VPN_L2TP_SCCCN	= 3,	/* Start-Control-Connection-Connected */
	NF_VPN_L2TP_STOPCCN	= 4,	/* Stop-Control-Connection-Notification */
	NF_VPN_L2TP_HELLO	= 6,
	NF_VPN_L2TP_OCRQ	= 7,	/* Outgoing-Call-Request */
	NF_VPN_L2TP_OCRP	= 8,	/* Outgoing-Call-Reply */
	NF_VPN_L2TP_OCCN	= 9,	/* Outgoing-Call-Connected */
	NF_VPN_L2TP_ICRQ	= 10,	/* Incoming-Call-Request */
	NF_VPN_L2TP_ICRP	= 11,	/* Incoming-Call-Reply */
	NF_VPN_L2TP_ICCN	= 12,	/* Incoming-Call-Connected */
	NF_VPN_L2TP_CDN		= 14,	/* Call-Disconnect-Notify */
	NF_VPN_L2TP_WEN		= 15,	/* WAN-Error-Notify */
	NF_VPN_L2TP_SLI		= 16,	/* Set-Link-Info */
	NF_VPN_L2TP_ACK		= 20,	/* version 3 only */
};

enum nf_vpn_l2tp_err {
	NF_VPN_L2TP_OK = 0,
	NF_VPN_L2TP_SHORT,		/* too few octets for a header */
	NF_VPN_L2TP_BAD_VERSION,	/* not 2 or 3 (1 is L2F, RFC 2341) */
	NF_VPN_L2TP_BAD_FLAGS,		/* control without L or S, or with O, P */
	NF_VPN_L2TP_BAD_LENGTH,		/* below the header, or not all there */
	NF_VPN_L2TP_BAD_AVP,		/* runs over the end, or too many */
	NF_VPN_L2TP_BAD_TYPE,		/* first AVP is no clear Message Type */
	NF_VPN_L2TP_BAD_ID,		/* an ID of wrong size, or twice */
	NF_VPN_L2TP_ERR_COUNT,
};

/**
 * struct nf_vpn_l2tp_head - what every L2TP header says
 * @version:	2 or 3
 * @control:	T bit
 * @id_off:	offset of the Tunnel ID (version 2, 2 octets), of the Control
 *		Connection ID (version 3 control) or of the Session ID (version 3
 *		data over UDP), 4 octets
 * @id:		that ID; it is the receiver's in every packet
 * @session:	version 2: the Session ID behind it, also the receiver's; else 0
 */
struct nf_vpn_l2tp_head {
	u8 version;
	bool control;
	u16 id_off;
	u32 id;
	u16 session;
};

/**
 * nf_vpn_l2tp_is_data() - is it a data message, of a version that we know?
 * @p:		the octet with the T bit; NF_VPN_L2TP_HEAD_MAX octets are there
 */
static inline bool nf_vpn_l2tp_is_data(const u8 *p)
{
	return !(p[0] & 0x80) && ((p[1] & 0xf) == 2 || (p[1] & 0xf) == 3);
}

/**
 * nf_vpn_l2tp_head() - read a header
 * @p:		the octet with the T bit
 * @have:	octets readable at @p; no more than NF_VPN_L2TP_HEAD_MAX matter
 * @head:	filled completely on NF_VPN_L2TP_OK, otherwise untouched
 *
 * Of data not more is judged than is needed: L2TP has many dialects.
 *
 * Return: NF_VPN_L2TP_OK, _SHORT, _BAD_VERSION or _BAD_FLAGS.
 */
enum nf_vpn_l2tp_err nf_vpn_l2tp_head(const u8 *p, unsigned int have,
				      struct nf_vpn_l2tp_head *head);

enum nf_vpn_l2tp_seen {
	NF_VPN_L2TP_ABSENT = 0,
	NF_VPN_L2TP_CLEAR,
	NF_VPN_L2TP_HIDDEN,	/* H bit: enciphered, RFC 2661 4.3, 3931 5.3 */
};

/**
 * struct nf_vpn_l2tp_id - an ID in an AVP
 * @seen:	enum nf_vpn_l2tp_seen; an ID of value 0 counts as ABSENT
 * @off:	offset of the value: 2 octets in version 2, 4 in 3; if CLEAR
 * @id:		the value, never 0; if CLEAR
 */
struct nf_vpn_l2tp_id {
	u8 seen;
	u16 off;
	u32 id;
};

/**
 * struct nf_vpn_l2tp_msg - one parsed control message
 * @version:	2 or 3
 * @type:	enum nf_vpn_l2tp_type, or any other number (extensions)
 * @len:	length of the message, header included
 * @conn:	Tunnel ID or Control Connection ID of the receiver; 0: not known yet
 * @session:	version 2: Session ID of the receiver; 0: none, or not known yet
 * @ns:		its sequence number
 * @nr:		the next one expected
 * @assigned:	the sender's Tunnel ID (AVP 9) or Control Connection ID (61): what
 *		the other end is to send in its headers from now
 * @local:	the sender's Session ID (AVP 14; version 3: 63)
 * @remote:	version 3: the receiver's Session ID (AVP 64); version 2 has it in the
 *		header: ABSENT
 * @digest:	version 3: signed (AVP 59), or all that follows will be (AVP 73):
 *		nobody on the way may change a bit of it (RFC 3931 4.3)
 * @hidden:	hidden AVPs, of whatever kind
 */
struct nf_vpn_l2tp_msg {
	u8 version;
	u16 type;
	u16 len;
	u32 conn;
	u16 session;
	u16 ns;
	u16 nr;
	struct nf_vpn_l2tp_id assigned;
	struct nf_vpn_l2tp_id local;
	struct nf_vpn_l2tp_id remote;
	bool digest;
	u8 hidden;
};

/**
 * struct nf_vpn_l2tp_octets - where a message is read from
 * @ctx:	for @peek
 * @len:	octets from the T bit to the end of the datagram
 * @peek:	@n octets at @off, as skb_header_pointer(): a pointer to them, perhaps
 *		@buf filled with them, or NULL when they are not there
 */
struct nf_vpn_l2tp_octets {
	void *ctx;
	u32 len;
	const u8 *(*peek)(void *ctx, u32 off, u32 n, u8 *buf);
};

/**
 * nf_vpn_l2tp_parse() - read a control message
 * @in:		where it is
 * @msg:	undefined unless NF_VPN_L2TP_OK
 *
 * Unknown and hidden AVPs are passed over. Reserved bits set make an AVP unknown
 * in version 2 (RFC 2661 4.1) and mean nothing in version 3 (RFC 3931 5.1).
 * Octets behind the claimed length are tolerated.
 *
 * Return: NF_VPN_L2TP_OK or the first fault.
 */
enum nf_vpn_l2tp_err nf_vpn_l2tp_parse(const struct nf_vpn_l2tp_octets *in,
				       struct nf_vpn_l2tp_msg *msg);

#endif /* NF_VPN_L2TP_MSG_H */
