// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of "nfvpn enable", as a file for nft.  Its first lines are comments
 * that say what it was made from, and are all that is read back.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "rules.h"

static const struct {
	const char	*name;
	unsigned int	bit;
	const char	*helper;
	const char	*rule;
} nfvpn_protocols[] = {
	{ "pptp", NFVPN_PPTP,
	  "\tct helper pptp {\n\t\ttype \"vpn-pptp\" protocol tcp;\n\t}\n",
	  "\t\ttcp dport 1723 counter ct helper set \"pptp\"\n" },
	{ "l2tp", NFVPN_L2TP,
	  "\tct helper l2tp {\n\t\ttype \"vpn-l2tp\" protocol udp;\n\t}\n",
	  "\t\tudp dport 1701 counter ct helper set \"l2tp\"\n" },
	{ "ipsec", NFVPN_IPSEC,
	  "\tct helper ike {\n\t\ttype \"vpn-ike\" protocol udp;\n\t}\n",
	  "\t\tudp dport { 500, 4500 } counter ct helper set \"ike\"\n" },
};

#define NFVPN_PROTOCOLS \
	(sizeof(nfvpn_protocols) / sizeof(nfvpn_protocols[0]))

unsigned int nfvpn_rules_protocol(const char *name)
{
	unsigned int i;

	for (i = 0; i < NFVPN_PROTOCOLS; i++)
		if (!strcmp(name, nfvpn_protocols[i].name))
			return nfvpn_protocols[i].bit;
	return 0;
}

/* Nothing that would end the string it stands in. */
static bool nfvpn_iface_ok(const char *name)
{
	size_t len = strlen(name), i;

	if (!len || len >= IFNAMSIZ || !strcmp(name, "*"))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("_.-:@", name[i]) &&
		    !(name[i] == '*' && i == len - 1))
			return false;
	return true;
}

bool nfvpn_rules_add_iface(struct nfvpn_rules *rules, const char *name)
{
	unsigned int i;

	if (!nfvpn_iface_ok(name))
		return false;
	for (i = 0; i < rules->n_ifaces; i++)
		if (!strcmp(rules->ifaces[i], name))
			return true;
	if (rules->n_ifaces == NFVPN_IFACES_MAX)
		return false;
	strcpy(rules->ifaces[rules->n_ifaces++], name);
	return true;
}

bool nfvpn_rules_set_mark(struct nfvpn_rules *rules, const char *text)
{
	unsigned long mark;
	char *end;

	mark = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || !mark ||
	    mark > UINT32_MAX || (mark & (mark - 1)))
		return false;
	rules->mark = mark;
	return true;
}

static bool nfvpn_parse_word(struct nfvpn_rules *rules, const char *key,
			     const char *word)
{
	unsigned int bit;

	if (!strcmp(key, "mark"))
		return nfvpn_rules_set_mark(rules, word);
	if (strcmp(key, "protocols"))
		return nfvpn_rules_add_iface(rules, word);
	bit = nfvpn_rules_protocol(word);
	rules->protocols |= bit;
	return bit;
}

/* "# nfvpn KEY: WORDS" */
static bool nfvpn_parse_line(struct nfvpn_rules *rules, char *line)
{
	char *save, *key, *word;

	key = strtok_r(line + strlen("# nfvpn "), ": ", &save);
	if (!key || (strcmp(key, "protocols") && strcmp(key, "lan") &&
		     strcmp(key, "wan") && strcmp(key, "mark")))
		return false;
	if (!strcmp(key, "wan"))
		rules->outside = true;
	while ((word = strtok_r(NULL, " ", &save)))
		if (!nfvpn_parse_word(rules, key, word))
			return false;
	return true;
}

bool nfvpn_rules_parse(struct nfvpn_rules *rules, const char *text)
{
	const char *end;
	char line[2048];

	memset(rules, 0, sizeof(*rules));
	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (strncmp(text, "# nfvpn ", strlen("# nfvpn ")))
			continue;
		if ((size_t)(end - text) >= sizeof(line))
			return false;
		memcpy(line, text, end - text);
		line[end - text] = '\0';
		if (!nfvpn_parse_line(rules, line))
			return false;
	}
	return rules->protocols && rules->n_ifaces;
}

/*
 * "iifname "lan0" TEXT" for each, or "iifname != "wan0" TEXT".  No sets: older nft
 * take no "*" in them.
 */
static void nfvpn_print_from(const struct nfvpn_rules *rules, FILE *file,
			     const char *text)
{
	unsigned int i;

	for (i = 0; i < rules->n_ifaces; i++) {
		fprintf(file, "%siifname %s\"%s\" ",
			!rules->outside || !i ? "\t\t" : "",
			rules->outside ? "!= " : "", rules->ifaces[i]);
		if (!rules->outside || i == rules->n_ifaces - 1)
			fprintf(file, "%s\n", text);
	}
}

static void nfvpn_print_head(const struct nfvpn_rules *rules, FILE *file)
{
	unsigned int i;

	fputs("#!/usr/sbin/nft -f\n"
	      "# Written by \"nfvpn enable\" and \"nfvpn disable\", which read the next lines and\n"
	      "# replace all of it.  See nfvpn(8).\n"
	      "# nfvpn protocols:", file);
	for (i = 0; i < NFVPN_PROTOCOLS; i++)
		if (rules->protocols & nfvpn_protocols[i].bit)
			fprintf(file, " %s", nfvpn_protocols[i].name);
	fprintf(file, "\n# nfvpn %s:", rules->outside ? "wan" : "lan");
	for (i = 0; i < rules->n_ifaces; i++)
		fprintf(file, " %s", rules->ifaces[i]);
	fprintf(file, "\n# nfvpn mark: 0x%x\n\n", rules->mark);
}

/* A rule for @all, the router's own, or for those who come from the right side. */
static void nfvpn_print_rule(const struct nfvpn_rules *rules, FILE *file,
			     bool all, const char *text)
{
	if (all)
		fprintf(file, "\t\t%s\n", text);
	else
		nfvpn_print_from(rules, file, text);
}

/*
 * Whom the helpers see.  Of type nat: only the first packet of a connection comes
 * by; and before the chains that rewrite destinations, which end its way.
 */
static void nfvpn_print_chain(const struct nfvpn_rules *rules, FILE *file,
			      const char *hook, bool all)
{
	fprintf(file, "\tchain %s {\n\t\ttype nat hook %s priority -110;\n",
		hook, hook);
	nfvpn_print_rule(rules, file, all, "jump helped");
	fputs("\t}\n", file);
}

/* Before conntrack: no helper can be set on protocol 115. */
static void nfvpn_print_mark(const struct nfvpn_rules *rules, FILE *file,
			     const char *hook, bool all)
{
	char text[128];

	fprintf(file, "\tchain mark_%s {\n\t\ttype filter hook %s priority raw;\n",
		hook, hook);
	snprintf(text, sizeof(text),
		 "meta l4proto 115 counter meta mark set meta mark or 0x%x",
		 rules->mark);
	nfvpn_print_rule(rules, file, all, text);
	fputs("\t}\n", file);
}

/* The mark was needed until conntrack saw the packet. */
static void nfvpn_print_unmark(const struct nfvpn_rules *rules, FILE *file,
			       const char *hook, bool all)
{
	char text[128];

	fprintf(file, "\tchain unmark_%s {\n\t\ttype filter hook %s priority filter;\n",
		hook, hook);
	snprintf(text, sizeof(text),
		 "meta l4proto 115 meta mark set meta mark and 0x%x",
		 ~rules->mark);
	nfvpn_print_rule(rules, file, all, text);
	fputs("\t}\n", file);
}

void nfvpn_rules_print(const struct nfvpn_rules *rules, FILE *file)
{
	unsigned int i;

	nfvpn_print_head(rules, file);
	/* A table must be there to be deleted: so this may be loaded again. */
	fputs("table ip nf_vpn\ndelete table ip nf_vpn\ntable ip nf_vpn {\n",
	      file);
	for (i = 0; i < NFVPN_PROTOCOLS; i++)
		if (rules->protocols & nfvpn_protocols[i].bit)
			fputs(nfvpn_protocols[i].helper, file);
	fputs("\tchain helped {\n", file);
	for (i = 0; i < NFVPN_PROTOCOLS; i++)
		if (rules->protocols & nfvpn_protocols[i].bit)
			fputs(nfvpn_protocols[i].rule, file);
	fputs("\t}\n", file);
	if (rules->protocols & NFVPN_L2TP) {
		nfvpn_print_mark(rules, file, "prerouting", false);
		nfvpn_print_mark(rules, file, "output", true);
		nfvpn_print_unmark(rules, file, "prerouting", false);
		nfvpn_print_unmark(rules, file, "output", true);
	}
	nfvpn_print_chain(rules, file, "prerouting", false);
	nfvpn_print_chain(rules, file, "output", true);
	fputs("}\n", file);
}

void nfvpn_rules_say(const struct nfvpn_rules *rules, FILE *file)
{
	const char *comma = "";
	unsigned int i;

	for (i = 0; i < NFVPN_PROTOCOLS; i++) {
		if (!(rules->protocols & nfvpn_protocols[i].bit))
			continue;
		fprintf(file, "%s%s", comma, nfvpn_protocols[i].name);
		comma = ", ";
	}
	fprintf(file, " for %s", rules->outside ?
		"what does not come in from" : "what comes in from");
	for (i = 0; i < rules->n_ifaces; i++)
		fprintf(file, "%s %s", i ? "," : "", rules->ifaces[i]);
	fputs(", and for this machine's own", file);
}
