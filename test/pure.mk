# SPDX-License-Identifier: GPL-2.0-only
# The pure files below SRC, as unit tests, fuzzers and the simulator link
# them; to be included.

pptp := $(SRC)/nf_vpn_passthrough/pptp
ipsec := $(SRC)/nf_vpn_passthrough/ipsec
l2tp := $(SRC)/nf_vpn_passthrough/l2tp

pure_pptp_msg := $(pptp)/pptp_msg.c
pure_pptp_stream := $(pptp)/pptp_msg.c $(pptp)/pptp_stream.c
pure_ike_msg := $(ipsec)/ike_msg.c
pure_ike_notes := $(ipsec)/ike_notes.c
pure_natt_past := $(ipsec)/natt_past.c
pure_l2tp_msg := $(l2tp)/l2tp_msg.c
pure_esp := $(addprefix $(ipsec)/, \
	esp_evidence.c esp_lead.c esp_plan.c esp_seen.c esp_score.c ike_msg.c)
