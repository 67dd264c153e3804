/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_POLL_H
#define CLI_POLL_H

#include "base/err.h"

#include <stdint.h>

/* Waiting for what the daemon does: the store is looked at again and again, within a deadline. */
struct poll_clock {
	int64_t deadline_ms; /* of clock_mono_ms; INT64_MAX: none */
	int64_t pause_ms;    /* grows from 100 ms to 1 s */
};

/* `timeout_ms` 0: no deadline. */
void poll_start(struct poll_clock *p, int64_t timeout_ms);
/* Pause. -1 with ERR_UNAVAILABLE when the deadline has passed; `what` is waited for. */
int poll_again(struct poll_clock *p, const char *what, struct err *e) MUST_CHECK;

#endif
