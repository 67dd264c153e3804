/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that carry out tasks: the claim, the lease that a keeper thread renews, the outcome's
 * record. What is done for a task is receiver/execute.h's.
 */

#include "receiver/runners.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "receiver/execute.h"
#include "receiver/owner.h"
#include "release/rollout.h"
#include "release/store.h"
#include "release/task.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	ARENA_MAX = 1 << 30,
	RUNNERS_MIN = 8,
	RUNNERS_MAX = 64,
	LEASE_MS = 60 * 1000,
	KEEP_MS = LEASE_MS / 4,
	RETRY_FIRST_MS = 100, /* for an outcome that the store could not take */
	RETRY_MOST_MS = 5000,
	IDLE_MS = 1000,   /* other processes open stages without ringing our bell */
	SLEEP_MS = 60000, /* of the runners that leave the looking to the first one */
};

struct runner {
	struct runners *all;
	pthread_t thread;
	int started;
	size_t number;
	char owner[OWNER_TEXT];
	struct db *store;
	struct digest *digest;
	/* Guarded by all->lock, since the keeper reads them. */
	int busy;
	struct task task;
	struct db *session; /* in the target, while one works */
	int lost;           /* the lease is somebody else's now */
};

struct runners {
	struct runners_options options;
	atomic_int stopping;
	atomic_int cancelled; /* the time to stop by themselves is over */
	atomic_int owed;      /* a rollout could not be advanced: the keeper does it */
	pthread_mutex_t lock; /* guards each runner's busy, task, session and lost */
	struct runner *list;
	size_t n;
	struct bell keep; /* rung to end the keeper */
	pthread_t keeper;
	int keeper_started;
	struct db *keeper_store;
};

/* ---- one task ---- */

/* For the execution: whether it must stop before the next migration. */
static int must_stop(void *context)
{
	struct runner *r = context;
	(void)pthread_mutex_lock(&r->all->lock);
	int lost = r->lost;
	(void)pthread_mutex_unlock(&r->all->lock);
	return lost || atomic_load(&r->all->stopping);
}

static void set_session(void *context, struct db *session)
{
	struct runner *r = context;
	(void)pthread_mutex_lock(&r->all->lock);
	r->session = session;
	/* A cancel that came while there was none counts for this one. */
	if (session != NULL && (r->lost || atomic_load(&r->all->cancelled)))
		db_cancel(session);
	(void)pthread_mutex_unlock(&r->all->lock);
}

static void log_outcome(const struct runner *r, const struct task *task,
			const struct task_outcome *o, int64_t took_ms)
{
	enum log_level level = LOG_WARN;
	if (o->status == TASK_DONE)
		level = LOG_INFO;
	else if (o->status == TASK_FAILED)
		level = LOG_ERROR;
	log_line(r->all->options.log, level, "task ended", LOG_STR("task", task->name),
		 LOG_STR("target", task->target), LOG_TEXT("status", task_status_name(o->status)),
		 LOG_INT("applied", o->applied), LOG_INT("present", o->present),
		 LOG_INT("ms", took_ms), LOG_STR("file", o->file),
		 LOG_INT("statement", o->statement), LOG_INT("line", o->line),
		 LOG_STR("reason", o->detail));
}

/*
 * Write the outcome. The store may be locked or full for a while: the outcome waits for it as long
 * as the lease lives. When even that ends, the task is taken back and the target's ledger tells.
 */
static int write_outcome(struct runner *r, const struct task *task,
			 const struct task_outcome *outcome)
{
	struct err e = { 0 };
	int64_t pause = RETRY_FIRST_MS;
	while (task_finish(r->store, task, str_of(r->owner), outcome, clock_unix_ms(), &e) != 0) {
		log_line(r->all->options.log, LOG_ERROR, "a task's outcome was not written",
			 LOG_STR("task", task->name), LOG_TEXT("error", e.msg));
		if (e.code == ERR_REFUSED || atomic_load(&r->all->cancelled))
			return -1;
		/* The keeper's bell is rung at the end only. */
		bell_wait(&r->all->keep, bell_rings(&r->all->keep), pause);
		pause = pause * 2 < RETRY_MOST_MS ? pause * 2 : RETRY_MOST_MS;
	}
	return 0;
}

/* Write the outcome, and open what it lets open. */
static void finish(struct runner *r, const struct task *task, const struct task_outcome *outcome,
		   const struct conf *conf)
{
	struct err e = { 0 };
	size_t opened = 0;
	if (write_outcome(r, task, outcome) != 0)
		return;
	if (rollout_advance(&opened, r->store, conf, task->project, task->plan, clock_unix_ms(),
			    &e) != 0) {
		log_line(r->all->options.log, LOG_ERROR, "a rollout could not be advanced",
			 LOG_STR("task", task->name), LOG_TEXT("error", e.msg));
		atomic_store(&r->all->owed, 1);
	}
	if (opened > 0)
		bell_ring(r->all->options.tasks);
}

static void carry_out(struct runner *r, const struct task *task, struct arena *arena)
{
	struct live_conf *held = live_hold(r->all->options.live);
	struct execution execution = {
		.store = r->store,
		.digest = r->digest,
		.conf = live_conf(held),
		.task = task,
		.log = r->all->options.log,
		.arena = arena,
		.stop = must_stop,
		.session = set_session,
		.context = r,
	};
	struct task_outcome outcome;
	int64_t start = clock_mono_ms();
	execute_task(&outcome, &execution);
	finish(r, task, &outcome, live_conf(held));
	live_drop(r->all->options.live, held);
	log_outcome(r, task, &outcome, clock_mono_ms() - start);
}

/* ---- the threads ---- */

static int64_t stage_limit(void *context, struct str environment)
{
	struct live_conf *held = context;
	const struct conf_environment *found = conf_environment(live_conf(held), environment);
	return found != NULL ? found->max_parallel : 1;
}

static int claim(struct runner *r, struct task *task, int64_t *next_ms, struct arena *arena)
{
	struct err e = { 0 };
	struct live_conf *held = live_hold(r->all->options.live);
	int rc = task_claim(task, next_ms, r->store, str_of(r->owner), clock_unix_ms(), LEASE_MS,
			    stage_limit, held, arena, &e);
	live_drop(r->all->options.live, held);
	if (rc < 0)
		log_line(r->all->options.log, LOG_ERROR, "cannot claim a task",
			 LOG_TEXT("error", e.msg));
	return rc == 1;
}

static void set_busy(struct runner *r, const struct task *task)
{
	(void)pthread_mutex_lock(&r->all->lock);
	r->busy = task != NULL;
	r->lost = 0;
	if (task != NULL)
		r->task = *task;
	(void)pthread_mutex_unlock(&r->all->lock);
}

/* One look for work: 1 when a task was carried out; else `*wait_ms` until the next look. */
static int run_once(struct runner *r, int64_t *wait_ms)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	struct task task;
	int64_t next_ms = 0;
	if (claim(r, &task, &next_ms, &arena)) {
		set_busy(r, &task);
		/* There may be more: let another look while this one works. */
		bell_ring(r->all->options.tasks);
		carry_out(r, &task, &arena);
		set_busy(r, NULL);
		return 1;
	}
	int64_t now = clock_unix_ms();
	*wait_ms = r->number == 0 ? IDLE_MS : SLEEP_MS;
	if (r->number == 0 && next_ms > now && next_ms - now < IDLE_MS)
		*wait_ms = next_ms - now;
	return 0;
}

static void *runner_main(void *arg)
{
	struct runner *r = arg;
	while (!atomic_load(&r->all->stopping)) {
		uint64_t seen = bell_rings(r->all->options.tasks);
		int64_t wait_ms = 0;
		if (run_once(r, &wait_ms) == 0)
			bell_wait(r->all->options.tasks, seen, wait_ms);
	}
	return NULL;
}

/* Renew the leases of what runs; a task whose lease was lost is stopped at once. */
static void keep_leases(struct runners *all)
{
	(void)pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n; i++) {
		struct runner *r = &all->list[i];
		struct err e = { 0 };
		if (!r->busy || task_renew(all->keeper_store, &r->task, str_of(r->owner),
					   clock_unix_ms() + LEASE_MS, &e) == 0)
			continue;
		log_line(all->options.log, LOG_WARN, "a lease was not renewed",
			 LOG_STR("task", r->task.name), LOG_TEXT("error", e.msg));
		if (e.code == ERR_REFUSED) {
			r->lost = 1;
			if (r->session != NULL)
				db_cancel(r->session);
		}
	}
	(void)pthread_mutex_unlock(&all->lock);
}

/* What a dead worker left, and what could not be written when it was due. */
static void recover(struct runners *all)
{
	struct err e = { 0 };
	size_t back = 0, opened = 0;
	int64_t now = clock_unix_ms();
	int rc = task_take_back(&back, all->keeper_store, now, &e);
	if (rc == 0 && atomic_exchange(&all->owed, 0)) {
		struct live_conf *held = live_hold(all->options.live);
		rc = rollout_advance_all(&opened, all->keeper_store, live_conf(held), now, &e);
		live_drop(all->options.live, held);
		if (rc != 0)
			atomic_store(&all->owed, 1);
	}
	if (rc != 0)
		log_line(all->options.log, LOG_WARN, "what was left could not be taken up",
			 LOG_TEXT("error", e.msg));
	if (back + opened > 0)
		bell_ring(all->options.tasks);
}

static void *keeper_main(void *arg)
{
	struct runners *all = arg;
	while (!atomic_load(&all->cancelled)) {
		uint64_t seen = bell_rings(&all->keep);
		bell_wait(&all->keep, seen, KEEP_MS);
		keep_leases(all);
		recover(all);
	}
	return NULL;
}

static int open_store(struct db **out, const struct runners *all, const struct conf *conf,
		      struct err *e)
{
	/* Not durable: what a power cut takes back, the target's ledger knows. */
	struct store_options options = { .enter = gate_enter,
					 .leave = gate_leave,
					 .gate = all->options.gate };
	return store_open(out, conf, &options, e);
}

static int runner_start(struct runner *r, const struct conf *conf, struct err *e)
{
	(void)owner_text(r->owner, "runner", r->number);
	r->digest = digest_new();
	if (r->digest == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (open_store(&r->store, r->all, conf, e) != 0)
		return -1;
	int rc = pthread_create(&r->thread, NULL, runner_main, r);
	if (rc != 0)
		return err_sys(e, rc, "cannot start a runner thread");
	r->started = 1;
	return 0;
}

static int start_all(struct runners *all, const struct conf *conf, struct err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		all->list[i].all = all;
		all->list[i].number = i;
		if (runner_start(&all->list[i], conf, e) != 0)
			return -1;
	}
	if (open_store(&all->keeper_store, all, conf, e) != 0)
		return -1;
	int rc = pthread_create(&all->keeper, NULL, keeper_main, all);
	if (rc != 0)
		return err_sys(e, rc, "cannot start the lease keeper's thread");
	all->keeper_started = 1;
	return 0;
}

/* As many as the widest stage may have tasks at a time. */
static size_t runners_wanted(const struct conf *conf)
{
	const struct conf_environment *environments = conf->environments.items;
	size_t n = RUNNERS_MIN;
	for (size_t i = 0; i < conf->environments.n; i++) {
		size_t want = (size_t)environments[i].max_parallel;
		if (want > n)
			n = want < RUNNERS_MAX ? want : RUNNERS_MAX;
	}
	return n;
}

int runners_start(struct runners **out, const struct runners_options *options, struct err *e)
{
	struct runners *all = mem_array(1, sizeof *all);
	if (all == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	all->options = *options;
	if (pthread_mutex_init(&all->lock, NULL) != 0 || bell_init(&all->keep) != 0) {
		mem_free(all);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	struct live_conf *held = live_hold(options->live);
	const struct conf *conf = live_conf(held);
	all->n = runners_wanted(conf);
	all->list = mem_array(all->n, sizeof *all->list);
	int rc =
	    all->list != NULL ? start_all(all, conf, e) : err_set(e, ERR_NOMEM, "out of memory");
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
	size_t n = 0;
	(void)pthread_mutex_lock(&all->lock);
	for (size_t i = 0; all->list != NULL && i < all->n; i++)
		n += all->list[i].busy ? 1U : 0U;
	(void)pthread_mutex_unlock(&all->lock);
	return n;
}

/* Break off what still runs: its transaction is rolled back, its task becomes pending again. */
static void cancel_all(struct runners *all)
{
	atomic_store(&all->cancelled, 1);
	(void)pthread_mutex_lock(&all->lock);
	for (size_t i = 0; all->list != NULL && i < all->n; i++) {
		if (all->list[i].session != NULL)
			db_cancel(all->list[i].session);
	}
	(void)pthread_mutex_unlock(&all->lock);
}

static void runners_free(struct runners *all)
{
	for (size_t i = 0; all->list != NULL && i < all->n; i++) {
		digest_free(all->list[i].digest);
		db_close(all->list[i].store);
	}
	db_close(all->keeper_store);
	bell_destroy(&all->keep);
	(void)pthread_mutex_destroy(&all->lock);
	mem_free(all->list);
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
	for (size_t i = 0; all->list != NULL && i < all->n; i++) {
		if (all->list[i].started)
			(void)pthread_join(all->list[i].thread, NULL);
	}
	bell_ring(&all->keep);
	if (all->keeper_started)
		(void)pthread_join(all->keeper, NULL);
	runners_free(all);
}
