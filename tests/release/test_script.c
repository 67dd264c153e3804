/* SPDX-License-Identifier: Apache-2.0 */
/* What is found out about a script from its text alone. */

#include "release/script.h"
#include "tests/support/check.h"

static const struct row {
	const char *text;
	size_t from;
	size_t made;
	size_t used;
} rows[] = {
	{ "create temp table t (a int); select 1; select * from t", 2, 1, 3 },
	{ "create temp table t (a int); select 1; select * from t", 1, 0, 0 },
	{ "create temp table t (a int); select * from t; select 1", 3, 0, 0 },
	{ "create table t (a int); select 1; select * from t", 2, 0, 0 },
	{ "CREATE\n GLOBAL\tTEMPORARY TABLE IF NOT EXISTS t(a int); delete from T", 2, 1, 2 },
	{ "create or replace temp view \"My v\" as select 1; select * from \"My v\"", 2, 1, 2 },
	{ "create unlogged table pg_temp.\"t\" (a int); delete from t", 2, 1, 2 },
	{ "create table if not exists PG_TEMP.t (a int); delete from t", 2, 1, 2 },
	{ "create temp table t on commit drop as select 1; delete from t", 2, 0, 0 },
	{ "create temp", 2, 0, 0 },
	{ "create temp table", 2, 0, 0 },
	{ "create temp table \"\"; delete from t", 2, 0, 0 },
	{ "", 1, 0, 0 },
};

static void test_script_lost_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		struct script script = { .n = 0 };
		struct db_place failed;
		struct err e;
		size_t used = 0;
		arena_init(&arena, 1 << 20);
		check_ok(db_script_split(&script.statements, &script.n, &failed, &db_postgres,
					 str_of(rows[i].text), &arena, &e),
			 &e);
		if (script_lost_at(&used, &script, rows[i].from) != rows[i].made ||
		    used != rows[i].used)
			fail_msg("%s: used at %zu", rows[i].text, used);
	}
}

/* So many of them are taken to be used, rather than looked for in a large script. */
static void test_script_lost_at_of_many(void **state)
{
	AUTO(arena) struct arena arena;
	struct db_statement many[70];
	struct script script = { .statements = many, .n = 70 };
	size_t used = 0;
	(void)state;
	arena_init(&arena, 1 << 16);
	for (size_t i = 0; i < 70; i++) {
		const char *text = arena_printf(&arena, "create temp table t%zux (a int)", i);
		many[i] = (struct db_statement){ .text = str_of(text) };
	}
	assert_int_equal(script_lost_at(&used, &script, 60), 0);
	assert_int_equal(script_lost_at(&used, &script, 70), 65);
	assert_int_equal(used, 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script_lost_at),
		cmocka_unit_test(test_script_lost_at_of_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
