/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of nf_vpn_l2tp.ko share. */
#ifndef _NF_VPN_L2TP_H
#define _NF_VPN_L2TP_H

#include <linux/l2tp.h>
#include "nf_vpn.h"
#include "l2tp_msg.h"

/* nf_vpn_key.space: whose names the IDs are */
enum nf_vpn_l2tp_space {
	NF_VPN_L2TP_DATA,	/* Session IDs */
	NF_VPN_L2TP_CONTROL,	/* Control Connection IDs */
	NF_VPN_L2TP_SHARED,	/* Tunnel IDs of clients that share a UDP port */
	NF_VPN_L2TP_NOWHERE = NF_VPN_SPACE_NOWHERE,
};

/* A client whose first packet conntrack did not confirm is forgotten then. */
#define NF_VPN_L2TP_PENDING	(60 * HZ)

/* Zones tried for one client */
#define NF_VPN_L2TP_ZONE_TRIES	1024

/**
 * struct nf_vpn_l2tp_net - per namespace
 * @vn: the core's part
 * @ends: pairs by the packets of each direction, IP_CT_DIR_*
 * @pairs: all pairs, under nf_vpn_net.lock
 * @closing: links that end, first the first to go, same lock
 * @timeout: over IP, in jiffies: not replied, replied
 * @udp_timeout: likewise, over UDP
 * @grace: jiffies a session lives on after Call-Disconnect-Notify, and all of a
 *	control connection after Stop-Control-Connection-Notification
 * @mark: bits of a packet's mark by which a rule asks for help; 0: nobody does
 * @port_1701: over UDP, several clients may have the public port 1701
 * @without_control: learn sessions from data as well
 * @ops: the hooks that read control messages on their way out
 * @enable: registers them, in process context
 * @hooked: enum nf_vpn_hooked
 * @ctl: sysctl table
 */
struct nf_vpn_l2tp_net {
	struct nf_vpn_net	*vn;
	struct rhltable		ends[IP_CT_DIR_MAX];
	struct list_head	pairs;
	struct list_head	closing;
	unsigned int		timeout[2];
	unsigned int		udp_timeout[2];
	unsigned int		grace;
	unsigned int		mark;
	unsigned int		port_1701;
	unsigned int		without_control;
	struct nf_hook_ops	ops[2];
	struct work_struct	enable;
	atomic_t		hooked;
	struct ctl_table_header	*ctl;
};

/**
 * struct nf_vpn_l2tp_end - the addresses of packets that travel in one direction
 * @src: source as the packet arrives here, network order
 * @dst: destination, likewise
 * @sport: its UDP port, network order; over IP 0
 * @dport: likewise
 */
struct nf_vpn_l2tp_end {
	__be32	src;
	__be32	dst;
	__be16	sport;
	__be16	dport;
};

/**
 * struct nf_vpn_l2tp_pair - a client and a server that talk L2TP
 * @lane: their conntrack entry, which stock conntrack makes; first
 * @node: in nf_vpn_l2tp_net.ends; [IP_CT_DIR_REPLY] only when @resolved
 * @end: the keys of @node
 * @list: in nf_vpn_l2tp_net.pairs
 * @links: control connections and sessions
 * @door: flow for what the client sends without an ID of the server's; over UDP
 *	only to be seen
 * @tmpl: template that carries @zone, NULL in the zone the packets come in
 * @from_zone: zone of arriving packets
 * @zone: zone of the entry
 * @tries: zones tried so far
 * @resolved: the reply end is known, and IDs have flows; never over UDP, where
 *	the ports tell clients apart
 *
 * @end, and @node under RCU, may be read without a lock; all else is under
 * nf_vpn_net.lock.
 */
struct nf_vpn_l2tp_pair {
	struct nf_vpn_lane	lane;
	struct rhlist_head	node[IP_CT_DIR_MAX];
	struct nf_vpn_l2tp_end	end[IP_CT_DIR_MAX];
	struct list_head	list;
	struct list_head	links;
	struct nf_vpn_flow	*door;
	struct nf_conn		*tmpl;
	u16			from_zone;
	u16			zone;
	u16			tries;
	bool			resolved;
};

/**
 * struct nf_vpn_l2tp_name - how one end of a link is called
 * @flow: packets towards that end; NULL while the ID or the address is not known
 * @real: as the end itself chose it, host order; 0: not known
 * @pub: as the other end knows it, host order
 */
struct nf_vpn_l2tp_name {
	struct nf_vpn_flow	*flow;
	u32			real;
	u32			pub;
};

/**
 * struct nf_vpn_l2tp_link - a control connection or a session
 * @list: in nf_vpn_l2tp_pair.links
 * @end_list: in nf_vpn_l2tp_net.closing, or empty
 * @pair: the client and server; holds this link
 * @conn: a session's control connection; NULL: ended, or never seen
 * @name: per end: IP_CT_DIR_ORIGINAL is the client
 * @space: enum nf_vpn_l2tp_space
 * @expires: jiffies, if on nf_vpn_l2tp_net.closing
 *
 * Under nf_vpn_net.lock.
 */
struct nf_vpn_l2tp_link {
	struct list_head	list;
	struct list_head	end_list;
	struct nf_vpn_l2tp_pair	*pair;
	struct nf_vpn_l2tp_link	*conn;
	struct nf_vpn_l2tp_name	name[IP_CT_DIR_MAX];
	u8			space;
	unsigned long		expires;
};

extern const struct nf_vpn_proto nf_vpn_l2tp_proto;

/* l2tp_main.c */
struct nf_vpn_l2tp_net *nf_vpn_l2tp_pernet(const struct net *net);

/* l2tp_hook.c */
void nf_vpn_l2tp_hook_net_init(struct nf_vpn_l2tp_net *ln);
void nf_vpn_l2tp_hook_net_exit(struct nf_vpn_l2tp_net *ln);

/* A rule asked for help here: register the hooks soon.  Any context. */
void nf_vpn_l2tp_hook_enable(struct nf_vpn_l2tp_net *ln);

/* l2tp_pair.c; with nf_vpn_net.lock held unless said otherwise */
int nf_vpn_l2tp_pair_net_init(struct nf_vpn_l2tp_net *ln);
void nf_vpn_l2tp_pair_net_exit(struct nf_vpn_l2tp_net *ln);

/* First of the pairs with that end, or NULL.  RCU, no lock. */
struct rhlist_head *nf_vpn_l2tp_pair_lookup(struct nf_vpn_l2tp_net *ln, u8 dir,
					    const struct nf_vpn_l2tp_end *end);

/* Over IP: the pair that sends packets with that key.  NULL: none, or its end is near. */
struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_from(struct nf_vpn_l2tp_net *ln,
					       const struct nf_vpn_key *key);

/* The pair of an entry, confirmed or not. */
struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_of(struct nf_vpn_l2tp_net *ln,
					     const struct nf_conn *ct);

/* A new one, in the first zone that is free towards the server.  NULL: refused. */
struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_new(struct nf_vpn_l2tp_net *ln,
					      const struct nf_vpn_key *key);

/* The pair of a UDP entry with our helper; made if need be.  NULL: refused. */
struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_udp(struct nf_vpn_l2tp_net *ln,
					      struct nf_conn *ct);

/* An entry over UDP took the place of one that ended: so does its pair.  No lock held. */
void nf_vpn_l2tp_pair_succeed(struct nf_vpn_l2tp_net *ln, struct nf_conn *ct);

/* Over IP, of an entry that is there, in its zone.  NULL: refused. */
struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_again(struct nf_vpn_l2tp_net *ln,
						struct nf_conn *ct);

/* Its entry would clash: try the next zone.  False: none is left. */
bool nf_vpn_l2tp_pair_rezone(struct nf_vpn_l2tp_net *ln,
			     struct nf_vpn_l2tp_pair *pair);

/* The reply end became known.  0 or negative errno. */
int nf_vpn_l2tp_pair_resolve(struct nf_vpn_l2tp_net *ln,
			     struct nf_vpn_l2tp_pair *pair,
			     const struct nf_conn *ct);

/* Take the entry that stock conntrack has made, if it has.  RCU too. */
bool nf_vpn_l2tp_pair_adopt(struct nf_vpn_l2tp_net *ln,
			    struct nf_vpn_l2tp_pair *pair);

struct nf_vpn_l2tp_pair *nf_vpn_l2tp_pair_of_lane(struct nf_vpn_lane *lane);

/* Operations of a lane.  No lock held. */
void nf_vpn_l2tp_pair_gone(struct nf_vpn_lane *lane);
void nf_vpn_l2tp_pair_free(struct nf_vpn_lane *lane);

/* l2tp_link.c; with nf_vpn_net.lock held unless said otherwise */

/* By an ID as its owner @end knows it; as the other end knows it. */
struct nf_vpn_l2tp_link *
nf_vpn_l2tp_link_by_real(const struct nf_vpn_l2tp_pair *pair, u8 space, u8 end,
			 u32 id);
struct nf_vpn_l2tp_link *
nf_vpn_l2tp_link_by_pub(const struct nf_vpn_l2tp_pair *pair, u8 space, u8 end,
			u32 id);

/* A new one, without names, charged to the client.  NULL: refused (counted). */
struct nf_vpn_l2tp_link *nf_vpn_l2tp_link_new(struct nf_vpn_l2tp_pair *pair,
					      u8 space,
					      struct nf_vpn_l2tp_link *conn);

/**
 * nf_vpn_l2tp_link_name() - an end has told its ID
 * @link: the link
 * @end: IP_CT_DIR_*
 * @id: what it chose, host order, not 0
 * @keep: the ID may not be translated
 *
 * The other end is to know it by the same number if nobody else has that there,
 * by a random one otherwise.
 * Return: 0; -EEXIST the ID is taken and @keep; -ENOSPC, -ENOMEM.
 */
int nf_vpn_l2tp_link_name(struct nf_vpn_l2tp_link *link, u8 end, u32 id,
			  bool keep);

/* An end is named as it was before.  0, or as nf_vpn_l2tp_link_name(). */
int nf_vpn_l2tp_link_rename(struct nf_vpn_l2tp_link *link, u8 end, u32 real,
			    u32 pub);

/* Names given before the pair was resolved get their flows. */
void nf_vpn_l2tp_link_index(struct nf_vpn_l2tp_pair *pair);

/* It ends when @delay jiffies are over; a control connection with its sessions. */
void nf_vpn_l2tp_link_close(struct nf_vpn_l2tp_link *link, unsigned int delay);

/* It does not end after all. */
void nf_vpn_l2tp_link_reopen(struct nf_vpn_l2tp_link *link);

/* Now. */
void nf_vpn_l2tp_link_del(struct nf_vpn_l2tp_link *link);

/* All of a pair whose flows are gone; just memory. */
void nf_vpn_l2tp_link_free_all(struct nf_vpn_l2tp_pair *pair);

/* What is due.  No lock held. */
void nf_vpn_l2tp_link_reap(struct nf_vpn_net *vn);

/* l2tp_control.c */

/**
 * struct nf_vpn_l2tp_edit - what the receiver of a message shall read
 * @assigned: sender's Control Connection ID
 * @local: sender's Session ID
 * @remote: receiver's Session ID
 */
struct nf_vpn_l2tp_edit {
	u32	assigned;
	u32	local;
	u32	remote;
};

/**
 * nf_vpn_l2tp_control() - the effect and translation of one message
 * @pair: resolved; nf_vpn_net.lock held
 * @from: the end that sent it, IP_CT_DIR_*
 * @msg: the message, version 3, its header as the receiver will read it
 * @edit: in: as in the message
 * Return: 0, or the enum nf_vpn_stat for which it must not be forwarded.
 */
int nf_vpn_l2tp_control(struct nf_vpn_l2tp_pair *pair, u8 from,
			const struct nf_vpn_l2tp_msg *msg,
			struct nf_vpn_l2tp_edit *edit);

/* l2tp_static.c: sessions without control messages.  nf_vpn_net.lock held. */

/* A session ID the client sends to. */
void nf_vpn_l2tp_static_out(struct nf_vpn_l2tp_pair *pair, u32 id);

/* Whose an inbound session ID is; its flow, or NULL (counted). */
struct nf_vpn_flow *nf_vpn_l2tp_static_in(struct nf_vpn_l2tp_net *ln,
					  const struct nf_vpn_key *key);

/* l2tp_helper.c: the head of L2TP in UDP, at @off; 0 or a counter, not yet counted. */
int nf_vpn_l2tp_udp_head(const struct sk_buff *skb, unsigned int off,
			 struct nf_vpn_l2tp_head *head);

/* 0 or negative errno */
int nf_vpn_l2tp_helper_init(void);
void nf_vpn_l2tp_helper_exit(void);

/* l2tp_udp.c */
extern const struct nf_vpn_proto nf_vpn_l2tp_udp_proto;

/* What a message over UDP tells.  No lock held. */
void nf_vpn_l2tp_udp_learn(struct nf_vpn_l2tp_net *ln, struct nf_conn *ct,
			   u8 from, const struct nf_vpn_l2tp_msg *msg);

/* l2tp_share.c: of nf_vpn_l2tp_udp_proto */
int nf_vpn_l2tp_share_key(const struct sk_buff *skb, unsigned int off,
			  struct nf_vpn_key *key);
unsigned int nf_vpn_l2tp_share_miss(struct nf_vpn_net *vn, struct sk_buff *skb,
				    unsigned int off,
				    const struct nf_vpn_key *key,
				    struct nf_vpn_flow **flow);
bool nf_vpn_l2tp_share_rewrite(struct sk_buff *skb, unsigned int off,
			       __be32 id);

/*
 * A control message of the client's over UDP, @protoff its UDP header, translated: its
 * port and Tunnel ID may change.  A verdict; after that @skb may have another entry.
 * No lock held.
 */
unsigned int nf_vpn_l2tp_share(struct nf_vpn_l2tp_net *ln, struct sk_buff *skb,
			       unsigned int protoff, struct nf_conn *ct,
			       enum ip_conntrack_info ctinfo,
			       const struct nf_vpn_l2tp_msg *msg);

/* A message of the server's, learned already: by its ID an ICMP error may quote what
 * the client sends.  No lock held.
 */
void nf_vpn_l2tp_share_answered(struct nf_vpn_l2tp_net *ln, struct nf_conn *ct,
				const struct nf_vpn_l2tp_msg *msg);

/* l2tp_restore.c: struct nf_vpn_proto.restore */
enum nf_vpn_refusal nf_vpn_l2tp_restore(struct nf_vpn_net *vn,
					const struct nf_vpn_saved *saved);

#endif /* _NF_VPN_L2TP_H */
