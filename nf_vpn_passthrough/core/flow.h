/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table: demux key -> conntrack entry and direction. */
#ifndef _NF_VPN_CORE_FLOW_H
#define _NF_VPN_CORE_FLOW_H

#include <linux/jhash.h>
#include <linux/string.h>
#include "nf_vpn.h"
#include "key_hash.h"

static inline u32 nf_vpn_key_hash(const void *data, u32 len, u32 seed)
{
	return nf_vpn_key_words_hash(data, seed);
}

/* rhashtable's own calls memcmp(); this one is two words compared. */
static inline int nf_vpn_arrive_differs(struct rhashtable_compare_arg *arg,
					const void *obj)
{
	const struct nf_vpn_flow *flow = obj;

	return memcmp(&flow->key[0], arg->key, sizeof(flow->key[0]));
}

static const struct rhashtable_params nf_vpn_arrive_params = {
	.head_offset = offsetof(struct nf_vpn_flow, arrive),
	.key_offset = offsetof(struct nf_vpn_flow, key[0]),
	.key_len = sizeof(struct nf_vpn_key),
	.hashfn = nf_vpn_key_hash,
	.obj_cmpfn = nf_vpn_arrive_differs,
	.automatic_shrinking = true,
};

/* As nf_vpn_flow_find(), without a call: for the packet path. */
static inline struct nf_vpn_flow *
nf_vpn_flow_lookup(struct nf_vpn_net *vn, const struct nf_vpn_key *key)
{
	return rhashtable_lookup(&vn->arrivals, key, nf_vpn_arrive_params);
}

/* Per namespace: 0 or a negative errno; undone by nf_vpn_flow_net_exit(). */
int nf_vpn_flow_net_init(struct nf_vpn_net *vn);
void nf_vpn_flow_net_exit(struct nf_vpn_net *vn);

/* Find by the key a packet left with.  Caller is in an RCU read section. */
struct nf_vpn_flow *nf_vpn_flow_find_departed(struct nf_vpn_net *vn,
					      const struct nf_vpn_key *key);

/* End all lanes whose time has come; process context. */
void nf_vpn_flow_reap(struct nf_vpn_net *vn);

struct nf_vpn_session_filter;

/**
 * nf_vpn_flow_end() - end the next session that fits
 * @vn: namespace
 * @id: the first that may be meant; set to where to go on
 * @filter: which are meant
 * @control: its control connection's entry as well
 *
 * Process context, no nf_vpn_flow_reap() meanwhile.
 * Return: false: there is none.
 */
bool nf_vpn_flow_end(struct nf_vpn_net *vn, unsigned long *id,
		     const struct nf_vpn_session_filter *filter, bool control);

/* End all lanes of @proto; process context, no nf_vpn_flow_reap() meanwhile. */
void nf_vpn_flow_flush(struct nf_vpn_net *vn, const struct nf_vpn_proto *proto);

#endif
