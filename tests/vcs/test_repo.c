/* SPDX-License-Identifier: Apache-2.0 */
/* Opening repositories, branches, ancestry and commits. */

#include "base/mem.h"
#include "tests/vcs/git_fixture.h"
#include "vcs/repo.h"

struct scene {
	struct fixture f;
	char tip[41], older[41], side[41], lost[41];
};

static const char script[] =
    "git init -q -b main w; cd w\n"
    "git commit -q --allow-empty -m \"First line\n\nand more\"; git rev-parse HEAD > ../older\n"
    "git commit -q --allow-empty -m rewritten; git rev-parse HEAD > ../lost\n"
    "git reset -q --hard HEAD^; git branch side\n"
    "git commit -q --allow-empty -m two; git rev-parse HEAD > ../tip\n"
    "git checkout -q side; git commit -q --allow-empty -m side; git rev-parse HEAD > ../side\n"
    "cd ..; git init -q --bare r.git\n"
    "git -C w push -q ../r.git main side $(cat lost):refs/heads/rewritten\n"
    "git -C r.git update-ref -d refs/heads/rewritten\n"
    "git init -q --bare empty.git\n"
    "git init -q --bare --object-format=sha256 sha256.git\n"
    "cp -r empty.git partial.git; git -C partial.git config core.repositoryformatversion 1\n"
    "git -C partial.git config extensions.partialClone origin\n"
    "cp -r empty.git sha1.git; git -C sha1.git config core.repositoryformatversion 1\n"
    "git -C sha1.git config extensions.objectFormat sha1\n"
    "cp -r empty.git future.git; git -C future.git config core.repositoryformatversion 7\n"
    "cp -r empty.git broken.git; echo '[core' > broken.git/config\n"
    "cp -r empty.git headless.git; rm headless.git/HEAD\n"
    "cp -r empty.git foreign.git; mkdir nothing; echo x > file";

static int scene_setup(void **state)
{
	struct scene *s = mem_array(1, sizeof *s);
	struct err e = { .code = ERR_NONE };
	assert_non_null(s);
	fixture_make(&s->f);
	fixture_sh(&s->f, NULL, 0, script);
	fixture_sh(&s->f, s->tip, 41, "cat tip");
	fixture_sh(&s->f, s->older, 41, "cat older");
	fixture_sh(&s->f, s->side, 41, "cat side");
	fixture_sh(&s->f, s->lost, 41, "cat lost");
	assert_int_equal(repo_library_init(&e), 0);
	*state = s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;
	fixture_remove(&s->f);
	mem_free(s);
	repo_library_shutdown();
	return 0;
}

static int open_named(struct repo **out, const struct scene *s, const char *name, struct err *e)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", s->f.dir, name);
	*e = (struct err){ .code = ERR_NONE };
	return repo_open(out, str_of(path), e);
}

static void test_repo_opens_what_it_understands(void **state)
{
	static const struct {
		const char *name;
		enum err_code code;
		const char *says;
	} rows[] = {
		{ "r.git", ERR_NONE, "" },
		{ "empty.git", ERR_NONE, "" },
		{ "sha1.git", ERR_NONE, "" },
		{ "sha256.git", ERR_REFUSED, "sha256" },
		{ "partial.git", ERR_REFUSED, "partialclone" },
		{ "future.git", ERR_REFUSED, "format 7" },
		{ "broken.git", ERR_SYS, "configuration" },
		{ "headless.git", ERR_NOTFOUND, "no git repository" },
		{ "nothing", ERR_NOTFOUND, "no git repository" },
		{ "file", ERR_NOTFOUND, "not a directory" },
		{ "missing.git", ERR_NOTFOUND, "no repository" },
		{ "file/x", ERR_NOTFOUND, "no repository" },
		{ "w", ERR_NOTFOUND, "no git repository" },
	};
	const struct scene *s = *state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(repo) struct repo *r = NULL;
		struct err e;
		int rc = open_named(&r, s, rows[i].name, &e);
		if (e.code != rows[i].code || strstr(e.msg, rows[i].says) == NULL)
			fail_msg("'%s' gives %s: %s", rows[i].name, err_code_name(e.code), e.msg);
		assert_int_equal(rc == 0, rows[i].code == ERR_NONE);
		assert_int_equal(r != NULL, rows[i].code == ERR_NONE);
	}
}

static void test_repo_refuses_a_foreign_owner(void **state)
{
	const struct scene *s = *state;
	struct repo *r = NULL;
	struct err e;
	char path[128];
	/* Only root can make somebody else the owner; others try a directory of root. */
	(void)snprintf(path, sizeof path, "%s/foreign.git", s->f.dir);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 65534, 65534), 0);
	else
		(void)snprintf(path, sizeof path, "/");
	assert_int_equal(repo_open(&r, str_of(path), &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "belongs to user"));
}

static void test_repo_reads_branches(void **state)
{
	const struct scene *s = *state;
	AUTO(repo) struct repo *r = NULL;
	struct err e;
	char tip[41] = "untouched";
	assert_int_equal(open_named(&r, s, "r.git", &e), 0);
	assert_int_equal(repo_branch_tip(tip, r, STR("gone"), &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(repo_branch_tip(tip, r, STR("../HEAD"), &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_string_equal(tip, "untouched");
	assert_int_equal(repo_branch_tip(tip, r, STR("main"), &e), 0);
	assert_string_equal(tip, s->tip);
}

static void test_repo_knows_what_is_on_a_branch(void **state)
{
	const struct scene *s = *state;
	const struct {
		const char *commit, *branch;
		enum err_code code;
	} rows[] = {
		{ s->tip, "main", ERR_NONE },
		{ s->older, "main", ERR_NONE },
		{ s->older, "side", ERR_NONE },
		{ s->side, "main", ERR_REFUSED },
		{ s->tip, "side", ERR_REFUSED },
		{ s->lost, "main", ERR_REFUSED },
		{ "2222222222222222222222222222222222222222", "main", ERR_NOTFOUND },
		{ s->tip, "gone", ERR_NOTFOUND },
		{ "abc123", "main", ERR_INPUT },
		{ "0000000000000000000000000000000000000000", "main", ERR_INPUT },
	};
	AUTO(repo) struct repo *r = NULL;
	struct err e;
	assert_int_equal(open_named(&r, s, "r.git", &e), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		e.code = ERR_NONE;
		int rc = repo_is_on_branch(r, str_of(rows[i].commit), str_of(rows[i].branch), &e);
		if (e.code != rows[i].code || rc != (rows[i].code == ERR_NONE ? 0 : -1))
			fail_msg("row %zu gives %s: %s", i, err_code_name(e.code), e.msg);
	}
}

static void test_repo_expands_short_commits(void **state)
{
	const struct scene *s = *state;
	AUTO(repo) struct repo *r = NULL;
	struct err e;
	char whole[41] = "untouched";
	assert_int_equal(open_named(&r, s, "r.git", &e), 0);
	const struct {
		struct str text;
		enum err_code code;
	} rows[] = {
		{ str_first(str_of(s->tip), 11), ERR_INPUT },
		{ str_of(s->tip), ERR_INPUT },
		{ STR("ABCDEF012345"), ERR_INPUT },
		{ STR("--upload-pack"), ERR_INPUT },
		{ STR_NULL, ERR_INPUT },
		{ STR("0123456789ab"), ERR_NOTFOUND },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(repo_expand(whole, r, rows[i].text, &e), -1);
		assert_int_equal(e.code, rows[i].code);
		assert_string_equal(whole, "untouched");
	}
	for (size_t n = 12; n < 40; n++) {
		assert_int_equal(repo_expand(whole, r, str_first(str_of(s->older), n), &e), 0);
		assert_string_equal(whole, s->older);
	}
}

/* Two commits whose ids begin alike cannot be made; that another object does is no harm. */
static void test_repo_expands_to_commits_alone(void **state)
{
	const struct scene *s = *state;
	AUTO(repo) struct repo *r = NULL;
	struct err e;
	char whole[41] = "untouched";
	assert_int_equal(open_named(&r, s, "r.git", &e), 0);
	/* The tree that holds nothing. */
	assert_int_equal(repo_expand(whole, r, STR("4b825dc642cb"), &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_string_equal(whole, "untouched");
}

static void test_repo_describes_commits(void **state)
{
	const struct scene *s = *state;
	AUTO(repo) struct repo *r = NULL;
	struct err e;
	char subject[256], commit[41];
	int64_t when = 0;
	assert_int_equal(open_named(&r, s, "r.git", &e), 0);
	assert_int_equal(repo_commit_info(subject, &when, r, str_of(s->older), &e), 0);
	assert_string_equal(subject, "First line");
	assert_int_equal(when, 1767323045);
	/* 100 characters of three bytes: cut before the one that does not fit. */
	fixture_sh(&s->f, commit, 41,
		   "cd r.git; M=$(printf 'x'; for i in $(seq 100); do printf '\\342\\202\\254'; "
		   "done); git commit-tree -m \"$M\" 'main^{tree}'");
	assert_int_equal(repo_commit_info(subject, &when, r, str_of(commit), &e), 0);
	assert_int_equal(strlen(subject), 253);
	assert_true(str_is_utf8(str_of(subject)));
	assert_int_equal(repo_commit_info(subject, &when, r,
					  STR("2222222222222222222222222222222222222222"), &e),
			 -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
}

static void test_repo_survives_lack_of_memory(void **state)
{
	const struct scene *s = *state;
	int failed = 0;
	for (long calls = 0;; calls++, failed++) {
		AUTO(repo) struct repo *r = NULL;
		struct err e;
		mem_fail_after(calls);
		int rc = open_named(&r, s, "r.git", &e);
		mem_fail_after(-1);
		if (rc == 0)
			break;
		assert_int_equal(e.code, ERR_NOMEM);
	}
	assert_in_range(failed, 2, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repo_opens_what_it_understands),
		cmocka_unit_test(test_repo_refuses_a_foreign_owner),
		cmocka_unit_test(test_repo_reads_branches),
		cmocka_unit_test(test_repo_knows_what_is_on_a_branch),
		cmocka_unit_test(test_repo_expands_short_commits),
		cmocka_unit_test(test_repo_expands_to_commits_alone),
		cmocka_unit_test(test_repo_describes_commits),
		cmocka_unit_test(test_repo_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
