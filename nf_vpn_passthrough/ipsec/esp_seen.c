// SPDX-License-Identifier: GPL-2.0-only
/* Inbound SPIs of which one packet was seen, in fixed memory. */

#include "esp_seen.h"

bool nf_vpn_esp_seen(struct nf_vpn_esp_seen *seen, u32 salt,
		     const struct nf_vpn_esp_arrival *a, u32 now,
		     struct nf_vpn_esp_in *in)
{
	/* The forger chooses SPIs, but not where they go. */
	u32 i = nf_vpn_mix32(a->spi ^ salt) % NF_VPN_ESP_SEEN;
	bool again = seen->e[i].spi == (a->spi ^ salt) &&
		     nf_vpn_esp_counts_on(a->seq, seen->e[i].seq) &&
		     nf_vpn_since(now, seen->e[i].at) < NF_VPN_ESP_SEEN_MS;

	memset(in, 0, sizeof(*in));
	if (again) {
		in->sa.first = seen->e[i].at;
		in->probe = in->sa.first;
		in->sa.seq = seen->e[i].seq;
		in->packets = 1;
		in->sa.fresh = in->sa.seq - 1 < NF_VPN_ESP_FRESH_SEQ;
	}
	seen->e[i].spi = a->spi ^ salt;
	seen->e[i].seq = a->seq;
	seen->e[i].at = now;
	return again;
}
