// SPDX-License-Identifier: GPL-2.0-only
/*
 * Weigh the evidence for who owns an unknown inbound SPI.
 *
 * Each piece of evidence is one bit of the score, so a stronger piece outweighs
 * all weaker ones together. That orders the candidates. Whether the best is
 * SURE is a second question: only if it beats the next by NF_VPN_ESP_MARGIN.
 * A wrong SURE cuts a client off until it is rolled back, a wrong AMBIGUOUS
 * costs a few copies, so only a difference in the top evidence is sure.
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

/* More than a recent outbound SPI with all that is weaker, less than the top
 * evidence over an old one. So nothing is sure without the top evidence; nor
 * with it alone against a rival who has just begun to send.
 */
#define NF_VPN_ESP_MARGIN	0x0c0

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

static bool any_awaits(const struct nf_vpn_esp_candidate *c, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (nf_vpn_esp_awaits(&c[i]))
			return true;
	return false;
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

/* Equal evidence: who waits longer? Only for a stable answer, never for SURE */
static bool waits_longer(const struct nf_vpn_esp_candidate *a,
			 const struct nf_vpn_esp_candidate *b)
{
	if (gate_open(a) && gate_open(b) && a->order != b->order)
		return (s32)(a->order - b->order) < 0;
	if (a->unmatched_out && b->unmatched_out)
		return a->out_age_ms > b->out_age_ms;
	return false;
}

/* Candidate @i, which scores @score, enters the comparison */
static void consider(struct nf_vpn_esp_choice *out,
		     const struct nf_vpn_esp_candidate *c, unsigned int i,
		     u32 score)
{
	bool better = !out->eligible || score > out->score ||
		      (score == out->score &&
		       waits_longer(&c[i], &c[out->winner]));

	out->eligible++;
	if (!better) {
		if (score > out->runner_score)
			out->runner_score = score;
		return;
	}
	out->runner_score = out->score;
	out->score = score;
	out->winner = i;
}

static enum nf_vpn_esp_verdict judge(const struct nf_vpn_esp_choice *out)
{
	if (!out->eligible)
		return NF_VPN_ESP_NONE;
	if (out->eligible == 1 ||
	    out->score - out->runner_score >= NF_VPN_ESP_MARGIN)
		return NF_VPN_ESP_SURE;
	return NF_VPN_ESP_AMBIGUOUS;
}

bool nf_vpn_esp_eligible(const struct nf_vpn_esp_arrival *a,
			 const struct nf_vpn_esp_candidate *c,
			 unsigned int n, unsigned int i)
{
	return !nf_vpn_esp_fresh(a) || nf_vpn_esp_awaits(&c[i]) || !any_awaits(c, n);
}

int nf_vpn_esp_choose(const struct nf_vpn_esp_arrival *a,
		      const struct nf_vpn_esp_candidate *c, unsigned int n,
		      struct nf_vpn_esp_choice *out)
{
	bool choosy = nf_vpn_esp_fresh(a) && any_awaits(c, n);
	unsigned int i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < n; i++)
		if (!choosy || nf_vpn_esp_awaits(&c[i]))
			consider(out, c, i, nf_vpn_esp_score(a, &c[i]));
	out->verdict = judge(out);
	return out->verdict == NF_VPN_ESP_NONE ? -1 : (int)out->winner;
}
