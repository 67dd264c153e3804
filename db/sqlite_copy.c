/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SQLite can tell of a script without touching the target: a copy of its schema in memory, in
 * which scripts are really run, and how many rows its tables have.
 */

#include "base/buf.h"
#include "db/sqlite.h"
#include "db/words.h"

enum {
	COPY_STEPS = 10 * 1000 * 1000, /* a tenth of a second: a merge waits for it */
	SQL_MAX = 4 << 20,
	COUNT_MAX = 1000000, /* rows that are counted; more are that many */
};

static const char sql_limits[] = "pragma temp_store = memory; pragma max_page_count = 65536;";
/* Tables first; what a virtual table made for itself is there already when its own row comes. */
static const char sql_schema[] =
    "select sql, name from main.sqlite_master where sql is not null"
    " and name not like 'sqlite\\_%' escape '\\'"
    " order by case type when 'table' then 0 when 'index' then 1 when 'view' then 2 else 3 end,"
    " rowid";
static const char sql_there[] = "select count(*) from main.sqlite_master where name = $1";

int sqlite_inspect(struct db_inspection *out, struct str text,
		   const struct db_statement *statements, size_t n, struct arena *arena,
		   struct err *e)
{
	(void)text;
	return words_inspect(out, WORDS_SQLITE, statements, n, arena, e);
}

/* One object of the schema; one that is there already is as good. */
static int copy_one(struct db *copy, struct str sql, struct str name, struct err *e)
{
	struct db_script script = { .notice = NULL };
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_script_run(copy, sql, &script, e) == 0)
		return 0;
	struct err none;
	if (db_query(&rows, copy, sql_there, DB_ARGS(DB_S(name)), &none) == 0 &&
	    db_next(rows, &none) > 0 && db_int(rows, 0) > 0)
		return 0;
	return err_wrap(e, "cannot copy '%.*s'", STR_ARG(str_first(name, 64)));
}

static int copy_schema(struct db *copy, struct db *from, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	int rc;
	if (db_query(&rows, from, sql_schema, DB_NO_ARGS, e) != 0)
		return -1;
	while ((rc = db_next(rows, e)) > 0) {
		if (copy_one(copy, db_text(rows, 0), db_text(rows, 1), e) != 0)
			return -1;
	}
	return rc;
}

int sqlite_copy(struct db **out, struct db *db, struct err *e)
{
	AUTO(db) struct db *copy = NULL;
	struct sqlite_session *s = NULL;
	if (sqlite_open_memory(&s, COPY_STEPS, e) != 0)
		return -1;
	copy = &s->base;
	if (sqlite3_exec(s->conn, sql_limits, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(s, sqlite3_extended_errcode(s->conn), e);
	if (db != NULL) {
		if (db_begin(copy, e) != 0)
			return -1;
		if (copy_schema(copy, db, e) != 0) {
			db_rollback(copy);
			return -1;
		}
		if (db_commit(copy, e) != 0)
			return -1;
	}
	*out = TAKE(copy);
	return 0;
}

static void add_quoted(struct buf *out, struct str name)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, name.p[i]);
	}
	buf_addc(out, '"');
}

int sqlite_count(int64_t *rows, struct db *db, struct str schema, struct str table, struct err *e)
{
	AUTO(buf) struct buf sql;
	AUTO(db_rows) struct db_rows *answer = NULL;
	(void)schema; /* a target has one: main */
	buf_init(&sql, SQL_MAX);
	buf_adds(&sql, "select count(*) from (select 1 from main.");
	add_quoted(&sql, table);
	buf_addf(&sql, " limit %d)", COUNT_MAX);
	if (buf_check(&sql, e) != 0)
		return -1;
	struct err why;
	if (db_query(&answer, db, sql.p, DB_NO_ARGS, &why) != 0 || db_next(answer, &why) < 0)
		return err_set(e, why.code == ERR_DB ? ERR_NOTFOUND : why.code, "%s", why.msg);
	*rows = db_int(answer, 0);
	return 0;
}

/* SQLite's planner knows no rows: all of the table may be changed. */
int sqlite_explain(int64_t *rows, struct db *db, const struct db_statement *statement,
		   struct err *e)
{
	AUTO(arena) struct arena arena;
	struct db_inspection in;
	arena_init(&arena, 1 << 20);
	if (words_inspect(&in, WORDS_SQLITE, statement, 1, &arena, e) != 0)
		return -1;
	const struct db_fact *f = in.n > 0 ? &in.facts[0] : NULL;
	if (f == NULL || (f->action != DB_ACT_UPDATE && f->action != DB_ACT_DELETE))
		return err_set(e, ERR_NOTFOUND, "sqlite cannot tell the rows of this statement");
	return sqlite_count(rows, db, f->schema, f->table, e);
}
