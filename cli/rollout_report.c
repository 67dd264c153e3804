/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome of a local rollout: for people a table, for programs the objects of Bytebase's API
 * and what each database has. */
#include "cli/rollout_report.h"

#include "cli/rollout_out.h"
#include "cli/rollout_progress.h"
#include "cli/table.h"

#include <string.h>

enum { ROWS_MAX = 50 };

void rollout_report_facts(struct buf *out, const struct local_rollout *r)
{
	const struct checkout_commit *c = &r->local.commit;

	detail(out, "release", r->release.name);
	detail(out, "plan", r->plan.name);
	if (c->changed.p == NULL)
		detail(out, "commit", c->id);
	detail(out, "digest", r->release.digest);
	detail_int(out, "migrations", (int64_t)r->local.manifest.n);
}

/* --- JSON --- */

static void write_release(struct json_writer *w, const struct local_rollout *r)
{
	const struct manifest *m = &r->local.manifest;

	jw_object(w, "release");
	jw_str(w, "name", r->release.name);
	jw_array(w, "files");
	for (size_t i = 0; i < m->n; i++) {
		jw_object(w, NULL);
		jw_str(w, "path", m->files[i].path);
		jw_str(w, "version", m->files[i].version);
		jw_text(w, "sheetSha256", m->files[i].sha256);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_str(w, "creator", r->release.creator);
	jw_time(w, "createTime", r->release.created_ms);
	jw_text(w, "state", "ACTIVE");
	jw_text(w, "type", "VERSIONED");
	jw_end_object(w);
}

static void write_plan(struct json_writer *w, const struct local_rollout *r)
{
	jw_object(w, "plan");
	jw_str(w, "name", r->plan.name);
	jw_text(w, "state", "ACTIVE");
	jw_str(w, "title", r->plan.title);
	jw_array(w, "specs");
	jw_object(w, NULL);
	jw_text(w, "id", "release");
	jw_object(w, "changeDatabaseConfig");
	jw_array(w, "targets");
	for (size_t i = 0; i < r->plan.n_targets; i++)
		jw_str(w, NULL, r->plan.targets[i]);
	jw_end_array(w);
	jw_str(w, "release", r->release.name);
	jw_end_object(w);
	jw_end_object(w);
	jw_end_array(w);
	jw_time(w, "createTime", r->plan.created_ms);
	jw_bool(w, "hasRollout", 1);
	jw_end_object(w);
}

static void write_task(struct json_writer *w, const struct local_rollout *r, const struct task *t)
{
	jw_object(w, NULL);
	jw_str(w, "name", t->name);
	jw_text(w, "specId", "release");
	jw_text(w, "status", task_status_name(t->status));
	jw_text(w, "type", "DATABASE_MIGRATE");
	jw_str(w, "target", t->target);
	jw_object(w, "databaseUpdate");
	jw_str(w, "release", r->release.name);
	jw_end_object(w);
	jw_time(w, "updateTime", t->updated_ms);
	jw_end_object(w);
}

static void write_stage(struct json_writer *w, const struct local_rollout *r, const struct stage *s)
{
	jw_object(w, NULL);
	jw_str(w, "name", s->name);
	jw_str(w, "id", s->environment);
	jw_str(w, "environment",
	       str_of(arena_printf(r->app->arena, "environments/%.*s", STR_ARG(s->environment))));
	jw_array(w, "tasks");
	for (size_t i = 0; i < s->n_tasks; i++)
		write_task(w, r, &s->tasks[i]);
	jw_end_array(w);
	jw_end_object(w);
}

void rollout_report_objects(struct json_writer *w, const struct local_rollout *r)
{
	write_release(w, r);
	write_plan(w, r);
	jw_object(w, "rollout");
	jw_str(w, "name", r->rollout.name);
	jw_str(w, "title", r->plan.title);
	jw_array(w, "stages");
	for (size_t i = 0; i < r->rollout.n_stages; i++)
		write_stage(w, r, &r->rollout.stages[i]);
	jw_end_array(w);
	jw_time(w, "createTime", r->rollout.created_ms);
	jw_end_object(w);
}

/* --- what each database has --- */

struct ended {
	const struct task *task;
	struct task_run run; /* zero: it was never begun */
	int begun;
	int64_t left; /* migrations that are not in it; -1: not known */
};

static int read_ended(struct ended *out, const struct local_rollout *r, const struct task *t,
		      struct err *e)
{
	*out = (struct ended){ .task = t, .left = -1 };
	out->begun = rollout_last_run(&out->run, engine_store(r->engine), t, r->app->arena, e);
	if (out->begun < 0)
		return -1;
	if (out->begun)
		out->left = (int64_t)r->local.manifest.n - out->run.applied - out->run.present;
	return 0;
}

/* The place of a failure: "migrations/003__c.sql:4:12". */
static struct str place_of(const struct ended *x, struct arena *arena)
{
	if (x->run.file.p == NULL)
		return STR_NULL;
	if (x->run.line == 0)
		return x->run.file;
	return str_of(arena_printf(arena, "%.*s:%lld:%lld", STR_ARG(x->run.file),
				   (long long)x->run.line, (long long)x->run.column));
}

static void json_ended(struct json_writer *w, const struct ended *x)
{
	jw_object(w, NULL);
	jw_str(w, "target", x->task->target);
	jw_str(w, "environment", x->task->environment);
	jw_text(w, "status", task_status_name(x->task->status));
	if (x->begun) {
		jw_int(w, "applied", x->run.applied);
		jw_int(w, "present", x->run.present);
		jw_int(w, "left", x->left);
	}
	jw_str(w, "file", x->run.file);
	if (x->run.line > 0) {
		jw_int(w, "statement", x->run.statement);
		jw_int(w, "line", x->run.line);
		jw_int(w, "column", x->run.column);
	}
	jw_str(w, "code", x->run.code);
	jw_str(w, "detail", x->task->detail);
	jw_end_object(w);
}

static int print_json(struct local_rollout *r)
{
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct ended x;
	struct err e;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	rollout_report_objects(&w, r);
	jw_array(&w, "targets");
	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		const struct stage *s = &r->rollout.stages[i];

		for (size_t k = 0; k < s->n_tasks; k++) {
			if (read_ended(&x, r, &s->tasks[k], &e) != 0)
				return app_fail(r->app, &e);
			json_ended(&w, &x);
		}
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(r->app, &out);
}

static void table_count(struct table *t, const struct ended *x, int64_t n)
{
	if (x->begun)
		table_text(t, str_of(arena_printf(t->arena, "%lld", (long long)n)));
	else
		table_text(t, STR_NULL);
}

static int add_row(struct table *t, const struct local_rollout *r, const struct task *task,
		   struct err *e)
{
	struct ended x;

	if (read_ended(&x, r, task, e) != 0)
		return -1;
	table_text(t, task->environment);
	table_text(t, task->target);
	table_cell(t, str_of(task_status_name(task->status)), task_tint(task->status));
	table_count(t, &x, x.run.applied);
	table_count(t, &x, x.run.present);
	table_count(t, &x, x.left);
	table_text(t, place_of(&x, r->app->arena));
	return 0;
}

static int print_table(struct local_rollout *r)
{
	static const struct column columns[] = {
		{ "STAGE", 0 },  { "DATABASE", 0 }, { "STATUS", 0 }, { "APPLIED", 1 },
		{ "BEFORE", 1 }, { "LEFT", 1 },     { "AT", 0 },
	};
	const int many = r->plan.n_targets > ROWS_MAX;
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	rollout_report_facts(&out, r);
	buf_addc(&out, '\n');
	table_init(&t, r->app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		const struct stage *s = &r->rollout.stages[i];

		if (many)
			detail(&out, "stage",
			       str_of(arena_printf(
				   r->app->arena, "%.*s %s: %lld of %lld done",
				   STR_ARG(s->environment), stage_status_name(s->status),
				   (long long)stage_done(s), (long long)stage_total(s))));
		for (size_t k = 0; k < s->n_tasks; k++) {
			const int done = s->tasks[k].status == TASK_DONE ||
					 s->tasks[k].status == TASK_NOT_STARTED;

			if (!(many && done) && add_row(&t, r, &s->tasks[k], &e) != 0)
				return app_fail(r->app, &e);
		}
	}
	if (t.n_cells > 0 && table_write(&out, &t, &r->app->out, &e) != 0)
		return app_fail(r->app, &e);
	return app_print(r->app, &out);
}

int rollout_report_print(struct local_rollout *r)
{
	return r->app->format == FORMAT_JSON ? print_json(r) : print_table(r);
}

void rollout_report_next(const struct local_rollout *r, int code)
{
	if (code == EXIT_INTERRUPTED)
		app_note(r->app, "stopped: what ran is rolled back, or in the ledger as far as its "
				 "statements are done. The same command goes on with what each "
				 "database lacks");
	else if (code == EXIT_FAILED)
		app_note(r->app,
			 "no later stage was begun. Mend the cause and say the same command again: "
			 "it goes on with what each database lacks");
}
