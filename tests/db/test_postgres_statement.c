/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL scripts that run statement by statement: how they are split and what each statement is
 * known to be, running them with and without a transaction, and what is left after them.
 */

#include "base/buf.h"
#include "support/driver.h"

enum {
	ARENA_MAX = 1 << 20,
	STACK_KIB = 256, /* half of the smallest that a session gets */
};

static size_t split(struct db_statement **out, const char *text, struct arena *arena)
{
	struct db_place failed;
	size_t n = 0;
	must(db_script_split(out, &n, &failed, &db_postgres, str_of(text), arena, &e));
	return n;
}

static void test_postgres_statement_split(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	struct db_statement *s = NULL;
	static const char text[] = "\xef\xbb\xbf-- head\nselect 1 ;\n\n/* x */ "
				   "create index concurrently i\n  on t (a);\r\n  vacuum t";
	assert_int_equal(split(&s, text, &arena), 3);
	assert_true(str_eq_cstr(s[0].text, "select 1"));
	assert_true(str_eq_cstr(s[1].text, "create index concurrently i\n  on t (a)"));
	assert_true(str_eq_cstr(s[2].text, "vacuum t"));
	static const struct db_place places[] = { { 1, 2, 1 }, { 2, 4, 9 }, { 3, 6, 3 } };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(s[i].place.statement, places[i].statement);
		assert_int_equal(s[i].place.line, places[i].line);
		assert_int_equal(s[i].place.column, places[i].column);
	}
	assert_int_equal(split(&s, "", &arena), 0);
	assert_int_equal(split(&s, " -- nothing", &arena), 0);
}

static const struct {
	const char *text;
	const char *kind;
	unsigned flags;
} kinds[] = {
	{ "select 1", NULL, 0 },
	{ "create table t (a int)", NULL, 0 },
	{ "create unique index Concurrently i on t (a)", "CREATE INDEX CONCURRENTLY", DB_OUTSIDE },
	{ "create index /* x */ concurrently on t (a)", "CREATE INDEX CONCURRENTLY", DB_OUTSIDE },
	{ "create index i on t (a)", NULL, 0 },
	{ "create index \"concurrently\" on t (a)", NULL, 0 },
	{ "drop index concurrently i", "DROP INDEX CONCURRENTLY", DB_OUTSIDE },
	{ "drop index i", NULL, 0 },
	{ "reindex index concurrently i", "REINDEX CONCURRENTLY", DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex (verbose, concurrently) table t", "REINDEX CONCURRENTLY",
	  DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex table t", "REINDEX", DB_REPEATABLE },
	{ "reindex schema s", "REINDEX SCHEMA", DB_OUTSIDE | DB_REPEATABLE },
	{ "alter table if exists only a.p detach partition q concurrently",
	  "DETACH PARTITION CONCURRENTLY", DB_OUTSIDE },
	{ "alter table p detach partition q", NULL, 0 },
	{ "reindex (concurrently false, verbose) table t", "REINDEX", DB_REPEATABLE },
	{ "reindex (verbose) system d", "REINDEX SYSTEM", DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex table concurrently t with (new)", "REINDEX CONCURRENTLY",
	  DB_OUTSIDE | DB_REPEATABLE },
	{ "reindex table database", "REINDEX", DB_REPEATABLE },
	{ "alter table p detach partition q finalize", NULL, 0 },
	{ "alter table t add column detach int, alter partition type text using concurrently(a)",
	  NULL, 0 },
	{ "cluster", "CLUSTER", DB_OUTSIDE | DB_REPEATABLE },
	{ "cluster verbose", "CLUSTER", DB_OUTSIDE | DB_REPEATABLE },
	{ "cluster t using i", "CLUSTER", DB_REPEATABLE },
	{ "create subscription s connection 'x' publication p", "CREATE SUBSCRIPTION", DB_OUTSIDE },
	{ "create subscription s connection 'x' publication p with (create_slot = false)", NULL,
	  0 },
	{ "create subscription s connection 'x' publication p with (connect = 'off')", NULL, 0 },
	{ "alter subscription s refresh publication", "ALTER SUBSCRIPTION", DB_OUTSIDE },
	{ "alter subscription s set publication p with (refresh = false)", NULL, 0 },
	{ "alter subscription s set publication p", "ALTER SUBSCRIPTION", DB_OUTSIDE },
	{ "alter subscription s disable", NULL, 0 },
	{ "drop subscription s", "DROP SUBSCRIPTION", DB_OUTSIDE },
	{ "alter type t add value 'x' before 'y'", "ALTER TYPE ADD VALUE", 0 },
	{ "alter type t rename value 'add' to 'value'", NULL, 0 },
	{ "vacuum (analyze) t", "VACUUM", DB_OUTSIDE | DB_REPEATABLE },
	{ "alter database d set tablespace s", "ALTER DATABASE SET TABLESPACE", DB_OUTSIDE },
	{ "alter database d set search_path = a", NULL, 0 },
	{ "alter system set a = 1", "ALTER SYSTEM", DB_OUTSIDE | DB_REPEATABLE },
	{ "commit prepared 'x'", "COMMIT PREPARED", DB_OUTSIDE },
	{ "commit", "COMMIT", DB_CONTROL },
	{ "begin isolation level serializable", "BEGIN", DB_CONTROL },
	{ "rollback work to a", NULL, 0 },
	{ "rollback and chain", "ROLLBACK", DB_CONTROL },
	{ "savepoint a", NULL, 0 },
	{ "prepare transaction 'x'", "PREPARE TRANSACTION", DB_CONTROL },
	{ "prepare p as select 1", "PREPARE", DB_SESSION },
	{ "set role r", "SET", DB_SESSION },
	{ "select set_config('role', 'a''b', /* */ False)", "SET", DB_SESSION },
	{ "SELECT pg_catalog.set_config('search_path', '', false)", "SET", DB_SESSION },
	{ "select set_config('role', 'a', true)", NULL, 0 },
	{ "select set_config('role', f(), false)", NULL, 0 },
	{ "select set_config('role', 'a', false), f()", NULL, 0 },
	{ "set local role r", NULL, 0 },
	{ "set transaction read only", NULL, 0 },
	{ "reset all", "RESET", DB_SESSION },
	{ "checkpoint", "CHECKPOINT", DB_REPEATABLE },
};

static void test_postgres_statement_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, ARENA_MAX);
		struct db_statement *s = NULL;
		assert_int_equal(split(&s, kinds[i].text, &arena), 1);
		if (s->flags != kinds[i].flags)
			fail_msg("%s: flags %x", kinds[i].text, s->flags);
		if ((s->kind == NULL) != (kinds[i].kind == NULL) ||
		    (s->kind != NULL && strcmp(s->kind, kinds[i].kind) != 0))
			fail_msg("%s: %s", kinds[i].text, s->kind != NULL ? s->kind : "-");
	}
}

/* A value can be used when its transaction has ended, not before. */
static void test_postgres_statement_enum_values(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned flags;
	} values[] = {
		{ "alter type t add value 'blue'; alter type t add value if not exists 'red'", 0 },
		{ "alter type t add value 'blue'; insert into a values ('red')", 0 },
		{ "alter type t add value 'blue'; insert into a values ('blue')", DB_OUTSIDE },
		{ "alter type t add value 'it''s'; insert into a values ('it''s')", DB_OUTSIDE },
		{ "alter type t add value ''; select 1", DB_OUTSIDE },
	};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, ARENA_MAX);
		struct db_statement *s = NULL;
		assert_int_equal(split(&s, values[i].text, &arena), 2);
		if (s->flags != values[i].flags)
			fail_msg("%s: flags %x", values[i].text, s->flags);
	}
}

/* What takes most of the stack: each is repeated as often as the text may be long. */
static const struct {
	const char *head, *repeated, *tail;
} deep[] = {
	{ "alter table t add column detach int default (", "not ", "a)" },
	{ "alter table t add column detach int default (", "- ", "a)" },
	{ "alter table t add column detach int default (", "1+", "a)" },
	{ "alter table t add column detach int default (", "f(", "a" },
	{ "alter table t add column detach int default (", "(select ", "1" },
	{ "alter table t add column detach int default (", "case when ", "1" },
	{ "alter table t add column detach int default (", "array[", "1" },
	{ "select ", "1+", "1" },
	{ "select ", "(", "1" },
};

static void split_deep(size_t i, size_t times)
{
	AUTO(buf) struct buf b;
	AUTO(arena) struct arena arena;
	buf_init(&b, (size_t)8 << 20);
	arena_init(&arena, ARENA_MAX);
	buf_adds(&b, deep[i].head);
	for (size_t k = 0; k < times; k++)
		buf_adds(&b, deep[i].repeated);
	buf_adds(&b, deep[i].tail);
	for (size_t k = 0; k < times; k++) {
		if (strchr(deep[i].repeated, '(') != NULL)
			buf_addc(&b, ')');
		else if (strchr(deep[i].repeated, '[') != NULL)
			buf_addc(&b, ']');
		else if (strchr(deep[i].repeated, 'c') != NULL)
			buf_adds(&b, " then 1 end");
	}
	buf_adds(&b, i < 7 ? ", alter partition type t using concurrently" : "");
	struct db_statement *s = NULL;
	assert_int_equal(split(&s, b.p, &arena), 1);
}

static void *split_all_deep(void *unused)
{
	static const size_t times[] = { 5, 10, 20, 30, 40, 50, 60, 100, 1000, 100000 };
	for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++) {
		for (size_t k = 0; k < sizeof times / sizeof times[0]; k++)
			split_deep(i, times[k]);
	}
	return unused;
}

/* Sessions run on small stacks. */
static void test_postgres_statement_needs_little_stack(void **state)
{
	(void)state;
	pthread_attr_t attr;
	pthread_t thread;
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)STACK_KIB << 10), 0);
	assert_int_equal(pthread_create(&thread, &attr, split_all_deep, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)pthread_attr_destroy(&attr);
}

static void test_postgres_statement_split_refuses(void **state)
{
	(void)state;
	const struct {
		struct str text;
		size_t statement, line, column;
	} refused[] = {
		{ STR("select 1;\n copy t from stdin"), 2, 2, 2 },
		{ STR("select 1;\n\\i x"), 2, 2, 1 },
		{ STR("select 1;\ndiscard all;"), 2, 2, 1 },
		{ STR("select '\0';"), 0, 1, 9 },
	};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, ARENA_MAX);
		struct db_statement *s = NULL;
		struct db_place failed;
		size_t n = 0;
		must_fail(ERR_REFUSED, db_script_split(&s, &n, &failed, &db_postgres,
						       refused[i].text, &arena, &e));
		assert_null(s);
		assert_int_equal(failed.statement, refused[i].statement);
		assert_int_equal(failed.line, refused[i].line);
		assert_int_equal(failed.column, refused[i].column);
	}
}

/* Run all statements of a script, each by itself or in the transaction that is open. */
static int run_each(struct db *db, const char *text, struct db_script *script, struct err *e)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	struct db_statement *s = NULL;
	size_t n = split(&s, text, &arena);
	for (size_t i = 0; i < n; i++) {
		if (db_statement_run(db, &s[i], script, e) != 0)
			return -1;
	}
	return 0;
}

static void test_postgres_statement_runs_by_itself(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	static const char text[] =
	    "create table alone (a int);\ninsert into alone values (1), (2);\n"
	    "create index concurrently alone_a on alone (a);\nvacuum alone;\n"
	    "\n  insert into alone\n  select 1 / 0";
	must_fail(ERR_DB, run_each(f->db, text, &s, &e));
	assert_int_equal(s.statements, 4);
	assert_int_equal(s.changed, 2);
	assert_int_equal(s.failed.statement, 5);
	assert_int_equal(s.failed.line, 6);
	assert_int_equal(s.failed.column, 3);
	assert_int_equal(ask(f->db, "select count(*) from alone"), 2);
	must_fail(ERR_DB, run_each(f->db, "select 1;\nselect 'a' as b,\n  nothing_here", &s, &e));
	assert_int_equal(s.failed.statement, 2);
	assert_int_equal(s.failed.line, 3);
	assert_int_equal(s.failed.column, 3);
}

static void count_notice(void *context, struct str text)
{
	int *n = context;
	assert_true(str_starts(text, STR("NOTICE: hello")));
	++*n;
}

static void test_postgres_statement_runs_in_a_transaction(void **state)
{
	struct fixture *f = *state;
	int notices = 0;
	struct db_script s = { .notice = count_notice, .context = &notices };
	run_sql(f->db, "create table within (a int)");
	must(db_begin(f->db, &e));
	must(run_each(f->db,
		      "set search_path = pg_catalog; insert into public.within values (1);"
		      "do $$ begin raise notice 'hello'; end $$",
		      &s, &e));
	assert_int_equal(notices, 1);
	assert_int_equal(s.changed, 1);
	db_rollback(f->db);
	assert_int_equal(ask(f->db, "select count(*) from within"), 0);
	/* What it set stays for the next one. */
	must(db_begin(f->db, &e));
	must(run_each(f->db, "set search_path = pg_catalog", &s, &e));
	must(db_commit(f->db, &e));
	must_fail(ERR_DB, run_each(f->db, "insert into within values (1)", &s, &e));
	must(db_session_reset(f->db, &e));
	must(run_each(f->db, "insert into within values (1)", &s, &e));
	/* A transaction of ours that a statement ends is noticed. */
	must(db_begin(f->db, &e));
	must_fail(ERR_REFUSED, run_each(f->db, "rollback", &s, &e));
	db_rollback(f->db);
	must(db_begin(f->db, &e));
	must_fail(ERR_REFUSED, run_each(f->db, "rollback and chain", &s, &e));
	db_rollback(f->db);
}

static void test_postgres_statement_reset(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	must(db_lock(f->db, 0, &e));
	must(run_each(f->db,
		      "set search_path = pg_catalog; create temp table left_over (a int);"
		      "prepare p as select 1; listen x",
		      &s, &e));
	must(db_session_reset(f->db, &e));
	assert_int_equal(ask(f->db, "select (current_schema() = 'public')::int"), 1);
	assert_int_equal(ask(f->db, "select (to_regclass('left_over') is null)::int"), 1);
	assert_int_equal(ask(f->db, "select count(*) from pg_prepared_statements"), 0);
	assert_int_equal(ask(f->db, "select count(*) from pg_listening_channels()"), 0);
	must(run_each(f->db, "begin; create table half (a int)", &s, &e));
	must_fail(ERR_REFUSED, db_begin(f->db, &e));
	must_fail(ERR_REFUSED, db_session_reset(f->db, &e));
	assert_int_equal(ask(f->db, "select (to_regclass('half') is null)::int"), 1);
	must(db_session_reset(f->db, &e));
	must(run_each(f->db, "select pg_advisory_unlock_all()", &s, &e));
	must_fail(ERR_REFUSED, db_session_reset(f->db, &e));
}

static void test_postgres_statement_is_cancelled_or_lost(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	struct slow slow = { .db = f->db, .after_ms = 200 };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &slow), 0);
	must_fail(ERR_UNAVAILABLE, run_each(f->db, "select 1; select pg_sleep(30)", &s, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.failed.statement, 2);
	must_fail(ERR_LOST,
		  run_each(f->db, "select pg_terminate_backend(pg_backend_pid())", &s, &e));
	must_fail(ERR_LOST, db_session_reset(f->db, &e));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_statement_split),
		cmocka_unit_test(test_postgres_statement_kinds),
		cmocka_unit_test(test_postgres_statement_enum_values),
		cmocka_unit_test(test_postgres_statement_needs_little_stack),
		cmocka_unit_test(test_postgres_statement_split_refuses),
		cmocka_unit_test_setup_teardown(test_postgres_statement_runs_by_itself, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_postgres_statement_runs_in_a_transaction,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_statement_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_statement_is_cancelled_or_lost, setup,
						teardown),
	};
	static struct fixture postgres = { .db = NULL };
	return run_postgres(&postgres, tests, sizeof tests / sizeof tests[0]);
}
