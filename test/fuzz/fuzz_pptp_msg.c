// SPDX-License-Identifier: GPL-2.0-only
/* pptp_msg: any octets. What is a fault stays one; what is read was there. */
#include "fuzz.h"
#include "../../nf_vpn_passthrough/pptp/pptp_msg.h"

static void claim_id(const u8 *p, u8 off, u16 id)
{
	CLAIM(id == (off ? nf_vpn_get_be16(p + off) : 0));
}

static void claim_good(const u8 *p, size_t size,
		       const struct nf_vpn_pptp_msg *msg)
{
	CLAIM(msg->desc == nf_vpn_pptp_desc(msg->type));
	CLAIM(msg->desc && msg->desc->head <= size);
	CLAIM(msg->len >= msg->desc->head && msg->len <= NF_VPN_PPTP_LEN_MAX);
	CLAIM(msg->exact == (msg->len == msg->desc->len));
	CLAIM(msg->len == nf_vpn_get_be16(p));
	CLAIM(nf_vpn_get_be32(p + 4) == NF_VPN_PPTP_MAGIC);
	claim_id(p, msg->desc->own_off, msg->own_id);
	claim_id(p, msg->desc->peer_off, msg->peer_id);
}

/* More octets may turn NEED_MORE into anything, but never heal a fault. */
static void claim_steady(const u8 *p, size_t size, enum nf_vpn_pptp_err err)
{
	struct nf_vpn_pptp_msg msg;
	enum nf_vpn_pptp_err first;
	size_t have;
	u8 *part;

	for (have = 0; have < size && have <= NF_VPN_PPTP_HEAD_MAX; have++) {
		part = fuzz_copy(p, have);
		first = nf_vpn_pptp_parse(part, have, &msg);
		free(part);
		CLAIM(first != NF_VPN_PPTP_OK || err == NF_VPN_PPTP_OK);
		CLAIM(first <= NF_VPN_PPTP_NEED_MORE ||
		      err > NF_VPN_PPTP_NEED_MORE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 *p = fuzz_copy(data, size);
	struct nf_vpn_pptp_msg msg;
	enum nf_vpn_pptp_err err;

	err = nf_vpn_pptp_parse(p, size, &msg);
	CLAIM(err < NF_VPN_PPTP_ERR_COUNT);
	CLAIM(err != NF_VPN_PPTP_NEED_MORE || size < NF_VPN_PPTP_HEAD_MAX);
	if (err == NF_VPN_PPTP_OK)
		claim_good(p, size, &msg);
	claim_steady(p, size, err);
	free(p);
	return 0;
}
