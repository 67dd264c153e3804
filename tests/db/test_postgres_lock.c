/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner's lock of the PostgreSQL driver where it is hard: a predecessor whose process is dead
 * but whose statement still runs, a waiter beside CREATE INDEX CONCURRENTLY, and poolers between,
 * with the real pgbouncer.
 */

#include "support/driver.h"

static int alone(struct db *db, const char *sql, struct err *e)
{
	struct db_script script = { .notice = NULL };
	struct db_statement s = { .text = str_of(sql), .place = { 1, 1, 1 } };
	return db_statement_run(db, &s, &script, e);
}

/* A runner of its own that is killed while the server works for it. */
static void leave_orphan(const struct fixture *f, const char *sql)
{
	int fds[2];
	char byte = 0;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e;
		struct db *db = pg_open(&f->pg, f->database, &e);
		if (db == NULL || db_lock(db, 0, &e) != 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		IGNORE(alone(db, sql, &e)); /* killed in it */
		_exit(1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
	static const char runs[] = "select count(*) from pg_stat_activity where state = 'active'"
				   " and query like 'select 7, pg_sleep%'";
	for (int i = 0; i < 500 && ask(f->db, runs) == 0; i++)
		pg_pause(10);
	(void)kill(pid, SIGKILL);
	(void)pg_wait(pid);
}

static void test_postgres_lock_outlives_its_runner(void **state)
{
	struct fixture *f = *state;
	leave_orphan(f, "select 7, pg_sleep(2), 'secret'");
	struct err why = { .code = ERR_NONE };
	assert_int_equal(db_lock(f->db, 100, &why), -1);
	assert_int_equal(why.code, ERR_UNAVAILABLE);
	static const char *const told[] = { "('tidegate') of 'postgres' from 127.0.0.1",
					    ", active for ", " s: select 7, pg_sleep(2), ;",
					    "pg_terminate_backend(" };
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		if (strstr(why.msg, told[i]) == NULL)
			fail_msg("no '%s' in: %s", told[i], why.msg);
	}
	assert_null(strstr(why.msg, "secret"));
	/* It never overlaps: the lock comes when the statement has ended, and not before. */
	must(db_lock(f->db, 30000, &e));
	assert_int_equal(ask(f->db, "select count(*) from pg_stat_activity where query like"
				    " 'select 7, pg_sleep%' and state = 'active'"),
			 0);
}

struct work {
	struct db *db;
	const char *sql;
	int rc;
};

static void *do_work(void *context)
{
	struct work *w = context;
	w->rc = alone(w->db, w->sql, NULL);
	return NULL;
}

struct waiter {
	struct db *db;
	int rc;
};

static void *wait_for_lock(void *context)
{
	struct waiter *w = context;
	w->rc = db_lock(w->db, 60000, NULL);
	return NULL;
}

/* The build waits for every older snapshot, so a waiter must have none. */
static void test_postgres_lock_waits_beside_an_index_build(void **state)
{
	struct fixture *f = *state;
	AUTO(db) struct db *writer = connect_to(f);
	AUTO(db) struct db *other = connect_to(f);
	struct db *holder = connect_with(f, (struct db_options){ .lock_timeout_ms = 60000 });
	pthread_t builds, waits;
	run_sql(f->db, "create table beside (a int)");
	must(db_lock(holder, 0, &e));
	must(db_begin(writer, &e));
	run_sql(writer, "insert into beside values (1)");
	struct work work = { holder, "create index concurrently beside_i on beside (a)", -1 };
	struct waiter waiter = { other, -1 };
	assert_int_equal(pthread_create(&waits, NULL, wait_for_lock, &waiter), 0);
	pg_pause(100);
	assert_int_equal(pthread_create(&builds, NULL, do_work, &work), 0);
	pg_pause(300);
	must(db_commit(writer, &e));
	assert_int_equal(pthread_join(builds, NULL), 0);
	assert_int_equal(work.rc, 0);
	db_close(holder);
	assert_int_equal(pthread_join(waits, NULL), 0);
	assert_int_equal(waiter.rc, 0);
}

/* ---- poolers ---- */

static const char pgbouncer[] = "/usr/sbin/pgbouncer";

struct pooler {
	pid_t pid;
	struct fixture f; /* the pooler's url */
};

static void start_pooler(struct pooler *p, const struct fixture *f, const char *mode, int size)
{
	char path[160];
	p->f = *f;
	int port = pg_free_port();
	(void)snprintf(path, sizeof path, "%s/pgbouncer-%s.ini", f->pg.dir, mode);
	FILE *ini = fopen(path, "w");
	assert_non_null(ini);
	(void)fprintf(ini,
		      "[databases]\n* = host=127.0.0.1 port=%d user=postgres\n[pgbouncer]\n"
		      "listen_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
		      "auth_type = any\npool_mode = %s\ndefault_pool_size = %d\n"
		      "ignore_startup_parameters = options,extra_float_digits\n",
		      f->pg.port, port, mode, size);
	assert_int_equal(fclose(ini), 0);
	char program[64], quiet[] = "-q";
	(void)snprintf(program, sizeof program, "%s", pgbouncer);
	char *argv[] = { program, quiet, path, NULL };
	p->pid = pg_spawn(&f->pg, argv);
	(void)snprintf(p->f.url, sizeof p->f.url, "postgresql://postgres@127.0.0.1:%d", port);
	for (int i = 0; i < 200; i++) {
		struct db *db = NULL;
		struct db_options o = { .url = str_of(p->f.url), .database = str_of(f->database) };
		if (db_open(&db, &o, NULL) == 0) {
			db_close(db);
			return;
		}
		pg_pause(25);
	}
	fail_msg("pgbouncer does not start; see %s/log", f->pg.dir);
}

static void stop_pooler(const struct pooler *p)
{
	(void)kill(p->pid, SIGKILL);
	(void)pg_wait(p->pid);
}

static void test_postgres_lock_refuses_a_transaction_pooler(void **state)
{
	struct fixture *f = *state;
	static const int sizes[] = { 1, 5 };
	if (access(pgbouncer, X_OK) != 0)
		skip();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct pooler p;
		struct err why = { .code = ERR_NONE };
		start_pooler(&p, f, "transaction", sizes[i]);
		struct db *db = connect_to(&p.f);
		assert_int_equal(db_lock(db, 0, &why), -1);
		assert_int_equal(why.code, ERR_REFUSED);
		assert_non_null(strstr(why.msg, "pooler in transaction mode"));
		db_close(db);
		/* Nothing stays locked in the pool's processes. */
		must(db_lock(f->db, 0, &e));
		stop_pooler(&p);
	}
}

static void test_postgres_lock_works_behind_a_session_pooler(void **state)
{
	struct fixture *f = *state;
	static const int sizes[] = { 1, 5 };
	if (access(pgbouncer, X_OK) != 0)
		skip();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct pooler p;
		struct db_script s = { .notice = NULL };
		start_pooler(&p, f, "session", sizes[i]);
		struct db *db = connect_with(&p.f, (struct db_options){ .lock_timeout_ms = 1234 });
		must(db_lock(db, 0, &e));
		must(db_lock(db, 0, &e));
		must_fail(ERR_UNAVAILABLE, db_lock(f->db, 0, &e));
		static const char set[] = "select (current_setting('lock_timeout') = '1234ms' and"
					  " current_setting('standard_conforming_strings') = 'on')"
					  "::int";
		assert_int_equal(ask(db, set), 1);
		/* The pooler's own settings are the session's start, not ours. */
		must(run_script(db, STR("reset all; set lock_timeout = 0"), &s, &e));
		assert_int_equal(ask(db, set), 1);
		must(alone(db, "set lock_timeout = 0", &e));
		must(db_session_reset(db, &e));
		assert_int_equal(ask(db, set), 1);
		db_close(db);
		must(db_lock(f->db, 5000, &e));
		must(alone(f->db, "select pg_advisory_unlock_all()", &e));
		stop_pooler(&p);
	}
}

static void test_postgres_lock_settings_come_back(void **state)
{
	const struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	AUTO(db)
	struct db *db = connect_with(
	    f, (struct db_options){ .lock_timeout_ms = 1234, .statement_timeout_ms = 5678 });
	static const char set[] = "select (current_setting('lock_timeout') = '1234ms' and"
				  " current_setting('statement_timeout') = '5678ms' and"
				  " current_setting('idle_in_transaction_session_timeout')"
				  " = '1min')::int";
	assert_int_equal(ask(db, set), 1);
	must(run_script(db,
			STR("set lock_timeout = 0; set statement_timeout = 0;"
			    "set idle_in_transaction_session_timeout = 0"),
			&s, &e));
	assert_int_equal(ask(db, set), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_postgres_lock_outlives_its_runner, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_postgres_lock_waits_beside_an_index_build,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_lock_refuses_a_transaction_pooler,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_lock_works_behind_a_session_pooler,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_lock_settings_come_back, setup,
						teardown),
	};
	static struct fixture postgres = { .db = NULL };
	/* On a server of its own, in whose directory the pooler has its files. */
	(void)unsetenv("TIDEGATE_TEST_PG");
	return run_postgres(&postgres, tests, sizeof tests / sizeof tests[0]);
}
