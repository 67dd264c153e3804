/* SPDX-License-Identifier: Apache-2.0 */
/* Bitbucket Cloud's signatures, bodies that must be refused, pushes of several branches. */

#include "tests/vcs/provider_fixture.h"

#define SECRET "It's a Secret to Everybody"
#define MAC "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"

/* Atlassian Support, "Manage webhooks": the body has no comma, unlike GitHub's. */
static void test_bitbucket_takes_the_known_signature(void **state)
{
	(void)state;
	AUTO(digest) struct digest *d = digest_new();
	AUTO(buf) struct buf value;
	const char *name = NULL;
	const struct header header = { STR("x-hub-signature"), STR("sha256=" MAC) };
	struct request r = { &header, 1, STR("Hello World!") };
	const struct str secrets[] = { STR("old"), STR(SECRET), STR("") };
	struct err e = { .code = ERR_NONE };
	buf_init(&value, 200);
	check_ok(try_authenticate(&provider_bitbucket, &r, secrets, 2, 0, &e), &e);
	check_ok(provider_bitbucket.sign(&name, &value, r.body, secrets[1], d, &e), &e);
	assert_string_equal(name, "X-Hub-Signature");
	assert_string_equal(value.p, "sha256=" MAC);
	assert_int_equal(try_authenticate(&provider_bitbucket, &r, secrets, 1, 0, &e), -1);
	assert_int_equal(try_authenticate(&provider_bitbucket, &r, secrets, 0, 0, &e), -1);
	assert_int_equal(try_authenticate(&provider_bitbucket, &r, secrets, 3, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	r.body = STR("Hello, World!");
	assert_int_equal(try_authenticate(&provider_bitbucket, &r, secrets, 2, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void test_bitbucket_refuses_other_signatures(void **state)
{
	static const struct refusal rows[] = {
		{ { NULL }, "is missing" },
		{ { "X-Hook-UUID: {aa000000-0000-4000-8000-000000000001}" }, "is missing" },
		{ { "X-Hub-Signature-256: sha256=" MAC }, "is missing" },
		{ { "X-Hub-Signature:" }, "is empty" },
		{ { "X-Hub-Signature: sha256=" }, "malformed" },
		{ { "X-Hub-Signature: " MAC }, "malformed" },
		{ { "X-Hub-Signature: sha1=" MAC }, "malformed" },
		{ { "X-Hub-Signature: sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59" },
		  "malformed" },
		{ { "X-Hub-Signature: sha256=" MAC "0" }, "malformed" },
		{ { "X-Hub-Signature: sha256=" MAC ",sha256=" MAC }, "malformed" },
		{ { "X-Hub-Signature: sha256=" MAC, "X-Hub-Signature: sha256=" MAC }, "twice" },
		{ { "X-Hub-Signature: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f437"
		    "9c8b043e17" },
		  "fits none" },
	};
	(void)state;
	check_refusals(&provider_bitbucket, rows, sizeof rows / sizeof rows[0], STR("Hello World!"),
		       STR(SECRET), 0);
}

#define PR(text) "{\"pullrequest\":" text "}"

static void test_bitbucket_refuses_malformed_bodies(void **state)
{
	static const char fulfilled[] = "pullrequest:fulfilled", push[] = "repo:push";
	static const char *const rows[][3] = {
		{ NULL, "{}", "header 'X-Event-Key' is missing" },
		{ "", "{}", "header 'X-Event-Key' is missing" },
		{ push, "", "line 1" },
		{ push, "null", "no JSON object" },
		{ push, "{\"actor\":7}", "'actor'" },
		{ push, "{\"actor\":{\"nickname\":7}}", "'nickname'" },
		{ push, "{\"repository\":[]}", "'repository'" },
		{ push, "{\"repository\":{\"full_name\":1}}", "'repository.full_name'" },
		{ push, "{\"push\":[]}", "'push'" },
		{ push, "{\"push\":{\"changes\":{}}}", "no array" },
		{ push, "{\"push\":{\"changes\":[null]}}", "change 1 of the push" },
		{ push, "{\"push\":{\"changes\":[{},{\"new\":1}]}}", "change 2 of the push" },
		{ push, "{\"push\":{\"changes\":[{\"new\":{\"target\":1}}]}}", "'new.target'" },
		{ push, "{\"push\":{\"changes\":[{\"new\":{\"name\":1}}]}}", "'new.name'" },
		{ push, "{\"push\":{\"changes\":[{\"old\":{\"target\":{\"hash\":1}}}]}}", "hash'" },
		{ fulfilled, PR("[]"), "'pullrequest'" },
		{ fulfilled, PR("{\"state\":1}"), "'state'" },
		{ fulfilled, PR("{\"id\":\"x\"}"), "'id'" },
		{ fulfilled, PR("{\"merge_commit\":\"x\"}"), "'merge_commit'" },
		{ fulfilled, PR("{\"merge_commit\":{\"hash\":7}}"), "'merge_commit.hash'" },
		{ fulfilled, PR("{\"author\":\"x\"}"), "'author'" },
		{ fulfilled, PR("{\"author\":{\"account_id\":7}}"), "'account_id'" },
		{ fulfilled, PR("{\"source\":1}"), "'source'" },
		{ fulfilled, PR("{\"source\":{\"repository\":1}}"), "'source.repository'" },
		{ fulfilled, PR("{\"destination\":{\"branch\":\"main\"}}"),
		  "'destination.branch'" },
		{ fulfilled, PR("{\"state\":\"OPEN\",\"state\":\"MERGED\"}"), "twice" },
	};
	(void)state;
	check_malformed(&provider_bitbucket, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_selects_a_branch(void **state)
{
	(void)state;
	static const char body[] =
	    "{\"push\":{\"changes\":["
	    "{\"old\":{\"name\":\"sluice\",\"type\":\"branch\"},\"new\":null},"
	    "{\"new\":{\"name\":\"main\",\"type\":\"tag\",\"target\":{\"hash\":\"1\"}}},"
	    "{\"new\":{\"name\":\"main\",\"type\":\"branch\",\"target\":{\"hash\":\"2\"}},"
	    "\"old\":{\"name\":\"main\",\"type\":\"branch\",\"target\":{\"hash\":\"3\"}}}]}}";
	AUTO(arena) struct arena arena;
	struct event event;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	check_ok(try_parse(&provider_bitbucket, &event, "repo:push", str_of(body), &arena, &e), &e);
	assert_int_equal(event.n_changes, 3);
	assert_same("branch", event.target_branch, STR("sluice"));
	assert_int_equal(event.deleted, 1);
	assert_int_equal(event_select_branch(&event, STR("mai")), 0);
	assert_same("branch", event.target_branch, STR("sluice"));
	assert_int_equal(event_select_branch(&event, STR("main")), 1);
	assert_same("branch", event.target_branch, STR("main"));
	assert_same("commit", event.merge_commit, STR("2"));
	assert_same("before", event.before, STR("3"));
	assert_int_equal(event.deleted, 0);
}

static void test_bitbucket_keeps_short_commits(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct event event;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	check_ok(try_parse(&provider_bitbucket, &event, "pullrequest:fulfilled",
			   STR(PR("{\"state\":\"MERGED\",\"merge_commit\":{\"hash\":"
				  "\"1f0c4de7a2b3\"},\"links\":{\"html\":{\"href\":"
				  "\"javascript:alert(1)\"}}}")),
			   &arena, &e),
		 &e);
	assert_same("commit", event.merge_commit, STR("1f0c4de7a2b3"));
	assert_int_equal(oid_is_valid(event.merge_commit), 0);
	assert_null(event.pull_request.url.p);
}

static void test_bitbucket_reads_back(void **state)
{
	(void)state;
	struct event event = sample_merge();
	check_read_back_kinds(&provider_bitbucket, event, STR(SECRET));
	event.merge_commit = STR("1f0c4de7a2b3");
	event.author.id = STR("{31000000-0000-4000-8000-000000000007}");
	event.author.bot = EVENT_BOT_YES;
	check_read_back(&provider_bitbucket, &event, STR(SECRET));
	event.author = (__typeof__(event.author)){ .bot = EVENT_BOT_UNKNOWN };
	check_read_back(&provider_bitbucket, &event, STR(SECRET));
	const struct event gone = {
		.kind = EVENT_PUSH,
		.repository = STR("brook/mill"),
		.target_branch = STR("sluice"),
		.before = STR(COMMIT),
		.deleted = 1,
	};
	check_read_back(&provider_bitbucket, &gone, STR(SECRET));
}

static void test_bitbucket_survives_lack_of_memory(void **state)
{
	(void)state;
	check_lack_of_memory(&provider_bitbucket, "repo:push",
			     "{\"push\":{\"changes\":[{\"new\":{\"name\":\"\\u00e9\"}}]}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bitbucket_takes_the_known_signature),
		cmocka_unit_test(test_bitbucket_refuses_other_signatures),
		cmocka_unit_test(test_bitbucket_refuses_malformed_bodies),
		cmocka_unit_test(test_bitbucket_selects_a_branch),
		cmocka_unit_test(test_bitbucket_keeps_short_commits),
		cmocka_unit_test(test_bitbucket_reads_back),
		cmocka_unit_test(test_bitbucket_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
