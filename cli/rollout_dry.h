/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_DRY_H
#define CLI_ROLLOUT_DRY_H

#include "cli/rollout_local.h"

/*
 * `tidegate rollout --dry-run`: what is missing is run in each database, through target_stage or in
 * all, in a transaction that is rolled back, and what it did is told. An exit code: EXIT_FAILED
 * when a script would fail or a database could not be reached, EXIT_REFUSED when a rule refuses it,
 * EXIT_INTERRUPTED.
 */
int rollout_dry_run(struct local_rollout *r);

#endif
