/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the review: what each finds, and what it leaves alone. */

#include "db/db.h"
#include "release/lint_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct row {
	const char *sql;
	const char *found;
};

static void check(const struct db_driver *driver, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct lint_fixture f;
		lint_begin(&f, driver);
		lint_sql(&f, rows[i].sql);
		if (strcmp(f.found.p, rows[i].found) != 0)
			fail_msg("%s\nfinds    %s\nnot      %s", rows[i].sql, f.found.p,
				 rows[i].found);
		lint_end(&f);
	}
}
#define CHECK(driver, rows) check(driver, rows, sizeof(rows) / sizeof((rows)[0]))

static void test_lint_finds_its_examples(void **state)
{
	(void)state;
	for (int i = 0; i < RULES; i++) {
		const struct lint_rule *r = lint_rule((enum rule)i);
		assert_int_equal(r->rule, i);
		assert_non_null(r->title);
		assert_non_null(r->why);
		assert_non_null(r->safer);
		if (r->example == NULL || i == RULE_TRANSACTION_CONTROL ||
		    (r->databases & LINT_POSTGRES) == 0)
			continue;
		struct lint_fixture f;
		lint_begin(&f, &db_postgres);
		lint_sql(&f, r->example);
		if (strstr(f.found.p, rule_id(r->rule)) == NULL)
			fail_msg("%s is not found in: %s (but %s)", rule_id(r->rule), r->example,
				 f.found.p);
		lint_end(&f);
		if (r->instead == NULL)
			continue;
		lint_begin(&f, &db_postgres);
		lint_sql(&f, r->instead);
		if (strstr(f.found.p, rule_id(r->rule)) != NULL)
			fail_msg("%s is found in its safer form: %s", rule_id(r->rule), r->instead);
		lint_end(&f);
	}
}

static void test_lint_leaves_new_tables_alone(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "create table t (id bigint primary key);\ncreate index i on t (id);\n"
		  "alter table t add column c text not null;\nalter table t add unique (c);\n"
		  "alter table t alter c type int;\nupdate t set c = 1;\ntruncate t;\n"
		  "drop index i;\nalter table t rename to u;\nalter table u drop c;\ndrop table u",
		  "" },
		{ "create temp table t (a int);\ndelete from t", "" },
		{ "create table p partition of t for values in (1)", "" },
		{ "create index i on only t (a)", "" },
	};
	CHECK(&db_postgres, rows);
	struct lint_fixture f;
	lint_begin(&f, &db_postgres);
	lint_sql(&f, "create table t (id bigint primary key)");
	lint_sql(&f, "create index i on t (id)");
	assert_string_equal(f.found.p, "");
	lint_end(&f);
}

static void test_lint_leaves_empty_tables_alone(void **state)
{
	(void)state;
	const struct lint_table known[] = { { .table = STR("t"), .rows = 0 },
					    { .table = STR("u"), .rows = 5 } };
	struct lint_fixture f;
	lint_begin(&f, &db_postgres);
	f.context.known = known;
	f.context.n_known = 2;
	lint_sql(&f, "create index i on t (a);\ncreate index j on u (a)");
	assert_string_equal(f.found.p, "blocking-index-build@2");
	lint_end(&f);
}

static void test_lint_details(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "alter table t add c int, drop column d", "drop-column@1" },
		{ "alter table t\n add c timestamp,\n add d char(3)",
		  "timestamp-without-time-zone@2 char-type@3" },
		{ "alter table t add c timestamptz default now()", "" },
		{ "alter table t add c int references u", "constraint-not-valid@1" },
		{ "alter table t add constraint k check (a > 0) not valid;\n"
		  "alter table t validate constraint k",
		  "validate-same-file@2" },
		{ "alter table t validate constraint k;\nalter table t alter a set not null", "" },
		{ "update t set a = 1 where true;\ndelete from t where a = 1", "require-where@1" },
		{ "with d as (delete from t returning *) select * from d", "require-where@1" },
		{ "delete from t where a = 1 or true;\ndelete from t where 1 = 1 and not false;\n"
		  "delete from t where a = 1 and true",
		  "require-where@1 require-where@2" },
		{ "explain (analyze) delete from t;\nexplain delete from t", "require-where@1" },
		{ "alter table t add c int;\nalter table u add d int;\n"
		  "update u set d = 1 where d is null",
		  "lock-in-long-transaction@3" },
		{ "create index concurrently i on t (a);\ncreate index concurrently j on t (a)",
		  "" },
		{ "alter type e add value 'x';\nselect 'x'::e", "enum-value-used@2" },
		{ "create type e as enum ('a');\nalter type e add value 'x';\nselect 'x'::e", "" },
		{ "lock table t in row exclusive mode;\nlock table t in exclusive mode",
		  "lock-table@2" },
		{ "set lock_timeout = '0';\nset lock_timeout = '3s'", "lock-timeout-off@1" },
		{ "drop schema s;\ndrop schema s cascade", "drop-schema@2" },
		{ "alter table t add c bigint generated always as identity", "table-rewrite@1" },
		{ "select x x x", "" },
	};
	CHECK(&db_postgres, rows);
}

static void test_lint_suppression(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "drop table a; -- tidegate: allow drop-table: unused\ndrop table b",
		  "drop-table@2" },
		{ "select 1;\n-- tidegate: allow drop-table: unused\ndrop table a;\ndrop table b",
		  "drop-table@4" },
		{ "-- tidegate: allow drop-table, truncate: unused\ndrop table a;\ntruncate b;\n"
		  "drop table c",
		  "" },
		{ "drop table a -- tidegate: allow drop-table: unused", "" },
		{ "drop table a; -- tidegate: allow drop-table", "drop-table@1 suppression@1" },
		{ "drop table a; -- tidegate: allow drop-table:  ", "drop-table@1 suppression@1" },
		{ "drop table a; -- tidegate: allow dorp-table: x", "drop-table@1 suppression@1" },
		{ "drop table a; -- tidegate: allow edited-file: x", "drop-table@1 suppression@1" },
		{ "drop table a; -- tidegate: ignore", "drop-table@1 suppression@1" },
		{ "select 1; -- tidegate: allow drop-table: x", "unused-suppression@1" },
		{ "select '-- tidegate: allow drop-table: x'; drop table a", "drop-table@1" },
		{ "drop table a; -- tidegate is good", "drop-table@1" },
		{ "delete from a returning '-- tidegate: allow require-where: x'",
		  "require-where@1" },
		{ "delete from a returning $$\n-- tidegate: allow require-where: x$$;",
		  "require-where@1" },
	};
	CHECK(&db_postgres, rows);
}

static void test_lint_policy(void **state)
{
	(void)state;
	struct conf_rule rules[] = { { .id = STR("drop-table"), .severity = RULE_OFF },
				     { .id = STR("truncate"), .severity = RULE_ERROR } };
	const struct conf_environment env = { .rules = { rules, 2 } };
	struct lint_fixture f;
	lint_begin(&f, &db_postgres);
	lint_policy(&f.policy, &env);
	assert_int_equal(f.policy.levels[RULE_TRUNCATE], RULE_ERROR);
	assert_int_equal(f.policy.levels[RULE_DROP_COLUMN], RULE_WARNING);
	lint_sql(&f, "drop table a; truncate b");
	assert_string_equal(f.found.p, "truncate@1");
	lint_end(&f);
}

static void test_lint_page_is_true(void **state)
{
	(void)state;
	enum { PAGE_MAX = 1 << 20 };
	AUTO(buf) struct buf want;
	AUTO(free) char *page = calloc(1, PAGE_MAX);
	AUTO(close) int fd = open("../docs/rules.md", O_RDONLY);
	buf_init(&want, PAGE_MAX);
	lint_markdown(&want);
	assert_true(fd >= 0);
	assert_non_null(page);
	ssize_t n = read(fd, page, PAGE_MAX - 1);
	if (n < 0 || (size_t)n != want.n || memcmp(page, want.p, want.n) != 0)
		fail_msg("docs/rules.md is not what release/lint_rules.c says: run this program as "
			 "`release_lint --write` in tests/ to write it anew");
}

static int write_page(void)
{
	AUTO(buf) struct buf page;
	AUTO(close) int fd = open("../docs/rules.md", O_WRONLY | O_TRUNC);
	buf_init(&page, 1 << 20);
	lint_markdown(&page);
	return fd >= 0 && write(fd, page.p, page.n) == (ssize_t)page.n ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--write") == 0)
		return write_page();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lint_finds_its_examples),
		cmocka_unit_test(test_lint_leaves_new_tables_alone),
		cmocka_unit_test(test_lint_leaves_empty_tables_alone),
		cmocka_unit_test(test_lint_details),
		cmocka_unit_test(test_lint_suppression),
		cmocka_unit_test(test_lint_policy),
		cmocka_unit_test(test_lint_page_is_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
