/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of release ids. */

#include "release/release.h"
#include "release/train.h"
#include "tests/support/check.h"

static void test_train_template(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "release_{date}-RC{iteration}", 0 },
		{ "{timestamp}.{iteration}", 0 },
		{ "{time}{iteration}", 0 },
		{ "{date}_{time}-{iteration}", 0 },
		{ "release-{iteration}", -1 },
		{ "release_{date}", -1 },
		{ "{date}{iteration}x", -1 },
		{ "{iteration}{date}{iteration}", -1 },
		{ "{date}/{iteration}", -1 },
		{ "{date} {iteration}", -1 },
		{ "{date}\xc3\xa4{iteration}", -1 },
		{ "{day}{date}{iteration}", -1 },
		{ "{date{iteration}", -1 },
		{ "{Date}{iteration}", -1 },
		{ "{date}}{iteration}", -1 },
		{ "{}{date}{iteration}", -1 },
		{ "{", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = { .code = ERR_NONE };
		int rc = release_template_check(str_of(cases[i].text), &e);
		if (rc != cases[i].rc)
			fail_msg("'%s': %d %s", cases[i].text, rc, e.msg);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_INPUT);
	}
}

static void test_train_times(void **state)
{
	(void)state;
	static const struct {
		const char *text, *zone;
		int64_t ms;
		const char *train;
	} cases[] = {
		/* 2026-11-23T23:30:59.999Z */
		{ "release_{date}-RC{iteration}", "UTC", 1795476659999, "release_20261123-RC" },
		{ "release_{date}-RC{iteration}", "Asia/Tokyo", 1795476659999,
		  "release_20261124-RC" },
		{ "{timestamp}-{iteration}", "Europe/Berlin", 1795476659999, "20261124_0030-" },
		{ "{time}.{iteration}", "America/New_York", 1795476659999, "1830." },
		{ "{date}{iteration}", "UTC", -1, "19691231" },
		{ "{date}{iteration}", "UTC", 0, "19700101" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(arena) struct arena arena;
		struct str train;
		struct err e;
		arena_init(&arena, 4096);
		check_ok(train_name(&train, str_of(cases[i].text), str_of(cases[i].zone),
				    cases[i].ms, &arena, &e),
			 &e);
		assert_string_equal(train.p, cases[i].train);
	}
}

static void test_train_zone_refused(void **state)
{
	(void)state;
	static const char *const zones[] = { "Mars/Olympus", "../../etc/passwd", "", "UTC\n" };
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		AUTO(arena) struct arena arena;
		struct str train;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 4096);
		assert_int_equal(
		    train_name(&train, STR("{date}{iteration}"), str_of(zones[i]), 0, &arena, &e),
		    -1);
		assert_int_equal(e.code, ERR_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_train_template),
		cmocka_unit_test(test_train_times),
		cmocka_unit_test(test_train_zone_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
