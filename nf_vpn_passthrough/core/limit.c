// SPDX-License-Identifier: GPL-2.0-only
/*
 * One client must not fill the tables for all: everything kept on behalf of a
 * client (flows, calls, pairs) is charged to its address.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include "limit.h"

struct nf_vpn_client {
	struct rhash_head	node;
	__be32			addr;
	unsigned int		count;	/* under nf_vpn_net.lock */
	struct rcu_head		rcu;
};

static const struct rhashtable_params nf_vpn_client_params = {
	.head_offset = offsetof(struct nf_vpn_client, node),
	.key_offset = offsetof(struct nf_vpn_client, addr),
	.key_len = sizeof(__be32),
	.automatic_shrinking = true,
};

static struct nf_vpn_client *nf_vpn_client_new(struct nf_vpn_net *vn,
					       __be32 addr)
{
	struct nf_vpn_client *client = kzalloc(sizeof(*client), GFP_ATOMIC);

	if (!client)
		return NULL;
	client->addr = addr;
	if (!rhashtable_insert_fast(&vn->clients, &client->node,
				    nf_vpn_client_params))
		return client;
	kfree(client);
	return NULL;
}

int nf_vpn_client_charge(struct nf_vpn_net *vn, __be32 addr)
{
	struct nf_vpn_client *client;

	lockdep_assert_held(&vn->lock);
	client = rhashtable_lookup_fast(&vn->clients, &addr,
					nf_vpn_client_params);
	if (!client)
		client = nf_vpn_client_new(vn, addr);
	if (!client) {
		nf_vpn_count(vn, NF_VPN_STAT_NO_MEMORY);
		return -ENOMEM;
	}
	/* A new account always gets its first item: no empty one is left. */
	if (client->count && client->count >= READ_ONCE(vn->max_per_client)) {
		nf_vpn_count(vn, NF_VPN_STAT_CLIENT_LIMIT);
		nf_vpn_tell_of(vn, NF_VPN_EVENT_LIMIT, 0, addr, NULL);
		return -ENOSPC;
	}
	client->count++;
	return 0;
}
EXPORT_SYMBOL_GPL(nf_vpn_client_charge);

void nf_vpn_client_release(struct nf_vpn_net *vn, __be32 addr)
{
	struct nf_vpn_client *client;

	lockdep_assert_held(&vn->lock);
	client = rhashtable_lookup_fast(&vn->clients, &addr,
					nf_vpn_client_params);
	if (WARN_ON_ONCE(!client))
		return;
	if (--client->count)
		return;
	rhashtable_remove_fast(&vn->clients, &client->node,
			       nf_vpn_client_params);
	kfree_rcu(client, rcu);
}
EXPORT_SYMBOL_GPL(nf_vpn_client_release);

int nf_vpn_limit_net_init(struct nf_vpn_net *vn)
{
	return rhashtable_init(&vn->clients, &nf_vpn_client_params);
}

void nf_vpn_limit_net_exit(struct nf_vpn_net *vn)
{
	WARN_ON_ONCE(atomic_read(&vn->clients.nelems));
	rhashtable_destroy(&vn->clients);
}
