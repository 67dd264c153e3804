/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_EXECUTE_H
#define RECEIVER_EXECUTE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/digest.h"
#include "base/log.h"
#include "db/db.h"
#include "release/task.h"

/* One claimed task: what the store and the configuration know of it goes to release/runner.h, and
 * what comes back becomes the run's log and outcome. Used by one thread. */

struct execution {
	struct db *store;
	struct digest *digest;
	const struct conf *conf;
	const struct task *task;
	const struct log *log;
	struct arena *arena;
	/* Not 0: stop before the next migration; the task becomes pending again. */
	int (*stop)(void *context);
	/* The session in the target, or NULL when there is none: for db_cancel. */
	void (*session)(void *context, struct db *db);
	void *context;
};

/* Carry the task out; `*out` says how it ended, its texts live in the arena. Unreachable targets
 * and lock timeouts make it pending again with a growing delay, 10 times in a row; the rest fails.
 */
void execute_task(struct task_outcome *out, const struct execution *x);

#endif
