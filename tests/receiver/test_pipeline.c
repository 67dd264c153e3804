/* SPDX-License-Identifier: Apache-2.0 */
/* What an error means for a delivery. The steps themselves run in tests/integration. */

#include "base/arena.h"
#include "receiver/pipeline.h"
#include "tests/support/check.h"

static const int64_t HOUR_MS = 3600 * 1000LL;

static struct delivery_outcome judge(enum err_code code, int64_t attempts, int64_t age_ms)
{
	struct err why = { 0 };
	(void)err_set(&why, code, "the reason");
	struct delivery d = { .attempts = attempts, .received_ms = 1000 };
	struct arena arena;
	arena_init(&arena, 4096);
	struct delivery_outcome out;
	pipeline_failed(&out, &d, &why, 1000 + age_ms, &arena);
	assert_true(str_eq_cstr(out.reason, "the reason"));
	out.reason = STR_NULL; /* it goes with the arena */
	arena_free(&arena);
	return out;
}

static void test_pipeline_delay_doubles_up_to_five_minutes(void **state)
{
	(void)state;
	static const struct {
		int64_t attempts, ms;
	} rows[] = { { 0, 1000 },   { 1, 1000 },    { 2, 2000 },     { 3, 4000 },
		     { 9, 256000 }, { 10, 300000 }, { 1000, 300000 } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(pipeline_delay_ms(rows[i].attempts), rows[i].ms);
}

static void test_pipeline_what_time_can_heal_is_queued_again(void **state)
{
	(void)state;
	static const enum err_code codes[] = { ERR_UNAVAILABLE, ERR_LOST, ERR_SYS, ERR_NOMEM };
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct delivery_outcome o = judge(codes[i], 3, 10000);
		assert_int_equal(o.state, DELIVERY_QUEUED);
		assert_int_equal(o.not_before_ms, 1000 + 10000 + 4000);
	}
}

static void test_pipeline_gives_up_after_a_day(void **state)
{
	(void)state;
	assert_int_equal(judge(ERR_UNAVAILABLE, 300, 23 * HOUR_MS).state, DELIVERY_QUEUED);
	assert_int_equal(judge(ERR_UNAVAILABLE, 300, 25 * HOUR_MS).state, DELIVERY_FAILED);
	/* A daemon that was down for days tries at least once more. */
	assert_int_equal(judge(ERR_UNAVAILABLE, 1, 99 * HOUR_MS).state, DELIVERY_QUEUED);
}

static void test_pipeline_unknown_commit_is_tried_six_times(void **state)
{
	(void)state;
	assert_int_equal(judge(ERR_NOTFOUND, 5, 20000).state, DELIVERY_QUEUED);
	assert_int_equal(judge(ERR_NOTFOUND, 6, 30000).state, DELIVERY_FAILED);
}

static void test_pipeline_rules_refuse_and_the_rest_fails(void **state)
{
	(void)state;
	assert_int_equal(judge(ERR_REFUSED, 1, 0).state, DELIVERY_REFUSED);
	assert_int_equal(judge(ERR_INPUT, 1, 0).state, DELIVERY_REFUSED);
	assert_int_equal(judge(ERR_AUTH, 1, 0).state, DELIVERY_FAILED);
	assert_int_equal(judge(ERR_DB, 1, 0).state, DELIVERY_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipeline_delay_doubles_up_to_five_minutes),
		cmocka_unit_test(test_pipeline_what_time_can_heal_is_queued_again),
		cmocka_unit_test(test_pipeline_gives_up_after_a_day),
		cmocka_unit_test(test_pipeline_unknown_commit_is_tried_six_times),
		cmocka_unit_test(test_pipeline_rules_refuse_and_the_rest_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
