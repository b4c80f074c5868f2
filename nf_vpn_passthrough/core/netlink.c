// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "nf_vpn": requests in, answers and events out.
 * include/uapi/linux/nf_vpn.h says what they mean.
 *
 * Who may ask is checked here and not by a flag of the operations, and dumps
 * parse their attributes here: only so does each refusal come with a message on
 * all kernels.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/sock.h>
#include <uapi/linux/nf_vpn.h>
#include "event.h"
#include "hook.h"
#include "netlink.h"
#include "restore.h"
#include "session.h"
#include "stats.h"

/**
 * struct nf_vpn_dump - where a dump is, in netlink_callback.ctx
 * @next: id of a session, or number of a counter, to go on with
 * @filter: sessions asked for
 * @begun: the request was looked at
 */
struct nf_vpn_dump {
	unsigned long			next;
	struct nf_vpn_session_filter	filter;
	bool				begun;
};

static struct genl_family nf_vpn_netlink_family;

static const struct nla_policy
nf_vpn_netlink_policy[NF_VPN_A_SESSION_REQUEST_MAX + 1] = {
	[NF_VPN_A_SESSION_ID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[NF_VPN_A_SESSION_PROTOCOL]	= NLA_POLICY_RANGE(NLA_U32, 1,
						NF_VPN_PROTOCOL_MAX),
	[NF_VPN_A_SESSION_CLIENT]	= { .type = NLA_U32 },
	[NF_VPN_A_SESSION_SERVER]	= { .type = NLA_U32 },
	[NF_VPN_A_SESSION_ALL]		= { .type = NLA_FLAG },
	[NF_VPN_A_SESSION_CONTROL]	= { .type = NLA_FLAG },
};

static int nf_vpn_netlink_may(struct sk_buff *skb, const struct net *net,
			      struct netlink_ext_ack *extack)
{
	if (netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "CAP_NET_ADMIN is needed in the user namespace that owns this network namespace");
	return -EPERM;
}

static void nf_vpn_netlink_filter(struct nlattr **tb,
				  struct nf_vpn_session_filter *filter)
{
	memset(filter, 0, sizeof(*filter));
	if (tb[NF_VPN_A_SESSION_ID])
		filter->id = nla_get_u32(tb[NF_VPN_A_SESSION_ID]);
	if (tb[NF_VPN_A_SESSION_PROTOCOL])
		filter->protocol = nla_get_u32(tb[NF_VPN_A_SESSION_PROTOCOL]);
	if (tb[NF_VPN_A_SESSION_CLIENT])
		filter->client = nla_get_in_addr(tb[NF_VPN_A_SESSION_CLIENT]);
	if (tb[NF_VPN_A_SESSION_SERVER])
		filter->server = nla_get_in_addr(tb[NF_VPN_A_SESSION_SERVER]);
}

static int nf_vpn_netlink_session(struct sk_buff *msg, u32 portid, u32 seq,
				  int flags, struct netlink_callback *cb,
				  struct nf_vpn_lane *lane)
{
	void *head = genlmsg_put(msg, portid, seq, &nf_vpn_netlink_family,
				 flags, NF_VPN_CMD_SESSION_GET);
	int err;

	if (!head)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, head);
	err = nf_vpn_session_fill(msg, lane);
	if (err)
		genlmsg_cancel(msg, head);
	else
		genlmsg_end(msg, head);
	return err;
}

/* The answer to a do request, with a header. */
static struct sk_buff *nf_vpn_netlink_answer(struct genl_info *info, u8 cmd,
					     void **head)
{
	struct sk_buff *msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);

	*head = msg ? genlmsg_put_reply(msg, info, &nf_vpn_netlink_family, 0,
					cmd) : NULL;
	if (*head)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int nf_vpn_netlink_get(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(genl_info_net(info));
	struct nf_vpn_session_filter filter;
	struct nf_vpn_lane *lane;
	struct sk_buff *msg;
	unsigned long id;
	int err;

	err = nf_vpn_netlink_may(skb, vn->net, info->extack);
	if (err)
		return err;
	nf_vpn_netlink_filter(info->attrs, &filter);
	if (!filter.id) {
		GENL_SET_ERR_MSG(info, "one session is named by its id; dump to get several");
		return -EINVAL;
	}
	msg = nlmsg_new(NF_VPN_SESSION_ROOM, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;

	id = filter.id;
	rcu_read_lock();
	lane = xa_load(&vn->sessions, id);
	err = lane && nf_vpn_session_fits(lane, &filter) ?
		nf_vpn_netlink_session(msg, info->snd_portid, info->snd_seq, 0,
				       NULL, lane) : -ENOENT;
	rcu_read_unlock();
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	if (err == -ENOENT)
		GENL_SET_ERR_MSG(info, "no such session, or not any more");
	return err;
}

static int nf_vpn_netlink_start(struct netlink_callback *cb)
{
	/* So that the longest session fits in the first buffer, too. */
	cb->min_dump_alloc = NF_VPN_SESSION_ROOM;
	return 0;
}

/* Once for each dump; there, unlike in ->start(), cb->extack is always set. */
static int nf_vpn_netlink_begin(const struct net *net,
				struct netlink_callback *cb,
				struct nf_vpn_dump *dump)
{
	struct nlattr *tb[NF_VPN_A_SESSION_REQUEST_MAX + 1];
	int err;

	if (dump->begun)
		return 0;
	err = nf_vpn_netlink_may(cb->skb, net, cb->extack);
	if (err)
		return err;
	err = nlmsg_parse(cb->nlh, GENL_HDRLEN, tb,
			  NF_VPN_A_SESSION_REQUEST_MAX, nf_vpn_netlink_policy,
			  cb->extack);
	if (err)
		return err;
	nf_vpn_netlink_filter(tb, &dump->filter);
	dump->begun = true;
	return 0;
}

/* One session more; 1: that was all. */
static int nf_vpn_netlink_step(struct sk_buff *msg, struct netlink_callback *cb,
			       struct nf_vpn_net *vn, struct nf_vpn_dump *dump)
{
	struct nf_vpn_lane *lane;
	int err = 0;

	rcu_read_lock();
	lane = nf_vpn_session_next(vn, &dump->next, &dump->filter);
	if (!lane)
		err = 1;
	else if (!IS_ERR(lane))
		err = nf_vpn_netlink_session(msg, NETLINK_CB(cb->skb).portid,
					     cb->nlh->nlmsg_seq, NLM_F_MULTI,
					     cb, lane);
	rcu_read_unlock();
	/* It ended meanwhile. */
	if (err == -ENOENT)
		err = 0;
	if (!err && !IS_ERR(lane))
		dump->next++;
	return err;
}

static int nf_vpn_netlink_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(sock_net(skb->sk));
	struct nf_vpn_dump *dump = (struct nf_vpn_dump *)cb->ctx;
	int err;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	err = nf_vpn_netlink_begin(vn->net, cb, dump);
	if (err)
		return err;
	cb->seq = READ_ONCE(vn->session_seq);
	do {
		err = nf_vpn_netlink_step(skb, cb, vn, dump);
		cond_resched();
	} while (!err);
	return err < 0 && !skb->len ? err : skb->len;
}

static int nf_vpn_netlink_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(genl_info_net(info));
	struct nf_vpn_session_filter filter;
	struct sk_buff *msg;
	unsigned int n;
	void *head;
	int err;

	err = nf_vpn_netlink_may(skb, vn->net, info->extack);
	if (err)
		return err;
	nf_vpn_netlink_filter(info->attrs, &filter);
	if (!filter.id && !filter.protocol && !filter.client &&
	    !filter.server && !info->attrs[NF_VPN_A_SESSION_ALL]) {
		GENL_SET_ERR_MSG(info, "name an id, protocol, client or server, or ask for all");
		return -EINVAL;
	}
	filter.live = !filter.id;
	msg = nf_vpn_netlink_answer(info, NF_VPN_CMD_SESSION_DEL, &head);
	if (!msg)
		return -ENOMEM;
	n = nf_vpn_net_end(vn, &filter, info->attrs[NF_VPN_A_SESSION_CONTROL]);
	if (filter.id && !n) {
		GENL_SET_ERR_MSG(info, "no such session, or not any more");
		nlmsg_free(msg);
		return -ENOENT;
	}
	nla_put_u32(msg, NF_VPN_A_SESSION_DELETED, n);
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static int nf_vpn_netlink_new(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(genl_info_net(info));
	int err = nf_vpn_netlink_may(skb, vn->net, info->extack);

	return err ? err : nf_vpn_restore(vn, info);
}

static int nf_vpn_netlink_stat(struct sk_buff *msg, struct netlink_callback *cb,
			       const struct nf_vpn_net *vn, unsigned int why)
{
	const struct nf_vpn_stat_text *text = nf_vpn_stat_text(why);
	void *head = genlmsg_put(msg, NETLINK_CB(cb->skb).portid,
				 cb->nlh->nlmsg_seq, &nf_vpn_netlink_family,
				 NLM_F_MULTI, NF_VPN_CMD_STAT_GET);

	if (!head)
		return -EMSGSIZE;
	if (nla_put_string(msg, NF_VPN_A_STAT_NAME, text->name) ||
	    nla_put_string(msg, NF_VPN_A_STAT_MEANING, text->meaning) ||
	    nla_put_u64_64bit(msg, NF_VPN_A_STAT_VALUE,
			      nf_vpn_stat_sum(vn, why), NF_VPN_A_STAT_PAD)) {
		genlmsg_cancel(msg, head);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return 0;
}

static int nf_vpn_netlink_stats(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(sock_net(skb->sk));
	struct nf_vpn_dump *dump = (struct nf_vpn_dump *)cb->ctx;
	int err;

	err = nf_vpn_netlink_begin(vn->net, cb, dump);
	if (err)
		return err;
	while (dump->next + 1 < NF_VPN_STAT_MAX &&
	       !nf_vpn_netlink_stat(skb, cb, vn, dump->next + 1))
		dump->next++;
	return skb->len;
}

static int nf_vpn_netlink_fill_net(struct sk_buff *msg, struct nf_vpn_net *vn)
{
	if (nla_put_u32(msg, NF_VPN_A_NET_ACTIVE,
			atomic_read(&vn->hooked) == NF_VPN_HOOKS_ON) ||
	    nla_put_u32(msg, NF_VPN_A_NET_SESSIONS,
			READ_ONCE(vn->lane_count)) ||
	    nla_put_u32(msg, NF_VPN_A_NET_FLOWS,
			atomic_read(&vn->flow_count)) ||
	    nla_put_u32(msg, NF_VPN_A_NET_MAX_FLOWS,
			READ_ONCE(vn->max_flows)) ||
	    nla_put_u32(msg, NF_VPN_A_NET_CLIENTS,
			atomic_read(&vn->clients.nelems)) ||
	    nla_put_u32(msg, NF_VPN_A_NET_MAX_PER_CLIENT,
			READ_ONCE(vn->max_per_client)) ||
	    nla_put_u32(msg, NF_VPN_A_NET_ZONE_BASE,
			READ_ONCE(vn->zone_base)) ||
	    nla_put_u32(msg, NF_VPN_A_NET_ZONE_COUNT,
			READ_ONCE(vn->zone_count)))
		return -EMSGSIZE;
	return 0;
}

static int nf_vpn_netlink_net(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_vpn_net *vn = nf_vpn_pernet(genl_info_net(info));
	struct sk_buff *msg;
	void *head;
	int err;

	err = nf_vpn_netlink_may(skb, vn->net, info->extack);
	if (err)
		return err;
	msg = nf_vpn_netlink_answer(info, NF_VPN_CMD_NET_GET, &head);
	if (!msg)
		return -ENOMEM;
	err = nf_vpn_netlink_fill_net(msg, vn);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static const struct genl_ops nf_vpn_netlink_ops[] = {
	{
		.cmd		= NF_VPN_CMD_SESSION_GET,
		.doit		= nf_vpn_netlink_get,
		.start		= nf_vpn_netlink_start,
		.dumpit		= nf_vpn_netlink_dump,
		.policy		= nf_vpn_netlink_policy,
		.maxattr	= NF_VPN_A_SESSION_REQUEST_MAX,
	}, {
		.cmd		= NF_VPN_CMD_SESSION_DEL,
		.doit		= nf_vpn_netlink_del,
		.policy		= nf_vpn_netlink_policy,
		.maxattr	= NF_VPN_A_SESSION_REQUEST_MAX,
	}, {
		.cmd		= NF_VPN_CMD_SESSION_NEW,
		.doit		= nf_vpn_netlink_new,
		.policy		= nf_vpn_restore_policy,
		.maxattr	= NF_VPN_A_SESSION_MAX,
	}, {
		.cmd		= NF_VPN_CMD_STAT_GET,
		.dumpit		= nf_vpn_netlink_stats,
		.policy		= nf_vpn_netlink_policy,
		.maxattr	= NF_VPN_A_SESSION_REQUEST_MAX,
	}, {
		.cmd		= NF_VPN_CMD_NET_GET,
		.doit		= nf_vpn_netlink_net,
		.policy		= nf_vpn_netlink_policy,
		.maxattr	= NF_VPN_A_SESSION_REQUEST_MAX,
	},
};

static const struct genl_multicast_group nf_vpn_netlink_groups[] = {
	{ .name = NF_VPN_GENL_GROUP, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static struct genl_family nf_vpn_netlink_family __ro_after_init = {
	.name		= NF_VPN_GENL_NAME,
	.version	= NF_VPN_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= nf_vpn_netlink_ops,
	.n_ops		= ARRAY_SIZE(nf_vpn_netlink_ops),
	.mcgrps		= nf_vpn_netlink_groups,
	.n_mcgrps	= ARRAY_SIZE(nf_vpn_netlink_groups),
};

bool nf_vpn_netlink_heard(const struct nf_vpn_net *vn)
{
	return genl_has_listeners(&nf_vpn_netlink_family, vn->net, 0);
}

static int nf_vpn_netlink_fill_event(struct sk_buff *msg,
				     const struct nf_vpn_event_item *item)
{
	if (nla_put_u32(msg, NF_VPN_A_EVENT_TYPE, item->type) ||
	    (item->session &&
	     nla_put_u32(msg, NF_VPN_A_EVENT_SESSION, item->session)) ||
	    (item->protocol &&
	     nla_put_u32(msg, NF_VPN_A_EVENT_PROTOCOL, item->protocol)) ||
	    (item->client &&
	     nla_put_in_addr(msg, NF_VPN_A_EVENT_CLIENT, item->client)) ||
	    (item->server &&
	     nla_put_in_addr(msg, NF_VPN_A_EVENT_SERVER, item->server)) ||
	    (item->public &&
	     nla_put_in_addr(msg, NF_VPN_A_EVENT_PUBLIC, item->public)) ||
	    (item->number &&
	     nla_put_u32(msg, NF_VPN_A_EVENT_NUMBER, item->number)) ||
	    (item->missed &&
	     nla_put_u32(msg, NF_VPN_A_EVENT_MISSED, item->missed)) ||
	    (item->by && nla_put_in_addr(msg, NF_VPN_A_EVENT_BY, item->by)) ||
	    (item->ms && nla_put_u32(msg, NF_VPN_A_EVENT_MS, item->ms)))
		return -EMSGSIZE;
	return 0;
}

void nf_vpn_netlink_send(struct nf_vpn_net *vn,
			 const struct nf_vpn_event_item *item)
{
	struct sk_buff *msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *head;

	head = msg ? genlmsg_put(msg, 0, 0, &nf_vpn_netlink_family, 0,
				 NF_VPN_CMD_EVENT) : NULL;
	if (!head || nf_vpn_netlink_fill_event(msg, item)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	/* Nobody, or a full socket, which is told so by netlink itself. */
	genlmsg_multicast_netns(&nf_vpn_netlink_family, vn->net, msg, 0, 0,
				GFP_KERNEL);
}

int nf_vpn_netlink_init(void)
{
	return genl_register_family(&nf_vpn_netlink_family);
}

void nf_vpn_netlink_exit(void)
{
	genl_unregister_family(&nf_vpn_netlink_family);
}
