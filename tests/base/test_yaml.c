/* SPDX-License-Identifier: Apache-2.0 */
/* YAML with places, and what of it is refused. */

#include "base/mem.h"
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_MAX = 64 * 1024 * 1024 };

static int parse(struct yaml **out, struct arena *a, struct str text, struct err *e)
{
	arena_init(a, ARENA_MAX);
	return yaml_parse(out, text, "f.yaml", a, e);
}

static void test_yaml_knows_places(void **state)
{
	(void)state;
	static const char text[] = "# comment\n"
				   "a: 1\n"
				   "list:\n"
				   "  - {id: \"x\", n: 2}\n"
				   "  - id: 'y'\n";
	AUTO(arena) struct arena a;
	struct yaml *root = NULL;
	struct err e;
	assert_int_equal(parse(&root, &a, str_of(text), &e), 0);
	const struct yaml *list = yaml_get(root, "list");
	const struct yaml *x = yaml_get(list->child, "id");
	const struct yaml *y = yaml_get(list->child->next, "id");
	assert_true(str_eq(x->text, STR("x")) && !x->plain);
	assert_int_equal(x->line, 4);
	assert_int_equal(x->column, 10);
	assert_int_equal(x->key_column, 6);
	assert_int_equal(yaml_get(list->child, "n")->plain, 1);
	assert_int_equal(y->line, 5);
	assert_int_equal(y->column, 9);
	assert_int_equal(list->kind, YAML_SEQUENCE);
	assert_null(yaml_get(root, "A"));
	assert_null(yaml_get(list, "a"));
	assert_null(yaml_get(NULL, "a"));
}

static void test_yaml_empty_is_a_mapping(void **state)
{
	(void)state;
	static const char *const rows[] = { "",      "\n",         "# only a comment\n",
					    "---\n", "---\n...\n", "\xef\xbb\xbf" };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena a;
		struct yaml *root = NULL;
		struct err e;
		assert_int_equal(parse(&root, &a, str_of(rows[i]), &e), 0);
		assert_int_equal(root->kind, YAML_MAPPING);
		assert_null(root->child);
		assert_null(root->text.p);
	}
}

static void test_yaml_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *message; /* its beginning */
	} rows[] = {
		{ "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document" },
		{ "a: &x 1\nb: *x\n", "f.yaml:1:4: anchors" },
		{ "a: *x\n", "f.yaml:1:4: aliases" },
		{ "a: !!int 1\n", "f.yaml:1:4: tags" },
		{ "a: !x [1]\n", "f.yaml:1:4: tags" },
		{ "! a: 1\n", "f.yaml:1:1: tags" },
		{ "a: &x [1]\n", "f.yaml:1:4: anchors" },
		{ "a: &x {b: 1}\n", "f.yaml:1:4: anchors" },
		{ "<<: {a: 1}\n", "f.yaml:1:1: merge keys" },
		{ "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a' stands twice" },
		{ "x: {a: 1, \"a\": 3}\n", "f.yaml:1:11: key 'a' stands twice" },
		{ "[a]: 1\n", "f.yaml:1:1: a key that is no text" },
		{ "? {a: 1}\n: 1\n", "f.yaml:1:3: a key that is no text" },
		{ "a: [1, 2\n", "f.yaml:2:1: " },
		{ "a: \"x\n", "f.yaml:2:1: " },
		{ "a: b: c\n", "f.yaml:1:5: " },
		{ "a:\n\t- b\n", "f.yaml:2:1: " },
		{ "a: 1\nb: \x01\n", "f.yaml:2:4: control characters" },
		{ "a: 1\nb: \xff\n", "f.yaml:2:4: invalid leading UTF-8" },
		{ "\xff\xfe"
		  "a\0:\0",
		  "f.yaml:1:1: invalid leading UTF-8" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena a;
		struct yaml *root = NULL;
		struct err e = { .msg = "" };
		assert_int_equal(parse(&root, &a, str_of(rows[i].text), &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_null(root);
		if (strncmp(e.msg, rows[i].message, strlen(rows[i].message)) != 0)
			fail_msg("'%s' is not '%s'", e.msg, rows[i].message);
	}
}

static void test_yaml_keeps_quoted_merge_keys(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	struct yaml *root = NULL;
	struct err e;
	assert_int_equal(parse(&root, &a, STR("\"<<\": 1\n"), &e), 0);
	assert_non_null(yaml_get(root, "<<"));
}

static int parse_nested(int depth)
{
	AUTO(arena) struct arena a;
	char text[200];
	struct yaml *root = NULL;
	struct err e;
	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	return parse(&root, &a, (struct str){ text, 2 * (size_t)depth }, &e);
}

static void test_yaml_depth_and_size(void **state)
{
	(void)state;
	assert_int_equal(parse_nested(YAML_DEPTH), 0);
	assert_int_equal(parse_nested(YAML_DEPTH + 1), -1);
	AUTO(free) char *text = malloc(YAML_MAX + 1);
	memset(text, '\n', YAML_MAX + 1);
	AUTO(arena) struct arena a, b;
	struct yaml *root = NULL;
	struct err e;
	assert_int_equal(parse(&root, &a, (struct str){ text, YAML_MAX }, &e), 0);
	assert_int_equal(parse(&root, &b, (struct str){ text, YAML_MAX + 1 }, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void test_yaml_without_memory(void **state)
{
	(void)state;
	struct yaml *root = NULL;
	struct err e;
	int rc = -1;
	for (long calls = 0; rc != 0; calls++) {
		AUTO(arena) struct arena a;
		mem_fail_after(calls);
		rc = parse(&root, &a, STR("a: [1, {b: 2}]\n"), &e);
		mem_fail_after(-1);
		assert_true(rc == 0 || e.code == ERR_NOMEM);
		assert_true(calls < 50);
	}
	AUTO(arena) struct arena small;
	arena_init(&small, 64);
	assert_int_equal(yaml_parse(&root, STR("a: [1]"), "f", &small, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_knows_places),
		cmocka_unit_test(test_yaml_empty_is_a_mapping),
		cmocka_unit_test(test_yaml_refuses),
		cmocka_unit_test(test_yaml_keeps_quoted_merge_keys),
		cmocka_unit_test(test_yaml_depth_and_size),
		cmocka_unit_test(test_yaml_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
