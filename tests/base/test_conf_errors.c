/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration, where, and what was expected: one row per message. */

#include "base/conf.h"
#include "base/conf_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *text;
	const char *place; /* the beginning of the message */
	const char *why;   /* a part of it */
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct conf *c = NULL;
		struct err e = { .msg = "" };
		if (conf_parse(&c, str_of(rows[i].text), "t.yaml", &e) == 0) {
			conf_free(c);
			fail_msg("row %zu: accepted: %s", i, rows[i].text);
		}
		assert_null(c);
		assert_int_equal(e.code, ERR_INPUT);
		if (strncmp(e.msg, rows[i].place, strlen(rows[i].place)) != 0 ||
		    strstr(e.msg, rows[i].why) == NULL)
			fail_msg("row %zu: '%s' is not '%s ... %s'", i, e.msg, rows[i].place,
				 rows[i].why);
		if (strstr(e.msg, "hunter2") != NULL)
			fail_msg("row %zu: shows the secret: '%s'", i, e.msg);
	}
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

#define E "environments: [{id: e}]\n"

static void test_conf_refuses_top(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "", "t.yaml:1:1:", "at least one" },
		{ "environments: []", "t.yaml:1:15:", "at least one" },
		{ "[1]", "t.yaml:1:1:", "expected a mapping" },
		{ "x: [", "t.yaml:2:1:", "" },
		{ E "liste: x", "t.yaml:2:1:",
		  "unknown key 'liste' in the configuration: did you "
		  "mean 'listen'?" },
		{ E "quux: x", "t.yaml:2:1:", "(expected one of: listen, store, " },
		{ E "listen: x\nlisten: y", "t.yaml:3:1:", "key 'listen' stands twice" },
		{ E "listen: [x]", "t.yaml:2:9:", "expected a text" },
		{ E "listen: {}", "t.yaml:2:9:", "expected a text" },
		{ E "listen:", "t.yaml:2:8:", "expected a text" },
		{ E "listen: ~", "t.yaml:2:9:", "expected a text" },
		{ E "listen: ''", "t.yaml:2:9:", "is empty" },
		{ E "listen: \"a\\0b\"", "t.yaml:2:9:", "control character" },
		{ E "listen: localhost", "t.yaml:2:9:", "expected host:port" },
		{ E "listen: ':80'", "t.yaml:2:9:", "expected host:port" },
		{ E "listen: 'h:65536'", "t.yaml:2:9:", "expected host:port" },
		{ E "listen: '::1:80'", "t.yaml:2:9:", "expected host:port" },
		{ E "store: mysql://h/x", "t.yaml:2:8:", "expected a path" },
		{ E "store: sqlite:x.db", "t.yaml:2:8:", "expected a path" },
		{ E "store: postgresql://u@h/d", "t.yaml:2:8:", "expected 'state_dir'" },
		{ E "store: postgresql://u:hunter2@h/d", "t.yaml:2:8:", "literal secret" },
		{ E "external_url: tidegate.example.com", "t.yaml:2:15:", "https://host" },
		{ E "external_url: https://u@h", "t.yaml:2:15:", "https://host" },
		{ E "user_limit: -1", "t.yaml:2:13:", "an integer from 0 to 1000000" },
		{ E "user_limit: \"5\"", "t.yaml:2:13:", "an integer" },
		{ E "user_limit: 5.0", "t.yaml:2:13:", "an integer" },
		{ E "user_limit: 99999999999999999999", "t.yaml:2:13:", "an integer" },
		{ E "unknown_authors: maybe", "t.yaml:2:18:", "count or hold" },
		{ E "bots: renovate-bot", "t.yaml:2:7:", "expected a list" },
		{ E "bots: [docs-bot, '*']", "t.yaml:2:18:", "such as renovate-bot or ci-*" },
		{ E "bots: ['**']", "t.yaml:2:8:", "malformed login" },
		{ E "bots: ['']", "t.yaml:2:8:", "" },
		{ E "workers: 0", "t.yaml:2:10:", "from 1 to 64" },
		{ E "drain_timeout: 30", "t.yaml:2:16:", "such as 30s, from 0 to 1h" },
		{ E "drain_timeout: 2h", "t.yaml:2:16:", "from 0 to 1h" },
		{ E "limits: 5", "t.yaml:2:9:", "expected a mapping" },
		{ E "limits: {max_body: 25MB}", "t.yaml:2:20:", "25MiB, from 1KiB to 1GiB" },
		{ E "limits: {max_body_bytes: 9}", "t.yaml:2:10:", "did you mean 'max_body'?" },
		{ E "limits: {max_inflight: 1MiB}", "t.yaml:2:24:", "smaller than 'max_body'" },
		{ E "service_accounts: []", "t.yaml:2:19:", "not supported by this version" },
	};
	CHECK(rows);
}

static void test_conf_refuses_environments(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "environments: {id: e}", "t.yaml:1:15:", "expected a list of mappings" },
		{ "environments: [e]", "t.yaml:1:16:", "malformed an environment" },
		{ "environments: [{rollout: manual}]", "t.yaml:1:16:", "expected 'id'" },
		{ "environments: [{id: E}]", "t.yaml:1:21:", "malformed id" },
		{ "environments: [{id: a}, {id: b}, {id: a}]", "t.yaml:1:39:", "'a' stands twice" },
		{ "environments: [{id: e, rollout: auto}]", "t.yaml:1:33:", "manual or automatic" },
		{ "environments: [{id: e, fail_on: info}]",
		  "t.yaml:1:33:", "error, warning or never" },
		{ "environments: [{id: e, rules: [{id: x}]}]", "t.yaml:1:32:", "'severity'" },
		{ "environments: [{id: e, rules: [{id: x, severity: off}]}]",
		  "t.yaml:1:37:", "no rule 'x'" },
		{ "environments: [{id: e, rules: [{id: truncate, severity: fatal}]}]",
		  "t.yaml:1:57:", "off, info, warning or error" },
		{ "environments: [{id: e, rules: [{id: truncate, severity: off}, {id: truncate, "
		  "severity: off}]}]",
		  "t.yaml:1:68:", "stands twice" },
		{ "environments: [{id: e, approvals: 11}]", "t.yaml:1:35:", "approvals" },
		{ "environments: [{id: e, max_parallel: 257}]", "t.yaml:1:38:", "from 1 to 256" },
		{ "environments: [{id: e, lock_timeout: 0}]", "t.yaml:1:38:", "from 1s to 1d" },
		{ "environments: [{id: e, lock_timout: 5s}]", "t.yaml:1:24:", "'lock_timeout'?" },
	};
	CHECK(rows);
}

#define GATE(keys) "environments: [{id: e, " keys "}]"

static void test_conf_refuses_gates(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ GATE("rollout: automatic, approvals: 1"), "t.yaml:1:55:", "'rollout: manual'" },
		{ GATE("approvals: 2, approvers: [a]"), "t.yaml:1:49:", "1 people cannot give 2" },
		{ GATE("approvers: [a, a]"), "t.yaml:1:39:", "'a' stands twice" },
		{ GATE("batches: [1, 50%]"), "t.yaml:1:33:", "expected 100% at the end" },
		{ GATE("batches: [2, 1, 100%]"), "t.yaml:1:37:", "shares that grow" },
		{ GATE("batches: [0, 100%]"), "t.yaml:1:34:", "shares that grow" },
		{ GATE("batches: [x, 100%]"), "t.yaml:1:34:", "malformed share 'x'" },
		{ GATE("failure_threshold: 101%"), "t.yaml:1:43:", "malformed share" },
		{ GATE("windows: [Mon]"), "t.yaml:1:34:", "malformed window 'Mon'" },
		{ GATE("timezone: Mars/Olympus"), "t.yaml:1:34:", "no time zone" },
	};
	CHECK(rows);
}

#define I(url) E "instances: [{id: i, environment: e, url: '" url "'}]\n"

static void test_conf_refuses_instances(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ E "instances: [{id: i, environment: e}]", "t.yaml:2:13:", "'url'" },
		{ E "instances: [{id: i, environment: f, url: 'sqlite:x'}]",
		  "t.yaml:2:34:", "there is no environment 'f'" },
		{ I("mysql://h"), "t.yaml:2:42:", "expected mysql://user@host:port" },
		{ I("MySQL:h"), "t.yaml:2:42:", "unknown kind of database" },
		{ I("mysql:h"), "t.yaml:2:42:", "expected mysql://user@host:port" },
		{ I("mariadb://u@h:0"), "t.yaml:2:42:", "port" },
		{ I("mysql://u@"), "t.yaml:2:42:", "socket" },
		{ I("mysql://u@h?socket=/s"), "t.yaml:2:42:", "socket" },
		{ I("mysql://u:hunter2@h"), "t.yaml:2:42:", "literal secret" },
		{ I("mysql://u:hunter2/x@h"), "t.yaml:2:42:", "literal secret" },
		{ I("mysql://u@h?password=hunter2"), "t.yaml:2:42:", "literal secret" },
		{ I("mysql://u@h/mydb"), "t.yaml:2:42:", "names a database" },
		{ I("mysql://u@h?ssl=1"), "t.yaml:2:42:", "unknown option" },
		{ I("mysql://u@h?sslmode=prefer"), "t.yaml:2:42:", "unknown sslmode" },
		{ I("oracle:x"), "t.yaml:2:42:", "expected sqlite:DIR, postgresql://" },
		{ I("/var/lib/x"), "t.yaml:2:42:", "expected sqlite:DIR" },
		{ I("sqlite:"), "t.yaml:2:42:", "sqlite:DIR" },
		{ I("sqlite:///x"), "t.yaml:2:42:", "sqlite:/var/lib/app" },
		{ I("postgresql:db"), "t.yaml:2:42:", "expected postgresql://" },
		{ I("postgresql://u:hunter2@h"), "t.yaml:2:42:", "literal secret" },
		{ I("postgres://u:hunter2/x@h"), "t.yaml:2:42:", "literal secret" },
		{ I("postgresql://h/?password=hunter2"), "t.yaml:2:42:", "literal secret" },
		{ I("postgresql://h?a=b&PassWord=hunter2"), "t.yaml:2:42:", "literal secret" },
		{ I("postgresql://h?sslpassword=hunter2"), "t.yaml:2:42:", "literal secret" },
		{ I("postgresql://h?p%61ssword=hunter2"), "t.yaml:2:42:", "percent" },
		{ I("postgresql://h:5432/mydb"), "t.yaml:2:42:", "names a database" },
		{ I("postgresql://h?dbname=x"), "t.yaml:2:42:", "names a database" },
		{ I("postgresql://h:0"), "t.yaml:2:42:", "port" },
		{ I("postgresql://h:x"), "t.yaml:2:42:", "port" },
		{ I("postgresql://h1,h2:99999"), "t.yaml:2:42:", "port" },
		{ I("postgresql://[::1"), "t.yaml:2:42:", "host" },
		{ I("postgresql://h o"), "t.yaml:2:42:", "blank" },
		{ E "instances: [{id: i, environment: e, url: 'sqlite:x', password: {env: A}}]",
		  "t.yaml:2:64:", "no password" },
		{ E "instances: [{id: i, environment: e, url: 'sqlite:x', databases: [a, 'b/c']}]",
		  "t.yaml:2:69:", "malformed database name" },
		{ E "instances: [{id: i, environment: e, url: 'sqlite:x', databases: a}]",
		  "t.yaml:2:65:", "a list of texts" },
		{ E "instances: [{id: i, url: 'sqlite:x', labels: [a]}]",
		  "t.yaml:2:46:", "a mapping of texts" },
		{ E "instances: [{id: i, url: 'sqlite:x', labels: {a: [b]}}]",
		  "t.yaml:2:50:", "expected a text" },
		{ E "instances: [{id: i, url: 'sqlite:x', labels: {a: b, a: c}}]",
		  "t.yaml:2:53:", "stands twice" },
		{ E "instances: [{id: i, url: 'sqlite:x', labels: {'': c}}]",
		  "t.yaml:2:47:", "is empty" },
	};
	CHECK(rows);
}

static void test_conf_accepts_instances(void **state)
{
	(void)state;
	static const char *const rows[] = {
		I("sqlite:dir"),
		I("sqlite:/abs/dir"),
		I("postgres://h"),
		I("postgresql://u@h1:5432,h2/?sslmode=require"),
		I("postgresql://u@[::1]:5432"),
		I("postgresql:///?host=/run/postgresql"),
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(conf) struct conf *c = NULL;
		struct err e = { .msg = "" };
		if (conf_parse(&c, str_of(rows[i]), "t.yaml", &e) != 0)
			fail_msg("%s: %s", rows[i], e.msg);
	}
}

#define P(text) E "projects: [{id: p, " text "}]\n"

static void test_conf_refuses_projects(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ P("allow_edited: yes"), "t.yaml:2:34:", "true or false" },
		{ P("allow_edited: \"true\""), "t.yaml:2:34:", "true or false" },
		{ P("release_id_template: 'x-{iteration}'"), "t.yaml:2:41:", "{timestamp}" },
		{ P("release_id_template: '{date}'"), "t.yaml:2:41:", "{iteration}" },
		{ P("release_id_template: '{date}/{iteration}'"), "t.yaml:2:41:", "expected" },
		{ P("release_id_template: '{dat}{date}{iteration}'"), "t.yaml:2:41:", "expected" },
		{ P("release_id_timezone: Mars/Olympus"), "t.yaml:2:41:", "no time zone" },
		{ P("release_id_timezone: ../x"), "t.yaml:2:41:", "malformed time zone" },
	};
	CHECK(rows);
}

#define G(text) E "projects: [{id: p, database_groups: [{id: g, " text "}]}]\n"

static void test_conf_refuses_groups(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ P("database_groups: {}"), "t.yaml:2:37:", "a list of mappings" },
		{ P("database_groups: [{}]"), "t.yaml:2:38:", "expected 'id'" },
		{ P("database_groups: [{id: G}]"), "t.yaml:2:43:", "malformed id" },
		{ P("database_groups: [{id: g}, {id: h}, {id: g}]"),
		  "t.yaml:2:61:", "'g' stands twice under 'database_groups'" },
		{ G("environments: [e, x]"), "t.yaml:2:64:", "no environment 'x'" },
		{ G("instances: ['a b']"), "t.yaml:2:58:", "malformed pattern" },
		{ G("databases: ['a/b']"), "t.yaml:2:58:", "malformed pattern" },
		{ G("databases: [ok, '.x']"), "t.yaml:2:62:", "malformed pattern" },
		{ G("databases: a"), "t.yaml:2:57:", "a list of texts" },
		{ G("exclude: ['instances/a']"), "t.yaml:2:56:", "instances/INSTANCE/databases" },
		{ G("exclude: ['instances/a/databases/b/c']"), "t.yaml:2:56:", "malformed" },
		{ G("exclude: ['a/b']"), "t.yaml:2:56:", "malformed pattern" },
		{ G("label: {a: b}"), "t.yaml:2:46:", "did you mean 'labels'?" },
		{ G("labels: gold"), "t.yaml:2:54:", "a mapping of texts" },
	};
	CHECK(rows);
}

#define BASE CONF_ENVIRONMENTS CONF_INSTANCES CONF_PROJECTS
#define R(url, rest)                                                                               \
	BASE "repositories:\n"                                                                     \
	     "  - {id: r, provider: git, full_name: a/b, project: my-project,\n"                   \
	     "     clone_url: '" url "', secrets: [{env: A}],\n"                                   \
	     "     " rest "}\n"
#define TARGETS "targets: [instances/dev/databases/x]"
#define HTTPS "https://h/x"

static void test_conf_refuses_repositories(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ CONF_ENVIRONMENTS CONF_INSTANCES CONF_PROJECTS CONF_REPOSITORY,
		  "t.yaml:11:5:", "repository 'app' has no secret" },
		{ BASE CONF_REPOSITORY "    secrets: []\n", "t.yaml:18:14:", "add secrets: [{env" },
		{ BASE CONF_REPOSITORY CONF_SECRETS "    clone_ulr: x\n",
		  "t.yaml:19:5:", "did you mean 'clone_url'?" },
		{ R("", TARGETS), "t.yaml:12:17:", "'clone_url' is empty" },
		{ R("-x", TARGETS), "t.yaml:12:17:", "malformed url" },
		{ R("https://u:hunter2@h/x", TARGETS), "t.yaml:12:17:", "literal secret" },
		{ R("https://hunter2@h/x", TARGETS), "t.yaml:12:17:", "literal secret" },
		{ R("ssh://u:hunter2@h/x", TARGETS), "t.yaml:12:17:", "literal secret" },
		{ R(HTTPS, "targets: []"), "t.yaml:13:15:", "has no target" },
		{ R(HTTPS, "branch: m"), "t.yaml:11:5:", "expected 'targets'" },
		{ R(HTTPS, "targets: [instances/no/databases/x]"),
		  "t.yaml:13:16:", "there is no instance 'no'" },
		{ R(HTTPS, "targets: [instances/prod/databases/x]"),
		  "t.yaml:13:16:", "does not list the database 'x'" },
		{ R(HTTPS, "targets: [projects/p/databaseGroups/g]"),
		  "t.yaml:13:16:", "there is no project 'p'" },
		{ R(HTTPS, "targets: [projects/my-project/databaseGroups/g]"),
		  "t.yaml:13:16:", "has no database group 'g'" },
		{ R(HTTPS, "targets: [projects/my-project/databaseGroups]"),
		  "t.yaml:13:16:", "malformed database group" },
		{ R(HTTPS, "targets: [projects/my-project/databaseGroups/g/h]"),
		  "t.yaml:13:16:", "malformed database group" },
		{ R(HTTPS, "targets: [instances/dev/databases/x, projects/p/databaseGroups/g]"),
		  "t.yaml:13:43:", "stands beside other targets" },
		{ R(HTTPS, "targets: [instances/dev/databases/x, instances/dev/databases/x]"),
		  "t.yaml:13:43:", "stands twice" },
		{ R(HTTPS, TARGETS ", target_stage: prod"), "t.yaml:13:58:", "environments/ID" },
		{ R(HTTPS, TARGETS ", target_stage: environments/x"),
		  "t.yaml:13:58:", "there is no environment 'x'" },
		{ R(HTTPS, TARGETS ", trigger: pull"), "t.yaml:13:53:", "merge or push" },
		{ R(HTTPS, TARGETS ", branch: refs/heads/main"), "t.yaml:13:52:", "bare name" },
		{ R(HTTPS, TARGETS ", fetch_timeout: 1"), "t.yaml:13:59:", "from 1s to 1d" },
		{ R(HTTPS, TARGETS ", credentials: {ssh_key: {file: k}}"),
		  "t.yaml:13:67:", "expected 'token'" },
		{ R("git@h:p", TARGETS ", credentials: {token: {env: T}}"),
		  "t.yaml:13:65:", "expected 'ssh_key'" },
		{ R(HTTPS, TARGETS ", credentials: {tokn: 1}"), "t.yaml:13:58:", "'token'?" },
		{ BASE "repositories: [{id: r, provider: Git, full_name: a, clone_url: 'f', "
		       "project: my-project, secrets: [{env: A}], " TARGETS "}]",
		  "t.yaml:10:34:", "malformed provider" },
		{ BASE "repositories: [{id: r, provider: git, full_name: a, clone_url: 'f', "
		       "project: nobody, secrets: [{env: A}], " TARGETS "}]",
		  "t.yaml:10:78:", "there is no project 'nobody'" },
	};
	CHECK(rows);
}

#define SECRETS(text) BASE CONF_REPOSITORY "    secrets: " text "\n"
#define TOKEN(text) R(HTTPS, TARGETS ", credentials: {token: " text "}")

/* None of them may come back in the message. */
static void test_conf_refuses_literal_secrets(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ SECRETS("hunter2"), "t.yaml:18:14:", "expected a list such as [{env: NAME}]" },
		{ SECRETS("[hunter2]"), "t.yaml:18:15:", "literal secret" },
		{ SECRETS("{env: hunter2}"), "t.yaml:18:14:", "expected a list" },
		{ SECRETS("[{hunter2}]"), "t.yaml:18:15:", "{env: NAME} or {file: PATH}" },
		{ SECRETS("[{value: hunter2}]"), "t.yaml:18:15:", "literal secret" },
		{ SECRETS("[{env: A, file: hunter2}]"), "t.yaml:18:15:", "literal secret" },
		{ SECRETS("[{env: A, hunter2: x}]"), "t.yaml:18:15:", "literal secret" },
		{ SECRETS("[{env: 'hunter2!'}]"), "t.yaml:18:21:", "no name of an environment" },
		{ SECRETS("[{env: [hunter2]}]"), "t.yaml:18:21:", "expected a text" },
		{ SECRETS("[{env: }]"), "t.yaml:18:", "expected a text" },
		{ SECRETS("[{}]"), "t.yaml:18:15:", "literal secret" },
		{ SECRETS("[[hunter2]]"), "t.yaml:18:15:", "literal secret" },
		{ TOKEN("hunter2"), "t.yaml:13:65:", "literal secret" },
		{ R("git@h:p", TARGETS ", credentials: {ssh_key: {env: hunter2}}"),
		  "t.yaml:13:67:", "expected {file: PATH}" },
		{ E "instances: [{id: i, environment: e, url: 'sqlite:x', password: hunter2}]",
		  "t.yaml:2:64:", "literal secret" },
		{ E "instances: [{id: i, environment: e, url: 'sqlite:x', password: 123}]",
		  "t.yaml:2:64:", "literal secret" },
	};
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf_refuses_top),
		cmocka_unit_test(test_conf_refuses_environments),
		cmocka_unit_test(test_conf_refuses_gates),
		cmocka_unit_test(test_conf_refuses_instances),
		cmocka_unit_test(test_conf_accepts_instances),
		cmocka_unit_test(test_conf_refuses_projects),
		cmocka_unit_test(test_conf_refuses_groups),
		cmocka_unit_test(test_conf_refuses_repositories),
		cmocka_unit_test(test_conf_refuses_literal_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
