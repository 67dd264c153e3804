/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_RESOLVE_H
#define RELEASE_RESOLVE_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "release/revision.h"

#include <stdint.h>

/*
 * What a person says about a migration that was begun statement by statement and is not finished:
 * the only way on where the outcome of a statement cannot be proved.
 */
enum resolve_how {
	RESOLVE_APPLIED,        /* the statement in flight is done: it goes on behind it */
	RESOLVE_NOT_APPLIED,    /* it is not: it is run again */
	RESOLVE_FROM_STATEMENT, /* it goes on at statement `from`, whatever the file now says */
	RESOLVE_ALL_APPLIED,    /* the whole version counts as applied */
};

struct resolve {
	enum resolve_how how;
	int64_t from;      /* from 1 */
	struct str by;     /* who says so: "mary on db1" */
	struct str reason; /* may be absent */
};

/*
 * Change the row of a version, in a transaction, with the target's lock held. Who said what stands
 * in its applied_by until the migration goes on. `before` and `after` get the row, their texts in
 * the arena. ERR_NOTFOUND when the version is not unfinished there: nothing is to be resolved;
 * ERR_REFUSED when no statement is in flight, but one is spoken of.
 */
int resolve_revision(struct revision *before, struct revision *after, struct db *target,
		     struct str version, const struct resolve *resolve, struct arena *arena,
		     struct err *e) MUST_CHECK;

#endif
