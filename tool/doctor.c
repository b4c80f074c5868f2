// SPDX-License-Identifier: GPL-2.0-only
/* "nfvpn doctor": gathers facts, has them checked, says what was found. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "doctor.h"
#include "nfvpn.h"

struct nfvpn_said {
	struct nfvpn_said	*next;
	char			*text;
};

static struct nfvpn_said *nfvpn_said;
static bool nfvpn_as_json;
static unsigned int nfvpn_n[NFVPN_FAULT + 1];

const char *nfvpn_say(const char *format, ...)
{
	struct nfvpn_said *said = malloc(sizeof(*said));
	va_list args;

	va_start(args, format);
	if (!said || vasprintf(&said->text, format, args) < 0)
		nfvpn_die(NFVPN_FAILED, "out of memory");
	va_end(args);
	said->next = nfvpn_said;
	nfvpn_said = said;
	return said->text;
}

const char *nfvpn_say_address(uint32_t address)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	return nfvpn_say("%s", text);
}

static void nfvpn_forget(void)
{
	struct nfvpn_said *next;

	for (; nfvpn_said; nfvpn_said = next) {
		next = nfvpn_said->next;
		free(nfvpn_said->text);
		free(nfvpn_said);
	}
}

static void nfvpn_put_json(const char *name, const char *text, char end)
{
	printf("\"%s\":", name);
	nfvpn_put_quoted(text);
	putchar(end);
}

void nfvpn_find(const struct nfvpn_finding *finding)
{
	bool first = !nfvpn_n[NFVPN_NOTE] && !nfvpn_n[NFVPN_FAULT];

	nfvpn_n[finding->weight]++;
	if (!nfvpn_as_json) {
		printf("%s %s: %s\n  at:   %s\n  seen: %s\n  do:   %s\n",
		       finding->weight == NFVPN_FAULT ? "FAULT" : "note ",
		       finding->check, finding->what, finding->at,
		       finding->seen, finding->todo);
		return;
	}
	printf("%s\n{", first ? "" : ",");
	nfvpn_put_json("weight", finding->weight == NFVPN_FAULT ? "fault" :
								  "note", ',');
	nfvpn_put_json("check", finding->check, ',');
	nfvpn_put_json("at", finding->at, ',');
	nfvpn_put_json("what", finding->what, ',');
	nfvpn_put_json("seen", finding->seen, ',');
	nfvpn_put_json("do", finding->todo, '}');
}

static void nfvpn_sum_up(const struct nfvpn_facts *facts)
{
	if (nfvpn_as_json) {
		puts("\n]");
		return;
	}
	if (!facts->conntrack)
		puts("not looked at: connection tracking (the command conntrack is missing or may not)");
	if (!facts->nft)
		puts("not looked at: the ruleset (nft is missing or may not)");
	if (nfvpn_n[NFVPN_FAULT])
		printf("%u found wrong\n", nfvpn_n[NFVPN_FAULT]);
	else
		printf("nothing wrong was found; %zu sessions\n",
		       facts->sessions.n);
}

int nfvpn_doctor(const struct nfvpn_filter *filter)
{
	struct nfvpn_facts facts;

	nfvpn_as_json = filter->json;
	nfvpn_facts_get(&facts);
	if (!facts.nft && !facts.conntrack && geteuid())
		nfvpn_die(NFVPN_NO_PERMISSION,
			  "neither rules nor connections can be read; run it as root (sudo nfvpn ...)");
	if (nfvpn_as_json)
		putchar('[');
	nfvpn_check_setup(&facts);
	nfvpn_check_rules(&facts);
	nfvpn_check_sessions(&facts);
	nfvpn_sum_up(&facts);
	nfvpn_facts_put(&facts);
	nfvpn_forget();
	return nfvpn_n[NFVPN_FAULT] ? NFVPN_FAILED : NFVPN_OK;
}
