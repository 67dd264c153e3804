/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate revisions list` and `show`: the ledger of a target, read from the target itself. */
#include "cli/app.h"
#include "cli/secrets.h"
#include "cli/table.h"
#include "receiver/target.h"
#include "release/revision.h"
#include "release/version.h"

static void write_revision(struct json_writer *w, const struct revision *r)
{
	jw_object(w, NULL);
	jw_str(w, "version", r->version);
	jw_str(w, "path", r->path);
	jw_str(w, "sha256", r->sha256);
	jw_str(w, "state", r->state);
	jw_str(w, "release", r->release);
	jw_str(w, "task_run", r->task_run);
	jw_str(w, "repository", r->repository);
	jw_str(w, "commit", r->commit);
	jw_str(w, "applied_by", r->applied_by);
	jw_time(w, "applied_at", r->applied_ms);
	jw_int(w, "duration_ms", r->duration_ms);
	jw_int(w, "statements", r->statements);
	jw_end_object(w);
}

/* The ledger of the target that the first operand names; EXIT_DONE or an exit code. */
static int read_ledger(struct revision **out, size_t *n, struct app *app, struct str target)
{
	AUTO(db) struct db *db = NULL;
	struct db_options options;
	struct err e;
	int code = app_need(app, NEED_CONF);

	if (code != EXIT_DONE)
		return code;
	if (secrets_of_target(app->conf, target, &e) != 0 ||
	    target_options(&options, app->conf, target, app->arena, &e) != 0)
		return app_fail_usage(app, &e);
	if (db_open(&db, &options, &e) != 0 || revision_list(out, n, db, app->arena, &e) != 0)
		return app_fail(app, &e);
	return EXIT_DONE;
}

static int list_json(struct app *app, struct str target, const struct revision *list, size_t n)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_str(&w, "target", target);
	jw_array(&w, "revisions");
	for (size_t i = 0; i < n; i++)
		write_revision(&w, &list[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int list_table(struct app *app, const struct revision *list, size_t n)
{
	static const struct column columns[] = {
		{ "VERSION", 0 }, { "APPLIED", 0 }, { "STATE", 0 },
		{ "MS", 1 },      { "RELEASE", 0 }, { "PATH", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_text(&t, list[i].version);
		table_time(&t, list[i].applied_ms);
		table_cell(&t, list[i].state,
			   str_eq_cstr(list[i].state, "applied") ? TINT_GOOD : TINT_BUSY);
		table_int(&t, list[i].duration_ms);
		table_text(&t, list[i].release);
		table_text(&t, list[i].path);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int run_list(struct app *app, const struct options *given)
{
	const struct str target = given->operands[0];
	struct revision *list = NULL;
	size_t n = 0;
	int code = read_ledger(&list, &n, app, target);

	if (code != EXIT_DONE)
		return code;
	if (app->format == FORMAT_JSON)
		return list_json(app, target, list, n);
	if (n > 0)
		return list_table(app, list, n);
	app_note(app, "no revisions in '%.*s' yet; no migration was applied there by tidegate",
		 STR_ARG(target));
	return EXIT_DONE;
}

static int show_json(struct app *app, const struct revision *r)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	write_revision(&w, r);
	return app_print_json(app, &out);
}

static int show_table(struct app *app, struct str target, const struct revision *r)
{
	AUTO(buf) struct buf out;

	app_begin(&out);
	detail(&out, "target", target);
	detail(&out, "version", r->version);
	detail(&out, "state", r->state);
	detail(&out, "path", r->path);
	detail(&out, "sha256", r->sha256);
	detail(&out, "release", r->release);
	detail(&out, "task run", r->task_run);
	detail(&out, "repository", r->repository);
	detail(&out, "commit", r->commit);
	detail_time(&out, "applied", r->applied_ms);
	detail(&out, "applied by", r->applied_by);
	detail_int(&out, "duration ms", r->duration_ms);
	detail_int(&out, "statements", r->statements);
	return app_print(app, &out);
}

static int run_show(struct app *app, const struct options *given)
{
	const struct str target = given->operands[0];
	char version[VERSION_TEXT];
	struct revision *list = NULL;
	struct err e;
	size_t n = 0;
	int code;

	if (version_canonical(version, given->operands[1], &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = read_ledger(&list, &n, app, target);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < n; i++) {
		if (str_eq_cstr(list[i].version, version))
			return app->format == FORMAT_JSON ? show_json(app, &list[i])
							  : show_table(app, target, &list[i]);
	}
	IGNORE(err_set(&e, ERR_NOTFOUND, "version '%s' is not applied in '%.*s'", version,
		       STR_ARG(target))); /* reported below */
	return app_fail(app, &e);
}

static const struct option no_options[] = { { .name = NULL } };

const struct command command_revisions_list = {
	.name = "revisions",
	.verb = "list",
	.summary = "list what a target database says was applied there",
	.usage = "instances/I/databases/D",
	.text =
	    "Connects to the target database as the daemon would and lists its ledger: the "
	    "versions that were\napplied there, each recorded in the migration's own transaction. "
	    "The password of the instance\nmust be readable for this user; the store is not "
	    "needed.",
	.options = no_options,
	.examples = "tidegate revisions list instances/prod/databases/shop",
	.exits = "1 when the database cannot be reached.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_list,
};

const struct command command_revisions_show = {
	.name = "revisions",
	.verb = "show",
	.summary = "show one revision of a target database",
	.usage = "instances/I/databases/D VERSION",
	.text =
	    "Shows one row of a target's ledger. Versions compare as numbers: 001 and 1 are the "
	    "same.",
	.options = no_options,
	.examples = "tidegate revisions show instances/prod/databases/shop 12",
	.exits = "1 when the version is not applied there.",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_show,
};
