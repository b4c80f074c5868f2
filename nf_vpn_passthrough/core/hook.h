/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet path. */
#ifndef _NF_VPN_CORE_HOOK_H
#define _NF_VPN_CORE_HOOK_H

#include "nf_vpn.h"

struct iphdr;

/* Who looks at packets of @l4proto, transport header at @off, or NULL.  RCU. */
const struct nf_vpn_proto *nf_vpn_proto_find(const struct nf_vpn_net *vn,
					     const struct sk_buff *skb,
					     u8 l4proto, unsigned int off);

/* Key of a packet whose IP header is @iph and transport header at @off. */
int nf_vpn_key_of(const struct nf_vpn_proto *proto, const struct sk_buff *skb,
		  const struct iphdr *iph, unsigned int off,
		  struct nf_vpn_key *key);

/* Is there a conntrack entry, or NOTRACK, on it already? */
static inline bool nf_vpn_tracked(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct;

	if (likely(!skb_get_nfct(skb)))
		return false;
	ct = nf_ct_get(skb, &info);
	return ct ? !nf_ct_is_template(ct) : info == IP_CT_UNTRACKED;
}

/* Give @skb a reference on @ct, in place of a template. */
static inline void nf_vpn_set_ct(struct sk_buff *skb, struct nf_conn *ct,
				 enum ip_conntrack_info ctinfo)
{
	/* nf_conntrack_in() would have put it. */
	if (unlikely(skb_get_nfct(skb)))
		nf_reset_ct(skb);
	nf_conntrack_get(&ct->ct_general);
	nf_ct_set(skb, ct, ctinfo);
}

struct nf_vpn_session_filter;

/* End the sessions that fit, @control: with their control connection.  How many. */
unsigned int nf_vpn_net_end(struct nf_vpn_net *vn,
			    const struct nf_vpn_session_filter *filter,
			    bool control);

/* Make a session that was listed before.  Process context. */
enum nf_vpn_refusal nf_vpn_net_restore(struct nf_vpn_net *vn,
				       const struct nf_vpn_saved *saved);

/* Work items of a namespace. */
void nf_vpn_hook_net_init(struct nf_vpn_net *vn);
void nf_vpn_hook_net_exit(struct nf_vpn_net *vn);

#endif
