/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the configuration file: one row per key. tests/lint/conf_docs.sh reads this file and
 * wants each key in docs/configuration.md and in deploy/tidegate.yaml: keep ".name" first in a row,
 * and the comment "keys of ..." before a table.
 */

#include "base/conf_schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* In the order of enum conf_rollout, enum conf_trigger and enum conf_unknown. */
static const char *const rollout_names[] = { "manual", "automatic", NULL };
static const char *const trigger_names[] = { "merge", "push", NULL };
static const char *const unknown_names[] = { "count", "hold", NULL };
/* In the order of enum rule_level and enum conf_fail_on. */
static const char *const level_names[] = { "off", "info", "warning", "error", NULL };
static const char *const fail_names[] = { "error", "warning", "never", NULL };

/* keys of environments[].rules[] */
static const struct conf_key rule_keys[] = {
	{ .name = "id",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_rule, id) },
	{ .name = "severity",
	  .type = CONF_ENUM,
	  .required = 1,
	  .offset = offsetof(struct conf_rule, severity),
	  .names = level_names },
};

static const struct conf_schema rule_schema = {
	.what = "a rule",
	.size = sizeof(struct conf_rule),
	.line = offsetof(struct conf_rule, line),
	.keys = rule_keys,
	.n = COUNT(rule_keys),
};

/* keys of environments[] */
static const struct conf_key environment_keys[] = {
	{ .name = "id",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_environment, id) },
	{ .name = "rollout",
	  .type = CONF_ENUM,
	  .offset = offsetof(struct conf_environment, rollout),
	  .fallback = "manual",
	  .names = rollout_names },
	{ .name = "max_parallel",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf_environment, max_parallel),
	  .fallback = "8",
	  .min = 1,
	  .max = 256 },
	{ .name = "lock_timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_environment, lock_timeout_ms),
	  .fallback = "60s",
	  .min = SECOND_MS,
	  .max = DAY_MS },
	{ .name = "statement_timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_environment, statement_timeout_ms),
	  .fallback = "0",
	  .min = 0,
	  .max = 7 * DAY_MS },
	{ .name = "rules",
	  .type = CONF_LIST,
	  .offset = offsetof(struct conf_environment, rules),
	  .sub = &rule_schema },
	{ .name = "fail_on",
	  .type = CONF_ENUM,
	  .offset = offsetof(struct conf_environment, fail_on),
	  .fallback = "error",
	  .names = fail_names },
	{ .name = "approvals",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf_environment, approvals),
	  .fallback = "0",
	  .min = 0,
	  .max = 10 },
	{ .name = "approvers",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_environment, approvers) },
	{ .name = "author_may_approve",
	  .type = CONF_BOOL,
	  .offset = offsetof(struct conf_environment, author_may_approve),
	  .fallback = "false" },
	{ .name = "batches",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_environment, batches) },
	{ .name = "batch_pause",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_environment, batch_pause_ms),
	  .fallback = "0",
	  .min = 0,
	  .max = 7 * DAY_MS },
	{ .name = "failure_threshold",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_environment, failure_threshold),
	  .fallback = "0" },
	{ .name = "windows",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_environment, windows) },
	{ .name = "timezone",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_environment, timezone),
	  .fallback = "UTC" },
};

/* keys of instances[] */
static const struct conf_key instance_keys[] = {
	{ .name = "id",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_instance, id) },
	{ .name = "environment",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_instance, environment) },
	{ .name = "url",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_instance, url) },
	{ .name = "password",
	  .type = CONF_SECRET,
	  .offset = offsetof(struct conf_instance, password) },
	{ .name = "databases",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_instance, databases) },
	{ .name = "max_parallel",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf_instance, max_parallel),
	  .fallback = "0",
	  .min = 0,
	  .max = 256 },
	{ .name = "labels", .type = CONF_LABELS, .offset = offsetof(struct conf_instance, labels) },
};

/* keys of projects[].database_groups[] */
static const struct conf_key group_keys[] = {
	{ .name = "id",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_group, id) },
	{ .name = "environments",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_group, environments) },
	{ .name = "instances",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_group, instances) },
	{ .name = "databases",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_group, databases) },
	{ .name = "exclude", .type = CONF_TEXTS, .offset = offsetof(struct conf_group, exclude) },
	{ .name = "labels", .type = CONF_LABELS, .offset = offsetof(struct conf_group, labels) },
};

static const struct conf_schema group_schema = {
	.what = "a database group",
	.size = sizeof(struct conf_group),
	.line = offsetof(struct conf_group, line),
	.keys = group_keys,
	.n = COUNT(group_keys),
};

/* keys of projects[] */
static const struct conf_key project_keys[] = {
	{ .name = "id",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_project, id) },
	{ .name = "title", .type = CONF_TEXT, .offset = offsetof(struct conf_project, title) },
	{ .name = "allow_out_of_order",
	  .type = CONF_BOOL,
	  .offset = offsetof(struct conf_project, allow_out_of_order),
	  .fallback = "false" },
	{ .name = "allow_edited",
	  .type = CONF_BOOL,
	  .offset = offsetof(struct conf_project, allow_edited),
	  .fallback = "false" },
	{ .name = "release_id_template",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_project, release_id_template),
	  .fallback = "release_{date}-RC{iteration}" },
	{ .name = "release_id_timezone",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_project, release_id_timezone),
	  .fallback = "UTC" },
	{ .name = "database_groups",
	  .type = CONF_LIST,
	  .offset = offsetof(struct conf_project, database_groups),
	  .sub = &group_schema },
};

/* keys of repositories[].credentials */
static const struct conf_key credentials_keys[] = {
	{ .name = "username",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_credentials, username),
	  .fallback = "x-access-token" },
	{ .name = "token",
	  .type = CONF_SECRET,
	  .offset = offsetof(struct conf_credentials, token) },
	{ .name = "ssh_key",
	  .type = CONF_SECRET_FILE,
	  .offset = offsetof(struct conf_credentials, ssh_key) },
	{ .name = "known_hosts",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_credentials, known_hosts) },
};

static const struct conf_schema credentials_schema = {
	.what = "credentials",
	.size = sizeof(struct conf_credentials),
	.line = CONF_NO_LINE,
	.keys = credentials_keys,
	.n = COUNT(credentials_keys),
};

/* keys of repositories[].api */
static const struct conf_key api_keys[] = {
	{ .name = "url", .type = CONF_TEXT, .offset = offsetof(struct conf_api, url) },
	{ .name = "username", .type = CONF_TEXT, .offset = offsetof(struct conf_api, username) },
	{ .name = "token", .type = CONF_SECRET, .offset = offsetof(struct conf_api, token) },
	{ .name = "ca_file", .type = CONF_TEXT, .offset = offsetof(struct conf_api, ca_file) },
	{ .name = "timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_api, timeout_ms),
	  .fallback = "10s",
	  .min = 100,
	  .max = 300 * SECOND_MS },
};

static const struct conf_schema api_schema = {
	.what = "an api",
	.size = sizeof(struct conf_api),
	.line = CONF_NO_LINE,
	.keys = api_keys,
	.n = COUNT(api_keys),
};

/* keys of repositories[] */
static const struct conf_key repository_keys[] = {
	{ .name = "id",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_repository, id) },
	{ .name = "provider",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_repository, provider) },
	{ .name = "full_name",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_repository, full_name) },
	{ .name = "clone_url",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_repository, clone_url) },
	{ .name = "credentials",
	  .type = CONF_POINTER,
	  .offset = offsetof(struct conf_repository, credentials),
	  .sub = &credentials_schema },
	{ .name = "secrets",
	  .type = CONF_SECRETS,
	  .offset = offsetof(struct conf_repository, secrets) },
	{ .name = "branch",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_repository, branch),
	  .fallback = "main" },
	{ .name = "trigger",
	  .type = CONF_ENUM,
	  .offset = offsetof(struct conf_repository, trigger),
	  .fallback = "merge",
	  .names = trigger_names },
	{ .name = "file_pattern",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_repository, file_pattern),
	  .fallback = "migrations/**/*.sql" },
	{ .name = "project",
	  .type = CONF_TEXT,
	  .required = 1,
	  .offset = offsetof(struct conf_repository, project) },
	{ .name = "targets",
	  .type = CONF_TEXTS,
	  .required = 1,
	  .offset = offsetof(struct conf_repository, targets) },
	{ .name = "target_stage",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf_repository, target_stage) },
	{ .name = "fetch_timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_repository, fetch_timeout_ms),
	  .fallback = "120s",
	  .min = SECOND_MS,
	  .max = DAY_MS },
	{ .name = "api",
	  .type = CONF_POINTER,
	  .offset = offsetof(struct conf_repository, api),
	  .sub = &api_schema },
	{ .name = "repository_ids",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_repository, repository_ids) },
	{ .name = "subscription_ids",
	  .type = CONF_TEXTS,
	  .offset = offsetof(struct conf_repository, subscription_ids) },
};

/* keys of limits */
static const struct conf_key limits_keys[] = {
	{ .name = "max_body",
	  .type = CONF_SIZE,
	  .offset = offsetof(struct conf_limits, max_body_bytes),
	  .fallback = "25MiB",
	  .min = KIB,
	  .max = GIB },
	{ .name = "max_connections",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf_limits, max_connections),
	  .fallback = "512",
	  .min = 1,
	  .max = 100000 },
	{ .name = "max_inflight",
	  .type = CONF_SIZE,
	  .offset = offsetof(struct conf_limits, max_inflight_bytes),
	  .fallback = "256MiB",
	  .min = KIB,
	  .max = 64 * GIB },
	{ .name = "request_timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_limits, request_timeout_ms),
	  .fallback = "20s",
	  .min = 100,
	  .max = HOUR_MS },
	{ .name = "idle_timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf_limits, idle_timeout_ms),
	  .fallback = "15s",
	  .min = 100,
	  .max = HOUR_MS },
};

static const struct conf_schema limits_schema = {
	.what = "limits",
	.size = sizeof(struct conf_limits),
	.line = CONF_NO_LINE,
	.keys = limits_keys,
	.n = COUNT(limits_keys),
};

static const struct conf_schema environment_schema = {
	.what = "an environment",
	.size = sizeof(struct conf_environment),
	.line = offsetof(struct conf_environment, line),
	.keys = environment_keys,
	.n = COUNT(environment_keys),
};

static const struct conf_schema instance_schema = {
	.what = "an instance",
	.size = sizeof(struct conf_instance),
	.line = offsetof(struct conf_instance, line),
	.keys = instance_keys,
	.n = COUNT(instance_keys),
};

static const struct conf_schema project_schema = {
	.what = "a project",
	.size = sizeof(struct conf_project),
	.line = offsetof(struct conf_project, line),
	.keys = project_keys,
	.n = COUNT(project_keys),
};

static const struct conf_schema repository_schema = {
	.what = "a repository",
	.size = sizeof(struct conf_repository),
	.line = offsetof(struct conf_repository, line),
	.keys = repository_keys,
	.n = COUNT(repository_keys),
};

/* keys of the file */
static const struct conf_key conf_keys[] = {
	{ .name = "listen",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf, listen),
	  .fallback = "127.0.0.1:8420" },
	{ .name = "store",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf, store),
	  .fallback = "/var/lib/tidegate/tidegate.db" },
	{ .name = "state_dir", .type = CONF_TEXT, .offset = offsetof(struct conf, state_dir) },
	{ .name = "external_url",
	  .type = CONF_TEXT,
	  .offset = offsetof(struct conf, external_url) },
	{ .name = "user_limit",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf, user_limit),
	  .fallback = "0",
	  .min = 0,
	  .max = 1000000 },
	{ .name = "unknown_authors",
	  .type = CONF_ENUM,
	  .offset = offsetof(struct conf, unknown_authors),
	  .fallback = "count",
	  .names = unknown_names },
	{ .name = "bots", .type = CONF_TEXTS, .offset = offsetof(struct conf, bots) },
	{ .name = "listener_threads",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf, listener_threads),
	  .fallback = "2",
	  .min = 1,
	  .max = 64 },
	{ .name = "workers",
	  .type = CONF_INT,
	  .offset = offsetof(struct conf, workers),
	  .fallback = "1",
	  .min = 1,
	  .max = 64 },
	{ .name = "drain_timeout",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf, drain_timeout_ms),
	  .fallback = "30s",
	  .min = 0,
	  .max = HOUR_MS },
	{ .name = "hook_socket", .type = CONF_TEXT, .offset = offsetof(struct conf, hook_socket) },
	{ .name = "hook_wait",
	  .type = CONF_DURATION,
	  .offset = offsetof(struct conf, hook_wait_ms),
	  .fallback = "30s",
	  .min = SECOND_MS,
	  .max = HOUR_MS },
	{ .name = "limits",
	  .type = CONF_MAPPING,
	  .offset = offsetof(struct conf, limits),
	  .sub = &limits_schema },
	{ .name = "environments",
	  .type = CONF_LIST,
	  .offset = offsetof(struct conf, environments),
	  .sub = &environment_schema },
	{ .name = "instances",
	  .type = CONF_LIST,
	  .offset = offsetof(struct conf, instances),
	  .sub = &instance_schema },
	{ .name = "projects",
	  .type = CONF_LIST,
	  .offset = offsetof(struct conf, projects),
	  .sub = &project_schema },
	{ .name = "repositories",
	  .type = CONF_LIST,
	  .offset = offsetof(struct conf, repositories),
	  .sub = &repository_schema },
	{ .name = "service_accounts", .type = CONF_LATER },
};

const struct conf_schema conf_schema = {
	.what = "the configuration",
	.size = sizeof(struct conf),
	.line = CONF_NO_LINE,
	.keys = conf_keys,
	.n = COUNT(conf_keys),
};
