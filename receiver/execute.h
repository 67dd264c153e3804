/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_EXECUTE_H
#define RECEIVER_EXECUTE_H

#include "base/arena.h"
#include "base/conf.h"
#include "db/db.h"
#include "receiver/material.h"
#include "release/runner.h"
#include "release/task.h"

/*
 * One claimed task: what is known of it goes to release/runner.h, and what comes back becomes the
 * run's log and outcome. The work itself does not touch the store: it may run where nothing but a
 * session's wait (`poll`) may block.
 */

enum { EXECUTE_LINES = 64 };

/* Lines of a run's log, on their way to the store. */
struct execute_lines {
	struct execute_lines *next; /* for who keeps them */
	int64_t run_id;
	struct task_log lines[EXECUTE_LINES];
	size_t n;
	struct arena arena; /* the lines' texts */
};
void execute_lines_free(struct execute_lines *lines);

struct execution {
	const struct conf *conf;
	const struct task *task;
	const struct material *material;
	struct arena *arena;
	/* See db_options; NULL: poll(2). */
	int (*poll)(void *poll_context, struct pollfd *fds, size_t n, int timeout_ms);
	void (*aside)(void *poll_context, void (*work)(void *argument), void *argument);
	void *poll_context;
	/* As in runner_events. */
	int (*content)(void *context, struct buf *out, const char *sha256, struct err *e);
	/* Takes lines to write to the store. */
	void (*lines)(void *context, struct execute_lines *lines);
	/* Not 0: stop before the next migration; the task becomes pending again. */
	int (*stop)(void *context);
	/* The session in the target, or NULL when there is none: for db_cancel. */
	void (*session)(void *context, struct db *db);
	void *context;
};

/* How the work ended: what the runner returned. */
struct execute_end {
	int rc;
	struct err why; /* when it is not 0 */
	struct runner_result result;
};

/* Carry the task out. */
void execute_task(struct execute_end *out, const struct execution *x);

/*
 * What the end means for the task; the texts live in the execution's arena and material. An
 * unreachable target or a lock timeout makes it pending again with a growing delay, 10 times in a
 * row, which `store` knows; being stopped makes it pending; the rest fails.
 */
void execute_judge(struct task_outcome *out, const struct execute_end *end, int stopped,
		   const struct task *task, struct db *store, struct arena *arena);

#endif
