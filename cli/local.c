/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is meant by a command that works on a checkout: the project, the databases, the files. The
 * configuration answers where the command line is silent, but only where it has one answer.
 */
#include "cli/local.h"

#include "cli/names.h"
#include "cli/secrets.h"
#include "release/group.h"
#include "vcs/tree.h"

#include <stdlib.h>
#include <string.h>

static const char pattern_default[] = "migrations/**/*.sql";

int local_options_check(const struct app *app, const struct options *given)
{
	static const char *const for_server[] = { "--service-account", "--service-account-secret",
						  "--access-token", "--custom-header" };

	if (option_has(given, "--url") && option_has(given, "--local"))
		return app_usage(app, "--url and --local do not go together");
	if (option_has(given, "--url"))
		return app_usage(app, "--url is not supported by this version; without it the "
				      "command works on the files here and the databases of the "
				      "configuration (--local)");
	if (option_has(given, "--declarative"))
		return app_usage(app, "--declarative is not supported; migrations have versions");
	for (size_t i = 0; i < sizeof(for_server) / sizeof(for_server[0]); i++) {
		if (option_has(given, for_server[i]))
			app_note(app, "%s is ignored: no server is asked", for_server[i]);
	}
	return EXIT_DONE;
}

/* --- project and repository --- */

static int choose_project(struct local *l, const struct app *app, struct str given, struct err *e)
{
	const struct conf_repository *repositories = app->conf->repositories.items;
	struct str id;

	if (names_project(&id, app->conf, given, e) != 0)
		return -1;
	if (id.p == NULL && app->conf->projects.n == 1)
		id = ((const struct conf_project *)app->conf->projects.items)->id;
	if (id.p == NULL && app->conf->repositories.n == 1)
		id = repositories[0].project;
	if (id.p == NULL && app->conf->projects.n == 0)
		return err_set(e, ERR_INPUT,
			       "no project is configured (expected one, such as projects: [{id: "
			       "shop}])");
	if (id.p == NULL)
		return err_set(e, ERR_INPUT, "which project? give --project: %zu are configured",
			       app->conf->projects.n);
	l->project = conf_project(app->conf, id);
	return 0;
}

/* The only repository of the project; NULL when there is none, or more than one. */
static size_t choose_repository(struct local *l, const struct conf *conf)
{
	const struct conf_repository *repositories = conf->repositories.items;
	size_t n = 0;

	l->repository = NULL;
	for (size_t i = 0; i < conf->repositories.n; i++) {
		if (!str_eq(repositories[i].project, l->project->id))
			continue;
		l->repository = &repositories[i];
		n++;
	}
	if (n != 1)
		l->repository = NULL;
	return n;
}

/* --- targets --- */

static int add_target(struct local *l, const struct conf *conf, struct str target, struct err *e)
{
	const struct conf_instance *instance;
	struct str database;

	target = str_trim(target);
	if (conf_target_is_group(target)) {
		l->group = target;
		l->targets[l->n_targets++] = target;
		return 0;
	}
	if (conf_target(&instance, &database, conf, target, e) != 0)
		return err_wrap(e, "--targets");
	l->targets[l->n_targets++] = target;
	return 0;
}

static int given_targets(struct local *l, const struct app *app, const struct options *given,
			 struct err *e)
{
	struct str value, one;
	size_t room = 0, at = 0;

	while (option_next(&value, given, "--targets", &at))
		room += value.n + 1;
	l->targets = arena_array(app->arena, room, sizeof(*l->targets));
	if (l->targets == NULL)
		return arena_err(app->arena, e);
	at = 0;
	while (option_next(&value, given, "--targets", &at)) {
		while (str_split(&one, &value, ',')) {
			if (add_target(l, app->conf, one, e) != 0)
				return -1;
		}
	}
	if (l->n_targets == 0)
		return err_set(e, ERR_INPUT, "--targets names no database");
	return 0;
}

static int choose_targets(struct local *l, const struct app *app, const struct options *given,
			  size_t repositories, struct err *e)
{
	if (option_has(given, "--targets"))
		return given_targets(l, app, given, e);
	if (l->repository == NULL)
		return err_set(e, ERR_INPUT,
			       "which databases? give --targets instances/I/databases/D: %s",
			       repositories == 0 ? "no repository of the project is configured"
						 : "several repositories of the project are "
						   "configured");
	l->targets = l->repository->targets.items;
	l->n_targets = l->repository->targets.n;
	if (l->n_targets == 1 && conf_target_is_group(l->targets[0]))
		l->group = l->targets[0];
	return 0;
}

/* A group stands alone, and is there. */
static int check_group(const struct local *l, const struct conf *conf, struct err *e)
{
	const struct conf_project *project;
	const struct conf_group *group;

	if (l->group.p == NULL)
		return 0;
	if (l->n_targets > 1)
		return err_set(e, ERR_INPUT,
			       "--targets: a database group stands alone (name one group, or "
			       "databases)");
	return conf_group(&project, &group, conf, l->group, e);
}

int local_scope(struct local *out, struct app *app, const struct options *given, int need_targets)
{
	struct local l = { .pattern = option_value(given, "--file-pattern") };
	struct err e;
	size_t repositories;
	int code = app_need(app, NEED_CONF);

	if (code != EXIT_DONE)
		return code;
	if (choose_project(&l, app, option_value(given, "--project"), &e) != 0)
		return app_fail_usage(app, &e);
	repositories = choose_repository(&l, app->conf);
	if ((need_targets || option_has(given, "--targets") || l.repository != NULL) &&
	    choose_targets(&l, app, given, repositories, &e) != 0)
		return app_fail_usage(app, &e);
	if (check_group(&l, app->conf, &e) != 0)
		return app_fail_usage(app, &e);
	if (l.pattern.p == NULL)
		l.pattern =
		    l.repository != NULL ? l.repository->file_pattern : str_of(pattern_default);
	*out = l;
	return EXIT_DONE;
}

/* --- files --- */

static int build_manifest(struct local *l, struct arena *arena, struct err *e)
{
	AUTO(digest) struct digest *d = digest_new();
	struct manifest_file *files = arena_array(arena, l->checkout.n, sizeof(*files));

	if (d == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (files == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < l->checkout.n; i++) {
		const struct checkout_file *f = &l->checkout.files[i];

		files[i] = (struct manifest_file){ .path = f->path, .size = f->content.n };
		memcpy(files[i].sha256, f->sha256, sizeof(f->sha256));
	}
	return manifest_build(&l->manifest, files, l->checkout.n, d, arena, e);
}

static int read_files(struct local *l, struct arena *arena, struct err *e)
{
	AUTO(glob) struct glob *glob = NULL;

	if (glob_compile(&glob, l->pattern, e) != 0)
		return err_wrap(e, "--file-pattern '%.*s'", STR_ARG(l->pattern));
	if (checkout_read(&l->checkout, STR("."), glob, arena, e) != 0 ||
	    checkout_commit(&l->commit, &l->checkout, STR("."), arena, e) != 0)
		return -1;
	return build_manifest(l, arena, e);
}

int local_read(struct local *l, struct app *app)
{
	struct err e;

	if (read_files(l, app->arena, &e) != 0)
		return e.code == ERR_INPUT ? app_fail_usage(app, &e) : app_fail(app, &e);
	for (size_t i = 0; i < l->manifest.n_skipped; i++)
		app_note(app, "warning: '%.*s' is left out: %s",
			 STR_ARG(l->manifest.skipped[i].path), l->manifest.skipped[i].reason);
	if (l->commit.changed.p != NULL)
		app_note(app,
			 "warning: '%.*s' is not as in commit %.12s; the files are taken as they "
			 "lie here",
			 STR_ARG(l->commit.changed), l->commit.id.p);
	return EXIT_DONE;
}

static int by_path(const void *key, const void *element)
{
	const struct str *path = key;
	const struct checkout_file *file = element;

	return str_cmp(*path, file->path);
}

struct str local_content(const struct local *l, const struct migration *file)
{
	const struct checkout_file *found =
	    bsearch(&file->path, l->checkout.files, l->checkout.n, sizeof(*found), by_path);

	return found != NULL ? found->content : STR_NULL;
}

/* --- databases --- */

static int load_secrets(const struct local *l, const struct conf *conf, struct err *e)
{
	if (l->group.p != NULL)
		return secrets_of_group(conf, l->group, e);
	for (size_t i = 0; i < l->n_targets; i++) {
		if (secrets_of_target(conf, l->targets[i], e) != 0)
			return -1;
	}
	return 0;
}

int local_resolve(struct local *l, struct app *app)
{
	struct group_list list;
	struct str left_out;
	struct err e;

	if (load_secrets(l, app->conf, &e) != 0)
		return app_fail_usage(app, &e);
	if (l->group.p == NULL)
		return EXIT_DONE;
	if (group_resolve(&list, app->conf, l->group, app->arena, &e) != 0)
		return app_fail(app, &e);
	left_out = group_left_out(&list, app->arena);
	if (left_out.p != NULL)
		app_note(app, "warning: %.*s", STR_ARG(left_out));
	if (list.n == 0) {
		app_note(app,
			 "database group '%.*s' selects no database now (see `tidegate databases "
			 "list --group`)",
			 STR_ARG(l->group));
		return EXIT_REFUSED;
	}
	l->targets = list.targets;
	l->n_targets = list.n;
	return EXIT_DONE;
}

static int add_instances(struct local *l, const struct conf *conf, struct arena *arena,
			 struct err *e)
{
	const struct conf_instance *instances = conf->instances.items;
	const struct conf_project *project;
	const struct conf_group *rule;

	l->n_targets = 0;
	l->targets = arena_array(arena, conf->instances.n, sizeof(*l->targets));
	if (l->targets == NULL)
		return arena_err(arena, e);
	if (conf_group(&project, &rule, conf, l->group, e) != 0)
		return -1;
	for (size_t i = 0; i < conf->instances.n; i++) {
		struct str *target = &l->targets[l->n_targets];

		if (!conf_group_has_instance(rule, &instances[i]))
			continue;
		*target = str_of(
		    arena_printf(arena, "instances/%.*s/databases/*", STR_ARG(instances[i].id)));
		if (target->p == NULL)
			return arena_err(arena, e);
		l->n_targets++;
	}
	if (l->n_targets > 0)
		return 0;
	return err_set(e, ERR_REFUSED, "database group '%.*s' selects no instance",
		       STR_ARG(l->group));
}

int local_resolve_offline(struct local *l, struct app *app)
{
	struct err e;

	if (l->group.p != NULL && add_instances(l, app->conf, app->arena, &e) != 0)
		return app_fail(app, &e);
	return EXIT_DONE;
}
