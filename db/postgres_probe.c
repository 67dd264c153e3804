/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there of the thing that a statement makes, changes or drops. A statement that cannot run
 * in a transaction may have done half of its work when its connection broke; the catalogs say so.
 * Names are found by our lexer and resolved by the server, in the session's search path.
 */

#include "base/buf.h"
#include "db/postgres.h"
#include "db/postgres_lex.h"

#include <stdio.h>
#include <string.h>

#define EQ " operator(pg_catalog.=) "
#define IDENT(parameter) "(pg_catalog.parse_ident(" parameter "))[1]::pg_catalog.name"

/* Each query gives the state, whether it is half done, what takes the half away, and whether that
 * does the rest instead; no row when this cannot be told. What the state is about is named with its
 * schema. The parameters are the names of the statement. */
static const char sql_create_index[] =
    "select pg_catalog.format('index %I.%I: %s', n.nspname, " IDENT(
	"$1") ","
	      " case when c.oid is null then 'absent' when x.indexrelid is null then 'not an index'"
	      " when x.indrelid operator(pg_catalog.<>) t.oid then 'of another table'"
	      " when x.indisvalid then 'valid' else 'invalid' end),"
	      " x.indexrelid is not null and x.indrelid" EQ "t.oid and not x.indisvalid,"
	      " case when x.indrelid" EQ "t.oid and not x.indisvalid then"
	      " pg_catalog.format('drop index concurrently %I.%I', n.nspname, c.relname) end"
	      " from pg_catalog.pg_class t join pg_catalog.pg_namespace n on n.oid" EQ
	      "t.relnamespace"
	      " left join pg_catalog.pg_class c on c.relnamespace" EQ
	      "n.oid and c.relname" EQ IDENT(
		  "$1") " left join pg_catalog.pg_index x on x.indexrelid" EQ "c.oid"
			" where t.oid" EQ "pg_catalog.to_regclass($2)::pg_catalog.oid";

/*
 * Whoever drops half of it drops the rest when the statement is run again. Behind the index that
 * was dropped there may be another of its name in the search path.
 */
static const char sql_drop_index[] =
    "select pg_catalog.format('index %s%s: %s', $1::pg_catalog.text,"
    " case when pg_catalog.array_length(pg_catalog.parse_ident($1), 1) operator(pg_catalog.>) 1"
    " then null else ' in ' operator(pg_catalog.||) coalesce(nullif(pg_catalog.array_to_string("
    "pg_catalog.current_schemas(false), ', '), ''), 'no schema') end,"
    " coalesce((select pg_catalog.format('present as %I.%I', n.nspname, c.relname)"
    " from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid" EQ "c.relnamespace"
    " where c.oid" EQ "pg_catalog.to_regclass($1)::pg_catalog.oid), 'absent')), false, null";

#define LEFT_OVER                                                                                  \
	" from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid" EQ "x.indexrelid"        \
	" join pg_catalog.pg_namespace n on n.oid" EQ "c.relnamespace"                             \
	" where not x.indisvalid and c.relname operator(pg_catalog.~) '_cc(new|old)[0-9]*$'"       \
	" and x.indrelid"
#define REINDEXED(what, table)                                                                     \
	"select pg_catalog.format('" what " %s: %s', r.name,"                                      \
	" coalesce('left over: ' operator(pg_catalog.||) (select pg_catalog.string_agg("           \
	"pg_catalog.format('%I.%I', l.nspname, l.relname), ', ' order by l.relname) from"          \
	" (select n.nspname, c.relname" LEFT_OVER EQ "r.oid order by c.relname limit 4) l),"       \
	" 'nothing left over')), exists (select" LEFT_OVER EQ "r.oid),"                            \
	" (select pg_catalog.format('drop index concurrently %I.%I', n.nspname, c.relname)"        \
	" " LEFT_OVER EQ "r.oid order by c.relname limit 1)"                                       \
	" from (select " table " as oid, pg_catalog.format('%I.%I', n.nspname, s.relname) as name" \
	" from pg_catalog.pg_class s join pg_catalog.pg_namespace n on n.oid" EQ "s.relnamespace"  \
	" where s.oid" EQ "pg_catalog.to_regclass($1)::pg_catalog.oid) r where r.oid is not null"
static const char sql_reindex_table[] = REINDEXED("table", "s.oid");
static const char sql_reindex_index[] = REINDEXED(
    "index", "(select i.indrelid from pg_catalog.pg_index i where i.indexrelid" EQ "s.oid)");

#define DETACHING "(pg_catalog.to_jsonb(i) operator(pg_catalog.->>) 'inhdetachpending')" EQ "'true'"
static const char sql_detach[] =
    "select pg_catalog.format('partition %I.%I of %I.%I: %s', cn.nspname, c.relname, pn.nspname,"
    " p.relname, case when i.inhrelid is null then 'not attached'"
    " when " DETACHING " then 'its detaching is not finished' else 'attached' end),"
    " coalesce(" DETACHING ", false), case when " DETACHING
    " then pg_catalog.format('alter table %I.%I detach partition %I.%I finalize', pn.nspname,"
    " p.relname, cn.nspname, c.relname) end, true"
    " from pg_catalog.pg_class c join pg_catalog.pg_namespace cn on cn.oid" EQ "c.relnamespace"
    " join pg_catalog.pg_class p on p.oid" EQ "pg_catalog.to_regclass($1)::pg_catalog.oid"
    " join pg_catalog.pg_namespace pn on pn.oid" EQ "p.relnamespace"
    " left join pg_catalog.pg_inherits i on i.inhrelid" EQ "c.oid and i.inhparent" EQ "p.oid"
    " where c.oid" EQ "pg_catalog.to_regclass($2)::pg_catalog.oid";

static const char sql_enum[] =
    "select pg_catalog.format('type %I.%I, value %L: %s', n.nspname, t.typname,"
    " $2::pg_catalog.text, case when l.oid is null then 'absent' else 'present' end), false, null"
    " from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid" EQ "t.typnamespace"
    " left join pg_catalog.pg_enum l on l.enumtypid" EQ "t.oid"
    " and l.enumlabel" EQ "$2::pg_catalog.name"
    " where t.oid" EQ "pg_catalog.to_regtype($1)::pg_catalog.oid";

/* An interrupted DROP leaves a database that nobody can use, but which can be dropped. */
static const char sql_database[] = "select pg_catalog.format('database %I: %s', " IDENT(
    "$1") ","
	  " case when d.oid is null then 'absent' else 'present' end), false, null"
	  " from (select) one left join pg_catalog.pg_database d on d.datname" EQ IDENT("$1");
static const char sql_database_tablespace[] =
    "select pg_catalog.format('database %I: in tablespace %I', d.datname, s.spcname), false, null"
    " from pg_catalog.pg_database d join pg_catalog.pg_tablespace s on s.oid" EQ "d.dattablespace"
    " where d.datname" EQ IDENT("$1");
static const char sql_tablespace[] = "select pg_catalog.format('tablespace %I: %s', " IDENT(
    "$1") ","
	  " case when s.oid is null then 'absent' else 'present' end), false, null"
	  " from (select) one left join pg_catalog.pg_tablespace s on s.spcname" EQ IDENT("$1");
static const char sql_subscription[] = "select pg_catalog.format('subscription %I: %s', " IDENT(
    "$1") ","
	  " case when s.subname is null then 'absent' else 'present' end), false, null"
	  " from (select) one left join pg_catalog.pg_subscription s on s.subname" EQ IDENT(
	      "$1") " and s.subdbid" EQ "(select d.oid from pg_catalog.pg_database d"
		    " where d.datname" EQ "pg_catalog.current_database())";
static const char sql_prepared[] =
    "select pg_catalog.format('prepared transaction %L: %s', $1::pg_catalog.text,"
    " case when p.gid is null then 'absent' else 'present' end), false, null"
    " from (select) one left join pg_catalog.pg_prepared_xacts p on p.gid" EQ "$1";

/*
 * How to find the names: words, "?" behind one that may be missing, "%" for a name, "$" for a text,
 * "(" for options in parentheses that may be missing.
 */
static const struct probe {
	const char *kind;
	const char *pattern;
	const char *sql;
} probes[] = {
	{ "CREATE INDEX CONCURRENTLY",
	  "create unique? index concurrently if? not? exists? % on only? %", sql_create_index },
	{ "DROP INDEX CONCURRENTLY", "drop index concurrently if? exists? %", sql_drop_index },
	{ "REINDEX CONCURRENTLY", "reindex ( index concurrently? %", sql_reindex_index },
	{ "REINDEX CONCURRENTLY", "reindex ( table concurrently? %", sql_reindex_table },
	{ "DETACH PARTITION CONCURRENTLY", "alter table if? exists? only? % detach partition %",
	  sql_detach },
	{ "ALTER TYPE ADD VALUE", "alter type % add value if? not? exists? $", sql_enum },
	{ "CREATE DATABASE", "create database %", sql_database },
	{ "DROP DATABASE", "drop database if? exists? %", sql_database },
	{ "ALTER DATABASE SET TABLESPACE", "alter database %", sql_database_tablespace },
	{ "CREATE TABLESPACE", "create tablespace %", sql_tablespace },
	{ "DROP TABLESPACE", "drop tablespace if? exists? %", sql_tablespace },
	{ "CREATE SUBSCRIPTION", "create subscription %", sql_subscription },
	{ "DROP SUBSCRIPTION", "drop subscription if? exists? %", sql_subscription },
	{ "COMMIT PREPARED", "commit prepared $", sql_prepared },
	{ "ROLLBACK PREPARED", "rollback prepared $", sql_prepared },
};

enum {
	NAMES_MAX = 2,
	WORD_MAX = 16,
	STATE_MAX = 1000,    /* db.h */
	NAME_MAX_BYTES = 512 /* three quoted names of 63 bytes, each doubled */
};

/* Reading the names of a statement. */
struct reading {
	struct str text;
	size_t at;
	struct buf names[NAMES_MAX];
	size_t n;
};

static void reading_free(struct reading *r)
{
	for (size_t i = 0; i < NAMES_MAX; i++)
		buf_free(&r->names[i]);
}

AUTO_DEFINE_INPLACE(reading, struct reading, reading_free);

/* The next token when it is this one character. */
static int take_char(struct reading *r, char c)
{
	struct postgres_token t;
	size_t end = postgres_token(&t, r->text, r->at);
	if (t.text.n != 1 || t.text.p[0] != c)
		return 0;
	r->at = end;
	return 1;
}

static int take_word(struct reading *r, const char *word)
{
	struct postgres_token t;
	size_t end = postgres_token(&t, r->text, r->at);
	if (!postgres_token_is(&t, word))
		return 0;
	r->at = end;
	return 1;
}

/* What stands in quotes, with them; a doubled one parts two tokens side by side. */
static struct str take_quoted(struct reading *r, char quote)
{
	struct postgres_token t;
	size_t end = postgres_token(&t, r->text, r->at), start = t.at;
	if (t.text.n < 2 || t.text.p[0] != quote)
		return STR_NULL;
	while (end < r->text.n && r->text.p[end] == quote)
		end = postgres_token(&t, r->text, end);
	r->at = end;
	return str_first(str_from(r->text, start), end - start);
}

/* A name as it is written, in up to three parts. */
static int take_name(struct reading *r)
{
	struct buf *name = &r->names[r->n];
	do {
		struct postgres_token t;
		struct str part = take_quoted(r, '"');
		if (part.p == NULL) {
			size_t end = postgres_token(&t, r->text, r->at);
			if (t.kind != POSTGRES_TOKEN_WORD || postgres_token_is(&t, "on"))
				return 0;
			part = t.text;
			r->at = end;
		}
		/* U&"..." has escapes of its own. */
		if (r->at < r->text.n && r->text.p[r->at] == '&')
			return 0;
		buf_add(name, part);
		if (!take_char(r, '.'))
			break;
		buf_addc(name, '.');
	} while (name->n < NAME_MAX_BYTES);
	r->n++;
	return 1;
}

static int take_text(struct reading *r)
{
	struct buf *text = &r->names[r->n];
	struct str quoted = take_quoted(r, '\'');
	for (size_t i = 1; i + 1 < quoted.n; i++) {
		buf_addc(text, quoted.p[i]);
		i += quoted.p[i] == '\'';
	}
	r->n += quoted.p != NULL;
	return quoted.p != NULL;
}

/* Options in parentheses, which do not nest. */
static int take_options(struct reading *r)
{
	if (take_char(r, '(')) {
		struct postgres_token t = { .kind = POSTGRES_TOKEN_OPEN };
		while (t.kind != POSTGRES_TOKEN_CLOSE && t.kind != POSTGRES_TOKEN_END)
			r->at = postgres_token(&t, r->text, r->at);
	}
	return 1;
}

static int take_step(struct reading *r, struct str step)
{
	char word[WORD_MAX];
	int optional = step.p[step.n - 1] == '?';
	if (str_eq_cstr(step, "%"))
		return take_name(r);
	if (str_eq_cstr(step, "$"))
		return take_text(r);
	if (str_eq_cstr(step, "("))
		return take_options(r);
	(void)snprintf(word, sizeof word, "%.*s", (int)(step.n - (size_t)optional), step.p);
	return take_word(r, word) || optional;
}

/* 1: the statement is as the pattern says, and its names were read. */
static int read_names(struct reading *r, const char *pattern)
{
	struct str rest = str_of(pattern);
	while (rest.n > 0) {
		struct str step = str_first(rest, str_find(rest, ' '));
		if (!take_step(r, step))
			return 0;
		rest = str_from(rest, step.n + 1);
	}
	for (size_t i = 0; i < r->n; i++) {
		if (buf_check(&r->names[i], NULL) != 0)
			return 0;
	}
	return 1;
}

static int keep(struct db_probe *out, const struct db_rows *rows, struct arena *arena,
		struct err *e)
{
	struct str state = db_text(rows, 0), mend = db_text(rows, 2);
	struct db_probe probe = { .broken = db_int(rows, 1) != 0,
				  .finishes = db_int(rows, 3) != 0 };
	probe.state = arena_str(arena, str_first(state, STATE_MAX));
	probe.mend = arena_str(arena, mend);
	if ((state.p != NULL && probe.state.p == NULL) || (mend.p != NULL && probe.mend.p == NULL))
		return arena_err(arena, e);
	*out = probe;
	return 0;
}

/* Ask for what the names stand for; what the server does not understand cannot be told. */
static int ask(struct db_probe *out, struct db *db, const char *sql, const struct reading *r,
	       struct arena *arena, struct err *e)
{
	struct err mine = { .code = ERR_NONE };
	AUTO(db_rows) struct db_rows *rows = NULL;
	struct db_value names[NAMES_MAX];
	for (size_t i = 0; i < r->n; i++)
		names[i] = DB_S(buf_str(&r->names[i]));
	int rc = db_query(&rows, db, sql, names, r->n, &mine);
	if (rc == 0)
		rc = db_next(rows, &mine);
	if (rc > 0)
		return keep(out, rows, arena, e);
	if (rc == 0 || mine.code == ERR_DB)
		return 0;
	if (e != NULL)
		*e = mine;
	return -1;
}

int postgres_probe(struct db_probe *out, struct db *db, const struct db_statement *statement,
		   struct arena *arena, struct err *e)
{
	for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
		if (statement->kind == NULL || strcmp(statement->kind, probes[i].kind) != 0)
			continue;
		AUTO(reading) struct reading r = { .text = statement->text };
		for (size_t k = 0; k < NAMES_MAX; k++)
			buf_init(&r.names[k], NAME_MAX_BYTES);
		if (read_names(&r, probes[i].pattern))
			return ask(out, db, probes[i].sql, &r, arena, e);
	}
	return 0;
}
