/* SPDX-License-Identifier: Apache-2.0 */
/* Times and their texts. */

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_clock_runs(void **state)
{
	(void)state;
	int64_t now = clock_unix_ms(), mono = clock_mono_ms();
	assert_true(now > INT64_C(1700000000000));
	assert_true(clock_mono_ms() >= mono);
}

static void test_clock_formats(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_C(1795434301123), "2026-11-23T11:45:01.123Z" },
		{ INT64_C(951782399999), "2000-02-28T23:59:59.999Z" },
		{ INT64_C(951868799000), "2000-02-29T23:59:59.000Z" },
		{ INT64_C(4107542400000), "2100-03-01T00:00:00.000Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[CLOCK_TEXT];
		assert_string_equal(clock_format(text, rows[i].ms), rows[i].text);
	}
}

static void test_clock_dates_go_both_ways(void **state)
{
	(void)state;
	for (int64_t days = -800000; days < 3000000; days += 97) {
		int64_t year;
		int month, day;
		clock_date(&year, &month, &day, days);
		assert_in_range(month, 1, 12);
		assert_in_range(day, 1, 31);
		assert_true(clock_days(year, month, day) == days);
	}
}

static const int64_t now_ms = INT64_C(1795434301123);

static void test_clock_parses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "2026-11-23T11:45:01.123Z", INT64_C(1795434301123) },
		{ "2026-11-23T11:45:01.1239999Z", INT64_C(1795434301123) },
		{ "2026-11-23 12:45:01.123+01:00", INT64_C(1795434301123) },
		{ "2026-11-23t06:15:01.123-05:30", INT64_C(1795434301123) },
		{ "1970-01-01", 0 },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
		{ "0000-01-01T00:00:00Z", INT64_C(-62167219200000) },
		{ "2h", INT64_C(1795434301123) - 7200000 },
		{ "0", INT64_C(1795434301123) },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ms = 0;
		struct err e;
		assert_int_equal(clock_parse(&ms, str_of(rows[i].text), now_ms, &e), 0);
		assert_true(ms == rows[i].ms);
	}
}

static void test_clock_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",
		"now",
		"2026-11-23T11:45:01",
		"2026-13-01",
		"2026-02-29",
		"2026-11-23T24:00:00Z",
		"2026-11-23T11:60:00Z",
		"2026-11-23T11:45:61Z",
		"2026-11-23T11:45Z",
		"2026-11-23T11:45:01.Z",
		"2026-11-23T11:45:01ZZ",
		"2026-11-23T11:45:01+1:00",
		"2026-11-23T11:45:01+24:00",
		"26-11-23",
		"2026-1-1",
		"12",
		"-2h",
		"2 h",
		"2H",
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ms = 5;
		struct err e = { .code = ERR_NONE };
		assert_int_equal(clock_parse(&ms, str_of(rows[i]), now_ms, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_true(ms == 5);
	}
}

static void test_clock_parses_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{ "250ms", 250 },
		{ "30s", 30000 },
		{ "15m", 900000 },
		{ "2h", 7200000 },
		{ "7d", 604800000 },
		{ "0", 0 },
		{ "0s", 0 },
		{ "1", -1 },
		{ "s", -1 },
		{ "", -1 },
		{ "1.5h", -1 },
		{ "-1s", -1 },
		{ "1 s", -1 },
		{ "1S", -1 },
		{ "106751991167d", 9223372036828800000 },
		{ "106751991168d", -1 },
		{ "99999999999999999999s", -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ms = -1;
		struct err e;
		int rc = clock_parse_duration(&ms, str_of(rows[i].text), &e);
		assert_int_equal(rc, rows[i].ms < 0 ? -1 : 0);
		assert_true(ms == rows[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_runs),
		cmocka_unit_test(test_clock_formats),
		cmocka_unit_test(test_clock_dates_go_both_ways),
		cmocka_unit_test(test_clock_parses),
		cmocka_unit_test(test_clock_refuses),
		cmocka_unit_test(test_clock_parses_durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
