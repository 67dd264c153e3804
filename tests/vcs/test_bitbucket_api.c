/* SPDX-License-Identifier: Apache-2.0 */
/* What Bitbucket Cloud answers about pull requests. */

#include "tests/vcs/api_fixture.h"

static const char whole[] = "{\"id\":12,\"state\":\"MERGED\",\"title\":\"Add a table\",\"updated_on"
			    "\":\"2026-11-23T10:11:12.345678+00:00\",\"merge_commit\":{\"hash\":\"1"
			    "f0c4de7a2b3\"},\"author\":{\"type\":\"user\",\"account_id\":\"557058:1"
			    "\",\"nickname\":\"ada\",\"display_name\":\"Ada L\",\"uuid\":\"{u}\"},"
			    "\"closed_by\":{\"nickname\":\"otto\"},\"source\":{\"branch\":{\"name\""
			    ":\"sluice\"},\"commit\":{\"hash\":\"5d00b1e5c3a4\"},\"repository\":{\""
			    "uuid\":\"{s}\"}},\"destination\":{\"branch\":{\"name\":\"main\"},\"com"
			    "mit\":{\"hash\":\"dddddddddddd\"},\"repository\":{\"uuid\":\"{t}\"}},"
			    "\"links\":{\"html\":{\"href\":\"https://bitbucket.org/b/m/pull-request"
			    "s/12\"}}}";

static void test_bitbucket_api_reads_all_facts(void **state)
{
	AUTO(arena) struct arena arena;
	struct api_pull pull;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1 << 20);
	check_ok(try_read(&bitbucket_api, &pull, whole, &arena, &e), &e);
	const struct event *event = &pull.event;
	assert_text(event->repository, "brook/the mill");
	assert_text(event->repository_id, "{t}");
	assert_text(event->pull_request.number, "12");
	assert_text(event->target_branch, "main");
	assert_text(event->source_branch, "sluice");
	assert_text(event->merge_commit, "1f0c4de7a2b3");
	assert_text(event->author.id, "557058:1");
	assert_text(event->author.login, "ada");
	assert_text(event->author.name, "Ada L");
	assert_text(event->actor, "otto");
	assert_int_equal(event->from_fork, 1);
	assert_int_equal(pull.merged_ms, 1795428672345);
	check_short_of_memory(&bitbucket_api, whole);
}

static void test_bitbucket_api_knows_what_is_merged(void **state)
{
	static const struct reading rows[] = {
		{ "{\"state\":\"MERGED\",\"merge_commit\":{\"hash\":\"1f0c4de7a2b3\"}}", API_MERGED,
		  "1f0c4de7a2b3" },
		{ "{\"state\":\"MERGED\",\"merge_commit\":null}", API_MERGED, NULL },
		{ "{\"state\":\"OPEN\",\"merge_commit\":null}", API_PENDING, NULL },
		{ "{\"state\":\"DECLINED\"}", API_OTHER, NULL },
		{ "{\"state\":\"SUPERSEDED\",\"merge_commit\":{\"hash\":\"1f0c4de7a2b3\"}}",
		  API_OTHER, NULL },
		{ "{\"state\":\"merged\"}", API_OTHER, NULL },
	};
	(void)state;
	check_readings(&bitbucket_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_api_refuses_what_is_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"merge_commit\":\"1f0c\"}", "merge_commit" },
		{ "{\"merge_commit\":{\"hash\":12}}", "merge_commit.hash" },
		{ "{\"author\":7}", "author" },
		{ "{\"destination\":[]}", "destination" },
		{ "{\"closed_on\":\"x\"}", "closed_on" },
	};
	(void)state;
	check_unreadable(&bitbucket_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_api_reads_pages(void **state)
{
	static const struct paging rows[] = {
		{ "{\"values\":[]}", 0, 0, -1 },
		{ "{\"values\":[{}],\"next\":\"http://elsewhere.example.com/\"}", 2, 1, 3 },
		{ "{\"values\":[{}]}", 2, 1, -1 },
		{ "{\"values\":{}}", 0, 0, -2 },
		{ "[]", 0, 0, -2 },
		{ "{\"values\":[],\"next\":1}", 0, 0, -2 },
	};
	(void)state;
	check_pages(&bitbucket_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_api_asks_by_the_right_paths(void **state)
{
	(void)state;
	check_path(bitbucket_api.pull_path, "12", "/repositories/brook/the%20mill/pullrequests/12");
	check_merged_path(&bitbucket_api, 0, 0,
			  "/repositories/brook/the%20mill/pullrequests?state=MERGED"
			  "&sort=-updated_on&pagelen=50&page=1");
	check_base(&bitbucket_api, "https://bitbucket.org/a/b.git",
		   "https://api.bitbucket.org/2.0");
	check_base(&bitbucket_api, "https://bitbucket.example.com/scm/a/b.git", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bitbucket_api_reads_all_facts),
		cmocka_unit_test(test_bitbucket_api_knows_what_is_merged),
		cmocka_unit_test(test_bitbucket_api_refuses_what_is_malformed),
		cmocka_unit_test(test_bitbucket_api_reads_pages),
		cmocka_unit_test(test_bitbucket_api_asks_by_the_right_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
