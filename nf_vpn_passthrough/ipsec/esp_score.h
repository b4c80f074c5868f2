/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How likely a client owns an unknown inbound SPI, by what is known of the client
 * alone. Pure; keeps nothing and knows no time.
 */
#ifndef NF_VPN_ESP_SCORE_H
#define NF_VPN_ESP_SCORE_H

#include "../../include/nf_vpn_pure.h"

/* An age for what never happened */
#define NF_VPN_ESP_NEVER	0xffffffffU

/* Sequence numbers 1 to this say: a new SA. The first is 1 (RFC 4303 3.3.3);
 * 64 is the usual anti-replay window (3.4.3), a fair guess of how many packets
 * may be lost or overtaken before the first one gets here.
 */
#define NF_VPN_ESP_FRESH_SEQ	64

/* An outbound SPI younger than this is expected to be answered any moment */
#define NF_VPN_ESP_OUT_RECENT_MS	10000

/* ESP seen within this time: the client is there */
#define NF_VPN_ESP_ACTIVE_MS	60000

/**
 * struct nf_vpn_esp_arrival - the packet with the unknown SPI
 * @spi:	SPI, host order
 * @seq:	sequence number, host order
 */
struct nf_vpn_esp_arrival {
	u32 spi;
	u32 seq;
};

/**
 * struct nf_vpn_esp_candidate - what is known of one client of that server
 * @gate_age_ms: since its newest open gate opened, NF_VPN_ESP_NEVER if none
 * @out_age_ms:	since its newest unmatched outbound SPI was first seen,
 *		NF_VPN_ESP_NEVER if none
 * @idle_ms:	since the last ESP packet either way, NF_VPN_ESP_NEVER if none
 * @gates:	gates open and not satisfied yet
 * @gates_wanted: exchanges in flight that will open a gate when answered
 * @live:	inbound bindings alive and confirmed
 * @unmatched_out: outbound SPIs without an inbound partner
 * @hot:	it handed its new SPI to the server a moment ago
 * @tentative:	something that may be its new SA was sent to it already
 * @recent:	its gate was satisfied a moment ago, perhaps by a wrong SPI
 * @lost:	it may have SAs that were never seen here: set up before us
 */
struct nf_vpn_esp_candidate {
	u32 gate_age_ms;
	u32 out_age_ms;
	u32 idle_ms;
	u8 gates;
	u8 gates_wanted;
	u8 live;
	u8 unmatched_out;
	bool hot;
	bool tentative;
	bool recent;
	bool lost;
};

/**
 * nf_vpn_esp_awaits() - is there any reason why it may own a new SPI?
 * @c:		a candidate
 *
 * Return: false when all it negotiated has been seen.
 */
bool nf_vpn_esp_awaits(const struct nf_vpn_esp_candidate *c);

/**
 * nf_vpn_esp_score() - weight of one candidate
 * @a:		the packet
 * @c:		the candidate
 *
 * A new SA (low sequence number) belongs to a client that awaits one: by an open
 * gate, an exchange in flight or an outbound SPI without partner. A running SA
 * whose binding was lost (any other number, 0 included) belongs rather to a
 * client without live binding.
 *
 * Return: comparable between candidates for the same packet.
 */
u32 nf_vpn_esp_score(const struct nf_vpn_esp_arrival *a,
		     const struct nf_vpn_esp_candidate *c);

/**
 * nf_vpn_esp_fresh() - does the sequence number say: a new SA?
 * @a:		the packet
 *
 * Return: whether it is 1 to NF_VPN_ESP_FRESH_SEQ.
 */
bool nf_vpn_esp_fresh(const struct nf_vpn_esp_arrival *a);

#endif /* NF_VPN_ESP_SCORE_H */
