/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the command nfvpn share. */
#ifndef NFVPN_H
#define NFVPN_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/nf_vpn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes: they do not change. */
enum {
	NFVPN_OK,
	NFVPN_FAILED,		/* refused, or nothing there */
	NFVPN_USAGE,
	NFVPN_NO_MODULE,
	NFVPN_NO_PERMISSION,
	NFVPN_NO_NFT,		/* or it refused the rules */
};

struct nfvpn_rules;

/**
 * struct nfvpn_filter - what the command line asks for
 * @id: of a session, 0: any
 * @protocol: enum nf_vpn_protocol, 0: any
 * @client: network order, 0: any
 * @server: network order, 0: any
 * @all: flush everything; list those in their quiet time, too
 * @control: flush the control connection as well
 * @json: for programs
 */
struct nfvpn_filter {
	uint32_t	id;
	uint32_t	protocol;
	uint32_t	client;
	uint32_t	server;
	bool		all;
	bool		control;
	bool		json;
};

/* genl.c: each ends the program with a message that says what to do. */

typedef void nfvpn_take(const struct genlmsghdr *head,
			const struct nlmsghdr *nlh, void *data);

/* Connects to the family. */
void nfvpn_open(void);
/* One request; @take gets each answer. */
void nfvpn_ask(uint8_t cmd, bool dump, const struct nfvpn_filter *filter,
	       nfvpn_take *take, void *data);
/* Joins the group of events, and hands them to @take for ever. */
void nfvpn_listen(nfvpn_take *take, void *data);
/* Attributes by type; @tb has @max + 1, all set or NULL. */
void nfvpn_parse(const struct nlmsghdr *nlh, const struct nlattr **tb,
		 int max);
void nfvpn_parse_nested(const struct nlattr *nest, const struct nlattr **tb,
			int max);
/* Ends the program. */
__attribute__((noreturn, format(printf, 2, 3)))
void nfvpn_die(int code, const char *format, ...);

/* show.c */
const char *nfvpn_protocol_name(uint32_t protocol);
/* 0: no such name */
uint32_t nfvpn_protocol_by_name(const char *name);
void nfvpn_list(const struct nfvpn_filter *filter);
void nfvpn_stats(const struct nfvpn_filter *filter);
void nfvpn_status(const struct nfvpn_filter *filter);
void nfvpn_watch(const struct nfvpn_filter *filter);

/* enable.c: each ends the program with a message if it cannot. */
void nfvpn_enable(const struct nfvpn_rules *asked);
void nfvpn_disable(const struct nfvpn_rules *asked);
void nfvpn_load(const struct nfvpn_filter *filter);
void nfvpn_unload(const struct nfvpn_filter *filter);
/* The sysctl l2tp_ip_mark, 0 if there is none. */
uint32_t nfvpn_mark_get(void);

/* run.c */

enum {
	NFVPN_STDOUT = 1,
	NFVPN_STDERR = 2,
	NFVPN_RUN_MISSING = 127,
};

/* A program's exit code, or NFVPN_RUN_MISSING; @output: of @streams, to be freed. */
int nfvpn_run(char *const argv[], int streams, char **output);
/* False, and errno: there is none. */
bool nfvpn_read_file(const char *path, char **text);

#endif
