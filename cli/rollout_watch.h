/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ROLLOUT_WATCH_H
#define CLI_ROLLOUT_WATCH_H

#include "cli/app.h"
#include "release/name.h"
#include "release/rollout.h"

#include <stdio.h>

/* Follows a rollout, or one stage of it, until it is done or has failed. */
struct rollout_watch {
	struct name name;       /* project and plan */
	struct str environment; /* of one stage; absent: the whole rollout */
	int64_t timeout_ms;     /* 0: none */
	FILE *to;               /* where changes are told; NULL: nowhere */
	struct screen screen;   /* of `to`: on a terminal the lines are redrawn in place */
	int json;               /* tell each change as one line of JSON */
	/* out */
	enum stage_status status; /* as it ended */
};

/* EXIT_DONE when it is done; EXIT_FAILED when it failed, which tasks and why having been told on
 * stderr, or when the time was over. */
int rollout_watch(struct app *app, struct rollout_watch *watch);

#endif
