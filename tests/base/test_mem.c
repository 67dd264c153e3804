/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation, its fault injection, and the locals that free themselves. */

#include "base/auto.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void test_mem_fails_once_where_it_is_told(void **state)
{
	(void)state;
	mem_fail_after(1);
	AUTO(free) char *first = mem_alloc(8);
	AUTO(free) char *second = mem_alloc(8);
	AUTO(free) char *third = mem_alloc(8);
	assert_non_null(first);
	assert_null(second);
	assert_non_null(third);
	mem_fail_after(0);
	assert_null(mem_array(1, 1));
	mem_fail_after(0);
	assert_null(mem_resize(NULL, 1));
	mem_fail_after(0);
	assert_null(mem_copy("x", 1));
}

static void test_mem_refuses_overflow(void **state)
{
	(void)state;
	assert_null(mem_copy("x", SIZE_MAX));
	volatile size_t many = SIZE_MAX / 2;
	assert_null(mem_array(many, 4));
}

static void test_mem_zero_sizes_can_be_freed(void **state)
{
	(void)state;
	void *p = mem_alloc(0);
	assert_non_null(p);
	mem_free_secret(p, 0);
	p = mem_array(0, 0);
	assert_non_null(p);
	mem_free(p);
	mem_free(NULL);
	mem_free_secret(NULL, 5);
}

static void test_mem_copies_with_nul(void **state)
{
	(void)state;
	AUTO(free) char *p = mem_copy("abc", 3);
	assert_string_equal(p, "abc");
	AUTO(free) char *empty = mem_copy(NULL, 0);
	assert_string_equal(empty, "");
}

static int open_null(void)
{
	AUTO(close) int fd = open("/dev/null", O_RDONLY);
	AUTO(close) int none = -1;
	assert_true(fd >= 0 && none < 0);
	return dup(fd) == fd + 1 ? fd : -1;
}

static void test_auto_closes_and_takes(void **state)
{
	(void)state;
	int fd = open_null();
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	(void)close(fd + 1);
	AUTO(free) char *p = mem_alloc(1);
	char *taken = TAKE(p);
	assert_null(p);
	mem_free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem_fails_once_where_it_is_told),
		cmocka_unit_test(test_mem_refuses_overflow),
		cmocka_unit_test(test_mem_zero_sizes_can_be_freed),
		cmocka_unit_test(test_mem_copies_with_nul),
		cmocka_unit_test(test_auto_closes_and_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
