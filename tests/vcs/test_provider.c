/* SPDX-License-Identifier: Apache-2.0 */
/* What all providers share: the table, headers, the JSON of a body, commit ids and branch names. */

#include "vcs/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_provider_table(void **state)
{
	(void)state;
	assert_ptr_equal(provider_find(STR("github")), &provider_github);
	assert_ptr_equal(provider_find(STR("bitbucket-server")), &provider_bitbucket_server);
	assert_null(provider_find(STR("GitHub")));
	assert_null(provider_find(STR("")));
	assert_null(provider_find(STR_NULL));
	size_t n = 0;
	for (const struct provider *const *p = provider_all(); *p != NULL; p++, n++) {
		assert_ptr_equal(provider_find(str_of((*p)->name)), *p);
		assert_non_null((*p)->vcs_type);
		/* Who says in the body what it is says there too which delivery it is. */
		assert_int_equal((*p)->delivery_header == NULL, (*p)->event_header == NULL);
		assert_non_null((*p)->authenticate);
		assert_non_null((*p)->parse);
		assert_int_equal((*p)->compose == NULL, (*p)->sign == NULL);
	}
	assert_int_equal(n, 7);
}

static void test_provider_header(void **state)
{
	static const struct header headers[] = {
		{ { "X-One", 5 }, { "1", 1 } },
		{ { "x-two", 5 }, { "2", 1 } },
		{ { "X-TWO", 5 }, { "2", 1 } },
		{ { "X-Empty", 7 }, { NULL, 0 } },
	};
	const struct request r = { headers, 4, STR("") };
	struct str value = STR("untouched");
	struct err e = { .code = ERR_NONE };
	(void)state;
	assert_int_equal(request_header(&value, &r, "x-two", &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_true(str_eq_cstr(value, "untouched"));
	assert_int_equal(request_header(&value, &r, "x-ONE", &e), 0);
	assert_true(str_eq_cstr(value, "1"));
	assert_int_equal(request_header(&value, &r, "X-Empty", &e), 0);
	assert_non_null(value.p);
	assert_int_equal(value.n, 0);
	assert_int_equal(request_header(&value, &r, "X-On", &e), 0);
	assert_null(value.p);
}

#define FORM "application/x-www-form-urlencoded"

struct body_row {
	const char *type;
	const char *body;
	const char *json; /* NULL: refused */
};

static void test_provider_json_text(void **state)
{
	static const struct body_row rows[] = {
		{ "application/json", "{}", "{}" },
		{ "Application/JSON; charset=utf-8", "{}", "{}" },
		{ "application/json", "payload=%7B%7D", "payload=%7B%7D" },
		{ NULL, "{}", "{}" },
		{ NULL, "payload=%7B%7D", "{}" },
		{ FORM, "payload=%7B%22zen%22%3A%22x+y%22%7D", "{\"zen\":\"x y\"}" },
		{ FORM "; charset=UTF-8", "payload=%7b%7D", "{}" },
		{ FORM, "a=1&payload=%7B%7D&b=%20", "{}" },
		{ FORM, "p%61yload=x", "x" },
		{ FORM, "payload=a=b", "a=b" },
		{ FORM, "payload=", "" },
		{ FORM, "payload=1&payload=2", NULL },
		{ FORM, "payload=1&p%61yload=2", NULL },
		{ FORM, "payload", NULL },
		{ FORM, "Payload=1", NULL },
		{ FORM, "", NULL },
		{ FORM, "&&", NULL },
		{ FORM, "{}", NULL },
		{ FORM, "payload=%", NULL },
		{ FORM, "payload=%4", NULL },
		{ FORM, "payload=%4g", NULL },
		{ FORM, "payload=%%41", NULL },
		{ FORM, "payload=%+4", NULL },
		{ FORM, "%zz=1&payload=x", NULL },
		{ "text/plain", "{}", NULL },
		{ "application/jsonx", "{}", NULL },
		{ "", "{}", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, 4096);
		const struct header type = { STR("content-type"), str_of(rows[i].type) };
		const struct request r = { &type, rows[i].type != NULL, str_of(rows[i].body) };
		struct str json = STR_NULL;
		struct err e = { .code = ERR_NONE };
		int rc = request_json_text(&json, &r, &arena, &e);
		if (rc != (rows[i].json != NULL ? 0 : -1) ||
		    (rc == 0 && !str_eq_cstr(json, rows[i].json)))
			fail_msg("row %zu gives %d '%.*s' %s", i, rc, STR_ARG(json), e.msg);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_INPUT);
	}
}

static void test_provider_form_is_bounded_by_the_arena(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, 64);
	static char body[256];
	memset(body, 'x', sizeof body);
	memcpy(body, "payload=", 8);
	const struct header type = { STR("Content-Type"), STR(FORM) };
	const struct request r = { &type, 1, { body, sizeof body } };
	struct str json = STR_NULL;
	struct err e = { .code = ERR_NONE };
	assert_int_equal(request_json_text(&json, &r, &arena, &e), -1);
	assert_true(e.code == ERR_LIMIT || e.code == ERR_NOMEM);
	assert_null(json.p);
}

static void test_provider_commit_ids(void **state)
{
	static const struct {
		const char *oid;
		int valid, zero;
	} rows[] = {
		{ "1f0c4de7a2b35c6d7e8f90123456789abcdef012", 1, 0 },
		{ "0000000000000000000000000000000000000000", 0, 1 },
		{ "0000000000000000000000000000000000000001", 1, 0 },
		{ "1F0c4de7a2b35c6d7e8f90123456789abcdef012", 0, 0 },
		{ "1f0c4de7a2b35c6d7e8f90123456789abcdef01", 0, 0 },
		{ "1f0c4de7a2b35c6d7e8f90123456789abcdef0123", 0, 0 },
		{ "1f0c4de7a2b35c6d7e8f90123456789abcdef01g", 0, 0 },
		{ "HEAD", 0, 0 },
		{ "abc123", 0, 0 },
		{ "0", 0, 1 },
		{ "", 0, 0 },
		{ "0000000000000000000000000000000000000000000000000000000000000000", 0, 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(oid_is_valid(str_of(rows[i].oid)), rows[i].valid);
		assert_int_equal(oid_is_zero(str_of(rows[i].oid)), rows[i].zero);
	}
	assert_int_equal(oid_is_valid(STR_NULL), 0);
	assert_int_equal(oid_is_zero(STR_NULL), 0);
}

static void test_provider_branch_names(void **state)
{
	static const char *const good[] = {
		"main", "release/1.2", "a", "a.b", "a@b", "caf\xc3\xa9", "x-", "a.lock.b", "@a",
	};
	static const char *const bad[] = {
		"",    "-x",   "/a",   "a/",    "a//b",   "a..b", "a@{b",
		"a b", "a\tb", "a\nb", "a\x7f", "a~b",    "a^b",  "a:b",
		"a?b", "a*b",  "a[b",  "a\\b",  "a.lock", "a.",   "a.lock/b",
		".a",  "a/.b", "@",    "..",    ".",      "a/..", "--upload-pack=x",
	};
	static char longest[256];
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (!branch_is_valid(str_of(good[i])))
			fail_msg("'%s' is refused", good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (branch_is_valid(str_of(bad[i])))
			fail_msg("'%s' is taken", bad[i]);
	}
	memset(longest, 'b', sizeof longest);
	assert_int_equal(branch_is_valid((struct str){ longest, 255 }), 1);
	assert_int_equal(branch_is_valid((struct str){ longest, 256 }), 0);
	assert_int_equal(branch_is_valid((struct str){ "a\0b", 3 }), 0);
	assert_int_equal(branch_is_valid(STR_NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_provider_table),
		cmocka_unit_test(test_provider_header),
		cmocka_unit_test(test_provider_json_text),
		cmocka_unit_test(test_provider_form_is_bounded_by_the_arena),
		cmocka_unit_test(test_provider_commit_ids),
		cmocka_unit_test(test_provider_branch_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
