/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values: one row per form, read back as "field|field" lines. */

#include "base/buf.h"
#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* All records, one a line; what went wrong stands in the last. */
static void read_all(struct buf *out, struct str text)
{
	AUTO(arena) struct arena arena;
	struct str fields[CSV_FIELDS_MAX];
	struct csv c;
	struct err e = { .code = ERR_NONE };
	size_t n;
	int rc;
	arena_init(&arena, (size_t)1 << 20);
	csv_init(&c, text, &arena);
	while ((rc = csv_next(fields, &n, &c, &e)) == 1) {
		buf_addf(out, "%zu:", c.line);
		for (size_t i = 0; i < n; i++)
			buf_addf(out, "%s%.*s", i > 0 ? "|" : "", STR_ARG(fields[i]));
		buf_addc(out, ';');
	}
	if (rc < 0)
		buf_addf(out, "%s %s", err_code_name(e.code), e.msg);
}

static void test_csv_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *records;
	} rows[] = {
		{ "a,b\nc,d\n", "1:a|b;2:c|d;" },
		{ "a,b\r\nc", "1:a|b;2:c;" },
		{ "\xef\xbb\xbf"
		  "a",
		  "1:a;" },
		{ ",\n", "1:|;" },
		{ "\n\na", "1:;2:;3:a;" },
		{ "\"a,b\",\"c\"\"d\"", "1:a,b|c\"d;" },
		{ "\"a\nb\",c\nd", "1:a\nb|c;3:d;" },
		{ "\"\"", "1:;" },
		{ "a\"b", "1:a\"b;" },
		{ "a\rb", "1:a\rb;" },
		{ "\"a", "invalid line 1: a quote is not closed" },
		{ "x\n\"a\"b", "1:x;invalid line 2: text behind a closing quote" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(buf) struct buf got;
		buf_init(&got, 65536);
		buf_adds(&got, "");
		read_all(&got, str_of(rows[i].text));
		assert_string_equal(got.n > 0 ? got.p : "", rows[i].records);
	}
}

static void test_csv_bounds(void **state)
{
	(void)state;
	char text[CSV_FIELDS_MAX + 1];
	AUTO(buf) struct buf got;
	memset(text, ',', sizeof text);
	buf_init(&got, 65536);
	read_all(&got, (struct str){ text, CSV_FIELDS_MAX });
	assert_non_null(strstr(got.p, "line 1: more than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_forms),
		cmocka_unit_test(test_csv_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
