/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate revisions adopt`: another tool's history becomes the beginning of our ledger. */
#include "cli/app.h"
#include "cli/baseline_run.h"
#include "cli/file.h"

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

/* Where the history comes from. */
struct adoption {
	const struct adopt_source *source;
	struct str table;
	const struct adopt_history *given; /* NULL: it is in the database */
};

static int plan(struct baseline_plan *out, const struct baseline_run *run, struct db *target,
		struct err *e)
{
	const struct adoption *a = run->context;
	struct adopt_history history;
	struct arena *arena = run->app->arena;

	if (a->given != NULL)
		history = *a->given;
	else if (adopt_read(&history, a->source, target, a->table, arena, e) != 0)
		return -1;
	if (adopt_items(&out->items, &out->n, &history, a->source, run->files, arena, e) != 0)
		return -1;
	out->notes = history.notes;
	out->n_notes = history.n_notes;
	return 0;
}

static int choose_source(struct adoption *a, const struct app *app, const struct options *given)
{
	const struct str from = option_value(given, "--from");

	a->source = adopt_find(from);
	a->table = option_value(given, "--table");
	if (from.p == NULL)
		return app_usage(app, "--from is missing (expected flyway, goose, golang-migrate, "
				      "dbmate or bytebase)");
	if (a->source == NULL)
		return app_usage(app,
				 "'%.*s' is no tool whose history can be adopted (expected flyway, "
				 "goose, golang-migrate, dbmate or bytebase)",
				 STR_ARG(from));
	if (a->source->table == NULL && a->table.p != NULL)
		return app_usage(app, "%s keeps no table in the database", a->source->tool);
	return EXIT_DONE;
}

static struct str skip_blank(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\r' || s.p[0] == '\t'))
		s = str_from(s, 1);
	return s;
}

/* One file, added to what is there: JSON when it begins as such, else CSV. */
static int read_file(struct adopt_history *history, struct str *next, struct str path,
		     struct arena *arena, struct err *e)
{
	AUTO(buf) struct buf raw;
	struct str text;

	buf_init(&raw, FILE_MAX_BYTES);
	if (file_read(&raw, path, e) != 0)
		return -1;
	text = arena_str(arena, buf_str(&raw));
	if (text.p == NULL)
		return arena_err(arena, e);
	if (str_starts(skip_blank(text), STR("{")))
		return adopt_bytebase_json(history, next, text, arena, e);
	if (history->n > 0)
		return err_set(e, ERR_INPUT, "only pages of JSON can be given one by one");
	return adopt_bytebase_csv(history, text, arena, e);
}

/* What was exported from a server, in the order of its pages. */
static int read_files(struct adopt_history *out, const struct app *app, const struct options *given,
		      struct err *e)
{
	struct adopt_history history = { .n = 0 };
	struct str path, next = STR_NULL;
	size_t at = 0;

	while (option_next(&path, given, "--file", &at)) {
		next = STR_NULL;
		if (read_file(&history, &next, path, app->arena, e) != 0)
			return err_wrap(e, "'%.*s'", STR_ARG(file_name(path)));
	}
	if (next.p != NULL)
		return err_set(
		    e, ERR_INPUT,
		    "the last file has a nextPageToken: the list goes on; fetch all pages "
		    "and give each by --file, in order");
	*out = history;
	return 0;
}

static int read_given(struct adoption *a, struct adopt_history *history, const struct app *app,
		      const struct options *given)
{
	const int in_database = a->source->read != NULL;
	struct err e;

	if (in_database && option_has(given, "--file"))
		return app_usage(app, "%s's history is in the database: --file is for bytebase",
				 a->source->tool);
	if (!in_database && !option_has(given, "--file"))
		return app_usage(app,
				 "%s keeps its history on its server: export it and give it by "
				 "--file (CSV, or the JSON of ListRevisions)",
				 a->source->tool);
	if (!in_database && given->n_operands > 1)
		return app_usage(app, "an exported history is of one database: give one target");
	if (in_database)
		return EXIT_DONE;
	if (read_files(history, app, given, &e) != 0)
		return app_fail(app, &e);
	a->given = history;
	return EXIT_DONE;
}

static int run_adopt(struct app *app, const struct options *given)
{
	struct adoption adoption = { .given = NULL };
	struct adopt_history history = { .n = 0 };
	struct baseline_run run = {
		.action = "adopt", .plan = plan, .context = &adoption, .app = app
	};
	int code = choose_source(&adoption, app, given);

	if (code == EXIT_DONE)
		code = read_given(&adoption, &history, app, given);
	if (code == EXIT_DONE)
		code = baseline_run_files(&run, given);
	if (code != EXIT_DONE)
		return code;
	run.what = str_of(arena_printf(app->arena, "from %s", adoption.source->tool));
	return baseline_run(&run, given);
}

static const struct option options_adopt[] = {
	{ "--from", 0, OPTION_ONE, "TOOL", "flyway, goose, golang-migrate, dbmate or bytebase" },
	{ "--table", 0, OPTION_ONE, "NAME",
	  "the tool's table, or SCHEMA.NAME; default: the tool's own name, in whatever schema" },
	{ "--file", 0, OPTION_MANY, "FILE",
	  "bytebase: an export as CSV, or the pages of ListRevisions as JSON; - is the standard "
	  "input" },
	BASELINE_OPTIONS,
	{ .name = NULL },
};

const struct command command_revisions_adopt = {
	.name = "revisions",
	.verb = "adopt",
	.summary = "take over the history that another migration tool kept",
	.usage = "TARGET... --from TOOL [--table NAME | --file FILE...] [OPTION...]",
	.text =
	    "Reads what the other tool has recorded and writes it into the ledgers of the "
	    "databases, "
	    "as\nbaseline rows, in one transaction for each database. Nothing is run, and nothing "
	    "of "
	    "the other tool\nis changed. A history with a failed or dirty migration is refused. "
	    "With "
	    "the files of a checkout\nor a release each row gets the file's path and content. What "
	    "is not taken over is told.",
	.options = options_adopt,
	.examples =
	    "tidegate revisions adopt instances/prod/databases/shop --from flyway --dry-run\n"
	    "tidegate revisions adopt projects/shop/databaseGroups/fleet --from goose "
	    "--file-pattern 'migrations/*.sql'",
	.exits = "3 when a history is not whole, or a ledger has a version with another content: "
		 "nothing is\nwritten there.",
	.min_operands = 1,
	.max_operands = 10000,
	.run = run_adopt,
};
