/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_BASELINE_H
#define RELEASE_BASELINE_H

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "release/manifest.h"
#include "release/revision.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Versions that a target has although we did not run them, written into its ledger as state
 * "baseline": because a person says so, or because another tool's history does.
 */
struct baseline_item {
	struct str version; /* canonical */
	struct str path;    /* file, or what the other tool calls it; absent: a mark, see below */
	struct str sha256;  /* 64 hex digits; absent: nobody knows the content */
	int64_t applied_ms; /* 0: now */
};

enum baseline_verdict {
	BASELINE_TAKEN,    /* written, or to be written */
	BASELINE_PRESENT,  /* the ledger has it already */
	BASELINE_CONFLICT, /* the ledger has it with another content, or unfinished */
};
const char *baseline_verdict_name(enum baseline_verdict v); /* "taken", ... */

struct baseline_row {
	struct baseline_item item;
	enum baseline_verdict verdict;
	struct str why; /* of a conflict, or what the ledger has; may be absent */
};

struct baseline_report {
	struct baseline_row *rows; /* by version */
	size_t n;
	size_t counts[BASELINE_CONFLICT + 1];
};

struct baseline_request {
	const struct baseline_item *items;
	size_t n;
	struct str applied_by;  /* who says so, for the ledger */
	struct str refuse_over; /* a version: refused when the ledger has a newer one; or absent */
	int64_t now_ms;
	int64_t lock_wait_ms;
	int dry_run; /* look, and neither lock nor write */
};

/*
 * Write what is missing, in one transaction under the target's lock; the ledger is made when there
 * is none. With one conflict nothing is written: ERR_REFUSED, and the report tells each; so it is
 * when a version stands twice among the items (ERR_INPUT). After ERR_LOST the same call again finds
 * out: what was written is present then.
 */
int baseline_record(struct baseline_report *out, struct db *target,
		    const struct baseline_request *request, struct arena *arena,
		    struct err *e) MUST_CHECK;

/*
 * The items of a baseline at `version` (canonical): every file up to it, with its content; and
 * where no file is of that version, or `files` is NULL, a mark. A mark is a row without path and
 * content; it covers each version up to its own: such a file counts as applied.
 */
int baseline_items(struct baseline_item **out, size_t *n, struct str version,
		   const struct manifest *files, struct arena *arena, struct err *e) MUST_CHECK;

/* Whether a row of the ledger is a mark. */
int baseline_is_mark(const struct revision *revision);

#endif
