/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_VPN_SIM_REPORT_H
#define NF_VPN_SIM_REPORT_H

#include "sim.h"

#define MOST_ROWS	160

/* One policy in one scenario */
struct row {
	const char *scenario, *what, *policy;
	struct result r;
	double median, p99;
};

extern struct row rows[MOST_ROWS];
extern unsigned int row_count;
extern const char *const policy_name[POLICIES];

/* A line of a curve: clients against right ones */
#define MOST_POINTS	10
struct curve {
	const char *name, *colour;
	unsigned int n, clients[MOST_POINTS];
	double right[MOST_POINTS];
};

double percentile(struct result *r, double p);
void print_row(FILE *f, const struct row *row);
void write_table(FILE *f, const char *scenario);
void write_svg(FILE *f, const struct curve *c, unsigned int n);

#endif
