/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate revisions baseline`: a person says which version a database is at. */
#include "cli/app.h"
#include "cli/baseline_run.h"
#include "release/version.h"

static int plan(struct baseline_plan *out, const struct baseline_run *run, struct db *target,
		struct err *e)
{
	(void)target;
	return baseline_items(&out->items, &out->n, run->refuse_over, run->files, run->app->arena,
			      e);
}

static int run_baseline(struct app *app, const struct options *given)
{
	struct baseline_run run = { .action = "baseline", .plan = plan, .app = app };
	const struct str given_version = option_value(given, "--version");
	char version[VERSION_TEXT];
	struct err e;
	int code;

	if (given_version.p == NULL)
		return app_usage(app, "--version is missing: which version are the databases at?");
	if (version_canonical(version, given_version, &e) != 0)
		return app_usage(app, "%s", e.msg);
	run.refuse_over = arena_str(app->arena, str_of(version));
	run.what = str_of(arena_printf(app->arena, "at version %s", version));
	code = baseline_run_files(&run, given);
	return code == EXIT_DONE ? baseline_run(&run, given) : code;
}

static const struct option options_baseline[] = {
	{ "--version", 0, OPTION_ONE, "V", "the version that the databases are at" },
	BASELINE_OPTIONS,
	{ .name = NULL },
};

const struct command command_revisions_baseline = {
	.name = "revisions",
	.verb = "baseline",
	.summary = "say which version a database is at, before its first rollout",
	.usage = "TARGET... --version V [--file-pattern GLOB | --release RELEASE] "
		 "[OPTION...]",
	.text =
	    "Records in the ledgers of the databases that every version up to V is there, without "
	    "running\nanything. With the files of a checkout or a release each gets its row and "
	    "its content, so that\na later change of it is noticed; without, one row stands for "
	    "all. Version 0 says that nothing\nis applied. TARGET is instances/I/databases/D or "
	    "projects/P/databaseGroups/G. Each database is\none transaction.",
	.options = options_baseline,
	.examples =
	    "tidegate revisions baseline instances/prod/databases/shop --version 42 --dry-run\n"
	    "tidegate revisions baseline projects/shop/databaseGroups/fleet --version 42 "
	    "--file-pattern 'migrations/*.sql'",
	.exits = "3 when a ledger has newer versions, or one with another content: nothing is "
		 "written there.",
	.min_operands = 1,
	.max_operands = 10000,
	.run = run_baseline,
};
