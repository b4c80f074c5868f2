// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conntrack entries in messages: enough of one to find it again, or, where it is
 * gone, to ask ctnetlink for its like.
 */
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netlink.h>
#include <uapi/linux/nf_vpn.h>
#include "track.h"

/* NLA_POLICY_MAX() ends at 32767.  Not const: until 6.7 a policy may not point there. */
struct netlink_range_validation nf_vpn_track_zones = { .max = U16_MAX };

const struct nla_policy nf_vpn_track_policy[NF_VPN_A_TRACK_MAX + 1] = {
	[NF_VPN_A_TRACK_PROTONUM]	= NLA_POLICY_RANGE(NLA_U32, 1, U8_MAX),
	[NF_VPN_A_TRACK_SRC]		= { .type = NLA_U32 },
	[NF_VPN_A_TRACK_DST]		= { .type = NLA_U32 },
	[NF_VPN_A_TRACK_SPORT]		= { .type = NLA_U16 },
	[NF_VPN_A_TRACK_DPORT]		= { .type = NLA_U16 },
	[NF_VPN_A_TRACK_REPLY_SRC]	= { .type = NLA_U32 },
	[NF_VPN_A_TRACK_REPLY_DST]	= { .type = NLA_U32 },
	[NF_VPN_A_TRACK_REPLY_SPORT]	= { .type = NLA_U16 },
	[NF_VPN_A_TRACK_REPLY_DPORT]	= { .type = NLA_U16 },
	[NF_VPN_A_TRACK_ZONE]		= NLA_POLICY_FULL_RANGE(NLA_U32,
							&nf_vpn_track_zones),
	[NF_VPN_A_TRACK_MARK]		= { .type = NLA_U32 },
	[NF_VPN_A_TRACK_HELPER]		= { .type = NLA_NUL_STRING,
					    .len = NF_CT_HELPER_NAME_LEN - 1 },
};

static bool nf_vpn_track_has_ports(u8 protonum)
{
	return protonum == IPPROTO_TCP || protonum == IPPROTO_UDP;
}

static int nf_vpn_track_fill_ports(struct sk_buff *msg,
				   const struct nf_conntrack_tuple *orig,
				   const struct nf_conntrack_tuple *reply)
{
	if (!nf_vpn_track_has_ports(orig->dst.protonum))
		return 0;
	if (nla_put_be16(msg, NF_VPN_A_TRACK_SPORT, orig->src.u.all) ||
	    nla_put_be16(msg, NF_VPN_A_TRACK_DPORT, orig->dst.u.all) ||
	    nla_put_be16(msg, NF_VPN_A_TRACK_REPLY_SPORT, reply->src.u.all) ||
	    nla_put_be16(msg, NF_VPN_A_TRACK_REPLY_DPORT, reply->dst.u.all))
		return -EMSGSIZE;
	return 0;
}

static int nf_vpn_track_fill_tuples(struct sk_buff *msg,
				    const struct nf_conntrack_tuple *orig,
				    const struct nf_conntrack_tuple *reply)
{
	if (nla_put_u32(msg, NF_VPN_A_TRACK_PROTONUM, orig->dst.protonum) ||
	    nla_put_in_addr(msg, NF_VPN_A_TRACK_SRC, orig->src.u3.ip) ||
	    nla_put_in_addr(msg, NF_VPN_A_TRACK_DST, orig->dst.u3.ip) ||
	    nla_put_in_addr(msg, NF_VPN_A_TRACK_REPLY_SRC, reply->src.u3.ip) ||
	    nla_put_in_addr(msg, NF_VPN_A_TRACK_REPLY_DST, reply->dst.u3.ip))
		return -EMSGSIZE;
	return nf_vpn_track_fill_ports(msg, orig, reply);
}

/* None: a module was unloaded meanwhile, and took its helper along. */
static int nf_vpn_track_fill_helper(struct sk_buff *msg,
				    const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	const struct nf_conntrack_helper *helper;

	helper = help ? rcu_dereference(help->helper) : NULL;
	return helper ? nla_put_string(msg, NF_VPN_A_TRACK_HELPER,
				       helper->name) : 0;
}

static u32 nf_vpn_track_mark(const struct nf_conn *ct)
{
#ifdef CONFIG_NF_CONNTRACK_MARK
	return READ_ONCE(ct->mark);
#else
	return 0;
#endif
}

int nf_vpn_track_fill(struct sk_buff *msg, const struct nf_conn *ct)
{
	struct nlattr *nest = nla_nest_start(msg, NF_VPN_A_SESSION_TRACK);
	u32 mark = nf_vpn_track_mark(ct);

	if (!nest ||
	    nf_vpn_track_fill_tuples(msg,
				     &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple,
				     &ct->tuplehash[IP_CT_DIR_REPLY].tuple) ||
	    nla_put_u32(msg, NF_VPN_A_TRACK_ZONE,
			nf_vpn_zone_arriving(nf_vpn_pernet(nf_ct_net(ct)), ct,
					     IP_CT_DIR_ORIGINAL)) ||
	    (mark && nla_put_u32(msg, NF_VPN_A_TRACK_MARK, mark)) ||
	    nf_vpn_track_fill_helper(msg, ct))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* Ports of a tuple, where the protocol has them.  False: missing. */
static bool nf_vpn_track_ports(struct nlattr **tb, int sport, int dport,
			       struct nf_conntrack_tuple *t)
{
	if (!nf_vpn_track_has_ports(t->dst.protonum))
		return true;
	if (!tb[sport] || !tb[dport])
		return false;
	t->src.u.all = nla_get_be16(tb[sport]);
	t->dst.u.all = nla_get_be16(tb[dport]);
	return true;
}

/* Attributes of one tuple stand @base ahead of each other. */
static bool nf_vpn_track_tuple(struct nlattr **tb, int base, u8 dir,
			       struct nf_conntrack_tuple *t)
{
	memset(t, 0, sizeof(*t));
	if (!tb[NF_VPN_A_TRACK_PROTONUM] || !tb[base] || !tb[base + 1])
		return false;
	t->src.l3num = AF_INET;
	t->src.u3.ip = nla_get_in_addr(tb[base]);
	t->dst.u3.ip = nla_get_in_addr(tb[base + 1]);
	t->dst.protonum = nla_get_u32(tb[NF_VPN_A_TRACK_PROTONUM]);
	t->dst.dir = dir;
	return nf_vpn_track_ports(tb, base + 2, base + 3, t);
}

static struct nf_conn *
nf_vpn_track_get(struct nf_vpn_net *vn, u16 zone,
		 const struct nf_conntrack_tuple *orig,
		 const struct nf_conntrack_tuple *reply)
{
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_zone in;
	struct nf_conn *ct;

	nf_ct_zone_init(&in, zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	h = nf_conntrack_find_get(vn->net, &in, orig);
	if (!h)
		return ERR_PTR(-ENOENT);
	ct = nf_ct_tuplehash_to_ctrack(h);
	if (NF_CT_DIRECTION(h) == IP_CT_DIR_ORIGINAL &&
	    nf_ct_is_confirmed(ct) && nf_vpn_ct_alive(ct) &&
	    nf_ct_tuple_equal(&ct->tuplehash[IP_CT_DIR_REPLY].tuple, reply))
		return ct;
	nf_ct_put(ct);
	return ERR_PTR(-ENOENT);
}

struct nf_conn *nf_vpn_track_find(struct nf_vpn_net *vn,
				  const struct nlattr *nest)
{
	struct nlattr *tb[NF_VPN_A_TRACK_MAX + 1];
	struct nf_conntrack_tuple orig, reply;
	int err;

	err = nla_parse_nested(tb, NF_VPN_A_TRACK_MAX, nest,
			       nf_vpn_track_policy, NULL);
	if (err)
		return ERR_PTR(err);
	if (!tb[NF_VPN_A_TRACK_ZONE] ||
	    !nf_vpn_track_tuple(tb, NF_VPN_A_TRACK_SRC, IP_CT_DIR_ORIGINAL,
				&orig) ||
	    !nf_vpn_track_tuple(tb, NF_VPN_A_TRACK_REPLY_SRC, IP_CT_DIR_REPLY,
				&reply))
		return ERR_PTR(-EINVAL);
	return nf_vpn_track_get(vn, nla_get_u32(tb[NF_VPN_A_TRACK_ZONE]),
				&orig, &reply);
}
