/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of a server, in which a database is a schema; tables by their name. */

#include "db/databases.h"
#include "db/mysql.h"

const char mydb_tables_named[] =
    "select table_schema, table_name from information_schema.tables"
    " where table_type = 'BASE TABLE' and table_name in ($1, $2, $3, $4)"
    " and table_schema = database() order by 1, 2";

static const char sql_databases[] =
    "select schema_name, case when schema_name in ('mysql', 'information_schema',"
    " 'performance_schema', 'sys') then 'the server''s own' end"
    " from information_schema.schemata";

int mydb_databases(struct db_database **out, size_t *n, const struct db_options *options,
		   struct arena *arena, struct err *e)
{
	AUTO(databases) struct databases list = { .arena = arena };
	AUTO(db) struct db *db = NULL;
	AUTO(db_rows) struct db_rows *rows = NULL;
	struct db_options o = *options;
	int rc;
	o.database = STR_NULL; /* a session can do without one */
	if (db_open(&db, &o, e) != 0 || db_query(&rows, db, sql_databases, DB_NO_ARGS, e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		if (databases_add(&list, db_text(rows, 0), db_text(rows, 1), e) != 0)
			return -1;
	}
	return rc != 0 ? -1 : databases_take(out, n, &list, e);
}
