/* SPDX-License-Identifier: Apache-2.0 */
/* The error type: filling, cutting, wrapping. */

#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_err_set_fills_and_returns_minus_one(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(err_set(&e, ERR_INPUT, "bad '%s' at %d", "x", 7), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_string_equal(e.msg, "bad 'x' at 7");
	assert_int_equal(err_set(NULL, ERR_INPUT, "nobody listens"), -1);
	assert_int_equal(err_sys(NULL, EIO, "nobody listens"), -1);
	assert_int_equal(err_wrap(NULL, "nobody listens"), -1);
}

static void test_err_set_may_read_its_own_message(void **state)
{
	(void)state;
	struct err e;
	(void)err_set(&e, ERR_DB, "inner");
	err_native(&e, "23505");
	(void)err_set(&e, ERR_EXISTS, "%s of %s", e.msg, e.native);
	assert_string_equal(e.msg, "inner of 23505");
	assert_string_equal(e.native, "");
}

static void test_err_sys_says_why(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(err_sys(&e, ENOENT, "cannot open '%s'", "f"), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "cannot open 'f': No such file or directory");
	(void)err_sys(&e, ENOMEM, "cannot grow");
	assert_int_equal(e.code, ERR_NOMEM);
}

static void test_err_wrap_keeps_code_and_native(void **state)
{
	(void)state;
	struct err e;
	(void)err_set(&e, ERR_DB, "syntax error");
	err_native(&e, "42601 and more than fits");
	assert_int_equal(err_wrap(&e, "migration %s", "001"), -1);
	assert_string_equal(e.msg, "migration 001: syntax error");
	assert_string_equal(e.native, "42601 and more ");
	assert_int_equal(e.code, ERR_DB);
}

static void test_err_message_is_one_line(void **state)
{
	(void)state;
	struct err e;
	(void)err_set(&e, ERR_DB, "first\nsecond\t\x1b[31m\x7f\r\n");
	assert_string_equal(e.msg, "first second  [31m");
}

static void test_err_cuts_at_a_character(void **state)
{
	(void)state;
	struct err e;
	char text[1024];
	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		(void)err_set(&e, ERR_INPUT, "%s", text);
		size_t n = strlen(e.msg);
		assert_true(n < sizeof e.msg && n > sizeof e.msg - 8);
		assert_string_equal(e.msg + n - 3, "...");
		assert_int_equal((n - 3 - shift) % 3, 0);
	}
}

static void test_err_names_are_distinct(void **state)
{
	(void)state;
	for (int a = ERR_NONE; a <= ERR_LOST; a++) {
		assert_string_not_equal(err_code_name((enum err_code)a), "unknown");
		for (int b = ERR_NONE; b < a; b++)
			assert_string_not_equal(err_code_name((enum err_code)a),
						err_code_name((enum err_code)b));
	}
}

static void test_err_transient(void **state)
{
	(void)state;
	static const struct {
		enum err_code code;
		int transient;
	} rows[] = { { ERR_UNAVAILABLE, 1 }, { ERR_LOST, 1 },    { ERR_NOMEM, 1 },
		     { ERR_SYS, 1 },         { ERR_INPUT, 0 },   { ERR_LIMIT, 0 },
		     { ERR_NOTFOUND, 0 },    { ERR_REFUSED, 0 }, { ERR_AUTH, 0 },
		     { ERR_DB, 0 },          { ERR_EXISTS, 0 } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { .code = rows[i].code };
		assert_int_equal(err_is_transient(&e), rows[i].transient);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_set_fills_and_returns_minus_one),
		cmocka_unit_test(test_err_set_may_read_its_own_message),
		cmocka_unit_test(test_err_sys_says_why),
		cmocka_unit_test(test_err_wrap_keeps_code_and_native),
		cmocka_unit_test(test_err_message_is_one_line),
		cmocka_unit_test(test_err_cuts_at_a_character),
		cmocka_unit_test(test_err_names_are_distinct),
		cmocka_unit_test(test_err_transient),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
