// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of the counters, and what each says to who looks for a lost tunnel.
 */
#include <linux/bug.h>
#include <linux/percpu.h>
#include "stats.h"

static const struct nf_vpn_stat_text nf_vpn_stat_texts[NF_VPN_STAT_MAX] = {
	[NF_VPN_STAT_NONE] = { "none", "" },
	[NF_VPN_STAT_ATTACHED] = { "attached",
		"packets given their conntrack entry by us" },
	[NF_VPN_STAT_STALE] = { "stale",
		"packets of a flow whose entry had ended" },
	[NF_VPN_STAT_FRAGMENT] = { "fragment",
		"fragments, left to stock conntrack" },
	[NF_VPN_STAT_TRUNCATED] = { "truncated",
		"headers cut short, left alone" },
	[NF_VPN_STAT_ICMP_ATTACHED] = { "icmp_attached",
		"ICMP errors given to the right client" },
	[NF_VPN_STAT_ICMP_UNKNOWN] = { "icmp_unknown",
		"ICMP errors that quote no flow of ours" },
	[NF_VPN_STAT_ICMP_BAD] = { "icmp_bad",
		"ICMP errors refused: checksum, or not for the client quoted" },
	[NF_VPN_STAT_ICMP_SHARED] = { "icmp_shared",
		"ICMP errors untracked: several clients, none sent what they quote" },
	[NF_VPN_STAT_FLOW_NEW] = { "flow_new",
		"flows made" },
	[NF_VPN_STAT_FLOW_END] = { "flow_end",
		"flows ended" },
	[NF_VPN_STAT_FLOW_LIMIT] = { "flow_limit",
		"flows refused: sysctl max_flows" },
	[NF_VPN_STAT_CLIENT_LIMIT] = { "client_limit",
		"flows or sessions refused: sysctl max_per_client" },
	[NF_VPN_STAT_NO_MEMORY] = { "no_memory",
		"allocation failed" },
	[NF_VPN_STAT_CT_FAIL] = { "ct_fail",
		"conntrack refused an entry" },
	[NF_VPN_STAT_ZONE_USED] = { "zone_used",
		"entries that needed a zone of their own" },
	[NF_VPN_STAT_ZONE_FULL] = { "zone_full",
		"no zone of the reserved range was free" },
	[NF_VPN_STAT_GRE_OTHER] = { "gre_other",
		"GRE that is not PPTP's, left alone" },
	[NF_VPN_STAT_GRE_UNKNOWN] = { "gre_unknown",
		"PPTP GRE with a call ID we do not know" },
	[NF_VPN_STAT_GRE_PENDING] = { "gre_pending",
		"PPTP GRE before its call was answered" },
	[NF_VPN_STAT_PPTP_MESSAGE] = { "pptp_message",
		"control messages read" },
	[NF_VPN_STAT_PPTP_REWRITTEN] = { "pptp_rewritten",
		"call IDs rewritten" },
	[NF_VPN_STAT_PPTP_CALL] = { "pptp_call",
		"calls brought up" },
	[NF_VPN_STAT_PPTP_CALL_END] = { "pptp_call_end",
		"calls ended" },
	[NF_VPN_STAT_PPTP_NOT_PPTP] = { "pptp_not_pptp",
		"control streams that stopped being PPTP" },
	[NF_VPN_STAT_PPTP_OPAQUE] = { "pptp_opaque",
		"segments of such a stream, passed as they are" },
	[NF_VPN_STAT_PPTP_HELD_BACK] = { "pptp_held_back",
		"control segments cut or dropped: a call in them was refused" },
	[NF_VPN_STAT_PPTP_FULL] = { "pptp_full",
		"control segments cut or dropped: too much unacknowledged" },
	[NF_VPN_STAT_PPTP_CHANGED] = { "pptp_changed",
		"control segments cut or dropped: not what was sent before" },
	[NF_VPN_STAT_PPTP_UNSYNCED] = { "pptp_unsynced",
		"control segments before we found a message" },
	[NF_VPN_STAT_PPTP_HOLE] = { "pptp_hole",
		"control segments dropped: one before is missing" },
	[NF_VPN_STAT_PPTP_SPLIT] = { "pptp_split",
		"control segments cut or dropped: they split a call ID" },
	[NF_VPN_STAT_PPTP_LOST] = { "pptp_lost",
		"control messages that went to no call: a call ID stayed split" },
	[NF_VPN_STAT_PPTP_OLD] = { "pptp_old",
		"control segments dropped: too old to translate again" },
	[NF_VPN_STAT_PPTP_UNKNOWN_ID] = { "pptp_unknown_id",
		"control messages about a call we do not know" },
	[NF_VPN_STAT_PPTP_NO_ID] = { "pptp_no_id",
		"calls refused: no free call ID" },
	[NF_VPN_STAT_PPTP_REFUSED] = { "pptp_refused",
		"calls refused: a limit or no memory" },
	[NF_VPN_STAT_IKE_MESSAGE] = { "ike_message",
		"IKE messages read" },
	[NF_VPN_STAT_IKE_BAD] = { "ike_bad",
		"IKE messages that do not parse" },
	[NF_VPN_STAT_IKE_PAIR] = { "ike_pair",
		"client and server pairs learned" },
	[NF_VPN_STAT_IKE_GATE] = { "ike_gate",
		"key exchanges done, a new SPI is expected" },
	[NF_VPN_STAT_NATT_FLOAT] = { "natt_float",
		"pairs that moved to UDP 4500" },
	[NF_VPN_STAT_ESP_RESERVED] = { "esp_reserved",
		"ESP with a reserved SPI (RFC 4303 2.1)" },
	[NF_VPN_STAT_ESP_UNKNOWN] = { "esp_unknown",
		"ESP between ends no rule asked us to help" },
	[NF_VPN_STAT_ESP_LOCAL] = { "esp_local",
		"ESP for the router's own IPsec, left alone" },
	[NF_VPN_STAT_ESP_OUT] = { "esp_out",
		"outbound SPIs learned" },
	[NF_VPN_STAT_ESP_IN] = { "esp_in",
		"inbound SPIs bound to a client" },
	[NF_VPN_STAT_ESP_IN_GUESS] = { "esp_in_guess",
		"inbound SPIs bound although two clients were likely" },
	[NF_VPN_STAT_ESP_REFUSED] = { "esp_refused",
		"SPIs refused: a limit, no zone or no memory" },
	[NF_VPN_STAT_ESP_DUPLICATE] = { "esp_duplicate",
		"outbound SPIs two clients use at once" },
	[NF_VPN_STAT_ESP_RECYCLED] = { "esp_recycled",
		"oldest SPI of a pair forgotten for a new one" },
};

const struct nf_vpn_stat_text *nf_vpn_stat_text(unsigned int why)
{
	const struct nf_vpn_stat_text *text = &nf_vpn_stat_texts[why];

	/* A counter was added to the enum and not here. */
	return WARN_ON_ONCE(!text->name) ? &nf_vpn_stat_texts[0] : text;
}

u64 nf_vpn_stat_sum(const struct nf_vpn_net *vn, unsigned int why)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(vn->stats, cpu)->n[why]);
	return sum;
}
