/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DRY_RUN_H
#define CLI_DRY_RUN_H

#include "cli/app.h"
#include "receiver/intake.h"

/* Requests that are read and decided, and nothing else. */

/* A request that the options --body, --event, --header, --provider and --repository describe. */
struct body_request {
	const struct provider *provider;
	const struct conf_repository *repository; /* NULL: none was named */
	struct buf body;
	struct request request;
};

/* Fill a zeroed `*out`; free it in any case. EXIT_DONE, or an exit code after a message. */
int dry_run_request(struct body_request *out, struct app *app, const struct options *given);
void dry_run_request_free(struct body_request *r);
AUTO_DEFINE_INPLACE(body_request, struct body_request, dry_run_request_free);

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
