// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP in UDP of several clients of one server.  No NAT can help where the server takes
 * two of them for one (RFC 3948 5.2); what can be done is to notice, and to say whose
 * fault it is.  natt_doubt.h has the rules.
 */
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "ipsec.h"

/* Who asks no more for so long has given up. */
#define NF_VPN_NATT_GIVEN_UP_MS	120000

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
	nf_vpn_tell_taken(vn, suspect->ends.client, &key, by->client);
	net_notice_ratelimited("nf_vpn: IPsec server %pI4 took client %pI4 for %pI4, behind the same address, which is sent nothing any more (L2TP, both from port 1701?); it has to be changed there\n",
			       &by->server, &by->client,
			       &suspect->ends.client);
}

static void nf_vpn_natt_weigh(struct nf_vpn_ipsec_net *in,
			      struct nf_vpn_natt_suspect *suspect,
			      const struct nf_vpn_natt_ends *by,
			      const struct nf_vpn_natt_talk *talk,
			      enum nf_vpn_natt_hearing hearing, u32 now)
{
	if (!suspect->used || !nf_vpn_natt_siblings(&suspect->ends, by))
		return;
	if (nf_vpn_since(now, suspect->doubt.asked) > NF_VPN_NATT_GIVEN_UP_MS)
		nf_vpn_natt_acquit(&in->natt, suspect);
	else if (nf_vpn_natt_proved(&suspect->doubt, nf_vpn_natt_name(by),
				    talk, hearing, now) && !suspect->told)
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
		nf_vpn_natt_asks(&suspect->doubt, talk, now);
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

/* Something came to another client: whose was it? */
static void nf_vpn_natt_served(struct nf_vpn_ipsec_net *in,
			       const struct nf_conn *ct,
			       const struct nf_vpn_natt_talk *talk,
			       enum nf_vpn_natt_hearing hearing, u32 now)
{
	struct nf_vpn_natt_ends ends;
	unsigned int i;

	nf_vpn_natt_ends_of(&ends, ct);
	spin_lock_bh(&in->natt.lock);
	for (i = 0; i < ARRAY_SIZE(in->natt.suspect); i++)
		nf_vpn_natt_weigh(in, &in->natt.suspect[i], &ends, talk,
				  hearing, now);
	spin_unlock_bh(&in->natt.lock);
}

static void nf_vpn_natt_in(struct nf_vpn_ipsec_net *in,
			   const struct nf_conn *ct,
			   struct nf_vpn_natt_talk *talk, u32 spi, u32 now)
{
	enum nf_vpn_natt_hearing hearing = nf_vpn_natt_hears(talk, spi, now);

	if (!READ_ONCE(in->natt.n))
		return;
	if (READ_ONCE(talk->suspect))
		nf_vpn_natt_answered(&in->natt, ct, talk);
	else if (hearing != NF_VPN_NATT_MORE)
		nf_vpn_natt_served(in, ct, talk, hearing, now);
}

static void nf_vpn_natt_out(struct nf_vpn_ipsec_net *in,
			    const struct nf_conn *ct,
			    struct nf_vpn_natt_talk *talk, u32 now)
{
	if (nf_vpn_natt_speaks(talk, now))
		nf_vpn_natt_in_vain(&in->natt, ct, talk, now);
}

void nf_vpn_natt_look(struct nf_vpn_ipsec_net *in, struct nf_conn *ct, u32 spi,
		      u8 dir)
{
	struct nf_vpn_natt_talk *talk = &nf_vpn_ike_data(ct)->natt.talk;
	u32 now = nf_vpn_natt_now();

	if (spi && dir == IP_CT_DIR_ORIGINAL)
		nf_vpn_natt_out(in, ct, talk, now);
	else if (spi)
		nf_vpn_natt_in(in, ct, talk, spi, now);
	else if (dir == IP_CT_DIR_REPLY)
		nf_vpn_natt_lives(talk, now);
}

void nf_vpn_natt_watch_init(struct nf_vpn_natt_watch *watch)
{
	spin_lock_init(&watch->lock);
}
