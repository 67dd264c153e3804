/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from outside. */

#include "base/num.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_num_parses_unsigned(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		uint64_t v;
	} rows[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -1, 0 },
		{ "99999999999999999999", -1, 0 },
		{ "", -1, 0 },
		{ "+1", -1, 0 },
		{ "-1", -1, 0 },
		{ " 1", -1, 0 },
		{ "1 ", -1, 0 },
		{ "0x1", -1, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t v = 77;
		assert_int_equal(num_parse_u64(&v, str_of(rows[i].text), 0, UINT64_MAX),
				 rows[i].rc);
		assert_true(v == (rows[i].rc == 0 ? rows[i].v : 77));
	}
	uint64_t v;
	assert_int_equal(num_parse_u64(&v, STR("4"), 5, 9), -1);
	assert_int_equal(num_parse_u64(&v, STR("10"), 5, 9), -1);
}

static void test_num_parses_signed(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		int64_t v;
	} rows[] = {
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775809", -1, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -1, 0 },
		{ "-0", 0, 0 },
		{ "-", -1, 0 },
		{ "--1", -1, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t v = 77;
		assert_int_equal(num_parse_i64(&v, str_of(rows[i].text), INT64_MIN, INT64_MAX),
				 rows[i].rc);
		assert_true(v == (rows[i].rc == 0 ? rows[i].v : 77));
	}
}

static void test_num_adds_and_multiplies(void **state)
{
	(void)state;
	size_t v = 1;
	assert_int_equal(num_add(&v, SIZE_MAX, 1), -1);
	assert_int_equal(num_mul(&v, SIZE_MAX / 2, 3), -1);
	assert_int_equal(v, 1);
	assert_int_equal(num_add(&v, 2, 3), 0);
	assert_int_equal(v, 5);
	assert_int_equal(num_mul(&v, 2, 3), 0);
	assert_int_equal(v, 6);
}

static void test_num_clamps(void **state)
{
	(void)state;
	assert_int_equal(num_clamp_int(SIZE_MAX), INT_MAX);
	assert_int_equal(num_clamp_int(7), 7);
	assert_true(num_clamp_i64(UINT64_MAX) == INT64_MAX);
	assert_true(num_clamp_i64(7) == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_num_parses_unsigned),
		cmocka_unit_test(test_num_parses_signed),
		cmocka_unit_test(test_num_adds_and_multiplies),
		cmocka_unit_test(test_num_clamps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
