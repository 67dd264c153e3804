/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the name of a target to the session's options: shared by the runners and `tidegate
 * revisions`. Names come from the configuration or the command line, yet one that would leave the
 * instance's directory must not get through.
 */
#include "receiver/target.h"

#include "release/instance.h"

/* "sqlite:DIR" and "mydb" are the file DIR/mydb.db. */
static struct str file_url(struct str url, struct str database, struct arena *arena)
{
	const char *between = str_ends(url, STR("/")) || str_ends(url, STR(":")) ? "" : "/";

	return str_of(
	    arena_printf(arena, "%.*s%s%.*s.db", STR_ARG(url), between, STR_ARG(database)));
}

int target_options(struct db_options *out, const struct conf *conf, struct str target,
		   struct arena *arena, struct err *e)
{
	struct db_options options;
	const struct conf_instance *instance;
	const struct db_driver *driver;
	struct str database;
	int is_file;

	if (conf_target(&instance, &database, conf, target, e) != 0)
		return -1;
	if (instance_options(&options, conf, instance, e) != 0)
		return -1;
	driver = db_find(instance->url);
	is_file = (driver->flags & DB_FILE) != 0;
	if (!conf_database_is_valid(database))
		return err_set(
		    e, ERR_INPUT,
		    "target '%.*s' has no database's name (expected letters, digits, '_', "
		    "'.' and '-')",
		    STR_ARG(target));
	options.url = is_file ? file_url(instance->url, database, arena) : instance->url;
	options.database = is_file ? STR_NULL : database;
	if (options.url.p == NULL)
		return arena_err(arena, e);
	*out = options;
	return 0;
}
