// SPDX-License-Identifier: GPL-2.0-only
/* Tables and the plot. */
#include <math.h>
#include "report.h"

struct row rows[MOST_ROWS];
unsigned int row_count;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double percentile(struct result *r, double p)
{
	if (!r->two_way)
		return 0;
	qsort(r->two_way_ms, r->two_way, sizeof(double), by_value);
	return r->two_way_ms[(size_t)(p * (double)(r->two_way - 1))];
}

static double share(unsigned long part, unsigned long all)
{
	return all ? 100.0 * (double)part / (double)all : 100;
}

void print_row(FILE *f, const struct row *row)
{
	const struct result *r = &row->r;

	fprintf(f, "| %s | %lu | %.4f%% | %.4f%% | %.4f%% | %lu/%lu | %.0f / %.0f | %lu | %lu | %lu | %lu | %lu (%.0f, %.0f) |\n",
		row->policy, r->sas, share(r->sas_right, r->sas),
		share(r->sas_first_right, r->sas),
		share(r->sas_settled_right, r->sas), r->up, r->started,
		row->median, row->p99, r->in, r->lost, r->misdelivered,
		r->copies, r->held,
		r->held ? r->held_ms_sum / (double)r->held : 0,
		r->held_ms_max);
}

static void print_forged(FILE *f, const struct row *row)
{
	const struct result *r = &row->r;

	if (r->forged)
		fprintf(f, "- %s: %lu forged packets, %lu copies of them reached clients; of %lu SAs in use when it began, %lu lost a packet.\n",
			row->policy, r->forged, r->forged_delivered, r->old,
			r->old_lost);
}

void write_table(FILE *f, const char *scenario)
{
	unsigned int i;

	fprintf(f, "| policy | SAs | all right | first right | last right | up/started | two-way ms, median / p99 | packets in | lost | misdelivered | copies | held (mean, most ms) |\n");
	fprintf(f, "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
	for (i = 0; i < row_count; i++)
		if (!strcmp(rows[i].scenario, scenario))
			print_row(f, &rows[i]);
	fprintf(f, "\n");
	for (i = 0; i < row_count; i++)
		if (!strcmp(rows[i].scenario, scenario))
			print_forged(f, &rows[i]);
	fprintf(f, "\n");
}

/* ---- plot ---- */

#define LEFT	70
#define TOP	60
#define WIDE	360
#define HIGH	300
#define LEFT2	720

static double log_x(double n)
{
	return LEFT + WIDE * log2(n / 2) / log2(100);
}

static void curve(FILE *f, const struct curve *c, unsigned int no)
{
	unsigned int i;

	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", c->colour);
	for (i = 0; i < c->n; i++)
		fprintf(f, "%.1f,%.1f ", log_x(c->clients[i]),
			TOP + HIGH * (1 - c->right[i] / 100));
	fprintf(f, "\"/>\n");
	for (i = 0; i < c->n; i++)
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			log_x(c->clients[i]),
			TOP + HIGH * (1 - c->right[i] / 100), c->colour);
	fprintf(f, "<rect x=\"%u\" y=\"%d\" width=\"12\" height=\"4\" fill=\"%s\"/><text x=\"%u\" y=\"%d\">%s</text>\n",
		LEFT + (no % 2) * 190, TOP + HIGH + 62 + (int)(no / 2) * 18,
		c->colour, LEFT + 18 + (no % 2) * 190,
		TOP + HIGH + 68 + (int)(no / 2) * 18, c->name);
}

static void left_panel(FILE *f, const struct curve *c, unsigned int n)
{
	static const unsigned int ticks[] = { 2, 4, 8, 16, 32, 64, 128, 200 };
	unsigned int i;

	fprintf(f, "<text x=\"%d\" y=\"24\" class=\"t\">Clients starting at once: inbound SAs</text><text x=\"%d\" y=\"42\" class=\"t\">of which every packet reached its owner</text>\n", LEFT, LEFT);
	for (i = 0; i <= 100; i += 25)
		fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%u%%</text>\n",
			LEFT, LEFT + WIDE, TOP + HIGH * (1 - i / 100.0),
			TOP + HIGH * (1 - i / 100.0), LEFT - 8,
			TOP + HIGH * (1 - i / 100.0) + 4, i);
	for (i = 0; i < ARRAY_SIZE(ticks); i++)
		fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%u</text>\n",
			log_x(ticks[i]), TOP + HIGH + 20, ticks[i]);
	fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">clients</text>\n",
		LEFT + WIDE / 2, TOP + HIGH + 40);
	for (i = 0; i < n; i++)
		curve(f, &c[i], i);
}

/* Share of wrong ones from 1e-6 (or fewer) to 1 */
static double wrong_x(const struct result *r)
{
	double wrong = r->sas ? 1 - (double)r->sas_right / (double)r->sas : 0;

	if (wrong < 1e-6)
		wrong = 1e-6;
	return LEFT2 + 330 * (6 + log10(wrong)) / 6;
}

static void right_panel(FILE *f)
{
	static const char *const colour[] = { "#d1242f", "#bf8700", "#2da44e" };
	static const char *const tick[] = { "≤10⁻⁶", "10⁻⁵", "10⁻⁴", "0.1%", "1%",
					    "10%", "100%" };
	const char *last = "";
	unsigned int i, p;
	int y = TOP - 6;

	fprintf(f, "<text x=\"%d\" y=\"24\" class=\"t\">Share of SAs that lost a packet to another client</text>\n", LEFT2 - 150);
	for (i = 0; i < 7; i++)
		fprintf(f, "<line x1=\"%u\" x2=\"%u\" y1=\"%d\" y2=\"%d\" class=\"g\"/><text x=\"%u\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			LEFT2 + 55 * i, LEFT2 + 55 * i, TOP, TOP + HIGH + 100,
			LEFT2 + 55 * i, TOP + HIGH + 118, tick[i]);
	for (i = 0; i < row_count; i++) {
		for (p = 0; p < POLICIES; p++)
			if (!strcmp(rows[i].policy, policy_name[p]))
				break;
		if (p == POLICIES)
			continue;
		if (strcmp(last, rows[i].scenario)) {
			y += 23;
			fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
				LEFT2 - 12, y + 4, rows[i].scenario);
			last = rows[i].scenario;
		}
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%d\" r=\"5\" fill=\"%s\"/>\n",
			wrong_x(&rows[i].r), y, colour[p]);
	}
}

void write_svg(FILE *f, const struct curve *c, unsigned int n)
{
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1080 490\" role=\"img\" aria-label=\"Right association, by number of clients and by scenario\" font-family=\"system-ui,sans-serif\" font-size=\"12\">\n");
	fprintf(f, "<style>text{fill:#24292f}.t{font-size:14px;font-weight:600}.g{stroke:#8c959f;stroke-opacity:.35}rect.b{fill:#ffffff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect.b{fill:#0d1117}}</style>\n");
	fprintf(f, "<rect class=\"b\" width=\"1080\" height=\"490\"/>\n");
	left_panel(f, c, n);
	right_panel(f);
	fprintf(f, "</svg>\n");
}
