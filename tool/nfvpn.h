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
/* A request yet to be filled and tried; @buffer has NFVPN_TRY octets. */
#define NFVPN_TRY	8192
struct nlmsghdr *nfvpn_draft(char *buffer, uint8_t cmd);
/* IPCTNL_MSG_CT_*, with more flags.  The socket is opened when needed. */
struct nlmsghdr *nfvpn_draft_track(char *buffer, uint8_t what, uint16_t flags);
/* Sends it: 0, or a positive errno and why, in @why of NFVPN_WHY octets. */
#define NFVPN_WHY	256
int nfvpn_try(const struct nlmsghdr *nlh, char *why);
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
/* As a JSON string, to stdout. */
void nfvpn_put_quoted(const char *text);
/* 0: no such name */
uint32_t nfvpn_protocol_by_name(const char *name);
uint32_t nfvpn_bound_by_name(const char *name);
uint32_t nfvpn_kind_by_name(const char *name);
uint32_t nfvpn_evidence_by_name(const char *name);
/* What is missing or has another size than it should have is 0, or "". */
uint32_t nfvpn_u32(const struct nlattr *attr);
uint64_t nfvpn_u64(const struct nlattr *attr);
const char *nfvpn_string(const struct nlattr *attr);
void nfvpn_list(const struct nfvpn_filter *filter);
void nfvpn_stats(const struct nfvpn_filter *filter);
void nfvpn_status(const struct nfvpn_filter *filter);
void nfvpn_watch(const struct nfvpn_filter *filter);

/* save.c: the list, in a file that is whole or not there. */
void nfvpn_save(const char *path);

/* restore.c: NFVPN_OK, or NFVPN_FAILED if something could not be restored. */
int nfvpn_restore(const char *path);
/* The same of what is in it; @path is for messages. */
int nfvpn_restore_text(const char *text, const char *path);

/* enable.c: each ends the program with a message if it cannot. */
void nfvpn_enable(const struct nfvpn_rules *asked);
void nfvpn_disable(const struct nfvpn_rules *asked);
void nfvpn_load(const struct nfvpn_filter *filter);
void nfvpn_unload(const struct nfvpn_filter *filter);
/* The sysctl l2tp_ip_mark, 0 if there is none. */
uint32_t nfvpn_mark_get(void);

/* doctor.c: NFVPN_OK, or NFVPN_FAILED if something was found. */
int nfvpn_doctor(const struct nfvpn_filter *filter);

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
/* All of what can be read, to be freed; @len without the 0 behind it. */
char *nfvpn_read_all(int fd, size_t *len);

#endif
