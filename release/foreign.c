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

int foreign_refuse(struct db *db, struct str target, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	const char *sql = db_driver_of(db)->tables_named;
	const struct str flyway = str_of(adopt_flyway.table);
	if (sql == NULL)
		return 0;
	if (db_query(&rows, db, sql,
		     DB_ARGS(DB_S(flyway), DB_S(str_of(adopt_goose.table)),
			     DB_S(str_of(adopt_dbmate.table)), DB_S(flyway)),
		     e) != 0)
		return err_wrap(e, "cannot look for other tools' tables");
	int rc = db_next(rows, e);
	return rc == 1 ? refuse(db_text(rows, 0), db_text(rows, 1), target, e) : rc;
}
