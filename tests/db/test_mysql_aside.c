/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to MySQL and MariaDB never holds up the thread that many sessions share. */

#include "support/driver.h"

#include <string.h>

struct scheduler {
	pthread_t thread; /* of the last work aside */
	int asides;
};

struct aside {
	struct scheduler *s;
	void (*work)(void *argument);
	void *argument;
};

static void *do_aside(void *context)
{
	const struct aside *a = context;
	a->s->thread = pthread_self();
	a->work(a->argument);
	return NULL;
}

static void count_asides(void *context, void (*work)(void *argument), void *argument)
{
	struct aside a = { context, work, argument };
	pthread_t thread;
	a.s->asides++;
	assert_int_equal(pthread_create(&thread, NULL, do_aside, &a), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Only a host's name and TLS hold up the thread. */
static void test_mysql_connects_aside(void **state)
{
	struct fixture *f = *state;
	struct fixture named = *f;
	struct scheduler s = { .asides = 0 };
	struct db_options o = { .aside = count_asides, .poll_context = &s };
	const char *at = strstr(f->url, "127.0.0.1");
	if (at == NULL)
		skip();
	AUTO(db) struct db *plain = connect_with(f, o);
	assert_int_equal(s.asides, 0);
	(void)snprintf(named.url, sizeof named.url, "%.*slocalhost%s", (int)(at - f->url), f->url,
		       at + strlen("127.0.0.1"));
	AUTO(db) struct db *db = connect_with(&named, o);
	assert_int_equal(s.asides, 1);
	assert_false(pthread_equal(s.thread, pthread_self()));
	struct slow slow = { db, 100 };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &slow), 0);
	must_fail(ERR_UNAVAILABLE, db_exec(db, NULL, slow_sql(f), DB_NO_ARGS, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.asides, 2); /* KILL QUERY has a connection of its own */
	assert_int_equal(ask(db, "select 1"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mysql_connects_aside, setup, teardown),
	};
	static struct fixture mysql = { .db = NULL };
	return run_mysql(&mysql, tests, sizeof tests / sizeof tests[0]);
}
