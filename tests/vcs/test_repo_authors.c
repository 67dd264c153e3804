/* SPDX-License-Identifier: Apache-2.0 */
/* The authors of the commits that a push added. */

#include "base/arena.h"
#include "tests/vcs/git_fixture.h"
#include "vcs/author.h"
#include "vcs/repo.h"

struct scene {
	struct fixture f;
	struct repo *repo;
	struct arena arena;
};

/* Each name is a ref of the bare repository. */
static const char script[] =
    "git init -q -b main w; cd w\n"
    "by() { GIT_AUTHOR_NAME=$1 GIT_AUTHOR_EMAIL=$2 git commit -q --allow-empty -m \"$1\"; }\n"
    "at() { export GIT_COMMITTER_DATE=\"2026-01-02T03:0$1:00Z\"; }\n"
    "at 0; by First first@x; git branch first\n"
    "at 1; by Mona mona@x; at 2; by Lee lee@x; at 3; by 'Mona again' MONA@X; git branch three\n"
    "git checkout -q -b side first; at 4; by Side side@x\n"
    "git checkout -q -b merged three; at 5\n"
    "GIT_AUTHOR_EMAIL=merger@x git merge -q --no-ff -m merge side\n"
    "git checkout -q -b rewritten first; at 6; by Other other@x\n"
    "git checkout -q --orphan unnamed; at 7; git commit -q --allow-empty -m none\n"
    "git cat-file commit HEAD | sed 's/^author .* <.*>/author Nobody <>/' > ../raw\n"
    "git update-ref refs/heads/unnamed $(git hash-object -t commit -w --stdin < ../raw)\n"
    /* Nothing but a merge: both parents were there. */
    "git update-ref refs/heads/evil $(git -c user.name=E commit-tree -p merged -p rewritten -m e "
    "merged^{tree})\n"
    "cd ..; git clone -q --bare w r.git";

static int scene_setup(void **state)
{
	static struct scene s;
	struct err e = { .code = ERR_NONE };
	char path[128];
	fixture_make(&s.f);
	fixture_sh(&s.f, NULL, 0, script);
	assert_int_equal(repo_library_init(&e), 0);
	(void)snprintf(path, sizeof path, "%s/r.git", s.f.dir);
	if (repo_open(&s.repo, str_of(path), &e) != 0)
		fail_msg("%s", e.msg);
	arena_init(&s.arena, 1 << 20);
	*state = &s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;
	repo_close(s->repo);
	arena_free(&s->arena);
	fixture_remove(&s->f);
	repo_library_shutdown();
	return 0;
}

/* Addresses of what lies between two refs; "-" for `before` is a new branch. */
static void authors(char out[256], struct scene *s, const char *before, const char *after)
{
	struct err e = { .code = ERR_NONE };
	struct author_commit *list;
	char from[41] = "", to[41];
	size_t n;
	if (before[0] == '-')
		(void)snprintf(from, sizeof from, "%040d", 0);
	else if (before[0] == 'd')
		memcpy(from, "dddddddddddddddddddddddddddddddddddddddd", 41);
	else if (repo_branch_tip(from, s->repo, str_of(before), &e) != 0)
		fail_msg("%s", e.msg);
	if (repo_branch_tip(to, s->repo, str_of(after), &e) != 0 ||
	    repo_authors(&list, &n, s->repo, str_of(from), str_of(to), &s->arena, &e) != 0)
		fail_msg("%s", e.msg);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const size_t at = strlen(out);
		(void)snprintf(out + at, 256 - at, "%s%.*s", i > 0 ? " " : "",
			       STR_ARG(list[i].email.n > 0 ? list[i].email : list[i].name));
	}
}

static void test_repo_authors_of_ranges(void **state)
{
	static const struct {
		const char *before, *after, *authors;
	} rows[] = {
		/* Each author once, of the newest commit first. */
		{ "first", "three", "MONA@X lee@x" },
		/* The branch that was merged counts, who merged it does not. */
		{ "three", "merged", "side@x" },
		{ "first", "merged", "side@x MONA@X lee@x" },
		/* A forced push adds what the old tip did not have. */
		{ "three", "rewritten", "other@x" },
		/* Nothing was added: the same tip, or an older one. */
		{ "three", "three", "" },
		{ "three", "first", "" },
		/* A new branch, and an old tip that is not there. */
		{ "-", "three", "MONA@X" },
		{ "d", "three", "MONA@X" },
		{ "-", "unnamed", "Nobody" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char got[256];
		authors(got, *state, rows[i].before, rows[i].after);
		if (strcmp(got, rows[i].authors) != 0)
			fail_msg("%s..%s: %s", rows[i].before, rows[i].after, got);
	}
}

static void test_repo_authors_of_a_merge_alone_is_who_made_it(void **state)
{
	struct scene *s = *state;
	struct err e = { .code = ERR_NONE };
	struct author_commit *list;
	char merge[41], from[41];
	size_t n;
	if (repo_branch_tip(from, s->repo, STR("merged"), &e) != 0 ||
	    repo_branch_tip(merge, s->repo, STR("evil"), &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(
	    repo_authors(&list, &n, s->repo, str_of(from), str_of(merge), &s->arena, &e), 0);
	/* other@x came with the merge's second parent. */
	assert_int_equal(n, 1);
	assert_true(str_eq_cstr(list[0].email, "other@x"));
	assert_int_equal(repo_authors(&list, &n, s->repo, STR_NULL, str_of(merge), &s->arena, &e),
			 0);
	assert_int_equal(n, 1);
	assert_true(str_eq_cstr(list[0].email, "a@example.test"));
}

static void test_repo_authors_fails_with_a_reason(void **state)
{
	struct scene *s = *state;
	struct err e = { .code = ERR_NONE };
	struct author_commit *list = NULL;
	struct arena small;
	char tip[41];
	size_t n = 7;
	const struct str gone = STR("dddddddddddddddddddddddddddddddddddddddd");
	assert_int_equal(repo_authors(&list, &n, s->repo, STR_NULL, gone, &s->arena, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(repo_authors(&list, &n, s->repo, STR_NULL, STR("x"), &s->arena, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	if (repo_branch_tip(tip, s->repo, STR("three"), &e) != 0)
		fail_msg("%s", e.msg);
	arena_init(&small, 16);
	assert_int_equal(repo_authors(&list, &n, s->repo, STR_NULL, str_of(tip), &small, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_true(list == NULL && n == 7);
	arena_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repo_authors_of_ranges),
		cmocka_unit_test(test_repo_authors_of_a_merge_alone_is_who_made_it),
		cmocka_unit_test(test_repo_authors_fails_with_a_reason),
	};
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
