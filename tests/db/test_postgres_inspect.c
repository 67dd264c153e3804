/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL's statements do, as facts. */

#include "base/mem.h"
#include "support/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *sql;
	const char *facts;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena) struct arena arena;
		AUTO(buf) struct buf text;
		arena_init(&arena, 16 << 20);
		buf_init(&text, 1 << 20);
		facts_text(&text, &db_postgres, str_of(rows[i].sql), &arena);
		if (strcmp(text.p, rows[i].facts) != 0)
			fail_msg("%s\nis       %s\nnot      %s", rows[i].sql, text.p,
				 rows[i].facts);
	}
}
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_postgres_inspect_tables(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "create table T (a int primary key, \"B\" text not null default 'x')",
		  "create table t; add column t.a int4 [not-null in-create primary]; "
		  "add constraint t primary (a) [in-create]; "
		  "add column t.B text [not-null default in-create]" },
		{ "create temp table if not exists s.t (like u)",
		  "create table s.t [if temporary form]" },
		{ "create table t as select 1", "create table t [from-query]" },
		{ "select 1 as a into t", "create table t [from-query]" },
		{ "alter table only t add column c timestamptz default now(), drop column d "
		  "cascade",
		  "add column t.c timestamptz [default only]; drop column t.d [cascade only]" },
		{ "alter table t add c uuid default gen_random_uuid()",
		  "add column t.c uuid [default volatile]" },
		{ "alter table t add c int default null", "add column t.c int4" },
		{ "alter table t add c bigserial",
		  "add column t.c bigserial [not-null identity serial]" },
		{ "alter table t add constraint k foreign key (a) references u (b) not valid",
		  "add constraint t.k foreign (a) -> u [not-valid]" },
		{ "alter table t add constraint k unique using index i",
		  "add constraint t.k unique [using]" },
		{ "alter table t alter c type bigint, alter c set not null, set logged",
		  "change type t.c int8; set not null t.c; rewrite t (set logged)" },
		{ "alter table t validate constraint k", "validate constraint t.k" },
		{ "alter table t attach partition p for values in (1)", "attach partition t -> p" },
		{ "alter table t rename to u; alter table t rename a to b",
		  "rename table t to u; rename column t.a to b" },
	};
	CHECK(rows);
}

static void test_postgres_inspect_others(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "", "" },
		{ "select 1", "other" },
		{ "create unique index concurrently if not exists i on s.t (a)",
		  "create index s.t.i [concurrently if unique]" },
		{ "drop table if exists a, s.b cascade",
		  "drop table a (table) [if cascade]; drop table s.b (table) [if cascade]" },
		{ "drop schema x cascade; drop database y",
		  "drop schema x (schema) [cascade]; drop database y" },
		{ "truncate a, b cascade", "truncate a [cascade]; truncate b [cascade]" },
		{ "update t set a = 1 where 1 = 1; delete from t where true; delete from t where a",
		  "update t; delete t; delete t [where]" },
		{ "insert into t values (1), (2); insert into t (a) select 1",
		  "insert t 2; insert t [from-query columns]" },
		{ "with d as (delete from t returning *) insert into u select * from d",
		  "delete t; insert u [from-query]" },
		{ "reindex table concurrently t; vacuum full t; cluster t; vacuum",
		  "reindex t [concurrently]; vacuum t [full]; vacuum t (cluster) [full]; vacuum" },
		{ "refresh materialized view v", "refresh v" },
		{ "alter type s.e add value 'x'", "add enum value s x e" },
		{ "lock table t", "lock table t (access exclusive)" },
		{ "set local lock_timeout = '5s'; set statement_timeout to 0",
		  "set lock_timeout (5s) [local]; set statement_timeout (0)" },
	};
	CHECK(rows);
}

static void test_postgres_inspect_faults(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "select 1;\n\xef\xbb\xbf", "other; other fault 2:1: syntax error at or near "
					     "\"\xef\xbb\xbf\"" },
		{ "drop table a;\n  select '\xc3\xa4', x x x;\ndrop table b",
		  "drop table a (table); other; drop table b (table) fault 2:19: syntax error at "
		  "or near \"x\"" },
		{ "\xef\xbb\xbfselect x x x", "other fault 1:12: syntax error at or near \"x\"" },
	};
	CHECK(rows);
}

/* Repeats `part` and says what is found. */
static void check_deep(const char *head, const char *part, size_t times, const char *tail,
		       const char *want)
{
	AUTO(arena) struct arena arena;
	AUTO(buf) struct buf sql;
	AUTO(buf) struct buf text;
	arena_init(&arena, 256 << 20);
	buf_init(&sql, 8 << 20);
	buf_init(&text, 1 << 20);
	buf_adds(&sql, head);
	for (size_t i = 0; i < times; i++)
		buf_adds(&sql, part);
	buf_adds(&sql, tail);
	facts_text(&text, &db_postgres, buf_str(&sql), &arena);
	if (strstr(text.p, want) == NULL)
		fail_msg("%zu of '%s': %.300s", times, part, text.p);
}

static void test_postgres_inspect_bounds_nesting(void **state)
{
	(void)state;
	static const char *const parts[] = { "a+",    "not ",     "- ",
					     "(",     "(select ", "a union select ",
					     "case ", "x[",       "a at time zone " };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		check_deep("select ", parts[i], 60000, "a", "fault 1:1: the statement is nested");
		check_deep("select 1, ", parts[i], 1100, "a", "the statement is nested");
	}
	check_deep("select 1 from a ", "join b using (c) ", 60000, "", "nested");
	check_deep("insert into t values (1)", ", (-1)", 100000, "", "insert t 100001");
	check_deep("select a", " || b", 900, "", "other");
	check_deep("select '", "x", 1 << 20, "'", "too long");
}

static void test_postgres_inspect_out_of_memory(void **state)
{
	(void)state;
	const struct str sql = STR("create table t (a int primary key); alter table t drop a;"
				   "select x x x");
	struct err e = { .code = ERR_NONE };
	for (long calls = 0; calls < 40; calls++) {
		AUTO(arena) struct arena arena;
		struct db_statement *list;
		struct db_place failed;
		struct db_inspection in;
		size_t n;
		arena_init(&arena, 1 << 20);
		if (db_script_split(&list, &n, &failed, &db_postgres, sql, &arena, &e) != 0)
			fail_msg("%s", e.msg);
		mem_fail_after(calls);
		int rc = db_inspect(&in, &db_postgres, sql, list, n, &arena, &e);
		mem_fail_after(-1);
		if (rc == 0)
			return;
		assert_int_equal(e.code, ERR_NOMEM);
	}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_inspect_tables),
		cmocka_unit_test(test_postgres_inspect_others),
		cmocka_unit_test(test_postgres_inspect_faults),
		cmocka_unit_test(test_postgres_inspect_bounds_nesting),
		cmocka_unit_test(test_postgres_inspect_out_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
