/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ACTION_OUTPUT_H
#define CLI_ACTION_OUTPUT_H

#include "cli/app.h"

/*
 * The file of --output, as bytebase-action writes it: {"release", "plan", "rollout"} are the names
 * of what was made, "checkResults" the answer of a check; what there is none of is left out.
 */
struct action_output {
	struct str release, plan, rollout;
	/* The check's object, written under the key; NULL: none. */
	void (*check_results)(struct json_writer *w, const char *key, const void *context);
	const void *context;
};

/* Write it to `file`, making the directories above it; nothing when `file` is absent. EXIT_DONE, or
 * EXIT_FAILED after a message. */
int action_output_write(const struct app *app, struct str file,
			const struct action_output *o) MUST_CHECK;

#endif
