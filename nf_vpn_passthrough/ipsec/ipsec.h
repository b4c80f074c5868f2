/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of nf_vpn_ipsec.ko share. */
#ifndef _NF_VPN_IPSEC_H
#define _NF_VPN_IPSEC_H

#include "nf_vpn.h"
#include "esp_score.h"
#include "ike_msg.h"

/*
 * SPIs kept per pair and direction.  A rekey overlaps two, several child SAs
 * share a pair; beyond that the one idle for longest is forgotten.
 */
#define NF_VPN_PAIR_SPIS	16

/* Clients of one server weighed for an unknown SPI. */
#define NF_VPN_ESP_CANDIDATES	1024

/**
 * struct nf_vpn_end - the addresses of ESP that travels in one direction
 * @src: source as the packet arrives here, network order
 * @dst: destination, likewise
 * @zone: conntrack zone of arriving packets
 * @pad: 0
 */
struct nf_vpn_end {
	__be32	src;
	__be32	dst;
	u16	zone;
	u16	pad;
};

/**
 * struct nf_vpn_ipsec_net - per namespace
 * @vn: the core's part
 * @ends: pairs by the packets of each direction, IP_CT_DIR_*
 * @pairs: all pairs, under nf_vpn_net.lock
 * @unresolved: manually keyed pairs whose NAT is not known yet, same lock
 * @order: counts gates, same lock
 * @timeout: ESP timeouts in jiffies: not replied, replied
 * @gate: jiffies a gate stays open
 * @without_ike: help ESP that no IKE announced
 * @local_tmpl: carries the zone of the router's own ESP, NULL until needed
 * @ctl: sysctl table
 */
struct nf_vpn_ipsec_net {
	struct nf_vpn_net	*vn;
	struct rhltable		ends[IP_CT_DIR_MAX];
	struct list_head	pairs;
	struct list_head	unresolved;
	u32			order;
	unsigned int		timeout[2];
	unsigned int		gate;
	unsigned int		without_ike;
	struct nf_conn		*local_tmpl;
	struct ctl_table_header	*ctl;
};

/**
 * struct nf_vpn_pair - a client and a server, as one public address shows them
 * @node: in nf_vpn_ipsec_net.ends; [IP_CT_DIR_REPLY] only when @resolved
 * @end: the keys of @node
 * @list: in nf_vpn_ipsec_net.pairs
 * @waiting: in nf_vpn_ipsec_net.unresolved
 * @master: IKE's entry, with a reference; NULL when keyed manually
 * @tmpl: manual keying: template that carries @zone, NULL for the base zone
 * @lane: its ESP entry, with a reference, or NULL
 * @zone: zone of the ESP entry, kept for the next one; valid if @zoned
 * @zoned: @zone was given
 * @resolved: both ends are known
 * @floated: IKE moved to UDP 4500, so no raw ESP is expected
 * @ike: exchanges seen
 * @gates: key exchanges answered that no SPI satisfied yet
 * @wanted: key exchanges not answered yet
 * @order: number of the oldest open gate
 * @gate_opened: jiffies, newest
 * @unmatched_out: outbound SPIs without an inbound one
 * @out_seen: jiffies, newest of them
 * @use: references: table, lane
 * @rcu: freed after a grace period
 *
 * @end, and @node under RCU, may be read without a lock; all else is under
 * nf_vpn_net.lock.
 */
struct nf_vpn_pair {
	struct rhlist_head	node[IP_CT_DIR_MAX];
	struct nf_vpn_end	end[IP_CT_DIR_MAX];
	struct list_head	list;
	struct list_head	waiting;
	struct nf_conn		*master;
	struct nf_conn		*tmpl;
	struct nf_vpn_lane	*lane;
	u16			zone;
	bool			zoned;
	bool			resolved;
	bool			floated;
	struct nf_vpn_ike_gate_state ike;
	u8			gates;
	u8			wanted;
	u8			unmatched_out;
	u32			order;
	unsigned long		gate_opened;
	unsigned long		out_seen;
	refcount_t		use;
	struct rcu_head		rcu;
};

/**
 * struct nf_vpn_spi - one SPI of a pair
 * @flow: first; the core frees it
 * @matched: inbound: an outbound SPI or a gate vouches for it
 */
struct nf_vpn_spi {
	struct nf_vpn_flow	flow;
	bool			matched;
};

extern const struct nf_vpn_proto nf_vpn_esp_proto;

/* ipsec_main.c */
struct nf_vpn_ipsec_net *nf_vpn_ipsec_pernet(const struct net *net);

/* ike_helper.c */
int nf_vpn_ike_helper_init(void);
void nf_vpn_ike_helper_exit(void);

/* esp_pair.c; with nf_vpn_net.lock held unless said otherwise */
int nf_vpn_pair_net_init(struct nf_vpn_ipsec_net *in);
void nf_vpn_pair_net_exit(struct nf_vpn_net *vn, struct nf_vpn_ipsec_net *in);

/* First of the pairs with that end, or NULL.  RCU, no lock. */
struct rhlist_head *nf_vpn_pair_lookup(struct nf_vpn_ipsec_net *in, u8 dir,
				       const struct nf_vpn_end *end);

/* The pair of an IKE entry; made when @make.  NULL: none, or refused. */
struct nf_vpn_pair *nf_vpn_pair_of(struct nf_vpn_net *vn, struct nf_conn *ike,
				   bool make);

/* A manually keyed pair; only its outbound end is known. */
struct nf_vpn_pair *nf_vpn_pair_manual(struct nf_vpn_net *vn,
				       const struct nf_vpn_end *out);

/* The other end became known.  0 or negative errno. */
int nf_vpn_pair_resolve(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			const struct nf_vpn_end *in_end);

/* What an IKE message says about the SAs to come. */
void nf_vpn_pair_observe(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			 const struct nf_vpn_ike_msg *msg, u8 dir);

/* What is known of a pair, for the scorer. */
void nf_vpn_pair_evidence(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			  struct nf_vpn_esp_candidate *c);

/* A new SPI was bound: pair it with its counterpart if that was seen. */
void nf_vpn_pair_match(struct nf_vpn_pair *pair, struct nf_vpn_spi *spi);

/* Operations of a lane: it is gone; its memory is to be freed.  No lock held. */
void nf_vpn_pair_lane_gone(struct nf_vpn_lane *lane);
void nf_vpn_pair_lane_free(struct nf_vpn_lane *lane);
struct nf_vpn_pair *nf_vpn_pair_of_lane(struct nf_vpn_lane *lane);

/* The lane that holds @ct (reference taken over).  NULL: refused. */
struct nf_vpn_lane *nf_vpn_pair_lane_new(struct nf_vpn_net *vn,
					 struct nf_vpn_pair *pair,
					 struct nf_conn *ct);

/* End pairs that nothing keeps alive.  No lock held. */
void nf_vpn_pair_reap(struct nf_vpn_net *vn);

/* Last reference: freed after a grace period.  Any context. */
void nf_vpn_pair_put(struct nf_vpn_pair *pair);

/* esp_conn.c: the live lane of a pair, made if need be; lock held. */
struct nf_vpn_lane *nf_vpn_esp_lane(struct nf_vpn_net *vn,
				    struct nf_vpn_pair *pair);

/* esp_local.c; RCU, no lock */

/* Has the router an SA of its own with the SPI of that packet? */
bool nf_vpn_local_owns(struct net *net, const struct sk_buff *skb,
		       const struct nf_vpn_key *key);
/* Keep the router's own packet out of a zone that a client has. */
void nf_vpn_local_zone(struct nf_vpn_net *vn, struct sk_buff *skb,
		       const struct nf_vpn_key *key);
void nf_vpn_local_net_exit(struct nf_vpn_ipsec_net *in);

/* esp_manual.c: ESP without IKE (sysctl).  No lock held. */

/* The pair of an outbound packet, and its zone put on the packet. */
void nf_vpn_manual_out(struct nf_vpn_net *vn, struct sk_buff *skb,
		       const struct nf_vpn_end *end);
/* Look whether stock conntrack has made entries for waiting pairs. */
void nf_vpn_manual_resolve(struct nf_vpn_net *vn);

#endif /* _NF_VPN_IPSEC_H */
