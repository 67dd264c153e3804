/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite's and MySQL's statements do, by their words; and the copy in which scripts are tried.
 */

#include "db/db_rehearse.h"
#include "db/words.h"
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

static void check_rows(enum words_dialect dialect, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena) struct arena arena;
		AUTO(buf) struct buf text;
		struct db_inspection in;
		struct err e;
		const struct db_statement one = { .text = str_of(rows[i].sql) };
		arena_init(&arena, 16 << 20);
		buf_init(&text, 1 << 20);
		assert_int_equal(words_inspect(&in, dialect, &one, 1, &arena, &e), 0);
		for (size_t j = 0; j < in.n; j++) {
			buf_adds(&text, j > 0 ? "; " : "");
			facts_one(&text, &in.facts[j]);
		}
		if (strcmp(text.p, rows[i].facts) != 0)
			fail_msg("%s\nis       %s\nnot      %s", rows[i].sql, text.p,
				 rows[i].facts);
	}
}
#define CHECK(dialect, rows) check_rows(dialect, rows, sizeof(rows) / sizeof((rows)[0]))

static void test_words_inspect_sqlite(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "", "other" },
		{ "select 1", "other" },
		{ "create table t (id integer primary key autoincrement, \"A b\" text not null "
		  "default (1, 2), unique (id, \"A b\"), foreign key (id) references u (x))",
		  "create table t; add column t.id integer [not-null identity in-create primary]; "
		  "add column t.A b text [not-null default in-create]; "
		  "add constraint t unique (id, \"A b\") [in-create]; "
		  "add constraint t foreign (id) -> u [in-create]" },
		{ "create temp table if not exists t as select 1",
		  "create table t [if temporary from-query]" },
		{ "create unique index i on [t] (a)", "create index t.i [unique]" },
		{ "alter table t add column c text not null", "add column t.c text [not-null]" },
		{ "alter table t drop column c", "drop column t.c" },
		{ "alter table t rename to u", "rename table t to u" },
		{ "alter table t rename a to b", "rename column t.a to b" },
		{ "drop table if exists main.t", "drop table main.t (table) [if]" },
		{ "update or ignore t set a = (select 1 where 2) where 1 = 1", "update t" },
		{ "update t set a = 'where'", "update t" },
		{ "delete from t where a = 1", "delete t [where]" },
		{ "delete from t -- where", "delete t" },
		{ "delete from t where (1 = 1) or a = 2", "delete t" },
		{ "with x as (select 1) insert into t (a) select * from x",
		  "insert t [from-query columns]" },
		{ "insert into t values (1, (2)), (3, 4)", "insert t 2" },
		{ "replace into t default values", "insert t 1" },
		{ "create trigger x after insert on t begin delete from u; end",
		  "create (trigger)" },
	};
	CHECK(WORDS_SQLITE, rows);
}

static void test_words_inspect_mysql(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "create table `t` (id bigint unsigned not null auto_increment, a varchar(10) "
		  "comment 'x, y', primary key (`id`), key k (a)) engine=innodb",
		  "create table t; add column t.id bigint [not-null identity in-create]; "
		  "add column t.a varchar [in-create]; add constraint t primary (id) [in-create]; "
		  "create index t.k [in-create]" },
		{ "alter table t add column a int, modify b bigint not null, change c d text, "
		  "drop e, add index i (a), drop index j, drop primary key",
		  "add column t.a int; change type t.b bigint [not-null]; change type t.d text; "
		  "rename column t.c to d; drop column t.e; create index t.i; drop index t.j; "
		  "drop constraint t" },
		{ "rename table a to b, c to d", "rename table a to b; rename table c to d" },
		{ "truncate table t", "truncate t" },
		{ "drop database shop", "drop database shop (database)" },
		{ "delete from t # where a", "delete t" },
		{ "/*!40000 alter table t drop column a */", "drop column t.a" },
		{ "insert into t set a = 1", "insert t 1 [columns]" },
		{ "insert into t (a) values ('it\\'s'), (\"b\")", "insert t 2 [columns]" },
	};
	CHECK(WORDS_MYSQL, rows);
}

static void test_sqlite_copy_is_bounded(void **state)
{
	(void)state;
	struct db *copy = NULL;
	struct err e;
	struct db_script script = { .notice = NULL };
	assert_int_equal(db_copy(&copy, NULL, &db_sqlite, &e), 0);
	assert_int_equal(db_begin(copy, &e), 0);
	assert_int_equal(db_script_run(copy, STR("create table t (a)"), &script, &e), 0);
	assert_int_equal(db_script_run(copy, STR("attach 'x' as y"), &script, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(
	    db_script_run(copy,
			  STR("with recursive n(i) as (select 1 union all select i + 1 from n) "
			      "insert into t select zeroblob(1000000) from n"),
			  &script, &e),
	    -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	db_rollback(copy);
	db_close(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_inspect_sqlite),
		cmocka_unit_test(test_words_inspect_mysql),
		cmocka_unit_test(test_sqlite_copy_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
