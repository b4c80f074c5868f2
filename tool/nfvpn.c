// SPDX-License-Identifier: GPL-2.0-only
/* nfvpn: see and end the VPN sessions that nf_vpn_passthrough helps. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "nfvpn.h"

static const char nfvpn_usage[] =
"usage: nfvpn COMMAND [OPTIONS]\n"
"\n"
"  list     the sessions              watch    what happens, as it happens\n"
"  flush    end sessions              stats    why packets were helped, or not\n"
"  status   limits, and what is used\n"
"\n"
"  -p, --protocol pptp|esp|l2tp-ip|l2tp-udp    (list, watch, flush)\n"
"  -c, --client ADDRESS    -s, --server ADDRESS    -i, --id NUMBER\n"
"  -a, --all               list: those just ended, too; flush: everything;\n"
"                          stats: counters that are 0, too\n"
"      --control           flush: their control connections, too\n"
"  -j, --json              for programs (list, watch, stats, status)\n"
"\n"
"exit code: 0 done, 1 refused or not there, 2 usage, 3 module not loaded,\n"
"4 no permission\n";

static const struct option nfvpn_options[] = {
	{ "protocol", required_argument, NULL, 'p' },
	{ "client", required_argument, NULL, 'c' },
	{ "server", required_argument, NULL, 's' },
	{ "id", required_argument, NULL, 'i' },
	{ "all", no_argument, NULL, 'a' },
	{ "control", no_argument, NULL, 'C' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static uint32_t nfvpn_get_address(const char *text)
{
	uint32_t address;

	if (inet_pton(AF_INET, text, &address) != 1 || !address)
		nfvpn_die(NFVPN_USAGE, "'%s' is no IPv4 address like 192.0.2.1",
			  text);
	return address;
}

static uint32_t nfvpn_get_id(const char *text)
{
	unsigned long id;
	char *end;

	id = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || !id || id > UINT32_MAX)
		nfvpn_die(NFVPN_USAGE,
			  "'%s' is no session id: see the first column of nfvpn list",
			  text);
	return id;
}

static uint32_t nfvpn_get_protocol(const char *text)
{
	uint32_t protocol = nfvpn_protocol_by_name(text);

	if (!protocol)
		nfvpn_die(NFVPN_USAGE,
			  "no protocol '%s': it is pptp, esp, l2tp-ip or l2tp-udp",
			  text);
	return protocol;
}

static void nfvpn_get_options(int argc, char **argv,
			      struct nfvpn_filter *filter)
{
	int option;

	while ((option = getopt_long(argc, argv, "p:c:s:i:ajh", nfvpn_options,
				     NULL)) != -1) {
		switch (option) {
		case 'p': filter->protocol = nfvpn_get_protocol(optarg); break;
		case 'c': filter->client = nfvpn_get_address(optarg); break;
		case 's': filter->server = nfvpn_get_address(optarg); break;
		case 'i': filter->id = nfvpn_get_id(optarg); break;
		case 'a': filter->all = true; break;
		case 'C': filter->control = true; break;
		case 'j': filter->json = true; break;
		case 'h': fputs(nfvpn_usage, stdout); exit(NFVPN_OK);
		default: nfvpn_die(NFVPN_USAGE, "see nfvpn --help");
		}
	}
	if (optind < argc)
		nfvpn_die(NFVPN_USAGE, "'%s' is one word too many: see nfvpn --help",
			  argv[optind]);
}

static void nfvpn_take_deleted(const struct genlmsghdr *head,
			       const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NF_VPN_A_SESSION_MAX + 1];

	(void)head;
	nfvpn_parse(nlh, tb, NF_VPN_A_SESSION_MAX);
	if (tb[NF_VPN_A_SESSION_DELETED] &&
	    mnl_attr_validate(tb[NF_VPN_A_SESSION_DELETED], MNL_TYPE_U32) >= 0)
		*(uint32_t *)data = mnl_attr_get_u32(tb[NF_VPN_A_SESSION_DELETED]);
}

static void nfvpn_flush(const struct nfvpn_filter *filter)
{
	uint32_t n = 0;

	if (!filter->id && !filter->protocol && !filter->client &&
	    !filter->server && !filter->all)
		nfvpn_die(NFVPN_USAGE,
			  "flush what? Name --client, --server, --protocol, --id, or --all");
	nfvpn_ask(NF_VPN_CMD_SESSION_DEL, false, filter, nfvpn_take_deleted,
		  &n);
	printf("%u session%s ended\n", n, n == 1 ? "" : "s");
}

static const struct {
	const char	*name;
	void		(*run)(const struct nfvpn_filter *filter);
} nfvpn_commands[] = {
	{ "list", nfvpn_list },
	{ "watch", nfvpn_watch },
	{ "flush", nfvpn_flush },
	{ "stats", nfvpn_stats },
	{ "status", nfvpn_status },
};

int main(int argc, char **argv)
{
	struct nfvpn_filter filter = { 0 };
	unsigned int i;

	if (argc < 2) {
		fputs(nfvpn_usage, stderr);
		return NFVPN_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(nfvpn_usage, stdout);
		return NFVPN_OK;
	}
	for (i = 0; i < sizeof(nfvpn_commands) / sizeof(nfvpn_commands[0]); i++)
		if (!strcmp(argv[1], nfvpn_commands[i].name))
			break;
	if (i == sizeof(nfvpn_commands) / sizeof(nfvpn_commands[0]))
		nfvpn_die(NFVPN_USAGE, "no command '%s': see nfvpn --help",
			  argv[1]);
	nfvpn_get_options(argc - 1, argv + 1, &filter);
	nfvpn_open();
	nfvpn_commands[i].run(&filter);
	if (fflush(stdout) || ferror(stdout))
		return NFVPN_FAILED;
	return NFVPN_OK;
}
