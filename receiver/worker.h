/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_WORKER_H
#define RECEIVER_WORKER_H

#include "base/log.h"
#include "receiver/gate.h"
#include "receiver/live.h"

/*
 * Turns deliveries into rollouts: claim, parse, match, fetch, read the tree, release, plan,
 * rollout. A delivery that time can heal goes back into the queue with a growing delay; each step
 * is idempotent, so that a kill between two of them costs nothing but the time.
 */
struct workers;

struct workers_options {
	struct live *live;
	const struct log *log;
	struct gate *gate;
	struct bell *deliveries; /* rung when one was queued */
	struct bell *tasks;      /* rung when tasks became pending */
};

/* Start conf->workers threads, each with its own session and mirrors. */
int workers_start(struct workers **out, const struct workers_options *options,
		  struct err *e) MUST_CHECK;
/* Ends after the step under way; a fetch is broken off. NULL is allowed. */
void workers_stop(struct workers *w);

#endif
