/* SPDX-License-Identifier: Apache-2.0 */
/* The socket's file: made, replaced when nobody answers, never taken from a living process. */

#include "receiver/local.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char dir[64];
	char path[80];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	assert_non_null(p);
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/tidegate-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof p->path, "%s/hook.sock", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	(void)unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static void test_local_socket_lives_and_goes(void **state)
{
	struct place *p = *state;
	struct local_socket s;
	struct err e = { .code = ERR_NONE };
	struct stat st;
	check_ok(local_listen(&s, str_of(p->path), &e), &e);
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	local_close(&s);
	assert_int_equal(lstat(p->path, &st), -1);
	local_close(&s); /* again */
}

static void test_local_socket_of_a_dead_process_is_replaced(void **state)
{
	struct place *p = *state;
	struct local_socket dead, s;
	struct err e = { .code = ERR_NONE };
	check_ok(local_listen(&dead, str_of(p->path), &e), &e);
	(void)close(dead.fd); /* as a kill does: the file stays */
	local_give(&dead);
	check_ok(local_listen(&s, str_of(p->path), &e), &e);
	/* The one that is gone does not take the new one's file with it. */
	struct stat st;
	if (dead.inode != s.inode) {
		local_close(&dead);
		assert_int_equal(lstat(p->path, &st), 0);
	}
	local_close(&s);
}

static void test_local_socket_of_a_living_process_stays(void **state)
{
	struct place *p = *state;
	struct local_socket first, second;
	struct err e = { .code = ERR_NONE };
	check_ok(local_listen(&first, str_of(p->path), &e), &e);
	assert_int_equal(local_listen(&second, str_of(p->path), &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	local_close(&second);
	assert_int_equal(access(p->path, F_OK), 0);
	local_close(&first);
}

static void test_local_socket_refuses(void **state)
{
	struct place *p = *state;
	struct local_socket s;
	struct err e = { .code = ERR_NONE };
	char missing[96], longer[200];
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	(void)fclose(f);
	assert_int_equal(local_listen(&s, str_of(p->path), &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	local_close(&s);
	assert_int_equal(access(p->path, F_OK), 0);
	(void)snprintf(missing, sizeof missing, "%s/no/hook.sock", p->dir);
	assert_int_equal(local_listen(&s, str_of(missing), &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_non_null(strstr(e.msg, "directory"));
	memset(longer, 'x', sizeof longer);
	assert_int_equal(local_listen(&s, (struct str){ longer, sizeof longer }, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	local_close(&s);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH(test_local_socket_lives_and_goes),
		WITH(test_local_socket_of_a_dead_process_is_replaced),
		WITH(test_local_socket_of_a_living_process_stays),
		WITH(test_local_socket_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
