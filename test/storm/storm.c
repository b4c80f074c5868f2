// SPDX-License-Identifier: GPL-2.0-only
/*
 * storm: hostile packets and messages in numbers, for scripts/storm. The same seed
 * gives the same ones. Prints how many were sent.
 *
 *	storm packets SEED COUNT KIND DEVICE MAC SOURCE DESTINATION [ID]...
 *	storm tcp SEED COUNT ADDRESS
 *	storm sink SEED
 *	storm netlink SEED COUNT
 *	storm restore SEED COUNT CLIENT CLIENT
 *
 * packets: whole IP packets of all protocols the modules read (KIND all, or esp, gre,
 * udp, l2tp, ah, tcp, icmp), mostly nearly right, with SPIs and call IDs of those given
 * (live ones) or random; to the device, past the sender's own stack, which would take
 * longer than what is tested. tcp: connections to port 1723 that write control
 * messages, cut and spoilt; sink: their other end, which does the same. netlink:
 * requests to the family nf_vpn; restore: with the right to do it, ends sessions, not
 * of the two clients, and restores what was listed, spoilt.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH		64
#define LONGEST		4096
#define PPTP_PORT	1723
#define PPTP_COOKIE	0x1a2b3c4d

static uint64_t state;
static uint32_t live[64];
static unsigned int lives;

/* splitmix64 */
static uint32_t any(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)(z ^ z >> 31);
}

static uint32_t below(uint32_t n)
{
	return any() % n;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

static uint32_t any_id(void)
{
	if (lives && !one_in(3))
		return live[below(lives)];
	return one_in(4) ? below(0x200) : any();
}

/* A packet or message that grows */
struct buffer {
	unsigned int	len;
	uint8_t		data[LONGEST];
};

static void put(struct buffer *b, uint32_t value, unsigned int octets)
{
	while (octets-- && b->len < sizeof(b->data))
		b->data[b->len++] = value >> 8 * octets;
}

static void put_random(struct buffer *b, unsigned int octets)
{
	for (; octets > 4; octets -= 4)
		put(b, any(), 4);
	put(b, any(), octets);
}

static void set16(struct buffer *b, unsigned int at, uint16_t value)
{
	if (at + 2 > b->len)
		return;
	b->data[at] = value >> 8;
	b->data[at + 1] = value;
}

/* Cut, or spoilt in a few places */
static void spoil(struct buffer *b, unsigned int from)
{
	unsigned int n;

	if (b->len <= from)
		return;
	if (one_in(8))
		b->len = from + below(b->len - from + 1);
	if (b->len == from || !one_in(3))
		return;
	for (n = 1 + below(4); n; n--)
		b->data[from + below(b->len - from)] = any();
}

static void esp(struct buffer *b)
{
	put(b, any_id(), 4);
	put(b, one_in(4) ? any() : below(20), 4);
	put_random(b, below(80));
}

static void ah(struct buffer *b)
{
	put(b, 50, 1);
	put(b, 4, 1);
	put(b, 0, 2);
	put(b, any_id(), 4);
	put_random(b, below(40));
}

static void gre(struct buffer *b)
{
	static const uint16_t flags[] = { 0x3001, 0x3081, 0x2081, 0x2001, 0x3000, 0 };

	put(b, one_in(10) ? any() : flags[below(6)], 2);
	put(b, one_in(12) ? 0x0800 : 0x880b, 2);
	put(b, below(100), 2);
	put(b, any_id(), 2);
	put_random(b, below(60));
}

static void ike(struct buffer *b)
{
	static const uint8_t kind[] = { 34, 35, 36, 37, 38, 2, 4, 5, 32, 33 };
	unsigned int start = b->len;

	put(b, 0x11110000 | below(4), 4);
	put(b, below(4), 4);
	put(b, one_in(4) ? 0 : 0x22220000 | below(4), 4);
	put(b, below(2), 4);
	put(b, one_in(6) ? any() : 33 + below(16), 1);
	put(b, one_in(8) ? any() : one_in(3) ? 0x10 : 0x20, 1);
	put(b, one_in(8) ? any() : kind[below(sizeof(kind))], 1);
	put(b, one_in(3) ? any() : 0x08U << below(3), 1);
	put(b, one_in(3) ? any() : below(8), 4);
	put(b, 28 + below(300), 4);
	put_random(b, below(300));
	if (!one_in(4))
		set16(b, start + 26, b->len - start);
}

static void avps(struct buffer *b)
{
	static const uint16_t attribute[] = { 0, 9, 14, 60, 61, 63, 64, 58, 59, 70, 7 };
	static const uint8_t type[] = { 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14, 20 };
	unsigned int n = below(6), at;

	put(b, 0x8008, 2);
	put(b, 0, 4);
	put(b, type[below(sizeof(type))], 2);
	while (n--) {
		at = b->len;
		put(b, 0x8000 | (one_in(8) ? 0x4000 : 0), 2);
		put(b, one_in(10) ? any() : 0, 2);
		put(b, attribute[below(11)], 2);
		if (one_in(2))
			put(b, any_id(), one_in(2) ? 2 : 4);
		else
			put_random(b, below(20));
		if (at + 2 <= b->len)
			b->data[at + 1] = one_in(10) ? any() : b->len - at;
	}
}

static void l2tp_udp(struct buffer *b)
{
	unsigned int start = b->len;

	put(b, one_in(8) ? any() : one_in(3) ? 0x0002 : 0xc802, 2);
	put(b, 0, 2);
	put(b, any_id(), 2);
	put(b, any_id(), 2);
	put(b, below(10), 2);
	put(b, below(10), 2);
	avps(b);
	if (!one_in(6))
		set16(b, start + 2, b->len - start);
}

static void l2tp_ip(struct buffer *b)
{
	unsigned int start = b->len;

	put(b, one_in(2) ? 0 : any_id(), 4);
	put(b, one_in(8) ? any() : 0xc803, 2);
	put(b, 0, 2);
	put(b, any_id(), 4);
	put(b, below(10), 2);
	put(b, below(10), 2);
	avps(b);
	if (!one_in(6))
		set16(b, start + 6, b->len - start - 4);
}

static void natt(struct buffer *b)
{
	if (one_in(3)) {
		put(b, 0xff, one_in(8) ? 2 : 1);
	} else if (one_in(2)) {
		put(b, 0, 4);
		ike(b);
	} else {
		esp(b);
	}
}

static void udp(struct buffer *b)
{
	static const uint16_t port[] = { 500, 500, 4500, 1701, 1701, 53 };
	unsigned int start = b->len, kind = below(6);

	uint32_t client = one_in(3) ? 1024 + below(64) : port[kind];
	bool answer = one_in(3);

	put(b, answer ? port[kind] : client, 2);
	put(b, answer ? client : port[kind], 2);
	put(b, 0, 2);
	put(b, 0, 2);		/* no checksum */
	if (port[kind] == 500)
		ike(b);
	else if (port[kind] == 4500)
		natt(b);
	else
		l2tp_udp(b);
	set16(b, start + 4, one_in(20) ? any() : b->len - start);
}

static uint16_t checksum(const uint8_t *p, unsigned int n)
{
	uint32_t sum = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void pptp(struct buffer *b);

static void tcp_segment(struct buffer *b)
{
	unsigned int options = one_in(8) ? below(10) : 0;
	bool answer = one_in(2);

	put(b, answer ? 1723 : 1024 + below(64), 2);
	put(b, answer ? 1024 + below(64) : 1723, 2);
	put(b, any(), 4);
	put(b, any(), 4);
	put(b, one_in(20) ? any() : (5 + options) << 4, 1);
	put(b, one_in(4) ? any() : 1U << below(5), 1);
	put(b, any(), 2);
	put(b, 0, 4);		/* no checksum: it is forged, and looked at nonetheless */
	put_random(b, 4 * options);
	if (one_in(2))
		pptp(b);
}

static void ip(struct buffer *b, uint8_t proto, uint32_t src, uint32_t dst)
{
	unsigned int options = one_in(30) ? 1 + below(10) : 0;

	put(b, 0x45 + options, 1);
	put(b, 0, 1);
	put(b, 0, 2);
	put(b, any(), 2);
	put(b, one_in(40) ? any() & 0x3fff : 0, 2);
	put(b, one_in(100) ? below(3) : 64, 1);
	put(b, proto, 1);
	put(b, 0, 2);
	put(b, src, 4);
	put(b, dst, 4);
	while (options--)
		put(b, 0x01010101, 4);
}

static const struct {
	const char *name;
	uint8_t proto;
	void (*fill)(struct buffer *b);
} kinds[] = {
	{ "esp", IPPROTO_ESP, esp }, { "esp", IPPROTO_ESP, esp },
	{ "gre", IPPROTO_GRE, gre }, { "gre", IPPROTO_GRE, gre },
	{ "udp", IPPROTO_UDP, udp }, { "udp", IPPROTO_UDP, udp },
	{ "l2tp", 115, l2tp_ip }, { "ah", IPPROTO_AH, ah },
	{ "tcp", IPPROTO_TCP, tcp_segment },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* An error about a packet that came from where it goes to */
static void icmp(struct buffer *b, uint32_t src, uint32_t dst)
{
	static const uint8_t type[] = { 3, 3, 3, 11, 12, 4, 5, 8 };
	unsigned int start = b->len, kind = below(KINDS), quote;

	put(b, type[below(8)], 1);
	put(b, below(6), 1);
	put(b, 0, 2);
	put(b, one_in(2) ? 0 : below(1500), 4);
	quote = b->len;
	ip(b, kinds[kind].proto, one_in(20) ? any() : dst, one_in(20) ? any() : src);
	kinds[kind].fill(b);
	if (one_in(2) && b->len > quote + 28)
		b->len = quote + 28;
	spoil(b, quote);
	set16(b, start + 2, checksum(b->data + start, b->len - start));
}

/* Length and checksum of the IP head: mostly as they must be to get anywhere */
static void finish_ip(struct buffer *b, unsigned int head)
{
	set16(b, 2, one_in(200) ? b->len - below(b->len) : b->len);
	set16(b, 10, checksum(b->data, head));
}

static void packet(struct buffer *b, const char *only, uint32_t src, uint32_t dst)
{
	bool all = !strcmp(only, "all");
	unsigned int kind, head;

	do {
		kind = below(KINDS + 1);
	} while (!all && strcmp(only, kind == KINDS ? "icmp" : kinds[kind].name));
	b->len = 0;
	ip(b, kind == KINDS ? IPPROTO_ICMP : kinds[kind].proto, src, dst);
	head = b->len;
	if (kind == KINDS) {
		icmp(b, src, dst);
	} else {
		kinds[kind].fill(b);
		spoil(b, head);
	}
	finish_ip(b, head);
}

static int packet_socket(const char *device, const char *mac, struct sockaddr_ll *at)
{
	int s = socket(AF_PACKET, SOCK_DGRAM, 0), size = 1 << 22, on = 1;

	*at = (struct sockaddr_ll){
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = if_nametoindex(device), .sll_halen = 6,
	};
	if (s < 0 || !at->sll_ifindex ||
	    sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", at->sll_addr, at->sll_addr + 1,
		   at->sll_addr + 2, at->sll_addr + 3, at->sll_addr + 4, at->sll_addr + 5) != 6)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	return s;
}

/* KIND DEVICE MAC SOURCE DESTINATION */
static int packets(unsigned long count, char **arg)
{
	uint32_t src = ntohl(inet_addr(arg[3])), dst = ntohl(inet_addr(arg[4]));
	static struct buffer buffer[BATCH];
	static struct mmsghdr msg[BATCH];
	static struct iovec iov[BATCH];
	unsigned long sent = 0, refused = 0;
	struct sockaddr_ll at;
	int s = packet_socket(arg[1], arg[2], &at), i, n;

	if (s < 0)
		return 1;
	while (sent + refused < count) {
		for (i = 0; i < BATCH; i++) {
			packet(&buffer[i], arg[0], src, dst);
			iov[i].iov_base = buffer[i].data;
			iov[i].iov_len = buffer[i].len;
			msg[i].msg_hdr.msg_name = &at;
			msg[i].msg_hdr.msg_namelen = sizeof(at);
			msg[i].msg_hdr.msg_iov = &iov[i];
			msg[i].msg_hdr.msg_iovlen = 1;
		}
		for (i = 0; i < BATCH; i += n) {
			n = sendmmsg(s, msg + i, BATCH - i, 0);
			if (n > 0) {
				sent += n;
			} else {	/* that one the sender's own kernel refuses */
				refused++;
				n = 1;
			}
		}
	}
	printf("%lu sent, %lu refused\n", sent, refused);
	return 0;
}

/* ---- PPTP ---- */

static void pptp(struct buffer *b)
{
	static const uint16_t length[16] = {
		0, 156, 156, 16, 16, 16, 20, 168, 32, 220, 24, 28, 16, 148, 40, 24,
	};
	unsigned int start = b->len, type = 1 + below(15);

	put(b, one_in(20) ? any() : length[type], 2);
	put(b, one_in(20) ? any() : 1, 2);
	put(b, one_in(30) ? any() : PPTP_COOKIE, 4);
	put(b, one_in(20) ? any() : type, 2);
	put(b, 0, 2);
	put(b, any_id(), 2);
	put(b, any_id(), 2);
	put(b, 0x01000000 * below(3), 4);
	while (b->len < start + length[type])
		put(b, one_in(4) ? any() : 0, 1);
}

/* One segment, of whatever length */
static bool pptp_write(int s)
{
	struct buffer b = { 0 };
	unsigned int at = 0, n, some = 1 + below(3);

	while (some--)
		if (b.len < 600 - 220)
			pptp(&b);
	while (at < b.len) {
		n = one_in(2) ? b.len - at : 1 + below(b.len - at);
		if (send(s, b.data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
			return false;
		at += n;
	}
	return true;
}

static void pptp_swallow(int s)
{
	char junk[4096];

	while (recv(s, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
}

static int tcp(unsigned long count, const char *to)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PPTP_PORT) };
	unsigned long sent = 0, fell = 0;
	unsigned int life;
	int s, on = 1;

	at.sin_addr.s_addr = inet_addr(to);
	while (sent + fell < count) {
		s = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(s, IPPROTO_TCP, 1, &on, sizeof(on));	/* TCP_NODELAY */
		if (s < 0 || connect(s, (void *)&at, sizeof(at)))
			fell++;
		else
			for (life = 1 + below(40); life && pptp_write(s); life--, sent++)
				pptp_swallow(s);
		close(s);
	}
	printf("%lu sent, %lu refused\n", sent, fell);
	return 0;
}

static int sink(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PPTP_PORT) };
	int l = socket(AF_INET, SOCK_STREAM, 0), on = 1, n = 1, i;
	struct pollfd fd[64] = { { .fd = l, .events = POLLIN } };
	char junk[4096];

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l, (void *)&at, sizeof(at)) || listen(l, 64))
		return 1;
	puts("ready");
	fflush(stdout);
	while (poll(fd, n, -1) > 0) {
		for (i = n - 1; i > 0; i--) {
			if (!fd[i].revents)
				continue;
			if (recv(fd[i].fd, junk, sizeof(junk), MSG_DONTWAIT) > 0 &&
			    pptp_write(fd[i].fd))
				continue;
			close(fd[i].fd);
			fd[i] = fd[--n];
		}
		if (fd[0].revents && n < 64) {
			fd[n].fd = accept(l, NULL, NULL);
			fd[n].events = POLLIN;
			n += fd[n].fd >= 0;
		}
	}
	return 1;
}

/* ---- netlink ---- */

static void attributes(struct buffer *b, unsigned int depth)
{
	unsigned int n = below(6), at;
	uint16_t len;

	while (n-- && b->len < 600 - 100) {
		at = b->len;
		put(b, 0, 4);
		if (depth && one_in(4))
			attributes(b, depth - 1);
		else
			put_random(b, one_in(3) ? below(40) : 1U << below(4));
		len = one_in(10) ? any() : b->len - at;
		memcpy(b->data + at, &len, 2);
		b->data[at + 2] = one_in(10) ? any() : below(30);
		b->data[at + 3] = one_in(3) ? 0x80 : 0;
		while (b->len & 3)
			put(b, 0, 1);
	}
}

static int family(int s)
{
	struct {
		struct nlmsghdr n;
		struct genlmsghdr g;
		struct nlattr a;
		char name[8];
	} ask = {
		.n = { sizeof(ask), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 },
		.g = { CTRL_CMD_GETFAMILY, 1, 0 },
		.a = { 4 + sizeof("nf_vpn"), CTRL_ATTR_FAMILY_NAME },
		.name = "nf_vpn",
	};
	char answer[8192];
	ssize_t n, at = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlattr *a;

	send(s, &ask, sizeof(ask), 0);
	n = recv(s, answer, sizeof(answer), 0);
	while (at + 4 <= n) {
		a = (void *)(answer + at);
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(a + 1);
		at += NLMSG_ALIGN(a->nla_len);
	}
	return -1;
}

static int netlink(unsigned long count)
{
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), id = family(s);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	unsigned long i, sent = 0;
	struct nlmsghdr n = { 0 };
	char answer[65536];
	struct buffer b;

	if (id < 0)
		return 1;
	for (i = 0; i < count; i++) {
		b.len = 0;
		put_random(&b, sizeof(n));
		put(&b, one_in(20) ? any() : below(12), 1);
		put(&b, one_in(20) ? any() : 1, 1);
		put(&b, 0, 2);
		attributes(&b, 2);
		n.nlmsg_len = one_in(20) ? any() : b.len;
		n.nlmsg_type = id;
		n.nlmsg_flags = NLM_F_REQUEST | (one_in(2) ? any() : one_in(2) ? NLM_F_DUMP : NLM_F_ACK);
		n.nlmsg_seq = i;
		memcpy(b.data, &n, sizeof(n));
		sent += sendto(s, b.data, b.len, 0, (void *)&to, sizeof(to)) > 0;
		while (recv(s, answer, sizeof(answer), MSG_DONTWAIT) > 0 && !one_in(50))
			;
	}
	printf("%lu sent, %lu refused\n", sent, count - sent);
	return 0;
}

/* ---- sessions restored ---- */

#define SESSIONS	256
#define ROOM		2048

static struct buffer session[SESSIONS];
static uint32_t number[SESSIONS];

static void request(struct buffer *b, int id, uint16_t flags, uint8_t cmd, uint32_t seq)
{
	struct nlmsghdr n = {
		.nlmsg_len = b->len, .nlmsg_type = id,
		.nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = seq,
	};

	memcpy(b->data, &n, sizeof(n));
	b->data[16] = cmd;
	b->data[17] = 1;
}

/* An attribute of 32 bits of a message, in its order of octets; 0: none */
static uint32_t word(const uint8_t *data, unsigned int size, uint16_t type)
{
	unsigned int at = 20;
	struct nlattr a;
	uint32_t value;

	while (at + 8 <= size) {
		memcpy(&a, data + at, sizeof(a));
		if (a.nla_len < 4)
			break;
		if (a.nla_type == type) {
			memcpy(&value, data + at + 4, 4);
			return value;
		}
		at += NLMSG_ALIGN(a.nla_len);
	}
	return 0;
}

/* What a list says of a session, less what a request to restore it must not have */
static void keep(struct buffer *b, const struct nlmsghdr *m)
{
	static const uint32_t wanted = 1 << 3 | 1 << 4 | 1 << 12 | 1 << 14 | 1 << 15 |
				       1 << 23 | 1 << 24 | 1 << 27;
	const uint8_t *from = (const uint8_t *)m;
	unsigned int at = 20, len;
	struct nlattr a;

	b->len = 20;
	for (; at + 4 <= m->nlmsg_len; at += len) {
		memcpy(&a, from + at, sizeof(a));
		len = NLMSG_ALIGN(a.nla_len);
		if (a.nla_len < 4 || at + len > m->nlmsg_len)
			break;
		if (wanted & 1U << (a.nla_type & 31)) {
			memcpy(b->data + b->len, from + at, len);
			b->len += len;
		}
	}
}

/* What a list of all sessions says of each; how many */
static unsigned int list(int s, int id)
{
	static char answer[1 << 16];
	struct buffer b = { .len = NLMSG_HDRLEN + GENL_HDRLEN };
	unsigned int n = 0;
	struct nlmsghdr *m;
	ssize_t len;

	request(&b, id, NLM_F_DUMP, 1, 1);
	send(s, b.data, b.len, 0);
	while ((len = recv(s, answer, sizeof(answer), 0)) > 0)
		for (m = (void *)answer; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
			if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
				return n;
			if (n == SESSIONS || m->nlmsg_len > ROOM)
				continue;
			number[n] = word((void *)m, m->nlmsg_len, 2);
			keep(&session[n++], m);
		}
	return n;
}

/* One of its numbers is another: all are aligned words, lengths in the first. */
static void another(struct buffer *b)
{
	unsigned int words = (b->len - 20) / 4, at = 20 + 4 * below(words);

	/* rather a value than the head of one */
	if (!b->data[at + 1] && b->data[at] > 4 && !one_in(4) && at + 8 <= b->len)
		at += 4;
	b->data[at + below(4)] = one_in(2) ? any() : b->data[at] + 1U;
}

/* What the kernel says to it: 0 or an error */
static int answer_to(int s, const struct buffer *b)
{
	static char answer[1 << 16];
	struct nlmsghdr *m = (void *)answer;
	int error = 0;

	if (send(s, b->data, b->len, 0) < 0)
		return -1;
	do {
		if (recv(s, answer, sizeof(answer), 0) < NLMSG_HDRLEN + 4)
			return -1;
	} while (m->nlmsg_type != NLMSG_ERROR);
	memcpy(&error, answer + NLMSG_HDRLEN, 4);
	return error;
}

/* SESSION_DEL, by its number */
static void end(int s, int id, uint32_t which)
{
	struct buffer b = { .len = 28 };
	uint16_t head[2] = { 8, 2 };

	memcpy(b.data + 20, head, 4);
	memcpy(b.data + 24, &which, 4);
	request(&b, id, NLM_F_ACK, 2, 0);
	answer_to(s, &b);
}

/* SPARED: clients whose sessions are not ended before they are restored */
static int restore(unsigned long count, char **spared)
{
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), id = family(s), error;
	unsigned long i, said[256] = { 0 };
	unsigned int n = 0, k, which = 0;
	struct buffer b;
	uint32_t client = 0;

	if (id < 0)
		return 1;
	for (i = 0; i < count; i++) {
		if (i % 64 == 0)
			n = list(s, id);
		if (!n)
			break;
		/* PPTP's and ESP's outlive their end in the control connection. */
		for (k = 0; k < 20; k++) {
			which = below(n);
			b = session[which];
			client = word(b.data, b.len, 4);
			if (one_in(4) || (word(b.data, b.len, 3) < 3 && client != inet_addr(spared[0]) &&
					  client != inet_addr(spared[1])))
				break;
		}
		if (client != inet_addr(spared[0]) && client != inet_addr(spared[1]))
			end(s, id, number[which]);
		for (k = below(3); k; k--)
			another(&b);
		if (one_in(8))
			b.len = 20 + 4 * below((b.len - 20) / 4);
		request(&b, id, NLM_F_ACK, 6, i);
		error = answer_to(s, &b);
		said[error < 0 && error > -255 ? -error : !!error * 255]++;
	}
	printf("%lu restored, refused:", said[0]);
	for (k = 1; k < 256; k++)
		if (said[k])
			printf(" %lu %s", said[k], strerrorname_np(k) ?: "?");
	puts("");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int i;

	state = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	for (i = 9; i < argc && lives < 64; i++)
		live[lives++] = strtoul(argv[i], NULL, 0);
	if (!strcmp(what, "packets") && argc > 8)
		return packets(strtoul(argv[3], NULL, 0), argv + 4);
	if (!strcmp(what, "tcp") && argc > 4)
		return tcp(strtoul(argv[3], NULL, 0), argv[4]);
	if (!strcmp(what, "sink"))
		return sink();
	if (!strcmp(what, "netlink") && argc > 3)
		return netlink(strtoul(argv[3], NULL, 0));
	if (!strcmp(what, "restore") && argc > 5)
		return restore(strtoul(argv[3], NULL, 0), argv + 4);
	fprintf(stderr, "storm: see the top of storm.c\n");
	return 2;
}
