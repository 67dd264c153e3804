/* SPDX-License-Identifier: Apache-2.0 */
/* What GitLab answers about merge requests and users. */

#include "tests/vcs/api_fixture.h"

static const char whole[] = "{\"id\":4001,\"iid\":12,\"state\":\"merged\",\"title\":\"Add a table\""
			    ",\"web_url\":\"https://gitlab.com/b/m/-/merge_requests/12\",\"merged_a"
			    "t\":\"2026-11-23T10:11:12.345Z\",\"updated_at\":\"2026-11-23T10:11:13."
			    "000Z\",\"target_branch\":\"main\",\"source_branch\":\"sluice\",\"sourc"
			    "e_project_id\":16,\"target_project_id\":15,\"author\":{\"id\":21474836"
			    "48,\"username\":\"ada\",\"name\":\"Ada L\",\"state\":\"active\"},\"mer"
			    "ged_by\":{\"id\":1,\"username\":\"otto\"},\"sha\":\"5d00b1e5c3a49f0e8d"
			    "7c6b5a4938271605f4e3d2\",\"merge_commit_sha\":\"1f0c4de7a2b35c6d7e8f90"
			    "123456789abcdef012\",\"squash_commit_sha\":null}";

static void test_gitlab_api_reads_all_facts(void **state)
{
	AUTO(arena) struct arena arena;
	struct api_pull pull;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1 << 20);
	check_ok(try_read(&gitlab_api, &pull, whole, &arena, &e), &e);
	const struct event *event = &pull.event;
	assert_text(event->repository, "brook/the mill");
	assert_text(event->repository_id, "15");
	assert_text(event->pull_request.number, "12");
	assert_text(event->pull_request.title, "Add a table");
	assert_text(event->pull_request.url, "https://gitlab.com/b/m/-/merge_requests/12");
	assert_text(event->target_branch, "main");
	assert_text(event->source_branch, "sluice");
	assert_text(event->source_commit, "5d00b1e5c3a49f0e8d7c6b5a4938271605f4e3d2");
	assert_text(event->merge_commit, "1f0c4de7a2b35c6d7e8f90123456789abcdef012");
	assert_text(event->author.id, "2147483648");
	assert_text(event->author.login, "ada");
	assert_text(event->author.name, "Ada L");
	assert_text(event->actor, "otto");
	assert_int_equal(event->author.bot, EVENT_BOT_NO);
	assert_int_equal(event->from_fork, 1);
	assert_int_equal(pull.merged_ms, 1795428672345);
	check_short_of_memory(&gitlab_api, whole);
}

#define HEAD "5d00b1e5c3a49f0e8d7c6b5a4938271605f4e3d2"
#define SQUASH "2222222222222222222222222222222222222222"
#define MR(state, merge, squash)                                                                   \
	"{\"state\":\"" state "\",\"merge_commit_sha\":" merge ",\"squash_commit_sha\":" squash    \
	",\"sha\":\"" HEAD "\"}"

static void test_gitlab_api_takes_the_commit_on_the_target(void **state)
{
	static const struct reading rows[] = {
		{ MR("merged", "\"" COMMIT "\"", "null"), API_MERGED, COMMIT },
		{ MR("merged", "\"" COMMIT "\"", "\"" SQUASH "\""), API_MERGED, COMMIT },
		{ MR("merged", "null", "\"" SQUASH "\""), API_MERGED, SQUASH },
		{ MR("merged", "null", "null"), API_MERGED, HEAD },
		{ "{\"state\":\"merged\"}", API_MERGED, NULL },
		{ MR("opened", "null", "null"), API_PENDING, NULL },
		{ MR("locked", "null", "null"), API_PENDING, NULL },
		{ MR("closed", "null", "null"), API_OTHER, NULL },
		{ "{}", API_OTHER, NULL },
	};
	(void)state;
	check_readings(&gitlab_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitlab_api_refuses_what_is_malformed(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"sha\":1}", "sha" },
		{ "{\"author\":\"ada\"}", "author" },
		{ "{\"author\":{\"id\":1.5}}", "id" },
		{ "{\"state\":true}", "state" },
		{ "{\"merged_at\":\"2026\"}", "merged_at" },
	};
	(void)state;
	check_unreadable(&gitlab_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitlab_api_reads_pages(void **state)
{
	static const struct paging rows[] = {
		{ "[]", 0, 0, -1 },
		{ "[{},{}]", 1, 2, 2 },
		{ "{\"message\":\"x\"}", 0, 0, -2 },
	};
	(void)state;
	check_pages(&gitlab_api, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitlab_api_asks_by_the_right_paths(void **state)
{
	(void)state;
	check_path(gitlab_api.pull_path, "12", "/projects/brook%2Fthe%20mill/merge_requests/12");
	check_path(gitlab_api.author_path, "7", "/users/7");
	check_merged_path(&gitlab_api, 1795428672345, 0,
			  "/projects/brook%2Fthe%20mill/merge_requests?state=merged&scope=all"
			  "&order_by=updated_at&sort=desc&target_branch=release%2F1.2"
			  "&updated_after=2026-11-23T10%3A11%3A12.345Z&per_page=50&page=1");
	check_base(&gitlab_api, "git@gitlab.com:a/b/c.git", "https://gitlab.com/api/v4");
	check_base(&gitlab_api, "https://gitlab.example.com/a/b.git", NULL);
}

static int read_author(struct event *event, const char *text, struct err *e)
{
	static struct arena arena;
	struct json *root;
	arena_init(&arena, 1 << 16);
	check_ok(json_parse(&root, str_of(text), &arena, e), e);
	int rc = gitlab_api.read_author(event, root, e);
	if (rc == 0) {
		/* Only what is asserted next: the texts go with the arena. */
		event->author.login =
		    str_eq_cstr(event->author.login, "ada") ? STR("ada") : STR("?");
		event->author.name = STR_NULL;
	}
	arena_free(&arena);
	return rc;
}

static void test_gitlab_api_knows_bots_by_their_mark(void **state)
{
	static const struct {
		const char *text;
		enum event_bot bot;
	} rows[] = {
		{ "{\"id\":7,\"username\":\"ada\",\"bot\":false}", EVENT_BOT_NO },
		{ "{\"id\":7,\"username\":\"ada\",\"bot\":true}", EVENT_BOT_YES },
		{ "{\"id\":7,\"username\":\"project_1_bot\",\"bot\":false}", EVENT_BOT_NO },
		{ "{\"id\":7,\"username\":\"project_1_bot\"}", EVENT_BOT_YES },
		{ "{\"id\":7,\"username\":\"ada\",\"bot\":\"true\"}", EVENT_BOT_NO },
		{ "{\"id\":7}", EVENT_BOT_UNKNOWN },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct event event = { .author = { .id = STR("7") } };
		struct err e = { .code = ERR_NONE };
		check_ok(read_author(&event, rows[i].text, &e), &e);
		assert_int_equal(event.author.bot, rows[i].bot);
	}
}

static void test_gitlab_api_takes_no_other_user(void **state)
{
	static const char *const rows[] = { "{\"id\":8,\"bot\":true}", "{\"bot\":true}", "[]",
					    "{\"id\":\"x\"}" };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct event event = { .author = { .id = STR("7") } };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(read_author(&event, rows[i], &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(event.author.bot, EVENT_BOT_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gitlab_api_reads_all_facts),
		cmocka_unit_test(test_gitlab_api_takes_the_commit_on_the_target),
		cmocka_unit_test(test_gitlab_api_refuses_what_is_malformed),
		cmocka_unit_test(test_gitlab_api_reads_pages),
		cmocka_unit_test(test_gitlab_api_asks_by_the_right_paths),
		cmocka_unit_test(test_gitlab_api_knows_bots_by_their_mark),
		cmocka_unit_test(test_gitlab_api_takes_no_other_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
