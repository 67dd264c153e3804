/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task on its fiber or thread: what it is told, what it asks of the clerk, how it ends. Nothing
 * here touches the store, or waits but in the target's session and for the clerk.
 */

#include "base/clock.h"
#include "receiver/runners_impl.h"

#include <unistd.h>

void runners_tray_init(struct tray *t)
{
	*t = (struct tray){ .asks = NULL };
	t->lines_end = &t->lines;
	t->ended_end = &t->ended;
}

void runners_tray_take(struct tray *out, struct runners *all)
{
	(void)pthread_mutex_lock(&all->lock);
	*out = all->tray;
	runners_tray_init(&all->tray);
	(void)pthread_mutex_unlock(&all->lock);
}

/* Whether it must stop before the next migration. */
static int must_stop(void *context)
{
	struct slot *s = context;
	(void)pthread_mutex_lock(&s->all->lock);
	int lost = s->lost;
	(void)pthread_mutex_unlock(&s->all->lock);
	return lost || s->proves || atomic_load(&s->all->stopping);
}

static void set_session(void *context, struct db *session)
{
	struct slot *s = context;
	(void)pthread_mutex_lock(&s->all->lock);
	s->session = session;
	/* A cancel that came while there was none counts for this one. */
	if (session != NULL && (s->lost || atomic_load(&s->all->cancelled)))
		db_cancel(session);
	(void)pthread_mutex_unlock(&s->all->lock);
}

/* They go out with the next outcome, or when the clerk looks around. */
static void put_lines(void *context, struct execute_lines *lines)
{
	struct slot *s = context;
	(void)pthread_mutex_lock(&s->all->lock);
	lines->next = NULL;
	*s->all->tray.lines_end = lines;
	s->all->tray.lines_end = &lines->next;
	(void)pthread_mutex_unlock(&s->all->lock);
}

static int wait_in_slot(void *context, struct pollfd *fds, size_t n, int timeout_ms)
{
	const struct slot *s = context;
	if (s->fiber != NULL)
		return fiber_poll(s->fiber, fds, n, timeout_ms);
	return poll(fds, n, timeout_ms);
}

/* For the clerk, who answers every question as long as a task runs, or a helper. */
static void wait_for_answer(struct slot *s)
{
	uint64_t count;
	struct pollfd fd = { .fd = s->answered, .events = POLLIN };
	while (read(s->answered, &count, sizeof count) < 0) {
		(void)wait_in_slot(s, &fd, 1, -1);
	}
}

static void help(void *context)
{
	struct slot *s = context;
	const int answered = s->answered;
	uint64_t one = 1;
	s->work(s->argument);
	(void)!write(answered, &one, sizeof one); /* it has room: one question at a time */
}

/* What would hold up the other fibers is done by a helper. */
static void work_aside(void *context, void (*work)(void *argument), void *argument)
{
	struct slot *s = context;
	struct err ignored;
	s->work = work;
	s->argument = argument;
	s->aside = (struct crew_job){ .run = help, .context = s };
	if (s->fiber != NULL && crew_run(s->all->helpers, &s->aside, &ignored) == 0)
		wait_for_answer(s);
	else
		work(argument);
}

static int get_content(void *context, struct buf *out, const char *sha256, struct err *e)
{
	struct slot *s = context;
	if (material_find(s->material, out, sha256))
		return 0;
	s->ask = (struct ask){ .slot = s, .sha256 = sha256, .out = out, .e = e };
	(void)pthread_mutex_lock(&s->all->lock);
	s->ask.next = s->all->tray.asks;
	s->all->tray.asks = &s->ask;
	(void)pthread_mutex_unlock(&s->all->lock);
	bell_ring(s->all->options.tasks);
	wait_for_answer(s);
	return s->ask.rc;
}

/* The last that a task does: from here on the slot is the clerk's. */
void runners_task_end(struct slot *s)
{
	struct runners *all = s->all;
	(void)pthread_mutex_lock(&all->lock);
	s->next = NULL;
	*all->tray.ended_end = s;
	all->tray.ended_end = &s->next;
	(void)pthread_mutex_unlock(&all->lock);
	bell_ring(all->options.tasks);
}

static void carry_out(struct slot *s)
{
	const struct execution x = {
		.conf = live_conf(s->held),
		.task = &s->task,
		.material = s->material,
		.arena = &s->arena,
		.poll = wait_in_slot,
		.aside = work_aside,
		.poll_context = s,
		.content = get_content,
		.lines = put_lines,
		.stop = must_stop,
		.session = set_session,
		.context = s,
	};
	execute_task(&s->end, &x);
	runners_task_end(s);
}

static void on_fiber(struct fiber *fiber, void *context)
{
	struct slot *s = context;
	s->fiber = fiber;
	carry_out(s);
}

static void on_thread(void *context)
{
	carry_out(context);
}

static int blocks(const struct slot *s)
{
	const struct conf_instance *instance;
	struct str database;
	struct err ignored;
	if (conf_target(&instance, &database, live_conf(s->held), s->task.target, &ignored) != 0)
		return 0; /* the execution says what is wrong */
	const struct db_driver *driver = db_find(instance->url);
	return driver != NULL && (driver->flags & DB_BLOCKS) != 0;
}

void runners_task_start(struct slot *s)
{
	s->started_ms = clock_mono_ms();
	s->fiber = NULL;
	s->job = (struct crew_job){ .run = on_thread, .context = s };
	s->end = (struct execute_end){ .rc = -1 };
	int rc = blocks(s) ? crew_run(s->all->crew, &s->job, &s->end.why)
			   : fibers_run(s->all->fibers, on_fiber, s, &s->end.why);
	if (rc != 0)
		runners_task_end(s);
}
