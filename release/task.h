/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_TASK_H
#define RELEASE_TASK_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "db/db.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A task: one database of a rollout. It is claimed with a lease that its worker renews; a lease
 * that ran out, or that a dead process held, puts the task back to pending, and the target's ledger
 * says what was done.
 */

/* Bytebase's Task.Status. */
enum task_status {
	TASK_NOT_STARTED,
	TASK_PENDING,
	TASK_RUNNING,
	TASK_DONE,
	TASK_FAILED,
	TASK_CANCELED,
	TASK_SKIPPED,
	TASK_STATUSES,
};
const char *task_status_name(enum task_status s); /* "NOT_STARTED", ... */

struct task {
	int64_t id;
	struct str name; /* full */
	struct str project;
	int64_t plan;
	struct str environment;
	struct str target;
	enum task_status status;
	int64_t attempt;       /* runs so far */
	struct str detail;     /* why it failed or waits; what it did */
	int64_t not_before_ms; /* 0: now */
	int held;              /* until then by a maintenance window */
	int64_t batch;         /* of its stage, from 1 */
	struct str cancel_by;  /* who asked to cancel it while it ran; absent: nobody */
	int64_t cancel_ms;     /* when; 0: nobody */
	int64_t updated_ms;
	/* claimed tasks only */
	int64_t run_id;
	struct str run_name;
};

/* The code of a run whose worker stopped in the middle of it. */
#define TASK_INTERRUPTED "interrupted"

/* One attempt. */
struct task_run {
	int64_t id;
	struct str name; /* full */
	int64_t attempt;
	enum task_status status;
	int64_t started_ms;
	int64_t finished_ms; /* 0: not yet */
	struct str detail;
	struct str code;                 /* err_code_name; absent when it did not fail */
	struct str file;                 /* path of the migration that failed */
	int64_t statement, line, column; /* of the failure; 0 unknown */
	int64_t applied;                 /* migrations run */
	int64_t present;                 /* migrations that were there already */
};

/* How an attempt ended. */
struct task_outcome {
	enum task_status status; /* DONE, FAILED, or PENDING: try again at `not_before_ms` */
	int64_t not_before_ms;
	struct str detail;
	struct str code;
	struct str file;
	int64_t statement, line, column;
	int64_t applied, present;
};

/*
 * Claim the next pending task that is due: oldest rollout first, never two on one target, and
 * within the bounds of the configuration: `max_parallel` of the environment (one at a time for one
 * that is no longer configured) and of the instance, and the environment's windows; a stage whose
 * windows are closed is held until one opens. 1: claimed, with a new task run; 0: nothing to do
 * now; -1.
 * `*next_ms`: when the earliest task that waits becomes due, or 0.
 *
 * A task whose cancel was asked for is claimed too: who holds it takes the target's lock, which
 * proves that no session works there any more, and stops.
 */
struct task_claimer {
	struct str owner;
	int64_t lease_ms;
	const struct conf *conf;
	/* Tasks of a stage at a time; NULL: the environment's max_parallel. */
	int64_t (*limit)(const struct conf *conf, struct str environment);
};
int task_claim(struct task *out, int64_t *next_ms, struct db *store,
	       const struct task_claimer *claimer, int64_t now_ms, struct arena *arena,
	       struct err *e) MUST_CHECK;

/* Let what a window held be looked at again: after a start, and when the configuration changed. */
int task_release_held(struct db *store, struct err *e) MUST_CHECK;

/* The ids of the running tasks that somebody asked to cancel. */
int task_cancels(int64_t **ids, size_t *n, struct db *store, struct arena *arena,
		 struct err *e) MUST_CHECK;

/* ERR_REFUSED when the lease is no longer `owner`'s: stop at once. */
int task_renew(struct db *store, const struct task *task, struct str owner, int64_t lease_until_ms,
	       struct err *e) MUST_CHECK;

/*
 * Write the outcome; ERR_REFUSED when the lease was lost, and nothing is changed. A task that was
 * asked to cancel and did not end DONE becomes CANCELED when the server has answered; when the
 * session broke or never was, it becomes pending until another one holds the target's lock.
 */
int task_finish(struct db *store, const struct task *task, struct str owner,
		const struct task_outcome *outcome, int64_t now_ms, struct err *e) MUST_CHECK;

/* Put back what was running with a lease that ended before `now_ms` (pass INT64_MAX when this
 * process is known to be the only worker). `*n`: how many. */
int task_take_back(size_t *n, struct db *store, int64_t now_ms, struct err *e) MUST_CHECK;

/* A line of a run's log. */
struct task_log {
	int64_t at_ms;
	struct str kind; /* "file", "notice", "commit", "retry", "error", "info" */
	struct str text;
};
int task_log_add(struct db *store, int64_t run_id, const struct task_log *lines, size_t n,
		 struct err *e) MUST_CHECK;
int task_log_list(struct task_log **out, size_t *n, struct db *store, int64_t run_id,
		  struct arena *arena, struct err *e) MUST_CHECK;

/* Whether other tasks of its stage run: 1, 0 or -1. Then an outcome that is DONE opens nothing yet:
 * theirs will. */
int task_others_run(struct db *store, const struct task *task, struct err *e) MUST_CHECK;

/* The runs of a task, oldest first. */
int task_runs(struct task_run **out, size_t *n, struct db *store, const struct task *task,
	      struct arena *arena, struct err *e) MUST_CHECK;
/* By id. ERR_NOTFOUND. */
int task_get(struct task *out, struct db *store, int64_t id, struct arena *arena,
	     struct err *e) MUST_CHECK;

#endif
