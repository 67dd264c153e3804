/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance has, judged by what the configuration says of it. */

#include "release/discover.h"

#include "db/db.h"
#include "release/instance.h"

#include <sys/stat.h>

enum { LIST_MS = 30000 }; /* for the server's answer */

const char *discover_reason_name(enum discover_reason r)
{
	switch (r) {
	case DISCOVER_TARGET:
		return "target";
	case DISCOVER_SYSTEM:
		return "system";
	case DISCOVER_UNLISTED:
		return "unlisted";
	case DISCOVER_NAME:
		return "name";
	case DISCOVER_ENVIRONMENT:
		return "environment";
	}
	return "";
}

/* Whether the file of a database is our own store, by whatever path. */
static int is_store(const struct conf *conf, const struct conf_instance *in, struct str name,
		    struct arena *arena)
{
	struct stat a, b;
	const struct str dir = str_from(in->url, str_find(in->url, ':') + 1);
	const char *path = arena_printf(arena, "%.*s/%.*s.db", STR_ARG(dir), STR_ARG(name));
	/* Texts of a configuration are NUL-terminated. */
	return path != NULL && stat(path, &a) == 0 && stat(conf->store.p, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

struct judge {
	const struct conf *conf;
	const struct conf_instance *instance;
	int is_file; /* databases are files beside which our store may lie */
	struct arena *arena;
};

static void judge_database(struct discovered *d, const struct judge *j, struct str why_not)
{
	d->reason = DISCOVER_TARGET;
	if (why_not.p != NULL && !conf_instance_names(j->instance, d->name)) {
		d->reason = DISCOVER_SYSTEM;
		d->why = why_not;
	} else if (!conf_database_is_valid(d->name)) {
		d->reason = DISCOVER_NAME;
		d->why = STR("no target can have this name (expected at most 63 of A-Z, a-z, 0-9, "
			     "'_', '.', '-')");
	} else if (j->is_file && is_store(j->conf, j->instance, d->name, j->arena)) {
		d->reason = DISCOVER_SYSTEM;
		d->why = STR("it is the store of this service");
	} else if (!conf_instance_lists(j->instance, d->name)) {
		d->reason = DISCOVER_UNLISTED;
		d->why = STR("the instance's 'databases' do not list it");
	} else if (j->instance->environment.p == NULL) {
		d->reason = DISCOVER_ENVIRONMENT;
		d->why = STR("its instance has no environment");
	}
}

static int name_target(struct discovered *d, struct arena *arena, struct err *e)
{
	if (d->reason == DISCOVER_NAME)
		return 0;
	d->target = str_of(arena_printf(arena, "instances/%.*s/databases/%.*s",
					STR_ARG(d->instance->id), STR_ARG(d->name)));
	return d->target.p != NULL ? 0 : arena_err(arena, e);
}

static int discover(struct discovered **out, size_t *n, const struct judge *j, struct err *e)
{
	struct db_database *found;
	struct db_options options;
	size_t count;
	if (instance_options(&options, j->conf, j->instance, e) != 0)
		return -1;
	options.statement_timeout_ms = LIST_MS;
	if (db_databases(&found, &count, &options, j->arena, e) != 0)
		return -1;
	struct discovered *list = arena_array(j->arena, count, sizeof *list);
	if (list == NULL)
		return arena_err(j->arena, e);
	for (size_t i = 0; i < count; i++) {
		list[i] = (struct discovered){ .instance = j->instance, .name = found[i].name };
		judge_database(&list[i], j, found[i].why_not);
		if (name_target(&list[i], j->arena, e) != 0)
			return -1;
	}
	*out = list;
	*n = count;
	return 0;
}

int discover_instance(struct discovered **out, size_t *n, const struct conf *conf,
		      const struct conf_instance *instance, struct arena *arena, struct err *e)
{
	const struct db_driver *driver = db_find(instance->url);
	const struct judge j = {
		.conf = conf,
		.instance = instance,
		.is_file = driver != NULL && (driver->flags & DB_FILE) != 0,
		.arena = arena,
	};
	if (discover(out, n, &j, e) != 0)
		return err_wrap(e, "cannot list the databases of instance '%.*s'",
				STR_ARG(instance->id));
	return 0;
}
