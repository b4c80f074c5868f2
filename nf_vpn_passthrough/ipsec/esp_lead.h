/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What speaks for one client as the owner of one inbound SPI: each piece in steps
 * of about a doubling of likelihood, the scale of NF_VPN_ESP_LEAD. Pure.
 */
#ifndef NF_VPN_ESP_LEAD_H
#define NF_VPN_ESP_LEAD_H

#include "esp_evidence.h"

/* It did not send: half of all packets ask for no answer, so this says little */
#define NF_VPN_ESP_LEAD_SILENT	(-1)

/* At most: it sent one round trip ago, and rarely does */
#define NF_VPN_ESP_LEAD_ECHO	3

/* No more, s8 */
#define NF_VPN_ESP_LEAD_TOP	100

/**
 * nf_vpn_esp_prior() - before any packet of the SPI told something
 * @ev:		the pair
 * @c:		the same, by nf_vpn_esp_view()
 * @a:		the packet
 *
 * Return: evidence.
 */
int nf_vpn_esp_prior(const struct nf_vpn_esp_evidence *ev,
		     const struct nf_vpn_esp_candidate *c,
		     const struct nf_vpn_esp_arrival *a);

/**
 * nf_vpn_esp_reaction() - did it react to the last packet it got?
 * @ev:		the pair
 * @probed:	when that was sent to it, ms
 * @now:	ms
 *
 * Who sends all the time sends soon after any packet, so what counts is how much
 * sooner it was than usual.
 *
 * Return: evidence, NF_VPN_ESP_LEAD_SILENT when it did not.
 */
int nf_vpn_esp_reaction(const struct nf_vpn_esp_evidence *ev, u32 probed,
			u32 now);

/**
 * nf_vpn_esp_echo() - did it ask what this packet answers?
 * @ev:		the pair
 * @usual_rtt:	ms to the server and back, if that is not known of it; 0: nor this
 * @now:	ms
 *
 * Again, who sends all the time has always sent one round trip ago.
 *
 * Return: evidence.
 */
int nf_vpn_esp_echo(const struct nf_vpn_esp_evidence *ev, u32 usual_rtt,
		    u32 now);

#endif /* NF_VPN_ESP_LEAD_H */
