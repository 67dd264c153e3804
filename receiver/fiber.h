/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_FIBER_H
#define RECEIVER_FIBER_H

#include "base/err.h"

#include <poll.h>
#include <stddef.h>

/*
 * Fibers: straight-line code that waits without holding up its thread. One thread runs many, each
 * on a stack of its own and one at a time; a fiber goes on until it waits by fiber_poll or returns,
 * and never changes its thread. So what runs on a fiber must not wait in any other way, nor hold a
 * lock that another fiber of the thread may want while it waits.
 */
struct fiber;
struct fibers; /* a thread and its fibers */

enum {
	FIBERS_MAX = 4096, /* of one thread */
	FIBER_FDS_MAX = 8, /* of one wait */
};

/* Start a thread for at most `most` fibers at a time (1 to FIBERS_MAX). Stacks are made as they are
 * needed, and kept. ERR_NOMEM, ERR_SYS. */
int fibers_start(struct fibers **out, size_t most, struct err *e) MUST_CHECK;

/* From any thread: let `run(fiber, context)` run on a fiber. ERR_LIMIT when as many as may be are
 * running; ERR_NOMEM without room for a stack. */
typedef void (*fiber_fn)(struct fiber *fiber, void *context);
int fibers_run(struct fibers *all, fiber_fn run, void *context, struct err *e) MUST_CHECK;

/*
 * For db_options.poll, with the fiber as its context, from that fiber alone: as poll(2), but other
 * fibers run meanwhile. Each descriptor is waited for by one fiber at a time; entries below 0 are
 * passed over. At most FIBER_FDS_MAX descriptors that can be polled (EINVAL otherwise).
 */
int fiber_poll(void *fiber, struct pollfd *fds, size_t n, int timeout_ms);

/* Wait until every fiber has returned, and end the thread; none is started meanwhile by others.
 * NULL is allowed. */
void fibers_stop(struct fibers *all);

#endif
