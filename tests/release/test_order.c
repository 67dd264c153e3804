/* SPDX-License-Identifier: Apache-2.0 */
/* What people order: skip, cancel, retry, run later; and a store of the version before. */

#include "release/schema.h"
#include "tests/release/gates.h"

static const char *const both[] = { DEV "a", DEV "b", PROD "a", NULL };

static int64_t rolled(struct room *room)
{
	gates_configure(room, "", "", "");
	return gates_roll(room, "1.sql=a", both);
}

static const struct task *task_at(struct room *room, int64_t plan, size_t stage, size_t i)
{
	return &gates_view(room, plan).stages[stage].tasks[i];
}

static void test_order_skip(void **state)
{
	struct room *room = *state;
	const int64_t plan = rolled(room);
	struct rollout_order order = gates_order(plan, "dev", "bob");
	size_t n;
	struct err e;
	order.task = task_at(room, plan, 0, 0)->id;
	assert_int_equal(rollout_skip(&n, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_INPUT); /* no reason */
	order.reason = STR("gone");
	check_ok(rollout_skip(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(task_at(room, plan, 0, 0)->status, TASK_SKIPPED);
	assert_string_equal(task_at(room, plan, 0, 0)->detail.p, "skipped by bob: gone");
	/* for good */
	assert_int_equal(rollout_skip(&n, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	gates_contains(str_of(e.msg), "is SKIPPED");
	gates_mark(room, "environment = 'dev' AND status = 'PENDING'", "RUNNING");
	order.task = 0;
	assert_int_equal(rollout_skip(&n, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	gates_mark(room, "status = 'RUNNING'", "FAILED");
	check_ok(rollout_skip(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(gates_view(room, plan).stages[0].status, STAGE_DONE);
	assert_int_equal(gates_audited(room, "skip"), 2);
}

/* Project, plan, stage and task must lie in each other. */
static void test_order_names_must_agree(void **state)
{
	struct room *room = *state;
	const int64_t plan = rolled(room);
	const int64_t prod_task = task_at(room, plan, 1, 0)->id;
	struct rollout_order order = gates_order(plan, "dev", "bob");
	struct rollout_canceled done;
	size_t n;
	struct err e;
	order.reason = STR("x");
	order.task = prod_task;
	assert_int_equal(rollout_skip(&n, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(rollout_cancel(&done, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(rollout_run(&n, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	order.environment = STR_NULL;
	order.plan = plan + 1;
	assert_int_equal(rollout_cancel(&done, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	order.plan = plan;
	order.project = STR("other");
	assert_int_equal(rollout_cancel(&done, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(task_at(room, plan, 1, 0)->status, TASK_NOT_STARTED);
	assert_int_equal(gates_audited(room, "skip") + gates_audited(room, "cancel"), 0);
}

/* What was canceled before its stage was open does not run by a retry: the gate holds. */
static void test_order_cancel_and_retry(void **state)
{
	struct room *room = *state;
	const int64_t plan = rolled(room);
	struct rollout_order order = gates_order(plan, NULL, "bob");
	struct rollout_canceled done;
	size_t n;
	struct err e;
	check_ok(rollout_cancel(&done, room->store, room->conf, &order, &e), &e);
	assert_int_equal(done.canceled, 3);
	assert_int_equal(done.asked, 0);
	assert_int_equal(gates_view(room, plan).status, STAGE_CANCELED);
	assert_int_equal(rollout_cancel(&done, room->store, room->conf, &order, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	check_ok(rollout_retry(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 3);
	assert_int_equal(task_at(room, plan, 0, 0)->status, TASK_PENDING);
	assert_int_equal(task_at(room, plan, 1, 0)->status, TASK_NOT_STARTED);
	assert_int_equal(gates_audited(room, "cancel"), 1);
	assert_int_equal(gates_audited(room, "retry"), 1);
}

static void finish_with(struct room *room, const struct task *t, enum task_status status,
			enum err_code code)
{
	const struct task_outcome o = { .status = status,
					.detail = STR("stopped"),
					.code = str_of(err_code_name(code)) };
	struct err e;
	check_ok(task_finish(room->store, t, STR("w"), &o, clock_unix_ms(), &e), &e);
}

/* Canceled only when it is known that no session works on the target. */
static void test_order_cancel_running(void **state)
{
	struct room *room = *state;
	const int64_t plan = rolled(room);
	struct rollout_order order = gates_order(plan, "dev", "bob");
	struct rollout_canceled done;
	struct task t, again;
	int64_t next, *ids;
	size_t n;
	struct err e;
	assert_int_equal(gates_claim(room, &t, clock_unix_ms(), &next), 1);
	order.task = t.id;
	check_ok(rollout_cancel(&done, room->store, room->conf, &order, &e), &e);
	assert_int_equal(done.canceled, 0);
	assert_int_equal(done.asked, 1);
	assert_int_equal(task_at(room, plan, 0, 0)->status, TASK_RUNNING);
	gates_contains(task_at(room, plan, 0, 0)->detail, "cancel asked by bob");
	check_ok(task_cancels(&ids, &n, room->store, &room->arena, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(ids[0], t.id);
	/* the connection broke: nobody knows */
	finish_with(room, &t, TASK_PENDING, ERR_LOST);
	assert_int_equal(task_at(room, plan, 0, 0)->status, TASK_PENDING);
	/* who asks for it later does not put the cancel off */
	order.not_before_ms = clock_unix_ms() + 3600000;
	check_ok(rollout_run(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 0);
	assert_int_equal(gates_claim(room, &again, clock_unix_ms() + 5000, &next), 1);
	while (again.id != t.id)
		assert_int_equal(gates_claim(room, &again, clock_unix_ms() + 5000, &next), 1);
	assert_true(again.cancel_ms > 0);
	/* the next session held the lock, and stopped before the first migration */
	finish_with(room, &again, TASK_PENDING, ERR_REFUSED);
	assert_int_equal(task_at(room, plan, 0, 0)->status, TASK_CANCELED);
	gates_contains(task_at(room, plan, 0, 0)->detail, "canceled by bob");
	assert_int_equal(task_at(room, plan, 0, 0)->cancel_ms, 0);
}

static void test_order_cancel_too_late(void **state)
{
	struct room *room = *state;
	const int64_t plan = rolled(room);
	const struct rollout_order order = gates_order(plan, "dev", "bob");
	struct rollout_canceled done;
	struct task t;
	int64_t next;
	struct err e;
	assert_int_equal(gates_claim(room, &t, clock_unix_ms(), &next), 1);
	check_ok(rollout_cancel(&done, room->store, room->conf, &order, &e), &e);
	assert_int_equal(done.canceled, 1);
	assert_int_equal(done.asked, 1);
	finish_with(room, &t, TASK_DONE, ERR_NONE);
	assert_int_equal(task_at(room, plan, 0, 0)->status, TASK_DONE);
	assert_int_equal(task_at(room, plan, 0, 0)->cancel_ms, 0);
}

static void test_order_not_before(void **state)
{
	struct room *room = *state;
	const int64_t plan = rolled(room);
	const int64_t now = clock_unix_ms();
	struct rollout_order order = gates_order(plan, "prod", "bob");
	struct task t;
	int64_t next;
	size_t n;
	struct err e;
	gates_mark(room, "environment = 'dev'", "DONE");
	order.not_before_ms = now + 3600000;
	check_ok(rollout_run(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(gates_view(room, plan).stages[1].status, STAGE_PAUSED);
	gates_contains(gates_view(room, plan).stages[1].waits, "starts at 20");
	assert_int_equal(gates_claim(room, &t, now, &next), 0);
	assert_int_equal(next, now + 3600000);
	order.not_before_ms = 0;
	check_ok(rollout_run(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(gates_claim(room, &t, now, &next), 1);
}

/* ---- a store that an older version made ---- */

static void exec(struct db *store, const char *sql)
{
	struct err e;
	check_ok(db_exec(store, NULL, sql, DB_NO_ARGS, &e), &e);
}

static void make_old_store(struct room *room)
{
	const struct store_schema old[] = { store_schema, sheet_schema,   release_schema,
					    plan_schema,  rollout_schema, task_schema };
	struct err e;
	static const char *const tables[] = {
		"tidegate_schema", "counter", "audit",    "approval", "release",    "sheet", "plan",
		"stage",           "task",    "task_run", "task_log", "plan_review"
	};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char sql[64];
		(void)snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s", tables[i]);
		exec(room->store, sql);
	}
	check_ok(store_migrate(room->store, old, sizeof old / sizeof *old, &e), &e);
	exec(room->store, "INSERT INTO plan(project, id, release, targets, targets_digest,"
			  " target_position, created_at, rollout_at)"
			  " VALUES('shop', 1, 'r', '" DEV "a', 'x', 9, 1, 1)");
	exec(room->store, "INSERT INTO stage(project, plan, environment, position, opened_at)"
			  " VALUES('shop', 1, 'dev', 0, 5), ('shop', 1, 'prod', 1, 0)");
	exec(room->store, "INSERT INTO task(project, plan, environment, position, target, status,"
			  " updated_at) VALUES('shop', 1, 'dev', 0, '" DEV "a', 'PENDING', 1),"
			  " ('shop', 1, 'prod', 1, '" PROD "a', 'NOT_STARTED', 1)");
}

static void test_order_on_an_older_store(void **state)
{
	struct room *room = *state;
	const struct store_options options = { .create = 0 };
	struct db *again = NULL;
	struct task t;
	int64_t next;
	struct err e;
	gates_configure(room, "", "", ", max_parallel: 1");
	make_old_store(room);
	check_ok(store_open(&again, room->conf, &options, &e), &e);
	db_close(again);
	const struct rollout r = gates_view(room, 1);
	assert_int_equal(r.stages[0].batch, 1);
	assert_int_equal(r.stages[1].batch, 0);
	assert_int_equal(r.stages[0].status, STAGE_RUNNING);
	assert_int_equal(gates_claim(room, &t, 100, &next), 1);
	finish_with(room, &t, TASK_DONE, ERR_NONE);
	const struct rollout_order order = gates_order(1, "prod", "bob");
	size_t n;
	check_ok(rollout_run(&n, room->store, room->conf, &order, &e), &e);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_order_skip),
		room_test(test_order_names_must_agree),
		room_test(test_order_cancel_and_retry),
		room_test(test_order_cancel_running),
		room_test(test_order_cancel_too_late),
		room_test(test_order_not_before),
		room_test(test_order_on_an_older_store),
	};
	return room_run(tests);
}
