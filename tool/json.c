// SPDX-License-Identifier: GPL-2.0-only
/* JSON as a tree.  What is read is not trusted: depth is bounded, ends are checked. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"

#define NFVPN_JSON_DEPTH	64

static struct nfvpn_json *nfvpn_json_value(const char **at, int depth);

static void nfvpn_json_space(const char **at)
{
	while (isspace((unsigned char)**at))
		(*at)++;
}

static bool nfvpn_json_take(const char **at, const char *word)
{
	size_t len = strlen(word);

	nfvpn_json_space(at);
	if (strncmp(*at, word, len))
		return false;
	*at += len;
	return true;
}

static char nfvpn_json_escape(const char **at)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	int i;

	if (**at == 'u') {
		(*at)++;
		for (i = 0; i < 4 && isxdigit((unsigned char)**at); i++)
			(*at)++;
		return '?';
	}
	hit = **at ? strchr(from, **at) : NULL;
	if (hit)
		(*at)++;
	return hit ? to[hit - from] : '?';
}

/* So much a string takes at most: up to its last quote. */
static size_t nfvpn_json_room(const char *at)
{
	const char *from = at;

	for (; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return at - from + 1;
}

/* Behind the first quote; NULL: it does not end. */
static char *nfvpn_json_quoted(const char **at)
{
	char *text = malloc(nfvpn_json_room(*at));
	size_t n = 0;

	if (!text)
		return NULL;
	while (**at && **at != '"') {
		if (**at != '\\') {
			text[n++] = *(*at)++;
			continue;
		}
		(*at)++;
		text[n++] = nfvpn_json_escape(at);
	}
	text[n] = '\0';
	if (**at != '"') {
		free(text);
		return NULL;
	}
	(*at)++;
	return realloc(text, n + 1);
}

/* Behind the bracket. */
static bool nfvpn_json_members(struct nfvpn_json *json, const char **at,
			       const char *end, int depth)
{
	struct nfvpn_json **tail = &json->child;
	char *key = NULL;

	if (nfvpn_json_take(at, end))
		return true;
	do {
		if (json->type == NFVPN_JSON_OBJECT) {
			key = nfvpn_json_take(at, "\"") ?
			      nfvpn_json_quoted(at) : NULL;
			if (!key || !nfvpn_json_take(at, ":")) {
				free(key);
				return false;
			}
		}
		*tail = nfvpn_json_value(at, depth - 1);
		if (!*tail) {
			free(key);
			return false;
		}
		(*tail)->key = key;
		tail = &(*tail)->next;
	} while (nfvpn_json_take(at, ","));
	return nfvpn_json_take(at, end);
}

static bool nfvpn_json_fill(struct nfvpn_json *json, const char **at, int depth)
{
	char *end;

	if (nfvpn_json_take(at, "null"))
		return true;
	json->type = NFVPN_JSON_BOOL;
	if (nfvpn_json_take(at, "false"))
		return true;
	json->number = 1;
	if (nfvpn_json_take(at, "true"))
		return true;
	json->type = NFVPN_JSON_OBJECT;
	if (nfvpn_json_take(at, "{"))
		return nfvpn_json_members(json, at, "}", depth);
	json->type = NFVPN_JSON_ARRAY;
	if (nfvpn_json_take(at, "["))
		return nfvpn_json_members(json, at, "]", depth);
	json->type = NFVPN_JSON_STRING;
	if (nfvpn_json_take(at, "\"")) {
		json->text = nfvpn_json_quoted(at);
		return json->text;
	}
	json->type = NFVPN_JSON_NUMBER;
	if (**at != '-' && !isdigit((unsigned char)**at))
		return false;
	json->number = strtod(*at, &end);
	*at = end;
	return true;
}

static struct nfvpn_json *nfvpn_json_value(const char **at, int depth)
{
	struct nfvpn_json *json = depth ? calloc(1, sizeof(*json)) : NULL;

	if (json && !nfvpn_json_fill(json, at, depth)) {
		nfvpn_js_free(json);
		json = NULL;
	}
	return json;
}

struct nfvpn_json *nfvpn_js_parse(const char *text)
{
	return nfvpn_json_value(&text, NFVPN_JSON_DEPTH);
}

void nfvpn_js_free(struct nfvpn_json *json)
{
	struct nfvpn_json *next;

	for (; json; json = next) {
		next = json->next;
		nfvpn_js_free(json->child);
		free(json->key);
		free(json->text);
		free(json);
	}
}

const struct nfvpn_json *nfvpn_js_get(const struct nfvpn_json *json,
					const char *key)
{
	const struct nfvpn_json *child;

	for (child = json ? json->child : NULL; child; child = child->next)
		if (child->key && !strcmp(child->key, key))
			return child;
	return NULL;
}

const char *nfvpn_js_text(const struct nfvpn_json *json, const char *key)
{
	json = nfvpn_js_get(json, key);
	return json && json->text ? json->text : "";
}

double nfvpn_js_number(const struct nfvpn_json *json, const char *key,
			 double otherwise)
{
	json = nfvpn_js_get(json, key);
	return json && json->type == NFVPN_JSON_NUMBER ? json->number :
							 otherwise;
}

bool nfvpn_js_has(const struct nfvpn_json *json, const char *text)
{
	const struct nfvpn_json *child;
	char number[32];

	if (!json)
		return false;
	if (json->type == NFVPN_JSON_STRING && !strcmp(json->text, text))
		return true;
	snprintf(number, sizeof(number), "%.0f", json->number);
	if (json->type == NFVPN_JSON_NUMBER && !strcmp(number, text))
		return true;
	for (child = json->child; child; child = child->next)
		if (nfvpn_js_has(child, text))
			return true;
	return false;
}
