/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_TASK_ROW_H
#define RELEASE_TASK_ROW_H

#include "release/store.h"
#include "release/task.h"

/* For the files of this folder that read tasks from the store. */
#define TASK_COLUMNS                                                                               \
	"id, project, plan, environment, target, status, attempt, detail, not_before, "            \
	"updated_at, unheld, batch, cancel_by, cancel_at"

/* A store_read_fn for `struct task` over TASK_COLUMNS. */
int task_read_row(void *element, struct store_reader *r, struct err *e) MUST_CHECK;

/* ERR_INPUT for a name that is none. */
int task_status_parse(enum task_status *out, struct str name, struct err *e) MUST_CHECK;

#endif
