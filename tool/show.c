// SPDX-License-Identifier: GPL-2.0-only
/* Sessions, counters, limits and events, for people and as JSON. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "nfvpn.h"

#define NFVPN_NAMES(names, i) \
	((i) < sizeof(names) / sizeof((names)[0]) && (names)[i] ? (names)[i] : \
								  "unknown")

static const char * const nfvpn_protocols[] = {
	[NF_VPN_PROTOCOL_PPTP] = "pptp",
	[NF_VPN_PROTOCOL_ESP] = "esp",
	[NF_VPN_PROTOCOL_L2TP_IP] = "l2tp-ip",
	[NF_VPN_PROTOCOL_L2TP_UDP] = "l2tp-udp",
	[NF_VPN_PROTOCOL_IKE] = "ike",
	[NF_VPN_PROTOCOL_NATT] = "natt",
};

static const char * const nfvpn_states[] = {
	[NF_VPN_STATE_PENDING] = "pending",
	[NF_VPN_STATE_UP] = "up",
	[NF_VPN_STATE_CLOSING] = "closing",
	[NF_VPN_STATE_QUIET] = "quiet",
};

static const char * const nfvpn_bounds[] = {
	[NF_VPN_BOUND_CONTROL] = "control",
	[NF_VPN_BOUND_DATA] = "data",
};

static const char * const nfvpn_kinds[] = {
	[NF_VPN_KIND_CALL] = "call",
	[NF_VPN_KIND_SPI] = "spi",
	[NF_VPN_KIND_TUNNEL] = "tunnel",
	[NF_VPN_KIND_SESSION] = "session",
};

static const char * const nfvpn_evidences[] = {
	[NF_VPN_EVIDENCE_EXACT] = "exact",
	[NF_VPN_EVIDENCE_SETTLED] = "settled",
	[NF_VPN_EVIDENCE_GUESS] = "guess",
};

static const char * const nfvpn_events[] = {
	[NF_VPN_EVENT_UP] = "up",
	[NF_VPN_EVENT_DOWN] = "down",
	[NF_VPN_EVENT_AMBIGUOUS] = "ambiguous",
	[NF_VPN_EVENT_SETTLED] = "settled",
	[NF_VPN_EVENT_MOVED] = "moved",
	[NF_VPN_EVENT_COLLISION] = "collision",
	[NF_VPN_EVENT_SPOOF] = "spoof-suspected",
	[NF_VPN_EVENT_LIMIT] = "limit",
	[NF_VPN_EVENT_REKEYED] = "rekeyed",
	[NF_VPN_EVENT_BLOCKED] = "blocked",
	[NF_VPN_EVENT_AH_NAT] = "ah-under-nat",
	[NF_VPN_EVENT_SERVER_COLLISION] = "server-collision",
};

/* 0: no such word. */
static uint32_t nfvpn_index(const char * const *words, uint32_t n,
			    const char *word)
{
	uint32_t i;

	for (i = 1; i < n; i++)
		if (words[i] && !strcmp(word, words[i]))
			return i;
	return 0;
}

#define NFVPN_INDEX(names, word) \
	nfvpn_index(names, sizeof(names) / sizeof((names)[0]), word)

uint32_t nfvpn_bound_by_name(const char *name)
{
	return NFVPN_INDEX(nfvpn_bounds, name);
}

uint32_t nfvpn_kind_by_name(const char *name)
{
	return NFVPN_INDEX(nfvpn_kinds, name);
}

uint32_t nfvpn_evidence_by_name(const char *name)
{
	return NFVPN_INDEX(nfvpn_evidences, name);
}

const char *nfvpn_protocol_name(uint32_t protocol)
{
	return NFVPN_NAMES(nfvpn_protocols, protocol);
}

uint32_t nfvpn_protocol_by_name(const char *name)
{
	uint32_t i;

	/* As the switches are called. */
	if (!strcmp(name, "ipsec"))
		return NF_VPN_PROTOCOL_ESP;
	for (i = 1; i <= NF_VPN_PROTOCOL_MAX; i++)
		if (!strcmp(name, nfvpn_protocols[i]))
			return i;
	return 0;
}

uint32_t nfvpn_u32(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return 0;
	return mnl_attr_get_u32(attr);
}

uint64_t nfvpn_u64(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
		return 0;
	return mnl_attr_get_u64(attr);
}

static unsigned int nfvpn_port(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
		return 0;
	return ntohs(mnl_attr_get_u16(attr));
}

const char *nfvpn_string(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return "";
	return mnl_attr_get_str(attr);
}

/* In one of four buffers that take turns; "-": none. */
static const char *nfvpn_address(const struct nlattr *attr)
{
	static char buffers[4][INET_ADDRSTRLEN];
	static unsigned int turn;
	uint32_t address = nfvpn_u32(attr);
	char *buffer = buffers[turn++ % 4];

	if (!address)
		return "-";
	inet_ntop(AF_INET, &address, buffer, INET_ADDRSTRLEN);
	return buffer;
}

static bool nfvpn_colours(void)
{
	return isatty(STDOUT_FILENO);
}

static const char *nfvpn_colour(const char *code)
{
	return nfvpn_colours() ? code : "";
}

void nfvpn_put_quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void nfvpn_json_string(const char *name, const char *value)
{
	printf("\"%s\":", name);
	nfvpn_put_quoted(value);
}

static void nfvpn_json_address(const char *name, const struct nlattr *attr)
{
	if (!nfvpn_u32(attr))
		return;
	putchar(',');
	nfvpn_json_string(name, nfvpn_address(attr));
}

static void nfvpn_json_number(const char *name, uint64_t value)
{
	printf(",\"%s\":%" PRIu64, name, value);
}

static void nfvpn_json_present(const char *name, const struct nlattr *attr)
{
	if (attr)
		nfvpn_json_number(name, nfvpn_u32(attr));
}

static void nfvpn_json_key(const struct nlattr *nest, bool first)
{
	const struct nlattr *tb[NF_VPN_A_KEY_MAX + 1];

	nfvpn_parse_nested(nest, tb, NF_VPN_A_KEY_MAX);
	printf("%s{", first ? "" : ",");
	nfvpn_json_string("kind", NFVPN_NAMES(nfvpn_kinds,
					      nfvpn_u32(tb[NF_VPN_A_KEY_KIND])));
	putchar(',');
	nfvpn_json_string("direction",
			  nfvpn_u32(tb[NF_VPN_A_KEY_DIRECTION]) ? "in" : "out");
	nfvpn_json_present("arrives", tb[NF_VPN_A_KEY_ARRIVES]);
	nfvpn_json_present("leaves", tb[NF_VPN_A_KEY_LEAVES]);
	nfvpn_json_present("parent", tb[NF_VPN_A_KEY_PARENT]);
	nfvpn_json_present("peer", tb[NF_VPN_A_KEY_PEER]);
	nfvpn_json_present("idle", tb[NF_VPN_A_KEY_IDLE]);
	putchar(',');
	nfvpn_json_string("evidence",
			  NFVPN_NAMES(nfvpn_evidences,
				      nfvpn_u32(tb[NF_VPN_A_KEY_EVIDENCE])));
	putchar('}');
}

static void nfvpn_json_counters(const struct nlattr **tb)
{
	if (!tb[NF_VPN_A_SESSION_PACKETS_OUT])
		return;
	nfvpn_json_number("packets-out",
			  nfvpn_u64(tb[NF_VPN_A_SESSION_PACKETS_OUT]));
	nfvpn_json_number("bytes-out",
			  nfvpn_u64(tb[NF_VPN_A_SESSION_BYTES_OUT]));
	nfvpn_json_number("packets-in",
			  nfvpn_u64(tb[NF_VPN_A_SESSION_PACKETS_IN]));
	nfvpn_json_number("bytes-in",
			  nfvpn_u64(tb[NF_VPN_A_SESSION_BYTES_IN]));
}

static void nfvpn_json_ports(const struct nlattr **tb)
{
	if (!tb[NF_VPN_A_SESSION_CLIENT_PORT])
		return;
	nfvpn_json_number("client-port",
			  nfvpn_port(tb[NF_VPN_A_SESSION_CLIENT_PORT]));
	nfvpn_json_number("server-port",
			  nfvpn_port(tb[NF_VPN_A_SESSION_SERVER_PORT]));
	nfvpn_json_number("public-port",
			  nfvpn_port(tb[NF_VPN_A_SESSION_PUBLIC_PORT]));
}

static void nfvpn_json_ports_of(const struct nlattr **tb)
{
	if (!tb[NF_VPN_A_TRACK_SPORT])
		return;
	nfvpn_json_number("sport", nfvpn_port(tb[NF_VPN_A_TRACK_SPORT]));
	nfvpn_json_number("dport", nfvpn_port(tb[NF_VPN_A_TRACK_DPORT]));
	nfvpn_json_number("reply-sport",
			  nfvpn_port(tb[NF_VPN_A_TRACK_REPLY_SPORT]));
	nfvpn_json_number("reply-dport",
			  nfvpn_port(tb[NF_VPN_A_TRACK_REPLY_DPORT]));
}

/* The conntrack entry that "nfvpn restore" needs. */
static void nfvpn_json_track(const struct nlattr *nest)
{
	const struct nlattr *tb[NF_VPN_A_TRACK_MAX + 1];

	if (!nest)
		return;
	nfvpn_parse_nested(nest, tb, NF_VPN_A_TRACK_MAX);
	printf(",\"track\":{\"protonum\":%" PRIu32,
	       nfvpn_u32(tb[NF_VPN_A_TRACK_PROTONUM]));
	nfvpn_json_address("src", tb[NF_VPN_A_TRACK_SRC]);
	nfvpn_json_address("dst", tb[NF_VPN_A_TRACK_DST]);
	nfvpn_json_address("reply-src", tb[NF_VPN_A_TRACK_REPLY_SRC]);
	nfvpn_json_address("reply-dst", tb[NF_VPN_A_TRACK_REPLY_DST]);
	nfvpn_json_ports_of(tb);
	nfvpn_json_present("zone", tb[NF_VPN_A_TRACK_ZONE]);
	nfvpn_json_present("mark", tb[NF_VPN_A_TRACK_MARK]);
	if (tb[NF_VPN_A_TRACK_HELPER]) {
		putchar(',');
		nfvpn_json_string("helper",
				  nfvpn_string(tb[NF_VPN_A_TRACK_HELPER]));
	}
	putchar('}');
}

static void nfvpn_json_session(const struct nlmsghdr *nlh,
			       const struct nlattr **tb, bool first)
{
	const struct nlattr *attr;
	bool first_key = true;

	printf("%s\n{\"id\":%" PRIu32 ",", first ? "" : ",",
	       nfvpn_u32(tb[NF_VPN_A_SESSION_ID]));
	nfvpn_json_string("protocol", nfvpn_protocol_name(
				nfvpn_u32(tb[NF_VPN_A_SESSION_PROTOCOL])));
	nfvpn_json_address("client", tb[NF_VPN_A_SESSION_CLIENT]);
	nfvpn_json_address("server", tb[NF_VPN_A_SESSION_SERVER]);
	nfvpn_json_address("public", tb[NF_VPN_A_SESSION_PUBLIC]);
	nfvpn_json_ports(tb);
	nfvpn_json_present("zone", tb[NF_VPN_A_SESSION_ZONE]);
	putchar(',');
	nfvpn_json_string("state", NFVPN_NAMES(nfvpn_states,
				nfvpn_u32(tb[NF_VPN_A_SESSION_STATE])));
	putchar(',');
	nfvpn_json_string("bound", NFVPN_NAMES(nfvpn_bounds,
				nfvpn_u32(tb[NF_VPN_A_SESSION_BOUND])));
	nfvpn_json_present("awaited", tb[NF_VPN_A_SESSION_AWAITED]);
	nfvpn_json_present("age", tb[NF_VPN_A_SESSION_AGE]);
	nfvpn_json_present("idle", tb[NF_VPN_A_SESSION_IDLE]);
	nfvpn_json_present("expires", tb[NF_VPN_A_SESSION_EXPIRES]);
	printf(",\"replied\":%s",
	       tb[NF_VPN_A_SESSION_REPLIED] ? "true" : "false");
	nfvpn_json_counters(tb);
	nfvpn_json_present("keys-left-out",
			   tb[NF_VPN_A_SESSION_KEYS_LEFT_OUT]);
	nfvpn_json_track(tb[NF_VPN_A_SESSION_TRACK]);
	printf(",\"keys\":[");
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != NF_VPN_A_SESSION_KEY)
			continue;
		nfvpn_json_key(attr, first_key);
		first_key = false;
	}
	printf("]}");
}

/* "out 0x1001, in 0x2001>0x2002?": with what leaves, where that differs; a "?"
 * is a guess.
 */
static void nfvpn_text_key(const struct nlattr *nest, bool first)
{
	const struct nlattr *tb[NF_VPN_A_KEY_MAX + 1];
	uint32_t arrives, leaves;
	const char *format;
	bool spi;

	nfvpn_parse_nested(nest, tb, NF_VPN_A_KEY_MAX);
	spi = nfvpn_u32(tb[NF_VPN_A_KEY_KIND]) == NF_VPN_KIND_SPI;
	format = spi ? "0x%08" PRIx32 : "%" PRIu32;
	arrives = nfvpn_u32(tb[NF_VPN_A_KEY_ARRIVES]);
	leaves = nfvpn_u32(tb[NF_VPN_A_KEY_LEAVES]);
	printf("%s%s%s%s ", first ? "" : ", ",
	       spi ? "" : NFVPN_NAMES(nfvpn_kinds,
				      nfvpn_u32(tb[NF_VPN_A_KEY_KIND])),
	       spi ? "" : " ",
	       nfvpn_u32(tb[NF_VPN_A_KEY_DIRECTION]) ? "in" : "out");
	printf(format, arrives);
	if (leaves != arrives) {
		putchar('>');
		printf(format, leaves);
	}
	if (nfvpn_u32(tb[NF_VPN_A_KEY_EVIDENCE]) == NF_VPN_EVIDENCE_GUESS)
		putchar('?');
}

static void nfvpn_text_session(const struct nlmsghdr *nlh,
			       const struct nlattr **tb, bool first)
{
	const uint32_t state = nfvpn_u32(tb[NF_VPN_A_SESSION_STATE]);
	const struct nlattr *attr;
	bool first_key = true;

	if (first)
		printf("%s%-6s %-8s %-15s %-15s %-15s %5s %-7s %7s %6s %10s %10s  %s%s\n",
		       nfvpn_colour("\033[1m"), "ID", "PROTOCOL", "CLIENT",
		       "SERVER", "PUBLIC", "ZONE", "STATE", "AGE", "IDLE",
		       "OUT", "IN", "NUMBERS", nfvpn_colour("\033[0m"));
	printf("%-6" PRIu32 " %-8s %-15s %-15s %-15s %5" PRIu32 " %s%-7s%s %7" PRIu32 " %6" PRIu32 " %10" PRIu64 " %10" PRIu64 "  ",
	       nfvpn_u32(tb[NF_VPN_A_SESSION_ID]),
	       nfvpn_protocol_name(nfvpn_u32(tb[NF_VPN_A_SESSION_PROTOCOL])),
	       nfvpn_address(tb[NF_VPN_A_SESSION_CLIENT]),
	       nfvpn_address(tb[NF_VPN_A_SESSION_SERVER]),
	       nfvpn_address(tb[NF_VPN_A_SESSION_PUBLIC]),
	       nfvpn_u32(tb[NF_VPN_A_SESSION_ZONE]),
	       nfvpn_colour(state == NF_VPN_STATE_UP ? "\033[32m" : "\033[33m"),
	       NFVPN_NAMES(nfvpn_states, state), nfvpn_colour("\033[0m"),
	       nfvpn_u32(tb[NF_VPN_A_SESSION_AGE]),
	       nfvpn_u32(tb[NF_VPN_A_SESSION_IDLE]),
	       nfvpn_u64(tb[NF_VPN_A_SESSION_BYTES_OUT]),
	       nfvpn_u64(tb[NF_VPN_A_SESSION_BYTES_IN]));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != NF_VPN_A_SESSION_KEY)
			continue;
		nfvpn_text_key(attr, first_key);
		first_key = false;
	}
	putchar('\n');
}

struct nfvpn_listing {
	const struct nfvpn_filter	*filter;
	unsigned long			n;
};

static void nfvpn_take_session(const struct genlmsghdr *head,
			       const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_SESSION_MAX + 1];
	struct nfvpn_listing *listing = data;

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_SESSION_MAX);
	if (!listing->filter->all &&
	    nfvpn_u32(tb[NF_VPN_A_SESSION_STATE]) == NF_VPN_STATE_QUIET)
		return;
	if (listing->filter->json)
		nfvpn_json_session(nlh, tb, !listing->n);
	else
		nfvpn_text_session(nlh, tb, !listing->n);
	listing->n++;
}

void nfvpn_list(const struct nfvpn_filter *filter)
{
	struct nfvpn_listing listing = { .filter = filter };

	if (filter->json)
		putchar('[');
	nfvpn_ask(NF_VPN_CMD_SESSION_GET, !filter->id, filter,
		  nfvpn_take_session, &listing);
	if (filter->json)
		printf("%s]\n", listing.n ? "\n" : "");
}

static void nfvpn_take_stat(const struct genlmsghdr *head,
			    const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_STAT_MAX + 1];
	struct nfvpn_listing *listing = data;
	uint64_t value;

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_STAT_MAX);
	value = nfvpn_u64(tb[NF_VPN_A_STAT_VALUE]);
	if (listing->filter->json) {
		printf("%s\n", listing->n ? "," : "");
		nfvpn_put_quoted(nfvpn_string(tb[NF_VPN_A_STAT_NAME]));
		printf(":%" PRIu64, value);
	} else if (value || listing->filter->all) {
		printf("%-18s %12" PRIu64 "  %s\n",
		       nfvpn_string(tb[NF_VPN_A_STAT_NAME]), value,
		       nfvpn_string(tb[NF_VPN_A_STAT_MEANING]));
	}
	listing->n++;
}

void nfvpn_stats(const struct nfvpn_filter *filter)
{
	struct nfvpn_listing listing = { .filter = filter };

	if (filter->json)
		putchar('{');
	nfvpn_ask(NF_VPN_CMD_STAT_GET, true, NULL, nfvpn_take_stat, &listing);
	if (filter->json)
		puts("\n}");
}

static void nfvpn_take_net(const struct genlmsghdr *head,
			   const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_NET_MAX + 1];
	const struct nfvpn_filter *filter = data;
	const char *format;

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_NET_MAX);
	format = filter->json ?
		"{\"active\":%s,\"sessions\":%u,\"flows\":%u,\"max-flows\":%u,\"clients\":%u,\"max-per-client\":%u,\"zone-base\":%u,\"zone-count\":%u}\n" :
		"active          %s\nsessions        %u\nflows           %u of %u\nclients         %u, at most %u flows each\nzones           %u, and %u in all\n";
	printf(format, nfvpn_u32(tb[NF_VPN_A_NET_ACTIVE]) ?
	       (filter->json ? "true" : "yes") :
	       (filter->json ? "false" : "no: no rule has given a flow to a helper yet"),
	       nfvpn_u32(tb[NF_VPN_A_NET_SESSIONS]),
	       nfvpn_u32(tb[NF_VPN_A_NET_FLOWS]),
	       nfvpn_u32(tb[NF_VPN_A_NET_MAX_FLOWS]),
	       nfvpn_u32(tb[NF_VPN_A_NET_CLIENTS]),
	       nfvpn_u32(tb[NF_VPN_A_NET_MAX_PER_CLIENT]),
	       nfvpn_u32(tb[NF_VPN_A_NET_ZONE_BASE]),
	       nfvpn_u32(tb[NF_VPN_A_NET_ZONE_COUNT]));
}

void nfvpn_status(const struct nfvpn_filter *filter)
{
	nfvpn_ask(NF_VPN_CMD_NET_GET, false, NULL, nfvpn_take_net,
		  (void *)filter);
}

static bool nfvpn_event_fits(const struct nlattr **tb,
			     const struct nfvpn_filter *filter)
{
	return (!filter->protocol || filter->protocol ==
		nfvpn_u32(tb[NF_VPN_A_EVENT_PROTOCOL])) &&
	       (!filter->client || filter->client ==
		nfvpn_u32(tb[NF_VPN_A_EVENT_CLIENT])) &&
	       (!filter->server || filter->server ==
		nfvpn_u32(tb[NF_VPN_A_EVENT_SERVER]));
}

static void nfvpn_json_event(const struct nlattr **tb)
{
	putchar('{');
	nfvpn_json_string("event", NFVPN_NAMES(nfvpn_events,
				nfvpn_u32(tb[NF_VPN_A_EVENT_TYPE])));
	nfvpn_json_present("session", tb[NF_VPN_A_EVENT_SESSION]);
	if (tb[NF_VPN_A_EVENT_PROTOCOL]) {
		putchar(',');
		nfvpn_json_string("protocol", nfvpn_protocol_name(
				nfvpn_u32(tb[NF_VPN_A_EVENT_PROTOCOL])));
	}
	nfvpn_json_address("client", tb[NF_VPN_A_EVENT_CLIENT]);
	nfvpn_json_address("server", tb[NF_VPN_A_EVENT_SERVER]);
	nfvpn_json_address("public", tb[NF_VPN_A_EVENT_PUBLIC]);
	nfvpn_json_present("number", tb[NF_VPN_A_EVENT_NUMBER]);
	nfvpn_json_address("by", tb[NF_VPN_A_EVENT_BY]);
	nfvpn_json_present("ms", tb[NF_VPN_A_EVENT_MS]);
	nfvpn_json_present("missed", tb[NF_VPN_A_EVENT_MISSED]);
	puts("}");
}

static void nfvpn_text_event(const struct nlattr **tb)
{
	printf("%-15s %-8s client %-15s server %-15s public %-15s",
	       NFVPN_NAMES(nfvpn_events, nfvpn_u32(tb[NF_VPN_A_EVENT_TYPE])),
	       tb[NF_VPN_A_EVENT_PROTOCOL] ? nfvpn_protocol_name(
			nfvpn_u32(tb[NF_VPN_A_EVENT_PROTOCOL])) : "-",
	       nfvpn_address(tb[NF_VPN_A_EVENT_CLIENT]),
	       nfvpn_address(tb[NF_VPN_A_EVENT_SERVER]),
	       nfvpn_address(tb[NF_VPN_A_EVENT_PUBLIC]));
	if (tb[NF_VPN_A_EVENT_SESSION])
		printf(" session %" PRIu32,
		       nfvpn_u32(tb[NF_VPN_A_EVENT_SESSION]));
	if (tb[NF_VPN_A_EVENT_NUMBER])
		printf(" number 0x%" PRIx32,
		       nfvpn_u32(tb[NF_VPN_A_EVENT_NUMBER]));
	if (tb[NF_VPN_A_EVENT_MS])
		printf(" for %" PRIu32 " ms by client %s",
		       nfvpn_u32(tb[NF_VPN_A_EVENT_MS]),
		       nfvpn_address(tb[NF_VPN_A_EVENT_BY]));
	if (tb[NF_VPN_A_EVENT_MISSED])
		printf(" (%" PRIu32 " such events before it left out)",
		       nfvpn_u32(tb[NF_VPN_A_EVENT_MISSED]));
	putchar('\n');
}

static void nfvpn_take_event(const struct genlmsghdr *head,
			     const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_EVENT_MAX + 1];
	const struct nfvpn_filter *filter = data;

	if (head->cmd != NF_VPN_CMD_EVENT)
		return;
	nfvpn_parse(nlh, tb, NF_VPN_A_EVENT_MAX);
	if (!nfvpn_event_fits(tb, filter))
		return;
	if (filter->json)
		nfvpn_json_event(tb);
	else
		nfvpn_text_event(tb);
	fflush(stdout);
}

void nfvpn_watch(const struct nfvpn_filter *filter)
{
	nfvpn_listen(nfvpn_take_event, (void *)filter);
}
