/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement that cannot be in a transaction, and what becomes of it on PostgreSQL: its backend is
 * ended while it runs, its runner is killed while the server goes on, it fails and leaves a half.
 * CREATE INDEX CONCURRENTLY waits for older transactions, so that it can be caught at work.
 */

#include "tests/release/target.h"

#include <sys/wait.h>

#define TABLE "m/1_init.sql=create table ran (v text); insert into ran values ('1'), ('2');"

/* An older transaction that has written to the table: the index waits for its end. */
static struct db *hold(struct target *t)
{
	struct err e;
	target_exec(t, "create table ran (v text)");
	target_exec(t, "insert into ran values ('1'), ('2')");
	struct db *db = target_open(t);
	check_ok(db_begin(db, &e), &e);
	check_ok(db_exec(db, NULL, "insert into ran values ('held')", DB_NO_ARGS, &e), &e);
	return db;
}

static const char *const files[] = {
	"m/2_x.sql=insert into ran values ('3');\n"
	"create index concurrently ran_v on ran (v);\ninsert into ran values ('4');\n",
	NULL,
};

#define AT_WORK                                                                                    \
	"from pg_stat_activity where datname = current_database()"                                 \
	" and query like 'create index conc%' and state = 'active'"                                \
	" and pid <> pg_backend_pid() and wait_event_type = 'Lock'"

static void wait_for_index(const struct target *t)
{
	for (int i = 0; i < 500; i++) {
		if (target_number(t, "select count(*) " AT_WORK) > 0)
			return;
		pg_pause(20);
	}
	fail_msg("the index is not being built");
}

static void check_done(struct target *t)
{
	struct revision *rows;
	assert_int_equal(target_number(t, "select count(*) from ran"), 4);
	assert_int_equal(target_number(t, "select count(distinct v) from ran"), 4);
	assert_int_equal(target_number(t, "select count(*) from pg_index where indisvalid and"
					  " indexrelid = to_regclass('ran_v')"),
			 1);
	size_t n = target_ledger(t, &rows);
	assert_string_equal(rows[n - 1].state.p, "applied");
	assert_int_equal(rows[n - 1].statements_done, 3);
}

struct killer {
	struct target *t;
	struct db *holder;
};

static void *end_backend(void *context)
{
	struct killer *k = context;
	wait_for_index(k->t);
	(void)target_number(k->t, "select count(pg_terminate_backend(pid)) " AT_WORK);
	pg_pause(200);
	db_rollback(k->holder);
	return NULL;
}

static void test_flight_backend_is_ended(void **state)
{
	struct target t;
	struct killer k = { .t = &t };
	pthread_t thread;
	target_init(&t, *state, files);
	k.holder = hold(&t);
	assert_int_equal(pthread_create(&thread, NULL, end_backend, &k), 0);
	int rc = target_run(&t);
	(void)pthread_join(thread, NULL);
	check_ok(rc, &t.e);
	assert_int_equal(t.logged_retries, 1);
	assert_non_null(strstr(t.log.p, "statement 2 left a half (index public.ran_v: invalid), "
					"which is taken away: drop index concurrently"));
	db_close(k.holder);
	check_done(&t);
	target_end(&t);
}

static void test_flight_runner_is_killed(void **state)
{
	struct target t;
	int status;
	target_init(&t, *state, files);
	struct db *holder = hold(&t);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(target_run(&t) == 0 ? 0 : 1);
	wait_for_index(&t);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* The server builds on, and whoever comes next does not get past it. */
	t.job.lock_wait_ms = 300;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	db_rollback(holder);
	db_close(holder);
	t.job.lock_wait_ms = 20000;
	check_ok(target_run(&t), &t.e);
	assert_non_null(strstr(t.log.p, "statement 2 (CREATE INDEX CONCURRENTLY) was in flight: "
					"it was applied (index public.ran_v: valid)"));
	check_done(&t);
	target_end(&t);
}

static void test_flight_half_of_a_failure(void **state)
{
	struct target t;
	static const char *const unique[] = {
		TABLE,
		"m/2_x.sql=insert into ran values ('2');\n"
		"create unique index concurrently ran_v on ran (v);\n"
		"insert into ran values ('4');\n",
		NULL,
	};
	target_init(&t, *state, unique);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(target_run(&t), -1);
		assert_int_equal(t.e.code, ERR_EXISTS);
		assert_int_equal(t.result.place.statement, 2);
		assert_int_equal(t.result.place.line, 2);
	}
	assert_non_null(strstr(t.log.p, "left a half"));
	target_exec(&t, "update ran set v = '3' where ctid in (select max(ctid) from ran)");
	check_ok(target_run(&t), &t.e);
	check_done(&t);
	target_end(&t);
}

/* An invalid index that was there before is not ours to drop. */
static void test_flight_half_of_others(void **state)
{
	struct target t;
	target_init(&t, *state, files);
	target_exec(&t, "create table ran (v text)");
	target_exec(&t, "insert into ran values ('1'), ('1')");
	struct db *db = target_open(&t);
	assert_int_equal(db_exec(db, NULL, "create unique index concurrently ran_v on ran (v)",
				 DB_NO_ARGS, NULL),
			 -1);
	db_close(db);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(target_run(&t), -1);
		assert_int_equal(t.e.code, ERR_DB);
		assert_non_null(strstr(t.e.msg, "already exists"));
	}
	assert_int_equal(target_number(&t, "select count(*) from pg_index where not indisvalid"),
			 1);
	target_end(&t);
}

/* Its marks in the ledger are no progress: it would wait for ever. */
static void test_flight_lock_retries(void **state)
{
	struct target t;
	static const char *const vacuum[] = { "m/2_x.sql=vacuum full ran;\n", NULL };
	target_init(&t, *state, vacuum);
	struct db *holder = hold(&t);
	t.job.target.lock_timeout_ms = 50;
	t.job.lock_retries = 3;
	t.job.lock_retry_delay_ms = 1;
	t.stop_after = 300; /* of a runner that waits for ever */
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	assert_int_equal(t.logged_retries, 3);
	db_rollback(holder);
	db_close(holder);
	t.stop_after = -1;
	check_ok(target_run(&t), &t.e);
	target_end(&t);
}

/* The role that a script takes has no right to the ledger. */
static void test_flight_roles(void **state)
{
	struct target t;
	static const char *const roles[] = {
		"m/1_x.sql=-- txn-mode = off\n"
		"create role tidegate_app;\ngrant create, usage on schema public to tidegate_app;\n"
		"set role tidegate_app;\n"
		"create table mine (v text);\n"
		"create index concurrently mine_v on mine (v);\n"
		"begin;\ninsert into mine values ('1');\ncommit;\n"
		"insert into nowhere values (1);\n",
		NULL
	};
	target_init(&t, *state, roles);
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.result.place.statement, 9);
	/* A run that goes on takes the role again. */
	target_exec(&t, "create table nowhere (v int)");
	assert_int_equal(target_run(&t), -1);
	assert_non_null(strstr(t.e.msg, "permission denied for table nowhere"));
	target_exec(&t, "grant insert on nowhere to tidegate_app");
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from pg_tables where tablename = 'mine'"
					   " and tableowner = 'tidegate_app'"),
			 1);
	assert_int_equal(target_number(&t, "select count(*) from mine"), 1);
	target_exec(&t, "drop owned by tidegate_app");
	target_exec(&t, "drop role tidegate_app");
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_flight_backend_is_ended),  room_test(test_flight_runner_is_killed),
		room_test(test_flight_half_of_a_failure), room_test(test_flight_half_of_others),
		room_test(test_flight_lock_retries),      room_test(test_flight_roles),
	};
	if (pg_start(&room_pg) != 0)
		return 77;
	int failed = cmocka_run_group_tests_name("postgresql", tests, room_postgres, room_end);
	pg_stop(&room_pg);
	return failed;
}
