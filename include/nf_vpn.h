/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core (nf_vpn.ko) offers to the protocol modules.
 *
 * A *flow* maps one demux key, as it stands in a packet that arrives, to a
 * *lane*; a lane owns one conntrack entry that the core made whole (both
 * tuples, NAT, master) and attaches to packets itself.  The core knows no
 * protocol: it asks a struct nf_vpn_proto for the key of a packet and, when no
 * live flow has that key, what to do about it.
 */
#ifndef _NF_VPN_H
#define _NF_VPN_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/netfilter/nf_conntrack.h>
#include <uapi/linux/nf_vpn.h>
#include "nf_vpn_stats.h"

/* Numbers of one session that a message shows. */
#define NF_VPN_SESSION_KEYS	48

/* And of one to be restored: links over UDP come in pairs of numbers. */
#define NF_VPN_SAVED_KEYS	(NF_VPN_SESSION_KEYS + 1)

struct ctl_table;
struct ctl_table_header;
struct nf_conntrack_helper;
struct seq_file;

/**
 * struct nf_vpn_key - what tells one VPN flow from another in a packet
 * @src: source address of the packet, network order
 * @dst: destination address of the packet, network order
 * @id: demux value, network order (ESP SPI; GRE call ID in the low 16 bits; L2TP
 *	session or control connection)
 * @zone: conntrack zone the packet is in before our help (0, or the admin's)
 * @l4proto: IPPROTO_*; of UDP only where clients share a port (core/port.c)
 * @space: tells two kinds of @id of one protocol apart, else 0
 *
 * IPv4 only, on purpose: IPv6 is not translated, and RFC 6092 REC-25 asks that
 * ESP state there is by address pair, which stock conntrack already does.
 */
struct nf_vpn_key {
	__be32	src;
	__be32	dst;
	__be32	id;
	u16	zone;
	u8	l4proto;
	u8	space;
};

/* nf_vpn_key.space: no packet has such a key, the flow is there to be seen */
#define NF_VPN_SPACE_NOWHERE	U8_MAX

struct nf_vpn_net;
struct nf_vpn_lane;
struct nf_vpn_proto;

/**
 * struct nf_vpn_flow - one direction of one SPI, call or session
 * @arrive: node in nf_vpn_net.arrivals
 * @depart: node in nf_vpn_net.departures, if @departs
 * @key: [0] the key in arriving packets, [1] the key as they leave (after NAT);
 *	an ICMP error quotes the latter
 * @lane: whose conntrack this flow is attached to; never changes, and the flow
 *	holds a reference on it
 * @list: in nf_vpn_lane.flows, under nf_vpn_net.lock
 * @used: jiffies of a recent packet, at most an eighth of a second behind
 * @dir: IP_CT_DIR_* in @lane->ct
 * @departs: @depart is hashed (another flow may have left with the same key)
 * @watched: @proto->weigh wants to see each packet; set and cleared by the
 *	protocol at any time, with WRITE_ONCE()
 * @rcu: in the place of @list: freed after a grace period
 *
 * Readers under RCU see constant fields, @used and @watched.
 */
struct nf_vpn_flow {
	/* What a packet looks at: 64 octets. */
	struct rhash_head	arrive;
	struct nf_vpn_key	key[2];
	struct nf_vpn_lane	*lane;
	unsigned long		used;
	u8			dir;
	bool			departs;
	bool			watched;

	struct rhash_head	depart;
	union {
		struct list_head	list;
		struct rcu_head		rcu;
	};
};

/**
 * struct nf_vpn_lane - one conntrack entry and the flows that lead to it
 * @ct: the entry, with a reference; NULL while a call is only reserved.
 *	Set once, put an RCU grace period after the last flow is gone, so a
 *	reader that finds the flow may take a reference without a retry.
 * @proto: who made it
 * @vn: the namespace; valid as long as the lane is alive
 * @timeout: two values in jiffies, not replied and replied, kept by the
 *	namespace's sysctls; valid as long as the namespace
 * @client: whose account it is charged to, network order
 * @id: by which the operator names it, while it is listed
 * @born: jiffies, when it was listed
 * @expires: jiffies; when a lane without @ct is given up, or when a lane marked
 *	@closing is
 * @quiet: jiffies its flows stay in the tables, leading nowhere, when its entry
 *	has ended, so that no key is used again while late packets carry it
 * @closing: the session was cleared, the entry goes when @expires is past
 * @retired: the entry has ended, the quiet time runs until @expires
 * @dead: no longer listed; under nf_vpn_net.lock
 * @list: in nf_vpn_net.lanes, under nf_vpn_net.lock
 * @flows: its flows, under nf_vpn_net.lock
 * @use: one while listed, one per flow, one per other holder
 * @prolonged: the timeout of @ct as we wrote it last; the reaper's
 * @rcu: freed after a grace period
 *
 * Embedded at the start of a protocol's own structure.
 */
struct nf_vpn_lane {
	struct nf_conn __rcu	*ct;
	const struct nf_vpn_proto *proto;
	struct nf_vpn_net	*vn;
	const unsigned int	*timeout;
	__be32			client;
	u32			id;
	unsigned long		born;
	unsigned long		expires;
	unsigned int		quiet;
	bool			closing;
	bool			retired;
	bool			dead;
	struct list_head	list;
	struct list_head	flows;
	refcount_t		use;
	u32			prolonged;
	struct rcu_head		rcu;
};

/**
 * struct nf_vpn_saved_key - one number of a session to be restored
 * @kind: enum nf_vpn_kind
 * @direction: enum nf_vpn_direction
 * @arrives: as in arriving packets, host order, as all here
 * @leaves: as in leaving ones
 * @parent: the tunnel of that same end, 0: none
 * @peer: by which the other end is called, 0: not known
 * @evidence: enum nf_vpn_evidence
 */
struct nf_vpn_saved_key {
	u32	kind;
	u32	direction;
	u32	arrives;
	u32	leaves;
	u32	parent;
	u32	peer;
	u32	evidence;
};

/**
 * struct nf_vpn_saved - a session to be restored; core/restore.c checked it
 * @protocol: enum nf_vpn_protocol
 * @bound: enum nf_vpn_bound
 * @awaited: SPIs it awaits
 * @zone: of its conntrack entry
 * @replied: seen both ways
 * @ct: the entry of its control connection, or without one its own; alive and
 *	confirmed, the caller has a reference
 * @n: length of @key
 * @key: its numbers
 */
struct nf_vpn_saved {
	u32			protocol;
	u32			bound;
	u32			awaited;
	u16			zone;
	bool			replied;
	struct nf_conn		*ct;
	unsigned int		n;
	struct nf_vpn_saved_key	key[NF_VPN_SAVED_KEYS];
};

/* Why a session is not restored; core/restore.c has the words. */
enum nf_vpn_refusal {
	NF_VPN_RESTORED,
	NF_VPN_REFUSED_EXISTS,
	NF_VPN_REFUSED_TRACK,
	NF_VPN_REFUSED_NUMBERS,		/* none, or not those of the protocol */
	NF_VPN_REFUSED_TAKEN,		/* a number is another session's */
	NF_VPN_REFUSED_LIMIT,
	NF_VPN_REFUSED_ENTRY,		/* conntrack would not have it */
	NF_VPN_REFUSED_GOING,		/* the namespace, or its connection */
	NF_VPN_REFUSED_ABSENT,		/* no module for it */
	NF_VPN_REFUSED_HELPER,
	NF_VPN_REFUSED_OTHER_PORT,
	NF_VPN_REFUSED_IKE,
	NF_VPN_REFUSED_BOUND,
	NF_VPN_REFUSALS
};

/**
 * struct nf_vpn_proto - what a protocol tells the core
 * @name: for messages and /proc
 * @protocol: the same as a number
 * @owner: module
 * @l4proto: IPPROTO_* whose packets the hook looks at
 * @port: of UDP: both ports of packets to look at, while somebody shares it; else
 *	0, host order
 * @borrows: its entries are stock conntrack's, and packets are found by them without
 *	us, unless nf_vpn_port_share() was done: they outlive the module
 * @prolongs: stock conntrack's tracker gives its entries a timeout with each packet;
 *	they get that of the lane instead, within a second
 * @key: fill @key->id from the transport header at @off; 0, or the positive
 *	enum nf_vpn_stat that says why the packet is none of ours (the core
 *	counts it and leaves the packet to stock conntrack).  Must accept a
 *	packet of which only 8 octets are there: ICMP quotes no more.
 * @miss: no live flow has this key: @flow holds one whose conntrack entry is
 *	not there (yet, or any more), or NULL.  May make one and return it in
 *	@flow.  Returns a netfilter verdict and counts one reason unless it
 *	returns a flow.  Called under RCU, in the packet path, without locks;
 *	@off is the transport header.
 * @weigh: instead of @miss, for a protocol that may have to find out whose a
 *	packet is: also called for a live flow that is @watched.  Attaches the
 *	packet itself, with nf_vpn_lane_attach(), or leaves it alone; appends to
 *	@copies what others are to receive, lent to their lanes with
 *	nf_vpn_lane_lend().  Else as @miss.
 * @rewrite: the flow's two keys differ in @id: write the second one into the
 *	packet, whose transport header is at @off (also one quoted in an ICMP
 *	error, after which the caller mends its checksum).  False: out of
 *	memory.  NULL when the id of this protocol never changes.
 * @shared: is an ICMP error that quotes a packet with @key (as it left), which
 *	no flow has, one that stock conntrack could give to the wrong client?
 *	NULL: never.  RCU.
 * @reap: once a second and namespace, in process context; may be NULL
 * @gone: the lane was taken off the list and its flows out of the tables.
 *	Called once, without locks, in process or softirq context.
 * @free: frees the structure the lane is embedded in, after a grace period
 * @forget: a flow was taken out of the tables: its own memory goes now, the flow itself
 *	after a grace period.  Under nf_vpn_net.lock; may be NULL.
 * @show: one line of protocol detail for /proc/net/nf_vpn/flows, may be NULL;
 *	called under RCU
 * @fill: attributes of one number of a session, of @flow (those of enum
 *	nf_vpn_key_attr that the core does not know); without @flow what the
 *	protocol knows of the session itself.  Under nf_vpn_net.lock and RCU.
 *	0, -EMSGSIZE, or -ENODATA: @flow carries no number that has a meaning.
 * @restore: make a session that was listed before, all of it or nothing.  Process
 *	context, no lock.
 */
struct nf_vpn_proto {
	const char	*name;
	enum nf_vpn_protocol protocol;
	struct module	*owner;
	u8		l4proto;
	u16		port;
	bool		borrows;
	bool		prolongs;
	int		(*key)(const struct sk_buff *skb, unsigned int off,
			       struct nf_vpn_key *key);
	unsigned int	(*miss)(struct nf_vpn_net *vn, struct sk_buff *skb,
				unsigned int off, const struct nf_vpn_key *key,
				struct nf_vpn_flow **flow);
	unsigned int	(*weigh)(struct nf_vpn_net *vn, struct sk_buff *skb,
				 unsigned int off, const struct nf_vpn_key *key,
				 struct nf_vpn_flow *flow,
				 struct sk_buff_head *copies);
	bool		(*rewrite)(struct sk_buff *skb, unsigned int off,
				   __be32 id);
	bool		(*shared)(struct nf_vpn_net *vn,
				  const struct nf_vpn_key *key);
	void		(*reap)(struct nf_vpn_net *vn);
	void		(*gone)(struct nf_vpn_lane *lane);
	void		(*free)(struct nf_vpn_lane *lane);
	void		(*forget)(struct nf_vpn_flow *flow);
	void		(*show)(struct seq_file *s,
				const struct nf_vpn_flow *flow);
	int		(*fill)(struct sk_buff *msg,
				const struct nf_vpn_lane *lane,
				const struct nf_vpn_flow *flow);
	enum nf_vpn_refusal (*restore)(struct nf_vpn_net *vn,
				       const struct nf_vpn_saved *saved);
};

/**
 * struct nf_vpn_event_rate - events of one type
 * @since: jiffies, when this second began
 * @sent: in it
 * @missed: since one was sent
 */
struct nf_vpn_event_rate {
	unsigned long	since;
	u32		sent;
	u32		missed;
};

/**
 * struct nf_vpn_events - what happened and was not sent yet
 * @lock: all but @send; innermost
 * @list: struct nf_vpn_event_item
 * @waiting: its length
 * @rate: by type
 * @send: sends them
 */
struct nf_vpn_events {
	spinlock_t		lock;		/* see above */
	struct list_head	list;
	unsigned int		waiting;
	struct nf_vpn_event_rate rate[NF_VPN_EVENT_MAX + 1];
	struct work_struct	send;
};

enum nf_vpn_hooked {
	NF_VPN_HOOKS_OFF,
	NF_VPN_HOOKS_ASKED,
	NF_VPN_HOOKS_ON,
};

/**
 * struct nf_vpn_net - everything the core keeps for one network namespace
 * @net: the namespace
 * @arrivals: flows by the key they arrive with
 * @departures: flows by the key they leave with
 * @clients: accounts, see core/limit.c
 * @lock: all changes to lanes, flows and their membership; never taken for a
 *	packet of an established flow
 * @lanes: all listed lanes, under @lock
 * @lane_count: under @lock
 * @sessions: the same by their ids, changed under @lock, read under RCU
 * @session_next: where the next id is looked for, under @lock
 * @session_seq: changes with @lanes, never 0, under @lock
 * @events: of it
 * @ops: our hooks, with this structure as their private pointer
 * @enable: registers the hooks, in process context
 * @reap: gives up what expired
 * @hooked: enum nf_vpn_hooked
 * @dead: the namespace is going away: nothing may be added; under @lock
 * @stats: per CPU
 * @ctl: sysctl table
 * @max_flows: sysctl, flows in all
 * @max_per_client: sysctl, flows, calls and pairs of one client
 * @zone_base: sysctl, first zone of the reserved range
 * @zone_count: sysctl, length of the range
 * @flow_count: flows in the tables
 * @port_flows: those over UDP, changed under @lock
 */
struct nf_vpn_net {
	struct net		*net;
	struct rhashtable	arrivals;
	struct rhashtable	departures;
	struct rhashtable	clients;
	spinlock_t		lock;		/* see above */
	struct list_head	lanes;
	unsigned int		lane_count;
	struct xarray		sessions;
	u32			session_next;
	unsigned int		session_seq;
	struct nf_vpn_events	events;
	struct nf_hook_ops	ops[2];
	struct work_struct	enable;
	struct delayed_work	reap;
	atomic_t		hooked;
	bool			dead;
	struct nf_vpn_stats __percpu *stats;
	struct ctl_table_header	*ctl;
	unsigned int		max_flows;
	unsigned int		max_per_client;
	unsigned int		zone_base;
	unsigned int		zone_count;
	atomic_t		flow_count;
	unsigned int		port_flows;
};

/* core/main.c */
struct nf_vpn_net *nf_vpn_pernet(const struct net *net);

/* For nf_vpn_enable(). */
void nf_vpn_enable_hooks(struct nf_vpn_net *vn);

/**
 * nf_vpn_enable() - a rule asked for help in this namespace
 * @vn: the namespace
 *
 * The hooks are registered from a work item soon after; any context.  Cheap
 * when they already are.  Namespaces where no rule asks pay nothing.
 */
static inline void nf_vpn_enable(struct nf_vpn_net *vn)
{
	if (unlikely(!atomic_read(&vn->hooked)))
		nf_vpn_enable_hooks(vn);
}

/* core/hook.c */

/**
 * nf_vpn_proto_register() - packets of this IP protocol are looked at from now
 * @proto: stays valid until nf_vpn_proto_unregister() returned
 * Return: 0, or -EBUSY when the protocol number is taken.
 */
int nf_vpn_proto_register(const struct nf_vpn_proto *proto);

/**
 * nf_vpn_proto_unregister() - packets of this protocol are left alone from now
 * @proto: as registered
 *
 * When it returns, @key, @miss and @reap do not run and will not.  The lanes
 * are ended by nf_vpn_net_flush() from the protocol's own pernet exit, and
 * after that the module waits with rcu_barrier() for the last @free.
 * Process context.
 */
void nf_vpn_proto_unregister(const struct nf_vpn_proto *proto);

/**
 * nf_vpn_lane_attach() - give a packet the entry of a lane
 * @skb: the packet
 * @lane: the lane; its protocol rewrites no ids
 * @dir: IP_CT_DIR_*
 *
 * State, accounting and timeout of the entry are brought up to date.  RCU.
 * Return: false when the entry has ended.
 */
bool nf_vpn_lane_attach(struct sk_buff *skb, const struct nf_vpn_lane *lane,
			u8 dir);

/**
 * nf_vpn_lane_lend() - the same for a copy that may be for somebody else
 * @skb: the copy
 * @lane: the lane
 *
 * In reply direction.  A guess is no traffic: the entry stays as it is.
 * Return: false when the entry has ended.
 */
bool nf_vpn_lane_lend(struct sk_buff *skb, const struct nf_vpn_lane *lane);

/* core/flow.c */

/**
 * nf_vpn_lane_init() - start a lane, not yet listed
 * @lane: zeroed memory, start of the protocol's structure
 * @vn: namespace
 * @proto: protocol
 * @client: the account, network order
 * @timeout: two values in jiffies (not replied, replied)
 */
void nf_vpn_lane_init(struct nf_vpn_lane *lane, struct nf_vpn_net *vn,
		      const struct nf_vpn_proto *proto, __be32 client,
		      const unsigned int *timeout);

/**
 * nf_vpn_lane_list() - list it: from now the core ends it when it is time
 * @lane: initialised, and if @lane->ct is NULL with @expires set
 *
 * Takes over the caller's reference.  Caller holds @lane->vn->lock.
 * Return: 0, -ESHUTDOWN when the namespace is going away, -ENOMEM.
 */
int nf_vpn_lane_list(struct nf_vpn_lane *lane);

/**
 * nf_vpn_lane_set_ct() - the conntrack entry of a lane has been made
 * @lane: listed, without an entry so far
 * @ct: the entry; the caller's reference is taken over, also on error
 *
 * Caller holds @lane->vn->lock.
 * Return: 0, or -ESHUTDOWN when the lane was killed meanwhile: then @ct is
 * killed too.
 */
int nf_vpn_lane_set_ct(struct nf_vpn_lane *lane, struct nf_conn *ct);

/**
 * nf_vpn_lane_kill() - take a lane and its flows out of the tables
 * @lane: listed or not; the caller holds a reference or @lane is listed
 *
 * Kills the conntrack entry too.  Takes @lane->vn->lock; calls proto->gone.
 * Return: true when this call did it, false when another one had.
 */
bool nf_vpn_lane_kill(struct nf_vpn_lane *lane);

/**
 * nf_vpn_net_flush() - end every lane of a protocol in a namespace
 * @vn: namespace
 * @proto: protocol, whose helpers and hook callbacks no longer run there
 *
 * Process context.  The conntrack entries are killed, but those it borrows: nobody
 * would steer packets to them any more.
 */
void nf_vpn_net_flush(struct nf_vpn_net *vn, const struct nf_vpn_proto *proto);

/* Reference counting of lanes; the last put frees after a grace period. */
void nf_vpn_lane_get(struct nf_vpn_lane *lane);
void nf_vpn_lane_put(struct nf_vpn_lane *lane);

/**
 * nf_vpn_ct_alive() - may packets still be attached to it?
 * @ct: its entry, read under RCU; may be NULL
 */
static inline bool nf_vpn_ct_alive(const struct nf_conn *ct)
{
	return ct && !nf_ct_is_dying(ct) && !nf_ct_is_expired(ct);
}

/**
 * nf_vpn_flow_add() - index one direction of a lane
 * @flow: zeroed; freed by the core (kfree) once removed
 * @lane: listed
 * @dir: IP_CT_DIR_*
 * @arrive: key in arriving packets
 * @depart: key in leaving packets
 *
 * Caller holds the namespace's lock.
 * Return: 0; -EEXIST the arriving key is taken; -ENOSPC a limit was met
 * (counted); -ENOMEM.
 */
int nf_vpn_flow_add(struct nf_vpn_flow *flow, struct nf_vpn_lane *lane, u8 dir,
		    const struct nf_vpn_key *arrive,
		    const struct nf_vpn_key *depart);

/* Take one flow out; caller holds the namespace's lock.  Freed later. */
void nf_vpn_flow_del(struct nf_vpn_flow *flow);

/* Find by the arriving key.  Caller is in an RCU read section. */
struct nf_vpn_flow *nf_vpn_flow_find(struct nf_vpn_net *vn,
				     const struct nf_vpn_key *key);

/* core/event.c; any context, any lock */

/**
 * nf_vpn_tell() - something happened to a session
 * @vn: namespace
 * @type: enum nf_vpn_event
 * @lane: the session
 * @number: SPI, call or session, network order; 0: none
 */
void nf_vpn_tell(struct nf_vpn_net *vn, u32 type,
		 const struct nf_vpn_lane *lane, __be32 number);

/**
 * nf_vpn_tell_of() - something happened without one
 * @vn: namespace
 * @type: enum nf_vpn_event
 * @protocol: enum nf_vpn_protocol, 0: any
 * @client: network order, 0: not known
 * @key: of a packet from a server, or NULL
 */
void nf_vpn_tell_of(struct nf_vpn_net *vn, u32 type, u32 protocol,
		    __be32 client, const struct nf_vpn_key *key);

/**
 * nf_vpn_tell_blocked() - a client's key exchange goes on that waited
 * @vn: namespace
 * @client: network order
 * @key: of a packet from its server
 * @by: the client it waited for, network order, 0: several
 * @ms: how long
 */
void nf_vpn_tell_blocked(struct nf_vpn_net *vn, __be32 client,
			 const struct nf_vpn_key *key, __be32 by, u32 ms);

/**
 * nf_vpn_tell_taken() - a server takes one client for another
 * @vn: namespace
 * @client: that is sent nothing any more, network order
 * @key: of a packet from its server
 * @by: the client that came, network order
 */
void nf_vpn_tell_taken(struct nf_vpn_net *vn, __be32 client,
		       const struct nf_vpn_key *key, __be32 by);

/* core/conn.c */

/**
 * struct nf_vpn_conn_spec - a conntrack entry to be made whole
 * @master: the control connection; the entry will be RELATED to it.  NULL: none
 * @mark: without @master, the entry's mark
 * @masq_index: likewise, the interface masquerade chose, 0: none
 * @helper: helped by it, or NULL
 * @data: then what nfct_help_data() is to begin with
 * @data_len: octets of @data
 * @orig: original tuple, before NAT
 * @reply: reply tuple wanted, after NAT
 * @zone: zone of the entry
 * @timeout: jiffies
 */
struct nf_vpn_conn_spec {
	struct nf_conn			*master;
	u32				mark;
	int				masq_index;
	struct nf_conntrack_helper	*helper;
	const void			*data;
	unsigned int			data_len;
	struct nf_conntrack_tuple	orig;
	struct nf_conntrack_tuple	reply;
	struct nf_conntrack_zone	zone;
	unsigned int			timeout;
};

/**
 * nf_vpn_conn_make() - make and insert a conntrack entry
 * @net: namespace
 * @spec: what it is to be
 * Return: the entry with one reference for the caller, or ERR_PTR: -EEXIST an
 * equal tuple is in the table in that zone, -ENOMEM (also when conntrack is
 * full), -EADDRINUSE NAT could not give the tuple asked for, -ENOSPC the hash
 * chain is too long.  Call with bottom halves off or in softirq.
 */
struct nf_conn *nf_vpn_conn_make(struct net *net,
				 const struct nf_vpn_conn_spec *spec);

/* The interface masquerade chose for an entry, 0: none. */
int nf_vpn_conn_masq_index(const struct nf_conn *ct);

/**
 * nf_vpn_conn_find() - the entry stock conntrack has for a protocol without ports
 * @vn: namespace
 * @l4proto: IPPROTO_*
 * @src: source address of a packet as it arrives, network order
 * @dst: destination address
 * @zone: conntrack zone
 * Return: the direction such a packet has, with a reference on the entry; or NULL.
 */
struct nf_conntrack_tuple_hash *nf_vpn_conn_find(struct nf_vpn_net *vn,
						 u8 l4proto, __be32 src,
						 __be32 dst, u16 zone);

/**
 * nf_vpn_conn_prolong() - a helped UDP connection shall live longer than others
 * @ct: its entry, of which the tracker has set the timeout
 * @timeout: jiffies from now
 *
 * Only once both ends spoke, and never against IPS_FIXED_TIMEOUT.
 */
void nf_vpn_conn_prolong(struct nf_conn *ct, u32 timeout);

/**
 * nf_vpn_conn_replied() - an entry that was made anew was seen both ways before
 * @ct: the entry
 * @timeout: jiffies from now
 */
void nf_vpn_conn_replied(struct nf_conn *ct, u32 timeout);

/**
 * nf_vpn_conn_join() - give a packet its entry, in reply direction, seen both ways
 * @skb: the packet, whose own entry was just begun; that one is dropped
 * @ct: the entry
 * @timeout: jiffies from now
 */
void nf_vpn_conn_join(struct sk_buff *skb, struct nf_conn *ct, u32 timeout);

/* Tell listeners (conntrack -E) of a new entry; no locks held. */
void nf_vpn_conn_announce(struct nf_conn *ct);

/* core/limit.c */

/**
 * nf_vpn_client_charge() - one more thing kept on behalf of a client
 * @vn: namespace
 * @client: address, network order
 * Return: 0, -ENOSPC at sysctl max_per_client (counted), -ENOMEM.
 * Caller holds @vn->lock.
 */
int nf_vpn_client_charge(struct nf_vpn_net *vn, __be32 client);

/* The reverse; caller holds @vn->lock. */
void nf_vpn_client_release(struct nf_vpn_net *vn, __be32 client);

/* core/zone.c */

/**
 * nf_vpn_zone_nth() - the n-th zone of the reserved range, wrapping round
 * @vn: namespace
 * @n: any number
 * Return: a zone id in [zone_base, zone_base + zone_count).
 */
u16 nf_vpn_zone_nth(const struct nf_vpn_net *vn, unsigned int n);

/* Is this zone one of the reserved range? */
bool nf_vpn_zone_reserved(const struct nf_vpn_net *vn, u16 zone);

/**
 * nf_vpn_zone_arriving() - the zone of packets of an entry, as they arrive
 * @vn: namespace
 * @ct: the entry
 * @dir: IP_CT_DIR_*
 * Return: that of the entry, but the default one for a zone that we gave to its
 * reply tuple alone, nf_vpn_port_share().
 */
u16 nf_vpn_zone_arriving(const struct nf_vpn_net *vn, const struct nf_conn *ct,
			 u8 dir);

/* core/port.c */

/**
 * nf_vpn_udp_write() - another number of 16 bits in a UDP datagram
 * @skb: a UDP packet
 * @off: its UDP header
 * @at: offset of the number from there, even; the packet has it
 * @value: network order
 * Return: false: no memory.
 */
bool nf_vpn_udp_write(struct sk_buff *skb, unsigned int off, unsigned int at,
		      __be16 value);

/**
 * nf_vpn_port_write() - another source port
 * @skb: a UDP packet
 * @off: its UDP header
 * @port: network order
 * Return: false: no memory.
 */
bool nf_vpn_port_write(struct sk_buff *skb, unsigned int off, __be16 port);

/**
 * nf_vpn_port_share() - keep the source port, though another client has it
 * @vn: namespace
 * @skb: first packet of a UDP connection, translated
 * @off: its UDP header
 * @ct: its entry, not confirmed
 *
 * Its reply tuple gets a zone of the reserved range.  Nobody but a flow then finds
 * the entry from outside; from inside it is found as ever.
 * Return: false, and all is as it was: the entry is in a zone of the admin's, no
 * zone is free, or no memory.
 */
bool nf_vpn_port_share(struct nf_vpn_net *vn, struct sk_buff *skb,
		       unsigned int off, struct nf_conn *ct);

/* Was nf_vpn_port_share() done to it? */
bool nf_vpn_port_shared(const struct nf_vpn_net *vn, const struct nf_conn *ct);

/* core/stats.c */
static inline void nf_vpn_count(struct nf_vpn_net *vn, enum nf_vpn_stat why)
{
	this_cpu_inc(vn->stats->n[why]);
}

/* core/sysctl.c */

/**
 * nf_vpn_sysctl_register() - a table below net/netfilter/nf_vpn/
 * @net: namespace
 * @template: entries whose .data points into @from; the copy points into @to
 * @n: entries, at most NF_VPN_SYSCTL_MAX
 * @from: object the template was written for
 * @to: this namespace's object
 * Return: handle for nf_vpn_sysctl_unregister(), or NULL (no memory).
 */
struct ctl_table_header *
nf_vpn_sysctl_register(struct net *net, const struct ctl_table *template,
		       unsigned int n, void *from, void *to);
void nf_vpn_sysctl_unregister(struct ctl_table_header *header);

#define NF_VPN_SYSCTL_MAX 16

#endif /* _NF_VPN_H */
