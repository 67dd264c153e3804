/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate run` and `retry`: a person opens a stage, or lets failed tasks run again. The gate
 * itself is release/rollout.h's; what stands in the way is told with exit code 3. */
#include "base/clock.h"
#include "cli/order.h"

/* --not-before: a time, or how long from now: "+2h". */
static int read_not_before(struct order *o, const struct options *given, struct err *e)
{
	const struct str text = option_value(given, "--not-before");
	int64_t wait_ms;

	if (text.p == NULL)
		return 0;
	if (str_starts(text, STR("+"))) {
		if (clock_parse_duration(&wait_ms, str_from(text, 1), e) != 0)
			return err_wrap(e, "--not-before");
		o->what.not_before_ms = o->what.now_ms + wait_ms;
		return 0;
	}
	if (clock_parse(&o->what.not_before_ms, text, o->what.now_ms, e) != 0)
		return err_set(e, ERR_INPUT,
			       "--not-before: '%.*s' is no time (write it like "
			       "2026-11-23T22:00:00+01:00, or from now: +2h)",
			       STR_ARG(str_first(text, 64)));
	if (o->what.not_before_ms < o->what.now_ms)
		return err_set(e, ERR_INPUT, "--not-before: '%.*s' is over (+2h is in two hours)",
			       STR_ARG(text));
	return 0;
}

static int run_run(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct order_told told = { .verb = "started" };
	struct str stage;
	struct err e;
	int code = order_take(&o, app, given);

	if (code != EXIT_DONE)
		return code;
	if (read_not_before(&o, given, &e) != 0)
		return app_fail_usage(app, &e);
	stage = o.what.environment;
	if (stage.p == NULL && o.what.task == 0)
		return order_ask_for_stage(app, &o);
	o.what.force = option_has(given, "--force");
	if (rollout_run(&told.n, app->store, app->conf, &o.what, &e) != 0)
		return app_fail(app, &e);
	if (stage.p == NULL)
		stage = STR("of the task");
	told.sentence =
	    told.n > 0
		? str_of(arena_printf(app->arena, "stage %.*s: %zu task%s started", STR_ARG(stage),
				      told.n, told.n == 1 ? "" : "s"))
		: str_of(arena_printf(app->arena, "stage %.*s was opened before; nothing to start",
				      STR_ARG(stage)));
	return order_finish(app, &o, &told);
}

static int run_retry(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct order_told told = { .verb = "retried" };
	struct err e;
	int code = order_take(&o, app, given);

	if (code != EXIT_DONE)
		return code;
	if (rollout_retry(&told.n, app->store, app->conf, &o.what, &e) != 0)
		return app_fail(app, &e);
	told.sentence = told.n > 0 ? str_of(arena_printf(app->arena, "%zu task%s will run again",
							 told.n, told.n == 1 ? "" : "s"))
				   : STR("no task failed there; nothing to retry");
	if (told.n == 0)
		o.wait = 0;
	return order_finish(app, &o, &told);
}

static const struct option options_run[] = {
	{ "--stage", 0, OPTION_ONE, "E", "the stage to open, by its environment" },
	{ "--task", 0, OPTION_ONE, "T", "only this task of an open stage: its id or full name" },
	{ "--not-before", 0, OPTION_ONE, "TIME", "not earlier: RFC 3339, or from now: +2h" },
	{ "--force", 0, OPTION_FLAG, NULL, "the next batch, though too many of the last failed" },
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
	.usage = "ROLLOUT --stage E [--task T] [--not-before TIME] [--force] "
		 "[--wait [--timeout TIME]] [--project ID]",
	.text =
	    "Opens a manual stage of a rollout, or one beyond the target stage: its tasks become "
	    "pending and the\ndaemon carries them out. ROLLOUT is projects/P/plans/N/rollout, "
	    "projects/P/plans/N, or N alone\nwhere only one project can be meant. With --wait the "
	    "progress is told on stderr.\nIn an open stage it starts at once what waits for its "
	    "time: "
	    "the next batch after a pause, or a task\nwith --not-before. Maintenance windows hold "
	    "all "
	    "the same.",
	.options = options_run,
	.examples = "tidegate run 3 --stage prod\n"
		    "tidegate run 3 --stage prod --not-before 2026-11-23T22:00:00+01:00\n"
		    "tidegate run projects/shop/plans/3/rollout --stage prod --wait --timeout 10m",
	.exits =
	    "1 when a task failed (--wait) or the time was over; 3 when an earlier stage is not "
	    "done,\napprovals are missing, or failures have stopped the stage.",
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
