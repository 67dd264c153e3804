/* SPDX-License-Identifier: Apache-2.0 */
/* The dry run, one database after the other: a dry run holds its locks to the end, so it keeps none
 * waiting for another. */
#include "cli/rollout_dry.h"

#include "cli/rollout_report.h"
#include "cli/table.h"
#include "receiver/target.h"
#include "release/runner.h"

#include <string.h>

/* Who waits for a lock in a dry run makes others wait behind it. */
enum { LOCK_TIMEOUT_MS = 1000 };

struct dry_target {
	const struct task *task;
	struct runner_dry dry; /* empty when it failed as a whole */
	int failed;
	struct err why;
};

struct dry {
	struct dry_target *targets;
	size_t n;
	int stopped;
};

/* --- running --- */

static int get_content(void *context, struct buf *out, const char *sha256, struct err *e)
{
	const struct local_rollout *r = context;
	const struct manifest *m = &r->local.manifest;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->files[i].sha256, sha256) != 0)
			continue;
		buf_add(out, local_content(&r->local, &m->files[i]));
		return buf_check(out, e);
	}
	return err_set(e, ERR_NOTFOUND, "the content of a migration is not there");
}

/* What a server says to a script is for who asks for more. */
static void add_log(void *context, const char *kind, struct str text)
{
	const struct local_rollout *r = context;

	if (r->app->log.level <= LOG_DEBUG)
		app_note(r->app, "%s: %.*s", kind, STR_ARG(text));
}

static int is_stopped(void *context)
{
	const struct local_rollout *r = context;

	return engine_interrupted(r->engine);
}

static void set_session(void *context, struct db *session)
{
	const struct local_rollout *r = context;

	engine_session(r->engine, session);
}

static int try_target(struct dry_target *t, struct local_rollout *r, struct err *e)
{
	const struct conf_project *project = r->local.project;
	const struct runner_events events = { .content = get_content,
					      .log = add_log,
					      .stop = is_stopped,
					      .session = set_session,
					      .context = r };
	struct runner_job job = {
		.manifest = &r->local.manifest,
		.rules = { .project = project->id,
			   .allow_out_of_order = project->allow_out_of_order,
			   .allow_edited = project->allow_edited },
		.release = r->release.name,
		.task_run = r->plan.name,
		.repository = r->release.repository,
		.commit = r->release.commit,
		.applied_by = r->release.creator,
		.target_name = t->task->target,
		.lock_wait_ms = LOCK_TIMEOUT_MS,
		.tries = 1,
	};

	if (target_options(&job.target, engine_conf(r->engine), t->task->target, r->app->arena,
			   e) != 0)
		return -1;
	job.target.lock_timeout_ms = LOCK_TIMEOUT_MS;
	return runner_dry_run(&t->dry, &job, &events, r->app->arena, e);
}

static int try_all(struct dry *out, struct local_rollout *r, struct err *e)
{
	struct dry d = { .targets =
			     arena_array(r->app->arena, r->plan.n_targets, sizeof(*d.targets)) };

	if (d.targets == NULL)
		return arena_err(r->app->arena, e);
	if (engine_watch(r->engine, e) != 0)
		return -1;
	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		const struct stage *s = &r->rollout.stages[i];

		for (size_t k = 0; k < s->n_tasks && !d.stopped; k++) {
			struct dry_target *t = &d.targets[d.n++];

			t->task = &s->tasks[k];
			t->failed = try_target(t, r, &t->why) != 0;
			d.stopped = engine_interrupted(r->engine);
		}
		if (str_eq(s->environment, r->target_stage))
			break;
	}
	*out = d;
	return 0;
}

/* --- printing --- */

static const char *outcome_name(enum runner_trial_outcome outcome)
{
	switch (outcome) {
	case RUNNER_TRIED:
		return "TRIED";
	case RUNNER_FAILED:
		return "FAILED";
	case RUNNER_NOT_TRIED:
		break;
	}
	return "NOT_TRIED";
}

static enum tint outcome_tint(enum runner_trial_outcome outcome)
{
	switch (outcome) {
	case RUNNER_TRIED:
		return TINT_GOOD;
	case RUNNER_FAILED:
		return TINT_BAD;
	case RUNNER_NOT_TRIED:
		break;
	}
	return TINT_BUSY;
}

/* "migrations/003__c.sql:4:12" where a place is known. */
static struct str place_of(const struct runner_trial *x, struct arena *arena)
{
	if (x->place.line == 0)
		return x->file->path;
	return str_of(arena_printf(arena, "%.*s:%zu:%zu", STR_ARG(x->file->path), x->place.line,
				   x->place.column));
}

static void add_trial(struct table *t, const struct dry_target *target,
		      const struct runner_trial *x)
{
	table_text(t, target->task->environment);
	table_text(t, target->task->target);
	table_text(t, place_of(x, t->arena));
	table_cell(t, str_of(outcome_name(x->outcome)), outcome_tint(x->outcome));
	table_int(t, (int64_t)x->statements);
	table_int(t, x->changed);
	table_int(t, x->ms);
	table_text(t, x->why);
}

/* A database without a file to tell of. */
static void add_whole(struct table *t, const struct dry_target *target)
{
	table_text(t, target->task->environment);
	table_text(t, target->task->target);
	table_text(t, STR_NULL);
	table_cell(t, target->failed ? STR("FAILED") : STR("NOTHING TO DO"),
		   target->failed ? TINT_BAD : TINT_DIM);
	for (int i = 0; i < 3; i++)
		table_text(t, STR_NULL);
	table_text(t, target->failed ? str_of(target->why.msg) : STR_NULL);
}

static int print_table(const struct dry *d, const struct local_rollout *r)
{
	static const struct column columns[] = {
		{ "STAGE", 0 },      { "DATABASE", 0 }, { "FILE", 0 }, { "OUTCOME", 0 },
		{ "STATEMENTS", 1 }, { "ROWS", 1 },     { "MS", 1 },   { "WHY", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, r->app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < d->n; i++) {
		const struct dry_target *target = &d->targets[i];

		for (size_t k = 0; k < target->dry.n; k++)
			add_trial(&t, target, &target->dry.trials[k]);
		if (target->dry.n == 0)
			add_whole(&t, target);
	}
	if (table_write(&out, &t, &r->app->out, &e) != 0)
		return app_fail(r->app, &e);
	return app_print(r->app, &out);
}

static void json_trial(struct json_writer *w, const struct runner_trial *x)
{
	jw_object(w, NULL);
	jw_str(w, "file", x->file->path);
	jw_str(w, "version", x->file->version);
	jw_text(w, "outcome", outcome_name(x->outcome));
	jw_int(w, "statements", (int64_t)x->statements);
	jw_int(w, "changedRows", x->changed);
	jw_int(w, "ms", x->ms);
	if (x->place.line > 0) {
		jw_int(w, "statement", (int64_t)x->place.statement);
		jw_int(w, "line", (int64_t)x->place.line);
		jw_int(w, "column", (int64_t)x->place.column);
	}
	jw_str(w, "why", x->why);
	jw_end_object(w);
}

static int print_json(const struct dry *d, const struct local_rollout *r)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	rollout_report_objects(&w, r);
	jw_array(&w, "targets");
	for (size_t i = 0; i < d->n; i++) {
		const struct dry_target *t = &d->targets[i];

		jw_object(&w, NULL);
		jw_str(&w, "target", t->task->target);
		jw_str(&w, "environment", t->task->environment);
		jw_int(&w, "present", (int64_t)t->dry.present);
		jw_array(&w, "files");
		for (size_t k = 0; k < t->dry.n; k++)
			json_trial(&w, &t->dry.trials[k]);
		jw_end_array(&w);
		jw_text(&w, "problem", t->failed ? t->why.msg : NULL);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(r->app, &out);
}

/* --- the whole --- */

static int code_of(const struct dry *d, const struct local_rollout *r)
{
	size_t not_tried = 0;
	int code = EXIT_DONE;

	if (d->stopped)
		return EXIT_INTERRUPTED;
	for (size_t i = 0; i < d->n; i++) {
		const struct dry_target *t = &d->targets[i];

		not_tried += t->dry.not_tried;
		if (t->dry.failed > 0 || (t->failed && t->why.code != ERR_REFUSED))
			code = EXIT_FAILED;
		else if (t->failed && code == EXIT_DONE)
			code = EXIT_REFUSED;
	}
	if (not_tried > 0)
		app_note(r->app, "%zu file%s could not be tried: what they do is not known",
			 not_tried, not_tried == 1 ? "" : "s");
	if (code == EXIT_DONE)
		app_note(r->app, "everything was rolled back; nothing is changed");
	return code;
}

int rollout_dry_run(struct local_rollout *r)
{
	struct dry d = { .n = 0 };
	struct err e;
	int code;

	if (try_all(&d, r, &e) != 0)
		return app_fail(r->app, &e);
	code = r->app->format == FORMAT_JSON ? print_json(&d, r) : print_table(&d, r);
	return code == EXIT_DONE ? code_of(&d, r) : code;
}
