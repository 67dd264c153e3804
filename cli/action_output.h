/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ACTION_OUTPUT_H
#define CLI_ACTION_OUTPUT_H

#include "cli/app.h"

struct check_report;

/*
 * The file of --output, as bytebase-action writes it: {"release", "plan", "rollout"} are the names
 * of what was made, "checkResults" the answer of a check; what there is none of is left out.
 */
struct action_output {
	struct str release, plan, rollout;
	/* Writes the answer under its key; NULL: none. */
	void (*check)(struct json_writer *w, const char *key, const struct check_report *report);
	const struct check_report *report;
};

/* Write a text to a file, which a reader never finds half written, making the directories above
 * it. */
int action_output_file(struct str file, struct str text, struct err *e) MUST_CHECK;

/* Write it to `file`, making the directories above it; nothing when `file` is absent. EXIT_DONE, or
 * EXIT_FAILED after a message. */
int action_output_write(const struct app *app, struct str file,
			const struct action_output *o) MUST_CHECK;

#endif
