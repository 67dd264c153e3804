/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_DRIVER_H
#define TESTS_SUPPORT_DRIVER_H

#include "base/clock.h"
#include "db/db.h"
#include "support/my.h"
#include "support/pg.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * For tests that run once for every driver: a fixture with a session, short forms for statements
 * that must succeed or fail, and the two groups. The state of a test is its struct fixture.
 *
 *	int main(void) { return run_drivers(tests, sizeof tests / sizeof tests[0]); }
 */
#define DRIVER_HELPER static __attribute__((unused))

/* What one run of the suite works on. */
struct fixture {
	const struct db_driver *driver;
	struct pg pg; /* of PostgreSQL */
	struct my my; /* of MySQL */
	char dir[64];
	char url[256];
	const char *database;
	struct db *db; /* opened for each test */
};

DRIVER_HELPER int is_pg(const struct fixture *f)
{
	return f->driver == &db_postgres;
}

DRIVER_HELPER int is_my(const struct fixture *f)
{
	return f->driver == &db_mysql;
}

/* Whether a transaction that fails takes DDL back: elsewhere a file with DDL runs without one. */
DRIVER_HELPER int has_ddl_in_tx(const struct fixture *f)
{
	return (f->driver->flags & DB_DDL_IN_TX) != 0;
}

DRIVER_HELPER struct db *connect_with(const struct fixture *f, struct db_options o)
{
	struct err e = { .code = ERR_NONE };
	struct db *db = NULL;
	o.url = str_of(f->url);
	o.database = str_of(f->database);
	o.create = 1;
	o.durable = 1;
	if (db_open(&db, &o, &e) != 0)
		fail_msg("%s", e.msg);
	return db;
}

DRIVER_HELPER struct db *connect_to(const struct fixture *f)
{
	return connect_with(f, (struct db_options){ .connect_timeout_ms = 0 });
}

#define must(call)                                                                                 \
	do {                                                                                       \
		struct err e = { .code = ERR_NONE };                                               \
		if ((call) != 0)                                                                   \
			fail_msg("%s: %s", #call, e.msg);                                          \
	} while (0)

#define must_fail(want, call)                                                                      \
	do {                                                                                       \
		struct err e = { .code = ERR_NONE };                                               \
		assert_int_equal((call), -1);                                                      \
		if (e.code != (want))                                                              \
			fail_msg("%s: got %s (%s)", #call, err_code_name(e.code), e.msg);          \
		assert_true(e.msg[0] != '\0');                                                     \
	} while (0)

DRIVER_HELPER void run_sql(struct db *db, const char *sql)
{
	struct err e = { .code = ERR_NONE };
	if (db_exec(db, NULL, sql, DB_NO_ARGS, &e) != 0)
		fail_msg("%s: %s", sql, e.msg);
}

DRIVER_HELPER int64_t ask(struct db *db, const char *sql)
{
	struct err e = { .code = ERR_NONE };
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql, DB_NO_ARGS, &e) != 0 || db_next(rows, &e) != 1)
		fail_msg("%s: %s", sql, e.msg);
	return db_int(rows, 0);
}

/* Run a script in a transaction of its own, which is committed when it succeeds. */
DRIVER_HELPER int run_script(struct db *db, struct str text, struct db_script *script,
			     struct err *e)
{
	if (db_begin(db, e) != 0)
		return -1;
	if (db_script_run(db, text, script, e) == 0)
		return db_commit(db, e);
	db_rollback(db);
	return -1;
}

/* The same, as a file that its database can take: statement by statement without a transaction,
 * where that would be ended by DDL. */
DRIVER_HELPER int run_file(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	if (db_driver_of(db)->flags & DB_DDL_IN_TX)
		return run_script(db, text, script, e);
	AUTO(arena) struct arena arena;
	arena_init(&arena, (size_t)64 << 20);
	struct db_statement *list = NULL;
	size_t n = 0;
	int rc = db_script_split(&list, &n, &script->failed, db_driver_of(db), text, &arena, e);
	script->statements = 0;
	script->changed = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = db_statement_run(db, &list[i], script, e);
	return rc == 0 ? db_session_reset(db, e) : -1;
}

DRIVER_HELPER int setup(void **state)
{
	struct fixture *f = *state;
	f->db = connect_to(f);
	return 0;
}

DRIVER_HELPER int teardown(void **state)
{
	struct fixture *f = *state;
	db_close(f->db);
	f->db = NULL;
	return 0;
}

/* A call that takes long, and a thread that cancels it. */
struct slow {
	struct db *db;
	long after_ms;
};

DRIVER_HELPER void *cancel_later(void *context)
{
	const struct slow *s = context;
	pg_pause(s->after_ms);
	db_cancel(s->db);
	return NULL;
}

DRIVER_HELPER const char *slow_sql(const struct fixture *f)
{
	if (is_my(f))
		return "select count(*) from information_schema.collations a,"
		       " information_schema.collations b, information_schema.collations c,"
		       " information_schema.collations d";
	return is_pg(f) ? "select pg_sleep(30)"
			: "with recursive n(i) as (select 1 union all select i + 1 from n)"
			  " select count(*) from n";
}

/* The suite's database: state is made in main, so that each group can be told what it works on. */
DRIVER_HELPER struct fixture *chosen(struct fixture *f)
{
	static struct fixture *current;
	if (f != NULL)
		current = f;
	return current;
}

DRIVER_HELPER int group_setup(void **state)
{
	*state = chosen(NULL);
	return 0;
}

DRIVER_HELPER int run_sqlite(struct fixture *f, const struct CMUnitTest *tests, size_t n)
{
	(void)snprintf(f->dir, sizeof f->dir, "/tmp/tidegate-driver-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return 1;
	(void)snprintf(f->url, sizeof f->url, "sqlite:%s/target.db", f->dir);
	f->driver = &db_sqlite;
	(void)chosen(f);
	int rc = _cmocka_run_group_tests("sqlite", tests, n, group_setup, NULL);
	char rm[] = "rm", flags[] = "-rf";
	(void)pg_tool((char *[]){ rm, flags, f->dir, NULL });
	return rc;
}

DRIVER_HELPER int run_postgres(struct fixture *f, const struct CMUnitTest *tests, size_t n)
{
	char name[64];
	(void)snprintf(name, sizeof name, "driver_%ld", (long)getpid());
	if (pg_start(&f->pg) != 0 || pg_database(&f->pg, name) != 0) {
		pg_stop(&f->pg);
		return 77;
	}
	f->driver = &db_postgres;
	f->database = name;
	(void)snprintf(f->url, sizeof f->url, "%s", f->pg.url);
	(void)chosen(f);
	int rc = _cmocka_run_group_tests("postgresql", tests, n, group_setup, NULL);
	pg_stop(&f->pg);
	return rc;
}

DRIVER_HELPER int run_mysql(struct fixture *f, const struct CMUnitTest *tests, size_t n)
{
	char name[64];
	(void)snprintf(name, sizeof name, "driver_%ld", (long)getpid());
	if (my_start(&f->my) != 0 || my_database(&f->my, name) != 0) {
		my_stop(&f->my);
		return 77;
	}
	f->driver = &db_mysql;
	f->database = name;
	(void)snprintf(f->url, sizeof f->url, "%s", f->my.url);
	(void)chosen(f);
	int rc = _cmocka_run_group_tests("mysql", tests, n, group_setup, NULL);
	my_stop(&f->my);
	return rc;
}

/* The whole suite on those that can hold our own store; 77 when there is no PostgreSQL. */
DRIVER_HELPER int run_stores(const struct CMUnitTest *tests, size_t n)
{
	static struct fixture sqlite = { .db = NULL }, postgres = { .db = NULL };
	int rc = run_sqlite(&sqlite, tests, n);
	return rc != 0 ? rc : run_postgres(&postgres, tests, n);
}

/* The whole suite on each driver; 77 when there is no PostgreSQL or MariaDB on this machine. */
DRIVER_HELPER int run_drivers(const struct CMUnitTest *tests, size_t n)
{
	static struct fixture mysql = { .db = NULL };
	int rc = run_stores(tests, n);
	return rc != 0 ? rc : run_mysql(&mysql, tests, n);
}

#endif
