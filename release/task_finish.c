/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that were claimed: the lease renewed, the outcome written, taken back from who died. Each
 * change checks, in its own statement, that the task is still in the status that it comes from.
 */

#include "base/clock.h"
#include "release/store.h"
#include "release/task.h"

/* clang-format off */
static const char sql_renew[] =
	"UPDATE task SET lease_until = $1"
	" WHERE id = $2 AND status = 'RUNNING' AND owner = $3 AND run = $4";
static const char sql_cancel[] =
	"SELECT cancel_at, cancel_by FROM task"
	" WHERE id = $1 AND status = 'RUNNING' AND owner = $2 AND run = $3";
static const char sql_cancels[] =
	"SELECT id FROM task WHERE cancel_at > 0 AND status = 'RUNNING'";
static const char sql_cancelled[] =
	"UPDATE task SET cancel_at = 0, cancel_by = NULL WHERE id = $1";
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
	TEXT_MAX = 64 * 1024 * 1024,
	/* Until a cancelled task whose session broke is looked at by another one. */
	CANCEL_AGAIN_MS = 2000,
};

static const char broken[] = "the worker stopped; taken up again";

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
	struct task_outcome outcome;
	int64_t now_ms;
	struct arena *arena;
};

struct asked {
	int64_t at_ms; /* 0: nobody asked to cancel */
	struct str by;
};

static int read_asked(void *element, struct store_reader *r, struct err *e)
{
	(void)e;
	*(struct asked *)element =
	    (struct asked){ .at_ms = db_int(r->rows, 0), .by = store_read(r, 1) };
	return 0;
}

/* Whether nobody can say what became of the session: it broke, or could not be had. */
static int is_unproved(struct str code)
{
	static const enum err_code codes[] = { ERR_LOST, ERR_UNAVAILABLE, ERR_AUTH, ERR_SYS,
					       ERR_NOMEM };
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (str_eq_cstr(code, err_code_name(codes[i])))
			return 1;
	}
	return 0;
}

/* What a cancel makes of the outcome. */
static int heed_cancel(struct db *store, struct finish *f, struct err *e)
{
	struct task_outcome *o = &f->outcome;
	struct asked *asked;
	size_t n;
	if (store_list(&asked, &n, sizeof *asked, read_asked, store, sql_cancel,
		       DB_ARGS(DB_I(f->task->id), DB_S(f->owner), DB_I(f->task->run_id)), f->arena,
		       e) != 0)
		return -1;
	if (n == 0 || asked[0].at_ms == 0)
		return 0;
	if (o->status == TASK_DONE || !is_unproved(o->code)) {
		const char *detail = arena_printf(f->arena, "canceled by %.*s: %.*s",
						  STR_ARG(asked[0].by), STR_ARG(o->detail));
		if (detail == NULL)
			return arena_err(f->arena, e);
		if (o->status != TASK_DONE) {
			o->status = TASK_CANCELED;
			o->detail = str_of(detail);
		}
		return db_exec(store, NULL, sql_cancelled, DB_ARGS(DB_I(f->task->id)), e);
	}
	o->status = TASK_PENDING;
	if (o->not_before_ms < f->now_ms + CANCEL_AGAIN_MS)
		o->not_before_ms = f->now_ms + CANCEL_AGAIN_MS;
	return 0;
}

static int finish(struct db *store, void *context, struct err *e)
{
	struct finish *f = context;
	if (heed_cancel(store, f, e) != 0)
		return -1;
	const struct task_outcome *o = &f->outcome;
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
	struct finish f = { task, owner, *outcome, now_ms, &arena };
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

int task_cancels(int64_t **ids, size_t *n, struct db *store, struct arena *arena, struct err *e)
{
	return store_list(ids, n, sizeof **ids, read_run, store, sql_cancels, DB_NO_ARGS, arena, e);
}
