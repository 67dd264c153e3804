/* SPDX-License-Identifier: Apache-2.0 */
/* Azure DevOps' credentials and headers, bodies that must be refused, what allow-lists need. */

#include "tests/vcs/provider_fixture.h"
#include "vcs/azure.h"

#define BODY "{}"

struct credential {
	const char *secret, *header;
	int fits;
};

static void check_credentials(const struct credential *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *const lines[] = { rows[i].header, NULL };
		struct header header[4];
		const struct request r = { header, read_headers(header, lines), STR(BODY) };
		const struct str secret = str_of(rows[i].secret);
		struct err e = { .code = ERR_NONE };
		int rc = try_authenticate(&provider_azure, &r, &secret, 1, 0, &e);
		if (rc != (rows[i].fits ? 0 : -1))
			fail_msg("row %zu gives %d %s", i, rc, e.msg);
		assert_int_equal(e.code, rc == 0 ? ERR_NONE : ERR_AUTH);
		assert_null(strstr(e.msg, "sluice"));
	}
}

static void test_azure_basic(void **state)
{
	static const struct credential rows[] = {
		{ "tide:sluice", "Authorization: Basic dGlkZTpzbHVpY2U=", 1 },
		{ "tide:sluice", "authorization: bAsIc dGlkZTpzbHVpY2U=", 1 },
		{ "tide:sluice", "Authorization: Basic OnNsdWljZQ==", 0 }, /* :sluice */
		{ "sluice", "Authorization: Basic OnNsdWljZQ==", 1 },
		{ ":sluice", "Authorization: Basic OnNsdWljZQ==", 1 },
		{ "sluice", "Authorization: Basic dGlkZTpzbHVpY2U=", 0 },
		{ "tide:p:w", "Authorization: Basic dGlkZTpwOnc=", 1 },
		{ "tide:p", "Authorization: Basic dGlkZTpwOnc=", 0 },
		{ "tide:sluice", "Authorization: Basic dGlkZTo=", 0 },         /* tide: */
		{ "tide:sluice", "Authorization: Basic VGlkZTpzbHVpY2U=", 0 }, /* Tide:sluice */
	};
	(void)state;
	check_credentials(rows, sizeof rows / sizeof rows[0]);
}

static void test_azure_refuses_malformed_basic(void **state)
{
	static const struct refusal rows[] = {
		{ { NULL }, "credentials are missing" },
		{ { "X-Azure-Token: sluice" }, "credentials are missing" },
		{ { "Authorization:" }, "malformed" },
		{ { "Authorization: Basic" }, "malformed" },
		{ { "Authorization: Basic Og==" }, "none of the endpoint's secrets" },
		{ { "Authorization: Bearer dGlkZTpzbHVpY2U=" }, "malformed" },
		{ { "Authorization: dGlkZTpzbHVpY2U=" }, "malformed" },
		{ { "Authorization: Basic dGlkZTpzbHVpY2U" }, "malformed" },
		{ { "Authorization: Basic dGlkZTpzbHVpY2V=" }, "malformed" },
		{ { "Authorization: Basic  dGlkZTpzbHVpY2U=" }, "malformed" },
		{ { "Authorization: Basic dGlkZTpzbHVpY2U= "
		    "x" },
		  "malformed" },
		{ { "Authorization: Basic c2x1aWNl" }, "malformed" }, /* no colon */
		{ { "Authorization: Basic dGlkZTpzbHVpY2U=",
		    "authorization: Basic dGlkZTpzbHVpY2U=" },
		  "twice" },
	};
	(void)state;
	check_refusals(&provider_azure, rows, sizeof rows / sizeof rows[0], STR(BODY),
		       STR("tide:sluice"), 0);
}

static void test_azure_header(void **state)
{
	static const struct credential rows[] = {
		{ "X-Azure-Token: sluice", "X-Azure-Token: sluice", 1 },
		{ "X-Azure-Token:  sluice ", "x-azure-token: sluice", 1 },
		{ "X-Azure-Token: sluice", "X-Azure-Token: sluic", 0 },
		{ "X-Azure-Token: sluice", "X-Azure-Token: Sluice", 0 },
		{ "X-Azure-Token: sluice", "X-Azure-Token:", 0 },
		{ "X-Azure-Token: sluice", "X-Other: sluice", 0 },
		/* Without the blank it is a user and a password. */
		{ "X-Azure-Token:sluice", "X-Azure-Token: sluice", 0 },
		{ "X-Azure-Token:sluice", "Authorization: Basic WC1BenVyZS1Ub2tlbjpzbHVpY2U=", 1 },
		{ "a b: sluice", "Authorization: Basic YSBiOiBzbHVpY2U=", 1 },
		{ "Authorization: Bearer sluice", "Authorization: Bearer sluice", 1 },
		{ "Authorization: Bearer sluice", "Authorization: Bearer other", 0 },
	};
	(void)state;
	check_credentials(rows, sizeof rows / sizeof rows[0]);
	const struct header twice[] = { { STR("X-T"), STR("s") }, { STR("x-t"), STR("s") } };
	const struct request r = { twice, 2, STR(BODY) };
	const struct str secret = STR("X-T: s");
	struct err e = { .code = ERR_NONE };
	assert_int_equal(try_authenticate(&provider_azure, &r, &secret, 1, 0, &e), -1);
	assert_non_null(strstr(e.msg, "twice"));
}

/* A secret without a secret in it is a mistake of ours, and never a pass. */
static void test_azure_empty_secrets_fit_nothing(void **state)
{
	static const struct credential rows[] = {
		{ "", "Authorization: Basic Og==", 0 }, /* : */
		{ ":", "Authorization: Basic Og==", 0 },
		{ " ", "Authorization: Basic OiA=", 0 }, /* ": " */
		{ "tide:", "Authorization: Basic dGlkZTo=", 0 },
		{ "X-Token: ", "X-Token:", 0 },
		{ "X-Token:  ", "X-Token:", 0 },
	};
	(void)state;
	check_credentials(rows, sizeof rows / sizeof rows[0]);
	const struct header header = { STR("X-T"), STR("s") };
	const struct request r = { &header, 1, STR(BODY) };
	const struct str secrets[] = { STR("X-T: s"), STR("tide:") };
	struct err e = { .code = ERR_NONE };
	check_ok(try_authenticate(&provider_azure, &r, secrets, 1, 0, &e), &e);
	assert_int_equal(try_authenticate(&provider_azure, &r, secrets, 2, 0, &e), -1);
	assert_int_equal(try_authenticate(&provider_azure, &r, secrets, 0, 0, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

static void test_azure_tries_all_secrets(void **state)
{
	(void)state;
	const struct str secrets[] = { STR("X-Azure-Token: sluice"), STR("old"),
				       STR("tide:sluice") };
	struct header header = { STR("Authorization"), STR("Basic dGlkZTpzbHVpY2U=") };
	const struct request r = { &header, 1, STR(BODY) };
	struct err e = { .code = ERR_NONE };
	check_ok(try_authenticate(&provider_azure, &r, secrets, 3, 0, &e), &e);
	assert_int_equal(try_authenticate(&provider_azure, &r, secrets, 2, 0, &e), -1);
	header = (struct header){ STR("X-Azure-Token"), STR("sluice") };
	check_ok(try_authenticate(&provider_azure, &r, secrets, 3, 0, &e), &e);
	/* What a proxy adds is of no interest where no secret is Basic. */
	const struct header both[] = { header, { STR("Authorization"), STR("Bearer x") } };
	const struct request proxied = { both, 2, STR(BODY) };
	check_ok(try_authenticate(&provider_azure, &proxied, secrets, 1, 0, &e), &e);
}

static void test_azure_long_credentials(void **state)
{
	(void)state;
	AUTO(digest) struct digest *d = digest_new();
	static char secret[AZURE_CREDENTIALS_MAX + 1];
	memset(secret, 's', sizeof secret);
	secret[0] = 'u';
	secret[1] = ':';
	for (size_t over = 0; over < 2; over++) {
		AUTO(buf) struct buf value;
		const struct str s = { secret, AZURE_CREDENTIALS_MAX + over };
		const char *name = NULL;
		struct err e = { .code = ERR_NONE };
		buf_init(&value, 4096);
		int rc = provider_azure.sign(&name, &value, STR(BODY), s, d, &e);
		assert_int_equal(rc, over ? -1 : 0);
		if (over) {
			assert_int_equal(e.code, ERR_LIMIT);
			continue;
		}
		const struct header header = { str_of(name), buf_str(&value) };
		const struct request r = { &header, 1, STR(BODY) };
		check_ok(try_authenticate(&provider_azure, &r, &s, 1, 0, &e), &e);
	}
}

static void test_azure_signs(void **state)
{
	static const struct {
		const char *secret, *name, *value;
	} rows[] = {
		{ "X-Azure-Token: sluice", "X-Azure-Token", "sluice" },
		{ "tide:sluice", "Authorization", "Basic dGlkZTpzbHVpY2U=" },
		{ "sluice", "Authorization", "Basic OnNsdWljZQ==" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena;
		struct header headers[SIGNED_HEADERS_MAX];
		size_t n = 0;
		const struct signing what = { .body = STR(BODY), .secret = str_of(rows[i].secret) };
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 16);
		check_ok(provider_azure.sign_headers(headers, &n, &what, &arena, NULL, &e), &e);
		assert_int_equal(n, 1);
		assert_same("name", headers[0].name, str_of(rows[i].name));
		assert_same("value", headers[0].value, str_of(rows[i].value));
		const struct request r = { headers, n, STR(BODY) };
		check_ok(try_authenticate(&provider_azure, &r, &what.secret, 1, 0, &e), &e);
	}
	AUTO(buf) struct buf value;
	const char *name = NULL;
	struct err e = { .code = ERR_NONE };
	buf_init(&value, 100);
	assert_int_equal(
	    provider_azure.sign(&name, &value, STR(BODY), str_of(rows[0].secret), NULL, &e), -1);
	assert_int_equal(e.code, ERR_REFUSED);
}

#define REPOSITORY "\"repository\":{\"name\":\"r\",\"project\":{\"name\":\"p\"}}"
#define MERGED(text) "{\"eventType\":\"git.pullrequest.merged\",\"resource\":" text "}"
#define PUSH(text) "{\"eventType\":\"git.push\",\"resource\":{" REPOSITORY "," text "}}"
#define PR(text) MERGED("{\"status\":\"completed\"," REPOSITORY "," text "}")

static void test_azure_refuses_malformed_bodies(void **state)
{
	static const char *const rows[][3] = {
		{ NULL, "", "line 1" },
		{ NULL, "7", "no JSON object" },
		{ NULL, "{\"eventType\":1}", "'eventType'" },
		{ NULL, "{\"id\":1}", "'id'" },
		{ NULL, "{\"subscriptionId\":1}", "'subscriptionId'" },
		/* "Resource details to send" is Minimal or None. */
		{ NULL, "{\"eventType\":\"git.push\"}", "'Resource details to send'" },
		{ NULL, MERGED("null"), "'Resource details to send'" },
		{ NULL, MERGED("{\"pullRequestId\":1}"), "'Resource details to send'" },
		{ NULL, MERGED("{" REPOSITORY "}"), "'Resource details to send'" },
		{ NULL, MERGED("7"), "'resource'" },
		{ NULL, MERGED("{\"repository\":1}"), "'repository'" },
		{ NULL, MERGED("{\"repository\":{\"project\":1}}"), "'project'" },
		{ NULL, PUSH("\"refUpdates\":{}"), "no array" },
		{ NULL, PUSH("\"refUpdates\":[null]"), "change 1 of the push" },
		{ NULL, PUSH("\"refUpdates\":[{\"name\":1}]"), "'name'" },
		{ NULL, PUSH("\"pushedBy\":1"), "'pushedBy'" },
		{ NULL, PR("\"mergeStatus\":1"), "'mergeStatus'" },
		{ NULL, PR("\"lastMergeCommit\":1"), "'lastMergeCommit'" },
		{ NULL, PR("\"lastMergeCommit\":{\"commitId\":1}"), "commitId'" },
		{ NULL, PR("\"pullRequestId\":\"x\""), "'pullRequestId'" },
		{ NULL, PR("\"targetRefName\":1"), "'targetRefName'" },
		{ NULL, PR("\"forkSource\":1"), "'forkSource'" },
		{ NULL, PR("\"createdBy\":1"), "'createdBy'" },
		{ NULL, PR("\"createdBy\":{\"descriptor\":1}"), "'descriptor'" },
		{ NULL, PR("\"status\":\"active\""), "twice" },
	};
	(void)state;
	check_malformed(&provider_azure, rows, sizeof rows / sizeof rows[0]);
}

static void parse(struct event *event, const char *body, struct arena *arena)
{
	struct err e = { .code = ERR_NONE };
	arena_init(arena, 1 << 16);
	check_ok(try_parse(&provider_azure, event, NULL, str_of(body), arena, &e), &e);
}

static void test_azure_says_what_allow_lists_need(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct event event;
	parse(&event,
	      "{\"id\":\"d\",\"subscriptionId\":\"s\",\"eventType\":\"git.push\",\"resource\":{"
	      "\"repository\":{\"id\":\"i\",\"name\":\"r\",\"project\":{\"name\":\"p\"}}}}",
	      &arena);
	assert_int_equal(event.kind, EVENT_PUSH);
	assert_same("delivery", event.delivery_id, STR("d"));
	assert_same("subscription", event.subscription_id, STR("s"));
	assert_same("repository", event.repository_id, STR("i"));
	assert_same("name", event.repository, STR("p/r"));
	assert_null(event.target_branch.p);
	assert_int_equal(event_select_branch(&event, STR("main")), 0);
}

static void test_azure_makes_the_address(void **state)
{
	static const char *const rows[][3] = {
		{ "\"https://o@dev.azure.com/o/p/_git/r\"", "null",
		  "https://dev.azure.com/o/p/_git/r/pullrequest/7" },
		{ "\"https://dev.azure.com/o/p/_git/r@2\"", "null",
		  "https://dev.azure.com/o/p/_git/r@2/pullrequest/7" },
		{ "\"https://o@dev.azure.com\"", "null", "https://dev.azure.com/pullrequest/7" },
		{ "\"https://x\"", "\"https://web/7\"", "https://web/7" },
		{ "\"ssh://x\"", "\"javascript:1\"", "https://api/7" },
		{ "null", "null", "https://api/7" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(arena) struct arena arena, bodies;
		struct event event;
		arena_init(&bodies, 1 << 16);
		parse(&event,
		      arena_printf(&bodies,
				   "{\"eventType\":\"git.pullrequest.created\",\"resource\":{"
				   "\"status\":\"active\",\"pullRequestId\":7,\"url\":"
				   "\"https://api/7\",\"repository\":{\"name\":\"r\",\"project\":"
				   "{\"name\":\"p\"},\"remoteUrl\":%s},\"_links\":{\"web\":"
				   "{\"href\":%s}}}}",
				   rows[i][0], rows[i][1]),
		      &arena);
		assert_same("url", event.pull_request.url, str_of(rows[i][2]));
	}
}

static void test_azure_reads_back(void **state)
{
	(void)state;
	const struct str secret = STR("tide:sluice");
	struct event event = sample_merge();
	check_read_back_kinds(&provider_azure, event, secret);
	event.author.bot = EVENT_BOT_YES;
	event.merge_commit = STR_NULL;
	check_read_back(&provider_azure, &event, secret);
	event.author = (__typeof__(event.author)){ .bot = EVENT_BOT_UNKNOWN };
	check_read_back(&provider_azure, &event, secret);
	const struct event gone = {
		.kind = EVENT_PUSH,
		.repository = STR("brook/mill"),
		.target_branch = STR("sluice"),
		.before = STR(COMMIT),
		.merge_commit = STR(ZERO),
		.actor = STR("otto"),
		.deleted = 1,
	};
	check_read_back(&provider_azure, &gone, secret);
}

static void test_azure_survives_lack_of_memory(void **state)
{
	(void)state;
	check_lack_of_memory(&provider_azure, NULL,
			     PUSH("\"refUpdates\":[{\"name\":\"refs/heads/\\u00e9\"}]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_azure_basic),
		cmocka_unit_test(test_azure_refuses_malformed_basic),
		cmocka_unit_test(test_azure_header),
		cmocka_unit_test(test_azure_empty_secrets_fit_nothing),
		cmocka_unit_test(test_azure_tries_all_secrets),
		cmocka_unit_test(test_azure_long_credentials),
		cmocka_unit_test(test_azure_signs),
		cmocka_unit_test(test_azure_refuses_malformed_bodies),
		cmocka_unit_test(test_azure_says_what_allow_lists_need),
		cmocka_unit_test(test_azure_makes_the_address),
		cmocka_unit_test(test_azure_reads_back),
		cmocka_unit_test(test_azure_survives_lack_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
