/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of nf_vpn_pptp.ko share. */
#ifndef _NF_VPN_PPTP_H
#define _NF_VPN_PPTP_H

#include "nf_vpn.h"
#include "pptp_msg.h"
#include "pptp_stream.h"

/* Refused calls remembered per control connection until they are answered. */
#define NF_VPN_PPTP_REFUSALS	8

/**
 * struct nf_vpn_pptp_net - per namespace
 * @controls: control connections by their conntrack entry
 * @list: the same, under nf_vpn_net.lock, for the reaper
 * @timeout: GRE timeouts in jiffies: not replied, replied
 * @grace: jiffies a call lives on when its control connection is gone, or after
 *	Call-Disconnect-Notify
 * @pending: jiffies an answer to a call request is waited for
 * @quiet: jiffies a Call ID is not used again after its call
 * @max_calls: per control connection
 * @id_min: the first Call ID given to a call whose own is taken
 * @id_max: the last one
 * @ctl: sysctl table
 */
struct nf_vpn_pptp_net {
	struct rhashtable	controls;
	struct list_head	list;
	unsigned int		timeout[2];
	unsigned int		grace;
	unsigned int		pending;
	unsigned int		quiet;
	unsigned int		max_calls;
	unsigned int		id_min;
	unsigned int		id_max;
	struct ctl_table_header	*ctl;
};

/**
 * struct nf_vpn_pptp_refusal - a call request that we could not serve
 * @id: Call ID of the end that asked, host order
 * @from: the end that asked
 * @asked: and was not answered yet
 */
struct nf_vpn_pptp_refusal {
	u16	id;
	u8	from;
	bool	asked;
};

/**
 * struct nf_vpn_pptp_control - a control connection
 * @node: in nf_vpn_pptp_net.controls
 * @key: address of @ct
 * @list: in nf_vpn_pptp_net.list, under nf_vpn_net.lock
 * @ct: its entry, with a reference, so @key stays ours
 * @vn: namespace, the core's part
 * @pn: namespace, our part
 * @lock: all below; taken before nf_vpn_net.lock
 * @stream: per direction, IP_CT_DIR_*
 * @calls: newest first; the closing ones too, for retransmissions
 * @call_count: length of @calls
 * @refusal: ring
 * @refusal_turn: where the next one goes
 * @gone: the reaper took it out
 * @use: references: table, each call, users
 * @rcu: freed after a grace period
 */
struct nf_vpn_pptp_control {
	struct rhash_head	node;
	unsigned long		key;
	struct list_head	list;
	struct nf_conn		*ct;
	struct nf_vpn_net	*vn;
	struct nf_vpn_pptp_net	*pn;
	spinlock_t		lock;	/* see above */
	struct nf_vpn_pptp_stream stream[IP_CT_DIR_MAX];
	struct list_head	calls;
	unsigned int		call_count;
	struct nf_vpn_pptp_refusal refusal[NF_VPN_PPTP_REFUSALS];
	u8			refusal_turn;
	bool			gone;
	refcount_t		use;
	struct rcu_head		rcu;
};

/**
 * struct nf_vpn_pptp_id - the Call ID of one end
 * @real: as the end itself chose it, host order
 * @pub: as the other end knows it, host order
 * @known: both are valid
 */
struct nf_vpn_pptp_id {
	u16	real;
	u16	pub;
	bool	known;
};

/**
 * struct nf_vpn_pptp_call - a call
 * @lane: its conntrack entry and flows; first
 * @control: with a reference
 * @list: in nf_vpn_pptp_control.calls, under its lock
 * @id: per end: IP_CT_DIR_ORIGINAL is who opened the control connection
 * @requester: the end that sent the call request
 * @refused: the answer was turned into a refusal
 */
struct nf_vpn_pptp_call {
	struct nf_vpn_lane		lane;
	struct nf_vpn_pptp_control	*control;
	struct list_head		list;
	struct nf_vpn_pptp_id		id[IP_CT_DIR_MAX];
	u8				requester;
	bool				refused;
};

extern const struct nf_vpn_proto nf_vpn_pptp_proto;

/* pptp_main.c */
struct nf_vpn_pptp_net *nf_vpn_pptp_pernet(const struct net *net);

/* pptp_helper.c: 0 or negative errno */
int nf_vpn_pptp_helper_init(void);
void nf_vpn_pptp_helper_exit(void);

/* pptp_control.c */
int nf_vpn_pptp_control_net_init(struct nf_vpn_pptp_net *pn);
void nf_vpn_pptp_control_net_exit(struct nf_vpn_net *vn,
				  struct nf_vpn_pptp_net *pn);

/* Find or make; a reference for the caller, NULL when refused (counted). */
struct nf_vpn_pptp_control *nf_vpn_pptp_control_get(struct nf_conn *ct);
void nf_vpn_pptp_control_put(struct nf_vpn_pptp_control *control);

/* End those whose TCP connection has ended; their calls follow. */
void nf_vpn_pptp_control_reap(struct nf_vpn_net *vn);

/* pptp_call.c; all with control->lock held */

/* Is the address of this end translated? */
bool nf_vpn_pptp_translated(const struct nf_conn *ct, u8 end);

/**
 * nf_vpn_pptp_call_message() - the effect and translation of one message
 * @control: its connection
 * @from: the end that sent it, IP_CT_DIR_*
 * @msg: the message
 * @edit: what its receiver shall read; comes in as in the message
 * Return: 0, or negative when it must not be forwarded now; see struct
 * nf_vpn_pptp_segment, which also says what msg->lost means.
 */
int nf_vpn_pptp_call_message(struct nf_vpn_pptp_control *control, u8 from,
			     const struct nf_vpn_pptp_msg *msg,
			     struct nf_vpn_pptp_edit *edit);

/* The call that an end knows by its own ID, or NULL. */
struct nf_vpn_pptp_call *
nf_vpn_pptp_call_by_real(const struct nf_vpn_pptp_control *control, u8 end,
			 u16 id);

/* A call without IDs, listed; @from asked for it.  NULL: refused. */
struct nf_vpn_pptp_call *
nf_vpn_pptp_call_alloc(struct nf_vpn_pptp_control *control, u8 from);

/* Let all calls live for the grace time, and no longer. */
void nf_vpn_pptp_call_close_all(struct nf_vpn_pptp_control *control);

/* Let a call live for @delay jiffies more, and no longer. */
void nf_vpn_pptp_call_close(struct nf_vpn_pptp_call *call, unsigned int delay);

/* pptp_refusal.c; all with control->lock held */

/* A request goes out as a refused one. */
int nf_vpn_pptp_refuse(struct nf_vpn_pptp_control *control, u8 from,
		       const struct nf_vpn_pptp_msg *msg,
		       struct nf_vpn_pptp_edit *edit);

/* The answer shall say that the call is refused. */
void nf_vpn_pptp_refuse_result(const struct nf_vpn_pptp_msg *msg,
			       struct nf_vpn_pptp_edit *edit);

/* The answer to a refused request.  False: it is not one. */
bool nf_vpn_pptp_refuse_answer(struct nf_vpn_pptp_control *control, u8 from,
			       const struct nf_vpn_pptp_msg *msg,
			       struct nf_vpn_pptp_edit *edit);

/* pptp_gre.c */

/*
 * Reserve the flow towards @end, whose ids are set.  control->lock held.
 * Return: 0, -EEXIST the public Call ID is in use, -ENOSPC, -ENOMEM.
 */
int nf_vpn_pptp_gre_reserve(struct nf_vpn_pptp_call *call, u8 end);

/*
 * Is the public Call ID of @end in use?  A hint, for the price of a look-up:
 * only nf_vpn_pptp_gre_reserve() decides.  RCU.
 */
bool nf_vpn_pptp_gre_taken(const struct nf_vpn_pptp_call *call, u8 end);

/* Make the GRE entry; both flows are reserved.  0 or negative errno. */
int nf_vpn_pptp_gre_up(struct nf_vpn_pptp_call *call);

/* If the very same end holds that ID, it does so from the past: take it away. */
void nf_vpn_pptp_gre_evict(struct nf_vpn_pptp_call *call, u8 end);

/* pptp_restore.c: struct nf_vpn_proto.restore */
enum nf_vpn_refusal nf_vpn_pptp_restore(struct nf_vpn_net *vn,
					const struct nf_vpn_saved *saved);

#endif /* _NF_VPN_PPTP_H */
