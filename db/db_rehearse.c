/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of a driver that read scripts and tell what they would do: all of them may be absent.
 */

#include "db/db_rehearse.h"

#include "db/inspect.h"

static int cannot(const struct db_driver *driver, const char *what, struct err *e)
{
	return err_set(e, ERR_NOTFOUND, "%s cannot %s", driver->name, what);
}

int db_inspect(struct db_inspection *out, const struct db_driver *driver, struct str text,
	       const struct db_statement *statements, size_t n, struct arena *arena, struct err *e)
{
	*out = (struct db_inspection){ .facts = NULL };
	if (driver->inspect == NULL)
		return 0;
	return driver->inspect(out, text, statements, n, arena, e);
}

int db_copy(struct db **out, struct db *db, const struct db_driver *driver, struct err *e)
{
	if (driver->copy == NULL)
		return cannot(driver, "be copied", e);
	return driver->copy(out, db, e);
}

int db_is_newer(struct db *db, struct err *e)
{
	return db->driver->is_newer != NULL ? db->driver->is_newer(db, e) : 0;
}

int db_parse(struct db_place *failed, struct db *db, const struct db_statement *statement,
	     struct err *e)
{
	*failed = statement->place;
	if (db->driver->parse == NULL)
		return cannot(db->driver, "parse without running", e);
	return db->driver->parse(failed, db, statement, e);
}

int db_explain(int64_t *rows, struct db *db, const struct db_statement *statement, struct err *e)
{
	if (db->driver->explain == NULL)
		return cannot(db->driver, "explain", e);
	return db->driver->explain(rows, db, statement, e);
}

int db_count(int64_t *rows, struct db *db, struct str schema, struct str table, struct err *e)
{
	if (db->driver->count == NULL)
		return cannot(db->driver, "count", e);
	return db->driver->count(rows, db, schema, table, e);
}

const char *db_action_name(enum db_action action)
{
	static const char *const names[DB_ACTIONS] = {
		[DB_ACT_OTHER] = "other",
		[DB_ACT_CREATE_TABLE] = "create table",
		[DB_ACT_CREATE_INDEX] = "create index",
		[DB_ACT_CREATE_OTHER] = "create",
		[DB_ACT_ADD_COLUMN] = "add column",
		[DB_ACT_ADD_CONSTRAINT] = "add constraint",
		[DB_ACT_VALIDATE] = "validate constraint",
		[DB_ACT_SET_NOT_NULL] = "set not null",
		[DB_ACT_DROP_NOT_NULL] = "drop not null",
		[DB_ACT_CHANGE_TYPE] = "change type",
		[DB_ACT_SET_DEFAULT] = "set default",
		[DB_ACT_REWRITE] = "rewrite",
		[DB_ACT_ATTACH_PARTITION] = "attach partition",
		[DB_ACT_ALTER_OTHER] = "alter table",
		[DB_ACT_RENAME_TABLE] = "rename table",
		[DB_ACT_RENAME_COLUMN] = "rename column",
		[DB_ACT_RENAME_OTHER] = "rename",
		[DB_ACT_DROP_TABLE] = "drop table",
		[DB_ACT_DROP_COLUMN] = "drop column",
		[DB_ACT_DROP_CONSTRAINT] = "drop constraint",
		[DB_ACT_DROP_INDEX] = "drop index",
		[DB_ACT_DROP_SCHEMA] = "drop schema",
		[DB_ACT_DROP_DATABASE] = "drop database",
		[DB_ACT_DROP_OTHER] = "drop",
		[DB_ACT_TRUNCATE] = "truncate",
		[DB_ACT_INSERT] = "insert",
		[DB_ACT_UPDATE] = "update",
		[DB_ACT_DELETE] = "delete",
		[DB_ACT_MERGE] = "merge",
		[DB_ACT_REINDEX] = "reindex",
		[DB_ACT_VACUUM] = "vacuum",
		[DB_ACT_REFRESH] = "refresh",
		[DB_ACT_ADD_ENUM_VALUE] = "add enum value",
		[DB_ACT_LOCK_TABLE] = "lock table",
		[DB_ACT_SET] = "set",
	};
	return names[action];
}
