/* SPDX-License-Identifier: Apache-2.0 */
/* What is decided about a request, from a table of bodies. */

#include "receiver/intake.h"
#include "tests/support/check.h"

#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define REPO "\"repository\":{\"full_name\":\"Acme/App\"},\"sender\":{\"login\":\"sue\"}"
#define PR(merged, sha, ref, repository)                                                           \
	"{\"action\":\"closed\",\"pull_request\":{\"number\":12,\"merged\":" merged                \
	",\"merge_commit_sha\":" sha ",\"title\":\"t\",\"user\":{\"id\":7,\"login\":\"octocat\"}," \
	"\"base\":{\"ref\":" ref "}}," repository "}"
#define MERGE(sha, ref) PR("true", sha, ref, REPO)
#define PUSH(ref, after) "{\"ref\":\"" ref "\",\"after\":\"" after "\"," REPO "}"
#define ZERO "0000000000000000000000000000000000000000"

struct sample {
	const char *settings; /* more keys of the repository; NULL: none is configured */
	const char *type;
	const char *body;
	enum intake_verdict verdict;
	const char *reason; /* part of it; NULL: there is none */
	const char *summary;
};

static const char on_merge[] = "";
static const char on_push[] = ", trigger: push";
static const char with_api[] = ", api: {}";
static const char with_ids[] = ", repository_ids: [\"7\", \"{9}\"]";
static const char on_stable[] = ", branch: stable";

static const struct sample samples[] = {
	{ on_merge, "pull_request", MERGE("\"" SHA "\"", "\"main\""), INTAKE_RELEASE, NULL,
	  "merge of #12 into main by octocat" },
	{ on_merge, "ping", "{\"zen\":\"z\"," REPO "}", INTAKE_PING, "ping", "ping by sue" },
	{ on_merge, "issues", "{\"action\":\"opened\"," REPO "}", INTAKE_IGNORE, "'opened'",
	  "event opened by sue" },
	{ on_merge, "pull_request", PR("false", "null", "\"main\"", REPO), INTAKE_IGNORE,
	  "not merged", "pull request #12 closed by octocat" },
	{ on_merge, "pull_request", MERGE("\"" SHA "\"", "\"develop\""), INTAKE_IGNORE,
	  "branch 'develop' is of no interest, this endpoint is for 'main'",
	  "merge of #12 into develop by octocat" },
	{ on_stable, "pull_request", MERGE("\"" SHA "\"", "\"stable\""), INTAKE_RELEASE, NULL,
	  "merge of #12 into stable by octocat" },
	{ on_stable, "pull_request", MERGE("\"" SHA "\"", "\"Stable\""), INTAKE_IGNORE, "'Stable'",
	  "merge of #12 into Stable by octocat" },
	{ on_merge, "pull_request", MERGE("null", "\"main\""), INTAKE_REFUSE,
	  "does not say which commit", "merge of #12 into main by octocat" },
	{ on_merge, "pull_request", MERGE("null", "\"main\""), INTAKE_REFUSE, "'api'",
	  "merge of #12 into main by octocat" },
	{ with_api, "pull_request", MERGE("null", "\"main\""), INTAKE_RELEASE, NULL,
	  "merge of #12 into main by octocat" },
	{ with_api, "pull_request", MERGE("null", "\"other\""), INTAKE_IGNORE, "'other'",
	  "merge of #12 into other by octocat" },
	{ with_api, "pull_request", MERGE("\"abc\"", "\"main\""), INTAKE_REFUSE, "malformed",
	  "merge of #12 into main by octocat" },
	{ on_merge, "pull_request", MERGE("\"0123456789ab\"", "\"main\""), INTAKE_RELEASE, NULL,
	  "merge of #12 into main by octocat" },
	{ on_push, "push", PUSH("refs/heads/main", "0123456789ab"), INTAKE_REFUSE, "malformed",
	  "push to main by sue" },
	{ with_ids, "pull_request", MERGE("\"" SHA "\"", "\"main\""), INTAKE_REFUSE,
	  "repository id '', which is not among repository_ids",
	  "merge of #12 into main by octocat" },
	{ with_ids, "pull_request",
	  PR("true", "\"" SHA "\"", "\"main\"",
	     "\"repository\":{\"id\":8,\"full_name\":\"acme/app\"}"),
	  INTAKE_REFUSE, "repository id '8'", "merge of #12 into main by octocat" },
	{ with_ids, "pull_request",
	  PR("true", "\"" SHA "\"", "\"main\"",
	     "\"repository\":{\"id\":9,\"full_name\":\"acme/app\"}"),
	  INTAKE_RELEASE, NULL, "merge of #12 into main by octocat" },
	{ on_merge, "pull_request", MERGE("\"--upload-pack=x\"", "\"main\""), INTAKE_REFUSE,
	  "malformed", "merge of #12 into main by octocat" },
	{ on_merge, "pull_request", MERGE("\"" ZERO "\"", "\"main\""), INTAKE_REFUSE, "malformed",
	  "merge of #12 into main by octocat" },
	{ on_merge, "pull_request", MERGE("\"" SHA "\"", "null"), INTAKE_REFUSE, "no target branch",
	  "merge of #12 into  by octocat" },
	{ on_merge, "pull_request",
	  PR("true", "\"" SHA "\"", "\"main\"", "\"repository\":{\"full_name\":\"evil/app\"}"),
	  INTAKE_REFUSE, "'evil/app', this endpoint is for 'acme/app'",
	  "merge of #12 into main by octocat" },
	{ on_merge, "pull_request", PR("true", "\"" SHA "\"", "\"main\"", "\"x\":1"), INTAKE_REFUSE,
	  "names no repository", "merge of #12 into main by octocat" },
	{ on_merge, "push", PUSH("refs/heads/main", SHA), INTAKE_IGNORE, "trigger: merge",
	  "push to main by sue" },
	{ on_push, "push", PUSH("refs/heads/main", SHA), INTAKE_RELEASE, NULL,
	  "push to main by sue" },
	{ on_push, "push", PUSH("refs/heads/topic", SHA), INTAKE_IGNORE, "'topic'",
	  "push to topic by sue" },
	{ on_push, "push", PUSH("refs/tags/main", SHA), INTAKE_IGNORE, "tag",
	  "push to a tag by sue" },
	{ on_push, "push", PUSH("refs/heads/main", ZERO), INTAKE_IGNORE, "was deleted",
	  "deletion of main by sue" },
	{ on_push, "push", PUSH("refs/heads/main", "123"), INTAKE_REFUSE, "malformed",
	  "push to main by sue" },
	{ on_push, "pull_request", MERGE("\"" SHA "\"", "\"main\""), INTAKE_IGNORE, "trigger: push",
	  "merge of #12 into main by octocat" },
	{ NULL, "pull_request", MERGE("\"" SHA "\"", "\"any\""), INTAKE_RELEASE, NULL,
	  "merge of #12 into any by octocat" },
	{ NULL, "pull_request", MERGE("null", "\"any\""), INTAKE_REFUSE, "which commit",
	  "merge of #12 into any by octocat" },
	{ NULL, "push", PUSH("refs/heads/main", SHA), INTAKE_IGNORE, "trigger: push",
	  "push to main by sue" },
};

static struct conf *make_conf(const char *settings)
{
	struct conf *conf = NULL;
	struct err e = { 0 };
	char text[1024];
	(void)snprintf(text, sizeof text,
		       "environments: [{id: dev}]\n"
		       "instances: [{id: dev, environment: dev, url: \"sqlite:/tmp\"}]\n"
		       "projects: [{id: shop}]\n"
		       "repositories:\n"
		       "  - {id: app, provider: github, full_name: acme/app, clone_url: "
		       "\"https://h/a.git\", secrets: [{env: NO_SUCH_SECRET}], project: shop,"
		       " targets: [instances/dev/databases/a]%s}\n",
		       settings);
	check_ok(conf_parse(&conf, str_of(text), "test.yaml", &e), &e);
	return conf;
}

static struct request make_request(struct header headers[2], const char *type, const char *body)
{
	headers[0] = (struct header){ STR("X-GitHub-Event"), str_of(type) };
	headers[1] = (struct header){ STR("Content-Type"), STR("application/json") };
	return (struct request){ headers, 2, str_of(body) };
}

static void check_sample(const struct sample *s)
{
	AUTO(conf) struct conf *conf = s->settings != NULL ? make_conf(s->settings) : NULL;
	const struct conf_repository *r = conf != NULL ? conf_repository(conf, STR("app")) : NULL;
	AUTO(arena) struct arena arena;
	arena_init(&arena, 1 << 20);
	struct header headers[2];
	struct request request = make_request(headers, s->type, s->body);
	struct intake in;
	struct err e = { 0 };
	check_ok(intake_read(&in, r, &provider_github, &request, &arena, &e), &e);
	if (in.verdict != s->verdict)
		fail_msg("%s: %s (%.*s)", s->body, intake_verdict_name(in.verdict),
			 STR_ARG(in.reason));
	assert_string_equal(in.summary.p, s->summary);
	if (s->reason == NULL)
		assert_null(in.reason.p);
	else if (strstr(in.reason.p, s->reason) == NULL)
		fail_msg("'%s' instead of '%s'", in.reason.p, s->reason);
}

static void test_intake_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
		check_sample(&samples[i]);
}

static void test_intake_says_where_it_cannot_read(void **state)
{
	(void)state;
	static const char *const bodies[] = { "",     "{",
					      "[]",   "{\"a\":1,\"a\":2}",
					      "{} x", "{\"pull_request\":5}" };
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, 1 << 20);
		struct header headers[2];
		struct request request = make_request(headers, "pull_request", bodies[i]);
		struct intake in = { .verdict = INTAKE_PING };
		struct err e = { 0 };
		assert_int_equal(intake_read(&in, NULL, &provider_github, &request, &arena, &e),
				 -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_int_equal(in.verdict, INTAKE_PING);
	}
}

static void test_intake_shows_no_control_bytes(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, 1 << 20);
	struct header headers[2];
	struct request request =
	    make_request(headers, "issues",
			 "{\"action\":\"a\\u001b[2J\\nb\",\"sender\":{\"login\":\"e\\u007f\"}}");
	struct intake in;
	struct err e = { 0 };
	check_ok(intake_read(&in, NULL, &provider_github, &request, &arena, &e), &e);
	assert_false(str_has_control(in.summary));
	assert_false(str_has_control(in.reason));
}

static void test_intake_cuts_long_names(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	arena_init(&arena, 1 << 20);
	char body[8192];
	struct header headers[2];
	int n = snprintf(body, sizeof body, "{\"action\":\"");
	for (int i = 0; i < 1000; i++, n += 3)
		memcpy(body + n, "\342\202\254", 3);
	(void)snprintf(body + n, sizeof body - (size_t)n, "\"}");
	struct request request = make_request(headers, "issues", body);
	struct intake in;
	struct err e = { 0 };
	check_ok(intake_read(&in, NULL, &provider_github, &request, &arena, &e), &e);
	assert_true(in.summary.n < 200 && str_is_utf8(in.summary));
	assert_true(str_ends(in.summary, STR("...")));
}

static void test_intake_authenticates_with_each_secret(void **state)
{
	(void)state;
	AUTO(conf) struct conf *conf = make_conf("");
	const struct conf_repository *r = conf_repository(conf, STR("app"));
	AUTO(digest) struct digest *d = digest_new();
	struct header headers[1] = { { STR("X-Hub-Signature-256"),
				       STR("sha256=757107ea0eb2509fc211221cce984b8a"
					   "37570b6d7586c22c46f4379c8b043e17") } };
	struct request request = { headers, 1, STR("Hello, World!") };
	struct err e = { 0 };
	/* A secret that was not loaded is none. */
	assert_int_equal(intake_authenticate(r, &provider_github, &request, 0, d, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
	struct conf_secret *secret = r->secrets.items;
	check_ok(secret_from_bytes(&secret->value, STR("It's a Secret to Everybody"), &e), &e);
	check_ok(intake_authenticate(r, &provider_github, &request, 0, d, &e), &e);
	request.body = STR("Hello, World?");
	assert_int_equal(intake_authenticate(r, &provider_github, &request, 0, d, &e), -1);
	assert_int_equal(e.code, ERR_AUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intake_decides),
		cmocka_unit_test(test_intake_says_where_it_cannot_read),
		cmocka_unit_test(test_intake_shows_no_control_bytes),
		cmocka_unit_test(test_intake_cuts_long_names),
		cmocka_unit_test(test_intake_authenticates_with_each_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
