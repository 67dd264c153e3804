/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that a pusher sees, and that each is told once. */

#include "hooks/watch.h"
#include "tests/support/check.h"

#define ROLLOUT "projects/shop/plans/3/rollout"

static void check_lines(struct watch_told *told, const struct progress *p, const char *wanted)
{
	AUTO(buf) struct buf out;
	buf_init(&out, 65536);
	watch_tell(&out, told, p);
	assert_string_equal(out.p, wanted);
	/* Nothing new: nothing said. */
	buf_clear(&out);
	watch_tell(&out, told, p);
	assert_int_equal(out.n, 0);
}

static void test_watch_tells_a_rollout(void **state)
{
	struct watch_told told = { .begun = 0 };
	struct progress_stage stages[2] = {
		{ .environment = STR("dev"), .status = STAGE_RUNNING, .tasks = 2 },
		{ .environment = STR("prod"), .status = STAGE_WAITING, .tasks = 1 },
	};
	struct progress p = { .delivery = 17,
			      .state = DELIVERY_PROCESSING,
			      .summary = STR("push to main by mona") };
	(void)state;
	check_lines(&told, &p, "delivery 17: push to main by mona\n");
	p.state = DELIVERY_RELEASED;
	p.release = STR("projects/shop/releases/r");
	p.rollout = STR(ROLLOUT);
	p.stages = stages;
	p.n = 2;
	check_lines(&told, &p, "release projects/shop/releases/r\ndev: running on 2 databases\n");
	stages[0].status = STAGE_DONE;
	stages[1].status = STAGE_READY; /* for a moment, until it is opened */
	stages[1].waits = STR("waits for a person: tidegate run " ROLLOUT " --stage prod");
	check_lines(&told, &p, "dev: done on 2 databases\n");
	p.over = 1;
	check_lines(&told, &p, "prod: waits for a person: tidegate run " ROLLOUT " --stage prod\n");
}

static void test_watch_tells_a_failure(void **state)
{
	struct watch_told told = { .begun = 1 };
	struct progress_stage stage = { .environment = STR("dev"),
					.status = STAGE_RUNNING,
					.tasks = 3,
					.target = STR("instances/dev/databases/a"),
					.detail = STR("cannot connect\nat all") };
	struct progress p = { .delivery = 17,
			      .state = DELIVERY_RELEASED,
			      .release = STR("r"),
			      .rollout = STR(ROLLOUT),
			      .stages = &stage,
			      .n = 1 };
	(void)state;
	check_lines(&told, &p,
		    "release r\ndev: running on 3 databases\n"
		    "dev: instances/dev/databases/a: cannot connect at all\n");
	stage.status = STAGE_FAILED;
	stage.waits = STR("1 failed; once the cause is mended: tidegate retry " ROLLOUT);
	stage.failed = 1;
	p.over = 1;
	check_lines(&told, &p,
		    "dev: failed on 1 of 3 databases\n"
		    "instances/dev/databases/a: cannot connect at all\n"
		    "to look: tidegate rollouts show " ROLLOUT "\n"
		    "1 failed; once the cause is mended: tidegate retry " ROLLOUT "\n");
}

static void test_watch_tells_how_a_delivery_ends(void **state)
{
	static const struct {
		enum delivery_state delivery;
		const char *wanted;
	} rows[] = {
		{ DELIVERY_QUEUED, "not yet, it is tried again: because\n" },
		{ DELIVERY_PROCESSING, "not yet, it is tried again: because\n" },
		{ DELIVERY_RELEASED, "release r\nbecause\n" },
		{ DELIVERY_IGNORED, "nothing to roll out: because\n" },
		{ DELIVERY_REFUSED, "refused: because\n" },
		{ DELIVERY_FAILED, "failed: because\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct watch_told told = { .begun = 1 };
		struct progress p = { .state = rows[i].delivery,
				      .reason = STR("because"),
				      .release = STR("r") };
		check_lines(&told, &p, rows[i].wanted);
	}
}

static void test_watch_cuts_long_texts(void **state)
{
	static char text[5000];
	struct watch_told told = { .begun = 1 };
	AUTO(buf) struct buf out;
	(void)state;
	for (size_t i = 0; i < sizeof text; i += 2) {
		text[i] = '\xc3';
		text[i + 1] = '\xa4';
	}
	struct progress p = { .state = DELIVERY_FAILED, .reason = { text, sizeof text } };
	buf_init(&out, 65536);
	watch_tell(&out, &told, &p);
	assert_true(out.n < 500);
	assert_true(str_is_utf8(buf_str(&out)));
	assert_true(str_ends(buf_str(&out), STR("...\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch_tells_a_rollout),
		cmocka_unit_test(test_watch_tells_a_failure),
		cmocka_unit_test(test_watch_tells_how_a_delivery_ends),
		cmocka_unit_test(test_watch_cuts_long_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
