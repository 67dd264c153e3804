/* SPDX-License-Identifier: Apache-2.0 */
/* Views of bytes. */

#include "base/mem.h"
#include "base/str.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_str_absent_is_not_empty(void **state)
{
	(void)state;
	assert_null(str_of(NULL).p);
	assert_non_null(str_of("").p);
	assert_true(str_eq(STR_NULL, STR("")));
	assert_int_equal(str_printf_len(STR_NULL), 0);
	assert_int_equal(str_printf_len((struct str){ "x", SIZE_MAX }), INT_MAX);
	assert_int_equal(str_from(STR_NULL, 3).n, 0);
}

static void test_str_compares(void **state)
{
	(void)state;
	assert_true(str_eq_cstr(STR("a\0b"), "a") == 0);
	assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
	assert_false(str_eq_nocase(STR("a["), STR("a{")));
	assert_false(str_eq_nocase(STR("ab"), STR("abc")));
	assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
	assert_true(str_cmp(STR("b"), STR("abc")) > 0);
	assert_int_equal(str_cmp(STR(""), STR_NULL), 0);
	assert_true(str_cmp(STR("\x80"), STR("\x7f")) > 0);
	assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
	assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
}

static void test_str_cuts(void **state)
{
	(void)state;
	struct str s = STR("a/b/c");
	assert_true(str_eq(str_from(s, 99), STR("")));
	assert_true(str_eq(str_first(s, 99), s));
	assert_int_equal(str_find(s, '/'), 1);
	assert_int_equal(str_find_last(s, '/'), 3);
	assert_int_equal(str_find(s, 'x'), 5);
	assert_int_equal(str_find_last(s, 'x'), 5);
	assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
	assert_true(str_eq(str_trim(STR(" \t")), STR("")));
	assert_true(str_eq(str_trim(STR("\na")), STR("\na")));
}

static void test_str_splits(void **state)
{
	(void)state;
	struct str rest = STR("a,,b,"), part;
	const char *expected[] = { "a", "", "b", "" };
	for (size_t i = 0; i < 4; i++) {
		assert_true(str_split(&part, &rest, ','));
		assert_true(str_eq_cstr(part, expected[i]));
	}
	assert_false(str_split(&part, &rest, ','));
	rest = STR("");
	assert_true(str_split(&part, &rest, ','));
	assert_false(str_split(&part, &rest, ','));
}

static void test_str_utf8(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		int good;
	} rows[] = {
		{ { "", 0 }, 1 },
		{ { "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8a", 10 }, 1 },
		{ { "\xc0\x80", 2 }, 0 },     /* overlong */
		{ { "\xc1\xbf", 2 }, 0 },     /* overlong */
		{ { "\xe0\x9f\xbf", 3 }, 0 }, /* overlong */
		{ { "\xed\x9f\xbf", 3 }, 1 }, /* last before the surrogates */
		{ { "\xed\xa0\x80", 3 }, 0 }, /* surrogate */
		{ { "\xee\x80\x80", 3 }, 1 },
		{ { "\xf0\x8f\xbf\xbf", 4 }, 0 }, /* overlong */
		{ { "\xf4\x8f\xbf\xbf", 4 }, 1 }, /* U+10FFFF */
		{ { "\xf4\x90\x80\x80", 4 }, 0 },
		{ { "\xf5\x80\x80\x80", 4 }, 0 },
		{ { "\x80", 1 }, 0 },
		{ { "\xe2\x82", 2 }, 0 }, /* cut */
		{ { "\xe2\x28\xa1", 3 }, 0 },
		{ { "\xff", 1 }, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(str_is_utf8(rows[i].s), rows[i].good);
	assert_int_equal(str_utf8_len(STR("")), 0);
	assert_int_equal(str_utf8_len(STR("\xe2\x82\xac!")), 3);
	assert_int_equal(str_utf8_len(STR("\xe2!")), 0);
}

static void test_str_control(void **state)
{
	(void)state;
	assert_false(str_has_control(STR("a b\xc3\xa9")));
	assert_true(str_has_control(STR("a\0b")));
	assert_true(str_has_control(STR("a\x7f")));
	assert_true(str_has_control(STR("\x1f")));
}

static void test_str_to_cstr_refuses_nul(void **state)
{
	(void)state;
	struct err e;
	char *p = str_to_cstr(STR("abc"), &e);
	assert_string_equal(p, "abc");
	mem_free(p);
	p = str_to_cstr(STR_NULL, &e);
	assert_string_equal(p, "");
	mem_free(p);
	assert_null(str_to_cstr(STR("a\0b"), &e));
	assert_int_equal(e.code, ERR_INPUT);
	mem_fail_after(0);
	assert_null(str_to_cstr(STR("abc"), &e));
	assert_int_equal(e.code, ERR_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str_absent_is_not_empty),
		cmocka_unit_test(test_str_compares),
		cmocka_unit_test(test_str_cuts),
		cmocka_unit_test(test_str_splits),
		cmocka_unit_test(test_str_utf8),
		cmocka_unit_test(test_str_control),
		cmocka_unit_test(test_str_to_cstr_refuses_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
