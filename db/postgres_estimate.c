/* SPDX-License-Identifier: Apache-2.0 */
/* What a PostgreSQL server expects of a statement, and how large its tables are: by the planner and
 * the catalog, in a transaction that can only read. */

#include "db/postgres_estimate.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/num.h"

enum { NEWER = 160000, EXPLAIN_MAX = 1 << 20 };

static const char sql_version[] =
    "select pg_catalog.current_setting('server_version_num')::pg_catalog.int4";

/* Of a table that was never analyzed: its size by rows of 100 bytes. What has no pages is empty. */
static const char sql_count[] =
    "select coalesce(pg_catalog.sum(case when pg_catalog.pg_relation_size(c.oid) = 0 then 0"
    " when c.reltuples > 0 then c.reltuples::pg_catalog.int8"
    " else pg_catalog.pg_relation_size(c.oid) / 100 + 1 end), 0)::pg_catalog.int8,"
    " pg_catalog.count(*)"
    " from (select pg_catalog.to_regclass(case when $1::pg_catalog.text is null then '' else"
    " pg_catalog.quote_ident($1) || '.' end || pg_catalog.quote_ident($2)) as oid) t"
    " join pg_catalog.pg_class c on c.oid = t.oid"
    " or c.oid in (select relid from pg_catalog.pg_partition_tree(t.oid))";

int postgres_is_newer(struct db *db, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql_version, DB_NO_ARGS, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	return rc <= 0 ? rc : db_int(rows, 0) >= NEWER;
}

int postgres_count(int64_t *rows, struct db *db, struct str schema, struct str table, struct err *e)
{
	AUTO(db_rows) struct db_rows *answer = NULL;
	if (db_query(&answer, db, sql_count, DB_ARGS(DB_S(schema), DB_S(table)), e) != 0)
		return -1;
	int rc = db_next(answer, e);
	if (rc < 0)
		return -1;
	if (rc == 0 || db_int(answer, 1) == 0)
		return err_set(e, ERR_NOTFOUND, "there is no table '%.*s'", STR_ARG(table));
	*rows = db_int(answer, 0);
	return 0;
}

/* "Plan Rows" is a whole number, or one with a fraction in newer servers. */
static int64_t plan_rows(const struct json *plan)
{
	int64_t n = 0;
	struct str text = json_id(json_get(plan, "Plan Rows"));
	if (num_parse_i64(&n, str_first(text, str_find(text, '.')), 0, INT64_MAX / 1024) != 0)
		return 0;
	return n;
}

/* A change of rows has as many as what it reads; its own number is of what it returns. */
static int64_t changed_rows(const struct json *plan)
{
	int64_t sum = 0;
	if (!str_eq(json_str(json_get(plan, "Node Type")), STR("ModifyTable")))
		return plan_rows(plan);
	const struct json *children = json_get(plan, "Plans");
	for (size_t i = 0; i < 1024 && json_item(children, i) != NULL; i++) {
		const struct json *child = json_item(children, i);
		struct str as = json_str(json_get(child, "Parent Relationship"));
		if (!str_eq(as, STR("InitPlan")) && !str_eq(as, STR("SubPlan")))
			sum += plan_rows(child);
	}
	return sum;
}

static int read_plan(int64_t *rows, struct str text, struct err *e)
{
	AUTO(arena) struct arena arena;
	struct json *root;
	arena_init(&arena, 64 * EXPLAIN_MAX);
	if (json_parse(&root, text, &arena, e) != 0)
		return err_wrap(e, "cannot read the server's plan");
	*rows = changed_rows(json_get(json_item(root, 0), "Plan"));
	return 0;
}

static int explain(int64_t *rows, struct db *db, const char *sql, struct err *e)
{
	AUTO(db_rows) struct db_rows *answer = NULL;
	if (db_exec(db, NULL, "set transaction read only", DB_NO_ARGS, e) != 0 ||
	    db_query(&answer, db, sql, DB_NO_ARGS, e) != 0)
		return -1;
	int rc = db_next(answer, e);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, ERR_DB, "the server gave no plan");
	return read_plan(rows, db_text(answer, 0), e);
}

int postgres_explain(int64_t *rows, struct db *db, const struct db_statement *statement,
		     struct err *e)
{
	AUTO(buf) struct buf sql;
	buf_init(&sql, EXPLAIN_MAX);
	buf_adds(&sql, "explain (format json) ");
	buf_add(&sql, statement->text);
	if (buf_check(&sql, e) != 0 || db_begin(db, e) != 0)
		return -1;
	int rc = explain(rows, db, sql.p, e);
	db_rollback(db);
	return rc;
}
