/* SPDX-License-Identifier: Apache-2.0 */
/* The databases of a server, asked for in one that nearly every server has; tables by their name.
 */

#include "db/databases.h"
#include "db/postgres.h"

/* System schemas, among them those of temporary tables, hold no table of an application. */
const char postgres_tables_named[] =
    "select n.nspname::text, c.relname::text from pg_catalog.pg_class c"
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and c.relname in ($1, $2, $3, $4)"
    " and n.nspname !~ '^pg_' order by 1, 2";

/* One catalogue, one index, no join to plan: half of what the other takes in a fresh process. */
const char postgres_tables_maybe[] =
    "select 1 from pg_catalog.pg_class c where c.relname in ($1, $2, $3, $4)";

static const char sql_databases[] =
    "select datname::text, case when datistemplate then 'a template'"
    " when not datallowconn then 'it takes no connections'"
    " when datname = 'postgres' then 'the server''s own' end"
    " from pg_catalog.pg_database";

/* "postgres" may have been dropped; template1 can hardly be. */
static int open_any(struct db **out, const struct db_options *options, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct db_options o = *options;
	o.database = STR("postgres");
	if (db_open(out, &o, &why) == 0)
		return 0;
	o.database = STR("template1");
	if (why.code == ERR_NOTFOUND)
		return db_open(out, &o, e);
	if (e != NULL)
		*e = why;
	return -1;
}

static int find_all(struct databases *list, struct db *db, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int rc;
	if (db_query(&rows, db, sql_databases, DB_NO_ARGS, e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) == 1) {
		if (databases_add(list, db_text(rows, 0), db_text(rows, 1), e) != 0)
			return -1;
	}
	return rc;
}

int postgres_databases(struct db_database **out, size_t *n, const struct db_options *options,
		       struct arena *arena, struct err *e)
{
	AUTO(databases) struct databases list = { .arena = arena };
	AUTO(db) struct db *db = NULL;
	if (open_any(&db, options, e) != 0 || find_all(&list, db, e) != 0)
		return -1;
	return databases_take(out, n, &list, e);
}
