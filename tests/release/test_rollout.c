/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and rollouts: frozen targets, the gate between stages, and statuses that follow the tasks.
 */

#include "release/plan.h"
#include "release/rollout.h"
#include "tests/release/room.h"

static const char *const files[] = { "m/1_a.sql=select 1;", NULL };

#define DEV "instances/dev/databases/"
#define STAGING "instances/staging/databases/"
#define PROD "instances/prod/databases/"

static struct plan planned(struct room *room, const char *commit, const char *const *targets,
			   struct str stage)
{
	const char *const one[] = { commit, NULL };
	struct manifest m = room_manifest(room, one);
	struct release r = room_release(room, commit, &m);
	struct str list[16];
	struct plan plan;
	size_t n = 0;
	int made;
	struct err e;
	for (; targets[n] != NULL; n++)
		list[n] = str_of(targets[n]);
	check_ok(plan_make(&plan, &made, room->store, room->conf, &r, list, n, stage, 1000,
			   &room->arena, &e),
		 &e);
	return plan;
}

static struct plan rolled(struct room *room, const char *const *targets, struct str stage)
{
	struct plan plan = planned(room, "1.sql=select 1;", targets, stage);
	struct err e;
	check_ok(rollout_create(room->store, room->conf, &plan, 2000, &e), &e);
	return plan;
}

static struct rollout view(struct room *room, int64_t plan)
{
	struct rollout r;
	struct err e;
	check_ok(rollout_get(&r, room->store, room->conf, STR("shop"), plan, &room->arena, &e), &e);
	return r;
}

/* Say what became of tasks, without workers. */
static void mark(struct room *room, const char *environment, const char *status, int limit)
{
	struct err e;
	char sql[256];
	(void)snprintf(sql, sizeof sql,
		       "UPDATE task SET status = '%s' WHERE id IN (SELECT id FROM task WHERE"
		       " environment = '%s' AND status <> '%s' ORDER BY id LIMIT %d)",
		       status, environment, status, limit);
	check_ok(db_exec(room->store, NULL, sql, DB_NO_ARGS, &e), &e);
}

static size_t advance(struct room *room, int64_t plan)
{
	size_t opened = 77;
	struct err e;
	check_ok(rollout_advance(&opened, room->store, room->conf, STR("shop"), plan, 3000, &e),
		 &e);
	return opened;
}

static int run(struct room *room, int64_t plan, const char *environment, size_t *opened,
	       struct err *e)
{
	const struct rollout_order order = {
		.project = STR("shop"),
		.plan = plan,
		.environment = str_of(environment),
		.actor = { STR("alice"), STR("cli on h, uid 1") },
		.now_ms = 4000,
	};
	return rollout_run(opened, room->store, room->conf, &order, e);
}

/* "WAITING READY" and so on. */
static const char *statuses(struct room *room, int64_t plan)
{
	struct rollout r = view(room, plan);
	struct buf text;
	buf_init(&text, 256);
	for (size_t i = 0; i < r.n_stages; i++)
		buf_addf(&text, "%s ", stage_status_name(r.stages[i].status));
	buf_addf(&text, "= %s", stage_status_name(r.status));
	struct str s = arena_str(&room->arena, buf_str(&text));
	buf_free(&text);
	return s.p;
}

static const char *const all[] = {
	PROD "b", DEV "a", STAGING "a", DEV "b", PROD "a", DEV "a", NULL
};

static void test_plan_freezes(void **state)
{
	struct room *room = *state;
	struct plan p = planned(room, "1.sql=select 1;", all, STR("environments/prod")), again;
	struct err e;
	static const char *const sorted[] = { DEV "a", DEV "b", PROD "a", PROD "b", STAGING "a" };
	assert_int_equal(p.id, 1);
	assert_string_equal(p.name.p, "projects/shop/plans/1");
	assert_string_equal(p.title.p, "Add a table");
	assert_string_equal(p.target_stage.p, "prod");
	assert_int_equal(p.target_position, 2);
	assert_int_equal(p.has_rollout, 0);
	assert_int_equal(p.n_targets, 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(str_eq_cstr(p.targets[i], sorted[i]));
	check_ok(plan_get(&again, room->store, STR("shop"), 1, &room->arena, &e), &e);
	assert_string_equal(again.release.p, p.release.p);
	assert_int_equal(plan_get(&again, room->store, STR("shop"), 2, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_plan_idempotent(void **state)
{
	struct room *room = *state;
	static const char *const other_order[] = { DEV "b",  PROD "a",    DEV "a",
						   PROD "b", STAGING "a", NULL };
	static const char *const fewer[] = { DEV "a", NULL };
	struct plan *list;
	size_t n;
	struct err e;
	assert_int_equal(planned(room, "1.sql=x", all, STR_NULL).id, 1);
	assert_int_equal(planned(room, "1.sql=x", other_order, STR_NULL).id, 1);
	assert_int_equal(planned(room, "1.sql=x", fewer, STR_NULL).id, 2);
	assert_int_equal(planned(room, "1.sql=y", fewer, STR_NULL).id, 3);
	check_ok(plan_list(&list, &n, room->store, STR_NULL, 10, &room->arena, &e), &e);
	assert_int_equal(n, 3);
	assert_int_equal(list[0].id, 3);
	check_ok(plan_list(&list, &n, room->store, STR("other"), 10, &room->arena, &e), &e);
	assert_int_equal(n, 0);
}

static void test_plan_refused(void **state)
{
	struct room *room = *state;
	struct manifest m = room_manifest(room, files);
	struct release r = room_release(room, "c1", &m);
	static const struct {
		const char *target, *stage;
		enum err_code code;
	} cases[] = {
		{ "instances/none/databases/a", NULL, ERR_NOTFOUND },
		{ "dev/a", NULL, ERR_INPUT },
		{ "instances/dev/databases/a\nb", NULL, ERR_INPUT },
		{ "instances/dev/databases/../a", NULL, ERR_INPUT },
		{ DEV "a", "environments/moon", ERR_NOTFOUND },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct plan p = { .id = 77 };
		struct str target = str_of(cases[i].target);
		int made = 77;
		struct err e = { .code = ERR_NONE };
		assert_int_equal(plan_make(&p, &made, room->store, room->conf, &r, &target, 1,
					   str_of(cases[i].stage), 0, &room->arena, &e),
				 -1);
		if (e.code != cases[i].code)
			fail_msg("case %zu: %s", i, e.msg);
		assert_int_equal(p.id, 77);
		assert_int_equal(plan_make(&p, &made, room->store, room->conf, &r, NULL, 0,
					   STR_NULL, 0, &room->arena, &e),
				 -1);
	}
}

static void test_rollout_stages(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	struct rollout r = view(room, p.id);
	assert_string_equal(r.name.p, "projects/shop/plans/1/rollout");
	assert_int_equal(r.created_ms, 2000);
	assert_int_equal(r.n_stages, 3);
	assert_string_equal(r.stages[0].name.p, "projects/shop/plans/1/rollout/stages/dev");
	assert_int_equal(r.stages[0].n_tasks, 2);
	assert_string_equal(r.stages[0].opened_by.p, "policy");
	assert_int_equal(r.stages[0].counts[TASK_PENDING], 2);
	assert_true(str_eq_cstr(r.stages[0].tasks[1].target, DEV "b"));
	assert_int_equal(r.stages[1].counts[TASK_NOT_STARTED], 1);
	assert_true(str_eq_cstr(r.stages[2].tasks[0].target, PROD "a"));
	assert_int_equal(r.stages[2].automatic, 0);
	assert_string_equal(statuses(room, p.id), "RUNNING WAITING WAITING = RUNNING");
}

static void test_rollout_create_again(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	struct err e;
	int64_t n;
	check_ok(rollout_create(room->store, room->conf, &p, 9000, &e), &e);
	assert_int_equal(view(room, p.id).created_ms, 2000);
	assert_int_equal(store_int(&n, room->store, "SELECT count(*) FROM task", DB_NO_ARGS, &e),
			 1);
	assert_int_equal(n, 5);
	p.id = 99;
	assert_int_equal(rollout_create(room->store, room->conf, &p, 9000, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_rollout_automatic_gate(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	assert_int_equal(advance(room, p.id), 0);
	mark(room, "dev", "DONE", 1);
	assert_int_equal(advance(room, p.id), 0);
	mark(room, "dev", "SKIPPED", 1); /* the one that was done */
	mark(room, "dev", "DONE", 1);
	mark(room, "dev", "DONE", 2);
	assert_string_equal(statuses(room, p.id), "DONE READY WAITING = READY");
	assert_int_equal(advance(room, p.id), 1);
	assert_int_equal(advance(room, p.id), 0);
	assert_string_equal(statuses(room, p.id), "DONE RUNNING WAITING = RUNNING");
	mark(room, "staging", "DONE", 9);
	assert_int_equal(advance(room, p.id), 0); /* prod is manual */
	assert_string_equal(statuses(room, p.id), "DONE DONE READY = READY");
}

static void test_rollout_failed_task_blocks(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	size_t opened;
	struct err e;
	mark(room, "dev", "FAILED", 1);
	assert_string_equal(statuses(room, p.id), "RUNNING WAITING WAITING = RUNNING");
	mark(room, "dev", "DONE", 1);
	mark(room, "dev", "FAILED", 1);
	mark(room, "dev", "DONE", 2);
	mark(room, "dev", "FAILED", 1);
	assert_int_equal(advance(room, p.id), 0);
	assert_string_equal(statuses(room, p.id), "FAILED WAITING WAITING = FAILED");
	assert_int_equal(run(room, p.id, "staging", &opened, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_string_equal(e.msg, "stage 'staging' cannot start: stage 'dev' before it is FAILED, "
				   "not DONE");
}

static void test_rollout_person_opens(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	size_t opened = 77;
	struct err e;
	assert_int_equal(run(room, p.id, "prod", &opened, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(run(room, p.id, "moon", &opened, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(run(room, 9, "prod", &opened, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(opened, 77);
	mark(room, "dev", "DONE", 9);
	mark(room, "staging", "DONE", 9);
	check_ok(run(room, p.id, "prod", &opened, &e), &e);
	assert_int_equal(opened, 2);
	assert_string_equal(view(room, p.id).stages[2].opened_by.p, "alice");
	check_ok(run(room, p.id, "prod", &opened, &e), &e);
	assert_int_equal(opened, 0);
	check_ok(run(room, p.id, "dev", &opened, &e), &e);
	assert_int_equal(opened, 0);
	mark(room, "prod", "DONE", 9);
	assert_string_equal(statuses(room, p.id), "DONE DONE DONE = DONE");
}

static void test_rollout_target_stage(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR("dev"));
	size_t opened;
	struct err e;
	mark(room, "dev", "DONE", 9);
	assert_int_equal(advance(room, p.id), 0); /* staging is automatic, but beyond */
	assert_string_equal(statuses(room, p.id), "DONE READY WAITING = DONE");
	check_ok(run(room, p.id, "staging", &opened, &e), &e);
	assert_int_equal(opened, 1);
	assert_string_equal(statuses(room, p.id), "DONE RUNNING WAITING = DONE");
}

static void test_rollout_nothing_before_target_stage(void **state)
{
	struct room *room = *state;
	static const char *const late[] = { STAGING "a", NULL };
	struct plan p = rolled(room, late, STR("dev"));
	assert_string_equal(statuses(room, p.id), "READY = READY");
}

static void test_rollout_manual_first(void **state)
{
	struct room *room = *state;
	static const char *const prod[] = { PROD "a", NULL };
	struct plan p = rolled(room, prod, STR_NULL);
	assert_int_equal(advance(room, p.id), 0);
	assert_string_equal(statuses(room, p.id), "READY = READY");
}

static int retry(struct room *room, int64_t plan, struct str environment, int64_t task, size_t *n,
		 struct err *e)
{
	const struct rollout_order order = {
		.project = STR("shop"),
		.plan = plan,
		.environment = environment,
		.task = task,
		.actor = { STR("bob"), STR("cli on h, uid 2") },
		.now_ms = 5000,
	};
	return rollout_retry(n, room->store, room->conf, &order, e);
}

static void test_rollout_retry(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	struct rollout r = view(room, p.id);
	int64_t first = r.stages[0].tasks[0].id;
	size_t n = 77;
	struct err e;
	mark(room, "dev", "FAILED", 9);
	check_ok(retry(room, p.id, STR_NULL, first, &n, &e), &e);
	assert_int_equal(n, 1);
	r = view(room, p.id);
	assert_int_equal(r.stages[0].tasks[0].status, TASK_PENDING);
	assert_string_equal(r.stages[0].tasks[0].detail.p, "to run again, by bob");
	check_ok(retry(room, p.id, STR("staging"), 0, &n, &e), &e);
	assert_int_equal(n, 0);
	check_ok(retry(room, p.id, STR("dev"), 0, &n, &e), &e);
	assert_int_equal(n, 1);
	mark(room, "dev", "FAILED", 9);
	check_ok(retry(room, p.id, STR_NULL, 0, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_int_equal(retry(room, p.id, STR("moon"), 0, &n, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(retry(room, p.id, STR("staging"), first, &n, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(retry(room, 9, STR_NULL, 0, &n, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_rollout_lists(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	struct rollout *list;
	size_t n, opened;
	struct err e;
	(void)planned(room, "1.sql=y", all, STR_NULL); /* a plan without a rollout */
	check_ok(rollout_list(&list, &n, room->store, room->conf, STR_NULL, 10, &room->arena, &e),
		 &e);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].stages[0].counts[TASK_PENDING], 2);
	assert_int_equal(list[0].stages[0].n_tasks, 2);
	assert_null(list[0].stages[0].tasks);
	assert_int_equal(list[0].status, STAGE_RUNNING);
	assert_int_equal(
	    rollout_get(list, room->store, room->conf, STR("shop"), 2, &room->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	mark(room, "dev", "DONE", 9);
	check_ok(rollout_advance_all(&opened, room->store, room->conf, 3000, &e), &e);
	assert_int_equal(opened, 1);
	assert_string_equal(statuses(room, p.id), "DONE RUNNING WAITING = RUNNING");
}

static void test_rollout_in_callers_transaction(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	struct err e;
	check_ok(db_begin(room->store, &e), &e);
	mark(room, "dev", "DONE", 9);
	assert_int_equal(advance(room, p.id), 1);
	assert_true(room->store->in_transaction);
	db_rollback(room->store);
	assert_string_equal(statuses(room, p.id), "RUNNING WAITING WAITING = RUNNING");
}

static void test_rollout_environment_lost(void **state)
{
	struct room *room = *state;
	struct plan p = rolled(room, all, STR_NULL);
	/* The configuration forgets staging: it stays a stage, and opens no more. */
	struct conf less = *room->conf;
	struct conf_environment kept[2];
	const struct conf_environment *had = room->conf->environments.items;
	struct rollout r;
	size_t opened;
	struct err e;
	kept[0] = had[0];
	kept[1] = had[2];
	less.environments = (struct conf_list){ kept, 2 };
	mark(room, "dev", "DONE", 9);
	check_ok(rollout_advance(&opened, room->store, &less, STR("shop"), p.id, 3000, &e), &e);
	assert_int_equal(opened, 0);
	check_ok(rollout_get(&r, room->store, &less, STR("shop"), p.id, &room->arena, &e), &e);
	assert_int_equal(r.n_stages, 3);
	assert_int_equal(r.stages[1].status, STAGE_READY);
	assert_non_null(strstr(r.stages[1].waits.p, "no longer configured"));
	/* not even by a person: how many approvals it asked for is gone with it */
	assert_int_equal(rollout_run_stage(&opened, room->store, &less, STR("shop"), p.id,
					   STR("staging"), STR("alice"), 4000, &e),
			 -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "no longer configured"));
}

/* Two tasks that end at once, each with rollout_advance in its own transaction. */
struct ender {
	struct room *room;
	int64_t plan;
	int64_t task;
	size_t opened;
	int rc;
	struct err e;
};

static int end_task(struct db *store, void *context, struct err *e)
{
	struct ender *x = context;
	if (db_exec(store, NULL, "UPDATE task SET status = 'DONE' WHERE id = $1",
		    DB_ARGS(DB_I(x->task)), e) != 0)
		return -1;
	pg_pause(5);
	return rollout_advance(&x->opened, store, x->room->conf, STR("shop"), x->plan, 3000, e);
}

static void *end_body(void *argument)
{
	struct ender *x = argument;
	struct db *store = NULL;
	const struct store_options options = { .create = 0 };
	x->rc = store_open(&store, x->room->conf, &options, &x->e);
	if (x->rc == 0)
		x->rc = store_within(store, end_task, x, &x->e);
	db_close(store);
	return NULL;
}

static void test_rollout_two_end_at_once(void **state)
{
	struct room *room = *state;
	for (int i = 0; i < 10; i++) {
		char commit[32];
		(void)snprintf(commit, sizeof commit, "1.sql=select %d;", i);
		struct plan p = planned(room, commit, all, STR_NULL);
		struct ender enders[2];
		struct err e;
		check_ok(rollout_create(room->store, room->conf, &p, 2000, &e), &e);
		struct rollout r = view(room, p.id);
		for (size_t k = 0; k < 2; k++)
			enders[k] = (struct ender){ .room = room,
						    .plan = p.id,
						    .task = r.stages[0].tasks[k].id };
		room_threads(2, end_body, enders, sizeof *enders);
		check_ok(enders[0].rc, &enders[0].e);
		check_ok(enders[1].rc, &enders[1].e);
		assert_int_equal(enders[0].opened + enders[1].opened, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_plan_freezes),
		room_test(test_plan_idempotent),
		room_test(test_plan_refused),
		room_test(test_rollout_stages),
		room_test(test_rollout_create_again),
		room_test(test_rollout_automatic_gate),
		room_test(test_rollout_failed_task_blocks),
		room_test(test_rollout_person_opens),
		room_test(test_rollout_target_stage),
		room_test(test_rollout_nothing_before_target_stage),
		room_test(test_rollout_manual_first),
		room_test(test_rollout_retry),
		room_test(test_rollout_lists),
		room_test(test_rollout_in_callers_transaction),
		room_test(test_rollout_environment_lost),
		room_test(test_rollout_two_end_at_once),
	};
	return room_run(tests);
}
