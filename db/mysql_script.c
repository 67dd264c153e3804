/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs scripts statement by statement, as our splitter found them. Inside a transaction only what
 * stays there is let through, and it is proved afterwards that it did: the server's status tells
 * after each statement whether a transaction is open, and a savepoint with a name that nobody can
 * guess whether it still is the same.
 */

#include "base/digest.h"
#include "base/mem.h"
#include "db/mysql.h"

#include <mysql.h>
#include <stdio.h>
#include <string.h>

enum { MARK_BYTES = 12, NO_SUCH_SAVEPOINT = 1305, NOT_ROLLED_BACK = 1196 };

int mydb_refuse_ended(struct err *e)
{
	return err_set(e, ERR_REFUSED,
		       "the script ended the transaction around it: what it did before that stays "
		       "in the database without a ledger row, the rest was rolled back; take the "
		       "transaction control out, and look what is there");
}

int mydb_mark(struct mydb *m, struct err *e)
{
	unsigned char bytes[MARK_BYTES];
	char sql[64], hex[2 * MARK_BYTES + 1];
	if (digest_random(bytes, sizeof bytes, e) != 0)
		return -1;
	(void)snprintf(m->mark, sizeof m->mark, "tidegate_%s",
		       hex_encode(hex, bytes, sizeof bytes));
	(void)snprintf(sql, sizeof sql, "savepoint %s", m->mark);
	return mydb_simple(m, sql, e);
}

int mydb_prove(struct mydb *m, struct err *e)
{
	char sql[80];
	if (!mydb_in_transaction(m))
		return mydb_refuse_ended(e);
	(void)snprintf(sql, sizeof sql, "release savepoint %s", m->mark);
	if (mydb_simple(m, sql, e) == 0)
		return 0;
	return mysql_errno(m->conn) == NO_SUCH_SAVEPOINT ? mydb_refuse_ended(e) : -1;
}

int mydb_prove_lock(struct mydb *m, struct err *e)
{
	char sql[128];
	MYSQL_RES *result = NULL;
	m->unproved = 0;
	if (!m->locked)
		return 0;
	(void)snprintf(sql, sizeof sql, "select is_used_lock('%s') = connection_id()",
		       m->lock_name);
	if (mydb_run(&result, m, str_of(sql), NULL, e) != 0)
		return -1;
	MYSQL_ROW row = result != NULL ? mysql_fetch_row(result) : NULL;
	int ours = row != NULL && row[0] != NULL && strcmp(row[0], "1") == 0;
	mysql_free_result(result);
	if (ours)
		return 0;
	m->locked = 0;
	return err_set(e, ERR_REFUSED,
		       "the script released the lock of its runner: take release_all_locks() or "
		       "the like out");
}

/* What the statement left in the session, and whether the rest is read as it was split. */
static int look_behind(struct mydb *m, const struct db_statement *s, struct err *e)
{
	/* The server tells of most changes, but not of these; a procedure may hide some. */
	if (s->flags & (DB_SESSION | DB_OUTSIDE) || mydb_uses_variables(s->text))
		m->dirty = 1;
	if (mydb_ignores_backslashes(m))
		return err_set(
		    e, ERR_REFUSED,
		    "the SQL mode NO_BACKSLASH_ESCAPES is refused: what follows was read "
		    "with backslashes as escapes; double the quotes instead");
	if (m->base.in_transaction && !mydb_in_transaction(m))
		return mydb_refuse_ended(e);
	return 0;
}

static int run_one(struct mydb *m, const struct db_statement *s, struct db_script *script,
		   struct err *e)
{
	int64_t changed = 0;
	int rc = mydb_run(NULL, m, s->text, &changed, e);
	script->failed = rc != 0 ? mydb_error_place(s, m) : s->place;
	if (rc == 0)
		rc = look_behind(m, s, e);
	if (rc != 0) {
		m->dirty = 1; /* half of it may have been done */
		return -1;
	}
	script->failed = (struct db_place){ 0, 0, 0 };
	script->statements++;
	script->changed += changed;
	return 0;
}

static int refuse_outside(const struct db_statement *s, struct db_script *script, struct err *e)
{
	if ((s->flags & (DB_OUTSIDE | DB_CONTROL)) == 0)
		return 0;
	script->failed = s->place;
	return err_set(e, ERR_REFUSED,
		       "'%s' commits implicitly or may do so: it cannot run in a transaction",
		       s->kind != NULL ? s->kind : "this statement");
}

/* A temporary table would hide the ledger. */
static int show_ledger(struct mydb *m, struct err *e)
{
	char sql[MYDB_LEDGER_MAX + 64];
	if (!m->dirty || m->database == NULL)
		return 0;
	(void)snprintf(sql, sizeof sql, "drop temporary table if exists %s", m->ledger);
	return mydb_simple(m, sql, e);
}

static int run_all(struct mydb *m, const struct db_statement *list, size_t n,
		   struct db_script *script, struct err *e)
{
	if (mydb_call_start(m, e) != 0 || mydb_send_begin(m, e) != 0 || mydb_mark(m, e) != 0)
		return -1;
	m->scripted = 1;
	for (size_t i = 0; i < n; i++) {
		if (run_one(m, &list[i], script, e) != 0)
			return -1;
	}
	if (mydb_prove(m, e) != 0 || show_ledger(m, e) != 0)
		return -1;
	return mydb_prove_lock(m, e);
}

static int was_warned(struct mydb *m, unsigned number)
{
	MYSQL_RES *result = NULL;
	MYSQL_ROW row;
	char want[16];
	int found = 0;
	(void)snprintf(want, sizeof want, "%u", number);
	if (mydb_run(&result, m, STR("show warnings"), NULL, NULL) != 0 || result == NULL)
		return 0;
	while ((row = mysql_fetch_row(result)) != NULL)
		found |= row[1] != NULL && strcmp(row[1], want) == 0;
	mysql_free_result(result);
	return found;
}

/* A script that failed is rolled back; the server warns of what it cannot take back. */
static void take_back(struct mydb *m, struct err *e)
{
	if (m->lost || !mydb_in_transaction(m) || mydb_simple(m, "rollback", NULL) != 0)
		return;
	if (mysql_warning_count(m->conn) == 0 || !was_warned(m, NOT_ROLLED_BACK) || e == NULL)
		return;
	e->code = ERR_REFUSED;
	IGNORE(err_wrap(e, "what the script wrote to tables without transactions (MyISAM, Aria, "
			   "MEMORY) stays, the rest was rolled back; look what is there"));
}

int mydb_script(struct db *db, struct str text, struct db_script *script, struct err *e)
{
	struct mydb *m = (struct mydb *)db;
	AUTO(free) struct db_statement *list = NULL;
	size_t n = 0;
	if (mydb_split_list(&list, &n, &script->failed, text, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (refuse_outside(&list[i], script, e) != 0)
			return -1;
	}
	if (n == 0)
		return 0;
	if (run_all(m, list, n, script, e) == 0)
		return 0;
	take_back(m, e);
	return -1;
}

int mydb_statement(struct db *db, const struct db_statement *s, struct db_script *script,
		   struct err *e)
{
	struct mydb *m = (struct mydb *)db;
	if (db->in_transaction && refuse_outside(s, script, e) != 0)
		return -1;
	if (mydb_call_start(m, e) != 0 || mydb_send_begin(m, e) != 0)
		return -1;
	m->unproved = 1;
	return run_one(m, s, script, e);
}

int mydb_reset(struct db *db, struct err *e)
{
	struct mydb *m = (struct mydb *)db;
	if (mydb_call_start(m, e) != 0 || mydb_prove_lock(m, e) != 0)
		return -1;
	if (!m->dirty && !mydb_in_transaction(m))
		return 0;
	return mydb_renew(m, e);
}
