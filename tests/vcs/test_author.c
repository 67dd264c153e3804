/* SPDX-License-Identifier: Apache-2.0 */
/* Who an author is and whether that is a person: rules by provider, patterns, hosts, commits. */

#include "tests/support/check.h"
#include "vcs/author.h"
#include "vcs/provider.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char key_bitbucket[] = "pullrequest:fulfilled";

/* What each provider's body says of an author, and what comes of it. */
static const struct body_row {
	const char *provider, *header, *event;
	const char *body; /* the author in a body of the least that is needed */
	enum event_bot bot;
} body_rows[] = {
#define GITHUB(user, bot)                                                                          \
	{                                                                                          \
		"github", "X-GitHub-Event", "pull_request",                                        \
		    "{\"action\":\"closed\",\"pull_request\":{\"merged\":true,\"user\":" user      \
		    "}}",                                                                          \
		    bot                                                                            \
	}
	GITHUB("{\"id\":1,\"login\":\"mona\",\"type\":\"User\"}", EVENT_BOT_NO),
	GITHUB("{\"id\":1,\"login\":\"mona\",\"type\":\"Bot\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":1,\"login\":\"dependabot[bot]\",\"type\":\"User\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":1,\"login\":\"Dependabot[BOT]\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":198982749,\"login\":\"Copilot\",\"type\":\"Bot\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":198982749,\"login\":\"Copilot\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":10137,\"login\":\"ghost\",\"type\":\"User\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":19864447,\"login\":\"web-flow\",\"type\":\"User\"}", EVENT_BOT_YES),
	GITHUB("{\"id\":1,\"login\":\"robot\",\"type\":\"User\"}", EVENT_BOT_NO),
	GITHUB("{\"id\":1,\"login\":\"abbott\",\"type\":\"User\"}", EVENT_BOT_NO),
	GITHUB("{\"id\":1,\"login\":\"renovate-bot\",\"type\":\"User\"}", EVENT_BOT_NO),
	GITHUB("{\"id\":1,\"login\":\"copilot-fan\",\"type\":\"User\"}", EVENT_BOT_NO),
	GITHUB("{\"id\":1,\"login\":\"old\",\"type\":\"Mannequin\"}", EVENT_BOT_NO),
	GITHUB("null", EVENT_BOT_UNKNOWN),
#define GITLAB(name, bot)                                                                          \
	{                                                                                          \
		"gitlab", "X-Gitlab-Event", "Merge Request Hook",                                  \
		    "{\"object_kind\":\"merge_request\",\"user\":{\"id\":7,\"username\":\"" name   \
		    "\"},"                                                                         \
		    "\"object_attributes\":{\"action\":\"merge\",\"state\":\"merged\",\"author_"   \
		    "id\":7}}",                                                                    \
		    bot                                                                            \
	}
	GITLAB("mona", EVENT_BOT_NO),
	GITLAB("project_1_bot", EVENT_BOT_YES),
	GITLAB("project_1_bot2", EVENT_BOT_YES),
	GITLAB("group_12_bot", EVENT_BOT_YES),
	GITLAB("group_12_bot_", EVENT_BOT_YES),
	GITLAB("project_1_bot_4ffca233d8298ea1", EVENT_BOT_YES),
	GITLAB("project_1_bot_a-b_c.d", EVENT_BOT_YES),
	GITLAB("Project_1_Bot_x", EVENT_BOT_YES),
	GITLAB("service_account_x", EVENT_BOT_YES),
	GITLAB("service_account_group_9_x", EVENT_BOT_YES),
	GITLAB("project_1_botany", EVENT_BOT_NO),
	GITLAB("project_1312_botany", EVENT_BOT_NO),
	GITLAB("project_1_bot2x", EVENT_BOT_NO),
	GITLAB("project_manager", EVENT_BOT_NO),
	GITLAB("project_bot", EVENT_BOT_NO),
	GITLAB("project__bot", EVENT_BOT_NO),
	GITLAB("my_project_42_bot_thing", EVENT_BOT_NO),
	GITLAB("service_accountant", EVENT_BOT_NO),
	GITLAB("service_account", EVENT_BOT_NO),
	GITLAB("group_hug", EVENT_BOT_NO),
	{ "gitlab", "X-Gitlab-Event", "Merge Request Hook",
	  "{\"object_kind\":\"merge_request\",\"user\":{\"id\":8,\"username\":\"project_1_bot\"},"
	  "\"object_attributes\":{\"action\":\"merge\",\"state\":\"merged\",\"author_id\":7}}",
	  EVENT_BOT_UNKNOWN },
#define BITBUCKET(author, bot)                                                                     \
	{                                                                                          \
		"bitbucket", "X-Event-Key", key_bitbucket,                                         \
		    "{\"pullrequest\":{\"state\":\"MERGED\",\"author\":" author "}}", bot          \
	}
	BITBUCKET("{\"uuid\":\"{1}\",\"nickname\":\"mona\",\"type\":\"user\"}", EVENT_BOT_NO),
	BITBUCKET("{\"uuid\":\"{1}\",\"nickname\":\"bot\"}", EVENT_BOT_NO),
	BITBUCKET("{\"uuid\":\"{1}\",\"nickname\":\"ci\",\"type\":\"app_user\"}", EVENT_BOT_YES),
	BITBUCKET("{\"uuid\":\"{1}\",\"type\":\"app\"}", EVENT_BOT_YES),
	BITBUCKET("{\"uuid\":\"{1}\",\"username\":\"acme\",\"type\":\"team\"}", EVENT_BOT_YES),
	BITBUCKET("{\"uuid\":\"{1}\",\"type\":\"something\"}", EVENT_BOT_UNKNOWN),
#define SERVER(user, bot)                                                                          \
	{                                                                                          \
		"bitbucket-server", "X-Event-Key", "pr:merged",                                    \
		    "{\"eventKey\":\"pr:merged\",\"pullRequest\":{\"state\":\"MERGED\","           \
		    "\"author\":{"                                                                 \
		    "\"user\":" user "},\"toRef\":{\"repository\":{\"slug\":\"a\",\"project\":{"   \
		    "\"key\":\"A\"}}}}}",                                                          \
		    bot                                                                            \
	}
	SERVER("{\"id\":1,\"name\":\"mona\",\"type\":\"NORMAL\"}", EVENT_BOT_NO),
	SERVER("{\"id\":1,\"name\":\"jenkins\",\"type\":\"NORMAL\"}", EVENT_BOT_NO),
	SERVER("{\"id\":1,\"name\":\"key\",\"type\":\"SERVICE\"}", EVENT_BOT_YES),
#define AZURE(user, bot)                                                                           \
	{                                                                                          \
		"azure", "X-Any", "any",                                                           \
		    "{\"id\":\"5\",\"eventType\":\"git.pullrequest.merged\",\"resource\":{"        \
		    "\"status\":\"completed\",\"mergeStatus\":\"succeeded\",\"repository\":{"      \
		    "\"name\":\"a\","                                                              \
		    "\"project\":{\"name\":\"p\"}},\"createdBy\":" user "}}",                      \
		    bot                                                                            \
	}
	AZURE("{\"id\":\"A1\",\"uniqueName\":\"mona@x.org\",\"descriptor\":\"aad.x\"}",
	      EVENT_BOT_NO),
	AZURE("{\"id\":\"A1\",\"uniqueName\":\"x\",\"descriptor\":\"svc.x\"}", EVENT_BOT_YES),
	AZURE("{\"id\":\"A1\",\"uniqueName\":\"x\",\"descriptor\":\"aadsp.x\"}", EVENT_BOT_YES),
	AZURE("{\"id\":\"A1\",\"uniqueName\":\"Build\\\\0f1e\"}", EVENT_BOT_YES),
	AZURE("{\"id\":\"A1\",\"displayName\":\"Shop Build Service (acme)\"}", EVENT_BOT_YES),
	AZURE("{\"id\":\"A1\",\"uniqueName\":\"m@x\",\"displayName\":\"Build Service\"}",
	      EVENT_BOT_NO),
	AZURE("{\"id\":\"A1\",\"displayName\":\"Shop Build Service (acme)\","
	      "\"descriptor\":\"aad.x\"}",
	      EVENT_BOT_NO),
#define GITEA(user, bot)                                                                           \
	{                                                                                          \
		"gitea", "X-Gitea-Event", "pull_request",                                          \
		    "{\"action\":\"closed\",\"pull_request\":{\"merged\":true,\"user\":" user      \
		    "}}",                                                                          \
		    bot                                                                            \
	}
	GITEA("{\"id\":3,\"login\":\"mona\"}", EVENT_BOT_NO),
	GITEA("{\"id\":3,\"login\":\"renovate\"}", EVENT_BOT_NO),
	GITEA("{\"id\":-2,\"login\":\"gitea-actions\"}", EVENT_BOT_YES),
	GITEA("{\"id\":-1,\"login\":\"Ghost\"}", EVENT_BOT_UNKNOWN),
};

static void check_body(const struct body_row *row, struct arena *arena)
{
	const struct provider *provider = provider_find(str_of(row->provider));
	assert_non_null(provider);
	const struct header headers[] = { { STR("Content-Type"), STR("application/json") },
					  { str_of(row->header), str_of(row->event) } };
	const struct request r = { .headers = headers, .n_headers = 2, .body = str_of(row->body) };
	struct event event;
	struct author author;
	struct err e = { .code = ERR_NONE };
	if (provider->parse(&event, &r, arena, &e) != 0 ||
	    author_of_event(&author, str_of(row->provider), &event, NULL, 0, arena, &e) != 0)
		fail_msg("%s: %s", row->body, e.msg);
	assert_int_equal(event.kind, EVENT_MERGE);
	if (author.bot != row->bot)
		fail_msg("%s %s: %d", row->provider, row->body, author.bot);
}

static void test_author_bots_of_each_provider(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(body_rows); i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, 1 << 20);
		check_body(&body_rows[i], &arena);
	}
}

/* A login without anybody's mark, as a commit's no-reply address gives it; and after an API's. */
static void test_author_names_that_are_bots(void **state)
{
	(void)state;
	static const struct {
		const char *provider, *login, *name;
		enum event_bot mark, bot;
	} rows[] = {
		{ "github", "github-actions[bot]", "", EVENT_BOT_UNKNOWN, EVENT_BOT_YES },
		{ "github", "mona", "", EVENT_BOT_UNKNOWN, EVENT_BOT_UNKNOWN },
		{ "gitlab", "mona[bot]", "", EVENT_BOT_UNKNOWN, EVENT_BOT_UNKNOWN },
		{ "gitlab", "project_9_bot_1f", "", EVENT_BOT_UNKNOWN, EVENT_BOT_YES },
		/* The API knows better than the name, which a person may have chosen. */
		{ "gitlab", "project_9_bot_1f", "", EVENT_BOT_NO, EVENT_BOT_NO },
		{ "gitlab", "ghost", "", EVENT_BOT_UNKNOWN, EVENT_BOT_YES },
		{ "gitlab", "ghostwriter", "", EVENT_BOT_UNKNOWN, EVENT_BOT_UNKNOWN },
		{ "azure", "Build\\0f", "", EVENT_BOT_UNKNOWN, EVENT_BOT_YES },
		{ "azure", "x", "A Build Service (b)", EVENT_BOT_UNKNOWN, EVENT_BOT_YES },
		{ "gitea", "forgejo-actions", "", EVENT_BOT_UNKNOWN, EVENT_BOT_YES },
		{ "gitea", "gitea-actions", "", EVENT_BOT_NO, EVENT_BOT_NO },
		{ "git", "project_9_bot_1f", "", EVENT_BOT_UNKNOWN, EVENT_BOT_UNKNOWN },
		{ "bitbucket", "x[bot]", "", EVENT_BOT_NO, EVENT_BOT_NO },
		{ "bitbucket", "", "", EVENT_BOT_YES, EVENT_BOT_YES },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct author a = { .login = str_of(rows[i].login),
					  .name = str_of(rows[i].name),
					  .bot = rows[i].mark };
		if (author_bot(str_of(rows[i].provider), &a, NULL, 0) != rows[i].bot)
			fail_msg("%s %s", rows[i].provider, rows[i].login);
	}
}

static void test_author_patterns(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *login;
		int matches;
	} rows[] = {
		{ "docs-bot", "docs-bot", 1 },
		{ "docs-bot", "Docs-BOT", 1 },
		{ "docs-bot", "docs-bot2", 0 },
		{ "docs-bot", "my-docs-bot", 0 },
		{ "bot", "abbott", 0 },
		{ "ci-*", "ci-deploy", 1 },
		{ "CI-*", "ci-", 1 },
		{ "ci-*", "aci-x", 0 },
		{ "*-bot", "docs-bot", 1 },
		{ "*-bot", "docs-bot-x", 0 },
		{ "a*b*c", "aXbXXbc", 1 },
		{ "a*b*c", "acb", 0 },
		{ "a**c", "ac", 1 },
		{ "a?c", "abc", 0 },
		{ "[bot]", "b", 0 },
		{ "*[bot]", "x[bot]", 1 },
		{ "ci@x.org", "CI@x.org", 1 },
		{ "\xc3\xa4*", "\xc3\xa4x", 1 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (author_matches(str_of(rows[i].pattern), str_of(rows[i].login)) !=
		    rows[i].matches)
			fail_msg("%s on %s", rows[i].pattern, rows[i].login);
	}
}

static void test_author_patterns_stand_above_marks(void **state)
{
	(void)state;
	const struct str bots[] = { STR("docs-bot"), STR("ci-*") };
	const struct author a = { .login = STR("CI-nightly"), .bot = EVENT_BOT_NO };
	const struct author unnamed = { .id = STR("7"), .bot = EVENT_BOT_UNKNOWN };
	assert_int_equal(author_bot(STR("gitlab"), &a, bots, 2), EVENT_BOT_YES);
	assert_int_equal(author_bot(STR("gitlab"), &a, bots, 1), EVENT_BOT_NO);
	assert_int_equal(author_bot(STR("gitlab"), &unnamed, bots, 2), EVENT_BOT_UNKNOWN);
}

static void test_author_hosts(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "https://github.com/acme/app.git", "github.com" },
		{ "https://GitHub.com./acme/app.git", "github.com" },
		{ "https://gitlab.example.com:8443/a/b", "gitlab.example.com" },
		{ "ssh://git@gitlab.example.com:2222/a/b", "gitlab.example.com" },
		{ "git@github.com:acme/app.git", "github.com" },
		{ "ssh://git@ssh.github.com:443/acme/app.git", "github.com" },
		{ "git@altssh.bitbucket.org:acme/app.git", "bitbucket.org" },
		{ "git@ssh.dev.azure.com:v3/acme/p/app", "dev.azure.com" },
		{ "https://acme.visualstudio.com/p/_git/app", "dev.azure.com" },
		{ "ssh://git@[2001:DB8::1]:22/a", "[2001:db8::1]" },
		{ "git@[2001:db8::1]:a/b", "[2001:db8::1]" },
		{ "https://host/a@b:c/d", "host" },
		{ "host:path", "host" },
		{ "file:///srv/git/app.git", "local" },
		{ "FILE:///srv/git/app.git", "local" },
		{ "/srv/git/app.git", "local" },
		{ "./a:b/app.git", "local" },
		{ "", "local" },
		{ "https://", "local" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO(arena) struct arena arena;
		arena_init(&arena, 4096);
		const struct str host = author_host(str_of(rows[i][0]), &arena);
		if (!str_eq_cstr(host, rows[i][1]))
			fail_msg("%s: %.*s", rows[i][0], STR_ARG(host));
	}
}

static int read_event(struct author *out, const char *provider, const struct event *event,
		      struct arena *arena, struct err *e)
{
	return author_of_event(out, str_of(provider), event, NULL, 0, arena, e);
}

static void test_author_ids(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	struct author a;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	struct event event = { .author = { .id = STR("AB-Cd"), .other_id = STR("AB-Cd") } };
	check_ok(read_event(&a, "azure", &event, &arena, &e), &e);
	assert_true(str_eq_cstr(a.id, "ab-cd") && a.other_id.p == NULL);
	check_ok(read_event(&a, "bitbucket", &event, &arena, &e), &e);
	assert_true(str_eq_cstr(a.id, "AB-Cd"));
	event.author.id = STR_NULL;
	event.author.login = STR("Mona");
	check_ok(read_event(&a, "github", &event, &arena, &e), &e);
	assert_true(str_eq_cstr(a.id, "login:mona") && str_eq_cstr(a.login, "Mona"));
	event.author.login = STR_NULL;
	event.author.other_id = STR_NULL;
	check_ok(read_event(&a, "github", &event, &arena, &e), &e);
	assert_true(a.id.p == NULL && a.bot == EVENT_BOT_UNKNOWN);
}

static void test_author_long_names_are_cut(void **state)
{
	(void)state;
	AUTO(arena) struct arena arena;
	char wide[2 * 300 + 1];
	struct author a;
	struct err e = { .code = ERR_NONE };
	arena_init(&arena, 1 << 16);
	for (size_t i = 0; i < 300; i++)
		memcpy(wide + 2 * i, "\xc3\xa4", 3);
	struct event event = { .author = { .id = STR("1"), .name = str_of(wide) } };
	event.author.login = str_first(str_of(wide), 2 * 256);
	check_ok(read_event(&a, "github", &event, &arena, &e), &e);
	assert_int_equal(a.name.n, 2 * 256);
	assert_int_equal(a.login.n, 2 * 256);
	/* An id that is cut would be another's. */
	event.author.id = str_of(wide);
	assert_int_equal(read_event(&a, "github", &event, &arena, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	event.author.id = str_first(str_of(wide), 2 * 256);
	check_ok(read_event(&a, "github", &event, &arena, &e), &e);
}

static void test_author_control_characters_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "a\nb",     "\x1b[31m", "\t",  "x\x7f",
					   "\xc2\x85", "\xc2\x9b", "\xff" };
	for (size_t i = 0; i < 4 * COUNT(bad); i++) {
		AUTO(arena) struct arena arena;
		struct author a = { .id = STR("untouched") };
		struct err e = { .code = ERR_NONE };
		struct event event = { .author = { .id = STR("1"), .login = STR("mona") } };
		struct str *const at[] = { &event.author.id, &event.author.other_id,
					   &event.author.login, &event.author.name };
		arena_init(&arena, 4096);
		*at[i % 4] = str_of(bad[i / 4]);
		assert_int_equal(read_event(&a, "github", &event, &arena, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_true(str_eq_cstr(a.id, "untouched"));
	}
}

static const struct commit_row {
	const char *provider, *host, *email, *name;
	const char *id, *login, *shown;
	enum event_bot bot;
} commit_rows[] = {
	{ "github", "github.com", "Mona@X.org", "M", "7", "mona", "Mona L", EVENT_BOT_NO },
	{ "github", "github.com", "ci@x.org", "CI", "8", "ci", "CI", EVENT_BOT_YES },
	{ "bitbucket", "bitbucket.org", "both@x.org", "B", "5:a", "both@x.org", "B", EVENT_BOT_NO },
	{ "github", "github.com", "Lee@X.org", "Lee", "email:lee@x.org", "lee@x.org", "Lee",
	  EVENT_BOT_NO },
	{ "github", "github.com", "583231+octo@users.noreply.github.com", "O", "583231", "octo",
	  "O", EVENT_BOT_NO },
	{ "github", "local", "583231+octo@users.noreply.github.com", "O", "583231", "octo", "O",
	  EVENT_BOT_NO },
	{ "github", "github.com", "49699333+dependabot[bot]@users.noreply.github.com", "d",
	  "49699333", "dependabot[bot]", "d", EVENT_BOT_YES },
	{ "github", "github.com", "octo@users.noreply.github.com", "O",
	  "email:octo@users.noreply.github.com", "octo", "O", EVENT_BOT_NO },
	{ "github", "github.com", "noreply@github.com", "GitHub", "email:noreply@github.com",
	  "web-flow", "GitHub", EVENT_BOT_YES },
	/* Another instance's ids are not ours. */
	{ "github", "ghe.x.org", "583231+octo@users.noreply.github.com", "O",
	  "email:583231+octo@users.noreply.github.com", "583231+octo@users.noreply.github.com", "O",
	  EVENT_BOT_NO },
	{ "github", "ghe.x.org", "12+octo@users.noreply.ghe.x.org", "O", "12", "octo", "O",
	  EVENT_BOT_NO },
	{ "gitea", "github.com", "583231+octo@users.noreply.github.com", "O",
	  "email:583231+octo@users.noreply.github.com", "583231+octo@users.noreply.github.com", "O",
	  EVENT_BOT_NO },
	{ "github", "github.com", "+octo@users.noreply.github.com", "O",
	  "email:+octo@users.noreply.github.com", "+octo", "O", EVENT_BOT_NO },
	{ "github", "github.com", "12+@users.noreply.github.com", "O",
	  "email:12+@users.noreply.github.com", "12+", "O", EVENT_BOT_NO },
	{ "gitlab", "gitlab.com", "42-mona@users.noreply.gitlab.com", "M", "42", "mona", "M",
	  EVENT_BOT_NO },
	{ "gitlab", "gitlab.com", "project_4_bot_1f@noreply.gitlab.com", "t",
	  "email:project_4_bot_1f@noreply.gitlab.com", "project_4_bot_1f", "t", EVENT_BOT_YES },
	{ "git", "local", "project_4_bot_1f@noreply.gitlab.com", "t",
	  "email:project_4_bot_1f@noreply.gitlab.com", "project_4_bot_1f@noreply.gitlab.com", "t",
	  EVENT_BOT_NO },
	{ "git", "local", "deploy@x.org", "D", "email:deploy@x.org", "deploy@x.org", "D",
	  EVENT_BOT_YES },
	{ "git", "local", "", "Nobody", "name:nobody", "", "Nobody", EVENT_BOT_NO },
	{ "git", "local", "a@x", "M\xfcller\tX", "email:a@x", "a@x", "M?ller?X", EVENT_BOT_NO },
};

static void test_author_of_commits(void **state)
{
	(void)state;
	const struct event_person people[] = {
		{ .email = STR("mona@x.org"),
		  .id = STR("7"),
		  .login = STR("mona"),
		  .name = STR("Mona L") },
		{ .email = STR("ci@x.org"),
		  .id = STR("8"),
		  .login = STR("ci"),
		  .bot = EVENT_BOT_YES },
		{ .email = STR("both@x.org"), .id = STR("5:a"), .other_id = STR("{b}") },
	};
	const struct event event = { .people = people, .n_people = COUNT(people) };
	const struct str bots[] = { STR("deploy@*") };
	for (size_t i = 0; i < COUNT(commit_rows); i++) {
		const struct commit_row *row = &commit_rows[i];
		const struct author_commit c = { str_of(row->email), str_of(row->name) };
		AUTO(arena) struct arena arena;
		struct author a;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 16);
		check_ok(author_of_commit(&a, str_of(row->provider), str_of(row->host), &event, &c,
					  bots, 1, &arena, &e),
			 &e);
		if (!str_eq_cstr(a.id, row->id) || !str_eq_cstr(a.login, row->login) ||
		    !str_eq_cstr(a.name, row->shown) || a.bot != row->bot)
			fail_msg("%s %s: %.*s %.*s %.*s %d", row->provider, row->email,
				 STR_ARG(a.id), STR_ARG(a.login), STR_ARG(a.name), a.bot);
	}
}

static void test_author_of_commits_refused(void **state)
{
	(void)state;
	const struct event event = { .kind = EVENT_PUSH };
	char longer[400];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	const char *const bad[] = { longer, "a\tb@x", "\xff@x" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct author_commit c = { str_of(bad[i]), STR("n") };
		AUTO(arena) struct arena arena;
		struct author a;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, 1 << 16);
		assert_int_equal(
		    author_of_commit(&a, STR("git"), STR("local"), &event, &c, NULL, 0, &arena, &e),
		    -1);
		assert_int_equal(e.code, ERR_INPUT);
	}
}

/* Out of memory at each of the allocations. */
static void test_author_of_commits_without_memory(void **state)
{
	(void)state;
	const struct event event = { .kind = EVENT_PUSH };
	const struct author_commit c = { STR("a@x"), STR("n") };
	int failed = 0;
	for (size_t room = 0; room < 256; room += 16) {
		AUTO(arena) struct arena arena;
		struct author a;
		struct err e = { .code = ERR_NONE };
		arena_init(&arena, room);
		if (author_of_commit(&a, STR("git"), STR("local"), &event, &c, NULL, 0, &arena,
				     &e) != 0) {
			assert_int_equal(e.code, ERR_LIMIT);
			failed++;
		}
	}
	assert_true(failed >= 3 && failed < 16);
}

/* The account that pushed, beside its address: each provider in a body of its own. */
static void test_author_accounts_that_pushes_name(void **state)
{
	(void)state;
	static const struct {
		const char *provider, *header, *event, *body, *email, *id, *login;
	} rows[] = {
		{ "github", "X-GitHub-Event", "push",
		  "{\"ref\":\"refs/heads/main\",\"pusher\":{\"name\":\"mona\",\"email\":\"m@x\"},"
		  "\"sender\":{\"id\":9007199254740993,\"login\":\"mona\"}}",
		  "m@x", "9007199254740993", "mona" },
		/* A deploy key pushed: the sender is whoever added it. */
		{ "github", "X-GitHub-Event", "push",
		  "{\"ref\":\"refs/heads/main\",\"pusher\":{\"name\":\"lee\",\"email\":\"l@x\"},"
		  "\"sender\":{\"id\":1,\"login\":\"mona\"}}",
		  NULL, NULL, NULL },
		{ "github", "X-GitHub-Event", "push",
		  "{\"ref\":\"refs/heads/main\",\"pusher\":{\"name\":\"x\",\"email\":null}}", NULL,
		  NULL, NULL },
		{ "gitlab", "X-Gitlab-Event", "Push Hook",
		  "{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"user_id\":4,"
		  "\"user_username\":\"mona\",\"user_email\":\"m@x\"}",
		  "m@x", "4", "mona" },
		{ "gitlab", "X-Gitlab-Event", "Push Hook",
		  "{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"user_id\":4,"
		  "\"user_username\":\"mona\",\"user_email\":\"[REDACTED]\"}",
		  NULL, NULL, NULL },
		{ "gitea", "X-Gitea-Event", "push",
		  "{\"ref\":\"refs/heads/main\",\"pusher\":{\"id\":3,\"login\":\"mona\","
		  "\"email\":\"m@x\"}}",
		  "m@x", "3", "mona" },
		{ "bitbucket", "X-Event-Key", "repo:push",
		  "{\"push\":{\"changes\":[{\"new\":{\"name\":\"main\",\"type\":\"branch\"},"
		  "\"commits\":[{\"author\":{\"raw\":\"Mona <m@x>\",\"user\":{"
		  "\"account_id\":\"5:a\",\"uuid\":\"{b}\",\"nickname\":\"mona\"}}}]}]}}",
		  "m@x", "5:a", "mona" },
		{ "bitbucket", "X-Event-Key", "repo:push",
		  "{\"push\":{\"changes\":[{\"new\":{\"name\":\"main\",\"type\":\"branch\"},"
		  "\"commits\":[{\"author\":{\"raw\":\"Mona\"}},5,null]}]}}",
		  NULL, NULL, NULL },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO(arena) struct arena arena;
		struct event event;
		struct err e = { .code = ERR_NONE };
		const struct header headers[] = {
			{ STR("Content-Type"), STR("application/json") },
			{ str_of(rows[i].header), str_of(rows[i].event) },
		};
		const struct request r = { headers, 2, str_of(rows[i].body) };
		arena_init(&arena, 1 << 20);
		check_ok(provider_find(str_of(rows[i].provider))->parse(&event, &r, &arena, &e),
			 &e);
		assert_int_equal(event.n_people, rows[i].email != NULL);
		if (rows[i].email == NULL)
			continue;
		assert_true(str_eq_cstr(event.people[0].email, rows[i].email));
		assert_true(str_eq_cstr(event.people[0].id, rows[i].id));
		assert_true(str_eq_cstr(event.people[0].login, rows[i].login));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_author_bots_of_each_provider),
		cmocka_unit_test(test_author_names_that_are_bots),
		cmocka_unit_test(test_author_patterns),
		cmocka_unit_test(test_author_patterns_stand_above_marks),
		cmocka_unit_test(test_author_hosts),
		cmocka_unit_test(test_author_ids),
		cmocka_unit_test(test_author_long_names_are_cut),
		cmocka_unit_test(test_author_control_characters_are_refused),
		cmocka_unit_test(test_author_of_commits),
		cmocka_unit_test(test_author_of_commits_refused),
		cmocka_unit_test(test_author_of_commits_without_memory),
		cmocka_unit_test(test_author_accounts_that_pushes_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
