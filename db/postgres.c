/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL driver: statements with parameters, rows, and transactions.
 * Connecting and waiting are in postgres_connect.c, scripts in postgres_script.c,
 * the lock in postgres_lock.c.
 */

#include "db/postgres.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "db/postgres_estimate.h"
#include "db/postgres_inspect.h"

#include <libpq-fe.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Object ids of types (PostgreSQL, pg_type.dat); 0 lets the server infer. */
enum {
	OID_INFER = 0,
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_OID = 26
};

enum {
	TEXTS_MAX = 1 << 30, /* the server's own limit of a value */
	INT_TEXT = 24,       /* an int64 as text */
};

struct postgres_rows {
	struct db_rows base;
	PGresult *result;
	int row;
	struct str
	    *blobs; /* decoded bytes of the row, one place per column; NULL: no such column */
};

AUTO_DEFINE(pg_result, PGresult *, PQclear);

static struct postgres *postgres_of(struct db *db)
{
	return (struct postgres *)db;
}

/* Parameters as libpq wants them. */
struct params {
	Oid types[DB_PARAMS_MAX];
	const char *values[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX];
	int formats[DB_PARAMS_MAX];
	char numbers[DB_PARAMS_MAX][INT_TEXT];
	struct buf texts; /* NUL-terminated copies, one behind the other */
};

static void params_free(struct params *ps)
{
	buf_free(&ps->texts);
}

AUTO_DEFINE_INPLACE(params, struct params, params_free);

/* Texts must end with a NUL for libpq; one inside cannot be stored by the server either. */
static int copy_texts(struct params *ps, const struct db_value *args, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (args[i].type != DB_TEXT)
			continue;
		if (str_find(args[i].s, '\0') < args[i].s.n)
			return err_set(e, ERR_INPUT, "parameter $%zu holds a NUL byte", i + 1);
		buf_add(&ps->texts, args[i].s);
		buf_addc(&ps->texts, '\0');
	}
	return buf_check(&ps->texts, e);
}

static void set_blob(struct params *ps, size_t i, struct str s)
{
	ps->types[i] = OID_BYTEA;
	ps->values[i] = s.p;
	ps->lengths[i] = num_clamp_int(s.n);
	ps->formats[i] = 1;
}

static int params_set(struct params *ps, const struct db_value *args, size_t n, struct err *e)
{
	if (copy_texts(ps, args, n, e) != 0)
		return -1;
	const char *text = ps->texts.p;
	for (size_t i = 0; i < n; i++) {
		ps->types[i] = OID_INFER;
		ps->values[i] = NULL;
		ps->lengths[i] = 0;
		ps->formats[i] = 0;
		switch (args[i].type) {
		case DB_NULL:
			break;
		case DB_INT:
			(void)snprintf(ps->numbers[i], INT_TEXT, "%lld", (long long)args[i].i);
			ps->types[i] = OID_INT8;
			ps->values[i] = ps->numbers[i];
			break;
		case DB_TEXT:
			ps->values[i] = text;
			text += args[i].s.n + 1;
			break;
		case DB_BLOB:
			if (args[i].s.n >= TEXTS_MAX)
				return err_set(e, ERR_LIMIT, "parameter $%zu is too large", i + 1);
			set_blob(ps, i, args[i].s);
			break;
		}
	}
	return 0;
}

/* Send one statement, with the BEGIN that is pending: as a pipeline, they come back together. */
static int send_one(struct postgres *p, const char *sql, const struct params *ps, size_t n,
		    struct err *e)
{
	int count = num_clamp_int(n);
	int pipe = p->begin_pending;
	int ok = 1;
	if (pipe)
		ok = PQenterPipelineMode(p->conn) &&
		     PQsendQueryParams(p->conn, "begin", 0, NULL, NULL, NULL, NULL, 0);
	ok = ok && PQsendQueryParams(p->conn, sql, count, ps->types, ps->values, ps->lengths,
				     ps->formats, 0);
	if (pipe)
		ok = ok && PQpipelineSync(p->conn);
	if (ok) {
		p->begin_pending = 0;
		return 0;
	}
	if (PQstatus(p->conn) != CONNECTION_OK)
		return postgres_lost(p, e);
	return err_set(e, ERR_DB, "cannot send to the server: %s", PQerrorMessage(p->conn));
}

static int is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_EMPTY_QUERY;
}

/* One result of a statement: keep it when it is good, remember the first error otherwise. */
static int take(struct postgres *p, PGresult **kept, PGresult *result, int rc, struct err *e)
{
	AUTO(pg_result) PGresult *mine = result;
	ExecStatusType status = PQresultStatus(mine);
	if (is_good(mine)) {
		PQclear(*kept);
		*kept = TAKE(mine);
		return rc;
	}
	if (status == PGRES_PIPELINE_ABORTED || rc != 0)
		return rc;
	if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT)
		return postgres_fail(p, mine, e);
	if (postgres_end_copy(p, mine, e) != 0)
		return -1;
	return err_set(e, ERR_REFUSED, "COPY from or to the client is refused");
}

/* All results of what send_one sent; the last good one is kept. */
static int collect(PGresult **out, struct postgres *p, struct err *e)
{
	AUTO(pg_result) PGresult *kept = NULL;
	int pipe = PQpipelineStatus(p->conn) != PQ_PIPELINE_OFF;
	int rc = 0;
	for (;;) {
		PGresult *result = NULL;
		if (postgres_result(&result, p, rc == 0 ? e : NULL) != 0)
			return -1;
		if (result == NULL) {
			/* In a pipeline NULL parts the statements; the end is the sync. */
			if (!pipe || PQstatus(p->conn) != CONNECTION_OK)
				break;
			continue;
		}
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			(void)PQexitPipelineMode(p->conn);
			break;
		}
		rc = take(p, &kept, result, rc, e);
	}
	if (rc != 0)
		return -1;
	if (kept == NULL)
		return postgres_lost(p, e);
	*out = TAKE(kept);
	return 0;
}

static int has_blob(const PGresult *result)
{
	for (int i = 0; i < PQnfields(result); i++) {
		if (PQftype(result, i) == OID_BYTEA)
			return 1;
	}
	return 0;
}

static void free_blobs(struct postgres_rows *r)
{
	for (int i = 0; r->blobs != NULL && i < PQnfields(r->result); i++) {
		/* The bytes are libpq's; `str` lends them as const. */
		union {
			const char *lent;
			void *owned;
		} bytes = { .lent = r->blobs[i].p };
		PQfreemem(bytes.owned);
		r->blobs[i] = STR_NULL;
	}
}

static void postgres_rows_free(struct db_rows *rows)
{
	struct postgres_rows *r = (struct postgres_rows *)rows;
	free_blobs(r);
	mem_free(r->blobs);
	PQclear(r->result);
	mem_free(r);
}

static int postgres_query(struct db_rows **out, struct db *db, const char *sql,
			  const struct db_value *args, size_t n, int64_t *changed, struct err *e)
{
	struct postgres *p = postgres_of(db);
	postgres_call_start(p);
	AUTO(params) struct params ps;
	buf_init(&ps.texts, TEXTS_MAX);
	AUTO(db_rows) struct db_rows *base = NULL;
	struct postgres_rows *rows = mem_array(1, sizeof *rows);
	if (rows == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rows->base.db = db;
	rows->row = -1;
	base = &rows->base;
	if (params_set(&ps, args, n, e) != 0 || send_one(p, sql, &ps, n, e) != 0)
		return -1;
	if (collect(&rows->result, p, e) != 0)
		return -1;
	if (has_blob(rows->result)) {
		rows->blobs = mem_array((size_t)PQnfields(rows->result), sizeof *rows->blobs);
		if (rows->blobs == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (changed != NULL)
		*changed = postgres_changed(rows->result);
	*out = TAKE(base);
	return 0;
}

static int decode_blobs(struct postgres_rows *r, struct err *e)
{
	free_blobs(r);
	for (int i = 0; r->blobs != NULL && i < PQnfields(r->result); i++) {
		if (PQftype(r->result, i) != OID_BYTEA || PQgetisnull(r->result, r->row, i))
			continue;
		size_t n = 0;
		char *text = PQgetvalue(r->result, r->row, i);
		unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &n);
		if (bytes == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		r->blobs[i] = (struct str){ (const char *)bytes, n };
	}
	return 0;
}

static int postgres_next(struct db_rows *rows, struct err *e)
{
	struct postgres_rows *r = (struct postgres_rows *)rows;
	if (r->row + 1 >= PQntuples(r->result))
		return 0;
	r->row++;
	return decode_blobs(r, e) != 0 ? -1 : 1;
}

static void postgres_column(struct db_value *out, const struct db_rows *rows, int column)
{
	const struct postgres_rows *r = (const struct postgres_rows *)rows;
	*out = DB_N;
	if (column < 0 || column >= PQnfields(r->result) || r->row < 0 ||
	    r->row >= PQntuples(r->result) || PQgetisnull(r->result, r->row, column))
		return;
	struct str text = { PQgetvalue(r->result, r->row, column),
			    (size_t)PQgetlength(r->result, r->row, column) };
	switch (PQftype(r->result, column)) {
	case OID_BYTEA:
		*out = DB_B(r->blobs[column]);
		return;
	case OID_BOOL:
		*out = DB_I(str_eq_cstr(text, "t"));
		return;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_OID:
		*out = DB_I(0);
		IGNORE(num_parse_i64(&out->i, text, INT64_MIN, INT64_MAX)); /* it is one */
		return;
	default:
		*out = (struct db_value){ .type = DB_TEXT, .s = text };
		return;
	}
}

static int postgres_begin(struct db *db, struct err *e)
{
	struct postgres *p = postgres_of(db);
	PGTransactionStatusType status = PQtransactionStatus(p->conn);
	/* BEGIN would only warn, and COMMIT would then end another one's transaction. */
	if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
		return err_set(e, ERR_REFUSED,
			       "a statement of the script has begun a transaction that is still "
			       "open");
	p->begin_pending = 1;
	return 0;
}

static void postgres_rollback(struct db *db)
{
	struct postgres *p = postgres_of(db);
	p->begin_pending = 0;
	PGTransactionStatusType status = PQtransactionStatus(p->conn);
	if (status != PQTRANS_INTRANS && status != PQTRANS_INERROR)
		return;
	postgres_call_start(p);
	IGNORE(postgres_simple(p, "rollback", NULL)); /* what fails here ends with the session */
}

/* The answer to COMMIT. A failed transaction is answered by a cheerful ROLLBACK. */
static int read_commit(struct postgres *p, struct err *e)
{
	int rc = 0;
	for (;;) {
		AUTO(pg_result) PGresult *result = NULL;
		if (postgres_result(&result, p, e) != 0)
			return -1;
		if (result == NULL)
			return rc;
		if (postgres_refuse_copy(result, e) != 0)
			return -1;
		if (rc == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			rc = postgres_fail(p, result, e);
		else if (rc == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0)
			rc =
			    err_set(e, ERR_DB,
				    "the transaction had failed before; the server rolled it back");
	}
}

static int postgres_commit(struct db *db, struct err *e)
{
	struct postgres *p = postgres_of(db);
	if (p->begin_pending) {
		p->begin_pending = 0;
		return 0; /* nothing was sent */
	}
	postgres_call_start(p);
	if (PQtransactionStatus(p->conn) == PQTRANS_IDLE)
		return err_set(e, ERR_DB, "no transaction is open: a statement has ended it");
	if (postgres_send(p, "commit", e) != 0)
		return -1;
	return read_commit(p, e);
}

static void postgres_cancel(struct db *db)
{
	uint64_t one = 1;
	(void)!write(postgres_of(db)->wake, &one, sizeof one); /* full means that one waits */
}

static const char *const schemes[] = { "postgresql:", "postgres:", NULL };

/* lock_not_available, deadlock_detected, serialization_failure */
static const char *const lock_codes[] = { "55P03", "40P01", "40001", NULL };
/* active_sql_transaction, invalid_transaction_termination */
static const char *const alone_codes[] = { "25001", "2D000", NULL };

const struct db_driver db_postgres = {
	.name = "postgresql",
	.schemes = schemes,
	.flags = DB_DDL_IN_TX,
	.identity = "bigint generated by default as identity primary key",
	.blob = "bytea",
	.skip_locked = " for update skip locked",
	.ledger = "tidegate.revision",
	.ledger_look = postgres_ledger_look,
	.ledger_check = postgres_ledger_check,
	.ledger_ddl = postgres_ledger_ddl,
	.ledger_close = postgres_ledger_close,
	.ledger_upgrade = postgres_ledger_upgrade,
	.lock_codes = lock_codes,
	.alone_codes = alone_codes,
	.as_self = "set local role none",
	.isolation = "set transaction isolation level ",
	.tables_named = postgres_tables_named,
	.tables_maybe = postgres_tables_maybe,
	.open = postgres_open,
	.close = postgres_close,
	.query = postgres_query,
	.next = postgres_next,
	.column = postgres_column,
	.rows_free = postgres_rows_free,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.screen = postgres_screen,
	.script = postgres_script,
	.split = postgres_script_split,
	.statement = postgres_statement,
	.reset = postgres_reset,
	.probe = postgres_probe,
	.lock = postgres_lock,
	.cancel = postgres_cancel,
	.databases = postgres_databases,
	.inspect = postgres_inspect,
	.is_newer = postgres_is_newer,
	.explain = postgres_explain,
	.count = postgres_count,
};
