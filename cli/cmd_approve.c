/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate approve`: a person lets a stage start. Who may, and what it is bound to, is
 * release/rollout.h's. */
#include "cli/order.h"

/* "stage prod: 1 of 2 approvals, 1 is missing" */
static struct str sentence(const struct rollout_approved *a, struct str stage, struct arena *arena)
{
	const char *text;

	if (a->opened > 0)
		text = arena_printf(arena, "stage %.*s: approved; %zu task%s started",
				    STR_ARG(stage), a->opened, a->opened == 1 ? "" : "s");
	else
		text = arena_printf(arena, "stage %.*s: %s%lld of %lld approvals%s", STR_ARG(stage),
				    a->already ? "you have approved it before; " : "",
				    (long long)a->approved, (long long)a->approvals,
				    a->approved < a->approvals
					? ""
					: "; it starts when the stages before it are done");
	return str_of(text);
}

static int run_approve(struct app *app, const struct options *given)
{
	struct order o = { .timeout_ms = 0 };
	struct rollout_approved approved;
	struct order_told told = { .verb = "approved", .more = "approvals" };
	struct err e;
	int code = order_take(&o, app, given);

	if (code != EXIT_DONE)
		return code;
	if (o.what.environment.p == NULL)
		return order_ask_for_stage(app, &o);
	o.what.task = 0;
	o.what.reason = option_value(given, "--comment");
	if (rollout_approve(&approved, app->store, app->conf, &o.what, &e) != 0)
		return e.code == ERR_INPUT ? app_fail_usage(app, &e) : app_fail(app, &e);
	told.n = (size_t)approved.approved;
	told.more_n = approved.approvals;
	told.sentence = sentence(&approved, o.what.environment, app->arena);
	return order_finish(app, &o, &told);
}

static const struct option options_approve[] = {
	{ "--stage", 0, OPTION_ONE, "E", "the stage, by its environment" },
	{ "--comment", 0, OPTION_ONE, "TEXT", "kept with the approval; at most 1000 bytes" },
	{ "--project", 0, OPTION_ONE, "ID", "the project, when only the number is given" },
	{ .name = NULL },
};

const struct command command_approve = {
	.name = "approve",
	.summary = "approve a stage, so that it may start",
	.usage = "ROLLOUT --stage E [--comment TEXT] [--project ID]",
	.text =
	    "Writes down that the caller approves a stage whose environment asks for approvals. "
	    "The "
	    "last one that\nis missing starts the stage, once the stages before it are done. An "
	    "approval is bound to the digest of\nthe release, the targets of the stage and the "
	    "urls "
	    "of their instances; when one of these changes, it\nis void.",
	.options = options_approve,
	.examples = "tidegate approve 3 --stage prod --comment 'checked on staging'",
	.exits = "3 when the caller may not approve it, or there is nothing to approve.",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_approve,
};
