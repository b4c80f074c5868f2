// SPDX-License-Identifier: GPL-2.0-only
/*
 * send ADDR PROTOCOL CALL-ID COUNT: COUNT packets of 120 octets with an enhanced
 * GRE header, and the time one took from send to being queued at the far end
 * (one CPU, so all of the way is in it).  Under icount a nanosecond of guest
 * time is an instruction.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv)
{
	unsigned char p[120] = { 0x30, 0x01, 0x88, 0x0b, 0, 100 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timespec a, b;
	int s, i, n, size = 1 << 22;

	if (argc != 5)
		return 2;
	to.sin_addr.s_addr = inet_addr(argv[1]);
	s = socket(AF_INET, SOCK_RAW, atoi(argv[2]));
	if (s < 0)
		return 1;
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	p[6] = atoi(argv[3]) >> 8;
	p[7] = atoi(argv[3]);
	n = atoi(argv[4]);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < n; i++) {
		p[11] = i;
		p[10] = i >> 8;
		sendto(s, p, sizeof(p), 0, (void *)&to, sizeof(to));
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.0f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / n);
	return 0;
}
