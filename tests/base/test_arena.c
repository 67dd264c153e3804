/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded arena. */

#include "base/arena.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_arena_aligns_and_zeroes(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t n = 0; n < 300; n++) {
		unsigned char *p = arena_alloc(&a, n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
}

static void test_arena_large_pieces_keep_the_open_block(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	arena_init(&a, 1 << 20);
	char *before = arena_alloc(&a, 16);
	memset(arena_alloc(&a, 100000), 'x', 100000);
	char *after = arena_alloc(&a, 16);
	assert_ptr_equal(after, before + 16);
}

static void test_arena_bound_counts_what_is_taken(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	struct err e;
	size_t n = 0;
	arena_init(&a, 1024);
	while (n < 2000 && arena_str(&a, STR("")).p != NULL)
		n++;
	assert_int_equal(n, 1024 / _Alignof(max_align_t));
	assert_int_equal(arena_err(&a, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void test_arena_says_limit_or_memory(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	struct err e;
	arena_init(&a, 1 << 20);
	assert_null(arena_alloc(&a, (1 << 20) + 1));
	(void)arena_err(&a, &e);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	(void)arena_err(&a, &e);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_null(arena_alloc(&a, SIZE_MAX));
	mem_fail_after(0);
	assert_null(arena_alloc(&a, 1));
	(void)arena_err(&a, &e);
	assert_int_equal(e.code, ERR_NOMEM);
}

static void test_arena_copies_text(void **state)
{
	(void)state;
	AUTO(arena) struct arena a;
	arena_init(&a, 4096);
	struct str s = arena_str(&a, STR("a\0b"));
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b", 4);
	assert_null(arena_str(&a, STR_NULL).p);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 5), "x-5");
	assert_null(arena_printf(&a, "%5000d", 1));
	arena_free(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_aligns_and_zeroes),
		cmocka_unit_test(test_arena_large_pieces_keep_the_open_block),
		cmocka_unit_test(test_arena_bound_counts_what_is_taken),
		cmocka_unit_test(test_arena_says_limit_or_memory),
		cmocka_unit_test(test_arena_copies_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
