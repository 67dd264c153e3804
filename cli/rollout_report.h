/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_REPORT_H
#define CLI_ROLLOUT_REPORT_H

#include "cli/rollout_local.h"

/* What `tidegate rollout` prints when it has ended. */

/* Release, plan, commit, one fact a line. */
void rollout_report_facts(struct buf *out, const struct local_rollout *r);
/* The members release, plan and rollout, in the JSON form of Bytebase's API (protojson). */
void rollout_report_objects(struct json_writer *w, const struct local_rollout *r);

/*
 * How each database ended: a table (where there are many, of those that are not done) or JSON.
 * After a failure or a signal it says what is applied and what is not. EXIT_DONE or an exit code.
 */
int rollout_report_print(struct local_rollout *r);

/* What a person does next, on stderr, as `code` is. */
void rollout_report_next(const struct local_rollout *r, int code);

#endif
