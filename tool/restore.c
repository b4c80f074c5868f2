// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions back from a file: each that can be, and of the others why not.  The
 * file is not trusted: what the kernel would not take is refused by it, or here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "nfvpn.h"
#include "track.h"

#define NFVPN_VERSION	1

/* More a message of the kernel's does not show. */
#define NFVPN_KEYS	49

/**
 * struct nfvpn_restoring - what became of the sessions of a file
 * @age: seconds since it was saved
 * @done: restored
 * @there: were there already
 * @left: were not restored
 * @denied: we may not restore any
 */
struct nfvpn_restoring {
	uint64_t	age;
	unsigned long	done;
	unsigned long	there;
	unsigned long	left;
	bool		denied;
};

static void nfvpn_restore_not(const struct nfvpn_json *session,
			      const char *why)
{
	fprintf(stderr, "nfvpn: %s of client %s, server %s: not restored: %s\n",
		nfvpn_js_text(session, "protocol"),
		nfvpn_js_text(session, "client"),
		nfvpn_js_text(session, "server"), why);
}

/* As lists of ours name them: words for numbers. */
static bool nfvpn_restore_key(struct nlmsghdr *nlh,
			      const struct nfvpn_json *key)
{
	const char *direction = nfvpn_js_text(key, "direction");
	uint32_t kind = nfvpn_kind_by_name(nfvpn_js_text(key, "kind"));
	uint32_t arrives, leaves, parent = 0, peer = 0, evidence;
	struct nlattr *nest;

	evidence = nfvpn_evidence_by_name(nfvpn_js_text(key, "evidence"));
	if (!kind || !evidence ||
	    (strcmp(direction, "in") && strcmp(direction, "out")) ||
	    !nfvpn_js_whole(key, "arrives", UINT32_MAX, &arrives) ||
	    !nfvpn_js_whole(key, "leaves", UINT32_MAX, &leaves))
		return false;
	nfvpn_js_whole(key, "parent", UINT32_MAX, &parent);
	nfvpn_js_whole(key, "peer", UINT32_MAX, &peer);
	nest = mnl_attr_nest_start(nlh, NF_VPN_A_SESSION_KEY);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_KIND, kind);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_DIRECTION,
			 strcmp(direction, "in") ? NF_VPN_DIRECTION_OUT :
						   NF_VPN_DIRECTION_IN);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_ARRIVES, arrives);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_LEAVES, leaves);
	if (parent)
		mnl_attr_put_u32(nlh, NF_VPN_A_KEY_PARENT, parent);
	if (peer)
		mnl_attr_put_u32(nlh, NF_VPN_A_KEY_PEER, peer);
	mnl_attr_put_u32(nlh, NF_VPN_A_KEY_EVIDENCE, evidence);
	mnl_attr_nest_end(nlh, nest);
	return true;
}

/* NULL, or what is wrong with it. */
static const char *nfvpn_restore_keys(struct nlmsghdr *nlh,
				      const struct nfvpn_json *session)
{
	const struct nfvpn_json *keys = nfvpn_js_get(session, "keys"), *key;
	unsigned int n = 0;

	if (!keys || keys->type != NFVPN_JSON_ARRAY)
		return "the file has no numbers of it";
	for (key = keys->child; key; key = key->next) {
		if (n++ == NFVPN_KEYS)
			return "it has more numbers than a session shows";
		if (!nfvpn_restore_key(nlh, key))
			return "a number of it cannot be read";
	}
	return NULL;
}

static const char *nfvpn_restore_draft(struct nlmsghdr *nlh,
				       const struct nfvpn_json *session,
				       struct nfvpn_track *track)
{
	const struct nfvpn_json *replied = nfvpn_js_get(session, "replied");
	uint32_t protocol, bound, client, zone, awaited = 0;

	protocol = nfvpn_protocol_by_name(nfvpn_js_text(session, "protocol"));
	bound = nfvpn_bound_by_name(nfvpn_js_text(session, "bound"));
	if (!protocol || !bound ||
	    !nfvpn_js_whole(session, "zone", UINT16_MAX, &zone) ||
	    inet_pton(AF_INET, nfvpn_js_text(session, "client"), &client) != 1)
		return "its protocol, bound, zone or client cannot be read";
	if (!nfvpn_track_read(nfvpn_js_get(session, "track"), track))
		return "its track cannot be read";
	nfvpn_js_whole(session, "awaited", UINT32_MAX, &awaited);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_PROTOCOL, protocol);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_BOUND, bound);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_CLIENT, client);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_ZONE, zone);
	mnl_attr_put_u32(nlh, NF_VPN_A_SESSION_AWAITED, awaited);
	if (replied && replied->type == NFVPN_JSON_BOOL && replied->number)
		mnl_attr_put(nlh, NF_VPN_A_SESSION_REPLIED, 0, NULL);
	nfvpn_track_tell(nlh, track);
	return nfvpn_restore_keys(nlh, session);
}

/* The helper that a rule would give it; the saved one may be the drop-in. */
static void nfvpn_restore_helper(const struct nfvpn_json *session,
				 struct nfvpn_track *track)
{
	static const char * const helpers[NF_VPN_PROTOCOL_MAX + 1] = {
		[NF_VPN_PROTOCOL_PPTP] = "vpn-pptp",
		[NF_VPN_PROTOCOL_ESP] = "vpn-ike",
		[NF_VPN_PROTOCOL_L2TP_UDP] = "vpn-l2tp",
		[NF_VPN_PROTOCOL_NATT] = "vpn-ike",
	};
	uint32_t protocol =
		nfvpn_protocol_by_name(nfvpn_js_text(session, "protocol"));

	if (!*track->helper && helpers[protocol])
		strcpy(track->helper, helpers[protocol]);
}

/* Its control connection may be gone, or its helper with an old module. */
static int nfvpn_restore_try(const struct nfvpn_json *session,
			     const struct nlmsghdr *nlh,
			     struct nfvpn_track *track, char *why)
{
	char told[NFVPN_WHY];
	int err = nfvpn_try(nlh, why);

	if (err != ENOENT && err != ENOLINK)
		return err;
	nfvpn_restore_helper(session, track);
	err = nfvpn_track_make(track, told);
	if (!err)
		return nfvpn_try(nlh, why);
	snprintf(why, NFVPN_WHY, "conntrack has no entry for it with our helper, and takes none: %.150s",
		 told);
	/* An entry in its way is not the session itself. */
	return err == EEXIST ? EADDRINUSE : err;
}

static void nfvpn_restore_one(struct nfvpn_restoring *r,
			      const struct nfvpn_json *session)
{
	char buffer[NFVPN_TRY] __attribute__((aligned(8))), why[NFVPN_WHY];
	struct nlmsghdr *nlh = nfvpn_draft(buffer, NF_VPN_CMD_SESSION_NEW);
	struct nfvpn_track track;
	const char *wrong;
	int err = -1;

	wrong = nfvpn_restore_draft(nlh, session, &track);
	if (!wrong) {
		err = nfvpn_restore_try(session, nlh, &track, why);
		wrong = why;
	}
	if (!err) {
		r->done++;
	} else if (err == EPERM) {
		r->denied = true;
		fprintf(stderr, "nfvpn: %s; run it as root (sudo nfvpn ...)\n",
			wrong);
	} else if (err == EEXIST) {
		r->there++;
	} else {
		r->left++;
		nfvpn_restore_not(session, wrong);
	}
}

/*
 * Ended ones need no words; one that was being set up begins anew.  Of IKE on a
 * shared port the client's next message makes it anew.
 */
static void nfvpn_restore_session(struct nfvpn_restoring *r,
				  const struct nfvpn_json *session)
{
	const char *state = nfvpn_js_text(session, "state");
	uint32_t expires;

	if (!strcmp(state, "quiet") || !strcmp(state, "closing") ||
	    !strcmp(nfvpn_js_text(session, "protocol"), "ike"))
		return;
	if (strcmp(state, "up")) {
		r->left++;
		nfvpn_restore_not(session, "it was not up");
	} else if (nfvpn_js_whole(session, "expires", UINT32_MAX, &expires) &&
		   expires < r->age) {
		r->left++;
		nfvpn_restore_not(session, "its time was over before now");
	} else {
		nfvpn_restore_one(r, session);
	}
}

/* The list in it, and how old it is. */
static const struct nfvpn_json *
nfvpn_restore_sessions(const struct nfvpn_json *file,
		       struct nfvpn_restoring *r)
{
	const struct nfvpn_json *sessions = file;
	double saved, now = time(NULL);

	if (file && file->type == NFVPN_JSON_OBJECT) {
		if (nfvpn_js_number(file, "version", 0) != NFVPN_VERSION)
			return NULL;
		saved = nfvpn_js_number(file, "saved", now);
		/* A clock that was set back says nothing. */
		r->age = saved >= 0 && saved < now ? now - saved : 0;
		sessions = nfvpn_js_get(file, "sessions");
	}
	return sessions && sessions->type == NFVPN_JSON_ARRAY ? sessions : NULL;
}

int nfvpn_restore_text(const char *text, const char *path)
{
	const struct nfvpn_json *sessions, *session;
	struct nfvpn_json *file = nfvpn_js_parse(text);
	struct nfvpn_restoring r = { 0 };

	sessions = nfvpn_restore_sessions(file, &r);
	if (!sessions) {
		nfvpn_js_free(file);
		nfvpn_die(NFVPN_FAILED, "%s: not written by nfvpn save, or by a later version",
			  path);
	}
	for (session = sessions->child; session && !r.denied;
	     session = session->next)
		nfvpn_restore_session(&r, session);
	nfvpn_js_free(file);
	if (r.denied)
		return NFVPN_NO_PERMISSION;
	printf("%lu session%s restored, %lu there already, %lu not restored\n",
	       r.done, r.done == 1 ? "" : "s", r.there, r.left);
	return r.left ? NFVPN_FAILED : NFVPN_OK;
}

int nfvpn_restore(const char *path)
{
	char *text;
	int code;

	if (!nfvpn_read_file(path, &text))
		nfvpn_die(NFVPN_FAILED, "%s: %s", path, strerror(errno));
	code = nfvpn_restore_text(text, path);
	free(text);
	return code;
}
