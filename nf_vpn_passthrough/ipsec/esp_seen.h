/* SPDX-License-Identifier: GPL-2.0-only */
/* Inbound SPIs of which one packet was seen. Pure. */
#ifndef NF_VPN_ESP_SEEN_H
#define NF_VPN_ESP_SEEN_H

#include "esp_plan.h"

/* The second packet of an SPI comes within this time, or counts as a first */
#define NF_VPN_ESP_SEEN_MS	(60 * 1000U)

/* SPIs seen once and not worth memory of their own yet. At 1,000 forged ones a
 * second nine of ten entries live 400 ms, long enough for a second packet.
 */
#define NF_VPN_ESP_SEEN		4096

/**
 * struct nf_vpn_esp_seen - SPIs of which one packet was seen
 * @e:		by hash; fixed memory, whatever arrives
 */
struct nf_vpn_esp_seen {
	struct {
		u32 spi;
		u32 seq;
		u32 at;
	} e[NF_VPN_ESP_SEEN];
};

/**
 * nf_vpn_esp_seen() - a packet of an inbound SPI that has no binding
 * @seen:	memory of the namespace
 * @salt:	secret, mixed with server and public address
 * @a:		the packet
 * @now:	ms
 * @in:		filled: what is known of the SPI, this packet not counted
 *
 * Return: true when it is the second packet of its SPI and counts on from the
 * first: now it is worth memory of its own. A forger's random SPIs are not.
 */
bool nf_vpn_esp_seen(struct nf_vpn_esp_seen *seen, u32 salt,
		     const struct nf_vpn_esp_arrival *a, u32 now,
		     struct nf_vpn_esp_in *in);

#endif /* NF_VPN_ESP_SEEN_H */
