/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate keys: small and large objects, nested ones, and keys made to collide. */

#include "base/clock.h"
#include "base/keyset.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = 50000 };

static char names[MANY][12];

static int push_many(struct keyset *k, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(names[i], sizeof names[i], "key%zu", i);
		if (keyset_push(k, (struct str){ names[i], (size_t)len }, i) != 0)
			return -1;
	}
	return 0;
}

static void test_keyset_finds_twice(void **state)
{
	(void)state;
	static const size_t sizes[] = { 2, 12, 13, 100, MANY };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		AUTO(keyset) struct keyset k;
		struct keyset_item twice;
		keyset_init(&k);
		assert_int_equal(push_many(&k, sizes[i]), 0);
		assert_int_equal(keyset_close(&k, 0, &twice), 0);
		assert_int_equal(push_many(&k, sizes[i]), 0);
		assert_int_equal(keyset_push(&k, STR("key1"), sizes[i]), 0);
		assert_int_equal(keyset_close(&k, 0, &twice), 1);
		assert_true(twice.place == sizes[i]);
		assert_true(str_eq(twice.key, STR("key1")));
	}
}

static void test_keyset_nests(void **state)
{
	(void)state;
	AUTO(keyset) struct keyset k;
	struct keyset_item twice;
	keyset_init(&k);
	size_t outer = keyset_mark(&k);
	assert_int_equal(keyset_push(&k, STR("a"), 1), 0);
	size_t inner = keyset_mark(&k);
	assert_int_equal(keyset_push(&k, STR("a"), 2), 0);
	assert_int_equal(keyset_close(&k, inner, &twice), 0);
	assert_int_equal(keyset_push(&k, STR(""), 3), 0);
	assert_int_equal(keyset_close(&k, outer, &twice), 0);
}

/* Keys with one hash: the work must stay near-linear and the answer right. */
static void test_keyset_survives_collisions(void **state)
{
	(void)state;
	for (int with_twice = 0; with_twice < 2; with_twice++) {
		AUTO(keyset) struct keyset k;
		struct keyset_item twice;
		keyset_init(&k);
		assert_int_equal(push_many(&k, MANY), 0);
		if (with_twice)
			assert_int_equal(keyset_push(&k, STR("key7"), MANY), 0);
		for (size_t i = 0; i < k.n; i++)
			k.items[i].hash = 42;
		int64_t start_ms = clock_mono_ms();
		assert_int_equal(keyset_close(&k, 0, &twice), with_twice);
		assert_true(clock_mono_ms() - start_ms < 2000);
		if (with_twice)
			assert_true(twice.place == MANY);
	}
}

static void test_keyset_without_memory(void **state)
{
	(void)state;
	AUTO(keyset) struct keyset k;
	struct keyset_item twice;
	keyset_init(&k);
	mem_fail_after(0);
	assert_int_equal(keyset_push(&k, STR("a"), 1), -1);
	assert_int_equal(push_many(&k, 100), 0);
	mem_fail_after(0);
	assert_int_equal(keyset_close(&k, 0, &twice), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keyset_finds_twice),
		cmocka_unit_test(test_keyset_nests),
		cmocka_unit_test(test_keyset_survives_collisions),
		cmocka_unit_test(test_keyset_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
