/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bytes. */

#include "base/mem.h"
#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void pack(struct buf *frame, struct str data)
{
	struct err e;
	buf_init(frame, 1 << 20);
	assert_int_equal(pack_compress(frame, data, &e), 0);
}

static void test_pack_goes_both_ways(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 100, 100000 };
	static char data[100000];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)('a' + i * i % 23);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		AUTO(buf) struct buf frame, content;
		struct err e;
		pack(&frame, (struct str){ data, sizes[i] });
		buf_init(&content, sizeof data + 3);
		buf_adds(&content, "xyz");
		assert_int_equal(pack_expand(&content, buf_str(&frame), sizes[i], &e), 0);
		assert_int_equal(content.n, sizes[i] + 3);
		assert_memory_equal(content.p, "xyz", 3);
		assert_memory_equal(content.p + 3, data, sizes[i]);
	}
}

static void test_pack_appends(void **state)
{
	(void)state;
	AUTO(buf) struct buf frame, content;
	struct err e;
	buf_init(&frame, 1000);
	buf_adds(&frame, "head");
	assert_int_equal(pack_compress(&frame, STR("hello"), &e), 0);
	buf_init(&content, 1000);
	assert_int_equal(pack_expand(&content, str_from(buf_str(&frame), 4), 5, &e), 0);
	assert_string_equal(content.p, "hello");
}

static void test_pack_bounds(void **state)
{
	(void)state;
	AUTO(buf) struct buf frame, content, tight;
	struct err e;
	static const char zeros[5000];
	pack(&frame, (struct str){ zeros, sizeof zeros });
	buf_init(&content, 1 << 20);
	assert_int_equal(pack_expand(&content, buf_str(&frame), 4999, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(content.n, 0);
	buf_init(&tight, 4999);
	assert_int_equal(pack_expand(&tight, buf_str(&frame), 5000, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* Smaller than the worst case, and yet large enough. */
	assert_int_equal(pack_compress(&tight, (struct str){ zeros, sizeof zeros }, &e), 0);
	AUTO(buf) struct buf tiny;
	buf_init(&tiny, 4);
	assert_int_equal(pack_compress(&tiny, STR("does not fit"), &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(tiny.n, 0);
}

static void test_pack_refuses_damage(void **state)
{
	(void)state;
	AUTO(buf) struct buf frame, content;
	struct err e;
	pack(&frame, STR("hello hello hello hello hello"));
	buf_init(&content, 1000);
	for (size_t n = 0; n < frame.n; n++) {
		assert_int_equal(pack_expand(&content, str_first(buf_str(&frame), n), 1000, &e),
				 -1);
		assert_int_equal(e.code, ERR_INPUT);
	}
	buf_addc(&frame, 'x');
	assert_int_equal(pack_expand(&content, buf_str(&frame), 1000, &e), -1);
	static const char skippable[] = "\x50\x2a\x4d\x18\x00\x00\x00\x00";
	assert_int_equal(pack_expand(&content, (struct str){ skippable, 8 }, 1000, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(content.n, 0);
}

static void test_pack_without_memory(void **state)
{
	(void)state;
	AUTO(buf) struct buf frame, content;
	struct err e;
	pack(&frame, STR("hello"));
	buf_init(&content, 1000);
	mem_fail_after(0);
	assert_int_equal(pack_expand(&content, buf_str(&frame), 1000, &e), -1);
	assert_int_equal(e.code, ERR_NOMEM);
	mem_fail_after(0);
	assert_int_equal(pack_compress(&content, STR("hello"), &e), -1);
	assert_int_equal(e.code, ERR_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack_goes_both_ways),
		cmocka_unit_test(test_pack_appends),
		cmocka_unit_test(test_pack_bounds),
		cmocka_unit_test(test_pack_refuses_damage),
		cmocka_unit_test(test_pack_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
