/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_ROLLOUT_H
#define RELEASE_ROLLOUT_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"
#include "release/approval.h"
#include "release/audit.h"
#include "release/plan.h"
#include "release/task.h"

#include <stdint.h>

/*
 * A plan being carried out: one stage per environment that has targets, in environment order; in it
 * one task per database. The gate between stages is here, on the server: a stage opens when every
 * task of the one before it is done, and its environment's policy is automatic, or enough people
 * have approved it, or a person opens it. An open stage starts its tasks batch by batch.
 */

enum stage_status {
	STAGE_WAITING,  /* an earlier stage is not complete */
	STAGE_APPROVAL, /* "AWAITING_APPROVAL": people must approve it */
	STAGE_READY,    /* may be opened by a person: manual, or beyond the target stage */
	STAGE_RUNNING,  /* open; tasks are pending or running */
	STAGE_PAUSED,   /* open; what is left waits for its time: a window, the next batch */
	STAGE_FAILED,   /* nothing runs any more and a task failed; later batches do not start */
	STAGE_CANCELED, /* nothing runs any more and a task was canceled, none failed */
	STAGE_DONE,
	STAGE_STATUSES,
};
const char *stage_status_name(enum stage_status s); /* "WAITING", "READY", ... */

struct stage {
	struct str environment;
	struct str name;  /* full */
	int64_t position; /* in environment order, when the rollout was made */
	enum stage_status status;
	int automatic;
	int64_t approvals;            /* people who must approve */
	int64_t approved;             /* people whose approval counts */
	struct approval *approved_by; /* oldest first, with those that are void */
	size_t n_approved_by;
	int64_t batches;      /* 1 and more */
	int64_t batch;        /* started so far */
	int64_t stopped;      /* the batch after which it is known to be stopped; 0: none */
	size_t started;       /* tasks of the batches that were started */
	size_t fallen;        /* of them failed or canceled */
	size_t at_rest;       /* pending tasks that wait for their time, and for nothing else */
	int64_t due_ms;       /* when the first of those may start */
	int is_held;          /* what is at rest waits for a maintenance window */
	struct str waits;     /* what it waits for and what to do, in a line; absent: nothing */
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
 * Open what the facts and the policies allow now: a stage, or the next batch of one; called after a
 * task has ended and at each start. Idempotent. Within the caller's transaction when one is open.
 * `*opened` is the number of tasks that became pending.
 */
int rollout_advance(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		    int64_t plan, int64_t now_ms, struct err *e) MUST_CHECK;

/* Every rollout that is not complete: rollout_advance on each, after a start and when the
 * configuration changed; what windows hold is looked at again. */
int rollout_advance_all(size_t *opened, struct db *store, const struct conf *conf, int64_t now_ms,
			struct err *e) MUST_CHECK;

/* ---- what a person orders ---- */

/* What it is about, and who orders it. */
struct rollout_order {
	struct str project;
	int64_t plan;
	struct str environment; /* the stage; absent: all */
	int64_t task;           /* its id, which must be of the stage when one is named; 0: all */
	struct audit_actor actor;
	struct str reason;     /* comment or reason, at most ROLLOUT_REASON_MAX bytes; or absent */
	int64_t not_before_ms; /* rollout_run: not earlier than this; 0: now */
	int force;             /* rollout_run: the next batch, in spite of failures */
	int64_t now_ms;
};

enum { ROLLOUT_REASON_MAX = 1000 };

/*
 * All of them: ERR_NOTFOUND when there is no such rollout, stage or task there; ERR_REFUSED, saying
 * what is in the way, when the gate or the status does not allow it; ERR_INPUT for a reason that is
 * missing, too long or has control characters. They leave an entry in the audit log.
 */

/* Open a stage, or start what waits for its time in an open one, or one task of it. `*started`
 * counts tasks; 0: nothing was left to start. */
int rollout_run(size_t *started, struct db *store, const struct conf *conf,
		const struct rollout_order *order, struct err *e) MUST_CHECK;

/* Let failed and canceled tasks run again. Those whose batch or stage has not begun wait for it. */
int rollout_retry(size_t *again, struct db *store, const struct conf *conf,
		  const struct rollout_order *order, struct err *e) MUST_CHECK;

/* Count tasks that did not run, failed or were canceled as done, for good. Needs stage or task, and
 * a reason. */
int rollout_skip(size_t *skipped, struct db *store, const struct conf *conf,
		 const struct rollout_order *order, struct err *e) MUST_CHECK;

/* Cancel what has not ended: what never ran at once; what ran or runs is asked to stop, and is
 * CANCELED when it is known that no session works on its database any more. */
struct rollout_canceled {
	size_t canceled;
	size_t asked;
};
int rollout_cancel(struct rollout_canceled *out, struct db *store, const struct conf *conf,
		   const struct rollout_order *order, struct err *e) MUST_CHECK;

/* Approve a stage, which may open it. */
struct rollout_approved {
	int64_t approved, approvals; /* of how many */
	int already;                 /* this person's approval was there and counts */
	size_t opened;               /* tasks that became pending by it */
};
int rollout_approve(struct rollout_approved *out, struct db *store, const struct conf *conf,
		    const struct rollout_order *order, struct err *e) MUST_CHECK;

/* rollout_run of a stage by this process itself: a rollout without a daemon. */
int rollout_run_stage(size_t *opened, struct db *store, const struct conf *conf, struct str project,
		      int64_t plan, struct str environment, struct str who, int64_t now_ms,
		      struct err *e) MUST_CHECK;

#endif
