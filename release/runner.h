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
 * Carries out one task: lock the target, read its ledger, run what is missing, each migration in
 * one transaction with its ledger row. It never guesses: after a broken connection or an ambiguous
 * COMMIT it opens a new session, waits until the old one is gone, and looks again.
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
	int64_t lock_wait_ms; /* for the target's lock */
	int tries;            /* sessions that may break before it gives up; at least 1 */
};

struct runner_result {
	size_t applied;                 /* by this run */
	size_t present;                 /* were there already */
	const struct migration *failed; /* the file, when one failed */
	struct db_place place;
};

/*
 * 0: every migration of the manifest is in the ledger. Otherwise the error says why not:
 * ERR_REFUSED (order, edited file, script with its own transaction, stopped), ERR_DB (a statement
 * failed: `failed` and `place` tell which), ERR_UNAVAILABLE and ERR_LOST (may be tried again). What
 * was applied before stays applied. `*result` is filled in every case.
 */
int runner_run(struct runner_result *result, const struct runner_job *job,
	       const struct runner_events *events, struct arena *arena, struct err *e) MUST_CHECK;

#endif
