/* SPDX-License-Identifier: Apache-2.0 */
/* What would be done: each target's ledger is read and compared with the files. */
#include "cli/rollout_preview.h"

#include "cli/rollout_report.h"
#include "cli/table.h"
#include "receiver/target.h"
#include "release/foreign.h"
#include "release/revision.h"

static int read_ledger(struct preview_target *t, const struct local_rollout *r, struct err *e)
{
	const struct conf *conf = engine_conf(r->engine);
	const struct conf_project *project = r->local.project;
	const struct check_rules rules = { .project = project->id,
					   .allow_out_of_order = project->allow_out_of_order,
					   .allow_edited = project->allow_edited,
					   .allow_foreign = project->allow_foreign_history };
	AUTO(db) struct db *db = NULL;
	struct db_options options;
	struct revision *revisions;
	size_t n;

	int failed;

	if (target_options(&options, conf, t->target, r->app->arena, e) != 0 ||
	    db_open(&db, &options, e) != 0)
		return -1;
	engine_session(r->engine, db);
	failed = revision_list(&revisions, &n, db, r->app->arena, e) != 0;
	engine_session(r->engine, NULL);
	if (failed)
		return -1;
	if (n == 0 && !rules.allow_foreign && foreign_refuse(db, t->target, e) != 0)
		return -1;
	return check_decide(&t->check, &r->local.manifest, revisions, n, &rules, r->app->arena, e);
}

static void read_target(struct preview_target *t, const struct local_rollout *r)
{
	t->failed = read_ledger(t, r, &t->why) != 0;
	for (size_t i = 0; i < t->check.n; i++)
		t->applied += t->check.files[i].revision != NULL &&
			      t->check.files[i].verdict != CHECK_UNFINISHED;
}

int rollout_preview_read(struct preview *out, struct local_rollout *r)
{
	struct preview p = { .targets = arena_array(r->app->arena, r->plan.n_targets,
						    sizeof(*p.targets)) };
	struct err e;

	if (p.targets == NULL) {
		IGNORE(arena_err(r->app->arena, &e)); /* reported next */
		return app_fail(r->app, &e);
	}
	if (engine_watch(r->engine, &e) != 0)
		return app_fail(r->app, &e);
	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		const struct stage *s = &r->rollout.stages[i];

		for (size_t k = 0; k < s->n_tasks && !p.stopped; k++) {
			struct preview_target *t = &p.targets[p.n++];

			t->target = s->tasks[k].target;
			t->environment = s->environment;
			read_target(t, r);
			p.stopped = engine_interrupted(r->engine);
		}
	}
	*out = p;
	return EXIT_DONE;
}

/* --- printing --- */

/* "003__c.sql, 004__d.sql and 7 more" */
static struct str files_to_run(const struct preview_target *t, struct arena *arena)
{
	enum { NAMED = 3 };
	AUTO(buf) struct buf text;
	size_t named = 0;

	if (t->failed)
		return str_of(t->why.msg);
	buf_init(&text, 16 * 1024);
	for (size_t i = 0; i < t->check.n && named < NAMED; i++) {
		const struct check_file *f = &t->check.files[i];
		if (!check_must_run(f))
			continue;
		buf_addf(&text, "%s%.*s%s", named > 0 ? ", " : "",
			 STR_ARG(str_first(f->file->path, 200)),
			 f->verdict == CHECK_UNFINISHED ? " (unfinished)" : "");
		named++;
	}
	if (t->check.to_run > named)
		buf_addf(&text, " and %zu more", t->check.to_run - named);
	return arena_str(arena, buf_str(&text));
}

static int print_table(const struct preview *p, struct local_rollout *r)
{
	static const struct column columns[] = {
		{ "STAGE", 0 }, { "DATABASE", 0 }, { "APPLIED", 1 }, { "TO RUN", 1 }, { "WHAT", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	rollout_report_facts(&out, r);
	buf_addc(&out, '\n');
	table_init(&t, r->app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < p->n; i++) {
		const struct preview_target *x = &p->targets[i];

		table_text(&t, x->environment);
		table_text(&t, x->target);
		table_int(&t, (int64_t)x->applied);
		table_int(&t, (int64_t)x->check.to_run);
		table_cell(&t, files_to_run(x, r->app->arena), x->failed ? TINT_BAD : TINT_NONE);
	}
	if (table_write(&out, &t, &r->app->out, &e) != 0)
		return app_fail(r->app, &e);
	return app_print(r->app, &out);
}

static void write_target(struct json_writer *w, const struct preview_target *t)
{
	jw_object(w, NULL);
	jw_str(w, "target", t->target);
	jw_str(w, "environment", t->environment);
	jw_int(w, "applied", (int64_t)t->applied);
	jw_array(w, "toRun");
	for (size_t i = 0; i < t->check.n; i++) {
		if (check_must_run(&t->check.files[i]))
			jw_str(w, NULL, t->check.files[i].file->path);
	}
	jw_end_array(w);
	jw_text(w, "problem", t->failed ? t->why.msg : NULL);
	jw_end_object(w);
}

static int print_json(const struct preview *p, struct local_rollout *r)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	rollout_report_objects(&w, r);
	jw_array(&w, "targets");
	for (size_t i = 0; i < p->n; i++)
		write_target(&w, &p->targets[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(r->app, &out);
}

/* How it would go on; nothing when it would not. */
static void say_next(const struct local_rollout *r)
{
	const struct rollout *o = &r->rollout;

	if (o->n_stages == 0)
		return;
	app_note(r->app,
		 "nothing was run; to roll out through '%.*s', say: tidegate rollout "
		 "--target-stage environments/%.*s",
		 STR_ARG(o->stages[0].environment), STR_ARG(o->stages[0].environment));
	if (o->n_stages > 1)
		app_note(r->app, "or through the last stage: --target-stage environments/%.*s",
			 STR_ARG(o->stages[o->n_stages - 1].environment));
}

int rollout_preview_print(const struct preview *p, struct local_rollout *r)
{
	int code = r->app->format == FORMAT_JSON ? print_json(p, r) : print_table(p, r);

	if (code != EXIT_DONE)
		return code;
	if (p->stopped)
		return EXIT_INTERRUPTED;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->targets[i].failed)
			continue;
		if (p->targets[i].why.code != ERR_REFUSED)
			return EXIT_FAILED;
		code = EXIT_REFUSED;
	}
	if (code == EXIT_DONE)
		say_next(r);
	return code;
}
