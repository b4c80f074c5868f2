/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages for the PPTP tests, built from the RFC and not from the table. */
#ifndef NF_VPN_TEST_PPTP_BUILD_H
#define NF_VPN_TEST_PPTP_BUILD_H

#include "../../nf_vpn_passthrough/pptp/pptp_msg.h"

/* RFC 2637 2.1 to 2.15, the Length lines; index 0 unused */
static const u16 rfc_len[16] = {
	0, 156, 156, 16, 16, 16, 20, 168, 32, 220, 24, 28, 16, 148, 40, 24
};

/* Where the figures of 2.1 to 2.15 draw Call ID and Peer's Call ID. For 12
 * and 13 the field is called Call ID and is the sender's.
 */
static const u8 rfc_own[16] = {
	0, 0, 0, 0, 0, 0, 0, 12, 12, 12, 12, 0, 12, 12, 0, 0
};

static const u8 rfc_peer[16] = {
	0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 14, 12, 0, 0, 12, 12
};

/* Result codes a NAT must know: of 2.4, 2.8 and 2.10 */
static const u8 rfc_result[16] = {
	0, 0, 0, 0, 12, 0, 0, 0, 16, 0, 16, 0, 0, 0, 0, 0
};

/* @buf must hold rfc_len[type]; unused octets keep what they hold */
static inline u16 build(u8 *buf, u16 type, u16 own, u16 peer, u8 result)
{
	nf_vpn_put_be16(buf, rfc_len[type]);
	nf_vpn_put_be16(buf + 2, 1);
	nf_vpn_put_be32(buf + 4, 0x1a2b3c4d);
	nf_vpn_put_be16(buf + 8, type);
	nf_vpn_put_be16(buf + 10, 0);
	if (rfc_own[type])
		nf_vpn_put_be16(buf + rfc_own[type], own);
	if (rfc_peer[type])
		nf_vpn_put_be16(buf + rfc_peer[type], peer);
	if (rfc_result[type])
		buf[rfc_result[type]] = result;
	return rfc_len[type];
}

#endif /* NF_VPN_TEST_PPTP_BUILD_H */
