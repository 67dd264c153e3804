/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a script: its traces in the session are removed, and it is proved that the session
 * still is in the transaction in which the script began, and still has the runner's lock. This goes
 * out in one text with the script and is read by the server before it runs any of it, so it costs
 * no round trip and nothing that the script does can keep it from running.
 */

#include "base/buf.h"
#include "db/postgres.h"

#include <libpq-fe.h>

#include <string.h>

/*
 * What a script may leave in its session: a role, settings (one of them changes how the next script
 * is read), temporary objects that hide real ones. The lock stays; DISCARD ALL would let it go.
 * Nobody can tell from a script's text that it leaves nothing: a function that it calls may.
 */
#define CLEAN_START "reset session authorization;"
#define CLEAN CLEAN_START "reset role;reset all;discard temp;deallocate all;unlisten *;close all;"
enum { CLEANS = 7 };

/*
 * A transaction that the script chained to ours or began after it has another number. The lock is
 * held twice: letting it go once tells whether it was ours, and leaves it ours; a look into
 * pg_locks would read every lock of the server.
 */
#define PROOF "select pg_catalog.txid_current(),"
#define LOCKED                                                                                     \
	"case when pg_catalog.pg_advisory_unlock(" POSTGRES_LOCK_KEY                               \
	") then pg_catalog.pg_try_advisory_lock(" POSTGRES_LOCK_KEY ") else false end"

size_t postgres_after_text(struct buf *b, const struct postgres *p, enum postgres_after after)
{
	size_t n = 1;
	if (after == POSTGRES_AFTER_NONE)
		return 0;
	buf_adds(b, "\n;"); /* the script may end in a comment, or without a semicolon */
	if (after == POSTGRES_AFTER_CLEAN) {
		buf_adds(b, CLEAN);
		n += CLEANS;
	}
	if (after == POSTGRES_AFTER_CLEAN && p->pooled) {
		buf_adds(b, p->settings);
		n += POSTGRES_SETTINGS;
	}
	buf_adds(b, p->locked ? PROOF LOCKED : PROOF "true");
	return n;
}

void postgres_after_hide(struct err *e)
{
	static const char *const starts[] = { ";" CLEAN_START, ";" PROOF };
	for (size_t i = 0; e != NULL && i < sizeof starts / sizeof starts[0]; i++) {
		const char *at = strstr(e->msg, starts[i]);
		char native[sizeof e->native];
		if (at == NULL)
			continue;
		memcpy(native, e->native, sizeof native);
		(void)err_set(e, e->code, "%.*s\"", (int)(at - e->msg), e->msg);
		err_native(e, native);
	}
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

int postgres_after_check(struct postgres *p, const struct postgres_proof *proof, struct err *e)
{
	if (proof->transaction[0] == '\0' || strcmp(proof->transaction, p->xid) != 0)
		return postgres_after_refuse(e);
	return strcmp(proof->locked, "t") == 0 ? 0 : refuse_unlocked(p, e);
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
	if (db_query(&rows, db, "select " LOCKED, DB_NO_ARGS, e) != 0 || db_next(rows, e) < 0)
		return -1;
	return db_int(rows, 0) != 0 ? 0 : refuse_unlocked((struct postgres *)db, e);
}

int postgres_reset(struct db *db, struct err *e)
{
	struct postgres *p = (struct postgres *)db;
	postgres_call_start(p);
	int rc = end_transaction(p, e);
	if (postgres_simple(p, CLEAN, rc == 0 ? e : NULL) != 0 || rc != 0)
		return -1;
	if (p->pooled && postgres_simple(p, p->settings, e) != 0)
		return -1;
	return p->locked ? check_lock(db, e) : 0;
}
