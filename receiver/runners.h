/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_RUNNERS_H
#define RECEIVER_RUNNERS_H

#include "base/log.h"
#include "receiver/gate.h"
#include "receiver/live.h"

#include <stdint.h>

/* Threads that claim tasks and carry them out with release/runner.h, renew their leases meanwhile,
 * and advance the rollout when a task ends. */
struct runners;

struct runners_options {
	struct live *live;
	const struct log *log;
	struct gate *gate;
	struct bell *tasks; /* rung when tasks became pending */
};

int runners_start(struct runners **out, const struct runners_options *options,
		  struct err *e) MUST_CHECK;
/* No new migration begins; what runs gets `timeout_ms` to end, then is cancelled (and rolled back).
 * NULL is allowed. */
void runners_stop(struct runners *r, int64_t timeout_ms);

#endif
