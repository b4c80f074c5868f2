/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every exit of the packet path names one of these; /proc/net/nf_vpn/stats
 * shows them by the lower-case name.  One line each: the name, and what it
 * tells the person who looks for a lost tunnel.
 */
#ifndef _NF_VPN_STATS_H
#define _NF_VPN_STATS_H

#include <linux/types.h>

#define NF_VPN_STATS(X)							\
	/* the hook */							\
	X(ATTACHED,		"packets given their conntrack entry by us") \
	X(STALE,		"packets of a flow whose entry had ended") \
	X(FRAGMENT,		"fragments, left to stock conntrack")	\
	X(TRUNCATED,		"headers cut short, left alone")		\
	X(ICMP_ATTACHED,	"ICMP errors given to the right client") \
	X(ICMP_UNKNOWN,		"ICMP errors that quote no flow of ours") \
	X(ICMP_BAD,		"ICMP errors refused: checksum, or not for the client quoted") \
	/* tables */							\
	X(FLOW_NEW,		"flows made")				\
	X(FLOW_END,		"flows ended")				\
	X(FLOW_LIMIT,		"flows refused: sysctl max_flows")	\
	X(CLIENT_LIMIT,		"flows or sessions refused: sysctl max_per_client") \
	X(NO_MEMORY,		"allocation failed")			\
	X(CT_FAIL,		"conntrack refused an entry")		\
	X(ZONE_USED,		"entries that needed a zone of their own") \
	X(ZONE_FULL,		"no zone of the reserved range was free") \
	/* PPTP */							\
	X(GRE_OTHER,		"GRE that is not PPTP's, left alone")	\
	X(GRE_UNKNOWN,		"PPTP GRE with a call ID we do not know") \
	X(GRE_PENDING,		"PPTP GRE before its call was answered") \
	X(PPTP_MESSAGE,		"control messages read")		\
	X(PPTP_REWRITTEN,	"call IDs rewritten")			\
	X(PPTP_CALL,		"calls brought up")			\
	X(PPTP_CALL_END,	"calls ended")				\
	X(PPTP_NOT_PPTP,	"control streams that stopped being PPTP") \
	X(PPTP_OPAQUE,		"segments of such a stream, passed as they are") \
	X(PPTP_HELD_BACK,	"control segments cut or dropped: a call in them was refused") \
	X(PPTP_FULL,		"control segments cut or dropped: too much unacknowledged") \
	X(PPTP_CHANGED,		"control segments cut or dropped: not what was sent before") \
	X(PPTP_UNSYNCED,	"control segments before we found a message") \
	X(PPTP_HOLE,		"control segments dropped: one before is missing") \
	X(PPTP_SPLIT,		"control segments cut or dropped: they split a call ID") \
	X(PPTP_OLD,		"control segments dropped: too old to translate again") \
	X(PPTP_UNKNOWN_ID,	"control messages about a call we do not know") \
	X(PPTP_NO_ID,		"calls refused: no free call ID")	\
	X(PPTP_REFUSED,		"calls refused: a limit or no memory")	\
	/* IPsec */							\
	X(IKE_MESSAGE,		"IKE messages read")			\
	X(IKE_BAD,		"IKE messages that do not parse")	\
	X(IKE_PAIR,		"client and server pairs learned")	\
	X(IKE_GATE,		"key exchanges done, a new SPI is expected") \
	X(NATT_FLOAT,		"pairs that moved to UDP 4500")		\
	X(ESP_RESERVED,		"ESP with a reserved SPI (RFC 4303 2.1)") \
	X(ESP_UNKNOWN,		"ESP between ends no rule asked us to help") \
	X(ESP_LOCAL,		"ESP for the router's own IPsec, left alone") \
	X(ESP_OUT,		"outbound SPIs learned")		\
	X(ESP_IN,		"inbound SPIs bound to a client")	\
	X(ESP_IN_GUESS,		"inbound SPIs bound although two clients were likely") \
	X(ESP_REFUSED,		"SPIs refused: a limit, no zone or no memory") \
	X(ESP_DUPLICATE,	"outbound SPIs two clients use at once")	\
	X(ESP_RECYCLED,		"oldest SPI of a pair forgotten for a new one")

#define NF_VPN_STAT_ENUM(name, text) NF_VPN_STAT_##name,

/* 0 is no reason at all, so that "0 or a reason" can be returned. */
enum nf_vpn_stat {
	NF_VPN_STAT_NONE,
	NF_VPN_STATS(NF_VPN_STAT_ENUM)
	NF_VPN_STAT_MAX
};

/* Per CPU; 64 bits, no lock. */
struct nf_vpn_stats {
	u64	n[NF_VPN_STAT_MAX];
};

#endif /* _NF_VPN_STATS_H */
