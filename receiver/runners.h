/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_RUNNERS_H
#define RECEIVER_RUNNERS_H

#include "base/log.h"
#include "receiver/gate.h"
#include "receiver/live.h"

#include <stdint.h>

/* Claim tasks, carry out up to conf.max_tasks at a time with release/runner.h, renew their leases
 * meanwhile, and advance the rollout when one ends. Sessions that wait for their server share one
 * thread; databases that work in the calling thread (DB_BLOCKS) have a few of their own. */
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
