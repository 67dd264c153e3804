/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs single statements of a script that is run statement by statement, behind the same authorizer
 * as a whole script: what may not be in a transaction is let through when it stands alone.
 */

#include "base/mem.h"
#include "db/place.h"
#include "db/sqlite.h"

#include <limits.h>

static void finalize(sqlite3_stmt *st)
{
	(void)sqlite3_finalize(st);
}

AUTO_DEFINE(statement, sqlite3_stmt *, finalize);

static int step_all(struct sqlite_session *s, sqlite3_stmt *st, struct db_script *script,
		    struct err *e)
{
	int64_t before = sqlite3_total_changes64(s->conn);
	int rc;
	sqlite_statement_start(s);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		continue;
	if (rc != SQLITE_DONE || atomic_load(&s->cancelled))
		return sqlite_fail(s, rc, e);
	if (sqlite3_total_changes64(s->conn) != before)
		script->changed += sqlite3_changes64(s->conn);
	script->statements++;
	return 0;
}

static int run(struct sqlite_session *s, const char *text, struct db_script *script, struct err *e)
{
	AUTO(statement) sqlite3_stmt *st = NULL;
	const char *tail = text;
	int rc = sqlite3_prepare_v2(s->conn, text, -1, &st, &tail);
	if (rc != SQLITE_OK)
		return sqlite_fail(s, rc, e);
	struct str rest = str_of(tail);
	if (st == NULL || place_skip_blank(rest, 0, PLACE_SQLITE) != rest.n)
		return err_set(e, ERR_REFUSED, "want one SQL statement, got none or several");
	return step_all(s, st, script, e);
}

int sqlite_statement(struct db *db, const struct db_statement *statement, struct db_script *script,
		     struct err *e)
{
	struct sqlite_session *s = (struct sqlite_session *)db;
	if (statement->text.n >= INT_MAX)
		return err_set(e, ERR_LIMIT, "the statement is larger than %d bytes", INT_MAX - 1);
	AUTO(free) char *copy = mem_copy(statement->text.p, statement->text.n);
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	int made_temp = s->guard.made_temp;
	int alone = (statement->flags & (DB_OUTSIDE | DB_CONTROL)) != 0;
	/* A VACUUM copies every table, the ledger too, into a file that it attaches. */
	int vacuum = alone && (statement->flags & DB_SESSION) == 0 &&
		     (statement->flags & DB_REPEATABLE) != 0;
	s->guard = (struct sqlite_guard){ .on = !vacuum, .alone = alone };
	atomic_store(&s->cancelled, 0);
	int rc = run(s, copy, script, e);
	if (rc != 0)
		script->failed = statement->place;
	s->guard = (struct sqlite_guard){ .made_temp = made_temp || s->guard.made_temp };
	return rc;
}

int sqlite_reset(struct db *db, struct err *e)
{
	struct sqlite_session *s = (struct sqlite_session *)db;
	int rc = sqlite_clean(s, e);
	if (rc == 0 && sqlite3_exec(s->conn, "pragma foreign_keys = off", NULL, NULL, NULL) != 0)
		rc = sqlite_fail(s, sqlite3_extended_errcode(s->conn), e);
	s->guard = (struct sqlite_guard){ .on = 0 };
	return rc;
}
