/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DRY_RUN_H
#define CLI_DRY_RUN_H

#include "cli/app.h"
#include "receiver/intake.h"

/* Requests that are read and decided, and nothing else. */

/* Print the event and what would be done: the documented JSON, or facts for people. An exit code.
 */
int dry_run_print(struct app *app, const struct intake *intake);

/*
 * `tidegate replay --dry-run`: of a body from a file, or of one delivery of the store. An exit
 * code.
 */
int dry_run_body(struct app *app, const struct options *given);
int dry_run_delivery(struct app *app, const struct options *given);

/* The facts of an event, one a line. */
void dry_run_facts(struct buf *out, const struct event *event);

#endif
