/* SPDX-License-Identifier: Apache-2.0 */
/* `tidegate config check` and `show`: the configuration as the daemon would read it. No secret is
 * ever printed, only where each one is found. */
#include "base/mem.h"
#include "base/num.h"
#include "base/yaml.h"
#include "cli/app.h"
#include "receiver/setup.h"

#include <errno.h>
#include <unistd.h>

struct check {
	struct app *app;
	struct json_writer *json; /* warnings, when JSON is written */
	size_t warnings;
};

static void warn(struct check *c, const struct err *e)
{
	c->warnings++;
	if (c->json != NULL)
		jw_text(c->json, NULL, e->msg);
	else
		app_note(c->app, "warning: %s", e->msg);
}

static void try_secret(struct check *c, struct conf_secret *secret, const char *what)
{
	struct err e;

	if (secret != NULL && app_load_secret(secret, c->app->conf, what, &e) != 0)
		warn(c, &e);
}

/* Only git reads a key. */
static void try_key(struct check *c, const struct conf_secret *key)
{
	AUTO(free) char *path = NULL;
	struct err e;

	if (key == NULL)
		return;
	path = str_to_cstr(key->file, &e);
	if (path != NULL && access(path, R_OK) == 0)
		return;
	if (path != NULL)
		IGNORE(err_sys(&e, errno, "%.*s:%d: ssh key: cannot read '%s'",
			       STR_ARG(c->app->conf->path), key->line, path)); /* told next */
	warn(c, &e);
}

/* Each secret that the file names, as this user and environment can read it. */
static void try_secrets(struct check *c)
{
	const struct conf *conf = c->app->conf;
	struct conf_instance *instances = conf->instances.items;
	struct conf_repository *repositories = conf->repositories.items;

	for (size_t i = 0; i < conf->instances.n; i++)
		try_secret(c, instances[i].password, "password of the instance");
	for (size_t i = 0; i < conf->repositories.n; i++) {
		struct conf_secret *secrets = repositories[i].secrets.items;

		for (size_t k = 0; k < repositories[i].secrets.n; k++)
			try_secret(c, &secrets[k], "webhook secret");
		if (repositories[i].api != NULL)
			try_secret(c, repositories[i].api->token, "API token");
		if (repositories[i].credentials != NULL) {
			try_secret(c, repositories[i].credentials->token, "token");
			try_key(c, repositories[i].credentials->ssh_key);
		}
	}
}

static void add_count(struct buf *out, size_t n, const char *one, const char *many)
{
	buf_addf(out, ", %zu %s", n, n == 1 ? one : many);
}

static int check_table(struct app *app)
{
	const struct conf *c = app->conf;
	struct check check = { .app = app };
	AUTO(buf) struct buf out;

	try_secrets(&check);
	app_begin(&out);
	screen_add(&out, c->path);
	buf_addf(&out, ": ok: %zu %s", c->repositories.n,
		 c->repositories.n == 1 ? "repository" : "repositories");
	add_count(&out, c->environments.n, "environment", "environments");
	add_count(&out, c->instances.n, "instance", "instances");
	add_count(&out, c->projects.n, "project", "projects");
	if (check.warnings > 0)
		add_count(&out, check.warnings, "warning", "warnings");
	buf_addc(&out, '\n');
	return app_print(app, &out);
}

static int check_json(struct app *app)
{
	const struct conf *c = app->conf;
	struct json_writer w;
	struct check check = { .app = app, .json = &w };
	AUTO(buf) struct buf out;

	app_begin(&out);
	app_json(&w, &out);
	jw_object(&w, NULL);
	jw_str(&w, "file", c->path);
	jw_bool(&w, "ok", 1);
	jw_int(&w, "repositories", (int64_t)c->repositories.n);
	jw_int(&w, "environments", (int64_t)c->environments.n);
	jw_int(&w, "instances", (int64_t)c->instances.n);
	jw_int(&w, "projects", (int64_t)c->projects.n);
	jw_array(&w, "warnings");
	try_secrets(&check);
	jw_end_array(&w);
	jw_end_object(&w);
	return app_print_json(app, &out);
}

static int run_check(struct app *app, const struct options *given)
{
	const unsigned needs =
	    option_has(given, "--secrets") ? NEED_CONF | NEED_SECRETS : NEED_CONF;
	struct err e;
	int code = app_need(app, needs);

	if (code != EXIT_DONE)
		return code;
	if (setup_check(app->conf, &e) != 0)
		return app_fail_usage(app, &e);
	return app->format == FORMAT_JSON ? check_json(app) : check_table(app);
}

/* A plain number or truth value is one in JSON too. */
static void write_scalar(struct json_writer *w, const char *key, const struct yaml *y)
{
	int64_t number;
	const int digits =
	    y->text.n > 0 && y->text.n < 18 && (y->text.n == 1 || y->text.p[0] != '0');

	if (y->plain && digits && num_parse_i64(&number, y->text, 0, INT64_MAX) == 0)
		jw_int(w, key, number);
	else if (y->plain && (str_eq_cstr(y->text, "true") || str_eq_cstr(y->text, "false")))
		jw_bool(w, key, str_eq_cstr(y->text, "true"));
	else if (y->plain && (str_eq_cstr(y->text, "null") || y->text.n == 0))
		jw_null(w, key);
	else
		jw_str(w, key, y->text);
}

/* The tree as JSON. YAML_DEPTH bounds the recursion. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void write_yaml(struct json_writer *w, const char *key, const struct yaml *y,
		       struct arena *arena)
{
	const struct yaml *child;

	switch (y->kind) {
	case YAML_SCALAR:
		write_scalar(w, key, y);
		return;
	case YAML_SEQUENCE:
		jw_array(w, key);
		for (child = y->child; child != NULL; child = child->next)
			write_yaml(w, NULL, child, arena);
		jw_end_array(w);
		return;
	case YAML_MAPPING:
		jw_object(w, key);
		for (child = y->child; child != NULL; child = child->next)
			write_yaml(w, arena_str(arena, child->key).p, child, arena);
		jw_end_object(w);
		return;
	}
}

static int run_show(struct app *app, const struct options *given)
{
	AUTO(buf) struct buf yaml;
	AUTO(buf) struct buf out;
	struct json_writer w;
	struct yaml *tree;
	struct err e;
	int code = app_need(app, NEED_CONF);

	(void)given;
	app_begin(&yaml);
	app_begin(&out);
	if (code != EXIT_DONE)
		return code;
	if (conf_show(&yaml, app->conf, &e) != 0)
		return app_fail(app, &e);
	if (app->format == FORMAT_TABLE)
		return app_print(app, &yaml);
	if (buf_check(&yaml, &e) != 0 ||
	    yaml_parse(&tree, buf_str(&yaml), "configuration", app->arena, &e) != 0)
		return app_fail(app, &e);
	app_json(&w, &out);
	write_yaml(&w, NULL, tree, app->arena);
	return app_print_json(app, &out);
}

static const struct option options_check[] = {
	{ "--secrets", 0, OPTION_FLAG, NULL, "a secret that cannot be read is an error" },
	{ .name = NULL },
};

static const struct option no_options[] = { { .name = NULL } };

const struct command command_config_check = {
	.name = "config",
	.verb = "check",
	.summary = "check the configuration file",
	.usage = "[-c FILE] [--secrets]",
	.text =
	    "Reads the configuration as the daemon would and says what is in it. What is wrong is "
	    "told with\nfile, line and column. A secret that this user and environment cannot read "
	    "is a warning, since\nthe daemon may run as another user; with --secrets it is an "
	    "error.",
	.options = options_check,
	.examples = "tidegate config check -c tidegate.yaml\n"
		    "sudo tidegate config check --secrets",
	.exits = "2 when the file is missing or wrong.",
	.run = run_check,
};

const struct command command_config_show = {
	.name = "config",
	.verb = "show",
	.summary = "print the configuration with its defaults",
	.usage = "[-c FILE]",
	.text =
	    "Prints the whole configuration with every default filled in, as YAML that can be used "
	    "again,\nor as JSON. No secret is in it, only where each one is found.",
	.options = no_options,
	.examples = "tidegate config show\ntidegate config show --format json",
	.exits = "2 when the file is missing or wrong.",
	.run = run_show,
};
