// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>
#include "sim.h"
const struct scenario *sc;
struct result *res;
enum policy policy;
int main(int argc, char **argv)
{
	struct scenario s = { .clients = 200, .servers = 1, .runs = 1, .start_spread = 50*MS, .end = 60*SEC,
	 .rtt = 50*MS, .jitter = 10*MS, .loss = 0.01, .busy = 0.5, .server_first = 0.2, .gap = 60*SEC, .by_server = .4, .life=0, .dpd = 0,.esp_timeout=1800*SEC,
	 .rules = { .copies = 256, .rate = 1000, .burst = 65536, .hold_ms = 4000}, .holding = HOLD_REQUEST, .v1=0.2 };
	int i;
	for (i = 1; i < argc; i++) {
		double v = atof(strchr(argv[i],'=')+1);
#define O(n, f) if (!strncmp(argv[i], n "=", strlen(n)+1)) s.f = v
		O("n",clients); O("runs",runs); O("end",end); if(!strncmp(argv[i],"end=",4)) s.end = v*SEC;
		O("rekeys",rekeys); if(!strncmp(argv[i],"life=",5)) s.life = v*SEC;
		if(!strncmp(argv[i],"ikelife=",8)) s.ike_life = v*SEC;
		if(!strncmp(argv[i],"gap=",4)) s.gap = v*SEC;
		if(!strncmp(argv[i],"dpd=",4)) s.dpd = v*SEC;
		if(!strncmp(argv[i],"spread=",7)) s.start_spread = v*SEC;
		if(!strncmp(argv[i],"lose=",5)) s.lose_table = v*SEC;
		if(!strncmp(argv[i],"from=",5)) s.forge_from = v*SEC;
		if(!strncmp(argv[i],"rtt=",4)) s.rtt = v*MS;
		O("k",rules.copies); O("rate",rules.rate);O("burst",rules.burst); O("hold",rules.hold_ms); O("holding",holding); O("forger",forger); O("fps",forged_per_second);
		O("busy",busy); O("sf",server_first); O("v1",v1); O("loss",loss); O("owi",one_way_in); O("owo",one_way_out); O("reb",reboots); O("silent",silent_start);O("same",same_spi);
		O("servers",servers);
	}
	for (policy = 0; policy < POLICIES; policy++) {
		struct result r = {0};
		unsigned int j; clock_t t = clock();
		sc = &s; res = &r;
		for (j = 0; j < s.runs; j++) world_run(1000 + j);
		double max=0; for (j=0;j<r.two_way;j++) if (r.two_way_ms[j]>max) max=r.two_way_ms[j];
		printf("%d: sas %lu right %lu (%.5f%%) first %lu settled %lu | rekeys %lu in %lu lost %lu mis %lu copies %lu | held %lu avg %.0f max %.0f | started %lu up %lu max %.0f | forged %lu del %lu old %lu oldlost %lu shared %lu | %.2fs\n", policy,
		 r.sas, r.sas_right, 100.0*r.sas_right/(r.sas?r.sas:1), r.sas_first_right, r.sas_settled_right, r.rekeys, r.in, r.lost, r.misdelivered, r.copies,
		 r.held, r.held?r.held_ms_sum/r.held:0, r.held_ms_max, r.started, r.up, max, r.forged, r.forged_delivered, r.old, r.old_lost, r.shared, (clock()-t)/1e6);
	}
}
