/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RELEASE_RUNNER_FILE_H
#define RELEASE_RUNNER_FILE_H

#include "base/digest.h"
#include "release/runner.h"

/* For runner.c: one task on its way. */
struct runner {
	struct runner_result *result;
	const struct runner_job *job;
	const struct runner_events *events;
	struct digest *digest;
	struct arena *arena;
	struct db *db; /* the session that works */
	size_t rows;   /* of the ledger: as it was read, and ours since */
};

enum runner_step {
	RUNNER_APPLIED,
	RUNNER_AGAIN, /* somebody else wrote to the ledger, nothing was done: read it again */
};

/* Run one migration with its ledger row in one transaction. On failure nothing of it is in the
 * database, but with ERR_LOST, where that is not known; `failed` and `place` are filled. */
int runner_file(enum runner_step *step, struct runner *r, const struct migration *file,
		struct err *e) MUST_CHECK;

#endif
