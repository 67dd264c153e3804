/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the name of a target to the session's options: shared by the runners and `tidegate
 * revisions`. Names come from the configuration or the command line, yet one that would leave the
 * instance's directory must not get through.
 */
#include "receiver/target.h"

#include "base/secret.h"

/* "sqlite:DIR" and "mydb" are the file DIR/mydb.db. */
static struct str file_url(struct str url, struct str database, struct arena *arena)
{
	const char *between = str_ends(url, STR("/")) || str_ends(url, STR(":")) ? "" : "/";

	return str_of(
	    arena_printf(arena, "%.*s%s%.*s.db", STR_ARG(url), between, STR_ARG(database)));
}

static int add_password(struct db_options *out, const struct conf_instance *instance, struct err *e)
{
	if (instance->password == NULL)
		return 0;
	if (instance->password->value == NULL)
		return err_set(e, ERR_INPUT, "the password of instance '%.*s' is not loaded",
			       STR_ARG(instance->id));
	out->password = instance->password->value;
	return 0;
}

int target_options(struct db_options *out, const struct conf *conf, struct str target,
		   struct arena *arena, struct err *e)
{
	struct db_options options = { .application = "tidegate", .durable = 1 };
	const struct conf_environment *environment;
	const struct conf_instance *instance;
	const struct db_driver *driver;
	struct str database;
	int is_file;

	if (conf_target(&instance, &database, conf, target, e) != 0)
		return -1;
	driver = db_find(instance->url);
	if (driver == NULL)
		return err_set(e, ERR_INPUT, "instance '%.*s' has a url of an unknown kind",
			       STR_ARG(instance->id));
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
	if (add_password(&options, instance, e) != 0)
		return -1;
	environment = conf_environment(conf, instance->environment);
	if (environment != NULL) {
		options.lock_timeout_ms = environment->lock_timeout_ms;
		options.statement_timeout_ms = environment->statement_timeout_ms;
	}
	*out = options;
	return 0;
}
