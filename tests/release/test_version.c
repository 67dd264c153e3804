/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: the rule for names, the canonical text, the order. */

#include "base/buf.h"
#include "release/version.h"
#include "tests/support/check.h"

#include <string.h>

static void test_version_of_path(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		const char *version; /* NULL: none */
	} cases[] = {
		{ "migrations/v1.2__x.sql", "1.2" },
		{ "V003__add.sql", "003" },
		{ "001_init.sql", "001" },
		{ "1.sql", "1" },
		{ "1.2.3.sql", "1.2.3" },
		{ "1..2.sql", "1" },
		{ "1.x.sql", "1" },
		{ "20240101120000_users.sql", "20240101120000" },
		{ "a/b/7", "7" },
		{ "7.2", "7" },
		{ "001.up.sql", "001" },
		{ "001.down.sql", NULL },
		{ "001_x.DOWN.sql", NULL },
		{ "001_down.sql", "001" },
		{ "vv1.sql", NULL },
		{ "v.sql", NULL },
		{ "readme.md", NULL },
		{ "U1__undo.sql", NULL },
		{ "1/readme.sql", NULL },
		{ ".1.sql", NULL },
		{ "", NULL },
		{ "x/", NULL },
		{ "\xd9\xa1.sql", NULL }, /* an Arabic digit is none */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str out = STR("untouched");
		int found = version_of_path(&out, str_of(cases[i].path));
		assert_int_equal(found, cases[i].version != NULL);
		if (!str_eq_cstr(out, found ? cases[i].version : "untouched"))
			fail_msg("%s: '%.*s'", cases[i].path, STR_ARG(out));
	}
}

static void test_version_canonical(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		const char *out; /* NULL: refused */
	} cases[] = {
		{ "1", "1" },
		{ "001.02", "1.2" },
		{ "0", "0" },
		{ "000.000", "0.0" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "00018446744073709551615", "18446744073709551615" },
		{ "18446744073709551616", NULL },
		{ "1.99999999999999999999", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ "1.", NULL },
		{ ".1", NULL },
		{ "1..2", NULL },
		{ "+1", NULL },
		{ "-1", NULL },
		{ "1 ", NULL },
		{ "v1", NULL },
		{ "1a", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[VERSION_TEXT] = "untouched";
		struct err e = { .code = ERR_NONE };
		int rc = version_canonical(out, str_of(cases[i].in), &e);
		assert_int_equal(rc, cases[i].out != NULL ? 0 : -1);
		assert_string_equal(out, rc == 0 ? cases[i].out : "untouched");
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_INPUT);
	}
	struct err e;
	char out[VERSION_TEXT];
	assert_int_equal(version_canonical(out, STR_NULL, &e), -1);
}

static void test_version_length(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	char out[VERSION_TEXT];
	struct err e;
	buf_init(&text, 1024);
	for (int i = 0; i < 128; i++)
		buf_adds(&text, i == 0 ? "1" : ".1");
	assert_int_equal(text.n, VERSION_TEXT - 1);
	check_ok(version_canonical(out, buf_str(&text), &e), &e);
	assert_int_equal(strlen(out), VERSION_TEXT - 1);
	buf_adds(&text, "0");
	assert_int_equal(version_canonical(out, buf_str(&text), &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	/* Zeros in front take no room. */
	buf_clear(&text);
	for (int i = 0; i < 300; i++)
		buf_addc(&text, '0');
	check_ok(version_canonical(out, buf_str(&text), &e), &e);
	assert_string_equal(out, "0");
}

static void test_version_order(void **state)
{
	(void)state;
	/* Each is smaller than all behind it. */
	static const char *const order[] = {
		"0",
		"0.1",
		"1",
		"1.0",
		"1.0.0",
		"1.0.1",
		"1.1",
		"1.2",
		"1.9",
		"1.10",
		"2",
		"9",
		"10",
		"99",
		"20240101",
		"9223372036854775808",
		"18446744073709551615",
	};
	size_t n = sizeof order / sizeof *order;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			int c = version_compare(str_of(order[i]), str_of(order[k]));
			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
	}
	assert_int_equal(version_compare(STR("001"), STR("1")), 0);
	assert_int_equal(version_compare(STR("1.02"), STR("01.2")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_of_path),
		cmocka_unit_test(test_version_canonical),
		cmocka_unit_test(test_version_length),
		cmocka_unit_test(test_version_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
