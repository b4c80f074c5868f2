// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP in UDP of several clients of one server.  No NAT can help where the server takes
 * two of them for one (RFC 3193 and 3948 5.1: selectors of transport mode overlap);
 * what can be done is to notice, and to say whose fault it is (natt_doubt.h).
 */
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/timekeeping.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* Who asks no more for so long has given up. */
#define NF_VPN_NATT_GIVEN_UP_MS	120000

/**
 * struct nf_vpn_natt_talk - what a connection did lately, in its room for helpers
 * @out: when the client sent ESP, ms
 * @in: when the server did
 * @spi: with which SPI, host order
 * @since: when it did so first with that one
 * @spoke: the client sent ESP at all
 * @heard: the server did
 * @owed: the client sent, and nothing came since
 * @suspect: it may be among the suspects
 *
 * Both directions write, without a lock: of two packets of one moment it does not
 * matter which was the last.
 */
struct nf_vpn_natt_talk {
	u32	out;
	u32	in;
	u32	spi;
	u32	since;
	u8	spoke;
	u8	heard;
	u8	owed;
	u8	suspect;
};

/* Exact to a tick, and cheap enough for each packet. */
static u32 nf_vpn_natt_now(void)
{
	return (u32)ktime_to_ms(ktime_get_coarse());
}

/* 0 is IKE's marker; a keepalive is one octet. */
static u32 nf_vpn_natt_spi(const struct sk_buff *skb, unsigned int off)
{
	u8 _esp[NF_VPN_ESP_HDR_LEN], *esp;

	esp = skb_header_pointer(skb, off, sizeof(_esp), _esp);
	return esp ? nf_vpn_get_be32(esp) : 0;
}

static void nf_vpn_natt_ends_of(struct nf_vpn_natt_ends *ends,
				const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *orig, *reply;

	orig = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	ends->client = orig->src.u3.ip;
	ends->server = reply->src.u3.ip;
	ends->public = reply->dst.u3.ip;
	ends->port = orig->src.u.udp.port;
	ends->zone = nf_ct_zone(ct)->id;
}

static bool nf_vpn_natt_siblings(const struct nf_vpn_natt_ends *a,
				 const struct nf_vpn_natt_ends *b)
{
	return a->server == b->server && a->public == b->public;
}

static bool nf_vpn_natt_same(const struct nf_vpn_natt_ends *a,
			     const struct nf_vpn_natt_ends *b)
{
	return nf_vpn_natt_siblings(a, b) && a->client == b->client &&
	       a->port == b->port && a->zone == b->zone;
}

static u64 nf_vpn_natt_name(const struct nf_vpn_natt_ends *ends)
{
	return (u64)ends->zone << 48 | (u64)ntohs(ends->port) << 32 |
	       ntohl(ends->client);
}

/* nf_vpn_natt_watch.lock held, as in all that follow until the next such word. */
static void nf_vpn_natt_acquit(struct nf_vpn_natt_watch *watch,
			       struct nf_vpn_natt_suspect *suspect)
{
	memset(suspect, 0, sizeof(*suspect));
	WRITE_ONCE(watch->n, watch->n - 1);
}

static struct nf_vpn_natt_suspect *
nf_vpn_natt_find(struct nf_vpn_natt_watch *watch,
		 const struct nf_vpn_natt_ends *ends)
{
	struct nf_vpn_natt_suspect *suspect;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(watch->suspect); i++) {
		suspect = &watch->suspect[i];
		if (suspect->used && nf_vpn_natt_same(&suspect->ends, ends))
			return suspect;
	}
	return NULL;
}

static struct nf_vpn_natt_suspect *
nf_vpn_natt_place(struct nf_vpn_natt_watch *watch, u32 now)
{
	struct nf_vpn_natt_suspect *suspect;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(watch->suspect); i++) {
		suspect = &watch->suspect[i];
		if (suspect->used &&
		    nf_vpn_since(now, suspect->doubt.asked) >
		    NF_VPN_NATT_GIVEN_UP_MS)
			nf_vpn_natt_acquit(watch, suspect);
		if (!suspect->used)
			return suspect;
	}
	return NULL;
}

static struct nf_vpn_natt_suspect *
nf_vpn_natt_suspect(struct nf_vpn_natt_watch *watch,
		    const struct nf_vpn_natt_ends *ends, u32 now)
{
	struct nf_vpn_natt_suspect *suspect = nf_vpn_natt_find(watch, ends);

	if (suspect)
		return suspect;
	suspect = nf_vpn_natt_place(watch, now);
	if (!suspect)
		return NULL;
	suspect->ends = *ends;
	suspect->used = true;
	WRITE_ONCE(watch->n, watch->n + 1);
	return suspect;
}

static void nf_vpn_natt_tell(struct nf_vpn_net *vn,
			     struct nf_vpn_natt_suspect *suspect,
			     const struct nf_vpn_natt_ends *by)
{
	const struct nf_vpn_key key = {
		.src = by->server, .dst = by->public,
	};

	suspect->told = true;
	nf_vpn_count(vn, NF_VPN_STAT_NATT_COLLISION);
	nf_vpn_tell_misled(vn, suspect->ends.client, &key, by->client);
	net_notice_ratelimited("nf_vpn: IPsec server %pI4 sends to %pI4 what it owes to %pI4, behind the same address: it takes both for one (L2TP from port 1701?); it has to be changed there\n",
			       &by->server, &by->client,
			       &suspect->ends.client);
}

static void nf_vpn_natt_weigh(struct nf_vpn_ipsec_net *in,
			      struct nf_vpn_natt_suspect *suspect,
			      const struct nf_vpn_natt_ends *by, u32 since,
			      u32 now)
{
	if (!suspect->used || !nf_vpn_natt_siblings(&suspect->ends, by))
		return;
	if (nf_vpn_since(now, suspect->doubt.asked) > NF_VPN_NATT_GIVEN_UP_MS)
		nf_vpn_natt_acquit(&in->natt, suspect);
	else if (nf_vpn_natt_misled(&suspect->doubt, nf_vpn_natt_name(by),
				    since, now) && !suspect->told)
		nf_vpn_natt_tell(in->vn, suspect, by);
}

/* No lock held from here on. */
static void nf_vpn_natt_in_vain(struct nf_vpn_natt_watch *watch,
				const struct nf_conn *ct,
				struct nf_vpn_natt_talk *talk, u32 now)
{
	struct nf_vpn_natt_suspect *suspect;
	struct nf_vpn_natt_ends ends;

	nf_vpn_natt_ends_of(&ends, ct);
	spin_lock_bh(&watch->lock);
	suspect = nf_vpn_natt_suspect(watch, &ends, now);
	if (suspect) {
		suspect->doubt.served = READ_ONCE(talk->heard);
		suspect->doubt.heard = READ_ONCE(talk->in);
		nf_vpn_natt_asks(&suspect->doubt, now);
		WRITE_ONCE(talk->suspect, true);
	}
	spin_unlock_bh(&watch->lock);
}

static void nf_vpn_natt_answered(struct nf_vpn_natt_watch *watch,
				 const struct nf_conn *ct,
				 struct nf_vpn_natt_talk *talk)
{
	struct nf_vpn_natt_suspect *suspect;
	struct nf_vpn_natt_ends ends;

	nf_vpn_natt_ends_of(&ends, ct);
	spin_lock_bh(&watch->lock);
	suspect = nf_vpn_natt_find(watch, &ends);
	if (suspect)
		nf_vpn_natt_acquit(watch, suspect);
	WRITE_ONCE(talk->suspect, false);
	spin_unlock_bh(&watch->lock);
}

/* Something came to a client that had asked for nothing: whose was it? */
static void nf_vpn_natt_unasked(struct nf_vpn_ipsec_net *in,
				const struct nf_conn *ct, u32 since, u32 now)
{
	struct nf_vpn_natt_ends ends;
	unsigned int i;

	nf_vpn_natt_ends_of(&ends, ct);
	spin_lock_bh(&in->natt.lock);
	for (i = 0; i < ARRAY_SIZE(in->natt.suspect); i++)
		nf_vpn_natt_weigh(in, &in->natt.suspect[i], &ends, since, now);
	spin_unlock_bh(&in->natt.lock);
}

static bool nf_vpn_natt_pause(u8 ever, u32 then, u32 now)
{
	return !ever || nf_vpn_since(now, then) >= NF_VPN_NATT_PAUSE_MS;
}

static void nf_vpn_natt_out(struct nf_vpn_ipsec_net *in,
			    const struct nf_conn *ct,
			    struct nf_vpn_natt_talk *talk, u32 now)
{
	if (READ_ONCE(talk->owed) &&
	    nf_vpn_natt_pause(true, READ_ONCE(talk->out), now))
		nf_vpn_natt_in_vain(&in->natt, ct, talk, now);
	WRITE_ONCE(talk->out, now);
	WRITE_ONCE(talk->spoke, true);
	WRITE_ONCE(talk->owed, true);
}

static void nf_vpn_natt_in(struct nf_vpn_ipsec_net *in,
			   const struct nf_conn *ct,
			   struct nf_vpn_natt_talk *talk, u32 spi, u32 now)
{
	bool quiet = nf_vpn_natt_pause(talk->heard, READ_ONCE(talk->in), now) &&
		     nf_vpn_natt_pause(talk->spoke, READ_ONCE(talk->out), now);

	if (spi != READ_ONCE(talk->spi)) {
		WRITE_ONCE(talk->spi, spi);
		WRITE_ONCE(talk->since, now);
	}
	WRITE_ONCE(talk->in, now);
	WRITE_ONCE(talk->heard, true);
	WRITE_ONCE(talk->owed, false);
	if (!READ_ONCE(in->natt.n))
		return;
	if (READ_ONCE(talk->suspect))
		nf_vpn_natt_answered(&in->natt, ct, talk);
	else if (quiet)
		nf_vpn_natt_unasked(in, ct, READ_ONCE(talk->since), now);
}

void nf_vpn_natt_look(struct nf_vpn_ipsec_net *in, const struct sk_buff *skb,
		      unsigned int off, struct nf_conn *ct, u8 dir)
{
	struct nf_vpn_natt_talk *talk = nfct_help_data(ct);
	u32 spi = nf_vpn_natt_spi(skb, off);

	NF_CT_HELPER_BUILD_BUG_ON(sizeof(*talk));
	if (!talk || !spi)
		return;
	if (dir == IP_CT_DIR_ORIGINAL)
		nf_vpn_natt_out(in, ct, talk, nf_vpn_natt_now());
	else
		nf_vpn_natt_in(in, ct, talk, spi, nf_vpn_natt_now());
}

void nf_vpn_natt_watch_init(struct nf_vpn_natt_watch *watch)
{
	spin_lock_init(&watch->lock);
}
