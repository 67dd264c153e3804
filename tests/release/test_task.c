/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: claimed once, fenced by lease, owner and run, bounded per stage, taken back, logged. */

#include "release/plan.h"
#include "release/rollout.h"
#include "tests/release/room.h"

enum { LEASE = 1000 };

static int64_t none_at_all(const struct conf *conf, struct str environment)
{
	(void)conf;
	(void)environment;
	return 0;
}

static int64_t five(const struct conf *conf, struct str environment)
{
	(void)conf;
	(void)environment;
	return 5;
}

static int64_t eight(const struct conf *conf, struct str environment)
{
	(void)conf;
	(void)environment;
	return 8;
}

static int64_t thousand(const struct conf *conf, struct str environment)
{
	(void)conf;
	(void)environment;
	return 1000;
}

/* The configuration says 2. */
static int claim_as(struct task *out, int64_t *next, struct db *store, const struct room *room,
		    const char *owner, int64_t now,
		    int64_t (*limit)(const struct conf *, struct str), struct arena *arena,
		    struct err *e)
{
	const struct task_claimer by = {
		.owner = str_of(owner), .lease_ms = LEASE, .conf = room->conf, .limit = limit
	};
	return task_claim(out, next, store, &by, now, arena, e);
}

/* A rollout of `n` databases in the first stage, all pending. */
static int64_t pending(struct room *room, const char *file, size_t n)
{
	const char *const one[] = { file, NULL };
	struct manifest m = room_manifest(room, one);
	struct release r = room_release(room, file, &m);
	struct str *targets = arena_array(&room->arena, n, sizeof *targets);
	struct plan plan;
	int made;
	struct err e;
	for (size_t i = 0; i < n; i++)
		targets[i] =
		    str_of(arena_printf(&room->arena, "instances/dev/databases/d%04zu", i));
	check_ok(plan_make(&plan, &made, room->store, room->conf, &r, targets, n, STR_NULL, 1,
			   &room->arena, &e),
		 &e);
	check_ok(rollout_create(room->store, room->conf, &plan, 1, &e), &e);
	return plan.id;
}

static int claim_at(struct room *room, struct task *t, const char *owner, int64_t now,
		    int64_t *next)
{
	struct err e;
	int rc = claim_as(t, next, room->store, room, owner, now, eight, &room->arena, &e);
	if (rc < 0)
		fail_msg("%s", e.msg);
	return rc;
}

static int claim(struct room *room, struct task *t)
{
	int64_t next;
	return claim_at(room, t, "w1", 100, &next);
}

static struct task get(struct room *room, int64_t id)
{
	struct task t;
	struct err e;
	check_ok(task_get(&t, room->store, id, &room->arena, &e), &e);
	return t;
}

static int finish(struct room *room, const struct task *t, const char *owner,
		  enum task_status status, int64_t not_before, struct err *e)
{
	const struct task_outcome o = { .status = status,
					.not_before_ms = not_before,
					.detail = STR("because \xff"),
					.code = STR("database"),
					.file = STR("m/1.sql"),
					.statement = 2,
					.line = 3,
					.column = 4,
					.applied = 5,
					.present = 6 };
	return task_finish(room->store, t, str_of(owner), &o, 200, e);
}

static void test_task_claim_and_finish(void **state)
{
	struct room *room = *state;
	struct task t, again;
	struct task_run *runs;
	size_t n;
	struct err e;
	(void)pending(room, "1.sql=a", 1);
	assert_int_equal(claim(room, &t), 1);
	assert_int_equal(t.status, TASK_RUNNING);
	assert_int_equal(t.attempt, 1);
	assert_true(t.run_id > 0);
	assert_non_null(strstr(t.run_name.p, "/rollout/stages/dev/tasks/"));
	assert_string_equal(t.target.p, "instances/dev/databases/d0000");
	assert_int_equal(claim(room, &again), 0);
	assert_int_equal(get(room, t.id).status, TASK_RUNNING);
	check_ok(finish(room, &t, "w1", TASK_DONE, 0, &e), &e);
	again = get(room, t.id);
	assert_int_equal(again.status, TASK_DONE);
	assert_string_equal(again.detail.p, "because ?");
	check_ok(task_runs(&runs, &n, room->store, &t, &room->arena, &e), &e);
	assert_int_equal(n, 1);
	assert_string_equal(runs[0].name.p, t.run_name.p);
	assert_int_equal(runs[0].status, TASK_DONE);
	assert_int_equal(runs[0].started_ms, 100);
	assert_int_equal(runs[0].finished_ms, 200);
	assert_int_equal(runs[0].line, 3);
	assert_int_equal(runs[0].applied, 5);
	assert_string_equal(runs[0].file.p, "m/1.sql");
	assert_int_equal(task_get(&again, room->store, 999, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_task_fencing(void **state)
{
	struct room *room = *state;
	struct task t, second;
	size_t n;
	int64_t next;
	struct err e;
	(void)pending(room, "1.sql=a", 1);
	assert_int_equal(claim(room, &t), 1);
	assert_int_equal(task_renew(room->store, &t, STR("w2"), 9999, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(finish(room, &t, "w2", TASK_DONE, 0, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	check_ok(task_take_back(&n, room->store, 100 + LEASE, &e), &e);
	assert_int_equal(n, 0); /* the lease ends at that moment, not before */
	check_ok(task_renew(room->store, &t, STR("w1"), 5000, &e), &e);
	check_ok(task_take_back(&n, room->store, 4999, &e), &e);
	assert_int_equal(n, 0);
	check_ok(task_take_back(&n, room->store, 5001, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(task_renew(room->store, &t, STR("w1"), 9999, &e), -1);
	/* The same owner claims it again: its older run is fenced off all the same. */
	assert_int_equal(claim_at(room, &second, "w1", 6000, &next), 1);
	assert_int_equal(second.attempt, 2);
	assert_int_equal(task_renew(room->store, &t, STR("w1"), 9999, &e), -1);
	assert_int_equal(finish(room, &t, "w1", TASK_FAILED, 0, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(get(room, t.id).status, TASK_RUNNING);
	check_ok(finish(room, &second, "w1", TASK_DONE, 0, &e), &e);
	assert_int_equal(finish(room, &second, "w1", TASK_DONE, 0, &e), -1);
}

static void test_task_taken_back(void **state)
{
	struct room *room = *state;
	struct task t;
	struct task_run *runs;
	size_t n;
	struct err e;
	(void)pending(room, "1.sql=a", 3);
	assert_int_equal(claim(room, &t), 1);
	check_ok(task_take_back(&n, room->store, INT64_MAX, &e), &e);
	assert_int_equal(n, 1);
	struct task back = get(room, t.id);
	assert_int_equal(back.status, TASK_PENDING);
	assert_string_equal(back.detail.p, "the worker stopped; taken up again");
	check_ok(task_runs(&runs, &n, room->store, &t, &room->arena, &e), &e);
	assert_int_equal(n, 1);
	assert_int_equal(runs[0].status, TASK_FAILED);
	assert_string_equal(runs[0].code.p, "interrupted");
	assert_string_equal(runs[0].detail.p, "the worker stopped; taken up again");
	assert_true(runs[0].finished_ms > 1600000000000 && runs[0].finished_ms < INT64_MAX);
}

static void test_task_waits(void **state)
{
	struct room *room = *state;
	struct task t;
	struct task_run *runs;
	size_t n;
	int64_t next = 77;
	struct err e;
	assert_int_equal(claim_at(room, &t, "w1", 100, &next), 0);
	assert_int_equal(next, 0);
	(void)pending(room, "1.sql=a", 2);
	assert_int_equal(claim(room, &t), 1);
	check_ok(finish(room, &t, "w1", TASK_PENDING, 9000, &e), &e);
	int64_t id = t.id;
	check_ok(task_runs(&runs, &n, room->store, &t, &room->arena, &e), &e);
	assert_int_equal(runs[0].status, TASK_FAILED);
	assert_int_equal(claim_at(room, &t, "w1", 300, &next), 1);
	assert_true(t.id != id); /* the other one */
	assert_int_equal(claim_at(room, &t, "w1", 8999, &next), 0);
	assert_int_equal(next, 9000);
	assert_int_equal(claim_at(room, &t, "w1", 9000, &next), 1);
	assert_int_equal(t.id, id);
	assert_int_equal(get(room, id).not_before_ms, 0);
}

static void test_task_limit(void **state)
{
	struct room *room = *state;
	struct task t[3];
	int64_t next;
	struct err e;
	(void)pending(room, "1.sql=a", 5);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    claim_as(&t[i], &next, room->store, room, "w", 1, NULL, &room->arena, &e), 1);
	assert_int_equal(claim_as(&t[2], &next, room->store, room, "w", 1, NULL, &room->arena, &e),
			 0);
	check_ok(finish(room, &t[0], "w", TASK_DONE, 0, &e), &e);
	assert_int_equal(claim_as(&t[2], &next, room->store, room, "w", 1, NULL, &room->arena, &e),
			 1);
	assert_int_equal(
	    claim_as(&t[2], &next, room->store, room, "w", 1, none_at_all, &room->arena, &e), 0);
}

static void test_task_never_two_on_one_target(void **state)
{
	struct room *room = *state;
	struct task t, other;
	struct err e;
	int64_t first = pending(room, "1.sql=a", 1);
	int64_t second = pending(room, "1.sql=b", 2);
	assert_int_equal(claim(room, &t), 1);
	assert_int_equal(t.plan, first); /* the oldest rollout first */
	assert_int_equal(claim(room, &other), 1);
	assert_int_equal(other.plan, second);
	assert_string_equal(other.target.p, "instances/dev/databases/d0001");
	struct task none;
	assert_int_equal(claim(room, &none), 0);
	check_ok(finish(room, &t, "w1", TASK_DONE, 0, &e), &e);
	assert_int_equal(claim(room, &none), 1);
	assert_string_equal(none.target.p, "instances/dev/databases/d0000");
	/* The store itself refuses it, should a claim ever go wrong. */
	assert_int_equal(
	    db_exec(room->store, NULL, "UPDATE task SET status = 'RUNNING'", DB_NO_ARGS, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
}

static void test_task_log(void **state)
{
	struct room *room = *state;
	struct task_log lines[40], *list;
	struct err e;
	size_t n;
	for (size_t i = 0; i < 40; i++)
		lines[i] = (struct task_log){ .at_ms = (int64_t)i,
					      .kind = STR("notice"),
					      .text = STR("a\xff"
							  "b") };
	lines[39].text = STR_NULL;
	check_ok(task_log_add(room->store, 7, lines, 0, &e), &e);
	check_ok(task_log_add(room->store, 7, lines, 40, &e), &e);
	check_ok(task_log_add(room->store, 8, lines, 1, &e), &e);
	check_ok(task_log_list(&list, &n, room->store, 7, &room->arena, &e), &e);
	assert_int_equal(n, 40);
	for (size_t i = 0; i < 39; i++) {
		assert_int_equal(list[i].at_ms, i);
		assert_string_equal(list[i].text.p, "a?b");
	}
	assert_string_equal(list[39].text.p, "");
}

static void test_task_status_names(void **state)
{
	(void)state;
	static const char *const names[] = { "NOT_STARTED", "PENDING",  "RUNNING", "DONE",
					     "FAILED",      "CANCELED", "SKIPPED" };
	for (int i = 0; i < TASK_STATUSES; i++)
		assert_string_equal(task_status_name((enum task_status)i), names[i]);
}

/* ---- many workers ---- */

enum { WORKERS = 8, TASKS = 200 };

struct worker {
	const struct room *room;
	int number;
	int claimed;
	int most; /* seen running in the stage */
	int rc;
	struct err e;
};

static int one_task(struct worker *w, struct db *store)
{
	AUTO(arena) struct arena arena;
	struct task t;
	const struct task_outcome done = { .status = TASK_DONE };
	char owner[16];
	int64_t next, running;
	arena_init(&arena, 1 << 20);
	(void)snprintf(owner, sizeof owner, "w%d", w->number);
	int rc = claim_as(&t, &next, store, w->room, owner, 1, five, &arena, &w->e);
	if (rc != 1)
		return rc;
	if (store_int(&running, store, "SELECT count(*) FROM task WHERE status = 'RUNNING'",
		      DB_NO_ARGS, &w->e) < 0)
		return -1;
	w->most = running > w->most ? (int)running : w->most;
	if (task_finish(store, &t, str_of(owner), &done, 2, &w->e) != 0)
		return -1;
	w->claimed++;
	return 1;
}

static void *work_body(void *argument)
{
	struct worker *w = argument;
	struct db *store = NULL;
	const struct store_options options = { .create = 0 };
	int idle = 0;
	w->rc = store_open(&store, w->room->conf, &options, &w->e);
	while (w->rc == 0 && idle < 20) {
		int rc = one_task(w, store);
		w->rc = rc < 0 ? -1 : 0;
		idle = rc == 0 ? idle + 1 : 0;
		if (rc == 0)
			pg_pause(5);
	}
	db_close(store);
	return NULL;
}

static void test_task_many_workers(void **state)
{
	struct room *room = *state;
	struct worker workers[WORKERS] = { { .room = NULL } };
	int64_t n;
	int claimed = 0;
	struct err e;
	(void)pending(room, "1.sql=a", TASKS);
	for (int i = 0; i < WORKERS; i++)
		workers[i] = (struct worker){ .room = room, .number = i };
	room_threads(WORKERS, work_body, workers, sizeof *workers);
	for (int i = 0; i < WORKERS; i++) {
		check_ok(workers[i].rc, &workers[i].e);
		claimed += workers[i].claimed;
		assert_in_range(workers[i].most, 0, 5);
	}
	assert_int_equal(claimed, TASKS);
	assert_int_equal(
	    store_int(&n, room->store, "SELECT count(*) FROM task_run", DB_NO_ARGS, &e), 1);
	assert_int_equal(n, TASKS);
	assert_int_equal(
	    store_int(&n, room->store,
		      "SELECT count(*) FROM task WHERE status = 'DONE' AND attempt = 1", DB_NO_ARGS,
		      &e),
	    1);
	assert_int_equal(n, TASKS);
}

static void test_task_thousand(void **state)
{
	struct room *room = *state;
	struct task t;
	int64_t next;
	struct err e;
	(void)pending(room, "1.sql=a", 1000);
	int64_t start = clock_mono_ms();
	for (int i = 0; i < 500; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, 1 << 20);
		int rc = claim_as(&t, &next, room->store, room, "w", 1, thousand, &arena, &e);
		if (rc != 1)
			fail_msg("claim %d: %d", i, rc);
	}
	int64_t ms = clock_mono_ms() - start;
	print_message("500 claims of 1,000 tasks in %lld ms\n", (long long)ms);
	/* Far above what it takes, far below what a scan of the stage per claim would. */
	assert_in_range(ms, 0, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_task_claim_and_finish),
		room_test(test_task_fencing),
		room_test(test_task_taken_back),
		room_test(test_task_waits),
		room_test(test_task_limit),
		room_test(test_task_never_two_on_one_target),
		room_test(test_task_log),
		room_test(test_task_status_names),
		room_test(test_task_many_workers),
		room_test(test_task_thousand),
	};
	return room_run(tests);
}
