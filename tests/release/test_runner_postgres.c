/* SPDX-License-Identifier: Apache-2.0 */
/* What only PostgreSQL lets a script do to the transaction and the ledger around it. */

#include "tests/release/target.h"

static void expect_refused(struct target *t, const char *text)
{
	assert_int_equal(target_run(t), -1);
	if (strstr(t->e.msg, text) == NULL)
		fail_msg("%s", t->e.msg);
}

/* A trigger on every table, such as an audit puts it, also stands on the ledger. */
static void test_runner_postgres_row_is_swallowed(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=create function no() returns trigger language plpgsql as"
		" $$ begin return null; end $$;\n"
		"create table ran (v int);\ninsert into ran values (1);\n"
		"create trigger t before insert on tidegate.revision for each row"
		" execute function no();\n",
		NULL
	};
	target_init(&t, *state, files);
	expect_refused(&t, "a trigger or a rule is on it");
	assert_int_equal(target_number(&t, "select count(*) from pg_tables where tablename ="
					   " 'ran'"),
			 0);
	assert_int_equal(target_ledger(&t, NULL), 0);
	target_end(&t);
}

/* A role for one transaction of the script's own has no right to the ledger. */
static void test_runner_postgres_local_role(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=-- txn-mode = off\nbegin;\nset local role pg_monitor;\n"
		"select 1;\ncommit;\n",
		NULL
	};
	target_init(&t, *state, files);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(t.result.applied, 1);
	target_end(&t);
}

#define MAKE_PROC                                                                                  \
	"create procedure p(last int) language plpgsql as $$ begin"                                \
	" for i in 1 .. last loop insert into ran values (i); commit; end loop;"                   \
	" perform 1 / (3 - last); end $$"

static void test_runner_postgres_call_that_commits(void **state)
{
	struct target t;
	static const char *const on[] = { "m/1_x.sql=call p(2);\n", NULL };
	static const char *const off[] = {
		"m/1_x.sql=-- txn-mode = off\ncall p(2);\ndo $$ begin insert into ran values (3);"
		" commit; end $$;\n",
		NULL
	};
	target_init(&t, *state, on);
	target_exec(&t, "create table ran (v int)");
	target_exec(&t, MAKE_PROC);
	expect_refused(&t, "invalid transaction termination");
	assert_int_equal(target_number(&t, "select count(*) from ran"), 0);
	target_files(&t, off);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from ran"), 3);
	target_end(&t);
}

/* It has committed some of its work before it failed: nobody knows what to do but a person. */
static void test_runner_postgres_call_that_fails(void **state)
{
	struct target t;
	static const char *const files[] = { "m/1_x.sql=-- txn-mode = off\ncall p(3);\n", NULL };
	target_init(&t, *state, files);
	target_exec(&t, "create table ran (v int)");
	target_exec(&t, MAKE_PROC);
	expect_refused(&t, "division by zero");
	expect_refused(&t, "whether it ran is not known");
	assert_int_equal(target_number(&t, "select count(*) from ran"), 3);
	target_end(&t);
}

/* The text does not tell that the table has partitions. */
static void test_runner_postgres_reindex_of_partitions(void **state)
{
	struct target t;
	static const char *const files[] = {
		"m/1_x.sql=-- txn-mode = off\ncreate table parts (v int primary key)"
		" partition by list (v);\ncreate table part_1 partition of parts for values in "
		"(1);\n"
		"reindex table parts;\n",
		NULL
	};
	target_init(&t, *state, files);
	check_ok(target_run(&t), &t.e);
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_runner_postgres_row_is_swallowed),
		room_test(test_runner_postgres_local_role),
		room_test(test_runner_postgres_call_that_commits),
		room_test(test_runner_postgres_call_that_fails),
		room_test(test_runner_postgres_reindex_of_partitions),
	};
	if (pg_start(&room_pg) != 0)
		return 77;
	int failed = cmocka_run_group_tests_name("postgresql", tests, room_postgres, room_end);
	pg_stop(&room_pg);
	return failed;
}
