/* SPDX-License-Identifier: Apache-2.0 */
/* Written JSON: its exact text, and that the parser takes it back. */

#include "base/json.h"
#include "base/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void write_sample(struct buf *out, int indent)
{
	struct json_writer w;
	jw_init(&w, out, indent);
	jw_object(&w, NULL);
	jw_text(&w, "name", "x");
	jw_str(&w, "absent", STR_NULL);
	jw_array(&w, "list");
	jw_int(&w, NULL, -5);
	jw_bool(&w, NULL, 2);
	jw_null(&w, NULL);
	jw_object(&w, NULL);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_array(&w, "empty");
	jw_end_array(&w);
	jw_time(&w, "at", 1000);
	jw_time(&w, "never", 0);
	jw_end_object(&w);
}

static void test_json_write_one_line(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	buf_init(&b, 1000);
	write_sample(&b, 0);
	assert_string_equal(b.p, "{\"name\":\"x\",\"absent\":null,\"list\":[-5,true,null,{}],"
				 "\"empty\":[],\"at\":\"1970-01-01T00:00:01.000Z\","
				 "\"never\":null}");
}

static void test_json_write_indented(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	buf_init(&b, 1000);
	write_sample(&b, 2);
	assert_string_equal(b.p, "{\n  \"name\": \"x\",\n  \"absent\": null,\n  \"list\": [\n"
				 "    -5,\n    true,\n    null,\n    {}\n  ],\n  \"empty\": [],\n"
				 "  \"at\": \"1970-01-01T00:00:01.000Z\",\n  \"never\": null\n}");
}

static void test_json_write_escapes(void **state)
{
	(void)state;
	static const struct {
		struct str value;
		const char *text;
	} rows[] = {
		{ { "", 0 }, "\"\"" },
		{ { "\"\\/\n\r\t", 6 }, "\"\\\"\\\\/\\n\\r\\t\"" },
		{ { "\0\x1f\x7f", 3 }, "\"\\u0000\\u001f\\u007f\"" },
		/* what steers a terminal or the direction of text */
		{ { "\xc2\x9b"
		    "2J\xe2\x80\xae",
		    7 },
		  "\"\\u009b2J\\u202e\"" },
		{ { "\xc3\xa9\xff\xe2\x82", 5 },
		  "\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ { "\xed\xa0\x80", 3 }, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(buf) struct buf b;
		struct json_writer w;
		buf_init(&b, 1000);
		jw_init(&w, &b, 0);
		jw_str(&w, NULL, rows[i].value);
		assert_string_equal(b.p, rows[i].text);
	}
}

static void test_json_write_is_read_back(void **state)
{
	(void)state;
	char text[256];
	for (size_t i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	for (int indent = 0; indent < 3; indent++) {
		AUTO(buf) struct buf b;
		AUTO(arena) struct arena a;
		struct json_writer w;
		struct json *j;
		struct err e;
		buf_init(&b, 10000);
		arena_init(&a, 10000);
		jw_init(&w, &b, indent);
		jw_object(&w, NULL);
		jw_str(&w, "key \"\n", (struct str){ text, 127 });
		jw_str(&w, "bytes", (struct str){ text, 255 });
		jw_end_object(&w);
		assert_int_equal(json_parse(&j, buf_str(&b), &a, &e), 0);
		assert_true(str_eq(json_str(json_get(j, "key \"\n")), (struct str){ text, 127 }));
	}
}

static void test_json_write_keeps_the_failure(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	struct err e;
	buf_init(&b, 20);
	write_sample(&b, 0);
	assert_int_equal(buf_check(&b, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_write_one_line),
		cmocka_unit_test(test_json_write_indented),
		cmocka_unit_test(test_json_write_escapes),
		cmocka_unit_test(test_json_write_is_read_back),
		cmocka_unit_test(test_json_write_keeps_the_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
