/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dry run: what is missing in the target is run in one transaction, in its order, and rolled
 * back. What cannot be tried in this way is said, with all that comes behind it.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "release/foreign.h"
#include "release/runner_impl.h"

enum { STATEMENTS_MAX = 512 * 1024 * 1024 };

struct trying {
	struct runner *r;
	struct runner_dry *out;
	const struct migration *stuck; /* the first file that failed or was not tried */
};

static void set_why(struct runner_trial *t, struct arena *arena, const char *why)
{
	t->why = arena_str(arena, str_of(why));
	/* Without memory for the reason there still is one. */
	if (t->why.p == NULL)
		t->why = STR("out of memory");
}

/* Whether the error is about the session or the machine rather than the script. */
static int ends_all(const struct err *e)
{
	return e->code == ERR_LOST || e->code == ERR_NOMEM || e->code == ERR_SYS;
}

/* In the transaction that is open. */
static int run_script(struct runner_trial *t, struct trying *d, struct str text, struct err *e)
{
	struct runner *r = d->r;
	struct err why = { .code = ERR_NONE };
	struct db_script script = { .notice = runner_notice, .context = r };
	int64_t started = clock_mono_ms();
	r->events->log(r->events->context, "file", t->file->path);
	int rc = db_script_run(r->db, text, &script, &why);
	t->ms = clock_mono_ms() - started;
	t->statements = script.statements;
	t->changed = script.changed;
	if (rc == 0) {
		t->outcome = RUNNER_TRIED;
		return 0;
	}
	if (ends_all(&why) || runner_stopped(r)) {
		*e = why;
		return runner_fail(r, t->file, script.failed, e);
	}
	t->place = script.failed;
	t->outcome = why.code == ERR_UNAVAILABLE ? RUNNER_NOT_TRIED : RUNNER_FAILED;
	set_why(t, r->arena, why.msg);
	return 0;
}

/* A rollback must take all of it back, and does not where a table takes part in no transaction. */
static int is_taken_back(const struct script *script, struct trying *d, struct str text,
			 struct err *e)
{
	struct str table;
	if (script->way != SCRIPT_TRANSACTION)
		return 1;
	int rc = runner_lasting(&table, d->r, text, e);
	if (rc == 1)
		return err_set(e, ERR_REFUSED, "%.*s takes part in no transaction", STR_ARG(table));
	return rc == 0;
}

static int try_script(struct runner_trial *t, struct trying *d, struct str text, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct err why = { .code = ERR_NONE };
	struct script script;
	arena_init(&arena, STATEMENTS_MAX);
	if (script_read(&script, &t->place, db_driver_of(d->r->db), text, &arena, &why) != 0) {
		t->outcome = RUNNER_FAILED;
		set_why(t, d->r->arena, why.msg);
		*e = why;
		return ends_all(&why) ? -1 : 0;
	}
	t->statements = script.n;
	if (is_taken_back(&script, d, text, &why) != 1) {
		set_why(t, d->r->arena, why.msg);
		*e = why;
		return ends_all(&why) ? -1 : 0;
	}
	if (script.way == SCRIPT_TRANSACTION)
		return run_script(t, d, text, e);
	set_why(t, d->r->arena, script.why);
	return 0;
}

static int try_file(struct runner_trial *t, struct trying *d, const struct check_file *c,
		    struct err *e)
{
	AUTO(buf) struct buf own;
	struct str text;
	buf_init(&own, 0);
	if (d->stuck != NULL) {
		struct str path = runner_shown(d->stuck->path, 300);
		char *why = arena_printf(d->r->arena, "it comes behind '%.*s', which it may need",
					 STR_ARG(path));
		set_why(t, d->r->arena, why);
		return 0;
	}
	if (c->verdict == CHECK_UNFINISHED) {
		set_why(t, d->r->arena,
			"it is unfinished in this database: the rollout goes on with it, statement "
			"by statement");
		t->statements = (size_t)c->revision->statements;
		return 0;
	}
	if (runner_content(&text, &own, d->r, c->file, e) != 0)
		return -1;
	return try_script(t, d, text, e);
}

/* In the transaction that is open: each file that would be run. */
static int try_all(struct trying *d, const struct check *check, struct err *e)
{
	for (size_t i = 0; i < check->n; i++) {
		const struct check_file *c = &check->files[i];
		if (!check_must_run(c)) {
			d->out->present++;
			continue;
		}
		struct runner_trial *t = &d->out->trials[d->out->n++];
		*t = (struct runner_trial){ .file = c->file, .outcome = RUNNER_NOT_TRIED };
		if (runner_stopped(d->r))
			return err_set(e, ERR_REFUSED, "stopped");
		if (try_file(t, d, c, e) != 0)
			return -1;
		d->out->failed += t->outcome == RUNNER_FAILED;
		d->out->not_tried += t->outcome == RUNNER_NOT_TRIED;
		if (t->outcome != RUNNER_TRIED && d->stuck == NULL)
			d->stuck = c->file;
	}
	return 0;
}

static int work(struct runner_dry *out, struct runner *r, struct err *e)
{
	const struct runner_job *job = r->job;
	struct revision *revisions;
	struct check check;
	size_t n;
	if (db_lock(r->db, job->lock_wait_ms, e) != 0 ||
	    revision_list(&revisions, &n, r->db, r->arena, e) != 0 ||
	    (n == 0 && !job->rules.allow_foreign &&
	     foreign_refuse(r->db, job->target_name, e) != 0) ||
	    check_decide(&check, job->manifest, revisions, n, &job->rules, r->arena, e) != 0)
		return -1;
	struct runner_dry dry = { .n = 0 };
	struct trying d = { .r = r, .out = &dry };
	dry.trials = arena_array(r->arena, check.to_run + 1, sizeof *dry.trials);
	if (dry.trials == NULL)
		return arena_err(r->arena, e);
	if (db_begin(r->db, e) != 0)
		return -1;
	int rc = try_all(&d, &check, e);
	db_rollback(r->db);
	if (rc == 0)
		*out = dry;
	return rc;
}

static void tell_session(const struct runner *r, struct db *db)
{
	if (r->events->session != NULL)
		r->events->session(r->events->context, db);
}

int runner_dry_run(struct runner_dry *out, const struct runner_job *job,
		   const struct runner_events *events, struct arena *arena, struct err *e)
{
	AUTO(digest) struct digest *digest = digest_new();
	AUTO(free) struct runner_plan *plans = mem_array(job->manifest->n + 1, sizeof *plans);
	AUTO(db) struct db *db = NULL;
	struct runner_result result = { .applied = 0 };
	struct err why = { .code = ERR_NONE };
	if (digest == NULL || plans == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (db_open(&db, &job->target, e) != 0)
		return -1;
	struct runner r = { .result = &result,
			    .job = job,
			    .events = events,
			    .digest = digest,
			    .arena = arena,
			    .plans = plans,
			    .db = db };
	tell_session(&r, db);
	int rc = work(out, &r, &why);
	tell_session(&r, NULL);
	runner_lasting_forget(&r);
	if (rc != 0 && e != NULL)
		*e = why;
	return rc;
}
