/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of nf_vpn_ipsec.ko share. */
#ifndef _NF_VPN_IPSEC_H
#define _NF_VPN_IPSEC_H

#include <net/netfilter/nf_conntrack_helper.h>
#include "nf_vpn.h"
#include "esp_plan.h"
#include "esp_seen.h"
#include "ike_msg.h"
#include "ike_notes.h"
#include "natt_past.h"
#include "natt_watch.h"

/*
 * SPIs kept per pair and direction.  A rekey overlaps two, several child SAs
 * share a pair; beyond that the one idle for longest is forgotten.
 */
#define NF_VPN_PAIR_SPIS	16

/* RFC 4303 2.1: 1 to 255 are reserved, 0 is for local use. */
#define NF_VPN_ESP_SPI_RESERVED	255

/* Clients of one server and public address weighed for an unknown SPI. */
#define NF_VPN_GROUP_MOST	4096

/* IKE messages that wait at a time, in a namespace. */
#define NF_VPN_IKE_HELD_MOST	256

/* sysctl ipsec_port_500: is the public source port 500 of several clients kept? */
enum nf_vpn_port_500 {
	NF_VPN_PORT_500_OFF,		/* moved: all but the first get another */
	NF_VPN_PORT_500_AUTO,		/* kept for who is not answered otherwise */
	NF_VPN_PORT_500_ON,		/* kept */
};

/**
 * struct nf_vpn_ike_data - what a helped entry says of itself, nfct_help_data()
 * @ike: on UDP 500
 * @ike.session: number of its nf_vpn_ike_lane, 0: none
 * @ike.first: jiffies, when the first message went out
 * @ike.sent: how many went out before there was an answer
 * @natt: on UDP 4500
 * @natt.talk: who spoke when; its @session: made by who has that mark
 * @natt.old: the inbound SPI before @natt.talk.spi, host order, 0: none
 *
 * Plain numbers: what an older load of this module left there is noticed.
 */
struct nf_vpn_ike_data {
	union {
		struct {
			u32	session;
			u32	first;
			u32	sent;
		} ike;
		struct {
			struct nf_vpn_natt_talk	talk;
			u32			old;
		} natt;
	};
};

static_assert(sizeof(struct nf_vpn_ike_data) <=
	      sizeof_field(struct nf_conn_help, data));

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
 * struct nf_vpn_esp_memory - what is too large for a stack or a pair
 * @seen: inbound SPIs of which one packet was seen
 * @plan: work space
 * @notes: clients that need the source port 500
 * @past: mappings of UDP 4500 that timed out
 *
 * One per namespace, made when the first pair is; under nf_vpn_net.lock.
 */
struct nf_vpn_esp_memory {
	struct nf_vpn_ike_notes	notes;
	struct nf_vpn_natt_past	past;
	struct nf_vpn_esp_seen	seen;
	struct nf_vpn_esp_plan	plan;
};

/**
 * struct nf_vpn_group - the pairs of one server and public address
 * @member: evidence of those that use raw ESP: the candidates
 * @n: how many
 * @room: for so many
 * @pairs: all of them, @member or not
 * @held: IKE messages of theirs that wait
 * @bucket: copies that may be made now
 * @suspect: somebody waits in vain (while groups are tended)
 * @suspect_gate: ms, since when
 * @suspect_until: jiffies, so long settled SPIs are watched
 *
 * Under nf_vpn_net.lock.
 */
struct nf_vpn_group {
	struct nf_vpn_esp_evidence	**member;
	unsigned int			n;
	unsigned int			room;
	unsigned int			pairs;
	unsigned int			held;
	struct nf_vpn_esp_bucket	bucket;
	bool				suspect;
	u32				suspect_gate;
	unsigned long			suspect_until;
};

/**
 * struct nf_vpn_ipsec_net - per namespace
 * @vn: the core's part
 * @ends: pairs by the packets of each direction, IP_CT_DIR_*
 * @pairs: all pairs, under nf_vpn_net.lock
 * @unresolved: manually keyed pairs whose NAT is not known yet, same lock
 * @last_id: of a pair's evidence, same lock
 * @salt: secret, where @memory keeps an SPI; never 0
 * @memory: set once, then stays
 * @prepare: makes @memory, in process context
 * @rekeyed: struct nf_vpn_ike_lane that may have SPIs we do not know, same lock
 * @held: struct nf_vpn_ike_held in order of arrival, same lock
 * @held_count: how many, same lock
 * @release: lets them go
 * @rules: sysctls of copies and holding
 * @timeout: ESP timeouts in jiffies: not replied, replied
 * @natt_timeout: those of UDP 4500
 * @natt_revive: jiffies, so long ago a mapping may have timed out; 0: never revived
 * @natt_wanted: a mapping of UDP 4500 is, or was, remembered
 * @natt_hooked: @natt_ops are registered; changed by @prepare, and at the end
 * @natt_ops: natt_revive.c
 * @port_500: enum nf_vpn_port_500
 * @natt: clients there that get no answers
 * @ah_told: the log says already that AH cannot cross a NAT
 * @without_ike: help ESP that no IKE announced
 * @local_tmpl: carries the zone of the router's own ESP, NULL until needed
 * @ctl: sysctl table
 */
struct nf_vpn_ipsec_net {
	struct nf_vpn_net	*vn;
	struct rhltable		ends[IP_CT_DIR_MAX];
	struct list_head	pairs;
	struct list_head	unresolved;
	u32			last_id;
	u32			salt;
	struct nf_vpn_esp_memory *memory;
	struct work_struct	prepare;
	struct list_head	rekeyed;
	struct list_head	held;
	unsigned int		held_count;
	struct delayed_work	release;
	struct nf_vpn_esp_rules	rules;
	unsigned int		timeout[2];
	unsigned int		natt_timeout[2];
	unsigned int		natt_revive;
	bool			natt_wanted;
	bool			natt_hooked;
	struct nf_hook_ops	natt_ops;
	unsigned int		port_500;
	struct nf_vpn_natt_watch natt;
	bool			ah_told;
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
 * @ev: what it did, and what follows from that
 * @group: those with the same inbound end, NULL until @resolved
 * @place: index in @group->member, or -1
 * @held: IKE messages of it that wait
 * @born: jiffies
 * @fed: jiffies, when it was last sent a packet that may be its own
 * @use: references: table, lane, held messages
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
	struct nf_vpn_esp_evidence ev;
	struct nf_vpn_group	*group;
	int			place;
	unsigned int		held;
	unsigned long		born;
	unsigned long		fed;
	refcount_t		use;
	struct rcu_head		rcu;
};

/**
 * struct nf_vpn_spi - an inbound SPI of a pair; outbound ones are mere flows
 * @flow: first; the core frees it
 * @open: whose it may be, NULL once it is settled; under nf_vpn_net.lock, whether it
 *	is NULL under RCU
 * @sa: what is known of a settled one, under nf_vpn_net.lock
 * @shared: it was said that two clients use it, same lock
 *
 * Nearly all are settled, and stay it for hours: @open is two thirds of the memory.
 */
struct nf_vpn_spi {
	struct nf_vpn_flow	flow;
	struct nf_vpn_esp_in	*open;
	struct nf_vpn_esp_sa	sa;
	bool			shared;
};

extern const struct nf_vpn_proto nf_vpn_esp_proto;

/* ike_share.c */
extern const struct nf_vpn_proto nf_vpn_ike_proto;

/* Is public port 500 of this entry one that several clients may have? */
bool nf_vpn_ike_shares(struct nf_vpn_net *vn, const struct nf_conn *ct);

/* A message of an IKE entry on UDP 500 goes by: which SPI its client has.  RCU. */
void nf_vpn_ike_share(struct nf_vpn_net *vn, struct nf_conn *ct,
		      const struct nf_vpn_ike_msg *msg, u8 dir);

/* ah.c */
extern const struct nf_vpn_proto nf_vpn_ah_proto;

/* ipsec_main.c */
struct nf_vpn_ipsec_net *nf_vpn_ipsec_pernet(const struct net *net);

/* ike_helper.c */
int nf_vpn_ike_helper_init(void);
void nf_vpn_ike_helper_exit(void);

static inline struct nf_vpn_ike_data *nf_vpn_ike_data(const struct nf_conn *ct)
{
	return nfct_help_data(ct);
}

/* What entries that we make get. */
struct nf_conntrack_helper *nf_vpn_ike_helper_live(void);

/* natt.c */

/* Is this entry one of UDP 4500? */
static inline bool nf_vpn_ike_on_natt(const struct nf_conn *ct)
{
	return ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u.udp.port ==
		htons(NF_VPN_NATT_PORT);
}

/* Of this load of the module, as far as one octet tells; never 0. */
extern u8 nf_vpn_natt_tag;
/* A packet of it, with that SPI if it is ESP, host order, else 0.  RCU. */
void nf_vpn_natt_seen(struct nf_vpn_ipsec_net *in, struct nf_conn *ct, u32 spi,
		      u8 dir);
/* An entry that is made begins with these: NF_VPN_NATT_SPIS, network order. */
void nf_vpn_natt_set_spis(struct nf_vpn_ike_data *data, const __be32 *spi);
/* As struct nf_vpn_proto.restore. */
enum nf_vpn_refusal nf_vpn_natt_restore(struct nf_vpn_net *vn,
					const struct nf_vpn_saved *saved);
void nf_vpn_natt_flush(struct nf_vpn_net *vn);
/* When the module is loaded. */
void nf_vpn_natt_init(void);

/* natt_revive.c; process context, one at a time */
void nf_vpn_natt_hook_on(struct nf_vpn_ipsec_net *in);
void nf_vpn_natt_hook_off(struct nf_vpn_ipsec_net *in);

/* esp_pair.c; with nf_vpn_net.lock held unless said otherwise */

/* Memory for pairs, when the module is loaded; 0 or -ENOMEM. */
int nf_vpn_pair_init(void);
/* After all of them were freed. */
void nf_vpn_pair_exit(void);
int nf_vpn_pair_net_init(struct nf_vpn_ipsec_net *in);
void nf_vpn_pair_net_exit(struct nf_vpn_net *vn, struct nf_vpn_ipsec_net *in);

/* First of the pairs with that end, or NULL.  RCU, no lock. */
struct rhlist_head *nf_vpn_pair_lookup(struct nf_vpn_ipsec_net *in, u8 dir,
				       const struct nf_vpn_end *end);

/* Packets of this direction, as they arrive: the conntrack tuple says it. */
void nf_vpn_pair_end_of(const struct nf_vpn_net *vn, const struct nf_conn *ct,
			u8 dir, struct nf_vpn_end *end);

/* The pair of an IKE entry; made when @make.  NULL: none, or refused. */
struct nf_vpn_pair *nf_vpn_pair_of(struct nf_vpn_net *vn, struct nf_conn *ike,
				   bool make);

/* A manually keyed pair; only its outbound end is known. */
struct nf_vpn_pair *nf_vpn_pair_manual(struct nf_vpn_net *vn,
				       const struct nf_vpn_end *out);

/* The other end became known.  0 or negative errno. */
int nf_vpn_pair_resolve(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			const struct nf_vpn_end *in_end);

/* An IKE message passes on: what it says about the SAs to come. */
void nf_vpn_pair_observe(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
			 const struct nf_vpn_ike_msg *msg, u8 dir);

/* It uses UDP 4500, or raw ESP after all. */
void nf_vpn_pair_float(struct nf_vpn_pair *pair, bool floated);

/* Its entry has ended, and the SPIs with it. */
void nf_vpn_pair_lane_leave(struct nf_vpn_pair *pair);

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

/* esp_group.c; with nf_vpn_net.lock held */

/* Into the group of its inbound end, made if need be.  0 or -ENOMEM. */
int nf_vpn_group_join(struct nf_vpn_ipsec_net *in, struct nf_vpn_pair *pair);
void nf_vpn_group_leave(struct nf_vpn_pair *pair);
/* A candidate from now on, or no longer. */
int nf_vpn_group_enter(struct nf_vpn_pair *pair);
void nf_vpn_group_exit(struct nf_vpn_pair *pair);
/* The group of that inbound end, or NULL. */
struct nf_vpn_group *nf_vpn_group_find(struct nf_vpn_ipsec_net *in,
				       const struct nf_vpn_end *end);
/* The pair of a member. */
struct nf_vpn_pair *nf_vpn_group_pair(const struct nf_vpn_group *group,
				      unsigned int i);
/* Once a second: forget what is too old, look who waits in vain. */
void nf_vpn_group_tend(struct nf_vpn_ipsec_net *in);

/* esp_spi.c; with nf_vpn_net.lock held */

/* Milliseconds that wrap: the clock of esp_evidence. */
u32 nf_vpn_esp_now(void);
/* A new outbound SPI.  NULL: refused. */
struct nf_vpn_flow *nf_vpn_spi_out(struct nf_vpn_net *vn,
				   struct nf_vpn_pair *pair,
				   const struct nf_vpn_key *key);
/* A new inbound one.  NULL: refused. */
struct nf_vpn_spi *nf_vpn_spi_in(struct nf_vpn_net *vn,
				 struct nf_vpn_pair *pair,
				 const struct nf_vpn_key *key,
				 const struct nf_vpn_esp_in *in);
/* It was weighed once more, and may be settled now. */
void nf_vpn_spi_keep(struct nf_vpn_spi *spi, const struct nf_vpn_esp_in *in);
/* Forget an inbound one. */
void nf_vpn_spi_drop(struct nf_vpn_spi *spi);
/* As struct nf_vpn_proto.forget. */
void nf_vpn_spi_forget(struct nf_vpn_flow *flow);
/* See each outbound packet of the pair, as long as that tells something. */
void nf_vpn_spi_watch_out(struct nf_vpn_pair *pair);
/* Somebody in its group waits in vain: doubt and watch its inbound SPIs. */
void nf_vpn_spi_suspect(struct nf_vpn_pair *pair, u32 now);

/* esp_inbound.c: whose is it?  Takes the lock. */
void nf_vpn_esp_inbound(struct nf_vpn_net *vn, struct sk_buff *skb,
			const struct nf_vpn_end *end,
			const struct nf_vpn_key *key,
			const struct nf_vpn_esp_arrival *a,
			struct sk_buff_head *copies);

/* ike_held.c */
void nf_vpn_held_net_init(struct nf_vpn_ipsec_net *in);
void nf_vpn_held_net_exit(struct nf_vpn_ipsec_net *in);
/* Must it wait?  Then it takes @skb over.  Lock held. */
bool nf_vpn_held_take(struct nf_vpn_net *vn, struct nf_vpn_pair *pair,
		      struct sk_buff *skb, const struct nf_vpn_ike_msg *msg,
		      u8 dir);

/*
 * ike_port.c: a message of the client's, translated; @off is the UDP header.  If NAT
 * moved the source port of the first one below 1024, or found none, it gets one above,
 * or its own back, as ipsec_port_500 says.  Returns a verdict; after that @skb may have
 * another entry.
 */
unsigned int nf_vpn_ike_port(struct nf_vpn_net *vn, struct sk_buff *skb,
			     unsigned int off, struct nf_conn *ct);

/*
 * ike_float.c: the server answered on UDP 500; the client may go on at 4500.  Once
 * at a time.  @helper is that of both.
 */
void nf_vpn_ike_expect_float(struct nf_vpn_net *vn, struct nf_conn *ct,
			     struct nf_conntrack_helper *helper);

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

/* esp_restore.c: struct nf_vpn_proto.restore */
enum nf_vpn_refusal nf_vpn_esp_restore(struct nf_vpn_net *vn,
				       const struct nf_vpn_saved *saved);

#endif /* _NF_VPN_IPSEC_H */
