/* SPDX-License-Identifier: Apache-2.0 */
/* Whether another tool has worked on a database before us. */

#include "release/foreign.h"

#include "release/adopt.h"

enum { NAME_SHOWN = 100 };

/* What --from would take for the table. */
static const char *tools_of(struct str table)
{
	if (str_eq_cstr(table, adopt_flyway.table))
		return "flyway";
	if (str_eq_cstr(table, adopt_goose.table))
		return "goose";
	return "dbmate|golang-migrate";
}

static int refuse(struct str schema, struct str table, struct str target, struct err *e)
{
	const struct str at = target.p != NULL ? target : STR("TARGET");
	const struct str s = str_first(schema, NAME_SHOWN);
	return err_set(
	    e, ERR_REFUSED,
	    "another tool has worked here: there is a table %.*s%s%.*s and no ledger. Take "
	    "its history over: `tidegate revisions adopt %.*s --from %s`; or say where the "
	    "database is: `tidegate revisions baseline %.*s --version V` (0: run "
	    "everything)",
	    STR_ARG(s), s.n > 0 ? "." : "", STR_ARG(table), STR_ARG(at), tools_of(table),
	    STR_ARG(at));
}

/* The rows of one of the driver's two queries for their tables. */
static int look(struct db_rows **out, struct db *db, const char *sql, struct err *e)
{
	const struct str flyway = str_of(adopt_flyway.table);
	if (db_query(out, db, sql,
		     DB_ARGS(DB_S(flyway), DB_S(str_of(adopt_goose.table)),
			     DB_S(str_of(adopt_dbmate.table)), DB_S(flyway)),
		     e) != 0)
		return err_wrap(e, "cannot look for other tools' tables");
	return db_next(*out, e);
}

static int may_be_there(struct db *db, const char *sql, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	return sql == NULL ? 1 : look(&rows, db, sql, e);
}

int foreign_refuse(struct db *db, struct str target, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	const struct db_driver *driver = db_driver_of(db);
	if (driver->tables_named == NULL)
		return 0;
	int rc = may_be_there(db, driver->tables_maybe, e);
	if (rc == 1)
		rc = look(&rows, db, driver->tables_named, e);
	return rc == 1 ? refuse(db_text(rows, 0), db_text(rows, 1), target, e) : rc;
}
