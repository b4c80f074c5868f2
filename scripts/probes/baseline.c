// SPDX-License-Identifier: GPL-2.0-only
/* If this does not compile, no answer of the other probes means anything. */
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_nat.h>

int nf_vpn_probe;
