/* SPDX-License-Identifier: Apache-2.0 */
/* What the providers' APIs have in common. */

#include "tests/vcs/api_fixture.h"
#include "vcs/api_impl.h"
#include "vcs/provider.h"

static void test_api_every_provider_but_git_has_one(void **state)
{
	(void)state;
	for (const struct provider *const *p = provider_all(); *p != NULL; p++) {
		const struct api *api = api_find(str_of((*p)->name));
		if (str_eq_cstr(str_of((*p)->name), "git")) {
			assert_null(api);
			continue;
		}
		assert_non_null(api);
		assert_string_equal(api->name, (*p)->name);
		assert_non_null(api->base);
		assert_non_null(api->pull_path);
		assert_non_null(api->read_pull);
		assert_non_null(api->merged_path);
		assert_non_null(api->read_page);
		assert_int_equal(api->author_path == NULL, api->read_author == NULL);
		assert_int_equal(api->commit_path == NULL, api->read_commit == NULL);
	}
	assert_null(api_find(STR("")));
	assert_null(api_find(STR("GitHub")));
}

static void test_api_escapes_what_goes_into_a_path(void **state)
{
	static const char *const rows[][3] = {
		{ "app", "app", "app" },
		{ "a b/c", "a%20b%2Fc", "a%20b/c" },
		{ "../x", "..%2Fx", "%2E%2E/x" },
		{ ".", "%2E", "%2E" },
		{ "a?b#c&d=e%2f", "a%3Fb%23c%26d%3De%252f", "a%3Fb%23c%26d%3De%252f" },
		{ "\xc3\xa9\r\n", "%C3%A9%0D%0A", "%C3%A9%0D%0A" },
		{ "g/s/app", "g%2Fs%2Fapp", "g/s/app" },
		{ "", "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(buf) struct buf part, path;
		buf_init(&part, 256);
		buf_init(&path, 256);
		api_escape(&part, str_of(rows[i][0]));
		api_escape_path(&path, str_of(rows[i][0]));
		assert_string_equal(part.p, rows[i][1]);
		assert_string_equal(path.p, rows[i][2]);
	}
}

static void test_api_finds_the_host_of_a_clone_url(void **state)
{
	static const char *const rows[][2] = {
		{ "https://github.com/acme/app.git", "github.com" },
		{ "https://GitHub.com:443/acme/app", "GitHub.com" },
		{ "ssh://git@gitlab.com:22/acme/app.git", "gitlab.com" },
		{ "git@bitbucket.org:acme/app.git", "bitbucket.org" },
		{ "https://github.com@evil.example.com/x", "evil.example.com" },
		{ "https://evil.example.com/github.com", "evil.example.com" },
		{ "https://github.com.example.com/x", "github.com.example.com" },
		{ "file:///srv/app.git", NULL },
		{ "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_text(api_clone_host(str_of(rows[i][0])), rows[i][1]);
}

static void test_api_takes_the_configured_base(void **state)
{
	AUTO(arena) struct arena arena;
	struct str base;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&arena, 1024);
	check_ok(api_base(&base, &gitea_api, STR("https://h/api/v1//"), STR("x"), &arena, &e), &e);
	assert_text(base, "https://h/api/v1");
}

static void test_api_knows_numbers_and_short_commits(void **state)
{
	static const char *const numbers[] = { "0", "12", "9223372036854775807" };
	static const char *const others[] = {
		"", "-1", "1.5", "1 ", "../2", "12345678901234567890"
	};
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		assert_true(api_number_is_valid(str_of(numbers[i])));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(api_number_is_valid(str_of(others[i])));
	assert_true(api_commit_is_short(STR("0123456789ab")));
	assert_true(api_commit_is_short(str_first(STR(COMMIT), 39)));
	assert_false(api_commit_is_short(STR(COMMIT)));
	assert_false(api_commit_is_short(STR("0123456789a")));
	assert_false(api_commit_is_short(STR("0123456789aB")));
	assert_false(api_commit_is_short(STR("0123456789a-")));
	assert_false(api_commit_is_short(STR_NULL));
}

static int read_time(int64_t *ms, const char *text, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct json *root;
	arena_init(&arena, 4096);
	check_ok(json_parse(&root, str_of(text), &arena, e), e);
	return api_time(ms, root, "t", e);
}

static void test_api_reads_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "{}", 0 },
		{ "{\"t\":null}", 0 },
		{ "{\"t\":\"1970-01-01T00:00:01Z\"}", 1000 },
		{ "{\"t\":\"2026-11-23T10:11:12.1234567Z\"}", 1795428672123 },
		{ "{\"t\":\"2026-11-23T10:11:12.123456+00:00\"}", 1795428672123 },
	};
	struct err e = { .code = ERR_NONE };
	int64_t ms = -1;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check_ok(read_time(&ms, rows[i].text, &e), &e);
		assert_int_equal(ms, rows[i].ms);
	}
	assert_int_equal(read_time(&ms, "{\"t\":1}", &e), -1);
	assert_int_equal(read_time(&ms, "{\"t\":\"2d\"}", &e), -1);
	assert_int_equal(read_time(&ms, "{\"t\":\"yesterday\"}", &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
}

static void test_api_copies_a_pull_request(void **state)
{
	AUTO(arena) struct arena from, to;
	struct api_pull pull, copy;
	struct err e = { .code = ERR_NONE };
	(void)state;
	arena_init(&from, 1 << 16);
	arena_init(&to, 1 << 16);
	static const char text[] = "{\"number\":3,\"merged\":true,\"merge_commit_sha\":\"" COMMIT
				   "\",\"user\":{\"id\":5,\"login\":\"ada\"}}";
	check_ok(try_read(&github_api, &pull, text, &from, &e), &e);
	check_ok(api_pull_copy(&copy, &pull, &to, &e), &e);
	arena_free(&from);
	arena_init(&from, 1 << 16);
	assert_text(copy.event.pull_request.number, "3");
	assert_text(copy.event.merge_commit, COMMIT);
	assert_text(copy.event.author.login, "ada");
	assert_text(copy.event.author.name, NULL);
	assert_text(copy.event.repository, "brook/the mill");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api_every_provider_but_git_has_one),
		cmocka_unit_test(test_api_escapes_what_goes_into_a_path),
		cmocka_unit_test(test_api_finds_the_host_of_a_clone_url),
		cmocka_unit_test(test_api_takes_the_configured_base),
		cmocka_unit_test(test_api_knows_numbers_and_short_commits),
		cmocka_unit_test(test_api_reads_times),
		cmocka_unit_test(test_api_copies_a_pull_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
