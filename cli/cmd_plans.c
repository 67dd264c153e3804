/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate plans list` and `show`: which release is meant for which targets. */
#include "cli/app.h"
#include "cli/drift_out.h"
#include "cli/json_out.h"
#include "cli/names.h"
#include "cli/plan_review_out.h"
#include "cli/table.h"
#include "release/plan.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

/* The release's full name: the plan has its id. */
static struct str release_name(const struct plan *p, struct arena *arena)
{
	const struct name name = { .kind = NAME_RELEASE,
				   .project = p->project,
				   .release = p->release };

	return name_text(&name, arena);
}

/* What is known of a plan beside its own row. */
struct about {
	struct drift_out drift;
	struct plan_review_out review;
};

static void write_plan(struct json_writer *w, const struct plan *p, const struct about *about,
		       struct arena *arena)
{
	jw_object(w, NULL);
	jw_str(w, "name", p->name);
	json_id_out(w, "id", p->id);
	jw_str(w, "project", p->project);
	jw_str(w, "title", p->title);
	jw_str(w, "release", release_name(p, arena));
	jw_str(w, "target_stage", p->target_stage);
	jw_str(w, "group", p->group);
	jw_array(w, "targets");
	for (size_t i = 0; i < p->n_targets; i++)
		jw_str(w, NULL, p->targets[i]);
	jw_end_array(w);
	jw_bool(w, "has_rollout", p->has_rollout);
	jw_time(w, "created_at", p->created_ms);
	plan_review_out_json(w, &about->review);
	drift_out_json(w, &about->drift);
	jw_end_object(w);
}

static int list_json(struct app *app, const struct plan *list, size_t n)
{
	const struct about nothing = { .drift = { .wanted = 0 } };
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_array(&w, "plans");
	for (size_t i = 0; i < n; i++)
		write_plan(&w, &list[i], &nothing, app->arena);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int list_table(struct app *app, const struct plan *list, size_t n)
{
	static const struct column columns[] = {
		{ "PLAN", 0 },    { "CREATED", 0 }, { "RELEASE", 0 }, { "TARGETS", 1 },
		{ "THROUGH", 0 }, { "ROLLOUT", 0 }, { "TITLE", 0 },
	};
	AUTO(buf) struct buf out;
	struct table t;
	struct err e;

	app_begin(&out);
	table_init(&t, app->arena, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		table_text(&t, list[i].name);
		table_time(&t, list[i].created_ms);
		table_text(&t, list[i].release);
		table_int(&t, (int64_t)list[i].n_targets);
		table_text(&t, list[i].target_stage.n > 0 ? list[i].target_stage
							  : STR("the last stage"));
		table_text(&t, list[i].has_rollout ? STR("yes") : STR("no"));
		table_text(&t, list[i].title);
	}
	if (table_write(&out, &t, &app->out, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int run_list(struct app *app, const struct options *given)
{
	struct str project;
	struct plan *list;
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
	if (plan_list(&list, &n, app->store, project, (size_t)limit, app->arena, &e) != 0)
		return app_fail(app, &e);
	if (app->format == FORMAT_JSON)
		return list_json(app, list, n);
	if (n > 0)
		return list_table(app, list, n);
	app_note(app, "no plans yet; each release that is to be rolled out gets one");
	return EXIT_DONE;
}

static int show_table(struct app *app, const struct plan *p, const struct about *about)
{
	AUTO(buf) struct buf out;
	struct err e;

	app_begin(&out);
	detail(&out, "plan", p->name);
	detail(&out, "title", p->title);
	detail(&out, "release", release_name(p, app->arena));
	detail(&out, "through", p->target_stage.n > 0 ? p->target_stage : STR("the last stage"));
	detail(&out, "rollout", p->has_rollout ? STR("yes") : STR("no"));
	detail(&out, "group", p->group);
	detail_time(&out, "created", p->created_ms);
	buf_addf(&out, "\nTargets (%zu)\n", p->n_targets);
	for (size_t i = 0; i < p->n_targets; i++) {
		screen_add(&out, p->targets[i]);
		buf_addc(&out, '\n');
	}
	plan_review_out_table(&out, &about->review);
	if (drift_out_table(&out, &about->drift, app, &e) != 0)
		return app_fail(app, &e);
	return app_print(app, &out);
}

static int show_json(struct app *app, const struct plan *p, const struct about *about)
{
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	app_json(&w, &out);
	write_plan(&w, p, about, app->arena);
	return app_print_json(app, &out);
}

static int run_show(struct app *app, const struct options *given)
{
	const struct str project = option_value(given, "--project");
	struct about about = { .drift = { .wanted = option_has(given, "--drift") } };
	struct name name;
	struct plan plan;
	struct err e;
	int code = app_need(app, NEED_CONF);

	if (code != EXIT_DONE)
		return code;
	if (names_plan(&name, app->conf, given->operands[0], project, &e) != 0)
		return app_fail_usage(app, &e);
	code = app_need(app, NEED_STORE);
	if (code != EXIT_DONE)
		return code;
	if (plan_get(&plan, app->store, name.project, name.plan, app->arena, &e) != 0)
		return app_fail(app, &e);
	code = plan_review_out_find(&about.review, app, &plan);
	if (code == EXIT_DONE)
		code = drift_out_find(&about.drift, app, &plan);
	if (code != EXIT_DONE)
		return code;
	code = app->format == FORMAT_JSON ? show_json(app, &plan, &about)
					  : show_table(app, &plan, &about);
	return code != EXIT_DONE ? code : drift_out_exit(&about.drift);
}

static const struct option options_list[] = {
	{ "--project", 0, OPTION_ONE, "ID", "of this project only" },
	{ "--limit", 0, OPTION_ONE, "N", "at most so many, the newest; default 50" },
	{ .name = NULL },
};

static const struct option options_show[] = {
	{ "--drift", 0, OPTION_FLAG, NULL,
	  "compare its targets with the configuration and with what the instances have now" },
	{ "--project", 0, OPTION_ONE, "ID",
	  "the project of a plan that is named by its number alone" },
	{ .name = NULL },
};

const struct command command_plans_list = {
	.name = "plans",
	.verb = "list",
	.summary = "list plans, newest first",
	.usage = "[--project ID] [--limit N]",
	.text = "Lists plans: a release and the targets it is meant for, resolved and frozen.",
	.options = options_list,
	.examples = "tidegate plans list",
	.run = run_list,
};

const struct command command_plans_show = {
	.name = "plans",
	.verb = "show",
	.summary = "show one plan and its targets",
	.usage = "PLAN [--drift] [--project ID]",
	.text =
	    "Shows a plan and its targets. PLAN is a full name (projects/P/plans/N), or N alone "
	    "where only\none project can be meant.",
	.options = options_show,
	.examples =
	    "tidegate plans show 3\ntidegate plans show projects/shop/plans/3 --format json",
	.exits = "1 when there is no such plan, 3 when --drift finds any.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_show,
};
