/* SPDX-License-Identifier: Apache-2.0 */
/* What only the SQLite driver has: journal modes, the store's settings, and the authorizer. */

#include "support/driver.h"

#include <sqlite3.h>

#include <sys/stat.h>

/* A fresh path in the fixture's directory, as a url. */
static struct str fresh(struct fixture *f, const char *name)
{
	(void)snprintf(f->url, sizeof f->url, "sqlite:%s/%s", f->dir, name);
	return str_of(f->url);
}

static const char *path_of(const struct fixture *f)
{
	return f->url + sizeof "sqlite:" - 1;
}

static int text_is(struct db *db, const char *sql, const char *want)
{
	struct err e;
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql, DB_NO_ARGS, &e) != 0 || db_next(rows, &e) != 1)
		fail_msg("%s: %s", sql, e.msg);
	return str_eq_cstr(db_text(rows, 0), want);
}

static void test_sqlite_keeps_the_journal_of_a_target(void **state)
{
	struct fixture *f = *state;
	sqlite3 *raw = NULL;
	(void)fresh(f, "theirs.db");
	assert_int_equal(sqlite3_open(path_of(f), &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, "create table t (i)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(raw), SQLITE_OK);
	AUTO(db) struct db *theirs = connect_to(f);
	assert_true(text_is(theirs, "pragma journal_mode", "delete"));
	(void)fresh(f, "ours.db");
	AUTO(db) struct db *ours = connect_to(f);
	assert_true(text_is(ours, "pragma journal_mode", "wal"));
	assert_int_equal(ask(ours, "pragma synchronous"), 2);
	assert_int_equal(ask(ours, "pragma foreign_keys"), 0);
	assert_int_equal(ask(ours, "pragma wal_autocheckpoint"), 1000);
}

static void test_sqlite_opens_a_store(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	(void)fresh(f, "store.db");
	AUTO(db) struct db *db = connect_with(f, (struct db_options){ .store = 1 });
	assert_true(text_is(db, "pragma journal_mode", "wal"));
	assert_int_equal(ask(db, "pragma wal_autocheckpoint"), 0);
	assert_int_equal(ask(db, "pragma secure_delete"), 0);
	assert_int_equal(stat(path_of(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static off_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_sqlite_checkpoints(void **state)
{
	struct fixture *f = *state;
	char wal[300];
	(void)fresh(f, "log.db");
	(void)snprintf(wal, sizeof wal, "%s-wal", path_of(f));
	AUTO(db) struct db *db = connect_with(f, (struct db_options){ .store = 1 });
	AUTO(db) struct db *other = connect_with(f, (struct db_options){ .store = 1 });
	run_sql(db, "create table big (b blob)");
	for (int i = 0; i < 70; i++)
		run_sql(db, "insert into big values (zeroblob(1000000))");
	off_t before = size_of(wal);
	assert_true(before > 64 << 20); /* nothing was moved by the writer */
	assert_true(size_of(path_of(f)) < 1 << 20);
	must(db_checkpoint(other, &e));
	assert_true(size_of(path_of(f)) > 64 << 20);
	/* A large one is begun anew, and its file written over. */
	run_sql(db, "insert into big values (zeroblob(1000000))");
	assert_int_equal(size_of(wal), before);
	must(db_checkpoint(other, &e));
	assert_int_equal(ask(db, "select count(*) from big"), 71);
}

static void test_sqlite_refuses_what_is_no_database(void **state)
{
	struct fixture *f = *state;
	struct db *db = NULL;
	struct db_options o = { .url = fresh(f, "missing.db") };
	must_fail(ERR_NOTFOUND, db_open(&db, &o, &e));
	assert_int_equal(size_of(path_of(f)), -1);
	static const char *const bad[] = { "sqlite:", "sqlite::memory:", "sqlite:/", "mysql:x",
					   "",        "postgresql" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		o.url = str_of(bad[i]);
		must_fail(ERR_INPUT, db_open(&db, &o, &e));
	}
	o.url = (struct str){ "sqlite:a\0b", 10 };
	must_fail(ERR_INPUT, db_open(&db, &o, &e));
	o.url = fresh(f, "text.db");
	FILE *text = fopen(path_of(f), "w");
	assert_non_null(text);
	for (int i = 0; i < 1000; i++)
		(void)fputs("this is no database\n", text);
	assert_int_equal(fclose(text), 0);
	must_fail(ERR_DB, db_open(&db, &o, &e));
	assert_null(db);
}

/* Refused when they run, although nobody screened them; and the place of it. */
static const struct {
	const char *text;
	size_t statement, line, column;
} refused[] = {
	{ "select 1;\n commit;", 2, 2, 2 },
	{ "begin", 1, 1, 1 },
	{ "end", 1, 1, 1 },
	{ "rollback", 1, 1, 1 },
	{ "explain select 1; /* x */ rollback", 2, 1, 27 },
	{ "attach 'x.db' as x", 1, 1, 1 },
	{ "detach main", 1, 1, 1 },
	{ "pragma journal_mode = delete", 1, 1, 1 },
	{ "pragma main.journal_mode(wal)", 1, 1, 1 },
	{ "pragma synchronous = off", 1, 1, 1 },
	{ "pragma writable_schema = on", 1, 1, 1 },
	{ "pragma recursive_triggers = 1", 1, 1, 1 },
	{ "pragma trusted_schema = 0", 1, 1, 1 },
	{ "select load_extension('x')", 1, 1, 1 },
	{ "insert into tidegate_revision (version) values ('1')", 1, 1, 1 },
	{ "update TIDEGATE_REVISION set state = 'x'", 1, 1, 1 },
	{ "delete from main.tidegate_revision", 1, 1, 1 },
	{ "drop table tidegate_revision", 1, 1, 1 },
	{ "alter table tidegate_revision rename to x", 1, 1, 1 },
	{ "alter table tidegate_revision add column x", 1, 1, 1 },
	{ "create trigger t after insert on tidegate_revision begin select 1; end", 1, 1, 1 },
	{ "create unique index x on tidegate_revision (state)", 1, 1, 1 },
	{ "drop index tidegate_theirs", 1, 1, 1 },
	{ "drop trigger tidegate_theirs", 1, 1, 1 },
	{ "create temp trigger t before insert on main.tidegate_revision begin select 1; end", 1, 1,
	  1 },
	{ "create virtual table temp.tidegate_revision using fts5(version)", 1, 1, 1 },
	{ "create table a (i);\npragma foreign_keys = on;\ninsert into a values (1);", 3, 3, 1 },
};

static void test_sqlite_guards_scripts(void **state)
{
	struct fixture *f = *state;
	(void)fresh(f, "guard.db");
	AUTO(db) struct db *db = connect_to(f);
	must(db_ledger_make(db, &e));
	run_sql(db, "create index tidegate_theirs on tidegate_revision (path)");
	run_sql(db, "create trigger tidegate_theirs after delete on tidegate_revision begin"
		    " select 1; end");
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct db_script s = { .notice = NULL };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(run_script(db, str_of(refused[i].text), &s, &e), -1);
		if (e.code != ERR_REFUSED || strstr(e.msg, "refused") == NULL ||
		    s.failed.statement != refused[i].statement ||
		    s.failed.line != refused[i].line || s.failed.column != refused[i].column)
			fail_msg("%s: %s %s at %zu:%zu:%zu", refused[i].text, err_code_name(e.code),
				 e.msg, s.failed.statement, s.failed.line, s.failed.column);
	}
	/* The guard is off outside of scripts. */
	run_sql(db, "insert into tidegate_revision (version, state, applied_ms) values ('1', "
		    "'applied', 1)");
}

static void test_sqlite_writes_to_the_real_ledger(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	char sql[160];
	(void)fresh(f, "hidden.db");
	AUTO(db) struct db *db = connect_to(f);
	must(db_ledger_make(db, &e));
	run_sql(db, "create temp table tidegate_revision as select * from main.tidegate_revision");
	(void)snprintf(sql, sizeof sql,
		       "insert into %s (version, state, applied_ms) values ('1', 'applied', 1)",
		       db_sqlite.ledger);
	run_sql(db, sql);
	assert_int_equal(ask(db, "select count(*) from main.tidegate_revision"), 1);
	must(run_script(db, STR("create temp table tidegate_revision2 (i)"), &s, &e));
}

/* A target's directory belongs to its application, which may point elsewhere. */
static void test_sqlite_refuses_what_points_elsewhere(void **state)
{
	struct fixture *f = *state;
	char real[300];
	struct db *db = NULL;
	struct db_options o = { .url = fresh(f, "real.db"), .store = 1, .create = 1 };
	must(db_open(&db, &o, &e));
	run_sql(db, "create table tidegate_schema (module text)");
	db_close(db);
	db = NULL;
	must_fail(ERR_REFUSED, db_open(&db, &(struct db_options){ .url = o.url, .create = 1 }, &e));
	(void)snprintf(real, sizeof real, "%s", path_of(f));
	o = (struct db_options){ .url = fresh(f, "link.db"), .create = 1 };
	assert_int_equal(symlink(real, path_of(f)), 0);
	must_fail(ERR_REFUSED, db_open(&db, &o, &e));
	assert_int_equal(unlink(path_of(f)), 0);
	assert_int_equal(symlink("/nonexistent/x", path_of(f)), 0);
	must_fail(ERR_REFUSED, db_open(&db, &o, &e));
	/* Our own store is where its operator put it. */
	assert_int_equal(unlink(path_of(f)), 0);
	assert_int_equal(symlink(real, path_of(f)), 0);
	o.store = 1;
	must(db_open(&db, &o, &e));
	db_close(db);
}

static void test_sqlite_allows_the_usual_table_rebuild(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	(void)fresh(f, "rebuild.db");
	AUTO(db) struct db *db = connect_to(f);
	run_sql(db, "create table t (a int)");
	run_sql(db, "insert into t values (1)");
	static const char text[] =
	    "PRAGMA foreign_keys=OFF; PRAGMA defer_foreign_keys=ON; PRAGMA legacy_alter_table=ON;"
	    "CREATE TABLE new_t (a int not null, b text);"
	    "INSERT INTO new_t (a) SELECT a FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t;"
	    "PRAGMA foreign_key_check; PRAGMA user_version = 7; PRAGMA journal_mode;"
	    "PRAGMA foreign_keys=ON; PRAGMA defer_foreign_keys=OFF; select 1";
	must(db_script_screen(&db_sqlite, str_of(text), &s, &e));
	assert_int_equal(s.statements, 13);
	must(run_script(db, str_of(text), &s, &e));
	assert_int_equal(s.statements, 13);
	assert_int_equal(ask(db, "pragma user_version"), 7);
	assert_int_equal(ask(db, "pragma legacy_alter_table"), 0);
	assert_int_equal(ask(db, "select count(*) from t"), 1);
}

static const struct {
	const char *text;
	size_t statements; /* 0: refused */
	size_t statement, line, column;
} screened[] = {
	{ "create trigger a after insert on t begin select 1; select 2; end; select 3", 2, 0, 0,
	  0 },
	{ "create temp trigger if not exists a after insert on t begin\n"
	  "update t set a = case when 1 then 2 end; end ; commit;",
	  0, 2, 2, 48 },
	{ "create table commit_log (a); select [;], `;`, \";\", ';'';', x'00'; select 2", 3, 0, 0,
	  0 },
	{ "select 1;\n.read other.sql\nselect 2;", 0, 2, 2, 1 },
	{ "attach 'a' as b", 0, 1, 1, 1 },
	{ "pragma journal_mode", 1, 0, 0, 0 },
	{ "pragma journal_mode = off", 0, 1, 1, 1 },
	{ "pragma main . journal_mode ( off )", 0, 1, 1, 1 },
	{ "pragma table_info(t); pragma main.user_version = 1", 2, 0, 0, 0 },
	{ "rollback transaction to a", 1, 0, 0, 0 },
	{ "rollback transaction a", 0, 1, 1, 1 },
	{ "select 'unterminated; commit;", 1, 0, 0, 0 },
	{ "select /* unterminated; commit;", 1, 0, 0, 0 },
	{ "\xef\xbb\xbf"
	  "commit",
	  0, 1, 1, 1 },
	{ "create trigger x begin commit", 1, 0, 0, 0 },
};

static void test_sqlite_screens(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof screened / sizeof screened[0]; i++) {
		struct db_script s = { .notice = NULL };
		struct err e = { .code = ERR_NONE };
		int rc = db_script_screen(&db_sqlite, str_of(screened[i].text), &s, &e);
		int ok = screened[i].statements > 0
			     ? rc == 0 && s.statements == screened[i].statements
			     : rc == -1 && e.code == ERR_REFUSED;
		if (!ok || s.failed.statement != screened[i].statement ||
		    s.failed.line != screened[i].line || s.failed.column != screened[i].column)
			fail_msg("%s: %d, %zu statements, %zu:%zu:%zu %s", screened[i].text, rc,
				 s.statements, s.failed.statement, s.failed.line, s.failed.column,
				 e.msg);
	}
}

static void test_sqlite_reuses_statements(void **state)
{
	struct fixture *f = *state;
	char sql[64];
	(void)fresh(f, "cache.db");
	AUTO(db) struct db *db = connect_to(f);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			(void)snprintf(sql, sizeof sql, "select %d", i);
			assert_int_equal(ask(db, sql), i);
		}
	}
	/* The same text while it runs already. */
	AUTO(db_rows) struct db_rows *outer = NULL;
	must(db_query(&outer, db, "select 1 union select 2", DB_NO_ARGS, &e));
	assert_int_equal(db_next(outer, NULL), 1);
	assert_int_equal(ask(db, "select 1 union select 2"), 1);
	assert_int_equal(db_next(outer, NULL), 1);
	assert_int_equal(db_int(outer, 0), 2);
}

static void test_sqlite_cancels_waiting_for_the_file(void **state)
{
	struct fixture *f = *state;
	(void)fresh(f, "wait.db");
	AUTO(db) struct db *holder = connect_to(f);
	AUTO(db)
	struct db *waiter = connect_with(f, (struct db_options){ .lock_timeout_ms = 20000 });
	struct slow slow = { waiter, 150 };
	pthread_t thread;
	must(db_begin(holder, &e));
	int64_t since = clock_mono_ms();
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &slow), 0);
	must_fail(ERR_UNAVAILABLE, db_begin(waiter, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(clock_mono_ms() - since < 5000);
	db_rollback(holder);
	must(db_begin(waiter, &e));
	must(db_commit(waiter, &e));
}

static int make_dir(void **state)
{
	static struct fixture f;
	(void)snprintf(f.dir, sizeof f.dir, "/tmp/tidegate-sqlite-XXXXXX");
	*state = &f;
	return mkdtemp(f.dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct fixture *f = *state;
	char rm[] = "rm", flags[] = "-rf";
	return pg_tool((char *[]){ rm, flags, f->dir, NULL });
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sqlite_keeps_the_journal_of_a_target),
		cmocka_unit_test(test_sqlite_opens_a_store),
		cmocka_unit_test(test_sqlite_checkpoints),
		cmocka_unit_test(test_sqlite_refuses_what_is_no_database),
		cmocka_unit_test(test_sqlite_guards_scripts),
		cmocka_unit_test(test_sqlite_writes_to_the_real_ledger),
		cmocka_unit_test(test_sqlite_refuses_what_points_elsewhere),
		cmocka_unit_test(test_sqlite_allows_the_usual_table_rebuild),
		cmocka_unit_test(test_sqlite_screens),
		cmocka_unit_test(test_sqlite_reuses_statements),
		cmocka_unit_test(test_sqlite_cancels_waiting_for_the_file),
	};
	return cmocka_run_group_tests_name("sqlite", tests, make_dir, remove_dir);
}
