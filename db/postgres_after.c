/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a script: its traces in the session are removed, and it is proved that the session
 * still is in the transaction in which the script began, and still has the runner's lock. This goes
 * out in one pipeline with the next statement, so that it costs no round trip.
 */

#include "db/postgres.h"

#include <libpq-fe.h>

#include <string.h>

/*
 * What a script may leave in its session: a role, settings (one of them changes how the next script
 * is read), temporary objects that hide real ones. The lock stays; DISCARD ALL would let it go.
 * Nobody can tell from a script's text that it leaves nothing: a function that it calls may.
 */
static const char *const sql_clean[] = {
	"reset session authorization",
	"reset role",
	"reset all",
	"discard temp",
	"deallocate all",
	"unlisten *",
	"close all",
};

enum { CLEANS = sizeof sql_clean / sizeof sql_clean[0] };

/*
 * A transaction that the script chained to ours or began after it has another number. Operators are
 * named with their schema: the search path is the server's or the role's.
 */
static const char sql_check[] = "select pg_catalog.txid_current(), true";
static const char sql_check_lock[] =
    "select pg_catalog.txid_current(), exists (select from pg_catalog.pg_locks l"
    " where " POSTGRES_LOCK_IS_OURS
    " and l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid())";

/* Outside a transaction there is no number to prove. */
static const char sql_reset[] = "reset session authorization; reset role; reset all; discard temp;"
				" deallocate all; unlisten *; close all";

static int send(struct postgres *p, const char *sql)
{
	return PQsendQueryParams(p->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
}

int postgres_after_send(int *sent, struct postgres *p)
{
	*sent = 0;
	/* The script's single row mode still holds for the first one of a pipeline (libpq 15): it
	 * must be one without rows. */
	size_t cleans = p->after_pending == POSTGRES_AFTER_CLEAN ? CLEANS : 1;
	for (size_t i = 0; i < cleans; i++) {
		if (!send(p, p->after_pending == POSTGRES_AFTER_CLEAN ? sql_clean[i] : ""))
			return 0;
		++*sent;
	}
	if (p->pooled && p->after_pending == POSTGRES_AFTER_CLEAN) {
		if (!send(p, p->settings))
			return 0;
		++*sent;
	}
	if (!send(p, p->locked ? sql_check_lock : sql_check))
		return 0;
	++*sent;
	return 1;
}

int postgres_after_refuse(struct err *e)
{
	return err_set(e, ERR_REFUSED,
		       "the script ended the transaction around it: what it did before a COMMIT of "
		       "its own stays in the database without a ledger row, the rest was rolled "
		       "back; take the transaction control out, and look what is there");
}

static int refuse_unlocked(struct postgres *p, struct err *e)
{
	p->locked = 0;
	return err_set(e, ERR_REFUSED,
		       "the script released the lock of its runner: take pg_advisory_unlock_all() "
		       "or the like out");
}

int postgres_after_check(struct postgres *p, const PGresult *result, struct err *e)
{
	if (PQntuples(result) != 1 || PQnfields(result) != 2 ||
	    strcmp(PQgetvalue(result, 0, 0), p->xid) != 0)
		return postgres_after_refuse(e);
	if (strcmp(PQgetvalue(result, 0, 1), "t") == 0)
		return 0;
	return refuse_unlocked(p, e);
}

/* A statement that ran by itself may have begun a transaction, too. */
static int end_transaction(struct postgres *p, struct err *e)
{
	PGTransactionStatusType status = PQtransactionStatus(p->conn);
	if (status != PQTRANS_INTRANS && status != PQTRANS_INERROR)
		return 0;
	if (postgres_simple(p, "rollback", e) != 0)
		return -1;
	return err_set(e, ERR_REFUSED,
		       "the script left a transaction open, which was rolled back: end it with "
		       "COMMIT or ROLLBACK in the same file");
}

static int check_lock(struct db *db, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql_check_lock, DB_NO_ARGS, e) != 0 || db_next(rows, e) < 0)
		return -1;
	return db_int(rows, 1) != 0 ? 0 : refuse_unlocked((struct postgres *)db, e);
}

int postgres_reset(struct db *db, struct err *e)
{
	struct postgres *p = (struct postgres *)db;
	postgres_call_start(p);
	int rc = end_transaction(p, e);
	if (postgres_simple(p, sql_reset, rc == 0 ? e : NULL) != 0 || rc != 0)
		return -1;
	if (p->pooled && postgres_simple(p, p->settings, e) != 0)
		return -1;
	return p->locked ? check_lock(db, e) : 0;
}
