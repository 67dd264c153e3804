/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a working directory, and the commit that they are of. */

#include "base/mem.h"
#include "tests/vcs/git_fixture.h"
#include "vcs/checkout.h"
#include "vcs/repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct scene {
	struct fixture f;
	struct arena arena;
};

static const char script[] =
    "git init -q -b main w; cd w\n"
    "mkdir -p migrations/2024/deep .git/migrations other\n"
    "echo one > migrations/001.sql; echo two > migrations/2024/002.sql\n"
    "echo three > migrations/2024/deep/003.sql; echo x > other/004.sql\n"
    "ln -s 001.sql migrations/005.sql; ln -s 2024 migrations/linked\n"
    "mkfifo migrations/006.sql; echo x > .git/migrations/007.sql\n"
    "mkdir -p migrations/.git && echo x > migrations/.git/008.sql\n"
    "git add migrations/001.sql migrations/2024 other; git commit -q -m 'Add them\n\nbody'\n";

static int setup(void **state)
{
	struct scene *s = mem_array(1, sizeof *s);
	struct err e = { .code = ERR_NONE };
	assert_non_null(s);
	fixture_make(&s->f);
	fixture_sh(&s->f, NULL, 0, script);
	arena_init(&s->arena, 1024 * 1024);
	assert_int_equal(repo_library_init(&e), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	repo_library_shutdown();
	arena_free(&s->arena);
	fixture_remove(&s->f);
	mem_free(s);
	return 0;
}

static struct str work(struct scene *s, const char *below)
{
	return str_of(arena_printf(&s->arena, "%s/w%s", s->f.dir, below));
}

static void read_all(struct checkout *out, struct scene *s, const char *below, const char *pattern)
{
	AUTO(glob) struct glob *glob = NULL;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(glob_compile(&glob, str_of(pattern), &e), 0);
	if (checkout_read(out, work(s, below), glob, &s->arena, &e) != 0)
		fail_msg("%s", e.msg);
}

static void test_checkout_lists_plain_files(void **state)
{
	static const char *const want[] = { "migrations/001.sql", "migrations/2024/002.sql",
					    "migrations/2024/deep/003.sql" };
	struct checkout c;
	read_all(&c, *state, "", "migrations/**/*.sql");
	assert_int_equal(c.n, 3);
	for (size_t i = 0; i < c.n; i++)
		assert_string_equal(c.files[i].path.p, want[i]);
	assert_string_equal(c.files[1].content.p, "two\n");
	read_all(&c, *state, "/migrations", "*.sql");
	assert_int_equal(c.n, 1);
	read_all(&c, *state, "", "none/*.sql");
	assert_int_equal(c.n, 0);
}

static void test_checkout_refuses_what_it_cannot_read(void **state)
{
	struct scene *s = *state;
	AUTO(glob) struct glob *glob = NULL;
	struct checkout c;
	struct arena small;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(glob_compile(&glob, STR("**/*.sql"), &e), 0);
	assert_int_equal(checkout_read(&c, work(s, "/nowhere"), glob, &s->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	arena_init(&small, 256);
	assert_int_equal(checkout_read(&c, work(s, ""), glob, &small, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	arena_free(&small);
	for (long i = 0; i < 40; i++) {
		mem_fail_after(i);
		(void)(checkout_read(&c, work(s, ""), glob, &s->arena, &e) == 0);
		mem_fail_after(-1);
	}
}

static void test_checkout_knows_its_commit(void **state)
{
	struct scene *s = *state;
	struct checkout_commit commit;
	struct checkout c;
	struct err e = { .code = ERR_NONE };
	char head[41];
	fixture_sh(&s->f, head, sizeof head, "git -C w rev-parse HEAD");
	read_all(&c, s, "", "migrations/**/*.sql");
	assert_int_equal(checkout_commit(&commit, &c, work(s, ""), &s->arena, &e), 0);
	assert_string_equal(commit.id.p, head);
	assert_string_equal(commit.branch.p, "main");
	assert_string_equal(commit.subject.p, "Add them");
	assert_null(commit.changed.p);
	read_all(&c, s, "/migrations", "**/*.sql");
	assert_int_equal(checkout_commit(&commit, &c, work(s, "/migrations"), &s->arena, &e), 0);
	assert_null(commit.changed.p);
	fixture_sh(&s->f, NULL, 0, "echo new > w/migrations/2024/009.sql");
	read_all(&c, s, "", "migrations/**/*.sql");
	assert_int_equal(checkout_commit(&commit, &c, work(s, ""), &s->arena, &e), 0);
	assert_string_equal(commit.changed.p, "migrations/2024/009.sql");
}

static void test_checkout_without_a_repository(void **state)
{
	struct scene *s = *state;
	struct checkout c = { .n = 0 };
	struct checkout_commit commit;
	struct err e = { .code = ERR_NONE };
	fixture_sh(&s->f, NULL, 0, "git init -q fresh");
	assert_int_equal(checkout_commit(&commit, &c, STR("/"), &s->arena, &e), 0);
	assert_null(commit.id.p);
	const struct str fresh = str_of(arena_printf(&s->arena, "%s/fresh", s->f.dir));
	assert_int_equal(checkout_commit(&commit, &c, fresh, &s->arena, &e), 0);
	assert_null(commit.id.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_checkout_lists_plain_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkout_refuses_what_it_cannot_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_checkout_knows_its_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkout_without_a_repository, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
