// SPDX-License-Identifier: GPL-2.0-only
/*
 * "nfvpn enable" and its like.  The kernel gets all rules in one transaction or
 * none; the file is replaced by rename, after that, or stays as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "nfvpn.h"
#include "rules.h"

#define NFVPN_TEMP	NFVPN_DIR "/.nf_vpn.nft.new"

__attribute__((noreturn))
static void nfvpn_file_failed(const char *what, const char *path)
{
	int err = errno;

	unlink(NFVPN_TEMP);
	if (err == EACCES || err == EPERM)
		nfvpn_die(NFVPN_NO_PERMISSION,
			  "cannot %s %s; run it as root (sudo nfvpn ...)", what,
			  path);
	nfvpn_die(NFVPN_FAILED, "cannot %s %s: %s", what, path, strerror(err));
}

/* One of us at a time.  The lock ends with the program. */
static void nfvpn_lock(void)
{
	int fd;

	if (mkdir(NFVPN_DIR, 0755) < 0 && errno != EEXIST)
		nfvpn_file_failed("make", NFVPN_DIR);
	fd = open(NFVPN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		nfvpn_file_failed("lock", NFVPN_DIR);
	if (access(NFVPN_DIR, W_OK) < 0)
		nfvpn_file_failed("write to", NFVPN_DIR);
}

/* False: there is no file. */
static bool nfvpn_rules_read(struct nfvpn_rules *rules)
{
	bool ours;
	char *text;

	memset(rules, 0, sizeof(*rules));
	if (!nfvpn_read_file(NFVPN_FILE, &text)) {
		if (errno != ENOENT)
			nfvpn_file_failed("read", NFVPN_FILE);
		return false;
	}
	ours = nfvpn_rules_parse(rules, text);
	free(text);
	if (!ours)
		nfvpn_die(NFVPN_FAILED,
			  NFVPN_FILE " is not as nfvpn wrote it: move it away, it would be replaced");
	return true;
}

/* What nft had to say, each line indented. */
static void nfvpn_quote(const char *text)
{
	const char *end;

	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		fprintf(stderr, "  nft: %.*s\n", (int)(end - text), text);
	}
}

/* 0, or the exit code to leave with; what is wrong was said. */
static int nfvpn_nft(char *const argv[])
{
	char *said;
	int code;

	code = nfvpn_run(argv, NFVPN_STDERR, &said);
	if (code == NFVPN_RUN_MISSING) {
		fputs("nfvpn: there is no nft: install nftables\n", stderr);
		code = NFVPN_NO_NFT;
	} else if (code && strstr(said, "not permitted")) {
		fputs("nfvpn: nft may not change rules; run it as root (sudo nfvpn ...)\n",
		      stderr);
		code = NFVPN_NO_PERMISSION;
	} else if (code) {
		fputs("nfvpn: nft refused the rules, nothing was changed:\n",
		      stderr);
		nfvpn_quote(said);
		if (access("/sys/module/nf_vpn", F_OK) < 0)
			fputs("nfvpn: the modules are not loaded: does \"modprobe nf_vpn_passthrough\" work?\n",
			      stderr);
		code = NFVPN_NO_NFT;
	}
	free(said);
	return code;
}

static int nfvpn_nft_file(const char *path)
{
	return nfvpn_nft((char *[]){ "nft", "-f", (char *)path, NULL });
}

/* That there is no such table is no fault. */
static int nfvpn_nft_delete(void)
{
	return nfvpn_nft((char *[]){ "nft", "table ip nf_vpn; delete table ip nf_vpn",
				     NULL });
}

uint32_t nfvpn_mark_get(void)
{
	uint32_t mark = 0;
	char *text;

	if (nfvpn_read_file(NFVPN_MARK_SYSCTL, &text)) {
		mark = strtoul(text, NULL, 0);
		free(text);
	}
	return mark;
}

static bool nfvpn_mark_put(uint32_t mark)
{
	FILE *file = fopen(NFVPN_MARK_SYSCTL, "we");

	if (!file)
		return false;
	fprintf(file, "%u\n", mark);
	return !fclose(file);
}

/* The setting that goes with the rules; @before: the rules until now. */
static bool nfvpn_set_mark(const struct nfvpn_rules *rules,
			   const struct nfvpn_rules *before)
{
	if (rules->protocols & NFVPN_L2TP)
		return nfvpn_mark_put(rules->mark);
	if (before->protocols & NFVPN_L2TP && nfvpn_mark_get() == before->mark)
		nfvpn_mark_put(0);
	return true;
}

static void nfvpn_write_temp(const struct nfvpn_rules *rules)
{
	FILE *file;
	int fd;

	unlink(NFVPN_TEMP);
	fd = open(NFVPN_TEMP, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		nfvpn_file_failed("write", NFVPN_TEMP);
	nfvpn_rules_print(rules, file);
	if (fflush(file) || ferror(file) || fsync(fd) < 0 || fclose(file))
		nfvpn_file_failed("write", NFVPN_TEMP);
}

/* After a failure between the two: the kernel's rules as the file has them. */
__attribute__((noreturn))
static void nfvpn_put_back(const struct nfvpn_rules *before, const char *what,
			   const char *path)
{
	int err = errno;

	if (before->protocols)
		nfvpn_nft_file(NFVPN_FILE);
	else
		nfvpn_nft_delete();
	if (before->protocols & NFVPN_L2TP)
		nfvpn_mark_put(before->mark);
	errno = err;
	nfvpn_file_failed(what, path);
}

static void nfvpn_replace(const struct nfvpn_rules *rules,
			  const struct nfvpn_rules *before)
{
	int code;

	nfvpn_write_temp(rules);
	code = nfvpn_nft_file(NFVPN_TEMP);
	if (code) {
		unlink(NFVPN_TEMP);
		exit(code);
	}
	if (!nfvpn_set_mark(rules, before))
		nfvpn_put_back(before, "write", NFVPN_MARK_SYSCTL);
	if (rename(NFVPN_TEMP, NFVPN_FILE) < 0)
		nfvpn_put_back(before, "replace", NFVPN_FILE);
}

/* The interfaces of default routes in the main table. */
static void nfvpn_default_wan(struct nfvpn_rules *rules)
{
	unsigned int destination, flags, mask;
	char line[256], name[IFNAMSIZ];
	FILE *file = fopen("/proc/net/route", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%15s %x %*x %x %*d %*d %*d %x", name,
			   &destination, &flags, &mask) == 4 &&
		    !destination && !mask && flags & 1)
			nfvpn_rules_add_iface(rules, name);
	if (file)
		fclose(file);
	rules->outside = true;
	if (!rules->n_ifaces)
		nfvpn_die(NFVPN_USAGE,
			  "there is no default route: say --lan INTERFACE (where the clients are) or --wan INTERFACE (where they are not)");
	fputs("nfvpn: neither --lan nor --wan: the default route tells where the clients are not\n",
	      stderr);
}

static void nfvpn_warn_ifaces(const struct nfvpn_rules *rules)
{
	unsigned int i;

	for (i = 0; i < rules->n_ifaces; i++)
		if (!strchr(rules->ifaces[i], '*') &&
		    !if_nametoindex(rules->ifaces[i]))
			fprintf(stderr,
				"nfvpn: there is no interface %s yet; the rules wait for it\n",
				rules->ifaces[i]);
}

static void nfvpn_warn_boot(void)
{
	if (!access("/run/systemd/system", F_OK) &&
	    access("/etc/systemd/system/sysinit.target.wants/nfvpn.service",
		   F_OK) < 0)
		fputs("nfvpn: until the next boot; to keep it: systemctl enable nfvpn\n",
		      stderr);
}

void nfvpn_enable(const struct nfvpn_rules *asked)
{
	struct nfvpn_rules before, rules;

	if (!asked->protocols)
		nfvpn_die(NFVPN_USAGE, "enable what? Name pptp, l2tp or ipsec");
	nfvpn_lock();
	nfvpn_rules_read(&before);
	rules = asked->n_ifaces ? *asked : before;
	rules.protocols = before.protocols | asked->protocols;
	if (!rules.n_ifaces)
		nfvpn_default_wan(&rules);
	rules.mark = asked->mark ? asked->mark : before.mark;
	if (!rules.mark)
		rules.mark = nfvpn_mark_get();
	if (!rules.mark || rules.mark & (rules.mark - 1))
		rules.mark = NFVPN_MARK_DEFAULT;
	nfvpn_warn_ifaces(&rules);
	nfvpn_replace(&rules, &before);
	fputs("enabled: ", stdout);
	nfvpn_rules_say(&rules, stdout);
	puts(" (" NFVPN_FILE ")");
	nfvpn_warn_boot();
}

void nfvpn_disable(const struct nfvpn_rules *asked)
{
	struct nfvpn_rules before, rules;
	int code;

	if (!asked->protocols)
		nfvpn_die(NFVPN_USAGE, "disable what? Name pptp, l2tp or ipsec");
	nfvpn_lock();
	if (!nfvpn_rules_read(&before)) {
		puts("nothing is enabled");
		return;
	}
	rules = before;
	rules.protocols &= ~asked->protocols;
	if (rules.protocols) {
		nfvpn_replace(&rules, &before);
		fputs("still enabled: ", stdout);
		nfvpn_rules_say(&rules, stdout);
		putchar('\n');
		return;
	}
	code = nfvpn_nft_delete();
	if (code)
		exit(code);
	nfvpn_set_mark(&rules, &before);
	if (unlink(NFVPN_FILE) < 0)
		nfvpn_file_failed("remove", NFVPN_FILE);
	puts("nothing is enabled any more");
}

void nfvpn_load(const struct nfvpn_filter *filter)
{
	struct nfvpn_rules rules;
	int code;

	(void)filter;
	if (!nfvpn_rules_read(&rules))
		nfvpn_die(NFVPN_FAILED,
			  "nothing is enabled: there is no " NFVPN_FILE);
	code = nfvpn_nft_file(NFVPN_FILE);
	if (code)
		exit(code);
	if (rules.protocols & NFVPN_L2TP && !nfvpn_mark_put(rules.mark))
		nfvpn_file_failed("write", NFVPN_MARK_SYSCTL);
}

void nfvpn_unload(const struct nfvpn_filter *filter)
{
	struct nfvpn_rules rules;
	int code;

	(void)filter;
	nfvpn_rules_read(&rules);
	code = nfvpn_nft_delete();
	if (code)
		exit(code);
	if (rules.protocols & NFVPN_L2TP && nfvpn_mark_get() == rules.mark)
		nfvpn_mark_put(0);
}
