// SPDX-License-Identifier: GPL-2.0-only
/*
 * load CLIENT-NETNS SERVER-NETNS PUBLIC: both ends of the traffic that is measured,
 * in one process.  PUBLIC is the address the server sees clients at, or "-": as they
 * are.  Under icount a nanosecond of guest time is an instruction, and with one
 * processor a packet's whole way is in the time its sendto() takes.
 *
 * A command a line on standard input, one line of answer each, "failed: ..." if so.
 * DIR is out (client to server) or in.  What measures answers instructions a packet,
 * the median of five rounds of COUNT after a warm-up.
 *
 *   calls N PER BATCH      brings up N more PPTP calls, PER on a control connection,
 *                          BATCH requests in a segment; instructions a call
 *   gre DIR COUNT          over all calls in turn; without calls: one call ID
 *   sas N PER SHARE        N more pairs of SPIs by IKE, PER for each pair of client
 *                          and server, SHARE clients a server; instructions a pair
 *   sa                     one pair of SPIs, no IKE
 *   esp DIR COUNT          over all of them in turn
 *   strange known|other COUNT   ESP from outside, each packet with a new SPI, from
 *                          the first server or from somebody else
 *   udp KIND CPORT SPORT   opens a flow; KIND: plain l2tp ike natt
 *   udp DIR COUNT          packets of it
 *   flows N                N UDP flows, a packet each way
 *   rr COUNT               TCP: a request and its answer, 64 octets each
 *   run COMMAND...         instructions that a command takes, output thrown away
 *   quit
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS		0x0a800001U	/* 10.128.0.1 and on */
#define SERVERS		0xc6120001U	/* 198.18.0.1 and on */
#define STRANGER	0xc613ff01U
#define PAYLOAD		120
#define ROUNDS		5
#define MOST		200000

enum { OUT, IN };

struct call {
	uint16_t id[2];		/* by direction, as the sender of that direction knows it */
};

struct sa {
	uint32_t client, server, spi[2];
};

static struct call *calls;
static struct sa *sas;
static unsigned int call_count, sa_count, pair_count, flow_count, server_call, serial;
static int raw[2], port500, listener, rr_client = -1, rr_server;
static int ns[2];
static uint32_t public;
static struct {
	uint8_t body[PAYLOAD];
	uint16_t cport, sport, pport;
} udp;
static char answer[1200];

static void fail(const char *what)
{
	snprintf(answer, sizeof(answer), "failed: %s: %s", what, strerror(errno));
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- sockets ---- */

static int sock(int side, int type, int proto)
{
	int fd;

	if (setns(ns[side], CLONE_NEWNET))
		die("setns");
	fd = socket(AF_INET, type, proto);
	if (fd < 0)
		die("socket");
	return fd;
}

static struct sockaddr_in at(uint32_t addr, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(addr) };

	return a;
}

static int bound(int side, int type, uint16_t port)
{
	struct sockaddr_in a = at(0, port);
	int fd = sock(side, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&a, sizeof(a)))
		die("bind");
	return fd;
}

/* Somebody must be there, or ICMP errors are measured; nobody reads. */
static void sinks(void)
{
	static const int protos[] = { IPPROTO_GRE, IPPROTO_ESP };
	static const uint16_t ports[] = { 9, 1701, 4500, 40000 };
	const struct timeval patience = { .tv_sec = 2 };
	unsigned int i, side;

	for (side = 0; side < 2; side++) {
		for (i = 0; i < 2; i++)
			sock(side, SOCK_RAW, protos[i]);
		for (i = 0; i < 4; i++)
			bound(side, SOCK_DGRAM, ports[i]);
		raw[side] = sock(side, SOCK_RAW, IPPROTO_RAW);
	}
	bound(OUT, SOCK_DGRAM, 500);
	port500 = bound(IN, SOCK_DGRAM, 500);
	/* as a rule it is there when sendto() returns, but ksoftirqd may have it */
	setsockopt(port500, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	listener = bound(IN, SOCK_STREAM, 1723);
	listen(listener, 4096);
}

/* ---- packets ---- */

static int send_ip(int dir, uint32_t from, uint32_t to, int proto, const void *body, size_t len)
{
	struct sockaddr_in a = at(to, 0);
	uint8_t p[512] = { 0 };
	struct iphdr *ip = (void *)p;

	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->frag_off = htons(IP_DF);
	ip->protocol = proto;
	ip->saddr = htonl(from);
	ip->daddr = htonl(to);
	memcpy(ip + 1, body, len);
	return sendto(raw[dir], p, sizeof(*ip) + len, 0, (void *)&a, sizeof(a));
}

static int send_udp(int dir, uint32_t from, uint16_t sport, uint32_t to, uint16_t dport,
		    const void *body, size_t len)
{
	uint8_t p[400];
	struct udphdr *u = (void *)p;

	u->source = htons(sport);
	u->dest = htons(dport);
	u->len = htons(sizeof(*u) + len);
	u->check = 0;
	memcpy(u + 1, body, len);
	return send_ip(dir, from, to, IPPROTO_UDP, p, sizeof(*u) + len);
}

/* Where the server sends what is for that client. */
static uint32_t seen(uint32_t client)
{
	return public ? public : client;
}

static void send_gre(int dir, uint16_t id, unsigned int seq)
{
	uint8_t p[PAYLOAD] = { 0x30, 0x01, 0x88, 0x0b, 0, 100, id >> 8, id, seq >> 24, seq >> 16,
			       seq >> 8, seq };

	send_ip(dir, dir == OUT ? CLIENTS : SERVERS, dir == OUT ? SERVERS : seen(CLIENTS),
		IPPROTO_GRE, p, sizeof(p));
}

static void send_esp(int dir, uint32_t client, uint32_t server, uint32_t spi, uint32_t seq)
{
	uint32_t p[PAYLOAD / 4] = { htonl(spi), htonl(seq) };

	send_ip(dir, dir == OUT ? client : server, dir == OUT ? server : seen(client),
		IPPROTO_ESP, p, sizeof(p));
}

/* ---- measuring ---- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Packets that came to that namespace so far; whether a socket's queue had room for them
 * (7.3 does not count them as delivered otherwise) does not matter here.
 */
static unsigned long arrived(int side)
{
	char line[1024] = "";
	unsigned long n = 0;
	FILE *f;

	if (setns(ns[side], CLONE_NEWNET))
		die("setns");
	f = fopen("/proc/thread-self/net/snmp", "r");
	if (!f)
		die("snmp");
	while (fgets(line, sizeof(line), f) &&
	       sscanf(line, "Ip: %*u %*u %lu", &n) != 1)
		;
	fclose(f);
	return n;
}

static void one_known(int dir, unsigned int i);
static void one_other(int dir, unsigned int i);

static void measure(void (*one)(int dir, unsigned int i), int dir, unsigned int count)
{
	double each[ROUNDS];
	unsigned long there;
	unsigned int i, r;
	uint64_t began;

	for (i = 0; i < count / 2 + 500; i++)
		one(dir, serial++);
	there = arrived(!dir);
	for (r = 0; r < ROUNDS; r++) {
		began = now();
		for (i = 0; i < count; i++)
			one(dir, serial++);
		each[r] = (double)(now() - began) / count;
	}
	there = arrived(!dir) - there;
	if (there < ROUNDS * count && one != one_known && one != one_other) {
		snprintf(answer, sizeof(answer), "failed: %lu of %u arrived", there,
			 ROUNDS * count);
		return;
	}
	qsort(each, ROUNDS, sizeof(each[0]), ascending);
	snprintf(answer, sizeof(answer), "%.1f", each[ROUNDS / 2]);
}

/* All of @n, and never neighbours one after the other. */
static unsigned int turn(unsigned int i, unsigned int n)
{
	return (uint64_t)i * 7919 % n;
}

static void one_gre(int dir, unsigned int i)
{
	static const struct call none = { { 1, 1 } };

	send_gre(dir, (call_count ? &calls[turn(i, call_count)] : &none)->id[dir], i);
}

static void one_esp(int dir, unsigned int i)
{
	const struct sa *sa = &sas[turn(i, sa_count)];

	send_esp(dir, sa->client, sa->server, sa->spi[dir], i + 10);
}

static void one_known(int dir, unsigned int i)
{
	send_esp(IN, CLIENTS, SERVERS, 0x70000000 + i * 2654435761U % 0x10000000, 1);
}

static void one_other(int dir, unsigned int i)
{
	send_esp(IN, CLIENTS, STRANGER, 0x70000000 + i * 2654435761U % 0x10000000, 1);
}

static void one_udp(int dir, unsigned int i)
{
	if (dir == OUT)
		send_udp(OUT, CLIENTS, udp.cport, SERVERS, udp.sport, udp.body, PAYLOAD - 8);
	else
		send_udp(IN, SERVERS, udp.sport, seen(CLIENTS), udp.pport, udp.body, PAYLOAD - 8);
}

static void one_rr(int dir, unsigned int i)
{
	char p[64] = { 0 };

	if (write(rr_client, p, sizeof(p)) < 0 || read(rr_server, p, sizeof(p)) < 0 ||
	    write(rr_server, p, sizeof(p)) < 0 || read(rr_client, p, sizeof(p)) < 0)
		die("rr");
}

/* ---- PPTP (RFC 2637 2) ---- */

static void head(uint8_t *p, uint16_t len, uint8_t type)
{
	static const uint8_t magic[] = { 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0 };

	memset(p, 0, len);
	p[0] = len >> 8;
	p[1] = len;
	memcpy(p + 2, magic, sizeof(magic));
	p[9] = type;
}

static void read_all(int fd, void *p, size_t len)
{
	if (recv(fd, p, len, MSG_WAITALL) != (ssize_t)len)
		die("control connection");
}

static void write_all(int fd, const void *p, size_t len)
{
	if (send(fd, p, len, 0) != (ssize_t)len)
		die("control connection");
}

static int tcp(int server, uint16_t port, int *theirs)
{
	struct sockaddr_in from = at(CLIENTS, 0), to = at(SERVERS, port);
	int fd = sock(OUT, SOCK_STREAM, 0), one = 1;

	if (bind(fd, (void *)&from, sizeof(from)) || connect(fd, (void *)&to, sizeof(to)))
		die("connect");
	*theirs = accept(server, NULL, NULL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(*theirs, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void start_control(int client, int server)
{
	uint8_t p[156];

	head(p, 156, 1);
	p[12] = 1;
	write_all(client, p, 156);
	read_all(server, p, 156);
	head(p, 156, 2);
	p[12] = 1;
	p[14] = 1;
	write_all(server, p, 156);
	read_all(client, p, 156);
}

static int some_calls(int client, int server, unsigned int n)
{
	uint8_t p[64 * 168], *m;
	unsigned int i;

	for (i = 0, m = p; i < n; i++, m += 168) {
		head(m, 168, 7);
		m[12] = (call_count + i + 1) >> 8;
		m[13] = call_count + i + 1;
		m[21] = 1;
		m[27] = 3;
		m[31] = 3;
		m[33] = 64;
	}
	write_all(client, p, n * 168);
	read_all(server, p, n * 168);
	for (i = 0, m = p; i < n; i++, m += 168)
		calls[call_count + i].id[IN] = m[12] << 8 | m[13];
	for (i = 0, m = p; i < n; i++, m += 32) {
		server_call = server_call % 65534 + 1;
		head(m, 32, 8);
		m[12] = server_call >> 8;
		m[13] = server_call;
		m[14] = calls[call_count + i].id[IN] >> 8;
		m[15] = calls[call_count + i].id[IN];
		m[16] = 1;
		m[25] = 64;
	}
	write_all(server, p, n * 32);
	read_all(client, p, n * 32);
	for (i = 0, m = p; i < n; i++, m += 32) {
		if (m[16] != 1 || (m[14] << 8 | m[15]) != (int)(call_count + i + 1))
			return -1;
		calls[call_count + i].id[OUT] = m[12] << 8 | m[13];
	}
	call_count += n;
	return 0;
}

static void more_calls(unsigned int n, unsigned int per, unsigned int batch)
{
	unsigned int done, on = per, now_many;
	uint64_t began = 0, spent = 0;
	int client = -1, server = -1;

	for (done = 0; done < n; done += now_many) {
		if (on == per) {
			client = tcp(listener, 1723, &server);
			start_control(client, server);
			on = 0;
		}
		now_many = batch < n - done ? batch : n - done;
		now_many = now_many < per - on ? now_many : per - on;
		began = now();
		if (some_calls(client, server, now_many))
			return fail("a call was refused");
		spent += now() - began;
		on += now_many;
	}
	snprintf(answer, sizeof(answer), "%.0f", (double)spent / n);
}

/* ---- IKE and ESP ---- */

static int send_ike(int dir, uint32_t client, uint32_t server, uint16_t port, uint8_t exchange,
		    uint32_t id, size_t len)
{
	uint32_t p[80] = { 0 };
	uint8_t *b = (void *)p;

	p[0] = htonl(client);
	p[1] = htonl(server);
	if (exchange != 34 || dir == IN) {
		p[2] = htonl(server);
		p[3] = htonl(client);
	}
	b[16] = 46;
	b[17] = 0x20;
	b[18] = exchange;
	b[19] = dir == OUT ? 0x08 : 0x20;
	p[5] = htonl(id);
	p[6] = htonl(len);
	p[7] = htonl(++serial);
	p[8] = htonl(dir);
	return dir == OUT ? send_udp(OUT, client, 500, server, 500, p, len) :
			    send_udp(IN, server, 500, seen(client), port, p, len);
}

/* A request of the client's and its answer. */
static int exchange(uint32_t client, uint32_t server, uint8_t what, uint32_t id, size_t len)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint32_t got[2];

	if (send_ike(OUT, client, server, 0, what, id, len) < 0)
		return -1;
	do {
		if (recvfrom(port500, got, sizeof(got), 0, (void *)&from, &size) < 0)
			return -1;
	} while (ntohl(got[0]) != client || ntohl(got[1]) != server);
	return send_ike(IN, client, server, ntohs(from.sin_port), what, id, len) < 0 ? -1 : 0;
}

static int begin_sa(uint32_t client, uint32_t server, unsigned int nth)
{
	if (nth)
		return exchange(client, server, 36, nth + 1, 220);
	return exchange(client, server, 34, 0, 300) || exchange(client, server, 35, 1, 240);
}

static void add_sa(uint32_t client, uint32_t server)
{
	struct sa *sa = &sas[sa_count];

	sa->client = client;
	sa->server = server;
	sa->spi[OUT] = 0x10000000 + sa_count * 2654435761U % 0x10000000;
	sa->spi[IN] = 0x20000000 + sa_count * 2654435761U % 0x10000000;
	sa_count++;
	send_esp(OUT, client, server, sa->spi[OUT], 1);
	send_esp(IN, client, server, sa->spi[IN], 1);
	send_esp(OUT, client, server, sa->spi[OUT], 2);
	send_esp(IN, client, server, sa->spi[IN], 2);
}

static void more_sas(unsigned int n, unsigned int per, unsigned int share)
{
	uint32_t client = 0, server = 0;
	uint64_t began = now();
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (i % per == 0) {
			client = CLIENTS + pair_count;
			server = SERVERS + pair_count / share;
			pair_count++;
		}
		if (begin_sa(client, server, i % per))
			return fail("no IKE");
		add_sa(client, server);
	}
	snprintf(answer, sizeof(answer), "%.0f", (double)(now() - began) / n);
}

/* ---- UDP, TCP, commands ---- */

static void udp_body(const char *kind)
{
	memset(udp.body, 0, sizeof(udp.body));
	if (!strcmp(kind, "l2tp")) {
		/* RFC 2661 3.1: data, version 2, tunnel 7, session 9 */
		udp.body[1] = 2;
		udp.body[3] = 7;
		udp.body[5] = 9;
	} else if (!strcmp(kind, "ike")) {
		memset(udp.body, 0x11, 16);
		udp.body[16] = 46;
		udp.body[17] = 0x20;
		udp.body[18] = 37;
		udp.body[19] = 0x08;
		udp.body[27] = PAYLOAD - 8;
	} else if (!strcmp(kind, "natt")) {
		udp.body[0] = 0x12;	/* an SPI: ESP in UDP */
	}
}

static void udp_open(const char *kind, uint16_t cport, uint16_t sport)
{
	int fd = bound(IN, SOCK_DGRAM, sport);

	(void)fd;
	udp.cport = cport;
	udp.sport = sport;
	udp.pport = cport;
	udp_body(kind);
	one_udp(OUT, 0);
	/* neighbours are asked for meanwhile: else the answer overtakes it at times, and
	 * the flow is one that is never answered
	 */
	usleep(300000);
	one_udp(IN, 0);
	one_udp(OUT, 0);
	snprintf(answer, sizeof(answer), "open");
}

static void more_flows(unsigned int n)
{
	uint64_t began = now();
	unsigned int i;
	uint16_t port;
	uint32_t c, s;

	for (i = 0; i < n; i++, flow_count++) {
		port = 10000 + flow_count % 50000;
		c = CLIENTS + flow_count / 50000;
		s = SERVERS + flow_count / 50000;
		send_udp(OUT, c, port, s, 9, udp.body, 40);
		send_udp(IN, s, 9, seen(c), port, udp.body, 40);
	}
	snprintf(answer, sizeof(answer), "%.0f", (double)(now() - began) / n);
}

static void round_trips(unsigned int count)
{
	int server;

	if (rr_client < 0) {
		server = bound(IN, SOCK_STREAM, 5001);
		listen(server, 1);
		rr_client = tcp(server, 5001, &rr_server);
	}
	measure(one_rr, OUT, count);
}

static void run(const char *line)
{
	char quiet[600];
	uint64_t began;

	snprintf(quiet, sizeof(quiet), "%s >/dev/null", line);
	began = now();
	if (system(quiet))
		return fail(line);
	snprintf(answer, sizeof(answer), "%llu", (unsigned long long)(now() - began));
}

static void command(char *line)
{
	char verb[16] = "", a[16] = "";
	unsigned int x = 0, y = 0, z = 0;
	int dir;

	sscanf(line, "%15s %15s", verb, a);
	sscanf(line, "%*s %u %u %u", &x, &y, &z);
	dir = strcmp(a, "in") ? OUT : IN;
	snprintf(answer, sizeof(answer), "failed: what is \"%s\"?", line);
	if (!strcmp(verb, "calls")) {
		more_calls(x, y, z);
	} else if (!strcmp(verb, "sas")) {
		more_sas(x, y, z);
	} else if (!strcmp(verb, "sa")) {
		add_sa(CLIENTS, SERVERS);
		snprintf(answer, sizeof(answer), "1");
	} else if (!strcmp(verb, "flows")) {
		more_flows(x);
	} else if (!strcmp(verb, "rr")) {
		round_trips(x);
	} else if (!strcmp(verb, "run")) {
		run(line + 4);
	} else if (sscanf(line, "%*s %*s %u %u", &x, &y) >= 1) {
		if (!strcmp(verb, "gre"))
			measure(one_gre, dir, x);
		else if (!strcmp(verb, "esp"))
			measure(one_esp, dir, x);
		else if (!strcmp(verb, "strange"))
			measure(strcmp(a, "known") ? one_other : one_known, IN, x);
		else if (!strcmp(verb, "udp") && (!strcmp(a, "in") || !strcmp(a, "out")))
			measure(one_udp, dir, x);
		else if (!strcmp(verb, "udp"))
			udp_open(a, x, y);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = { 200000, 200000 };
	char line[512];
	int i;

	if (argc != 4)
		return 2;
	setrlimit(RLIMIT_NOFILE, &files);
	calls = calloc(MOST, sizeof(*calls));
	sas = calloc(MOST, sizeof(*sas));
	for (i = 0; i < 2; i++) {
		ns[i] = open(argv[1 + i], O_RDONLY);
		if (ns[i] < 0 || !calls || !sas)
			die(argv[1 + i]);
	}
	public = strcmp(argv[3], "-") ? ntohl(inet_addr(argv[3])) : 0;
	sinks();
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "quit"))
			break;
		command(line);
		puts(answer);
		fflush(stdout);
	}
	return 0;
}
