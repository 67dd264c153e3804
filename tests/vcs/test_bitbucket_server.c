/* SPDX-License-Identifier: Apache-2.0 */
/* Bitbucket Data Center's signatures and pings, bodies that must be refused. */

#include "tests/vcs/provider_fixture.h"

#define SECRET "sluice-secret"
#define PING "{\"test\": true}"
#define OTHER_MAC "d1c72b9b8c3c2e0d3eb85e4ad2a17eb1ca3ab2a1e1d7f6c1f2ba6c4a8f5f2b90"

static void test_bitbucket_server_refuses_other_signatures(void **state)
{
	static const struct refusal rows[] = {
		{ { NULL }, "does the webhook have a secret" },
		{ { "X-Hub-Signature-256: sha256=" OTHER_MAC }, "is missing" },
		{ { "X-Hub-Signature:" }, "is empty" },
		{ { "X-Hub-Signature: sha256=" }, "malformed" },
		{ { "X-Hub-Signature: " OTHER_MAC }, "malformed" },
		{ { "X-Hub-Signature: sha256=" OTHER_MAC }, "fits none" },
		{ { "X-Hub-Signature: sha256=" OTHER_MAC, "X-Hub-Signature: sha256=" OTHER_MAC },
		  "twice" },
		/* The connection test is no exception, however it is written. */
		{ { "X-Event-Key: diagnostics:ping" }, "do not sign the connection test" },
		{ { "X-Event-Key: diagnostics:ping", "X-Hub-Signature:" }, "is empty" },
		{ { "X-Event-Key: diagnostics:ping", "X-Hub-Signature: sha256=" OTHER_MAC },
		  "fits none" },
		{ { "X-Event-Key: diagnostics:ping", "X-Event-Key: pr:merged" }, "is missing" },
	};
	(void)state;
	check_refusals(&provider_bitbucket_server, rows, sizeof rows / sizeof rows[0], STR(PING),
		       STR(SECRET), 0);
}

static void test_bitbucket_server_takes_a_signed_ping(void **state)
{
	(void)state;
	const struct event ping = { .kind = EVENT_PING };
	AUTO(buf) struct buf body;
	const char *type = NULL;
	struct err e = { .code = ERR_NONE };
	buf_init(&body, 100);
	check_ok(provider_bitbucket_server.compose(&body, &type, &ping, &e), &e);
	assert_string_equal(type, "diagnostics:ping");
	check_read_back(&provider_bitbucket_server, &ping, STR(SECRET));
}

#define PR(text) "{\"pullRequest\":" text "}"

static void test_bitbucket_server_refuses_malformed_bodies(void **state)
{
	static const char merged[] = "pr:merged", push[] = "repo:refs_changed";
	static const char *const rows[][3] = {
		{ NULL, "{}", "header 'X-Event-Key' is missing" },
		{ push, "", "line 1" },
		{ push, "[]", "no JSON object" },
		{ push, "{\"actor\":7}", "'actor'" },
		{ push, "{\"actor\":{\"name\":7}}", "'actor.name'" },
		{ push, "{\"repository\":[]}", "'repository'" },
		{ push, "{\"repository\":{\"project\":1}}", "'project'" },
		{ push, "{\"repository\":{\"project\":{\"key\":1}}}", "'project.key'" },
		{ push, "{\"repository\":{\"id\":\"x\"}}", "'id'" },
		{ push, "{\"changes\":{}}", "no array" },
		{ push, "{\"changes\":[[]]}", "change 1 of the push" },
		{ push, "{\"changes\":[{\"ref\":1}]}", "change 1 of the push: 'ref'" },
		{ push, "{\"changes\":[{\"toHash\":1}]}", "'toHash'" },
		{ merged, PR("[]"), "'pullRequest'" },
		{ merged, PR("{\"state\":1}"), "'state'" },
		{ merged, PR("{\"id\":1e3}"), "'id'" },
		{ merged, PR("{\"properties\":1}"), "'properties'" },
		{ merged, PR("{\"properties\":{\"mergeCommit\":1}}"), "mergeCommit'" },
		{ merged, PR("{\"properties\":{\"mergeCommit\":{\"id\":1}}}"), "mergeCommit.id'" },
		{ merged, PR("{\"author\":1}"), "'author'" },
		{ merged, PR("{\"author\":{\"user\":1}}"), "'author.user'" },
		{ merged, PR("{\"author\":{\"user\":{\"id\":\"x\"}}}"), "'id'" },
		{ merged, PR("{\"toRef\":1}"), "'toRef'" },
		{ merged, PR("{\"toRef\":{\"id\":1}}"), "'id'" },
		{ merged, PR("{\"toRef\":{\"repository\":1}}"), "'toRef.repository'" },
		{ merged, PR("{\"fromRef\":{\"repository\":{\"id\":[]}}}"), "repository.id'" },
	};
	(void)state;
	check_malformed(&provider_bitbucket_server, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_server_selects_a_branch(void **state)
{
	(void)state;
	static const char body[] =
	    "{\"changes\":[{\"ref\":{\"id\":\"refs/tags/main\"},\"toHash\":\"1\"},"
	    "{\"refId\":\"refs/heads/main\",\"fromHash\":\"3\",\"toHash\":\"2\"}]}";
	AUTO(arena) struct arena arena;
	struct event event;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	check_ok(try_parse(&provider_bitbucket_server, &event, "repo:refs_changed", str_of(body),
			   &arena, &e),
		 &e);
	assert_null(event.target_branch.p);
	assert_int_equal(event_select_branch(&event, STR("main")), 1);
	assert_same("commit", event.merge_commit, STR("2"));
	assert_same("before", event.before, STR("3"));
}

static void test_bitbucket_server_reads_back(void **state)
{
	(void)state;
	struct event event = sample_merge();
	check_read_back_kinds(&provider_bitbucket_server, event, STR(SECRET));
	event.author.bot = EVENT_BOT_YES;
	event.merge_commit = STR_NULL;
	event.pull_request.url = STR_NULL;
	check_read_back(&provider_bitbucket_server, &event, STR(SECRET));
	event.author = (__typeof__(event.author)){ .bot = EVENT_BOT_UNKNOWN };
	check_read_back(&provider_bitbucket_server, &event, STR(SECRET));
	const struct event gone = {
		.kind = EVENT_PUSH,
		.repository = STR("~ADA/mill"),
		.target_branch = STR("sluice"),
		.before = STR(COMMIT),
		.merge_commit = STR(ZERO),
		.deleted = 1,
	};
	check_read_back(&provider_bitbucket_server, &gone, STR(SECRET));
}

static void test_bitbucket_server_survives_lack_of_memory(void **state)
{
	(void)state;
	check_lack_of_memory(&provider_bitbucket_server, "repo:refs_changed",
			     "{\"repository\":{\"slug\":\"s\",\"project\":{\"key\":\"K\"}},"
			     "\"changes\":[{\"refId\":\"refs/heads/\\u00e9\"}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bitbucket_server_refuses_other_signatures),
		cmocka_unit_test(test_bitbucket_server_takes_a_signed_ping),
		cmocka_unit_test(test_bitbucket_server_refuses_malformed_bodies),
		cmocka_unit_test(test_bitbucket_server_selects_a_branch),
		cmocka_unit_test(test_bitbucket_server_reads_back),
		cmocka_unit_test(test_bitbucket_server_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
