/* SPDX-License-Identifier: Apache-2.0 */
/* Gitea's signatures, users that are none, bodies that must be refused. */

#include "tests/vcs/provider_fixture.h"

#define SECRET "It's a Secret to Everybody"
/* GitHub's vector: the MAC is the same, the header is not. */
#define MAC "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static void test_gitea_takes_the_known_signature(void **state)
{
	(void)state;
	AUTO(digest) struct digest *d = digest_new();
	AUTO(buf) struct buf value;
	const char *name = NULL;
	const struct header header = { STR("X-Gitea-Signature"), STR(MAC) };
	const struct request r = { &header, 1, STR("Hello, World!") };
	const struct str secrets[] = { STR("old"), STR(SECRET), STR("\t") };
	struct err e = { .code = ERR_NONE };
	buf_init(&value, 200);
	check_ok(try_authenticate(&provider_gitea, &r, secrets, 2, 0, &e), &e);
	check_ok(provider_gitea.sign(&name, &value, r.body, secrets[1], d, &e), &e);
	assert_string_equal(name, "X-Gitea-Signature");
	assert_string_equal(value.p, MAC);
	assert_int_equal(try_authenticate(&provider_gitea, &r, secrets, 1, 0, &e), -1);
	assert_int_equal(try_authenticate(&provider_gitea, &r, secrets, 0, 0, &e), -1);
	assert_int_equal(try_authenticate(&provider_gitea, &r, secrets, 3, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void test_gitea_refuses_other_signatures(void **state)
{
	static const struct refusal rows[] = {
		{ { NULL }, "is missing" },
		/* What Gitea sends without a secret. */
		{ { "X-Gitea-Signature:", "X-Hub-Signature-256: sha256=" }, "is empty" },
		{ { "X-Hub-Signature-256: sha256=" MAC }, "is missing" },
		{ { "X-Gogs-Signature: " MAC }, "is missing" },
		{ { "X-Gitea-Signature: sha256=" MAC }, "malformed (expected 64" },
		{ { "X-Gitea-Signature: " MAC "0" }, "malformed" },
		{ { "X-Gitea-Signature: " MAC MAC }, "malformed" },
		{ { "X-Gitea-Signature: 757107ea" }, "malformed" },
		{ { "X-Gitea-Signature: " MAC, "x-gitea-signature: " MAC }, "twice" },
		{ { "X-Gitea-Signature: 757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b"
		    "043e16" },
		  "fits none" },
	};
	(void)state;
	check_refusals(&provider_gitea, rows, sizeof rows / sizeof rows[0], STR("Hello, World!"),
		       STR(SECRET), 0);
}

#define PR(text) "{\"pull_request\":" text "}"

static void test_gitea_refuses_malformed_bodies(void **state)
{
	static const char pull[] = "pull_request";
	static const char *const rows[][3] = {
		{ NULL, "{}", "header 'X-Gitea-Event' is missing" },
		{ "push", "", "line 1" },
		{ "push", "true", "no JSON object" },
		{ "push", "{\"ref\":1}", "'ref'" },
		{ "push", "{\"after\":{}}", "'after'" },
		{ "push", "{\"repository\":1}", "'repository'" },
		{ "push", "{\"repository\":{\"full_name\":1}}", "'repository.full_name'" },
		{ "push", "{\"sender\":1}", "'sender'" },
		{ "push", "{\"sender\":{\"login\":1}}", "'login'" },
		{ pull, "{\"action\":1}", "'action'" },
		{ pull, "{\"number\":\"x\"}", "'number'" },
		{ pull, PR("1"), "'pull_request'" },
		{ pull, PR("{\"base\":1}"), "'base'" },
		{ pull, PR("{\"head\":{\"repo\":1}}"), "'head.repo'" },
		{ pull, PR("{\"user\":1}"), "'user'" },
		{ pull, PR("{\"user\":{\"id\":1.5}}"), "'user.id'" },
		{ pull, PR("{\"user\":{\"id\":9223372036854775808}}"), "'user.id'" },
		{ pull, PR("{\"merge_commit_sha\":1}"), "'merge_commit_sha'" },
		{ pull, PR("{\"merged_commit_id\":1}"), "'merged_commit_id'" },
	};
	(void)state;
	check_malformed(&provider_gitea, rows, sizeof rows / sizeof rows[0]);
}

/* The MAC of a form is over the JSON in it, which is not the body that was signed for us. */
static void test_gitea_takes_no_form(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	const struct header headers[] = {
		{ STR("Content-Type"), STR("application/x-www-form-urlencoded") },
		{ STR("X-Gitea-Event"), STR("push") },
	};
	const struct request r = { headers, 2, STR("payload=%7B%7D") };
	struct event event;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	assert_int_equal(provider_gitea.takes_form, 0);
	assert_int_equal(provider_gitea.parse(&event, &r, &arena, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_non_null(strstr(e.msg, "a form is not taken"));
}

static void test_gitea_reads_back(void **state)
{
	(void)state;
	struct event event = sample_merge();
	check_read_back_kinds(&provider_gitea, event, STR(SECRET));
	event.author.id = STR("-2");
	event.author.bot = EVENT_BOT_YES;
	check_read_back(&provider_gitea, &event, STR(SECRET));
	event.author = (__typeof__(event.author)){ .bot = EVENT_BOT_UNKNOWN };
	check_read_back(&provider_gitea, &event, STR(SECRET));
	const struct event gone = {
		.kind = EVENT_PUSH,
		.repository = STR("brook/mill"),
		.target_branch = STR("sluice"),
		.before = STR(COMMIT),
		.merge_commit = STR(ZERO),
		.deleted = 1,
	};
	check_read_back(&provider_gitea, &gone, STR(SECRET));
}

static void test_gitea_survives_lack_of_memory(void **state)
{
	(void)state;
	check_lack_of_memory(&provider_gitea, "pull_request",
			     "{\"action\":\"closed\",\"pull_request\":{\"title\":\"\\u00e9\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gitea_takes_the_known_signature),
		cmocka_unit_test(test_gitea_refuses_other_signatures),
		cmocka_unit_test(test_gitea_refuses_malformed_bodies),
		cmocka_unit_test(test_gitea_takes_no_form),
		cmocka_unit_test(test_gitea_reads_back),
		cmocka_unit_test(test_gitea_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
