/* SPDX-License-Identifier: Apache-2.0 */
/* Every driver lists the databases of its instance, and finds tables by their name. */

#include "support/driver.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_MAX = 16 * 1024 * 1024 };

/* The instance that the fixture's database is in. */
static struct db_options instance_of(const struct fixture *f, char url[300])
{
	(void)snprintf(url, 300, "%s", f->url);
	if (!is_pg(f) && !is_my(f))
		*strrchr(url, '/') = '\0';
	return (struct db_options){ .url = str_of(url), .database = STR("nobody") };
}

static const struct db_database *find(const struct db_database *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq_cstr(list[i].name, name))
			return &list[i];
	}
	return NULL;
}

/* One that must be there. */
static const struct db_database *found(const struct db_database *list, size_t n, const char *name)
{
	const struct db_database *d = find(list, n, name);
	if (d == NULL) {
		fail_msg("there is no database '%s'", name);
		abort(); /* fail_msg does not return, which the compiler is not told */
	}
	return d;
}

/* A second database beside the fixture's, made or dropped. */
static void second(const struct fixture *f, int make)
{
	char path[300];
	if (is_pg(f) || is_my(f)) {
		char quote = is_pg(f) ? '"' : '`';
		(void)snprintf(path, sizeof path, "%s database %caa-tenant.2%c",
			       make ? "create" : "drop", quote, quote);
		run_sql(f->db, path);
		return;
	}
	(void)snprintf(path, sizeof path, "%s/aa-tenant.2.db", f->dir);
	if (!make) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

static void test_databases_of_an_instance(void **state)
{
	struct fixture *f = *state;
	AUTO(arena) struct arena arena;
	char url[300];
	struct db_options o = instance_of(f, url);
	struct db_database *list;
	size_t before, n;
	arena_init(&arena, ARENA_MAX);
	must(db_databases(&list, &before, &o, &arena, &e));
	const char *own = f->database != NULL ? f->database : "target";
	assert_null(found(list, before, own)->why_not.p);
	assert_null(find(list, before, "aa-tenant.2"));
	second(f, 1);
	must(db_databases(&list, &n, &o, &arena, &e));
	assert_non_null(find(list, n, "aa-tenant.2"));
	for (size_t i = 1; i < n; i++)
		assert_true(str_cmp(list[i - 1].name, list[i].name) < 0);
	second(f, 0);
	must(db_databases(&list, &n, &o, &arena, &e));
	assert_null(find(list, n, "aa-tenant.2"));
}

static void test_databases_of_nobody(void **state)
{
	struct fixture *f = *state;
	AUTO(arena) struct arena arena;
	char url[300];
	struct db_options o = instance_of(f, url);
	struct db_database *list;
	size_t n;
	arena_init(&arena, ARENA_MAX);
	must(db_databases(&list, &n, &o, &arena, &e));
	if (is_pg(f)) {
		assert_true(str_eq_cstr(found(list, n, "template1")->why_not, "a template"));
		assert_true(str_eq_cstr(found(list, n, "postgres")->why_not, "the server's own"));
		return;
	}
	if (is_my(f)) {
		assert_true(str_eq_cstr(found(list, n, "mysql")->why_not, "the server's own"));
		return;
	}
	char path[300];
	(void)snprintf(path, sizeof path, "%s/link.db", f->dir);
	assert_int_equal(symlink("target.db", path), 0);
	(void)snprintf(path, sizeof path, "%s/dir.db", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	must(db_databases(&list, &n, &o, &arena, &e));
	assert_true(str_eq_cstr(found(list, n, "link")->why_not, "a symbolic link"));
	assert_true(str_eq_cstr(found(list, n, "dir")->why_not, "no file"));
}

static void test_databases_unreachable(void **state)
{
	struct fixture *f = *state;
	AUTO(arena) struct arena arena;
	struct db_database *list = NULL;
	size_t n = 7;
	struct db_options o = { .url = STR("postgresql://127.0.0.1:1"),
				.connect_timeout_ms = 2000 };
	arena_init(&arena, ARENA_MAX);
	int is_file = (f->driver->flags & DB_FILE) != 0;
	if (is_file)
		o.url = STR("sqlite:/nowhere/at/all");
	if (is_my(f))
		o.url = STR("mysql://me@127.0.0.1:1");
	must_fail(is_file ? ERR_NOTFOUND : ERR_UNAVAILABLE,
		  db_databases(&list, &n, &o, &arena, &e));
	assert_null(list);
	assert_int_equal(n, 7);
	o.url = STR("oracle:x");
	must_fail(ERR_INPUT, db_databases(&list, &n, &o, &arena, &e));
}

static void test_databases_without_memory(void **state)
{
	struct fixture *f = *state;
	AUTO(arena) struct arena arena;
	char url[300];
	struct db_options o = instance_of(f, url);
	struct db_database *list;
	size_t n;
	arena_init(&arena, 1);
	must_fail(ERR_LIMIT, db_databases(&list, &n, &o, &arena, &e));
}

static void test_databases_tables_named(void **state)
{
	struct fixture *f = *state;
	const char *sql = db_driver_of(f->db)->tables_named;
	run_sql(f->db, "create table t_named_a(i int)");
	run_sql(f->db, "create table t_named_b(i int)");
	run_sql(f->db, "create view t_named_c as select 1 as i");
	AUTO(db_rows) struct db_rows *rows = NULL;
	must(db_query(&rows, f->db, sql,
		      DB_ARGS(DB_S(STR("t_named_a")), DB_S(STR("t_named_b")),
			      DB_S(STR("t_named_c")), DB_S(STR("t_named_d"))),
		      &e));
	struct err e;
	assert_int_equal(db_next(rows, &e), 1);
	assert_true(str_eq_cstr(db_text(rows, 1), "t_named_a"));
	if (is_pg(f))
		assert_true(str_eq_cstr(db_text(rows, 0), "public"));
	assert_int_equal(db_next(rows, &e), 1);
	assert_true(str_eq_cstr(db_text(rows, 1), "t_named_b"));
	assert_int_equal(db_next(rows, &e), 0);
}

/* Where there is a cheaper query, it answers for every table that the other names. */
static void test_databases_tables_maybe(void **state)
{
	struct fixture *f = *state;
	const char *sql = db_driver_of(f->db)->tables_maybe;
	const struct str none = STR("t_maybe_none");
	struct err e;
	if (sql == NULL)
		return;
	run_sql(f->db, "create table t_maybe(i int)");
	for (int i = 0; i < 5; i++) {
		AUTO(db_rows) struct db_rows *rows = NULL;
		struct db_value names[] = { DB_S(none), DB_S(none), DB_S(none), DB_S(none) };
		if (i < 4)
			names[i] = DB_S(STR("t_maybe"));
		assert_int_equal(db_query(&rows, f->db, sql, names, 4, &e), 0);
		assert_int_equal(db_next(rows, &e), i < 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_databases_of_an_instance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_databases_of_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_databases_unreachable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_databases_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_databases_tables_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_databases_tables_maybe, setup, teardown),
	};
	return run_drivers(tests, sizeof tests / sizeof tests[0]);
}
