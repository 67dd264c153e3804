/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ROLLOUT_H
#define RELEASE_ROLLOUT_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "release/plan.h"
#include "release/task.h"

#include <stdint.h>

/*
 * A plan being carried out: one stage per environment that has targets, in environment order; in it
 * one task per database. The gate between stages is here, on the server: a stage opens when every
 * task of the one before it is done, and its environment's policy is automatic or a person opens
 * it.
 */

enum stage_status {
	STAGE_WAITING, /* an earlier stage is not complete */
	STAGE_READY,   /* may be opened by a person: manual, or beyond the target stage */
	STAGE_RUNNING, /* open; tasks are pending or running */
	STAGE_FAILED,  /* open; nothing runs any more and a task failed */
	STAGE_DONE,
};
const char *stage_status_name(enum stage_status s); /* "WAITING", "READY", ... */

struct stage {
	struct str environment;
	struct str name;  /* full */
	int64_t position; /* in environment order, when the rollout was made */
	enum stage_status status;
	int automatic;
	int64_t opened_ms;    /* 0: not yet */
	struct str opened_by; /* "policy", or who */
	struct task *tasks;   /* by target */
	size_t n_tasks;
	size_t counts[TASK_STATUSES]; /* tasks by enum task_status */
};

struct rollout {
	struct plan plan;
	struct str name;          /* projects/P/plans/N/rollout */
	enum stage_status status; /* of the whole: DONE when every stage to the target stage is */
	struct stage *stages;
	size_t n_stages;
	int64_t created_ms;
};

/* Make the plan's rollout with its stages and tasks, or leave the one that is there; opens the
 * first stage when its policy is automatic. ERR_INPUT when a target's environment is unknown. */
int rollout_create(struct db *store, const struct conf *conf, const struct plan *plan,
		   int64_t now_ms, struct err *e) MUST_CHECK;

/* ERR_NOTFOUND. */
int rollout_get(struct rollout *out, struct db *store, const struct conf *conf, struct str project,
		int64_t plan, struct arena *arena, struct err *e) MUST_CHECK;
/* Newest first, with stages and counts but without tasks. */
int rollout_list(struct rollout **out, size_t *n, struct db *store, const struct conf *conf,
		 struct str project, size_t limit, struct arena *arena, struct err *e) MUST_CHECK;

/*
 * Open what the facts and the policies allow now; called after a task has ended and at each start.
 * Idempotent. Within the caller's transaction when one is open. `*opened` is the number of tasks
 * that became pending.
 */
int rollout_advance(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		    int64_t plan, int64_t now_ms, struct err *e) MUST_CHECK;

/*
 * A person opens a stage. ERR_REFUSED, saying which stage is in the way, when an earlier one is not
 * done; ERR_NOTFOUND: no such stage. `*opened` tells how many tasks became pending (0 when it was
 * open or done already).
 */
int rollout_run_stage(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		      int64_t plan, struct str environment, struct str who, int64_t now_ms,
		      struct err *e) MUST_CHECK;

/* A person lets failed tasks run again: those of one stage, of one task (id), or all (absent, 0).
 * `*again` is their number. */
int rollout_retry(size_t *again, struct db *store, struct str project, int64_t plan,
		  struct str environment, int64_t task, struct str who, int64_t now_ms,
		  struct err *e) MUST_CHECK;

/* Every rollout that is not complete: rollout_advance on each, after a start. */
int rollout_advance_all(size_t *opened, struct db *store, const struct conf *conf, int64_t now_ms,
			struct err *e) MUST_CHECK;

#endif
