/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate rollouts list` and `show`: how far each release has come, stage by stage. */
#include "cli/app.h"
#include "cli/drift_out.h"
#include "cli/names.h"
#include "cli/rollout_out.h"
#include "cli/rollout_watch.h"
#include "cli/table.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

static int list_json(struct app *app, const struct rollout *list, size_t n)
{
	const struct rollout_details counts_only = { .store = NULL };
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct err e;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "rollouts");
	for (size_t i = 0; i < n; i++) {
		if (rollout_json(&w, &list[i], &counts_only, app->arena, &e) != 0)
			return app_fail(app, &e);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

/* "dev DONE 3/3, prod READY 0/2" */
static struct str stages_text(const struct rollout *r, struct arena *arena)
{
	AUTO(buf) struct buf text;

	buf_init(&text, 16 * 1024);
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct stage *s = &r->stages[i];

		buf_addf(&text, "%s%.*s %s %lld/%lld", i > 0 ? ", " : "", STR_ARG(s->environment),
			 stage_status_name(s->status), (long long)stage_done(s),
			 (long long)stage_total(s));
	}
	return arena_str(arena, buf_str(&text));
}

static int list_table(struct app *app, const struct rollout *list, size_t n)
{
	static const struct column columns[] = {
		{ "ROLLOUT", 0 }, { "CREATED", 0 }, { "RELEASE", 0 },
		{ "STATUS", 0 },  { "STAGES", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_text(&t, list[i].name);
		table_time(&t, list[i].created_ms);
		table_text(&t, list[i].plan.release);
		table_cell(&t, str_of(stage_status_name(list[i].status)),
			   stage_tint(list[i].status));
		table_text(&t, stages_text(&list[i], app->arena));
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int run_list(struct app *app, const struct options *given)
{
	struct rollout *list;
	struct str project;
	struct err e;
	size_t n;
	int64_t limit = LIMIT_DEFAULT;
	int code;

	if (option_number(&limit, given, "--limit", 1, LIMIT_MAX, &e) != 0)
		return app_usage(app, "%s", e.msg);
	code = app_need(app, NEED_CONF);
	if (code != EXIT_DONE)
		return code;
	if (names_project(&project, app->conf, option_value(given, "--project"), &e) != 0)
		return app_fail_usage(app, &e);
	code = app_need(app, NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (rollout_list(&list, &n, app->store, app->conf, project, (size_t)limit, app->arena,
			 &e) != 0)
		return app_fail(app, &e);
	if (app->format == FORMAT_JSON)
		return list_json(app, list, n);
	if (n > 0)
		return list_table(app, list, n);
	app_note(app, "no rollouts yet; each release that is made starts one");
	return EXIT_DONE;
}

static int print_json(struct app *app, const struct rollout *r, const struct rollout_details *d)
{
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct err e;

	app_begin(&out);
	app_json(&w, &out);
	if (rollout_json(&w, r, d, app->arena, &e) != 0)
		return app_fail(app, &e);
	return app_print_json(app, &out);
}

static int print_table(struct app *app, const struct rollout *r, const struct rollout_details *d)
{
	AUTO(buf) struct buf out;
	struct err e;

	app_begin(&out);
	if (rollout_facts(&out, r, d, &app->out, app->arena, &e) != 0 ||
	    drift_out_table(&out, d->drift, app, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int print_rollout(struct app *app, const struct name *name, int log, int with_drift)
{
	struct drift_out drift = { .wanted = with_drift };
	const struct rollout_details details = { app->store, log, &drift };
	struct rollout r;
	struct err e;
	int code;

	if (rollout_get(&r, app->store, app->conf, name->project, name->plan, app->arena, &e) != 0)
		return app_fail(app, &e);
	code = drift_out_find(&drift, app, &r.plan);
	if (code != EXIT_DONE)
		return code;
	code = app->format == FORMAT_JSON ? print_json(app, &r, &details)
					  : print_table(app, &r, &details);
	return code != EXIT_DONE ? code : drift_out_exit(&drift);
}

static int watch(struct app *app, const struct name *name, int64_t timeout_ms)
{
	struct rollout_watch w = { .name = *name,
				   .timeout_ms = timeout_ms,
				   .to = stdout,
				   .screen = app->out,
				   .json = app->format == FORMAT_JSON };

	return rollout_watch(app, &w);
}

static int run_show(struct app *app, const struct options *given)
{
	int64_t timeout_ms = 0;
	struct name name;
	struct err e;
	int code;

	if (option_duration(&timeout_ms, given, "--timeout", &e) != 0)
		return app_usage(app, "%s", e.msg);
	if (option_has(given, "--timeout") && !option_has(given, "--watch"))
		return app_usage(app, "--timeout belongs to --watch");
	if (option_has(given, "--log") && option_has(given, "--watch"))
		return app_usage(app, "--log and --watch do not go together");
	if (option_has(given, "--drift") && option_has(given, "--watch"))
		return app_usage(app, "--drift and --watch do not go together");
	code = app_need(app, NEED_CONF);
	if (code != EXIT_DONE)
		return code;
	if (names_plan(&name, app->conf, given->operands[0], option_value(given, "--project"),
		       &e) != 0)
		return app_fail_usage(app, &e);
	code = app_need(app, NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	return option_has(given, "--watch") ? watch(app, &name, timeout_ms)
					    : print_rollout(app, &name, option_has(given, "--log"),
							    option_has(given, "--drift"));
}

static const struct option options_list[] = {
	{ "--project", 0, OPTION_ONE, "ID", "of this project only" },
	{ "--limit", 0, OPTION_ONE, "N", "at most so many, the newest; default 50" },
	{ .name = NULL },
};

static const struct option options_show[] = {
	{ "--watch", 0, OPTION_FLAG, NULL, "tell what changes until it is done or has failed" },
	{ "--timeout", 0, OPTION_ONE, "TIME", "watch at most so long; default without end" },
	{ "--log", 0, OPTION_FLAG, NULL, "the log of each task run too" },
	{ "--drift", 0, OPTION_FLAG, NULL,
	  "compare its targets with the configuration and with what the instances have now" },
	{ "--project", 0, OPTION_ONE, "ID", "the project, when only the number is given" },
	{ .name = NULL },
};

const struct command command_rollouts_list = {
	.name = "rollouts",
	.verb = "list",
	.summary = "list rollouts, newest first",
	.usage = "[--project ID] [--limit N]",
	.text = "Lists rollouts with their stages: how many of the databases of each are done.",
	.options = options_list,
	.examples = "tidegate rollouts list",
	.run = run_list,
};

const struct command command_rollouts_show = {
	.name = "rollouts",
	.verb = "show",
	.summary = "show one rollout: stages, tasks, runs; or watch it",
	.usage = "ROLLOUT [--log] [--drift] [--project ID]\nROLLOUT --watch [--timeout TIME] "
		 "[--project ID]",
	.text =
	    "Shows a rollout by stage and task, with what failed and why. ROLLOUT is "
	    "projects/P/plans/N/rollout,\nprojects/P/plans/N, or N alone where only one project "
	    "can "
	    "be meant. With --watch it tells each\nchange until the rollout is done or has failed; "
	    "with --format json each change is one line, an\nobject as of `rollouts list`.",
	.options = options_show,
	.examples = "tidegate rollouts show 3\n"
		    "tidegate rollouts show projects/shop/plans/3/rollout --log\n"
		    "tidegate rollouts show 3 --watch --timeout 10m",
	.exits = "With --watch: 0 when it is done, 1 when it failed or the time was over. With "
		 "--drift: 3 when\nthere is any.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_show,
};
