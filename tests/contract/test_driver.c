/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of db/db.h, as one suite that every driver runs: SQLite on a temporary file,
 * PostgreSQL and MariaDB on real servers. Statements, transactions, locks; scripts are in
 * test_script.c.
 */

#include "base/buf.h"
#include "base/mem.h"
#include "support/driver.h"

static void test_driver_binds_each_type(void **state)
{
	struct fixture *f = *state;
	char sql[128];
	(void)snprintf(sql, sizeof sql, "create table types (i bigint, t text, b %s, n text)",
		       db_driver_of(f->db)->blob);
	run_sql(f->db, sql);
	struct str blob = { "a\0b\xff\0", 5 };
	int64_t changed = 0;
	must(db_exec(f->db, &changed, "insert into types (i, t, b, n) values ($1, $2, $3, $4)",
		     DB_ARGS(DB_I(INT64_MIN), DB_S(STR("gr\xc3\xbc\xc3\x9f")), DB_B(blob), DB_N),
		     &e));
	assert_int_equal(changed, 1);
	AUTO(db_rows) struct db_rows *rows = NULL;
	must(db_query(&rows, f->db, "select i, t, b, n from types where i = $1",
		      DB_ARGS(DB_I(INT64_MIN)), &e));
	assert_int_equal(db_next(rows, NULL), 1);
	assert_true(db_int(rows, 0) == INT64_MIN);
	assert_true(str_eq(db_text(rows, 1), STR("gr\xc3\xbc\xc3\x9f")));
	assert_true(str_eq(db_blob(rows, 2), blob));
	assert_true(db_is_null(rows, 3) && db_text(rows, 3).p == NULL && db_int(rows, 3) == 0);
	assert_true(db_is_null(rows, 4) && db_is_null(rows, -1));
	assert_int_equal(db_next(rows, NULL), 0);
	assert_int_equal(db_next(rows, NULL), 0);
}

static void test_driver_tells_empty_from_null(void **state)
{
	struct fixture *f = *state;
	char sql[128];
	(void)snprintf(sql, sizeof sql, "create table empties (t text, b %s)",
		       db_driver_of(f->db)->blob);
	run_sql(f->db, sql);
	must(db_exec(f->db, NULL, "insert into empties values ($1, $2)",
		     DB_ARGS(DB_S(STR("")), DB_B(STR(""))), &e));
	must(db_exec(f->db, NULL, "insert into empties values ($1, $2)",
		     DB_ARGS(DB_S(STR_NULL), DB_B(STR_NULL)), &e));
	AUTO(db_rows) struct db_rows *rows = NULL;
	must(db_query(&rows, f->db, "select t, b from empties order by t is null", DB_NO_ARGS, &e));
	assert_int_equal(db_next(rows, NULL), 1);
	assert_true(!db_is_null(rows, 0) && !db_is_null(rows, 1));
	assert_true(db_text(rows, 0).p != NULL && db_text(rows, 0).n == 0);
	assert_true(db_blob(rows, 1).p != NULL && db_blob(rows, 1).n == 0);
	assert_int_equal(db_next(rows, NULL), 1);
	assert_true(db_is_null(rows, 0) && db_is_null(rows, 1));
}

static void test_driver_keeps_parameters_for_its_rows(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table kept (id bigint, t text)");
	for (int i = 0; i < 3; i++)
		must(db_exec(f->db, NULL, "insert into kept values ($1, $2)",
			     DB_ARGS(DB_I(i), DB_S(STR("abc"))), &e));
	AUTO(db_rows) struct db_rows *rows = NULL;
	char lent[] = "abc";
	must(db_query(&rows, f->db, "select id from kept where t = $1 order by id",
		      DB_ARGS(DB_S(str_of(lent))), &e));
	lent[0] = 'x'; /* the bytes were lent for the call only */
	int n = 0;
	while (db_next(rows, NULL) == 1)
		assert_int_equal(db_int(rows, 0), n++);
	assert_int_equal(n, 3);
}

static void test_driver_counts_changes(void **state)
{
	struct fixture *f = *state;
	int64_t changed = -1;
	must(db_exec(f->db, &changed, "create table counted (id bigint)", DB_NO_ARGS, &e));
	assert_int_equal(changed, 0);
	must(db_exec(f->db, &changed, "insert into counted values (1), (2), (3)", DB_NO_ARGS, &e));
	assert_int_equal(changed, 3);
	must(db_exec(f->db, &changed, "select id from counted", DB_NO_ARGS, &e));
	assert_int_equal(changed, 0);
	/* MySQL has no RETURNING here. */
	must(db_exec(f->db, &changed,
		     is_my(f) ? "update counted set id = id + 10 where id > $1"
			      : "update counted set id = id + 10 where id > $1 returning id",
		     DB_ARGS(DB_I(1)), &e));
	assert_int_equal(changed, 2);
	must(db_exec(f->db, &changed, "update counted set id = id", DB_NO_ARGS, &e));
	assert_int_equal(changed, 3); /* matched, whether it had the value or not */
	must(db_exec(f->db, &changed, "delete from counted where id = 0", DB_NO_ARGS, &e));
	assert_int_equal(changed, 0);
}

static void test_driver_refuses_wrong_parameters(void **state)
{
	struct fixture *f = *state;
	struct err e;
	static const struct db_value many[DB_PARAMS_MAX + 1];
	assert_int_equal(db_exec(f->db, NULL, "select 1", many, DB_PARAMS_MAX + 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(db_exec(f->db, NULL, "select $1 + $2", DB_ARGS(DB_I(1)), &e), -1);
	assert_int_equal(db_exec(f->db, NULL, "select 1; select 2", DB_NO_ARGS, &e), -1);
	assert_int_equal(db_exec(f->db, NULL, "selec 1", DB_NO_ARGS, &e), -1);
	assert_int_equal(e.code, ERR_DB);
	assert_true(e.native[0] != '\0');
	assert_int_equal(ask(f->db, "select 7"), 7);
}

static void test_driver_tells_unique_collisions(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table keyed (id bigint primary key, t text unique)");
	run_sql(f->db, "insert into keyed values (1, 'a')");
	must_fail(ERR_EXISTS,
		  db_exec(f->db, NULL, "insert into keyed values (1, 'b')", DB_NO_ARGS, &e));
	must_fail(ERR_EXISTS, db_exec(f->db, NULL, "insert into keyed values ($1, $2)",
				      DB_ARGS(DB_I(2), DB_S(STR("a"))), &e));
	must_fail(ERR_DB, db_exec(f->db, NULL, "insert into missing values (1)", DB_NO_ARGS, &e));
	assert_int_equal(ask(f->db, "select count(*) from keyed"), 1);
}

static void test_driver_counts_keys_up(void **state)
{
	struct fixture *f = *state;
	char sql[160];
	(void)snprintf(sql, sizeof sql, "create table numbered (id %s, t text)",
		       db_driver_of(f->db)->identity);
	run_sql(f->db, sql);
	AUTO(db_rows) struct db_rows *rows = NULL;
	run_sql(f->db, "insert into numbered (t) values ('a')");
	run_sql(f->db, "delete from numbered");
	must(db_query(&rows, f->db, "insert into numbered (t) values ('b') returning id",
		      DB_NO_ARGS, &e));
	assert_int_equal(db_next(rows, NULL), 1);
	assert_int_equal(db_int(rows, 0), 2);
}

static void test_driver_claims_rows(void **state)
{
	struct fixture *f = *state;
	char sql[256];
	if (is_my(f))
		skip(); /* holds targets only: it has no LIMIT in such a subquery */
	run_sql(f->db, "create table jobs (id bigint primary key, state text)");
	run_sql(f->db, "insert into jobs values (1, 'new'), (2, 'new')");
	(void)snprintf(sql, sizeof sql,
		       "update jobs set state = 'taken' where id in"
		       " (select id from jobs where state = 'new' order by id limit 1%s)",
		       db_driver_of(f->db)->skip_locked);
	must(db_begin(f->db, &e));
	run_sql(f->db, sql);
	must(db_commit(f->db, &e));
	assert_int_equal(ask(f->db, "select count(*) from jobs where state = 'taken'"), 1);
}

static void test_driver_takes_ddl_back(void **state)
{
	struct fixture *f = *state;
	if (!has_ddl_in_tx(f))
		skip();
	must(db_begin(f->db, &e));
	run_sql(f->db, "create table gone (id bigint)");
	must(db_exec(f->db, NULL, "insert into gone values ($1)", DB_ARGS(DB_I(1)), &e));
	db_rollback(f->db);
	db_rollback(f->db);
	must_fail(ERR_DB, db_exec(f->db, NULL, "select * from gone", DB_NO_ARGS, &e));
	must(db_begin(f->db, &e));
	must(db_exec(f->db, NULL, "create table stays (id bigint)", DB_NO_ARGS, &e));
	must(db_commit(f->db, &e));
	must(db_begin(f->db, &e));
	must(db_commit(f->db, &e)); /* with nothing in it */
	AUTO(db) struct db *other = connect_to(f);
	assert_int_equal(ask(other, "select count(*) from stays"), 0);
}

static void test_driver_takes_rows_back(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table rows_back (id bigint)");
	must(db_begin(f->db, &e));
	must(db_exec(f->db, NULL, "insert into rows_back values ($1)", DB_ARGS(DB_I(1)), &e));
	db_rollback(f->db);
	db_rollback(f->db);
	assert_int_equal(ask(f->db, "select count(*) from rows_back"), 0);
	must(db_begin(f->db, &e));
	must(db_exec(f->db, NULL, "insert into rows_back values (2)", DB_NO_ARGS, &e));
	must(db_commit(f->db, &e));
	must(db_begin(f->db, &e));
	must(db_commit(f->db, &e)); /* with nothing in it */
	AUTO(db) struct db *other = connect_to(f);
	assert_int_equal(ask(other, "select count(*) from rows_back"), 1);
}

static void test_driver_close_rolls_back(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table closed (id bigint)");
	struct db *other = connect_to(f);
	must(db_begin(other, &e));
	run_sql(other, "insert into closed values (1)");
	db_close(other);
	db_close(NULL);
	assert_int_equal(ask(f->db, "select count(*) from closed"), 0);
}

static void test_driver_survives_errors_in_a_transaction(void **state)
{
	struct fixture *f = *state;
	must(db_begin(f->db, &e));
	must_fail(ERR_DB, db_exec(f->db, NULL, "select * from nowhere", DB_NO_ARGS, &e));
	db_rollback(f->db);
	must(db_begin(f->db, &e));
	assert_int_equal(ask(f->db, "select 3"), 3);
	must(db_commit(f->db, &e));
}

static void count_enter(void *gate)
{
	((int *)gate)[0]++;
}

static void count_leave(void *gate)
{
	((int *)gate)[1]++;
}

static void test_driver_passes_the_gate(void **state)
{
	const struct fixture *f = *state;
	int gate[2] = { 0, 0 };
	struct db *db = connect_with(
	    f, (struct db_options){ .enter = count_enter, .leave = count_leave, .gate = gate });
	must(db_begin(db, &e));
	assert_true(gate[0] == 1 && gate[1] == 0);
	must(db_commit(db, &e));
	assert_true(gate[0] == 1 && gate[1] == 1);
	must(db_begin(db, &e));
	db_rollback(db);
	assert_true(gate[0] == 2 && gate[1] == 2);
	must(db_begin(db, &e));
	db_close(db);
	assert_true(gate[0] == 3 && gate[1] == 3);
}

static void test_driver_makes_the_ledger_once(void **state)
{
	struct fixture *f = *state;
	char sql[512];
	must(db_ledger_make(f->db, &e));
	must(db_ledger_make(f->db, &e));
	struct db_script s = { .notice = NULL };
	const struct db_driver *driver = db_driver_of(f->db);
	must(run_file(f->db, str_of(driver->ledger_ddl), &s, &e));
	(void)snprintf(sql, sizeof sql,
		       "insert into %s (version, path, sha256, state, release_name, task_run,"
		       " repository, commit_id, applied_ms, duration_ms, statements,"
		       " statements_done, applied_by)"
		       " values ($1, $2, $3, $4, $5, $5, $5, $5, $6, $7, $8, $8, $9)",
		       driver->ledger);
	const struct db_value row[] = {
		DB_S(STR("1.2")),     DB_S(STR("m/1.2.sql")), DB_S(STR("00")), DB_S(STR("applied")),
		DB_S(STR("r")),       DB_I(1800000000000),    DB_I(3),         DB_I(2),
		DB_S(STR("tidegate"))
	};
	must(db_exec(f->db, NULL, sql, row, 9, &e));
	must_fail(ERR_EXISTS, db_exec(f->db, NULL, sql, row, 9, &e));
	(void)snprintf(sql, sizeof sql, "select count(*) from %s where applied_at is not null",
		       driver->ledger);
	assert_int_equal(ask(f->db, sql), 1);
}

static void *make_ledger(void *state)
{
	const struct fixture *f = state;
	struct err e = { .code = ERR_NONE };
	AUTO(db) struct db *db = connect_to(f);
	int rc = db_lock(db, 20000, &e);
	if (rc == 0)
		rc = db_ledger_make(db, &e);
	if (rc != 0)
		(void)fprintf(stderr, "%s\n", e.msg);
	return rc == 0 ? NULL : state;
}

static void test_driver_makes_the_ledger_concurrently(void **state)
{
	struct fixture f = *(struct fixture *)*state;
	pthread_t threads[4];
	char name[32];
	(void)snprintf(name, sizeof name, "ledgers_%ld", (long)getpid());
	if (is_pg(&f)) {
		assert_int_equal(pg_database(&f.pg, name), 0);
		f.database = name;
	} else if (is_my(&f)) {
		assert_int_equal(my_database(&f.my, name), 0);
		f.database = name;
	} else {
		(void)snprintf(f.url, sizeof f.url, "sqlite:%s/ledgers.db", f.dir);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_ledger, &f), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failed = NULL;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

static void test_driver_cancels(void **state)
{
	struct fixture *f = *state;
	struct slow slow = { f->db, 200 };
	pthread_t thread;
	int64_t since = clock_mono_ms();
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &slow), 0);
	must_fail(ERR_UNAVAILABLE, db_exec(f->db, NULL, slow_sql(f), DB_NO_ARGS, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(clock_mono_ms() - since < 5000);
	db_cancel(f->db); /* without a running call it does nothing */
	assert_int_equal(ask(f->db, "select 4"), 4);
}

static void test_driver_times_out(void **state)
{
	const struct fixture *f = *state;
	AUTO(db)
	struct db *db = connect_with(f, (struct db_options){ .statement_timeout_ms = 200 });
	int64_t since = clock_mono_ms();
	must_fail(ERR_UNAVAILABLE, db_exec(db, NULL, slow_sql(f), DB_NO_ARGS, &e));
	assert_true(clock_mono_ms() - since < 5000);
	assert_int_equal(ask(db, "select 5"), 5);
}

static void test_driver_gives_up_waiting_for_a_lock(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table busy (id bigint)");
	run_sql(f->db, "insert into busy (id) values (7)");
	AUTO(db) struct db *other = connect_with(f, (struct db_options){ .lock_timeout_ms = 200 });
	must(db_begin(f->db, &e));
	run_sql(f->db,
		has_ddl_in_tx(f) ? "alter table busy add column t text" : "update busy set id = 8");
	int64_t since = clock_mono_ms();
	struct err e = { .code = ERR_NONE };
	int rc = db_begin(other, &e);
	if (rc == 0)
		rc = db_exec(other, NULL, "update busy set id = 1", DB_NO_ARGS, &e);
	assert_int_equal(rc, -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	int64_t took = clock_mono_ms() - since;
	assert_true(took >= 150 && took < 5000);
	db_rollback(other);
	db_rollback(f->db);
}

/* Everything that allocates, once, with the Nth allocation failing; 1: it went through. */
static int try_without_memory(const struct fixture *f, long n)
{
	struct err e = { .code = ERR_NONE };
	AUTO(db) struct db *db = NULL;
	AUTO(db_rows) struct db_rows *rows = NULL;
	struct db_options o = { .url = str_of(f->url),
				.database = str_of(f->database),
				.create = 1 };
	struct db_script s = { .notice = NULL };
	mem_fail_after(n);
	int rc = db_open(&db, &o, &e);
	if (rc == 0)
		rc = db_query(&rows, db, "select b, t from oom where t <> $1",
			      DB_ARGS(DB_S(STR("x"))), &e);
	while (rc == 0 && (rc = db_next(rows, &e)) == 1)
		rc = 0;
	db_rows_free(TAKE(rows));
	if (rc == 0)
		rc = run_script(db, STR("create temporary table oom_temp (id int)"), &s, &e);
	if (rc == 0)
		rc = db_script_screen(db_driver_of(db), STR("select 1; select 2"), &s, &e);
	mem_fail_after(-1);
	if (rc != 0)
		assert_int_equal(e.code, ERR_NOMEM);
	return rc == 0;
}

static void test_driver_survives_lack_of_memory(void **state)
{
	struct fixture *f = *state;
	char sql[128];
	(void)snprintf(sql, sizeof sql, "create table oom (b %s, t text)",
		       db_driver_of(f->db)->blob);
	run_sql(f->db, sql);
	must(db_exec(f->db, NULL, "insert into oom values ($1, $2)",
		     DB_ARGS(DB_B(STR("bytes")), DB_S(STR("text"))), &e));
	long n = 0;
	while (!try_without_memory(f, n))
		n++;
	assert_true(n >= 4 && n < 100);
}

static void remember(void *context, const char *text)
{
	AUTO(buf) struct buf b;
	buf_init(&b, 4096);
	buf_adds(&b, text);
	buf_addc(&b, '\n');
	buf_add((struct buf *)context, buf_str(&b));
}

static void test_driver_can_be_traced(void **state)
{
	const struct fixture *f = *state;
	AUTO(buf) struct buf lines;
	buf_init(&lines, 4096);
	struct db *db = NULL;
	struct db_script s = { .notice = NULL };
	must(db_trace(&db, connect_to(f), remember, &lines, &e));
	must(db_lock(db, 0, &e));
	must(db_begin(db, &e));
	must(db_script_run(db, STR("select 1"), &s, &e));
	must(db_commit(db, &e));
	assert_int_equal(ask(db, "select 2"), 2);
	db_close(db);
	assert_string_equal(lines.p, "lock\nbegin\nscript select 1\ncommit\n"
				     "query select 2\nclose\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_driver_binds_each_type, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_tells_empty_from_null, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_keeps_parameters_for_its_rows, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_counts_changes, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_refuses_wrong_parameters, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_tells_unique_collisions, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_counts_keys_up, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_claims_rows, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_takes_ddl_back, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_takes_rows_back, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_close_rolls_back, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_survives_errors_in_a_transaction, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_driver_passes_the_gate, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_makes_the_ledger_once, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_makes_the_ledger_concurrently, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_cancels, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_times_out, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_gives_up_waiting_for_a_lock, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_survives_lack_of_memory, setup, teardown),
	cmocka_unit_test_setup_teardown(test_driver_can_be_traced, setup, teardown),
};

int main(void)
{
	return run_drivers(tests, sizeof tests / sizeof tests[0]);
}
