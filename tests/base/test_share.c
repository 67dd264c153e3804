/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and percentages: the grammar, rounding up, and what is more than a share. */

#include "base/share.h"
#include "tests/support/check.h"

static void test_share_of(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t total, wanted;
	} rows[] = {
		{ "1", 10, 1 },   { "3", 2, 2 },      { "0", 5, 0 },          { "10%", 10, 1 },
		{ "10%", 11, 2 }, { "10%", 1, 1 },    { "100%", 1000, 1000 }, { "1%", 250, 3 },
		{ "0%", 9, 0 },   { "99%", 100, 99 }, { "50%", 0, 0 },        { "100000", 7, 7 },
		{ "33%", 3, 1 },  { "34%", 3, 2 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct share s;
		struct err e;
		check_ok(share_parse(&s, str_of(rows[i].text), &e), &e);
		assert_int_equal(share_of(&s, rows[i].total), rows[i].wanted);
	}
}

static void test_share_exceeded(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t part, total;
		int wanted;
	} rows[] = {
		{ "0", 0, 5, 0 },    { "0", 1, 5, 1 },    { "2", 2, 5, 0 },   { "2", 3, 5, 1 },
		{ "10%", 1, 10, 0 }, { "10%", 2, 10, 1 }, { "10%", 1, 9, 1 }, { "0%", 1, 9, 1 },
		{ "100%", 9, 9, 0 }, { "50%", 1, 3, 0 },  { "50%", 2, 3, 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct share s;
		struct err e;
		check_ok(share_parse(&s, str_of(rows[i].text), &e), &e);
		assert_int_equal(share_is_exceeded(&s, rows[i].part, rows[i].total),
				 rows[i].wanted);
	}
}

static void test_share_malformed(void **state)
{
	(void)state;
	static const char *const rows[] = { "",    "%",    "-1",     "101%", "1.5", "1 ",
					    " 1%", "10 %", "100001", "x",    "10%%" };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct share s;
		struct err e;
		assert_int_equal(share_parse(&s, str_of(rows[i]), &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share_of),
		cmocka_unit_test(test_share_exceeded),
		cmocka_unit_test(test_share_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
