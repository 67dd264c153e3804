/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: where they come from, what is refused, and that no message shows one. */

#include "base/mem.h"
#include "base/secret.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/tidegate-secret-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/secret", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(directory);
}

static void write_file(const char *bytes, size_t n)
{
	AUTO(fclose) FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
}

static void test_secret_from_file_drops_one_line_end(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		const char *value; /* NULL: refused */
	} rows[] = { { "abc", "abc" },       { "abc\n", "abc" },   { "abc\r\n", "abc" },
		     { "abc\n\n", "abc\n" }, { " a b ", " a b " }, { "", NULL },
		     { "\n", NULL },         { " \t\r\n", NULL } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(secret) struct secret *s = NULL;
		struct err e;
		write_file(rows[i].bytes, strlen(rows[i].bytes));
		int rc = secret_from_file(&s, path, &e);
		assert_int_equal(rc, rows[i].value != NULL ? 0 : -1);
		if (rc == 0)
			assert_string_equal(secret_reveal(s).p, rows[i].value);
		else
			assert_int_equal(e.code, ERR_INPUT);
	}
}

static void test_secret_from_file_bounds(void **state)
{
	(void)state;
	enum { MOST = 64 * 1024 };
	AUTO(free) char *bytes = mem_alloc(MOST + 2);
	AUTO(secret) struct secret *s = NULL;
	struct err e;
	memset(bytes, 'x', MOST + 2);
	bytes[MOST] = '\n';
	write_file(bytes, MOST + 1);
	assert_int_equal(secret_from_file(&s, path, &e), 0);
	assert_int_equal(secret_reveal(s).n, MOST);
	struct secret *none = NULL;
	write_file(bytes, MOST + 2);
	assert_int_equal(secret_from_file(&none, path, &e), -1);
	write_file("a\0b", 3);
	assert_int_equal(secret_from_file(&none, path, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_null(none);
}

static void test_secret_from_file_that_is_none(void **state)
{
	(void)state;
	struct secret *s = NULL;
	struct err e;
	assert_int_equal(secret_from_file(&s, "/nonexistent/secret", &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(secret_from_file(&s, directory, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_null(s);
}

static void test_secret_from_env(void **state)
{
	(void)state;
	AUTO(secret) struct secret *s = NULL;
	struct err e;
	assert_int_equal(setenv("TIDEGATE_TEST_SECRET", "s3cr3t", 1), 0);
	assert_int_equal(secret_from_env(&s, "TIDEGATE_TEST_SECRET", &e), 0);
	assert_true(str_eq(secret_reveal(s), STR("s3cr3t")));
	struct secret *none = NULL;
	assert_int_equal(setenv("TIDEGATE_TEST_SECRET", " ", 1), 0);
	assert_int_equal(secret_from_env(&none, "TIDEGATE_TEST_SECRET", &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(unsetenv("TIDEGATE_TEST_SECRET"), 0);
	assert_int_equal(secret_from_env(&none, "TIDEGATE_TEST_SECRET", &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_non_null(strstr(e.msg, "TIDEGATE_TEST_SECRET"));
}

static void test_secret_messages_show_none(void **state)
{
	(void)state;
	struct secret *s = NULL;
	struct err e;
	assert_int_equal(secret_from_bytes(&s, STR("hunter2\0"), &e), -1);
	assert_null(strstr(e.msg, "hunter2"));
	assert_int_equal(secret_from_bytes(&s, STR_NULL, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	mem_fail_after(0);
	assert_int_equal(secret_from_bytes(&s, STR("hunter2"), &e), -1);
	assert_int_equal(e.code, ERR_NOMEM);
	write_file("hunter2", 7);
	mem_fail_after(0);
	assert_int_equal(secret_from_file(&s, path, &e), -1);
	assert_int_equal(e.code, ERR_NOMEM);
	assert_null(s);
	secret_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_from_file_drops_one_line_end),
		cmocka_unit_test(test_secret_from_file_bounds),
		cmocka_unit_test(test_secret_from_file_that_is_none),
		cmocka_unit_test(test_secret_from_env),
		cmocka_unit_test(test_secret_messages_show_none),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
