/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's order and exclusion, the bell's memory, and holding a configuration. */

#include "base/clock.h"
#include "receiver/gate.h"
#include "receiver/live.h"
#include "tests/support/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 8, ROUNDS = 2000 };

struct crowd {
	struct gate gate;
	atomic_int inside;
	atomic_int worst;
	uint64_t passed; /* guarded by the gate itself */
};

static void *pass_often(void *arg)
{
	struct crowd *c = arg;
	for (int i = 0; i < ROUNDS; i++) {
		gate_enter(&c->gate);
		if (atomic_fetch_add(&c->inside, 1) > 0)
			atomic_store(&c->worst, 1);
		c->passed++;
		(void)atomic_fetch_sub(&c->inside, 1);
		gate_leave(&c->gate);
	}
	return NULL;
}

static void test_gate_lets_one_through(void **state)
{
	(void)state;
	struct crowd c = { .passed = 0 };
	pthread_t threads[THREADS];
	assert_int_equal(gate_init(&c.gate), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pass_often, &c), 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&c.worst), 0);
	assert_int_equal(c.passed, THREADS * ROUNDS);
	gate_destroy(&c.gate);
}

struct queue {
	struct gate gate;
	int order[THREADS];
	int n; /* guarded by the gate */
};
struct comer {
	struct queue *queue;
	int number;
};

static void *come(void *arg)
{
	struct comer *c = arg;
	gate_enter(&c->queue->gate);
	c->queue->order[c->queue->n++] = c->number;
	gate_leave(&c->queue->gate);
	return NULL;
}

/* Until `n` in all have taken a ticket. */
static void wait_for_tickets(struct gate *g, uint64_t n)
{
	const struct timespec pause = { .tv_nsec = 1000000L };
	for (uint64_t taken = 0; taken < n;) {
		(void)pthread_mutex_lock(&g->lock);
		taken = g->next;
		(void)pthread_mutex_unlock(&g->lock);
		(void)nanosleep(&pause, NULL);
	}
}

static void test_gate_keeps_the_order(void **state)
{
	(void)state;
	struct queue q = { .n = 0 };
	struct comer comers[THREADS];
	pthread_t threads[THREADS];
	assert_int_equal(gate_init(&q.gate), 0);
	gate_enter(&q.gate);
	for (int i = 0; i < THREADS; i++) {
		comers[i] = (struct comer){ &q, i };
		assert_int_equal(pthread_create(&threads[i], NULL, come, &comers[i]), 0);
		wait_for_tickets(&q.gate, (uint64_t)i + 2);
	}
	gate_leave(&q.gate);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(q.order[i], i);
	gate_destroy(&q.gate);
}

static void test_bell_remembers_a_ring(void **state)
{
	(void)state;
	struct bell b;
	assert_int_equal(bell_init(&b), 0);
	uint64_t seen = bell_rings(&b);
	bell_ring(&b);
	int64_t since = clock_mono_ms();
	bell_wait(&b, seen, 10000); /* rang between the look and the wait */
	assert_true(clock_mono_ms() - since < 2000);
	since = clock_mono_ms();
	bell_wait(&b, bell_rings(&b), 50);
	int64_t spent = clock_mono_ms() - since;
	assert_true(spent >= 45 && spent < 5000);
	bell_destroy(&b);
}

static struct conf *make_conf(const char *listen)
{
	struct conf *conf = NULL;
	struct err e = { 0 };
	char text[128];
	(void)snprintf(text, sizeof text, "listen: %s\nenvironments: [{id: dev}]\n", listen);
	check_ok(conf_parse(&conf, str_of(text), "test.yaml", &e), &e);
	return conf;
}

static void test_live_keeps_what_is_held(void **state)
{
	(void)state;
	struct live live;
	assert_int_equal(live_init(&live, make_conf("127.0.0.1:1")), 0);
	struct live_conf *old = live_hold(&live);
	assert_int_equal(live_replace(&live, make_conf("127.0.0.1:2")), 0);
	struct live_conf *now = live_hold(&live);
	assert_true(str_eq_cstr(live_conf(old)->listen, "127.0.0.1:1"));
	assert_true(str_eq_cstr(live_conf(now)->listen, "127.0.0.1:2"));
	live_drop(&live, now);
	live_drop(&live, old);
	live_destroy(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_lets_one_through),
		cmocka_unit_test(test_gate_keeps_the_order),
		cmocka_unit_test(test_bell_remembers_a_ring),
		cmocka_unit_test(test_live_keeps_what_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
