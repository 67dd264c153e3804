/* SPDX-License-Identifier: Apache-2.0 */
/* From a claimed task to its outcome. Which thread does it, and under which lease, is not known
 * here. */

#include "receiver/execute.h"

#include "base/clock.h"
#include "base/mem.h"
#include "receiver/owner.h"
#include "receiver/pipeline.h"
#include "receiver/target.h"

#include <stdio.h>

enum {
	TRIES = 5,         /* sessions that may break within one attempt */
	FAILURES_MAX = 10, /* attempts in a row that may end because the target cannot be reached */
	LOG_FLUSH_MS = 500,
	/* A script can say anything any number of times: what one run may leave in the store. */
	LOG_TEXT_MAX = 2000,
	LOG_RUN_MAX = 4 * 1024 * 1024,
};

/* An execution under way, with the lines of its log that were not yet passed on. */
struct run {
	const struct execution *x;
	struct execute_lines *open;
	size_t kept;     /* bytes of all lines so far */
	size_t left_out; /* lines over the bound */
	int64_t flushed_ms;
};

void execute_lines_free(struct execute_lines *lines)
{
	if (lines != NULL)
		arena_free(&lines->arena);
	mem_free(lines);
}

static void flush_log(struct run *run)
{
	if (run->open != NULL)
		run->x->lines(run->x->context, TAKE(run->open));
	run->flushed_ms = clock_mono_ms();
}

static struct execute_lines *open_lines(const struct run *run)
{
	struct execute_lines *lines = mem_array(1, sizeof *lines);
	if (lines == NULL)
		return NULL;
	lines->run_id = run->x->task->run_id;
	arena_init(&lines->arena, LOG_RUN_MAX);
	return lines;
}

/* Take a line whose length is known to be bounded. */
static void keep_line(struct run *run, const char *kind, struct str text)
{
	if (run->open == NULL && (run->open = open_lines(run)) == NULL)
		return; /* a line of a log is not worth a task */
	struct execute_lines *lines = run->open;
	struct str copy = arena_str(&lines->arena, text);
	if (copy.p == NULL)
		return;
	lines->lines[lines->n++] = (struct task_log){
		.at_ms = clock_unix_ms(),
		.kind = str_of(kind),
		.text = copy,
	};
	if (lines->n == EXECUTE_LINES || clock_mono_ms() - run->flushed_ms > LOG_FLUSH_MS)
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

/* Say how much was left out, and pass on what is kept back. */
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
	return run->x->content(run->x->context, out, sha256, e);
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

/* A plan holds for the environment that its approvals and stages were made for. */
static int check_place(const struct execution *x, struct err *e)
{
	const struct task *task = x->task;
	const struct conf_instance *instance;
	struct str database;
	if (conf_target(&instance, &database, x->conf, task->target, e) != 0)
		return err_wrap(e, "a target of the plan is not configured any more");
	if (str_eq(instance->environment, task->environment))
		return 0;
	return err_set(
	    e, ERR_REFUSED,
	    "instance '%.*s' moved from environment '%.*s' to '%.*s' since the plan was "
	    "made: `tidegate replay` the delivery for a plan of today",
	    STR_ARG(instance->id), STR_ARG(task->environment),
	    STR_ARG(instance->environment.p != NULL ? instance->environment : STR("none")));
}

/* What the runner needs to know, from the plan's material and the configuration. */
static int make_job(struct runner_job *job, const struct execution *x, struct err *e)
{
	const struct task *task = x->task;
	const struct release *release = x->material->release;
	if (check_place(x, e) != 0)
		return -1;
	const struct conf_project *project = conf_project(x->conf, task->project);
	const struct conf_environment *environment = conf_environment(x->conf, task->environment);
	if (project == NULL || environment == NULL)
		return err_set(e, ERR_NOTFOUND,
			       "project '%.*s' or environment '%.*s' is no longer configured",
			       STR_ARG(task->project), STR_ARG(task->environment));
	*job = (struct runner_job){
		.manifest = x->material->manifest,
		.rules = { .allow_out_of_order = project->allow_out_of_order,
			   .allow_edited = project->allow_edited,
			   .allow_foreign = project->allow_foreign_history },
		.release = release->name,
		.task_run = task->run_name,
		.repository = release->repository,
		.commit = release->commit,
		.target_name = task->target,
		.applied_by = applied_by(x->arena),
		.lock_wait_ms = environment->lock_wait_ms,
		.tries = TRIES,
		.lock_retries = (int)environment->lock_retries,
		.lock_retry_delay_ms = environment->lock_retry_delay_ms,
	};
	if (target_options(&job->target, x->conf, task->target, x->arena, e) != 0)
		return -1;
	job->target.poll = x->poll;
	job->target.aside = x->aside;
	job->target.poll_context = x->poll_context;
	return 0;
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
	if (make_job(&job, run->x, e) != 0)
		return -1;
	if (runner_run(result, &job, &events, run->x->arena, e) == 0)
		return 0;
	if (e->code == ERR_NOTFOUND && result->failed == NULL)
		return err_wrap(e, "'%.*s' is gone since the plan was made",
				STR_ARG(run->x->task->target));
	return -1;
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
static int64_t failures_in_a_row(struct db *store, const struct task *task, struct arena *arena)
{
	struct task_run *runs;
	size_t n = 0;
	int64_t failures = 0;
	struct err ignored;
	if (task_runs(&runs, &n, store, task, arena, &ignored) != 0)
		return 0;
	for (size_t i = n; i > 0; i--) {
		const struct task_run *run = &runs[i - 1];
		if (run->id == task->run_id || str_eq_cstr(run->code, TASK_INTERRUPTED))
			continue;
		if (!was_transient(run))
			break;
		failures++;
	}
	return failures;
}

static void set_failed(struct task_outcome *out, const struct execute_end *end, int stopped,
		       int64_t failures, struct arena *arena)
{
	const struct runner_result *result = &end->result;
	out->detail = arena_str(arena, str_of(end->why.msg));
	out->code = str_of(err_code_name(end->why.code));
	if (result->failed != NULL) {
		out->file = result->failed->path;
		out->statement = (int64_t)result->place.statement;
		out->line = (int64_t)result->place.line;
		out->column = (int64_t)result->place.column;
	}
	out->status = TASK_FAILED;
	if (stopped) {
		out->status = TASK_PENDING; /* the next start goes on from the ledger */
	} else if (err_is_transient(&end->why) && failures + 1 < FAILURES_MAX) {
		out->status = TASK_PENDING;
		out->not_before_ms = clock_unix_ms() + pipeline_delay_ms(failures + 1);
	}
}

void execute_judge(struct task_outcome *out, const struct execute_end *end, int stopped,
		   const struct task *task, struct db *store, struct arena *arena)
{
	*out = (struct task_outcome){ .status = TASK_DONE,
				      .applied = (int64_t)end->result.applied,
				      .present = (int64_t)end->result.present };
	if (end->rc != 0)
		set_failed(out, end, stopped, failures_in_a_row(store, task, arena), arena);
}

void execute_task(struct execute_end *out, const struct execution *x)
{
	struct run run = { .x = x, .flushed_ms = clock_mono_ms() };
	*out = (struct execute_end){ .rc = 0 };
	out->rc = execute(&out->result, &run, &out->why);
	if (out->rc != 0)
		keep_line(&run, "error", str_of(out->why.msg));
	end_log(&run);
}
