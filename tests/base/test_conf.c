/* SPDX-License-Identifier: Apache-2.0 */
/* A good configuration: values, defaults, look-ups, showing, files and secrets. */

#include "base/conf.h"
#include "base/conf_sample.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct conf *parse(const char *text)
{
	struct conf *c = NULL;
	struct err e = { .msg = "" };
	if (conf_parse(&c, str_of(text), "t.yaml", &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static void test_conf_has_defaults(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(CONF_SAMPLE);
	assert_true(str_eq(c->listen, STR("127.0.0.1:8420")));
	assert_true(str_eq(c->store, STR("/var/lib/tidegate/tidegate.db")));
	assert_true(str_eq(c->state_dir, STR("/var/lib/tidegate")));
	assert_null(c->external_url.p);
	assert_true(c->unknown_authors == CONF_UNKNOWN_COUNT && c->bots.n == 0);
	assert_true(c->user_limit == 0 && c->listener_threads == 2 && c->workers == 1);
	assert_true(c->drain_timeout_ms == 30000);
	assert_true(c->limits.max_body_bytes == 26214400);
	assert_true(c->limits.max_connections == 512);
	assert_true(c->limits.max_inflight_bytes == 268435456);
	assert_true(c->limits.request_timeout_ms == 20000 && c->limits.idle_timeout_ms == 15000);
	const struct conf_environment *prod = conf_environment(c, STR("prod"));
	assert_int_equal(prod->rollout, CONF_ROLLOUT_MANUAL);
	assert_true(prod->max_parallel == 8 && prod->lock_timeout_ms == 10000);
	assert_true(prod->statement_timeout_ms == 0);
	const struct conf_project *p = conf_project(c, STR("my-project"));
	assert_true(str_eq(p->title, STR("my-project")));
	assert_true(str_eq(p->release_id_template, STR("release_{date}-RC{iteration}")));
	assert_true(str_eq(p->release_id_timezone, STR("UTC")));
	assert_false(p->allow_edited || p->allow_out_of_order);
}

static void test_conf_has_values(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(CONF_SAMPLE);
	const struct conf_repository *r = conf_repository(c, STR("app"));
	const struct conf_secret *secret = r->secrets.items;
	const struct str *targets = r->targets.items;
	assert_true(str_eq(r->provider, STR("github")) && str_eq(r->branch, STR("main")));
	assert_int_equal(r->trigger, CONF_TRIGGER_MERGE);
	assert_true(str_eq(r->file_pattern, STR("migrations/**/*.sql")));
	assert_true(r->fetch_timeout_ms == 120000);
	assert_true(str_eq(r->credentials->username, STR("x-access-token")));
	assert_true(str_eq(r->credentials->token->env, STR("TIDEGATE_TEST_TOKEN")));
	assert_int_equal(r->secrets.n, 1);
	assert_true(str_eq(secret->env, STR("TIDEGATE_TEST_SECRET")));
	assert_null(secret->value);
	assert_int_equal(secret->line, 18);
	assert_int_equal(r->targets.n, 2);
	assert_true(str_eq(targets[1], STR("instances/prod/databases/mydb")));
	assert_int_equal(r->line, 11);
	assert_int_equal(conf_environment_position(c, STR("dev")), 0);
	assert_int_equal(conf_environment_position(c, STR("prod")), 1);
	assert_int_equal(conf_environment_position(c, STR("x")), -1);
	assert_null(conf_instance(c, STR("x")));
	assert_null(conf_repository(c, STR("x")));
}

static void test_conf_reads_units_and_booleans(void **state)
{
	(void)state;
	AUTO(conf)
	struct conf *c =
	    parse("limits: {max_body: 1KiB, max_inflight: 2048, idle_timeout: \"250ms\"}\n"
		  "store: x.db\ndrain_timeout: 0\n"
		  "environments: [{id: e, lock_timeout: 2h, statement_timeout: 7d}]\n"
		  "projects: [{id: p, allow_edited: true, title: \"null\"}]\n");
	const struct conf_environment *e = c->environments.items;
	assert_true(c->limits.max_body_bytes == 1024 && c->limits.max_inflight_bytes == 2048);
	assert_true(c->limits.idle_timeout_ms == 250 && c->limits.max_connections == 512);
	assert_true(str_eq(c->state_dir, STR(".")));
	assert_true(c->drain_timeout_ms == 0);
	assert_true(e->lock_timeout_ms == 7200000 && e->statement_timeout_ms == 604800000);
	assert_int_equal(conf_project(c, STR("p"))->allow_edited, 1);
	assert_true(str_eq(conf_project(c, STR("p"))->title, STR("null")));
}

static void test_conf_targets(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(CONF_SAMPLE);
	static const struct {
		const char *target;
		enum err_code code; /* ERR_NONE: found */
	} rows[] = {
		{ "instances/prod/databases/mydb", ERR_NONE },
		{ "instances/prod/databases/tenant_7", ERR_NONE },
		{ "instances/dev/databases/Any.thing-1", ERR_NONE },
		{ "instances/prod/databases/other", ERR_NOTFOUND },
		{ "instances/none/databases/mydb", ERR_NOTFOUND },
		{ "instances/dev/databases/", ERR_INPUT },
		{ "instances/dev/databases/.hidden", ERR_INPUT },
		{ "instances/dev/databases/../x", ERR_INPUT },
		{ "instances/dev/databases/a/b", ERR_INPUT },
		{ "instances/dev/databases/a b", ERR_INPUT },
		{ "instances//databases/a", ERR_INPUT },
		{ "instances/dev", ERR_INPUT },
		{ "", ERR_INPUT },
		{ "projects/p/databaseGroups/g", ERR_INPUT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct conf_instance *in = NULL;
		struct str name = STR_NULL;
		struct err e = { .code = ERR_NONE };
		int rc = conf_target(&in, &name, c, str_of(rows[i].target), &e);
		assert_int_equal(rc, rows[i].code == ERR_NONE ? 0 : -1);
		assert_int_equal(e.code, rows[i].code);
		assert_true((rc == 0) == (in != NULL && name.p != NULL));
	}
}

static void test_conf_ids_and_names(void **state)
{
	(void)state;
	char id[65];
	memset(id, 'a', sizeof id);
	assert_true(conf_id_is_valid((struct str){ id, 63 }));
	assert_false(conf_id_is_valid((struct str){ id, 64 }));
	assert_true(conf_database_is_valid((struct str){ id, 63 }));
	assert_false(conf_database_is_valid((struct str){ id, 64 }));
	static const char *const bad[] = { "", "A", "1a", "-a", "a-", "a_b", "a.b", "\xc3\xa9" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(conf_id_is_valid(str_of(bad[i])));
	assert_true(conf_id_is_valid(STR("a")) && conf_id_is_valid(STR("a--1")));
	assert_true(conf_database_is_valid(STR("A_b.c-1")));
	assert_false(conf_database_is_valid(STR("-x")));
	assert_false(conf_database_is_valid(STR("a\0b")));
}

static void test_conf_show_goes_round(void **state)
{
	(void)state;
	static const char *const rows[] = {
		CONF_SAMPLE,
		"environments: [{id: e}]",
		"environments: [{id: e}]\nstate_dir: \"a\\\"b\\\\c \\u2028\\x85\\ufeff\xc3\xa9\"\n",
		CONF_ENVIRONMENTS CONF_INSTANCES CONF_PROJECTS
		"repositories:\n  - {id: a, provider: git, full_name: x, clone_url: 'git@h:p', "
		"project: my-project, targets: [instances/dev/databases/x], credentials: {ssh_key: "
		"{file: /k}, known_hosts: /h}, secrets: [{file: /s}, {env: B}], trigger: push, "
		"target_stage: environments/dev}\n",
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(buf) struct buf first, second;
		struct err e;
		AUTO(conf) struct conf *c = parse(rows[i]);
		buf_init(&first, 100000);
		buf_init(&second, 100000);
		assert_int_equal(conf_show(&first, c, &e), 0);
		AUTO(conf) struct conf *again = parse(first.p);
		assert_int_equal(conf_show(&second, again, &e), 0);
		assert_string_equal(first.p, second.p);
		assert_true(str_eq(c->state_dir, again->state_dir));
		assert_int_equal(c->repositories.n, again->repositories.n);
	}
}

static void test_conf_show_text(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(CONF_SAMPLE);
	AUTO(buf) struct buf b;
	struct err e;
	assert_int_equal(setenv("TIDEGATE_TEST_SECRET", "hunter2", 1), 0);
	assert_int_equal(setenv("TIDEGATE_TEST_PASSWORD", "hunter3", 1), 0);
	assert_int_equal(setenv("TIDEGATE_TEST_TOKEN", "hunter4", 1), 0);
	assert_int_equal(conf_load_secrets(c, &e), 0);
	buf_init(&b, 100000);
	assert_int_equal(conf_show(&b, c, &e), 0);
	assert_null(strstr(b.p, "hunter"));
	assert_non_null(strstr(b.p, "limits:\n  max_body: 25MiB\n"));
	assert_non_null(strstr(b.p, "environments:\n  - id: \"dev\"\n    rollout: automatic\n"));
	assert_non_null(
	    strstr(b.p, "    lock_timeout: 10s\n    lock_retries: 3\n    lock_retry_delay: 10s\n"
			"    lock_wait: 1m\n    statement_timeout: 0\n"));
	assert_non_null(strstr(b.p, "    credentials:\n      username: \"x-access-token\"\n"
				    "      token: {env: \"TIDEGATE_TEST_TOKEN\"}\n"));
	assert_non_null(strstr(b.p, "    secrets: [{env: \"TIDEGATE_TEST_SECRET\"}]\n"));
	AUTO(buf) struct buf small;
	buf_init(&small, 100);
	assert_int_equal(conf_show(&small, c, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void test_conf_loads_secrets(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = parse(CONF_SAMPLE);
	struct err e;
	assert_int_equal(setenv("TIDEGATE_TEST_PASSWORD", "p", 1), 0);
	assert_int_equal(setenv("TIDEGATE_TEST_SECRET", "s", 1), 0);
	assert_int_equal(unsetenv("TIDEGATE_TEST_TOKEN"), 0);
	assert_int_equal(conf_load_secrets(c, &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_string_equal(e.msg, "t.yaml:15: token of repository 'app': environment variable "
				   "'TIDEGATE_TEST_TOKEN' is not set");
	assert_int_equal(setenv("TIDEGATE_TEST_TOKEN", "t", 1), 0);
	assert_int_equal(conf_load_secrets(c, &e), 0);
	const struct conf_repository *r = conf_repository(c, STR("app"));
	const struct conf_secret *secret = r->secrets.items;
	assert_true(str_eq(secret_reveal(secret->value), STR("s")));
	assert_true(str_eq(secret_reveal(r->credentials->token->value), STR("t")));
	assert_true(
	    str_eq(secret_reveal(conf_instance(c, STR("prod"))->password->value), STR("p")));
}

static void test_conf_wants_readable_ssh_keys(void **state)
{
	(void)state;
	AUTO(conf)
	struct conf *c = parse(
	    CONF_ENVIRONMENTS CONF_INSTANCES CONF_PROJECTS
	    "repositories:\n  - {id: a, provider: git, full_name: x, clone_url: 'git@h:p', "
	    "project: my-project, targets: [instances/dev/databases/x],\n"
	    "     credentials: {ssh_key: {file: /nonexistent/key}}, secrets: [{env: HOME}]}\n");
	struct err e;
	assert_int_equal(setenv("TIDEGATE_TEST_PASSWORD", "p", 1), 0);
	assert_int_equal(conf_load_secrets(c, &e), -1);
	assert_string_equal(e.msg, "t.yaml:12: ssh key of repository 'a': there is no file "
				   "'/nonexistent/key'");
}

static char directory[] = "/tmp/tidegate-conf-XXXXXX";
static char path[64];

static int make_file(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/c.yaml", directory);
	AUTO(fclose) FILE *f = fopen(path, "wb");
	return f != NULL && fputs(CONF_SAMPLE, f) >= 0 ? 0 : -1;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path) | rmdir(directory);
}

static void test_conf_loads_files(void **state)
{
	(void)state;
	AUTO(conf) struct conf *c = NULL;
	struct err e;
	assert_int_equal(conf_load(&c, path, &e), 0);
	assert_true(str_eq_cstr(c->path, path));
	struct conf *none = NULL;
	assert_int_equal(conf_load(&none, directory, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	assert_int_equal(conf_load(&none, "/nonexistent/c.yaml", &e), -1);
	assert_int_equal(conf_load(&none, "/dev/zero", &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_null(none);
}

static void test_conf_finds_the_file(void **state)
{
	(void)state;
	struct err e;
	char *found = NULL;
	assert_int_equal(conf_find(&found, path, &e), 0);
	assert_string_equal(found, path);
	free(found);
	assert_int_equal(conf_find(&found, "/nonexistent/c.yaml", &e), -1);
	assert_int_equal(e.code, ERR_NOTFOUND);
	assert_int_equal(setenv("TIDEGATE_CONFIG", path, 1), 0);
	assert_int_equal(conf_find(&found, NULL, &e), 0);
	assert_string_equal(found, path);
	free(found);
	assert_int_equal(setenv("TIDEGATE_CONFIG", "/nonexistent/c.yaml", 1), 0);
	assert_int_equal(conf_find(&found, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "TIDEGATE_CONFIG"));
	assert_int_equal(unsetenv("TIDEGATE_CONFIG"), 0);
}

static void test_conf_without_memory(void **state)
{
	(void)state;
	struct err e;
	int rc = -1;
	for (long calls = 0; rc != 0; calls++) {
		AUTO(conf) struct conf *c = NULL;
		mem_fail_after(calls);
		rc = conf_load(&c, path, &e);
		mem_fail_after(-1);
		assert_true(rc == 0 || (e.code == ERR_NOMEM && c == NULL));
		assert_true(calls < 200);
	}
	assert_int_equal(conf_parse(&(struct conf *){ NULL }, STR("x: ["), "t", NULL), -1);
	conf_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf_has_defaults),
		cmocka_unit_test(test_conf_has_values),
		cmocka_unit_test(test_conf_reads_units_and_booleans),
		cmocka_unit_test(test_conf_targets),
		cmocka_unit_test(test_conf_ids_and_names),
		cmocka_unit_test(test_conf_show_goes_round),
		cmocka_unit_test(test_conf_show_text),
		cmocka_unit_test(test_conf_loads_secrets),
		cmocka_unit_test(test_conf_wants_readable_ssh_keys),
		cmocka_unit_test(test_conf_loads_files),
		cmocka_unit_test(test_conf_finds_the_file),
		cmocka_unit_test(test_conf_without_memory),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
