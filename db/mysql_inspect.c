/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What MySQL and MariaDB can tell of a script without running it: facts by its words, syntax by
 * PREPARE, rows by EXPLAIN and the statistics.
 */

#include "base/buf.h"
#include "base/num.h"
#include "db/mysql.h"
#include "db/words.h"

enum { SQL_MAX = 4 << 20, SYNTAX_ERROR = 1064 };

/* The statistics may say 0 of a table that has a few rows. */
static const char sql_rows[] =
    "select coalesce(table_rows, 0), table_schema from information_schema.tables"
    " where table_schema = coalesce($1, database()) and table_name = $2";
static const char sql_is_mariadb[] = "select version() like '%MariaDB%'";

int mydb_inspect(struct db_inspection *out, struct str text, const struct db_statement *statements,
		 size_t n, struct arena *arena, struct err *e)
{
	(void)text;
	return words_inspect(out, WORDS_MYSQL, statements, n, arena, e);
}

static void add_quoted(struct buf *out, struct str name)
{
	buf_addc(out, '`');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '`')
			buf_addc(out, '`');
		buf_addc(out, name.p[i]);
	}
	buf_addc(out, '`');
}

/* 1: it has a row; 0: none; -1. */
static int has_rows(struct db *db, struct str schema, struct str table, struct err *e)
{
	AUTO(buf) struct buf sql;
	AUTO(db_rows) struct db_rows *rows = NULL;
	buf_init(&sql, SQL_MAX);
	buf_adds(&sql, "select 1 from ");
	if (schema.p != NULL) {
		add_quoted(&sql, schema);
		buf_addc(&sql, '.');
	}
	add_quoted(&sql, table);
	buf_adds(&sql, " limit 1");
	if (buf_check(&sql, e) != 0 || db_query(&rows, db, sql.p, DB_NO_ARGS, e) != 0)
		return -1;
	return db_next(rows, e);
}

int mydb_count(int64_t *rows, struct db *db, struct str schema, struct str table, struct err *e)
{
	int64_t n = 0;
	{
		AUTO(db_rows) struct db_rows *answer = NULL;
		if (db_query(&answer, db, sql_rows, DB_ARGS(DB_S(schema), DB_S(table)), e) != 0)
			return -1;
		int rc = db_next(answer, e);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return err_set(e, ERR_NOTFOUND, "there is no table '%.*s'", STR_ARG(table));
		n = db_int(answer, 0);
	}
	if (n == 0) {
		int some = has_rows(db, schema, table, e);
		if (some < 0)
			return -1;
		n = some;
	}
	*rows = n;
	return 0;
}

/* The place of "rows" in the answer of EXPLAIN: MySQL has "partitions" and "filtered" too. */
static int rows_column(int *out, struct db *db, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql_is_mariadb, DB_NO_ARGS, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc < 0)
		return -1;
	*out = rc > 0 && db_int(rows, 0) == 1 ? 8 : 9;
	return 0;
}

int mydb_explain(int64_t *rows, struct db *db, const struct db_statement *statement, struct err *e)
{
	AUTO(buf) struct buf sql;
	AUTO(db_rows) struct db_rows *answer = NULL;
	int column = 0;
	buf_init(&sql, SQL_MAX);
	buf_adds(&sql, "explain ");
	buf_add(&sql, statement->text);
	if (buf_check(&sql, e) != 0 || rows_column(&column, db, e) != 0 ||
	    db_query(&answer, db, sql.p, DB_NO_ARGS, e) != 0)
		return -1;
	int64_t most = 0;
	int rc;
	/* One row for each table that is read; the one that is changed is among them. */
	while ((rc = db_next(answer, e)) > 0) {
		int64_t n = 0;
		struct str text = db_text(answer, column);
		if (text.p == NULL || num_parse_i64(&n, text, 0, INT64_MAX) != 0)
			n = db_int(answer, column);
		most = n > most ? n : most;
	}
	if (rc < 0)
		return -1;
	*rows = most;
	return 0;
}

/* "... near 'x' at line 3": the line within the statement, from 1; 0 when it is not said. */
static size_t line_of(const char *message)
{
	static const char mark[] = " at line ";
	struct str text = str_of(message);
	uint64_t line = 0;
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = str_from(text, i);
		size_t digits = 0;
		if (!str_starts(rest, STR(" at line ")))
			continue;
		rest = str_from(rest, sizeof mark - 1);
		while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
			digits++;
		if (num_parse_u64(&line, str_first(rest, digits), 1, UINT32_MAX) != 0)
			line = 0;
	}
	return (size_t)line;
}

/* PREPARE reads a statement and has no effect; what it refuses for another reason than its grammar
 * (a table that an earlier file makes, a kind it does not know) tells nothing. */
int mydb_parse(struct db_place *failed, struct db *db, const struct db_statement *statement,
	       struct err *e)
{
	struct err why = { .code = ERR_NONE };
	if (db_exec(db, NULL, "set @tidegate_text = $1", DB_ARGS(DB_S(statement->text)), e) != 0)
		return -1;
	int rc =
	    db_exec(db, NULL, "prepare tidegate_statement from @tidegate_text", DB_NO_ARGS, &why);
	if (rc == 0)
		return db_exec(db, NULL, "deallocate prepare tidegate_statement", DB_NO_ARGS, e);
	int64_t number = 0;
	if (why.code == ERR_LOST || why.code == ERR_UNAVAILABLE) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	if (num_parse_i64(&number, str_of(why.native), 0, UINT32_MAX) != 0 ||
	    number != SYNTAX_ERROR)
		return err_set(e, ERR_NOTFOUND, "the server does not tell: %s", why.msg);
	size_t line = line_of(why.msg);
	if (line > 1)
		*failed = (struct db_place){ .statement = statement->place.statement,
					     .line = statement->place.line + line - 1 };
	return err_set(e, ERR_INPUT, "%s", why.msg);
}
