/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement that cannot run in a transaction has left behind: nothing, all of it, or a half,
 * each made for real on a server of its own.
 */

#include "support/driver.h"

enum { ARENA_MAX = 1 << 20 };

/* The state of what `sql` is about; the probe is the caller's. */
static struct db_probe probe(struct db *db, const char *sql, struct arena *arena)
{
	struct db_probe out;
	struct db_statement *s = NULL;
	struct db_place failed;
	size_t n = 0;
	must(db_script_split(&s, &n, &failed, &db_postgres, str_of(sql), arena, &e));
	assert_int_equal(n, 1);
	must(db_probe(&out, db, s, arena, &e));
	return out;
}

static void expect(struct db *db, const char *sql, const char *state, const char *mend)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	struct db_probe p = probe(db, sql, &arena);
	if (!(state == NULL ? p.state.p == NULL : str_eq_cstr(p.state, state)))
		fail_msg("%s: %.*s", sql, STR_ARG(p.state));
	if (!(mend == NULL ? p.mend.p == NULL : str_eq_cstr(p.mend, mend)))
		fail_msg("%s: mend: %.*s", sql, STR_ARG(p.mend));
	assert_int_equal(p.broken, mend != NULL);
}

/* Run one statement by itself. */
static int alone(struct db *db, const char *sql, struct err *e)
{
	struct db_script script = { .notice = NULL };
	struct db_statement s = { .text = str_of(sql), .place = { 1, 1, 1 } };
	return db_statement_run(db, &s, &script, e);
}

static void test_postgres_probe_index(void **state)
{
	struct fixture *f = *state;
	static const char make[] = "create unique index concurrently if not exists \"My i\" on"
				   " only app.\"T\" (a)";
	static const char broken[] = "drop index concurrently app.\"My i\"";
	run_sql(f->db, "create schema app");
	run_sql(f->db, "create table app.\"T\" (a int)");
	expect(f->db, make, "index app.\"My i\": absent", NULL);
	run_sql(f->db, "insert into app.\"T\" values (1), (1)");
	must_fail(ERR_EXISTS, alone(f->db, make, &e)); /* a unique violation while it builds */
	expect(f->db, make, "index app.\"My i\": invalid", broken);
	must(alone(f->db, broken, &e));
	expect(f->db, make, "index app.\"My i\": absent", NULL);
	run_sql(f->db, "truncate app.\"T\"");
	must(alone(f->db, make, &e));
	expect(f->db, make, "index app.\"My i\": valid", NULL);
	expect(f->db, broken, "index app.\"My i\": present as app.\"My i\"", NULL);
	must(alone(f->db, broken, &e));
	expect(f->db, broken, "index app.\"My i\": absent", NULL);
	run_sql(f->db, "create table app.u (a int)");
	run_sql(f->db, "create index \"My i\" on app.u (a)");
	expect(f->db, make, "index app.\"My i\": of another table", NULL);
}

static void test_postgres_probe_cannot_tell(void **state)
{
	struct fixture *f = *state;
	static const char *const untold[] = {
		"create index concurrently on pg_class (oid)",
		"create index concurrently i on no_such_table (a)",
		"create index concurrently i on a.b.c.d (a)",
		"create index concurrently U&\"i\" on t (a)",
		"reindex table concurrently no_such_table",
		"alter type no_such_type add value 'a'",
		"alter type t add value E'a'",
		"alter table no_such_table detach partition x concurrently",
		"vacuum",
		"select 1",
	};
	for (size_t i = 0; i < sizeof untold / sizeof untold[0]; i++)
		expect(f->db, untold[i], NULL, NULL);
}

/* A session that somebody else ends while it builds an index. */
struct build {
	struct db *db;
	const char *sql;
	struct err e;
	int rc;
};

static void *run_build(void *context)
{
	struct build *b = context;
	b->rc = alone(b->db, b->sql, &b->e);
	return NULL;
}

/* Start it beside a transaction that it must wait for, and end it by `how`. */
static enum err_code interrupt(const struct fixture *f, const char *sql, const char *table,
			       const char *how)
{
	AUTO(db) struct db *other = connect_to(f);
	AUTO(db) struct db *mine = connect_with(f, (struct db_options){ .lock_timeout_ms = 60000 });
	struct build b = { .db = mine, .sql = sql };
	char text[256];
	pthread_t thread;
	int64_t pid = ask(mine, "select pg_backend_pid()");
	must(db_begin(other, &e));
	(void)snprintf(text, sizeof text, "insert into %s values (1)", table);
	run_sql(other, text);
	assert_int_equal(pthread_create(&thread, NULL, run_build, &b), 0);
	(void)snprintf(text, sizeof text,
		       "select count(*) from pg_stat_activity where pid = %lld"
		       " and wait_event_type = 'Lock'",
		       (long long)pid);
	for (int i = 0; i < 500 && ask(f->db, text) == 0; i++)
		pg_pause(20);
	(void)snprintf(text, sizeof text, "select %s(%lld)::int", how, (long long)pid);
	assert_int_equal(ask(f->db, text), 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	db_rollback(other);
	assert_int_equal(b.rc, -1);
	return b.e.code;
}

static void test_postgres_probe_interrupted_index(void **state)
{
	struct fixture *f = *state;
	static const char make[] = "create index concurrently half_i on half (a)";
	static const char mend[] = "drop index concurrently public.half_i";
	run_sql(f->db, "create table half (a int)");
	assert_int_equal(interrupt(f, make, "half", "pg_cancel_backend"), ERR_UNAVAILABLE);
	expect(f->db, make, "index public.half_i: invalid", mend);
	must(alone(f->db, mend, &e));
	assert_int_equal(interrupt(f, make, "half", "pg_terminate_backend"), ERR_LOST);
	expect(f->db, make, "index public.half_i: invalid", mend);
	must(alone(f->db, mend, &e));
	must(alone(f->db, make, &e));
	static const char again[] = "reindex (verbose) index concurrently half_i";
	expect(f->db, again, "index public.half_i: nothing left over", NULL);
	assert_int_equal(interrupt(f, again, "half", "pg_terminate_backend"), ERR_LOST);
	expect(f->db, again, "index public.half_i: left over: public.half_i_ccnew",
	       "drop index concurrently public.half_i_ccnew");
	expect(f->db, "reindex table concurrently half",
	       "table public.half: left over: public.half_i_ccnew",
	       "drop index concurrently public.half_i_ccnew");
}

static void test_postgres_probe_detach(void **state)
{
	struct fixture *f = *state;
	static const char detach[] = "alter table parts detach partition part_1 concurrently";
	static const char mend[] = "alter table public.parts detach partition"
				   " public.part_1 finalize";
	run_sql(f->db, "create table parts (a int) partition by list (a)");
	run_sql(f->db, "create table part_1 partition of parts for values in (1)");
	expect(f->db, detach, "partition public.part_1 of public.parts: attached", NULL);
	assert_int_equal(interrupt(f, detach, "parts", "pg_terminate_backend"), ERR_LOST);
	expect(f->db, detach,
	       "partition public.part_1 of public.parts: its detaching is not finished", mend);
	must(alone(f->db, mend, &e));
	expect(f->db, detach, "partition public.part_1 of public.parts: not attached", NULL);
}

static void test_postgres_probe_others(void **state)
{
	struct fixture *f = *state;
	static const char value[] =
	    "alter type colour add value if not exists 'it''s' before 'red'";
	run_sql(f->db, "create type colour as enum ('red')");
	expect(f->db, value, "type public.colour, value 'it''s': absent", NULL);
	must(alone(f->db, value, &e));
	expect(f->db, value, "type public.colour, value 'it''s': present", NULL);
	expect(f->db, "create database Probed", "database probed: absent", NULL);
	must(alone(f->db, "create database Probed", &e));
	expect(f->db, "create database Probed", "database probed: present", NULL);
	expect(f->db, "alter database probed set tablespace x",
	       "database probed: in tablespace pg_default", NULL);
	must(alone(f->db, "drop database if exists probed", &e));
	expect(f->db, "drop database if exists probed", "database probed: absent", NULL);
	expect(f->db, "drop tablespace pg_default", "tablespace pg_default: present", NULL);
	expect(f->db, "drop subscription s", "subscription s: absent", NULL);
	expect(f->db, "commit prepared 'x'", "prepared transaction 'x': absent", NULL);
}

static void test_postgres_probe_on_a_broken_session(void **state)
{
	struct fixture *f = *state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, ARENA_MAX);
	struct db_probe out;
	struct db_statement s = { .text = STR("drop database x"), .kind = "DROP DATABASE" };
	must_fail(ERR_LOST, alone(f->db, "select pg_terminate_backend(pg_backend_pid())", &e));
	must_fail(ERR_LOST, db_probe(&out, f->db, &s, &arena, &e));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_postgres_probe_index, setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_probe_cannot_tell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_probe_interrupted_index, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_postgres_probe_detach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_probe_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_postgres_probe_on_a_broken_session, setup,
						teardown),
	};
	static struct fixture postgres = { .db = NULL };
	return run_postgres(&postgres, tests, sizeof tests / sizeof tests[0]);
}
