// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: noted where they happen, in the packet path too, and sent from a work
 * item.  While nobody listens they cost one look at a bit.  A packet may provoke
 * some of them: those are limited, and what is left out is counted.
 */
#include <linux/slab.h>
#include <uapi/linux/nf_vpn.h>
#include "event.h"
#include "netlink.h"
#include "session.h"

/* Events that wait at a time, and of one type in a second. */
#define NF_VPN_EVENTS_WAITING	1024
#define NF_VPN_EVENTS_RATE	16

static bool nf_vpn_event_provoked(u32 type)
{
	return type != NF_VPN_EVENT_UP && type != NF_VPN_EVENT_DOWN;
}

/* nf_vpn_events.lock held. */
static bool nf_vpn_event_allowed(struct nf_vpn_events *events, u32 type)
{
	struct nf_vpn_event_rate *rate = &events->rate[type];

	if (events->waiting >= NF_VPN_EVENTS_WAITING)
		return false;
	if (!nf_vpn_event_provoked(type))
		return true;
	if (!rate->sent || time_after(jiffies, rate->since + HZ)) {
		rate->since = jiffies;
		rate->sent = 0;
	}
	return rate->sent++ < NF_VPN_EVENTS_RATE;
}

static void nf_vpn_event_note(struct nf_vpn_net *vn,
			      const struct nf_vpn_event_item *what)
{
	struct nf_vpn_events *events = &vn->events;
	struct nf_vpn_event_item *item = NULL;
	u32 *missed = &events->rate[what->type].missed;

	spin_lock_bh(&events->lock);
	if (nf_vpn_event_allowed(events, what->type))
		item = kmemdup(what, sizeof(*what), GFP_ATOMIC);
	if (item) {
		item->missed = *missed;
		*missed = 0;
		events->waiting++;
		list_add_tail(&item->list, &events->list);
		schedule_work(&events->send);
	} else {
		++*missed;
	}
	spin_unlock_bh(&events->lock);
}

void nf_vpn_tell(struct nf_vpn_net *vn, u32 type,
		 const struct nf_vpn_lane *lane, __be32 number)
{
	struct nf_vpn_event_item item = { .type = type };
	struct nf_vpn_session_ends ends;

	if (!nf_vpn_netlink_heard(vn))
		return;
	nf_vpn_session_ends(lane, &ends);
	item.session = lane->id;
	item.protocol = lane->proto->protocol;
	item.client = ends.client;
	item.server = ends.server;
	item.public = ends.public;
	item.number = ntohl(number);
	nf_vpn_event_note(vn, &item);
}
EXPORT_SYMBOL_GPL(nf_vpn_tell);

static void nf_vpn_event_tell(struct nf_vpn_net *vn,
			      struct nf_vpn_event_item *item,
			      const struct nf_vpn_key *key)
{
	if (!nf_vpn_netlink_heard(vn))
		return;
	if (key) {
		item->server = key->src;
		item->public = key->dst;
		item->number = ntohl(key->id);
	}
	nf_vpn_event_note(vn, item);
}

void nf_vpn_tell_of(struct nf_vpn_net *vn, u32 type, u32 protocol,
		    __be32 client, const struct nf_vpn_key *key)
{
	struct nf_vpn_event_item item = {
		.type = type, .protocol = protocol, .client = client,
	};

	nf_vpn_event_tell(vn, &item, key);
}
EXPORT_SYMBOL_GPL(nf_vpn_tell_of);

void nf_vpn_tell_blocked(struct nf_vpn_net *vn, __be32 client,
			 const struct nf_vpn_key *key, __be32 by, u32 ms)
{
	struct nf_vpn_event_item item = {
		.type = NF_VPN_EVENT_BLOCKED, .protocol = NF_VPN_PROTOCOL_ESP,
		.client = client, .by = by, .ms = ms,
	};

	nf_vpn_event_tell(vn, &item, key);
}
EXPORT_SYMBOL_GPL(nf_vpn_tell_blocked);

void nf_vpn_tell_taken(struct nf_vpn_net *vn, __be32 client,
		       const struct nf_vpn_key *key, __be32 by)
{
	struct nf_vpn_event_item item = {
		.type = NF_VPN_EVENT_SERVER_COLLISION,
		.protocol = NF_VPN_PROTOCOL_ESP,
		.client = client, .by = by,
	};

	nf_vpn_event_tell(vn, &item, key);
}
EXPORT_SYMBOL_GPL(nf_vpn_tell_taken);

static void nf_vpn_event_take(struct nf_vpn_events *events,
			      struct list_head *list)
{
	spin_lock_bh(&events->lock);
	list_splice_init(&events->list, list);
	events->waiting = 0;
	spin_unlock_bh(&events->lock);
}

static void nf_vpn_event_work(struct work_struct *work)
{
	struct nf_vpn_net *vn = container_of(work, struct nf_vpn_net,
					     events.send);
	struct nf_vpn_event_item *item, *tmp;
	LIST_HEAD(list);

	nf_vpn_event_take(&vn->events, &list);
	list_for_each_entry_safe(item, tmp, &list, list) {
		nf_vpn_netlink_send(vn, item);
		kfree(item);
	}
}

void nf_vpn_event_net_init(struct nf_vpn_net *vn)
{
	spin_lock_init(&vn->events.lock);
	INIT_LIST_HEAD(&vn->events.list);
	INIT_WORK(&vn->events.send, nf_vpn_event_work);
}

/* Nothing is noted any more. */
void nf_vpn_event_net_exit(struct nf_vpn_net *vn)
{
	struct nf_vpn_event_item *item, *tmp;

	cancel_work_sync(&vn->events.send);
	list_for_each_entry_safe(item, tmp, &vn->events.list, list)
		kfree(item);
}
