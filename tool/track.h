/* SPDX-License-Identifier: GPL-2.0-only */
/* A conntrack entry, as "nfvpn list -j" names the one that a session needs. */
#ifndef NFVPN_TRACK_H
#define NFVPN_TRACK_H

#include <libmnl/libmnl.h>
#include "json.h"

/**
 * struct nfvpn_tuple - one direction of it
 * @src: network order, as all here
 * @dst: likewise
 * @sport: over TCP and UDP
 * @dport: likewise
 */
struct nfvpn_tuple {
	uint32_t	src;
	uint32_t	dst;
	uint16_t	sport;
	uint16_t	dport;
};

/**
 * struct nfvpn_track - the entry
 * @protonum: IPPROTO_*
 * @orig: of who began it
 * @reply: of who answers
 * @zone: host order
 * @mark: likewise
 * @helper: "": none
 */
struct nfvpn_track {
	uint8_t			protonum;
	struct nfvpn_tuple	orig;
	struct nfvpn_tuple	reply;
	uint16_t		zone;
	uint32_t		mark;
	char			helper[16];
};

/* False: it lacks something, or has what cannot be. */
bool nfvpn_track_read(const struct nfvpn_json *json, struct nfvpn_track *t);
/* As the nest NF_VPN_A_SESSION_TRACK. */
void nfvpn_track_tell(struct nlmsghdr *nlh, const struct nfvpn_track *t);
/*
 * Asks conntrack to have it, with its helper, in place of one without.  0, or errno
 * and why.
 */
int nfvpn_track_make(const struct nfvpn_track *t, char *why);
/* A whole number of the object from 0 to @max.  False: there is none. */
bool nfvpn_js_whole(const struct nfvpn_json *json, const char *key,
		    uint32_t max, uint32_t *value);

#endif
