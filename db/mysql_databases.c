/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of a server, in which a database is a schema; tables by their name. */

#include "db/databases.h"
#include "db/mysql.h"

const char mydb_tables_named[] =
    "select table_schema, table_name from information_schema.tables"
    " where table_type = 'BASE TABLE' and table_name in ($1, $2, $3, $4)"
    " and table_schema = database() order by 1, 2";

/*
 * Of each database, one table of an engine without transactions. Scripts on another database can
 * write to them by name, or by code that names that database: wherever such code stands, and where
 * its text is not shown to us. The limit is there because a script can set one.
 */
#define OWN "('mysql', 'information_schema', 'performance_schema', 'sys')"
const char mydb_lasting[] =
    "select case when q.s = $1"
    " or exists (select 1 from information_schema.triggers x where x.trigger_schema <> q.s"
    " and x.trigger_schema not in " OWN " and locate(q.s, x.action_statement) > 0)"
    " or exists (select 1 from information_schema.routines x where x.routine_schema <> q.s"
    " and x.routine_schema not in " OWN " and coalesce(locate(q.s, x.routine_definition), 1) > 0)"
    " or exists (select 1 from information_schema.views x where x.table_schema <> q.s"
    " and x.table_schema not in " OWN " and (x.view_definition = ''"
    " or locate(q.s, x.view_definition) > 0))"
    " then null else q.s end, concat(q.s, '.', q.t)"
    " from (select t.table_schema as s, min(concat(t.table_name, ' (', t.engine, ')')) as t"
    " from information_schema.tables t"
    " left join information_schema.engines n on n.engine = t.engine"
    " where t.table_schema not in " OWN " and t.engine is not null"
    " and coalesce(n.transactions, '') <> 'YES' and t.table_type not in ('VIEW', 'SYSTEM VIEW')"
    " group by t.table_schema) q"
    " order by 2 limit 100000";

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
