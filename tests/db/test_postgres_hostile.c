/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL sessions against those who mean harm: scripts that break out of their transaction or
 * change what the next one sees, a ledger that others made, texts that are slow to read, a server
 * that answers what it must not. On a server of its own.
 */

#include "base/buf.h"
#include "db/postgres.h"
#include "support/driver.h"

#include <arpa/inet.h>
#include <poll.h>

/* Nobody screened these: the run itself must notice. `stays` counts what a COMMIT has kept. */
static const struct {
	const char *text;
	int64_t stays;
} broken_out[] = {
	{ "insert into marks values (1); rollback and chain; insert into marks values (2)", 0 },
	{ "insert into marks values (1); rollback and chain", 0 },
	{ "insert into marks values (1); rollback; begin; insert into marks values (2)", 0 },
	{ "insert into marks values (1); commit and chain; insert into marks values (2)", 1 },
	{ "insert into marks values (1); commit; begin", 1 },
	{ "insert into marks values (1); commit", 1 },
	{ "insert into marks values (1); rollback", 0 },
	{ "insert into marks values (1); savepoint a; rollback and chain; savepoint a", 0 },
};

/* The file as the runner has it: script, ledger row, commit; what fails says why. */
static int apply(struct db *db, const char *text, struct err *e)
{
	struct db_script s = { .notice = NULL };
	int rc = db_begin(db, e);
	if (rc == 0)
		rc = db_script_run(db, str_of(text), &s, e);
	if (rc == 0)
		rc = db_exec(db, NULL, "insert into rows values ('x')", DB_NO_ARGS, e);
	if (rc == 0)
		return db_commit(db, e);
	db_rollback(db);
	return -1;
}

static void test_hostile_transaction_is_proved(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table marks (n int)");
	run_sql(f->db, "create table rows (t text)");
	for (size_t i = 0; i < sizeof broken_out / sizeof broken_out[0]; i++) {
		struct err e = { .code = ERR_NONE };
		int rc = apply(f->db, broken_out[i].text, &e);
		if (rc == 0 || e.code != ERR_REFUSED ||
		    strstr(e.msg, "ended the transaction") == NULL)
			fail_msg("%s: %d %s", broken_out[i].text, rc, e.msg);
		assert_int_equal(ask(f->db, "select count(*) from rows"), 0);
		assert_int_equal(ask(f->db, "select count(*) from marks"), broken_out[i].stays);
		run_sql(f->db, "delete from marks");
	}
	/* The same when nothing follows the script but the commit, or another script. */
	struct db_script s = { .notice = NULL };
	must_fail(ERR_REFUSED, run_script(f->db, str_of(broken_out[0].text), &s, &e));
	must(db_begin(f->db, &e));
	must_fail(ERR_REFUSED, db_script_run(f->db, str_of(broken_out[0].text), &s, &e));
	db_rollback(f->db);
	assert_int_equal(ask(f->db, "select count(*) from marks"), 0);
	must(apply(f->db, "savepoint a; insert into marks values (1); release a", &e));
	assert_int_equal(ask(f->db, "select count(*) from rows"), 1);
}

static const char hidden[] = "create table hidden (n int); select '\\''; rollback and chain; "
			     "select ' --';\n;";

static void test_hostile_strings_are_read_as_the_screen_does(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	run_sql(f->db, "create table if not exists rows (t text)");
	run_sql(f->db, "alter database target set standard_conforming_strings = off");
	AUTO(db) struct db *db = connect_to(f);
	run_sql(f->db, "alter database target reset standard_conforming_strings");
	must(db_script_screen(&db_postgres, str_of(hidden), &s, &e));
	must(apply(db, hidden, &e));
	assert_int_equal(ask(db, "select count(*) from hidden"), 0);
	/* Nor does a file decide how the next one is read, by words that no search would find. */
	static const char off[] =
	    "do $$ begin execute 'se' || 't standard_conforming_strings = off'; end $$;";
	run_sql(db, "drop table hidden");
	must(db_begin(db, &e));
	must(db_script_run(db, str_of(off), &s, &e));
	must(db_script_run(db, str_of(hidden), &s, &e));
	must(db_commit(db, &e));
	must(apply(db, off, &e));
	assert_int_equal(
	    ask(db, "select (current_setting('standard_conforming_strings') = 'on')::int"), 1);
	assert_int_equal(ask(db, "select count(*) from hidden"), 0);
}

/* What follows a script in the same text cannot become part of it. */
static const char *const unfinished[] = {
	"select '",
	"select \"",
	"select $$",
	"select $a$ '",
	"select 1 /*",
	"select e'\\'",
	"create table unfinished (",
	"select 1 as",
	"create function unfinished() returns void begin atomic select 1",
	"create function unfinished() returns void begin atomic select 1;",
	"create rule unfinished as on insert to marks do also (select 1",
	"create rule unfinished as on insert to marks do also (select 1;",
	"prepare unfinished as",
	"explain",
	"do",
};

static void test_hostile_scripts_do_not_end(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table if not exists rows (t text)");
	run_sql(f->db, "create table if not exists marks (n int)");
	must(db_lock(f->db, 0, &e));
	for (size_t i = 0; i < sizeof unfinished / sizeof unfinished[0]; i++) {
		struct err e = { .code = ERR_NONE };
		if (apply(f->db, unfinished[i], &e) == 0 || e.code != ERR_DB)
			fail_msg("%s: %s", unfinished[i], e.msg);
		if (strstr(e.msg, "session authorization") != NULL)
			fail_msg("%s: %s", unfinished[i], e.msg);
		assert_string_equal(e.native, "42601");
	}
	static const char *const finished[] = { "select 1 --", "select 1 /* ; */", "select 1;",
						"-- only", "select 'x', 2" };
	for (size_t i = 0; i < sizeof finished / sizeof finished[0]; i++)
		must(apply(f->db, finished[i], &e));
}

static void test_hostile_lock_is_held(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table if not exists rows (t text)");
	must(apply(f->db, "select pg_advisory_unlock_all()", &e)); /* nobody locked */
	must(db_lock(f->db, 0, &e));
	must(apply(f->db, "create table lock_a (n int)", &e));
	struct err e = { .code = ERR_NONE };
	assert_int_equal(
	    apply(f->db, "create table lock_b (n int); select pg_advisory_unlock_all()", &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "released the lock"));
	assert_int_equal(ask(f->db, "select (to_regclass('lock_b') is null)::int"), 1);
}

/* A database of its own for each ledger; *db is the superuser's session. */
static struct db *ledger_database(const struct fixture *f, const char *name)
{
	struct fixture other = *f;
	assert_int_equal(pg_database(&f->pg, name), 0);
	other.database = name;
	return connect_to(&other);
}

static void refused_ledger(struct db *db, const char *sql, const char *why)
{
	struct err e = { .code = ERR_NONE };
	struct db_script s = { .notice = NULL };
	if (run_script(db, str_of(sql), &s, &e) != 0)
		fail_msg("%s: %s", sql, e.msg);
	assert_int_equal(db_ledger_make(db, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	if (strstr(e.msg, why) == NULL || strstr(e.msg, "tidegate.revision") == NULL)
		fail_msg("%s: %s", sql, e.msg);
}

static void test_hostile_ledger_was_there_before(void **state)
{
	const struct fixture *f = *state;
	AUTO(db) struct db *db = ledger_database(f, "squat");
	refused_ledger(db, "create schema tidegate authorization mallory", "role 'mallory'");
	refused_ledger(db,
		       "create table tidegate.revision (version text primary key);"
		       "alter table tidegate.revision owner to mallory;"
		       "alter schema tidegate owner to postgres",
		       "it belongs to role 'mallory'");
	run_sql(db, "drop schema tidegate cascade");
	refused_ledger(db, "create schema tidegate; create view tidegate.revision as select 1",
		       "no ordinary table");
	run_sql(db, "drop schema tidegate cascade");
	must(db_ledger_make(db, &e));
	must(db_ledger_make(db, &e));
	refused_ledger(db, "alter table tidegate.revision enable row level security", "security");
	run_sql(db, "alter table tidegate.revision disable row level security");
	refused_ledger(db, "create rule r as on delete to tidegate.revision do nothing", "rule");
	run_sql(db, "drop rule r on tidegate.revision");
	refused_ledger(db,
		       "create function f() returns trigger language plpgsql as"
		       " 'begin return new; end'; create trigger t before insert on"
		       " tidegate.revision for each row execute function f()",
		       "trigger");
	run_sql(db, "drop trigger t on tidegate.revision");
	refused_ledger(db, "grant delete on tidegate.revision to public", "may write");
	run_sql(db, "revoke delete on tidegate.revision from public");
	refused_ledger(db, "grant update (state) on tidegate.revision to mallory", "may write");
	run_sql(db, "revoke update (state) on tidegate.revision from mallory");
	run_sql(db, "grant select on tidegate.revision to mallory");
	must(db_ledger_make(db, &e));
}

static void test_hostile_ledger_of_a_lesser_user(void **state)
{
	struct fixture f = *(struct fixture *)*state;
	AUTO(db) struct db *admin = ledger_database(&f, "lesser");
	run_sql(admin, "grant create on database lesser to migrator");
	run_sql(admin, "alter default privileges for role migrator"
		       " grant all on tables to mallory, public, \"odd \"\"role\"");
	f.database = "lesser";
	(void)snprintf(f.url, sizeof f.url, "postgresql://migrator@127.0.0.1:%d", f.pg.port);
	AUTO(db) struct db *db = connect_to(&f);
	must(db_lock(db, 0, &e));
	must(db_ledger_make(db, &e)); /* without what default privileges gave away */
	must(db_ledger_make(db, &e));
	assert_int_equal(ask(admin, "select has_table_privilege('mallory', 'tidegate.revision',"
				    " 'insert, update, delete, truncate, trigger')::int"),
			 0);
	/* A superuser does not trust what a lesser user can change; its groups are trusted. */
	must_fail(ERR_REFUSED, db_ledger_make(admin, &e));
	run_sql(admin, "alter table tidegate.revision owner to deployers");
	must_fail(ERR_REFUSED, db_ledger_make(db, &e));
	run_sql(admin, "grant deployers to migrator");
	must(db_ledger_make(db, &e));
	run_sql(admin, "alter schema tidegate owner to postgres");
	run_sql(admin, "alter table tidegate.revision owner to postgres");
	must(db_ledger_make(db, &e));
}

/* Operators and functions of somebody else come first in the search path. */
static void test_hostile_operators_are_not_ours(void **state)
{
	struct fixture f = *(struct fixture *)*state;
	AUTO(db) struct db *admin = ledger_database(&f, "shadow");
	static const char *const types[] = { "text", "name", "oid", "int4", "int2", "int8" };
	char sql[512];
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		(void)snprintf(sql, sizeof sql,
			       "create function public.evil(%s, %s) returns bool language plpgsql"
			       " as 'begin raise exception ''evil''; end'",
			       types[i], types[i]);
		run_sql(admin, sql);
		(void)snprintf(sql, sizeof sql,
			       "create operator public.= (leftarg = %s, rightarg = %s, function ="
			       " public.evil)",
			       types[i], types[i]);
		run_sql(admin, sql);
	}
	run_sql(admin, "create function public.pg_try_advisory_lock(bigint) returns bool"
		       " language sql as 'select false'");
	run_sql(admin, "alter database shadow set search_path = public, pg_catalog");
	f.database = "shadow";
	AUTO(db) struct db *db = connect_to(&f);
	AUTO(db) struct db *other = connect_to(&f);
	struct db_script s = { .notice = NULL };
	must(db_lock(db, 0, &e));
	must_fail(ERR_UNAVAILABLE, db_lock(other, 0, &e));
	must(db_ledger_make(db, &e));
	must(db_ledger_make(db, &e));
	must(run_script(db, STR("create table t (i int)"), &s, &e));
}

static void repeat(struct buf *b, const char *text, int n)
{
	for (int i = 0; i < n; i++)
		buf_adds(b, text);
}

static void test_hostile_texts_are_read_quickly(void **state)
{
	(void)state;
	static const struct {
		const char *before, *text;
		int n;
		const char *after;
		int ok;
	} rows[] = {
		{ "", "/*", 75000, "", 0 },
		{ "select 1;", "/**/", 40000, "", 0 },
		{ "select 1", "+", 150000, "1", 0 },
		{ "select 1 +", "/**/+", 30000, "1", 0 },
		{ "", "/* ", 64, "", 0 },
		{ "/*", "/* */", 9000, "*/ select 1", 1 },
		{ "/*", "*", 200, "/select 1", 1 },
		{ "--", "-", 9000, "\nselect 1", 1 },
		{ "select '", "/*", 9000, "'", 1 },
		{ "select $$", "+", 9000, "$$", 1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(buf) struct buf b;
		struct db_script s = { .notice = NULL };
		struct err e = { .code = ERR_NONE };
		buf_init(&b, 1 << 20);
		buf_adds(&b, rows[i].before);
		repeat(&b, rows[i].text, rows[i].n);
		buf_adds(&b, rows[i].after);
		int64_t since = clock_mono_ms();
		int rc = db_script_screen(&db_postgres, buf_str(&b), &s, &e);
		if (rc != (rows[i].ok ? 0 : -1) || (rc != 0 && e.code != ERR_REFUSED) ||
		    clock_mono_ms() - since > 2000)
			fail_msg("%zu: %d %s, %lld ms", i, rc, e.msg,
				 (long long)(clock_mono_ms() - since));
	}
}

static void test_hostile_rows_stay_out_of_messages(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {
		"insert into cards values (1, '4111-hunter2-long')",
		"insert into cards values (1, 'hun2'); insert into cards values (2, 'hun2')",
		"insert into cards values (null, 'hun2')",
		"insert into owners values (1, 'hun2')",
	};
	static const char *const names[] = { "cards_card_check", "cards_card_key", "id",
					     "owners_card_fkey" };
	run_sql(f->db, "create table cards (id int not null, card text unique"
		       " check (length(card) < 5))");
	run_sql(f->db, "create table owners (id int, card text references cards (card))");
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct db_script s = { .notice = NULL };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(run_script(f->db, str_of(texts[i]), &s, &e), -1);
		if (strstr(e.msg, "hun") != NULL || strstr(e.msg, names[i]) == NULL ||
		    strstr(e.msg, i == 3 ? "owners" : "cards") == NULL)
			fail_msg("%s: %s", texts[i], e.msg);
	}
}

/* A server that lets everybody in, and answers each query with one message. */
struct liar {
	int listener;
	int port;
	const char *answer;
	size_t answer_n;
	pthread_t thread;
};

static void *lie(void *context)
{
	const struct liar *l = context;
	static const char welcome[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
	char data[4096];
	int fd = accept(l->listener, NULL, NULL);
	int ok = recv(fd, data, sizeof data, 0) > 0 &&
		 send(fd, welcome, sizeof welcome - 1, MSG_NOSIGNAL) > 0;
	while (ok && recv(fd, data, sizeof data, 0) > 0)
		ok = send(fd, l->answer, l->answer_n, MSG_NOSIGNAL) > 0;
	(void)close(fd);
	return NULL;
}

static void liar_start(struct liar *l, const char *answer, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*l = (struct liar){ .answer = answer, .answer_n = n };
	l->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(l->listener, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(l->listener, 1), 0);
	assert_int_equal(getsockname(l->listener, (struct sockaddr *)&a, &size), 0);
	l->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&l->thread, NULL, lie, l), 0);
}

static void test_hostile_server_begins_a_copy(void **state)
{
	(void)state;
	static const char both[] = "W\0\0\0\x07\0\0\0", in[] = "G\0\0\0\x07\0\0\0";
	for (int i = 0; i < 4; i++) {
		struct liar l;
		char url[128];
		struct db *db = NULL;
		struct db_script s = { .notice = NULL };
		liar_start(&l, i == 3 ? in : both, sizeof both - 1);
		(void)snprintf(url, sizeof url,
			       "postgresql://u@127.0.0.1:%d/?sslmode=disable&gssencmode=disable",
			       l.port);
		struct db_options o = { .url = str_of(url), .database = STR("d") };
		must(db_open(&db, &o, &e));
		if (i == 0)
			must_fail(ERR_LOST, db_exec(db, NULL, "select 1", DB_NO_ARGS, &e));
		else if (i == 1)
			must_fail(ERR_LOST, run_script(db, STR("select 1"), &s, &e));
		else
			must_fail(ERR_LOST, postgres_simple((struct postgres *)db, "x", &e));
		db_close(db);
		assert_int_equal(pthread_join(l.thread, NULL), 0);
		(void)close(l.listener);
	}
}

static int start(void **state)
{
	static struct fixture f;
	static char name[] = "target";
	*state = &f;
	f = *chosen(NULL);
	f.driver = &db_postgres;
	f.database = name;
	(void)snprintf(f.url, sizeof f.url, "%s", f.pg.url);
	AUTO(db) struct db *db = pg_open(&f.pg, "postgres", NULL);
	if (db == NULL || pg_database(&f.pg, name) != 0)
		return -1;
	run_sql(db, "create role mallory login");
	run_sql(db, "create role migrator login");
	run_sql(db, "create role deployers");
	run_sql(db, "create role \"odd \"\"role\"");
	return 0;
}

#define on_server(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		on_server(test_hostile_transaction_is_proved),
		on_server(test_hostile_strings_are_read_as_the_screen_does),
		on_server(test_hostile_scripts_do_not_end),
		on_server(test_hostile_lock_is_held),
		on_server(test_hostile_ledger_was_there_before),
		on_server(test_hostile_ledger_of_a_lesser_user),
		on_server(test_hostile_operators_are_not_ours),
		cmocka_unit_test(test_hostile_texts_are_read_quickly),
		on_server(test_hostile_rows_stay_out_of_messages),
		cmocka_unit_test(test_hostile_server_begins_a_copy),
	};
	static struct fixture f = { .driver = &db_postgres };
	(void)unsetenv("TIDEGATE_TEST_PG");
	int rc = pg_start(&f.pg) == 0 ? 0 : 77;
	(void)chosen(&f);
	if (rc == 0)
		rc = cmocka_run_group_tests_name("postgresql", tests, start, NULL);
	pg_stop(&f.pg);
	return rc;
}
