/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting with a deadline, for the commands that follow the daemon's work. */
#include "cli/poll.h"

#include "base/clock.h"

#include <time.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 1000 };

void poll_start(struct poll_clock *p, int64_t timeout_ms)
{
	p->deadline_ms = timeout_ms > 0 ? clock_mono_ms() + timeout_ms : INT64_MAX;
	p->pause_ms = PAUSE_FIRST_MS;
}

int poll_again(struct poll_clock *p, const char *what, struct err *e)
{
	const int64_t left = p->deadline_ms - clock_mono_ms();
	const int64_t pause = left < p->pause_ms ? left : p->pause_ms;
	struct timespec t;

	if (left <= 0)
		return err_set(e, ERR_UNAVAILABLE,
			       "timed out waiting for %s; is `tidegate serve` running?", what);
	t.tv_sec = (time_t)(pause / 1000);
	t.tv_nsec = (long)(pause % 1000) * 1000000;
	(void)nanosleep(&t, NULL);
	if (p->pause_ms < PAUSE_MAX_MS)
		p->pause_ms += p->pause_ms / 2;
	return 0;
}
