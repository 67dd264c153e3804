/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner's process killed before and after each of its calls to the database, on every driver:
 * whoever comes next finishes the work, and nothing was done twice or left out.
 */

#include "support/runner.h"

#include <sys/wait.h>

enum { KILLED = 42, POINTS_MAX = 400 };

/* The process ends at the n-th of its calls to the database: before it, or after it. */
static struct {
	const struct db_driver *inner;
	struct db_driver driver;
	int left;
} killer;

static void tick(void)
{
	if (killer.left-- == 0)
		_exit(KILLED);
}

#define AND_KILL(call)                                                                             \
	tick();                                                                                    \
	int rc = killer.inner->call;                                                               \
	tick();                                                                                    \
	return rc

static int kill_query(struct db_rows **out, struct db *db, const char *sql,
		      const struct db_value *args, size_t n, int64_t *changed, struct err *e)
{
	AND_KILL(query(out, db, sql, args, n, changed, e));
}

static int kill_begin(struct db *db, struct err *e)
{
	AND_KILL(begin(db, e));
}

static int kill_commit(struct db *db, struct err *e)
{
	AND_KILL(commit(db, e));
}

static int kill_script(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	AND_KILL(script(db, text, script, e));
}

static int kill_statement(struct db *db, const struct db_statement *statement,
			  struct db_script *script, struct err *e)
{
	AND_KILL(statement(db, statement, script, e));
}

static int kill_reset(struct db *db, struct err *e)
{
	AND_KILL(reset(db, e));
}

static void arm(void *context, struct db *db)
{
	(void)context;
	if (db == NULL)
		return;
	killer.inner = db->driver;
	killer.driver = *db->driver;
	killer.driver.query = kill_query;
	killer.driver.begin = kill_begin;
	killer.driver.commit = kill_commit;
	killer.driver.script = kill_script;
	killer.driver.statement = kill_statement;
	killer.driver.reset = kill_reset;
	db->driver = &killer.driver;
}

/* 1: a child ran and was killed at its n-th point; 0: it came to its end. */
static int run_and_kill(struct target *t, int n)
{
	int status = 0;
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		killer.left = n;
		t->events.session = arm;
		_exit(run(t) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == KILLED || WEXITSTATUS(status) == 0);
	return WEXITSTATUS(status) == KILLED;
}

/* What a person would find: is the statement in flight done? */
static int is_done(struct target *t, int64_t statement)
{
	if (statement == 1)
		return number(t->f, "select count(*) from ran") >= 0;
	assert_int_equal(statement, 3);
	return number(t->f, dialect(t->f)->third_is_done) == 1;
}

/* The runs after the kill, and a person's word where they ask for it; how often they did. */
static int recover(struct target *t)
{
	struct revision row;
	int asked = 0;
	t->job.task_run = STR("run-2");
	while (run(t) != 0) {
		if (t->e.code != ERR_REFUSED || strstr(t->e.msg, "is not known") == NULL)
			fail_msg("%s\n%s", t->e.msg, t->log.p);
		assert_int_equal(has_row(&row, t, "1"), 1);
		resolve(t, "1", is_done(t, row.in_flight) ? RESOLVE_APPLIED : RESOLVE_NOT_APPLIED,
			0);
		assert_in_range(++asked, 1, 2);
	}
	return asked;
}

static void kill_everywhere(struct fixture *f, const char *const *files, int64_t rows)
{
	int asked = 0, n = 0;
	db_close(f->db); /* not to be shared with the children */
	f->db = NULL;
	for (int killed = 1; killed; n++) {
		struct target t;
		clean(f);
		begin(&t, f, files);
		killed = run_and_kill(&t, n);
		asked += recover(&t);
		check_rows(f, rows);
		end(&t);
		assert_in_range(n, 0, POINTS_MAX);
	}
	print_message("%d points, a person was asked %d times\n", n - 1, asked);
}

static void test_runner_kill_points_in_transaction(void **state)
{
	static const char *const files[] = { FIRST, FILE_OF("2"), NULL };
	kill_everywhere(*state, files, 2);
}

static void test_runner_kill_points_in_steps(void **state)
{
	struct fixture *f = *state;
	const char *const files[] = { dialect(f)->sorts, FILE_OF("11"), NULL };
	kill_everywhere(f, files, 5);
	assert_int_equal(number(f, dialect(f)->third_is_done), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_runner_kill_points_in_transaction),
		TEST(test_runner_kill_points_in_steps),
	};
	return run_drivers(tests, sizeof tests / sizeof tests[0]);
}
