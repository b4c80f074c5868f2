// SPDX-License-Identifier: GPL-2.0-only
/* What speaks for one client as the owner of one inbound SPI, piece by piece. */

#include "esp_lead.h"

/* Of a client's evidence for one SPI; the scale is that of NF_VPN_ESP_LEAD */
#define LEAD_HOT	2	/* it just handed its SPI over */
#define LEAD_SERVED	(-1)	/* the same, but it is the best guess for another */
#define LEAD_SENDS	1	/* and sends with a new one */
#define LEAD_RUNS	2	/* running SA: it sends with an unmatched one */
#define LEAD_TENTATIVE	(-2)	/* another SPI seems to be what it awaits */
#define LEAD_RECENT	(-3)	/* another SPI proved to be it */
#define LEAD_REACTED	3	/* at most: was quiet, got the packet, sent; one for
				 * each doubling of quiet over delay
				 */
#define LEAD_LATE	1	/* or somewhat earlier: the peer thought */
#define LEAD_EARLY	(-1)	/* sent, but no answer can be back yet */

int nf_vpn_esp_prior(const struct nf_vpn_esp_evidence *ev,
		     const struct nf_vpn_esp_candidate *c,
		     const struct nf_vpn_esp_arrival *a)
{
	bool sends = c->out_age_ms < NF_VPN_ESP_OUT_RECENT_MS;

	if (!nf_vpn_esp_fresh(a))
		return sends ? LEAD_RUNS : 0;
	if (ev->flags & NF_VPN_ESP_EV_SERVED && ev->tentative_spi == a->spi)
		return LEAD_HOT + (sends ? LEAD_SENDS : 0);
	if (c->hot)
		return (ev->flags & NF_VPN_ESP_EV_SERVED ? LEAD_SERVED : LEAD_HOT) +
		       (sends ? LEAD_SENDS : 0);
	if (c->tentative || ev->flags & NF_VPN_ESP_EV_SERVED)
		return LEAD_TENTATIVE;
	if (c->gates || c->gates_wanted || c->unmatched_out)
		return 0;
	return c->recent ? LEAD_RECENT : 0;
}

/*
 * What its sending after the last probe says. Who sends all the time sends soon
 * after any packet, so what counts is how much sooner it was than usual.
 */
int nf_vpn_esp_reaction(const struct nf_vpn_esp_evidence *ev, u32 probed,
			u32 now)
{
	u32 age = nf_vpn_since(now, ev->out_last), probe = nf_vpn_since(now, probed);
	u32 delay = probe, quiet = 0;
	unsigned int i;
	int lead = 0;

	if (!(ev->flags & NF_VPN_ESP_EV_SENT) || age > probe)
		return NF_VPN_ESP_LEAD_SILENT;
	/* back to the first packet after the probe */
	for (i = 0; i < NF_VPN_ESP_GAPS && age <= probe; i++) {
		delay = probe - age;
		quiet = ev->gap[i];
		age += quiet;
	}
	if (age <= probe)
		return 0;
	if (delay > NF_VPN_ESP_REACT_MS)
		return NF_VPN_ESP_LEAD_SILENT;
	for (quiet /= 2; quiet > delay; quiet /= 2)
		if (++lead == LEAD_REACTED)
			break;
	return lead;
}

/*
 * Did it ask what this packet answers? Again, who sends all the time has always
 * sent one round trip ago.
 */
int nf_vpn_esp_echo(const struct nf_vpn_esp_evidence *ev, u32 usual_rtt,
		    u32 now)
{
	u32 rtt = ev->rtt ? ev->rtt : usual_rtt;
	u32 age = nf_vpn_since(now, ev->out_last);
	u32 usual = NF_VPN_ESP_THINK_MS + NF_VPN_ESP_JITTER_MS;

	if (!rtt || !(ev->flags & NF_VPN_ESP_EV_SENT))
		return 0;
	if (age + NF_VPN_ESP_JITTER_MS < rtt)
		return LEAD_EARLY;
	if (age >= rtt + usual)
		return age < 2 * rtt + 4 * NF_VPN_ESP_THINK_MS ? LEAD_LATE : 0;
	return ev->gap[0] > usual ? NF_VPN_ESP_LEAD_ECHO : LEAD_LATE;
}
