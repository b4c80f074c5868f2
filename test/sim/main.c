// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim [-o DIR] [NAME ...]: all scenarios, or those named; with -o the tables and
 * the plot go to DIR. Same seeds each time, so the same figures on any machine.
 */
#include <time.h>
#include <unistd.h>
#include "report.h"

const struct scenario *sc;
struct result *res;
enum policy policy;

/* What most have in common; a scenario overrides. The model was not made to fit:
 * half of the tunnels busy, one in five with IKEv1, one burst in five begun by
 * the server, both halves of each implementation's choices.
 */
#define USUAL								\
	.clients = 200, .servers = 1, .runs = 1,			\
	.start_spread = 50 * MS, .end = 30 * SEC, .rtt = 50 * MS,	\
	.jitter = 10 * MS, .loss = 0.01, .by_server = 0.4, .v1 = 0.2,	\
	.busy = 0.5, .server_first = 0.2, .gap = 60 * SEC,		\
	.esp_timeout = 1800 * SEC, .holding = HOLD_REQUEST,		\
	.rules = { .copies = NF_VPN_ESP_COPIES,				\
		   .rate = NF_VPN_ESP_COPY_RATE,			\
		   .burst = NF_VPN_ESP_COPY_BURST,			\
		   .hold_ms = NF_VPN_ESP_HOLD_MS }

#define REKEYS								\
	USUAL, .start_spread = 3600 * SEC, .end = 1000000000 * SEC,	\
	.life = 3600 * SEC, .ike_life = 14400 * SEC, .gap = 600 * SEC

#define ATTACK								\
	USUAL, .start_spread = 120 * SEC, .end = 300 * SEC,		\
	.life = 100 * SEC, .gap = 20 * SEC, .forge_from = 60 * SEC,	\
	.forged_per_second = 1000

#pragma GCC diagnostic ignored "-Woverride-init"
static const struct scenario scenarios[] = {
	{ USUAL, .name = "2 at once", .clients = 2, .runs = 500,
	  .what = "Two clients start within 50 ms." },
	{ USUAL, .name = "8 at once", .clients = 8, .runs = 250,
	  .what = "Eight." },
	{ USUAL, .name = "50 at once", .clients = 50, .runs = 80,
	  .what = "Fifty." },
	{ USUAL, .name = "200 at once", .runs = 250,
	  .what = "Two hundred: the power is back." },
	{ USUAL, .name = "200, far", .runs = 20, .rtt = 300 * MS,
	  .jitter = 40 * MS, .loss = 0.03, .end = 60 * SEC,
	  .what = "The same over 300 ms, 40 ms of jitter (packets overtake each other), 3% loss." },
	{ USUAL, .name = "silent starts", .runs = 20, .silent_start = true,
	  .end = 60 * SEC, .gap = 20 * SEC, .server_first = 0.5,
	  .what = "200 start at once and no client sends ESP of its own accord; half of what happens later is begun by the server. All are candidates for hours." },
	{ USUAL, .name = "two servers", .runs = 20, .servers = 2,
	  .what = "200 start at once, half of them with another server: two independent groups." },
	{ REKEYS, .name = "rekeys", .rekeys = 1000000,
	  .what = "200 tunnels, half of them quiet, rekeyed every hour by either side, IKE SAs every four hours, until there were 1,000,000 rekeys (100,000 for the two simple policies)." },
	{ REKEYS, .name = "idle", .rekeys = 20000, .gap = 1800 * SEC,
	  .busy = 0, .server_first = 0.7,
	  .what = "200 tunnels with a burst every half hour, mostly begun by the server; our binding times out in between (30 minutes without ESP)." },
	{ REKEYS, .name = "IKEv1", .rekeys = 20000, .v1 = 1,
	  .what = "All with IKEv1; half of them never delete an SA." },
	{ REKEYS, .name = "one way", .rekeys = 5000, .gap = 300 * SEC,
	  .one_way_in = 0.2, .one_way_out = 0.2,
	  .what = "A fifth of the tunnels only receive, a fifth only send. Nobody reacts to what is sent one way, so nothing tells whose it is, and who only sends seems to await an SA for ever." },
	{ USUAL, .name = "reboots", .runs = 5, .start_spread = 30 * SEC,
	  .end = 400 * SEC, .gap = 20 * SEC, .reboots = 0.5,
	  .what = "Of 200 running clients half reboot within a second; the server goes on with the old SAs." },
	{ USUAL, .name = "table lost", .runs = 5, .start_spread = 60 * SEC,
	  .end = 600 * SEC, .gap = 20 * SEC, .lose_table = 200 * SEC,
	  .dpd = 30 * SEC,
	  .what = "200 tunnels run, the NAT forgets everything. A pair is known again when its IKE speaks (dead peer detection after 30 s)." },
	{ ATTACK, .name = "forged", .runs = 3, .forger = FORGE_RANDOM,
	  .what = "200 start within two minutes and rekey every 100 s; from the 60th second on a forger sends 1,000 packets a second in the server's name, random SPIs, half of them with low sequence numbers." },
	{ ATTACK, .name = "forged, low", .runs = 3, .forger = FORGE_LOW,
	  .what = "The same, all with sequence number 1." },
	{ ATTACK, .name = "forged, counting", .runs = 3, .forger = FORGE_COUNTING,
	  .what = "The same by one who knows this file: three packets of each SPI, numbered 1 to 3." },
	{ USUAL, .name = "same SPI", .clients = 2, .runs = 100, .v1 = 0,
	  .end = 100 * SEC, .gap = 10 * SEC, .same_spi = true,
	  .what = "Both clients choose the same inbound SPI. It is noticed, and both get copies." },
};

const char *const policy_name[POLICIES] = {
	"first-come", "newest-talker", "ours"
};

static void simulate(const struct scenario *s, enum policy p,
		     const char *name, struct row *row)
{
	clock_t began = clock();
	unsigned int i;

	memset(row, 0, sizeof(*row));
	row->scenario = s->name;
	row->what = s->what;
	row->policy = name;
	sc = s;
	res = &row->r;
	policy = p;
	for (i = 0; i < s->runs; i++)
		world_run(20260000 + i);
	row->median = percentile(res, 0.5);
	row->p99 = percentile(res, 0.99);
	res->seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	free(res->two_way_ms);
	fprintf(stderr, "%-17s %-14s %6.1f s\n", s->name, name, res->seconds);
}

static void all_policies(const struct scenario *s)
{
	struct scenario less = *s;
	enum policy p;

	if (less.rekeys > 100000)
		less.rekeys = 100000;
	for (p = FIRST_COME; p < POLICIES; p++)
		simulate(p == OURS ? s : &less, p, policy_name[p],
			 &rows[row_count++]);
}

/* What does each part do? */
static void parts(void)
{
	static const unsigned int clients[] = { 2, 8, 50, 200 };
	static const char *const names[] = { "parts: 2", "parts: 8",
					     "parts: 50", "parts: 200" };
	static const struct {
		const char *name;
		enum holding holding;
		u32 copies;
	} part[] = {
		{ "evidence alone", HOLD_NOTHING, 1 },
		{ "+ answers held", HOLD_ANSWER, 1 },
		{ "+ requests held", HOLD_REQUEST, 1 },
		{ "+ copies", HOLD_NOTHING, NF_VPN_ESP_COPIES },
		{ "+ copies + answers held", HOLD_ANSWER, NF_VPN_ESP_COPIES },
		{ "+ copies + requests held", HOLD_REQUEST, NF_VPN_ESP_COPIES },
	};
	struct scenario s = { USUAL };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(clients); i++)
		for (j = 0; j < ARRAY_SIZE(part); j++) {
			s.clients = clients[i];
			s.runs = 2000 / clients[i];
			s.name = names[i];
			s.holding = part[j].holding;
			s.rules.copies = part[j].copies;
			simulate(&s, OURS, part[j].name, &rows[row_count++]);
		}
}

static struct curve curves[] = {
	{ .name = "first-come", .colour = "#d1242f" },
	{ .name = "newest-talker", .colour = "#bf8700" },
	{ .name = "ours, no hold, no copies", .colour = "#8250df" },
	{ .name = "ours", .colour = "#2da44e" },
};

static void draw_curves(void)
{
	static const unsigned int clients[] = { 2, 4, 8, 16, 32, 64, 128, 200 };
	static const enum policy by[] = { FIRST_COME, NEWEST, OURS, OURS };
	struct scenario s = { USUAL, .name = "curve" };
	struct row row;
	unsigned int i, c;

	for (c = 0; c < ARRAY_SIZE(curves); c++)
		for (i = 0; i < ARRAY_SIZE(clients); i++) {
			s.clients = clients[i];
			s.runs = 2000 / clients[i];
			s.holding = c == 2 ? HOLD_NOTHING : HOLD_REQUEST;
			s.rules.copies = c == 2 ? 1 : NF_VPN_ESP_COPIES;
			simulate(&s, by[c], curves[c].name, &row);
			curves[c].clients[i] = clients[i];
			curves[c].right[i] = 100.0 * (double)row.r.sas_right /
					     (double)row.r.sas;
			curves[c].n = i + 1;
		}
}

static FILE *create(const char *dir, const char *name)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void write_all(FILE *f)
{
	const char *last = "";
	unsigned int i;

	for (i = 0; i < row_count; i++) {
		if (!strcmp(last, rows[i].scenario))
			continue;
		last = rows[i].scenario;
		fprintf(f, "### %s\n\n", last);
		if (rows[i].what)
			fprintf(f, "%s\n\n", rows[i].what);
		write_table(f, last);
	}
}

static bool named(int argc, char **argv, const char *name)
{
	int i;

	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind == argc;
}

int main(int argc, char **argv)
{
	const char *dir = NULL;
	unsigned int i;
	FILE *f;
	int opt;

	while ((opt = getopt(argc, argv, "o:")) != -1) {
		if (opt != 'o')
			return 2;
		dir = optarg;
	}
	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (named(argc, argv, scenarios[i].name))
			all_policies(&scenarios[i]);
	if (named(argc, argv, "parts"))
		parts();
	write_all(stdout);
	if (!dir)
		return 0;
	draw_curves();
	f = create(dir, "tables.md");
	write_all(f);
	fclose(f);
	f = create(dir, "association.svg");
	write_svg(f, curves, ARRAY_SIZE(curves));
	fclose(f);
	return 0;
}
