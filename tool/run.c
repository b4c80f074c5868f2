// SPDX-License-Identifier: GPL-2.0-only
/* Other programs: nft, conntrack.  No shell comes between. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "nfvpn.h"

/* A pipe that fills up would stop the program: this much is read and kept. */
#define NFVPN_OUTPUT_MAX	(64u << 20)

char *nfvpn_read_all(int fd, size_t *len)
{
	size_t room = 65536, n = 0;
	char *text = malloc(room);
	ssize_t got;

	while (text && (got = read(fd, text + n, room - n - 1)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? got : 0;
		if (n + 1 == room && room < NFVPN_OUTPUT_MAX) {
			char *more = realloc(text, room *= 2);

			if (!more)
				free(text);
			text = more;
		} else if (n + 1 == room) {
			break;
		}
	}
	if (!text)
		nfvpn_die(NFVPN_FAILED, "out of memory");
	text[n] = '\0';
	*len = n;
	return text;
}

/* Does not return. */
static void nfvpn_exec(char *const argv[], int fd, int streams)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(streams & NFVPN_STDOUT ? fd : null, STDOUT_FILENO);
	dup2(streams & NFVPN_STDERR ? fd : null, STDERR_FILENO);
	setenv("LC_ALL", "C", 1);
	/* They are in sbin, where a user's path does not look. */
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? NFVPN_RUN_MISSING : NFVPN_RUN_MISSING - 1);
}

int nfvpn_run(char *const argv[], int streams, char **output)
{
	int pipe_fd[2], status;
	size_t len;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		nfvpn_die(NFVPN_FAILED, "%s: %s", argv[0], strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		nfvpn_die(NFVPN_FAILED, "%s: %s", argv[0], strerror(errno));
	if (!pid)
		nfvpn_exec(argv, pipe_fd[1], streams);
	close(pipe_fd[1]);
	*output = nfvpn_read_all(pipe_fd[0], &len);
	close(pipe_fd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : NFVPN_RUN_MISSING - 1;
}

bool nfvpn_read_file(const char *path, char **text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;

	if (fd < 0)
		return false;
	*text = nfvpn_read_all(fd, &len);
	close(fd);
	return true;
}
