/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks as workers see them: claimed, renewed, finished, taken back. Each change of a task's status
 * checks, in its own statement, that the task is still in the status that it comes from.
 */

#include "base/clock.h"
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
static const char sql_candidate[] =
	"SELECT id, project, plan, environment, target, attempt FROM task t"
	" WHERE status = 'PENDING' AND not_before <= $1 AND NOT EXISTS"
	" (SELECT 1 FROM task r WHERE r.status = 'RUNNING' AND r.target = t.target)";
static const char sql_candidate_not[] =
	" AND NOT (project = $%d AND plan = $%d AND environment = $%d)";
static const char sql_candidate_order[] = " ORDER BY id LIMIT 1 %s";
/* A lock of the stage's row, where writers do not queue for the whole store. */
static const char sql_lock_stage[] =
	"UPDATE stage SET opened_at = opened_at"
	" WHERE project = $1 AND plan = $2 AND environment = $3";
static const char sql_running[] =
	"SELECT count(*) FROM task"
	" WHERE project = $1 AND plan = $2 AND environment = $3 AND status = 'RUNNING'";
static const char sql_run_insert[] =
	"INSERT INTO task_run(task, attempt, status, owner, started_at)"
	" VALUES($1, $2, 'RUNNING', $3, $4) RETURNING id";
static const char sql_claim[] =
	"UPDATE task SET status = 'RUNNING', attempt = $1, run = $2, owner = $3, lease_until = $4,"
	" updated_at = $5, detail = NULL, not_before = 0 WHERE id = $6 AND status = 'PENDING'";
static const char sql_renew[] =
	"UPDATE task SET lease_until = $1"
	" WHERE id = $2 AND status = 'RUNNING' AND owner = $3 AND run = $4";
static const char sql_finish[] =
	"UPDATE task SET status = $1, detail = $2, not_before = $3, owner = NULL, lease_until = 0,"
	" updated_at = $4 WHERE id = $5 AND status = 'RUNNING' AND owner = $6 AND run = $7";
static const char sql_run_finish[] =
	"UPDATE task_run SET status = $1, finished_at = $2, detail = $3, code = $4, file = $5,"
	" at_statement = $6, at_line = $7, at_column = $8, applied = $9, present = $10"
	" WHERE id = $11";
static const char sql_expired[] =
	"SELECT 1 FROM task WHERE status = 'RUNNING' AND lease_until < $1 LIMIT 1";
static const char sql_take_back[] =
	"UPDATE task SET status = 'PENDING', detail = $1, owner = NULL, lease_until = 0,"
	" not_before = 0, updated_at = $2 WHERE status = 'RUNNING' AND lease_until < $3"
	" RETURNING run";
static const char sql_run_broken[] =
	"UPDATE task_run SET status = 'FAILED', finished_at = $1, detail = $2, code = $3"
	" WHERE id = $4 AND status = 'RUNNING'";
/* clang-format on */

enum {
	SQL_MAX = 4096,
	/* Stages that are full while others have work: more than this many wait for the next look.
	 */
	FULL_MAX = 20,
	CLAIM_TRIES = 20,
	TEXT_MAX = 64 * 1024 * 1024,
};

static const char broken[] = "the worker stopped; taken up again";

/* A task that may be claimed. */
struct candidate {
	int64_t id;
	struct str project;
	int64_t plan;
	struct str environment;
	struct str target;
	int64_t attempt;
};

struct claim {
	struct task *out;
	int claimed;
	struct str owner;
	int64_t now_ms;
	int64_t lease_ms;
	task_limit_fn limit;
	void *context;
	struct candidate full[FULL_MAX]; /* of stages that have no room */
	size_t n_full;
	struct arena *arena;
};

static void candidate_sql(char sql[SQL_MAX], const struct claim *c, const struct db *store)
{
	int used = snprintf(sql, SQL_MAX, "%s", sql_candidate);
	for (size_t i = 0; i < c->n_full; i++) {
		int arg = 2 + (int)i * 3;
		used += snprintf(sql + used, (size_t)(SQL_MAX - used), sql_candidate_not, arg,
				 arg + 1, arg + 2);
	}
	(void)snprintf(sql + used, (size_t)(SQL_MAX - used), sql_candidate_order,
		       db_driver_of(store)->skip_locked);
}

/* The oldest task that is due, whose target is free, and whose stage may have room. */
static int next_candidate(struct candidate *out, struct db *store, const struct claim *c,
			  struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	char sql[SQL_MAX];
	struct db_value args[1 + FULL_MAX * 3] = { DB_I(c->now_ms) };
	for (size_t i = 0; i < c->n_full; i++) {
		args[1 + i * 3] = DB_S(c->full[i].project);
		args[2 + i * 3] = DB_I(c->full[i].plan);
		args[3 + i * 3] = DB_S(c->full[i].environment);
	}
	candidate_sql(sql, c, store);
	if (db_query(&rows, store, sql, args, 1 + c->n_full * 3, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc <= 0)
		return rc;
	struct store_reader r = { .rows = rows, .arena = c->arena };
	*out = (struct candidate){
		.id = db_int(rows, 0),
		.project = store_read(&r, 1),
		.plan = db_int(rows, 2),
		.environment = store_read(&r, 3),
		.target = store_read(&r, 4),
		.attempt = db_int(rows, 5),
	};
	return store_read_check(&r, e) != 0 ? -1 : 1;
}

/* Whether the candidate's stage may run one more, under a lock that keeps it so. */
static int has_room(struct db *store, const struct claim *c, const struct candidate *k,
		    struct err *e)
{
	int64_t running = 0;
	int64_t most = c->limit(c->context, k->environment);
	const struct db_value args[] = { DB_S(k->project), DB_I(k->plan), DB_S(k->environment) };
	if (most <= 0)
		return 0;
	if (!(db_driver_of(store)->flags & DB_ONE_WRITER) &&
	    db_exec(store, NULL, sql_lock_stage, args, 3, e) != 0)
		return -1;
	if (store_int(&running, store, sql_running, args, 3, e) < 0)
		return -1;
	return running < most;
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
	    DB_ARGS(DB_I(k->id), DB_I(k->attempt + 1), DB_S(c->owner), DB_I(c->now_ms)), e);
	if (rc != 1)
		return rc < 0 ? -1 : err_set(e, ERR_DB, "the store gave no id for a task run");
	if (db_exec(store, &changed, sql_claim,
		    DB_ARGS(DB_I(k->attempt + 1), DB_I(run), DB_S(c->owner),
			    DB_I(c->now_ms + c->lease_ms), DB_I(c->now_ms), DB_I(k->id)),
		    e) != 0)
		return -1;
	if (changed != 1)
		return err_set(e, ERR_EXISTS, "somebody else claimed the task");
	*c->out = (struct task){
		.id = k->id,
		.project = k->project,
		.plan = k->plan,
		.environment = k->environment,
		.target = k->target,
		.status = TASK_RUNNING,
		.attempt = k->attempt + 1,
		.updated_ms = c->now_ms,
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
	while (c->n_full < FULL_MAX) {
		int rc = next_candidate(&k, store, c, e);
		if (rc <= 0)
			return rc;
		rc = has_room(store, c, &k, e);
		if (rc < 0)
			return -1;
		if (rc == 1)
			return take(store, c, &k, e);
		c->full[c->n_full++] = k;
	}
	return 0;
}

int task_claim(struct task *out, int64_t *next_ms, struct db *store, struct str owner,
	       int64_t now_ms, int64_t lease_ms, task_limit_fn limit, void *context,
	       struct arena *arena, struct err *e)
{
	struct task task;
	struct claim c = { .out = &task,
			   .owner = owner,
			   .now_ms = now_ms,
			   .lease_ms = lease_ms,
			   .limit = limit,
			   .context = context,
			   .arena = arena };
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

int task_renew(struct db *store, const struct task *task, struct str owner, int64_t lease_until_ms,
	       struct err *e)
{
	int64_t changed;
	if (db_exec(store, &changed, sql_renew,
		    DB_ARGS(DB_I(lease_until_ms), DB_I(task->id), DB_S(owner), DB_I(task->run_id)),
		    e) != 0)
		return -1;
	if (changed != 1)
		return err_set(e, ERR_REFUSED,
			       "the lease of '%.*s' was lost: another worker has taken it up",
			       STR_ARG(task->run_name));
	return 0;
}

struct finish {
	const struct task *task;
	struct str owner;
	const struct task_outcome *outcome;
	int64_t now_ms;
	struct arena *arena;
};

static int finish(struct db *store, void *context, struct err *e)
{
	const struct finish *f = context;
	const struct task_outcome *o = f->outcome;
	/* A run that shall be tried again has failed; its task has not. */
	enum task_status ended = o->status == TASK_PENDING ? TASK_FAILED : o->status;
	struct str detail = store_text(o->detail, f->arena);
	struct str file = store_text(o->file, f->arena);
	int64_t not_before = o->status == TASK_PENDING ? o->not_before_ms : 0;
	int64_t changed;
	if (db_exec(store, &changed, sql_finish,
		    DB_ARGS(DB_S(str_of(task_status_name(o->status))), DB_S(detail),
			    DB_I(not_before), DB_I(f->now_ms), DB_I(f->task->id), DB_S(f->owner),
			    DB_I(f->task->run_id)),
		    e) != 0)
		return -1;
	if (changed != 1)
		return err_set(e, ERR_REFUSED,
			       "the lease of '%.*s' was lost: its outcome is not written",
			       STR_ARG(f->task->run_name));
	return db_exec(store, NULL, sql_run_finish,
		       DB_ARGS(DB_S(str_of(task_status_name(ended))), DB_I(f->now_ms), DB_S(detail),
			       DB_S(o->code), DB_S(file), DB_I(o->statement), DB_I(o->line),
			       DB_I(o->column), DB_I(o->applied), DB_I(o->present),
			       DB_I(f->task->run_id)),
		       e);
}

int task_finish(struct db *store, const struct task *task, struct str owner,
		const struct task_outcome *outcome, int64_t now_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, TEXT_MAX);
	struct finish f = { task, owner, outcome, now_ms, &arena };
	return store_within(store, finish, &f, e);
}

struct take_back {
	int64_t now_ms;  /* leases that ended before */
	int64_t seen_ms; /* for the records */
	size_t n;
	struct arena *arena;
};

static int read_run(void *element, struct store_reader *r, struct err *e)
{
	(void)e;
	*(int64_t *)element = db_int(r->rows, 0);
	return 0;
}

static int take_back(struct db *store, void *context, struct err *e)
{
	struct take_back *t = context;
	struct str why = str_of(broken);
	int64_t *runs;
	if (store_list(&runs, &t->n, sizeof *runs, read_run, store, sql_take_back,
		       DB_ARGS(DB_S(why), DB_I(t->seen_ms), DB_I(t->now_ms)), t->arena, e) != 0)
		return -1;
	for (size_t i = 0; i < t->n; i++) {
		if (db_exec(store, NULL, sql_run_broken,
			    DB_ARGS(DB_I(t->seen_ms), DB_S(why), DB_S(str_of(TASK_INTERRUPTED)),
				    DB_I(runs[i])),
			    e) != 0)
			return -1;
	}
	return 0;
}

int task_take_back(size_t *n, struct db *store, int64_t now_ms, struct err *e)
{
	AUTO(arena) struct arena arena;
	int64_t one;
	arena_init(&arena, TEXT_MAX);
	struct take_back t = { .now_ms = now_ms, .arena = &arena };
	t.seen_ms = now_ms == INT64_MAX ? clock_unix_ms() : now_ms;
	/* Mostly there is nothing: that only reads. */
	int rc = store_int(&one, store, sql_expired, DB_ARGS(DB_I(now_ms)), e);
	if (rc == 1)
		rc = store_within(store, take_back, &t, e);
	if (rc < 0)
		return -1;
	*n = t.n;
	return 0;
}
