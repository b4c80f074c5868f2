// SPDX-License-Identifier: GPL-2.0-only
/* Gathers what "nfvpn doctor" looks at; changes nothing. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "facts.h"
#include "nfvpn.h"

/* A place for one more, zeroed. */
#define NFVPN_MORE(array) \
	((array)->at = nfvpn_grow((array)->at, sizeof(*(array)->at), \
				  (array)->n, &(array)->room), \
	 &(array)->at[(array)->n++])

static void *nfvpn_grow(void *at, size_t size, size_t n, size_t *room)
{
	if (n == *room) {
		*room = n ? 2 * n : 16;
		at = realloc(at, *room * size);
		if (!at)
			nfvpn_die(NFVPN_FAILED, "out of memory");
	}
	memset((char *)at + n * size, 0, size);
	return at;
}

static void nfvpn_get_stat(const struct genlmsghdr *head,
			   const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_STAT_MAX + 1];
	struct nfvpn_facts *facts = data;
	struct nfvpn_stat *stat;

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_STAT_MAX);
	stat = NFVPN_MORE(&facts->stats);
	snprintf(stat->name, sizeof(stat->name), "%s",
		 nfvpn_string(tb[NF_VPN_A_STAT_NAME]));
	stat->value = nfvpn_u64(tb[NF_VPN_A_STAT_VALUE]);
}

static void nfvpn_get_session(const struct genlmsghdr *head,
			      const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_SESSION_MAX + 1];
	struct nfvpn_facts *facts = data;
	struct nfvpn_session *session;

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_SESSION_MAX);
	session = NFVPN_MORE(&facts->sessions);
	session->id = nfvpn_u32(tb[NF_VPN_A_SESSION_ID]);
	session->protocol = nfvpn_u32(tb[NF_VPN_A_SESSION_PROTOCOL]);
	session->client = nfvpn_u32(tb[NF_VPN_A_SESSION_CLIENT]);
	session->server = nfvpn_u32(tb[NF_VPN_A_SESSION_SERVER]);
	session->public = nfvpn_u32(tb[NF_VPN_A_SESSION_PUBLIC]);
	session->state = nfvpn_u32(tb[NF_VPN_A_SESSION_STATE]);
	session->age = nfvpn_u32(tb[NF_VPN_A_SESSION_AGE]);
	session->out = nfvpn_u64(tb[NF_VPN_A_SESSION_PACKETS_OUT]);
	session->in = nfvpn_u64(tb[NF_VPN_A_SESSION_PACKETS_IN]);
	session->replied = tb[NF_VPN_A_SESSION_REPLIED];
}

static void nfvpn_get_net(const struct genlmsghdr *head,
			  const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_NET_MAX + 1];
	struct nfvpn_facts *facts = data;

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_NET_MAX);
	facts->active = nfvpn_u32(tb[NF_VPN_A_NET_ACTIVE]);
	facts->n_flows = nfvpn_u32(tb[NF_VPN_A_NET_FLOWS]);
	facts->max_flows = nfvpn_u32(tb[NF_VPN_A_NET_MAX_FLOWS]);
}

/* The module's own view; it is the first to say who may not look. */
static void nfvpn_get_module(struct nfvpn_facts *facts)
{
	facts->module = !access("/sys/module/nf_vpn", F_OK);
	if (!facts->module)
		return;
	nfvpn_open();
	nfvpn_ask(NF_VPN_CMD_NET_GET, false, NULL, nfvpn_get_net, facts);
	nfvpn_ask(NF_VPN_CMD_STAT_GET, true, NULL, nfvpn_get_stat, facts);
	nfvpn_ask(NF_VPN_CMD_SESSION_GET, true, NULL, nfvpn_get_session, facts);
}

/* Addresses and ports come twice: as sent, and as the answer is expected. */
static void nfvpn_flow_word(struct nfvpn_flow *flow, char *word)
{
	char *value = strchr(word, '=');
	struct nfvpn_ends *ends;

	if (!strcmp(word, "[UNREPLIED]"))
		flow->unreplied = true;
	if (!value)
		return;
	*value++ = '\0';
	ends = flow->orig.src && (flow->reply.src || !strcmp(word, "src")) ?
	       &flow->reply : &flow->orig;
	if (!strcmp(word, "src"))
		inet_pton(AF_INET, value, &ends->src);
	else if (!strcmp(word, "dst"))
		inet_pton(AF_INET, value, &ends->dst);
	else if (!strcmp(word, "sport"))
		ends->sport = strtoul(value, NULL, 10);
	else if (!strcmp(word, "dport"))
		ends->dport = strtoul(value, NULL, 10);
	else if (!strcmp(word, "packets"))
		ends->packets = strtoull(value, NULL, 10);
	else if (!strcmp(word, "helper"))
		snprintf(flow->helper, sizeof(flow->helper), "%s", value);
}

/* "tcp 6 431999 ESTABLISHED src=... [UNREPLIED] src=... helper=..." */
bool nfvpn_facts_parse_flow(struct nfvpn_flow *flow, const char *line)
{
	char copy[1024], *word, *save;

	memset(flow, 0, sizeof(*flow));
	snprintf(copy, sizeof(copy), "%s", line);
	word = strtok_r(copy, " \t", &save);
	word = word ? strtok_r(NULL, " \t", &save) : NULL;
	if (!word)
		return false;
	flow->protocol = strtoul(word, NULL, 10);
	while ((word = strtok_r(NULL, " \t", &save))) {
		if (word[0] >= 'A' && word[0] <= 'Z')
			snprintf(flow->state, sizeof(flow->state), "%s", word);
		nfvpn_flow_word(flow, word);
	}
	return flow->protocol && flow->orig.src && flow->reply.src;
}

static void nfvpn_get_flows(struct nfvpn_facts *facts)
{
	struct nfvpn_flow flow;
	char *text, *line, *save;

	facts->conntrack = !nfvpn_run((char *[]){ "conntrack", "-L", "-f",
						  "ipv4", NULL },
				      NFVPN_STDOUT, &text);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (nfvpn_facts_parse_flow(&flow, line))
			*NFVPN_MORE(&facts->flows) = flow;
	free(text);
}

static void nfvpn_get_nft(struct nfvpn_facts *facts)
{
	char *text;

	if (!nfvpn_run((char *[]){ "nft", "-j", "list", "ruleset", NULL },
		       NFVPN_STDOUT, &text))
		facts->nft = nfvpn_js_parse(text);
	free(text);
}

/*
 * iptables' targets are not in nft's JSON.  Asked for only if there are some: the
 * older kind would load its module.
 */
static void nfvpn_get_iptables(struct nfvpn_facts *facts)
{
	char *tables = NULL, *save = NULL;

	if (nfvpn_js_has(facts->nft, "CT"))
		save = "iptables-nft-save";
	else if (nfvpn_read_file("/proc/net/ip_tables_names", &tables) &&
		 strstr(tables, "raw"))
		save = "iptables-legacy-save";
	free(tables);
	if (save)
		nfvpn_run((char *[]){ save, "-t", "raw", NULL }, NFVPN_STDOUT,
			  &facts->iptables);
}

static void nfvpn_get_addresses(struct nfvpn_facts *facts)
{
	struct ifaddrs *all, *one;
	struct nfvpn_address *address;

	if (getifaddrs(&all) < 0)
		return;
	for (one = all; one; one = one->ifa_next) {
		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
			continue;
		address = NFVPN_MORE(&facts->addresses);
		address->address =
			((struct sockaddr_in *)one->ifa_addr)->sin_addr.s_addr;
		snprintf(address->iface, sizeof(address->iface), "%s",
			 one->ifa_name);
	}
	freeifaddrs(all);
}

void nfvpn_facts_get(struct nfvpn_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	nfvpn_get_module(facts);
	nfvpn_get_nft(facts);
	nfvpn_get_iptables(facts);
	nfvpn_get_flows(facts);
	nfvpn_get_addresses(facts);
}

void nfvpn_facts_put(struct nfvpn_facts *facts)
{
	nfvpn_js_free(facts->nft);
	free(facts->iptables);
	free(facts->stats.at);
	free(facts->sessions.at);
	free(facts->flows.at);
	free(facts->addresses.at);
}

uint64_t nfvpn_facts_stat(const struct nfvpn_facts *facts, const char *name)
{
	size_t i;

	for (i = 0; i < facts->stats.n; i++)
		if (!strcmp(facts->stats.at[i].name, name))
			return facts->stats.at[i].value;
	return 0;
}

bool nfvpn_facts_own(const struct nfvpn_facts *facts, uint32_t address)
{
	size_t i;

	for (i = 0; i < facts->addresses.n; i++)
		if (facts->addresses.at[i].address == address)
			return true;
	return false;
}

uint64_t nfvpn_file_number(const char *path, uint64_t otherwise)
{
	char *text, *end;
	uint64_t number;

	if (!nfvpn_read_file(path, &text))
		return otherwise;
	number = strtoull(text, &end, 10);
	if (end == text)
		number = otherwise;
	free(text);
	return number;
}
