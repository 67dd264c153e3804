/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claiming a task: stage by stage in the order of their rollouts, within the bounds of stage and
 * instance and the environment's windows. What becomes of a claimed task is in task_finish.c.
 */

#include "base/window.h"
#include "release/name.h"
#include "release/store.h"
#include "release/task.h"

#include <stdio.h>

/* clang-format off */
static const char sql_waiting[] =
	"SELECT not_before FROM task WHERE status = 'PENDING' ORDER BY not_before LIMIT 1";
static const char sql_next_due[] =
	"SELECT not_before FROM task WHERE status = 'PENDING' AND not_before > $1"
	" ORDER BY not_before LIMIT 1";
/* Each look-up of these is one step in an index, however many tasks wait. */
static const char sql_stage[] =
	"SELECT rolled_at, project, plan, environment FROM task WHERE status = 'PENDING'"
	" AND (rolled_at, project, plan, environment) > ($1, $2, $3, $4)"
	" ORDER BY rolled_at, project, plan, environment LIMIT 1";
static const char sql_lane[] =
	"SELECT instance FROM task WHERE status = 'PENDING'"
	" AND project = $1 AND plan = $2 AND environment = $3 AND instance > $4"
	" ORDER BY instance LIMIT 1";
#define CANDIDATE                                                                                  \
	"SELECT id, target, instance, attempt, cancel_at FROM task t WHERE status = 'PENDING'"     \
	" AND project = $1 AND plan = $2 AND environment = $3 AND not_before <= $4"                \
	" AND NOT EXISTS (SELECT 1 FROM task r WHERE r.status = 'RUNNING' AND r.target = t.target)"
static const char sql_of_stage[] =
	CANDIDATE " AND rolled_at = $5 ORDER BY not_before, id LIMIT 1 %s";
static const char sql_of_lane[] =
	CANDIDATE " AND instance = $5 ORDER BY not_before, id LIMIT 1 %s";
/* A lock of the stage's row, where writers do not queue for the whole store. */
static const char sql_lock_stage[] =
	"UPDATE stage SET opened_at = opened_at"
	" WHERE project = $1 AND plan = $2 AND environment = $3";
static const char sql_running[] =
	"SELECT count(*) FROM task"
	" WHERE project = $1 AND plan = $2 AND environment = $3 AND status = 'RUNNING'";
static const char sql_running_there[] =
	"SELECT count(*) FROM task WHERE instance = $1 AND status = 'RUNNING'";
static const char sql_hold[] =
	"UPDATE task SET unheld = COALESCE(unheld, not_before), not_before = $1"
	" WHERE status = 'PENDING' AND project = $2 AND plan = $3 AND environment = $4"
	" AND not_before < $1 AND cancel_at = 0";
static const char sql_release_held[] =
	"UPDATE task SET not_before = unheld, unheld = NULL"
	" WHERE status = 'PENDING' AND unheld IS NOT NULL";
static const char sql_run_insert[] =
	"INSERT INTO task_run(task, attempt, status, owner, started_at)"
	" VALUES($1, $2, 'RUNNING', $3, $4) RETURNING id";
static const char sql_claim[] =
	"UPDATE task SET status = 'RUNNING', attempt = $1, run = $2, owner = $3, lease_until = $4,"
	" updated_at = $5, detail = NULL, not_before = 0, unheld = NULL"
	" WHERE id = $6 AND status = 'PENDING'";
/* clang-format on */

enum {
	SQL_MAX = 1024,
	STAGES_MAX = 1000, /* looked at for one claim */
	LANES_MAX = 1000,
	FULL_MAX = 32, /* instances that are known to be full */
	WINDOWS_MAX = 64,
	CLAIM_TRIES = 20,
};

/* A stage with pending tasks. */
struct place {
	int64_t rolled_ms;
	struct str project;
	int64_t plan;
	struct str environment;
};

/* A task that may be claimed. */
struct candidate {
	int64_t id;
	struct str target;
	struct str instance;
	int64_t attempt;
	int64_t cancel_ms;
};

struct claim {
	struct task *out;
	int claimed;
	const struct task_claimer *by;
	const struct conf *conf; /* its */
	int64_t now_ms;
	struct place at;
	struct str full[FULL_MAX]; /* instances without room */
	size_t n_full;
	struct arena *arena;
};

#define STAGE_ARGS(c) DB_S((c)->at.project), DB_I((c)->at.plan), DB_S((c)->at.environment)

/* The stage behind the one that was looked at last: 1, or 0 when there is no more. */
static int next_stage(struct db *store, struct claim *c, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, store, sql_stage, DB_ARGS(DB_I(c->at.rolled_ms), STAGE_ARGS(c)), e) !=
	    0)
		return -1;
	int rc = db_next(rows, e);
	if (rc <= 0)
		return rc;
	struct store_reader r = { .rows = rows, .arena = c->arena };
	c->at = (struct place){
		.rolled_ms = db_int(rows, 0),
		.project = store_read(&r, 1),
		.plan = db_int(rows, 2),
		.environment = store_read(&r, 3),
	};
	return store_read_check(&r, e) != 0 ? -1 : 1;
}

/* The first task that is due and whose target is free, of the stage, or of one instance in it. */
static int find(struct candidate *out, struct db *store, const struct claim *c,
		const struct str *lane, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	char sql[SQL_MAX];
	(void)snprintf(sql, sizeof sql, lane != NULL ? sql_of_lane : sql_of_stage,
		       db_driver_of(store)->skip_locked);
	const struct db_value fifth = lane != NULL ? DB_S(*lane) : DB_I(c->at.rolled_ms);
	if (db_query(&rows, store, sql, DB_ARGS(STAGE_ARGS(c), DB_I(c->now_ms), fifth), e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc <= 0)
		return rc;
	struct store_reader r = { .rows = rows, .arena = c->arena };
	*out = (struct candidate){
		.id = db_int(rows, 0),
		.target = store_read(&r, 1),
		.instance = store_read(&r, 2),
		.attempt = db_int(rows, 3),
		.cancel_ms = db_int(rows, 4),
	};
	return store_read_check(&r, e) != 0 ? -1 : 1;
}

/* ---- the bounds ---- */

static int is_one_writer(const struct db *store)
{
	return (db_driver_of(store)->flags & DB_ONE_WRITER) != 0;
}

/* Whether the stage may run one more, under a lock that keeps it so. */
static int stage_has_room(struct db *store, const struct claim *c, struct err *e)
{
	const struct conf_environment *en = conf_environment(c->conf, c->at.environment);
	int64_t most = en != NULL ? en->max_parallel : 1;
	int64_t running = 0;
	if (en != NULL && c->by->limit != NULL)
		most = c->by->limit(c->conf, c->at.environment);
	if (!is_one_writer(store) &&
	    db_exec(store, NULL, sql_lock_stage, DB_ARGS(STAGE_ARGS(c)), e) != 0)
		return -1;
	if (store_int(&running, store, sql_running, DB_ARGS(STAGE_ARGS(c)), e) < 0)
		return -1;
	return running < most;
}

/* The same of an instance, which stages of several rollouts share. */
static int instance_has_room(struct db *store, struct claim *c, struct str id, struct err *e)
{
	const struct conf_instance *instance = conf_instance(c->conf, id);
	int64_t running = 0, ignored;
	if (instance == NULL || instance->max_parallel == 0)
		return 1;
	for (size_t i = 0; i < c->n_full; i++) {
		if (str_eq(c->full[i], id))
			return 0;
	}
	/* Who draws from its series waits for who did before: the lock. */
	if (!is_one_writer(store) && store_number(&ignored, store, id, "claiming", e) != 0)
		return -1;
	if (store_int(&running, store, sql_running_there, DB_ARGS(DB_S(id)), e) < 0)
		return -1;
	if (running < instance->max_parallel)
		return 1;
	if (c->n_full < FULL_MAX)
		c->full[c->n_full++] = id;
	return 0;
}

/* From when on the environment's windows let a task start: `now_ms` when they do. */
static int opens(int64_t *out, const struct claim *c, struct err *e)
{
	const struct conf_environment *en = conf_environment(c->conf, c->at.environment);
	AUTO(zone) struct zone *zone = NULL;
	struct window list[WINDOWS_MAX];
	size_t n = 0, which;
	*out = c->now_ms;
	if (en == NULL || en->windows.n == 0)
		return 0;
	const struct str *texts = en->windows.items;
	for (; n < en->windows.n && n < WINDOWS_MAX; n++) {
		if (window_parse(&list[n], texts[n], e) != 0)
			return -1;
	}
	if (zone_open(&zone, en->timezone.p, e) != 0)
		return -1;
	*out = window_next(&which, list, n, zone, c->now_ms);
	return 0;
}

/* ---- the choice ---- */

/* One of the stage's other instances, when that of its first task is full. */
static int find_lane(struct candidate *out, struct db *store, struct claim *c, struct err *e)
{
	struct str lane = STR("");
	for (int i = 0; i < LANES_MAX; i++) {
		AUTO(db_rows) struct db_rows *rows = NULL;
		if (db_query(&rows, store, sql_lane, DB_ARGS(STAGE_ARGS(c), DB_S(lane)), e) != 0)
			return -1;
		int rc = db_next(rows, e);
		if (rc <= 0)
			return rc;
		struct store_reader r = { .rows = rows, .arena = c->arena };
		lane = store_read(&r, 0);
		if (store_read_check(&r, e) != 0)
			return -1;
		db_rows_free(TAKE(rows));
		rc = instance_has_room(store, c, lane, e);
		if (rc == 1)
			rc = find(out, store, c, &lane, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* A task of the stage that may start now: 1, 0, or -1. */
static int choose(struct candidate *k, struct db *store, struct claim *c, struct err *e)
{
	int64_t from;
	int rc = find(k, store, c, NULL, e);
	if (rc <= 0)
		return rc;
	if (opens(&from, c, e) != 0)
		return -1;
	if (from > c->now_ms && k->cancel_ms == 0)
		return db_exec(store, NULL, sql_hold, DB_ARGS(DB_I(from), STAGE_ARGS(c)), e) != 0
			   ? -1
			   : 0;
	rc = stage_has_room(store, c, e);
	if (rc == 1)
		rc = instance_has_room(store, c, k->instance, e);
	else
		return rc;
	/* Only a cancel is let past the windows: what other instances have waits for them. */
	return rc == 0 && from <= c->now_ms ? find_lane(k, store, c, e) : rc;
}

static int fill_names(struct task *t, struct arena *arena, struct err *e)
{
	struct name name = {
		.kind = NAME_TASK,
		.project = t->project,
		.plan = t->plan,
		.environment = t->environment,
		.task = t->id,
	};
	t->name = name_text(&name, arena);
	if (t->run_id != 0) {
		name.kind = NAME_TASK_RUN;
		name.task_run = t->run_id;
		t->run_name = name_text(&name, arena);
	}
	if (t->name.p == NULL || (t->run_id != 0 && t->run_name.p == NULL))
		return arena_err(arena, e);
	return 0;
}

static int take(struct db *store, struct claim *c, const struct candidate *k, struct err *e)
{
	int64_t run;
	int64_t changed;
	int rc = store_int(
	    &run, store, sql_run_insert,
	    DB_ARGS(DB_I(k->id), DB_I(k->attempt + 1), DB_S(c->by->owner), DB_I(c->now_ms)), e);
	if (rc != 1)
		return rc < 0 ? -1 : err_set(e, ERR_DB, "the store gave no id for a task run");
	if (db_exec(store, &changed, sql_claim,
		    DB_ARGS(DB_I(k->attempt + 1), DB_I(run), DB_S(c->by->owner),
			    DB_I(c->now_ms + c->by->lease_ms), DB_I(c->now_ms), DB_I(k->id)),
		    e) != 0)
		return -1;
	if (changed != 1)
		return err_set(e, ERR_EXISTS, "somebody else claimed the task");
	*c->out = (struct task){
		.id = k->id,
		.project = c->at.project,
		.plan = c->at.plan,
		.environment = c->at.environment,
		.target = k->target,
		.status = TASK_RUNNING,
		.attempt = k->attempt + 1,
		.updated_ms = c->now_ms,
		.cancel_ms = k->cancel_ms,
		.run_id = run,
	};
	c->claimed = 1;
	return fill_names(c->out, c->arena, e);
}

static int claim(struct db *store, void *context, struct err *e)
{
	struct claim *c = context;
	struct candidate k;
	c->claimed = 0;
	c->n_full = 0;
	c->at = (struct place){ .rolled_ms = -1, .project = STR(""), .environment = STR("") };
	for (int i = 0; i < STAGES_MAX; i++) {
		int rc = next_stage(store, c, e);
		if (rc <= 0)
			return rc;
		rc = choose(&k, store, c, e);
		if (rc != 0)
			return rc < 0 ? -1 : take(store, c, &k, e);
	}
	return 0;
}

int task_claim(struct task *out, int64_t *next_ms, struct db *store,
	       const struct task_claimer *claimer, int64_t now_ms, struct arena *arena,
	       struct err *e)
{
	struct task task;
	struct claim c = {
		.out = &task, .by = claimer, .conf = claimer->conf, .now_ms = now_ms, .arena = arena
	};
	int64_t due = 0;
	/* Who has nothing to do only reads. */
	int rc = store_int(&due, store, sql_waiting, DB_NO_ARGS, e);
	if (rc < 0)
		return -1;
	for (int i = 1; rc == 1 && due <= now_ms; i++) {
		struct err why = { .code = ERR_NONE };
		if (store_within(store, claim, &c, &why) == 0)
			break;
		/* Another worker got there first: on this task, or on this target. */
		if ((why.code == ERR_EXISTS || why.code == ERR_UNAVAILABLE) &&
		    !store->in_transaction && i < CLAIM_TRIES)
			continue;
		if (e != NULL)
			*e = why;
		return err_wrap(e, "cannot claim a task");
	}
	*next_ms = 0;
	if (c.claimed)
		*out = task;
	else if (rc == 1)
		rc = store_int(next_ms, store, sql_next_due, DB_ARGS(DB_I(now_ms)), e);
	return rc < 0 ? -1 : c.claimed;
}

int task_release_held(struct db *store, struct err *e)
{
	return db_exec(store, NULL, sql_release_held, DB_NO_ARGS, e);
}
