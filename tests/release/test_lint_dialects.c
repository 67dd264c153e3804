/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that all databases share, in the words of MySQL and of SQLite: hits and no hits. */

#include "db/db.h"
#include "release/lint_fixture.h"

struct row {
	const char *sql;
	const char *found;
};

static void check(const struct db_driver *driver, const struct row *rows, size_t n)
{
	int wrong = 0;
	for (size_t i = 0; i < n; i++) {
		struct lint_fixture f;
		lint_begin(&f, driver);
		lint_sql(&f, rows[i].sql);
		if (strcmp(f.found.p != NULL ? f.found.p : "", rows[i].found) != 0) {
			print_error("%s: %s\nfinds    %s\nnot      %s\n", driver->name, rows[i].sql,
				    f.found.p, rows[i].found);
			wrong++;
		}
		lint_end(&f);
	}
	assert_int_equal(wrong, 0);
}
#define CHECK(driver, rows) check(driver, rows, sizeof(rows) / sizeof((rows)[0]))

/* What is said in the same words everywhere. */
static const struct row shared[] = {
	{ "drop table t", "drop-table@1" },
	{ "create table t (id bigint primary key); drop table t", "" },
	{ "alter table t drop column a", "drop-column@1" },
	{ "alter table t rename column a to b", "rename-column@1" },
	{ "alter table t rename to u", "rename-table@1" },
	{ "update t set a = 1", "require-where@1" },
	{ "update t set a = 1 where id = 2", "" },
	{ "delete from t", "require-where@1" },
	{ "delete from t\nwhere 1 = 1", "require-where@1" },
	{ "delete from t where id = 2", "" },
	{ "insert into t (a) values ('delete from t')", "" },
	{ "-- drop table t\nselect 1", "" },
	{ "create table t (id bigint primary key)", "" },
	{ "create table if not exists t (id bigint primary key)", "" },
	{ "alter table t add column a integer", "" },
	{ "create index i on t (a)", "" },
	{ "drop index i", "" },
};

static const struct row mysql[] = {
	{ "drop table `a b`", "drop-table@1" },
	{ "/*!40000 drop table t */", "drop-table@1" },
	{ "drop temporary table t", "" },
	{ "create table t (a integer)", "missing-primary-key@1" },
	{ "create table t (id int primary key)", "small-key@1" },
	{ "truncate table t", "truncate@1" },
	{ "truncate t", "truncate@1" },
	{ "drop database d", "drop-database@1" },
	{ "alter table t modify a bigint", "column-type-change@1" },
	{ "create table t (id bigint primary key);\ninsert into t (a) values (1)",
	  "ddl-beside-dml@2" },
	{ "create temporary table t (id int);\ninsert into t (id) values (1);\n"
	  "drop temporary table t",
	  "" },
	{ "insert into t (a) values (1);\ninsert into t (a) values (2)", "" },
	{ "create table t (id bigint primary key);\ncreate table u (id bigint primary key)", "" },
};

static const struct row sqlite[] = {
	{ "drop table \"a b\"", "drop-table@1" },
	{ "drop table [a b]", "drop-table@1" },
	{ "create table t (a integer)", "" },
	{ "create table t (id integer primary key)", "" },
	{ "alter table t add column a integer not null", "not-null-without-default@1" },
	{ "alter table t add column a integer not null default 0", "" },
	{ "insert into t values (1)", "insert-columns@1" },
	{ "create table t (id bigint primary key);\ninsert into t (a) values (1)", "" },
};

static void test_lint_in_mysql(void **state)
{
	(void)state;
	CHECK(&db_mysql, shared);
	CHECK(&db_mysql, mysql);
}

static void test_lint_in_sqlite(void **state)
{
	(void)state;
	CHECK(&db_sqlite, shared);
	CHECK(&db_sqlite, sqlite);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lint_in_mysql),
		cmocka_unit_test(test_lint_in_sqlite),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
