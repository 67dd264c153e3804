/* SPDX-License-Identifier: Apache-2.0 */
/* What Gitea and Forgejo answer about pull requests. */

#include "tests/vcs/api_fixture.h"

static const char whole[] = "{\"id\":9007199254740993,\"number\":12,\"state\":\"closed\",\"title\":"
			    "\"Add a table\",\"html_url\":\"https://github.com/brook/mill/pull/12\""
			    ",\"merged\":true,\"merged_at\":\"2026-11-23T10:11:12Z\",\"updated_at\""
			    ":\"2026-11-23T10:11:13Z\",\"merge_commit_sha\":\"1f0c4de7a2b35c6d7e8f9"
			    "0123456789abcdef012\",\"user\":{\"id\":7,\"login\":\"ada\",\"full_name"
			    "\":\"Ada L\"},\"merged_by\":{\"login\":\"otto\"},\"head\":{\"ref\":\"s"
			    "luice\",\"sha\":\"5d00b1e5c3a49f0e8d7c6b5a4938271605f4e3d2\",\"repo\":"
			    "{\"id\":6}},\"base\":{\"ref\":\"main\",\"repo\":{\"id\":5}}}";

static void test_gitea_api_reads_all_facts(void **state)
{
	AUTO(arena) struct arena arena;
	struct api_pull pull;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1 << 20);
	check_ok(try_read(&gitea_api, &pull, whole, &arena, &e), &e);
	const struct event *event = &pull.event;
	assert_text(event->repository, "brook/the mill");
	assert_text(event->pull_request.number, "12");
	assert_text(event->target_branch, "main");
	assert_text(event->source_branch, "sluice");
	assert_text(event->merge_commit, "1f0c4de7a2b35c6d7e8f90123456789abcdef012");
	assert_text(event->author.id, "7");
	assert_text(event->author.login, "ada");
	assert_text(event->author.name, "Ada L");
	assert_text(event->actor, "otto");
	check_short_of_memory(&gitea_api, whole);
}

static void test_gitea_api_knows_what_is_merged(void **state)
{
	static const struct reading rows[] = {
		{ "{\"merged\":true,\"merge_commit_sha\":\"" COMMIT "\"}", API_MERGED, COMMIT },
		{ "{\"merged\":true,\"merged_commit_id\":\"" COMMIT "\"}", API_MERGED, COMMIT },
		{ "{\"merged\":true,\"merge_commit_sha\":null}", API_MERGED, NULL },
		{ "{\"merged\":false,\"state\":\"open\"}", API_PENDING, NULL },
		{ "{\"merged\":false,\"state\":\"closed\",\"merge_commit_sha\":\"" COMMIT "\"}",
		  API_OTHER, NULL },
		{ "{\"merged\":1,\"state\":\"closed\"}", API_OTHER, NULL },
	};
	(void)state;
	check_readings(&gitea_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitea_api_refuses_what_is_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"merge_commit_sha\":[]}", "merge_commit_sha" },
		{ "{\"head\":3}", "head" },
		{ "{\"updated_at\":\"x\"}", "updated_at" },
		{ "{\"user\":{\"id\":\"x\"}}", "user.id" },
	};
	(void)state;
	check_unreadable(&gitea_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitea_api_reads_pages(void **state)
{
	static const struct paging rows[] = {
		{ "[]", 0, 0, -1 },
		{ "[{},{}]", 4, 2, 5 },
		{ "{\"data\":[]}", 0, 0, -2 },
	};
	(void)state;
	check_pages(&gitea_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitea_api_asks_by_the_right_paths(void **state)
{
	(void)state;
	check_path(gitea_api.pull_path, "12", "/repos/brook/the%20mill/pulls/12");
	check_merged_path(&gitea_api, 0, 0,
			  "/repos/brook/the%20mill/pulls?state=closed&sort=recentupdate&limit=50"
			  "&page=1");
	check_base(&gitea_api, "https://gitea.example.com/a/b.git", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gitea_api_reads_all_facts),
		cmocka_unit_test(test_gitea_api_knows_what_is_merged),
		cmocka_unit_test(test_gitea_api_refuses_what_is_malformed),
		cmocka_unit_test(test_gitea_api_reads_pages),
		cmocka_unit_test(test_gitea_api_asks_by_the_right_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
