/* SPDX-License-Identifier: Apache-2.0 */
/* Single facts out of bodies, and what all providers' signatures have in common. */

#include "tests/vcs/provider_fixture.h"
#include "vcs/fact.h"
#include "vcs/signature.h"

static int root_of(struct json **root, const char *type, const char *body, struct arena *arena,
		   struct err *e)
{
	const struct header header = { STR("Content-Type"), str_of(type) };
	const struct request r = { &header, type != NULL, str_of(body) };
	return fact_root(root, &r, arena, e);
}

static void test_fact_root(void **state)
{
	static const struct {
		const char *type, *body;
		int taken;
	} rows[] = {
		{ "application/json", "{}", 1 },
		{ "application/json; charset=utf-8", "\xef\xbb\xbf{}", 1 },
		{ NULL, " {} ", 1 },
		{ "application/json", "\xef\xbb{}", 0 },
		{ "application/json", "\xef\xbb\xbf\xef\xbb\xbf{}", 0 },
		{ "application/json", "", 0 },
		{ "application/json", "[]", 0 },
		{ "application/json", "{} {}", 0 },
		{ "text/plain", "{}", 0 },
		{ "application/x-www-form-urlencoded", "payload=%7B%7D", 0 },
		{ NULL, "payload={}", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		struct json *root = NULL;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 16);
		int rc = root_of(&root, rows[i].type, rows[i].body, &arena, &e);
		if ((rc == 0) != rows[i].taken)
			fail_msg("row %zu: %s", i, e.msg);
		assert_int_equal(root != NULL, rows[i].taken);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_INPUT);
	}
}

static void test_fact_values(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct json *root;
	struct str out = STR("untouched");
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	check_ok(
	    root_of(&root, NULL,
		    "{\"s\":\"x\",\"n\":18446744073709551615,\"q\":\"7\",\"z\":null,"
		    "\"big\":18446744073709551616,\"o\":{\"u\":\"http://x\",\"j\":\"ftp://x\"}}",
		    &arena, &e),
	    &e);
	assert_int_equal(fact_str(&out, root, "n", &e), -1);
	assert_int_equal(fact_str(&out, root, "o", &e), -1);
	assert_int_equal(fact_number(&out, root, "s", &e), -1);
	assert_int_equal(fact_number(&out, root, "big", &e), -1);
	assert_int_equal(fact_object(root, "s", &e), -1);
	assert_same("out", out, STR("untouched"));
	check_ok(fact_number(&out, root, "n", &e), &e);
	assert_same("number", out, STR("18446744073709551615"));
	check_ok(fact_number(&out, root, "q", &e), &e);
	assert_same("number", out, STR("7"));
	check_ok(fact_str(&out, root, "z", &e), &e);
	assert_null(out.p);
	check_ok(fact_url(&out, root, "o.u", &e), &e);
	assert_same("url", out, STR("http://x"));
	check_ok(fact_url(&out, root, "o.j", &e), &e);
	assert_null(out.p);
	check_ok(fact_object(root, "z", &e), &e);
	check_ok(fact_object(root, "s.deeper", &e), &e);
}

static void test_fact_branch(void **state)
{
	static const char *const rows[][2] = {
		{ "refs/heads/main", "main" },
		{ "refs/heads/refs/heads/x", "refs/heads/x" },
		{ "refs/heads/a/b", "a/b" },
		{ "main", "main" },
		{ "heads/main", "heads/main" },
		{ "refs/heads/", "" },
		{ "refs/tags/v1", NULL },
		{ "refs/pull/1/merge", NULL },
		{ "refs/", NULL },
		{ NULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_same("branch", fact_branch(str_of(rows[i][0])), str_of(rows[i][1]));
}

static void test_fact_names(void **state)
{
	(void)state;
	assert_same("owner", fact_owner(STR("a/b/c")), STR("a/b"));
	assert_same("name", fact_name(STR("a/b/c")), STR("c"));
	assert_same("name", fact_name(STR("c")), STR("c"));
	assert_int_equal(fact_is_fork(STR("1"), STR("1")), 0);
	assert_int_equal(fact_is_fork(STR("2"), STR("1")), 1);
	assert_int_equal(fact_is_fork(STR_NULL, STR("1")), 1);
	assert_int_equal(fact_is_fork(STR("1"), STR_NULL), 0);
	assert_int_equal(oid_is_zero(fact_zero_oid()), 1);
	assert_int_equal(fact_zero_oid().n, 40);
}

static void test_fact_compares_texts(void **state)
{
	(void)state;
	AUTO(digest) struct digest *d = digest_new();
	static const char *const rows[][2] = {
		{ "a", "a" }, { "a", "b" }, { "a", "aa" }, { "", "" }, { "", "a" },
	};
	struct err e = { .code = ERR_NONE };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int same = 7;
		check_ok(signature_same(&same, str_of(rows[i][0]), str_of(rows[i][1]), d, &e), &e);
		assert_int_equal(same, strcmp(rows[i][0], rows[i][1]) == 0);
	}
	static const char *const blank[] = { "", " ", "\t\n ", NULL };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(signature_secret_check(str_of(blank[i]), &e), -1);
	check_ok(signature_secret_check(STR(" x"), &e), &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fact_root),           cmocka_unit_test(test_fact_values),
		cmocka_unit_test(test_fact_branch),         cmocka_unit_test(test_fact_names),
		cmocka_unit_test(test_fact_compares_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
