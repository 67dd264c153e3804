/* SPDX-License-Identifier: Apache-2.0 */
/* The documented JSON of an event. */

#include "vcs/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check(const struct event *event, const char *expected)
{
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct err e = { .code = ERR_NONE };
	buf_init(&out, 4096);
	jw_init(&w, &out, 0);
	event_write_json(&w, NULL, event);
	assert_int_equal(buf_check(&out, &e), 0);
	assert_string_equal(out.p, expected);
}

static void test_event_names(void **state)
{
	(void)state;
	assert_string_equal(event_kind_name(EVENT_MERGE), "merge");
	assert_string_equal(event_kind_name(EVENT_PR), "pr");
	assert_string_equal(event_kind_name(EVENT_PUSH), "push");
	assert_string_equal(event_kind_name(EVENT_PING), "ping");
	assert_string_equal(event_kind_name(EVENT_OTHER), "other");
}

static void test_event_writes_a_merge(void **state)
{
	const struct event event = {
		.kind = EVENT_MERGE,
		.repository = STR("o/r"),
		.target_branch = STR("main"),
		.source_branch = STR("topic"),
		.merge_commit = STR("1f0c4de7a2b35c6d7e8f90123456789abcdef012"),
		.pull_request = { STR("12"), STR("A \"title\""), STR("https://x/12") },
		.author = { .id = STR("9007199254740993"),
			    .login = STR("ada"),
			    .bot = EVENT_BOT_NO },
	};
	(void)state;
	check(&event, "{\"kind\":\"merge\",\"repository\":\"o/r\",\"target_branch\":\"main\","
		      "\"merge_commit\":\"1f0c4de7a2b35c6d7e8f90123456789abcdef012\","
		      "\"pull_request\":{\"number\":12,\"title\":\"A \\\"title\\\"\","
		      "\"url\":\"https://x/12\"},"
		      "\"author\":{\"id\":\"9007199254740993\",\"login\":\"ada\",\"bot\":false}}");
}

static void test_event_writes_what_is_unknown_as_null(void **state)
{
	struct event event = { .kind = EVENT_OTHER };
	(void)state;
	check(&event, "{\"kind\":\"other\",\"repository\":null,\"target_branch\":null,"
		      "\"merge_commit\":null,\"pull_request\":{\"number\":null,\"title\":null,"
		      "\"url\":null},\"author\":{\"id\":null,\"login\":null,\"bot\":null}}");
	event.kind = EVENT_PR;
	event.pull_request.title = STR("t");
	event.author.login = STR("x");
	check(&event, "{\"kind\":\"pr\",\"repository\":null,\"target_branch\":null,"
		      "\"merge_commit\":null,"
		      "\"pull_request\":{\"number\":null,\"title\":\"t\",\"url\":null},"
		      "\"author\":{\"id\":null,\"login\":\"x\",\"bot\":null}}");
	event.author.bot = EVENT_BOT_YES;
	event.pull_request = (__typeof__(event.pull_request)){ .number = STR("not a number") };
	check(&event, "{\"kind\":\"pr\",\"repository\":null,\"target_branch\":null,"
		      "\"merge_commit\":null,"
		      "\"pull_request\":{\"number\":\"not a number\",\"title\":null,\"url\":null},"
		      "\"author\":{\"id\":null,\"login\":\"x\",\"bot\":true}}");
}

static void test_event_writes_pushes(void **state)
{
	struct event event = {
		.kind = EVENT_PUSH,
		.target_branch = STR("main"),
		.merge_commit = STR("1f0c4de7a2b35c6d7e8f90123456789abcdef012"),
	};
	(void)state;
	check(&event, "{\"kind\":\"push\",\"repository\":null,\"target_branch\":\"main\","
		      "\"merge_commit\":null,"
		      "\"pull_request\":{\"number\":null,\"title\":null,\"url\":null},\"author\":{"
		      "\"id\":null,\"login\":null,\"bot\":null}}");
	event.deleted = 1;
	event.merge_commit = STR("0000000000000000000000000000000000000000");
	check(&event, "{\"kind\":\"push\",\"repository\":null,\"target_branch\":\"main\","
		      "\"merge_commit\":null,\"pull_request\":{\"number\":null,\"title\":null,"
		      "\"url\":null},\"author\":{\"id\":null,\"login\":null,\"bot\":null}}");
}

static void test_event_selects_a_branch(void **state)
{
	static const struct event_change changes[] = {
		{ .branch = { "main", 4 }, .after = { "1", 1 } },
		{ .after = { "2", 1 } },
		{ .branch = { "old", 3 }, .before = { "3", 1 }, .deleted = 1 },
		{ .branch = { "main", 4 }, .before = { "1", 1 }, .after = { "4", 1 } },
	};
	struct event event = { .kind = EVENT_PUSH, .changes = changes, .n_changes = 4 };
	(void)state;
	event_take_change(&event, 0);
	assert_true(str_eq_cstr(event.merge_commit, "1"));
	assert_int_equal(event_select_branch(&event, STR("other")), 0);
	assert_true(str_eq_cstr(event.merge_commit, "1"));
	assert_int_equal(event_select_branch(&event, STR("main")), 1);
	assert_true(str_eq_cstr(event.merge_commit, "4"));
	assert_int_equal(event_select_branch(&event, STR("old")), 1);
	assert_int_equal(event.deleted, 1);
	assert_null(event.merge_commit.p);
	/* A tag has no branch, not even the empty one. */
	assert_int_equal(event_select_branch(&event, STR("")), 0);
	assert_int_equal(event_select_branch(&event, STR_NULL), 0);
}

static void test_event_selects_without_changes(void **state)
{
	struct event event = { .kind = EVENT_PUSH, .target_branch = STR("main") };
	(void)state;
	assert_int_equal(event_select_branch(&event, STR("main")), 1);
	assert_int_equal(event_select_branch(&event, STR("other")), 0);
	event.target_branch = STR_NULL;
	assert_int_equal(event_select_branch(&event, STR("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_names),
		cmocka_unit_test(test_event_selects_a_branch),
		cmocka_unit_test(test_event_selects_without_changes),
		cmocka_unit_test(test_event_writes_a_merge),
		cmocka_unit_test(test_event_writes_what_is_unknown_as_null),
		cmocka_unit_test(test_event_writes_pushes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
