/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_PROGRESS_H
#define CLI_ROLLOUT_PROGRESS_H

#include "base/arena.h"
#include "cli/live_area.h"
#include "cli/screen.h"
#include "release/rollout.h"

/*
 * How one stage goes on, for who waits for it: lines that are redrawn on a terminal; elsewhere one
 * line when it begins, one for each database that is done (every few seconds one for all where they
 * are many), one for each that failed, and one at the end.
 */
struct rollout_progress {
	struct live_area area;
	struct screen screen;
	struct db *store; /* lent: the runs are read from it */
	/* of the stage that is watched */
	unsigned char *seen; /* enum task_status of each task, as it was told */
	size_t n;
	int64_t began_ms;
	int64_t told_ms;
	int64_t paused_ms;      /* until when it was told to wait; 0: it was not */
	size_t finished_before; /* tasks that were over when it began */
};

/* `to` is stderr. Everything lives in `arena` until the next stage begins. */
int rollout_progress_begin(struct rollout_progress *p, const struct stage *stage,
			   struct arena *arena, struct err *e) MUST_CHECK;
/* Tell what has changed; `arena` is for this look alone. */
int rollout_progress_look(struct rollout_progress *p, const struct stage *stage,
			  struct arena *arena, struct err *e) MUST_CHECK;
/* The last line of the stage. */
void rollout_progress_end(struct rollout_progress *p, const struct stage *stage);

/* The last run of a task. 1, 0 when it was never begun, or -1. */
int rollout_last_run(struct task_run *out, struct db *store, const struct task *task,
		     struct arena *arena, struct err *e) MUST_CHECK;

#endif
