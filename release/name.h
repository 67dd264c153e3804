/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_NAME_H
#define RELEASE_NAME_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/*
 * Full names of things, segment by segment, as Bytebase writes them:
 *	projects/P/releases/R
 *	projects/P/plans/N[/rollout[/stages/E[/tasks/T[/taskRuns/U]]]]
 */
enum name_kind { NAME_RELEASE, NAME_PLAN, NAME_ROLLOUT, NAME_STAGE, NAME_TASK, NAME_TASK_RUN };

struct name {
	enum name_kind kind;
	struct str project;
	struct str release;
	int64_t plan;
	struct str environment;
	int64_t task;
	int64_t task_run;
};

/* Read a full name; the strings point into `text`. ERR_INPUT when a segment is missing, empty,
 * unknown, or not a positive number where one belongs. */
int name_parse(struct name *out, struct str text, struct err *e) MUST_CHECK;
/* The text of `name`, NUL-terminated; absent without memory. */
struct str name_text(const struct name *name, struct arena *arena);

#endif
