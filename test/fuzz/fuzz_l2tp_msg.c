// SPDX-License-Identifier: GPL-2.0-only
/* l2tp_msg: any octets, of which perhaps not all can be had. */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/l2tp/l2tp_msg.h"

struct datagram {
	u8 *p;
	u32 len, have;
	u32 peeks;
};

static const u8 *peek(void *ctx, u32 off, u32 n, u8 *buf)
{
	struct datagram *d = ctx;

	d->peeks++;
	if (off > d->have || n > d->have - off)
		return NULL;
	if (off & 1)
		return d->p + off;
	memcpy(buf, d->p + off, n);
	return buf;
}

static void claim_id(const struct datagram *d, const struct nf_vpn_l2tp_msg *m,
		     const struct nf_vpn_l2tp_id *id)
{
	CLAIM(id->seen <= NF_VPN_L2TP_HIDDEN);
	if (id->seen != NF_VPN_L2TP_CLEAR)
		return;
	CLAIM(id->id && id->off >= NF_VPN_L2TP_CONTROL_LEN);
	CLAIM(id->off + (m->version == 2 ? 2 : 4) <= m->len);
	CLAIM(id->id == (m->version == 2 ? nf_vpn_get_be16(d->p + id->off) :
					   nf_vpn_get_be32(d->p + id->off)));
}

static void claim_good(const struct datagram *d, const struct nf_vpn_l2tp_msg *m)
{
	CLAIM(m->version == 2 || m->version == 3);
	CLAIM(m->len >= NF_VPN_L2TP_CONTROL_LEN && m->len <= d->len);
	claim_id(d, m, &m->assigned);
	claim_id(d, m, &m->local);
	claim_id(d, m, &m->remote);
	CLAIM(m->version == 3 || m->remote.seen == NF_VPN_L2TP_ABSENT);
	CLAIM(m->version == 2 || !m->session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	u8 missing = fuzz_u8(&f);
	struct datagram d = { .len = (u32)f.left };
	struct nf_vpn_l2tp_octets in = { .ctx = &d, .peek = peek };
	struct nf_vpn_l2tp_head head;
	enum nf_vpn_l2tp_err err, whole;
	struct nf_vpn_l2tp_msg msg;

	d.have = missing & 1 ? d.len - nf_vpn_min_u32(missing >> 1, d.len) : d.len;
	d.p = fuzz_copy(f.p, d.have);
	in.len = d.len;
	err = nf_vpn_l2tp_head(d.p, d.have, &head);
	CLAIM(err == NF_VPN_L2TP_OK || err == NF_VPN_L2TP_SHORT ||
	      err == NF_VPN_L2TP_BAD_VERSION || err == NF_VPN_L2TP_BAD_FLAGS);
	whole = nf_vpn_l2tp_parse(&in, &msg);
	CLAIM(whole < NF_VPN_L2TP_ERR_COUNT);
	CLAIM(d.peeks <= NF_VPN_L2TP_AVPS + 8);
	if (whole == NF_VPN_L2TP_OK) {
		CLAIM(err == NF_VPN_L2TP_OK && head.control);
		CLAIM(head.version == msg.version && head.id == msg.conn);
		claim_good(&d, &msg);
	}
	free(d.p);
	return 0;
}
