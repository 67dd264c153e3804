/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler of fibers: runs what is ready, then waits once for all that they wait for. Each
 * wait arms its descriptors in one epoll set for a single event that bears the wait's number, so
 * that what comes late, from an earlier wait or a closed descriptor, is known and dropped.
 */

#include "receiver/fiber.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "receiver/fiber_stack.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 128 };

_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI && EPOLLOUT == POLLOUT &&
		   EPOLLERR == POLLERR && EPOLLHUP == POLLHUP,
	       "epoll(7) answers with the bits of poll(2)");

struct fiber {
	struct fibers *all;
	struct fiber *next; /* in `idle`, `started` or the ready list */
	size_t index;
	struct fiber_stack stack;
	fiber_fn run;
	void *context;
	int done;
	/* What it waits for. */
	int waits;
	uint32_t wait; /* number of the wait: events of another are dropped */
	struct pollfd *fds;
	int answers;
};

struct fibers {
	pthread_mutex_t lock;  /* guards the fields of this block */
	struct fiber *idle;    /* may be started */
	struct fiber *started; /* not yet taken by the thread */
	size_t running;        /* started and not done */
	int stopping;

	struct fiber *list;
	size_t n;
	int wake; /* an eventfd: rung when the thread shall look at the block above */
	int epoll;
	pthread_t thread;
	int thread_started;

	/* The thread's own. */
	struct fiber_stack home;
	struct fiber *current;
	struct fiber *ready;
	int64_t *deadlines; /* of each fiber's wait, INT64_MAX: none */
};

/* ---- waiting ---- */

/* What an event says of itself: which fiber, which of its descriptors, which wait. */
static uint64_t tag(const struct fiber *fb, size_t at)
{
	return (uint64_t)fb->index << 48 | (uint64_t)at << 32 | fb->wait;
}

static void arm(struct fiber *fb, size_t at)
{
	struct pollfd *fd = &fb->fds[at];
	struct epoll_event event = { .events = (uint32_t)(unsigned short)fd->events | EPOLLONESHOT,
				     .data = { .u64 = tag(fb, at) } };
	int epoll = fb->all->epoll;
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd->fd, &event) == 0 ||
	    (errno == ENOENT && epoll_ctl(epoll, EPOLL_CTL_ADD, fd->fd, &event) == 0))
		return;
	/* Closed, or without room in the kernel: whoever reads or writes it learns why. */
	fd->revents = POLLNVAL;
	fb->answers++;
}

int fiber_poll(void *fiber, struct pollfd *fds, size_t n, int timeout_ms)
{
	struct fiber *fb = fiber;
	struct fibers *all = fb->all;
	assert(all->current == fb);
	if (n > FIBER_FDS_MAX) {
		errno = EINVAL;
		return -1;
	}
	fb->wait++;
	fb->fds = fds;
	fb->answers = 0;
	for (size_t i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd >= 0)
			arm(fb, i);
	}
	if (fb->answers > 0) {
		fb->fds = NULL;
		return fb->answers;
	}
	all->deadlines[fb->index] = timeout_ms < 0 ? INT64_MAX : clock_mono_ms() + timeout_ms;
	fb->waits = 1;
	fiber_stack_switch(&fb->stack, &all->home);
	fb->fds = NULL; /* they go with the caller */
	return fb->answers;
}

static void make_ready(struct fiber *fb)
{
	if (!fb->waits)
		return;
	fb->waits = 0;
	fb->all->deadlines[fb->index] = INT64_MAX;
	fb->next = fb->all->ready;
	fb->all->ready = fb;
}

static void take_event(struct fibers *all, const struct epoll_event *event)
{
	uint64_t from = event->data.u64;
	if (from == UINT64_MAX) {
		uint64_t count;
		(void)!read(all->wake, &count, sizeof count);
		return;
	}
	struct fiber *fb = &all->list[from >> 48];
	/* A fiber that is ready by an earlier event of this look may take more of them. */
	if (fb->fds == NULL || fb->wait != (uint32_t)from)
		return;
	struct pollfd *fd = &fb->fds[from >> 32 & 0xffffU];
	fd->revents = (short)(event->events & ((unsigned short)fd->events | POLLERR | POLLHUP));
	fb->answers++;
	make_ready(fb);
}

/* Until the first deadline. */
static int64_t nearest(const struct fibers *all)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < all->n; i++) {
		if (all->deadlines[i] < first)
			first = all->deadlines[i];
	}
	return first;
}

static void wait_for_all(struct fibers *all)
{
	struct epoll_event events[EVENTS];
	int64_t first = nearest(all);
	int timeout_ms = -1;
	if (first != INT64_MAX) {
		int64_t left = first - clock_mono_ms();
		timeout_ms = left > 0 ? num_clamp_int((size_t)left) : 0;
	}
	int n = epoll_wait(all->epoll, events, EVENTS, timeout_ms);
	for (int i = 0; i < n; i++)
		take_event(all, &events[i]);
	if (first == INT64_MAX)
		return;
	int64_t now = clock_mono_ms();
	for (size_t i = 0; now >= first && i < all->n; i++) {
		if (all->deadlines[i] <= now)
			make_ready(&all->list[i]);
	}
}

/* ---- running ---- */

static void entry(void *argument)
{
	struct fiber *fb = argument;
	fb->run(fb, fb->context);
	fb->done = 1;
	fiber_stack_leave(&fb->stack, &fb->all->home);
}

static void ring(struct fibers *all)
{
	uint64_t one = 1;
	(void)!write(all->wake, &one, sizeof one); /* full means that one waits */
}

static void give_back(struct fiber *fb)
{
	struct fibers *all = fb->all;
	fiber_stack_rest(&fb->stack);
	(void)pthread_mutex_lock(&all->lock);
	fb->next = all->idle;
	all->idle = fb;
	all->running--;
	int last = all->stopping && all->running == 0;
	(void)pthread_mutex_unlock(&all->lock);
	if (last)
		ring(all);
}

static void resume(struct fiber *fb)
{
	struct fibers *all = fb->all;
	all->current = fb;
	fiber_stack_switch(&all->home, &fb->stack);
	all->current = NULL;
	if (fb->done)
		give_back(fb);
}

/* What was started since the last look; 0 when there is nothing left to do, for ever. */
static int take_started(struct fibers *all)
{
	(void)pthread_mutex_lock(&all->lock);
	struct fiber *fb = all->started;
	all->started = NULL;
	int more = !all->stopping || all->running > 0;
	(void)pthread_mutex_unlock(&all->lock);
	while (fb != NULL) {
		struct fiber *next = fb->next;
		fiber_stack_begin(&fb->stack, entry, fb);
		fb->next = all->ready;
		all->ready = fb;
		fb = next;
	}
	return more;
}

static void *fibers_main(void *arg)
{
	struct fibers *all = arg;
	fiber_stack_adopt(&all->home);
	while (take_started(all)) {
		/* Who becomes ready by the others has its turn after the next look. */
		struct fiber *fb = all->ready;
		all->ready = NULL;
		while (fb != NULL) {
			struct fiber *next = fb->next;
			resume(fb);
			fb = next;
		}
		wait_for_all(all);
	}
	return NULL;
}

int fibers_run(struct fibers *all, fiber_fn run, void *context, struct err *e)
{
	int rc = 0;
	(void)pthread_mutex_lock(&all->lock);
	struct fiber *fb = all->idle;
	if (fb == NULL)
		rc = err_set(e, ERR_LIMIT, "no more than %zu fibers run at a time", all->n);
	else if (fb->stack.low == NULL)
		rc = fiber_stack_make(&fb->stack, e);
	if (rc == 0) {
		all->idle = fb->next;
		fb->run = run;
		fb->context = context;
		fb->done = 0;
		fb->fds = NULL;
		fb->next = all->started;
		all->started = fb;
		all->running++;
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (rc == 0)
		ring(all);
	return rc;
}

/* ---- making ---- */

static int open_all(struct fibers *all, struct err *e)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = UINT64_MAX } };
	all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (all->wake < 0 || all->epoll < 0 ||
	    epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wake, &event) != 0)
		return err_sys(e, errno, "cannot wait for many descriptors");
	int rc = pthread_create(&all->thread, NULL, fibers_main, all);
	if (rc != 0)
		return err_sys(e, rc, "cannot start a thread for fibers");
	all->thread_started = 1;
	return 0;
}

static void fill(struct fibers *all)
{
	for (size_t i = all->n; i > 0; i--) {
		struct fiber *fb = &all->list[i - 1];
		*fb = (struct fiber){ .all = all, .index = i - 1, .next = all->idle };
		all->idle = fb;
		all->deadlines[i - 1] = INT64_MAX;
	}
}

int fibers_start(struct fibers **out, size_t most, struct err *e)
{
	assert(most > 0 && most <= FIBERS_MAX);
	struct fibers *all = mem_array(1, sizeof *all);
	if (all == NULL || pthread_mutex_init(&all->lock, NULL) != 0) {
		mem_free(all);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	all->n = most;
	all->wake = -1;
	all->epoll = -1;
	all->list = mem_array(most, sizeof *all->list);
	all->deadlines = mem_array(most, sizeof *all->deadlines);
	int rc = 0;
	if (all->list == NULL || all->deadlines == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0) {
		fill(all);
		rc = open_all(all, e);
	}
	if (rc != 0) {
		fibers_stop(all);
		return -1;
	}
	*out = all;
	return 0;
}

void fibers_stop(struct fibers *all)
{
	if (all == NULL)
		return;
	if (all->thread_started) {
		(void)pthread_mutex_lock(&all->lock);
		all->stopping = 1;
		(void)pthread_mutex_unlock(&all->lock);
		ring(all);
		(void)pthread_join(all->thread, NULL);
	}
	for (size_t i = 0; all->list != NULL && i < all->n; i++)
		fiber_stack_free(&all->list[i].stack);
	if (all->wake >= 0)
		(void)close(all->wake);
	if (all->epoll >= 0)
		(void)close(all->epoll);
	(void)pthread_mutex_destroy(&all->lock);
	mem_free(all->deadlines);
	mem_free(all->list);
	mem_free(all);
}
