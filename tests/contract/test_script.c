/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of db/db.h about scripts, for every driver: what runs, what is refused, and where a
 * failure is.
 */

#include "base/buf.h"
#include "support/driver.h"

static void test_script_runs_scripts(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	static const char text[] = "\xef\xbb\xbf-- a comment; with a semicolon\r\n"
				   "create table script_a (id bigint, t text);;\r\n"
				   "insert into script_a values (1, 'a;b'), (2, 'it''s');\r\n"
				   "/* ; */ select * from script_a;\r\n"
				   "update script_a set t = 'x' where id = 1\r\n";
	must(run_file(f->db, str_of(text), &s, &e));
	assert_int_equal(s.statements, 4);
	assert_int_equal(s.changed, 3);
	assert_int_equal(ask(f->db, "select count(*) from script_a"), 2);
	must(db_script_screen(db_driver_of(f->db), str_of(text), &s, &e));
	assert_int_equal(s.statements, 4);
}

static void test_script_runs_empty_scripts(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { "",
					     "  \n\t ",
					     ";",
					     ";;\n;",
					     "-- only",
					     "/* only */",
					     "\xef\xbb\xbf",
					     "\xef\xbb\xbf-- x" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct db_script s = { .notice = NULL };
		must(run_script(f->db, str_of(texts[i]), &s, &e));
		assert_int_equal(s.statements, 0);
		must(db_script_screen(db_driver_of(f->db), str_of(texts[i]), &s, &e));
		assert_int_equal(s.statements, 0);
	}
	struct db_script s = { .notice = NULL };
	must(run_script(f->db, STR_NULL, &s, &e));
	run_sql(f->db, "create table empty_script (id bigint)");
	must(db_begin(f->db, &e));
	run_sql(f->db, "insert into empty_script values (1)");
	must(db_script_run(f->db, STR(""), &s, &e));
	must(db_commit(f->db, &e));
	assert_int_equal(ask(f->db, "select count(*) from empty_script"), 1);
}

static void test_script_runs_large_scripts(void **state)
{
	struct fixture *f = *state;
	enum { ROWS = 20000 };
	AUTO(buf) struct buf b;
	buf_init(&b, (size_t)16 << 20);
	run_sql(f->db, "create table large (id bigint, t text)");
	for (int i = 0; i < ROWS; i++)
		buf_addf(&b, "insert into large values (%d, 'row; number %d');\n", i, i);
	struct db_script s = { .notice = NULL };
	int64_t since = clock_mono_ms();
	must(run_script(f->db, buf_str(&b), &s, &e));
	assert_int_equal(s.statements, ROWS);
	assert_int_equal(s.changed, ROWS);
	assert_true(clock_mono_ms() - since < 60000); /* not quadratic */
}

/* Where a script fails. `line` 0: the driver need not know better than the statement. */
struct failing {
	const char *text;
	struct db_place place;
};

static const struct failing failing[] = {
	{ "select 1;\nselect 2;\nselect nothing_here;", { 3, 3, 8 } },
	{ "select 1;\r\n\r\nselec 2;\r\n", { 2, 3, 1 } },
	{ "select '\xc3\xbc\xe2\x82\xac'; select no_such_column;", { 2, 1, 21 } },
	{ "select '\xf0\x9f\x98\x80' as a, bad_column;", { 1, 1, 18 } },
	{ "\xef\xbb\xbfselec 1;", { 1, 1, 1 } },
	{ "create table twice_x (id int);\n-- why\n/* and\n how */ create table twice_x (id int);",
	  { 2, 4, 9 } },
	{ "select 'a;\nb';\n\tselect bad_one;", { 2, 3, 9 } },
};

static void test_script_tells_where_a_script_failed(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
		struct db_script s = { .notice = NULL };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(run_file(f->db, str_of(failing[i].text), &s, &e), -1);
		const struct db_place *want = &failing[i].place;
		if (s.failed.statement != want->statement || s.failed.line != want->line)
			fail_msg("%zu: %zu:%zu:%zu %s", i, s.failed.statement, s.failed.line,
				 s.failed.column, e.msg);
		/* SQLite may point to the statement's table where PostgreSQL points to its start;
		 * MySQL tells no column. */
		if (i != 5 && !is_my(f) && s.failed.column != want->column)
			fail_msg("%zu: column %zu: %s", i, s.failed.column, e.msg);
		assert_int_equal(e.code, ERR_DB);
	}
	assert_int_equal(ask(f->db, "select 1"), 1);
}

static void test_script_tells_where_data_failed(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	static const char text[] = "create table uniq (id int primary key);\n"
				   "insert into uniq values (1);\n\n"
				   "  -- again\n  insert into uniq values (1);\nselect 1;";
	must_fail(ERR_EXISTS, run_file(f->db, str_of(text), &s, &e));
	assert_int_equal(s.statements, 2);
	assert_int_equal(s.failed.statement, 3);
	assert_int_equal(s.failed.line, 5);
	assert_int_equal(s.failed.column, 3);
	if (has_ddl_in_tx(f))
		must_fail(ERR_DB, db_exec(f->db, NULL, "select * from uniq", DB_NO_ARGS, &e));
	else
		assert_int_equal(ask(f->db, "select count(*) from uniq"), 1);
}

static void test_script_screens_transaction_control(void **state)
{
	struct fixture *f = *state;
	static const char *const words[] = { "begin",  "BEGIN TRANSACTION", "commit",
					     "end",    "rollback",          "rollback transaction",
					     "Commit", "/* x */ commit",    "-- x\ncommit" };
	const struct db_driver *driver = db_driver_of(f->db);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		char text[128];
		struct db_script s = { .notice = NULL };
		(void)snprintf(text, sizeof text, "select 1;\nselect 'commit;'; %s;", words[i]);
		must_fail(ERR_REFUSED, db_script_screen(driver, str_of(text), &s, &e));
		assert_int_equal(s.failed.statement, 3);
		assert_int_equal(s.failed.line, strncmp(words[i], "--", 2) == 0 ? 3 : 2);
	}
	struct db_script s = { .notice = NULL };
	must(db_script_screen(driver,
			      STR("savepoint a; rollback to a; rollback transaction to savepoint a;"
				  "release a; select 'begin;'; -- commit;\n/* end; */"),
			      &s, &e));
	assert_int_equal(s.statements, 5);
	must_fail(ERR_REFUSED,
		  db_script_screen(driver, (struct str){ "select 1;\n\0x", 12 }, &s, &e));
	assert_int_equal(s.failed.line, 2);
}

static void test_script_nests_savepoints(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	run_sql(f->db, "create table nested (id int)");
	must(run_script(f->db,
			STR("savepoint a;"
			    "insert into nested values (1); rollback to a; release savepoint a;"
			    "insert into nested values (2);"),
			&s, &e));
	assert_int_equal(ask(f->db, "select id from nested"), 2);
}

static void test_script_leaves_no_temporary_objects(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	run_sql(f->db, "create table shadowed (id int)");
	must(run_script(f->db,
			is_my(f) ? STR("create temporary table shadowed (id int);"
				       "insert into shadowed values (1)")
				 : STR("create temp table shadowed (id int);"
				       "insert into shadowed values (1);"
				       "create temp view \"odd \"\"name\" as"
				       " select * from shadowed;"),
			&s, &e));
	must(run_script(f->db, STR("insert into shadowed values (5), (6)"), &s, &e));
	AUTO(db) struct db *other = connect_to(f);
	assert_int_equal(ask(other, "select count(*) from shadowed"), 2);
}

static void test_script_cancels_scripts(void **state)
{
	struct fixture *f = *state;
	struct slow slow = { f->db, 200 };
	struct db_script s = { .notice = NULL };
	char text[256];
	pthread_t thread;
	run_sql(f->db, "create table half (id int)");
	(void)snprintf(text, sizeof text, "insert into half values (1);\n%s;", slow_sql(f));
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &slow), 0);
	must_fail(ERR_UNAVAILABLE, run_script(f->db, str_of(text), &s, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.failed.statement, 2);
	assert_int_equal(s.failed.line, 2);
	assert_int_equal(ask(f->db, "select count(*) from half"), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_script_runs_scripts, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_runs_empty_scripts, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_runs_large_scripts, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_tells_where_a_script_failed, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_tells_where_data_failed, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_screens_transaction_control, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_nests_savepoints, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_leaves_no_temporary_objects, setup, teardown),
	cmocka_unit_test_setup_teardown(test_script_cancels_scripts, setup, teardown),
};

int main(void)
{
	return run_drivers(tests, sizeof tests / sizeof tests[0]);
}
