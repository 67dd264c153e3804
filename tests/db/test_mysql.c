/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is MySQL's and MariaDB's own, on a real server: routines and DELIMITER, sessions that
 * scripts change, the proof of a transaction, the lock, broken connections, tables without
 * transactions.
 */

#include "db/mysql.h"
#include "support/driver.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>

static int64_t connection_of(struct db *db)
{
	return ask(db, "select connection_id()");
}

static void kill_from(struct db *other, const char *what, int64_t id)
{
	char sql[64];
	(void)snprintf(sql, sizeof sql, "kill %s %lld", what, (long long)id);
	run_sql(other, sql);
}

/* The file as the runner has it, in one transaction. */
static int apply(struct db *db, const char *text, struct err *e)
{
	struct db_script s = { .notice = NULL };
	return run_script(db, str_of(text), &s, e);
}

/* ---- scripts ---- */

static const char routines[] =
    "/*!40101 SET NAMES utf8mb4 */;\n"
    "create table r_orders (id int primary key, n int, t varchar(20));\n"
    "DELIMITER $$\n"
    "create procedure r_fill(in how_many int)\nbegin\n  declare i int default 0;\n"
    "  while i < how_many do\n    insert into r_orders values (i, i, 'a;b');\n"
    "    set i = i + 1;\n  end while;\nend$$\n"
    "/*!50003 CREATE*/ /*!50017 DEFINER=CURRENT_USER*/ /*!50003 TRIGGER r_double before insert on"
    " r_orders for each row begin set new.n = new.n * 2; end */$$\n"
    "DELIMITER ;\n"
    "call r_fill(3);\n"
    "create function r_sum() returns int reads sql data begin declare s int;"
    " select sum(n) into s from r_orders; return s; end;\n"
    "select r_sum();";

static void test_mysql_runs_routines(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	must(run_file(f->db, str_of(routines), &s, &e));
	assert_int_equal(s.statements, 7);
	assert_int_equal(ask(f->db, "select r_sum()"), 6);
	must_fail(ERR_REFUSED, run_script(f->db, str_of(routines), &s, &e));
	assert_int_equal(s.failed.statement, 2); /* before anything ran */
	assert_int_equal(s.statements, 0);
}

static void test_mysql_tells_where_syntax_ends(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		struct db_place place;
	} bad[] = {
		{ "select 1;\n  select '\xc3\xbc',\n 2 fro m", { 2, 3, 8 } },
		{ "selec 1;", { 1, 1, 1 } },
		{ "select 1;\n\tselect (", { 2, 2, 2 } }, /* at the end: nothing is near it */
		{ "select 'it''s' 'x' from from", { 1, 1, 25 } },
		{ "\n select nothing_here", { 1, 2, 2 } },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct db_script s = { .notice = NULL };
		must_fail(ERR_DB, run_file(f->db, str_of(bad[i].text), &s, &e));
		if (memcmp(&s.failed, &bad[i].place, sizeof s.failed) != 0)
			fail_msg("%s: %zu:%zu:%zu", bad[i].text, s.failed.statement, s.failed.line,
				 s.failed.column);
	}
}

static void test_mysql_transaction_is_proved(void **state)
{
	struct fixture *f = *state;
	struct mydb *m = (struct mydb *)f->db;
	run_sql(f->db, "create table if not exists marks (n int)");
	must(db_begin(f->db, &e));
	run_sql(f->db, "insert into marks values (1)");
	must(mydb_mark(m, &e));
	must(mydb_prove(m, &e));
	must(mydb_mark(m, &e));
	run_sql(f->db, "commit and chain");
	must_fail(ERR_REFUSED, mydb_prove(m, &e));
	db_rollback(f->db);
	must(db_begin(f->db, &e));
	run_sql(f->db, "insert into marks values (2)");
	run_sql(f->db, "commit");
	must_fail(ERR_REFUSED, mydb_prove(m, &e));
	must_fail(ERR_DB, db_commit(f->db, &e));
	must(apply(f->db, "savepoint a; insert into marks values (3); rollback to a", &e));
	assert_int_equal(ask(f->db, "select count(*) from marks"), 2);
}

static void test_mysql_begin_ends_no_other(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table if not exists marks (n int)");
	run_sql(f->db, "start transaction");
	must_fail(ERR_REFUSED, db_begin(f->db, &e));
	run_sql(f->db, "rollback");
	must(db_begin(f->db, &e));
	db_rollback(f->db);
}

static void test_mysql_myisam_is_told(void **state)
{
	struct fixture *f = *state;
	run_sql(f->db, "create table old_style (n int) engine = MyISAM");
	run_sql(f->db, "create table new_style (n int)");
	struct err why = { .code = ERR_NONE };
	assert_int_equal(apply(f->db,
			       "insert into new_style values (1); insert into old_style values (1);"
			       "insert into nowhere values (1)",
			       &why),
			 -1);
	assert_int_equal(why.code, ERR_REFUSED);
	assert_non_null(strstr(why.msg, "tables without transactions"));
	assert_non_null(strstr(why.msg, "nowhere"));
	assert_int_equal(ask(f->db, "select count(*) from new_style"), 0);
	must_fail(ERR_DB, apply(f->db, "insert into nowhere values (1)", &e));
}

/* ---- the session and its lock ---- */

static const char *const changes[] = {
	"set @left_over = 1",
	"set sql_mode = 'ANSI_QUOTES'; select \"a\" from (select 1 as a) b",
	"set foreign_key_checks = 0, unique_checks = 0",
	"set names latin1",
	"use information_schema",
	"create temporary table tidegate_revision (version int)",
	"prepare left_over from 'select 1'",
	"select @left_over := 1",
	"select 1 into @left_over",
	"insert into rows_of_var values (@left_over := 1)",
	"set session lock_wait_timeout = 1, @left_over = 1",
};

static const char is_clean[] =
    "select @left_over is null and @@foreign_key_checks = 1 and @@unique_checks = 1"
    " and @@character_set_client = 'utf8mb4' and database() like 'driver%'"
    " and @@sql_mode = @@global.sql_mode and @@lock_wait_timeout = 5";

static void test_mysql_session_is_cleaned(void **state)
{
	struct fixture *f = *state;
	struct err why = { .code = ERR_NONE };
	AUTO(db) struct db *other = connect_to(f);
	run_sql(f->db, "create table rows_of_var (n int)");
	must(db_ledger_make(f->db, &e));
	must(db_lock(f->db, 0, &e));
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		int64_t before = connection_of(f->db);
		if (apply(f->db, changes[i], &why) != 0)
			fail_msg("%s: %s", changes[i], why.msg);
		if (ask(f->db, is_clean) != 1 || connection_of(f->db) == before)
			fail_msg("%s: not clean", changes[i]);
		must_fail(ERR_DB, db_exec(f->db, NULL, "execute left_over", DB_NO_ARGS, &e));
		assert_int_equal(ask(f->db, "select count(state) from tidegate_revision"), 0);
		must_fail(ERR_UNAVAILABLE, db_lock(other, 0, &e));
	}
	int64_t before = connection_of(f->db);
	must(apply(f->db,
		   "insert into tidegate_revision (version, state, applied_ms) values"
		   " ('1', 'applied', 1); delete from tidegate_revision",
		   &e));
	assert_int_equal(connection_of(f->db), before); /* not without need */
}

static void test_mysql_statements_share_a_session(void **state)
{
	struct fixture *f = *state;
	struct db_script s = { .notice = NULL };
	struct db_statement one = { .text = STR("set @left_over = 7"), .flags = DB_SESSION };
	must(db_lock(f->db, 0, &e));
	must(db_statement_run(f->db, &one, &s, &e));
	must(db_begin(f->db, &e));
	run_sql(f->db, "select 1");
	must(db_commit(f->db, &e));
	assert_int_equal(ask(f->db, "select @left_over"), 7);
	must(db_session_reset(f->db, &e));
	assert_int_equal(ask(f->db, "select @left_over is null"), 1);
	one.text = STR("do release_all_locks()");
	must(db_statement_run(f->db, &one, &s, &e));
	must_fail(ERR_REFUSED, db_session_reset(f->db, &e));
}

static void test_mysql_lock_is_held(void **state)
{
	struct fixture *f = *state;
	struct err why = { .code = ERR_NONE };
	AUTO(db) struct db *other = connect_to(f);
	char want[64];
	must(db_lock(f->db, 0, &e));
	(void)snprintf(want, sizeof want, "connection %lld ('root' from '127.0.0.1",
		       (long long)connection_of(f->db));
	assert_int_equal(db_lock(other, 100, &why), -1);
	assert_int_equal(why.code, ERR_UNAVAILABLE);
	if (strstr(why.msg, want) == NULL || strstr(why.msg, "since 2") == NULL)
		fail_msg("%s", why.msg);
	assert_int_equal(apply(f->db, "select release_all_locks()", &why), -1);
	assert_int_equal(why.code, ERR_REFUSED);
	assert_non_null(strstr(why.msg, "released the lock"));
	must(db_lock(other, 0, &e));
	struct fixture elsewhere = *f;
	elsewhere.database = "mysql";
	AUTO(db) struct db *free_one = connect_to(&elsewhere);
	must(db_lock(free_one, 0, &e)); /* the lock is a database's */
}

static void test_mysql_backslashes_are_escapes(void **state)
{
	struct fixture *f = *state;
	must_fail(ERR_REFUSED, apply(f->db, "set sql_mode = 'NO_BACKSLASH_ESCAPES'", &e));
	run_sql(f->db, "set @before = @@global.sql_mode");
	run_sql(f->db, "set global sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
	struct db *db = connect_to(f);
	run_sql(f->db, "set global sql_mode = @before");
	int64_t length = ask(db, "select length('a\\'b')");
	int64_t kept = ask(db, "select @@sql_mode = 'ANSI_QUOTES'");
	db_close(db);
	assert_int_equal(length, 3);
	assert_int_equal(kept, 1);
}

/* ---- values and messages ---- */

static void test_mysql_values_cannot_break_out(void **state)
{
	struct fixture *f = *state;
	static const char *const modes[] = { "set sql_mode = ''",
					     "set sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
					     "set names gbk" };
	static const char *const texts[] = {
		"'",       "\\",        "\\'; drop table values_x; -- ", "\"`;", "\xe7\xb8\x97'",
		"$1 $2 ?", "%s\n\r\x1a"
	};
	run_sql(f->db, "create table values_x (t text character set utf8mb4, b longblob)");
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		AUTO(db) struct db *db = connect_to(f);
		run_sql(db, modes[i]);
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
			struct str t = str_of(texts[k]);
			int64_t found = 0;
			must(db_exec(db, NULL, "insert into values_x values ($1, $2)",
				     DB_ARGS(DB_S(t), DB_B(t)), &e));
			must(db_exec(db, &found,
				     "delete from values_x where t = $1 and b = $2 and"
				     " '$2' <> 'x'",
				     DB_ARGS(DB_S(t), DB_B(t)), &e));
			assert_int_equal(found, 1);
		}
	}
	must_fail(ERR_INPUT, db_exec(f->db, NULL, "insert into values_x (t) values ($1)",
				     DB_ARGS(DB_S(STR("\xff"))), &e));
}

static void test_mysql_messages_hide_rows(void **state)
{
	struct fixture *f = *state;
	struct err e = { .code = ERR_NONE };
	run_sql(f->db, "create table hidden (t varchar(40) primary key, i int)");
	run_sql(f->db, "insert into hidden values ('it''s for key ann', 1)");
	static const char *const sqls[] = {
		"insert into hidden values ('it''s for key ann', 1)",
		"insert into hidden values ('x', 'ann')",
	};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(db_exec(f->db, NULL, sqls[i], DB_NO_ARGS, &e), -1);
		if (strstr(e.msg, "ann") != NULL || strstr(e.msg, "hidden") == NULL)
			assert_true(i == 0 && strstr(e.msg, "PRIMARY") != NULL &&
				    strstr(e.msg, "ann") == NULL);
	}
	assert_string_equal(e.native, "1366");
}

/* ---- connections ---- */

static void test_mysql_refuses_to_open(void **state)
{
	struct fixture *f = *state;
	struct db *db = NULL;
	AUTO(secret) struct secret *password = NULL;
	struct err why = { .code = ERR_NONE };
	must(secret_from_bytes(&password, STR("hunter2"), &e));
	const struct {
		const char *url;
		enum err_code code;
	} bad[] = {
		{ "mysql:", ERR_INPUT },
		{ "mysql://127.0.0.1", ERR_INPUT },
		{ "mysql://u:p@127.0.0.1", ERR_INPUT },
		{ "mysql://u@127.0.0.1:0", ERR_INPUT },
		{ "mysql://u@127.0.0.1/db", ERR_INPUT },
		{ "mysql://u@127.0.0.1?x=1", ERR_INPUT },
		{ "mysql://u@%zz", ERR_INPUT },
		{ "mysql://u@127.0.0.1?ssl-key=/x", ERR_INPUT },
		{ "mysql://u@127.0.0.1?sslmode=disable&ssl-ca=/x", ERR_INPUT },
		{ "mysql://u@127.0.0.1:1", ERR_UNAVAILABLE },
		{ "mysql://u@?socket=/nowhere", ERR_UNAVAILABLE },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct db_options o = { .url = str_of(bad[i].url), .password = password };
		assert_int_equal(db_open(&db, &o, &why), -1);
		if (why.code != bad[i].code || strstr(why.msg, "hunter2") != NULL)
			fail_msg("%s: %s %s", bad[i].url, err_code_name(why.code), why.msg);
	}
	struct db_options o = { .url = str_of(f->url), .database = STR("no_such_one") };
	must_fail(ERR_NOTFOUND, db_open(&db, &o, &e));
	o.password = password;
	must_fail(ERR_AUTH, db_open(&db, &o, &e));
}

static void test_mysql_gives_up_a_silent_server(void **state)
{
	(void)state;
	struct sockaddr_in a = { .sin_family = AF_INET };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t size = sizeof a;
	AUTO(close) int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, size) == 0 && listen(fd, 1) == 0 &&
		    getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	char url[64];
	struct db *db = NULL;
	(void)snprintf(url, sizeof url, "mysql://u@127.0.0.1:%d", ntohs(a.sin_port));
	struct db_options o = { .url = str_of(url), .connect_timeout_ms = 300 };
	int64_t since = clock_mono_ms();
	must_fail(ERR_UNAVAILABLE, db_open(&db, &o, &e));
	assert_true(clock_mono_ms() - since < 3000);
	/* TLS that was asked for is not left out when the server has none. */
	struct fixture *f = *state;
	(void)snprintf(f->dir, sizeof f->dir, "%.40s?sslmode=require", f->url);
	o = (struct db_options){ .url = str_of(f->dir) };
	must_fail(ERR_UNAVAILABLE, db_open(&db, &o, &e));
}

struct killer {
	struct db *other;
	const char *what;
	int64_t id;
};

static void *kill_soon(void *context)
{
	const struct killer *k = context;
	pg_pause(200);
	kill_from(k->other, k->what, k->id);
	return NULL;
}

static void test_mysql_is_killed_in_a_statement(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *what;
		enum err_code code;
	} kills[] = { { "query", ERR_UNAVAILABLE }, { "connection", ERR_LOST } };
	AUTO(db) struct db *other = connect_to(f);
	for (size_t i = 0; i < 2; i++) {
		struct killer k = { other, kills[i].what, connection_of(f->db) };
		struct db_script s = { .notice = NULL };
		struct db_statement one = { .text = str_of(slow_sql(f)) };
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, kill_soon, &k), 0);
		must_fail(kills[i].code, db_statement_run(f->db, &one, &s, &e));
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	must_fail(ERR_LOST, db_exec(f->db, NULL, "select 1", DB_NO_ARGS, &e));
	must_fail(ERR_LOST, db_begin(f->db, &e));
}

static void test_mysql_is_killed_in_commit(void **state)
{
	struct fixture *f = *state;
	AUTO(db) struct db *other = connect_to(f);
	run_sql(f->db, "create table if not exists marks (n int)");
	int64_t before = ask(other, "select count(*) from marks");
	must(db_begin(f->db, &e));
	run_sql(f->db, "insert into marks values (9)");
	kill_from(other, "connection", connection_of(f->db));
	must_fail(ERR_LOST, db_commit(f->db, &e));
	assert_int_equal(ask(other, "select count(*) from marks"), before);
}

static int count_polls(void *context, struct pollfd *fds, size_t n, int timeout_ms)
{
	++*(int *)context;
	return poll(fds, n, timeout_ms);
}

static void test_mysql_waits_by_its_scheduler(void **state)
{
	const struct fixture *f = *state;
	int polls = 0;
	AUTO(db)
	struct db *db =
	    connect_with(f, (struct db_options){ .poll = count_polls, .poll_context = &polls });
	int opened = polls;
	assert_true(opened > 0);
	assert_int_equal(ask(db, "select sleep(0.01)"), 0);
	assert_true(polls > opened);
}

/* ---- the ledger and what is there ---- */

static void test_mysql_ledger_was_there_before(void **state)
{
	struct fixture f = *(struct fixture *)*state;
	static const struct {
		const char *sql;
		const char *why;
	} bad[] = {
		{ "create view tidegate_revision as select 1 as version", "no ordinary table" },
		{ "create table tidegate_revision (version int) engine = MyISAM", "not InnoDB" },
		{ "create table tidegate_revision (version int);"
		  "create trigger tr before insert on tidegate_revision for each row set @a = 1",
		  "has a trigger" },
	};
	char name[64];
	struct db_script s = { .notice = NULL };
	(void)snprintf(name, sizeof name, "driver_odd`%ld", (long)getpid());
	f.database = name;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char sql[160];
		(void)snprintf(sql, sizeof sql, "create or replace database `driver_odd``%ld`",
			       (long)getpid());
		run_sql(f.db, sql);
		AUTO(db) struct db *db = connect_to(&f);
		must(run_file(db, str_of(bad[i].sql), &s, &e));
		struct err why = { .code = ERR_NONE };
		assert_int_equal(db_ledger_make(db, &why), -1);
		if (why.code != ERR_REFUSED || strstr(why.msg, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].sql, why.msg);
		run_sql(db,
			i == 0 ? "drop view tidegate_revision" : "drop table tidegate_revision");
		must(db_ledger_make(db, &e));
		(void)snprintf(sql, sizeof sql, "select count(*) from %s", db_ledger(db));
		assert_int_equal(ask(db, sql), 0);
	}
}

static void state_of(char out[1024], const struct fixture *f, const char *statement)
{
	AUTO(arena) struct arena arena;
	arena_init(&arena, 1 << 16);
	struct db_statement one = { .text = str_of(statement) };
	struct db_probe probe;
	must(db_probe(&probe, f->db, &one, &arena, &e));
	(void)snprintf(out, 1024, "%.*s", STR_ARG(probe.state));
}

/* Whether each statement changes what is seen of it, as it is done. */
static const struct {
	const char *statement;
	int told;
} probed[] = {
	{ "create table p_a (id int auto_increment primary key, n int)", 1 },
	{ "alter table p_a add column t text", 1 },
	{ "create index p_i on p_a (n)", 1 },
	{ "drop index p_i on p_a", 1 },
	{ "rename table p_a to p_b", 1 },
	{ "create or replace view p_v as select n from p_b", 1 },
	{ "create procedure if not exists p_p() select 1", 1 },
	{ "create definer = current_user() function p_f() returns int return 1", 1 },
	{ "create trigger p_t before insert on p_b for each row set new.n = 1", 1 },
	{ "create event p_e on schedule every 1 year disable do select 1", 1 },
	{ "alter event p_e comment 'x'", 1 },
	{ "drop event p_e", 1 },
	{ "create database p_d_x", 1 },
	{ "create table p_d_x.`odd``name` (i int)", 1 },
	{ "drop database p_d_x", 1 },
	{ "create table p_c like p_b", 1 },
	{ "drop table p_b, p_c", 0 },
	{ "create or replace table p_c (i int)", 0 },
	{ "alter table p_c truncate partition all", 0 },
	{ "truncate table p_c", 0 },
	{ "create user if not exists p_u", 0 },
	{ "drop table if exists p_c", 1 },
};

static void test_mysql_probes(void **state)
{
	struct fixture *f = *state;
	char before[1024], after[1024];
	for (size_t i = 0; i < sizeof probed / sizeof probed[0]; i++) {
		state_of(before, f, probed[i].statement);
		struct err e;
		int done = db_exec(f->db, NULL, probed[i].statement, DB_NO_ARGS, &e) == 0;
		state_of(after, f, probed[i].statement);
		if ((before[0] != '\0') != probed[i].told ||
		    (strcmp(before, after) != 0) != probed[i].told)
			fail_msg("%s: '%s', '%s', %d", probed[i].statement, before, after, done);
	}
}

static void test_mysql_probe_sees_definitions_only(void **state)
{
	struct fixture *f = *state;
	char first[1024], second[1024];
	static const char alter[] = "alter table p_counted add column x int";
	run_sql(f->db, "create table p_counted (id int auto_increment primary key, t text"
		       " comment 'a\\n) AUTO_INCREMENT=5') comment = ' AUTO_INCREMENT=7'");
	state_of(first, f, alter);
	assert_non_null(strstr(first, ".p_counted: sha256 "));
	run_sql(f->db, "insert into p_counted (t) values ('x'), ('y')");
	run_sql(f->db, "set sql_mode = 'ANSI_QUOTES'"); /* writes definitions otherwise */
	state_of(second, f, alter);
	assert_string_equal(first, second);
	run_sql(f->db, "alter table p_counted comment = ' AUTO_INCREMENT=8'");
	state_of(second, f, alter);
	assert_string_not_equal(first, second);
	state_of(first, f, "drop table if exists p_nowhere");
	assert_non_null(strstr(first, ".p_nowhere: absent"));
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LIVE(test_mysql_runs_routines),
		LIVE(test_mysql_tells_where_syntax_ends),
		LIVE(test_mysql_transaction_is_proved),
		LIVE(test_mysql_begin_ends_no_other),
		LIVE(test_mysql_myisam_is_told),
		LIVE(test_mysql_session_is_cleaned),
		LIVE(test_mysql_statements_share_a_session),
		LIVE(test_mysql_lock_is_held),
		LIVE(test_mysql_backslashes_are_escapes),
		LIVE(test_mysql_values_cannot_break_out),
		LIVE(test_mysql_messages_hide_rows),
		LIVE(test_mysql_refuses_to_open),
		LIVE(test_mysql_gives_up_a_silent_server),
		LIVE(test_mysql_is_killed_in_a_statement),
		LIVE(test_mysql_is_killed_in_commit),
		LIVE(test_mysql_waits_by_its_scheduler),
		LIVE(test_mysql_ledger_was_there_before),
		LIVE(test_mysql_probes),
		LIVE(test_mysql_probe_sees_definitions_only),
	};
	static struct fixture mysql = { .db = NULL };
	return run_mysql(&mysql, tests, sizeof tests / sizeof tests[0]);
}
