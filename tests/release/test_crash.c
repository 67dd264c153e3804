/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at random moments: a child runs the migrations, the parent kills it, the next child goes
 * on. Each migration inserts a row into a table without a unique key, so a second run would show.
 */

#include "tests/release/target.h"

enum { MIGRATIONS = 120, KILLS = 50 };

static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245U + 12345U;
	return *state >> 16;
}

static char texts[MIGRATIONS][160];
static const char *files[MIGRATIONS + 1];

static void make_files(void)
{
	(void)snprintf(texts[0], sizeof texts[0],
		       "m/1_init.sql=create table ran (v integer); insert into ran values (1);");
	for (int i = 1; i < MIGRATIONS; i++)
		(void)snprintf(texts[i], sizeof texts[i],
			       "m/%d_x.sql=create table t%d (id integer primary key, n text);\n"
			       "insert into ran values (%d);",
			       i + 1, i, i + 1);
	for (int i = 0; i < MIGRATIONS; i++)
		files[i] = texts[i];
}

/* In the child: 0 when all is done. */
static int child(struct target *t, int attempt)
{
	char run[32];
	(void)snprintf(run, sizeof run, "run-%d", attempt);
	t->job.task_run = str_of(run);
	t->job.lock_wait_ms = 30000;
	t->job.target.lock_timeout_ms = 30000;
	return target_run(t) == 0 ? 0 : 1;
}

/* 1: it was killed at work; 0: it was done before. */
static int kill_one(struct target *t, int attempt, unsigned *random)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(child(t, attempt));
	assert_true(pid > 0);
	pg_pause((long)(next_random(random) % 80));
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return 1;
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

static void check_target(struct target *t)
{
	t->job.lock_wait_ms = 30000;
	check_ok(target_run(t), &t->e);
	assert_int_equal(target_number(t, "select count(*) from ran"), MIGRATIONS);
	assert_int_equal(target_number(t, "select count(distinct v) from ran"), MIGRATIONS);
	assert_int_equal(target_ledger(t, NULL), MIGRATIONS);
}

static void test_crash_exactly_once(void **state)
{
	struct room *room = *state;
	unsigned random = 20261123;
	int kills = 0, attempts = 0, targets = 0;
	make_files();
	while (kills < KILLS) {
		struct target t;
		int at_work = 1;
		assert_in_range(targets++, 0, KILLS * 4);
		target_init(&t, room, files);
		for (int i = 0; i < 8 && at_work && kills < KILLS; i++) {
			at_work = kill_one(&t, attempts++, &random);
			kills += at_work;
		}
		check_target(&t);
		target_end(&t);
	}
	print_message("%d kills over %d databases\n", kills, targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = { room_test(test_crash_exactly_once) };
	return room_run(tests);
}
