/* SPDX-License-Identifier: Apache-2.0 */
/* The directives at a script's head: what is read, what is not one, what is refused and where. */

#include "release/directive.h"
#include "tests/support/check.h"

#include <string.h>

static void test_directive_reads(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum directive_mode mode;
		enum db_isolation isolation;
	} rows[] = {
		{ "", DIRECTIVE_MODE_NONE, DB_ISOLATION_DEFAULT },
		{ "select 1;\n-- txn-mode = off", DIRECTIVE_MODE_NONE, DB_ISOLATION_DEFAULT },
		{ "-- txn-mode = off\nselect 1", DIRECTIVE_MODE_OFF, DB_ISOLATION_DEFAULT },
		{ "--TXN-MODE=On", DIRECTIVE_MODE_ON, DB_ISOLATION_DEFAULT },
		{ "\xef\xbb\xbf\r\n  --\ttxn-mode\t=  off \r\n", DIRECTIVE_MODE_OFF,
		  DB_ISOLATION_DEFAULT },
		{ "/* by us */ -- txn-mode = on", DIRECTIVE_MODE_ON, DB_ISOLATION_DEFAULT },
		{ "/*! txn-mode */ -- txn-mode = on", DIRECTIVE_MODE_NONE, DB_ISOLATION_DEFAULT },
		{ "# txn-mode = off", DIRECTIVE_MODE_OFF, DB_ISOLATION_DEFAULT },
		{ "-- txn-isolation = READ COMMITTED", DIRECTIVE_MODE_NONE, DB_READ_COMMITTED },
		{ "-- txn-isolation = repeatable-read", DIRECTIVE_MODE_NONE, DB_REPEATABLE_READ },
		{ "-- txn-isolation=READ_UNCOMMITTED", DIRECTIVE_MODE_NONE, DB_READ_UNCOMMITTED },
		{ "-- txn-mode = on\n\n-- why\n-- txn-isolation =  serializable\n",
		  DIRECTIVE_MODE_ON, DB_SERIALIZABLE },
		{ "-- txn-mode = on\n/* a /* b */ select 1", DIRECTIVE_MODE_ON,
		  DB_ISOLATION_DEFAULT },
		{ "-- the txn-mode = wrong", DIRECTIVE_MODE_NONE, DB_ISOLATION_DEFAULT },
		{ "-- txn-modes = wrong", DIRECTIVE_MODE_NONE, DB_ISOLATION_DEFAULT },
		{ "-- txn-mode is off here", DIRECTIVE_MODE_NONE, DB_ISOLATION_DEFAULT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct directives d;
		struct db_place failed;
		struct err e;
		check_ok(directives_read(&d, &failed, str_of(rows[i].text), &e), &e);
		if (d.mode != rows[i].mode || d.isolation != rows[i].isolation)
			fail_msg("row %zu: %d %d", i, (int)d.mode, (int)d.isolation);
	}
}

static void test_directive_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t line;
		const char *message;
	} rows[] = {
		{ "-- txn-mode = of", 1, "'of' is no txn-mode (expected 'on' or 'off')" },
		{ "-- txn-mode =", 1, "'' is no txn-mode" },
		{ "-- txn-mode = on -- really", 1, "'on -- really' is no txn-mode" },
		{ "\n/* a\n b */\n--txn-mode=on\n--txn-mode=on", 5, "said twice" },
		{ "-- a\r\n-- txn-isolation = snapshot", 2, "'snapshot' is no txn-isolation" },
		{ "/* a /* b */\n-- txn-mode = off\n*/ select 1", 2, "a comment within a comment" },
		{ "-- txn-isolation = serializable\n-- txn-isolation = serializable", 2,
		  "'txn-isolation' is said twice" },
		{ "-- txn-isolation = readreadreadreadreadreadreadread committed", 1, "is no" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct directives d;
		struct db_place failed = { .line = 0 };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(directives_read(&d, &failed, str_of(rows[i].text), &e), -1);
		assert_int_equal(e.code, ERR_REFUSED);
		assert_int_equal(failed.line, rows[i].line);
		if (strstr(e.msg, rows[i].message) == NULL)
			fail_msg("row %zu: %s", i, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directive_reads),
		cmocka_unit_test(test_directive_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
