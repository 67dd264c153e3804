/* SPDX-License-Identifier: Apache-2.0 */
/* What Bitbucket Data Center answers about pull requests. */

#include "tests/vcs/api_fixture.h"

static const char whole[] = "{\"id\":12,\"state\":\"MERGED\",\"title\":\"Add a table\",\"closedDate"
			    "\":1795428672345,\"updatedDate\":1795428673345,\"properties\":{\"merge"
			    "Commit\":{\"id\":\"1f0c4de7a2b35c6d7e8f90123456789abcdef012\",\"displa"
			    "yId\":\"1f0c4de7a2\"}},\"author\":{\"user\":{\"id\":7,\"name\":\"ada\""
			    ",\"displayName\":\"Ada L\",\"type\":\"NORMAL\"}},\"fromRef\":{\"id\":"
			    "\"refs/heads/sluice\",\"displayId\":\"sluice\",\"latestCommit\":\"5d00"
			    "b1e5c3a49f0e8d7c6b5a4938271605f4e3d2\",\"repository\":{\"id\":85,\"slu"
			    "g\":\"mill\",\"project\":{\"key\":\"~ada\"}}},\"toRef\":{\"id\":\"refs"
			    "/heads/main\",\"displayId\":\"main\",\"repository\":{\"id\":84,\"slug"
			    "\":\"mill\",\"project\":{\"key\":\"brook\"}}},\"links\":{\"self\":[{\""
			    "href\":\"https://bb.example.com/12\"}]}}";

static void test_bitbucket_server_api_reads_all_facts(void **state)
{
	AUTO(arena) struct arena arena;
	struct api_pull pull;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1 << 20);
	check_ok(try_read(&bitbucket_server_api, &pull, whole, &arena, &e), &e);
	const struct event *event = &pull.event;
	assert_text(event->repository, "brook/mill");
	assert_text(event->repository_id, "84");
	assert_text(event->pull_request.number, "12");
	assert_text(event->pull_request.url, "https://bb.example.com/12");
	assert_text(event->target_branch, "main");
	assert_text(event->source_branch, "sluice");
	assert_text(event->merge_commit, "1f0c4de7a2b35c6d7e8f90123456789abcdef012");
	assert_text(event->author.id, "7");
	assert_text(event->author.login, "ada");
	assert_int_equal(event->from_fork, 1);
	assert_int_equal(pull.merged_ms, 1795428672345);
	assert_int_equal(pull.updated_ms, 1795428673345);
	check_short_of_memory(&bitbucket_server_api, whole);
}

static void test_bitbucket_server_api_knows_what_is_merged(void **state)
{
	static const struct reading rows[] = {
		{ "{\"state\":\"MERGED\",\"properties\":{\"mergeCommit\":{\"id\":\"" COMMIT "\"}}}",
		  API_MERGED, COMMIT },
		{ "{\"state\":\"MERGED\",\"properties\":{}}", API_MERGED, NULL },
		{ "{\"state\":\"MERGED\"}", API_MERGED, NULL },
		{ "{\"state\":\"OPEN\"}", API_PENDING, NULL },
		{ "{\"state\":\"DECLINED\"}", API_OTHER, NULL },
	};
	(void)state;
	check_readings(&bitbucket_server_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_server_api_refuses_what_is_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"properties\":[]}", "properties" },
		{ "{\"closedDate\":\"2026\"}", "closedDate" },
		{ "{\"closedDate\":-1}", "closedDate" },
		{ "{\"updatedDate\":1.5}", "updatedDate" },
		{ "{\"toRef\":0}", "toRef" },
	};
	(void)state;
	check_unreadable(&bitbucket_server_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_server_api_reads_pages(void **state)
{
	static const struct paging rows[] = {
		{ "{\"values\":[],\"isLastPage\":true}", 0, 0, -1 },
		{ "{\"values\":[{}]}", 0, 1, -1 },
		{ "{\"values\":[{}],\"isLastPage\":false,\"nextPageStart\":51}", 0, 1, 51 },
		/* Round and round. */
		{ "{\"values\":[{}],\"isLastPage\":false,\"nextPageStart\":0}", 0, 0, -2 },
		{ "{\"values\":[{}],\"isLastPage\":false,\"nextPageStart\":50}", 50, 0, -2 },
		{ "{\"values\":[{}],\"isLastPage\":false}", 0, 0, -2 },
		{ "{}", 0, 0, -2 },
	};
	(void)state;
	check_pages(&bitbucket_server_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_bitbucket_server_api_asks_by_the_right_paths(void **state)
{
	(void)state;
	check_path(bitbucket_server_api.pull_path, "12",
		   "/projects/brook/repos/the%20mill/pull-requests/12");
	check_path(bitbucket_server_api.commit_path, "12",
		   "/projects/brook/repos/the%20mill/pull-requests/12/activities?limit=500");
	check_merged_path(&bitbucket_server_api, 0, 50,
			  "/projects/brook/repos/the%20mill/pull-requests?state=MERGED&order=NEWEST"
			  "&at=refs%2Fheads%2Frelease%2F1.2&limit=50&start=50");
	check_base(&bitbucket_server_api, "https://bitbucket.org/a/b.git", NULL);
}

static void test_bitbucket_server_api_finds_the_commit_in_activities(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *commit;
	} rows[] = {
		{ "{\"values\":[{\"action\":\"COMMENTED\"},{\"action\":\"MERGED\",\"commit\":{"
		  "\"id\":"
		  "\"" COMMIT "\"}}]}",
		  0, COMMIT },
		{ "{\"values\":[{\"action\":\"MERGED\"}]}", 0, NULL },
		{ "{\"values\":[{\"action\":\"MERGED\",\"commit\":null}]}", 0, NULL },
		{ "{\"values\":[]}", 0, NULL },
		{ "{\"values\":[7]}", 0, NULL },
		{ "{\"values\":[{\"action\":\"MERGED\",\"commit\":1}]}", -1, NULL },
		{ "{\"values\":[{\"action\":[]}]}", -1, NULL },
		{ "{}", -1, NULL },
		{ "[]", -1, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		struct str commit = STR("untouched");
		struct json *root;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 16);
		check_ok(json_parse(&root, str_of(rows[i].text), &arena, &e), &e);
		assert_int_equal(bitbucket_server_api.read_commit(&commit, root, &e), rows[i].rc);
		assert_text(commit, rows[i].rc == 0 ? rows[i].commit : "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bitbucket_server_api_reads_all_facts),
		cmocka_unit_test(test_bitbucket_server_api_knows_what_is_merged),
		cmocka_unit_test(test_bitbucket_server_api_refuses_what_is_malformed),
		cmocka_unit_test(test_bitbucket_server_api_reads_pages),
		cmocka_unit_test(test_bitbucket_server_api_asks_by_the_right_paths),
		cmocka_unit_test(test_bitbucket_server_api_finds_the_commit_in_activities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
