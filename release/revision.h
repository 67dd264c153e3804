/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_REVISION_H
#define RELEASE_REVISION_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The ledger: the record, in the target database itself, that a version was applied there. A row is
 * written in the migration's own transaction; of a file that runs statement by statement, with its
 * first one, and marked with each. The table's name is the driver's.
 */
struct revision {
	struct str version; /* canonical; the key */
	struct str path;
	struct str sha256;   /* absent: a baseline whose content nobody knows */
	struct str state;    /* "applied"; "baseline": taken as applied; "started": not finished */
	struct str release;  /* full name */
	struct str task_run; /* full name */
	struct str repository;
	struct str commit;
	struct str applied_by; /* "tidegate 0.1.0 on HOST" */
	int64_t applied_ms;    /* "started": when it was started */
	int64_t duration_ms;
	int64_t statements;
	/* While state is "started"; of a finished one, `statements_done` is as `statements`. */
	int64_t statements_done; /* the first so many are done */
	/* The number, from 1, of the statement that was about to run outside a transaction: whether
	 * it did must be found out. 0: none. */
	int64_t in_flight;
	/* What statement `statements_done` + 1 makes or changes, as it was before it was run for
	 * the first time (db_probe); absent: it was not run, or this cannot be told. */
	struct str probe;
};

/* Whether the version was begun statement by statement, and is not finished. */
int revision_is_unfinished(const struct revision *revision);

/* Make the ledger when the target has none; call it with the target's lock held. */
int revision_prepare(struct db *target, struct err *e) MUST_CHECK;

/* All rows, by version. A target without a ledger has none. */
int revision_list(struct revision **out, size_t *n, struct db *target, struct arena *arena,
		  struct err *e) MUST_CHECK;

/* The same when the ledger is known to be there: one round trip less. */
int revision_load(struct revision **out, size_t *n, struct db *target, struct arena *arena,
		  struct err *e) MUST_CHECK;
/* How many rows it has: tells within a transaction whether somebody else wrote to it. */
int revision_count(size_t *out, struct db *target, struct err *e) MUST_CHECK;

/* Within the migration's transaction: 1 when the version has a row, 0 when not, or -1. */
int revision_exists(struct db *target, struct str version, struct err *e) MUST_CHECK;
/* ERR_EXISTS when the version has a row: the transaction must be rolled back. */
int revision_insert(struct db *target, const struct revision *revision, struct err *e) MUST_CHECK;
/*
 * Write `revision` over the row of its version, if that still is unfinished and stands where
 * `before` does (statements_done, in_flight): 1; 0 when somebody else has moved it: the transaction
 * must be rolled back; or -1.
 */
int revision_move(struct db *target, const struct revision *before, const struct revision *revision,
		  struct err *e) MUST_CHECK;
/* The row of a version: 1; 0 when there is none; or -1. Its texts are in the arena. */
int revision_get(struct revision *out, struct db *target, struct str version, struct arena *arena,
		 struct err *e) MUST_CHECK;

#endif
