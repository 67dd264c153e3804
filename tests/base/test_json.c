/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON: the corners of RFC 8259, places in messages, bounds, speed on hostile keys. */

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_MAX = 64 * 1024 * 1024 };

static int parse(struct json **out, struct arena *a, struct str text, struct err *e)
{
	arena_init(a, ARENA_MAX);
	return json_parse(out, text, a, e);
}

static void test_json_accepts(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"null",
		" \t\r\ntrue\r\n",
		"0",
		"-0",
		"-0.0e-0",
		"1E+2",
		"123456789012345678901234567890",
		"1e999",
		"\"\"",
		"[]",
		" [ ] ",
		"{ }",
		"[1,2 , 3]",
		"{\"a\":1,\"A\":2,\"\":3}",
		"{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}",
		"{\"a\":false,\"b\":1,\"a\":false,\"a\":false}", /* no two readers differ */
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u00e9\\uD83C\\udf0a\"",
		"\"\x7f\"",
		"\"\xe2\x80\xa8\xef\xbf\xbf\"",
		"[[[[[[[[[[]]]]]]]]]]",
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena a;
		struct json *j = NULL;
		struct err e = { .msg = "" };
		if (parse(&j, &a, str_of(rows[i]), &e) != 0)
			fail_msg("%s: %s", rows[i], e.msg);
		assert_non_null(j);
	}
}

static const struct {
	struct str text;
	const char *place; /* the beginning of the message */
	const char *why;   /* a part of it */
} refused[] = {
	{ { "", 0 }, "line 1, column 1:", "the text ends here" },
	{ { "  ", 2 }, "line 1, column 3:", "expected a value" },
	{ { "\xef\xbb\xbf{}", 5 }, "line 1, column 1:", "byte order mark" },
	{ { "{} x", 4 }, "line 1, column 4:", "nothing behind" },
	{ { "{}\n{}", 5 }, "line 2, column 1:", "nothing behind" },
	{ { "null\0", 5 }, "line 1, column 5:", "0x00" },
	{ { "nul", 3 }, "line 1, column 1:", "expected a value" },
	{ { "nulll", 5 }, "line 1, column 5:", "nothing behind" },
	{ { "True", 4 }, "line 1, column 1:", "'T'" },
	{ { "NaN", 3 }, "line 1, column 1:", "'N'" },
	{ { "Infinity", 8 }, "line 1, column 1:", "'I'" },
	{ { "01", 2 }, "line 1, column 1:", "leading zero" },
	{ { "-01", 3 }, "line 1, column 2:", "leading zero" },
	{ { "+1", 2 }, "line 1, column 1:", "'+'" },
	{ { "-", 1 }, "line 1, column 2:", "a digit" },
	{ { ".5", 2 }, "line 1, column 1:", "'.'" },
	{ { "1.", 2 }, "line 1, column 3:", "behind the point" },
	{ { "1.e2", 4 }, "line 1, column 3:", "behind the point" },
	{ { "1e", 2 }, "line 1, column 3:", "exponent" },
	{ { "1e+", 3 }, "line 1, column 4:", "exponent" },
	{ { "0x10", 4 }, "line 1, column 2:", "'x'" },
	{ { "1 2", 3 }, "line 1, column 3:", "nothing behind" },
	{ { "[", 1 }, "line 1, column 2:", "the text ends here" },
	{ { "[1,]", 4 }, "line 1, column 4:", "']'" },
	{ { "[,1]", 4 }, "line 1, column 2:", "','" },
	{ { "[1 2]", 5 }, "line 1, column 4:", "',' or ']'" },
	{ { "[1}", 3 }, "line 1, column 3:", "',' or ']'" },
	{ { "{\"a\":1]", 7 }, "line 1, column 7:", "',' or '}'" },
	{ { "{\"a\" 1}", 7 }, "line 1, column 6:", "':'" },
	{ { "{\"a\":}", 6 }, "line 1, column 6:", "a value" },
	{ { "{\"a\":1,}", 8 }, "line 1, column 8:", "a key" },
	{ { "{a:1}", 5 }, "line 1, column 2:", "a key" },
	{ { "{'a':1}", 7 }, "line 1, column 2:", "a key" },
	{ { "{1:1}", 5 }, "line 1, column 2:", "a key" },
	{ { "{", 1 }, "line 1, column 2:", "a key" },
	{ { "{\"a\"", 4 }, "line 1, column 5:", "':'" },
	{ { "{\"a\":1,\"b\":2,\"a\":3}", 19 }, "line 1, column 14:", "key 'a' stands twice" },
	{ { "{\"a\":1,\n\"\\u0061\":2}", 19 }, "line 2, column 1:", "key 'a' stands twice" },
	{ { "{\"a\":true,\"a\":false}", 20 }, "line 1, column 11:", "key 'a' stands twice" },
	{ { "{\"a\":null,\"a\":{}}", 17 }, "line 1, column 11:", "key 'a' stands twice" },
	{ { "{\"a\":true,\"a\":true,\"b\":1,\"b\":1}", 31 }, "line 1, column", "twice" },
	{ { "[{\"x\":{\"k\":1,\"k\":1}}]", 21 }, "line 1, column 14:", "twice" },
	{ { "\"", 1 }, "line 1, column 2:", "inside a string" },
	{ { "\"abc", 4 }, "line 1, column 5:", "inside a string" },
	{ { "\"\\", 2 }, "line 1, column 2:", "escape" },
	{ { "\"\\\"", 3 }, "line 1, column 4:", "inside a string" },
	{ { "\"\\x41\"", 6 }, "line 1, column 2:", "unknown escape" },
	{ { "\"\\'\"", 4 }, "line 1, column 2:", "unknown escape" },
	{ { "\"\\U0041\"", 8 }, "line 1, column 2:", "unknown escape" },
	{ { "\"\\u12\"", 6 }, "line 1, column 2:", "four hexadecimal" },
	{ { "\"\\u12g4\"", 8 }, "line 1, column 2:", "four hexadecimal" },
	{ { "\"\\u0000\"", 8 }, "line 1, column 2:", "\\u0000" },
	{ { "{\"a\\u0000b\":1}", 14 }, "line 1, column 4:", "\\u0000" },
	{ { "\"\\ud800\"", 8 }, "line 1, column 2:", "lone surrogate" },
	{ { "\"\\udc00\"", 8 }, "line 1, column 2:", "lone surrogate" },
	{ { "\"\\ud800\\u0041\"", 14 }, "line 1, column 2:", "lone surrogate" },
	{ { "\"\\ud800\\ud800\"", 14 }, "line 1, column 2:", "lone surrogate" },
	{ { "\"a\nb\"", 5 }, "line 1, column 3:", "0x0a" },
	{ { "\"\t\"", 3 }, "line 1, column 2:", "0x09" },
	{ { "\"\0\"", 3 }, "line 1, column 2:", "0x00" },
	{ { "\"\\n\x1f\"", 5 }, "line 1, column 4:", "0x1f" },
	{ { "\"\xff\"", 3 }, "line 1, column 2:", "UTF-8" },
	{ { "\"\xc0\xaf\"", 4 }, "line 1, column 2:", "UTF-8" },
	{ { "\"\xed\xa0\x80\"", 5 }, "line 1, column 2:", "UTF-8" },
	{ { "\"\xf4\x90\x80\x80\"", 6 }, "line 1, column 2:", "UTF-8" },
	{ { "\"\xe2\x82", 3 }, "line 1, column 2:", "UTF-8" },
	{ { "\"12345678901\x80\"", 14 }, "line 1, column 13:", "UTF-8" },
	{ { "\"\xc3\xa9\xe2\x82\xac\" x", 9 }, "line 1, column 6:", "nothing behind" },
	{ { "// c\n1", 6 }, "line 1, column 1:", "'/'" },
	{ { "\xc2\xa0"
	    "1",
	    3 },
	  "line 1, column 1:",
	  "0xc2" },
	{ { "\f1", 2 }, "line 1, column 1:", "0x0c" },
};

static void test_json_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		AUTO(arena) struct arena a;
		struct json *j = NULL;
		struct err e = { .msg = "" };
		/* A copy of its exact size lets the sanitizer see a read behind the end. */
		AUTO(free) char *exact = malloc(refused[i].text.n + 1);
		memcpy(exact, refused[i].text.p, refused[i].text.n);
		AUTO(free) char *tight = realloc(exact, refused[i].text.n + !refused[i].text.n);
		exact = NULL;
		struct str text = { tight, refused[i].text.n };
		if (parse(&j, &a, text, &e) == 0)
			fail_msg("row %zu: accepted '%.*s'", i, STR_ARG(text));
		assert_null(j);
		assert_int_equal(e.code, ERR_INPUT);
		if (strncmp(e.msg, refused[i].place, strlen(refused[i].place)) != 0 ||
		    strstr(e.msg, refused[i].why) == NULL)
			fail_msg("row %zu: '%s' is not '%s ... %s'", i, e.msg, refused[i].place,
				 refused[i].why);
	}
}

static void test_json_decodes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct str value;
	} rows[] = {
		{ "\"plain\"", { "plain", 5 } },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", { "\"\\/\b\f\n\r\t", 8 } },
		{ "\"a\\u0041\\u00e9\\u20ac\\ud83c\\udf0az\"",
		  { "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8az", 12 } },
		{ "\"\\uffff\\u0001\\u07ff\\u0800\"",
		  { "\xef\xbf\xbf\x01\xdf\xbf\xe0\xa0\x80", 9 } },
		{ "\"0123456789\\\\0123456789\\\"\"", { "0123456789\\0123456789\"", 22 } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena a;
		struct json *j = NULL;
		struct err e;
		assert_int_equal(parse(&j, &a, str_of(rows[i].text), &e), 0);
		assert_true(str_eq(json_str(j), rows[i].value));
	}
}

static void test_json_points_into_the_input(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	struct json *j = NULL;
	struct err e;
	const char text[] = "{\"key\":\"value\",\"n\":12345678901234567890}";
	assert_int_equal(parse(&j, &a, str_of(text), &e), 0);
	assert_ptr_equal(j->child->key.p, text + 2);
	assert_ptr_equal(json_str(json_get(j, "key")).p, text + 8);
	assert_true(str_eq(json_id(json_get(j, "n")), STR("12345678901234567890")));
}

static void test_json_looks_up(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	struct json *j = NULL;
	struct err e;
	const char text[] =
	    "{\"a\":{\"b\":{\"c\":[10,\"x\",true,null,false]}},\"A\":1,\"\":{\"\":5}}";
	assert_int_equal(parse(&j, &a, str_of(text), &e), 0);
	const struct json *c = json_at(j, "a.b.c");
	assert_non_null(c);
	assert_null(json_at(j, "a.b.x.y"));
	assert_null(json_at(j, "A.b"));
	assert_null(json_at(NULL, "a"));
	assert_null(json_get(c, "a"));
	assert_true(str_eq(json_id(json_item(c, 0)), STR("10")));
	assert_true(str_eq(json_str(json_item(c, 1)), STR("x")));
	assert_null(json_str(json_item(c, 0)).p);
	assert_null(json_str(NULL).p);
	assert_int_equal(json_bool(json_item(c, 2)), 1);
	assert_int_equal(json_bool(json_item(c, 4)), 0);
	assert_int_equal(json_bool(json_item(c, 3)), -1);
	assert_null(json_item(c, 5));
	assert_null(json_item(j, 0));
	assert_non_null(json_at(j, "."));
}

static void test_json_int_is_exact(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		int64_t v;
	} rows[] = {
		{ "9007199254740993", 0, INT64_C(9007199254740993) },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -1, 0 },
		{ "1.0", -1, 0 },
		{ "1e2", -1, 0 },
		{ "\"1\"", -1, 0 },
		{ "true", -1, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena a;
		struct json *j = NULL;
		struct err e;
		int64_t v = 7;
		assert_int_equal(parse(&j, &a, str_of(rows[i].text), &e), 0);
		assert_int_equal(json_int(&v, j), rows[i].rc);
		assert_true(v == (rows[i].rc == 0 ? rows[i].v : 7));
	}
	int64_t v;
	assert_int_equal(json_int(&v, NULL), -1);
}

static int parse_nested(size_t depth, char open, char close)
{
	AUTO(arena) struct arena a;
	char text[1000];
	struct json *j = NULL;
	struct err e = { .msg = "" };
	size_t n = 0;
	for (size_t i = 0; i < depth; i++) {
		text[n++] = open;
		if (open == '{')
			n += (size_t)snprintf(text + n, 8, "\"a\":");
	}
	text[n++] = '1';
	for (size_t i = 0; i < depth; i++)
		text[n++] = close;
	int rc = parse(&j, &a, (struct str){ text, n }, &e);
	assert_true(rc == 0 || strstr(e.msg, "nested deeper than 64") != NULL);
	return rc;
}

static void test_json_depth(void **state)
{
	(void)state;
	assert_int_equal(parse_nested(JSON_DEPTH, '[', ']'), 0);
	assert_int_equal(parse_nested(JSON_DEPTH + 1, '[', ']'), -1);
	assert_int_equal(parse_nested(JSON_DEPTH, '{', '}'), 0);
	assert_int_equal(parse_nested(JSON_DEPTH + 1, '{', '}'), -1);
	AUTO(free) char *open = malloc(1000000);
	memset(open, '[', 1000000);
	AUTO(arena) struct arena a;
	struct json *j;
	struct err e;
	assert_int_equal(parse(&j, &a, (struct str){ open, 1000000 }, &e), -1);
}

/* An object of 100,000 keys, all different, and with one twice at the end. */
static void test_json_many_keys(void **state)
{
	(void)state;
	enum { KEYS = 100000 };
	AUTO(free) char *text = malloc(KEYS * 16);
	size_t n = 1;
	text[0] = '{';
	for (int i = 0; i < KEYS; i++)
		n += (size_t)snprintf(text + n, 16, "\"k%d\":1,", i);
	text[n - 1] = '}';
	for (int twice = 0; twice < 2; twice++) {
		AUTO(arena) struct arena a;
		struct json *j;
		struct err e = { .msg = "" };
		int64_t start_ms = clock_mono_ms();
		assert_int_equal(parse(&j, &a, (struct str){ text, n }, &e), -twice);
		assert_true(clock_mono_ms() - start_ms < 3000);
		if (twice)
			assert_non_null(strstr(e.msg, "key 'k7' stands twice"));
		n += (size_t)snprintf(text + n - 1, 16, ",\"k7\":2}") - 1;
	}
}

static void test_json_without_memory(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,2,{\"b\":\"\\n\"}],\"c\":{}}";
	struct json *j = NULL;
	struct err e;
	int rc = -1;
	for (long calls = 0; rc != 0; calls++) {
		AUTO(arena) struct arena a;
		mem_fail_after(calls);
		rc = parse(&j, &a, str_of(text), &e);
		mem_fail_after(-1);
		assert_true(rc == 0 || e.code == ERR_NOMEM);
		assert_true(calls < 50);
	}
	AUTO(arena) struct arena small;
	arena_init(&small, 100);
	assert_int_equal(json_parse(&j, str_of(text), &small, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(json_parse(&j, STR("["), &small, NULL), -1);
	assert_int_equal(json_parse(&j, STR_NULL, &small, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_accepts),
		cmocka_unit_test(test_json_refuses),
		cmocka_unit_test(test_json_decodes),
		cmocka_unit_test(test_json_points_into_the_input),
		cmocka_unit_test(test_json_looks_up),
		cmocka_unit_test(test_json_int_is_exact),
		cmocka_unit_test(test_json_depth),
		cmocka_unit_test(test_json_many_keys),
		cmocka_unit_test(test_json_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
