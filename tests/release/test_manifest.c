/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: built from files, written, read back; what is refused. */

#include "base/mem.h"
#include "release/manifest.h"
#include "tests/support/check.h"

#include <string.h>

struct kit {
	struct arena arena;
	struct digest *digest;
};

static int setup(void **state)
{
	struct kit *kit = mem_alloc(sizeof *kit);
	arena_init(&kit->arena, 1 << 24);
	kit->digest = digest_new();
	*state = kit;
	return kit->digest == NULL;
}

static int teardown(void **state)
{
	struct kit *kit = *state;
	arena_free(&kit->arena);
	digest_free(kit->digest);
	mem_free(kit);
	return 0;
}

static struct manifest_file file(const char *path, unsigned char fill, size_t size)
{
	struct manifest_file f = { .path = str_of(path), .size = size };
	memset(f.sha256, fill, sizeof f.sha256);
	return f;
}

static int build(struct manifest *m, struct kit *kit, const struct manifest_file *files, size_t n,
		 struct err *e)
{
	return manifest_build(m, files, n, kit->digest, &kit->arena, e);
}

static void test_manifest_sorts(void **state)
{
	struct kit *kit = *state;
	struct manifest m;
	struct err e;
	const struct manifest_file files[] = {
		file("m/10_c.sql", 1, 3),    file("m/v2_b.sql", 2, 2),   file("m/readme.sql", 3, 1),
		file("m/001.0_a.sql", 4, 1), file("m/2.down.sql", 5, 0),
	};
	check_ok(build(&m, kit, files, 5, &e), &e);
	assert_int_equal(m.n, 3);
	assert_string_equal(m.files[0].version.p, "1.0");
	assert_string_equal(m.files[1].version.p, "2");
	assert_string_equal(m.files[1].path.p, "m/v2_b.sql");
	assert_string_equal(m.files[2].version.p, "10");
	assert_int_equal(m.files[2].size, 3);
	assert_memory_equal(m.files[2].sha256, "0101", 4);
	assert_int_equal(m.n_skipped, 2);
	assert_string_equal(m.skipped[0].path.p, "m/2.down.sql");
	assert_string_equal(m.skipped[0].reason, "it undoes a migration");
	assert_string_equal(m.skipped[1].reason, "its name starts with no version");
}

static void test_manifest_duplicate(void **state)
{
	struct kit *kit = *state;
	struct manifest m = { .n = 77 };
	struct err e;
	const struct manifest_file files[] = { file("m/1_b.sql", 1, 1), file("m/001_a.sql", 1, 1) };
	assert_int_equal(build(&m, kit, files, 2, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_string_equal(
	    e.msg, "'m/001_a.sql' and 'm/1_b.sql' are both version '1': rename one of them");
	assert_int_equal(m.n, 77);
}

static void test_manifest_version_out_of_range(void **state)
{
	struct kit *kit = *state;
	struct manifest m;
	struct err e;
	const struct manifest_file f = file("m/18446744073709551616_a.sql", 1, 1);
	assert_int_equal(build(&m, kit, &f, 1, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_non_null(strstr(e.msg, "m/18446744073709551616_a.sql"));
}

static void test_manifest_empty(void **state)
{
	struct kit *kit = *state;
	struct manifest m;
	struct err e;
	check_ok(build(&m, kit, NULL, 0, &e), &e);
	assert_int_equal(m.n, 0);
	assert_string_equal(m.digest,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_manifest_digest(void **state)
{
	struct kit *kit = *state;
	struct manifest a, b, c;
	struct err e;
	const struct manifest_file one[] = { file("1.sql", 1, 1), file("2.sql", 2, 1) };
	const struct manifest_file other[] = { file("2.sql", 2, 1), file("1.sql", 1, 1),
					       file("x.sql", 1, 1) };
	const struct manifest_file moved[] = { file("1.sql", 1, 1), file("x/2.sql", 2, 1) };
	check_ok(build(&a, kit, one, 2, &e), &e);
	check_ok(build(&b, kit, other, 3, &e), &e);
	check_ok(build(&c, kit, moved, 2, &e), &e);
	assert_string_equal(a.digest, b.digest);
	assert_string_not_equal(a.digest, c.digest);
}

static void test_manifest_there_and_back(void **state)
{
	struct kit *kit = *state;
	struct manifest m, again;
	struct err e;
	AUTO(buf) struct buf text;
	const struct manifest_file files[] = {
		file("m/1 a b.sql", 1, 0),
		file("m/2_%41.sql", 2, SIZE_MAX),
		file("m/3_\n\x7f.sql", 3, 5),
		file("m/4_\xff\xc3\x28.sql", 4, 5),
		file("m/5_\xc3\xa4\xf0\x9f\x8c\x8a.sql", 5, 5),
	};
	buf_init(&text, 1 << 20);
	check_ok(build(&m, kit, files, 5, &e), &e);
	check_ok(manifest_write(&text, &m, &e), &e);
	assert_non_null(strstr(text.p, " 5 m/4_%FF%C3(.sql\n"));
	assert_non_null(strstr(text.p, " m/2_%2541.sql\n"));
	assert_non_null(strstr(text.p, " m/3_%0A%7F.sql\n"));
	check_ok(manifest_read(&again, buf_str(&text), kit->digest, &kit->arena, &e), &e);
	assert_int_equal(again.n, 5);
	assert_string_equal(again.digest, m.digest);
	for (size_t i = 0; i < 5; i++) {
		assert_true(str_eq(again.files[i].path, files[i].path));
		assert_int_equal(again.files[i].size, files[i].size);
		assert_string_equal(again.files[i].sha256, m.files[i].sha256);
	}
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_manifest_damaged(void **state)
{
	struct kit *kit = *state;
	static const char *const cases[] = {
		"\n",
		"1",
		"1 " HEX " 1 a.sql", /* no line end */
		"1 " HEX " 1 \n",
		"1 " HEX " 1\n",
		"1 " HEX " 01 a.sql\n",
		"1 " HEX " -1 a.sql\n",
		"1 " HEX " 99999999999999999999 a.sql\n",
		"01 " HEX " 1 a.sql\n",
		"x " HEX " 1 a.sql\n",
		"1 " HEX "0 1 a.sql\n",
		"1 0123 1 a.sql\n",
		"1 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef 1 a.sql\n",
		"1 " HEX " 1 %41.sql\n", /* 'A' needs no escape */
		"1 " HEX " 1 %0a.sql\n",
		"1 " HEX " 1 %\n",
		"1 " HEX " 1 %0\n",
		"1 " HEX " 1 \xff.sql\n",
		"2 " HEX " 1 a.sql\n1 " HEX " 1 b.sql\n",
		"1 " HEX " 1 a.sql\n1 " HEX " 1 b.sql\n",
		"1 " HEX " 1 a.sql\n\n",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct manifest m = { .n = 77 };
		struct err e = { .code = ERR_NONE };
		if (manifest_read(&m, str_of(cases[i]), kit->digest, &kit->arena, &e) == 0)
			fail_msg("case %zu was taken", i);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(m.n, 77);
	}
}

static void test_manifest_without_memory(void **state)
{
	struct kit *kit = *state;
	const struct manifest_file files[] = { file("1.sql", 1, 1), file("x.sql", 2, 1) };
	int failures = 0;
	for (long i = 0; i < 100; i++) {
		AUTO(arena) struct arena arena;
		struct manifest m;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		mem_fail_after(i);
		int rc = manifest_build(&m, files, 2, kit->digest, &arena, &e);
		mem_fail_after(-1);
		if (rc == 0)
			break;
		assert_int_equal(e.code, ERR_NOMEM);
		failures++;
	}
	assert_in_range(failures, 1, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_manifest_sorts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest_duplicate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest_version_out_of_range, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_manifest_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manifest_without_memory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
