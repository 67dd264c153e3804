/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's way through one target: session, lock, ledger, decision, and one migration after the
 * other. When a session breaks, everything is learnt anew in the next one from the ledger.
 */

#include "release/runner.h"

#include "base/clock.h"
#include "base/mem.h"
#include "release/foreign.h"
#include "release/runner_impl.h"

enum {
	/* Somebody else writes to the ledger between our looks: not more often than this. */
	ROUNDS_MAX = 100,
	PAUSE_FIRST_MS = 100,
	PAUSE_MOST_MS = 2000,
	PAUSE_STEP_MS = 50,
	LOCK_RETRY_MOST_MS = 300000,
};

static void tell_session(const struct runner *r, struct db *db)
{
	if (r->events->session != NULL)
		r->events->session(r->events->context, db);
}

/* What is there already. A row of this very run was written by a session that broke. */
static void count(struct runner *r, const struct check *check)
{
	struct str mine = r->job->task_run;
	r->result->applied = 0;
	r->result->present = 0;
	for (size_t i = 0; i < check->n; i++) {
		const struct revision *revision = check->files[i].revision;
		if (check_must_run(&check->files[i]))
			continue;
		if (mine.n > 0 && str_eq(revision->task_run, mine))
			r->result->applied++;
		else
			r->result->present++;
	}
}

static int run_file(enum runner_step *step, struct runner *r, const struct check_file *c,
		    struct err *e)
{
	/* A file that was begun statement by statement is finished so. */
	if (c->revision == NULL && runner_plan_of(r, c->file)->way == SCRIPT_TRANSACTION)
		return runner_file(step, r, c->file, e);
	return runner_steps(step, r, c->file, c->revision, e);
}

/* Read the ledger, decide, look at what is missing, and run what is missing, until it is done or
 * the ledger has changed. */
static int one_round(enum runner_step *step, struct runner *r, struct err *e)
{
	struct revision *revisions;
	struct check check = { .files = NULL };
	*step = RUNNER_APPLIED;
	if (revision_load(&revisions, &r->rows, r->db, r->arena, e) != 0)
		return -1;
	if (r->rows == 0 && !r->job->rules.allow_foreign &&
	    foreign_refuse(r->db, r->job->target_name, e) != 0)
		return -1;
	int rc =
	    check_decide(&check, r->job->manifest, revisions, r->rows, &r->job->rules, r->arena, e);
	if (check.files != NULL)
		count(r, &check);
	if (rc != 0 || check.files == NULL || runner_plan_all(r, &check, e) != 0)
		return -1;
	for (size_t i = 0; i < check.n && *step == RUNNER_APPLIED; i++) {
		const struct check_file *c = &check.files[i];
		if (!check_must_run(c))
			continue;
		if (runner_stopped(r))
			return err_set(e, ERR_REFUSED,
				       "stopped before migration '%.*s': what was applied stays",
				       STR_ARG(str_first(c->file->version, 48)));
		if (run_file(step, r, c, e) != 0)
			return -1;
	}
	return 0;
}

static int work(struct runner *r, struct err *e)
{
	if (db_lock(r->db, r->job->lock_wait_ms, e) != 0 || revision_prepare(r->db, e) != 0)
		return -1;
	for (int i = 0; i < ROUNDS_MAX; i++) {
		enum runner_step step;
		if (one_round(&step, r, e) != 0)
			return -1;
		if (step == RUNNER_APPLIED)
			return 0;
	}
	return err_set(e, ERR_UNAVAILABLE,
		       "another runner keeps writing to the ledger of this database");
}

/* One session from its beginning to its end. `*opened` tells whether there was one. */
static int session(int *opened, struct runner *r, struct err *e)
{
	AUTO(db) struct db *db = NULL;
	*opened = 0;
	if (db_open(&db, &r->job->target, e) != 0)
		return -1;
	*opened = 1;
	r->db = db;
	runner_lasting_forget(r);
	r->result->failed = NULL;
	r->result->place = (struct db_place){ .statement = 0 };
	tell_session(r, db);
	int rc = work(r, e);
	r->lock_timeout = rc != 0 && db_is_lock_timeout(db, e);
	tell_session(r, NULL);
	r->db = NULL;
	return rc;
}

/* Wait a while as sessions do, in small steps, unless we shall stop. */
static void pause_for(const struct runner *r, int64_t ms)
{
	const int64_t until = clock_mono_ms() + ms;
	while (!runner_stopped(r) && clock_mono_ms() < until)
		db_rest(&r->job->target, PAUSE_STEP_MS);
}

/* How often, and after how long, it tries again when a lock was not free. */
struct patience {
	int used;
	int64_t pause_ms;
	size_t commits; /* of the run when it last waited: getting on renews the patience */
};

/* 1: it has waited, and a new session shall try again. */
static int wait_for_lock(struct patience *p, const struct runner *r, const struct err *why)
{
	const struct runner_job *job = r->job;
	if (!r->lock_timeout || runner_stopped(r))
		return 0;
	if (p->used == 0 || p->commits != r->commits)
		*p = (struct patience){ .pause_ms = job->lock_retry_delay_ms };
	if (p->used >= job->lock_retries)
		return 0;
	p->used++;
	p->commits = r->commits;
	runner_log(r, "retry", "retry %d of %d in %lld ms: %s", p->used, job->lock_retries,
		   (long long)p->pause_ms, why->msg);
	pause_for(r, p->pause_ms);
	p->pause_ms = p->pause_ms * 2 < LOCK_RETRY_MOST_MS ? p->pause_ms * 2 : LOCK_RETRY_MOST_MS;
	return 1;
}

/*
 * A session that broke is followed by another, which waits in db_lock until the server has ended
 * the old one, and then finds in the ledger what became of it.
 */
static int run(struct runner *r, struct err *e)
{
	struct patience patience = { .used = 0 };
	int64_t pause = PAUSE_FIRST_MS;
	int lost = 0;
	for (int left = r->job->tries;;) {
		int opened;
		if (session(&opened, r, e) == 0)
			return 0;
		if (opened && wait_for_lock(&patience, r, e))
			continue;
		lost = lost || e->code == ERR_LOST;
		int again = e->code == ERR_LOST || (lost && !opened && e->code == ERR_UNAVAILABLE);
		if (!again || --left <= 0)
			return -1;
		runner_log(r, "retry", "%s", e->msg);
		pause_for(r, pause);
		pause = pause * 2 < PAUSE_MOST_MS ? pause * 2 : PAUSE_MOST_MS;
	}
}

int runner_run(struct runner_result *result, const struct runner_job *job,
	       const struct runner_events *events, struct arena *arena, struct err *e)
{
	AUTO(digest) struct digest *digest = digest_new();
	AUTO(free)
	struct runner_plan *plans = mem_array(job->manifest->n + 1, sizeof *plans);
	struct err why = { .code = ERR_NONE };
	struct runner r = {
		.result = result,
		.job = job,
		.events = events,
		.digest = digest,
		.arena = arena,
		.plans = plans,
	};
	*result = (struct runner_result){ .applied = 0 };
	if (digest == NULL || plans == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	int rc = run(&r, &why);
	runner_plan_free(&r);
	runner_lasting_forget(&r);
	if (rc != 0 && e != NULL)
		*e = why;
	return rc;
}
