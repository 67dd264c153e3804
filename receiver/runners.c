/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and stopping the runners: the clerk that speaks to the store, the thread of fibers, the
 * crew, and a slot for each task that may run.
 */

#include "receiver/runners.h"

#include "base/clock.h"
#include "base/mem.h"
#include "receiver/runners_impl.h"
#include "release/store.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int open_store(struct db **out, const struct runners *all, const struct conf *conf,
		      struct err *e)
{
	/* Not durable: what a power cut takes back, the target's ledger knows. */
	struct store_options options = { .enter = gate_enter,
					 .leave = gate_leave,
					 .gate = all->options.gate };
	return store_open(out, conf, &options, e);
}

static int make_slots(struct runners *all, struct err *e)
{
	all->slots = mem_array(all->n, sizeof *all->slots);
	if (all->slots == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < all->n; i++)
		all->slots[i].answered = -1;
	for (size_t i = all->n; i > 0; i--) {
		struct slot *s = &all->slots[i - 1];
		s->all = all;
		(void)owner_text(s->owner, "runner", i - 1);
		s->answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->answered < 0)
			return err_sys(e, errno, "cannot make an eventfd");
		s->next = all->idle;
		all->idle = s;
	}
	return 0;
}

static int start_all(struct runners *all, const struct conf *conf, struct err *e)
{
	all->n = (size_t)conf->max_tasks;
	all->digest = digest_new();
	if (all->digest == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (open_store(&all->store, all, conf, e) != 0 || make_slots(all, e) != 0 ||
	    materials_new(&all->materials, e) != 0 ||
	    crew_new(&all->crew, RUNNERS_THREADS, e) != 0 ||
	    crew_new(&all->helpers, RUNNERS_HELPERS, e) != 0 ||
	    /* One more: a task ends a moment before its fiber. */
	    fibers_start(&all->fibers, all->n + 1, e) != 0)
		return -1;
	int rc = pthread_create(&all->clerk, NULL, runners_clerk, all);
	if (rc != 0)
		return err_sys(e, rc, "cannot start the thread that claims tasks");
	all->clerk_started = 1;
	return 0;
}

int runners_start(struct runners **out, const struct runners_options *options, struct err *e)
{
	struct runners *all = mem_array(1, sizeof *all);
	if (all == NULL || pthread_mutex_init(&all->lock, NULL) != 0) {
		mem_free(all);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	all->options = *options;
	runners_tray_init(&all->tray);
	struct live_conf *held = live_hold(options->live);
	int rc = start_all(all, live_conf(held), e);
	live_drop(options->live, held);
	if (rc != 0) {
		runners_stop(all, 0);
		return -1;
	}
	*out = all;
	return 0;
}

static size_t count_busy(struct runners *all)
{
	(void)pthread_mutex_lock(&all->lock);
	size_t n = all->busy;
	(void)pthread_mutex_unlock(&all->lock);
	return n;
}

/* Break off what still runs: its transaction is rolled back, its task becomes pending again. */
static void cancel_all(struct runners *all)
{
	atomic_store(&all->cancelled, 1);
	(void)pthread_mutex_lock(&all->lock);
	for (size_t i = 0; all->slots != NULL && i < all->n; i++) {
		if (all->slots[i].session != NULL)
			db_cancel(all->slots[i].session);
	}
	(void)pthread_mutex_unlock(&all->lock);
}

static void runners_free(struct runners *all)
{
	fibers_stop(all->fibers);
	crew_free(all->crew);
	crew_free(all->helpers);
	for (size_t i = 0; all->slots != NULL && i < all->n; i++) {
		if (all->slots[i].answered >= 0)
			(void)close(all->slots[i].answered);
	}
	materials_free(all->materials);
	digest_free(all->digest);
	db_close(all->store);
	(void)pthread_mutex_destroy(&all->lock);
	mem_free(all->slots);
	mem_free(all);
}

void runners_stop(struct runners *all, int64_t timeout_ms)
{
	if (all == NULL)
		return;
	atomic_store(&all->stopping, 1);
	bell_ring(all->options.tasks);
	int64_t deadline = clock_mono_ms() + timeout_ms;
	while (count_busy(all) > 0 && clock_mono_ms() < deadline) {
		uint64_t seen = bell_rings(all->options.tasks);
		bell_wait(all->options.tasks, seen, 50);
	}
	cancel_all(all);
	bell_ring(all->options.tasks);
	if (all->clerk_started)
		(void)pthread_join(all->clerk, NULL);
	runners_free(all);
}
