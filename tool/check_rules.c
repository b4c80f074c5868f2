// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ruleset, as far as it can be read: which rule gives a helper, which one drops
 * what a tunnel needs.  What is not understood (sets by name, iptables' own matches)
 * is taken to be right: a finding has a rule to show, and its counter if it has one.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include "doctor.h"
#include "nfvpn.h"

#define NFVPN_HERE	"this router"
#define NFVPN_JUMPS	16

/* What a tunnel needs.  The first three are RELATED at first. */
enum {
	NFVPN_GRE = 1,
	NFVPN_ESP = 2,
	NFVPN_ICMP = 4,
	NFVPN_L2TP_IP = 8,
	NFVPN_TCP_1723 = 16,
	NFVPN_UDP_500 = 32,
	NFVPN_UDP_4500 = 64,
	NFVPN_UDP_1701 = 128,
	NFVPN_RELATED = NFVPN_GRE | NFVPN_ESP | NFVPN_ICMP,
	NFVPN_UDP = NFVPN_UDP_500 | NFVPN_UDP_4500 | NFVPN_UDP_1701,
	NFVPN_ALL = 255,
};

static const struct {
	unsigned int	bit;
	const char	*name;
	const char	*l4[3];		/* names and number */
	unsigned int	port;
} nfvpn_needs[] = {
	{ NFVPN_GRE, "GRE", { "gre", "47" }, 0 },
	{ NFVPN_ESP, "ESP", { "esp", "50" }, 0 },
	{ NFVPN_ICMP, "ICMP errors (path MTU)", { "icmp", "1" }, 0 },
	{ NFVPN_L2TP_IP, "L2TP over IP", { "l2tp", "115" }, 0 },
	{ NFVPN_TCP_1723, "TCP 1723", { "tcp", "6" }, 1723 },
	{ NFVPN_UDP_500, "UDP 500", { "udp", "17" }, 500 },
	{ NFVPN_UDP_4500, "UDP 4500", { "udp", "17" }, 4500 },
	{ NFVPN_UDP_1701, "UDP 1701", { "udp", "17" }, 1701 },
};

#define NFVPN_NEEDS	(sizeof(nfvpn_needs) / sizeof(nfvpn_needs[0]))

/* One rule, digested. */
struct nfvpn_rule {
	const struct nfvpn_json	*json;
	unsigned int	about;		/* NFVPN_GRE and so on: may match these */
	bool		named;		/* by protocol or port */
	bool		more;		/* addresses, sets: matches not all of them */
	bool		opaque;		/* matches that we cannot read */
	bool		maps;		/* a verdict map that we cannot read */
	bool		states;		/* there is a match of ct state */
	bool		related;	/* ... that has related */
	bool		fresh;		/* ... that has new */
	bool		accept, drop, notrack;
	const char	*jump;
	double		packets;	/* -1: it does not count */
};

static const struct nfvpn_json *nfvpn_items(const struct nfvpn_facts *facts)
{
	const struct nfvpn_json *all = nfvpn_js_get(facts->nft, "nftables");

	return all ? all->child : NULL;
}

static bool nfvpn_same(const struct nfvpn_json *a, const char *a_key,
		       const struct nfvpn_json *b, const char *b_key)
{
	return !strcmp(nfvpn_js_text(a, a_key), nfvpn_js_text(b, b_key));
}

static bool nfvpn_same_table(const struct nfvpn_json *a,
			     const struct nfvpn_json *b)
{
	return nfvpn_same(a, "family", b, "family") &&
	       nfvpn_same(a, "table", b, "table");
}

/* --- which rule gives a helper */

/* Whether the chain @name is, or is jumped to from, one of this hook. */
static bool nfvpn_reached(const struct nfvpn_facts *facts,
			  const struct nfvpn_json *rule, const char *name,
			  const char *hook, int depth)
{
	const struct nfvpn_json *item, *chain, *other, *part;

	for (item = nfvpn_items(facts); item && depth; item = item->next) {
		chain = nfvpn_js_get(item, "chain");
		if (chain && nfvpn_same_table(chain, rule) &&
		    !strcmp(nfvpn_js_text(chain, "name"), name) &&
		    !strcmp(nfvpn_js_text(chain, "hook"), hook))
			return true;
		other = nfvpn_js_get(item, "rule");
		if (!other || !nfvpn_same_table(other, rule))
			continue;
		part = nfvpn_js_get(other, "expr");
		for (part = part ? part->child : NULL; part; part = part->next)
			if ((!strcmp(nfvpn_js_text(nfvpn_js_get(part, "jump"), "target"), name) ||
			     !strcmp(nfvpn_js_text(nfvpn_js_get(part, "goto"), "target"), name)) &&
			    nfvpn_reached(facts, rule,
					  nfvpn_js_text(other, "chain"), hook,
					  depth - 1))
				return true;
	}
	return false;
}

/* Whether a rule sets the helper object of this name, in its table. */
static bool nfvpn_is_set(const struct nfvpn_facts *facts,
			 const struct nfvpn_json *helper, const char *hook)
{
	const struct nfvpn_json *item, *rule, *part;

	for (item = nfvpn_items(facts); item; item = item->next) {
		rule = nfvpn_js_get(item, "rule");
		if (!rule || !nfvpn_same_table(rule, helper))
			continue;
		part = nfvpn_js_get(rule, "expr");
		for (part = part ? part->child : NULL; part; part = part->next)
			if (!strcmp(nfvpn_js_text(part, "ct helper"),
				    nfvpn_js_text(helper, "name")) &&
			    (!hook || nfvpn_reached(facts, rule,
						    nfvpn_js_text(rule, "chain"),
						    hook, NFVPN_JUMPS)))
				return true;
	}
	return false;
}

/* "-A OUTPUT -p tcp -m tcp --dport 1723 -j CT --helper vpn-pptp" */
static bool nfvpn_iptables_give(const char *text, const char *type,
				const char *hook)
{
	const char *want = nfvpn_say("--helper %s\n", type);
	const char *line, *hit;

	for (hit = text ? strstr(text, want) : NULL; hit;
	     hit = strstr(hit + 1, want)) {
		for (line = hit; line > text && line[-1] != '\n'; line--)
			;
		if (!hook || strcmp(hook, "output") ||
		    !strncmp(line, "-A OUTPUT ", strlen("-A OUTPUT ")))
			return true;
	}
	return false;
}

bool nfvpn_rules_give(const struct nfvpn_facts *facts, const char *type,
		      const char *hook)
{
	const struct nfvpn_json *item, *helper;

	for (item = nfvpn_items(facts); item; item = item->next) {
		helper = nfvpn_js_get(item, "ct helper");
		if (helper && !strcmp(nfvpn_js_text(helper, "type"), type) &&
		    nfvpn_is_set(facts, helper, hook))
			return true;
	}
	return nfvpn_iptables_give(facts->iptables, type, hook);
}

/* --- what is dropped */

/* Whether a match's right side has this: a value, a set of them, a range. */
static bool nfvpn_right_has(const struct nfvpn_json *right, unsigned int port,
			    const char *const *names)
{
	const struct nfvpn_json *range, *child;

	if (!right)
		return false;
	range = nfvpn_js_get(right, "range");
	if (range && port && range->child && range->child->next)
		return port >= range->child->number &&
		       port <= range->child->next->number;
	if (right->type == NFVPN_JSON_NUMBER && port)
		return right->number == port;
	if (!port && (nfvpn_js_has(right, names[0]) ||
		      nfvpn_js_has(right, names[1])))
		return true;
	for (child = right->child; port && child; child = child->next)
		if (nfvpn_right_has(child, port, names))
			return true;
	return false;
}

/* Which of @among a match of protocols (@ports: of ports) lets through. */
static unsigned int nfvpn_match_bits(const struct nfvpn_json *match,
				     unsigned int among, bool ports)
{
	const struct nfvpn_json *right = nfvpn_js_get(match, "right");
	unsigned int bits = 0;
	size_t i;

	/* A set with a name: who knows what is in it. */
	if (right && right->type == NFVPN_JSON_STRING && right->text[0] == '@')
		return among;
	for (i = 0; i < NFVPN_NEEDS; i++)
		if (nfvpn_needs[i].bit & among &&
		    (!ports || nfvpn_needs[i].port) &&
		    nfvpn_right_has(right, ports ? nfvpn_needs[i].port : 0,
				    nfvpn_needs[i].l4))
			bits |= nfvpn_needs[i].bit;
	return !strcmp(nfvpn_js_text(match, "op"), "!=") ? among & ~bits : bits;
}

static void nfvpn_digest_state(struct nfvpn_rule *rule,
			       const struct nfvpn_json *match)
{
	const struct nfvpn_json *right = nfvpn_js_get(match, "right");
	bool not = !strcmp(nfvpn_js_text(match, "op"), "!=");

	rule->states = true;
	rule->related = nfvpn_js_has(right, "related") != not;
	rule->fresh = nfvpn_js_has(right, "new") != not;
}

static void nfvpn_digest_payload(struct nfvpn_rule *rule,
				 const struct nfvpn_json *match,
				 const struct nfvpn_json *payload)
{
	const char *protocol = nfvpn_js_text(payload, "protocol");
	const char *field = nfvpn_js_text(payload, "field");
	unsigned int among = NFVPN_UDP | NFVPN_TCP_1723;

	if (!strcmp(field, "protocol")) {
		rule->about &= nfvpn_match_bits(match, NFVPN_ALL, false);
		rule->named = true;
	} else if (!strcmp(field, "dport") || !strcmp(field, "sport")) {
		if (!strcmp(protocol, "udp"))
			among = NFVPN_UDP;
		if (!strcmp(protocol, "tcp"))
			among = NFVPN_TCP_1723;
		rule->about &= nfvpn_match_bits(match, among, true);
		rule->named = true;
	} else if (!strcmp(protocol, "icmp")) {
		if (strcmp(field, "type") ||
		    nfvpn_js_has(nfvpn_js_get(match, "right"), "destination-unreachable"))
			rule->about &= NFVPN_ICMP;
		else
			rule->about = 0;
		rule->named = true;
	} else {
		rule->more = true;
	}
}

static void nfvpn_digest_match(struct nfvpn_rule *rule,
			       const struct nfvpn_json *match)
{
	const struct nfvpn_json *left = nfvpn_js_get(match, "left");
	const struct nfvpn_json *payload = nfvpn_js_get(left, "payload");
	const char *meta = nfvpn_js_text(nfvpn_js_get(left, "meta"), "key");
	const char *ct = nfvpn_js_text(nfvpn_js_get(left, "ct"), "key");

	if (payload) {
		nfvpn_digest_payload(rule, match, payload);
	} else if (!strcmp(meta, "l4proto") || !strcmp(meta, "protocol")) {
		if (*meta == 'l') {
			rule->about &= nfvpn_match_bits(match, NFVPN_ALL, false);
			rule->named = true;
		}
	} else if (!strcmp(ct, "state")) {
		nfvpn_digest_state(rule, match);
	} else if (strcmp(meta, "iifname") && strcmp(meta, "oifname") &&
		   strcmp(meta, "iif") && strcmp(meta, "oif")) {
		rule->more = true;
	}
}

/* "ct state vmap { established : accept, related : accept }" */
static void nfvpn_digest_vmap(struct nfvpn_rule *rule,
			      const struct nfvpn_json *vmap)
{
	const struct nfvpn_json *pair = nfvpn_js_get(vmap, "data");

	pair = nfvpn_js_get(pair, "set");
	for (pair = pair ? pair->child : NULL; pair; pair = pair->next) {
		if (!pair->child || !pair->child->next ||
		    !nfvpn_js_has(pair->child, "related") ||
		    !nfvpn_js_get(pair->child->next, "accept"))
			continue;
		rule->states = true;
		rule->related = true;
		rule->accept = true;
	}
	rule->maps = !rule->accept;
}

static void nfvpn_digest(struct nfvpn_rule *rule, const struct nfvpn_json *json)
{
	const struct nfvpn_json *part = nfvpn_js_get(json, "expr"), *value;

	memset(rule, 0, sizeof(*rule));
	rule->json = json;
	rule->about = NFVPN_ALL;
	rule->packets = -1;
	for (part = part ? part->child : NULL; part; part = part->next) {
		value = part->child;
		if (!value || !value->key)
			continue;
		if (!strcmp(value->key, "match"))
			nfvpn_digest_match(rule, value);
		else if (!strcmp(value->key, "vmap"))
			nfvpn_digest_vmap(rule, value);
		else if (!strcmp(value->key, "counter"))
			rule->packets = nfvpn_js_number(value, "packets", -1);
		else if (!strcmp(value->key, "accept"))
			rule->accept = true;
		else if (!strcmp(value->key, "drop") ||
			 !strcmp(value->key, "reject"))
			rule->drop = true;
		else if (!strcmp(value->key, "notrack"))
			rule->notrack = true;
		else if (!strcmp(value->key, "jump") ||
			 !strcmp(value->key, "goto"))
			rule->jump = nfvpn_js_text(value, "target");
		else if (!strcmp(value->key, "xt") ||
			 !strcmp(value->key, "limit"))
			rule->opaque = true;
	}
}

static const char *nfvpn_say_needs(unsigned int bits)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < NFVPN_NEEDS; i++)
		if (bits & nfvpn_needs[i].bit)
			text = nfvpn_say("%s%s%s", text, *text ? ", " : "",
					 nfvpn_needs[i].name);
	return text;
}

static const char *nfvpn_say_rule(const struct nfvpn_rule *rule)
{
	return nfvpn_say("table %s %s, chain %s, rule handle %.0f%s",
			 nfvpn_js_text(rule->json, "family"),
			 nfvpn_js_text(rule->json, "table"),
			 nfvpn_js_text(rule->json, "chain"),
			 nfvpn_js_number(rule->json, "handle", 0),
			 rule->packets < 0 ? "; it has no counter" :
			 nfvpn_say(": %.0f packets", rule->packets));
}

/* Whether a session of ours gets no answer: then a rule without counter counts. */
static bool nfvpn_unanswered(const struct nfvpn_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->sessions.n; i++)
		if (!facts->sessions.at[i].replied &&
		    facts->sessions.at[i].state == NF_VPN_STATE_UP)
			return true;
	return false;
}

static void nfvpn_find_drop(const struct nfvpn_facts *facts,
			    const struct nfvpn_rule *rule, unsigned int hit)
{
	bool mtu = hit == NFVPN_ICMP;
	bool did = rule->packets > 0 ||
		   (rule->packets < 0 && !mtu && nfvpn_unanswered(facts));

	nfvpn_find(&(struct nfvpn_finding){
		did ? NFVPN_FAULT : NFVPN_NOTE, mtu ? "icmp-dropped" :
						      "rule-drops",
		NFVPN_HERE,
		mtu ? "a rule drops ICMP errors: senders cannot learn the path's MTU, and large packets vanish in the tunnel" :
		      nfvpn_say("a rule drops %s%s", nfvpn_say_needs(hit),
				did ? "" : ", if it comes by"),
		nfvpn_say_rule(rule),
		nfvpn_say("nft -a list chain %s %s %s; put \"ct state established,related accept\" before it, or delete it",
			  nfvpn_js_text(rule->json, "family"),
			  nfvpn_js_text(rule->json, "table"),
			  nfvpn_js_text(rule->json, "chain")) });
}

/**
 * struct nfvpn_walk - a base chain, as a packet goes through it
 * @fine: of NFVPN_ALL: what a rule before this one accepts
 * @accepts: a rule accepts without looking at state, protocol or port
 * @forward: dropped here is dropped for clients
 */
struct nfvpn_walk {
	const struct nfvpn_facts	*facts;
	const struct nfvpn_json		*chain;
	unsigned int			fine;
	bool				accepts;
	bool				forward;
};

static void nfvpn_walk_accept(struct nfvpn_walk *walk,
			      const struct nfvpn_rule *rule)
{
	if (rule->opaque)
		walk->fine = NFVPN_ALL;
	/* "from the LAN, all": the client's packets are the first ones. */
	if (!rule->states && !rule->named)
		walk->accepts = true;
	else if (!rule->states || rule->related)
		walk->fine |= rule->about & NFVPN_RELATED;
	if (!rule->more && (!rule->states || rule->fresh))
		walk->fine |= rule->about & ~NFVPN_RELATED;
}

static void nfvpn_walk_drop(struct nfvpn_walk *walk,
			    const struct nfvpn_rule *rule)
{
	unsigned int hit = rule->about & ~walk->fine;

	/* Others' states: what is invalid is none of ours. */
	if (rule->opaque || (rule->states && !rule->related && !rule->fresh))
		return;
	/* Ports are dropped before NAT for what strangers send. */
	if (!walk->forward)
		hit &= NFVPN_GRE | NFVPN_ESP;
	if (rule->named && hit)
		nfvpn_find_drop(walk->facts, rule, hit);
}

static void nfvpn_find_notrack(const struct nfvpn_rule *rule)
{
	nfvpn_find(&(struct nfvpn_finding){
		rule->packets ? NFVPN_FAULT : NFVPN_NOTE, "notrack", NFVPN_HERE,
		nfvpn_say("a rule takes %s out of connection tracking: no NAT, no help",
			  nfvpn_say_needs(rule->about)),
		nfvpn_say_rule(rule),
		nfvpn_say("nft delete rule %s %s %s handle %.0f",
			  nfvpn_js_text(rule->json, "family"),
			  nfvpn_js_text(rule->json, "table"),
			  nfvpn_js_text(rule->json, "chain"),
			  nfvpn_js_number(rule->json, "handle", 0)) });
}

static void nfvpn_walk_chain(struct nfvpn_walk *walk, const char *name,
			     unsigned int among, int depth)
{
	const struct nfvpn_json *item, *json;
	struct nfvpn_rule rule;

	for (item = nfvpn_items(walk->facts); item && depth; item = item->next) {
		json = nfvpn_js_get(item, "rule");
		if (!json || !nfvpn_same_table(json, walk->chain) ||
		    strcmp(nfvpn_js_text(json, "chain"), name))
			continue;
		nfvpn_digest(&rule, json);
		rule.about &= among;
		if (rule.maps)
			walk->fine = NFVPN_ALL;
		if (rule.accept)
			nfvpn_walk_accept(walk, &rule);
		if (rule.drop && rule.about)
			nfvpn_walk_drop(walk, &rule);
		if (rule.notrack && rule.about && !rule.opaque && !rule.more)
			nfvpn_find_notrack(&rule);
		if (rule.jump && rule.about)
			nfvpn_walk_chain(walk, rule.jump, rule.about,
					 depth - 1);
	}
}

/* The end of a chain whose policy is drop: GRE and ESP are RELATED at first. */
static void nfvpn_find_policy(const struct nfvpn_walk *walk)
{
	bool did = nfvpn_unanswered(walk->facts);

	nfvpn_find(&(struct nfvpn_finding){
		did ? NFVPN_FAULT : NFVPN_NOTE, "related-dropped", NFVPN_HERE,
		"a chain drops what no rule accepts, and none accepts GRE or ESP that is related to its control connection",
		nfvpn_say("table %s %s, chain %s: policy drop, no \"ct state related accept\"%s",
			  nfvpn_js_text(walk->chain, "family"),
			  nfvpn_js_text(walk->chain, "table"),
			  nfvpn_js_text(walk->chain, "name"),
			  did ? "; sessions get no answer (nfvpn list)" : ""),
		nfvpn_say("nft insert rule %s %s %s ct state established,related accept",
			  nfvpn_js_text(walk->chain, "family"),
			  nfvpn_js_text(walk->chain, "table"),
			  nfvpn_js_text(walk->chain, "name")) });
}

static void nfvpn_check_chain(const struct nfvpn_facts *facts,
			      const struct nfvpn_json *chain)
{
	const char *hook = nfvpn_js_text(chain, "hook");
	struct nfvpn_walk walk = {
		.facts = facts,
		.chain = chain,
		.forward = !strcmp(hook, "forward") ||
			   !strcmp(hook, "postrouting"),
	};
	const char *family = nfvpn_js_text(chain, "family");

	if ((strcmp(family, "ip") && strcmp(family, "inet")) ||
	    (!walk.forward && strcmp(hook, "prerouting")))
		return;
	nfvpn_walk_chain(&walk, nfvpn_js_text(chain, "name"), NFVPN_ALL,
			 NFVPN_JUMPS);
	if (!strcmp(hook, "forward") && !walk.accepts &&
	    (walk.fine & (NFVPN_GRE | NFVPN_ESP)) != (NFVPN_GRE | NFVPN_ESP) &&
	    !strcmp(nfvpn_js_text(chain, "policy"), "drop"))
		nfvpn_find_policy(&walk);
}

/* Port 500 goes to a host inside, and somebody here listens to it, too. */
static void nfvpn_check_endpoint(const struct nfvpn_facts *facts)
{
	const struct nfvpn_json *item, *rule, *part;
	struct nfvpn_rule digest;
	char *sockets;
	bool here;

	if (!nfvpn_read_file("/proc/net/udp", &sockets))
		return;
	here = strstr(sockets, ":01F4 00000000:0000");
	free(sockets);
	for (item = nfvpn_items(facts); here && item; item = item->next) {
		rule = nfvpn_js_get(item, "rule");
		part = nfvpn_js_get(rule, "expr");
		for (part = part ? part->child : NULL; part; part = part->next)
			if (nfvpn_js_get(part, "dnat"))
				break;
		if (!part)
			continue;
		nfvpn_digest(&digest, rule);
		if (!digest.named || !(digest.about & NFVPN_UDP_500))
			continue;
		nfvpn_find(&(struct nfvpn_finding){
			NFVPN_FAULT, "own-endpoint", NFVPN_HERE,
			"IKE that comes in is forwarded to a host inside, but a program here listens on UDP 500 as well and hears nothing",
			nfvpn_say("/proc/net/udp: port 500; %s",
				  nfvpn_say_rule(&digest)),
			"stop one of them: ss -ulpn sport = 500 names the program; or give it another public address" });
		return;
	}
}

void nfvpn_check_rules(const struct nfvpn_facts *facts)
{
	const struct nfvpn_json *item, *chain;

	for (item = nfvpn_items(facts); item; item = item->next) {
		chain = nfvpn_js_get(item, "chain");
		if (chain && *nfvpn_js_text(chain, "hook"))
			nfvpn_check_chain(facts, chain);
	}
	nfvpn_check_endpoint(facts);
}
