// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions that come back: what SESSION_GET once told is checked here, and handed
 * to the protocol, which makes lane, entry and flows as if the control messages
 * had gone by.  The control connection's own entry is stock conntrack's: it is
 * there still, or ctnetlink put it there.
 */
#include <linux/l2tp.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <uapi/linux/nf_vpn.h>
#include "hook.h"
#include "restore.h"
#include "track.h"

static const struct nla_policy
nf_vpn_restore_key_policy[NF_VPN_A_KEY_MAX + 1] = {
	[NF_VPN_A_KEY_KIND]	= NLA_POLICY_RANGE(NLA_U32, NF_VPN_KIND_CALL,
						   NF_VPN_KIND_SESSION),
	[NF_VPN_A_KEY_DIRECTION] = NLA_POLICY_MAX(NLA_U32,
						  NF_VPN_DIRECTION_IN),
	[NF_VPN_A_KEY_ARRIVES]	= { .type = NLA_U32 },
	[NF_VPN_A_KEY_LEAVES]	= { .type = NLA_U32 },
	[NF_VPN_A_KEY_PARENT]	= { .type = NLA_U32 },
	[NF_VPN_A_KEY_PEER]	= { .type = NLA_U32 },
	[NF_VPN_A_KEY_IDLE]	= { .type = NLA_U32 },
	[NF_VPN_A_KEY_EVIDENCE]	= NLA_POLICY_RANGE(NLA_U32,
						   NF_VPN_EVIDENCE_EXACT,
						   NF_VPN_EVIDENCE_GUESS),
};

const struct nla_policy nf_vpn_restore_policy[NF_VPN_A_SESSION_MAX + 1] = {
	[NF_VPN_A_SESSION_PROTOCOL]	= NLA_POLICY_RANGE(NLA_U32, 1,
						NF_VPN_PROTOCOL_MAX),
	[NF_VPN_A_SESSION_CLIENT]	= { .type = NLA_U32 },
	[NF_VPN_A_SESSION_ZONE]		= NLA_POLICY_FULL_RANGE(NLA_U32,
							&nf_vpn_track_zones),
	[NF_VPN_A_SESSION_BOUND]	= NLA_POLICY_RANGE(NLA_U32,
						NF_VPN_BOUND_CONTROL,
						NF_VPN_BOUND_DATA),
	[NF_VPN_A_SESSION_AWAITED]	= { .type = NLA_U32 },
	[NF_VPN_A_SESSION_REPLIED]	= { .type = NLA_FLAG },
	[NF_VPN_A_SESSION_KEY]		=
		NLA_POLICY_NESTED(nf_vpn_restore_key_policy),
	[NF_VPN_A_SESSION_TRACK]	=
		NLA_POLICY_NESTED(nf_vpn_track_policy),
};

/* Words of the core's own: a protocol's could be unloaded before they are sent. */
static const struct {
	const char	*text;
	int		err;
} nf_vpn_restore_words[NF_VPN_REFUSALS] = {
	[NF_VPN_REFUSED_EXISTS] = {
		"this session is there already", -EEXIST },
	[NF_VPN_REFUSED_TRACK] = {
		"track needs protonum, zone, both tuples, and the ports of TCP and UDP",
		-EINVAL },
	[NF_VPN_REFUSED_NUMBERS] = {
		"it has no numbers, or not those of its protocol", -EINVAL },
	[NF_VPN_REFUSED_TAKEN] = {
		"one of its numbers is another session's", -EADDRINUSE },
	[NF_VPN_REFUSED_LIMIT] = {
		"a limit was met, or no memory: max_flows, max_per_client, pptp_max_calls",
		-ENOSPC },
	[NF_VPN_REFUSED_ENTRY] = {
		"conntrack takes no entry for it: one is in its way, or the table is full",
		-EBUSY },
	[NF_VPN_REFUSED_GOING] = {
		"its control connection is ending, or the module is",
		-ESHUTDOWN },
	[NF_VPN_REFUSED_ABSENT] = {
		"the module of its protocol is not loaded: modprobe nf_vpn_passthrough",
		-EPROTONOSUPPORT },
	[NF_VPN_REFUSED_HELPER] = {
		"the entry that track names has no helper of its protocol's",
		-ENOLINK },
	[NF_VPN_REFUSED_OTHER_PORT] = {
		"its server answered from another port: the client has to begin anew",
		-EOPNOTSUPP },
	[NF_VPN_REFUSED_IKE] = {
		"IKE on a shared port: the client's next message sets it up anew",
		-EOPNOTSUPP },
	[NF_VPN_REFUSED_BOUND] = {
		"ESP keyed by hand: its next packet from the client sets it up anew",
		-EOPNOTSUPP },
};

static int nf_vpn_restore_say(struct netlink_ext_ack *extack,
			      enum nf_vpn_refusal why)
{
	if (why && extack)
		extack->_msg = nf_vpn_restore_words[why].text;
	return nf_vpn_restore_words[why].err;
}

static u32 nf_vpn_restore_u32(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static bool nf_vpn_restore_key(const struct nlattr *nest,
			       struct nf_vpn_saved_key *key)
{
	struct nlattr *tb[NF_VPN_A_KEY_MAX + 1];

	if (nla_parse_nested(tb, NF_VPN_A_KEY_MAX, nest,
			     nf_vpn_restore_key_policy, NULL) ||
	    !tb[NF_VPN_A_KEY_KIND] || !tb[NF_VPN_A_KEY_DIRECTION] ||
	    !tb[NF_VPN_A_KEY_ARRIVES] || !tb[NF_VPN_A_KEY_LEAVES])
		return false;
	key->kind = nla_get_u32(tb[NF_VPN_A_KEY_KIND]);
	key->direction = nla_get_u32(tb[NF_VPN_A_KEY_DIRECTION]);
	key->arrives = nla_get_u32(tb[NF_VPN_A_KEY_ARRIVES]);
	key->leaves = nla_get_u32(tb[NF_VPN_A_KEY_LEAVES]);
	key->parent = nf_vpn_restore_u32(tb[NF_VPN_A_KEY_PARENT]);
	key->peer = nf_vpn_restore_u32(tb[NF_VPN_A_KEY_PEER]);
	key->evidence = nf_vpn_restore_u32(tb[NF_VPN_A_KEY_EVIDENCE]);
	return true;
}

static int nf_vpn_restore_keys(struct genl_info *info,
			       struct nf_vpn_saved *saved)
{
	const struct nlattr *attr;
	int left;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != NF_VPN_A_SESSION_KEY)
			continue;
		if (saved->n == NF_VPN_SAVED_KEYS) {
			GENL_SET_ERR_MSG(info, "more numbers than a session shows");
			return -E2BIG;
		}
		if (!nf_vpn_restore_key(attr, &saved->key[saved->n++])) {
			GENL_SET_ERR_MSG(info, "a number lacks its kind, direction or value");
			return -EINVAL;
		}
	}
	return 0;
}

static int nf_vpn_restore_parse(struct genl_info *info,
				struct nf_vpn_saved *saved)
{
	struct nlattr **tb = info->attrs;

	if (!tb[NF_VPN_A_SESSION_PROTOCOL] || !tb[NF_VPN_A_SESSION_CLIENT] ||
	    !tb[NF_VPN_A_SESSION_BOUND] || !tb[NF_VPN_A_SESSION_ZONE] ||
	    !tb[NF_VPN_A_SESSION_TRACK]) {
		GENL_SET_ERR_MSG(info, "protocol, client, bound, zone and track are needed");
		return -EINVAL;
	}
	saved->protocol = nla_get_u32(tb[NF_VPN_A_SESSION_PROTOCOL]);
	saved->bound = nla_get_u32(tb[NF_VPN_A_SESSION_BOUND]);
	saved->zone = nla_get_u32(tb[NF_VPN_A_SESSION_ZONE]);
	saved->awaited = nf_vpn_restore_u32(tb[NF_VPN_A_SESSION_AWAITED]);
	saved->replied = tb[NF_VPN_A_SESSION_REPLIED];
	return nf_vpn_restore_keys(info, saved);
}

/* Of which IP protocol is the entry that TRACK names? */
static u8 nf_vpn_restore_track(const struct nf_vpn_saved *saved)
{
	switch (saved->protocol) {
	case NF_VPN_PROTOCOL_PPTP:
		return IPPROTO_TCP;
	case NF_VPN_PROTOCOL_ESP:
		return saved->bound == NF_VPN_BOUND_DATA ? IPPROTO_ESP :
							   IPPROTO_UDP;
	case NF_VPN_PROTOCOL_L2TP_UDP:
	case NF_VPN_PROTOCOL_IKE:
	case NF_VPN_PROTOCOL_NATT:
		return IPPROTO_UDP;
	default:
		return IPPROTO_L2TP;
	}
}

static bool nf_vpn_restore_wants_helper(const struct nf_vpn_saved *saved)
{
	u8 protonum = nf_vpn_restore_track(saved);

	return protonum == IPPROTO_TCP || protonum == IPPROTO_UDP;
}

/*
 * A rule's decision, or that of who put the entry there.  Since 7.3 an entry keeps
 * the shell of a helper whose module was unloaded.
 */
bool nf_vpn_restore_helped(const struct nf_vpn_proto *proto,
			   const struct nf_vpn_saved *saved)
{
	const struct nf_conn_help *help = nfct_help(saved->ct);
	const struct nf_conntrack_helper *helper;
	bool ours;

	if (!nf_vpn_restore_wants_helper(saved))
		return true;
	rcu_read_lock();
	helper = help ? rcu_dereference(help->helper) : NULL;
	ours = helper && helper->me == proto->owner &&
	       helper == __nf_conntrack_helper_find(helper->name, NFPROTO_IPV4,
						    nf_ct_protonum(saved->ct));
	rcu_read_unlock();
	return ours;
}

static int nf_vpn_restore_entry(struct genl_info *info,
				const struct nf_vpn_saved *saved)
{
	const struct nf_conntrack_tuple *orig =
		&saved->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	u8 protonum = nf_vpn_restore_track(saved);

	if (orig->dst.protonum != protonum) {
		GENL_SET_ERR_MSG(info, "track is not of the protocol that such a session needs");
		return -EINVAL;
	}
	if (orig->src.u3.ip !=
	    nla_get_in_addr(info->attrs[NF_VPN_A_SESSION_CLIENT])) {
		if (saved->protocol == NF_VPN_PROTOCOL_L2TP_UDP)
			return nf_vpn_restore_say(info->extack,
						  NF_VPN_REFUSED_OTHER_PORT);
		GENL_SET_ERR_MSG(info, "the client did not begin the connection that track names");
		return -EINVAL;
	}
	return 0;
}

static int nf_vpn_restore_saved(struct nf_vpn_net *vn, struct genl_info *info,
				struct nf_vpn_saved *saved)
{
	int err;

	saved->ct = nf_vpn_track_find(vn, info->attrs[NF_VPN_A_SESSION_TRACK]);
	if (IS_ERR(saved->ct)) {
		err = PTR_ERR(saved->ct);
		if (err != -ENOENT)
			return nf_vpn_restore_say(info->extack,
						  NF_VPN_REFUSED_TRACK);
		GENL_SET_ERR_MSG(info, "conntrack has no such entry as track names");
		return err;
	}
	err = nf_vpn_restore_entry(info, saved);
	if (!err)
		err = nf_vpn_restore_say(info->extack,
					 nf_vpn_net_restore(vn, saved));
	nf_ct_put(saved->ct);
	return err;
}

int nf_vpn_restore(struct nf_vpn_net *vn, struct genl_info *info)
{
	struct nf_vpn_saved *saved = kzalloc(sizeof(*saved), GFP_KERNEL);
	int err;

	if (!saved)
		return -ENOMEM;
	err = nf_vpn_restore_parse(info, saved);
	if (!err)
		err = nf_vpn_restore_saved(vn, info, saved);
	kfree(saved);
	return err;
}
