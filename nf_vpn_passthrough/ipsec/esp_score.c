// SPDX-License-Identifier: GPL-2.0-only
/*
 * Weigh what is known of a client.
 *
 * Each piece of evidence is one bit of the score, so a stronger piece outweighs
 * all weaker ones together.
 */

#include "esp_score.h"

/*
 * A new SA (low sequence number). Bits 9 to 7, 5, 4 say the client awaits one.
 */

/* The server has held its SPI for a moment only, and most tunnels are rekeyed
 * because they are used: at once is much likelier than hours later.
 */
#define W_NEW_HOT		0x200

/* Its exchange was answered and no inbound SPI came yet: the very moment */
#define W_NEW_GATE		0x100

/* It sends with a new SPI: its half of the pair of SAs is up and in use. Below
 * the gate, since an outbound SPI stays unmatched when IKE uses it one way only.
 */
#define W_NEW_OUT_RECENT	0x080

/* The same long ago: rather a one-way SA, or its partner was missed */
#define W_NEW_OUT_OLD		0x020

/* Its exchange is in flight: a responder may send ESP with its answer, and be
 * overtaken by it, RFC 7296 1.2; but mostly the answer is seen first
 */
#define W_NEW_WANTED		0x010

/* What it awaits may have come already, but nothing has proved that yet */
#define W_NEW_TENTATIVE		0x008

/* It lacks a working inbound SA, so it needs one more than the others */
#define W_NEW_LOST		0x004

/* It got what it awaited a moment ago; a forger may have been first */
#define W_NEW_RECENT		0x002

/*
 * A running SA (any other sequence number) whose binding was lost.
 */

/* It has no live binding: the one that misses something */
#define W_RUN_LOST		0x100

/* It sends with an SPI that has no partner: this may be the partner */
#define W_RUN_OUT_RECENT	0x080

/* The same long ago */
#define W_RUN_OUT_OLD		0x020

/* Its gate is open: many first packets were lost, perhaps. Weak, because a
 * forged packet need not bother about a low number.
 */
#define W_RUN_GATE		0x010

/* ESP flowed a short while ago: it is there, others may have gone */
#define W_ACTIVE		0x001

bool nf_vpn_esp_fresh(const struct nf_vpn_esp_arrival *a)
{
	return a->seq >= 1 && a->seq <= NF_VPN_ESP_FRESH_SEQ;
}

static bool gate_open(const struct nf_vpn_esp_candidate *c)
{
	return c->gates && c->gate_age_ms != NF_VPN_ESP_NEVER;
}

bool nf_vpn_esp_awaits(const struct nf_vpn_esp_candidate *c)
{
	return gate_open(c) || c->gates_wanted || c->unmatched_out ||
	       c->tentative || c->recent || c->lost;
}

static u32 out_weight(const struct nf_vpn_esp_candidate *c, u32 recent, u32 old)
{
	if (!c->unmatched_out)
		return 0;
	return c->out_age_ms < NF_VPN_ESP_OUT_RECENT_MS ? recent : old;
}

static u32 score_new(const struct nf_vpn_esp_candidate *c)
{
	u32 score = out_weight(c, W_NEW_OUT_RECENT, W_NEW_OUT_OLD);

	if (c->hot)
		score |= W_NEW_HOT;
	if (gate_open(c))
		score |= W_NEW_GATE;
	if (c->gates_wanted)
		score |= W_NEW_WANTED;
	if (c->tentative)
		score |= W_NEW_TENTATIVE;
	if (!c->live)
		score |= W_NEW_LOST;
	if (c->recent)
		score |= W_NEW_RECENT;
	return score;
}

static u32 score_running(const struct nf_vpn_esp_candidate *c)
{
	u32 score = out_weight(c, W_RUN_OUT_RECENT, W_RUN_OUT_OLD);

	if (!c->live)
		score |= W_RUN_LOST;
	if (gate_open(c))
		score |= W_RUN_GATE;
	return score;
}

u32 nf_vpn_esp_score(const struct nf_vpn_esp_arrival *a,
		     const struct nf_vpn_esp_candidate *c)
{
	u32 score = nf_vpn_esp_fresh(a) ? score_new(c) : score_running(c);

	return c->idle_ms < NF_VPN_ESP_ACTIVE_MS ? score | W_ACTIVE : score;
}
