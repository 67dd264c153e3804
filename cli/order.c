/* SPDX-License-Identifier: Apache-2.0 */
/* Orders on their way in and out: names that must agree, the caller, waiting, the result. What an
 * order does is release/rollout.h's. */
#include "cli/order.h"

#include "base/clock.h"
#include "base/num.h"
#include "cli/json_out.h"
#include "cli/names.h"
#include "cli/rollout_watch.h"

/* A full name must be of the rollout that the operand names, and lie in its stage if it names one.
 */
static int read_name(struct name *out, const struct order *o, struct str text, enum name_kind kind,
		     const char *what, struct err *e)
{
	if (name_parse(out, text, e) != 0)
		return -1;
	if (out->kind != kind || out->plan != o->name.plan ||
	    !str_eq(out->project, o->name.project))
		return err_set(e, ERR_INPUT, "'%.*s' is no %s of this rollout", STR_ARG(text),
			       what);
	return 0;
}

static int take_stage(struct order *o, struct str environment, struct err *e)
{
	const struct str known = o->what.environment;

	if (known.p != NULL && environment.p != NULL && !str_eq(known, environment))
		return err_set(e, ERR_INPUT,
			       "the names do not agree: stage '%.*s' and stage '%.*s'",
			       STR_ARG(known), STR_ARG(environment));
	if (environment.p != NULL)
		o->what.environment = environment;
	return 0;
}

/* --stage: "prod", "environments/prod", or a full name. */
static int read_stage(struct order *o, const struct conf *conf, struct str text, struct err *e)
{
	struct name name = { .environment = STR_NULL };

	if (text.p != NULL && str_starts(text, STR("projects/"))) {
		if (read_name(&name, o, text, NAME_STAGE, "stage", e) != 0)
			return -1;
	} else if (names_environment(&name.environment, conf, text, e) != 0) {
		return -1;
	}
	return take_stage(o, name.environment, e);
}

/* --task: its id, or a full name. */
static int read_task(struct order *o, struct str text, struct err *e)
{
	struct name name = { .environment = STR_NULL };

	if (text.p == NULL)
		return 0;
	if (num_parse_i64(&name.task, text, 1, INT64_MAX) != 0 &&
	    read_name(&name, o, text, NAME_TASK, "task", e) != 0)
		return -1;
	if (o->what.task != 0 && o->what.task != name.task)
		return err_set(e, ERR_INPUT, "the names do not agree: task %lld and task %lld",
			       (long long)o->what.task, (long long)name.task);
	o->what.task = name.task;
	return take_stage(o, name.environment, e);
}

static int read_names(struct order *o, const struct app *app, const struct options *given,
		      struct err *e)
{
	if (names_plan(&o->name, app->conf, given->operands[0], option_value(given, "--project"),
		       e) != 0)
		return -1;
	o->what.project = o->name.project;
	o->what.plan = o->name.plan;
	o->what.environment = o->name.environment;
	if (o->name.kind == NAME_TASK || o->name.kind == NAME_TASK_RUN)
		o->what.task = o->name.task;
	if (read_stage(o, app->conf, option_value(given, "--stage"), e) != 0)
		return -1;
	return read_task(o, option_value(given, "--task"), e);
}

int order_take(struct order *o, struct app *app, const struct options *given)
{
	struct err e;
	int code;

	o->wait = option_has(given, "--wait");
	o->what.now_ms = clock_unix_ms();
	if (option_duration(&o->timeout_ms, given, "--timeout", &e) != 0)
		return app_usage(app, "%s", e.msg);
	if (option_has(given, "--timeout") && !o->wait)
		return app_usage(app, "--timeout belongs to --wait");
	code = app_need(app, NEED_CONF);
	if (code != EXIT_DONE)
		return code;
	if (read_names(o, app, given, &e) != 0)
		return app_fail_usage(app, &e);
	if (app_actor(&o->what.actor, app->arena, &e) != 0)
		return app_fail(app, &e);
	return app_need(app, NEED_STORE);
}

/* Progress goes to stderr; EXIT_DONE or EXIT_FAILED as the stage (or rollout) ended. */
static int wait_for(struct app *app, const struct order *o, const char **status)
{
	struct rollout_watch watch = { .name = o->name,
				       .environment = o->what.environment,
				       .timeout_ms = o->timeout_ms,
				       .to = stderr,
				       .screen = app->err };
	const int code = rollout_watch(app, &watch);

	*status = stage_status_name(watch.status);
	return code;
}

static int print(struct app *app, const struct order *o, const struct order_told *told,
		 const char *status)
{
	const struct name rollout = { .kind = NAME_ROLLOUT,
				      .project = o->name.project,
				      .plan = o->name.plan };
	const struct str name = name_text(&rollout, app->arena);
	AUTO(buf) struct buf out;
	struct json_writer w;

	app_begin(&out);
	if (app->format == FORMAT_TABLE) {
		screen_add(&out, told->sentence);
		if (status != NULL)
			buf_addf(&out, "; now %s", status);
		buf_addc(&out, '\n');
		return app_print(app, &out);
	}
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_str(&w, "rollout", name);
	jw_str(&w, "stage", o->what.environment);
	json_id_out(&w, "task", o->what.task);
	jw_int(&w, told->verb, (int64_t)told->n);
	if (told->more != NULL)
		jw_int(&w, told->more, told->more_n);
	jw_text(&w, "status", status);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

int order_finish(struct app *app, const struct order *o, const struct order_told *told)
{
	const char *status = NULL;
	int waited = EXIT_DONE, printed;

	if (o->wait)
		waited = wait_for(app, o, &status);
	printed = print(app, o, told, status);
	return waited != EXIT_DONE ? waited : printed;
}

int order_ask_for_stage(struct app *app, const struct order *o)
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
