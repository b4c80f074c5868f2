// SPDX-License-Identifier: GPL-2.0-only
/* natt_past: mappings that ended, by whom they are found again, what gives way. */

#include "../../nf_vpn_passthrough/ipsec/natt_past.h"
#include "ktap.h"

#define SALT	7

static struct nf_vpn_natt_past past;

static void fresh(void)
{
	memset(&past, 0, sizeof(past));
}

static struct nf_vpn_natt_mapping mapping(u32 server, u32 public, u16 port,
					  u32 client, u32 spi, u32 at)
{
	struct nf_vpn_natt_mapping m = {
		.outside = { .server = server, .public = public, .port = port },
		.client = client, .client_port = 4500,
		.spi = { spi, spi + 1 }, .at = at,
	};

	return m;
}

static u32 recall(u32 server, u32 public, u16 port, u32 spi, u32 now, u32 age)
{
	struct nf_vpn_natt_outside o = {
		.server = server, .public = public, .port = port,
	};
	const struct nf_vpn_natt_mapping *m;

	m = nf_vpn_natt_recall(&past, SALT, &o, spi, now, age);
	return m ? m->client : 0;
}

static void remember(struct nf_vpn_natt_mapping m)
{
	nf_vpn_natt_remember(&past, SALT, &m);
}

static void all_of_it_counts(void)
{
	u32 i;

	fresh();
	CHECK_EQ(recall(1, 2, 3, 100, 50, 60), 0);
	CHECK_EQ(recall(0, 0, 0, 0, 0, 60), 0);
	remember(mapping(1, 2, 3, 9, 100, 50));
	CHECK_EQ(recall(1, 2, 3, 100, 50, 60), 9);
	CHECK_EQ(recall(1, 2, 3, 101, 50, 60), 9);
	CHECK_EQ(recall(1, 2, 3, 102, 50, 60), 0);
	CHECK_EQ(recall(1, 2, 3, 0, 50, 60), 0);
	/* others of the same places among them */
	for (i = 4; i < 30000; i++)
		CHECK(!recall(i, 2, 3, 100, 50, 60) &&
		      !recall(1, i, 3, 100, 50, 60) &&
		      !recall(1, 2, i, 100, 50, 60));
}

static void no_spi_is_none(void)
{
	struct nf_vpn_natt_mapping m = mapping(1, 2, 3, 9, 100, 50);

	fresh();
	m.spi[1] = 0;
	remember(m);
	CHECK_EQ(recall(1, 2, 3, 0, 50, 60), 0);
	CHECK_EQ(recall(1, 2, 3, 100, 50, 60), 9);
}

static void for_a_time(void)
{
	fresh();
	remember(mapping(1, 2, 3, 9, 100, 0xfffffff0));
	CHECK_EQ(recall(1, 2, 3, 100, 0xfffffff0 + 59, 60), 9);
	CHECK_EQ(recall(1, 2, 3, 100, 0xfffffff0 + 60, 60), 0);
	CHECK_EQ(recall(1, 2, 3, 100, 0xfffffff0, 0), 0);
}

static void last_owner(void)
{
	struct nf_vpn_natt_outside o = { .server = 1, .public = 2, .port = 3 };

	fresh();
	remember(mapping(1, 2, 3, 9, 100, 50));
	remember(mapping(1, 2, 3, 8, 200, 51));
	CHECK_EQ(recall(1, 2, 3, 100, 52, 60), 0);
	CHECK_EQ(recall(1, 2, 3, 200, 52, 60), 8);
	nf_vpn_natt_forget(&past, SALT, &o);
	CHECK_EQ(recall(1, 2, 3, 200, 52, 60), 0);
	remember(mapping(1, 2, 3, 7, 300, 53));
	CHECK_EQ(recall(1, 2, 3, 300, 54, 60), 7);
}

/* What came last is there; beside it the first that ended gave way. */
static void oldest_gives_way(void)
{
	u32 i, n = 20 * NF_VPN_NATT_PAST, kept = 0;

	fresh();
	for (i = 1; i <= n; i++) {
		remember(mapping(1, 2, i & 0xffff, i, i, i));
		CHECK_EQ(recall(1, 2, i & 0xffff, i, i, 60), i);
	}
	for (i = n - 199; i <= n; i++)
		kept += recall(1, 2, i & 0xffff, i, n, n) == i;
	CHECK_EQ(kept, 200);
}

static void half_full(void)
{
	u32 i, n = NF_VPN_NATT_PAST / 2, kept = 0;

	fresh();
	for (i = 1; i <= n; i++)
		remember(mapping(i, 2, 3, i, 5, i));
	for (i = 1; i <= n; i++)
		kept += recall(i, 2, 3, 5, n, n) == i;
	CHECK_MSG(kept > n * 9 / 10, "%u", kept);
}

static const struct ktap_case cases[] = {
	KTAP_CASE(all_of_it_counts),
	KTAP_CASE(no_spi_is_none),
	KTAP_CASE(for_a_time),
	KTAP_CASE(last_owner),
	KTAP_CASE(oldest_gives_way),
	KTAP_CASE(half_full),
};

int main(void)
{
	return ktap_run(cases, ARRAY_SIZE(cases));
}
