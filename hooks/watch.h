/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKS_WATCH_H
#define HOOKS_WATCH_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "receiver/progress.h"

#include <stdint.h>

/* Tells a pusher what becomes of a push, as it happens. */

/* One line, without its end; control bytes in it are the printer's to escape. */
typedef void (*watch_say_fn)(void *context, struct str line);

enum { WATCH_STAGES_MAX = 64 };

/* What was told already; zero at first. */
struct watch_told {
	int begun;
	int retry;
	int settled;
	struct {
		int known, waits;
		enum stage_status status;
	} stages[WATCH_STAGES_MAX]; /* later stages are told of at the end alone */
};

/* Lines (each with LF) for what is new in `p`. Pure. */
void watch_tell(struct buf *out, struct watch_told *told, const struct progress *p);

struct watch {
	const struct conf *conf;
	int64_t delivery;
	int by_daemon;    /* ask the daemon; else look into the store */
	int64_t until_ms; /* of the monotonic clock */
	watch_say_fn say;
	void *context;
};

/* Say what happens until nothing more does (1) or the time is over (0); `rollout` (at least 256
 * bytes) gets its name, or "". -1: it cannot be seen any more. */
int watch_push(const struct watch *w, char rollout[256], struct err *e) MUST_CHECK;

#endif
