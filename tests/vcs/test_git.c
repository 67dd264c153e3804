/* SPDX-License-Identifier: Apache-2.0 */
/* The deliveries that a git server's own hook makes: pushes, deletions, tags, and no way in by
 * HTTP. */

#include "tests/vcs/provider_fixture.h"

#define BEFORE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int parse(struct event *event, const char *body, struct arena *arena, struct err *e)
{
	const struct header type = { STR("Content-Type"), STR("application/json") };
	const struct request r = { &type, 1, str_of(body) };
	return provider_git.parse(event, &r, arena, e);
}

static void test_git_push(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, 1 << 20);
	struct event event;
	struct err e = { .code = ERR_NONE };
	check_ok(parse(&event,
		       "{\"ref\":\"refs/heads/feature/x\",\"before\":\"" BEFORE
		       "\",\"after\":\"" COMMIT "\",\"repository\":{\"full_name\":\"app\"},"
		       "\"pusher\":{\"id\":\"7\",\"login\":\"mona\",\"source\":\"gitlab\"}}",
		       &arena, &e),
		 &e);
	assert_int_equal(event.kind, EVENT_PUSH);
	assert_true(str_eq_cstr(event.target_branch, "feature/x"));
	assert_true(str_eq_cstr(event.before, BEFORE));
	assert_true(str_eq_cstr(event.merge_commit, COMMIT));
	assert_true(str_eq_cstr(event.repository, "app"));
	assert_true(str_eq_cstr(event.actor, "mona"));
	assert_false(event.deleted);
	assert_null(event.author.login.p);
}

struct row {
	const char *body;
	int rc;
	const char *branch; /* NULL: absent */
	int deleted;
};

static void test_git_rows(void **state)
{
	static const struct row rows[] = {
		{ "{\"ref\":\"refs/heads/main\",\"after\":\"" ZERO "\"}", 0, "main", 1 },
		{ "{\"ref\":\"refs/heads/main\",\"before\":\"" ZERO "\",\"after\":\"" COMMIT "\"}",
		  0, "main", 0 },
		{ "{\"ref\":\"refs/tags/main\",\"after\":\"" COMMIT "\"}", 0, NULL, 0 },
		{ "{\"ref\":\"main\",\"after\":\"" COMMIT "\"}", 0, NULL, 0 },
		{ "{\"ref\":\"refs/heads/a\",\"after\":null}", 0, "a", 0 },
		{ "{}", 0, NULL, 0 },
		{ "{\"ref\":1}", -1, NULL, 0 },
		{ "{\"after\":[]}", -1, NULL, 0 },
		{ "{\"pusher\":\"mona\"}", -1, NULL, 0 },
		{ "{\"pusher\":{\"login\":7}}", -1, NULL, 0 },
		{ "{\"repository\":\"app\"}", -1, NULL, 0 },
		{ "[]", -1, NULL, 0 },
		{ "", -1, NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, 1 << 20);
		struct event event = { .kind = EVENT_OTHER };
		struct err e = { .code = ERR_NONE };
		int rc = parse(&event, rows[i].body, &arena, &e);
		int same = rows[i].branch == NULL
			       ? event.target_branch.p == NULL
			       : str_eq_cstr(event.target_branch, rows[i].branch);
		if (rc != rows[i].rc || !same || event.deleted != rows[i].deleted)
			fail_msg("row %zu gives %d: %s", i, rc, e.msg);
		assert_int_equal(event.kind, rc == 0 ? EVENT_PUSH : EVENT_OTHER);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_INPUT);
	}
}

static void test_git_is_never_authentic(void **state)
{
	(void)state;
	const struct str secret = STR("whatever");
	const struct header signature = { STR("X-Hub-Signature-256"), STR("sha256=00") };
	const struct request r = { &signature, 1, STR("{}") };
	struct err e = { .code = ERR_NONE };
	assert_int_equal(try_authenticate(&provider_git, &r, &secret, 1, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	assert_int_equal(try_authenticate(&provider_git, &r, NULL, 0, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_git_push),
		cmocka_unit_test(test_git_rows),
		cmocka_unit_test(test_git_is_never_authentic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
