/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk: the one thread of the runners that touches the store. It answers what tasks ask,
 * writes what they leave, lets the rollouts go on, claims what is next, and keeps the leases
 * meanwhile.
 */

#include "base/clock.h"
#include "receiver/runners_impl.h"
#include "release/rollout.h"
#include "release/sheet.h"
#include "release/store.h"

#include <unistd.h>

enum {
	ARENA_MAX = 1 << 30,
	LEASE_MS = 60 * 1000,
	KEEP_MS = LEASE_MS / 4,
	RETRY_FIRST_MS = 100, /* for an outcome that the store could not take */
	RETRY_MOST_MS = 5000,
	IDLE_MS = 1000,    /* other processes open stages without ringing our bell */
	CANCELS_MS = 1000, /* between two looks for what was asked to cancel */
};

/* ---- what tasks ask ---- */

static int read_content(const struct runners *all, const struct ask *ask)
{
	AUTO(buf) struct buf content;
	buf_init(&content, ask->out->max);
	if (sheet_read(&content, all->store, ask->sha256, all->digest, ask->e) != 0)
		return -1;
	material_keep(ask->slot->material, ask->sha256, buf_str(&content));
	buf_add(ask->out, buf_str(&content));
	return 0; /* whether `out` had room for it, who asks sees himself */
}

static void answer(const struct runners *all, struct ask *ask)
{
	while (ask != NULL) {
		struct ask *next = ask->next;
		const int answered = ask->slot->answered;
		uint64_t one = 1;
		ask->rc = read_content(all, ask);
		(void)!write(answered, &one, sizeof one); /* it has room: one question at a time */
		ask = next;
	}
}

/* ---- what they leave ---- */

static void log_outcome(const struct slot *s)
{
	const struct task_outcome *o = &s->outcome;
	enum log_level level = LOG_WARN;
	if (o->status == TASK_DONE)
		level = LOG_INFO;
	else if (o->status == TASK_FAILED)
		level = LOG_ERROR;
	log_line(s->all->options.log, level, "task ended", LOG_STR("task", s->task.name),
		 LOG_STR("target", s->task.target), LOG_TEXT("status", task_status_name(o->status)),
		 LOG_INT("applied", o->applied), LOG_INT("present", o->present),
		 LOG_INT("ms", clock_mono_ms() - s->started_ms), LOG_STR("file", o->file),
		 LOG_INT("statement", o->statement), LOG_INT("line", o->line),
		 LOG_STR("reason", o->detail));
}

struct batch {
	struct runners *all;
	const struct execute_lines *lines;
	struct slot *ended;
	size_t most; /* of those that ended */
};

/* Lines and outcomes in one transaction. A lost lease is no reason to lose the others' outcome. */
static int write_batch(struct db *store, void *context, struct err *e)
{
	const struct batch *b = context;
	for (const struct execute_lines *l = b->lines; l != NULL; l = l->next) {
		if (task_log_add(store, l->run_id, l->lines, l->n, e) != 0)
			return -1;
	}
	size_t n = 0;
	for (struct slot *s = b->ended; s != NULL && n < b->most; s = s->next, n++) {
		struct err why = { .code = ERR_NONE };
		int rc = task_finish(store, &s->task, str_of(s->owner), &s->outcome,
				     clock_unix_ms(), &why);
		s->refused = rc != 0 && why.code == ERR_REFUSED;
		if (rc == 0)
			continue;
		log_line(b->all->options.log, LOG_ERROR, "a task's outcome was not written",
			 LOG_STR("task", s->task.name), LOG_TEXT("error", why.msg));
		if (!s->refused) {
			*e = why;
			return -1;
		}
	}
	return 0;
}

/* Whether there is an earlier one of the same stage in the list. */
static int seen_before(const struct slot *list, const struct slot *s)
{
	for (const struct slot *t = list; t != s; t = t->next) {
		if (!t->refused && t->outcome.status == s->outcome.status &&
		    t->task.plan == s->task.plan && str_eq(t->task.project, s->task.project) &&
		    str_eq(t->task.environment, s->task.environment))
			return 1;
	}
	return 0;
}

/* A thousand tasks that end well need not each count the others. */
static int opens_nothing(const struct runners *all, const struct slot *s)
{
	struct err ignored;
	return s->refused || (s->outcome.status == TASK_DONE &&
			      task_others_run(all->store, &s->task, &ignored) == 1);
}

/* Open what the outcomes let open; the claims that follow find it. */
static void advance(struct runners *all, const struct slot *list)
{
	for (const struct slot *s = list; s != NULL; s = s->next) {
		struct err e = { .code = ERR_NONE };
		size_t opened = 0;
		if (seen_before(list, s) || opens_nothing(all, s))
			continue;
		if (rollout_advance(&opened, all->store, live_conf(s->held), s->task.project,
				    s->task.plan, clock_unix_ms(), &e) == 0)
			continue;
		log_line(all->options.log, LOG_ERROR, "a rollout could not be advanced",
			 LOG_STR("task", s->task.name), LOG_TEXT("error", e.msg));
		all->owed = 1;
	}
}

static void clear(struct slot *s)
{
	struct runners *all = s->all;
	materials_give(all->materials, s->material);
	live_drop(all->options.live, s->held);
	arena_free(&s->arena);
	(void)pthread_mutex_lock(&all->lock);
	s->busy = 0;
	s->lost = 0;
	all->busy--;
	(void)pthread_mutex_unlock(&all->lock);
	s->material = NULL;
	s->refused = 0;
	s->next = all->idle;
	all->idle = s;
}

static void let_go(struct runners *all, struct slot *list)
{
	advance(all, list);
	while (list != NULL) {
		struct slot *s = list;
		list = s->next;
		log_outcome(s);
		clear(s);
	}
}

static void judge(struct runners *all, struct slot *list)
{
	for (struct slot *s = list; s != NULL; s = s->next) {
		int stopped = s->lost || s->proves || atomic_load(&all->stopping);
		execute_judge(&s->outcome, &s->end, stopped, &s->task, all->store, &s->arena);
	}
}

/* The store refused them together: each by itself, so that one cannot hold up the others. */
static void write_alone(struct runners *all)
{
	struct slot *list = all->unwritten;
	struct slot **left = &all->unwritten;
	all->unwritten = NULL;
	while (list != NULL) {
		struct slot *s = list;
		struct err e = { .code = ERR_NONE };
		struct batch one = { .all = all, .ended = s, .most = 1 };
		list = s->next;
		s->next = NULL;
		if (store_within(all->store, write_batch, &one, &e) == 0) {
			let_go(all, s);
			continue;
		}
		*left = s;
		left = &s->next;
	}
}

static void free_lines(struct execute_lines *lines)
{
	while (lines != NULL) {
		struct execute_lines *next = lines->next;
		execute_lines_free(lines);
		lines = next;
	}
}

/*
 * Write lines and outcomes. The store may be locked or full for a while: outcomes wait for it as
 * long as their lease lives; when even that ends, the task is taken back and the target's ledger
 * tells. Lines are not worth waiting for.
 */
static void record(struct runners *all, const struct tray *tray)
{
	struct err e = { .code = ERR_NONE };
	struct slot **end = &all->unwritten;
	judge(all, tray->ended);
	while (*end != NULL)
		end = &(*end)->next;
	*end = tray->ended;
	struct batch batch = {
		.all = all, .lines = tray->lines, .ended = all->unwritten, .most = all->n
	};
	if (batch.lines == NULL && batch.ended == NULL)
		return;
	if (store_within(all->store, write_batch, &batch, &e) == 0) {
		all->unwritten = NULL;
		all->retry_ms = 0;
		let_go(all, batch.ended);
		return;
	}
	log_line(all->options.log, LOG_WARN, "logs and outcomes of tasks were not written",
		 LOG_TEXT("error", e.msg));
	if (e.code != ERR_UNAVAILABLE)
		write_alone(all);
	if (atomic_load(&all->cancelled)) {
		while (all->unwritten != NULL) {
			struct slot *s = all->unwritten;
			all->unwritten = s->next;
			clear(s);
		}
	}
	all->retry_ms = all->retry_ms > 0 ? all->retry_ms * 2 : RETRY_FIRST_MS;
	if (all->retry_ms > RETRY_MOST_MS)
		all->retry_ms = RETRY_MOST_MS;
}

/* ---- what is next ---- */

/* As many as the environment allows; where all its databases need a thread, no more than those. */
static int64_t stage_limit(const struct conf *conf, struct str environment)
{
	const struct conf_environment *found = conf_environment(conf, environment);
	const struct conf_instance *instances = conf->instances.items;
	if (found == NULL)
		return 1;
	if (found->max_parallel <= RUNNERS_THREADS)
		return found->max_parallel;
	for (size_t i = 0; i < conf->instances.n; i++) {
		const struct db_driver *driver = db_find(instances[i].url);
		if (str_eq(instances[i].environment, environment) &&
		    (driver == NULL || !(driver->flags & DB_BLOCKS)))
			return found->max_parallel;
	}
	return RUNNERS_THREADS;
}

struct claims {
	struct runners *all;
	struct slot *taken;
	int64_t next_ms; /* see task_claim */
};

/* 1: a slot more is taken. */
static int claim_one(struct db *store, struct claims *c, struct err *e)
{
	struct runners *all = c->all;
	struct slot *s = all->idle;
	arena_init(&s->arena, ARENA_MAX);
	s->held = live_hold(all->options.live);
	const struct task_claimer claimer = { .owner = str_of(s->owner),
					      .lease_ms = LEASE_MS,
					      .conf = live_conf(s->held),
					      .limit = stage_limit };
	int rc = task_claim(&s->task, &c->next_ms, store, &claimer, clock_unix_ms(), &s->arena, e);
	if (rc != 1) {
		live_drop(all->options.live, s->held);
		arena_free(&s->arena);
		return rc;
	}
	all->idle = s->next;
	s->next = c->taken;
	c->taken = s;
	return 1;
}

static int claim_rest(struct db *store, void *context, struct err *e)
{
	struct claims *c = context;
	int rc = 1;
	while (c->all->idle != NULL && rc == 1)
		rc = claim_one(store, c, e);
	return rc < 0 ? -1 : 0;
}

static void give_up(struct claims *c, const struct slot *until)
{
	while (c->taken != until) {
		struct slot *s = c->taken;
		c->taken = s->next;
		live_drop(c->all->options.live, s->held);
		arena_free(&s->arena);
		s->next = c->all->idle;
		c->all->idle = s;
	}
}

/*
 * Who has nothing to do only reads, so the first claim is by itself. The others are one transaction
 * where the store has one writer anyway; where it has many, two claims may collide, and one that
 * does must not undo the others.
 */
static int claim_all(struct claims *c, struct err *e)
{
	struct db *store = c->all->store;
	int rc = claim_one(store, c, e);
	if (rc != 1 || c->all->idle == NULL)
		return rc < 0 ? -1 : 0;
	if (!(db_driver_of(store)->flags & DB_ONE_WRITER))
		return claim_rest(store, c, e);
	const struct slot *first = c->taken;
	rc = store_within(store, claim_rest, c, e);
	if (rc != 0)
		give_up(c, first);
	return rc;
}

static void start(struct runners *all, struct slot *s)
{
	(void)pthread_mutex_lock(&all->lock);
	s->busy = 1;
	all->busy++;
	(void)pthread_mutex_unlock(&all->lock);
	s->end = (struct execute_end){ .rc = -1 };
	/* Its cancel was asked for: it only takes the target's lock, and stops. */
	s->proves = s->task.cancel_ms != 0;
	if (materials_take(&s->material, all->materials, all->store, s->task.project, s->task.plan,
			   &s->end.why) == 0)
		runners_task_start(s);
	else
		runners_task_end(s);
}

/* Fill the idle slots. `*wait_ms` gets shorter when a task becomes due before. */
static void claim(struct runners *all, int64_t *wait_ms)
{
	struct claims c = { .all = all };
	struct err e = { .code = ERR_NONE };
	if (all->idle == NULL || atomic_load(&all->stopping) || clock_mono_ms() < all->claim_ms)
		return;
	if (claim_all(&c, &e) != 0) {
		log_line(all->options.log, LOG_ERROR, "cannot claim a task",
			 LOG_TEXT("error", e.msg));
		all->claim_ms = clock_mono_ms() + IDLE_MS;
	}
	int64_t now = clock_unix_ms();
	if (c.next_ms > now && c.next_ms - now < *wait_ms)
		*wait_ms = c.next_ms - now;
	while (c.taken != NULL) {
		struct slot *s = c.taken;
		c.taken = s->next;
		start(all, s);
	}
}

/* ---- leases ---- */

/* Stop what a slot does: its transaction is rolled back, its task becomes pending again, or
 * CANCELED when that was asked for. */
static void break_off(struct slot *s)
{
	(void)pthread_mutex_lock(&s->all->lock);
	s->lost = 1;
	if (s->session != NULL)
		db_cancel(s->session);
	(void)pthread_mutex_unlock(&s->all->lock);
}

/* Renew the leases of what runs; a task whose lease was lost is stopped at once. */
static void keep_leases(struct runners *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct slot *s = &all->slots[i];
		struct err e = { .code = ERR_NONE };
		if (!s->busy || task_renew(all->store, &s->task, str_of(s->owner),
					   clock_unix_ms() + LEASE_MS, &e) == 0)
			continue;
		log_line(all->options.log, LOG_WARN, "a lease was not renewed",
			 LOG_STR("task", s->task.name), LOG_TEXT("error", e.msg));
		if (e.code == ERR_REFUSED)
			break_off(s);
	}
}

/* Break off what somebody asked to cancel; the outcome's record makes it CANCELED. */
static void heed_cancels(struct runners *all)
{
	AUTO(arena) struct arena arena;
	struct err e = { .code = ERR_NONE };
	int64_t *ids;
	size_t n;
	arena_init(&arena, ARENA_MAX);
	if (task_cancels(&ids, &n, all->store, &arena, &e) != 0) {
		log_line(all->options.log, LOG_WARN, "cannot look for cancelled tasks",
			 LOG_TEXT("error", e.msg));
		return;
	}
	for (size_t i = 0; i < all->n; i++) {
		struct slot *s = &all->slots[i];
		for (size_t k = 0; k < n && s->busy && !s->lost && !s->proves; k++) {
			if (s->task.id == ids[k])
				break_off(s);
		}
	}
}

/* What a dead worker left, and what could not be written when it was due. */
static void recover(struct runners *all)
{
	struct err e = { .code = ERR_NONE };
	size_t back = 0, opened = 0;
	int64_t now = clock_unix_ms();
	int rc = task_take_back(&back, all->store, now, &e);
	if (rc == 0 && all->owed) {
		struct live_conf *held = live_hold(all->options.live);
		rc = rollout_advance_all(&opened, all->store, live_conf(held), now, &e);
		live_drop(all->options.live, held);
		all->owed = rc != 0;
	}
	if (rc != 0)
		log_line(all->options.log, LOG_WARN, "what was left could not be taken up",
			 LOG_TEXT("error", e.msg));
}

/* After a reload the gates may be other ones: what waited for them is looked at again. */
static void heed_reload(struct runners *all)
{
	struct live_conf *held = live_hold(all->options.live);
	const void *rules = live_conf(held);
	live_drop(all->options.live, held);
	if (all->rules != NULL && all->rules != rules) {
		all->owed = 1;
		all->keep_ms = 0;
	}
	all->rules = rules;
}

static void keep(struct runners *all, int64_t *wait_ms)
{
	int64_t now = clock_mono_ms();
	heed_reload(all);
	if (now >= all->keep_ms) {
		keep_leases(all);
		recover(all);
		all->keep_ms = now + KEEP_MS;
	}
	if (now >= all->cancels_ms) {
		heed_cancels(all);
		all->cancels_ms = now + CANCELS_MS;
	}
	if (all->keep_ms - now < *wait_ms)
		*wait_ms = all->keep_ms - now;
}

/* ---- the thread ---- */

static int is_over(struct runners *all)
{
	(void)pthread_mutex_lock(&all->lock);
	int over = atomic_load(&all->stopping) && all->busy == 0;
	int quiet = all->busy == 0;
	(void)pthread_mutex_unlock(&all->lock);
	if (quiet)
		materials_forget(all->materials);
	return over;
}

void *runners_clerk(void *arg)
{
	struct runners *all = arg;
	all->keep_ms = clock_mono_ms() + KEEP_MS;
	for (;;) {
		struct tray tray;
		int64_t wait_ms = IDLE_MS;
		uint64_t seen = bell_rings(all->options.tasks);
		runners_tray_take(&tray, all);
		answer(all, tray.asks);
		record(all, &tray);
		free_lines(tray.lines);
		keep(all, &wait_ms);
		claim(all, &wait_ms);
		if (is_over(all))
			return NULL;
		if (all->unwritten != NULL && all->retry_ms < wait_ms)
			wait_ms = all->retry_ms;
		bell_wait(all->options.tasks, seen, wait_ms);
	}
}
