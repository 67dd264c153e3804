/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in force, counted so that its last holder frees it. */

#include "receiver/live.h"

#include "base/mem.h"

struct live_conf {
	struct conf *conf;
	size_t holders; /* `live` itself is one; guarded by live->lock */
};

static struct live_conf *wrap(struct conf *conf)
{
	struct live_conf *held = mem_array(1, sizeof *held);
	if (held != NULL)
		*held = (struct live_conf){ .conf = conf, .holders = 1 };
	return held;
}

static void unwrap(struct live_conf *held)
{
	conf_free(held->conf);
	mem_free(held);
}

int live_init(struct live *live, struct conf *conf)
{
	*live = (struct live){ .now = wrap(conf) };
	if (live->now == NULL)
		return -1;
	if (pthread_mutex_init(&live->lock, NULL) != 0) {
		mem_free(live->now);
		live->now = NULL;
		return -1;
	}
	return 0;
}

void live_destroy(struct live *live)
{
	if (live->now == NULL)
		return;
	live_drop(live, live->now);
	live->now = NULL;
	(void)pthread_mutex_destroy(&live->lock);
}

struct live_conf *live_hold(struct live *live)
{
	(void)pthread_mutex_lock(&live->lock);
	struct live_conf *held = live->now;
	held->holders++;
	(void)pthread_mutex_unlock(&live->lock);
	return held;
}

void live_drop(struct live *live, struct live_conf *held)
{
	(void)pthread_mutex_lock(&live->lock);
	size_t left = --held->holders;
	(void)pthread_mutex_unlock(&live->lock);
	if (left == 0)
		unwrap(held);
}

const struct conf *live_conf(const struct live_conf *held)
{
	return held->conf;
}

int live_replace(struct live *live, struct conf *conf)
{
	struct live_conf *fresh = wrap(conf);
	if (fresh == NULL)
		return -1;
	(void)pthread_mutex_lock(&live->lock);
	struct live_conf *old = live->now;
	live->now = fresh;
	(void)pthread_mutex_unlock(&live->lock);
	live_drop(live, old);
	return 0;
}
