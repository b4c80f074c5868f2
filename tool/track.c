// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conntrack entries: out of a file, and into the kernel through ctnetlink, which
 * knows how to make one, with NAT and a helper.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include "nfvpn.h"
#include "track.h"

/* How long the ends may be silent: RFC 5382 REQ-5, RFC 4787 REQ-5, our own. */
#define NFVPN_TRACK_TCP		7440
#define NFVPN_TRACK_UDP		300
#define NFVPN_TRACK_OTHER	600

/* A packet may have made one between our two requests. */
#define NFVPN_TRACK_TRIES	4

/* Both ends' windows are not known: without looking at them (since 2.6.14). */
#define NFVPN_TCP_LIBERAL	0x08
#define NFVPN_TCP_ESTABLISHED	3

static bool nfvpn_track_ports(const struct nfvpn_track *t)
{
	return t->protonum == IPPROTO_TCP || t->protonum == IPPROTO_UDP;
}

bool nfvpn_js_whole(const struct nfvpn_json *json, const char *key,
		    uint32_t max, uint32_t *value)
{
	double number = nfvpn_js_number(json, key, -1);

	/* Not so either when it is not a number at all. */
	if (!(number >= 0 && number <= max) || number != (uint32_t)number)
		return false;
	*value = number;
	return true;
}

static bool nfvpn_track_address(const struct nfvpn_json *json, const char *key,
				uint32_t *address)
{
	return inet_pton(AF_INET, nfvpn_js_text(json, key), address) == 1;
}

static bool nfvpn_track_port(const struct nfvpn_json *json, const char *key,
			     uint16_t *port)
{
	uint32_t value;

	if (!nfvpn_js_whole(json, key, UINT16_MAX, &value))
		return false;
	*port = htons(value);
	return true;
}

static bool nfvpn_track_read_ports(const struct nfvpn_json *json,
				   struct nfvpn_track *t)
{
	return !nfvpn_track_ports(t) ||
	       (nfvpn_track_port(json, "sport", &t->orig.sport) &&
		nfvpn_track_port(json, "dport", &t->orig.dport) &&
		nfvpn_track_port(json, "reply-sport", &t->reply.sport) &&
		nfvpn_track_port(json, "reply-dport", &t->reply.dport));
}

bool nfvpn_track_read(const struct nfvpn_json *json, struct nfvpn_track *t)
{
	const char *helper = nfvpn_js_text(json, "helper");
	uint32_t protonum, zone;

	memset(t, 0, sizeof(*t));
	if (!nfvpn_js_whole(json, "protonum", UINT8_MAX, &protonum) ||
	    !nfvpn_js_whole(json, "zone", UINT16_MAX, &zone) ||
	    !nfvpn_track_address(json, "src", &t->orig.src) ||
	    !nfvpn_track_address(json, "dst", &t->orig.dst) ||
	    !nfvpn_track_address(json, "reply-src", &t->reply.src) ||
	    !nfvpn_track_address(json, "reply-dst", &t->reply.dst) ||
	    strlen(helper) >= sizeof(t->helper))
		return false;
	t->protonum = protonum;
	t->zone = zone;
	strcpy(t->helper, helper);
	if (nfvpn_js_get(json, "mark") &&
	    !nfvpn_js_whole(json, "mark", UINT32_MAX, &t->mark))
		return false;
	return nfvpn_track_read_ports(json, t);
}

static void nfvpn_track_tell_tuple(struct nlmsghdr *nlh, uint16_t base,
				   const struct nfvpn_tuple *tuple, bool ports)
{
	mnl_attr_put_u32(nlh, base, tuple->src);
	mnl_attr_put_u32(nlh, base + 1, tuple->dst);
	if (!ports)
		return;
	mnl_attr_put_u16(nlh, base + 2, tuple->sport);
	mnl_attr_put_u16(nlh, base + 3, tuple->dport);
}

void nfvpn_track_tell(struct nlmsghdr *nlh, const struct nfvpn_track *t)
{
	struct nlattr *nest;

	nest = mnl_attr_nest_start(nlh, NF_VPN_A_SESSION_TRACK);
	mnl_attr_put_u32(nlh, NF_VPN_A_TRACK_PROTONUM, t->protonum);
	mnl_attr_put_u32(nlh, NF_VPN_A_TRACK_ZONE, t->zone);
	nfvpn_track_tell_tuple(nlh, NF_VPN_A_TRACK_SRC, &t->orig,
			       nfvpn_track_ports(t));
	nfvpn_track_tell_tuple(nlh, NF_VPN_A_TRACK_REPLY_SRC, &t->reply,
			       nfvpn_track_ports(t));
	mnl_attr_nest_end(nlh, nest);
}

static void nfvpn_track_tuple(struct nlmsghdr *nlh, uint16_t type,
			      const struct nfvpn_track *t,
			      const struct nfvpn_tuple *tuple)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type), *part;

	part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, tuple->src);
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, tuple->dst);
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, t->protonum);
	if (nfvpn_track_ports(t)) {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, tuple->sport);
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, tuple->dport);
	}
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, nest);
}

static void nfvpn_track_name(struct nlmsghdr *nlh, const struct nfvpn_track *t)
{
	nfvpn_track_tuple(nlh, CTA_TUPLE_ORIG, t, &t->orig);
	if (t->zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(t->zone));
}

static void nfvpn_track_help(struct nlmsghdr *nlh, const struct nfvpn_track *t)
{
	struct nlattr *nest;

	if (!*t->helper)
		return;
	nest = mnl_attr_nest_start(nlh, CTA_HELP);
	mnl_attr_put_strz(nlh, CTA_HELP_NAME, t->helper);
	mnl_attr_nest_end(nlh, nest);
}

/* What it is to be translated to: exactly that. */
static void nfvpn_track_nat(struct nlmsghdr *nlh, uint16_t type,
			    const struct nfvpn_track *t, uint32_t address,
			    uint16_t port)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type), *part;

	mnl_attr_put_u32(nlh, CTA_NAT_V4_MINIP, address);
	if (nfvpn_track_ports(t)) {
		part = mnl_attr_nest_start(nlh, CTA_NAT_PROTO);
		mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MIN, port);
		mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MAX, port);
		mnl_attr_nest_end(nlh, part);
	}
	mnl_attr_nest_end(nlh, nest);
}

static void nfvpn_track_tcp(struct nlmsghdr *nlh)
{
	static const struct nf_ct_tcp_flags flags = {
		.flags = NFVPN_TCP_LIBERAL, .mask = NFVPN_TCP_LIBERAL,
	};
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO), *tcp;

	tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, NFVPN_TCP_ESTABLISHED);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(flags),
		     &flags);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(flags),
		     &flags);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, nest);
}

static uint32_t nfvpn_track_timeout(const struct nfvpn_track *t)
{
	return t->protonum == IPPROTO_TCP ? NFVPN_TRACK_TCP :
	       t->protonum == IPPROTO_UDP ? NFVPN_TRACK_UDP :
					    NFVPN_TRACK_OTHER;
}

/* The reply tuple as it is without NAT: the kernel translates it then. */
static void nfvpn_track_whole(struct nlmsghdr *nlh, const struct nfvpn_track *t)
{
	const struct nfvpn_tuple *orig = &t->orig, *reply = &t->reply;
	struct nfvpn_tuple back = {
		.src = orig->dst, .dst = orig->src,
		.sport = orig->dport, .dport = orig->sport,
	};

	nfvpn_track_tuple(nlh, CTA_TUPLE_REPLY, t, &back);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(nfvpn_track_timeout(t)));
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY |
						IPS_ASSURED));
	if (t->mark)
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(t->mark));
	if (t->protonum == IPPROTO_TCP)
		nfvpn_track_tcp(nlh);
	if (reply->dst != orig->src || reply->dport != orig->sport)
		nfvpn_track_nat(nlh, CTA_NAT_SRC, t, reply->dst, reply->dport);
	if (reply->src != orig->dst || reply->sport != orig->dport)
		nfvpn_track_nat(nlh, CTA_NAT_DST, t, reply->src, reply->sport);
}

/* One whose helper went with an old module cannot be given the new one. */
static void nfvpn_track_drop(const struct nfvpn_track *t)
{
	char buffer[NFVPN_TRY] __attribute__((aligned(8))), why[NFVPN_WHY];
	struct nlmsghdr *nlh = nfvpn_draft_track(buffer, IPCTNL_MSG_CT_DELETE, 0);

	nfvpn_track_name(nlh, t);
	nfvpn_try(nlh, why);
}

int nfvpn_track_make(const struct nfvpn_track *t, char *why)
{
	char buffer[NFVPN_TRY] __attribute__((aligned(8)));
	int err = EEXIST, tries = NFVPN_TRACK_TRIES;
	struct nlmsghdr *nlh;

	while (err == EEXIST && tries--) {
		nfvpn_track_drop(t);
		nlh = nfvpn_draft_track(buffer, IPCTNL_MSG_CT_NEW,
					NLM_F_CREATE | NLM_F_EXCL);
		nfvpn_track_name(nlh, t);
		nfvpn_track_help(nlh, t);
		nfvpn_track_whole(nlh, t);
		err = nfvpn_try(nlh, why);
	}
	return err;
}
