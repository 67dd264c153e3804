/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One migration, statement by statement. What may be in a transaction runs in one with its mark in
 * the ledger, and is never in doubt. What may not is announced in the ledger first, with the state
 * of what it makes or changes, so that whoever comes after a crash can prove what became of it.
 * Transactions of the script's own take their mark with them just before COMMIT.
 */

#include "base/clock.h"
#include "release/runner_impl.h"

enum { STATEMENTS_MAX = 512 * 1024 * 1024 };

/* ---- the ledger ---- */

static struct revision next_row(const struct steps *s, const struct steps_mark *mark)
{
	struct revision row = s->base;
	int64_t ms = clock_mono_ms() - s->started;
	int finished = mark->done == s->script->n && mark->in_flight == 0;
	row.state = finished ? STR("applied") : STR("started");
	row.statements = (int64_t)s->script->n;
	row.statements_done = (int64_t)mark->done;
	row.in_flight = (int64_t)mark->in_flight;
	row.probe = finished ? STR_NULL : mark->probe;
	row.duration_ms = finished ? ms : 0;
	row.applied_ms = s->there && !finished ? s->row.applied_ms : clock_unix_ms();
	return row;
}

int runner_steps_write(struct revision *next, struct steps *s, const struct steps_mark *mark,
		       struct err *e)
{
	*next = next_row(s, mark);
	/* Without memory the row would lose its path, which nobody could explain. */
	if (next->path.p == NULL)
		return arena_err(s->r->arena, e);
	if (s->has_session && db_as_self(s->r->db, e) != 0)
		return -1;
	if (s->there)
		return revision_move(s->r->db, &s->row, next, e);
	int same = runner_is_unchanged(s->r, e);
	if (same != 1)
		return same;
	return revision_insert(s->r->db, next, e) == 0 ? 1 : -1;
}

/* The transaction that held `next` was committed. */
static void moved(struct steps *s, const struct revision *next)
{
	struct runner *r = s->r;
	r->rows += !s->there;
	/* An announcement, or that it failed, is no progress: retries would have no end. */
	r->commits += next->statements_done > (s->there ? s->row.statements_done : 0);
	s->row = *next;
	s->there = 1;
}

static int is_finished(const struct steps *s)
{
	return s->there && !revision_is_unfinished(&s->row);
}

/* What failed may be that another runner was first. */
static int look_again(struct steps *s, const struct err *why, struct err *e)
{
	if (s->there || why->code != ERR_EXISTS) {
		*e = *why;
		return -1;
	}
	return runner_look_again(s->r, s->file, why, e);
}

int runner_steps_mark(struct steps *s, const struct steps_mark *mark, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct revision next;
	if (db_begin(s->r->db, e) != 0)
		return -1;
	int rc = runner_steps_write(&next, s, mark, &why);
	if (rc != 1) {
		db_rollback(s->r->db);
		IGNORE(err_wrap(&why, "its mark in the ledger")); /* it only fills `why` */
		return rc == 0 ? 0 : look_again(s, &why, e);
	}
	if (db_commit(s->r->db, e) != 0)
		return err_wrap(e, "its mark in the ledger");
	moved(s, &next);
	return 1;
}

/* ---- statements ---- */

/* Where the transaction is the lock: does the row stand where we believe? */
static int is_still_there(struct steps *s, struct err *e)
{
	struct revision now;
	if (!(db_driver_of(s->r->db)->flags & DB_ONE_WRITER))
		return 1;
	int rc = revision_get(&now, s->r->db, s->file->version, s->arena, e);
	if (rc < 0 || rc != s->there)
		return rc < 0 ? -1 : 0;
	return rc == 0 ||
	       (revision_is_unfinished(&now) && now.statements_done == s->row.statements_done &&
		now.in_flight == s->row.in_flight);
}

static int run_one(struct steps *s, size_t number, struct err *e)
{
	return db_statement_run(s->r->db, &s->script->statements[number - 1], &s->counts, e);
}

/* Within the transaction; 1, 0, -1. A clash of the ledger's key is told in *clash. */
static int work(struct revision *next, struct steps *s, size_t number, struct err *clash,
		struct err *e)
{
	struct steps_mark mark = { .done = number };
	int rc = is_still_there(s, e);
	if (rc != 1)
		return rc;
	if (run_one(s, number, e) != 0)
		return -1;
	rc = runner_steps_write(next, s, &mark, clash);
	if (rc >= 0 || clash->code == ERR_EXISTS)
		return rc > 0;
	*e = *clash;
	return -1;
}

/* In one transaction with its mark. */
static int run_marked(struct steps *s, size_t number, struct err *e)
{
	struct err clash = { .code = ERR_NONE };
	struct revision next;
	if (db_begin_isolated(s->r->db, runner_plan_of(s->r, s->file)->isolation, e) != 0)
		return -1;
	int rc = work(&next, s, number, &clash, e);
	if (rc != 1) {
		db_rollback(s->r->db);
		return rc < 0 || clash.code == ERR_NONE ? rc : look_again(s, &clash, e);
	}
	if (db_commit(s->r->db, e) != 0)
		return -1;
	moved(s, &next);
	return 1;
}

/* The server has said that the statement failed: it was not left in the middle of it. */
static int is_definite(const struct steps *s, const struct err *e)
{
	switch (e->code) {
	case ERR_INPUT:
	case ERR_LIMIT:
	case ERR_NOTFOUND:
	case ERR_EXISTS:
	case ERR_AUTH:
	case ERR_DB:
		return 1;
	case ERR_UNAVAILABLE:
		return db_is_lock_timeout(s->r->db, e);
	case ERR_NONE:
	case ERR_NOMEM:
	case ERR_SYS:
	case ERR_REFUSED:
	case ERR_LOST:
		return 0;
	}
	return 0;
}

/* What fails has done nothing, or a half that can be told, or may be done again. What commits by
 * itself (CALL) has not told where it failed. */
static int is_whole(const struct db_statement *st)
{
	return (st->flags & (DB_OUTSIDE | DB_REPEATABLE)) != 0 && !(st->flags & DB_PARTIAL);
}

/* Outside a transaction: announced, run, marked. */
static int run_outside(struct steps *s, size_t number, struct err *e)
{
	const struct db_statement *st = &s->script->statements[number - 1];
	struct db_probe before;
	if (db_probe(&before, s->r->db, st, s->arena, e) != 0)
		return err_wrap(e, "cannot look at what it is going to change");
	struct steps_mark flight = { number - 1, number, before.state };
	struct steps_mark failed = { number - 1, 0, before.state };
	struct steps_mark done = { .done = number };
	int rc = runner_steps_mark(s, &flight, e);
	if (rc != 1)
		return rc;
	runner_lasting_forget(s->r);
	if (run_one(s, number, e) == 0)
		return runner_steps_mark(s, &done, e);
	/* When this mark is lost, the next session finds out what it would have said. */
	if (is_definite(s, e) && is_whole(st))
		IGNORE(runner_steps_mark(s, &failed, NULL) != 1);
	return -1;
}

/* COMMIT of the script's own transaction: the mark is the last thing in it. */
static int run_commit(struct steps *s, size_t number, struct err *e)
{
	struct steps_mark mark = { .done = number };
	struct err why = { .code = ERR_NONE };
	struct revision next;
	s->has_session = 1; /* it may have taken a role for this transaction */
	int rc = runner_steps_write(&next, s, &mark, &why);
	if (rc == 1) {
		rc = run_one(s, number, e) == 0 ? 1 : -1;
		if (rc == 1)
			moved(s, &next);
		return rc;
	}
	struct db_statement rollback = { .text = STR("rollback"), .flags = DB_CONTROL };
	if (db_statement_run(s->r->db, &rollback, &s->counts, e) != 0)
		return -1;
	IGNORE(err_wrap(&why, "its mark in the ledger")); /* it only fills `why` */
	return rc == 0 ? 0 : look_again(s, &why, e);
}

static int run_rollback(struct steps *s, size_t number, struct err *e)
{
	struct steps_mark mark = { .done = number };
	return run_one(s, number, e) == 0 ? runner_steps_mark(s, &mark, e) : -1;
}

/* Not marked: what only changes the session is done again when the file goes on behind it. */
static int run_unmarked(struct steps *s, size_t number, struct err *e)
{
	return run_one(s, number, e) == 0 ? 1 : -1;
}

/* A statement before this one may have made a table that takes part in no transaction. */
static int loosen(struct steps *s, size_t number, struct err *e)
{
	const struct db_statement *st = &s->script->statements[number - 1];
	struct str table;
	if (s->open != 0 || (st->flags & (DB_SESSION | DB_OUTSIDE)))
		return 0;
	int rc = runner_lasting(&table, s->r, s->text, e);
	return rc == 1 ? script_loosen(s->script, number, table, &s->counts.failed, e) : rc;
}

static int run_statement(struct steps *s, size_t number, struct err *e)
{
	const struct db_statement *st = &s->script->statements[number - 1];
	if (loosen(s, number, e) != 0)
		return -1;
	switch (script_control(st)) {
	case SCRIPT_BEGINS:
		s->open = number;
		return run_unmarked(s, number, e);
	case SCRIPT_COMMITS:
		s->open = 0;
		return run_commit(s, number, e);
	case SCRIPT_ROLLS_BACK:
		s->open = 0;
		return run_rollback(s, number, e);
	case SCRIPT_NO_CONTROL:
	case SCRIPT_OTHER_CONTROL: /* was refused with the whole file */
		break;
	}
	s->has_session |= (st->flags & DB_SESSION) != 0;
	if (s->open != 0 || (st->flags & DB_SESSION))
		return run_unmarked(s, number, e);
	if (st->flags & DB_OUTSIDE)
		return run_outside(s, number, e);
	int rc = run_marked(s, number, e);
	if (rc < 0 && s->script->is_off && db_is_transaction_in_the_way(s->r->db, e))
		return run_outside(s, number, e);
	return rc;
}

/* ---- the file ---- */

static int stop_here(const struct steps *s, size_t number, struct err *e)
{
	return err_set(e, ERR_REFUSED,
		       "stopped before statement %zu of %zu: the next run goes on there", number,
		       s->script->n);
}

/* 1: the file is finished; 0: somebody else is at it; -1. */
static int run_all(struct steps *s, struct err *e)
{
	const struct steps_mark end = { .done = s->script->n };
	for (size_t i = s->there ? (size_t)s->row.statements_done + 1 : 1; i <= end.done; i++) {
		s->counts.failed = s->script->statements[i - 1].place;
		if (runner_stopped(s->r))
			return stop_here(s, i, e);
		int rc = run_statement(s, i, e);
		if (rc != 1)
			return rc;
	}
	s->counts.failed = (struct db_place){ .statement = 0 };
	return is_finished(s) ? 1 : runner_steps_mark(s, &end, e);
}

static int go(struct steps *s, struct err *e)
{
	int rc = s->there ? runner_steps_resume(s, e) : 1;
	if (rc == 1 && !is_finished(s))
		rc = run_all(s, e);
	/* A session that failed ends, and what is in it with it. */
	if (rc >= 0 && db_session_reset(s->r->db, e) != 0)
		return -1;
	return rc;
}

static int run_script(enum runner_step *step, struct steps *s, struct err *e)
{
	int rc = go(s, e);
	if (rc < 0)
		return runner_fail(s->r, s->file, s->counts.failed, e);
	*step = rc == 1 ? RUNNER_APPLIED : RUNNER_AGAIN;
	if (rc == 0)
		return 0;
	s->r->result->applied++;
	runner_log(s->r, "commit", "%.*s: %zu statement%s in %lld ms, each by itself",
		   STR_ARG(runner_shown(s->file->path, 4096)), s->script->n,
		   s->script->n == 1 ? "" : "s", (long long)(clock_mono_ms() - s->started));
	return 0;
}

int runner_steps(enum runner_step *step, struct runner *r, const struct migration *file,
		 const struct revision *row, struct err *e)
{
	AUTO(arena) struct arena arena;
	AUTO(buf) struct buf own;
	struct str content;
	struct script script;
	struct db_place place = { .statement = 0 };
	buf_init(&own, 0);
	arena_init(&arena, STATEMENTS_MAX);
	if (runner_content(&content, &own, r, file, e) != 0)
		return -1;
	if (script_read(&script, &place, db_driver_of(r->db), content, &arena, e) != 0)
		return runner_fail(r, file, place, e);
	struct steps s = { .r = r, .file = file, .script = &script, .arena = &arena };
	s.text = content;
	s.base = runner_row(r, file);
	s.counts = (struct db_script){ .notice = runner_notice, .context = r };
	s.started = clock_mono_ms();
	s.there = row != NULL;
	if (row != NULL)
		s.row = *row;
	r->events->log(r->events->context, "file", file->path);
	return run_script(step, &s, e);
}
