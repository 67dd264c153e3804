/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate revisions list` and `show`: the ledger of a target, read from the target itself. */
#include "cli/app.h"
#include "cli/revision_out.h"
#include "cli/table.h"
#include "release/version.h"

/* The ledger of the target that the first operand names; EXIT_DONE or an exit code. */
static int read_ledger(struct revision **out, size_t *n, struct app *app, struct str target)
{
	AUTO(db) struct db *db = NULL;
	struct err e;
	int code = app_need(app, NEED_CONF);

	if (code == EXIT_DONE)
		code = revision_open(&db, app, target);
	if (code != EXIT_DONE)
		return code;
	if (revision_list(out, n, db, app->arena, &e) != 0)
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
		revision_json(&w, NULL, &list[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

/* "started 3/7, 4 in flight" */
static struct str state_text(const struct revision *r, struct arena *arena)
{
	if (!revision_is_unfinished(r))
		return r->state;
	if (r->in_flight == 0)
		return str_of(arena_printf(arena, "started %lld/%lld",
					   (long long)r->statements_done,
					   (long long)r->statements));
	return str_of(arena_printf(arena, "started %lld/%lld, %lld in flight",
				   (long long)r->statements_done, (long long)r->statements,
				   (long long)r->in_flight));
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
		table_cell(&t, state_text(&list[i], app->arena),
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
	revision_json(&w, NULL, r);
	return app_print_json(app, &out);
}

static int show_table(struct app *app, struct str target, const struct revision *r)
{
	AUTO(buf) struct buf out;

	app_begin(&out);
	detail(&out, "target", target);
	revision_details(&out, r);
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
