/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the PostgreSQL driver has: logging in, the runner's lock, broken connections, and what
 * scripts may leave behind. On a server of its own, because one role there needs a password.
 */

#include "base/buf.h"
#include "db/postgres.h"
#include "support/driver.h"

#include <arpa/inet.h>

static int64_t pid_of(struct db *db)
{
	return ask(db, "select pg_backend_pid()");
}

static void end_session(struct db *from, int64_t pid)
{
	must(db_exec(from, NULL, "select pg_terminate_backend($1::int, 5000)", DB_ARGS(DB_I(pid)),
		     &e));
}

/* An open that must fail; the message goes to `text`. */
static enum err_code open_fails(const struct fixture *f, const char *url, const char *database,
				const char *password, struct err *e)
{
	struct db *db = NULL;
	AUTO(secret) struct secret *secret = NULL;
	if (password != NULL)
		assert_int_equal(secret_from_bytes(&secret, str_of(password), e), 0);
	struct db_options o = { .url = str_of(url != NULL ? url : f->url),
				.database = str_of(database),
				.password = secret,
				.connect_timeout_ms = 1000 };
	*e = (struct err){ .code = ERR_NONE };
	assert_int_equal(db_open(&db, &o, e), -1);
	assert_true(password == NULL || strstr(e->msg, password) == NULL);
	return e->code;
}

static void test_postgres_tells_why_it_cannot_open(void **state)
{
	const struct fixture *f = *state;
	struct err e;
	char url[256];
	assert_int_equal(open_fails(f, NULL, "no_such_db", NULL, &e), ERR_NOTFOUND);
	assert_string_equal(e.native, "3D000");
	assert_non_null(strstr(e.msg, "no_such_db"));
	/* A name is no connection string. */
	assert_int_equal(open_fails(f, NULL, "host=192.0.2.1 port=1", NULL, &e), ERR_NOTFOUND);
	(void)snprintf(url, sizeof url, "postgresql://locked@127.0.0.1:%d", f->pg.port);
	assert_int_equal(open_fails(f, url, "postgres", NULL, &e), ERR_AUTH);
	assert_int_equal(open_fails(f, url, "postgres", "wr0ng-secret", &e), ERR_AUTH);
	assert_string_equal(e.native, "28P01");
	(void)snprintf(url, sizeof url, "postgresql://nobody_here@127.0.0.1:%d", f->pg.port);
	assert_int_equal(open_fails(f, url, "postgres", NULL, &e), ERR_AUTH);
	(void)snprintf(url, sizeof url, "postgresql://a@127.0.0.1:%d", pg_free_port());
	assert_int_equal(open_fails(f, url, "postgres", NULL, &e), ERR_UNAVAILABLE);
}

static void test_postgres_hides_what_a_bad_url_holds(void **state)
{
	const struct fixture *f = *state;
	struct err e;
	static const char *const bad[] = { "postgresql://u:s3cret%zz@h/", "postgresql://[::1",
					   "postgresql://h/?nonsense=1",
					   "postgresql://h/?password=s3cret&x=1" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(open_fails(f, bad[i], "d", NULL, &e), ERR_INPUT);
		assert_null(strstr(e.msg, "s3cret"));
	}
}

static void test_postgres_logs_in_with_a_password(void **state)
{
	const struct fixture *f = *state;
	char url[256];
	AUTO(secret) struct secret *secret = NULL;
	AUTO(db) struct db *db = NULL;
	must(secret_from_bytes(&secret, STR("right 'one'"), &e));
	(void)snprintf(url, sizeof url,
		       "postgresql://locked@127.0.0.1:%d/?options=-csearch_path%%3Dpg_catalog",
		       f->pg.port);
	struct db_options o = { .url = str_of(url),
				.database = STR("postgres"),
				.password = secret };
	must(db_open(&db, &o, &e));
	assert_int_equal(ask(db, "select (current_setting('search_path') = 'pg_catalog')::int"), 1);
	assert_int_equal(ask(db, "select (current_setting('lock_timeout') = '5s')::int"), 1);
}

static void test_postgres_gives_up_a_silent_server(void **state)
{
	const struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t n = sizeof a;
	AUTO(close) int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 4) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	char url[256];
	struct err e;
	(void)snprintf(url, sizeof url, "postgresql://u@127.0.0.1:%d", ntohs(a.sin_port));
	int64_t since = clock_mono_ms();
	assert_int_equal(open_fails(f, url, "d", NULL, &e), ERR_UNAVAILABLE);
	int64_t took = clock_mono_ms() - since;
	assert_true(took >= 900 && took < 5000);
}

static void test_postgres_locks_out_a_second_runner(void **state)
{
	struct fixture *f = *state;
	AUTO(db) struct db *other = connect_with(f, (struct db_options){ .application = "second" });
	must(db_lock(f->db, 0, &e));
	must(db_lock(f->db, 0, &e));
	struct err why = { .code = ERR_NONE };
	int64_t since = clock_mono_ms();
	assert_int_equal(db_lock(other, 300, &why), -1);
	assert_true(clock_mono_ms() - since >= 300);
	assert_int_equal(why.code, ERR_UNAVAILABLE);
	char pid[32];
	(void)snprintf(pid, sizeof pid, "process %lld ('tidegate')", (long long)pid_of(f->db));
	assert_non_null(strstr(why.msg, pid));
	assert_non_null(strstr(why.msg, "since 2"));
	/* Not in another database; and no longer when the session is gone. */
	struct fixture elsewhere = *f;
	elsewhere.database = "postgres";
	AUTO(db) struct db *far = connect_to(&elsewhere);
	must(db_lock(far, 0, &e));
	end_session(other, pid_of(f->db));
	must(db_lock(other, 5000, &e));
}

static void test_postgres_stops_waiting_for_the_lock(void **state)
{
	struct fixture *f = *state;
	AUTO(db) struct db *other = connect_to(f);
	struct slow slow = { other, 200 };
	pthread_t thread;
	must(db_lock(f->db, 0, &e));
	int64_t since = clock_mono_ms();
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &slow), 0);
	must_fail(ERR_UNAVAILABLE, db_lock(other, 60000, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(clock_mono_ms() - since < 10000);
	/* Waiting holds no transaction that CREATE INDEX CONCURRENTLY would wait for. */
	run_sql(f->db, "create table indexed (id int)");
	run_sql(f->db, "create index concurrently indexed_id on indexed (id)");
}

/* Ends a session from another one, after a while. */
struct killer {
	const struct fixture *f;
	int64_t pid;
};

static void *kill_later(void *context)
{
	const struct killer *k = context;
	AUTO(db) struct db *db = connect_to(k->f);
	pg_pause(200);
	end_session(db, k->pid);
	return NULL;
}

static void test_postgres_tells_a_broken_connection(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	struct killer k = { f, pid_of(f->db) };
	assert_int_equal(pthread_create(&thread, NULL, kill_later, &k), 0);
	must(db_begin(f->db, &e));
	must_fail(ERR_LOST, db_exec(f->db, NULL, "select pg_sleep(20)", DB_NO_ARGS, &e));
	assert_int_equal(pthread_join(thread, NULL), 0);
	must_fail(ERR_LOST, db_exec(f->db, NULL, "select 1", DB_NO_ARGS, &e));
	must_fail(ERR_LOST, db_commit(f->db, &e));
	must(db_begin(f->db, &e));
	must_fail(ERR_LOST, db_exec(f->db, NULL, "select 1", DB_NO_ARGS, &e));
	db_rollback(f->db);
}

static void test_postgres_tells_a_connection_broken_between_calls(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	AUTO(db) struct db *killer = connect_to(f);
	for (int i = 0; i < 3; i++) {
		AUTO(db) struct db *db = connect_to(f);
		must(db_begin(db, &e));
		if (i == 2)
			run_sql(db, "select 1");
		end_session(killer, pid_of(db));
		if (i == 0)
			must_fail(ERR_LOST, db_exec(db, NULL, "select 1", DB_NO_ARGS, &e));
		else if (i == 1)
			must_fail(ERR_LOST, db_script_run(db, STR("select 1"), &s, &e));
		else
			must_fail(ERR_LOST, db_commit(db, &e));
	}
}

static void test_postgres_commits_only_what_holds(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table later (id int unique deferrable initially deferred)");
	must(db_begin(f->db, &e));
	run_sql(f->db, "insert into later values (1), (1)");
	must_fail(ERR_EXISTS, db_commit(f->db, &e));
	must(db_begin(f->db, &e));
	must_fail(ERR_DB, db_exec(f->db, NULL, "select 1/0", DB_NO_ARGS, &e));
	must_fail(ERR_DB, db_commit(f->db, &e)); /* the server answers ROLLBACK, without an error */
	assert_int_equal(ask(f->db, "select count(*) from later"), 0);
}

static const char rich[] =
    "create table rich (id int, t text);\n"
    "create function rich_touch() returns trigger language plpgsql as $body$\n"
    "begin\n  new.t := 'touched; ' || $q$it's$q$; return new;\nend;\n$body$;\n"
    "create trigger rich_t before insert on rich for each row execute function rich_touch();\n"
    "create function rich_two() returns int begin atomic select 1; select case when true then 2 "
    "end;"
    " end;\n"
    "do $$ begin perform 1; raise notice 'hello %', 'there'; raise warning 'careful'; end $$;\n"
    "create rule rich_r as on update to rich do also (select 1; select 2);\n"
    "insert into rich values (rich_two(), E'a\\';b');\n"
    "select $tag$ commit; $tag$, \"t\" from rich; -- done; really\n"
    "comment on table rich is 'a;b' /* ; /* nested; */ ; */";

static void remember(void *context, struct str text)
{
	buf_add((struct buf *)context, text);
	buf_addc((struct buf *)context, '\n');
}

static void test_postgres_runs_what_psql_runs(void **state)
{
	struct fixture *f = *state;
	AUTO(buf) struct buf notices;
	buf_init(&notices, 4096);
	struct db_script s = { .notice = remember, .context = &notices };
	must(db_script_screen(&db_postgres, str_of(rich), &s, &e));
	assert_int_equal(s.statements, 9);
	must(run_script(f->db, str_of(rich), &s, &e));
	assert_int_equal(s.statements, 9);
	assert_int_equal(s.changed, 1);
	assert_string_equal(notices.p, "NOTICE: hello there\nWARNING: careful\n");
	assert_int_equal(
	    ask(f->db, "select count(*) from rich where id = 2 and t like 'touched; it%'"), 1);
}

static void test_postgres_cleans_the_session(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {
		"set role helper",
		"set session authorization helper",
		"set local role helper; set search_path = nowhere",
		"select set_config('search_path', 'nowhere', false)",
		"do $$ begin perform set_config('search_path', '', false); end $$",
		"set lock_timeout = '1h'; set time zone 'Asia/Tokyo'; set datestyle = 'german'",
		"prepare p as select 1; listen l; declare c cursor with hold for select 1",
	};
	static const char state_sql[] =
	    "select (session_user = 'postgres' and current_user = 'postgres'"
	    " and current_setting('search_path') = '\"$user\", public'"
	    " and current_setting('lock_timeout') = '5s'"
	    " and current_setting('datestyle') like 'ISO%'"
	    " and not exists (select from pg_prepared_statements)"
	    " and not exists (select from pg_cursors where name = 'c'))::int";
	must(db_lock(f->db, 0, &e));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct db_script s = { .notice = NULL };
		must(db_begin(f->db, &e));
		must(db_script_run(f->db, str_of(texts[i]), &s, &e));
		if (ask(f->db, state_sql) != 1)
			fail_msg("inside the transaction: %s", texts[i]);
		must(db_commit(f->db, &e));
		if (ask(f->db, state_sql) != 1)
			fail_msg("after the transaction: %s", texts[i]);
	}
	AUTO(db) struct db *other = connect_to(f);
	must_fail(ERR_UNAVAILABLE, db_lock(other, 0, &e)); /* the lock is still ours */
}

/* Nobody screened these. */
static void test_postgres_survives_unscreened_scripts(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	run_sql(f->db, "create table copied (id int)");
	run_sql(f->db, "insert into copied select generate_series(1, 100000)");
	must_fail(ERR_REFUSED,
		  run_script(f->db, STR("select 1;\n copy copied from stdin; select 2"), &s, &e));
	assert_int_equal(s.failed.statement, 2);
	assert_int_equal(s.failed.line, 2);
	must_fail(ERR_REFUSED, run_script(f->db, STR("copy copied to stdout; select 2"), &s, &e));
	must_fail(ERR_REFUSED, db_exec(f->db, NULL, "copy copied from stdin", DB_NO_ARGS, &e));
	must_fail(ERR_REFUSED, db_exec(f->db, NULL, "copy copied to stdout", DB_NO_ARGS, &e));
	must(db_begin(f->db, &e));
	must_fail(ERR_REFUSED, db_exec(f->db, NULL, "copy copied from stdin", DB_NO_ARGS, &e));
	db_rollback(f->db);
	must_fail(ERR_REFUSED, run_script(f->db, STR("select 1; commit"), &s, &e));
	must_fail(ERR_REFUSED, run_script(f->db, STR("commit; begin; select 1"), &s, &e));
	must_fail(ERR_REFUSED, run_script(f->db, STR("rollback"), &s, &e));
	must_fail(ERR_DB,
		  run_script(f->db, STR("create index concurrently x on copied (id)"), &s, &e));
	assert_int_equal(ask(f->db, "select count(*) from copied"), 100000);
	/* Rows of a SELECT are not kept, however many there are. */
	must(run_script(f->db, STR("select a.id from copied a, generate_series(1, 20)"), &s, &e));
	assert_int_equal(s.statements, 1);
}

static const struct {
	const char *text;
	size_t statements; /* 0: refused */
	size_t statement, line, column;
} screened[] = {
	{ "select 1; begin;", 0, 2, 1, 11 },
	{ "start transaction", 0, 1, 1, 1 },
	{ "prepare transaction 'x'", 0, 1, 1, 1 },
	{ "prepare x as select 1", 1, 0, 0, 0 },
	{ "commit prepared 'x'", 0, 1, 1, 1 },
	{ "abort", 0, 1, 1, 1 },
	{ "rollback work to savepoint a; rollback to a; rollback transaction to a", 3, 0, 0, 0 },
	{ "rollback and chain", 0, 1, 1, 1 },
	{ "-- a lone carriage return ends this \rcommit", 0, 1, 1, 38 },
	{ "select '\xc3\xbc'; /* x\n */ end", 0, 2, 2, 5 },
	{ "create function f() returns int begin atomic select 1; end; commit", 0, 2, 1, 61 },
	{ "do $$ begin commit; end $$", 1, 0, 0, 0 },
	{ "select E'\\'; commit; --'; select 1", 2, 0, 0, 0 },
	{ "select $a$ $b$; commit; $a$; select $1; select a$b$c", 3, 0, 0, 0 },
	{ "copy t from stdin;\n1\t'unbalanced\n\\.\n", 0, 1, 1, 1 },
	{ "copy t (a, b) from stdin with (format csv)", 0, 1, 1, 1 },
	{ "copy (select 1) to stdout", 0, 1, 1, 1 },
	{ "copy t from '/srv/stdin'", 1, 0, 0, 0 },
	{ "copy stdin to '/srv/x'", 1, 0, 0, 0 },
	{ "select 1;\n\\set x 1\nselect 2;", 0, 2, 2, 1 },
	{ "select 1 \\gset\n", 0, 1, 1, 10 },
	{ "select '\\'; select E'\\\\'", 2, 0, 0, 0 },
	/* Syntax that the grammar of libpg_query does not know. */
	{ "create newer thing; select 1; commit;", 0, 3, 1, 31 },
	{ "create newer thing; create or replace function f() returns int begin atomic select case "
	  "when true then 1 end; end; select 2",
	  3, 0, 0, 0 },
	{ "newer (a; b); select 1;", 2, 0, 0, 0 },
	{ "newer; select E'a'\n'b\\'; commit;'; select 2", 3, 0, 0, 0 },
	{ "newer; select 'unterminated; commit", 2, 0, 0, 0 },
	{ "newer; /* /* */ commit; */ select 1", 2, 0, 0, 0 },
	/* BEGIN alone is a name like any other. */
	{ "newer; create function public.begin() returns int as 'x'; rollback and chain", 0, 3, 1,
	  59 },
	{ "select 1; /* /* */ commit;", 0, 0, 1, 11 },
};

static void test_postgres_screens(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof screened / sizeof screened[0]; i++) {
		struct db_script s = { .notice = NULL };
		struct err e = { .code = ERR_NONE };
		int rc = db_script_screen(&db_postgres, str_of(screened[i].text), &s, &e);
		int ok = screened[i].statements > 0
			     ? rc == 0 && s.statements == screened[i].statements
			     : rc == -1 && e.code == ERR_REFUSED;
		if (!ok || s.failed.statement != screened[i].statement ||
		    s.failed.line != screened[i].line || s.failed.column != screened[i].column)
			fail_msg("%s: %d, %zu statements, %zu:%zu:%zu %s", screened[i].text, rc,
				 s.statements, s.failed.statement, s.failed.line, s.failed.column,
				 e.msg);
	}
}

static void test_postgres_maps_states(void **state)
{
	(void)state;
	static const struct {
		const char *state;
		enum err_code code;
	} rows[] = {
		{ "23505", ERR_EXISTS },      { "55P03", ERR_UNAVAILABLE },
		{ "40P01", ERR_UNAVAILABLE }, { "40001", ERR_UNAVAILABLE },
		{ "57014", ERR_UNAVAILABLE }, { "57P03", ERR_UNAVAILABLE },
		{ "53300", ERR_UNAVAILABLE }, { "40003", ERR_LOST },
		{ "28000", ERR_AUTH },        { "3D000", ERR_NOTFOUND },
		{ "42601", ERR_DB },          { "", ERR_DB },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(postgres_code(rows[i].state), rows[i].code);
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
	run_sql(db, "create role locked login password 'right ''one'''");
	run_sql(db, "create role helper");
	return 0;
}

#define on_server(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		on_server(test_postgres_tells_why_it_cannot_open),
		on_server(test_postgres_hides_what_a_bad_url_holds),
		on_server(test_postgres_logs_in_with_a_password),
		on_server(test_postgres_gives_up_a_silent_server),
		on_server(test_postgres_locks_out_a_second_runner),
		on_server(test_postgres_stops_waiting_for_the_lock),
		on_server(test_postgres_tells_a_broken_connection),
		on_server(test_postgres_tells_a_connection_broken_between_calls),
		on_server(test_postgres_commits_only_what_holds),
		on_server(test_postgres_runs_what_psql_runs),
		on_server(test_postgres_cleans_the_session),
		on_server(test_postgres_survives_unscreened_scripts),
		cmocka_unit_test(test_postgres_screens),
		cmocka_unit_test(test_postgres_maps_states),
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
