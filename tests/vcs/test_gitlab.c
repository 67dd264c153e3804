/* SPDX-License-Identifier: Apache-2.0 */
/* GitLab's signing and secret tokens, bodies that must be refused, composed ones that read back. */

#include "base/base64.h"
#include "tests/vcs/provider_fixture.h"
#include "vcs/gitlab.h"

/* The sample token of GitLab's documentation: 32 bytes. */
#define TOKEN "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
#define ID "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"
#define OTHER "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SIGNED "v1,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w="
#define BODY "{\"object_kind\":\"merge_request\"}"
#define NOW 1744000000

static const struct header good[] = {
	{ { "webhook-id", 10 }, { ID, sizeof ID - 1 } },
	{ { "webhook-timestamp", 17 }, { "1744000000", 10 } },
	{ { "webhook-signature", 17 }, { SIGNED, sizeof SIGNED - 1 } },
};

static int try_good(const struct str *secrets, size_t n, int64_t now_s, struct err *e)
{
	const struct request r = { good, 3, STR(BODY) };
	return try_authenticate(&provider_gitlab, &r, secrets, n, now_s, e);
}

static int try_list(const char *list, struct err *e)
{
	const struct str secret = STR(TOKEN);
	const struct header headers[] = { good[0],
					  good[1],
					  { STR("Webhook-Signature"), str_of(list) } };
	const struct request r = { headers, 3, STR(BODY) };
	return try_authenticate(&provider_gitlab, &r, &secret, 1, NOW, e);
}

/* Standard Webhooks' own vector has a key of 24 bytes, which GitLab does not issue. */
static void test_gitlab_standard_webhooks_vector(void **state)
{
	(void)state;
	AUTO(digest) struct digest *d = digest_new();
	unsigned char key[32], mac[SHA256_BYTES];
	char text[BASE64_TEXT(SHA256_BYTES)];
	size_t n;
	struct err e = { .code = ERR_NONE };
	check_ok(base64_decode(key, &n, 32, STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &e), &e);
	assert_int_equal(n, 24);
	check_ok(digest_hmac(d, mac, (struct str){ (const char *)key, n },
			     STR("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}"),
			     &e),
		 &e);
	assert_string_equal(base64_encode(text, mac, sizeof mac),
			    "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void test_gitlab_takes_signatures(void **state)
{
	static const char *const lists[] = {
		SIGNED,
		(OTHER " " SIGNED),
		(SIGNED " " OTHER),
		("v1a,x v2,y v1, nonsense " SIGNED),
		("  " SIGNED "  "),
	};
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct err e = { .code = ERR_NONE };
		check_ok(try_list(lists[i], &e), &e);
	}
}

static void test_gitlab_refuses_other_lists(void **state)
{
	static const char *const lists[] = {
		OTHER,
		"v1,",
		"v1",
		" ",
		"v1 3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w=",
		"V1,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w=",
		"v2,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w=",
		"v1a,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w=",
		"3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w=",
		"v1,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w",
		"v1,3fOWZRmroYN4FQu0O26Y_KCOIUt6wCNp23Lis5kel3w=",
		"v1,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3x=",
		(SIGNED "," SIGNED),
		"v1,3fOWZRmroYN4FQu0O26Y/KCOIUt6wCNp23Lis5kel3w=AAAA",
	};
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct err e = { .code = ERR_NONE };
		if (try_list(lists[i], &e) != -1)
			fail_msg("row %zu is taken", i);
		assert_int_equal(e.code, ERR_AUTH);
	}
}

static void test_gitlab_keeps_the_window(void **state)
{
	static const struct {
		int64_t now_s;
		int taken;
	} rows[] = {
		{ NOW, 1 },       { NOW + 300, 1 }, { NOW - 300, 1 },
		{ NOW + 301, 0 }, { NOW - 301, 0 }, { INT64_MAX, 0 },
		{ 0, 0 },         { -1, 0 },        { INT64_MIN, 0 },
	};
	const struct str secret = STR(TOKEN);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { .code = ERR_NONE };
		if ((try_good(&secret, 1, rows[i].now_s, &e) == 0) != rows[i].taken)
			fail_msg("row %zu: %s", i, e.msg);
	}
	assert_int_equal(GITLAB_WINDOW_S, 300);
}

#define S "webhook-signature: " SIGNED
#define I "webhook-id: " ID
#define T "webhook-timestamp: 1744000000"

static void test_gitlab_refuses_unsigned(void **state)
{
	static const struct refusal rows[] = {
		{ { NULL }, "'webhook-signature' is missing" },
		/* No downgrade: the plain header is of no help. */
		{ { "X-Gitlab-Token: " TOKEN }, "'webhook-signature' is missing" },
		{ { I, T }, "'webhook-signature' is missing" },
		{ { I, T, "webhook-signature:" }, "'webhook-signature' is empty" },
		{ { T, S }, "'webhook-id' is missing" },
		{ { "webhook-id:", T, S }, "'webhook-id' is empty" },
		{ { I, S }, "'webhook-timestamp' is missing" },
		{ { I, "webhook-timestamp: ", S }, "'webhook-timestamp' is empty" },
		{ { I, "webhook-timestamp: +1744000000", S }, "expected unix seconds" },
		{ { I, "webhook-timestamp: 1744000000.0", S }, "expected unix seconds" },
		{ { I, "webhook-timestamp: 1744 000000", S }, "expected unix seconds" },
		{ { I, "webhook-timestamp: -1", S }, "expected unix seconds" },
		{ { I, "webhook-timestamp: 9223372036854775808", S }, "expected unix seconds" },
		{ { I, "webhook-timestamp: 9223372036854775807", S }, "seconds away" },
		{ { I, "webhook-timestamp: 01744000000", S }, "no signature fits" },
		{ { I, "webhook-timestamp: 1744000001", S }, "no signature fits" },
		{ { "webhook-id: other", T, S }, "no signature fits" },
		{ { I, T, S, S }, "twice" },
		{ { I, I, T, S }, "twice" },
		{ { I, T, "WEBHOOK-TIMESTAMP: 1744000000", S }, "twice" },
		{ { "Idempotency-Key: other", I, T, S }, "is not the signed 'webhook-id'" },
		{ { "Idempotency-Key:", I, T, S }, "is not the signed 'webhook-id'" },
	};
	(void)state;
	check_refusals(&provider_gitlab, rows, sizeof rows / sizeof rows[0], STR(BODY), STR(TOKEN),
		       NOW);
}

static void test_gitlab_signs_the_body(void **state)
{
	(void)state;
	const struct str secret = STR(TOKEN);
	const struct header headers[] = {
		good[0], good[1], good[2], { STR("Idempotency-Key"), STR(ID) }
	};
	struct request r = { headers, 4, STR(BODY) };
	struct err e = { .code = ERR_NONE };
	check_ok(try_authenticate(&provider_gitlab, &r, &secret, 1, NOW, &e), &e);
	r.body = STR(BODY " ");
	assert_int_equal(try_authenticate(&provider_gitlab, &r, &secret, 1, NOW, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void test_gitlab_tries_all_signing_tokens(void **state)
{
	const struct str secrets[] = {
		STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		STR("plain"),
		STR(TOKEN),
	};
	struct err e = { .code = ERR_NONE };
	(void)state;
	check_ok(try_good(secrets, 3, NOW, &e), &e);
	assert_int_equal(try_good(secrets, 2, NOW, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	/* While both are configured, the weaker one does not do. */
	const struct header plain = { STR("X-Gitlab-Token"), STR("plain") };
	const struct request r = { &plain, 1, STR(BODY) };
	assert_int_equal(try_authenticate(&provider_gitlab, &r, secrets, 3, NOW, &e), -1);
	check_ok(try_authenticate(&provider_gitlab, &r, secrets + 1, 1, NOW, &e), &e);
}

/* A signing token that cannot be used must not be taken for a plain one, or be passed over. */
static void test_gitlab_fails_closed_on_broken_tokens(void **state)
{
	static const char *const tokens[] = {
		"whsec_",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q",
		"whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3R0",
		"whsec_ dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=",
		"whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		const struct str secrets[] = { STR(TOKEN), str_of(tokens[i]) };
		const struct header plain = { STR("X-Gitlab-Token"), secrets[1] };
		const struct request r = { &plain, 1, STR(BODY) };
		struct err e = { .code = ERR_NONE };
		assert_int_equal(try_authenticate(&provider_gitlab, &r, secrets + 1, 1, NOW, &e),
				 -1);
		assert_int_equal(try_good(secrets, 2, NOW, &e), -1);
		assert_int_equal(e.code, ERR_AUTH);
		assert_non_null(strstr(e.msg, "signing token of the endpoint is malformed"));
		assert_null(strstr(e.msg, "dGVzd"));
	}
}

static void test_gitlab_secret_tokens(void **state)
{
	static const struct refusal rows[] = {
		{ { NULL }, "is missing" },
		{ { I, T }, "'X-Gitlab-Token' is missing" },
		{ { "X-Gitlab-Token:" }, "is empty" },
		{ { "X-Gitlab-Token: sluice" }, "is none" },
		{ { "X-Gitlab-Token: sluice-secret-" }, "is none" },
		{ { "X-Gitlab-Token: Sluice-secret" }, "is none" },
		{ { "X-Gitlab-Token: sluice-secret", "x-gitlab-token: sluice-secret" }, "twice" },
		{ { I, T, S }, "'X-Gitlab-Token' is missing" },
	};
	(void)state;
	check_refusals(&provider_gitlab, rows, sizeof rows / sizeof rows[0], STR(BODY),
		       STR("sluice-secret"), NOW);
	const struct header header = { STR("X-Gitlab-Token"), STR("sluice-secret") };
	const struct request r = { &header, 1, STR(BODY) };
	const struct str secrets[] = { STR("old"), STR("sluice-secret"), STR(" \t") };
	struct err e = { .code = ERR_NONE };
	check_ok(try_authenticate(&provider_gitlab, &r, secrets, 2, 0, &e), &e);
	assert_int_equal(try_authenticate(&provider_gitlab, &r, secrets, 0, 0, &e), -1);
	assert_int_equal(try_authenticate(&provider_gitlab, &r, secrets, 3, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	assert_non_null(strstr(e.msg, "empty secret"));
}

#undef S
#undef I
#undef T
#define MR "Merge Request Hook"
#define ATTRIBUTES(text) "{\"object_kind\":\"merge_request\",\"object_attributes\":" text "}"

static void test_gitlab_refuses_malformed_bodies(void **state)
{
	static const char *const rows[][3] = {
		{ NULL, "{}", "header 'X-Gitlab-Event' is missing" },
		{ "", "{}", "header 'X-Gitlab-Event' is missing" },
		{ MR, "", "line 1" },
		{ MR, "\xef\xbb\xbf", "line 1" },
		{ MR, "\xef\xbb\xbf\xef\xbb\xbf{}", "line 1" },
		{ MR, "payload=%7B%7D", "line 1" },
		{ MR, "[]", "no JSON object" },
		{ MR, "{\"object_kind\":1}", "'object_kind'" },
		{ MR, "{\"event_name\":{}}", "'event_name'" },
		{ MR, "{\"project\":\"x\"}", "'project'" },
		{ MR, "{\"project\":{\"path_with_namespace\":7}}",
		  "'project.path_with_namespace'" },
		{ MR, "{\"project\":{\"id\":\"x\"}}", "'project.id'" },
		{ MR, ATTRIBUTES("[]"), "'object_attributes'" },
		{ MR, ATTRIBUTES("{\"action\":true}"), "'action'" },
		{ MR, ATTRIBUTES("{\"state\":1}"), "'state'" },
		{ MR, ATTRIBUTES("{\"iid\":1.5}"), "'iid'" },
		{ MR, ATTRIBUTES("{\"author_id\":-1}"), "author_id'" },
		{ MR, ATTRIBUTES("{\"merge_commit_sha\":0}"), "'merge_commit_sha'" },
		{ MR, ATTRIBUTES("{\"last_commit\":\"x\"}"), "'last_commit'" },
		{ MR, ATTRIBUTES("{\"source_project_id\":[]}"), "'source_project_id'" },
		{ MR, ATTRIBUTES("{\"action\":\"merge\",\"action\":\"open\"}"), "twice" },
		{ "Push Hook", "{\"object_kind\":\"push\",\"after\":1}", "'after'" },
		{ "Push Hook", "{\"object_kind\":\"push\",\"ref\":[]}", "'ref'" },
	};
	(void)state;
	check_malformed(&provider_gitlab, rows, sizeof rows / sizeof rows[0]);
}

static void test_gitlab_reads_back(void **state)
{
	(void)state;
	const struct str secret = STR("sluice-secret");
	struct event event = sample_merge();
	/* The body has room for the author's login only when it is he who acts. */
	event.author.login = STR_NULL;
	event.author.bot = EVENT_BOT_UNKNOWN;
	check_read_back_kinds(&provider_gitlab, event, secret);
	event.author.login = event.actor;
	event.author.bot = EVENT_BOT_NO;
	check_read_back(&provider_gitlab, &event, secret);
	event.author.login = event.actor = STR("group_7_bot_a1");
	event.author.bot = EVENT_BOT_YES;
	check_read_back(&provider_gitlab, &event, secret);
}

static void test_gitlab_reads_deletions_back(void **state)
{
	(void)state;
	const struct event push = {
		.kind = EVENT_PUSH,
		.repository = STR("brook/mill"),
		.target_branch = STR("release/1"),
		.merge_commit = STR(ZERO),
		.deleted = 1,
	};
	check_read_back(&provider_gitlab, &push, STR("sluice-secret"));
}

static void test_gitlab_signs(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	AUTO(digest) struct digest *d = digest_new();
	struct header headers[SIGNED_HEADERS_MAX];
	size_t n = 0;
	struct signing what = { STR(BODY), STR(TOKEN), STR(ID), NOW };
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	check_ok(provider_gitlab.sign_headers(headers, &n, &what, &arena, d, &e), &e);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_same("header", headers[i].value, good[i].value);
	const struct request r = { headers, n, STR(BODY) };
	check_ok(provider_gitlab.authenticate(&r, &what.secret, 1, NOW, d, &e), &e);
	what.secret = STR("sluice-secret");
	check_ok(provider_gitlab.sign_headers(headers, &n, &what, &arena, d, &e), &e);
	assert_int_equal(n, 1);
	assert_same("token", headers[0].value, what.secret);
	what.secret = STR("whsec_x");
	assert_int_equal(provider_gitlab.sign_headers(headers, &n, &what, &arena, d, &e), -1);
	AUTO(buf) struct buf value;
	const char *name = NULL;
	buf_init(&value, 100);
	assert_int_equal(provider_gitlab.sign(&name, &value, what.body, STR(TOKEN), d, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
	assert_int_equal(provider_gitlab.sign(&name, &value, what.body, STR(" "), d, &e), -1);
}

static void test_gitlab_survives_lack_of_memory(void **state)
{
	(void)state;
	const struct str secret = STR(TOKEN);
	struct err e = { .code = ERR_NONE };
	check_lack_of_memory(&provider_gitlab, MR, ATTRIBUTES("{\"title\":\"\\u00e9\"}"));
	mem_fail_after(1); /* the first is the context's */
	int rc = try_good(&secret, 1, NOW, &e);
	mem_fail_after(-1);
	assert_int_equal(rc, -1);
	assert_int_equal(e.code, ERR_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gitlab_standard_webhooks_vector),
		cmocka_unit_test(test_gitlab_takes_signatures),
		cmocka_unit_test(test_gitlab_refuses_other_lists),
		cmocka_unit_test(test_gitlab_keeps_the_window),
		cmocka_unit_test(test_gitlab_refuses_unsigned),
		cmocka_unit_test(test_gitlab_signs_the_body),
		cmocka_unit_test(test_gitlab_tries_all_signing_tokens),
		cmocka_unit_test(test_gitlab_fails_closed_on_broken_tokens),
		cmocka_unit_test(test_gitlab_secret_tokens),
		cmocka_unit_test(test_gitlab_refuses_malformed_bodies),
		cmocka_unit_test(test_gitlab_reads_back),
		cmocka_unit_test(test_gitlab_reads_deletions_back),
		cmocka_unit_test(test_gitlab_signs),
		cmocka_unit_test(test_gitlab_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
