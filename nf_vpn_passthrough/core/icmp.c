// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors (fragmentation needed, above all) quote an IP header and at
 * least 8 octets behind it (RFC 792): enough for an SPI or a call ID.  Stock
 * conntrack would look at the addresses alone and hand the error of the second
 * client to the first; it goes to the client whose packet is quoted (RFC 5508
 * REQ-3 to REQ-5).  Errors never make state and never refresh it.
 */
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/netfilter_ipv4.h>
#include <net/icmp.h>
#include <net/ip.h>
#include "flow.h"
#include "hook.h"
#include "icmp.h"

static bool nf_vpn_icmp_is_error(const struct sk_buff *skb, unsigned int off)
{
	struct icmphdr _ih, *ih;

	ih = skb_header_pointer(skb, off, sizeof(_ih), &_ih);
	if (!ih)
		return false;
	switch (ih->type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	}
	/* Redirects are for the sender's own link; stock drops them too. */
	return false;
}

/* The flow that the quoted packet left on; 0 or a reason. */
static int nf_vpn_icmp_flow(struct nf_vpn_net *vn, const struct sk_buff *skb,
			    unsigned int off, struct nf_vpn_flow **flow,
			    unsigned int *quoted)
{
	const struct nf_vpn_proto *proto;
	struct iphdr _iph, *iph;
	struct nf_vpn_key key;
	int why;

	iph = skb_header_pointer(skb, off, sizeof(_iph), &_iph);
	if (!iph || iph->version != 4 || iph->ihl < 5)
		return NF_VPN_STAT_NONE;
	*quoted = off + iph->ihl * 4;
	proto = nf_vpn_proto_find(vn, skb, iph->protocol, *quoted);
	if (!proto || iph->frag_off & htons(IP_OFFSET))
		return NF_VPN_STAT_NONE;

	why = nf_vpn_key_of(proto, skb, iph, *quoted, &key);
	/* 8 octets tell a port that is shared, but not by whom. */
	if (why)
		return proto->port ? NF_VPN_STAT_ICMP_SHARED : why;
	*flow = nf_vpn_flow_find_departed(vn, &key);
	if (*flow)
		return NF_VPN_STAT_NONE;
	return proto->shared && proto->shared(vn, &key) ?
		NF_VPN_STAT_ICMP_SHARED : NF_VPN_STAT_ICMP_UNKNOWN;
}

/* As nf_conntrack_icmpv4_error() does, which will not see this packet. */
static bool nf_vpn_icmp_checksum_ok(struct sk_buff *skb, unsigned int off,
				    const struct nf_hook_state *state)
{
	if (state->hook != NF_INET_PRE_ROUTING ||
	    !state->net->ct.sysctl_checksum)
		return true;
	return !nf_ip_checksum(skb, state->hook, off, IPPROTO_ICMP);
}

/* Whoever sent the quoted packet knows it by the key it arrived here with. */
static bool nf_vpn_icmp_rewrite(struct sk_buff *skb, unsigned int off,
				unsigned int quoted,
				const struct nf_vpn_flow *flow)
{
	struct icmphdr *ih;

	if (flow->key[0].id == flow->key[1].id)
		return true;
	if (skb_ensure_writable(skb, off + sizeof(*ih)) ||
	    !flow->lane->proto->rewrite(skb, quoted, flow->key[0].id))
		return false;
	ih = (struct icmphdr *)(skb->data + off);
	ih->checksum = 0;
	ih->checksum = csum_fold(skb_checksum(skb, off, skb->len - off, 0));
	return true;
}

static bool nf_vpn_icmp_attach(struct sk_buff *skb, unsigned int off,
			       unsigned int quoted,
			       const struct nf_vpn_flow *flow)
{
	enum ip_conntrack_info info = IP_CT_RELATED;
	const struct nf_conntrack_tuple *back;
	struct nf_conn *ct;

	ct = rcu_dereference(flow->lane->ct);
	if (!nf_vpn_ct_alive(ct))
		return false;
	/*
	 * The error must go to whoever sent the quoted packet, else somebody
	 * could reach a third host as RELATED (nf_conntrack_inet_error()).
	 */
	back = &ct->tuplehash[!flow->dir].tuple;
	if (back->dst.u3.ip != ip_hdr(skb)->daddr ||
	    !nf_vpn_icmp_rewrite(skb, off, quoted, flow))
		return false;

	if (flow->dir == IP_CT_DIR_ORIGINAL)
		info += IP_CT_IS_REPLY;
	nf_vpn_set_ct(skb, ct, info);
	return true;
}

unsigned int nf_vpn_icmp(struct nf_vpn_net *vn, struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	unsigned int off = skb_network_offset(skb) + ip_hdrlen(skb);
	struct nf_vpn_flow *flow = NULL;
	unsigned int quoted;
	int why;

	if (ip_is_fragment(ip_hdr(skb)) || !nf_vpn_icmp_is_error(skb, off) ||
	    nf_vpn_tracked(skb))
		return NF_ACCEPT;

	why = nf_vpn_icmp_flow(vn, skb, off + sizeof(struct icmphdr), &flow,
			       &quoted);
	if (why)
		nf_vpn_count(vn, why);
	/* Stock conntrack would hand it to the first client. */
	if (why == NF_VPN_STAT_ICMP_SHARED) {
		nf_reset_ct(skb);
		nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	}
	if (!flow)
		return NF_ACCEPT;

	if (nf_vpn_icmp_checksum_ok(skb, off, state) &&
	    nf_vpn_icmp_attach(skb, off, quoted, flow))
		nf_vpn_count(vn, NF_VPN_STAT_ICMP_ATTACHED);
	else
		nf_vpn_count(vn, NF_VPN_STAT_ICMP_BAD);
	return NF_ACCEPT;
}
