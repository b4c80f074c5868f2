// SPDX-License-Identifier: GPL-2.0-only
/* ike_msg: datagrams on 4500 and 500, each with its direction; what they tell. */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/ipsec/ike_msg.h"

static void claim_header(const u8 *p, u32 len, const struct nf_vpn_ike_msg *m)
{
	CLAIM(m->ispi && m->ispi == nf_vpn_get_be64(p));
	CLAIM(m->rspi == nf_vpn_get_be64(p + 8));
	CLAIM(m->major == 1 || m->major == 2);
	CLAIM(m->v2 == (m->major == 2));
	CLAIM(m->len >= NF_VPN_IKE_HDR_LEN && m->len <= len);
	CLAIM(m->v2 || (!m->response && !m->initiator));
}

/* The same message, at once again, is a retransmission. */
static void claim_once(struct nf_vpn_ike_gate_state *st,
		       const struct nf_vpn_ike_msg *m, unsigned int dir,
		       enum nf_vpn_ike_evidence first)
{
	enum nf_vpn_ike_evidence again = nf_vpn_ike_observe(st, m, dir);

	CLAIM(again != NF_VPN_IKE_EV_GATE_OPEN || first != NF_VPN_IKE_EV_GATE_OPEN);
	CLAIM(st->turn < NF_VPN_IKE_SLOTS);
}

static void one_datagram(struct nf_vpn_ike_gate_state *st, struct fuzz *f)
{
	u8 flags = fuzz_u8(f);
	u32 have = nf_vpn_min_u32(fuzz_u8(f), (u32)f->left);
	u32 len = have + (flags & 2 ? fuzz_u8(f) : 0);
	enum nf_vpn_natt_kind kind;
	enum nf_vpn_ike_evidence ev;
	struct nf_vpn_ike_msg m;
	u32 skip = 0;
	u8 *p;

	have = nf_vpn_min_u32(have, (u32)f->left);
	p = fuzz_copy(f->p, have);
	f->p += have;
	f->left -= have;
	kind = nf_vpn_natt_classify(p, have, len);
	CLAIM(kind <= NF_VPN_NATT_ESP);
	CLAIM(kind != NF_VPN_NATT_ESP || nf_vpn_get_be32(p));
	CLAIM(kind != NF_VPN_NATT_IKE || !nf_vpn_get_be32(p));
	if (kind == NF_VPN_NATT_IKE && flags & 4)
		skip = NF_VPN_NATT_MARKER_LEN;
	if (!nf_vpn_ike_parse(p + skip, have - skip, len - skip, &m)) {
		claim_header(p + skip, len - skip, &m);
		(void)nf_vpn_ike_hands_spi(st, &m, flags & 1);
		ev = nf_vpn_ike_observe(st, &m, flags & 1);
		CLAIM(ev <= NF_VPN_IKE_EV_GATE_REFUSED);
		claim_once(st, &m, flags & 1, ev);
	}
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nf_vpn_ike_gate_state st = { 0 };
	struct fuzz f = { data, size };

	while (f.left)
		one_datagram(&st, &f);
	return 0;
}
