/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IKE in clear: header (RFC 2408 3.1, RFC 7296 3.1), what shares UDP 4500
 * (RFC 3948 2), and what the exchanges say about ESP SAs to come. Pure.
 *
 * All numbers handed out are in host order.
 */
#ifndef NF_VPN_IKE_MSG_H
#define NF_VPN_IKE_MSG_H

#include "../../include/nf_vpn_pure.h"

#define NF_VPN_IKE_PORT		500
#define NF_VPN_NATT_PORT	4500
#define NF_VPN_IKE_HDR_LEN	28
#define NF_VPN_NATT_MARKER_LEN	4	/* zeroes before IKE, RFC 3948 2.2 */
#define NF_VPN_ESP_HDR_LEN	8	/* SPI and sequence number */

/* Exchange types: RFC 2408 3.1 and 2409 appendix A; RFC 7296 3.1 and IANA */
enum nf_vpn_ike_exchange {
	NF_VPN_IKE1_MAIN		= 2,	/* Identity Protection */
	NF_VPN_IKE1_AGGRESSIVE		= 4,
	NF_VPN_IKE1_INFORMATIONAL	= 5,
	NF_VPN_IKE1_TRANSACTION		= 6,	/* mode-cfg, XAUTH */
	NF_VPN_IKE1_QUICK		= 32,
	NF_VPN_IKE1_NEW_GROUP		= 33,
	NF_VPN_IKE2_SA_INIT		= 34,
	NF_VPN_IKE2_AUTH		= 35,
	NF_VPN_IKE2_CREATE_CHILD	= 36,
	NF_VPN_IKE2_INFORMATIONAL	= 37,
	NF_VPN_IKE2_SESSION_RESUME	= 38,	/* RFC 5723 */
	NF_VPN_IKE2_INTERMEDIATE	= 43,	/* RFC 9242 */
};

#define NF_VPN_IKE1_FLAG_ENCRYPTED	0x01	/* RFC 2408 3.1 */
#define NF_VPN_IKE1_FLAG_COMMIT		0x02
#define NF_VPN_IKE2_FLAG_INITIATOR	0x08	/* RFC 7296 3.1 */
#define NF_VPN_IKE2_FLAG_RESPONSE	0x20

#define NF_VPN_IKE2_PAYLOAD_SK		46	/* encrypted, RFC 7296 3.14 */
#define NF_VPN_IKE2_PAYLOAD_SKF		53	/* its fragment, RFC 7383 2.5 */
#define NF_VPN_IKE1_PAYLOAD_FRAGMENT	132	/* vendors' fragment, no RFC */

enum nf_vpn_ike_err {
	NF_VPN_IKE_OK = 0,
	NF_VPN_IKE_SHORT,	/* fewer than 28 octets */
	NF_VPN_IKE_BAD_SPI,	/* initiator SPI (cookie) is zero */
	NF_VPN_IKE_BAD_VERSION,	/* major version not 1 or 2 */
	NF_VPN_IKE_BAD_LENGTH,	/* below 28 or beyond the datagram */
	NF_VPN_IKE_ERR_COUNT,
};

/**
 * struct nf_vpn_ike_msg - an IKE header
 * @ispi:	initiator SPI (IKEv1: cookie), never 0
 * @rspi:	responder SPI, 0 in the first message of a new SA
 * @msgid:	message ID
 * @len:	length the message claims, header included
 * @next_payload: type of the first payload
 * @major:	1 or 2
 * @minor:	any, to be ignored (RFC 7296 2.5)
 * @exchange:	enum nf_vpn_ike_exchange, or any other value
 * @flags:	as on the wire
 * @v2:		major version 2
 * @response:	IKEv2: R flag. IKEv1 has none: always false
 * @initiator:	IKEv2: sent by the original initiator of the IKE SA (I flag), not
 *		of the exchange. IKEv1: always false
 * @fragment:	a piece of a message (RFC 7383 or its IKEv1 forerunner); all
 *		pieces share the header but for @len and @next_payload
 */
struct nf_vpn_ike_msg {
	u64 ispi;
	u64 rspi;
	u32 msgid;
	u32 len;
	u8 next_payload;
	u8 major;
	u8 minor;
	u8 exchange;
	u8 flags;
	bool v2;
	bool response;
	bool initiator;
	bool fragment;
};

/**
 * nf_vpn_ike_parse() - read an IKE header
 * @p:		first octet of the IKE message: the UDP payload on port 500, what
 *		follows the non-ESP marker on port 4500
 * @have:	octets readable at @p
 * @len:	octets of the datagram from @p on, >= @have
 * @msg:	filled completely on NF_VPN_IKE_OK, otherwise untouched
 *
 * Octets behind the claimed length are tolerated, some stacks pad.
 *
 * Return: NF_VPN_IKE_OK or the first fault in the order of the enum.
 */
enum nf_vpn_ike_err nf_vpn_ike_parse(const u8 *p, unsigned int have,
				     unsigned int len,
				     struct nf_vpn_ike_msg *msg);

enum nf_vpn_natt_kind {
	NF_VPN_NATT_JUNK = 0,	/* none of these */
	NF_VPN_NATT_KEEPALIVE,	/* one octet 0xff, RFC 3948 2.3 */
	NF_VPN_NATT_IKE,	/* non-ESP marker, room for a header, 2.2 */
	NF_VPN_NATT_ESP,	/* SPI not zero, room for SPI and sequence, 2.1 */
};

/**
 * nf_vpn_natt_classify() - what a UDP 4500 datagram carries
 * @p:		first octet of the UDP payload
 * @have:	octets readable at @p, at least min(@len, 4)
 * @len:	octets of the UDP payload, >= @have
 *
 * Return: the kind; JUNK also when @have is too small to tell.
 */
enum nf_vpn_natt_kind nf_vpn_natt_classify(const u8 *p, unsigned int have,
					   unsigned int len);

/* What one IKE message means for the ESP SAs of its client and server */
enum nf_vpn_ike_evidence {
	NF_VPN_IKE_EV_NONE = 0,		/* nothing, or a retransmission */
	NF_VPN_IKE_EV_SETUP,		/* a new IKE SA is being set up */
	NF_VPN_IKE_EV_GATE_WANTED,	/* negotiation of a child SA began */
	NF_VPN_IKE_EV_GATE_OPEN,	/* it was answered: ESP may come now */
	NF_VPN_IKE_EV_GATE_RENEWED,	/* the gate opened for this IKE SA's
					 * IKE_AUTH begins only now (EAP rounds,
					 * RFC 7296 2.16): set its time anew,
					 * do not count a second one
					 */
	NF_VPN_IKE_EV_CLOSE_HINT,	/* INFORMATIONAL: delete, error or DPD,
					 * which look the same from outside
					 */
	NF_VPN_IKE_EV_GATE_REFUSED,	/* the exchange was answered, too short
					 * to hold an SA: no longer wanted
					 */
};

/* No shorter IKEv2 message can grant a child SA: header 28, Encrypted payload
 * header 4, SA payload with one proposal and transform 24, nonce 20 (or AUTH
 * 24), two traffic selector payloads 48; RFC 7296 1.3.1, 3.3, 3.9, 3.13. IV,
 * padding and checksum come on top.
 */
#define NF_VPN_IKE2_MIN_GRANT	124

/* Exchanges remembered per client and server, to see retransmissions */
#define NF_VPN_IKE_SLOTS	4

/**
 * struct nf_vpn_ike_slot - one exchange seen; treat as opaque
 * @ispi:	initiator SPI of its IKE SA, 0: free
 * @msgid:	its message ID
 * @first_len:	length of its first message
 * @exchange:	its type
 * @from:	direction of its first message, 0 or 1
 * @stage:	how far it got
 */
struct nf_vpn_ike_slot {
	u64 ispi;
	u32 msgid;
	u32 first_len;
	u8 exchange;
	u8 from;
	u8 stage;
};

/**
 * struct nf_vpn_ike_gate_state - memory of one client and server pair
 * @slot:	exchanges that set SAs up, a ring
 * @info:	the last INFORMATIONAL, apart: DPD would flush the ring
 * @turn:	slot to be reused next
 *
 * All zero is the initial state. The owner serialises access.
 */
struct nf_vpn_ike_gate_state {
	struct nf_vpn_ike_slot slot[NF_VPN_IKE_SLOTS];
	struct nf_vpn_ike_slot info;
	u8 turn;
};

/**
 * nf_vpn_ike_observe() - what does this message tell about ESP SAs to come?
 * @st:		state of the pair
 * @msg:	a parsed message between the two
 * @dir:	0 sent by the conntrack originator, 1 by the replier; either may
 *		be the initiator of the IKE SA and of the exchange
 *
 * Gates: IKEv2 answers to IKE_AUTH and CREATE_CHILD_SA (which may turn out to
 * have rekeyed the IKE SA itself; that is encrypted), IKEv1 the third message
 * of Quick Mode. An answer whose request was not seen opens a gate as well.
 * An IKEv2 answer below NF_VPN_IKE2_MIN_GRANT octets carries an error or an EAP
 * round: GATE_REFUSED for CREATE_CHILD_SA, NONE for IKE_AUTH, which may go on.
 * A retransmission, or a further fragment, says NONE.
 *
 * Return: the evidence.
 */
enum nf_vpn_ike_evidence nf_vpn_ike_observe(struct nf_vpn_ike_gate_state *st,
					    const struct nf_vpn_ike_msg *msg,
					    unsigned int dir);

/**
 * nf_vpn_ike_hands_spi() - does this message let the peer send on a new SA?
 * @st:		state of the pair, @msg not yet observed
 * @msg:	a parsed message
 * @dir:	0 sent by the conntrack originator, the client
 *
 * The client's inbound SPI reaches the server in a message of the client's, and
 * before that no ESP can carry it: IKEv2 the request of IKE_AUTH or
 * CREATE_CHILD_SA, or the client's answer when the server asked; IKEv1 the first
 * message of Quick Mode, or the second when the server asked. The third is the
 * one the server waits for (RFC 2409 5.5), but once the client has sent it, it
 * takes the SA for ready, and its ESP would overtake a third message held back.
 * Every fragment counts.
 *
 * Return: true for such messages of the client's, also for retransmissions.
 */
bool nf_vpn_ike_hands_spi(struct nf_vpn_ike_gate_state *st,
			  const struct nf_vpn_ike_msg *msg, unsigned int dir);

#endif /* NF_VPN_IKE_MSG_H */
