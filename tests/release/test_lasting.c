/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables without transactions, on a real MariaDB: what a script writes there outlives a broken
 * connection, and is never written twice. Every insert is into a table without a unique key.
 */

#include "support/runner.h"

#define KEPT(engine) "create table ran (v varchar(20)) engine = " engine ";\n"

/* Ends the session at the n-th statement: before or after the server has run it. */
static struct {
	const struct fixture *f;
	const struct db_driver *inner;
	struct db_driver driver;
	int left;
	int after;
} breaker;

static int end_session(struct db *db, struct err *e)
{
	char sql[64];
	AUTO(db) struct db *other = connect_to(breaker.f);
	(void)snprintf(sql, sizeof sql, "kill %lld", (long long)ask(db, "select connection_id()"));
	run_sql(other, sql);
	return err_set(e, ERR_LOST, "broken by the test");
}

static int break_statement(struct db *db, const struct db_statement *statement,
			   struct db_script *script, struct err *e)
{
	int now = breaker.left-- == 0;
	if (now && !breaker.after)
		return end_session(db, e);
	int rc = breaker.inner->statement(db, statement, script, e);
	return now && rc == 0 ? end_session(db, e) : rc;
}

static void arm(void *context, struct db *db)
{
	(void)context;
	if (db == NULL)
		return;
	breaker.inner = db->driver;
	breaker.driver = *db->driver;
	breaker.driver.statement = break_statement;
	db->driver = &breaker.driver;
}

static void begin_broken(struct target *t, struct fixture *f, const char *const *files, int at,
			 int after)
{
	breaker.f = f;
	breaker.left = at;
	breaker.after = after;
	begin(t, f, files);
	t->events.session = arm;
}

static void check_broken(struct fixture *f, const char *const *files, const char *version, int at,
			 int after)
{
	struct target t;
	clean(f);
	begin_broken(&t, f, files, at, after);
	run_refused(&t, "is not known");
	assert_int_equal(number(f, "select count(*) from ran"),
			 number(f, "select count(distinct v) from ran"));
	resolve(&t, version, after ? RESOLVE_APPLIED : RESOLVE_NOT_APPLIED, 0);
	run_ok(&t);
	check_rows(f, 3);
	end(&t);
}

/* The table is made by the file itself, in several ways, or by the one before it. */
static void test_lasting_rows_are_never_doubled(void **state)
{
	static const struct {
		const char *files[3];
		const char *version;
		int first; /* statement that inserts, from 0 */
	} rows[] = {
		{ { "1_a.sql=" KEPT("MyISAM"), "2_b.sql=" ADD("1") ADD("2") ADD("3") }, "2", 1 },
		{ { "1_a.sql=" KEPT("Aria") ADD("1") ADD("2") ADD("3") }, "1", 1 },
		{ { "1_a.sql=" KEPT("MEMORY") "-- x\n" ADD("1") ADD("2") ADD("3") }, "1", 1 },
		{ { "1_a.sql=set default_storage_engine = MyISAM;\n" TABLE ADD("1") ADD("2")
			ADD("3") },
		  "1",
		  2 },
		{ { "1_a.sql=" TABLE "alter table ran engine = MyISAM;\n" ADD("1") ADD("2")
			ADD("3") },
		  "1",
		  2 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int n = 0; n < 6; n++)
			check_broken(*state, rows[i].files, rows[i].version, rows[i].first + n / 2,
				     n % 2);
	}
}

static void test_lasting_table_was_there(void **state)
{
	static const char *const files[] = { "1_a.sql=" ADD("1") ADD("2") ADD("3"), NULL };
	struct fixture *f = *state;
	struct target t;
	clean(f);
	run_sql(f->db, KEPT("MyISAM"));
	begin_broken(&t, f, files, 1, 1);
	run_refused(&t, "is not known");
	assert_non_null(strstr(t.log.p, "runs statement by statement"));
	assert_non_null(strstr(t.log.p, ".ran (MyISAM) takes part in no transaction"));
	resolve(&t, "1", RESOLVE_APPLIED, 0);
	run_ok(&t);
	check_rows(f, 3);
	end(&t);
}

/* An error does not tell how many of its rows a statement has written. */
static void test_lasting_half_of_a_statement(void **state)
{
	static const char *const files[] = {
		"1_a.sql=" TABLE "create table held (v varchar(20) unique) engine = MyISAM;\n",
		"2_b.sql=insert into held values ('1'), ('1');\n" ADD("2"), NULL
	};
	struct fixture *f = *state;
	struct target t;
	clean(f);
	begin(&t, f, files);
	assert_int_equal(run(&t), -1);
	assert_int_equal(t.e.code, ERR_EXISTS);
	assert_int_equal(number(f, "select count(*) from held"), 1);
	run_refused(&t, "is not known");
	resolve(&t, "2", RESOLVE_APPLIED, 0);
	run_ok(&t);
	check_rows(f, 1);
	end(&t);
}

/* A procedure that failed may have committed what it did before. */
static void test_lasting_half_of_a_call(void **state)
{
	static const char *const files[] = {
		"1_a.sql=" TABLE "create or replace procedure halfway() begin\n"
		"insert into ran values ('1'); insert into nowhere values (1); end;\n",
		"2_b.sql=call halfway();\n", NULL
	};
	struct fixture *f = *state;
	struct target t;
	clean(f);
	begin(&t, f, files);
	assert_int_equal(run(&t), -1);
	run_refused(&t, "is not known");
	check_rows(f, 1);
	resolve(&t, "2", RESOLVE_APPLIED, 0);
	run_ok(&t);
	check_rows(f, 1);
	end(&t);
}

static void test_lasting_refuses_promises(void **state)
{
	static const char *const whole[] = { "1_a.sql=-- txn-mode = on\n" ADD("1"), NULL };
	static const char *const own[] = {
		"1_a.sql=-- txn-mode = off\nbegin;\n" ADD("1") "commit;\n", NULL
	};
	static const char *const late[] = { "1_a.sql=-- txn-mode = off\n" TABLE
					    "alter table ran engine = MyISAM;\nbegin;\n" ADD(
						"1") "commit;\n",
					    NULL };
	const char *const *const all[] = { whole, own, late };
	struct fixture *f = *state;
	for (size_t i = 0; i < 3; i++) {
		struct target t;
		clean(f);
		if (i < 2)
			run_sql(f->db, KEPT("MyISAM"));
		begin(&t, f, all[i]);
		run_refused(&t, "takes part in no transaction");
		check_rows(f, 0);
		end(&t);
	}
}

static void test_lasting_until_it_is_converted(void **state)
{
	static const char *const files[] = { "1_a.sql=alter table ran engine = InnoDB",
					     "2_b.sql=-- txn-mode = on\n" ADD("1"), NULL };
	struct fixture *f = *state;
	struct target t;
	clean(f);
	run_sql(f->db, KEPT("MyISAM"));
	begin(&t, f, files);
	run_ok(&t);
	check_rows(f, 1);
	end(&t);
}

/* Whether a file of one insert runs in a transaction. */
static int is_stepwise(struct fixture *f, const char *file)
{
	const char *const files[] = { file, NULL };
	struct target t;
	run_sql(f->db, "delete from tidegate_revision");
	begin(&t, f, files);
	run_ok(&t);
	int stepwise = strstr(t.log.p, "each by itself") != NULL;
	end(&t);
	return stepwise;
}

static void test_lasting_in_another_database(void **state)
{
	struct fixture *f = *state;
	clean(f);
	run_sql(f->db, TABLE);
	run_sql(f->db, "create database lasting_other");
	run_sql(f->db, "create table lasting_other.t (v varchar(20)) engine = MyISAM");
	assert_false(is_stepwise(f, "1_a.sql=" ADD("1")));
	assert_true(is_stepwise(f, "1_a.sql=insert into lasting_other.t values ('1')"));
	run_sql(f->db, "create trigger ran_told after insert on ran for each row"
		       " insert into lasting_other.t values (new.v)");
	assert_true(is_stepwise(f, "1_a.sql=" ADD("2")));
	run_sql(f->db, "drop trigger ran_told");
	assert_false(is_stepwise(f, "1_a.sql=" ADD("3")));
	run_sql(f->db, "create temporary table ran_kept (v int) engine = MEMORY");
	assert_false(is_stepwise(f, "1_a.sql=create temporary table kept (v int) engine = MEMORY;"
				    "insert into kept values (1); show tables;" ADD("4")));
	run_sql(f->db, "drop database lasting_other");
}

static void test_lasting_is_not_tried(void **state)
{
	static const char *const files[] = { "1_a.sql=" ADD("1"), NULL };
	struct fixture *f = *state;
	struct runner_dry dry;
	struct target t;
	clean(f);
	run_sql(f->db, KEPT("MyISAM"));
	begin(&t, f, files);
	must(runner_dry_run(&dry, &t.job, &t.events, &t.arena, &e));
	assert_int_equal(dry.not_tried, 1);
	assert_non_null(strstr(dry.trials[0].why.p, "takes part in no transaction"));
	check_rows(f, 0);
	end(&t);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LIVE(test_lasting_rows_are_never_doubled), LIVE(test_lasting_table_was_there),
		LIVE(test_lasting_half_of_a_statement),    LIVE(test_lasting_half_of_a_call),
		LIVE(test_lasting_refuses_promises),       LIVE(test_lasting_until_it_is_converted),
		LIVE(test_lasting_in_another_database),    LIVE(test_lasting_is_not_tried),
	};
	static struct fixture mysql = { .db = NULL };
	return run_mysql(&mysql, tests, sizeof tests / sizeof tests[0]);
}
