/* SPDX-License-Identifier: Apache-2.0 */
/* What a MariaDB or MySQL server tells of a script without running it. */

#include "db/db_rehearse.h"
#include "db/inspect.h"
#include "support/my.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct my my;
/* Other programs may run on the same server. */
static char database[32];

static struct db *open_database(void)
{
	struct db *db = NULL;
	struct err e = { .msg = "" };
	struct db_options o = { .url = str_of(my.url), .database = str_of(database) };
	if (db_open(&db, &o, &e) != 0)
		fail_msg("%s", e.msg);
	return db;
}

static void exec(struct db *db, const char *sql)
{
	struct err e = { .msg = "" };
	if (db_exec(db, NULL, sql, DB_NO_ARGS, &e) != 0)
		fail_msg("%s: %s", sql, e.msg);
}

static void test_mysql_parse_has_no_effect(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		int code;
		size_t line;
	} rows[] = {
		{ "create table made (id bigint primary key)", 0, 7 },
		{ "insert into t values (1)", 0, 7 },
		{ "selct 1", ERR_INPUT, 7 },
		{ "create table made (\n id bigint,, a int)", ERR_INPUT, 8 },
		{ "insert into nothing values (1)", ERR_NOTFOUND, 7 },
	};
	struct db *db = open_database();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = { .code = ERR_NONE };
		struct db_place place;
		const struct db_statement s = { .text = str_of(rows[i].sql), .place = { 1, 7, 3 } };
		int rc = db_parse(&place, db, &s, &e);
		if ((rc == 0 ? 0 : (int)e.code) != rows[i].code || place.line != rows[i].line)
			fail_msg("%s: %d at %zu: %s", rows[i].sql, (int)e.code, place.line, e.msg);
	}
	int64_t n = -1;
	struct err e;
	assert_int_equal(db_count(&n, db, STR_NULL, STR("made"), &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(db_count(&n, db, STR_NULL, STR("t"), &e), 0);
	assert_int_equal(n, 0);
	db_close(db);
}

static void test_mysql_counts_rows(void **state)
{
	(void)state;
	struct db *db = open_database();
	struct err e = { .msg = "" };
	int64_t n = -1;
	const struct db_statement s = { .text = STR("delete from u where id > 0") };
	exec(db, "insert into u values (1), (2), (3), (4), (5)");
	exec(db, "analyze table u");
	assert_int_equal(db_count(&n, db, str_of(database), STR("u"), &e), 0);
	assert_in_range(n, 1, 10);
	if (db_explain(&n, db, &s, &e) != 0)
		fail_msg("%s", e.msg);
	assert_in_range(n, 1, 10);
	db_close(db);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(database, sizeof database, "inspected_%ld", (long)getpid());
	if (my_database(&my, database) != 0)
		return -1;
	struct db *db = open_database();
	exec(db, "create table t (id bigint primary key)");
	exec(db, "create table u (id bigint primary key)");
	db_close(db);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mysql_parse_has_no_effect),
		cmocka_unit_test(test_mysql_counts_rows),
	};
	if (my_start(&my) != 0)
		return 77;
	int failed = cmocka_run_group_tests(tests, setup, NULL);
	my_stop(&my);
	return failed;
}
