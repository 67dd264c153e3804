/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of one command: its private store comes and goes, and a signal cancels what works. */

#include "base/buf.h"
#include "base/clock.h"
#include "receiver/engine.h"
#include "release/store.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "environments: [{id: dev}]\n"
			   "instances: [{id: here, environment: dev, url: 'sqlite:.'}]\n"
			   "projects: [{id: shop}]\n";

struct scene {
	char dir[64];
	struct log log;
	struct engine *engine;
};

static int setup(void **state)
{
	static struct scene s;
	s = (struct scene){ .dir = "/tmp/tidegate-engine-XXXXXX", .log = { -1, LOG_ERROR } };
	assert_non_null(mkdtemp(s.dir));
	*state = &s;
	return 0;
}

static size_t files_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	assert_non_null(d);
	for (const struct dirent *x = readdir(d); x != NULL; x = readdir(d))
		n += x->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	engine_close(s->engine);
	s->engine = NULL;
	assert_int_equal(files_in(s->dir), 0);
	return rmdir(s->dir);
}

static void open_engine(struct scene *s)
{
	struct err e = { .code = ERR_NONE };
	struct engine_options options = { .directory = str_of(s->dir), .log = &s->log };
	assert_int_equal(conf_parse(&options.conf, str_of(text), "test", &e), 0);
	if (engine_open(&s->engine, &options, &e) != 0)
		fail_msg("%s", e.msg);
}

static void test_engine_has_a_store_of_its_own(void **state)
{
	struct scene *s = *state;
	struct err e = { .code = ERR_NONE };
	int64_t n = 0;
	open_engine(s);
	assert_int_equal(files_in(s->dir), 1);
	assert_int_equal(store_number_start(engine_store(s->engine), STR("shop"), "plan", 41, &e),
			 0);
	assert_int_equal(store_number(&n, engine_store(s->engine), STR("shop"), "plan", &e), 0);
	assert_int_equal(n, 42);
	/* the second start is one too late */
	assert_int_equal(store_number_start(engine_store(s->engine), STR("shop"), "plan", 99, &e),
			 0);
	assert_int_equal(store_number(&n, engine_store(s->engine), STR("shop"), "plan", &e), 0);
	assert_int_equal(n, 43);
}

static void test_engine_refuses_a_directory_that_is_not(void **state)
{
	struct scene *s = *state;
	struct err e = { .code = ERR_NONE };
	struct engine_options options = { .directory = STR("/nowhere/at/all"), .log = &s->log };
	assert_int_equal(conf_parse(&options.conf, str_of(text), "test", &e), 0);
	assert_int_equal(engine_open(&s->engine, &options, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_non_null(strstr(e.msg, "TMPDIR"));
}

static void test_engine_takes_a_signal_while_it_runs(void **state)
{
	struct scene *s = *state;
	struct err e = { .code = ERR_NONE };
	open_engine(s);
	assert_int_equal(engine_start(s->engine, &e), 0);
	assert_int_equal(engine_signal(s->engine, 0), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(engine_signal(s->engine, 5000), SIGTERM);
	assert_int_equal(engine_stop(s->engine, &e), 0);
	for (int64_t end = clock_mono_ms() + 10000; !engine_is_stopped(s->engine);) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal(engine_signal(s->engine, 1), 0);
	}
}

/* A query that would take minutes is cancelled by the signal that comes during it. */
static void test_engine_watch_cancels_the_session(void **state)
{
	static const char endless[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
				      "FROM n) SELECT count(*) FROM n WHERE i < 0";
	struct scene *s = *state;
	struct err e = { .code = ERR_NONE };
	open_engine(s);
	assert_int_equal(engine_watch(s->engine, &e), 0);
	assert_int_equal(engine_interrupted(s->engine), 0);
	engine_session(s->engine, engine_store(s->engine));
	assert_int_equal(kill(getpid(), SIGINT), 0);
	assert_int_equal(db_exec(engine_store(s->engine), NULL, endless, DB_NO_ARGS, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_not_equal(engine_interrupted(s->engine), 0);
	engine_session(s->engine, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_engine_has_a_store_of_its_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_engine_refuses_a_directory_that_is_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_engine_takes_a_signal_while_it_runs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_engine_watch_cancels_the_session, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
