/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli/app.h"
#include "release/name.h"
#include "release/rollout.h"

#include <stdint.h>

/* What `approve`, `run`, `retry`, `skip` and `cancel` share: ROLLOUT, --stage, --task, who gives
 * the order, and how its result is told. */
struct order {
	struct rollout_order what;
	struct name name; /* of what the operand names */
	int64_t timeout_ms;
	int wait;
};

/*
 * Read operand and options, and open configuration and store: EXIT_DONE, or an exit code with the
 * error reported. What operand, --stage and --task name must lie in each other.
 */
int order_take(struct order *o, struct app *app, const struct options *given) MUST_CHECK;

struct order_told {
	const char *verb;    /* member of the JSON: "started", "retried", ... */
	struct str sentence; /* for people */
	size_t n;
	const char *more; /* a second member, or NULL */
	int64_t more_n;
};

/* Print the result, after waiting for the stage (or rollout) when --wait was given: an exit code.
 */
int order_finish(struct app *app, const struct order *o, const struct order_told *told) MUST_CHECK;

/* --stage was forgotten: say which stages there are. */
int order_ask_for_stage(struct app *app, const struct order *o);

#endif
