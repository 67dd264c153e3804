/* SPDX-License-Identifier: Apache-2.0 */
/* What GitHub answers about pull requests. */

#include "tests/vcs/api_fixture.h"

static const char whole[] = "{\"id\":9007199254740993,\"number\":12,\"state\":\"closed\",\"title\":"
			    "\"Add a table\",\"html_url\":\"https://github.com/brook/mill/pull/12\""
			    ",\"merged\":true,\"merged_at\":\"2026-11-23T10:11:12Z\",\"updated_at\""
			    ":\"2026-11-23T10:11:13Z\",\"merge_commit_sha\":\"1f0c4de7a2b35c6d7e8f9"
			    "0123456789abcdef012\",\"user\":{\"id\":9007199254740995,\"login\":\"ad"
			    "a\",\"type\":\"User\"},\"merged_by\":{\"login\":\"otto\"},\"head\":{\""
			    "ref\":\"sluice\",\"sha\":\"5d00b1e5c3a49f0e8d7c6b5a4938271605f4e3d2\","
			    "\"repo\":{\"id\":6}},\"base\":{\"ref\":\"main\",\"repo\":{\"id\":5}}}";

static void test_github_api_reads_all_facts(void **state)
{
	AUTO(arena) struct arena arena;
	struct api_pull pull;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1 << 20);
	check_ok(try_read(&github_api, &pull, whole, &arena, &e), &e);
	const struct event *event = &pull.event;
	assert_text(event->repository, "brook/the mill");
	assert_text(event->repository_id, "5");
	assert_text(event->pull_request.number, "12");
	assert_text(event->pull_request.title, "Add a table");
	assert_text(event->pull_request.url, "https://github.com/brook/mill/pull/12");
	assert_text(event->target_branch, "main");
	assert_text(event->source_branch, "sluice");
	assert_text(event->source_commit, "5d00b1e5c3a49f0e8d7c6b5a4938271605f4e3d2");
	assert_text(event->merge_commit, "1f0c4de7a2b35c6d7e8f90123456789abcdef012");
	assert_text(event->author.id, "9007199254740995");
	assert_text(event->author.login, "ada");
	assert_text(event->actor, "otto");
	assert_int_equal(event->author.bot, EVENT_BOT_NO);
	assert_int_equal(event->from_fork, 1);
	assert_int_equal(pull.merged_ms, 1795428672000);
	assert_int_equal(pull.updated_ms, 1795428673000);
	check_short_of_memory(&github_api, whole);
}

static void test_github_api_knows_what_is_merged(void **state)
{
	static const struct reading rows[] = {
		{ "{\"merged\":true,\"merge_commit_sha\":\"" COMMIT "\"}", API_MERGED, COMMIT },
		{ "{\"merged\":true,\"merge_commit_sha\":null}", API_MERGED, NULL },
		{ "{\"merged\":true}", API_MERGED, NULL },
		/* In lists. */
		{ "{\"merged_at\":\"2026-11-23T10:11:12Z\",\"merge_commit_sha\":\"" COMMIT "\"}",
		  API_MERGED, COMMIT },
		{ "{\"merged_at\":null,\"state\":\"closed\",\"merge_commit_sha\":\"" COMMIT "\"}",
		  API_OTHER, NULL },
		/* A throw-away merge that was only tried. */
		{ "{\"merged\":false,\"state\":\"open\",\"merge_commit_sha\":\"" COMMIT "\"}",
		  API_PENDING, NULL },
		{ "{\"merged\":\"true\",\"state\":\"closed\"}", API_OTHER, NULL },
		{ "{\"merged\":false,\"merged_at\":\"2026-11-23T10:11:12Z\"}", API_OTHER, NULL },
		{ "{}", API_OTHER, NULL },
	};
	(void)state;
	check_readings(&github_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_github_api_refuses_what_is_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"merge_commit_sha\":1}", "merge_commit_sha" },
		{ "{\"base\":\"main\"}", "base" },
		{ "{\"merged_at\":\"soon\"}", "merged_at" },
		{ "{\"merged_at\":7}", "merged_at" },
		{ "{\"number\":\"x\"}", "number" },
		{ "{\"user\":[]}", "user" },
	};
	(void)state;
	check_unreadable(&github_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_github_api_reads_pages(void **state)
{
	static const struct paging rows[] = {
		{ "[]", 3, 0, -1 },        { "[{}]", 0, 1, 1 },  { "[{},{},{}]", 7, 3, 8 },
		{ "{}", 0, 0, -2 },        { "null", 0, 0, -2 }, { "[1]", 0, 0, -2 },
		{ "[{},null]", 0, 0, -2 },
	};
	(void)state;
	check_pages(&github_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_github_api_asks_by_the_right_paths(void **state)
{
	(void)state;
	check_path(github_api.pull_path, "12", "/repos/brook/the%20mill/pulls/12");
	check_merged_path(&github_api, 0, 2,
			  "/repos/brook/the%20mill/pulls?state=closed&sort=updated&direction=desc"
			  "&base=release%2F1.2&per_page=50&page=3");
}

static void test_github_api_derives_its_base(void **state)
{
	(void)state;
	check_base(&github_api, "https://github.com/a/b.git", "https://api.github.com");
	check_base(&github_api, "git@github.com:a/b.git", "https://api.github.com");
	check_base(&github_api, "https://github.example.com/a/b.git", NULL);
	check_base(&github_api, "https://github.com@h.example.com/a/b.git", NULL);
	check_base(&github_api, "file:///srv/github.com", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_github_api_reads_all_facts),
		cmocka_unit_test(test_github_api_knows_what_is_merged),
		cmocka_unit_test(test_github_api_refuses_what_is_malformed),
		cmocka_unit_test(test_github_api_reads_pages),
		cmocka_unit_test(test_github_api_asks_by_the_right_paths),
		cmocka_unit_test(test_github_api_derives_its_base),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
