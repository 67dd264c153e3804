/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_RUNNER_H
#define RELEASE_RUNNER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "release/check.h"
#include "release/manifest.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Carries out one task: lock the target, read its ledger, look at every file that is missing there,
 * and run them: each in one transaction with its ledger row, or, where a statement cannot be in a
 * transaction (release/script.h), statement by statement, each with its mark in the ledger. It
 * never guesses: after a broken connection or an ambiguous COMMIT it opens a new session, waits
 * until the old one is gone, and looks again; what cannot be known then, a person settles
 * (release/resolve.h).
 */

struct runner_events {
	/* The content of a migration. ERR_NOTFOUND ends the task. */
	int (*content)(void *context, struct buf *out, const char *sha256, struct err *e);
	/* A line for the run's log: kind as in task_log. Never NULL. */
	void (*log)(void *context, const char *kind, struct str text);
	/* Not 0: stop before the next migration. */
	int (*stop)(void *context);
	/* The session that works now, or NULL: for db_cancel by another thread. May be NULL. */
	void (*session)(void *context, struct db *db);
	void *context;
};

struct runner_job {
	struct db_options target;
	const struct manifest *manifest;
	struct check_rules rules;
	struct str release; /* full names, for the ledger */
	struct str task_run;
	struct str repository;
	struct str commit;
	struct str applied_by;
	struct str target_name; /* "instances/I/databases/D", for messages; may be absent */
	int64_t lock_wait_ms;   /* for the target's lock */
	int tries;              /* sessions that may break before it gives up; at least 1 */
	/*
	 * How often it tries again after a statement waited too long for a lock, or was the victim
	 * of a deadlock, and how long it waits before the first time; each next wait is twice as
	 * long, up to 5 minutes. A new session goes on where the ledger says.
	 */
	int lock_retries;
	int64_t lock_retry_delay_ms;
};

struct runner_result {
	size_t applied;                 /* by this run */
	size_t present;                 /* were there already */
	const struct migration *failed; /* the file, when one failed */
	struct db_place place;
};

/*
 * 0: every migration of the manifest is in the ledger. Otherwise the error says why not:
 * ERR_REFUSED (order, edited file, a script that must not run, a statement whose outcome is
 * unknown, stopped), ERR_DB (a statement failed: `failed` and `place` tell which), ERR_UNAVAILABLE
 * and ERR_LOST (may be tried again). A file that would be refused is found before the first one
 * runs. What was applied before a failure stays applied. `*result` is filled in every case.
 */
int runner_run(struct runner_result *result, const struct runner_job *job,
	       const struct runner_events *events, struct arena *arena, struct err *e) MUST_CHECK;

enum runner_trial_outcome {
	RUNNER_TRIED,     /* ran through, and was rolled back */
	RUNNER_FAILED,    /* would fail: `why` and `place` */
	RUNNER_NOT_TRIED, /* cannot be tried: `why` */
};

/* What a dry run found out about one file that is not in the ledger yet. */
struct runner_trial {
	const struct migration *file;
	enum runner_trial_outcome outcome;
	struct db_place place; /* of the statement that fails or cannot be tried; line 0: none */
	size_t statements; /* that ran; of a file that was not tried: that it has, 0 = unknown */
	int64_t changed;   /* rows inserted, updated, deleted */
	int64_t ms;
	struct str why; /* absent where it was tried; in the arena */
};

struct runner_dry {
	struct runner_trial *trials; /* in order; in the arena */
	size_t n;
	size_t present; /* files that the ledger has already */
	size_t failed;
	size_t not_tried;
};

/*
 * Run what is missing in one transaction, in order, and roll it back. Nothing of it stays: no
 * ledger, no row of one (what a rollback leaves stays: numbers of sequences, effects outside the
 * database). Once a file fails or cannot be tried (statements outside a transaction, a database
 * that cannot roll DDL back, an unfinished file), those behind it are not tried either: they may
 * need it. The caller makes job->target.lock_timeout_ms short, since locks that it takes are held
 * to the end; `lock_retries` and `tries` do not count here. Log: "file" and "notice" lines.
 * Returns -1 with the error of what has nothing to do with one script: unreachable, the order of
 * versions, an edited file, stopped; `*out` is untouched then.
 */
int runner_dry_run(struct runner_dry *out, const struct runner_job *job,
		   const struct runner_events *events, struct arena *arena,
		   struct err *e) MUST_CHECK;

#endif
