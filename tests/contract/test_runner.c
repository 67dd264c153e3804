/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner on every driver, in one transaction and statement by statement: what is applied,
 * refused, resumed, tried without a trace, and how it waits for locks.
 */

#include "support/runner.h"

/* ---- what is applied and what is not ---- */

static const char *const three[] = { FIRST, FILE_OF("2"), FILE_OF("10"), NULL };

static void test_runner_applies_and_stays(void **state)
{
	struct fixture *f = *state;
	struct target t;
	clean(f);
	begin(&t, f, three);
	run_ok(&t);
	assert_int_equal(t.result.applied, 3);
	t.job.task_run = STR("run-2");
	run_ok(&t);
	assert_int_equal(t.result.applied, 0);
	assert_int_equal(t.result.present, 3);
	check_rows(f, 3);
	end(&t);
}

static void test_runner_refuses_before_it_runs(void **state)
{
	struct fixture *f = *state;
	struct target t;
	static const char *const bad[][3] = {
		{ FIRST, "m/2_x.sql=" ADD("2") "commit;", "'commit' is refused" },
		{ FIRST, "m/2_x.sql=-- txn-mode = maybe\n" ADD("2"), "is no txn-mode" },
		{ FIRST, "m/2_x.sql=-- txn-mode = off\nbegin;\n" ADD("2"), "is not ended" },
		{ FIRST, "m/2_x.sql=-- txn-mode = off\n" ADD("2") "commit;", "no transaction" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *const files[] = { bad[i][0], bad[i][1], NULL };
		struct revision row;
		clean(f);
		begin(&t, f, files);
		run_refused(&t, bad[i][2]);
		assert_true(t.result.place.line > 0);
		assert_int_equal(has_row(&row, &t, "1"), 0);
		assert_int_equal(number(f, "select count(*) from ran"), -1);
		end(&t);
	}
}

static void test_runner_runs_all_sorts(void **state)
{
	struct fixture *f = *state;
	const char *const files[] = { dialect(f)->sorts, FILE_OF("11"), NULL };
	struct target t;
	struct revision row;
	clean(f);
	begin(&t, f, files);
	run_ok(&t);
	assert_int_equal(t.result.applied, 2);
	check_rows(f, 5);
	assert_int_equal(number(f, dialect(f)->third_is_done), 1);
	assert_int_equal(has_row(&row, &t, "1"), 1);
	assert_string_equal(row.state.p, "applied");
	assert_int_equal(row.statements, 10);
	assert_int_equal(row.statements_done, 10);
	assert_int_equal(row.in_flight, 0);
	assert_null(row.probe.p);
	assert_non_null(strstr(t.log.p, "runs statement by statement: the file says"));
	assert_non_null(strstr(t.log.p, "10 statements in "));
	end(&t);
}

static void test_runner_outside_by_need(void **state)
{
	struct fixture *f = *state;
	struct target t;
	char text[128], strict[160];
	(void)snprintf(text, sizeof text, "m/2_x.sql=" ADD("2") "%s;\n", dialect(f)->outside);
	(void)snprintf(strict, sizeof strict, "m/3_x.sql=-- txn-mode = on\n" ADD("3") "%s;\n",
		       dialect(f)->outside);
	const char *const files[] = { FIRST, text, strict, NULL };
	const char *const fine[] = { FIRST, text, NULL };
	clean(f);
	begin(&t, f, files);
	run_refused(&t, "the file says 'txn-mode = on'");
	assert_int_equal(t.result.place.line, 3);
	assert_int_equal(t.result.applied, 0);
	set_files(&t, fine);
	run_ok(&t);
	assert_non_null(strstr(t.log.p, "cannot run in a transaction"));
	check_rows(f, 2);
	end(&t);
}

static void test_runner_empty_files(void **state)
{
	struct fixture *f = *state;
	struct target t;
	static const char *const files[] = { "m/1_a.sql=", "m/2_b.sql=-- only a comment\n",
					     "m/3_c.sql=-- txn-mode = off\n", NULL };
	struct revision row;
	clean(f);
	begin(&t, f, files);
	run_ok(&t);
	assert_int_equal(t.result.applied, 3);
	assert_int_equal(has_row(&row, &t, "3"), 1);
	assert_string_equal(row.state.p, "applied");
	end(&t);
}

/* ---- failures ---- */

#define STOPS_AT_4                                                                                 \
	"m/2_x.sql=-- txn-mode = off\n" ADD("2") ADD("3") ADD("4") "insert into nowhere values "   \
								   "('x');\n" ADD("5")

static void test_runner_goes_on_at_the_failed_statement(void **state)
{
	struct fixture *f = *state;
	struct target t;
	struct revision row;
	static const char *const files[] = { FIRST, STOPS_AT_4, NULL };
	clean(f);
	begin(&t, f, files);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run(&t), -1);
		assert_int_equal(t.e.code, ERR_DB);
		assert_int_equal(t.result.place.statement, 4);
		assert_int_equal(t.result.place.line, 5);
		assert_int_equal(has_row(&row, &t, "2"), 1);
		assert_string_equal(row.state.p, "started");
		assert_int_equal(row.statements_done, 3);
		assert_int_equal(row.in_flight, 0);
	}
	run_sql(f->db, "create table nowhere (v varchar(20))");
	t.job.task_run = STR("run-2");
	run_ok(&t);
	assert_int_equal(t.result.applied, 1);
	check_rows(f, 5);
	assert_int_equal(number(f, "select count(*) from nowhere"), 1);
	assert_non_null(strstr(t.log.p, "goes on at statement 4 of 5 (5:1)"));
	end(&t);
}

static void test_runner_edited_while_unfinished(void **state)
{
	struct fixture *f = *state;
	struct target t;
	static const char *const files[] = { FIRST, STOPS_AT_4, NULL };
	static const char *const mended[] = { FIRST,
					      "m/2_x.sql=" ADD("2") ADD("3") ADD("4") ADD("5"),
					      NULL };
	clean(f);
	begin(&t, f, files);
	assert_int_equal(run(&t), -1);
	set_files(&t, mended);
	t.job.rules.allow_edited = 1;
	run_refused(&t, "was changed while it is unfinished (3 of 5 statements are done)");
	resolve(&t, "2", RESOLVE_FROM_STATEMENT, 9);
	run_refused(&t, "it has 4");
	resolve(&t, "2", RESOLVE_FROM_STATEMENT, 4);
	run_ok(&t);
	check_rows(f, 5);
	end(&t);
}

static void test_runner_resolve_refuses(void **state)
{
	struct fixture *f = *state;
	struct target t;
	struct revision a, b;
	static const char *const files[] = { FIRST, STOPS_AT_4, NULL };
	const struct resolve applied = { .how = RESOLVE_APPLIED, .by = STR("mary") };
	const struct resolve undone = { .how = RESOLVE_NOT_APPLIED, .by = STR("mary") };
	const struct resolve all = { .how = RESOLVE_ALL_APPLIED,
				     .by = STR("mary"),
				     .reason = STR("by hand") };
	clean(f);
	begin(&t, f, files);
	assert_int_equal(run(&t), -1);
	must_fail(ERR_NOTFOUND, resolve_revision(&a, &b, f->db, STR("1"), &all, &t.arena, &e));
	must_fail(ERR_NOTFOUND, resolve_revision(&a, &b, f->db, STR("9"), &all, &t.arena, &e));
	must_fail(ERR_REFUSED, resolve_revision(&a, &b, f->db, STR("2"), &applied, &t.arena, &e));
	must_fail(ERR_REFUSED, resolve_revision(&a, &b, f->db, STR("2"), &undone, &t.arena, &e));
	must(resolve_revision(&a, &b, f->db, STR("2"), &all, &t.arena, &e));
	assert_string_equal(a.state.p, "started");
	assert_string_equal(b.applied_by.p, "mary: --all-applied: by hand");
	run_ok(&t);
	check_rows(f, 4);
	end(&t);
}

/* Nothing tells what became of the third statement of the sorts. */
static void test_runner_asks_a_person(void **state)
{
	struct fixture *f = *state;
	const char *const files[] = { dialect(f)->sorts, NULL };
	struct target t;
	char sql[200];
	if (strcmp(dialect(f)->driver, "sqlite") == 0)
		return; /* all that it runs outside a transaction may be run again */
	clean(f);
	begin(&t, f, files);
	run_ok(&t);
	(void)snprintf(sql, sizeof sql,
		       "update %s set state = 'started', statements_done = 2, in_flight = 3,"
		       " probe = null",
		       db_ledger(f->db));
	run_sql(f->db, sql);
	for (int i = 0; i < 2; i++) {
		run_refused(&t, "whether it ran is not known");
		assert_non_null(strstr(t.e.msg, "m/1_sorts.sql:4:1, statement 3"));
		assert_non_null(strstr(t.e.msg, "`tidegate revisions resolve instances/i/databases/"
						"d 1 --applied` or `--not-applied`"));
		check_rows(f, 4);
	}
	run_sql(f->db, "delete from ran where v <> '2'");
	resolve(&t, "1", RESOLVE_APPLIED, 0);
	run_ok(&t);
	check_rows(f, 4);
	end(&t);
}

/* ---- dry runs ---- */

static void dry_run(struct runner_dry *out, struct target *t)
{
	t->e = (struct err){ .code = ERR_NONE };
	check_ok(runner_dry_run(out, &t->job, &t->events, &t->arena, &t->e), &t->e);
}

static void test_runner_dry_run(void **state)
{
	struct fixture *f = *state;
	struct target t;
	struct runner_dry dry;
	struct revision row;
	static const char *const first[] = { FIRST, NULL };
	static const char *const files[] = { FIRST, "m/2_x.sql=" ADD("2") ADD("3"), FILE_OF("4"),
					     NULL };
	clean(f);
	begin(&t, f, first);
	run_ok(&t);
	set_files(&t, files);
	dry_run(&dry, &t);
	assert_int_equal(dry.n, 2);
	assert_int_equal(dry.present, 1);
	assert_int_equal(dry.failed + dry.not_tried, 0);
	assert_int_equal(dry.trials[0].outcome, RUNNER_TRIED);
	assert_int_equal(dry.trials[0].statements, 2);
	assert_int_equal(dry.trials[0].changed, 2);
	assert_int_equal(dry.trials[1].outcome, RUNNER_TRIED);
	assert_int_equal(has_row(&row, &t, "2"), 0);
	check_rows(f, 1);
	run_ok(&t);
	check_rows(f, 4);
	end(&t);
}

static void test_runner_dry_run_says_what_fails(void **state)
{
	struct fixture *f = *state;
	struct target t;
	struct runner_dry dry;
	char outside[64];
	(void)snprintf(outside, sizeof outside, "m/3_x.sql=%s;\n", dialect(f)->outside);
	static const char *const first[] = { FIRST, NULL };
	const char *const failing[] = { FIRST, FILE_OF("2"), "m/3_x.sql=select 1;\n  select x y z;",
					FILE_OF("4"), NULL };
	const char *const untried[] = { FIRST, FILE_OF("2"), outside, FILE_OF("4"), NULL };
	clean(f);
	begin(&t, f, first);
	run_ok(&t);
	set_files(&t, failing);
	dry_run(&dry, &t);
	assert_int_equal(dry.failed, 1);
	assert_int_equal(dry.not_tried, 1);
	assert_int_equal(dry.trials[1].outcome, RUNNER_FAILED);
	assert_int_equal(dry.trials[1].place.line, 2);
	assert_non_null(strstr(dry.trials[2].why.p, "behind 'm/3_x.sql'"));
	set_files(&t, untried);
	dry_run(&dry, &t);
	assert_int_equal(dry.trials[0].outcome, RUNNER_TRIED);
	assert_int_equal(dry.not_tried, 2);
	assert_non_null(strstr(dry.trials[1].why.p, "cannot run in a transaction"));
	check_rows(f, 1);
	end(&t);
}

/* ---- locks ---- */

struct holder {
	struct db *db;
	long ms;
};

static void *let_go(void *context)
{
	struct holder *h = context;
	pg_pause(h->ms);
	db_rollback(h->db);
	return NULL;
}

static void hold(struct fixture *f, struct holder *h, long ms)
{
	clean(f);
	run_sql(f->db, "create table held (v varchar(20))");
	run_sql(f->db, "insert into held values ('a')");
	h->db = connect_to(f);
	h->ms = ms;
	must(db_begin(h->db, &e));
	run_sql(h->db, "update held set v = 'b'");
}

static void lock_case(struct fixture *f, const char *const *files)
{
	struct target t;
	struct holder h;
	pthread_t thread;
	hold(f, &h, 1800);
	begin(&t, f, files);
	t.job.target.lock_timeout_ms = 1000; /* what MySQL counts in */
	t.job.lock_retries = 3;
	t.job.lock_retry_delay_ms = 200;
	assert_int_equal(pthread_create(&thread, NULL, let_go, &h), 0);
	int rc = run(&t);
	(void)pthread_join(thread, NULL);
	if (rc != 0)
		fail_msg("%s\n%s", t.e.msg, t.log.p);
	assert_non_null(strstr(t.log.p, "retry: retry 1 of 3 in 200 ms: "));
	assert_int_equal(number(f, "select count(*) from held where v = 'ac'"), 1);
	db_close(h.db);
	end(&t);
}

#define APPEND "update held set v = concat(v, 'c');\n"
#define APPEND_SQLITE "update held set v = v || 'c';\n"

static void test_runner_waits_for_locks(void **state)
{
	struct fixture *f = *state;
	int sqlite = strcmp(dialect(f)->driver, "sqlite") == 0;
	const char *update = sqlite ? APPEND_SQLITE : APPEND;
	char whole[128], steps[160];
	(void)snprintf(whole, sizeof whole, "m/1_x.sql=%s", update);
	(void)snprintf(steps, sizeof steps, "m/1_x.sql=-- txn-mode = off\nselect 1;\n%s", update);
	const char *const one[] = { whole, NULL }, *const two[] = { steps, NULL };
	lock_case(f, one);
	lock_case(f, two);
}

static void test_runner_gives_up_on_locks(void **state)
{
	struct fixture *f = *state;
	struct target t;
	struct holder h;
	static const char *const files[] = { "m/1_x.sql=update held set v = 'c';\n", NULL };
	hold(f, &h, 0);
	begin(&t, f, files);
	t.job.target.lock_timeout_ms = 1000;
	t.job.lock_retries = 1;
	t.job.lock_retry_delay_ms = 10;
	assert_int_equal(run(&t), -1);
	assert_int_equal(t.e.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(t.log.p, "retry 1 of 1 in 10 ms"));
	atomic_store(&t.stop, 1);
	buf_clear(&t.log);
	assert_int_equal(run(&t), -1);
	assert_null(strstr(t.log.p, "retry"));
	db_close(h.db);
	end(&t);
}

/* ---- two runners ---- */

static void *rival(void *context)
{
	struct target *t = context;
	return run(t) == 0 ? NULL : t;
}

static void test_runner_two_at_once(void **state)
{
	struct fixture *f = *state;
	const char *const files[] = { dialect(f)->sorts, FILE_OF("11"), FILE_OF("12"), NULL };
	for (int round = 0; round < 3; round++) {
		struct target t[2];
		pthread_t threads[2];
		void *failed[2];
		clean(f);
		for (int i = 0; i < 2; i++)
			begin(&t[i], f, files);
		t[1].job.task_run = STR("run-2");
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, rival, &t[i]), 0);
		for (int i = 0; i < 2; i++)
			(void)pthread_join(threads[i], &failed[i]);
		for (int i = 0; i < 2; i++) {
			if (failed[i] != NULL)
				fail_msg("%s\n%s", t[i].e.msg, t[i].log.p);
			assert_int_equal(t[i].result.applied + t[i].result.present, 3);
		}
		assert_int_equal(t[0].result.applied + t[1].result.applied, 3);
		check_rows(f, 6);
		end(&t[0]);
		end(&t[1]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_runner_applies_and_stays),
		TEST(test_runner_refuses_before_it_runs),
		TEST(test_runner_runs_all_sorts),
		TEST(test_runner_outside_by_need),
		TEST(test_runner_empty_files),
		TEST(test_runner_goes_on_at_the_failed_statement),
		TEST(test_runner_edited_while_unfinished),
		TEST(test_runner_resolve_refuses),
		TEST(test_runner_asks_a_person),
		TEST(test_runner_dry_run),
		TEST(test_runner_dry_run_says_what_fails),
		TEST(test_runner_waits_for_locks),
		TEST(test_runner_gives_up_on_locks),
		TEST(test_runner_two_at_once),
	};
	return run_drivers(tests, sizeof tests / sizeof tests[0]);
}
