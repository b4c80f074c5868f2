/* SPDX-License-Identifier: GPL-2.0-only */
/* Conntrack helpers, registered alike on all kernels. */
#ifndef _NF_VPN_HELPER_H
#define _NF_VPN_HELPER_H

#include "nf_vpn_helper_init.h"
#include "nf_vpn_helper_register.h"

/**
 * struct nf_vpn_helper - a conntrack helper of ours
 * @core: what is registered
 * @live: what the kernel made of it, and what is unregistered
 *
 * IPv4 only: over IPv6 the control connections pass untouched.
 */
struct nf_vpn_helper {
	struct nf_conntrack_helper	core;
	struct nf_conntrack_helper	*live;
};

/**
 * nf_vpn_helper_register() - offer a helper to rules
 * @helper: zeroed, static
 * @l4proto: IPPROTO_TCP or IPPROTO_UDP
 * @name: type name in rules
 * @slot: 0, or another number per further helper on that protocol: until 7.3 two
 *	helpers may not name the same port, though none is assigned by port
 * @policy: expectations: how many, and for how long
 * @help: called for every packet of a flow a rule gave to the helper
 * @owner: module
 * Return: 0 or negative errno; -EBUSY: the name is taken.  (For modprobe -EEXIST
 * would mean that the module is loaded already, and all is well.)
 */
static inline int
nf_vpn_helper_register(struct nf_vpn_helper *helper, u8 l4proto,
		       const char *name, u16 slot,
		       const struct nf_conntrack_expect_policy *policy,
		       int (*help)(struct sk_buff *skb, unsigned int protoff,
				   struct nf_conn *ct,
				   enum ip_conntrack_info ctinfo),
		       struct module *owner)
{
	bool taken;
	int err;

	/* Until 7.3 the kernel takes two of one name when their ports differ. */
	rcu_read_lock();
	taken = __nf_conntrack_helper_find(name, NFPROTO_IPV4, l4proto);
	rcu_read_unlock();
	if (taken)
		return -EBUSY;

	nf_vpn_helper_do_init(&helper->core, l4proto, name, slot, policy,
			      help, owner);
	err = nf_vpn_helper_do_register(&helper->core, &helper->live);
	return err == -EEXIST ? -EBUSY : err;
}

/* No flow calls the helper when this returned. */
static inline void nf_vpn_helper_unregister(struct nf_vpn_helper *helper)
{
	nf_conntrack_helper_unregister(helper->live);
	synchronize_rcu();
}

#endif /* _NF_VPN_HELPER_H */
