// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the generic netlink family "nf_vpn", and its answers.  What comes
 * from the socket is checked as if a stranger had sent it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include "nfvpn.h"

/* The longest message, and room for several in one. */
#define NFVPN_BUFFER	65536

static struct mnl_socket *nfvpn_socket;
static struct mnl_socket *nfvpn_track_socket;
static uint16_t nfvpn_family;
static uint32_t nfvpn_group;
static uint32_t nfvpn_seq;

void nfvpn_die(int code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("nfvpn: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

struct nfvpn_tb {
	const struct nlattr	**tb;
	int			max;
};

static int nfvpn_parse_one(const struct nlattr *attr, void *data)
{
	const struct nfvpn_tb *t = data;
	int type = mnl_attr_get_type(attr);

	if (type <= t->max)
		t->tb[type] = attr;
	return MNL_CB_OK;
}

void nfvpn_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, int max)
{
	struct nfvpn_tb t = { .tb = tb, .max = max };

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), nfvpn_parse_one, &t);
}

void nfvpn_parse_nested(const struct nlattr *nest, const struct nlattr **tb,
			int max)
{
	struct nfvpn_tb t = { .tb = tb, .max = max };

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_parse_nested(nest, nfvpn_parse_one, &t);
}

/* The message of an extended acknowledgment that begins at @off, or NULL. */
static const char *nfvpn_extack(const struct nlmsghdr *nlh, unsigned int off)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	mnl_attr_for_each(attr, nlh, off)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attr);
	return NULL;
}

__attribute__((noreturn))
static void nfvpn_refused(int err, const char *why)
{
	if (err == EPERM)
		nfvpn_die(NFVPN_NO_PERMISSION,
			  "%s; run it as root (sudo nfvpn ...)",
			  why ? why : "no permission");
	nfvpn_die(NFVPN_FAILED, "%s", why ? why : strerror(err));
}

/* A positive errno, and its words if there are some; 0: an acknowledgment. */
static int nfvpn_error_of(const struct nlmsghdr *nlh, const char **why)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	unsigned int off = sizeof(*err);

	*why = NULL;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		nfvpn_die(NFVPN_FAILED, "the kernel's answer is cut short");
	if (!err->error)
		return 0;
	/* Not capped: the request comes back whole. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) &&
	    err->msg.nlmsg_len >= sizeof(struct nlmsghdr))
		off += MNL_ALIGN(err->msg.nlmsg_len) - sizeof(struct nlmsghdr);
	if (off <= mnl_nlmsg_get_payload_len(nlh))
		*why = nfvpn_extack(nlh, off);
	return -(unsigned int)err->error;
}

/* An error, or 0 as an acknowledgment: then that is all. */
static void nfvpn_error(const struct nlmsghdr *nlh)
{
	const char *why;
	int err = nfvpn_error_of(nlh, &why);

	if (err)
		nfvpn_refused(err, why);
}

static void nfvpn_done(const struct nlmsghdr *nlh)
{
	const int *err = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*err) && *err < 0)
		nfvpn_refused(-*err, nfvpn_extack(nlh, sizeof(*err)));
}

/*
 * Not mnl_cb_run(): it gives up on NLM_F_DUMP_INTR.  Sessions that come and go do
 * no harm here: who is there all the time is in the dump, once.
 * Return: whether more is to come.
 */
static bool nfvpn_take_one(const struct nlmsghdr *nlh, nfvpn_take *take,
			   void *data)
{
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		nfvpn_error(nlh);
		return false;
	}
	if (nlh->nlmsg_type == NLMSG_DONE) {
		nfvpn_done(nlh);
		return false;
	}
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct genlmsghdr))
		take(mnl_nlmsg_get_payload(nlh), nlh, data);
	return true;
}

/*
 * libmnl takes a length of 2^31 and more for a negative one, and an attribute for
 * whole that ends in the padding behind a message of odd length; the kernel sends
 * neither.
 */
static bool nfvpn_ok(const struct nlmsghdr *nlh, int len)
{
	if (len <= 0)
		return false;
	if ((size_t)len < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > (size_t)len || nlh->nlmsg_len % MNL_ALIGNTO)
		nfvpn_die(NFVPN_FAILED, "the kernel's answer is cut short");
	return true;
}

static void nfvpn_receive(uint32_t seq, nfvpn_take *take, void *data)
{
	static char buffer[NFVPN_BUFFER] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	bool more = true;
	int len;

	while (more) {
		len = mnl_socket_recvfrom(nfvpn_socket, buffer, sizeof(buffer));
		if (len < 0 && errno == ENOBUFS && !seq) {
			fputs("nfvpn: events were lost: too many at once\n",
			      stderr);
			continue;
		}
		if (len < 0)
			nfvpn_die(NFVPN_FAILED, "reading from the kernel: %s",
				  strerror(errno));
		nlh = (const struct nlmsghdr *)buffer;
		for (; more && nfvpn_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			if (!seq || nlh->nlmsg_seq == seq)
				more = nfvpn_take_one(nlh, take, data);
	}
}

static struct nlmsghdr *nfvpn_request(char *buffer, uint16_t type, uint8_t cmd,
				      bool dump)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *head;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK);
	nlh->nlmsg_seq = ++nfvpn_seq;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->cmd = cmd;
	head->version = NF_VPN_GENL_VERSION;
	return nlh;
}

struct nlmsghdr *nfvpn_draft(char *buffer, uint8_t cmd)
{
	return nfvpn_request(buffer, nfvpn_family, cmd, false);
}

struct nlmsghdr *nfvpn_draft_track(char *buffer, uint8_t what, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *head;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | what;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++nfvpn_seq;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->nfgen_family = AF_INET;
	head->version = NFNETLINK_V0;
	return nlh;
}

static struct mnl_socket *nfvpn_connect(int bus)
{
	struct mnl_socket *nl = mnl_socket_open(bus);
	int yes = 1;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		nfvpn_die(NFVPN_FAILED, "cannot open netlink: %s",
			  strerror(errno));
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &yes, sizeof(yes));
	return nl;
}

/* Whose request it is, its type says. */
static struct mnl_socket *nfvpn_socket_of(const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == nfvpn_family)
		return nfvpn_socket;
	if (!nfvpn_track_socket)
		nfvpn_track_socket = nfvpn_connect(NETLINK_NETFILTER);
	return nfvpn_track_socket;
}

static void nfvpn_send(const struct nlmsghdr *nlh)
{
	if (mnl_socket_sendto(nfvpn_socket, nlh, nlh->nlmsg_len) < 0)
		nfvpn_die(NFVPN_FAILED, "asking the kernel: %s",
			  strerror(errno));
}

void nfvpn_ask(uint8_t cmd, bool dump, const struct nfvpn_filter *filter,
	       nfvpn_take *take, void *data)
{
	char buffer[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = nfvpn_request(buffer, nfvpn_family, cmd, dump);

	if (filter && filter->id)
		mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_ID, filter->id);
	if (filter && filter->protocol)
		mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_PROTOCOL,
				 filter->protocol);
	if (filter && filter->client)
		mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_CLIENT, filter->client);
	if (filter && filter->server)
		mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_SERVER, filter->server);
	if (filter && cmd == NF_VPN_CMD_SESSION_DEL && filter->all)
		mnl_attr_put(nlh, NF_VPN_A_SESSION_ALL, 0, NULL);
	if (filter && cmd == NF_VPN_CMD_SESSION_DEL && filter->control)
		mnl_attr_put(nlh, NF_VPN_A_SESSION_CONTROL, 0, NULL);
	nfvpn_send(nlh);
	nfvpn_receive(nlh->nlmsg_seq, take, data);
}

/* The verdict on request @seq among what was received; -1: it is yet to come. */
static int nfvpn_verdict(const void *buffer, int len, uint32_t seq, char *why)
{
	const struct nlmsghdr *nlh = buffer;
	const char *text;
	int err;

	for (; nfvpn_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != seq || nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		err = nfvpn_error_of(nlh, &text);
		snprintf(why, NFVPN_WHY, "%s", text ? text : strerror(err));
		return err;
	}
	return -1;
}

int nfvpn_try(const struct nlmsghdr *nlh, char *why)
{
	static char buffer[NFVPN_BUFFER] __attribute__((aligned(8)));
	struct mnl_socket *nl = nfvpn_socket_of(nlh);
	int len, err;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		nfvpn_die(NFVPN_FAILED, "asking the kernel: %s",
			  strerror(errno));
	do {
		len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
		if (len < 0)
			nfvpn_die(NFVPN_FAILED, "reading from the kernel: %s",
				  strerror(errno));
		err = nfvpn_verdict(buffer, len, nlh->nlmsg_seq, why);
	} while (err < 0);
	return err;
}

static void nfvpn_take_group(const struct nlattr *group)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

	nfvpn_parse_nested(group, tb, CTRL_ATTR_MCAST_GRP_MAX);
	if (tb[CTRL_ATTR_MCAST_GRP_NAME] && tb[CTRL_ATTR_MCAST_GRP_ID] &&
	    mnl_attr_validate(tb[CTRL_ATTR_MCAST_GRP_ID], MNL_TYPE_U32) >= 0 &&
	    mnl_attr_validate(tb[CTRL_ATTR_MCAST_GRP_NAME],
			      MNL_TYPE_NUL_STRING) >= 0 &&
	    !strcmp(mnl_attr_get_str(tb[CTRL_ATTR_MCAST_GRP_NAME]),
		    NF_VPN_GENL_GROUP))
		nfvpn_group = mnl_attr_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
}

static void nfvpn_take_family(const struct genlmsghdr *head,
			      const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1], *group;

	(void)head;
	(void)data;
	nfvpn_parse(nlh, tb, CTRL_ATTR_MAX);
	if (!tb[CTRL_ATTR_FAMILY_NAME] || !tb[CTRL_ATTR_FAMILY_ID] ||
	    mnl_attr_validate(tb[CTRL_ATTR_FAMILY_ID], MNL_TYPE_U16) < 0 ||
	    mnl_attr_validate(tb[CTRL_ATTR_FAMILY_NAME],
			      MNL_TYPE_NUL_STRING) < 0 ||
	    strcmp(mnl_attr_get_str(tb[CTRL_ATTR_FAMILY_NAME]),
		   NF_VPN_GENL_NAME))
		return;
	nfvpn_family = mnl_attr_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (tb[CTRL_ATTR_MCAST_GROUPS])
		mnl_attr_for_each_nested(group, tb[CTRL_ATTR_MCAST_GROUPS])
			nfvpn_take_group(group);
}

void nfvpn_open(void)
{
	char buffer[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;

	nfvpn_socket = nfvpn_connect(NETLINK_GENERIC);
	/* All families: to ask for one that is not there would load a module. */
	nlh = nfvpn_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, true);
	nfvpn_send(nlh);
	nfvpn_receive(nlh->nlmsg_seq, nfvpn_take_family, NULL);
	if (!nfvpn_family)
		nfvpn_die(NFVPN_NO_MODULE,
			  "the module is not loaded: modprobe nf_vpn_passthrough");
}

void nfvpn_listen(nfvpn_take *take, void *data)
{
	if (mnl_socket_setsockopt(nfvpn_socket, NETLINK_ADD_MEMBERSHIP,
				  &nfvpn_group, sizeof(nfvpn_group)) < 0) {
		if (errno == EPERM)
			nfvpn_refused(EPERM, "events are for CAP_NET_ADMIN only");
		nfvpn_die(NFVPN_FAILED, "cannot listen: %s", strerror(errno));
	}
	nfvpn_receive(0, take, data);
}
