/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON, as "nft -j" writes it, as a tree. */
#ifndef NFVPN_JSON_H
#define NFVPN_JSON_H

#include <stdbool.h>

enum nfvpn_json_type {
	NFVPN_JSON_NULL,
	NFVPN_JSON_BOOL,
	NFVPN_JSON_NUMBER,
	NFVPN_JSON_STRING,
	NFVPN_JSON_ARRAY,
	NFVPN_JSON_OBJECT,
};

/**
 * struct nfvpn_json - a value
 * @type: what it is
 * @key: its name in the object it is in, or NULL
 * @text: of a string
 * @number: of a number or truth value
 * @child: of an array or object: the first
 * @next: beside it
 */
struct nfvpn_json {
	enum nfvpn_json_type	type;
	char			*key;
	char			*text;
	double			number;
	struct nfvpn_json	*child;
	struct nfvpn_json	*next;
};

/* NULL: no JSON, nested too deeply, or no memory. */
struct nfvpn_json *nfvpn_js_parse(const char *text);
void nfvpn_js_free(struct nfvpn_json *json);
/* All of these take NULL. */
const struct nfvpn_json *nfvpn_js_get(const struct nfvpn_json *json,
					const char *key);
/* "" if it is no string */
const char *nfvpn_js_text(const struct nfvpn_json *json, const char *key);
/* @otherwise if it is no number */
double nfvpn_js_number(const struct nfvpn_json *json, const char *key,
			 double otherwise);
/* Whether this string, or a number written like it, is anywhere in it. */
bool nfvpn_js_has(const struct nfvpn_json *json, const char *text);

#endif
