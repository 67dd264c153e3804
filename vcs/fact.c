/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single facts out of bodies that an attacker may have written, and into bodies of our own. It
 * knows no provider.
 */

#include "vcs/fact.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

static int malformed(const char *path, const char *expected, struct err *e)
{
	return err_set(e, ERR_INPUT, "'%s' is malformed (expected %s)", path, expected);
}

/* --- the body --- */

int fact_root(struct json **out, const struct request *r, struct arena *arena, struct err *e)
{
	struct str text;
	struct json *root;
	if (request_json_text(&text, r, arena, e) != 0)
		return -1;
	/* What was decoded is no longer what was signed. */
	if (text.p != r->body.p)
		return err_set(e, ERR_INPUT,
			       "a form is not taken (set the webhook to application/json)");
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, strlen("\xef\xbb\xbf"));
	if (json_parse(&root, text, arena, e) != 0)
		return -1;
	if (root->kind != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "the body is no JSON object");
	*out = root;
	return 0;
}

int fact_event_type(struct str *out, const struct request *r, const char *header, struct err *e)
{
	struct str type;
	if (request_header(&type, r, header, e) != 0)
		return -1;
	if (type.n == 0)
		return err_set(e, ERR_INPUT, "header '%s' is missing", header);
	*out = type;
	return 0;
}

/* --- facts --- */

int fact_object(const struct json *root, const char *path, struct err *e)
{
	const struct json *j = json_at(root, path);
	if (j != NULL && j->kind != JSON_OBJECT && j->kind != JSON_NULL)
		return malformed(path, "an object", e);
	return 0;
}

int fact_str(struct str *out, const struct json *root, const char *path, struct err *e)
{
	const struct json *j = json_at(root, path);
	if (j != NULL && j->kind != JSON_STRING && j->kind != JSON_NULL)
		return malformed(path, "a string", e);
	*out = json_str(j);
	return 0;
}

int fact_number(struct str *out, const struct json *root, const char *path, struct err *e)
{
	const struct json *j = json_at(root, path);
	uint64_t number;
	if (j != NULL && j->kind != JSON_NULL &&
	    num_parse_u64(&number, json_id(j), 0, UINT64_MAX) != 0)
		return malformed(path, "a whole number", e);
	*out = json_id(j);
	return 0;
}

int fact_url(struct str *out, const struct json *root, const char *path, struct err *e)
{
	struct str url = STR_NULL;
	if (fact_str(&url, root, path, e) != 0)
		return -1;
	const int shown = str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
	*out = shown ? url : STR_NULL;
	return 0;
}

struct str fact_branch(struct str ref)
{
	if (str_starts(ref, STR("refs/heads/")))
		return str_from(ref, strlen("refs/heads/"));
	return str_starts(ref, STR("refs/")) ? STR_NULL : ref;
}

int fact_is_fork(struct str source, struct str target)
{
	return target.p != NULL && (source.p == NULL || !str_eq(source, target));
}

struct str fact_either(struct str first, struct str second)
{
	return first.p != NULL ? first : second;
}

/* --- the refs of a push --- */

static int count_changes(size_t *n, const struct json *array, struct err *e)
{
	size_t count = 0;
	if (array == NULL || array->kind == JSON_NULL) {
		*n = 0;
		return 0;
	}
	if (array->kind != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "the changes of the push are no array");
	for (const struct json *item = array->child; item != NULL; item = item->next) {
		if (item->kind != JSON_OBJECT)
			return err_set(e, ERR_INPUT, "change %zu of the push is no object",
				       count + 1);
		count++;
	}
	*n = count;
	return 0;
}

int fact_changes(struct event *event, const struct json *array,
		 int (*read)(struct event_change *out, const struct json *item, struct err *e),
		 struct arena *arena, struct err *e)
{
	size_t n = 0, i = 0;
	if (count_changes(&n, array, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	struct event_change *changes = arena_array(arena, n, sizeof *changes);
	if (changes == NULL)
		return arena_err(arena, e);
	for (const struct json *item = array->child; item != NULL; item = item->next, i++) {
		if (read(&changes[i], item, e) != 0)
			return err_wrap(e, "change %zu of the push", i + 1);
	}
	event->changes = changes;
	event->n_changes = n;
	event_take_change(event, 0);
	return 0;
}

/* --- writing --- */

void fact_write_id(struct json_writer *w, const char *key, struct str id, int64_t fallback)
{
	int64_t value;
	if (id.p == NULL)
		jw_int(w, key, fallback);
	else if (num_parse_i64(&value, id, INT64_MIN, INT64_MAX) == 0)
		jw_int(w, key, value);
	else
		jw_str(w, key, id);
}

void fact_write_ref(struct json_writer *w, const char *key, struct str branch)
{
	char ref[300];
	(void)snprintf(ref, sizeof ref, "refs/heads/%.*s", STR_ARG(str_first(branch, 255)));
	jw_text(w, key, ref);
}

struct str fact_owner(struct str full_name)
{
	return str_first(full_name, str_find_last(full_name, '/'));
}

struct str fact_name(struct str full_name)
{
	size_t slash = str_find_last(full_name, '/');
	return slash < full_name.n ? str_from(full_name, slash + 1) : full_name;
}

struct str fact_zero_oid(void)
{
	return STR("0000000000000000000000000000000000000000");
}
