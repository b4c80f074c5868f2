/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of many IPsec clients behind one NAT. It links the very files that
 * are in the module and plays them against two simpler policies.
 *
 * Time is in microseconds. All randomness comes from the seed; each client has
 * streams of its own, so that policies meet the same clients and losses as far
 * as what they do leaves them alike.
 */
#ifndef NF_VPN_SIM_H
#define NF_VPN_SIM_H

#include <stdio.h>
#include <stdlib.h>
#include "../../nf_vpn_passthrough/ipsec/esp_plan.h"
#include "../../nf_vpn_passthrough/ipsec/esp_seen.h"

#define MS		1000ULL
#define SEC		(1000 * MS)
#define MOST_CLIENTS	256
#define MOST_SERVERS	2
#define SAS		8	/* per client, a ring */
#define BURSTS		2	/* begun by the client, by the server */

enum side { CLIENT, SERVER };

enum policy { FIRST_COME, NEWEST, OURS, POLICIES };

enum holding { HOLD_NOTHING, HOLD_REQUEST, HOLD_ANSWER };

enum forger {
	FORGE_NOTHING,
	FORGE_RANDOM,	/* SPI and sequence number at random, half of them low */
	FORGE_LOW,	/* random SPI, sequence number 1 */
	FORGE_COUNTING,	/* three packets of each SPI, numbered 1 to 3 */
};

/* What happens; defaults in main.c */
struct scenario {
	const char *name;
	const char *what;
	unsigned int clients, servers;
	unsigned int runs;		/* with seeds of their own */
	u64 start_spread;		/* clients start within this time */
	u64 end;			/* of a run */
	unsigned long rekeys;		/* or after so many, in all runs */
	u64 rtt, jitter;		/* WAN: round trip; one way, at most */
	double loss;			/* WAN, one way */
	u64 life;			/* of a child SA; 0: no rekey */
	u64 ike_life;
	double by_server;		/* rekeys the server begins */
	double v1;			/* clients with IKEv1 */
	double busy;			/* clients with traffic all the time */
	double one_way_in, one_way_out;	/* clients with such traffic only */
	double server_first;		/* bursts the server begins */
	u64 gap;			/* between bursts of those not busy */
	bool silent_start;		/* no ESP of the client's at the start */
	u64 dpd;
	u64 lose_table;			/* when; 0: never */
	double reboots;			/* clients that do, at half time */
	enum forger forger;
	u64 forge_from;
	double forged_per_second;
	bool same_spi;			/* clients 0 and 1 choose the same ones */
	u64 esp_timeout;		/* of our binding */
	struct nf_vpn_esp_rules rules;
	enum holding holding;
};

/* What came of it */
struct result {
	unsigned long sas, sas_right, sas_first_right, sas_settled_right;
	unsigned long rekeys;
	unsigned long in, lost, misdelivered, copies;
	unsigned long forged, forged_delivered;
	unsigned long held;
	double held_ms_sum, held_ms_max;
	unsigned long started, up;
	unsigned long old, old_lost;	/* SAs in use when the forger came */
	unsigned long shared;
	double *two_way_ms;
	unsigned long two_way, two_way_room;
	double seconds;			/* of this machine */
};

enum ike_kind {
	K_INIT, K_AUTH, K_CHILD, K_IKE, K_DELETE, K_DPD,
	K_MAIN1, K_MAIN2, K_MAIN3, K_QUICK,
};

struct esp { u32 spi, seq; u8 burst, step; bool oneway, forged; };

struct ike {
	u64 ispi;
	u32 msgid;
	u8 kind, stage;	/* 1 request, 2 answer, 3 Quick Mode's last */
	s8 sa;
	u8 from;	/* who began the exchange */
};

enum what { W_NAT_ESP, W_END_ESP, W_NAT_IKE, W_END_IKE, W_START, W_REKEY,
	    W_IKE_REKEY, W_BURST, W_STEP, W_AGAIN, W_ONEWAY, W_IKE_AGAIN,
	    W_QUICK_AGAIN, W_EXCHANGE, W_FORGE, W_LOSE, W_REBOOT, W_DPD };

struct event {
	u64 t;
	u64 no;		/* first in, first out */
	u16 cl;
	u8 what, dir;	/* dir: who sent it */
	u32 gen;
	u64 held_since;
	union {
		struct esp esp;
		struct ike ike;
	};
};

struct sa {
	u32 spi[2];		/* inbound of the client, of the server */
	u32 seq[2];		/* last sent by */
	bool in[2], out[2];	/* usable by */
	bool used, first_right, last_right, before_forger;
	u32 arrived, wrong;
};

struct exchange { bool active; u8 kind, tries; s8 sa; u32 msgid, gen; u64 ispi; };

struct burst { bool active; u8 step, steps, tries; u32 gen; bool oneway; };

struct client {
	u16 id;
	u8 server;
	bool v1, busy, oneway_in, oneway_out, up, two_way, lazy[2], deletes;
	u64 rng[4];
	u64 rto;
	u64 ispi;
	u32 ispi_count;
	u32 msgid[2];
	struct exchange ex[2];
	struct { u64 ispi; u32 msgid; u8 kind; } done[2];
	struct { u64 ispi; u32 msgid; s8 sa; bool done; } quick[2];
	struct sa sa[SAS];
	s8 newest;
	u32 gen, sa_gen;
	struct burst burst[BURSTS];
	u64 started, heard[2];
	bool server_got;
};

extern const struct scenario *sc;
extern struct result *res;
extern struct client client[MOST_CLIENTS];
extern u64 now;
extern enum policy policy;

/* engine.c */
void push(struct event *e);
bool pop(struct event *e);
void drop_all(void);
u64 next_rand(u64 *state);
double unit(u64 *state);
u64 expo(u64 *state, u64 mean);

/* world.c */
void world_run(u64 seed);

/* nat.c: what the NAT in the middle does */
void nat_init(u64 seed);
void nat_forget(void);
/* May it go on? 0, or when to ask again (us). */
u64 nat_hold(const struct event *e);
void nat_ike(const struct event *e);
void nat_out(unsigned int cl, u32 spi);
/* Clients that get it; [0] the original */
unsigned int nat_in(unsigned int server, u32 spi, u32 seq, u16 *to);

#endif /* NF_VPN_SIM_H */
