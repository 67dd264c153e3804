/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts for MySQL and MariaDB, looked at without a server: where statements end, what each one
 * is, and what is refused. */

#include "base/mem.h"
#include "db/mysql_sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The statements, one behind the other with " | " between them. */
static void join(char *out, size_t size, const struct db_statement *list, size_t n)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%.*s", i > 0 ? " | " : "",
				       STR_ARG(list[i].text));
}

static const struct {
	const char *text;
	const char *statements;
} splits[] = {
	{ "", "" },
	{ " ;; -- x\n# y;\n/* z; */", "" },
	{ "select 1;select 2", "select 1 | select 2" },
	{ "select 'a;\\';b', \"c;\\\"\", `d;``e`; x", "select 'a;\\';b', \"c;\\\"\", `d;``e` | x" },
	{ "select 'it''s;'; select 5--1;", "select 'it''s;' | select 5--1" },
	{ "select 1 -- ; \n + 1; --\nselect 2 # ;\n;", "select 1 -- ; \n + 1 | select 2" },
	{ "select 1 /* ; */ + 1;", "select 1 /* ; */ + 1" },
	{ "/*!40101 SET NAMES utf8 */;\n/*!50000 select */ 1;",
	  "/*!40101 SET NAMES utf8 */ | /*!50000 select */ 1" },
	{ "/*M!100100 select 'a;b' */; select /*+ ; */ 2",
	  "/*M!100100 select 'a;b' */ | select /*+ ; */ 2" },
	{ "/*!40000 */;select 1", "select 1" },
	{ "DELIMITER //\nselect 1; select 2//\ndelimiter ;\nselect 3;",
	  "select 1; select 2 | select 3" },
	{ "DELIMITER $$\r\ncreate procedure p() begin select 1; end$$\r\nDELIMITER ;\r\nselect 1;",
	  "create procedure p() begin select 1; end | select 1" },
	{ "delimiter ';;'\nselect 1;;\ndelimiter ;\nselect 2", "select 1 | select 2" },
	{ "select delimiter from t; select 1", "select delimiter from t | select 1" },
	{ "create procedure p() begin if a then select 1; else select 2; end if; end; select 3",
	  "create procedure p() begin if a then select 1; else select 2; end if; end | select 3" },
	{ "create procedure p() begin select case when a then 1 end; case b when 1 then select 1;"
	  " end case; end; select 3",
	  "create procedure p() begin select case when a then 1 end; case b when 1 then select 1;"
	  " end case; end | select 3" },
	{ "create or replace definer=`root`@`%` trigger t before insert on x for each row begin"
	  " declare exit handler for sqlexception begin select 1; end; l: loop leave l; end loop;"
	  " while a do set a = if(a, 0, 1); end while; repeat set b = 1; until b end repeat; end;"
	  "select 4",
	  "create or replace definer=`root`@`%` trigger t before insert on x for each row begin"
	  " declare exit handler for sqlexception begin select 1; end; l: loop leave l; end loop;"
	  " while a do set a = if(a, 0, 1); end while; repeat set b = 1; until b end repeat; end"
	  " | select 4" },
	{ "create procedure p() select 1; select 2", "create procedure p() select 1 | select 2" },
	{ "create function f() returns int return new.`end`; create table begin (i int); select 1",
	  "create function f() returns int return new.`end` | create table begin (i int)"
	  " | select 1" },
	{ "begin not atomic select 1; end; begin; select 2",
	  "begin not atomic select 1; end | begin | select 2" },
	{ "\xef\xbb\xbfselect 1;\r\nselect @a:=1, @@x.y, @'q;r';",
	  "select 1 | select @a:=1, @@x.y, @'q;r'" },
};

static void test_mysql_split_finds_statements(void **state)
{
	(void)state;
	char joined[1024];
	for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
		struct db_statement *list = NULL;
		struct db_place failed;
		struct err e = { .code = ERR_NONE };
		size_t n = 0;
		if (mydb_split_list(&list, &n, &failed, str_of(splits[i].text), &e) != 0)
			fail_msg("%s: %s", splits[i].text, e.msg);
		join(joined, sizeof joined, list, n);
		assert_string_equal(joined, splits[i].statements);
		mem_free(list);
	}
}

static const struct {
	const char *text;
	size_t line;
	size_t column;
	const char *why;
} refused[] = {
	{ "select 1;\nselect 'a", 2, 8, "does not end" },
	{ "select 1;\n/* a", 2, 1, "" },
	{ "select 1;\n select `a", 2, 9, "does not end" },
	{ "select 1\\G", 1, 9, "'\\G' is a command of the mysql shell" },
	{ "\n\\. other.sql", 2, 1, "command of the mysql shell" },
	{ "select 1;\nsource other.sql;", 2, 1, "'source' is a command of the mysql shell" },
	{ "delimiter\nselect 1", 1, 1, "DELIMITER needs" },
	{ "load data local infile 'x' into table t", 1, 1, "LOAD ... LOCAL is refused" },
	{ "load data concurrent local infile 'x' into table t", 1, 1, "LOAD ... LOCAL" },
	{ "select 1; lock tables t write", 1, 11, "the ledger could not be written" },
	{ "/*!99999 lock tables t write */", 1, 1, "the ledger could not be written" },
	{ "flush tables with read lock", 1, 1, "the ledger could not be written" },
	{ "create procedure p() begin select 1;", 1, 1, "DELIMITER //" },
	{ "/*!50003 select 1; select 2 */", 1, 1, "executable comment" },
};

static void test_mysql_split_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct db_statement *list = NULL;
		struct db_place failed = { 0, 0, 0 };
		struct err e = { .code = ERR_NONE };
		size_t n = 0;
		assert_int_equal(mydb_split_list(&list, &n, &failed, str_of(refused[i].text), &e),
				 -1);
		if (e.code != ERR_REFUSED || strstr(e.msg, refused[i].why) == NULL ||
		    failed.line != refused[i].line || failed.column != refused[i].column)
			fail_msg("%s: %zu:%zu %s", refused[i].text, failed.line, failed.column,
				 e.msg);
	}
}

enum { O = DB_OUTSIDE, C = DB_CONTROL, S = DB_SESSION, R = DB_REPEATABLE, P = DB_PARTIAL };
static const struct {
	const char *text;
	unsigned flags;
	const char *kind;
} kinds[] = {
	{ "select 1", 0, NULL },
	{ "(select 1) union (select 2)", 0, NULL },
	{ "insert into t values (1)", 0, "INSERT" },
	{ "with a as (select 1) select * from a", 0, NULL },
	{ "show tables", R, NULL },
	{ "desc t", R, NULL },
	{ "savepoint a", 0, NULL },
	{ "rollback to a", 0, "ROLLBACK" },
	{ "rollback work to savepoint a", 0, "ROLLBACK" },
	{ "create temporary table t (i int)", 0, "CREATE TABLE" },
	{ "create or replace temporary table t (i int)", 0, "CREATE TABLE" },
	{ "drop temporary table if exists t", 0, "DROP TABLE" },
	{ "analyze format=json select 1", 0, NULL },
	{ "load data infile 'x' into table t", 0, "LOAD DATA" },
	{ "create table t (i int)", O, "CREATE TABLE" },
	{ "CREATE /* x */ UNIQUE INDEX i ON t (a)", O, "CREATE INDEX" },
	{ "create algorithm = merge definer = view@h view v as select 1", O, "CREATE VIEW" },
	{ "create definer = current_user() procedure p() select 1", O, "CREATE PROCEDURE" },
	{ "alter table t add index i (a)", O, "ALTER TABLE" },
	{ "drop database d", O, "DROP DATABASE" },
	{ "rename table a to b", O, "RENAME TABLE" },
	{ "alter instance rotate innodb master key", O, "ALTER" },
	{ "create temporary procedure", O, "CREATE PROCEDURE" },
	{ "truncate t", O, "TRUNCATE TABLE" },
	{ "grant select on x to y", O, "GRANT" },
	{ "call p()", O | P, "CALL" },
	{ "execute s", O | P, "EXECUTE" },
	{ "optimize table t", O | R, "OPTIMIZE TABLE" },
	{ "analyze no_write_to_binlog table t", O | R, "ANALYZE TABLE" },
	{ "flush privileges", O | R, "FLUSH" },
	{ "load index into cache t", O | R, "LOAD INDEX" },
	{ "something new", O | P, "a statement that is not known" },
	{ "begin", C, "BEGIN" },
	{ "begin work", C, "BEGIN" },
	{ "begin not atomic select 1; end", O | P, "BEGIN" },
	{ "start transaction read only", C, "START TRANSACTION" },
	{ "start slave", O, "START" },
	{ "commit and chain", C, "COMMIT" },
	{ "rollback", C, "ROLLBACK" },
	{ "xa start 'a'", C, "XA" },
	{ "set autocommit = 0", C, "SET" },
	{ "set @a = 1, @@session.autocommit := 0", C, "SET" },
	{ "set @autocommit = @@autocommit", S, "SET" },
	{ "set names utf8", S, "SET" },
	{ "set @a = 1", S, "SET" },
	{ "set global x = 1", O | R, "SET" },
	{ "set a = 1, @@global.x = 1", O | R, "SET" },
	{ "set password = 'x'", O, "SET" },
	{ "set statement x = 1 for drop table t", O | P, "SET" },
	{ "use d", S, "USE" },
	{ "prepare s from 'drop table t'", S, "PREPARE" },
	{ "drop prepare s", S, "DROP" },
	{ "/*!40101 set names utf8 */", S, "SET" },
	{ "/*!40000 alter table t disable keys */", O, "ALTER TABLE" },
	{ "/*!99999 commit */", C, "COMMIT" },
	{ "/*!99999 select 1 ; */ drop table t", O, "DROP TABLE" },
	{ "create /*!99999 temporary */ table t (i int)", O, "CREATE TABLE" },
};

static void test_mysql_split_knows_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct db_statement s = { .text = str_of(kinds[i].text) };
		mydb_classify(&s);
		int same = s.kind == NULL || kinds[i].kind == NULL
			       ? s.kind == kinds[i].kind
			       : strcmp(s.kind, kinds[i].kind) == 0;
		if (s.flags != kinds[i].flags || !same)
			fail_msg("%s: %#x %s", kinds[i].text, s.flags,
				 s.kind != NULL ? s.kind : "-");
	}
}

static void test_mysql_split_tells_places(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, 1 << 16);
	struct db_statement *list = NULL;
	struct db_place failed;
	size_t n = 0;
	static const char text[] = "\xef\xbb\xbfselect '\xc3\xbc'; select 2;\r\n"
				   "-- c\r\n  /*!50000 select 3 */;\n\n\tselect 4";
	assert_int_equal(mydb_split(&list, &n, &failed, str_of(text), &arena, NULL), 0);
	static const struct db_place want[] = {
		{ 1, 1, 1 }, { 2, 1, 13 }, { 3, 3, 3 }, { 4, 5, 2 }
	};
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(&list[i].place, &want[i], sizeof want[i]);
}

static void test_mysql_split_survives_lack_of_memory(void **state)
{
	(void)state;
	struct err e = { .code = ERR_NONE };
	long failures = 0;
	for (int rc = -1; rc != 0; failures++) {
		AUTO(arena) struct arena arena;
		struct db_statement *list = NULL;
		struct db_place failed;
		size_t n = 0;
		arena_init(&arena, 1 << 16);
		mem_fail_after(failures);
		rc = mydb_split(&list, &n, &failed, STR("select 1; select 2"), &arena, &e);
		mem_fail_after(-1);
		assert_true(rc == 0 || e.code == ERR_NOMEM);
	}
	assert_true(failures > 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mysql_split_finds_statements),
		cmocka_unit_test(test_mysql_split_refuses),
		cmocka_unit_test(test_mysql_split_knows_kinds),
		cmocka_unit_test(test_mysql_split_tells_places),
		cmocka_unit_test(test_mysql_split_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
