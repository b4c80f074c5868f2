// SPDX-License-Identifier: GPL-2.0-only
/*
 * storm: hostile packets and messages in numbers, for scripts/storm. The same seed
 * gives the same ones. Prints how many were sent.
 *
 *	storm packets SEED COUNT SOURCE DESTINATION [ID]...
 *	storm tcp SEED COUNT ADDRESS
 *	storm sink SEED
 *	storm netlink SEED COUNT
 *
 * packets: whole IP packets of all protocols the modules read, mostly nearly right,
 * with SPIs and call IDs of those given (live ones) or random. tcp: connections to
 * port 1723 that write control messages, cut and spoilt; sink: their other end, which
 * does the same. netlink: requests to the family nf_vpn.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
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
#define LONGEST		600
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
	while (octets--)
		put(b, any(), 1);
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

	put(b, one_in(3) ? 1024 + below(64) : port[kind], 2);
	put(b, port[kind], 2);
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
	uint8_t proto;
	void (*fill)(struct buffer *b);
} kinds[] = {
	{ IPPROTO_ESP, esp }, { IPPROTO_ESP, esp }, { IPPROTO_GRE, gre },
	{ IPPROTO_GRE, gre }, { IPPROTO_UDP, udp }, { IPPROTO_UDP, udp },
	{ 115, l2tp_ip }, { IPPROTO_AH, ah },
};

/* An error about a packet that came from where it goes to */
static void icmp(struct buffer *b, uint32_t src, uint32_t dst)
{
	static const uint8_t type[] = { 3, 3, 3, 11, 12, 4, 5, 8 };
	unsigned int start = b->len, kind = below(8), quote;

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

static void packet(struct buffer *b, uint32_t src, uint32_t dst)
{
	unsigned int kind = below(9), head;

	b->len = 0;
	ip(b, kind == 8 ? IPPROTO_ICMP : kinds[kind].proto, src, dst);
	head = b->len;
	if (kind == 8)
		icmp(b, src, dst);
	else
		kinds[kind].fill(b);
	if (kind != 8)
		spoil(b, head);
}

static int packets(unsigned long count, const char *from, const char *to)
{
	uint32_t src = ntohl(inet_addr(from)), dst = ntohl(inet_addr(to));
	static struct sockaddr_in at = { .sin_family = AF_INET };
	static struct buffer buffer[BATCH];
	static struct mmsghdr msg[BATCH];
	static struct iovec iov[BATCH];
	unsigned long sent = 0, refused = 0;
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), size = 1 << 22, i, n;

	if (s < 0)
		return 1;
	at.sin_addr.s_addr = inet_addr(to);
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	while (sent + refused < count) {
		for (i = 0; i < BATCH; i++) {
			packet(&buffer[i], src, dst);
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
		if (b.len < LONGEST - 220)
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

	while (n-- && b->len < LONGEST - 100) {
		at = b->len;
		put(b, 0, 4);
		if (depth && one_in(4))
			attributes(b, depth - 1);
		else
			put_random(b, one_in(3) ? below(40) : 1U << below(4));
		len = one_in(10) ? any() : b->len - at;
		memcpy(b->data + at, &len, 2);
		b->data[at + 2] = one_in(10) ? any() : below(24);
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

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int i;

	state = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	for (i = 6; i < argc && lives < 64; i++)
		live[lives++] = strtoul(argv[i], NULL, 0);
	if (!strcmp(what, "packets") && argc > 5)
		return packets(strtoul(argv[3], NULL, 0), argv[4], argv[5]);
	if (!strcmp(what, "tcp") && argc > 4)
		return tcp(strtoul(argv[3], NULL, 0), argv[4]);
	if (!strcmp(what, "sink"))
		return sink();
	if (!strcmp(what, "netlink") && argc > 3)
		return netlink(strtoul(argv[3], NULL, 0));
	fprintf(stderr, "storm: see the top of storm.c\n");
	return 2;
}
