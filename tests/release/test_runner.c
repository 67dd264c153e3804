/* SPDX-License-Identifier: Apache-2.0 */
/* The runner on real targets of both kinds: what is applied, recorded, refused, and left alone. */

#include "tests/release/target.h"

#define LOG_TABLE "m/1_init.sql=create table ran (v text);insert into ran values ('1');"
#define RAN(v) "m/" v "_x.sql=insert into ran values ('" v "');"

static const char *const three[] = { LOG_TABLE, RAN("2"), RAN("10"), NULL };

static void test_runner_applies(void **state)
{
	struct target t;
	struct revision *rows;
	target_init(&t, *state, three);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(t.result.applied, 3);
	assert_int_equal(t.result.present, 0);
	assert_null(t.result.failed);
	assert_int_equal(target_number(&t, "select count(*) from ran"), 3);
	assert_int_equal(target_ledger(&t, &rows), 3);
	assert_string_equal(rows[0].version.p, "1");
	assert_string_equal(rows[2].version.p, "10");
	assert_string_equal(rows[0].path.p, "m/1_init.sql");
	assert_string_equal(rows[0].sha256.p, t.manifest.files[0].sha256);
	assert_string_equal(rows[0].state.p, "applied");
	assert_string_equal(rows[0].release.p, "projects/shop/releases/r");
	assert_string_equal(rows[0].task_run.p, "run-1");
	assert_string_equal(rows[0].repository.p, "app");
	assert_string_equal(rows[0].commit.p, "c1");
	assert_string_equal(rows[0].applied_by.p, "tidegate test");
	assert_int_equal(rows[0].statements, 2);
	assert_true(rows[0].applied_ms > 1600000000000);
	assert_non_null(strstr(t.log.p, "file: m/1_init.sql\ncommit: m/1_init.sql: 2 statements"));
	target_end(&t);
}

static void test_runner_again_does_nothing(void **state)
{
	struct target t;
	static const char *const four[] = { LOG_TABLE, RAN("2"), RAN("10"), RAN("11"), NULL };
	target_init(&t, *state, three);
	check_ok(target_run(&t), &t.e);
	t.job.task_run = STR("run-2");
	buf_clear(&t.log);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(t.result.applied, 0);
	assert_int_equal(t.result.present, 3);
	assert_int_equal(t.log.n, 0);
	target_files(&t, four);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(t.result.applied, 1);
	assert_int_equal(t.result.present, 3);
	assert_int_equal(target_number(&t, "select count(*) from ran"), 4);
	target_end(&t);
}

static void test_runner_scripts(void **state)
{
	struct target t;
	static const char *const postgres[] = {
		LOG_TABLE,
		"m/2_f.sql=create function f() returns int language plpgsql as $body$\n"
		"begin -- a ; in a comment\n  insert into ran values ('a;b'); return 1; end "
		"$body$;\n"
		"select f(); do $$ begin perform f(); end $$;\n"
		"/* ; */ insert into ran values (E'it''s; \\' one');",
		NULL
	};
	static const char *const sqlite[] = {
		LOG_TABLE,
		"m/2_t.sql=create trigger tr after insert on ran when new.v = 'go' begin\n"
		"  insert into ran values ('a;b'); insert into ran values ('it''s');\nend;\n"
		"insert into ran values ('go'); -- ; the end",
		NULL
	};
	struct room *room = *state;
	target_init(&t, room, room->pg != NULL ? postgres : sqlite);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from ran"), 4);
	assert_int_equal(target_number(&t, "select count(*) from ran where v = 'a;b'"),
			 room->pg != NULL ? 2 : 1);
	target_end(&t);
}

static void test_runner_failing_statement(void **state)
{
	struct target t;
	static const char *const bad[] = {
		LOG_TABLE,
		"m/2_bad.sql=insert into ran values ('2');\n"
		"insert into ran values ('2b');\n  insert into nowhere values (1);\n",
		RAN("3"), NULL
	};
	static const char *const mended[] = { LOG_TABLE, RAN("2"), RAN("3"), NULL };
	target_init(&t, *state, bad);
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_DB);
	assert_int_equal(t.result.applied, 1);
	assert_ptr_equal(t.result.failed, &t.manifest.files[1]);
	assert_int_equal(t.result.place.statement, 3);
	assert_int_equal(t.result.place.line, 3);
	assert_true(t.result.place.column >= 3);
	assert_non_null(strstr(t.e.msg, "migration '2' (m/2_bad.sql:3:"));
	assert_non_null(strstr(t.e.msg, "nowhere"));
	assert_int_equal(target_number(&t, "select count(*) from ran"), 1);
	assert_int_equal(target_ledger(&t, NULL), 1);
	target_files(&t, mended);
	t.job.task_run = STR("run-2");
	check_ok(target_run(&t), &t.e);
	assert_int_equal(t.result.applied, 2);
	assert_int_equal(t.result.present, 1);
	assert_null(t.result.failed);
	target_end(&t);
}

static void test_runner_edited(void **state)
{
	struct target t;
	static const char *const edited[] = { LOG_TABLE,
					      "m/2_x.sql=insert into ran values ('another');",
					      RAN("10"), RAN("11"), NULL };
	target_init(&t, *state, three);
	check_ok(target_run(&t), &t.e);
	target_files(&t, edited);
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_non_null(strstr(t.e.msg, "was changed after it was applied"));
	assert_int_equal(target_ledger(&t, NULL), 3);
	t.job.rules.allow_edited = 1;
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from ran where v = 'another'"), 0);
	assert_int_equal(target_ledger(&t, NULL), 4);
	target_end(&t);
}

static void test_runner_out_of_order(void **state)
{
	struct target t;
	static const char *const late[] = { LOG_TABLE, RAN("2"), RAN("9"), RAN("10"), NULL };
	target_init(&t, *state, three);
	check_ok(target_run(&t), &t.e);
	target_files(&t, late);
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_non_null(strstr(t.e.msg, "is older than the newest applied version '10'"));
	t.job.rules.allow_out_of_order = 1;
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_number(&t, "select count(*) from ran where v = '9'"), 1);
	target_end(&t);
}

static void test_runner_own_transaction(void **state)
{
	struct target t;
	static const char *const own[] = { LOG_TABLE,
					   "m/2_x.sql=insert into ran values ('2');\n commit;",
					   NULL };
	target_init(&t, *state, own);
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_ptr_equal(t.result.failed, &t.manifest.files[1]);
	assert_int_equal(t.result.place.statement, 2);
	assert_int_equal(t.result.place.line, 2);
	/* Nothing has run, the file before it neither. */
	assert_int_equal(t.result.applied, 0);
	assert_int_equal(target_ledger(&t, NULL), 0);
	target_end(&t);
}

static void test_runner_content(void **state)
{
	struct target t;
	target_init(&t, *state, three);
	t.spoil = "m/2_x.sql";
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_INPUT);
	assert_ptr_equal(t.result.failed, &t.manifest.files[1]);
	assert_int_equal(target_ledger(&t, NULL), 0);
	static const char *const none[] = { NULL };
	t.files = none;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_NOTFOUND);
	assert_int_equal(target_ledger(&t, NULL), 0);
	target_end(&t);
}

static void test_runner_stops(void **state)
{
	struct target t;
	target_init(&t, *state, three);
	t.stop_after = 2;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_non_null(strstr(t.e.msg, "stopped before migration '10'"));
	assert_int_equal(t.result.applied, 2);
	target_end(&t);
}

static void test_runner_cannot_open(void **state)
{
	struct target t;
	struct room *room = *state;
	target_init(&t, room, three);
	t.job.target.create = 0;
	t.job.target.database = room->pg != NULL ? STR("nope") : STR_NULL;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_NOTFOUND);
	assert_int_equal(t.logged_retries, 0);
	target_end(&t);
}

static void test_runner_odd_path(void **state)
{
	struct target t;
	struct revision *rows;
	static const char *const odd[] = { "m/1_\xff\n.sql=create table ran (v text);", NULL };
	target_init(&t, *state, odd);
	check_ok(target_run(&t), &t.e);
	assert_int_equal(target_ledger(&t, &rows), 1);
	assert_string_equal(rows[0].path.p, "m/1_?\n.sql");
	target_end(&t);
}

static void test_runner_damaged_ledger(void **state)
{
	struct target t;
	struct room *room = *state;
	static const char *const bad[] = { "01", "x" };
	target_init(&t, room, three);
	check_ok(target_run(&t), &t.e);
	for (size_t i = 0; i < 2; i++) {
		char sql[160];
		(void)snprintf(sql, sizeof sql, "update %s set version = '%s' where path = '%s'",
			       room->pg != NULL ? db_postgres.ledger : db_sqlite.ledger, bad[i],
			       "m/1_init.sql");
		target_exec(&t, sql);
		assert_int_equal(target_run(&t), -1);
		assert_int_equal(t.e.code, ERR_INPUT);
	}
	assert_int_equal(target_number(&t, "select count(*) from ran"), 3);
	target_end(&t);
}

/* What collides may be something else than the version. */
static void test_runner_ledger_collides(void **state)
{
	struct target t;
	struct room *room = *state;
	char sql[160];
	static const char *const one[] = { LOG_TABLE, NULL };
	target_init(&t, room, one);
	check_ok(target_run(&t), &t.e);
	(void)snprintf(sql, sizeof sql, "create unique index %s on %s (state)",
		       room->pg != NULL ? "ux" : "main.ux",
		       room->pg != NULL ? db_postgres.ledger : "tidegate_revision");
	target_exec(&t, sql);
	target_files(&t, three);
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_EXISTS);
	assert_non_null(strstr(t.e.msg, "migration '2' (m/2_x.sql)"));
	assert_non_null(strstr(t.e.msg, "its ledger row"));
	assert_int_equal(target_number(&t, "select count(*) from ran"), 1);
	target_end(&t);
}

static void test_revision_list_without_ledger(void **state)
{
	struct target t;
	target_init(&t, *state, three);
	assert_int_equal(target_ledger(&t, NULL), 0);
	target_end(&t);
}

/* A runner of another release gets in between two of our migrations. */
static void log_with_visitor(void *context, const char *kind, struct str text)
{
	struct target *t = context;
	static const char *const visitor[] = { LOG_TABLE, RAN("2"), RAN("20"), NULL };
	if (strcmp(kind, "file") == 0 && str_eq_cstr(text, "m/10_x.sql")) {
		struct target other;
		target_init(&other, t->room, visitor);
		other.job.target = t->job.target;
		other.job.task_run = STR("visitor");
		check_ok(target_run(&other), &other.e);
		target_end(&other);
	}
	target_log(context, kind, text);
}

static void test_runner_looks_again_within_transaction(void **state)
{
	struct target t;
	struct room *room = *state;
	if (room->pg != NULL)
		return; /* there the lock keeps the visitor out */
	target_init(&t, room, three);
	t.events.log = log_with_visitor;
	assert_int_equal(target_run(&t), -1);
	assert_int_equal(t.e.code, ERR_REFUSED);
	assert_non_null(strstr(t.e.msg, "'10' (m/10_x.sql) is older than the newest applied "
					"version '20'"));
	assert_int_equal(t.result.applied, 2);
	assert_int_equal(target_number(&t, "select count(*) from ran where v = '10'"), 0);
	target_end(&t);
}

/* ---- many runners ---- */

static const char *const twenty[] = { LOG_TABLE, RAN("2"),  RAN("3"),  RAN("4"),  RAN("5"),
				      RAN("6"),  RAN("7"),  RAN("8"),  RAN("9"),  RAN("10"),
				      RAN("11"), RAN("12"), RAN("13"), RAN("14"), RAN("15"),
				      RAN("16"), RAN("17"), RAN("18"), RAN("19"), RAN("20"),
				      NULL };

struct rival {
	struct target *shared;
	struct room room; /* an arena and a digest of its own */
	struct target t;
	char name[16];
	int rc;
};

static void *rival_body(void *argument)
{
	struct rival *r = argument;
	r->rc = target_run(&r->t);
	return NULL;
}

static void rivals(struct target *shared, struct rival *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		r[i].room = *shared->room;
		r[i].t = *shared;
		r[i].t.room = &r[i].room;
		r[i].t.events.context = &r[i].t;
		r[i].t.job.manifest = &shared->manifest;
		arena_init(&r[i].room.arena, 1 << 26);
		r[i].room.digest = digest_new();
		buf_init(&r[i].t.log, 1 << 20);
		(void)snprintf(r[i].name, sizeof r[i].name, "rival-%zu", i);
		r[i].t.job.task_run = str_of(r[i].name);
	}
	room_threads(n, rival_body, r, sizeof *r);
	for (size_t i = 0; i < n; i++) {
		check_ok(r[i].rc, &r[i].t.e);
		arena_free(&r[i].room.arena);
		digest_free(r[i].room.digest);
		buf_free(&r[i].t.log);
	}
}

static void test_runner_rivals(void **state)
{
	for (int round = 0; round < 5; round++) {
		struct target t;
		struct rival r[6];
		size_t applied = 0, seen = 0;
		target_init(&t, *state, twenty);
		rivals(&t, r, 6);
		for (size_t i = 0; i < 6; i++) {
			applied += r[i].t.result.applied;
			seen += r[i].t.result.applied + r[i].t.result.present;
		}
		assert_int_equal(applied, 20);
		assert_int_equal(seen, 120);
		assert_int_equal(target_number(&t, "select count(*) from ran"), 20);
		assert_int_equal(target_number(&t, "select count(distinct v) from ran"), 20);
		target_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		room_test(test_runner_applies),
		room_test(test_runner_again_does_nothing),
		room_test(test_runner_scripts),
		room_test(test_runner_failing_statement),
		room_test(test_runner_edited),
		room_test(test_runner_out_of_order),
		room_test(test_runner_own_transaction),
		room_test(test_runner_content),
		room_test(test_runner_stops),
		room_test(test_runner_cannot_open),
		room_test(test_runner_odd_path),
		room_test(test_runner_damaged_ledger),
		room_test(test_runner_ledger_collides),
		room_test(test_revision_list_without_ledger),
		room_test(test_runner_looks_again_within_transaction),
		room_test(test_runner_rivals),
	};
	return room_run(tests);
}
