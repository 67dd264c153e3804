/* SPDX-License-Identifier: Apache-2.0 */
/* GitHub's signatures, bodies that must be refused, and composed bodies that read back. */

#include "base/mem.h"
#include "vcs/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "It's a Secret to Everybody"
#define HELLO "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define SIGNATURE "X-Hub-Signature-256"

static int authenticate(const struct header *headers, size_t n, struct str body,
			const struct str *secrets, size_t n_secrets, struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();
	const struct request r = { headers, n, body };
	assert_non_null(d);
	return provider_github.authenticate(&r, secrets, n_secrets, 0, d, e);
}

/* GitHub Docs, "Validating webhook deliveries", and two of our own with the same secret. */
static void test_github_takes_known_signatures(void **state)
{
	static const char *const rows[][2] = {
		{ "Hello, World!", HELLO },
		{ "", "66a0c074deaa0f489ead6537e0d32f9a344b90bbeda705b6ed45ecd3b413fb40" },
		{ "payload=%7B%22zen%22%3A%22x+y%22%7D",
		  "803401e50bcb3c184a96fcd09377c96725ebf6eaeee9d945bc3013e3f06bfc9f" },
	};
	const struct str secrets[] = { STR(SECRET) };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(digest) struct digest *d = digest_new();
		AUTO(buf) struct buf value;
		const char *name = NULL;
		struct err e = { .code = ERR_NONE };
		buf_init(&value, 200);
		buf_addf(&value, "sha256=%s", rows[i][1]);
		const struct header header = { STR("x-hub-signature-256"), buf_str(&value) };
		assert_int_equal(authenticate(&header, 1, str_of(rows[i][0]), secrets, 1, &e), 0);
		/* We sign in the same way. */
		AUTO(buf) struct buf ours;
		buf_init(&ours, 200);
		assert_int_equal(
		    provider_github.sign(&name, &ours, str_of(rows[i][0]), secrets[0], d, &e), 0);
		assert_string_equal(name, SIGNATURE);
		assert_string_equal(ours.p, value.p);
	}
}

struct refusal {
	const char *name, *value;   /* a header */
	const char *name2, *value2; /* maybe another */
	const char *says;
};

static void test_github_refuses_other_signatures(void **state)
{
	static const struct refusal rows[] = {
		{ "X-Other", "1", NULL, NULL, "is missing" },
		{ "X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", NULL, NULL,
		  "SHA-1" },
		{ "X-Hub-Signature", "sha256=" HELLO, NULL, NULL, "SHA-1" },
		{ SIGNATURE, "", NULL, NULL, "is empty" },
		{ SIGNATURE, "sha256=", NULL, NULL, "malformed" },
		{ SIGNATURE, HELLO, NULL, NULL, "malformed" },
		{ SIGNATURE, "sha1=" HELLO, NULL, NULL, "malformed" },
		{ SIGNATURE, "SHA256=" HELLO, NULL, NULL, "malformed" },
		{ SIGNATURE, "sha256=" HELLO "0", NULL, NULL, "malformed" },
		{ SIGNATURE, "sha256= " HELLO, NULL, NULL, "malformed" },
		{ SIGNATURE, "sha256=" HELLO ",sha256=" HELLO, NULL, NULL, "malformed" },
		{ SIGNATURE, "sha256=757107ea0eb2509fc211221cce984b8a", NULL, NULL, "malformed" },
		{ SIGNATURE, "sha256=" HELLO, SIGNATURE, "sha256=" HELLO, "twice" },
		{ SIGNATURE, "sha256=" HELLO, "x-hub-signature-256", "", "twice" },
		{ SIGNATURE,
		  "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e16", NULL,
		  NULL, "fits none" },
	};
	const struct str secrets[] = { STR(SECRET) };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct header headers[] = {
			{ str_of(rows[i].name), str_of(rows[i].value) },
			{ str_of(rows[i].name2), str_of(rows[i].value2) },
		};
		struct err e = { .code = ERR_NONE };
		size_t n = rows[i].name2 != NULL ? 2 : 1;
		assert_int_equal(authenticate(headers, n, STR("Hello, World!"), secrets, 1, &e),
				 -1);
		assert_int_equal(e.code, ERR_AUTH);
		if (strstr(e.msg, rows[i].says) == NULL)
			fail_msg("row %zu says: %s", i, e.msg);
	}
}

static void test_github_tries_all_secrets(void **state)
{
	const struct header header = { STR(SIGNATURE), STR("sha256=" HELLO) };
	const struct str secrets[] = { STR("old"), STR(SECRET), STR("new"), STR("") };
	const struct str body = STR("Hello, World!");
	struct err e = { .code = ERR_NONE };
	(void)state;
	assert_int_equal(authenticate(&header, 1, body, secrets, 3, &e), 0);
	assert_int_equal(authenticate(&header, 1, body, secrets + 1, 2, &e), 0);
	assert_int_equal(authenticate(&header, 1, body, secrets, 1, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	assert_int_equal(authenticate(&header, 1, body, secrets, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	/* An empty secret among them is a mistake of ours, and never a pass. */
	assert_int_equal(authenticate(&header, 1, body, secrets, 4, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static int parse(struct event *event, const char *type, struct str body, struct arena *arena,
		 struct err *e)
{
	const struct header headers[] = {
		{ STR("Content-Type"), STR("application/json") },
		{ STR("X-GitHub-Event"), str_of(type) },
	};
	const struct request r = { headers, type != NULL ? 2 : 1, body };
	return provider_github.parse(event, &r, arena, e);
}

static void test_github_refuses_malformed_bodies(void **state)
{
	static const char *const rows[][3] = {
		{ NULL, "{}", "header 'X-GitHub-Event' is missing" },
		{ "", "{}", "header 'X-GitHub-Event' is missing" },
		{ "push", "", "line 1" },
		{ "push", "{", "line 1" },
		{ "push", "{} x", "line 1" },
		{ "push", "[]", "no JSON object" },
		{ "push", "null", "no JSON object" },
		{ "push", "{\"ref\":1}", "'ref'" },
		{ "push", "{\"after\":{}}", "'after'" },
		{ "push", "{\"repository\":\"x\"}", "'repository'" },
		{ "push", "{\"repository\":{\"full_name\":[]}}", "'repository.full_name'" },
		{ "ping", "{\"sender\":true}", "'sender'" },
		{ "pull_request", "{\"pull_request\":[]}", "'pull_request'" },
		{ "pull_request", "{\"action\":1}", "'action'" },
		{ "pull_request", "{\"pull_request\":{\"base\":\"main\"}}", "'base'" },
		{ "pull_request", "{\"pull_request\":{\"user\":1}}", "'user'" },
		{ "pull_request", "{\"pull_request\":{\"user\":{\"id\":1.5}}}", "user.id'" },
		{ "pull_request", "{\"pull_request\":{\"user\":{\"id\":1e3}}}", "user.id'" },
		{ "pull_request", "{\"pull_request\":{\"user\":{\"id\":-1}}}", "user.id'" },
		{ "pull_request", "{\"pull_request\":{\"user\":{\"id\":\"x\"}}}", "user.id'" },
		{ "pull_request", "{\"pull_request\":{\"number\":true}}", "number'" },
		{ "pull_request", "{\"pull_request\":{\"merge_commit_sha\":1}}", "_sha'" },
		{ "pull_request", "{\"pull_request\":{\"merged\":true,\"merged\":false}}",
		  "twice in one object" },
		{ "pull_request", "{\"pull_request\":{\"title\":\"\\u0000\"}}", "line 1" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		struct event event = { .kind = EVENT_PING };
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		assert_int_equal(parse(&event, rows[i][0], str_of(rows[i][1]), &arena, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(event.kind, EVENT_PING);
		if (strstr(e.msg, rows[i][2]) == NULL)
			fail_msg("row %zu says: %s", i, e.msg);
	}
}

static void assert_same(struct str a, struct str b)
{
	assert_int_equal(a.p == NULL, b.p == NULL);
	assert_true(str_eq(a, b));
}

/* What is composed and signed must be taken and read back as the same event. */
static void read_back(const struct event *event)
{
	AUTO(arena) struct arena arena;
	AUTO(buf) struct buf body;
	const char *type = NULL;
	struct event back;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 20);
	buf_init(&body, 1 << 20);
	assert_int_equal(provider_github.compose(&body, &type, event, &e), 0);
	if (parse(&back, type, buf_str(&body), &arena, &e) != 0)
		fail_msg("%s in %s", e.msg, body.p);
	assert_int_equal(back.kind, event->kind);
	assert_int_equal(back.deleted, event->deleted);
	assert_same(back.repository, event->repository);
	assert_same(back.target_branch, event->target_branch);
	assert_same(back.source_branch, event->source_branch);
	assert_same(back.merge_commit, event->merge_commit);
	assert_same(back.pull_request.number, event->pull_request.number);
	assert_same(back.pull_request.title, event->pull_request.title);
	assert_same(back.pull_request.url, event->pull_request.url);
	assert_same(back.author.id, event->author.id);
	assert_same(back.author.login, event->author.login);
	assert_int_equal(back.author.bot, event->author.bot);
	assert_same(back.actor, event->actor);
}

static struct event sample_merge(void)
{
	return (struct event){
		.kind = EVENT_MERGE,
		.repository = STR("brook/mill"),
		.target_branch = STR("main"),
		.source_branch = STR("sluice"),
		.merge_commit = STR("1f0c4de7a2b35c6d7e8f90123456789abcdef012"),
		.pull_request = { STR("41"), STR("Add \"it\" \xf0\x9f\x8c\x8a"),
				  STR("https://github.com/brook/mill/pull/41") },
		.author = { .id = STR("9007199254740993"),
			    .login = STR("ada"),
			    .bot = EVENT_BOT_NO },
		.actor = STR("otto"),
	};
}

static void test_github_composes_a_merge(void **state)
{
	(void)state;
	struct event event = sample_merge();
	read_back(&event);
	event.author.bot = EVENT_BOT_YES;
	read_back(&event);
	event.author = (__typeof__(event.author)){ .bot = EVENT_BOT_UNKNOWN };
	read_back(&event);
}

static void test_github_composes_other_kinds(void **state)
{
	(void)state;
	struct event event = sample_merge();
	event.kind = EVENT_PR;
	event.merge_commit = STR_NULL;
	read_back(&event);
	struct event push = {
		.kind = EVENT_PUSH,
		.repository = STR("brook/mill"),
		.target_branch = STR("release/1"),
		.merge_commit = STR("1f0c4de7a2b35c6d7e8f90123456789abcdef012"),
		.actor = STR("otto"),
	};
	read_back(&push);
	push.deleted = 1;
	push.merge_commit = STR("0000000000000000000000000000000000000000");
	read_back(&push);
	const struct event ping = { .kind = EVENT_PING, .repository = STR("brook/mill") };
	read_back(&ping);
}

static void test_github_composes_urls(void **state)
{
	(void)state;
	struct event event = sample_merge();
	AUTO(buf) struct buf body;
	const char *type = NULL;
	struct err e = { .code = ERR_NONE };
	buf_init(&body, 1 << 20);
	event.pull_request.url = STR_NULL;
	assert_int_equal(provider_github.compose(&body, &type, &event, &e), 0);
	assert_string_equal(type, "pull_request");
	assert_non_null(strstr(body.p, "\"https://github.com/brook/mill/pull/41\""));
	assert_non_null(strstr(body.p, "\"https://github.com/brook/mill.git\""));
	event.kind = EVENT_OTHER;
	assert_int_equal(provider_github.compose(&body, &type, &event, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
}

static void test_github_survives_lack_of_memory(void **state)
{
	(void)state;
	static const char body[] = "{\"action\":\"closed\",\"pull_request\":{\"merged\":true,"
				   "\"title\":\"\\u00e9\",\"user\":{\"id\":1}}}";
	int failed = 0;
	for (long calls = 0;; calls++) {
		AUTO(arena) struct arena arena;
		struct event event;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 20);
		mem_fail_after(calls);
		int rc = parse(&event, "pull_request", str_of(body), &arena, &e);
		mem_fail_after(-1);
		if (rc == 0)
			break;
		assert_int_equal(e.code, ERR_NOMEM);
		failed++;
	}
	assert_in_range(failed, 1, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_github_takes_known_signatures),
		cmocka_unit_test(test_github_refuses_other_signatures),
		cmocka_unit_test(test_github_tries_all_secrets),
		cmocka_unit_test(test_github_refuses_malformed_bodies),
		cmocka_unit_test(test_github_composes_a_merge),
		cmocka_unit_test(test_github_composes_other_kinds),
		cmocka_unit_test(test_github_composes_urls),
		cmocka_unit_test(test_github_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
