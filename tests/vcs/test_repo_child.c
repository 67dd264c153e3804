/* SPDX-License-Identifier: Apache-2.0 */
/* Children with a deadline: what they say, how they end, and that nothing of them stays. */

#include "base/clock.h"
#include "tests/vcs/git_fixture.h"
#include "vcs/repo_impl.h"

#include <poll.h>

static int run(struct repo_child_result *out, const char *script, int64_t timeout_ms,
	       int (*stop)(void *), void *context)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	char *const envp[] = { NULL };
	const struct repo_child child = { argv, envp, timeout_ms, stop, context };
	struct err e = { .code = ERR_NONE };
	return repo_child_run(out, &child, &e);
}

static void test_repo_child_tells_how_it_ended(void **state)
{
	struct repo_child_result r;
	(void)state;
	assert_int_equal(run(&r, "echo out; echo err >&2; exit 3", 5000, NULL, NULL), 0);
	assert_int_equal(r.end, REPO_CHILD_EXITED);
	assert_true(WIFEXITED(r.status));
	assert_int_equal(WEXITSTATUS(r.status), 3);
	assert_true(str_eq_cstr((struct str){ r.text, r.n }, "err\n"));
	assert_int_equal(run(&r, "kill -9 $$", 5000, NULL, NULL), 0);
	assert_true(WIFSIGNALED(r.status));
}

/* No descriptor, no variable and no blocked signal of ours reaches it. */
static void test_repo_child_starts_clean(void **state)
{
	struct repo_child_result r;
	(void)state;
	assert_int_equal(run(&r,
			     "env | grep -v -e '^PWD=' -e '^_=' -e '^SHLVL=' >&2; "
			     "grep SigBlk /proc/self/status >&2; read x || echo no input >&2",
			     5000, NULL, NULL),
			 0);
	assert_true(
	    str_eq_cstr((struct str){ r.text, r.n }, "SigBlk:\t0000000000000000\nno input\n"));
}

static void test_repo_child_keeps_the_end_of_long_output(void **state)
{
	struct repo_child_result r;
	(void)state;
	assert_int_equal(run(&r,
			     "i=0; while [ $i -lt 3000 ]; do echo \"line $i of many\" >&2; "
			     "i=$((i+1)); done; echo last >&2",
			     20000, NULL, NULL),
			 0);
	assert_in_range(r.n, 1000, sizeof r.text);
	assert_true(str_ends((struct str){ r.text, r.n }, STR("line 2999 of many\nlast\n")));
}

/* Whether the process that the child wrote down is gone: dead, or waiting to be reaped by init. */
static int is_gone(struct str text)
{
	char path[64], line[256] = "";
	(void)snprintf(path, sizeof path, "/proc/%.*s/stat", STR_ARG(str_first(text, 10)));
	for (int i = 0; i < 200; i++) {
		AUTO(fclose) FILE *f = fopen(path, "r");
		if (f == NULL || fgets(line, sizeof line, f) == NULL ||
		    strstr(line, ") Z ") != NULL)
			return 1;
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

static void test_repo_child_is_killed_with_its_group(void **state)
{
	static const char *const scripts[] = {
		"sleep 100 & printf %s $! >&2; wait",
		/* one that does not want to end */
		"trap '' TERM; sh -c 'trap \"\" TERM; sleep 100; sleep 100' & printf %s $! >&2; "
		"while :; do sleep 1; done",
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct repo_child_result r;
		int64_t start = clock_mono_ms();
		assert_int_equal(run(&r, scripts[i], 300, NULL, NULL), 0);
		assert_in_range(clock_mono_ms() - start, 300, 4000);
		assert_int_equal(r.end, REPO_CHILD_TIMEOUT);
		assert_in_range(r.n, 1, 10);
		char text[16] = "";
		memcpy(text, r.text, r.n);
		assert_true(is_gone(str_of(text)));
	}
}

/* A helper that stays behind after its parent ended in time. */
static void test_repo_child_leaves_nobody_behind(void **state)
{
	struct repo_child_result r;
	(void)state;
	int64_t start = clock_mono_ms();
	assert_int_equal(run(&r, "sleep 100 & printf %s $! >&2", 60000, NULL, NULL), 0);
	assert_in_range(clock_mono_ms() - start, 0, 5000);
	assert_int_equal(r.end, REPO_CHILD_EXITED);
	char text[16] = "";
	memcpy(text, r.text, r.n);
	assert_true(is_gone(str_of(text)));
}

static int after_three(void *context)
{
	int *asked = context;
	return ++*asked >= 3;
}

static void test_repo_child_stops_when_asked(void **state)
{
	struct repo_child_result r;
	int asked = 0;
	(void)state;
	int64_t start = clock_mono_ms();
	assert_int_equal(run(&r, "exec sleep 100", 60000, after_three, &asked), 0);
	assert_int_equal(r.end, REPO_CHILD_STOPPED);
	assert_int_equal(asked, 3);
	assert_in_range(clock_mono_ms() - start, 0, 5000);
}

/* Closing its output is not ending, and writing for ever does not stop the clock. */
static void test_repo_child_is_watched_without_output(void **state)
{
	struct repo_child_result r;
	(void)state;
	assert_int_equal(run(&r, "exec 2>&-; sleep 0.3; exit 5", 5000, NULL, NULL), 0);
	assert_int_equal(WEXITSTATUS(r.status), 5);
	assert_int_equal(run(&r, "while :; do echo xxxxxxxxxxxxxxxx >&2; done", 300, NULL, NULL),
			 0);
	assert_int_equal(r.end, REPO_CHILD_TIMEOUT);
}

static void test_repo_child_needs_its_program(void **state)
{
	const char *const argv[] = { "tidegate-no-such-program", NULL };
	char *const envp[] = { NULL };
	const struct repo_child child = { argv, envp, 1000, NULL, NULL };
	struct repo_child_result r;
	struct err e = { .code = ERR_NONE };
	(void)state;
	assert_int_equal(repo_child_run(&r, &child, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_int_equal(e.sys, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repo_child_tells_how_it_ended),
		cmocka_unit_test(test_repo_child_starts_clean),
		cmocka_unit_test(test_repo_child_keeps_the_end_of_long_output),
		cmocka_unit_test(test_repo_child_is_killed_with_its_group),
		cmocka_unit_test(test_repo_child_leaves_nobody_behind),
		cmocka_unit_test(test_repo_child_stops_when_asked),
		cmocka_unit_test(test_repo_child_is_watched_without_output),
		cmocka_unit_test(test_repo_child_needs_its_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
