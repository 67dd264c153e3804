/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's statements one by one: how a script is split and what is known of each, what may run
 * outside a transaction, what stays refused there, and what a reset takes away. */

#include "db/sqlite.h"
#include "tests/support/check.h"
#include "tests/support/pg.h"

#include <string.h>

struct file {
	char dir[64];
	char url[128];
	struct db *db;
};

static int open_file(void **state)
{
	static struct file f;
	struct err e;
	(void)snprintf(f.dir, sizeof f.dir, "/tmp/tidegate-statement-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	(void)snprintf(f.url, sizeof f.url, "sqlite:%s/a.db", f.dir);
	const struct db_options o = { .url = str_of(f.url), .create = 1 };
	check_ok(db_open(&f.db, &o, &e), &e);
	check_ok(db_ledger_make(f.db, &e), &e);
	*state = &f;
	return 0;
}

static int close_file(void **state)
{
	struct file *f = *state;
	char rm[] = "rm", flags[] = "-rf";
	db_close(f->db);
	return pg_tool((char *[]){ rm, flags, f->dir, NULL });
}

/* Split a script and run what it has, each statement by itself. */
static int run_all(struct file *f, const char *text, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct db_statement *list;
	struct db_place failed;
	struct db_script script = { .notice = NULL };
	size_t n;
	arena_init(&arena, 1 << 20);
	if (db_script_split(&list, &n, &failed, &db_sqlite, str_of(text), &arena, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (db_statement_run(f->db, &list[i], &script, e) != 0)
			return -1;
	}
	return 0;
}

static void test_sqlite_statement_split(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct db_statement *list;
	struct db_place failed;
	struct err e;
	size_t n;
	static const struct {
		const char *text;
		size_t line, column;
		unsigned flags;
	} want[] = {
		{ "create trigger t after insert on a begin select 1; select 2; end", 2, 1, 0 },
		{ "begin immediate", 3, 3, DB_CONTROL },
		{ "rollback to x", 3, 20, 0 },
		{ "END", 4, 1, DB_CONTROL },
		{ "vacuum main", 5, 10, DB_OUTSIDE | DB_REPEATABLE },
		{ "pragma foreign_keys = on", 6, 1, DB_SESSION },
		{ "pragma main.journal_mode('WAL')", 7, 1,
		  DB_OUTSIDE | DB_SESSION | DB_REPEATABLE },
		{ "pragma user_version = 3", 8, 1, 0 },
	};
	arena_init(&arena, 1 << 20);
	check_ok(db_script_split(&list, &n, &failed, &db_sqlite,
				 STR("\xef\xbb\xbf-- head\r\n"
				     "create trigger t after insert on a begin select 1; select 2; "
				     "end;\n  begin immediate; rollback to x;\nEND;;\n"
				     "/* \xc3\xa9 */  vacuum main ;\npragma foreign_keys = on;\n"
				     "pragma main.journal_mode('WAL');\npragma user_version = 3"),
				 &arena, &e),
		 &e);
	assert_int_equal(n, sizeof want / sizeof want[0]);
	for (size_t i = 0; i < n; i++) {
		if (!str_eq_cstr(list[i].text, want[i].text) || list[i].flags != want[i].flags ||
		    list[i].place.line != want[i].line || list[i].place.column != want[i].column)
			fail_msg("%zu: '%.*s' %u %zu:%zu", i, STR_ARG(list[i].text), list[i].flags,
				 list[i].place.line, list[i].place.column);
	}
}

static void test_sqlite_statement_refuses(void **state)
{
	struct file *f = *state;
	static const char *const refused[] = {
		"attach 'x.db' as x",
		"vacuum into 'x.db'",
		"vacuum main into 'x.db'",
		"pragma journal_mode = off",
		"pragma journal_mode = memory",
		"pragma synchronous = off",
		"pragma locking_mode = exclusive",
		"pragma writable_schema = on",
		"insert into tidegate_revision(version, state, applied_ms) values ('1', 'applied', "
		"1)",
		"begin; delete from tidegate_revision",
		"drop table tidegate_revision",
		".read x",
	};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct err e = { .code = ERR_NONE };
		if (run_all(f, refused[i], &e) == 0 || e.code != ERR_REFUSED)
			fail_msg("%s: %s", refused[i], e.msg);
		struct db_statement rollback = { .text = STR("rollback"), .flags = DB_CONTROL };
		struct db_script script = { .notice = NULL };
		IGNORE(
		    db_statement_run(f->db, &rollback, &script, NULL)); /* of the one that began */
	}
	struct err e;
	assert_int_equal(db_ledger_look(f->db, &e), 1);
}

static int64_t ask(struct file *f, const char *sql)
{
	struct err e;
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, f->db, sql, DB_NO_ARGS, &e) != 0 || db_next(rows, &e) != 1)
		fail_msg("%s: %s", sql, e.msg);
	return db_int(rows, 0);
}

static void test_sqlite_statement_outside(void **state)
{
	struct file *f = *state;
	struct err e;
	check_ok(
	    run_all(f,
		    "pragma page_size = 8192; pragma journal_mode = delete; vacuum;"
		    "pragma journal_mode = wal; create table a (v text);"
		    "begin; insert into a values ('1'); commit; begin; delete from a; rollback",
		    &e),
	    &e);
	assert_int_equal(ask(f, "pragma page_size"), 8192);
	assert_int_equal(ask(f, "select count(*) from a"), 1);
}

static void test_sqlite_statement_reset(void **state)
{
	struct file *f = *state;
	struct err e;
	check_ok(run_all(f,
			 "pragma foreign_keys = on; create table a (v text);"
			 "create temp table a (x text); create temp view w as select 1",
			 &e),
		 &e);
	assert_int_equal(ask(f, "pragma foreign_keys"), 1);
	check_ok(db_session_reset(f->db, &e), &e);
	assert_int_equal(ask(f, "pragma foreign_keys"), 0);
	assert_int_equal(ask(f, "select count(*) from sqlite_temp_master"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_file, close_file)
	const struct CMUnitTest tests[] = {
		TEST(test_sqlite_statement_split),
		TEST(test_sqlite_statement_refuses),
		TEST(test_sqlite_statement_outside),
		TEST(test_sqlite_statement_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
