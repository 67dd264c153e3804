/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance windows: their grammar, and when they open across midnight and changes of the clock.
 */

#include "base/clock.h"
#include "base/window.h"
#include "tests/support/check.h"

static void test_window_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned days;
		int from, to;
	} rows[] = {
		{ "Mon 00:00-24:00", 0x01, 0, 1440 },
		{ "Mon-Fri 22:00-04:00", 0x1f, 1320, 1680 },
		{ "sat,SUN 01:30-02:00", 0x60, 90, 120 },
		{ "Fri-Mon 05:00-06:00", 0x71, 300, 360 },
		{ "Mon-Wed,Fri 23:59-00:00", 0x17, 1439, 1440 },
		{ "daily 01:00-05:00", 0x7f, 60, 300 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct window w;
		struct err e;
		check_ok(window_parse(&w, str_of(rows[i].text), &e), &e);
		assert_int_equal(w.days, rows[i].days);
		assert_int_equal(w.from_min, rows[i].from);
		assert_int_equal(w.to_min, rows[i].to);
	}
}

static void test_window_malformed(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",
		"Mon",
		"Mon ",
		"22:00-04:00",
		"Mon 22:00",
		"Mon 22:00-",
		"Mon 2:00-04:00",
		"Mon 22:00-24:01",
		"Mon 22:60-23:00",
		"Mon 24:00-01:00",
		"Mon 01:00-01:00",
		"Mon, 01:00-02:00",
		",Mon 01:00-02:00",
		"Mon- 01:00-02:00",
		"Mon-Tue-Wed 01:00-02:00",
		"Monday 01:00-02:00",
		"Mon 01:00-02:00 UTC",
		"Mon +1:00-02:00",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct window w = { .days = 77 };
		struct err e;
		assert_int_equal(window_parse(&w, str_of(rows[i]), &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(w.days, 77);
	}
}

/* When the first of the windows opens, as local text; "now" when one is open. */
static void check_next(const char *windows, const char *zone_name, const char *now,
		       const char *wanted)
{
	AUTO(zone) struct zone *zone = NULL;
	struct window list[4];
	struct str part, rest = str_of(windows);
	size_t n = 0, which;
	char text[WINDOW_TIME_TEXT];
	int64_t now_ms;
	struct err e;
	check_ok(zone_open(&zone, zone_name, &e), &e);
	check_ok(clock_parse(&now_ms, str_of(now), 0, &e), &e);
	while (str_split(&part, &rest, ';'))
		check_ok(window_parse(&list[n++], part, &e), &e);
	const int64_t at = window_next(&which, list, n, zone, now_ms);
	if (at == now_ms)
		assert_string_equal("now", wanted);
	else
		assert_string_equal(window_time(text, zone, at), wanted);
	assert_true(which < n);
}

static void test_window_next(void **state)
{
	(void)state;
	static const char nights[] = "Mon-Fri 22:00-04:00";
	/* 2026-11-23 is a Monday. */
	check_next(nights, "Europe/Berlin", "2026-11-23T15:00:00Z", "2026-11-23T22:00+01:00");
	check_next(nights, "Europe/Berlin", "2026-11-23T20:59:59.999Z", "2026-11-23T22:00+01:00");
	check_next(nights, "Europe/Berlin", "2026-11-23T21:00:00Z", "now");
	/* Friday's goes into Saturday; Sunday's does not exist, Monday early is nobody's. */
	check_next(nights, "Europe/Berlin", "2026-11-28T02:59:59Z", "now");
	check_next(nights, "Europe/Berlin", "2026-11-28T03:00:00Z", "2026-11-30T22:00+01:00");
	check_next(nights, "Europe/Berlin", "2026-11-30T02:00:00Z", "2026-11-30T22:00+01:00");
	check_next("Sun 00:00-24:00", "UTC", "2026-11-23T00:00:00Z", "2026-11-29T00:00+00:00");
	check_next("Sun 00:00-24:00", "UTC", "2026-11-29T23:59:59Z", "now");
	check_next("Sun 00:00-24:00;Wed 12:00-13:00", "UTC", "2026-11-23T00:00:00Z",
		   "2026-11-25T12:00+00:00");
	check_next("Mon 10:00-11:00", "UTC", "2026-11-23T11:00:00Z", "2026-11-30T10:00+00:00");
	check_next("Mon 10:00-11:00", "Asia/Kolkata", "2026-11-23T00:00:00Z",
		   "2026-11-23T10:00+05:30");
	check_next("Sat 23:00-01:00", "America/New_York", "2026-12-27T05:30:00Z", "now");
	check_next("Thu 23:00-01:00", "America/New_York", "2027-01-01T05:30:00Z", "now");
}

/* Berlin: 2026-03-29 02:00 becomes 03:00; 2026-10-25 03:00 becomes 02:00. */
static void test_window_across_summer_time(void **state)
{
	(void)state;
	static const char in_gap[] = "Sun 02:15-02:45";
	check_next(in_gap, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-04-05T02:15+02:00");
	check_next("Sun 02:15-03:45", "Europe/Berlin", "2026-03-28T12:00:00Z",
		   "2026-03-29T03:00+02:00");
	check_next("Sat 22:00-04:00", "Europe/Berlin", "2026-03-29T01:00:00Z", "now");
	check_next("Sat 22:00-04:00", "Europe/Berlin", "2026-03-29T02:00:00Z",
		   "2026-04-04T22:00+02:00");
	/* the hour that comes twice */
	check_next(in_gap, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:15+02:00");
	check_next(in_gap, "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T02:15+01:00");
	check_next(in_gap, "Europe/Berlin", "2026-10-25T01:30:00Z", "now");
	check_next(in_gap, "Europe/Berlin", "2026-10-25T01:45:00Z", "2026-11-01T02:15+01:00");
	/* half an hour, and a day that does not exist */
	check_next("Sun 02:00-02:29", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
		   "2026-10-11T02:00+11:00");
	check_next("Fri 10:00-11:00", "Pacific/Apia", "2011-12-27T00:00:00Z",
		   "2012-01-06T10:00+14:00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_parse),
		cmocka_unit_test(test_window_malformed),
		cmocka_unit_test(test_window_next),
		cmocka_unit_test(test_window_across_summer_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
