/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate run` and `retry`: a person opens a stage, or lets failed tasks run again. The gate
 * itself is release/rollout.h's; what stands in the way is told with exit code 3. */
#include "base/clock.h"
#include "base/num.h"
#include "cli/app.h"
#include "cli/json_out.h"
#include "cli/names.h"
#include "cli/rollout_out.h"
#include "cli/rollout_watch.h"

/* What both commands are told. */
struct order {
	struct name name;
	struct str environment; /* absent: none named */
	int64_t task;           /* 0: none named */
	int64_t timeout_ms;
	int wait;
	struct str who;
};

/* "12" or the full name of a task, which must be of the rollout. */
static int read_task(struct order *o, struct str text, struct err *e)
{
	struct name name;

	if (text.p == NULL || num_parse_i64(&o->task, text, 1, INT64_MAX) == 0)
		return 0;
	if (name_parse(&name, text, e) != 0)
		return -1;
	if (name.kind != NAME_TASK || name.plan != o->name.plan ||
	    !str_eq(name.project, o->name.project))
		return err_set(e, ERR_INPUT, "'%.*s' is no task of this rollout", STR_ARG(text));
	o->task = name.task;
	return 0;
}

/* The stage: of --stage ("prod", "environments/prod", or a full name), else of the operand. */
static int read_stage(struct order *o, const struct conf *conf, struct str text, struct err *e)
{
	struct name name;

	if (text.p == NULL)
		text = o->name.environment;
	if (!str_starts(text, STR("projects/")))
		return names_environment(&o->environment, conf, text, e);
	if (name_parse(&name, text, e) != 0)
		return -1;
	if (name.kind != NAME_STAGE || name.plan != o->name.plan ||
	    !str_eq(name.project, o->name.project))
		return err_set(e, ERR_INPUT, "'%.*s' is no stage of this rollout", STR_ARG(text));
	o->environment = name.environment;
	return 0;
}

/* Read the order and open what it needs: EXIT_DONE or an exit code. */
static int take_order(struct order *o, struct app *app, const struct options *given)
{
	const struct str project = option_value(given, "--project");
	struct err e;
	int code;

	o->wait = option_has(given, "--wait");
	if (option_duration(&o->timeout_ms, given, "--timeout", &e) != 0)
		return app_usage(app, "%s", e.msg);
	if (option_has(given, "--timeout") && !o->wait)
		return app_usage(app, "--timeout belongs to --wait");
	code = app_need(app, NEED_CONF);
	if (code != EXIT_DONE)
		return code;
	if (names_plan(&o->name, app->conf, given->operands[0], project, &e) != 0 ||
	    read_stage(o, app->conf, option_value(given, "--stage"), &e) != 0)
		return app_fail_usage(app, &e);
	if (o->name.kind == NAME_TASK || o->name.kind == NAME_TASK_RUN)
		o->task = o->name.task;
	if (read_task(o, option_value(given, "--task"), &e) != 0)
		return app_fail_usage(app, &e);
	o->who = app_caller(app->arena);
	if (o->who.p == NULL) {
		IGNORE(arena_err(app->arena, &e)); /* reported next */
		return app_fail(app, &e);
	}
	return app_need(app, NEED_STORE);
}

/* Progress goes to stderr; EXIT_DONE or EXIT_FAILED as the stage (or rollout) ended. */
static int wait_for(struct app *app, const struct order *o, const char **status)
{
	struct rollout_watch watch = { .name = o->name,
				       .environment = o->environment,
				       .timeout_ms = o->timeout_ms,
				       .to = stderr,
				       .screen = app->err };
	const int code = rollout_watch(app, &watch);

	*status = stage_status_name(watch.status);
	return code;
}

struct result {
	const char *verb;    /* member of the JSON: "started" or "retried" */
	struct str sentence; /* for people */
	size_t n;
	const char *status; /* after waiting; NULL: did not wait */
};

static int print_result(struct app *app, const struct order *o, const struct result *r)
{
	const struct name rollout = { .kind = NAME_ROLLOUT,
				      .project = o->name.project,
				      .plan = o->name.plan };
	const struct str name = name_text(&rollout, app->arena);
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	if (app->format == FORMAT_TABLE) {
		screen_add(&out, r->sentence);
		if (r->status != NULL)
			buf_addf(&out, "; now %s", r->status);
		buf_addc(&out, '\n');
		return app_print(app, &out);
	}
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_str(&w, "rollout", name);
	jw_str(&w, "stage", o->environment);
	json_id_out(&w, "task", o->task);
	jw_int(&w, r->verb, (int64_t)r->n);
	jw_text(&w, "status", r->status);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int finish(struct app *app, const struct order *o, struct result *r)
{
	int waited = EXIT_DONE, printed;

	if (o->wait)
		waited = wait_for(app, o, &r->status);
	printed = print_result(app, o, r);
	return waited != EXIT_DONE ? waited : printed;
}

/* --stage was forgotten: say which stages there are. */
static int ask_for_stage(struct app *app, const struct order *o)
{
	AUTO(buf) struct buf text;
	struct rollout r;
	struct err e;

	if (rollout_get(&r, app->store, app->conf, o->name.project, o->name.plan, app->arena, &e) !=
	    0)
		return app_fail(app, &e);
	buf_init(&text, 16 * 1024);
	for (size_t i = 0; i < r.n_stages; i++)
		buf_addf(&text, "%s%.*s is %s", i > 0 ? ", " : "", STR_ARG(r.stages[i].environment),
			 stage_status_name(r.stages[i].status));
	return app_usage(app, "which stage? give --stage: %s", text.p);
}

static int run_run(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct result r = { .verb = "started" };
	struct err e;
	int code = take_order(&o, app, given);

	if (code != EXIT_DONE)
		return code;
	if (o.environment.p == NULL)
		return ask_for_stage(app, &o);
	if (rollout_run_stage(&r.n, app->store, app->conf, o.name.project, o.name.plan,
			      o.environment, o.who, clock_unix_ms(), &e) != 0)
		return app_fail(app, &e);
	r.sentence =
	    r.n > 0
		? str_of(arena_printf(app->arena, "stage %.*s: %zu task%s started",
				      STR_ARG(o.environment), r.n, r.n == 1 ? "" : "s"))
		: str_of(arena_printf(app->arena, "stage %.*s was opened before; nothing to start",
				      STR_ARG(o.environment)));
	return finish(app, &o, &r);
}

static int run_retry(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct result r = { .verb = "retried" };
	struct err e;
	int code = take_order(&o, app, given);

	if (code != EXIT_DONE)
		return code;
	if (rollout_retry(&r.n, app->store, o.name.project, o.name.plan, o.environment, o.task,
			  o.who, clock_unix_ms(), &e) != 0)
		return app_fail(app, &e);
	r.sentence = r.n > 0 ? str_of(arena_printf(app->arena, "%zu task%s will run again", r.n,
						   r.n == 1 ? "" : "s"))
			     : STR("no task failed there; nothing to retry");
	if (r.n == 0)
		o.wait = 0;
	return finish(app, &o, &r);
}

static const struct option options_run[] = {
	{ "--stage", 0, OPTION_ONE, "E", "the stage to open, by its environment" },
	{ "--wait", 0, OPTION_FLAG, NULL, "wait until the stage is done or has failed" },
	{ "--timeout", 0, OPTION_ONE, "TIME", "wait at most so long; default without end" },
	{ "--project", 0, OPTION_ONE, "ID", "the project, when only the number is given" },
	{ .name = NULL },
};

static const struct option options_retry[] = {
	{ "--stage", 0, OPTION_ONE, "E", "only the failed tasks of this stage" },
	{ "--task", 0, OPTION_ONE, "T", "only this task: its id or full name" },
	{ "--wait", 0, OPTION_FLAG, NULL,
	  "wait until the stage (or rollout) is done or has failed" },
	{ "--timeout", 0, OPTION_ONE, "TIME", "wait at most so long; default without end" },
	{ "--project", 0, OPTION_ONE, "ID", "the project, when only the number is given" },
	{ .name = NULL },
};

const struct command command_run = {
	.name = "run",
	.summary = "start a stage that waits for a person",
	.usage = "ROLLOUT --stage E [--wait [--timeout TIME]] [--project ID]",
	.text =
	    "Opens a manual stage of a rollout, or one beyond the target stage: its tasks become "
	    "pending and the\ndaemon carries them out. ROLLOUT is projects/P/plans/N/rollout, "
	    "projects/P/plans/N, or N alone\nwhere only one project can be meant. With --wait the "
	    "progress is told on stderr.",
	.options = options_run,
	.examples = "tidegate run 3 --stage prod\n"
		    "tidegate run projects/shop/plans/3/rollout --stage prod --wait --timeout 10m",
	.exits =
	    "1 when a task failed (--wait) or the time was over; 3 when an earlier stage is not "
	    "done.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_run,
};

const struct command command_retry = {
	.name = "retry",
	.summary = "let failed tasks of a rollout run again",
	.usage = "ROLLOUT [--stage E] [--task T] [--wait [--timeout TIME]] [--project ID]",
	.text =
	    "Lets failed tasks run again: all of the rollout, those of one stage, or one. What was "
	    "applied before\nstays; each task goes on with the first migration that its database "
	    "does not have.",
	.options = options_retry,
	.examples =
	    "tidegate retry 3\ntidegate retry 3 --stage prod --wait\ntidegate retry 3 --task 12",
	.exits = "1 when a task failed again (--wait) or the time was over; 3 when it is refused.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_retry,
};
