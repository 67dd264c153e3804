/* SPDX-License-Identifier: Apache-2.0 */
/* Full names: each form there and back, and what is no name. */

#include "release/name.h"
#include "tests/support/check.h"

static void test_name_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum name_kind kind;
	} cases[] = {
		{ "projects/p/releases/release_20261123-RC00", NAME_RELEASE },
		{ "projects/p/plans/1", NAME_PLAN },
		{ "projects/rollout/plans/12/rollout", NAME_ROLLOUT },
		{ "projects/p/plans/12/rollout/stages/prod", NAME_STAGE },
		{ "projects/p/plans/12/rollout/stages/tasks/tasks/3", NAME_TASK },
		{ "projects/p/plans/9223372036854775807/rollout/stages/prod/tasks/3/taskRuns/4",
		  NAME_TASK_RUN },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		AUTO(arena) struct arena arena;
		struct name name;
		struct err e;
		arena_init(&arena, 4096);
		check_ok(name_parse(&name, str_of(cases[i].text), &e), &e);
		assert_int_equal(name.kind, cases[i].kind);
		assert_string_equal(name_text(&name, &arena).p, cases[i].text);
	}
}

static void test_name_parts(void **state)
{
	(void)state;
	struct name name;
	struct err e;
	check_ok(
	    name_parse(&name, STR("projects/p/plans/2/rollout/stages/e/tasks/3/taskRuns/4"), &e),
	    &e);
	assert_true(str_eq_cstr(name.project, "p"));
	assert_int_equal(name.plan, 2);
	assert_true(str_eq_cstr(name.environment, "e"));
	assert_int_equal(name.task, 3);
	assert_int_equal(name.task_run, 4);
	check_ok(name_parse(&name, STR("projects/p/releases/r"), &e), &e);
	assert_true(str_eq_cstr(name.release, "r"));
}

static void test_name_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"projects",
		"projects/",
		"projects/p",
		"projects//releases/r",
		"projects/p/",
		"projects/p/releases",
		"projects/p/releases/",
		"projects/p/releases/r/",
		"projects/p/releases/r/files",
		"projects/p/sheets/s",
		"/projects/p/releases/r",
		"Projects/p/releases/r",
		"projects/p/plans/0",
		"projects/p/plans/-1",
		"projects/p/plans/01",
		"projects/p/plans/x",
		"projects/p/plans/",
		"projects/p/plans/9223372036854775808",
		"projects/p/plans/1/",
		"projects/p/plans/1/rollouts",
		"projects/p/plans/1/rollout/",
		"projects/p/plans/1/rollout/stages",
		"projects/p/plans/1/rollout/stages/",
		"projects/p/plans/1/rollout/stages/e/tasks",
		"projects/p/plans/1/rollout/stages/e/tasks/x",
		"projects/p/plans/1/rollout/stages/e/tasks/1/taskRuns",
		"projects/p/plans/1/rollout/stages/e/tasks/1/taskRuns/1/",
		"projects/p/plans/1/rollout/stages/e/tasks/1/taskRuns/1/log",
		"projects/a\nb/releases/r",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct name name = { .plan = 77 };
		struct err e = { .code = ERR_NONE };
		if (name_parse(&name, str_of(cases[i]), &e) == 0)
			fail_msg("'%s' was taken", cases[i]);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(name.plan, 77);
	}
	assert_int_equal(name_parse(&(struct name){ .plan = 0 }, STR_NULL, NULL), -1);
}

static void test_name_without_memory(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct name name = { .kind = NAME_PLAN, .project = STR("p"), .plan = 1 };
	arena_init(&arena, 4);
	assert_null(name_text(&name, &arena).p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_forms),
		cmocka_unit_test(test_name_parts),
		cmocka_unit_test(test_name_refused),
		cmocka_unit_test(test_name_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
