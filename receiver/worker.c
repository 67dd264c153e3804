/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that turn deliveries into rollouts. What a delivery goes through is the pipeline's;
 * here are the claim, the outcome's record and the log.
 */

#include "receiver/worker.h"

#include "base/clock.h"
#include "base/mem.h"
#include "receiver/owner.h"
#include "receiver/pipeline.h"
#include "receiver/seat.h"
#include "release/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

enum {
	ARENA_MAX = 1 << 30,
	IDLE_MS = 1000,       /* other processes queue deliveries without ringing our bell */
	NICE = 19,            /* deliveries that arrive go before those that wait */
	RETRY_FIRST_MS = 100, /* for an outcome that the store could not take */
	RETRY_MOST_MS = 5000,
};
/* Above the longest fetch_timeout; the rest of the way is bounded by the release's size. */
static const int64_t LEASE_MS = 25 * 60 * 60 * 1000LL;
/* Rows that are out of the window count no more anyway: this only keeps the table small. */
static const int64_t SWEEP_MS = 60 * 60 * 1000LL;

struct worker {
	struct workers *all;
	pthread_t thread;
	int started;
	char owner[OWNER_TEXT]; /* in leases: host, process and thread */
	struct db *store;       /* the pipeline's: a release's name must not be given twice */
	struct db *queue;       /* claims and outcomes: what a power cut takes back is done again */
	struct pipeline *pipeline;
};

struct workers {
	struct workers_options options;
	atomic_int stopping;
	struct bell stop; /* rung once, after `stopping` was set */
	struct worker *list;
	size_t n;
};

static int is_stopping(void *context)
{
	struct workers *all = context;
	return atomic_load(&all->stopping);
}

static void log_outcome(const struct worker *w, const struct delivery *d,
			const struct delivery_outcome *o)
{
	enum log_level level = LOG_INFO;
	if (o->state == DELIVERY_FAILED || o->state == DELIVERY_REFUSED)
		level = LOG_ERROR;
	else if (o->state == DELIVERY_QUEUED)
		level = LOG_WARN;
	log_line(w->all->options.log, level, "delivery processed", LOG_INT("delivery", d->id),
		 LOG_STR("endpoint", d->endpoint), LOG_TEXT("state", delivery_state_name(o->state)),
		 LOG_STR("event", d->summary), LOG_STR("release", o->release),
		 LOG_STR("rollout", o->rollout), LOG_STR("reason", o->reason),
		 LOG_INT("attempt", d->attempts));
}

/*
 * Write down what became of it. The store may be locked or full for a while; nothing else of this
 * worker could be written either, so it waits.
 */
static int write_outcome(struct worker *w, const struct delivery *d,
			 const struct delivery_outcome *outcome)
{
	struct workers *all = w->all;
	struct err e = { 0 };
	int64_t pause = RETRY_FIRST_MS;
	while (delivery_finish(w->queue, d, str_of(w->owner), outcome, clock_unix_ms(), &e) != 0) {
		log_line(all->options.log, LOG_ERROR, "a delivery's outcome was not written",
			 LOG_INT("delivery", d->id), LOG_TEXT("error", e.msg));
		if (e.code == ERR_REFUSED || is_stopping(all))
			return -1;
		bell_wait(&all->stop, bell_rings(&all->stop), pause);
		pause = pause * 2 < RETRY_MOST_MS ? pause * 2 : RETRY_MOST_MS;
	}
	return 0;
}

/* Carry one claimed delivery and write down what became of it. */
static void process(struct worker *w, const struct delivery *d, struct arena *arena)
{
	struct workers *all = w->all;
	struct err e = { 0 };
	struct delivery_outcome outcome;
	struct live_conf *held = live_hold(all->options.live);
	if (pipeline_process(&outcome, w->pipeline, live_conf(held), d, arena, &e) != 0)
		pipeline_failed(&outcome, d, &e, clock_unix_ms(), arena);
	live_drop(all->options.live, held);
	/* A fetch that this stop broke off is not the delivery's fault: due at the next start. */
	if (is_stopping(all) && outcome.state == DELIVERY_QUEUED)
		outcome.not_before_ms = 0;

	if (write_outcome(w, d, &outcome) != 0)
		return;
	log_outcome(w, d, &outcome);
	if (outcome.state == DELIVERY_RELEASED)
		bell_ring(all->options.tasks);
}

/* One look for work: 1 when a delivery was carried; else `*wait_ms` until the next look. */
static int work_once(struct worker *w, int64_t *wait_ms)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	struct delivery d;
	struct err e = { 0 };
	int64_t next_ms = 0;
	int64_t now = clock_unix_ms();
	int rc =
	    delivery_claim(&d, &next_ms, w->queue, str_of(w->owner), now, LEASE_MS, &arena, &e);
	if (rc == 1) {
		process(w, &d, &arena);
		return 1;
	}
	if (rc < 0)
		log_line(w->all->options.log, LOG_ERROR, "cannot claim a delivery",
			 LOG_TEXT("error", e.msg));
	*wait_ms = IDLE_MS;
	if (next_ms > now && next_ms - now < IDLE_MS)
		*wait_ms = next_ms - now;
	return 0;
}

/* Once an hour, by the first worker: people who were not seen, deliveries whose worker is gone. */
static void sweep(struct worker *w, int64_t *next_ms)
{
	struct err e = { 0 };
	int64_t removed = 0;
	size_t back = 0;
	const int64_t now = clock_mono_ms();
	if (w != w->all->list || now < *next_ms)
		return;
	*next_ms = now + SWEEP_MS;
	if (seat_sweep(&removed, w->store, clock_unix_ms(), &e) != 0 ||
	    delivery_take_back(&back, w->store, clock_unix_ms(), &e) != 0)
		log_line(w->all->options.log, LOG_WARN, "the hourly sweep failed",
			 LOG_TEXT("error", e.msg));
	else if (removed > 0 || back > 0)
		log_line(w->all->options.log, LOG_INFO, "hourly sweep",
			 LOG_INT("users_removed", removed), LOG_INT("deliveries_taken_back", back));
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	int64_t next_sweep_ms = 0;
	/* Linux gives each thread its own priority; where that fails all are equal. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	while (!is_stopping(w->all)) {
		uint64_t seen = bell_rings(w->all->options.deliveries);
		int64_t wait_ms = 0;
		sweep(w, &next_sweep_ms);
		if (work_once(w, &wait_ms) == 0)
			bell_wait(w->all->options.deliveries, seen, wait_ms);
	}
	return NULL;
}

static int worker_open(struct worker *w, const struct conf *conf, size_t number, struct err *e)
{
	const struct workers_options *o = &w->all->options;
	struct store_options store = {
		.durable = 1, .enter = gate_enter, .leave = gate_leave, .gate = o->gate
	};
	(void)owner_text(w->owner, "worker", number);
	if (store_open(&w->store, conf, &store, e) != 0)
		return -1;
	store.durable = 0;
	if (store_open(&w->queue, conf, &store, e) != 0)
		return -1;
	struct pipeline_options pipeline = { .store = w->store,
					     .stop = is_stopping,
					     .context = w->all };
	return pipeline_new(&w->pipeline, &pipeline, e);
}

static int start_all(struct workers *all, const struct conf *conf, struct err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		struct worker *w = &all->list[i];
		w->all = all;
		if (worker_open(w, conf, i, e) != 0)
			return -1;
		int rc = pthread_create(&w->thread, NULL, worker_main, w);
		if (rc != 0)
			return err_sys(e, rc, "cannot start a worker thread");
		w->started = 1;
	}
	return 0;
}

int workers_start(struct workers **out, const struct workers_options *options, struct err *e)
{
	struct workers *all = mem_array(1, sizeof *all);
	if (all == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	all->options = *options;
	if (bell_init(&all->stop) != 0) {
		mem_free(all);
		return err_set(e, ERR_SYS, "cannot make a lock");
	}
	struct live_conf *held = live_hold(options->live);
	const struct conf *conf = live_conf(held);
	all->n = (size_t)conf->workers;
	all->list = mem_array(all->n, sizeof *all->list);
	int rc =
	    all->list != NULL ? start_all(all, conf, e) : err_set(e, ERR_NOMEM, "out of memory");
	live_drop(options->live, held);
	if (rc != 0) {
		workers_stop(all);
		return -1;
	}
	*out = all;
	return 0;
}

void workers_stop(struct workers *all)
{
	if (all == NULL)
		return;
	atomic_store(&all->stopping, 1);
	bell_ring(&all->stop);
	bell_ring(all->options.deliveries);
	for (size_t i = 0; all->list != NULL && i < all->n; i++) {
		struct worker *w = &all->list[i];
		if (w->started)
			(void)pthread_join(w->thread, NULL);
		pipeline_free(w->pipeline);
		db_close(w->queue);
		db_close(w->store);
	}
	bell_destroy(&all->stop);
	mem_free(all->list);
	mem_free(all);
}
