/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_LIVE_H
#define RECEIVER_LIVE_H

#include "base/conf.h"

#include <pthread.h>

/*
 * The configuration in force. Whoever uses it holds it, so that a reload can put another in its
 * place while requests and tasks go on with theirs; the last holder frees it.
 */
struct live_conf; /* one configuration and who holds it */

struct live {
	pthread_mutex_t lock; /* guards `now` and the counts */
	struct live_conf *now;
};

/* Takes `conf`. -1 without memory: then `conf` stays the caller's. */
int live_init(struct live *live, struct conf *conf);
void live_destroy(struct live *live);
/* The configuration in force, held until live_drop. */
struct live_conf *live_hold(struct live *live);
void live_drop(struct live *live, struct live_conf *held);
const struct conf *live_conf(const struct live_conf *held);
/* Put `conf` in force; takes it, or -1 without memory. */
int live_replace(struct live *live, struct conf *conf);

#endif
