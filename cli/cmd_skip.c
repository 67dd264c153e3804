/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate skip`: a person counts tasks as done that were not, for good, and says why. */
#include "cli/order.h"

static int run_skip(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct order_told told = { .verb = "skipped" };
	struct err e;
	int code;

	if (!option_has(given, "--reason"))
		return app_usage(app, "a reason is needed: give --reason TEXT");
	code = order_take(&o, app, given);
	if (code != EXIT_DONE)
		return code;
	if (o.what.environment.p == NULL && o.what.task == 0)
		return order_ask_for_stage(app, &o);
	o.what.reason = option_value(given, "--reason");
	if (rollout_skip(&told.n, app->store, app->conf, &o.what, &e) != 0)
		return e.code == ERR_INPUT ? app_fail_usage(app, &e) : app_fail(app, &e);
	told.sentence =
	    str_of(arena_printf(app->arena, "%zu task%s skipped", told.n, told.n == 1 ? "" : "s"));
	return order_finish(app, &o, &told);
}

static const struct option options_skip[] = {
	{ "--stage", 0, OPTION_ONE, "E", "what is left of this stage" },
	{ "--task", 0, OPTION_ONE, "T", "only this task: its id or full name" },
	{ "--reason", 0, OPTION_ONE, "TEXT", "why; needed, at most 1000 bytes" },
	{ "--project", 0, OPTION_ONE, "ID", "the project, when only the number is given" },
	{ .name = NULL },
};

const struct command command_skip = {
	.name = "skip",
	.summary = "count tasks as done without running them, for good",
	.usage = "ROLLOUT (--stage E | --task T) --reason TEXT [--project ID]",
	.text = "Skips tasks that did not start, failed or were canceled: the stage counts them as "
		"done, and "
		"what was\nnot applied to their databases stays so. It cannot be taken back. What "
		"runs, or "
		"ran and is to run\nagain, has to be canceled first.",
	.options = options_skip,
	.examples = "tidegate skip 3 --task 12 --reason 'database is being retired'",
	.exits = "3 when no such task can be skipped.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_skip,
};
