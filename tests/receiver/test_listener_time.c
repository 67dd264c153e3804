/* SPDX-License-Identifier: Apache-2.0 */
/* The listener over real sockets: deadlines, suspended requests, and the way down. */

#include "tests/receiver/listener_fixture.h"

#define H "POST /x HTTP/1.1\r\nHost: a\r\n"
#define HOLD "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

static struct rig *start(const char *settings)
{
	struct rig *rig = calloc(1, sizeof *rig);
	assert_non_null(rig);
	rig_start(rig, settings);
	return rig;
}

static void stop(struct rig *rig)
{
	rig_stop(rig);
	free(rig);
}

/* Sends `text`, then a byte each 50 ms; how long the server bore it. */
static int64_t trickle(unsigned port, const char *text)
{
	int fd = client_open(port);
	assert_true(fd >= 0);
	int64_t since = clock_mono_ms();
	assert_int_equal(client_send(fd, text, strlen(text)), 0);
	int64_t spent = 0;
	while (spent < 5000) {
		spent = clock_mono_ms() - since;
		if (client_is_closed(fd, 50) || client_send(fd, "x", 1) != 0)
			break;
	}
	(void)close(fd);
	return spent;
}

static const char short_times[] = "limits: {request_timeout: 600ms, idle_timeout: 400ms}";

/* The client sees the end a moment before it is counted. */
static uint64_t timed_out(const struct rig *rig, uint64_t wanted)
{
	struct listener_stats stats = { .timed_out = 0 };
	for (int i = 0; i < 200; i++) {
		const struct timespec pause = { .tv_nsec = 10 * 1000000L };
		listener_stats(&stats, rig->listener);
		if (stats.timed_out >= wanted)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return stats.timed_out;
}

static void test_listener_ends_who_trickles(void **state)
{
	(void)state;
	struct rig *rig = start(short_times);
	static const char *const slow[] = {
		"POS",                                  /* a request line that never ends */
		"POST /x HTTP/1.1\r\nHost: a\r\nX-A: ", /* a header */
		H "Content-Length: 100000\r\n\r\n",     /* a body */
		H "Transfer-Encoding: chunked\r\n\r\nffffff\r\n", /* a chunk */
	};
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
		int64_t spent = trickle(rig->port, slow[i]);
		if (spent < 300 || spent > 1500)
			fail_msg("case %zu: ended after %lld ms", i, (long long)spent);
	}
	assert_int_equal(timed_out(rig, 4), 4);
	stop(rig);
}

static void test_listener_ends_who_is_silent(void **state)
{
	(void)state;
	struct rig *rig = start(short_times);
	struct reply r;
	int silent = client_open(rig->port), kept = client_open(rig->port);
	assert_int_equal(client_send(kept, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27), 0);
	client_read(&r, kept, 1, 2000);
	assert_int_equal(r.status, 200);
	assert_false(client_is_closed(kept, 200));
	assert_true(client_is_closed(silent, 1500));
	assert_true(client_is_closed(kept, 1500));
	(void)close(silent);
	(void)close(kept);
	assert_int_equal(timed_out(rig, 2), 2);
	stop(rig);
}

static void test_listener_lets_a_suspended_request_be(void **state)
{
	(void)state;
	struct rig *rig = start(short_times);
	struct reply r;
	int fd = client_open(rig->port);
	assert_int_equal(client_send(fd, HOLD, sizeof HOLD - 1), 0);
	client_read(&r, fd, 1, 1500);
	assert_int_equal(r.answers, 0);
	assert_int_equal(r.closed, 0);
	assert_int_equal(rig_release(rig), 1);
	client_read(&r, fd, 1, 2000);
	assert_int_equal(r.status, 202);
	(void)close(fd);
	stop(rig);
}

static void test_listener_outlives_a_client_that_left(void **state)
{
	(void)state;
	struct rig *rig = start("");
	int fd = client_open(rig->port);
	assert_int_equal(client_send(fd, HOLD, sizeof HOLD - 1), 0);
	client_sleep(100);
	(void)close(fd);
	client_sleep(100);
	assert_int_equal(rig_release(rig), 1);
	size_t ended = 0;
	for (int i = 0; i < 200 && ended == 0; i++) {
		client_sleep(10);
		(void)pthread_mutex_lock(&rig->lock);
		ended = rig->ended;
		(void)pthread_mutex_unlock(&rig->lock);
	}
	assert_int_equal(ended, 1);
	stop(rig);
}

/* --- the way down --- */

static void *stop_later(void *arg)
{
	struct rig *rig = arg;
	listener_stop(rig->listener, 3000);
	return NULL;
}

static void test_listener_stop_waits_for_what_is_suspended(void **state)
{
	(void)state;
	struct rig *rig = start("");
	struct reply r;
	int fd = client_open(rig->port), idle = client_open(rig->port);
	assert_int_equal(client_send(fd, HOLD, sizeof HOLD - 1), 0);
	client_sleep(100);
	pthread_t stopper;
	assert_int_equal(pthread_create(&stopper, NULL, stop_later, rig), 0);
	assert_true(client_is_closed(idle, 1000));
	assert_int_equal(client_open(rig->port), -1);
	assert_int_equal(rig_release(rig), 1);
	client_read(&r, fd, 1, 2000);
	assert_int_equal(r.status, 202);
	assert_non_null(strstr(r.head, "Connection: close"));
	(void)pthread_join(stopper, NULL);
	(void)close(fd);
	(void)close(idle);
	rig_clean(rig);
	free(rig);
}

static void test_listener_stop_does_not_wait_for_who_never_ends(void **state)
{
	(void)state;
	struct rig *rig = start("");
	int fd = client_open(rig->port);
	static const char half[] = H "Content-Length: 100\r\n\r\nx";
	assert_int_equal(client_send(fd, half, sizeof half - 1), 0);
	client_sleep(50);
	int64_t since = clock_mono_ms();
	listener_stop(rig->listener, 300);
	int64_t spent = clock_mono_ms() - since;
	assert_true(spent >= 250 && spent < 2500);
	assert_true(client_is_closed(fd, 100));
	(void)close(fd);
	rig_clean(rig);
	free(rig);
}

struct loader {
	unsigned port;
	int requests, unanswered;
};

/* One request after the other until the server is gone: each that was sent whole is answered, or
 * its connection was ended before an answer began. */
static void *load(void *arg)
{
	struct loader *l = arg;
	for (;;) {
		int fd = client_open(l->port);
		if (fd < 0)
			return NULL;
		struct reply r = { .closed = 0 };
		while (!r.closed && client_send(fd, HOLD, sizeof HOLD - 1) == 0) {
			client_read(&r, fd, 1, 5000);
			if (r.answers == 0)
				break;
			l->requests++;
			l->unanswered += r.status != 202 && r.status != 503;
		}
		(void)close(fd);
	}
}

static void test_listener_stops_under_load(void **state)
{
	(void)state;
	enum { LOADERS = 16, ROUNDS = 3 };
	for (int round = 0; round < ROUNDS; round++) {
		struct rig *rig = start("listener_threads: 2");
		struct loader loaders[LOADERS];
		pthread_t threads[LOADERS];
		rig_release_always(rig);
		for (int i = 0; i < LOADERS; i++) {
			loaders[i] = (struct loader){ .port = rig->port };
			assert_int_equal(pthread_create(&threads[i], NULL, load, &loaders[i]), 0);
		}
		client_sleep(200);
		listener_stop(rig->listener, 2000);
		int requests = 0;
		for (int i = 0; i < LOADERS; i++) {
			(void)pthread_join(threads[i], NULL);
			requests += loaders[i].requests;
			assert_int_equal(loaders[i].unanswered, 0);
		}
		assert_true(requests > LOADERS);
		rig_clean(rig);
		free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener_ends_who_trickles),
		cmocka_unit_test(test_listener_ends_who_is_silent),
		cmocka_unit_test(test_listener_lets_a_suspended_request_be),
		cmocka_unit_test(test_listener_outlives_a_client_that_left),
		cmocka_unit_test(test_listener_stop_waits_for_what_is_suspended),
		cmocka_unit_test(test_listener_stop_does_not_wait_for_who_never_ends),
		cmocka_unit_test(test_listener_stops_under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
