/* SPDX-License-Identifier: Apache-2.0 */
/* The hook's script and its place in real repositories. */

#include "base/auto.h"
#include "hooks/child.h"
#include "hooks/install.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char dir[64];
	char repository[96];
	char hook[160];
	struct install install;
};

static void run(const char *const *argv)
{
	struct err e = { .code = ERR_NONE };
	int status = -1;
	check_ok(child_run(&status, NULL, argv, 30000, &e), &e);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	assert_non_null(p);
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/tidegate-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->repository, sizeof p->repository, "%s/it's.git", p->dir);
	(void)snprintf(p->hook, sizeof p->hook, "%s/hooks/post-receive", p->repository);
	p->install = (struct install){ .repository = p->repository,
				       .program = "/usr/bin/tidegate",
				       .conf = "/etc/tidegate/it's.yaml",
				       .id = STR("app") };
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	const char *argv[] = { "rm", "-rf", p->dir, NULL };
	run(argv);
	free(p);
	return 0;
}

static void make_bare(const struct place *p)
{
	const char *argv[] = { "git", "init", "-q", "--bare", "--template=", p->repository, NULL };
	run(argv);
}

static int install(enum install_done *done, const struct place *p, struct err *e)
{
	AUTO(buf) struct buf path;
	buf_init(&path, 4096);
	return install_hook(done, &path, &p->install, e);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
}

static void test_install_is_idempotent(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_CHAINED;
	struct err e = { .code = ERR_NONE };
	struct stat st;
	make_bare(p);
	check_ok(install(&done, p, &e), &e);
	assert_int_equal(done, INSTALL_NEW);
	assert_int_equal(stat(p->hook, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	check_ok(install(&done, p, &e), &e);
	assert_int_equal(done, INSTALL_SAME);
	p->install.conf = "/elsewhere.yaml";
	check_ok(install(&done, p, &e), &e);
	assert_int_equal(done, INSTALL_CHANGED);
	const char *argv[] = { "sh", "-n", p->hook, NULL };
	run(argv);
}

static void test_install_keeps_another_hook(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_NEW;
	struct err e = { .code = ERR_NONE };
	char kept[200], directory[160];
	make_bare(p);
	(void)snprintf(directory, sizeof directory, "%s/hooks", p->repository);
	assert_int_equal(mkdir(directory, 0755), 0);
	write_file(p->hook, "#!/bin/sh\necho mine\n");
	assert_int_equal(install(&done, p, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_non_null(strstr(e.msg, "--force"));
	p->install.force = 1;
	check_ok(install(&done, p, &e), &e);
	assert_int_equal(done, INSTALL_CHAINED);
	(void)snprintf(kept, sizeof kept, "%s.before-tidegate", p->hook);
	assert_int_equal(access(kept, X_OK), 0);
	/* A third one would push the kept one out. */
	write_file(p->hook, "#!/bin/sh\necho third\n");
	assert_int_equal(install(&done, p, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
}

/* The script that was installed, run as git runs it: what it prints. */
static void run_hook(struct buf *out, const struct place *p)
{
	char command[512];
	struct err e = { .code = ERR_NONE };
	int status = -1;
	(void)snprintf(
	    command, sizeof command,
	    "cd \"$(dirname \"$0\")/..\" && echo a b refs/heads/main | hooks/post-receive");
	const char *argv[] = { "sh", "-c", command, p->hook, NULL };
	buf_init(out, 65536);
	check_ok(child_run(&status, out, argv, 30000, &e), &e);
	assert_int_equal(status, 0);
}

static void test_install_script_calls_both(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_NEW;
	struct err e = { .code = ERR_NONE };
	char program[160], kept[200];
	AUTO(buf) struct buf first;
	AUTO(buf) struct buf second;
	make_bare(p);
	(void)snprintf(program, sizeof program, "%s/it's a program", p->dir);
	p->install.program = program;
	check_ok(install(&done, p, &e), &e);
	run_hook(&first, p);
	assert_non_null(strstr(first.p, "nothing is released"));
	(void)snprintf(kept, sizeof kept, "%s.before-tidegate", p->hook);
	write_file(kept, "#!/bin/sh\necho before:; cat\nexit 1\n");
	write_file(program, "#!/bin/sh\necho \"$@\"; cat\nexit 3\n");
	run_hook(&second, p);
	assert_string_equal(second.p,
			    "before:\na b refs/heads/main\n"
			    "hook post-receive -c /etc/tidegate/it's.yaml --repository app\n"
			    "a b refs/heads/main\n");
}

static void test_install_in_a_working_repository(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_SAME;
	struct err e = { .code = ERR_NONE };
	char hook[200];
	const char *argv[] = { "git", "init", "-q", p->repository, NULL };
	run(argv);
	check_ok(install(&done, p, &e), &e);
	(void)snprintf(hook, sizeof hook, "%s/.git/hooks/post-receive", p->repository);
	assert_int_equal(access(hook, X_OK), 0);
}

static void test_install_goes_where_git_looks(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_SAME;
	struct err e = { .code = ERR_NONE };
	char hooks[128], hook[200];
	(void)snprintf(hooks, sizeof hooks, "%s/shared hooks", p->dir);
	make_bare(p);
	const char *argv[] = {
		"git", "-C", p->repository, "config", "core.hooksPath", hooks, NULL
	};
	run(argv);
	check_ok(install(&done, p, &e), &e);
	(void)snprintf(hook, sizeof hook, "%s/post-receive", hooks);
	assert_int_equal(access(hook, X_OK), 0);
}

/* Written so, git takes it from the git directory, wherever we stand. */
static void test_install_takes_a_relative_path_from_the_repository(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_SAME;
	struct err e = { .code = ERR_NONE };
	char hook[200];
	make_bare(p);
	const char *argv[] = { "git",      "-C", p->repository, "config", "core.hooksPath",
			       "my-hooks", NULL };
	run(argv);
	check_ok(install(&done, p, &e), &e);
	(void)snprintf(hook, sizeof hook, "%s/my-hooks/post-receive", p->repository);
	assert_int_equal(access(hook, X_OK), 0);
	assert_int_equal(access("my-hooks", F_OK), -1);
}

static void test_install_refuses(void **state)
{
	struct place *p = *state;
	enum install_done done = INSTALL_SAME;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(install(&done, p, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	const char *argv[] = { "git",         "init", "-q", "--bare", "--object-format=sha256",
			       p->repository, NULL };
	run(argv);
	assert_int_equal(install(&done, p, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_non_null(strstr(e.msg, "sha256"));
	assert_int_equal(access(p->hook, F_OK), -1);
	p->install.conf = "/a\nb";
	assert_int_equal(install(&done, p, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(done, INSTALL_SAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_install_is_idempotent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_install_keeps_another_hook, setup, teardown),
		cmocka_unit_test_setup_teardown(test_install_script_calls_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_install_in_a_working_repository, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_install_goes_where_git_looks, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_install_takes_a_relative_path_from_the_repository, setup, teardown),
		cmocka_unit_test_setup_teardown(test_install_refuses, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
