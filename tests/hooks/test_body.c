/* SPDX-License-Identifier: Apache-2.0 */
/* What the hook writes, the provider reads; and no two are the same. */

#include "base/mem.h"
#include "hooks/body.h"
#include "tests/support/check.h"
#include "vcs/provider.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ZERO "0000000000000000000000000000000000000000"

static void make(struct buf *out, const char *before, const char *after)
{
	struct post_receive_change change;
	struct err e = { .code = ERR_NONE };
	(void)snprintf(change.before, sizeof change.before, "%s", before);
	(void)snprintf(change.after, sizeof change.after, "%s", after);
	struct body body = { .repository = STR("acme/app"),
			     .branch = STR("release \"1\""),
			     .change = &change,
			     .forced = -1,
			     .pusher = { .source = "http", .login = STR("mona") },
			     .now_ms = 1795435501123 };
	buf_init(out, 65536);
	check_ok(body_write(out, &body, &e), &e);
}

static void read_back(struct event *event, const struct buf *body, struct arena *arena)
{
	const struct header type = { STR("Content-Type"), STR("application/json") };
	const struct request r = { &type, 1, buf_str(body) };
	struct err e = { .code = ERR_NONE };
	check_ok(provider_git.parse(event, &r, arena, &e), &e);
}

static void test_body_is_read_by_the_provider(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	AUTO(buf) struct buf push;
	AUTO(buf) struct buf deletion;
	struct event event;
	arena_init(&arena, 1 << 20);
	make(&push, ZERO, A);
	read_back(&event, &push, &arena);
	assert_int_equal(event.kind, EVENT_PUSH);
	assert_true(str_eq_cstr(event.repository, "acme/app"));
	assert_true(str_eq_cstr(event.target_branch, "release \"1\""));
	assert_true(str_eq_cstr(event.merge_commit, A));
	assert_true(str_eq_cstr(event.actor, "mona"));
	assert_false(event.deleted);
	make(&deletion, A, ZERO);
	read_back(&event, &deletion, &arena);
	assert_true(event.deleted);
}

static void test_body_is_never_the_same(void **state)
{
	(void)state;
	AUTO(buf) struct buf one;
	AUTO(buf) struct buf two;
	make(&one, ZERO, A);
	make(&two, ZERO, A);
	assert_false(str_eq(buf_str(&one), buf_str(&two)));
}

static void test_body_without_memory(void **state)
{
	static const struct post_receive_change change = { A, ZERO };
	const struct body body = { .repository = STR("app"),
				   .branch = STR("main"),
				   .change = &change,
				   .pusher = { .source = "unix" } };
	int rc = -1;
	(void)state;
	for (long n = 0; rc != 0; n++) {
		AUTO(buf) struct buf out;
		struct err e = { .code = ERR_NONE };
		assert_true(n < 64);
		buf_init(&out, 65536);
		mem_fail_after(n);
		rc = body_write(&out, &body, &e);
		mem_fail_after(-1);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_NOMEM);
		assert_true(rc != 0 || n > 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_is_read_by_the_provider),
		cmocka_unit_test(test_body_is_never_the_same),
		cmocka_unit_test(test_body_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
