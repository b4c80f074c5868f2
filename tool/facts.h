/* SPDX-License-Identifier: GPL-2.0-only */
/* What "nfvpn doctor" looks at, gathered once. */
#ifndef NFVPN_FACTS_H
#define NFVPN_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "json.h"

/* Addresses are in network order, ports in host order, everywhere here. */

struct nfvpn_stat {
	char		name[32];
	uint64_t	value;
};

/* Its fields are those of the netlink family. */
struct nfvpn_session {
	uint32_t	id;
	uint32_t	protocol;
	uint32_t	client;
	uint32_t	server;
	uint32_t	public;
	uint32_t	state;
	uint32_t	age;
	uint64_t	out;
	uint64_t	in;
	bool		replied;
};

/* One direction of a flow. */
struct nfvpn_ends {
	uint32_t	src;
	uint32_t	dst;
	unsigned int	sport;
	unsigned int	dport;
	uint64_t	packets;	/* 0 too without accounting */
};

/* An entry of conntrack. */
struct nfvpn_flow {
	unsigned int		protocol;	/* IP's number */
	struct nfvpn_ends	orig;
	struct nfvpn_ends	reply;
	bool			unreplied;
	char			state[16];	/* TCP's, or "" */
	char			helper[16];	/* or "" */
};

struct nfvpn_address {
	uint32_t	address;
	char		iface[16];
};

#define NFVPN_ARRAY(type)	struct { type *at; size_t n, room; }

/**
 * struct nfvpn_facts - all of it
 * @module: nf_vpn is loaded, and told @stats, @sessions and the limits
 * @nft: the ruleset, or NULL
 * @iptables: its table raw, if there is one; else NULL
 * @conntrack: could be read
 */
struct nfvpn_facts {
	bool				module;
	NFVPN_ARRAY(struct nfvpn_stat)	stats;
	NFVPN_ARRAY(struct nfvpn_session) sessions;
	uint32_t			active;
	uint32_t			n_flows;
	uint32_t			max_flows;
	struct nfvpn_json		*nft;
	char				*iptables;
	bool				conntrack;
	NFVPN_ARRAY(struct nfvpn_flow)	flows;
	NFVPN_ARRAY(struct nfvpn_address) addresses;
};

void nfvpn_facts_get(struct nfvpn_facts *facts);
void nfvpn_facts_put(struct nfvpn_facts *facts);
/* 0, too, if there is no such counter. */
uint64_t nfvpn_facts_stat(const struct nfvpn_facts *facts, const char *name);
/* Whether it is an address of this machine. */
bool nfvpn_facts_own(const struct nfvpn_facts *facts, uint32_t address);
/* A line of "conntrack -L"; false: it is none. */
bool nfvpn_facts_parse_flow(struct nfvpn_flow *flow, const char *line);
/* A number in a file of one, or @otherwise. */
uint64_t nfvpn_file_number(const char *path, uint64_t otherwise);

#endif
