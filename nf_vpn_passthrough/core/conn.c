// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conntrack entries made whole: both tuples, NAT and master are known from the
 * control connection, so no packet has to be guessed through the rules.  The
 * order of the steps is that of ctnetlink_create_conntrack().
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_acct.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_labels.h>
#include <net/netfilter/nf_conntrack_timestamp.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_nat.h>
#include "hook.h"
#include "nf_vpn_help_ref.h"

/* A GRE key or a port is to be that one; of ESP nf_nat knows no more than addresses. */
static void nf_vpn_conn_range(struct nf_nat_range2 *range,
			      const union nf_inet_addr *addr,
			      const union nf_conntrack_man_proto *id, u8 proto)
{
	memset(range, 0, sizeof(*range));
	range->flags = NF_NAT_RANGE_MAP_IPS;
	range->min_addr = *addr;
	range->max_addr = *addr;
	if (proto != IPPROTO_GRE && proto != IPPROTO_UDP)
		return;
	range->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	range->min_proto = *id;
	range->max_proto = *id;
}

/* Both manipulations, always: a half-initialised entry would meet the rules. */
static bool nf_vpn_conn_nat(struct nf_conn *ct,
			    const struct nf_conntrack_tuple *reply)
{
	union nf_conntrack_man_proto id = { .all = reply->dst.u.all };
	struct nf_nat_range2 range;

	nf_vpn_conn_range(&range, &reply->dst.u3, &id, reply->dst.protonum);
	if (nf_nat_setup_info(ct, &range, NF_NAT_MANIP_SRC) != NF_ACCEPT)
		return false;

	id.all = reply->src.u.all;
	nf_vpn_conn_range(&range, &reply->src.u3, &id, reply->dst.protonum);
	if (nf_nat_setup_info(ct, &range, NF_NAT_MANIP_DST) != NF_ACCEPT)
		return false;

	return nf_ct_tuple_equal(&ct->tuplehash[IP_CT_DIR_REPLY].tuple, reply);
}

int nf_vpn_conn_masq_index(const struct nf_conn *ct)
{
#if IS_ENABLED(CONFIG_NF_NAT_MASQUERADE)
	const struct nf_conn_nat *nat = nfct_nat(ct);

	return nat ? nat->masq_index : 0;
#else
	return 0;
#endif
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_masq_index);

/*
 * Remember the interface masquerade chose for the master: when it goes down or
 * the route moves, nf_nat ends the entry as it ends the master.
 */
static void nf_vpn_conn_masquerade(struct nf_conn *ct,
				   const struct nf_vpn_conn_spec *spec)
{
#if IS_ENABLED(CONFIG_NF_NAT_MASQUERADE)
	int index = spec->master ? nf_vpn_conn_masq_index(spec->master) :
				   spec->masq_index;
	struct nf_conn_nat *nat;

	if (!index)
		return;
	nat = nf_ct_nat_ext_add(ct);
	if (nat)
		nat->masq_index = index;
#endif
}

/* Extensions can only be added before the entry is confirmed. */
static void nf_vpn_conn_extend(struct nf_conn *ct,
			       const struct nf_vpn_conn_spec *spec)
{
	struct nf_conn_tstamp *tstamp;

	nf_vpn_conn_masquerade(ct, spec);
	nf_ct_acct_ext_add(ct, GFP_ATOMIC);
	tstamp = nf_ct_tstamp_ext_add(ct, GFP_ATOMIC);
	if (tstamp)
		tstamp->start = ktime_get_real_ns();
	nf_ct_ecache_ext_add(ct, 0, 0, GFP_ATOMIC);
	nf_ct_labels_ext_add(ct);
}

/* What init_conntrack() gives an expected entry. */
static void nf_vpn_conn_inherit(struct nf_conn *ct, struct nf_conn *master)
{
	nf_conntrack_get(&master->ct_general);
	ct->master = master;
	__set_bit(IPS_EXPECTED_BIT, &ct->status);
#ifdef CONFIG_NF_CONNTRACK_MARK
	ct->mark = READ_ONCE(master->mark);
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	ct->secmark = master->secmark;
#endif
}

/* As a rule does (nft_ct_helper_obj_eval()). */
static bool nf_vpn_conn_assist(struct nf_conn *ct,
			       const struct nf_vpn_conn_spec *spec)
{
	struct nf_conn_help *help = nf_ct_helper_ext_add(ct, GFP_ATOMIC);

	if (!help || spec->data_len > sizeof(help->data) ||
	    !nf_vpn_help_get(spec->helper))
		return false;
	memcpy(help->data, spec->data, spec->data_len);
	rcu_assign_pointer(help->helper, spec->helper);
	__set_bit(IPS_HELPER_BIT, &ct->status);
	return true;
}

static int nf_vpn_conn_insert(struct nf_conn *ct,
			      const struct nf_vpn_conn_spec *spec)
{
	if (spec->master)
		nf_vpn_conn_inherit(ct, spec->master);
#ifdef CONFIG_NF_CONNTRACK_MARK
	else
		ct->mark = spec->mark;
#endif
	if (spec->helper && !nf_vpn_conn_assist(ct, spec))
		return -ENOMEM;
	if (!nf_vpn_conn_nat(ct, &spec->reply))
		return -EADDRINUSE;

	nf_vpn_conn_extend(ct, spec);
	/* From here nf_nat_setup_info() would do nothing. */
	ct->status |= IPS_CONFIRMED;
	WRITE_ONCE(ct->timeout, nfct_time_stamp + spec->timeout);
	memset(&ct->proto, 0, sizeof(ct->proto));
	return nf_conntrack_hash_check_insert(ct);
}

struct nf_conn *nf_vpn_conn_make(struct net *net,
				 const struct nf_vpn_conn_spec *spec)
{
	struct nf_conntrack_tuple reply;
	struct nf_conn *ct;
	int err;

	if (!nf_ct_invert_tuple(&reply, &spec->orig))
		return ERR_PTR(-EINVAL);
	/* The call IDs are ours to translate: nf_nat is to find them done. */
	reply.src.u.all = spec->reply.src.u.all;
	reply.dst.u.all = spec->reply.dst.u.all;
	ct = nf_conntrack_alloc(net, &spec->zone, &spec->orig, &reply,
				GFP_ATOMIC);
	if (IS_ERR(ct))
		return ct;

	err = nf_vpn_conn_insert(ct, spec);
	if (!err)
		return ct;
	if (ct->master)
		nf_ct_put(ct->master);
	nf_conntrack_free(ct);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_make);

struct nf_conntrack_tuple_hash *nf_vpn_conn_find(struct nf_vpn_net *vn,
						 u8 l4proto, __be32 src,
						 __be32 dst, u16 zone)
{
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone in;

	memset(&tuple, 0, sizeof(tuple));
	tuple.src.l3num = AF_INET;
	tuple.src.u3.ip = src;
	tuple.dst.u3.ip = dst;
	tuple.dst.protonum = l4proto;
	nf_ct_zone_init(&in, zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	return nf_conntrack_find_get(vn->net, &in, &tuple);
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_find);

void nf_vpn_conn_prolong(struct nf_conn *ct, u32 timeout)
{
	if (!test_bit(IPS_SEEN_REPLY_BIT, &ct->status) ||
	    test_bit(IPS_FIXED_TIMEOUT_BIT, &ct->status) ||
	    !nf_ct_is_confirmed(ct))
		return;
	timeout += nfct_time_stamp;
	if (READ_ONCE(ct->timeout) != timeout)
		WRITE_ONCE(ct->timeout, timeout);
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_prolong);

void nf_vpn_conn_replied(struct nf_conn *ct, u32 timeout)
{
	set_bit(IPS_SEEN_REPLY_BIT, &ct->status);
	set_bit(IPS_ASSURED_BIT, &ct->status);
	nf_vpn_conn_prolong(ct, timeout);
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_replied);

void nf_vpn_conn_join(struct sk_buff *skb, struct nf_conn *ct, u32 timeout)
{
	nf_vpn_set_ct(skb, ct, IP_CT_ESTABLISHED_REPLY);
	nf_vpn_conn_replied(ct, timeout);
	nf_ct_refresh_acct(ct, IP_CT_ESTABLISHED_REPLY, skb, timeout);
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_join);

void nf_vpn_conn_announce(struct nf_conn *ct)
{
	nf_conntrack_event(ct->master ? IPCT_RELATED : IPCT_NEW, ct);
}
EXPORT_SYMBOL_GPL(nf_vpn_conn_announce);
