/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate rollout`: the migrations of a checkout, rolled out without a daemon. */
#include "cli/action_output.h"
#include "cli/app.h"
#include "cli/local.h"
#include "cli/names.h"
#include "cli/rollout_dry.h"
#include "cli/rollout_local.h"
#include "cli/rollout_preview.h"
#include "cli/rollout_report.h"
#include "receiver/setup.h"
#include "release/release.h"
#include "vcs/repo.h"

/* What does not need the configuration. */
static int check_options(struct local_rollout *r, const struct options *given)
{
	struct err e;
	const int code = local_options_check(r->app, given);

	if (code != EXIT_DONE)
		return code;
	if (option_has(given, "--plan"))
		return app_usage(r->app, "--plan names a plan of a server; without one it is made "
					 "of the files here");
	if (option_has(given, "--timeout"))
		app_note(r->app, "--timeout is ignored: no server is asked");
	r->id_template = option_value(given, "--release-id-template");
	r->timezone = option_value(given, "--release-id-timezone");
	if (r->id_template.p != NULL && release_template_check(r->id_template, &e) != 0)
		return app_usage(r->app, "--release-id-template: %s", e.msg);
	return EXIT_DONE;
}

static int read_all(struct local_rollout *r, const struct options *given)
{
	struct err e;
	int code = local_scope(&r->local, r->app, given, 1);

	if (code != EXIT_DONE)
		return code;
	if (names_environment(&r->target_stage, r->app->conf, option_value(given, "--target-stage"),
			      &e) != 0)
		return app_fail_usage(r->app, &e);
	code = local_read(&r->local, r->app);
	if (code == EXIT_DONE && r->local.manifest.n == 0) {
		app_note(r->app,
			 "no migration: nothing here matches '%.*s' and starts with a "
			 "version",
			 STR_ARG(r->local.pattern));
		return EXIT_FAILED;
	}
	return code == EXIT_DONE ? local_resolve(&r->local, r->app) : code;
}

/* Whether a stage of the target's environment is among those that there are. */
static int has_target_stage(const struct local_rollout *r)
{
	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		if (str_eq(r->rollout.stages[i].environment, r->target_stage))
			return 1;
	}
	return 0;
}

static int preview(struct local_rollout *r)
{
	struct preview p;
	const int code = rollout_preview_read(&p, r);

	return code == EXIT_DONE ? rollout_preview_print(&p, r) : code;
}

/* Approvals are kept by the daemon; nobody is asked here. */
static int check_approvals(const struct local_rollout *r)
{
	const struct conf *conf = engine_conf(r->engine);

	for (size_t i = 0; i < r->rollout.n_stages; i++) {
		const struct str id = r->rollout.stages[i].environment;
		const struct conf_environment *environment = conf_environment(conf, id);

		if (environment != NULL && environment->approvals > 0) {
			app_note(r->app,
				 "environment '%.*s' needs %lld approval%s, which only the daemon "
				 "keeps: merge the change and approve it there",
				 STR_ARG(id), (long long)environment->approvals,
				 environment->approvals == 1 ? "" : "s");
			return EXIT_REFUSED;
		}
		if (str_eq(id, r->target_stage))
			break;
	}
	return EXIT_DONE;
}

static int roll_out(struct local_rollout *r, int dry_run)
{
	int code, printed;

	if (dry_run && (r->target_stage.p == NULL || has_target_stage(r)))
		return rollout_dry_run(r);
	if (r->target_stage.p == NULL)
		return preview(r);
	if (!has_target_stage(r)) {
		app_note(r->app, "no database is of environment '%.*s': nothing was run",
			 STR_ARG(r->target_stage));
		return rollout_report_print(r);
	}
	code = check_approvals(r);
	if (code != EXIT_DONE)
		return code;
	code = rollout_local_run(r);
	printed = rollout_report_print(r);
	rollout_report_next(r, code);
	return code != EXIT_DONE ? code : printed;
}

static int run(struct local_rollout *r, const struct options *given)
{
	struct action_output output = { .check = NULL };
	int written, code = rollout_local_make(r);

	if (code == EXIT_DONE) {
		code = roll_out(r, option_has(given, "--dry-run"));
		output.release = r->release.name;
		output.plan = r->plan.name;
		output.rollout = r->rollout.name;
	}
	written = action_output_write(r->app, option_value(given, "--output"), &output);
	rollout_local_end(r);
	return code != EXIT_DONE ? code : written;
}

static int run_rollout(struct app *app, const struct options *given)
{
	struct local_rollout r = { .app = app };
	struct err e;
	int code = check_options(&r, given);

	if (code != EXIT_DONE)
		return code;
	if (repo_library_init(&e) != 0)
		return app_fail(app, &e);
	code = read_all(&r, given);
	if (code == EXIT_DONE)
		code = run(&r, given);
	repo_library_shutdown();
	return code;
}

static const struct option options_rollout[] = {
	LOCAL_OPTIONS,
	{ "--target-stage", 0, OPTION_ONE, "E",
	  "roll out through the stage of this environment; without it nothing is run" },
	{ "--dry-run", 0, OPTION_FLAG, NULL,
	  "run it in transactions that are rolled back, and tell what it would do" },
	{ "--release-id-template", 0, OPTION_ONE, "TEXT",
	  "name of the release; default: the project's release_id_template" },
	{ "--release-id-timezone", 0, OPTION_ONE, "ZONE",
	  "its time zone; default: the project's release_id_timezone" },
	{ "--plan", 0, OPTION_ONE, "NAME", "of a server: not in this version" },
	{ .name = NULL },
};

const struct command command_rollout = {
	.name = "rollout",
	.summary = "roll the migrations of a checkout out, without a daemon",
	.usage = "[--target-stage E] [--dry-run] [--targets TARGET,...] [OPTION...]",
	.text =
	    "Rolls the migrations below the current directory out over the databases of the "
	    "configuration, stage by\nstage through --target-stage. Without --target-stage it "
	    "tells what would be run in which database and\nchanges nothing. Each database has the "
	    "record of what was applied there, so the command may be said\nagain at any time: it "
	    "goes on with what is missing. Whoever says it opens the manual stages.\nSIGINT stops "
	    "it: what runs is rolled back.",
	.options = options_rollout,
	.examples = "tidegate rollout\n"
		    "tidegate rollout --target-stage environments/dev\n"
		    "tidegate rollout --targets instances/dev/databases/shop --target-stage dev "
		    "--format json",
	.exits = "1 when a migration failed; 3 when a rule refuses it (order, an edited file); 130 "
		 "after SIGINT or\nSIGTERM.",
	.run = run_rollout,
};
