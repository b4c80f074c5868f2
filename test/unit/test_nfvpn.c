// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command nfvpn against a kernel that lies: its socket is played here.  Answers
 * are whole, cut short everywhere, with each octet wrong, and at random; nothing may
 * be read beyond what was received, and what is printed as JSON must be JSON.
 * Likewise the texts of nft and conntrack, its own file, and files to be restored.
 * A list that fails half-way leaves the file it was to be saved in as it was.
 * Without ASan (./run) it is valgrind that looks.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <setjmp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()	((void)0)
#define __lsan_enable()		((void)0)
#endif

#if defined(__SANITIZE_ADDRESS__) || !__has_include(<valgrind/memcheck.h>)
#include <sanitizer/asan_interface.h>
#define POISON(at, n)	ASAN_POISON_MEMORY_REGION(at, n)
#define UNPOISON(at, n)	ASAN_UNPOISON_MEMORY_REGION(at, n)
#else
#include <valgrind/memcheck.h>
#define POISON(at, n)	VALGRIND_MAKE_MEM_NOACCESS(at, n)
#define UNPOISON(at, n)	VALGRIND_MAKE_MEM_UNDEFINED(at, n)
#endif

#include "ktap.h"
#include "../../tool/doctor.h"
#include "../../tool/nfvpn.h"
#include "../../tool/rules.h"

#define FUZZ_ROUNDS	(100000 / KTAP_FEWER)
/* Octets from one that is wrong to the next: valgrind is slow, too. */
#define STEP		(KTAP_FEWER < 100 ? 1 : 5)
#define FAMILY		0x1f
#define GROUP		7

/* ---- the other end of the socket ---- */

static struct {
	uint8_t p[8192];
	size_t n;		/* 0: nothing comes, an error */
} answers[2];
static unsigned int n_answers, next_answer;
static bool again;		/* the first one for every request */
static unsigned int received;	/* since the command began */
#define RECEIVED_MOST	200	/* then the socket fails */
static uint32_t seq;
static uint8_t *receiver;
static size_t room;
static jmp_buf left;
static int code;
static uint64_t dice = 1;
static void (*at_exit)(void);

int nfvpn_test_atexit(void (*function)(void))
{
	at_exit = function;
	return 0;
}

static bool disk_full;

int nfvpn_test_fsync(int fd)
{
	(void)fd;
	errno = ENOSPC;
	return disk_full ? -1 : 0;
}

void nfvpn_test_exit(int status)
{
	code = status;
	if (at_exit)
		at_exit();
	at_exit = NULL;
	longjmp(left, 1);
}

struct mnl_socket *mnl_socket_open(int bus)
{
	(void)bus;
	return (struct mnl_socket *)&answers;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf,
			  socklen_t len)
{
	(void)nl;
	(void)type;
	(void)buf;
	(void)len;
	return 0;
}

/* Its attributes fill it, to the end. */
static bool nest_is_full(const struct nlattr *nest)
{
	const char *end = mnl_attr_get_payload(nest);
	const struct nlattr *part;

	mnl_attr_for_each_nested(part, nest) {
		end = (const char *)mnl_attr_next(part);
		if (part->nla_type & NLA_F_NESTED && !nest_is_full(part))
			return false;
	}
	return end == (const char *)mnl_attr_next(nest);
}

/* Whatever a file or the kernel said: what we say is well-formed. */
static bool well_formed(const struct nlmsghdr *nlh, size_t len)
{
	unsigned int off = sizeof(struct genlmsghdr);
	const char *end = mnl_nlmsg_get_payload_offset(nlh, off);
	const struct nlattr *attr;

	static_assert(sizeof(struct nfgenmsg) == sizeof(struct genlmsghdr), "");
	if (nlh->nlmsg_len != len || len > NFVPN_TRY)
		return false;
	mnl_attr_for_each(attr, nlh, off) {
		end = (const char *)mnl_attr_next(attr);
		if (attr->nla_type & NLA_F_NESTED && !nest_is_full(attr))
			return false;
	}
	return end == (const char *)nlh + len;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req,
			  size_t len)
{
	(void)nl;
	CHECK(well_formed(req, len));
	seq = ((const struct nlmsghdr *)req)->nlmsg_seq;
	return len;
}

/* What was not received is poison, until the next message. */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	struct nlmsghdr *nlh = buf;
	size_t n;

	(void)nl;
	receiver = buf;
	room = size;
	UNPOISON(buf, size);
	if (next_answer == n_answers || !answers[next_answer].n ||
	    ++received > RECEIVED_MOST) {
		errno = ENOMEM;
		return -1;
	}
	n = answers[next_answer].n;
	memcpy(buf, answers[next_answer++].p, n);
	if (again)
		next_answer = 0;
	/* It does answer the request, or nothing would be looked at. */
	if (n >= sizeof(*nlh) && seq)
		nlh->nlmsg_seq = seq;
	POISON((uint8_t *)buf + n, size - n);
	return n;
}

/* ---- answers ---- */

static struct nlmsghdr *begin(unsigned int i, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *head;

	nlh = mnl_nlmsg_put_header(answers[i].p);
	nlh->nlmsg_type = type;
	head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));
	head->cmd = cmd;
	return nlh;
}

static void end(unsigned int i, const struct nlmsghdr *nlh)
{
	answers[i].n = nlh->nlmsg_len;
	n_answers = i + 1;
	next_answer = 0;
	again = false;
}

static void done(void)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answers[1].p);

	nlh->nlmsg_type = NLMSG_DONE;
	memset(mnl_nlmsg_put_extra_header(nlh, sizeof(int)), 0, sizeof(int));
	end(1, nlh);
}

static void answer_family(void)
{
	struct nlmsghdr *nlh = begin(0, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
	struct nlattr *groups, *group;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NF_VPN_GENL_NAME);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, NF_VPN_GENL_GROUP);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, GROUP);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	end(0, nlh);
	done();
}

static void answer_key(struct nlmsghdr *nlh, uint32_t direction)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NF_VPN_A_SESSION_KEY);

	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_KIND, NF_VPN_KIND_SPI);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_DIRECTION, direction);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_ARRIVES, 0x1001);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_LEAVES, 0x2001);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_EVIDENCE, NF_VPN_EVIDENCE_GUESS);
	mnl_attr_nest_end(nlh, nest);
}

static void answer_session(void)
{
	struct nlmsghdr *nlh = begin(0, FAMILY, NF_VPN_CMD_SESSION_GET);

	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_ID, 7);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_PROTOCOL, NF_VPN_PROTOCOL_ESP);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_CLIENT, htonl(0xc0a80102));
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_SERVER, htonl(0xcb007102));
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_PUBLIC, htonl(0xcb007101));
	mnl_attr_put_u16(nlh, NF_VPN_A_SESSION_CLIENT_PORT, htons(1701));
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_ZONE, 60000);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_STATE, NF_VPN_STATE_UP);
	mnl_attr_put_u64(nlh, NF_VPN_A_SESSION_PACKETS_OUT, 1ULL << 40);
	mnl_attr_put(nlh, NF_VPN_A_SESSION_REPLIED, 0, NULL);
	answer_key(nlh, NF_VPN_DIRECTION_OUT);
	answer_key(nlh, NF_VPN_DIRECTION_IN);
	end(0, nlh);
	done();
}

static void answer_stat(void)
{
	struct nlmsghdr *nlh = begin(0, FAMILY, NF_VPN_CMD_STAT_GET);

	mnl_attr_put_strz(nlh, NF_VPN_A_STAT_NAME, "attached");
	mnl_attr_put_strz(nlh, NF_VPN_A_STAT_MEANING, "packets \"given\"");
	mnl_attr_put_u64(nlh, NF_VPN_A_STAT_VALUE, 5);
	end(0, nlh);
	done();
}

static void answer_net(void)
{
	struct nlmsghdr *nlh = begin(0, FAMILY, NF_VPN_CMD_NET_GET);

	mnl_attr_put_u32(nlh, NF_VPN_A_NET_ACTIVE, 1);
	mnl_attr_put_u32(nlh, NF_VPN_A_NET_SESSIONS, 3);
	mnl_attr_put_u32(nlh, NF_VPN_A_NET_MAX_FLOWS, 262144);
	end(0, nlh);
	done();
}

static void answer_event(void)
{
	struct nlmsghdr *nlh = begin(0, FAMILY, NF_VPN_CMD_EVENT);

	mnl_attr_put_u32(nlh, NF_VPN_A_EVENT_TYPE, NF_VPN_EVENT_SPOOF);
	mnl_attr_put_u32(nlh, NF_VPN_A_EVENT_PROTOCOL, NF_VPN_PROTOCOL_ESP);
	mnl_attr_put_u32(nlh, NF_VPN_A_EVENT_CLIENT, htonl(0xc0a80102));
	mnl_attr_put_u32(nlh, NF_VPN_A_EVENT_NUMBER, 0x2001);
	mnl_attr_put_u32(nlh, NF_VPN_A_EVENT_MISSED, 3);
	end(0, nlh);
}

/* A refusal with its text, behind the request it is about. */
static void answer_error(void)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answers[0].p);
	struct nlmsgerr *err;

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_ACK_TLVS;
	err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err) + 20);
	memset(err, 0, sizeof(*err) + 20);
	err->error = -ENOENT;
	err->msg.nlmsg_len = sizeof(err->msg) + 20;
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "no such session");
	end(0, nlh);
}

/* The same to whatever is asked: a session to be restored, its conntrack entry. */
static void answer_refusal(void)
{
	answer_error();
	again = true;
}

/* ---- running a command ---- */

typedef void nfvpn_command(const struct nfvpn_filter *filter);

static void command_open(const struct nfvpn_filter *filter)
{
	(void)filter;
	nfvpn_open();
}

static void command_watch(const struct nfvpn_filter *filter)
{
	seq = 0;
	nfvpn_watch(filter);
}

/* What nfvpn save writes. */
#define KEYS(kind) \
	"\"keys\":[{\"kind\":\"" kind "\",\"direction\":\"in\",\"arrives\":18473,\"leaves\":7,\"idle\":1,\"evidence\":\"exact\"}," \
	"{\"kind\":\"" kind "\",\"direction\":\"out\",\"arrives\":4294967295,\"leaves\":101,\"parent\":3,\"peer\":4,\"evidence\":\"settled\"}]"
#define SAVED(protocol, track) \
	"{\"id\":1,\"protocol\":\"" protocol "\",\"client\":\"192.168.3.2\",\"server\":\"203.0.113.2\",\"zone\":60000,\"state\":\"up\",\"bound\":\"control\",\"awaited\":1,\"expires\":600,\"replied\":true," track KEYS("call") "}"
#define TRACK \
	"\"track\":{\"protonum\":6,\"src\":\"192.168.3.2\",\"dst\":\"203.0.113.2\",\"reply-src\":\"203.0.113.9\",\"reply-dst\":\"203.0.113.1\",\"sport\":1,\"dport\":2,\"reply-sport\":3,\"reply-dport\":65535,\"zone\":0,\"mark\":7,\"helper\":\"vpn-pptp\"},"
#define FILE_OF(sessions) "{\"version\":1,\"saved\":0,\"sessions\":[" sessions "]}"

static const char *restored = "[" SAVED("pptp", TRACK) "," SAVED("esp", TRACK) "]";

static void command_restore(const struct nfvpn_filter *filter)
{
	(void)filter;
	code = nfvpn_restore_text(restored, "file");
}

static char saved[] = "/tmp/nf_vpn.XXXXXX/sessions";

static void command_save(const struct nfvpn_filter *filter)
{
	(void)filter;
	nfvpn_save(saved);
}

static const struct {
	const char	*name;
	nfvpn_command	*run;
	void		(*answer)(void);
	bool		json;	/* prints all of it, or ends */
} commands[] = {
	{ "open", command_open, answer_family, false },
	{ "list", nfvpn_list, answer_session, true },
	{ "stats", nfvpn_stats, answer_stat, true },
	{ "status", nfvpn_status, answer_net, true },
	{ "watch", command_watch, answer_event, true },
	{ "refused", nfvpn_list, answer_error, false },
	{ "restore", command_restore, answer_refusal, false },
	{ "save", command_save, answer_session, false },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static char *said, *complained;

/* What it prints is in said, its messages in complained. */
static int run(nfvpn_command *command, bool json)
{
	struct nfvpn_filter filter = { .json = json, .all = true };
	FILE *out = stdout, *err = stderr;
	size_t len;

	free(said);
	free(complained);
	stdout = open_memstream(&said, &len);
	stderr = open_memstream(&complained, &len);
	code = 0;
	next_answer = 0;
	received = 0;
	if (!setjmp(left))
		command(&filter);
	at_exit = NULL;
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	if (receiver)
		UNPOISON(receiver, room);
	return code;
}

/* What it has when it ends in the middle, exit() would have freed. */
static void run_to_end(nfvpn_command *command)
{
	__lsan_disable();
	run(command, false);
	__lsan_enable();
}

/* ---- a file to save in ---- */

#define BEFORE	"it was like this before"

static void save_begin(void)
{
	int fd = open(saved, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, BEFORE, strlen(BEFORE)) < 0)
		abort();
	close(fd);
}

/* The only file there is whole: the one from before, or a list. */
static void save_check(void)
{
	char *text, *directory = strdup(saved);
	struct nfvpn_json *json;
	struct dirent *entry;
	unsigned int files = 0;
	DIR *dir;

	*strrchr(directory, '/') = '\0';
	dir = opendir(directory);
	while ((entry = readdir(dir)))
		files += entry->d_name[0] != '.';
	closedir(dir);
	free(directory);
	CHECK_EQ(files, 1);
	CHECK(nfvpn_read_file(saved, &text));
	if (code) {
		CHECK_MSG(!strcmp(text, BEFORE), "%d: %s", code, text);
	} else {
		json = nfvpn_js_parse(text);
		CHECK_MSG(json && nfvpn_js_get(json, "sessions"), "%s", text);
		nfvpn_js_free(json);
	}
	free(text);
}

/* It writes to file 1, where our own results go. */
static int save(void)
{
	int keep = dup(STDOUT_FILENO);
	FILE *err = stderr;
	size_t len;

	save_begin();
	fflush(stdout);
	free(complained);
	stderr = open_memstream(&complained, &len);
	code = 0;
	next_answer = 0;
	received = 0;
	if (!setjmp(left))
		nfvpn_save(saved);
	at_exit = NULL;
	fclose(stderr);
	stderr = err;
	dup2(keep, STDOUT_FILENO);
	close_range(keep, ~0U, 0);
	if (receiver)
		UNPOISON(receiver, room);
	save_check();
	return code;
}

/* Text and JSON; the latter must be some when it came to its end. */
static void try_both(unsigned int i)
{
	struct nfvpn_json *json;

	if (commands[i].run == command_save) {
		save();
		return;
	}
	if (commands[i].run == command_restore) {
		run_to_end(command_restore);
		return;
	}
	run(commands[i].run, false);
	if (run(commands[i].run, true) != NFVPN_OK && commands[i].run != command_watch)
		return;
	if (!commands[i].json || !*said)
		return;
	json = nfvpn_js_parse(said);
	CHECK_MSG(json, "%s: %s", commands[i].name, said);
	nfvpn_js_free(json);
}

static void whole(void)
{
	answer_family();
	CHECK_EQ(run(command_open, false), NFVPN_OK);
	answer_session();
	CHECK_EQ(run(nfvpn_list, true), NFVPN_OK);
	CHECK_MSG(strstr(said, "\"client\":\"192.168.1.2\",\"server\":\"203.0.113.2\""), "%s", said);
	CHECK_MSG(strstr(said, "\"packets-out\":1099511627776"), "%s", said);
	CHECK_MSG(strstr(said, "\"arrives\":4097,\"leaves\":8193"), "%s", said);
	CHECK_EQ(run(nfvpn_list, false), NFVPN_OK);
	CHECK_MSG(strstr(said, "out 0x00001001>0x00002001?, in"), "%s", said);
	answer_stat();
	CHECK_EQ(run(nfvpn_stats, true), NFVPN_OK);
	CHECK_MSG(strstr(said, "\"attached\":5"), "%s", said);
	answer_net();
	CHECK_EQ(run(nfvpn_status, true), NFVPN_OK);
	CHECK_MSG(strstr(said, "\"sessions\":3,"), "%s", said);
	answer_event();
	run(command_watch, true);
	CHECK_MSG(strstr(said, "\"event\":\"spoof-suspected\""), "%s", said);
	answer_session();
	CHECK_EQ(save(), NFVPN_OK);
	disk_full = true;
	CHECK_EQ(save(), NFVPN_FAILED);
	CHECK_MSG(strstr(complained, "No space left"), "%s", complained);
	disk_full = false;
	answer_error();
	CHECK_EQ(save(), NFVPN_FAILED);
	CHECK_EQ(run(nfvpn_list, false), NFVPN_FAILED);
	CHECK_MSG(strstr(complained, "nfvpn: no such session"), "%s", complained);
}

/* At the very end: a number of half its size, a text without its 0. */
static void wrong_sizes(void)
{
	struct nlmsghdr *nlh = begin(0, FAMILY, NF_VPN_CMD_STAT_GET);

	mnl_attr_put_strz(nlh, NF_VPN_A_STAT_NAME, "attached");
	mnl_attr_put_u32(nlh, NF_VPN_A_STAT_VALUE, 5);
	end(0, nlh);
	done();
	CHECK_EQ(run(nfvpn_stats, true), NFVPN_OK);
	CHECK_MSG(strstr(said, "\"attached\":0"), "%s", said);
	nlh = begin(0, FAMILY, NF_VPN_CMD_STAT_GET);
	mnl_attr_put_u64(nlh, NF_VPN_A_STAT_VALUE, 5);
	mnl_attr_put(nlh, NF_VPN_A_STAT_NAME, 4, "abcd");
	end(0, nlh);
	done();
	CHECK_EQ(run(nfvpn_stats, true), NFVPN_OK);
	CHECK_MSG(strstr(said, "\"\":5"), "%s", said);
}

/* The datagram ends early; and its header says so, or does not. */
static void cut_short(void)
{
	unsigned int i, honest;
	size_t n, len;

	for (i = 0; i < COMMANDS; i++) {
		commands[i].answer();
		n = answers[0].n;
		for (len = 0; len < n; len += STEP)
			for (honest = 0; honest < 2; honest++) {
				commands[i].answer();
				answers[0].n = len;
				if (honest && len >= 4)
					memcpy(answers[0].p, &(uint32_t){ len }, 4);
				try_both(i);
			}
	}
}

static void each_octet(void)
{
	static const uint8_t values[] = { 0, 1, 3, 4, 0x22, 0x7f, 0x80, 0xff };
	unsigned int i, v;
	size_t at, n;

	for (i = 0; i < COMMANDS; i++) {
		commands[i].answer();
		n = answers[0].n;
		for (at = 0; at < n; at += STEP)
			for (v = 0; v < sizeof(values); v++) {
				commands[i].answer();
				answers[0].p[at] = values[v];
				try_both(i);
			}
	}
}

static void at_random(void)
{
	unsigned int round, i, k, changes;

	for (round = 0; round < FUZZ_ROUNDS / 10; round++) {
		i = ktap_below(&dice, COMMANDS);
		commands[i].answer();
		changes = 1 + ktap_below(&dice, 6);
		for (k = 0; k < changes; k++)
			answers[0].p[ktap_below(&dice, answers[0].n)] =
				ktap_below(&dice, 256);
		if (!ktap_below(&dice, 4))
			answers[0].n = ktap_below(&dice, answers[0].n + 1);
		try_both(i);
	}
}

/* ---- texts ---- */

static const char entry[] = "tcp      6 431999 ESTABLISHED src=192.168.1.2 dst=203.0.113.2 sport=40000 dport=1723 packets=5 bytes=400 [UNREPLIED] src=203.0.113.2 dst=203.0.113.1 sport=1723 dport=40001 packets=3 bytes=300 mark=0 helper=vpn-pptp use=1";
static const char ruleset[] = "{\"nftables\": [{\"rule\": {\"family\": \"ip\", \"handle\": 2, \"expr\": [{\"match\": {\"op\": \"in\", \"left\": {\"ct\": {\"key\": \"state\"}}, \"right\": [\"a\\\"\\u00e9\", -1.5e3, true, null]}}]}}]}";
static const char own[] = "# nfvpn protocols: pptp ipsec\n# nfvpn lan: lan0 lan1\n# nfvpn mark: 0x20\n\ntable ip nf_vpn {\n}\n";

static void texts_whole(void)
{
	const struct nfvpn_json *rule;
	struct nfvpn_rules rules;
	struct nfvpn_json *json;
	struct nfvpn_flow flow;

	CHECK(nfvpn_facts_parse_flow(&flow, entry));
	CHECK(flow.protocol == 6 && flow.unreplied);
	CHECK(flow.orig.src == htonl(0xc0a80102) && flow.orig.dport == 1723);
	CHECK(flow.orig.packets == 5 && flow.reply.packets == 3);
	CHECK(flow.reply.dst == htonl(0xcb007101) && flow.reply.dport == 40001);
	CHECK(!strcmp(flow.state, "ESTABLISHED"));
	CHECK(!strcmp(flow.helper, "vpn-pptp"));
	json = nfvpn_js_parse(ruleset);
	CHECK(json);
	rule = nfvpn_js_get(nfvpn_js_get(json, "nftables")->child, "rule");
	CHECK_EQ(nfvpn_js_number(rule, "handle", 0), 2);
	CHECK(nfvpn_js_has(rule, "a\"?") && nfvpn_js_has(rule, "-1500"));
	nfvpn_js_free(json);
	CHECK(nfvpn_rules_parse(&rules, own));
	CHECK(rules.protocols == (NFVPN_PPTP | NFVPN_IPSEC) && !rules.outside);
	CHECK(rules.n_ifaces == 2 && rules.mark == 0x20);
}

/* What is written is read as it was. */
static void rules_again(void)
{
	struct nfvpn_rules rules, again;
	char *text;
	size_t len;
	FILE *file;

	memset(&rules, 0, sizeof(rules));
	rules.protocols = NFVPN_PPTP | NFVPN_L2TP | NFVPN_IPSEC;
	rules.outside = true;
	CHECK(nfvpn_rules_add_iface(&rules, "wan0.5@x"));
	CHECK(nfvpn_rules_add_iface(&rules, "ppp*"));
	CHECK(nfvpn_rules_add_iface(&rules, "ppp*"));
	CHECK_EQ(rules.n_ifaces, 2);
	CHECK(nfvpn_rules_set_mark(&rules, "0x80000000"));
	file = open_memstream(&text, &len);
	nfvpn_rules_print(&rules, file);
	fclose(file);
	CHECK(nfvpn_rules_parse(&again, text));
	CHECK(!memcmp(&rules, &again, sizeof(rules)));
	free(text);
}

/* None of these may get into a rule. */
static void names_refused(void)
{
	static const char * const bad[] = {
		"", "*", "a b", "a\"b", "a;b", "a{b", "a\nb", "a*b", "$x",
		"sixteen-letters-", "../x", "caf\xc3\xa9",
	};
	static const char * const no_bit[] = {
		"", "0", "3", "-1", "0x", "x", "0x20z", "0x100000000", " 1",
	};
	struct nfvpn_rules rules = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(!nfvpn_rules_add_iface(&rules, bad[i]), "%s", bad[i]);
	for (i = 0; i < sizeof(no_bit) / sizeof(no_bit[0]); i++)
		CHECK_MSG(!nfvpn_rules_set_mark(&rules, no_bit[i]), "%s", no_bit[i]);
}

static void texts_at_random(void)
{
	static const char * const texts[] = { entry, ruleset, own };
	struct nfvpn_rules rules;
	struct nfvpn_flow flow;
	unsigned int round, k, changes;
	uint8_t *text;
	size_t len;

	for (round = 0; round < FUZZ_ROUNDS; round++) {
		len = strlen(texts[round % 3]);
		text = ktap_dup((const uint8_t *)texts[round % 3], len + 1);
		changes = ktap_below(&dice, 4);
		for (k = 0; k < changes; k++)
			text[ktap_below(&dice, len)] = ktap_below(&dice, 128);
		if (!ktap_below(&dice, 2))
			text[ktap_below(&dice, len)] = '\0';
		nfvpn_facts_parse_flow(&flow, (char *)text);
		nfvpn_js_free(nfvpn_js_parse((char *)text));
		nfvpn_rules_parse(&rules, (char *)text);
		free(text);
	}
}

/* ---- the ruleset, as the doctor reads it ---- */

#define CHAIN(hook, policy) \
	"{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"c\",\"type\":\"filter\",\"hook\":\"" hook "\",\"prio\":0,\"policy\":\"" policy "\"}}"
#define RULE_OF(chain, expr) \
	",{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"" chain "\",\"handle\":9,\"expr\":[" expr "]}}"
#define RULE(expr)	RULE_OF("c", expr)
#define MATCH(op, left, right) \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}},"
#define L4(op, right)	MATCH(op, "{\"meta\":{\"key\":\"l4proto\"}}", right)
#define DPORT(l4, right) \
	MATCH("==", "{\"payload\":{\"protocol\":\"" l4 "\",\"field\":\"dport\"}}", right)
#define STATE(op, right) MATCH(op, "{\"ct\":{\"key\":\"state\"}}", right)
#define FROM(iface)	MATCH("==", "{\"meta\":{\"key\":\"iifname\"}}", "\"" iface "\"")
#define DROPS		"{\"counter\":{\"packets\":3,\"bytes\":9}},{\"drop\":null}"
#define ACCEPT		"{\"accept\":null}"
#define RELATED		RULE(STATE("in", "[\"established\",\"related\"]") ACCEPT)
#define JUMP		"{\"jump\":{\"target\":\"d\"}}"

/* What is said of each; "": nothing. */
static const struct {
	const char	*text;
	const char	*said;
} rulesets[] = {
	{ CHAIN("forward", "accept"), "" },
	{ CHAIN("forward", "drop") RELATED, "" },
	{ CHAIN("forward", "drop") RULE(STATE("in", "\"established\"") ACCEPT), "related-dropped" },
	{ CHAIN("forward", "drop") RULE(FROM("lan") ACCEPT), "" },
	{ CHAIN("input", "drop"), "" },
	{ CHAIN("forward", "accept") RULE(L4("==", "\"esp\"") DROPS), "drops ESP\n" },
	{ CHAIN("forward", "accept") RULE(L4("==", "{\"set\":[\"gre\",50]}") DROPS), "drops GRE, ESP\n" },
	{ CHAIN("forward", "accept") RULE(L4("!=", "{\"set\":[\"tcp\",\"udp\",\"icmp\"]}") DROPS), "drops GRE, ESP, L2TP over IP\n" },
	{ CHAIN("forward", "accept") RELATED RULE(L4("==", "\"esp\"") DROPS), "" },
	{ CHAIN("forward", "accept") RELATED RULE(DPORT("udp", "{\"range\":[1000,5000]}") DROPS), "drops UDP 4500, UDP 1701\n" },
	{ CHAIN("forward", "accept") RELATED RULE(DPORT("udp", "{\"set\":[500,{\"range\":[4000,4600]}]}") DROPS), "drops UDP 500, UDP 4500\n" },
	{ CHAIN("forward", "accept") RULE(DPORT("tcp", "500") DROPS), "" },
	{ CHAIN("forward", "accept") RULE(DPORT("th", "1723") DROPS), "drops TCP 1723\n" },
	{ CHAIN("forward", "accept") RULE(FROM("lan") STATE("in", "\"new\"") ACCEPT) RULE(DPORT("udp", "500") DROPS), "" },
	{ CHAIN("forward", "accept") RULE(DPORT("udp", "\"@ports\"") DROPS), "drops UDP 500" },
	{ CHAIN("forward", "accept") RULE(STATE("in", "\"invalid\"") DROPS), "" },
	{ CHAIN("forward", "accept") RULE(L4("==", "\"esp\"") STATE("in", "\"invalid\"") DROPS), "" },
	{ CHAIN("forward", "accept") RULE(DPORT("tcp", "1723") JUMP) RULE_OF("d", L4("==", "{\"set\":[\"esp\",\"tcp\"]}") DROPS), "drops TCP 1723\n" },
	{ CHAIN("forward", "accept") RULE(JUMP) RULE_OF("d", L4("==", "\"gre\"") DROPS), "chain d, rule" },
	{ CHAIN("forward", "accept") RULE(DPORT("udp", "53") JUMP) RULE_OF("d", L4("==", "\"gre\"") DROPS), "" },
	{ CHAIN("prerouting", "accept") RULE(L4("==", "\"esp\"") DROPS), "drops ESP\n" },
	{ CHAIN("prerouting", "accept") RULE(DPORT("udp", "500") DROPS), "" },
	{ CHAIN("prerouting", "accept") RULE(DPORT("udp", "500") "{\"notrack\":null}"), "takes UDP 500 out" },
	{ CHAIN("forward", "accept") RULE("{\"xt\":{\"type\":\"match\",\"name\":\"conntrack\"}}," ACCEPT) RULE(L4("==", "\"esp\"") DROPS), "" },
};

#define RULESETS	(sizeof(rulesets) / sizeof(rulesets[0]))

/* Of a ruleset: what the doctor says; to be freed. */
static char *diagnose(const char *items)
{
	struct nfvpn_facts facts = { 0 };
	FILE *out = stdout;
	char *text, *told;
	size_t len;

	if (asprintf(&text, "{\"nftables\":[%s]}", items) < 0)
		abort();
	facts.nft = nfvpn_js_parse(text);
	free(text);
	stdout = open_memstream(&told, &len);
	nfvpn_check_rules(&facts);
	fclose(stdout);
	stdout = out;
	nfvpn_facts_put(&facts);
	return told;
}

static void rules_read(void)
{
	unsigned int i;
	char *told;

	for (i = 0; i < RULESETS; i++) {
		told = diagnose(rulesets[i].text);
		CHECK_MSG(*rulesets[i].said ? !!strstr(told, rulesets[i].said) : !*told,
			  "%s\n%s", rulesets[i].text, told);
		free(told);
	}
}

static void rules_at_random(void)
{
	unsigned int round, k;
	size_t len;
	char *text;

	for (round = 0; round < FUZZ_ROUNDS / 10; round++) {
		text = strdup(rulesets[round % RULESETS].text);
		len = strlen(text);
		for (k = 0; k < 3; k++)
			text[ktap_below(&dice, len)] = 0x20 + ktap_below(&dice, 96);
		free(diagnose(text));
		free(text);
	}
}

/* Brackets without end do not end the stack. */
static void too_deep(void)
{
	char text[100001];

	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(!nfvpn_js_parse(text));
}

/* ---- files to be restored ---- */


static void command_restore_file(const struct nfvpn_filter *filter)
{
	(void)filter;
	code = nfvpn_restore(saved);
}

static void answer_verdict(int error)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answers[0].p);
	struct nlmsgerr *err;

	nlh->nlmsg_type = NLMSG_ERROR;
	err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));
	memset(err, 0, sizeof(*err));
	err->error = -error;
	end(0, nlh);
	again = true;
}

static int restore(const char *text, int error)
{
	restored = text;
	answer_verdict(error);
	run(command_restore, false);
	return code;
}

static const struct {
	const char	*text;
	int		error;
	int		code;
	const char	*said;
	const char	*complained;
} files[] = {
	{ "[" SAVED("pptp", TRACK) "]", 0, NFVPN_OK, "1 session restored, 0 there", "" },
	{ "[" SAVED("pptp", TRACK) "," SAVED("esp", TRACK) "]", EEXIST, NFVPN_OK, "0 sessions restored, 2 there already", "" },
	{ "[" SAVED("pptp", TRACK) "]", ENOSPC, NFVPN_FAILED, "1 not restored", "No space left" },
	{ "[" SAVED("pptp", TRACK) "]", EPERM, NFVPN_NO_PERMISSION, "", "as root" },
	/* conntrack cannot have it either */
	{ "[" SAVED("pptp", TRACK) "]", ENOENT, NFVPN_FAILED, "1 not restored", "conntrack has no entry" },
	{ "[" SAVED("ftp", TRACK) "]", 0, NFVPN_FAILED, "1 not restored", "its protocol" },
	{ "[" SAVED("pptp", "") "]", 0, NFVPN_FAILED, "1 not restored", "its track" },
	{ "[{\"state\":\"up\"}]", 0, NFVPN_FAILED, "1 not restored", "its protocol" },
	{ "[{\"state\":\"quiet\"},{\"state\":\"pending\"},7]", 0, NFVPN_FAILED, "2 not restored", "it was not up" },
	{ FILE_OF(SAVED("pptp", TRACK)), 0, NFVPN_FAILED, "1 not restored", "its time was over" },
	{ FILE_OF(""), 0, NFVPN_OK, "0 sessions restored", "" },
	{ "{\"version\":2,\"sessions\":[]}", 0, NFVPN_FAILED, "", "a later version" },
	{ "", 0, NFVPN_FAILED, "", "not written by" },
	{ "7", 0, NFVPN_FAILED, "", "not written by" },
};

#define FILES	(sizeof(files) / sizeof(files[0]))

static void files_read(void)
{
	unsigned int i;

	for (i = 0; i < FILES; i++) {
		CHECK_EQ(restore(files[i].text, files[i].error), files[i].code);
		CHECK_MSG(strstr(said, files[i].said), "%s: %s", files[i].text, said);
		CHECK_MSG(strstr(complained, files[i].complained), "%s: %s",
			  files[i].text, complained);
	}
}

/* More numbers than fit in a message. */
static void files_long(void)
{
	char *text;
	size_t len;
	FILE *file = open_memstream(&text, &len);
	int i;

	fputs("[{\"protocol\":\"esp\",\"client\":\"192.0.2.1\",\"zone\":0,\"state\":\"up\",\"bound\":\"control\"," TRACK "\"keys\":[", file);
	for (i = 0; i < 100000; i++)
		fputs("{\"kind\":\"spi\",\"direction\":\"in\",\"arrives\":300,\"leaves\":300,\"evidence\":\"exact\"},", file);
	fputs("0]}]", file);
	fclose(file);
	CHECK_EQ(restore(text, 0), NFVPN_FAILED);
	CHECK_MSG(strstr(complained, "more numbers"), "%s", complained);
	free(text);
}

/* Cut anywhere, also by a 0; each octet another one. */
static void files_cut(void)
{
	static const char values[] = "\0\1\"\\,{}[]:9-e\xff";
	const char *whole = FILE_OF(SAVED("pptp", TRACK));
	size_t at, v, len = strlen(whole);
	char *text;

	for (at = 0; at < len; at += STEP) {
		text = strndup(whole, at);
		CHECK_MSG(restore(text, 0) == NFVPN_FAILED, "%s", text);
		free(text);
		for (v = 0; v < sizeof(values) - 1; v++) {
			text = strdup(whole);
			text[at] = values[v];
			restore(text, v % 2 ? ENOENT : 0);
			free(text);
		}
	}
}

/* Its value of each member in turn is another one's, of a wrong type or range. */
static void files_wrong(void)
{
	static const char * const values[] = {
		"null", "true", "[]", "{}", "\"\"", "\"x\"", "[[{}]]", "-1", "0.5",
		"65536", "4294967296", "1e400", "-1e400", "1e-400", "0x10",
		"\"255.255.255.255\"", "\"1.2.3\"", "\"\\u0000\"", "999999999999999999999999",
	};
	const char *whole = "[" SAVED("pptp", TRACK) "]", *colon, *end;
	unsigned int v;
	char *text;

	for (colon = strchr(whole, ':'); colon; colon = strchr(colon + 1, ':')) {
		end = colon + 1 + strcspn(colon + 1, ",}]");
		for (v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			if (asprintf(&text, "%.*s%s%s", (int)(colon + 1 - whole),
				     whole, values[v], end) < 0)
				abort();
			restore(text, v % 3 ? 0 : ENOLINK);
			free(text);
		}
	}
}

/* Texts that are longer than any of them may be, and what is said of them. */
static void files_overlong(void)
{
	static const char * const members[] = {
		"\"protocol\":\"", "\"client\":\"", "\"server\":\"", "\"bound\":\"",
		"\"src\":\"", "\"helper\":\"", "\"kind\":\"", "\"evidence\":\"",
	};
	const char *whole = "[" SAVED("pptp", TRACK) "]", *at;
	static const size_t lengths[] = { 15, 16, 17, 255, 256, 1 << 20 };
	unsigned int i, k;
	char *text, *fill;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		for (k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			fill = calloc(1, lengths[k] + 1);
			memset(fill, 'a', lengths[k]);
			at = strstr(whole, members[i]) + strlen(members[i]);
			if (asprintf(&text, "%.*s%s%s", (int)(at - whole), whole,
				     fill, at + strcspn(at, "\"")) < 0)
				abort();
			restore(text, ENOENT);
			CHECK_EQ(code, NFVPN_FAILED);
			free(text);
			free(fill);
		}
}

/* As a file on disk, a 0 in it. */
static void files_on_disk(void)
{
	static const char whole[] = "[" SAVED("pptp", TRACK) "]\0[", half[] = "[\0]";
	int fd;

	fd = open(saved, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK_EQ(write(fd, whole, sizeof(whole)), sizeof(whole));
	answer_verdict(0);
	run_to_end(command_restore_file);
	CHECK_EQ(code, NFVPN_OK);
	CHECK(!ftruncate(fd, 0));
	CHECK_EQ(pwrite(fd, half, sizeof(half), 0), sizeof(half));
	close(fd);
	run_to_end(command_restore_file);
	CHECK_EQ(code, NFVPN_FAILED);
	CHECK_MSG(strstr(complained, "not written by"), "%s", complained);
	unlink(saved);
	run_to_end(command_restore_file);
	CHECK_EQ(code, NFVPN_FAILED);
	CHECK_MSG(strstr(complained, "No such file"), "%s", complained);
}

static void files_at_random(void)
{
	static const int errors[] = { 0, EEXIST, ENOENT, ENOLINK, EINVAL, EPERM };
	unsigned int round, k, changes;
	size_t len;
	char *text;

	for (round = 0; round < FUZZ_ROUNDS / 5; round++) {
		text = strdup(files[round % FILES].text);
		len = strlen(text);
		changes = len ? ktap_below(&dice, 5) : 0;
		for (k = 0; k < changes; k++)
			text[ktap_below(&dice, len)] = 0x20 + ktap_below(&dice, 96);
		if (len && !ktap_below(&dice, 4))
			text[ktap_below(&dice, len)] = '\0';
		restore(text, errors[ktap_below(&dice, 6)]);
		free(text);
	}
}

static const struct ktap_case cases[] = {
	KTAP_CASE(whole),
	KTAP_CASE(wrong_sizes),
	KTAP_CASE(cut_short),
	KTAP_CASE(each_octet),
	KTAP_CASE(at_random),
	KTAP_CASE(texts_whole),
	KTAP_CASE(rules_again),
	KTAP_CASE(names_refused),
	KTAP_CASE(texts_at_random),
	KTAP_CASE(rules_read),
	KTAP_CASE(rules_at_random),
	KTAP_CASE(too_deep),
	KTAP_CASE(files_read),
	KTAP_CASE(files_long),
	KTAP_CASE(files_cut),
	KTAP_CASE(files_wrong),
	KTAP_CASE(files_overlong),
	KTAP_CASE(files_on_disk),
	KTAP_CASE(files_at_random),
};

int main(void)
{
	int bad;

	if (!mkdtemp(strcpy(saved, "/tmp/nf_vpn.XXXXXX")))
		return 1;
	strcat(saved, "/sessions");
	bad = ktap_run(cases, sizeof(cases) / sizeof(cases[0]));
	unlink(saved);
	*strrchr(saved, '/') = '\0';
	rmdir(saved);
	free(said);
	free(complained);
	return bad;
}
