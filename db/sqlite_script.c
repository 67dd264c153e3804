/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a script inside the caller's transaction, statement by statement, behind an authorizer that
 * keeps it from ending the transaction, leaving its database, touching the ledger or leaving
 * something behind in the session.
 *
 * Foreign keys: SQLite can switch them only outside a transaction and ignores the pragma inside.
 * Our sessions have them off, as its own shell has. So "off" is true already and allowed; "on" is
 * allowed where nothing is written after it (the usual end of a table rebuild) and refused
 * elsewhere, because the author would believe in a check that does not happen.
 */

#include "base/mem.h"
#include "db/place.h"
#include "db/sqlite.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char sql_temp_objects[] =
    "select group_concat('drop ' || type || ' if exists temp.\"' || replace(name, '\"', '\"\"') ||"
    " '\";', ' ') from sqlite_temp_master where type in ('trigger', 'view', 'table')"
    " and name not like 'sqlite\\_%' escape '\\'";

/* Pragmas that a script may give a value: it is kept in the file, or asks about the schema, or ends
 * with the transaction. */
static const char *const pragmas[] = {
	"application_id",     "collation_list",     "database_list", "defer_foreign_keys",
	"foreign_key_check",  "foreign_key_list",   "foreign_keys",  "function_list",
	"incremental_vacuum", "index_info",         "index_list",    "index_xinfo",
	"integrity_check",    "legacy_alter_table", "module_list",   "optimize",
	"pragma_list",        "quick_check",        "table_info",    "table_list",
	"table_xinfo",        "user_version",
};

int sqlite_pragma_allowed(struct str name, int has_value)
{
	if (!has_value)
		return 1;
	for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++) {
		if (str_eq_nocase(name, str_of(pragmas[i])))
			return 1;
	}
	return 0;
}

/* Kept in the file, without taking the guarantees of a transaction away; the others matter to a
 * VACUUM that follows. */
int sqlite_pragma_allowed_alone(struct str name, struct str value)
{
	static const char *const journals[] = { "wal", "delete", "truncate", "persist" };
	if (str_eq_nocase(name, STR("page_size")) || str_eq_nocase(name, STR("auto_vacuum")))
		return 1;
	if (!str_eq_nocase(name, STR("journal_mode")))
		return 0;
	if (value.n >= 2 && (value.p[0] == '\'' || value.p[0] == '"'))
		value = (struct str){ value.p + 1, value.n - 2 };
	for (size_t i = 0; i < sizeof journals / sizeof journals[0]; i++) {
		if (str_eq_nocase(value, str_of(journals[i])))
			return 1;
	}
	return 0;
}

static int is_name(const char *text, const char *name)
{
	return text != NULL && str_eq_nocase(str_of(text), str_of(name));
}

static int deny(struct sqlite_guard *g, const char *what, const char *subject, const char *why)
{
	/* The first reason counts: SQLite asks on after a denial inside one statement. */
	if (g->refused[0] == '\0')
		(void)snprintf(g->refused, sizeof g->refused, "%s '%.40s' is refused: %s", what,
			       subject != NULL ? subject : "", why);
	return SQLITE_DENY;
}

static int authorize_pragma(struct sqlite_guard *g, const char *name, const char *value)
{
	if (g->alone && value != NULL && sqlite_pragma_allowed_alone(str_of(name), str_of(value)))
		return SQLITE_OK;
	if (!sqlite_pragma_allowed(str_of(name), value != NULL))
		return deny(g, "setting pragma", name,
			    "it would change the session or the file for what comes after");
	if (is_name(name, "foreign_keys") && value != NULL)
		g->wants_keys = is_name(value, "on") || is_name(value, "1") ||
				is_name(value, "true") || is_name(value, "yes");
	return SQLITE_OK;
}

static int authorize_write(struct sqlite_guard *g, const char *table)
{
	if (is_name(table, "tidegate_revision"))
		return deny(g, "changing table", table, "it records what was applied");
	return SQLITE_OK;
}

/* What changes rows or tables. `a` and `b` are as the action has them. */
static int authorize_change(struct sqlite_guard *g, int action, const char *a, const char *b,
			    const char *schema)
{
	switch (action) {
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
	case SQLITE_DROP_TABLE:
	case SQLITE_DROP_VTABLE:
		return authorize_write(g, a);
	case SQLITE_ALTER_TABLE:
	case SQLITE_CREATE_TRIGGER:
	case SQLITE_DROP_TRIGGER:
	case SQLITE_DROP_TEMP_TRIGGER:
	case SQLITE_DROP_INDEX:
		return authorize_write(g, b);
	case SQLITE_CREATE_INDEX:
		/* A primary key's own index, while the table is made; nobody else may use the name.
		 */
		if (str_starts(str_of(a != NULL ? a : ""), STR("sqlite_autoindex_")))
			return SQLITE_OK;
		return authorize_write(g, b);
	case SQLITE_CREATE_VTABLE:
		if (is_name(schema, "temp"))
			return deny(g, "virtual table", a,
				    "a temporary one cannot be taken away again; make it in the "
				    "database, or a plain one");
		return SQLITE_OK;
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_VIEW:
		g->made_temp = 1;
		return SQLITE_OK;
	case SQLITE_CREATE_TEMP_TRIGGER:
	case SQLITE_CREATE_TEMP_INDEX:
		g->made_temp = 1;
		return authorize_write(g, b);
	default:
		return SQLITE_OK;
	}
}

int sqlite_authorize(void *session, int action, const char *a, const char *b, const char *schema,
		     const char *inner)
{
	struct sqlite_guard *g = &((struct sqlite_session *)session)->guard;
	(void)inner;
	if (!g->on)
		return SQLITE_OK;
	switch (action) {
	case SQLITE_TRANSACTION:
		if (g->alone)
			return SQLITE_OK;
		return deny(g, "transaction control", a,
			    "the whole file runs in one transaction with its ledger row");
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return deny(g, action == SQLITE_ATTACH ? "attaching" : "detaching", a,
			    "a migration changes its own database only");
	case SQLITE_PRAGMA:
		return authorize_pragma(g, a, b);
	case SQLITE_FUNCTION:
		if (is_name(b, "load_extension"))
			return deny(g, "function", b, "it would load code into this program");
		return SQLITE_OK;
	default:
		return authorize_change(g, action, a, b, schema);
	}
}

static void finalize(sqlite3_stmt *st)
{
	(void)sqlite3_finalize(st);
}

AUTO_DEFINE(statement, sqlite3_stmt *, finalize);

/* A script that is being run: `text` is a NUL-terminated copy, without byte order mark. */
struct run {
	struct sqlite_session *session;
	struct db_script *script;
	struct str text;
	size_t at;
};

static int fail(const struct run *r, int rc, size_t offset, struct err *e)
{
	r->script->failed = place_at(r->text, offset, r->script->statements + 1);
	return sqlite_fail(r->session, rc, e);
}

/* Prepare the statement at r->at and move behind it; *st stays NULL when nothing is left. */
static int prepare_next(sqlite3_stmt **st, size_t *start, struct run *r, struct err *e)
{
	struct sqlite_session *s = r->session;
	const char *p = r->text.p + r->at, *tail = p;
	*start = place_skip_blank(r->text, r->at, PLACE_SQLITE);
	int wanted_keys = s->guard.wants_keys;
	/* With the NUL in the length SQLite reads in place instead of copying all that is left. */
	int rc = sqlite3_prepare_v3(s->conn, p, (int)(r->text.n - r->at + 1), 0, st, &tail);
	if (rc != SQLITE_OK) {
		int at = sqlite3_error_offset(s->conn);
		int known = at >= 0 && s->guard.refused[0] == '\0';
		return fail(r, rc, known ? r->at + (size_t)at : *start, e);
	}
	r->at += (size_t)(tail - p);
	if (*st == NULL || !wanted_keys || !s->guard.wants_keys || sqlite3_stmt_readonly(*st))
		return 0;
	r->script->failed = place_at(r->text, *start, r->script->statements + 1);
	return err_set(e, ERR_REFUSED,
		       "a write after 'pragma foreign_keys = on' is refused: SQLite cannot switch "
		       "foreign keys inside a transaction; end with 'pragma foreign_key_check'");
}

static int run_one(struct run *r, sqlite3_stmt *st, size_t start, struct err *e)
{
	struct sqlite_session *s = r->session;
	int64_t before = sqlite3_total_changes64(s->conn);
	sqlite_statement_start(s);
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		continue;
	/* A cancel between two statements reaches neither of them. */
	if (rc != SQLITE_DONE || atomic_load(&s->cancelled))
		return fail(r, rc, start, e);
	if (sqlite3_total_changes64(s->conn) != before)
		r->script->changed += sqlite3_changes64(s->conn);
	r->script->statements++;
	return 0;
}

static int run_all(struct run *r, struct err *e)
{
	while (r->at < r->text.n) {
		AUTO(statement) sqlite3_stmt *st = NULL;
		size_t start = 0, before = r->at;
		if (prepare_next(&st, &start, r, e) != 0)
			return -1;
		if (st != NULL && run_one(r, st, start, e) != 0)
			return -1;
		if (r->at == before)
			break;
	}
	return 0;
}

/* The text that drops all temporary objects; *out stays NULL when there are none. */
static int temp_drops(char **out, struct sqlite_session *s, struct err *e)
{
	AUTO(statement) sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->conn, sql_temp_objects, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return sqlite_fail(s, rc, e);
	if (sqlite3_column_type(st, 0) == SQLITE_NULL)
		return 0;
	*out = mem_copy(sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	return *out != NULL ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* What would be seen by the next script: a temporary table hides the real one of its name. */
int sqlite_clean(struct sqlite_session *s, struct err *e)
{
	(void)sqlite3_db_config(s->conn, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0, (int *)NULL);
	if (!s->guard.made_temp)
		return 0;
	AUTO(free) char *sql = NULL;
	if (temp_drops(&sql, s, e) != 0)
		return -1;
	int rc = sql != NULL ? sqlite3_exec(s->conn, sql, NULL, NULL, NULL) : SQLITE_OK;
	return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, e);
}

int sqlite_script(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	struct sqlite_session *s = (struct sqlite_session *)db;
	if (place_refuse_nul(text, script, e) != 0)
		return -1;
	text = str_from(text, place_bom(text));
	if (text.n >= INT_MAX)
		return err_set(e, ERR_LIMIT, "the script is larger than %d bytes", INT_MAX - 1);
	AUTO(free) char *copy = mem_copy(text.p, text.n);
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	struct run r = { .session = s, .script = script, .text = { copy, text.n } };
	atomic_store(&s->cancelled, 0);
	s->guard = (struct sqlite_guard){ .on = 1 };
	int rc = run_all(&r, e);
	s->guard.on = 0;
	if (rc == 0)
		rc = sqlite_clean(s, e);
	else
		IGNORE(sqlite_clean(s, NULL)); /* the caller rolls back, which takes them too */
	s->guard = (struct sqlite_guard){ .on = 0 };
	return rc;
}
