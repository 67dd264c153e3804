/* SPDX-License-Identifier: Apache-2.0 */
/* From a claimed task to its outcome. Which thread does it, and under which lease, is not known
 * here. */

#include "receiver/execute.h"

#include "base/clock.h"
#include "base/mem.h"
#include "receiver/owner.h"
#include "receiver/pipeline.h"
#include "receiver/target.h"
#include "release/plan.h"
#include "release/release.h"
#include "release/runner.h"
#include "release/sheet.h"

#include <stdio.h>

enum {
	TRIES = 5,         /* sessions that may break within one attempt */
	FAILURES_MAX = 10, /* attempts in a row that may end because the target cannot be reached */
	LOG_LINES = 64,    /* kept back at most */
	LOG_FLUSH_MS = 500,
	/* A script can say anything any number of times: what one run may leave in the store. */
	LOG_TEXT_MAX = 2000,
	LOG_RUN_MAX = 4 * 1024 * 1024,
};

/* An execution under way, with the lines of its log that are not yet in the store. */
struct run {
	const struct execution *x;
	char *texts[LOG_LINES]; /* what `lines` point to */
	struct task_log lines[LOG_LINES];
	size_t n_lines;
	size_t kept;     /* bytes of all lines so far */
	size_t left_out; /* lines over the bound */
	int64_t flushed_ms;
};

static void flush_log(struct run *run)
{
	const struct execution *x = run->x;
	struct err e = { 0 };
	if (run->n_lines > 0 &&
	    task_log_add(x->store, x->task->run_id, run->lines, run->n_lines, &e) != 0)
		log_line(x->log, LOG_WARN, "a task's log was not written",
			 LOG_STR("task", x->task->name), LOG_TEXT("error", e.msg));
	for (size_t i = 0; i < run->n_lines; i++)
		mem_free(run->texts[i]);
	run->n_lines = 0;
	run->flushed_ms = clock_mono_ms();
}

/* Take a line whose length is known to be bounded. */
static void keep_line(struct run *run, const char *kind, struct str text)
{
	char *copy = mem_copy(text.p, text.n);
	if (copy == NULL)
		return; /* a line of a log is not worth a task */
	size_t i = run->n_lines++;
	run->texts[i] = copy;
	run->lines[i] = (struct task_log){ .at_ms = clock_unix_ms(),
					   .kind = str_of(kind),
					   .text = { copy, text.n } };
	if (run->n_lines == LOG_LINES || clock_mono_ms() - run->flushed_ms > LOG_FLUSH_MS)
		flush_log(run);
}

static void add_log(void *context, const char *kind, struct str text)
{
	struct run *run = context;
	size_t n = text.n < LOG_TEXT_MAX ? text.n : LOG_TEXT_MAX;
	/* Not within a character. */
	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0U) == 0x80U)
		n--;
	if (run->kept + n > LOG_RUN_MAX) {
		run->left_out++;
		return;
	}
	run->kept += n;
	keep_line(run, kind, str_first(text, n));
}

/* Say how much was left out, and write what is kept back. */
static void end_log(struct run *run)
{
	if (run->left_out > 0) {
		char text[64];
		int n = snprintf(text, sizeof text, "%zu more lines were left out", run->left_out);
		keep_line(run, "info", (struct str){ text, (size_t)n });
	}
	flush_log(run);
}

static int get_content(void *context, struct buf *out, const char *sha256, struct err *e)
{
	struct run *run = context;
	return sheet_read(out, run->x->store, sha256, run->x->digest, e);
}

static int must_stop(void *context)
{
	struct run *run = context;
	return run->x->stop(run->x->context);
}

static void set_session(void *context, struct db *session)
{
	struct run *run = context;
	run->x->session(run->x->context, session);
}

static struct str applied_by(struct arena *arena)
{
	char host[OWNER_HOST];
	return str_of(arena_printf(arena, "tidegate on %s", owner_host(host)));
}

/* What the runner needs to know, from the store and the configuration. */
static int make_job(struct runner_job *job, struct manifest *manifest, const struct execution *x,
		    struct err *e)
{
	const struct task *task = x->task;
	struct plan plan;
	struct release release;
	if (plan_get(&plan, x->store, task->project, task->plan, x->arena, e) != 0 ||
	    release_get(&release, x->store, task->project, plan.release, x->arena, e) != 0 ||
	    release_manifest(manifest, x->store, &release, x->arena, e) != 0)
		return -1;
	const struct conf_project *project = conf_project(x->conf, task->project);
	const struct conf_environment *environment = conf_environment(x->conf, task->environment);
	if (project == NULL || environment == NULL)
		return err_set(e, ERR_NOTFOUND,
			       "project '%.*s' or environment '%.*s' is no longer configured",
			       STR_ARG(task->project), STR_ARG(task->environment));
	*job = (struct runner_job){
		.manifest = manifest,
		.rules = { .allow_out_of_order = project->allow_out_of_order,
			   .allow_edited = project->allow_edited },
		.release = release.name,
		.task_run = task->run_name,
		.repository = release.repository,
		.commit = release.commit,
		.applied_by = applied_by(x->arena),
		.lock_wait_ms = environment->lock_timeout_ms,
		.tries = TRIES,
	};
	return target_options(&job->target, x->conf, task->target, x->arena, e);
}

static int execute(struct runner_result *result, struct run *run, struct err *e)
{
	struct runner_events events = {
		.content = get_content,
		.log = add_log,
		.stop = must_stop,
		.session = set_session,
		.context = run,
	};
	struct runner_job job;
	struct manifest manifest;
	if (make_job(&job, &manifest, run->x, e) != 0)
		return -1;
	return runner_run(result, &job, &events, run->x->arena, e);
}

/* Whether a run ended by what time can heal. */
static int was_transient(const struct task_run *run)
{
	static const enum err_code codes[] = { ERR_UNAVAILABLE, ERR_LOST, ERR_SYS, ERR_NOMEM };
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (str_eq_cstr(run->code, err_code_name(codes[i])))
			return 1;
	}
	return 0;
}

/*
 * How many runs before this one ended, one after the other, by what time can heal. A worker that
 * was killed says nothing about the target. When it cannot be known, the task is not given up.
 */
static int64_t failures_in_a_row(const struct execution *x)
{
	struct task_run *runs;
	size_t n = 0;
	int64_t failures = 0;
	struct err ignored;
	if (task_runs(&runs, &n, x->store, x->task, x->arena, &ignored) != 0)
		return 0;
	for (size_t i = n; i > 0; i--) {
		const struct task_run *run = &runs[i - 1];
		if (run->id == x->task->run_id || str_eq_cstr(run->code, TASK_INTERRUPTED))
			continue;
		if (!was_transient(run))
			break;
		failures++;
	}
	return failures;
}

/* What an error means for the task. */
static void set_failed(struct task_outcome *out, struct run *run,
		       const struct runner_result *result, const struct err *why)
{
	int64_t failures = failures_in_a_row(run->x);
	out->detail = arena_str(run->x->arena, str_of(why->msg));
	out->code = str_of(err_code_name(why->code));
	if (result->failed != NULL) {
		out->file = result->failed->path;
		out->statement = (int64_t)result->place.statement;
		out->line = (int64_t)result->place.line;
		out->column = (int64_t)result->place.column;
	}
	out->status = TASK_FAILED;
	if (must_stop(run)) {
		out->status = TASK_PENDING; /* the next start goes on from the ledger */
	} else if (err_is_transient(why) && failures + 1 < FAILURES_MAX) {
		out->status = TASK_PENDING;
		out->not_before_ms = clock_unix_ms() + pipeline_delay_ms(failures + 1);
	}
}

void execute_task(struct task_outcome *out, const struct execution *x)
{
	struct run run = { .x = x, .flushed_ms = clock_mono_ms() };
	struct runner_result result = { 0 };
	struct err e = { 0 };
	int rc = execute(&result, &run, &e);
	*out = (struct task_outcome){ .status = TASK_DONE,
				      .applied = (int64_t)result.applied,
				      .present = (int64_t)result.present };
	if (rc != 0) {
		set_failed(out, &run, &result, &e);
		keep_line(&run, "error", out->detail);
	}
	end_log(&run);
}
