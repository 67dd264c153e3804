/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_PREVIEW_H
#define CLI_ROLLOUT_PREVIEW_H

#include "cli/rollout_local.h"
#include "release/check.h"

/* What a rollout would do in each database, as the ledgers have it now: nothing is changed. */
struct preview_target {
	struct str target;
	struct str environment;
	struct check check; /* empty when the ledger could not be read */
	size_t applied;     /* files that are there already */
	int failed;         /* it could not be read, or a rule refuses it: `why` says which */
	struct err why;
};

struct preview {
	struct preview_target *targets; /* by stage */
	size_t n;
	int stopped; /* by a signal: it is not complete */
};

/* Read every target's ledger. EXIT_DONE also where single ones cannot be read; EXIT_FAILED after a
 * message. */
int rollout_preview_read(struct preview *out, struct local_rollout *r) MUST_CHECK;

/* Print it, and how to go on: the documented JSON, or a table. EXIT_DONE, EXIT_FAILED when a
 * database could not be read, EXIT_REFUSED when a rule refuses one, EXIT_INTERRUPTED. */
int rollout_preview_print(const struct preview *p, struct local_rollout *r);

#endif
