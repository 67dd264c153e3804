/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_OUT_H
#define CLI_ROLLOUT_OUT_H

#include "base/arena.h"
#include "base/json_write.h"
#include "cli/screen.h"
#include "release/rollout.h"

/* Rollouts as the commands print them. */
enum tint stage_tint(enum stage_status status);
enum tint task_tint(enum task_status status);

/* Tasks of a stage, and how many of them are done (or skipped). */
int64_t stage_total(const struct stage *s);
int64_t stage_done(const struct stage *s);

/* The runs of a rollout's tasks, and their log when that is wanted: read from the store for `show`.
 */
struct drift_out;
struct rollout_details {
	struct db *store; /* NULL: stages and counts only */
	int log;
	const struct drift_out *drift; /* NULL: not wanted */
};

/* The rollout as one object; with a store also its tasks and their runs. -1 when reading failed. */
int rollout_json(struct json_writer *w, const struct rollout *r, const struct rollout_details *d,
		 struct arena *arena, struct err *e) MUST_CHECK;

/* Facts, stages and tasks for people. */
int rollout_facts(struct buf *out, const struct rollout *r, const struct rollout_details *d,
		  const struct screen *screen, struct arena *arena, struct err *e) MUST_CHECK;

/* "prod RUNNING 2/3 done, 1 failed": a stage in a line; what a person can do stands in a second. */
void stage_line(struct buf *out, const struct stage *s);

/* The full name of the rollout's release. */
struct str rollout_release(const struct rollout *r, struct arena *arena);

#endif
