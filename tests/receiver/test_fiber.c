/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers: many waits on one thread, each answered by what it waited for and by nothing else. */

#include "base/clock.h"
#include "receiver/fiber.h"
#include "tests/support/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MANY = 200, NAP_MS = 40 };

/* ---- many ---- */

struct reader {
	int pipe[2];
	int turns;
	atomic_int *sum;
};

/* Reads a byte a turn, which comes at some time. */
static void read_turns(struct fiber *fb, void *context)
{
	struct reader *r = context;
	for (int i = 0; i < r->turns; i++) {
		struct pollfd fd = { .fd = r->pipe[0], .events = POLLIN };
		char byte = 0;
		if (fiber_poll(fb, &fd, 1, 10000) == 1 && fd.revents == POLLIN &&
		    read(r->pipe[0], &byte, 1) == 1)
			atomic_fetch_add(r->sum, byte);
	}
}

static struct fibers *start(size_t most)
{
	struct fibers *all = NULL;
	struct err e;
	check_ok(fibers_start(&all, most, &e), &e);
	return all;
}

static void test_fiber_many_wait_on_one_thread(void **state)
{
	(void)state;
	static struct reader readers[MANY];
	atomic_int sum = 0;
	struct err e;
	struct fibers *all = start(MANY);
	for (size_t i = 0; i < MANY; i++) {
		readers[i] = (struct reader){ .turns = 3, .sum = &sum };
		assert_int_equal(pipe(readers[i].pipe), 0);
		check_ok(fibers_run(all, read_turns, &readers[i], &e), &e);
	}
	for (int turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < MANY; i++)
			assert_int_equal(write(readers[i * 7 % MANY].pipe[1], "\1", 1), 1);
	}
	fibers_stop(all);
	assert_int_equal(atomic_load(&sum), 3 * MANY);
	for (size_t i = 0; i < MANY; i++) {
		(void)close(readers[i].pipe[0]);
		(void)close(readers[i].pipe[1]);
	}
}

/* ---- deadlines ---- */

static void nap(struct fiber *fb, void *context)
{
	int64_t *took_ms = context;
	int64_t start_ms = clock_mono_ms();
	for (int i = 0; i < 3; i++) {
		if (fiber_poll(fb, NULL, 0, NAP_MS) != 0)
			return;
	}
	*took_ms = clock_mono_ms() - start_ms;
}

static void test_fiber_deadlines_pass_together(void **state)
{
	(void)state;
	static int64_t took_ms[MANY];
	struct err e;
	struct fibers *all = start(MANY);
	int64_t start_ms = clock_mono_ms();
	for (size_t i = 0; i < MANY; i++)
		check_ok(fibers_run(all, nap, &took_ms[i], &e), &e);
	fibers_stop(all);
	/* One after the other they would need 24 s. */
	assert_true(clock_mono_ms() - start_ms < MANY * NAP_MS);
	for (size_t i = 0; i < MANY; i++)
		assert_true(took_ms[i] >= 3 * NAP_MS);
}

/* ---- what answers a wait ---- */

struct waits {
	int early[2];
	int late[2];
	int first, second, both, none, closed, many, many_errno;
	short closed_revents;
};

/* `early` has something to say after its wait is over: the next wait is not answered by that. */
static void wait_in_turn(struct fiber *fb, void *context)
{
	struct waits *w = context;
	struct pollfd early = { .fd = w->early[0], .events = POLLIN };
	struct pollfd late = { .fd = w->late[0], .events = POLLIN };
	struct pollfd two[3] = { late, { .fd = -1, .events = POLLIN }, early };
	struct pollfd bad = { .fd = 1 << 20, .events = POLLIN };
	struct pollfd many[FIBER_FDS_MAX + 1] = { { .fd = -1 } };
	w->first = fiber_poll(fb, &early, 1, 0);
	(void)!write(w->early[1], "x", 1);
	w->second = fiber_poll(fb, &late, 1, NAP_MS);
	(void)!write(w->late[1], "x", 1);
	w->both = fiber_poll(fb, two, 3, 1000);
	w->none = two[1].revents;
	w->closed = fiber_poll(fb, &bad, 1, 1000);
	w->closed_revents = bad.revents;
	w->many = fiber_poll(fb, many, FIBER_FDS_MAX + 1, 0);
	w->many_errno = errno;
}

static void test_fiber_wait_is_answered_by_its_own(void **state)
{
	(void)state;
	struct waits w = { .first = -1 };
	struct err e;
	struct fibers *all = start(1);
	assert_int_equal(pipe(w.early), 0);
	assert_int_equal(pipe(w.late), 0);
	check_ok(fibers_run(all, wait_in_turn, &w, &e), &e);
	fibers_stop(all);
	assert_int_equal(w.first, 0);
	assert_int_equal(w.second, 0);
	assert_int_equal(w.both, 2);
	assert_int_equal(w.none, 0);
	assert_int_equal(w.closed, 1);
	assert_int_equal(w.closed_revents, POLLNVAL);
	assert_int_equal(w.many, -1);
	assert_int_equal(w.many_errno, EINVAL);
	for (int i = 0; i < 2; i++) {
		(void)close(w.early[i]);
		(void)close(w.late[i]);
	}
}

static void wait_for_ever(struct fiber *fb, void *context)
{
	struct pollfd fd = { .fd = *(int *)context, .events = POLLIN };
	(void)fiber_poll(fb, &fd, 1, -1);
}

/* ---- how many ---- */

static void test_fiber_is_refused_when_all_run(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;
	struct err e;
	struct fibers *all = start(2);
	check_ok(fibers_run(all, wait_for_ever, &wake, &e), &e);
	int64_t took_ms = 0;
	check_ok(fibers_run(all, nap, &took_ms, &e), &e);
	assert_int_equal(fibers_run(all, nap, &took_ms, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* The place of the one that has ended is free again. */
	while (fibers_run(all, nap, &took_ms, &e) != 0)
		(void)poll(NULL, 0, 5);
	/* From this thread: the one that waits without end goes on. */
	assert_int_equal(write(wake, &one, sizeof one), sizeof one);
	fibers_stop(all);
	assert_true(took_ms >= 3 * NAP_MS);
	(void)close(wake);
}

/* ---- stacks ---- */

enum { FRAME = 4096, DEPTH = 700 };

/* NOLINTNEXTLINE(misc-no-recursion): the depth is what is tried */
static int dig(struct fiber *fb, int depth)
{
	volatile char frame[FRAME];
	frame[0] = (char)depth;
	frame[FRAME - 1] = 1;
	if (depth == 0)
		(void)fiber_poll(fb, NULL, 0, 1);
	else
		(void)dig(fb, depth - 1);
	return frame[0] == (char)depth ? frame[FRAME - 1] : 0;
}

static void dig_deep(struct fiber *fb, void *context)
{
	for (int i = 0; i < 3; i++)
		atomic_fetch_add((atomic_int *)context, dig(fb, DEPTH));
}

static void test_fiber_has_a_deep_stack_of_its_own(void **state)
{
	(void)state;
	atomic_int good = 0;
	struct err e;
	struct fibers *all = start(8);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 8; i++) {
			while (fibers_run(all, dig_deep, &good, &e) != 0)
				(void)poll(NULL, 0, 1);
		}
	}
	fibers_stop(all);
	assert_int_equal(atomic_load(&good), 2 * 8 * 3);
}

/* ---- from several threads ---- */

struct starter {
	struct fibers *all;
	atomic_int *ended;
};

static void count(struct fiber *fb, void *context)
{
	(void)fiber_poll(fb, NULL, 0, 0);
	atomic_fetch_add((atomic_int *)context, 1);
}

static void *start_many(void *arg)
{
	struct starter *s = arg;
	struct err e;
	for (int i = 0; i < MANY; i++) {
		while (fibers_run(s->all, count, s->ended, &e) != 0)
			(void)poll(NULL, 0, 1);
	}
	return NULL;
}

static void test_fiber_is_started_from_any_thread(void **state)
{
	(void)state;
	atomic_int ended = 0;
	struct starter s = { .all = start(16), .ended = &ended };
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, start_many, &s), 0);
	for (int i = 0; i < 4; i++)
		(void)pthread_join(threads[i], NULL);
	fibers_stop(s.all);
	assert_int_equal(atomic_load(&ended), 4 * MANY);
	fibers_stop(NULL);
	fibers_stop(start(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fiber_many_wait_on_one_thread),
		cmocka_unit_test(test_fiber_deadlines_pass_together),
		cmocka_unit_test(test_fiber_wait_is_answered_by_its_own),
		cmocka_unit_test(test_fiber_is_refused_when_all_run),
		cmocka_unit_test(test_fiber_has_a_deep_stack_of_its_own),
		cmocka_unit_test(test_fiber_is_started_from_any_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
