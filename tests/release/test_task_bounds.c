/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds a claim: maintenance windows, and the bound of an instance. */

#include "tests/release/gates.h"

static const char *const two_instances[] = { DEV "a", DEV "b", DEV "c", DEV2 "a", DEV2 "b", NULL };

/* 2026-11-23 is a Monday. */
static int64_t at(const char *time)
{
	int64_t ms;
	struct err e;
	check_ok(clock_parse(&ms, str_of(time), 0, &e), &e);
	return ms;
}

static void test_task_window(void **state)
{
	struct room *room = *state;
	struct task t;
	int64_t next;
	struct err e;
	gates_configure(room, ", windows: [\"Mon-Fri 22:00-04:00\"], timezone: Europe/Berlin", "",
			"");
	(void)gates_roll(room, "1.sql=a", two_instances);
	assert_int_equal(gates_claim(room, &t, at("2026-11-23T12:00:00Z"), &next), 0);
	assert_int_equal(next, at("2026-11-23T21:00:00Z"));
	/* it is not looked at again until then */
	assert_int_equal(gates_claim(room, &t, at("2026-11-23T20:59:00Z"), &next), 0);
	assert_int_equal(gates_claim(room, &t, at("2026-11-23T21:00:00Z"), &next), 1);
	/* over: the others are held to the next one, what runs goes on */
	assert_int_equal(gates_claim(room, &t, at("2026-11-28T03:00:00Z"), &next), 0);
	assert_int_equal(next, at("2026-11-30T21:00:00Z"));
	/* the windows are gone from the configuration */
	gates_configure(room, "", "", "");
	assert_int_equal(gates_claim(room, &t, at("2026-11-28T03:00:00Z"), &next), 0);
	check_ok(task_release_held(room->store, &e), &e);
	assert_int_equal(gates_claim(room, &t, at("2026-11-28T03:00:00Z"), &next), 1);
}

/* A cancel is let past a closed window; what waits beside it on another instance is not. */
static void test_task_window_beside_cancel(void **state)
{
	struct room *room = *state;
	struct task t;
	int64_t next;
	struct err e;
	gates_configure(room, ", windows: [\"Mon-Fri 22:00-04:00\"], timezone: UTC", "",
			", max_parallel: 1");
	(void)gates_roll(room, "1.sql=a", two_instances);
	const int64_t open = at("2026-11-23T22:00:00Z"), closed = at("2026-11-24T12:00:00Z");
	assert_int_equal(gates_claim(room, &t, open, &next), 1);
	assert_true(str_starts(t.target, STR(DEV)));
	check_ok(db_exec(room->store, NULL,
			 "UPDATE task SET attempt = 1, cancel_at = 1 WHERE target = '" DEV "b'",
			 DB_NO_ARGS, &e),
		 &e);
	gates_mark(room, "target = '" DEV "c'", "SKIPPED");
	check_ok(db_exec(room->store, NULL, "UPDATE task SET not_before = 1 WHERE cancel_at = 0",
			 DB_NO_ARGS, &e),
		 &e);
	assert_int_equal(gates_claim(room, &t, closed, &next), 0);
}

static void test_task_window_is_told(void **state)
{
	struct room *room = *state;
	struct task t;
	int64_t next;
	/* A day of the week that today is not, nor tomorrow. */
	static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	char keys[80];
	const int64_t today = clock_unix_ms() / 86400000;
	(void)snprintf(keys, sizeof keys, ", windows: [\"%s 01:00-02:00\"], timezone: UTC",
		       days[(today + 3) % 7]);
	gates_configure(room, keys, "", "");
	const int64_t plan = gates_roll(room, "1.sql=a", two_instances);
	assert_int_equal(gates_claim(room, &t, clock_unix_ms(), &next), 0);
	assert_int_equal(next, (today + 3) * 86400000 + 3600000);
	const struct rollout r = gates_view(room, plan);
	assert_int_equal(r.stages[0].status, STAGE_PAUSED);
	gates_contains(r.stages[0].waits, "waits for the window ");
	gates_contains(r.stages[0].waits, " 01:00-02:00 UTC: opens 20");
}

static void test_task_instance_bound(void **state)
{
	struct room *room = *state;
	struct task t;
	int64_t next;
	int seen[2] = { 0, 0 };
	gates_configure(room, "", "", ", max_parallel: 1");
	(void)gates_roll(room, "1.sql=a", two_instances);
	/* the instance's one, then past its other tasks to the next instance */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gates_claim(room, &t, 100, &next), 1);
		seen[str_starts(t.target, STR(DEV2))]++;
	}
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 2);
	assert_int_equal(gates_claim(room, &t, 100, &next), 0);
	gates_mark(room, "status = 'RUNNING' AND instance = 'dev'", "DONE");
	assert_int_equal(gates_claim(room, &t, 100, &next), 1);
	assert_true(str_starts(t.target, STR(DEV)));
}

/* A stage that is full does not hide the next one. */
static void test_task_full_stage(void **state)
{
	struct room *room = *state;
	struct task t;
	int64_t next;
	gates_configure(room, ", max_parallel: 1", "", "");
	static const char *const first[] = { DEV "a", DEV "b", NULL };
	static const char *const second[] = { DEV "c", NULL };
	(void)gates_roll(room, "1.sql=a", first);
	const int64_t later = gates_roll(room, "1.sql=b", second);
	assert_int_equal(gates_claim(room, &t, 100, &next), 1);
	assert_int_equal(gates_claim(room, &t, 100, &next), 1);
	assert_int_equal(t.plan, later);
	assert_int_equal(gates_claim(room, &t, 100, &next), 0);
}

struct claimer {
	struct room *room;
	int claimed;
	int rc;
	struct err e;
};

static void *claim_body(void *argument)
{
	struct claimer *c = argument;
	AUTO(arena) struct arena arena;
	struct db *store = NULL;
	const struct store_options options = { .create = 0 };
	const struct task_claimer by = { .owner = STR("w"),
					 .lease_ms = GATES_LEASE,
					 .conf = c->room->conf };
	struct task t;
	int64_t next;
	arena_init(&arena, 1 << 24);
	c->rc = store_open(&store, c->room->conf, &options, &c->e);
	for (int i = 0; c->rc >= 0 && i < 10; i++) {
		c->rc = task_claim(&t, &next, store, &by, 100, &arena, &c->e);
		c->claimed += c->rc == 1;
	}
	db_close(store);
	return NULL;
}

/* Two rollouts on one instance: their stages do not know each other. */
static void test_task_instance_race(void **state)
{
	struct room *room = *state;
	static const char *const a[] = { DEV "a", DEV "b", DEV "c", DEV "d", NULL };
	static const char *const b[] = { DEV "e", DEV "f", DEV "g", DEV "h", NULL };
	struct claimer claimers[6] = { { .room = NULL } };
	int claimed = 0;
	gates_configure(room, "", "", ", max_parallel: 3");
	(void)gates_roll(room, "1.sql=a", a);
	(void)gates_roll(room, "1.sql=b", b);
	for (int i = 0; i < 6; i++)
		claimers[i].room = room;
	room_threads(6, claim_body, claimers, sizeof *claimers);
	for (int i = 0; i < 6; i++) {
		if (claimers[i].rc < 0)
			fail_msg("%s", claimers[i].e.msg);
		claimed += claimers[i].claimed;
	}
	assert_int_equal(claimed, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_task_window),
		room_test(test_task_window_is_told),
		room_test(test_task_window_beside_cancel),
		room_test(test_task_instance_bound),
		room_test(test_task_full_stage),
		room_test(test_task_instance_race),
	};
	return room_run(tests);
}
