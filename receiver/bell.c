/* SPDX-License-Identifier: Apache-2.0 */
/* The bell: wakes those who found no work, without a ring ever being missed. */

#include "base/clock.h"
#include "receiver/gate.h"

#include <time.h>

int bell_init(struct bell *b)
{
	pthread_condattr_t attr;
	*b = (struct bell){ .rings = 0 };
	if (pthread_mutex_init(&b->lock, NULL) != 0)
		return -1;
	if (pthread_condattr_init(&attr) != 0) {
		(void)pthread_mutex_destroy(&b->lock);
		return -1;
	}
	/* A wait must not grow or shrink when somebody sets the clock. */
	int rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(&b->rang, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (rc != 0)
		(void)pthread_mutex_destroy(&b->lock);
	return rc == 0 ? 0 : -1;
}

void bell_destroy(struct bell *b)
{
	(void)pthread_cond_destroy(&b->rang);
	(void)pthread_mutex_destroy(&b->lock);
}

void bell_ring(struct bell *b)
{
	(void)pthread_mutex_lock(&b->lock);
	b->rings++;
	(void)pthread_cond_broadcast(&b->rang);
	(void)pthread_mutex_unlock(&b->lock);
}

uint64_t bell_rings(struct bell *b)
{
	(void)pthread_mutex_lock(&b->lock);
	uint64_t rings = b->rings;
	(void)pthread_mutex_unlock(&b->lock);
	return rings;
}

void bell_wait(struct bell *b, uint64_t seen, int64_t timeout_ms)
{
	int64_t until_ms = clock_mono_ms() + (timeout_ms > 0 ? timeout_ms : 0);
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000),
				  .tv_nsec = (long)(until_ms % 1000) * 1000000L };
	(void)pthread_mutex_lock(&b->lock);
	int rc = 0;
	while (b->rings == seen && rc == 0)
		rc = pthread_cond_timedwait(&b->rang, &b->lock, &until);
	(void)pthread_mutex_unlock(&b->lock);
}
