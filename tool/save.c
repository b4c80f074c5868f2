// SPDX-License-Identifier: GPL-2.0-only
/* Sessions in a file, for "nfvpn restore": the list as JSON, and when it was made. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "nfvpn.h"

static char *nfvpn_save_part;

/* Whatever ended the program: half a file is none. */
static void nfvpn_save_forget(void)
{
	if (!nfvpn_save_part)
		return;
	unlink(nfvpn_save_part);
	free(nfvpn_save_part);
	nfvpn_save_part = NULL;
}

/* Beside the file, so that it can take its place.  Who calls whom is private. */
static int nfvpn_save_begin(const char *path)
{
	int fd;

	if (asprintf(&nfvpn_save_part, "%s.XXXXXX", path) < 0)
		nfvpn_die(NFVPN_FAILED, "no memory");
	fd = mkostemp(nfvpn_save_part, O_CLOEXEC);
	if (fd < 0) {
		free(nfvpn_save_part);
		nfvpn_save_part = NULL;
		nfvpn_die(NFVPN_FAILED, "%s: %s", path, strerror(errno));
	}
	atexit(nfvpn_save_forget);
	return fd;
}

static void nfvpn_save_end(int fd, const char *path)
{
	if (fflush(stdout) || ferror(stdout) || fsync(fd) || close(fd) ||
	    rename(nfvpn_save_part, path))
		nfvpn_die(NFVPN_FAILED, "%s: %s", path, strerror(errno));
	free(nfvpn_save_part);
	nfvpn_save_part = NULL;
}

void nfvpn_save(const char *path)
{
	static const struct nfvpn_filter filter = { .json = true };
	int out = dup(STDOUT_FILENO), fd = nfvpn_save_begin(path);

	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	printf("{\"version\":1,\"saved\":%" PRIu64 ",\"sessions\":",
	       (uint64_t)time(NULL));
	nfvpn_list(&filter);
	puts("}");
	nfvpn_save_end(fd, path);
	dup2(out, STDOUT_FILENO);
	close(out);
}
