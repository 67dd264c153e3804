/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows for the ledgers of several targets. One target's failure does not keep the others from being
 * done; each is one transaction of its own.
 */
#include "cli/baseline_run.h"

#include "base/clock.h"
#include "cli/local.h"
#include "cli/names.h"
#include "cli/table.h"
#include "cli/targets_in.h"
#include "receiver/owner.h"
#include "receiver/target.h"
#include "release/audit.h"
#include "release/release.h"
#include "release/store.h"
#include "vcs/repo.h"

enum { LOCK_WAIT_MS = 10000, REASON_MAX = 200 };

/* How it went with one target. */
struct outcome {
	struct str target;
	int failed;
	struct err why;
	struct baseline_report report;
	struct baseline_plan plan;
};

/* --- the files --- */

static int files_of_checkout(struct baseline_run *run, struct str pattern)
{
	struct local *l = arena_alloc(run->app->arena, sizeof(*l));
	struct err e;
	int code;

	if (l == NULL) {
		IGNORE(arena_err(run->app->arena, &e)); /* reported below */
		return app_fail(run->app, &e);
	}
	if (repo_library_init(&e) != 0)
		return app_fail(run->app, &e);
	l->pattern = pattern;
	code = local_read(l, run->app);
	if (code == EXIT_DONE && l->manifest.n == 0) {
		app_note(run->app, "nothing here matches '%.*s' and starts with a version",
			 STR_ARG(pattern));
		code = EXIT_FAILED;
	}
	run->files = &l->manifest;
	return code;
}

static int files_of_release(struct baseline_run *run, const struct options *given)
{
	struct manifest *m = arena_alloc(run->app->arena, sizeof(*m));
	struct app *app = run->app;
	struct release release;
	struct name name;
	struct err e;
	int code = app_need(app, NEED_CONF);

	if (code != EXIT_DONE)
		return code;
	if (names_release(&name, app->conf, option_value(given, "--release"),
			  option_value(given, "--project"), &e) != 0)
		return app_fail_usage(app, &e);
	code = app_need(app, NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (m == NULL)
		return arena_err(app->arena, &e) != 0 ? app_fail(app, &e) : EXIT_FAILED;
	if (release_get(&release, app->store, name.project, name.release, app->arena, &e) != 0 ||
	    release_manifest(m, app->store, &release, app->arena, &e) != 0)
		return app_fail(app, &e);
	run->files = m;
	return EXIT_DONE;
}

int baseline_run_files(struct baseline_run *run, const struct options *given)
{
	const struct str pattern = option_value(given, "--file-pattern");

	if (pattern.p != NULL && option_has(given, "--release"))
		return app_usage(run->app, "--file-pattern and --release do not go together");
	if (pattern.p != NULL)
		return files_of_checkout(run, pattern);
	return option_has(given, "--release") ? files_of_release(run, given) : EXIT_DONE;
}

/* --- one target --- */

/* "alice on db1, from Flyway: the old server": who said so stands in each row. */
static struct str said_by(const struct baseline_run *run, struct str reason)
{
	char host[OWNER_HOST];
	const struct str why = str_first(reason, REASON_MAX);
	const struct str who = app_caller(run->app->arena);

	return str_of(arena_printf(run->app->arena, "%.*s on %s, %s %.*s%s%.*s", STR_ARG(who),
				   owner_host(host), run->action, STR_ARG(run->what),
				   why.n > 0 ? ": " : "", STR_ARG(why)));
}

static int work(struct outcome *o, const struct baseline_run *run, struct str reason, int dry)
{
	AUTO(db) struct db *db = NULL;
	struct arena *arena = run->app->arena;
	struct db_options options;

	if (target_options(&options, run->app->conf, o->target, arena, &o->why) != 0 ||
	    db_open(&db, &options, &o->why) != 0 || run->plan(&o->plan, run, db, &o->why) != 0)
		return -1;

	const struct baseline_request request = {
		.items = o->plan.items,
		.n = o->plan.n,
		.applied_by = said_by(run, reason),
		.refuse_over = run->refuse_over,
		.now_ms = clock_unix_ms(),
		.lock_wait_ms = LOCK_WAIT_MS,
		.dry_run = dry,
	};

	return baseline_record(&o->report, db, &request, arena, &o->why);
}

/* --- the audit log --- */

/* It is another database than the target: the rows are there first, and the entry tells of them. */
static void audit(const struct baseline_run *run, const struct outcome *o, struct str reason)
{
	struct app *app = run->app;
	AUTO(buf) struct buf detail;
	struct audit_actor actor;
	struct json_writer w;
	struct err e;

	buf_init(&detail, 8192);
	jw_init(&w, &detail, 0);
	jw_object(&w, NULL);
	jw_str(&w, "what", run->what);
	jw_int(&w, "taken", (int64_t)o->report.counts[BASELINE_TAKEN]);
	jw_str(&w, "reason", reason);
	jw_end_object(&w);
	if (buf_check(&detail, &e) != 0 || app_actor(&actor, app->arena, &e) != 0 ||
	    audit_add(app->store, &actor, run->action, o->target, buf_str(&detail), clock_unix_ms(),
		      &e) != 0)
		app_note(app, "warning: not in the audit log: %s", e.msg);
}

/* Commands on targets work without a store; then only the ledgers tell who did it. */
static void open_store(struct app *app)
{
	const struct store_options options = { .create = 0, .durable = 1 };
	struct err e;

	if (app->store == NULL && store_open(&app->store, app->conf, &options, &e) != 0)
		app_note(app, "no entry in the audit log: %s", e.msg);
}

/* --- output --- */

static void write_outcome(struct json_writer *w, const struct outcome *o)
{
	jw_object(w, NULL);
	jw_str(w, "target", o->target);
	jw_bool(w, "done", !o->failed);
	jw_text(w, "error", o->failed ? o->why.msg : NULL);
	jw_int(w, "taken", (int64_t)o->report.counts[BASELINE_TAKEN]);
	jw_int(w, "present", (int64_t)o->report.counts[BASELINE_PRESENT]);
	jw_int(w, "conflicts", (int64_t)o->report.counts[BASELINE_CONFLICT]);
	jw_array(w, "revisions");
	for (size_t i = 0; i < o->report.n; i++) {
		const struct baseline_row *row = &o->report.rows[i];

		jw_object(w, NULL);
		jw_str(w, "version", row->item.version);
		jw_text(w, "verdict", baseline_verdict_name(row->verdict));
		jw_str(w, "path", row->item.path);
		jw_str(w, "sha256", row->item.sha256);
		jw_str(w, "why", row->why);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_array(w, "notes");
	for (size_t i = 0; i < o->plan.n_notes; i++) {
		jw_object(w, NULL);
		jw_str(w, "what", o->plan.notes[i].what);
		jw_str(w, "why", o->plan.notes[i].why);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_end_object(w);
}

static int print_json(struct app *app, const struct outcome *outcomes, size_t n, int dry)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_bool(&w, "dry_run", dry);
	jw_array(&w, "targets");
	for (size_t i = 0; i < n; i++)
		write_outcome(&w, &outcomes[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static enum tint verdict_tint(enum baseline_verdict v)
{
	switch (v) {
	case BASELINE_TAKEN:
		return TINT_GOOD;
	case BASELINE_PRESENT:
		return TINT_DIM;
	case BASELINE_CONFLICT:
		return TINT_BAD;
	}
	return TINT_NONE;
}

static int put_outcome(struct buf *out, const struct app *app, const struct outcome *o, int dry,
		       struct err *e)
{
	static const struct column columns[] = {
		{ "VERSION", 0 }, { "VERDICT", 0 }, { "SHA256", 0 }, { "PATH", 0 }, { "WHY", 0 },
	};
	struct table t;

	screen_add(out, o->target);
	buf_addf(out, ": %zu %s, %zu present, %zu in conflict%s\n",
		 o->report.counts[BASELINE_TAKEN], dry || o->failed ? "to take" : "taken",
		 o->report.counts[BASELINE_PRESENT], o->report.counts[BASELINE_CONFLICT],
		 o->failed ? "; nothing was written" : "");
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < o->report.n; i++) {
		const struct baseline_row *row = &o->report.rows[i];

		table_text(&t, row->item.version);
		table_cell(&t, str_of(baseline_verdict_name(row->verdict)),
			   verdict_tint(row->verdict));
		table_text(&t, str_first(row->item.sha256, 8));
		table_text(&t, row->item.path.p != NULL ? row->item.path
							: STR("everything up to this version"));
		table_text(&t, row->why);
	}
	if (o->report.n > 0 && table_write(out, &t, &app->out, e) != 0)
		return -1;
	for (size_t i = 0; i < o->plan.n_notes; i++) {
		buf_adds(out, "note: ");
		screen_add(out, o->plan.notes[i].what);
		buf_adds(out, ": ");
		screen_add(out, o->plan.notes[i].why);
		buf_addc(out, '\n');
	}
	return 0;
}

static int print_tables(struct app *app, const struct outcome *outcomes, size_t n, int dry)
{
	AUTO(buf) struct buf out;
	struct err e;

	app_begin(&out);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(&out, '\n');
		if (put_outcome(&out, app, &outcomes[i], dry, &e) != 0)
			return app_fail(app, &e);
	}
	return app_print(app, &out);
}

/* --- all --- */

/* Tell each failure; the first one's exit code. */
static int tell_failures(const struct app *app, struct outcome *outcomes, size_t n)
{
	int first = EXIT_DONE;

	for (size_t i = 0; i < n; i++) {
		struct outcome *o = &outcomes[i];
		int code;

		if (!o->failed)
			continue;
		IGNORE(err_wrap(&o->why, "'%.*s'", STR_ARG(o->target))); /* reported here */
		code = app_fail(app, &o->why);
		first = first == EXIT_DONE ? code : first;
	}
	return first;
}

int baseline_run(struct baseline_run *run, const struct options *given)
{
	const int dry = option_has(given, "--dry-run");
	struct app *app = run->app;
	struct outcome *outcomes;
	struct targets_in in;
	struct str reason;
	struct err e;
	int code = app_reason(&reason, app, given);

	if (code == EXIT_DONE)
		code = targets_in_read(&in, app, given);
	if (code != EXIT_DONE)
		return code;
	outcomes = arena_array(app->arena, in.n, sizeof(*outcomes));
	if (outcomes == NULL)
		return arena_err(app->arena, &e) != 0 ? app_fail(app, &e) : EXIT_FAILED;
	if (!dry)
		open_store(app);
	for (size_t i = 0; i < in.n; i++) {
		outcomes[i].target = in.targets[i];
		outcomes[i].failed = work(&outcomes[i], run, reason, dry) != 0;
		if (!dry && !outcomes[i].failed && app->store != NULL)
			audit(run, &outcomes[i], reason);
	}
	code = app->format == FORMAT_JSON ? print_json(app, outcomes, in.n, dry)
					  : print_tables(app, outcomes, in.n, dry);
	if (code != EXIT_DONE)
		return code;
	return tell_failures(app, outcomes, in.n);
}
