/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The generic netlink family "nf_vpn": what VPN clients are helped through this
 * network namespace, in numbers that do not change.  nf_vpn.yaml, beside this
 * file, says the same in the form of the kernel's Documentation/netlink/specs.
 *
 * All requests ask for CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.  Every refusal carries an extack message.
 */
#ifndef _UAPI_LINUX_NF_VPN_H
#define _UAPI_LINUX_NF_VPN_H

#define NF_VPN_GENL_NAME	"nf_vpn"
#define NF_VPN_GENL_VERSION	1
#define NF_VPN_GENL_GROUP	"events"

/**
 * enum nf_vpn_cmd - requests and the one notification
 * @NF_VPN_CMD_SESSION_GET: do: the session NF_VPN_A_SESSION_ID; dump: those that
 *	fit PROTOCOL, CLIENT and SERVER, in ascending order of their ids.  Who is
 *	there from the beginning of a dump to its end is in it, once;
 *	NLM_F_DUMP_INTR says that others came or went meanwhile.
 * @NF_VPN_CMD_SESSION_DEL: end the sessions that fit ID, PROTOCOL, CLIENT and
 *	SERVER, or ALL; answers with NF_VPN_A_SESSION_DELETED
 * @NF_VPN_CMD_STAT_GET: dump: a counter each
 * @NF_VPN_CMD_NET_GET: do: limits of the namespace, and what is used of them
 * @NF_VPN_CMD_EVENT: to the multicast group "events"
 * @NF_VPN_CMD_SESSION_NEW: restore a session as SESSION_GET showed it: PROTOCOL,
 *	CLIENT, BOUND, TRACK, ZONE, AWAITED, REPLIED and all KEYs.  The conntrack entry
 *	that TRACK names must be there, with our helper if it is a control connection.
 *	EEXIST: the session is there.  What is an answer's own is ignored.
 */
enum nf_vpn_cmd {
	NF_VPN_CMD_SESSION_GET = 1,
	NF_VPN_CMD_SESSION_DEL,
	NF_VPN_CMD_STAT_GET,
	NF_VPN_CMD_NET_GET,
	NF_VPN_CMD_EVENT,
	NF_VPN_CMD_SESSION_NEW,
};

enum nf_vpn_protocol {
	NF_VPN_PROTOCOL_PPTP = 1,
	NF_VPN_PROTOCOL_ESP,
	NF_VPN_PROTOCOL_L2TP_IP,
	NF_VPN_PROTOCOL_L2TP_UDP,
	NF_VPN_PROTOCOL_IKE,	/* on public port 500, where several have it */
	NF_VPN_PROTOCOL_NATT,	/* IPsec over UDP 4500 */
	__NF_VPN_PROTOCOL_MAX
};

#define NF_VPN_PROTOCOL_MAX	(__NF_VPN_PROTOCOL_MAX - 1)

/**
 * enum nf_vpn_state - of a session
 * @NF_VPN_STATE_PENDING: asked for, its conntrack entry is not made yet
 * @NF_VPN_STATE_UP: packets are given to it
 * @NF_VPN_STATE_CLOSING: it was cleared, and ends when late packets had time
 * @NF_VPN_STATE_QUIET: it ended, its IDs are not used again for a while
 */
enum nf_vpn_state {
	NF_VPN_STATE_PENDING = 1,
	NF_VPN_STATE_UP,
	NF_VPN_STATE_CLOSING,
	NF_VPN_STATE_QUIET,
};

/**
 * enum nf_vpn_bound - how it is known who talks to whom
 * @NF_VPN_BOUND_CONTROL: from the control connection, or IKE
 * @NF_VPN_BOUND_DATA: from its data alone (a setting allows that)
 */
enum nf_vpn_bound {
	NF_VPN_BOUND_CONTROL = 1,
	NF_VPN_BOUND_DATA,
};

enum nf_vpn_kind {
	NF_VPN_KIND_CALL = 1,
	NF_VPN_KIND_SPI,
	NF_VPN_KIND_TUNNEL,
	NF_VPN_KIND_SESSION,
};

enum nf_vpn_direction {
	NF_VPN_DIRECTION_OUT,	/* from the client, with a number of the server's */
	NF_VPN_DIRECTION_IN,	/* to the client, with a number of the client's */
};

/**
 * enum nf_vpn_evidence - how sure it is whose a number is
 * @NF_VPN_EVIDENCE_EXACT: a message or the addresses say so
 * @NF_VPN_EVIDENCE_SETTLED: timing and sequence numbers proved it
 * @NF_VPN_EVIDENCE_GUESS: provisional: the likeliest of several gets the packets,
 *	the others copies
 */
enum nf_vpn_evidence {
	NF_VPN_EVIDENCE_EXACT = 1,
	NF_VPN_EVIDENCE_SETTLED,
	NF_VPN_EVIDENCE_GUESS,
};

/* Addresses and ports are in network order, all else in host order. */
enum nf_vpn_session_attr {
	NF_VPN_A_SESSION_UNSPEC,
	NF_VPN_A_SESSION_PAD,
	NF_VPN_A_SESSION_ID,		/* u32, not used again for long */
	NF_VPN_A_SESSION_PROTOCOL,	/* u32, enum nf_vpn_protocol */
	NF_VPN_A_SESSION_CLIENT,	/* u32, IPv4 */
	NF_VPN_A_SESSION_SERVER,	/* u32, IPv4 */
	NF_VPN_A_SESSION_ALL,		/* flag, in requests to delete */
	NF_VPN_A_SESSION_CONTROL,	/* flag, likewise: its control entry, too */
	__NF_VPN_A_SESSION_REQUEST_MAX,
	NF_VPN_A_SESSION_PUBLIC = __NF_VPN_A_SESSION_REQUEST_MAX,
					/* u32, IPv4, if one end is translated */
	NF_VPN_A_SESSION_CLIENT_PORT,	/* u16, over UDP */
	NF_VPN_A_SESSION_SERVER_PORT,	/* u16, likewise */
	NF_VPN_A_SESSION_PUBLIC_PORT,	/* u16, likewise */
	NF_VPN_A_SESSION_ZONE,		/* u32, of its conntrack entry */
	NF_VPN_A_SESSION_STATE,		/* u32, enum nf_vpn_state */
	NF_VPN_A_SESSION_BOUND,		/* u32, enum nf_vpn_bound */
	NF_VPN_A_SESSION_AWAITED,	/* u32, SPIs it awaits */
	NF_VPN_A_SESSION_AGE,		/* u32, seconds */
	NF_VPN_A_SESSION_IDLE,		/* u32, seconds, exact to one */
	NF_VPN_A_SESSION_EXPIRES,	/* u32, seconds, when nothing is sent */
	NF_VPN_A_SESSION_PACKETS_OUT,	/* u64, from the client */
	NF_VPN_A_SESSION_BYTES_OUT,	/* u64 */
	NF_VPN_A_SESSION_PACKETS_IN,	/* u64 */
	NF_VPN_A_SESSION_BYTES_IN,	/* u64 */
	NF_VPN_A_SESSION_REPLIED,	/* flag, seen both ways */
	NF_VPN_A_SESSION_KEY,		/* nest, one per number, several */
	NF_VPN_A_SESSION_KEYS_LEFT_OUT,	/* u32, more than a message shows */
	NF_VPN_A_SESSION_DELETED,	/* u32, how many were ended */
	NF_VPN_A_SESSION_TRACK,		/* nest, conntrack entry of the control
					 * connection; without one, its own
					 */

	__NF_VPN_A_SESSION_MAX
};

#define NF_VPN_A_SESSION_REQUEST_MAX	(__NF_VPN_A_SESSION_REQUEST_MAX - 1)
#define NF_VPN_A_SESSION_MAX		(__NF_VPN_A_SESSION_MAX - 1)

enum nf_vpn_key_attr {
	NF_VPN_A_KEY_UNSPEC,
	NF_VPN_A_KEY_KIND,		/* u32, enum nf_vpn_kind */
	NF_VPN_A_KEY_DIRECTION,		/* u32, enum nf_vpn_direction */
	NF_VPN_A_KEY_ARRIVES,		/* u32, as in arriving packets */
	NF_VPN_A_KEY_LEAVES,		/* u32, as in leaving ones */
	NF_VPN_A_KEY_PARENT,		/* u32, the tunnel of that same end */
	NF_VPN_A_KEY_PEER,		/* u32, by which the other end is called */
	NF_VPN_A_KEY_IDLE,		/* u32, seconds */
	NF_VPN_A_KEY_EVIDENCE,		/* u32, enum nf_vpn_evidence */

	__NF_VPN_A_KEY_MAX
};

#define NF_VPN_A_KEY_MAX	(__NF_VPN_A_KEY_MAX - 1)

/* A conntrack entry: both tuples.  Ports over TCP and UDP only. */
enum nf_vpn_track_attr {
	NF_VPN_A_TRACK_UNSPEC,
	NF_VPN_A_TRACK_PROTONUM,	/* u32, IPPROTO_* */
	NF_VPN_A_TRACK_SRC,		/* u32, IPv4, of who began it */
	NF_VPN_A_TRACK_DST,		/* u32, IPv4, as that one sends */
	NF_VPN_A_TRACK_SPORT,		/* u16 */
	NF_VPN_A_TRACK_DPORT,		/* u16 */
	NF_VPN_A_TRACK_REPLY_SRC,	/* u32, IPv4, of who answers */
	NF_VPN_A_TRACK_REPLY_DST,	/* u32, IPv4, as that one sends */
	NF_VPN_A_TRACK_REPLY_SPORT,	/* u16 */
	NF_VPN_A_TRACK_REPLY_DPORT,	/* u16 */
	NF_VPN_A_TRACK_ZONE,		/* u32 */
	NF_VPN_A_TRACK_MARK,		/* u32, not 0 */
	NF_VPN_A_TRACK_HELPER,		/* string */

	__NF_VPN_A_TRACK_MAX
};

#define NF_VPN_A_TRACK_MAX	(__NF_VPN_A_TRACK_MAX - 1)

enum nf_vpn_stat_attr {
	NF_VPN_A_STAT_UNSPEC,
	NF_VPN_A_STAT_PAD,
	NF_VPN_A_STAT_NAME,		/* string */
	NF_VPN_A_STAT_MEANING,		/* string, English */
	NF_VPN_A_STAT_VALUE,		/* u64 */

	__NF_VPN_A_STAT_MAX
};

#define NF_VPN_A_STAT_MAX	(__NF_VPN_A_STAT_MAX - 1)

enum nf_vpn_net_attr {
	NF_VPN_A_NET_UNSPEC,
	NF_VPN_A_NET_ACTIVE,		/* u32, 1: a rule gave us a flow */
	NF_VPN_A_NET_SESSIONS,		/* u32, all states */
	NF_VPN_A_NET_FLOWS,		/* u32 */
	NF_VPN_A_NET_MAX_FLOWS,		/* u32, sysctl */
	NF_VPN_A_NET_CLIENTS,		/* u32 */
	NF_VPN_A_NET_MAX_PER_CLIENT,	/* u32, sysctl */
	NF_VPN_A_NET_ZONE_BASE,		/* u32, sysctl */
	NF_VPN_A_NET_ZONE_COUNT,	/* u32, sysctl */

	__NF_VPN_A_NET_MAX
};

#define NF_VPN_A_NET_MAX	(__NF_VPN_A_NET_MAX - 1)

/**
 * enum nf_vpn_event - what happened
 * @NF_VPN_EVENT_UP: a session has its conntrack entry
 * @NF_VPN_EVENT_DOWN: it ended
 * @NF_VPN_EVENT_AMBIGUOUS: a number is given to one of several who may own it
 * @NF_VPN_EVENT_SETTLED: it is proved whose it is
 * @NF_VPN_EVENT_MOVED: a wrong guess was corrected
 * @NF_VPN_EVENT_COLLISION: two clients of a server chose the same number
 * @NF_VPN_EVENT_SPOOF: a packet with a number that nobody awaits: forged, or of a
 *	session from before
 * @NF_VPN_EVENT_LIMIT: max_flows or max_per_client refused something
 * @NF_VPN_EVENT_REKEYED: SETTLED, of a client that had another one before
 * @NF_VPN_EVENT_BLOCKED: a key exchange waited MS milliseconds, behind that of
 *	client BY
 * @NF_VPN_EVENT_AH_NAT: AH is translated: the other end discards it
 * @NF_VPN_EVENT_SERVER_COLLISION: on UDP 4500 the server takes client BY for CLIENT,
 *	of the same public address, and sends CLIENT nothing any more
 *
 * At most 16 a second of a kind that packets can provoke; NF_VPN_A_EVENT_MISSED
 * counts the others.
 */
enum nf_vpn_event {
	NF_VPN_EVENT_UP = 1,
	NF_VPN_EVENT_DOWN,
	NF_VPN_EVENT_AMBIGUOUS,
	NF_VPN_EVENT_SETTLED,
	NF_VPN_EVENT_MOVED,
	NF_VPN_EVENT_COLLISION,
	NF_VPN_EVENT_SPOOF,
	NF_VPN_EVENT_LIMIT,
	NF_VPN_EVENT_REKEYED,
	NF_VPN_EVENT_BLOCKED,
	NF_VPN_EVENT_AH_NAT,
	NF_VPN_EVENT_SERVER_COLLISION,
	/* private: */
	__NF_VPN_EVENT_MAX
};

#define NF_VPN_EVENT_MAX	(__NF_VPN_EVENT_MAX - 1)

enum nf_vpn_event_attr {
	NF_VPN_A_EVENT_UNSPEC,
	NF_VPN_A_EVENT_TYPE,		/* u32, enum nf_vpn_event */
	NF_VPN_A_EVENT_SESSION,		/* u32, its id, if it is about one */
	NF_VPN_A_EVENT_PROTOCOL,	/* u32, enum nf_vpn_protocol */
	NF_VPN_A_EVENT_CLIENT,		/* u32, IPv4, network order */
	NF_VPN_A_EVENT_SERVER,		/* u32, likewise */
	NF_VPN_A_EVENT_PUBLIC,		/* u32, likewise */
	NF_VPN_A_EVENT_NUMBER,		/* u32, the SPI, call or session */
	NF_VPN_A_EVENT_MISSED,		/* u32, events of this type not sent */
	NF_VPN_A_EVENT_BY,		/* u32, IPv4, network order, a client */
	NF_VPN_A_EVENT_MS,		/* u32, milliseconds */

	__NF_VPN_A_EVENT_MAX
};

#define NF_VPN_A_EVENT_MAX	(__NF_VPN_A_EVENT_MAX - 1)

#endif /* _UAPI_LINUX_NF_VPN_H */
