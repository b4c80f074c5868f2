// SPDX-License-Identifier: GPL-2.0-only
/* Limits, and what sessions, flows and counters tell about the other sides. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include "doctor.h"
#include "nfvpn.h"

/* Seconds after which an answer may be missed. */
#define NFVPN_PATIENCE	10
/* Unanswered packets that are more than bad luck. */
#define NFVPN_TRIES	3

static const struct {
	const char	*counter;
	const char	*what;
	const char	*todo;
} nfvpn_limits[] = {
	{ "flow_limit", "sessions were refused: the table is full",
	  "sysctl net.netfilter.nf_vpn.max_flows; raise it, or see with nfvpn list who fills it" },
	{ "client_limit", "sessions of a client were refused: it has too many",
	  "sysctl net.netfilter.nf_vpn.max_per_client; raise it, or see nfvpn list --client" },
	{ "zone_full", "sessions were refused: the reserved conntrack zones are used up",
	  "raise sysctl net.netfilter.nf_vpn.zone_count" },
	{ "pptp_no_id", "calls were refused: no call ID was free",
	  "widen sysctl net.netfilter.nf_vpn.pptp_id_min and pptp_id_max" },
};

static void nfvpn_check_limits(const struct nfvpn_facts *facts)
{
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(nfvpn_limits) / sizeof(nfvpn_limits[0]); i++) {
		n = nfvpn_facts_stat(facts, nfvpn_limits[i].counter);
		if (n)
			nfvpn_find(&(struct nfvpn_finding){
				NFVPN_FAULT, "limit", "this router's settings",
				nfvpn_limits[i].what,
				nfvpn_say("nfvpn stats: %s %" PRIu64 "; %u of %u flows are used",
					  nfvpn_limits[i].counter, n,
					  facts->n_flows, facts->max_flows),
				nfvpn_limits[i].todo });
	}
}

static void nfvpn_check_ah(const struct nfvpn_facts *facts)
{
	uint64_t n = nfvpn_facts_stat(facts, "ah_nat");

	if (n)
		nfvpn_find(&(struct nfvpn_finding){
			NFVPN_FAULT, "ah-nat", "the client's and the server's settings",
			"AH crosses the NAT: it signs the addresses, so the other end discards it; no router can help",
			nfvpn_say("nfvpn stats: ah_nat %" PRIu64, n),
			"use ESP without AH at both ends, or NAT traversal" });
}

/* RFC 1918, and RFC 6598: the provider's NAT. */
static bool nfvpn_private(uint32_t address)
{
	uint32_t a = ntohl(address);

	return (a & 0xff000000) == 0x0a000000 ||
	       (a & 0xfff00000) == 0xac100000 ||
	       (a & 0xffff0000) == 0xc0a80000 ||
	       (a & 0xffc00000) == 0x64400000;
}

/* Sessions from this address that are answered. */
static unsigned int nfvpn_answered(const struct nfvpn_facts *facts,
				   uint32_t public)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < facts->sessions.n; i++)
		n += facts->sessions.at[i].public == public &&
		     facts->sessions.at[i].replied;
	return n;
}

static void nfvpn_find_double_nat(const struct nfvpn_facts *facts,
				  uint32_t public, const char *from)
{
	unsigned int answered = nfvpn_answered(facts, public);

	nfvpn_find(&(struct nfvpn_finding){
		/* Two and more of a server say that the other one helps, too. */
		answered > 1 ? NFVPN_NOTE : NFVPN_FAULT, "double-nat",
		"the next router, towards the provider",
		"this router's outer address is not public: another one translates again, and has to help as well",
		nfvpn_say("%s leaves as %s, %s; answered sessions: %u", from,
			  nfvpn_say_address(public),
			  (ntohl(public) >> 24) == 100 ?
			  "of 100.64.0.0/10, the provider's NAT" :
			  "of RFC 1918", answered),
		"put that one into bridge mode, or run these modules there, too; what it does cannot be seen from here" });
}

static void nfvpn_check_double_nat(const struct nfvpn_facts *facts)
{
	const struct nfvpn_session *session;
	const struct nfvpn_flow *flow;
	size_t i;

	for (i = 0; i < facts->sessions.n; i++) {
		session = &facts->sessions.at[i];
		if (session->public && session->public != session->client &&
		    nfvpn_facts_own(facts, session->public) &&
		    nfvpn_private(session->public) &&
		    !nfvpn_private(session->server)) {
			nfvpn_find_double_nat(facts, session->public,
					      "a session");
			return;
		}
	}
	for (i = 0; i < facts->flows.n; i++) {
		flow = &facts->flows.at[i];
		if (flow->helper[0] && flow->reply.dst != flow->orig.src &&
		    nfvpn_private(flow->reply.dst) &&
		    !nfvpn_private(flow->orig.dst)) {
			nfvpn_find_double_nat(facts, flow->reply.dst,
					      "a control connection");
			return;
		}
	}
}

static const char *nfvpn_tcpdump(uint32_t protocol)
{
	return protocol == NF_VPN_PROTOCOL_PPTP ? "ip proto 47" :
	       protocol == NF_VPN_PROTOCOL_ESP ? "esp" :
	       protocol == NF_VPN_PROTOCOL_L2TP_IP ? "ip proto 115" :
						     "udp port 1701";
}

static void nfvpn_find_stuck(const struct nfvpn_facts *facts,
			     const struct nfvpn_session *session)
{
	uint64_t strays;

	strays = nfvpn_facts_stat(facts, session->protocol ==
				  NF_VPN_PROTOCOL_PPTP ? "gre_unknown" :
							 "esp_unexpected");
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "no-answer",
		strays ? "the server, the way there, or this router: see the counter" :
			 "the server, or the way there: nothing has come back to this router",
		nfvpn_say("session %u of %s: the client sends, and no packet comes back",
			  session->id, nfvpn_say_address(session->client)),
		nfvpn_say("nfvpn list: %s to %s, %" PRIu64 " packets out, %" PRIu64 " in, for %u s; %s %" PRIu64,
			  nfvpn_protocol_name(session->protocol),
			  nfvpn_say_address(session->server),
			  session->out, session->in,
			  session->age,
			  session->protocol == NF_VPN_PROTOCOL_PPTP ?
			  "gre_unknown" : "esp_unexpected", strays),
		nfvpn_say("tcpdump -ni WAN-INTERFACE '%s and host %s': only packets out: the server's firewall or the provider drops them",
			  nfvpn_tcpdump(session->protocol),
			  nfvpn_say_address(session->server)) });
}

static void nfvpn_check_stuck(const struct nfvpn_facts *facts)
{
	const struct nfvpn_session *session;
	size_t i;

	for (i = 0; i < facts->sessions.n; i++) {
		session = &facts->sessions.at[i];
		if (session->state == NF_VPN_STATE_UP && !session->replied &&
		    session->out >= NFVPN_TRIES &&
		    session->age >= NFVPN_PATIENCE)
			nfvpn_find_stuck(facts, session);
	}
}

/* --- two clients of a server */

static bool nfvpn_is_control(const struct nfvpn_flow *flow)
{
	return (flow->protocol == IPPROTO_TCP && flow->orig.dport == 1723) ||
	       (flow->protocol == IPPROTO_UDP &&
		(flow->orig.dport == 500 || flow->orig.dport == 1701));
}

static bool nfvpn_is_dead(const struct nfvpn_flow *flow)
{
	if (flow->protocol == IPPROTO_TCP)
		return !strcmp(flow->state, "CLOSE") ||
		       (!strcmp(flow->state, "SYN_SENT") && flow->unreplied);
	/* Without accounting there is no count, and no verdict. */
	return flow->unreplied && flow->orig.packets >= NFVPN_TRIES;
}

static bool nfvpn_is_alive(const struct nfvpn_flow *flow)
{
	return !flow->unreplied && (flow->protocol != IPPROTO_TCP ||
				    !strcmp(flow->state, "ESTABLISHED"));
}

static bool nfvpn_siblings(const struct nfvpn_flow *a,
			   const struct nfvpn_flow *b)
{
	return a->protocol == b->protocol &&
	       a->orig.dport == b->orig.dport && a->orig.dst == b->orig.dst &&
	       a->reply.dst == b->reply.dst && a->orig.src != b->orig.src;
}

static bool nfvpn_check_second(const struct nfvpn_facts *facts,
			       const struct nfvpn_flow *flow)
{
	const struct nfvpn_flow *other;
	size_t i;

	for (i = 0; i < facts->flows.n; i++) {
		other = &facts->flows.at[i];
		if (!nfvpn_siblings(flow, other) || !nfvpn_is_alive(other))
			continue;
		nfvpn_find(&(struct nfvpn_finding){
			NFVPN_FAULT, "second-client", "the server",
			nfvpn_say("the server answers one client and refuses another behind the same address: it allows one connection an address"),
			nfvpn_say("conntrack: %s -> %s port %u is answered; %s -> %s port %u %s%s, %" PRIu64 " packets",
				  nfvpn_say_address(other->orig.src),
				  nfvpn_say_address(other->orig.dst),
				  other->orig.dport,
				  nfvpn_say_address(flow->orig.src),
				  nfvpn_say_address(flow->orig.dst),
				  flow->orig.dport,
				  flow->unreplied ? "is not" : "was closed, state ",
				  flow->unreplied ? "" : flow->state,
				  flow->orig.packets),
			"raise the server's limit of connections from one address, or give the second client another public address (snat)" });
		return true;
	}
	return false;
}

static void nfvpn_check_seconds(const struct nfvpn_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->flows.n; i++)
		if (nfvpn_is_control(&facts->flows.at[i]) &&
		    nfvpn_is_dead(&facts->flows.at[i]) &&
		    nfvpn_check_second(facts, &facts->flows.at[i]))
			return;
}

/* The module saw one client cut off by another's coming; see natt_doubt.h. */
static void nfvpn_find_collision(const struct nfvpn_flow *a,
				 const struct nfvpn_flow *b, uint64_t n)
{
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_FAULT, "l2tp-selectors", "the server",
		"the server takes two clients behind one address for one: one is sent nothing any more since the other came, most likely as both have L2TP over IPsec from UDP port 1701. No router can help",
		nfvpn_say("nfvpn stats: natt_collision %" PRIu64 " (dmesg has the addresses); conntrack: %s and %s -> %s port 4500",
			  n, nfvpn_say_address(a->orig.src),
			  nfvpn_say_address(b->orig.src),
			  nfvpn_say_address(a->orig.dst)),
		"on the server, strongSwan: mark_in = mark_out = %unique and the plugin connmark; or on the clients, L2TP from a port of its own each (xl2tpd: port = 40001); or here: snat one of them to another public address. See docs/l2tp-ipsec.md" });
}

/* Encryption hides whether two clients have L2TP with the server: a note. */
static void nfvpn_find_selectors(const struct nfvpn_flow *a,
				 const struct nfvpn_flow *b)
{
	nfvpn_find(&(struct nfvpn_finding){
		NFVPN_NOTE, "l2tp-selectors",
		"the server, if the older tunnel dies when the newer one comes up",
		"two clients have IPsec in UDP 4500 with one server; if it carries L2TP (transport mode, as Windows does), the server may take both for one. Encrypted: it cannot be told from here until it happens (natt_collision)",
		nfvpn_say("conntrack: %s and %s -> %s port 4500",
			  nfvpn_say_address(a->orig.src),
			  nfvpn_say_address(b->orig.src),
			  nfvpn_say_address(a->orig.dst)),
		"on the server: give each client a mark of its own (strongSwan: mark_in = mark_out = %unique and the plugin connmark), or use IKEv2 without L2TP; see docs/l2tp-ipsec.md" });
}

/*
 * Two clients that speak L2TP in IPsec transport mode have, for the server, the same
 * selectors.
 */
static void nfvpn_check_selectors(const struct nfvpn_facts *facts)
{
	uint64_t n = nfvpn_facts_stat(facts, "natt_collision");
	const struct nfvpn_flow *a, *b;
	size_t i, k;

	for (i = 0; i < facts->flows.n; i++) {
		a = &facts->flows.at[i];
		if (a->orig.dport != 4500 || a->protocol != IPPROTO_UDP)
			continue;
		for (k = i + 1; k < facts->flows.n; k++) {
			b = &facts->flows.at[k];
			if (!nfvpn_siblings(a, b))
				continue;
			if (n)
				nfvpn_find_collision(a, b, n);
			else
				nfvpn_find_selectors(a, b);
			return;
		}
	}
}

/* --- what counters say */

static const struct {
	const char		*counter;
	enum nfvpn_weight	weight;
	const char		*check;
	const char		*at;
	const char		*what;
	const char		*todo;
} nfvpn_told[] = {
	{ "esp_shared", NFVPN_NOTE, "spi-shared", "the clients",
	  "two clients of a server chose the same SPI: both get the packets until one rekeys",
	  "nothing; if it stays: nfvpn flush --protocol esp" },
	{ "esp_unknown", NFVPN_NOTE, "esp-unhelped", "this router",
	  "ESP passed between ends whose IKE no rule gave to vpn-ike, perhaps before the rule",
	  "nfvpn enable ipsec, then let the client connect anew" },
	{ "l2tp_hidden", NFVPN_FAULT, "l2tp-hidden", "the client's and the server's settings",
	  "L2TPv3 over IP hides its IDs (RFC 3931 5.3): they cannot be translated",
	  "turn AVP hiding off, or use L2TP over UDP" },
	{ "l2tp_digest", NFVPN_FAULT, "l2tp-digest", "the client's and the server's settings",
	  "L2TPv3 over IP is signed, and an ID in it is taken by another client",
	  "turn the message digest off, or use L2TP over UDP" },
	{ "pptp_refused", NFVPN_FAULT, "pptp-refused", "this router's settings",
	  "PPTP calls were refused: a limit or no memory",
	  "sysctl net.netfilter.nf_vpn.pptp_max_calls and max_per_client" },
	{ "l2tp_refused", NFVPN_FAULT, "l2tp-refused", "this router's settings",
	  "L2TP sessions were refused: a limit, no memory or no free ID",
	  "sysctl net.netfilter.nf_vpn.max_per_client and max_flows" },
	{ "esp_refused", NFVPN_FAULT, "esp-refused", "this router's settings",
	  "IPsec SPIs were refused: a limit, no zone or no memory",
	  "sysctl net.netfilter.nf_vpn.max_per_client, max_flows and zone_count" },
};

static void nfvpn_check_told(const struct nfvpn_facts *facts)
{
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(nfvpn_told) / sizeof(nfvpn_told[0]); i++) {
		n = nfvpn_facts_stat(facts, nfvpn_told[i].counter);
		if (n)
			nfvpn_find(&(struct nfvpn_finding){
				nfvpn_told[i].weight, nfvpn_told[i].check,
				nfvpn_told[i].at, nfvpn_told[i].what,
				nfvpn_say("nfvpn stats: %s %" PRIu64,
					  nfvpn_told[i].counter, n),
				nfvpn_told[i].todo });
	}
}

/* The router itself has IPsec with a server of its clients. */
static void nfvpn_check_own_ipsec(const struct nfvpn_facts *facts)
{
	const struct nfvpn_session *session;
	const struct nfvpn_flow *flow;
	size_t i, k;

	for (i = 0; i < facts->flows.n; i++) {
		flow = &facts->flows.at[i];
		if (flow->protocol != IPPROTO_UDP || flow->orig.dport != 500 ||
		    !nfvpn_facts_own(facts, flow->orig.src))
			continue;
		for (k = 0; k < facts->sessions.n; k++) {
			session = &facts->sessions.at[k];
			if (session->server != flow->orig.dst ||
			    session->client == flow->orig.src ||
			    session->protocol != NF_VPN_PROTOCOL_ESP)
				continue;
			nfvpn_find(&(struct nfvpn_finding){
				NFVPN_NOTE, "own-ipsec", "the server's settings",
				"this router has IPsec of its own with a server of its clients: a server that knows peers by address takes them for one",
				nfvpn_say("conntrack: this router %s and client %s, both with %s",
					  nfvpn_say_address(flow->orig.src),
					  nfvpn_say_address(session->client),
					  nfvpn_say_address(session->server)),
				"give the two different identities (IKE IDs), or the client another public address" });
			return;
		}
	}
}

void nfvpn_check_sessions(const struct nfvpn_facts *facts)
{
	nfvpn_check_limits(facts);
	nfvpn_check_ah(facts);
	nfvpn_check_double_nat(facts);
	nfvpn_check_stuck(facts);
	nfvpn_check_seconds(facts);
	nfvpn_check_selectors(facts);
	nfvpn_check_own_ipsec(facts);
	nfvpn_check_told(facts);
}
