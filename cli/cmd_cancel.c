/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate cancel`: a person stops what has not ended. */
#include "cli/order.h"

static int run_cancel(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct rollout_canceled done;
	struct order_told told = { .verb = "canceled", .more = "asked" };
	struct err e;
	int code = order_take(&o, app, given);

	if (code != EXIT_DONE)
		return code;
	o.what.reason = option_value(given, "--reason");
	if (rollout_cancel(&done, app->store, app->conf, &o.what, &e) != 0)
		return e.code == ERR_INPUT ? app_fail_usage(app, &e) : app_fail(app, &e);
	told.n = done.canceled;
	told.more_n = (int64_t)done.asked;
	told.sentence =
	    str_of(arena_printf(app->arena, "%zu task%s canceled, %zu asked to stop%s",
				done.canceled, done.canceled == 1 ? "" : "s", done.asked,
				done.asked > 0 ? ": see `tidegate rollouts show`" : ""));
	return order_finish(app, &o, &told);
}

static const struct option options_cancel[] = {
	{ "--stage", 0, OPTION_ONE, "E", "only what is of this stage" },
	{ "--task", 0, OPTION_ONE, "T", "only this task: its id or full name" },
	{ "--reason", 0, OPTION_ONE, "TEXT", "why; at most 1000 bytes" },
	{ "--project", 0, OPTION_ONE, "ID", "the project, when only the number is given" },
	{ .name = NULL },
};

const struct command command_cancel = {
	.name = "cancel",
	.summary = "stop what has not ended",
	.usage = "ROLLOUT [--stage E] [--task T] [--reason TEXT] [--project ID]",
	.text = "Cancels tasks: those that never ran at once. A running one is asked to stop: its "
		"statement is canceled\nin the server and its transaction rolled back; it becomes "
		"CANCELED when the server has answered, or\nanother session holds the target's "
		"lock. What "
		"was committed before stays. `tidegate retry` lets\ncanceled tasks run again.",
	.options = options_cancel,
	.examples = "tidegate cancel 3 --stage prod --reason 'wrong index'\n"
		    "tidegate cancel 3 --task 12",
	.exits = "3 when nothing there can be canceled any more.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_cancel,
};
