// SPDX-License-Identifier: GPL-2.0-only
/* This router's own part: modules, rules that name helpers, connection tracking. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "doctor.h"
#include "nfvpn.h"

#define NFVPN_HERE	"this router"
#define NFVPN_IP_L2TP	115

static const struct nfvpn_served {
	const char	*name;		/* for nfvpn enable */
	const char	*helper;
	unsigned int	protocol;
	const char	*l4;
	unsigned int	port;
} nfvpn_served[] = {
	{ "pptp", "vpn-pptp", IPPROTO_TCP, "tcp", 1723 },
	{ "ipsec", "vpn-ike", IPPROTO_UDP, "udp", 500 },
	{ "l2tp", "vpn-l2tp", IPPROTO_UDP, "udp", 1701 },
};

#define NFVPN_SERVED	(sizeof(nfvpn_served) / sizeof(nfvpn_served[0]))

static void nfvpn_check_module(const struct nfvpn_facts *facts)
{
	struct utsname kernel;
	char *said;
	int code;

	if (facts->module)
		return;
	code = nfvpn_run((char *[]){ "modprobe", "-n", "nf_vpn_passthrough",
				     NULL }, NFVPN_STDERR, &said);
	uname(&kernel);
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "module-missing", NFVPN_HERE,
		code ? "the modules are not installed for the kernel that runs" :
		       "the modules are not loaded",
		code ? nfvpn_say("kernel %s; modprobe -n: %.*s", kernel.release,
				 (int)strcspn(said, "\n"), said) :
		       "/sys/module/nf_vpn is not there",
		code ? nfvpn_say("make KDIR=/lib/modules/%s/build && make install",
				 kernel.release) :
		       "modprobe nf_vpn_passthrough" });
	free(said);
}

static void nfvpn_check_forward(void)
{
	if (nfvpn_file_number("/proc/sys/net/ipv4/ip_forward", 1))
		return;
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "no-forwarding", NFVPN_HERE,
		"this machine forwards nothing",
		"net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1" });
}

static bool nfvpn_any_rule(const struct nfvpn_facts *facts)
{
	size_t i;

	for (i = 0; i < NFVPN_SERVED; i++)
		if (nfvpn_rules_give(facts, nfvpn_served[i].helper, NULL) ||
		    nfvpn_rules_give(facts, "pptp", NULL))
			return true;
	return nfvpn_mark_get();
}

static void nfvpn_check_rule(const struct nfvpn_facts *facts)
{
	if (!facts->nft || nfvpn_any_rule(facts))
		return;
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "no-rule", NFVPN_HERE,
		"no rule names a helper, so nobody is helped",
		"nft list ruleset: no \"ct helper set\" of vpn-pptp, vpn-ike or vpn-l2tp; l2tp_ip_mark is 0",
		"nfvpn enable pptp l2tp ipsec" });
}

/* Translated at one of its ends: others need no help. */
static bool nfvpn_translated(const struct nfvpn_flow *flow)
{
	return flow->reply.dst != flow->orig.src ||
	       flow->reply.src != flow->orig.dst;
}

static const char *nfvpn_say_flow(const struct nfvpn_flow *flow)
{
	return nfvpn_say("conntrack: %s -> %s port %u, helper %s",
			 nfvpn_say_address(flow->orig.src),
			 nfvpn_say_address(flow->orig.dst), flow->orig.dport,
			 flow->helper[0] ? flow->helper : "none");
}

/* A rule that names the in-tree helper is as good when ours answers to it. */
static bool nfvpn_drop_in(void)
{
	char *text;
	bool yes;

	if (!nfvpn_read_file("/sys/module/nf_vpn_pptp/parameters/drop_in",
			     &text))
		return false;
	yes = *text == 'Y';
	free(text);
	return yes;
}

static void nfvpn_find_intree(const struct nfvpn_flow *flow)
{
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "in-tree-helper", NFVPN_HERE,
		"Linux's own PPTP helper serves this connection: one call each, and no other client's with the same ID",
		nfvpn_say_flow(flow),
		"say \"vpn-pptp\" in the rule (or nfvpn enable pptp), then conntrack -D -p tcp --dport 1723" });
}

static void nfvpn_find_no_helper(const struct nfvpn_facts *facts,
				 const struct nfvpn_served *served,
				 const struct nfvpn_flow *flow)
{
	bool own = nfvpn_facts_own(facts, flow->orig.src);
	const char *again = nfvpn_say("conntrack -D -p %s --dport %u",
				      served->l4, served->port);

	if (!nfvpn_rules_give(facts, served->helper, own ? "output" : NULL))
		nfvpn_find(&(struct nfvpn_finding){
			NFVPN_FAULT, "helper-missing", NFVPN_HERE,
			own ? nfvpn_say("this router's own %s client is not helped: no rule in a chain of \"hook output\"", served->name) :
			      nfvpn_say("a %s client is not helped: no rule names %s", served->name, served->helper),
			nfvpn_say_flow(flow),
			nfvpn_say("nfvpn enable %s, then %s", served->name, again) });
	else
		nfvpn_find(&(struct nfvpn_finding){
			NFVPN_FAULT, "helper-not-assigned", NFVPN_HERE,
			nfvpn_say("there is a rule for %s, but this connection got no helper: it is older than the rule or the module, or comes in where the rule does not look", served->helper),
			nfvpn_say_flow(flow),
			nfvpn_say("%s, and connect anew; if it comes again: nft list ruleset, nfvpn enable --lan INTERFACE %s", again, served->name) });
}

/* One example of each is enough. */
static void nfvpn_check_helper(const struct nfvpn_facts *facts,
			       const struct nfvpn_served *served)
{
	const struct nfvpn_flow *flow;
	bool own;
	size_t i;

	for (i = 0; i < facts->flows.n; i++) {
		flow = &facts->flows.at[i];
		own = nfvpn_facts_own(facts, flow->orig.src);
		if (flow->protocol != served->protocol ||
		    flow->orig.dport != served->port ||
		    (!own && !nfvpn_translated(flow)))
			continue;
		if (!strcmp(flow->helper, "pptp") && !nfvpn_drop_in()) {
			nfvpn_find_intree(flow);
			return;
		}
		/* Its own needs none as long as no client wants that server. */
		if (!flow->helper[0] && !own) {
			nfvpn_find_no_helper(facts, served, flow);
			return;
		}
	}
}

/* The router's own connection, not helped, to a server of a client. */
static void nfvpn_check_own(const struct nfvpn_facts *facts,
			    const struct nfvpn_served *served)
{
	const struct nfvpn_flow *flow;
	size_t i, k;

	for (i = 0; i < facts->flows.n; i++) {
		flow = &facts->flows.at[i];
		if (flow->protocol != served->protocol || flow->helper[0] ||
		    flow->orig.dport != served->port ||
		    !nfvpn_facts_own(facts, flow->orig.src))
			continue;
		for (k = 0; k < facts->sessions.n; k++)
			if (facts->sessions.at[k].server == flow->orig.dst) {
				nfvpn_find_no_helper(facts, served, flow);
				return;
			}
	}
}

/* It has a session: somebody marked it in time. */
static bool nfvpn_is_marked(const struct nfvpn_facts *facts,
			    const struct nfvpn_flow *flow)
{
	size_t i;

	for (i = 0; i < facts->sessions.n; i++)
		if (facts->sessions.at[i].protocol == NF_VPN_PROTOCOL_L2TP_IP &&
		    facts->sessions.at[i].client == flow->orig.src &&
		    facts->sessions.at[i].server == flow->orig.dst)
			return true;
	return false;
}

static void nfvpn_check_l2tp_ip(const struct nfvpn_facts *facts)
{
	uint64_t n = nfvpn_facts_stat(facts, "l2tp_unknown");
	const struct nfvpn_flow *flow;
	size_t i;

	for (i = 0; i < facts->flows.n; i++) {
		flow = &facts->flows.at[i];
		if (flow->protocol != NFVPN_IP_L2TP ||
		    !nfvpn_translated(flow) || nfvpn_is_marked(facts, flow))
			continue;
		nfvpn_find(&(struct nfvpn_finding){
			NFVPN_FAULT, "l2tp-ip-unmarked", NFVPN_HERE,
			"L2TP over IP (protocol 115) crosses without help: its packets are not marked, or were not from the first one on",
			nfvpn_say("conntrack: %s -> %s; l2tp_ip_mark is 0x%x, l2tp_unknown %" PRIu64,
				  nfvpn_say_address(flow->orig.src),
				  nfvpn_say_address(flow->orig.dst),
				  nfvpn_mark_get(), n),
			"nfvpn enable l2tp, then conntrack -D -p 115" });
		return;
	}
}

static void nfvpn_check_conntrack(void)
{
	uint64_t max, count;

	max = nfvpn_file_number("/proc/sys/net/netfilter/nf_conntrack_max", 0);
	count = nfvpn_file_number("/proc/sys/net/netfilter/nf_conntrack_count",
				  0);
	if (!max || count < max - max / 20)
		return;
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "conntrack-full", NFVPN_HERE,
		"connection tracking is full: new tunnels are dropped",
		nfvpn_say("nf_conntrack_count %" PRIu64 " of nf_conntrack_max %" PRIu64,
			  count, max),
		"sysctl -w net.netfilter.nf_conntrack_max=262144; conntrack -L shows who fills it" });
}

static void nfvpn_check_idle(const struct nfvpn_facts *facts)
{
	if (!facts->module || facts->active || !nfvpn_any_rule(facts))
		return;
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_NOTE, "nothing-yet", NFVPN_HERE,
		"there are rules, but no control connection came by since the modules were loaded",
		"nfvpn status: active no",
		"let a client connect, and ask again" });
}

void nfvpn_check_setup(const struct nfvpn_facts *facts)
{
	size_t i;

	nfvpn_check_module(facts);
	nfvpn_check_forward();
	nfvpn_check_rule(facts);
	for (i = 0; i < NFVPN_SERVED; i++) {
		nfvpn_check_helper(facts, &nfvpn_served[i]);
		nfvpn_check_own(facts, &nfvpn_served[i]);
	}
	nfvpn_check_l2tp_ip(facts);
	nfvpn_check_conntrack();
	nfvpn_check_idle(facts);
}
