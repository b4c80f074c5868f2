// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tunnel without keepalives outlives any timeout of its UDP mapping, and then the
 * server's packets come to nobody.  So a mapping that timed out is remembered, and the
 * server's next packet with an SPI that came through it before gives it back to the
 * client that had it (sysctl ipsec_natt_revive), unless conntrack has given the public
 * port or the client's end to something else meanwhile.
 *
 * The hook runs behind conntrack and in front of NAT, and looks at packets that begin a
 * connection only.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* The SPI of ESP in UDP, network order; 0: it is something else. */
static __be32 nf_vpn_natt_spi_of(const struct sk_buff *skb, unsigned int off)
{
	u8 _mark[NF_VPN_ESP_HDR_LEN], *mark;
	unsigned int have;
	__be32 spi;

	if (off > skb->len)
		return 0;
	have = min_t(unsigned int, skb->len - off, sizeof(_mark));
	mark = skb_header_pointer(skb, off, have, _mark);
	if (!mark || nf_vpn_natt_classify(mark, have, skb->len - off) !=
	    NF_VPN_NATT_ESP)
		return 0;
	memcpy(&spi, mark, sizeof(spi));
	return spi;
}

static void nf_vpn_natt_tuple(struct nf_conntrack_tuple *t, __be32 src,
			      __be16 sport, __be32 dst, __be16 dport, u8 dir)
{
	memset(t, 0, sizeof(*t));
	t->src.l3num = AF_INET;
	t->src.u3.ip = src;
	t->src.u.udp.port = sport;
	t->dst.u3.ip = dst;
	t->dst.u.udp.port = dport;
	t->dst.protonum = IPPROTO_UDP;
	t->dst.dir = dir;
}

/* The entry as it was, seen both ways, and helped. */
static struct nf_conn *nf_vpn_natt_conn(struct nf_vpn_ipsec_net *in,
					const struct nf_vpn_natt_mapping *m)
{
	const __be16 natt = htons(NF_VPN_NATT_PORT);
	struct nf_vpn_ike_data data = { };
	struct nf_vpn_conn_spec spec = {
		.mark		= m->mark,
		.masq_index	= m->masq_index,
		.helper		= nf_vpn_ike_helper_live(),
		.data		= &data,
		.data_len	= sizeof(data),
		.timeout	= READ_ONCE(in->natt_timeout[1]),
	};

	nf_vpn_natt_set_spis(&data, m->spi);
	nf_ct_zone_init(&spec.zone, NF_CT_DEFAULT_ZONE_ID,
			NF_CT_DEFAULT_ZONE_DIR, 0);
	nf_vpn_natt_tuple(&spec.orig, m->client, m->client_port,
			  m->outside.server, natt, IP_CT_DIR_ORIGINAL);
	nf_vpn_natt_tuple(&spec.reply, m->outside.server, natt,
			  m->outside.public, m->outside.port, IP_CT_DIR_REPLY);
	return nf_vpn_conn_make(in->vn->net, &spec);
}

static enum nf_vpn_stat nf_vpn_natt_revive(struct nf_vpn_ipsec_net *in,
					   struct sk_buff *skb,
					   const struct nf_vpn_natt_mapping *m)
{
	struct nf_conn *ct;

	local_bh_disable();
	ct = nf_vpn_natt_conn(in, m);
	local_bh_enable();
	if (IS_ERR(ct))
		return PTR_ERR(ct) == -ENOMEM ? NF_VPN_STAT_NO_MEMORY :
						NF_VPN_STAT_NATT_TAKEN;
	nf_vpn_conn_join(skb, ct, READ_ONCE(in->natt_timeout[1]));
	nf_vpn_conn_announce(ct);
	nf_ct_put(ct);
	return NF_VPN_STAT_NATT_REVIVED;
}

/* Whose mapping was it?  A copy: the original may be overwritten at once. */
static bool nf_vpn_natt_find(struct nf_vpn_ipsec_net *in,
			     const struct nf_vpn_natt_outside *outside,
			     __be32 spi, struct nf_vpn_natt_mapping *to)
{
	u32 age = READ_ONCE(in->natt_revive) / HZ;
	const struct nf_vpn_natt_mapping *m = NULL;

	spin_lock_bh(&in->vn->lock);
	if (in->memory)
		m = nf_vpn_natt_recall(&in->memory->past, in->salt, outside,
				       spi, jiffies / HZ, age);
	if (m)
		*to = *m;
	spin_unlock_bh(&in->vn->lock);
	return m;
}

/* UDP from port 4500 that begins a connection: ESP of one that ended? */
static void nf_vpn_natt_stray(struct nf_vpn_ipsec_net *in, struct sk_buff *skb,
			      const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *t =
		&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	unsigned int off = skb_network_offset(skb) + ip_hdrlen(skb);
	struct nf_vpn_natt_outside outside = {
		.server	= t->src.u3.ip,
		.public	= t->dst.u3.ip,
		.port	= t->dst.u.udp.port,
	};
	enum nf_vpn_stat why = NF_VPN_STAT_NATT_STRAY;
	struct nf_vpn_natt_mapping m;
	__be32 spi = 0;

	if (nf_ct_zone(ct)->id == NF_CT_DEFAULT_ZONE_ID)
		spi = nf_vpn_natt_spi_of(skb, off + sizeof(struct udphdr));
	if (spi && nf_vpn_natt_find(in, &outside, spi, &m))
		why = nf_vpn_natt_revive(in, skb, &m);
	nf_vpn_count(in->vn, why);
}

static unsigned int nf_vpn_natt_hook(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	if (likely(info != IP_CT_NEW) || !ct || nf_ct_is_confirmed(ct) ||
	    nf_ct_protonum(ct) != IPPROTO_UDP ||
	    ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u.udp.port !=
	    htons(NF_VPN_NATT_PORT))
		return NF_ACCEPT;
	nf_vpn_natt_stray(priv, skb, ct);
	return NF_ACCEPT;
}

void nf_vpn_natt_hook_on(struct nf_vpn_ipsec_net *in)
{
	if (READ_ONCE(in->natt_hooked) || !READ_ONCE(in->natt_revive))
		return;
	in->natt_ops.hook = nf_vpn_natt_hook;
	in->natt_ops.pf = NFPROTO_IPV4;
	in->natt_ops.hooknum = NF_INET_PRE_ROUTING;
	in->natt_ops.priority = NF_IP_PRI_CONNTRACK + 1;
	in->natt_ops.priv = in;
	if (nf_register_net_hook(in->vn->net, &in->natt_ops))
		nf_vpn_count(in->vn, NF_VPN_STAT_NO_MEMORY);
	else
		WRITE_ONCE(in->natt_hooked, true);
}

void nf_vpn_natt_hook_off(struct nf_vpn_ipsec_net *in)
{
	if (!in->natt_hooked)
		return;
	nf_unregister_net_hook(in->vn->net, &in->natt_ops);
	WRITE_ONCE(in->natt_hooked, false);
}
