/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one client did with one server, for the question whose an unknown inbound
 * SPI is. Pure.
 *
 * One struct nf_vpn_esp_evidence per pair. Times are milliseconds that wrap; all
 * zero is the initial state, but for @id. The caller holds the lock. esp_plan.h
 * asks the question, docs/association.md explains the rules and gives figures.
 */
#ifndef NF_VPN_ESP_EVIDENCE_H
#define NF_VPN_ESP_EVIDENCE_H

#include "esp_score.h"
#include "ike_msg.h"

/* SAs a pair may await at once; a fifth replaces the oldest. Several child SAs
 * set up in a row are rare, more than four of them idle rarer still.
 */
#define NF_VPN_ESP_GATES	4

/* How long a pair that handed its SPI over is the likeliest owner: two round
 * trips over a satellite, one for IKE and one for the first ESP, and some.
 */
#define NF_VPN_ESP_HOT_MS	1500

/* How long an SA without traffic is awaited. A gate must not close because a
 * tunnel is idle: whoever forgets it gives its SPI to another client. A day is
 * the longest lifetime in common use.
 */
#define NF_VPN_ESP_AWAIT_MS	(24 * 3600 * 1000U)

/* A request without an answer: the longest retransmission scheme in common use
 * (strongSwan: 165 s) is over, the server's half may never have been made.
 */
#define NF_VPN_ESP_WANTED_MS	(180 * 1000U)

/* A gate just satisfied may have been satisfied by the wrong SPI; the owner of
 * the next unknown one may still be that pair. Some retransmissions long.
 */
#define NF_VPN_ESP_RECENT_MS	10000

/* A host answers within this time: TCP acknowledges a handshake, ping replies,
 * at once; the rest is the LAN (Wi-Fi in power save: tens of milliseconds).
 */
#define NF_VPN_ESP_REACT_MS	40

/* An answer is back one round trip after the question, give or take the jitter
 * of a usual WAN, and the time a host behind the server takes.
 */
#define NF_VPN_ESP_JITTER_MS	10
#define NF_VPN_ESP_THINK_MS	30

/* A client that got a slot uses it within this time, or leaves it: two round
 * trips and a moment for its first packet. Hot it stays longer.
 */
#define NF_VPN_ESP_SLOT_MS	500

/* Longest hold. IKE gives up after 30 s at the earliest (RFC 7296 2.4 speaks of
 * minutes), and sends again after 0.5 s to 4 s, which does no harm.
 */
#define NF_VPN_ESP_HOLD_MS	4000

/* One more rival is put up with for each step a message waited: two clients
 * never wait long for each other, whatever one of them does.
 */
#define NF_VPN_ESP_HOLD_STEP_MS	250

/* Ask again so often: a fraction of any slot */
#define NF_VPN_ESP_HOLD_TICK_MS	20

/* Packets of a client remembered, to see what it reacted to */
#define NF_VPN_ESP_GAPS		8

/* IKE SAs remembered per pair, to tell a rekeyed one */
#define NF_VPN_ESP_IKE_SAS	3

/* nf_vpn_esp_evidence.flags */
#define NF_VPN_ESP_EV_HANDED	0x001	/* @handed */
#define NF_VPN_ESP_EV_SENT	0x002	/* @out_last */
#define NF_VPN_ESP_EV_SETTLED	0x004	/* @settled_at */
#define NF_VPN_ESP_EV_FROM_BIRTH 0x008	/* its first IKE SA began before our eyes */
#define NF_VPN_ESP_EV_EARLY	0x010	/* SPI settled before the answer came */
#define NF_VPN_ESP_EV_DELETED	0x020	/* the newest gate retired an older one */
#define NF_VPN_ESP_EV_TIMING	0x040	/* asked once: the answer tells the RTT */
#define NF_VPN_ESP_EV_SERVED	0x080	/* the best guess for some SPI */
#define NF_VPN_ESP_EV_DONE	0x100	/* and for sure: its slot is free */
#define NF_VPN_ESP_EV_FORGOT	0x200	/* a settled SPI; its SA may live on */

/**
 * struct nf_vpn_esp_evidence - what is known of one client and server
 * @ike:	exchanges seen
 * @ike_sa:	initiator SPIs of its IKE SAs, newest first
 * @id:		set by the caller: not 0, unlike that of any other pair
 * @gate:	when it handed over the SPIs of its gates, oldest first
 * @handed:	when it last gave its SPI to the server
 * @wanted_at:	when it last asked
 * @out_new:	first packet of its newest unmatched outbound SPI
 * @out_last:	its last ESP packet
 * @settled_at:	when an SPI was settled as its own
 * @tentative_at: when a packet that fits its gate was sent to it
 * @tentative_spi: its SPI
 * @flags:	which of the above are valid
 * @gates:	SAs negotiated whose inbound SPI is not settled
 * @wanted:	exchanges without an answer
 * @unmatched_out: outbound SPIs without an inbound one
 * @unmatched_in: settled inbound SPIs without an outbound one
 * @live:	settled inbound SPIs
 * @tentative:	gates for which a packet that fits was seen
 * @rtt:	ms from the NAT to the server and back, by IKE; 0: not known
 * @gap:	ms between its last packets, newest first, at most 65535 each
 */
struct nf_vpn_esp_evidence {
	struct nf_vpn_ike_gate_state ike;
	u64 ike_sa[NF_VPN_ESP_IKE_SAS];
	u32 id;
	u32 gate[NF_VPN_ESP_GATES];
	u32 handed;
	u32 wanted_at;
	u32 out_new;
	u32 out_last;
	u32 settled_at;
	u32 tentative_at;
	u32 tentative_spi;
	u16 flags;
	u8 gates;
	u8 wanted;
	u8 unmatched_out;
	u8 unmatched_in;
	u8 live;
	u8 tentative;
	u16 rtt;
	u16 gap[NF_VPN_ESP_GAPS];
};

/**
 * nf_vpn_esp_ike() - an IKE message of this pair passes on now
 * @ev:		the pair
 * @msg:	parsed; call after a hold, not before
 * @dir:	0 sent by the client
 * @now:	ms
 *
 * Return: what nf_vpn_ike_observe() said.
 */
enum nf_vpn_ike_evidence nf_vpn_esp_ike(struct nf_vpn_esp_evidence *ev,
					const struct nf_vpn_ike_msg *msg,
					unsigned int dir, u32 now);

/**
 * nf_vpn_esp_out() - an outbound ESP packet
 * @ev:		the pair
 * @fresh:	first packet of its SPI
 * @now:	ms
 *
 * Wanted for the first packet of each SPI and for all packets while
 * nf_vpn_esp_watched(); others may be left out. With @fresh false it may be
 * called without the lock: a race costs a hint, no more.
 */
void nf_vpn_esp_out(struct nf_vpn_esp_evidence *ev, bool fresh, u32 now);

/* Must outbound packets of this pair be reported one by one? */
bool nf_vpn_esp_watched(const struct nf_vpn_esp_evidence *ev, u32 now);

/**
 * nf_vpn_esp_hold() - may this IKE message go on now?
 * @ev:		the pairs of its server and public address
 * @n:		their number
 * @self:	index of its own
 * @msg:	parsed, not yet given to nf_vpn_esp_ike()
 * @dir:	0 sent by the client
 * @queued:	messages held for the same server and address, this one included
 * @waited:	ms it was held so far
 * @hold_ms:	longest hold, 0 for none
 * @now:	ms
 *
 * Only messages that hand a new inbound SPI to the server wait, and only while
 * other clients of the same server and address have a slot. There are as many
 * slots as empty the queue in time (Little: queue x slot / longest hold), none to
 * spare for a queue of one. Ask in order of arrival.
 *
 * Return: 0 to let it pass, or after how many ms to ask again.
 */
u32 nf_vpn_esp_hold(struct nf_vpn_esp_evidence *const *ev, unsigned int n,
		    unsigned int self, const struct nf_vpn_ike_msg *msg,
		    unsigned int dir, u32 queued, u32 waited, u32 hold_ms,
		    u32 now);

/**
 * nf_vpn_esp_view() - a pair as the scorer sees it
 * @ev:		the pair; what is too old is forgotten
 * @now:	ms
 * @c:		filled
 *
 * To be called at least once in 20 days, because times wrap.
 */
void nf_vpn_esp_view(struct nf_vpn_esp_evidence *ev, u32 now,
		     struct nf_vpn_esp_candidate *c);

/* Did it hand its SPI over a moment ago, and still await it? */
bool nf_vpn_esp_is_hot(const struct nf_vpn_esp_evidence *ev, u32 now);

/* Its gates without a tentative owner. */
unsigned int nf_vpn_esp_open_gates(const struct nf_vpn_esp_evidence *ev);

/**
 * nf_vpn_esp_settle() - an inbound SPI is proved to be its own
 * @ev:		the pair
 * @fresh:	the SPI began with a low number: a new SA, that satisfies a gate
 * @first:	its first packet, ms
 * @now:	ms
 */
void nf_vpn_esp_settle(struct nf_vpn_esp_evidence *ev, bool fresh, u32 first,
		       u32 now);

/**
 * nf_vpn_esp_unsettle() - an SPI settled as its own may be another client's
 * @ev:		the pair
 * @first:	first packet of the SPI, a new SA, ms
 *
 * It awaits one again since before that.
 */
void nf_vpn_esp_unsettle(struct nf_vpn_esp_evidence *ev, u32 first);

/**
 * nf_vpn_esp_suppose() - it is the best guess for a new SA
 * @ev:		the pair
 * @spi:	whose
 * @again:	not the first packet
 * @clear:	by a good lead
 * @alone:	nobody else handed an SPI over a moment ago
 * @now:	ms
 */
void nf_vpn_esp_suppose(struct nf_vpn_esp_evidence *ev, u32 spi, bool again,
			bool clear, bool alone, u32 now);

#endif /* NF_VPN_ESP_EVIDENCE_H */
