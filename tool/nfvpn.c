// SPDX-License-Identifier: GPL-2.0-only
/* nfvpn: set up, see and repair what nf_vpn_passthrough does. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "nfvpn.h"
#include "rules.h"

static const char nfvpn_usage[] =
"usage: nfvpn COMMAND [OPTIONS]\n"
"\n"
"  list     the sessions              watch    what happens, as it happens\n"
"  flush    end sessions              stats    why packets were helped, or not\n"
"  status   limits, and what is used  doctor   what is wrong, and what to do\n"
"  enable   pptp|l2tp|ipsec ...: help these, after a reboot, too\n"
"  disable  pptp|l2tp|ipsec ...: no more\n"
"  save     FILE: the sessions        restore  FILE: what can be brought back\n"
"  load     what enable wrote (nfvpn.service does this)      unload   the contrary\n"
"\n"
"  -p, --protocol pptp|esp|l2tp-ip|l2tp-udp|ike|natt  (list, watch, flush)\n"
"  -c, --client ADDRESS    -s, --server ADDRESS    -i, --id NUMBER\n"
"  -a, --all               list: those just ended, too; flush: everything;\n"
"                          stats: counters that are 0, too\n"
"      --control           flush: their control connections, too\n"
"  -j, --json              for programs (list, watch, stats, status, doctor)\n"
"  -l, --lan INTERFACE     enable: clients are there (may be repeated), or:\n"
"  -w, --wan INTERFACE     clients are not there; default: of the default route\n"
"  -m, --mark BIT          enable l2tp: of the packet mark, for protocol 115\n"
"\n"
"exit code: 0 done, 1 refused or not there (doctor: something found), 2 usage,\n"
"3 module not loaded, 4 no permission, 5 nft is missing or refused the rules\n";

static const struct option nfvpn_options[] = {
	{ "protocol", required_argument, NULL, 'p' },
	{ "client", required_argument, NULL, 'c' },
	{ "server", required_argument, NULL, 's' },
	{ "id", required_argument, NULL, 'i' },
	{ "all", no_argument, NULL, 'a' },
	{ "control", no_argument, NULL, 'C' },
	{ "json", no_argument, NULL, 'j' },
	{ "lan", required_argument, NULL, 'l' },
	{ "wan", required_argument, NULL, 'w' },
	{ "mark", required_argument, NULL, 'm' },
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
			  "no protocol '%s': it is pptp, esp, l2tp-ip, l2tp-udp, ike or natt",
			  text);
	return protocol;
}

/* Of "enable" and "disable". */
static struct nfvpn_rules nfvpn_asked;

static void nfvpn_get_iface(const char *name, bool outside)
{
	if (nfvpn_asked.n_ifaces && nfvpn_asked.outside != outside)
		nfvpn_die(NFVPN_USAGE, "--lan or --wan, not both");
	nfvpn_asked.outside = outside;
	if (!nfvpn_rules_add_iface(&nfvpn_asked, name))
		nfvpn_die(NFVPN_USAGE, "'%s' is no interface's name", name);
}

static void nfvpn_get_mark(const char *text)
{
	if (!nfvpn_rules_set_mark(&nfvpn_asked, text))
		nfvpn_die(NFVPN_USAGE, "'%s' is not one bit, like 0x20", text);
}

static void nfvpn_get_words(int argc, char **argv)
{
	unsigned int bit;

	for (; optind < argc; optind++) {
		bit = nfvpn_rules_protocol(argv[optind]);
		if (!bit)
			nfvpn_die(NFVPN_USAGE,
				  "no protocol '%s': it is pptp, l2tp or ipsec",
				  argv[optind]);
		nfvpn_asked.protocols |= bit;
	}
}

/* Of "save" and "restore". */
static const char *nfvpn_path;

static void nfvpn_get_path(int argc, char **argv)
{
	if (optind == argc)
		nfvpn_die(NFVPN_USAGE, "which file? See nfvpn --help");
	nfvpn_path = argv[optind++];
}

enum {
	NFVPN_NETLINK = 1,	/* asks the module */
	NFVPN_WORDS = 2,	/* takes names of protocols */
	NFVPN_PATH = 4,		/* takes a file's name */
};

static void nfvpn_get_options(int argc, char **argv,
			      struct nfvpn_filter *filter, unsigned int flags)
{
	int option;

	while ((option = getopt_long(argc, argv, "p:c:s:i:ajl:w:m:h",
				     nfvpn_options, NULL)) != -1) {
		switch (option) {
		case 'p': filter->protocol = nfvpn_get_protocol(optarg); break;
		case 'c': filter->client = nfvpn_get_address(optarg); break;
		case 's': filter->server = nfvpn_get_address(optarg); break;
		case 'i': filter->id = nfvpn_get_id(optarg); break;
		case 'a': filter->all = true; break;
		case 'C': filter->control = true; break;
		case 'j': filter->json = true; break;
		case 'l': nfvpn_get_iface(optarg, false); break;
		case 'w': nfvpn_get_iface(optarg, true); break;
		case 'm': nfvpn_get_mark(optarg); break;
		case 'h': fputs(nfvpn_usage, stdout); exit(NFVPN_OK);
		default: nfvpn_die(NFVPN_USAGE, "see nfvpn --help");
		}
	}
	if (flags & NFVPN_WORDS)
		nfvpn_get_words(argc, argv);
	if (flags & NFVPN_PATH)
		nfvpn_get_path(argc, argv);
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

static void nfvpn_run_enable(const struct nfvpn_filter *filter)
{
	(void)filter;
	nfvpn_enable(&nfvpn_asked);
}

static void nfvpn_run_disable(const struct nfvpn_filter *filter)
{
	(void)filter;
	nfvpn_disable(&nfvpn_asked);
}

/* Its exit code says whether something was found. */
static void nfvpn_run_doctor(const struct nfvpn_filter *filter)
{
	int code = nfvpn_doctor(filter);

	if (code && !fflush(stdout))
		exit(code);
}

static void nfvpn_run_save(const struct nfvpn_filter *filter)
{
	(void)filter;
	nfvpn_save(nfvpn_path);
}

/* Its exit code says whether something was left behind. */
static void nfvpn_run_restore(const struct nfvpn_filter *filter)
{
	int code = nfvpn_restore(nfvpn_path);

	(void)filter;
	if (code && !fflush(stdout))
		exit(code);
}

static const struct {
	const char	*name;
	void		(*run)(const struct nfvpn_filter *filter);
	unsigned int	flags;
} nfvpn_commands[] = {
	{ "list", nfvpn_list, NFVPN_NETLINK },
	{ "watch", nfvpn_watch, NFVPN_NETLINK },
	{ "flush", nfvpn_flush, NFVPN_NETLINK },
	{ "stats", nfvpn_stats, NFVPN_NETLINK },
	{ "status", nfvpn_status, NFVPN_NETLINK },
	{ "save", nfvpn_run_save, NFVPN_NETLINK | NFVPN_PATH },
	{ "restore", nfvpn_run_restore, NFVPN_NETLINK | NFVPN_PATH },
	{ "enable", nfvpn_run_enable, NFVPN_WORDS },
	{ "disable", nfvpn_run_disable, NFVPN_WORDS },
	{ "doctor", nfvpn_run_doctor, 0 },
	{ "load", nfvpn_load, 0 },
	{ "unload", nfvpn_unload, 0 },
};

#define NFVPN_COMMANDS	(sizeof(nfvpn_commands) / sizeof(nfvpn_commands[0]))

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
	for (i = 0; i < NFVPN_COMMANDS; i++)
		if (!strcmp(argv[1], nfvpn_commands[i].name))
			break;
	if (i == NFVPN_COMMANDS)
		nfvpn_die(NFVPN_USAGE, "no command '%s': see nfvpn --help",
			  argv[1]);
	nfvpn_get_options(argc - 1, argv + 1, &filter,
			  nfvpn_commands[i].flags);
	if (nfvpn_commands[i].flags & NFVPN_NETLINK)
		nfvpn_open();
	nfvpn_commands[i].run(&filter);
	if (fflush(stdout) || ferror(stdout))
		return NFVPN_FAILED;
	return NFVPN_OK;
}
