/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on in a new session on PostgreSQL, where names may stand for something else than in the one
 * that is gone: another search path, a second object of the same name, a lost temporary table.
 * Each statement is caught at work, since it waits for an older transaction.
 */

#include "tests/release/target.h"

#include <sys/wait.h>

#define IS_AT_WORK                                                                                 \
	"from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"     \
	" and state = 'active' and wait_event_type = 'Lock' and query like "

/* A transaction that the statement of the file has to wait for. */
static struct db *hold(const struct target *t, const char *sql)
{
	struct err e;
	struct db *db = target_open(t);
	check_ok(db_begin(db, &e), &e);
	check_ok(db_exec(db, NULL, sql, DB_NO_ARGS, &e), &e);
	return db;
}

static void wait_for(const struct target *t, const char *like)
{
	char sql[512];
	(void)snprintf(sql, sizeof sql, "select count(*) " IS_AT_WORK "'%s%%'", like);
	for (int i = 0; i < 500; i++) {
		if (target_number(t, sql) > 0)
			return;
		pg_pause(20);
	}
	fail_msg("not at work: %s", like);
}

/* Run until the statement waits, then kill the runner; the server goes on with it. */
static void kill_runner(struct target *t, const char *like)
{
	int status;
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(target_run(t) == 0 ? 0 : 1);
	wait_for(t, like);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

/* The same, but the statement ends half done. */
static void kill_both(struct target *t, const char *like)
{
	char sql[512];
	kill_runner(t, like);
	(void)snprintf(sql, sizeof sql,
		       "select count(pg_terminate_backend(pid)) " IS_AT_WORK "'%s%%'", like);
	assert_int_equal(target_number(t, sql), 1);
	pg_pause(200);
}

static void let_go(struct db *db)
{
	db_rollback(db);
	db_close(db);
}

static void is_in_doubt(struct target *t)
{
	assert_int_equal(target_run(t), -1);
	assert_int_equal(t->e.code, ERR_REFUSED);
	assert_non_null(strstr(t->e.msg, "whether it ran is not known"));
}

static void make_twins(struct target *t)
{
	target_exec(t, "create schema a");
	target_exec(t, "create schema b");
	target_exec(t, "create table a.ran (v text)");
	target_exec(t, "create table b.ran (v text)");
}

/* Behind the index that was dropped stands another of its name, further down the search path. */
static void test_resume_drop_of_a_twin(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=set search_path = a, b;\ndrop index concurrently ran_v;\n", NULL
	};
	target_init(&t, *state, files);
	make_twins(&t);
	target_exec(&t, "create index ran_v on a.ran (v)");
	target_exec(&t, "create index ran_v on b.ran (v)");
	struct db *holder = hold(&t, "insert into a.ran values ('held')");
	kill_runner(&t, "drop index conc");
	let_go(holder);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from pg_class where relname = 'ran_v'"),
			 1);
	target_end(&t);
}

/* As pg_dump writes it. */
static void test_resume_set_config(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=SELECT pg_catalog.set_config('search_path', 'b', false);\n"
		"create index concurrently ran_v on ran (v);\ninsert into ran values ('1');\n",
		NULL
	};
	target_init(&t, *state, files);
	make_twins(&t);
	target_exec(&t, "create table ran (v text)");
	struct db *holder = hold(&t, "insert into b.ran values ('held')");
	kill_both(&t, "create index conc");
	let_go(holder);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from b.ran"), 1);
	assert_int_equal(target_number(&t, "select count(*) from pg_index where indisvalid"
					   " and indexrelid = to_regclass('b.ran_v')"),
			 1);
	target_end(&t);
}

/* What a function sets is not known, and is not set again. */
static void test_resume_elsewhere(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=do $$ begin perform set_config('search_path', 'b', false); end $$;\n"
		"create index concurrently ran_v on ran (v);\n",
		"m/2_x.sql=do $$ begin perform set_config('search_path', 'b', false); end $$;\n"
		"drop index concurrently ran_v;\n",
		NULL
	};
	target_init(&t, *state, files);
	make_twins(&t);
	target_exec(&t, "create table ran (v text)");
	struct db *holder = hold(&t, "insert into b.ran values ('held')");
	kill_both(&t, "create index conc");
	let_go(holder);
	is_in_doubt(&t);
	target_exec(&t, "update tidegate.revision set state = 'applied'");
	target_exec(&t, "drop index b.ran_v");
	target_exec(&t, "create index ran_v on b.ran (v)");
	holder = hold(&t, "insert into b.ran values ('held')");
	kill_both(&t, "drop index conc");
	let_go(holder);
	is_in_doubt(&t);
	target_end(&t);
}

static void test_resume_set_rolled_back(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=-- txn-mode = off\nset search_path = a;\nbegin;\nset search_path = b;\n"
		"rollback;\ninsert into ran values ('1');\ninsert into nowhere values (1);\n",
		NULL
	};
	target_init(&t, *state, files);
	make_twins(&t);
	assert_int_equal(target_run(&t), -1);
	target_exec(&t, "create table a.nowhere (v int)");
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from a.nowhere"), 1);
	target_end(&t);
}

static void make_parts(const struct target *t)
{
	target_exec(t, "create table parts (v int) partition by list (v)");
	target_exec(t, "create table part_1 partition of parts for values in (1)");
	target_exec(t, "create table ran (v int)");
}

static const char *const detach[] = {
	"m/1_x.sql=alter table parts detach partition part_1 concurrently;\n"
	"insert into ran values (1);\n",
	NULL
};

static void is_detached(const struct target *t)
{
	assert_int_equal(target_number(t, "select count(*) from ran"), 1);
	assert_int_equal(target_number(t, "select count(*) from pg_inherits"), 0);
	assert_non_null(strstr(t->log.p, "finalize"));
}

/* The half of a DETACH is not taken away: it is finished. */
static void test_resume_detach(void **state)
{
	struct target t;
	target_init(&t, *state, detach);
	make_parts(&t);
	struct db *holder = hold(&t, "insert into parts values (1)");
	kill_both(&t, "alter table parts");
	let_go(holder);
	check_ok(target_run(&t), &t.e);
	is_detached(&t);
	target_end(&t);
}

/* The same after an error of the server's: too long a wait for the second half. */
static void test_resume_detach_failed(void **state)
{
	struct target t;
	target_init(&t, *state, detach);
	make_parts(&t);
	struct db *holder = hold(&t, "insert into parts values (1)");
	t.job.target.lock_timeout_ms = 500;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	let_go(holder);
	check_ok(target_run(&t), &t.e);
	is_detached(&t);
	target_end(&t);
}

/* Harmless to repeat, but what it left over would be written to for ever. */
static void test_resume_reindex(void **state)
{
	struct target t;
	static const char *const files[] = { "m/1_x.sql=reindex index concurrently ran_v;\n",
					     NULL };
	target_init(&t, *state, files);
	target_exec(&t, "create table ran (v text)");
	target_exec(&t, "create index ran_v on ran (v)");
	struct db *holder = hold(&t, "insert into ran values ('held')");
	kill_both(&t, "reindex index conc");
	let_go(holder);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from pg_index where indrelid ="
					   " 'ran'::regclass"),
			 1);
	target_end(&t);
}

/* The temporary table hid the real one, and is gone. */
static void test_resume_temporary(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=-- txn-mode = off\ncreate temp table ran as select 1 as v;\n"
		"insert into nowhere values (1);\ndelete from ran;\n",
		NULL
	};
	target_init(&t, *state, files);
	target_exec(&t, "create table ran (v int)");
	target_exec(&t, "insert into ran values (7)");
	assert_int_equal(target_run(&t), -1);
	target_exec(&t, "create table nowhere (v int)");
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_non_null(strstr(t.e.msg, "temporary"));
	assert_int_equal(target_number(&t, "select count(*) from ran"), 1);
	target_end(&t);
}

/* Another version of the program may part the same file otherwise. */
static void test_resume_other_numbers(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=-- txn-mode = off\nselect 1;\ninsert into nowhere values (1);\n", NULL
	};
	target_init(&t, *state, files);
	assert_int_equal(target_run(&t), -1);
	target_exec(&t, "create table nowhere (v int)");
	target_exec(&t, "update tidegate.revision set statements = 3");
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_non_null(strstr(t.e.msg, "begun as 3 statements"));
	target_exec(&t, "update tidegate.revision set sha256 = null");
	check_ok(target_run(&t), &t.e);
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_resume_drop_of_a_twin), room_test(test_resume_set_config),
		room_test(test_resume_elsewhere),      room_test(test_resume_set_rolled_back),
		room_test(test_resume_detach),         room_test(test_resume_detach_failed),
		room_test(test_resume_reindex),        room_test(test_resume_temporary),
		room_test(test_resume_other_numbers),
	};
	if (pg_start(&room_pg) != 0)
		return 77;
	int failed = cmocka_run_group_tests_name("postgresql", tests, room_postgres, room_end);
	pg_stop(&room_pg);
	return failed;
}
