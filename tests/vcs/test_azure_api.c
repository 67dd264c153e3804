/* SPDX-License-Identifier: Apache-2.0 */
/* What Azure DevOps answers about pull requests. */

#include "tests/vcs/api_fixture.h"

static const char whole[] = "{\"pullRequestId\":12,\"status\":\"completed\",\"mergeStatus\":\"succe"
			    "eded\",\"title\":\"Add a table\",\"closedDate\":\"2026-11-23T10:11:12."
			    "3456789Z\",\"repository\":{\"id\":\"278d5cd2-584d-4b63-824a-2ba4589372"
			    "49\",\"name\":\"mill\",\"project\":{\"name\":\"the brook\"},\"remoteUr"
			    "l\":\"https://fab@dev.azure.com/fab/the%20brook/_git/mill\"},\"created"
			    "By\":{\"id\":\"54d125f7-69f7-4191-904f-c5b96b6261c8\",\"uniqueName\":"
			    "\"ada@example.com\",\"displayName\":\"Ada L\",\"descriptor\":\"aad.x\""
			    "},\"closedBy\":{\"uniqueName\":\"otto@example.com\"},\"sourceRefName\""
			    ":\"refs/heads/sluice\",\"targetRefName\":\"refs/heads/main\",\"lastMer"
			    "geSourceCommit\":{\"commitId\":\"5d00b1e5c3a49f0e8d7c6b5a4938271605f4e"
			    "3d2\"},\"lastMergeCommit\":{\"commitId\":\"1f0c4de7a2b35c6d7e8f9012345"
			    "6789abcdef012\"}}";

static void test_azure_api_reads_all_facts(void **state)
{
	AUTO(arena) struct arena arena;
	struct api_pull pull;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1 << 20);
	check_ok(try_read(&azure_api, &pull, whole, &arena, &e), &e);
	const struct event *event = &pull.event;
	assert_text(event->repository, "the brook/mill");
	assert_text(event->repository_id, "278d5cd2-584d-4b63-824a-2ba458937249");
	assert_text(event->pull_request.number, "12");
	assert_text(event->pull_request.url,
		    "https://dev.azure.com/fab/the%20brook/_git/mill/pullrequest/12");
	assert_text(event->target_branch, "main");
	assert_text(event->source_branch, "sluice");
	assert_text(event->merge_commit, "1f0c4de7a2b35c6d7e8f90123456789abcdef012");
	assert_text(event->author.id, "54d125f7-69f7-4191-904f-c5b96b6261c8");
	assert_text(event->author.login, "ada@example.com");
	assert_text(event->actor, "otto@example.com");
	assert_text(pull.state_word, "completed, merge succeeded");
	assert_int_equal(pull.merged_ms, 1795428672345);
	check_short_of_memory(&azure_api, whole);
}

#define PULL(status, merge)                                                                        \
	"{\"repository\":{\"name\":\"mill\",\"project\":{\"name\":\"brook\"}},\"status\":" status  \
	",\"mergeStatus\":" merge ",\"lastMergeCommit\":{\"commitId\":\"" COMMIT "\"}}"

static void test_azure_api_waits_for_what_is_queued_alone(void **state)
{
	static const struct reading rows[] = {
		{ PULL("\"completed\"", "\"succeeded\""), API_MERGED, COMMIT },
		{ PULL("\"completed\"", "\"queued\""), API_PENDING, NULL },
		{ PULL("\"active\"", "\"queued\""), API_PENDING, NULL },
		{ PULL("\"active\"", "\"notSet\""), API_PENDING, NULL },
		{ PULL("\"active\"", "\"succeeded\""), API_PENDING, NULL },
		{ PULL("\"active\"", "null"), API_PENDING, NULL },
		{ PULL("\"active\"", "\"conflicts\""), API_OTHER, NULL },
		{ PULL("\"active\"", "\"rejectedByPolicy\""), API_OTHER, NULL },
		{ PULL("\"completed\"", "\"conflicts\""), API_OTHER, NULL },
		{ PULL("\"completed\"", "\"failure\""), API_OTHER, NULL },
		{ PULL("\"abandoned\"", "\"succeeded\""), API_OTHER, NULL },
		{ PULL("null", "null"), API_OTHER, NULL },
	};
	(void)state;
	check_readings(&azure_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_azure_api_refuses_what_is_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "{}", "names no repository" },
		{ PULL("1", "null"), "status" },
		{ PULL("\"active\"", "true"), "mergeStatus" },
		{ "{\"lastMergeCommit\":\"x\"}", "lastMergeCommit" },
		{ "{\"closedDate\":\"x\"}", "closedDate" },
	};
	(void)state;
	check_unreadable(&azure_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_azure_api_reads_pages(void **state)
{
	static const struct paging rows[] = {
		{ "{\"value\":[],\"count\":0}", 50, 0, -1 },
		{ "{\"value\":[" PULL("\"active\"", "null") "]}", 50, 1, 51 },
		{ "{\"value\":[{}]}", 0, 0, -2 },
		{ "{\"values\":[]}", 0, 0, -2 },
	};
	(void)state;
	check_pages(&azure_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_azure_api_asks_by_the_right_paths(void **state)
{
	(void)state;
	check_path(azure_api.pull_path, "12",
		   "/brook/_apis/git/repositories/the%20mill/pullrequests/12?api-version=6.0");
	check_merged_path(
	    &azure_api, 0, 100,
	    "/brook/_apis/git/repositories/the%20mill/pullrequests"
	    "?searchCriteria.status=completed"
	    "&searchCriteria.targetRefName=refs%2Fheads%2Frelease%2F1.2&$top=50&$skip=100"
	    "&api-version=6.0");
}

static void test_azure_api_derives_its_base(void **state)
{
	(void)state;
	check_base(&azure_api, "https://dev.azure.com/fab/p/_git/r", "https://dev.azure.com/fab");
	check_base(&azure_api, "https://fab.visualstudio.com/p/_git/r",
		   "https://dev.azure.com/fab");
	check_base(&azure_api, "git@ssh.dev.azure.com:v3/fab/p/r", "https://dev.azure.com/fab");
	check_base(&azure_api, "fab@vs-ssh.visualstudio.com:v3/fab/p/r",
		   "https://dev.azure.com/fab");
	check_base(&azure_api, "https://tfs.example.com/tfs/C/p/_git/r", NULL);
	check_base(&azure_api, "https://dev.azure.com", NULL);
	check_base(&azure_api, "https://dev.azure.com.example.com/fab", NULL);
	check_base(&azure_api, "file:///srv/r.git", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_azure_api_reads_all_facts),
		cmocka_unit_test(test_azure_api_waits_for_what_is_queued_alone),
		cmocka_unit_test(test_azure_api_refuses_what_is_malformed),
		cmocka_unit_test(test_azure_api_reads_pages),
		cmocka_unit_test(test_azure_api_asks_by_the_right_paths),
		cmocka_unit_test(test_azure_api_derives_its_base),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
