/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts on their way out: JSON (docs/commands.md has the members) and tables for people. Runs
 * and logs are read from the store while they are written, task by task.
 */
#include "cli/rollout_out.h"

#include "base/clock.h"
#include "cli/drift_out.h"
#include "cli/json_out.h"
#include "cli/table.h"
#include "release/name.h"

enum tint stage_tint(enum stage_status status)
{
	switch (status) {
	case STAGE_WAITING:
	case STAGE_CANCELED:
		return TINT_DIM;
	case STAGE_APPROVAL:
	case STAGE_READY:
	case STAGE_PAUSED:
	case STAGE_RUNNING:
		return TINT_BUSY;
	case STAGE_FAILED:
		return TINT_BAD;
	case STAGE_DONE:
		return TINT_GOOD;
	case STAGE_STATUSES:
		break;
	}
	return TINT_NONE;
}

enum tint task_tint(enum task_status status)
{
	switch (status) {
	case TASK_NOT_STARTED:
	case TASK_CANCELED:
	case TASK_SKIPPED:
		return TINT_DIM;
	case TASK_PENDING:
	case TASK_RUNNING:
		return TINT_BUSY;
	case TASK_DONE:
		return TINT_GOOD;
	case TASK_FAILED:
		return TINT_BAD;
	case TASK_STATUSES:
		break;
	}
	return TINT_NONE;
}

int64_t stage_total(const struct stage *s)
{
	int64_t total = 0;

	for (size_t i = 0; i < TASK_STATUSES; i++)
		total += (int64_t)s->counts[i];
	return total;
}

int64_t stage_done(const struct stage *s)
{
	return (int64_t)(s->counts[TASK_DONE] + s->counts[TASK_SKIPPED]);
}

struct str rollout_release(const struct rollout *r, struct arena *arena)
{
	const struct name name = { .kind = NAME_RELEASE,
				   .project = r->plan.project,
				   .release = r->plan.release };

	return name_text(&name, arena);
}

void stage_line(struct buf *out, const struct stage *s)
{
	screen_add(out, s->environment);
	buf_addf(out, " %s %lld/%lld done", stage_status_name(s->status), (long long)stage_done(s),
		 (long long)stage_total(s));
	if (s->counts[TASK_RUNNING] > 0)
		buf_addf(out, ", %zu running", s->counts[TASK_RUNNING]);
	if (s->counts[TASK_FAILED] > 0)
		buf_addf(out, ", %zu failed", s->counts[TASK_FAILED]);
	if (s->waits.p != NULL) {
		buf_adds(out, "\n  ");
		screen_add(out, s->waits);
	}
}

/* --- JSON --- */

static void write_place(struct json_writer *w, const char *key, int64_t value)
{
	if (value != 0)
		jw_int(w, key, value);
	else
		jw_null(w, key);
}

static int write_log(struct json_writer *w, int64_t run, const struct rollout_details *d,
		     struct arena *arena, struct err *e)
{
	struct task_log *lines;
	size_t n;

	if (task_log_list(&lines, &n, d->store, run, arena, e) != 0)
		return -1;
	jw_array(w, "log");
	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_time(w, "at", lines[i].at_ms);
		jw_str(w, "kind", lines[i].kind);
		jw_str(w, "text", lines[i].text);
		jw_end_object(w);
	}
	jw_end_array(w);
	return 0;
}

static int write_run(struct json_writer *w, const struct task_run *run,
		     const struct rollout_details *d, struct arena *arena, struct err *e)
{
	jw_object(w, NULL);
	json_id_out(w, "id", run->id);
	jw_str(w, "name", run->name);
	jw_int(w, "attempt", run->attempt);
	jw_text(w, "status", task_status_name(run->status));
	jw_time(w, "started_at", run->started_ms);
	jw_time(w, "finished_at", run->finished_ms);
	jw_int(w, "applied", run->applied);
	jw_int(w, "present", run->present);
	jw_str(w, "detail", run->detail);
	jw_str(w, "code", run->code);
	jw_str(w, "file", run->file);
	write_place(w, "statement", run->statement);
	write_place(w, "line", run->line);
	write_place(w, "column", run->column);
	if (d->log && write_log(w, run->id, d, arena, e) != 0)
		return -1;
	jw_end_object(w);
	return 0;
}

static int write_task(struct json_writer *w, const struct task *t, const struct rollout_details *d,
		      struct arena *arena, struct err *e)
{
	struct task_run *runs;
	size_t n;

	if (task_runs(&runs, &n, d->store, t, arena, e) != 0)
		return -1;
	jw_object(w, NULL);
	json_id_out(w, "id", t->id);
	jw_str(w, "name", t->name);
	jw_str(w, "target", t->target);
	jw_text(w, "status", task_status_name(t->status));
	jw_int(w, "attempts", t->attempt);
	jw_str(w, "detail", t->detail);
	jw_int(w, "batch", t->batch);
	jw_time(w, "not_before", t->not_before_ms);
	jw_str(w, "cancel_asked_by", t->cancel_by);
	jw_time(w, "cancel_asked_at", t->cancel_ms);
	jw_time(w, "updated_at", t->updated_ms);
	jw_array(w, "runs");
	for (size_t i = 0; i < n; i++) {
		if (write_run(w, &runs[i], d, arena, e) != 0)
			return -1;
	}
	jw_end_array(w);
	jw_end_object(w);
	return 0;
}

static void write_approvals(struct json_writer *w, const struct stage *s)
{
	jw_array(w, "approved_by");
	for (size_t i = 0; i < s->n_approved_by; i++) {
		const struct approval *a = &s->approved_by[i];

		jw_object(w, NULL);
		jw_str(w, "who", a->who);
		jw_str(w, "origin", a->origin);
		jw_time(w, "at", a->at_ms);
		jw_str(w, "comment", a->comment);
		jw_str(w, "void", a->void_reason);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static int write_stage(struct json_writer *w, const struct stage *s,
		       const struct rollout_details *d, struct arena *arena, struct err *e)
{
	jw_object(w, NULL);
	jw_str(w, "name", s->name);
	jw_str(w, "environment", s->environment);
	jw_text(w, "status", stage_status_name(s->status));
	jw_str(w, "waits", s->waits);
	jw_bool(w, "automatic", s->automatic);
	jw_int(w, "approvals", s->approvals);
	jw_int(w, "approved", s->approved);
	write_approvals(w, s);
	jw_int(w, "batches", s->batches);
	jw_int(w, "batch", s->batch);
	jw_time(w, "opened_at", s->opened_ms);
	jw_str(w, "opened_by", s->opened_by);
	jw_int(w, "tasks_total", stage_total(s));
	jw_int(w, "tasks_done", stage_done(s));
	jw_int(w, "tasks_running", (int64_t)s->counts[TASK_RUNNING]);
	jw_int(w, "tasks_failed", (int64_t)s->counts[TASK_FAILED]);
	if (d->store != NULL) {
		jw_array(w, "tasks");
		for (size_t i = 0; i < s->n_tasks; i++) {
			if (write_task(w, &s->tasks[i], d, arena, e) != 0)
				return -1;
		}
		jw_end_array(w);
	}
	jw_end_object(w);
	return 0;
}

int rollout_json(struct json_writer *w, const struct rollout *r, const struct rollout_details *d,
		 struct arena *arena, struct err *e)
{
	jw_object(w, NULL);
	jw_str(w, "name", r->name);
	jw_str(w, "plan", r->plan.name);
	jw_str(w, "project", r->plan.project);
	jw_str(w, "title", r->plan.title);
	jw_str(w, "release", rollout_release(r, arena));
	jw_str(w, "target_stage", r->plan.target_stage);
	jw_text(w, "status", stage_status_name(r->status));
	jw_time(w, "created_at", r->created_ms);
	jw_array(w, "stages");
	for (size_t i = 0; i < r->n_stages; i++) {
		if (write_stage(w, &r->stages[i], d, arena, e) != 0)
			return -1;
	}
	jw_end_array(w);
	if (d->drift != NULL)
		drift_out_json(w, d->drift);
	jw_end_object(w);
	return 0;
}

/* --- for people --- */

/* "manual, 1/2 approvals, batch 1/3" */
static struct str policy_text(const struct stage *s, struct arena *arena)
{
	char approvals[64] = "", batches[64] = "";

	if (s->approvals > 0)
		(void)snprintf(approvals, sizeof(approvals), ", %lld/%lld approvals",
			       (long long)s->approved, (long long)s->approvals);
	if (s->batches > 1)
		(void)snprintf(batches, sizeof(batches), ", batch %lld/%lld", (long long)s->batch,
			       (long long)s->batches);
	return str_of(arena_printf(arena, "%s%s%s", s->automatic ? "automatic" : "manual",
				   approvals, batches));
}

/* What each stage waits for, and approvals that do not count any more. */
static void stage_notes(struct buf *out, const struct rollout *r)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];

		if (s->waits.p != NULL) {
			screen_add(out, s->environment);
			buf_adds(out, ": ");
			screen_add(out, s->waits);
			buf_addc(out, '\n');
		}
		for (size_t k = 0; k < s->n_approved_by; k++) {
			const struct approval *a = &s->approved_by[k];

			if (a->void_reason.p == NULL)
				continue;
			screen_add(out, s->environment);
			buf_adds(out, ": the approval of ");
			screen_add(out, a->who);
			buf_adds(out, " is void: ");
			screen_add(out, a->void_reason);
			buf_addc(out, '\n');
		}
	}
}

static int stages_table(struct buf *out, const struct rollout *r, const struct screen *screen,
			struct arena *arena, struct err *e)
{
	static const struct column columns[] = {
		{ "STAGE", 0 },  { "STATUS", 0 }, { "DONE", 1 },
		{ "POLICY", 0 }, { "OPENED", 0 }, { "BY", 0 },
	};
	struct table t;

	table_init(&t, arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];

		table_text(&t, s->environment);
		table_cell(&t, str_of(stage_status_name(s->status)), stage_tint(s->status));
		table_text(&t, str_of(arena_printf(arena, "%lld/%lld", (long long)stage_done(s),
						   (long long)stage_total(s))));
		table_text(&t, policy_text(s, arena));
		table_time(&t, s->opened_ms);
		table_text(&t, s->opened_by);
	}
	return table_write(out, &t, screen, e);
}

static int tasks_table(struct buf *out, const struct rollout *r, const struct screen *screen,
		       struct arena *arena, struct err *e)
{
	static const struct column columns[] = {
		{ "TASK", 1 },   { "STAGE", 0 },    { "TARGET", 0 }, { "BATCH", 1 },
		{ "STATUS", 0 }, { "ATTEMPTS", 1 }, { "DETAIL", 0 },
	};
	struct table t;

	table_init(&t, arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < r->n_stages; i++) {
		for (size_t k = 0; k < r->stages[i].n_tasks; k++) {
			const struct task *task = &r->stages[i].tasks[k];

			table_int(&t, task->id);
			table_text(&t, task->environment);
			table_text(&t, task->target);
			table_int(&t, task->batch);
			table_cell(&t, str_of(task_status_name(task->status)),
				   task_tint(task->status));
			table_int(&t, task->attempt);
			table_text(&t, task->detail);
		}
	}
	return table_write(out, &t, screen, e);
}

static int run_lines(struct buf *out, const struct task *task, const struct rollout_details *d,
		     struct arena *arena, struct err *e)
{
	struct task_run *runs;
	struct task_log *lines;
	size_t n, n_lines;
	char at[CLOCK_TEXT];

	if (task_runs(&runs, &n, d->store, task, arena, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "\n%.*s attempt %lld %s\n", STR_ARG(task->target),
			 (long long)runs[i].attempt, task_status_name(runs[i].status));
		if (task_log_list(&lines, &n_lines, d->store, runs[i].id, arena, e) != 0)
			return -1;
		if (n_lines == 0 && runs[i].detail.n > 0) {
			buf_adds(out, "  ");
			screen_add(out, runs[i].detail);
			buf_addc(out, '\n');
		}
		for (size_t k = 0; k < n_lines; k++) {
			buf_addf(out, "  %s %-7.*s ", clock_format(at, lines[k].at_ms),
				 STR_ARG(lines[k].kind));
			screen_add(out, lines[k].text);
			buf_addc(out, '\n');
		}
	}
	return 0;
}

/* Each run's log, task by task. */
static int logs(struct buf *out, const struct rollout *r, const struct rollout_details *d,
		struct arena *arena, struct err *e)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		for (size_t k = 0; k < r->stages[i].n_tasks; k++) {
			if (run_lines(out, &r->stages[i].tasks[k], d, arena, e) != 0)
				return -1;
		}
	}
	return 0;
}

int rollout_facts(struct buf *out, const struct rollout *r, const struct rollout_details *d,
		  const struct screen *screen, struct arena *arena, struct err *e)
{
	const enum tint tint = stage_tint(r->status);

	detail(out, "rollout", r->name);
	buf_adds(out, screen_tint(screen, tint));
	detail(out, "status", str_of(stage_status_name(r->status)));
	buf_adds(out, screen_plain(screen, tint));
	detail(out, "title", r->plan.title);
	detail(out, "release", rollout_release(r, arena));
	detail_time(out, "created", r->created_ms);
	buf_addc(out, '\n');
	if (stages_table(out, r, screen, arena, e) != 0)
		return -1;
	stage_notes(out, r);
	buf_addc(out, '\n');
	if (tasks_table(out, r, screen, arena, e) != 0)
		return -1;
	return d->log ? logs(out, r, d, arena, e) : 0;
}
