/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ROLLOUT_VIEW_H
#define RELEASE_ROLLOUT_VIEW_H

#include "release/rollout.h"

/* For the files of this folder: the rollout of a plan, with its tasks or with their counts only.
 * ERR_NOTFOUND when it has none. */
int rollout_view(struct rollout *out, struct db *store, const struct conf *conf,
		 const struct plan *plan, int with_tasks, struct arena *arena,
		 struct err *e) MUST_CHECK;

/* The rollout as it is now; nobody else moves it until the caller's transaction ends. */
int rollout_lock(struct rollout *out, struct db *store, const struct conf *conf, struct str project,
		 int64_t plan, int with_tasks, struct arena *arena, struct err *e) MUST_CHECK;

/* Open a stage with its first batch: its tasks become pending, not before `not_before_ms`. Within
 * a transaction, with the rollout locked. `*opened` grows by their number. */
int rollout_stage_open(size_t *opened, struct db *store, const struct rollout *r,
		       const struct stage *s, const struct audit_actor *actor,
		       int64_t not_before_ms, int64_t now_ms, struct err *e) MUST_CHECK;
/* Start the next batch of an open one, likewise. */
int rollout_stage_next_batch(size_t *opened, struct db *store, const struct rollout *r,
			     const struct stage *s, const struct audit_actor *actor,
			     int64_t not_before_ms, int64_t now_ms, struct err *e) MUST_CHECK;

/* Whether nothing of the stage is under way and a later batch is left. */
int stage_is_between(const struct stage *s);

/* What the stage waits for and what a person can do, into `waits` of each. */
int stage_tell_waits(struct rollout *r, const struct conf *conf, struct arena *arena,
		     struct err *e) MUST_CHECK;

/* What the facts of a stage say; `earlier_done` tells whether every stage before it is done. */
enum stage_status stage_status(const struct stage *s, int earlier_done);

#endif
