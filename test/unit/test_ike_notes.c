// SPDX-License-Identifier: GPL-2.0-only
/* ike_notes: what is remembered, for how long, and what gives way. */

#include "../../nf_vpn_passthrough/ipsec/ike_notes.h"
#include "ktap.h"

#define DAY	NF_VPN_IKE_NOTES_AGE

static struct nf_vpn_ike_notes notes;

static void fresh(void)
{
	memset(&notes, 0, sizeof(notes));
}

static void client_and_server(void)
{
	u32 other;

	fresh();
	CHECK(!nf_vpn_ike_noted(&notes, 7, 1, 2, 100));
	nf_vpn_ike_note(&notes, 7, 1, 2, 100);
	CHECK(nf_vpn_ike_noted(&notes, 7, 1, 2, 100));
	CHECK(!nf_vpn_ike_noted(&notes, 7, 1, 3, 100));
	CHECK(!nf_vpn_ike_noted(&notes, 7, 2, 2, 100));
	CHECK(!nf_vpn_ike_noted(&notes, 7, 2, 1, 100));
	/* those of the same places, too */
	for (other = 3; other < 10 * NF_VPN_IKE_NOTES; other++)
		CHECK(!nf_vpn_ike_noted(&notes, 7, 1, other, 100) &&
		      !nf_vpn_ike_noted(&notes, 7, other, 2, 100));
}

static void for_a_day(void)
{
	fresh();
	nf_vpn_ike_note(&notes, 7, 1, 2, 0xfffffff0);
	CHECK(nf_vpn_ike_noted(&notes, 7, 1, 2, 0xfffffff0 + DAY - 1));
	CHECK(!nf_vpn_ike_noted(&notes, 7, 1, 2, 0xfffffff0 + DAY));
	/* and anew, in its own place */
	nf_vpn_ike_note(&notes, 7, 1, 2, 0xfffffff0 + DAY);
	CHECK(nf_vpn_ike_noted(&notes, 7, 1, 2, 0xfffffff0 + 2 * DAY - 1));
}

static unsigned int count(u32 salt, u32 clients, u32 now)
{
	unsigned int i, n = 0;

	for (i = 1; i <= clients; i++)
		n += nf_vpn_ike_noted(&notes, salt, i, 9, now);
	return n;
}

/* Half full, nearly all find a place; the salt says which. */
static void many(void)
{
	unsigned int i, n;

	fresh();
	for (i = 1; i <= NF_VPN_IKE_NOTES / 2; i++)
		nf_vpn_ike_note(&notes, 7, i, 9, i);
	n = count(7, NF_VPN_IKE_NOTES / 2, 1000);
	CHECK_MSG(n > NF_VPN_IKE_NOTES / 2 * 9 / 10, "%u", n);
	CHECK(count(8, NF_VPN_IKE_NOTES / 2, 1000) < 10);
}

/* Who is noted last is there; the one that gave way was the oldest beside it. */
static void oldest_gives_way(void)
{
	unsigned int i, kept;

	fresh();
	for (i = 1; i <= 20 * NF_VPN_IKE_NOTES; i++) {
		nf_vpn_ike_note(&notes, 7, i, 9, i);
		CHECK(nf_vpn_ike_noted(&notes, 7, i, 9, i));
	}
	kept = count(7, 19 * NF_VPN_IKE_NOTES, i);
	/* four places of one of 256 each: few outlive a thousand others */
	CHECK_MSG(kept < NF_VPN_IKE_NOTES * 45 / 100, "%u", kept);
	kept = 0;
	for (i = 20 * NF_VPN_IKE_NOTES - 99; i <= 20 * NF_VPN_IKE_NOTES; i++)
		kept += nf_vpn_ike_noted(&notes, 7, i, 9, i);
	CHECK_EQ(kept, 100);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(client_and_server),
	KTAP_CASE(for_a_day),
	KTAP_CASE(many),
	KTAP_CASE(oldest_gives_way),
};

int main(void)
{
	return ktap_run(cases, ARRAY_SIZE(cases));
}
