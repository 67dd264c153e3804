/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: which database is in which, when the next one starts, and what stops it. */

#include "release/batch.h"
#include "tests/release/gates.h"

static const char *const four[] = { DEV "d", DEV "b", DEV "a", DEV "c", NULL };

static void test_batch_freeze(void **state)
{
	(void)state;
	static const struct {
		const char *shares[4];
		size_t n;
		const char *wanted; /* a digit per database */
	} rows[] = {
		{ { NULL }, 3, "111" },
		{ { "1", "10%", "100%" }, 1, "1" },
		{ { "1", "10%", "100%" }, 11, "12333333333" },
		{ { "1", "10%", "100%" }, 10, "1222222222" },
		{ { "50%", "100%" }, 5, "11122" },
		{ { "3", "100%" }, 2, "11" },
		{ { "100%" }, 4, "1111" },
		{ { "1" }, 3, "122" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str shares[4];
		struct conf_environment en = { .batches = { shares, 0 } };
		int64_t got[16], batches;
		struct err e;
		for (size_t k = 0; rows[i].shares[k] != NULL; k++)
			shares[en.batches.n++] = str_of(rows[i].shares[k]);
		check_ok(batch_freeze(got, &batches, rows[i].n, &en, &e), &e);
		for (size_t k = 0; k < rows[i].n; k++)
			assert_int_equal(got[k], rows[i].wanted[k] - '0');
		assert_int_equal(batches, rows[i].wanted[rows[i].n - 1] - '0');
	}
}

static void test_batch_one_after_the_other(void **state)
{
	struct room *room = *state;
	gates_configure(room, ", batches: [1, 50%, 100%]", "", "");
	const int64_t plan = gates_roll(room, "1.sql=a", four);
	struct rollout r = gates_view(room, plan);
	assert_int_equal(r.stages[0].batches, 3);
	assert_int_equal(r.stages[0].counts[TASK_PENDING], 1);
	assert_string_equal(r.stages[0].tasks[0].target.p, DEV "a");
	assert_int_equal(gates_advance(room, plan), 0);
	gates_mark(room, "status = 'PENDING'", "DONE");
	assert_int_equal(gates_advance(room, plan), 1);
	gates_mark(room, "status = 'PENDING'", "DONE");
	assert_int_equal(gates_advance(room, plan), 2);
	assert_int_equal(gates_advance(room, plan), 0);
	gates_mark(room, "status = 'PENDING'", "DONE");
	assert_int_equal(gates_advance(room, plan), 0);
	r = gates_view(room, plan);
	assert_int_equal(r.status, STAGE_DONE);
	assert_int_equal(gates_audited(room, "batch started"), 2);
}

static size_t run(struct room *room, int64_t plan, int force, struct err *e)
{
	struct rollout_order order = gates_order(plan, "dev", "bob");
	size_t n = 0;
	order.force = force;
	e->code = ERR_NONE;
	return rollout_run(&n, room->store, room->conf, &order, e) == 0 ? n : 0;
}

static void test_batch_stopped(void **state)
{
	struct room *room = *state;
	struct err e;
	gates_configure(room, ", batches: [1, 50%, 100%]", "", "");
	const int64_t plan = gates_roll(room, "1.sql=a", four);
	gates_mark(room, "status = 'PENDING'", "FAILED");
	assert_int_equal(gates_advance(room, plan), 0);
	assert_int_equal(gates_advance(room, plan), 0);
	assert_int_equal(gates_audited(room, "batch stopped"), 1);
	const struct rollout r = gates_view(room, plan);
	assert_int_equal(r.stages[0].status, STAGE_FAILED);
	gates_contains(r.stages[0].waits, "stopped after batch 1 of 3: 1 of 1 failed, threshold 0");
	assert_int_equal(run(room, plan, 0, &e), 0);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(run(room, plan, 1, &e), 1);
	assert_int_equal(gates_view(room, plan).stages[0].status, STAGE_RUNNING);
}

/* Mended, it goes on by itself; a threshold lets it go on without. */
static void test_batch_goes_on(void **state)
{
	struct room *room = *state;
	const struct rollout_order order = gates_order(1, "dev", "bob");
	size_t n;
	struct err e;
	gates_configure(room, ", batches: [1, 100%]", "", "");
	const int64_t plan = gates_roll(room, "1.sql=a", four);
	gates_mark(room, "status = 'PENDING'", "FAILED");
	assert_int_equal(gates_advance(room, plan), 0);
	check_ok(rollout_retry(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 1);
	gates_mark(room, "status = 'PENDING'", "DONE");
	assert_int_equal(gates_advance(room, plan), 3);
	gates_configure(room, ", batches: [2, 100%], failure_threshold: 50%", "", "");
	const int64_t second = gates_roll(room, "1.sql=b", four);
	gates_mark(room, "plan = 2 AND target LIKE '%/a'", "FAILED");
	gates_mark(room, "plan = 2 AND target LIKE '%/b'", "DONE");
	assert_int_equal(gates_advance(room, second), 2);
}

static void test_batch_pause(void **state)
{
	struct room *room = *state;
	struct task t;
	struct err e;
	int64_t next;
	gates_configure(room, ", batches: [1, 100%], batch_pause: 10m", "", "");
	const int64_t plan = gates_roll(room, "1.sql=a", four);
	gates_mark(room, "status = 'PENDING'", "DONE");
	const int64_t now = clock_unix_ms();
	assert_int_equal(gates_advance(room, plan), 3);
	const struct rollout r = gates_view(room, plan);
	assert_int_equal(r.stages[0].status, STAGE_PAUSED);
	gates_contains(r.stages[0].waits, "batch 2 of 2 starts at 20");
	assert_int_equal(gates_claim(room, &t, now, &next), 0);
	assert_in_range(next, now + 600000, now + 660000);
	/* a person need not wait */
	assert_int_equal(run(room, plan, 0, &e), 3);
	assert_int_equal(gates_claim(room, &t, now, &next), 1);
}

/* A batch that lost its tasks to a skip is passed. */
static void test_batch_skipped(void **state)
{
	struct room *room = *state;
	struct rollout_order order = gates_order(1, "dev", "bob");
	size_t n;
	struct err e;
	gates_configure(room, ", batches: [1, 2, 100%]", "", "");
	const int64_t plan = gates_roll(room, "1.sql=a", four);
	order.task = gates_view(room, plan).stages[0].tasks[1].id;
	order.reason = STR("is gone");
	check_ok(rollout_skip(&n, room->store, room->conf, &order, &e), &e);
	gates_mark(room, "status = 'PENDING'", "DONE");
	assert_int_equal(gates_advance(room, plan), 2);
	assert_int_equal(gates_view(room, plan).stages[0].batch, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_batch_freeze),  room_test(test_batch_one_after_the_other),
		room_test(test_batch_stopped), room_test(test_batch_goes_on),
		room_test(test_batch_pause),   room_test(test_batch_skipped),
	};
	return room_run(tests);
}
