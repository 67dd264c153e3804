/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of any bytes: parsed, written again, and parsed to the same text. */

#include "base/json.h"
#include "base/json_write.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 64 * 1024 * 1024, TEXT_MAX = 16 * 1024 * 1024 };

static void put_leaf(struct json_writer *w, const char *key, const struct json *j)
{
	switch (j->kind) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		if (json_bool(j) < 0)
			jw_null(w, key);
		else
			jw_bool(w, key, json_bool(j));
		break;
	case JSON_NUMBER:
	case JSON_STRING:
		jw_str(w, key, j->text);
		break;
	case JSON_ARRAY:
		jw_array(w, key);
		break;
	case JSON_OBJECT:
		jw_object(w, key);
		break;
	}
}

static int is_open(const struct json *j)
{
	return j->kind == JSON_ARRAY || j->kind == JSON_OBJECT;
}

static void end_level(struct json_writer *w, const struct json *j)
{
	if (j->kind == JSON_ARRAY)
		jw_end_array(w);
	else
		jw_end_object(w);
}

/* The whole tree, with numbers as strings; keys with what a C string cannot hold do not exist. */
static void put_tree(struct buf *out, const struct json *root, struct arena *a)
{
	const struct json *stack[JSON_DEPTH];
	size_t depth = 0;
	struct json_writer w;
	jw_init(&w, out, 0);
	const struct json *j = root;
	for (;;) {
		struct str key = arena_str(a, j->key);
		assert(j->key.p == NULL || (key.p != NULL && memchr(key.p, 0, key.n) == NULL));
		put_leaf(&w, key.p, j);
		if (is_open(j) && j->child != NULL) {
			assert(depth < JSON_DEPTH);
			stack[depth++] = j;
			j = j->child;
			continue;
		}
		if (is_open(j))
			end_level(&w, j);
		while (depth > 0 && j->next == NULL) {
			j = stack[--depth];
			end_level(&w, j);
		}
		if (j->next == NULL)
			return;
		j = j->next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena a, b;
	AUTO(buf) struct buf first, second;
	struct json *j = NULL;
	struct err e = { .code = ERR_NONE };
	arena_init(&a, MEMORY_MAX);
	arena_init(&b, MEMORY_MAX);
	buf_init(&first, TEXT_MAX);
	buf_init(&second, TEXT_MAX);
	if (json_parse(&j, (struct str){ (const char *)data, size }, &a, &e) != 0) {
		assert(e.code == ERR_INPUT && j == NULL && strncmp(e.msg, "line ", 5) == 0);
		return 0;
	}
	put_tree(&first, j, &a);
	assert(buf_check(&first, &e) == 0);
	int rc = json_parse(&j, buf_str(&first), &b, &e);
	assert(rc == 0);
	put_tree(&second, j, &b);
	assert(str_eq(buf_str(&first), buf_str(&second)));
	return 0;
}
