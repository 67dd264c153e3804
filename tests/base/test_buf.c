/* SPDX-License-Identifier: Apache-2.0 */
/* The growing text. */

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_buf_grows(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	struct err e;
	buf_init(&b, 10000);
	assert_string_equal(b.p, "");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i % 10);
	buf_add(&b, STR_NULL);
	buf_adds(&b, "end");
	assert_int_equal(buf_check(&b, &e), 0);
	assert_int_equal(b.n, 2003);
	assert_string_equal(b.p + 1998, "9,end");
	buf_clear(&b);
	assert_string_equal(b.p, "");
}

static void test_buf_remembers_its_limit(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	struct err e;
	buf_init(&b, 5);
	buf_adds(&b, "abc");
	buf_adds(&b, "def");
	buf_adds(&b, "g");
	assert_string_equal(b.p, "abc");
	assert_int_equal(buf_check(&b, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_null(buf_take(&b));
	buf_adds(&b, "abcde");
	assert_int_equal(buf_check(&b, &e), 0);
	assert_null(buf_room(&b, SIZE_MAX));
}

/* Near its maximum a buffer must not be copied once per byte. */
static void test_buf_grows_to_the_maximum_at_once(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	struct err e;
	size_t grown = 0, cap = 0;
	buf_init(&b, 1000 * 1000);
	for (size_t i = 0; i < 1000 * 1000; i++) {
		buf_addc(&b, 'x');
		grown += b.cap != cap;
		cap = b.cap;
	}
	assert_int_equal(buf_check(&b, &e), 0);
	assert_true(grown < 20);
	buf_addc(&b, 'x');
	assert_int_equal(buf_check(&b, NULL), -1);
}

static void test_buf_without_memory(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	struct err e;
	buf_init(&b, 100);
	mem_fail_after(0);
	buf_adds(&b, "abc");
	buf_adds(&b, "def");
	assert_int_equal(buf_check(&b, &e), -1);
	assert_int_equal(e.code, ERR_NOMEM);
	assert_string_equal(b.p, "");
	buf_clear(&b);
	buf_adds(&b, "ghi");
	assert_int_equal(buf_check(&b, &e), 0);
}

static void test_buf_hands_over(void **state)
{
	(void)state;
	AUTO(buf) struct buf b;
	buf_init(&b, 100);
	AUTO(free) char *empty = buf_take(&b);
	assert_string_equal(empty, "");
	buf_adds(&b, "abc");
	AUTO(free) char *text = buf_take(&b);
	assert_string_equal(text, "abc");
	assert_int_equal(b.n, 0);
	mem_fail_after(0);
	assert_null(buf_take(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_grows),
		cmocka_unit_test(test_buf_remembers_its_limit),
		cmocka_unit_test(test_buf_grows_to_the_maximum_at_once),
		cmocka_unit_test(test_buf_without_memory),
		cmocka_unit_test(test_buf_hands_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
