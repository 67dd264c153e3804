/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver for MySQL and MariaDB: statements with parameters, rows, transactions, and the lock of
 * a runner. Connecting is in mysql_connect.c, waiting in mysql_wait.c, scripts in mysql_script.c.
 */

#include "db/mysql.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "db/mysql_wait.h"

#include <mysql.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	STATEMENT_MAX = 1 << 30, /* the protocol's own limit of a packet */
	BINARY = 63,             /* the character set of bytes */
	LOCK_PAUSE_MS = 50,      /* between two tries, doubling */
	LOCK_PAUSE_MAX_MS = 500,
	QUERY_INTERRUPTED = 1317,
	STATEMENT_TIMEOUT = 1969,
	QUERY_TIMEOUT = 3024,
	SERVER_SHUTDOWN = 1053,
};

struct mydb_rows {
	struct db_rows base;
	MYSQL_RES *result; /* NULL: none */
	MYSQL_ROW row;     /* NULL: before the first or behind the last */
	unsigned long *lengths;
};

static struct mydb *mydb_of(struct db *db)
{
	return (struct mydb *)db;
}

int mydb_call_start(struct mydb *m, struct err *e)
{
	uint64_t count;
	(void)!read(m->wake, &count, sizeof count); /* non-blocking: empty is no error */
	m->cancelled = 0;
	m->timed_out = 0;
	if (m->lost)
		return err_set(e, ERR_LOST, "the connection to the database broke before");
	if (m->renew)
		return mydb_renew(m, e);
	return 0;
}

int mydb_in_transaction(const struct mydb *m)
{
	return (m->conn->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

int mydb_ignores_backslashes(const struct mydb *m)
{
	return (m->conn->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES) != 0;
}

/* The server tells with its answers when the session's state has changed. */
static void track(struct mydb *m)
{
	const char *data = NULL;
	size_t n = 0;
	if ((m->conn->server_status & SERVER_SESSION_STATE_CHANGED) == 0)
		return; /* what the library still has is of an answer before */
	if (mysql_session_track_get_first(m->conn, SESSION_TRACK_STATE_CHANGE, &data, &n) == 0)
		m->dirty = 1;
}

/* One result: its rows are kept for `out`, or dropped; counts what was changed. */
static int take_result(MYSQL_RES **out, struct mydb_call *c, struct str sql, int64_t *changed,
		       struct err *e)
{
	struct mydb *m = c->m;
	track(m);
	if (mysql_field_count(m->conn) == 0) {
		my_ulonglong n = mysql_affected_rows(m->conn);
		if (changed != NULL && n != (my_ulonglong)-1 && mydb_changes_rows(sql, 0))
			*changed += num_clamp_i64(n);
		return 0;
	}
	if (out == NULL || *out != NULL) {
		m->dirty =
		    1; /* with rows it does not tell: a function in a SELECT may do anything */
		return mydb_drop(c) == 0 ? 0 : mydb_fail(m, m->conn, e);
	}
	if (mydb_store(c) != 0)
		return mydb_fail(m, m->conn, e);
	*out = c->result;
	if (changed != NULL && mydb_changes_rows(sql, 1))
		*changed += num_clamp_i64(mysql_num_rows(*out));
	return 0;
}

/*
 * The statement that a cancel was for is over; the cancel may still be on its way to the next one.
 * A statement of no meaning takes it.
 */
static void absorb_cancel(struct mydb *m)
{
	struct mydb_call c = { .m = m,
			       .conn = m->conn,
			       .on_cancel = MYDB_CANCEL_WAITS,
			       .deadline = clock_mono_ms() + m->connect_ms };
	IGNORE(mydb_send(&c, STR("do 0"))); /* interrupted or not */
	if (mydb_code(mysql_errno(m->conn)) == ERR_LOST)
		m->lost = 1;
}

static int take_all(MYSQL_RES **out, struct mydb_call *c, struct str sql, int64_t *changed,
		    struct err *e)
{
	int rc = take_result(out, c, sql, changed, e);
	while (rc == 0 && mysql_more_results(c->conn)) {
		if (mydb_next(c) > 0)
			return mydb_fail(c->m, c->conn, e);
		rc = take_result(out, c, sql, changed, e);
	}
	return rc;
}

int mydb_run(MYSQL_RES **out, struct mydb *m, struct str sql, int64_t *changed, struct err *e)
{
	struct mydb_call c = { .m = m,
			       .conn = m->conn,
			       .on_cancel = MYDB_CANCEL_KILLS,
			       .deadline =
				   m->statement_ms > 0 ? clock_mono_ms() + m->statement_ms : -1 };
	int rc = 0;
	if (mydb_send(&c, sql) != 0)
		rc = mydb_fail(m, m->conn, e);
	else
		rc = take_all(out, &c, sql, changed, e);
	if ((m->cancelled || m->timed_out) && !m->lost)
		absorb_cancel(m);
	if (rc != 0 && out != NULL) {
		mysql_free_result(*out);
		*out = NULL;
	}
	return rc;
}

int mydb_simple(struct mydb *m, const char *sql, struct err *e)
{
	return mydb_run(NULL, m, str_of(sql), NULL, e);
}

int mydb_send_begin(struct mydb *m, struct err *e)
{
	if (!m->begin_pending)
		return 0;
	if (mydb_simple(m, "start transaction", e) != 0)
		return -1;
	m->begin_pending = 0;
	return 0;
}

/*
 * A parameter as SQL. Bytes are written in hexadecimal with their character set before them: that
 * reads the same whatever the session's SQL mode and character set are, so nothing can be injected;
 * and it is one round trip, where a prepared statement takes two or three.
 */
static void add_value(struct buf *b, const struct db_value *v)
{
	static const char digits[] = "0123456789abcdef";
	switch (v->type == DB_BLOB && v->s.p == NULL ? DB_NULL : v->type) {
	case DB_NULL:
		buf_adds(b, "null");
		return;
	case DB_INT:
		buf_addf(b, "(%lld)", (long long)v->i);
		return;
	case DB_TEXT:
	case DB_BLOB:
		buf_adds(b, v->type == DB_TEXT ? "_utf8mb4 x'" : "x'");
		break;
	}
	char *p = v->s.n < STATEMENT_MAX / 2 ? buf_room(b, v->s.n * 2) : NULL;
	for (size_t i = 0; p != NULL && i < v->s.n; i++) {
		p[2 * i] = digits[(unsigned char)v->s.p[i] >> 4];
		p[2 * i + 1] = digits[(unsigned char)v->s.p[i] & 15U];
	}
	buf_addc(b, '\'');
}

static int check_values(const struct db_value *args, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (args[i].s.n >= STATEMENT_MAX / 4)
			return err_set(e, ERR_LIMIT, "parameter $%zu is too large", i + 1);
		if (args[i].type == DB_TEXT && !str_is_utf8(args[i].s))
			return err_set(e, ERR_INPUT, "parameter $%zu is not valid UTF-8", i + 1);
	}
	return 0;
}

/* The number behind a '$' at `at`, and where it ends; 0 when there is none. */
static size_t number_at(size_t *end, struct str sql, size_t at)
{
	size_t number = 0;
	for (*end = at + 1; *end < sql.n && sql.p[*end] >= '0' && sql.p[*end] <= '9'; ++*end)
		number =
		    number > DB_PARAMS_MAX ? number : number * 10 + (size_t)(sql.p[*end] - '0');
	return number;
}

/* Our own statements have $1, $2, ...; no dollar is part of a name in them. */
static int bind(struct buf *b, struct str sql, const struct db_value *args, size_t n, struct err *e)
{
	char quote = '\0';
	for (size_t i = 0; i < sql.n;) {
		char c = sql.p[i];
		size_t end = i + 1, number = 0;
		if (quote == '\0' && c == '$')
			number = number_at(&end, sql, i);
		if (number > n)
			return err_set(e, ERR_DB, "the statement has no value for $%zu", number);
		if (number > 0)
			add_value(b, &args[number - 1]);
		else
			buf_add(b, str_first(str_from(sql, i), end - i));
		if (quote == '\0' && (c == '\'' || c == '"' || c == '`'))
			quote = c;
		else if (c == quote)
			quote = '\0';
		i = end;
	}
	return buf_check(b, e);
}

static void mydb_rows_free(struct db_rows *rows)
{
	struct mydb_rows *r = (struct mydb_rows *)rows;
	mysql_free_result(r->result);
	mem_free(r);
}

static int mydb_query(struct db_rows **out, struct db *db, const char *sql,
		      const struct db_value *args, size_t n, int64_t *changed, struct err *e)
{
	struct mydb *m = mydb_of(db);
	AUTO(buf) struct buf b;
	buf_init(&b, STATEMENT_MAX);
	AUTO(db_rows) struct db_rows *base = NULL;
	struct mydb_rows *rows = mem_array(1, sizeof *rows);
	if (rows == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rows->base.db = db;
	base = &rows->base;
	if (check_values(args, n, e) != 0 || bind(&b, str_of(sql), args, n, e) != 0)
		return -1;
	if (mydb_call_start(m, e) != 0 || mydb_send_begin(m, e) != 0)
		return -1;
	int64_t count = 0;
	if (mydb_run(&rows->result, m, buf_str(&b), &count, e) != 0)
		return -1;
	if (changed != NULL)
		*changed = count;
	*out = TAKE(base);
	return 0;
}

static int mydb_next_row(struct db_rows *rows, struct err *e)
{
	struct mydb_rows *r = (struct mydb_rows *)rows;
	(void)e;
	r->row = r->result != NULL ? mysql_fetch_row(r->result) : NULL;
	if (r->row == NULL)
		return 0;
	r->lengths = mysql_fetch_lengths(r->result);
	return 1;
}

static int is_number(enum enum_field_types type)
{
	return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
	       type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR;
}

static int is_bytes(const MYSQL_FIELD *field)
{
	switch ((int)field->type) {
	case MYSQL_TYPE_STRING:
	case MYSQL_TYPE_VAR_STRING:
	case MYSQL_TYPE_VARCHAR:
	case MYSQL_TYPE_TINY_BLOB:
	case MYSQL_TYPE_MEDIUM_BLOB:
	case MYSQL_TYPE_LONG_BLOB:
	case MYSQL_TYPE_BLOB:
	case MYSQL_TYPE_BIT:
	case MYSQL_TYPE_GEOMETRY:
		return field->charsetnr == BINARY;
	default:
		return 0; /* dates and decimals are text, though of the binary character set */
	}
}

static void mydb_column(struct db_value *out, const struct db_rows *rows, int column)
{
	const struct mydb_rows *r = (const struct mydb_rows *)rows;
	*out = DB_N;
	if (r->row == NULL || column < 0 || (unsigned)column >= mysql_num_fields(r->result) ||
	    r->row[column] == NULL)
		return;
	const MYSQL_FIELD *field = mysql_fetch_field_direct(r->result, (unsigned)column);
	struct str text = { r->row[column], r->lengths[column] };
	if (is_number(field->type)) {
		*out = DB_I(0);
		/* An unsigned one above the range of ours is its end. */
		if (num_parse_i64(&out->i, text, INT64_MIN, INT64_MAX) != 0)
			out->i = INT64_MAX;
	} else if (is_bytes(field)) {
		*out = DB_B(text);
	} else {
		*out = (struct db_value){ .type = DB_TEXT, .s = text };
	}
}

static int mydb_begin(struct db *db, struct err *e)
{
	struct mydb *m = mydb_of(db);
	if (mydb_call_start(m, e) != 0)
		return -1;
	/* START TRANSACTION would commit it. */
	if (mydb_in_transaction(m))
		return err_set(e, ERR_REFUSED,
			       "a statement of the script has begun a transaction that is still "
			       "open");
	m->begin_pending = 1;
	return 0;
}

/* The transaction of a script is over: the next one starts clean. */
static void end_script(struct mydb *m)
{
	m->renew = m->scripted && m->dirty;
	m->scripted = 0;
}

static void mydb_rollback(struct db *db)
{
	struct mydb *m = mydb_of(db);
	int sent = !m->begin_pending;
	m->begin_pending = 0;
	if (sent && !m->lost && mydb_call_start(m, NULL) == 0)
		IGNORE(mydb_simple(m, "rollback", NULL)); /* what fails here ends the session */
	end_script(m);
}

/* What was answered to COMMIT may be about the way there, or about the way back. */
static int commit_fail(struct mydb *m, struct err *e)
{
	unsigned number = mysql_errno(m->conn);
	(void)mydb_fail(m, m->conn, e);
	if (number != QUERY_INTERRUPTED && number != STATEMENT_TIMEOUT && number != QUERY_TIMEOUT &&
	    number != SERVER_SHUTDOWN)
		return -1;
	m->lost = 1;
	return err_set(e, ERR_LOST, "the commit was interrupted; its outcome is unknown");
}

static int mydb_commit(struct db *db, struct err *e)
{
	struct mydb *m = mydb_of(db);
	if (m->begin_pending) {
		m->begin_pending = 0;
		return 0; /* nothing was sent */
	}
	if (mydb_call_start(m, e) != 0 || (m->unproved && mydb_prove_lock(m, e) != 0))
		return -1;
	if (!mydb_in_transaction(m))
		return err_set(e, ERR_DB, "no transaction is open: a statement has ended it");
	struct mydb_call c = {
		.m = m, .conn = m->conn, .on_cancel = MYDB_CANCEL_WAITS, .deadline = -1
	};
	if (mydb_send(&c, STR("commit")) != 0)
		return commit_fail(m, e);
	end_script(m);
	return 0;
}

/*
 * 1: ours now; 0: somebody has it; -1: failed. A proxy that shares the server's connections makes
 * up the number that it tells clients: behind it, nothing is locked, and no statement can be
 * cancelled.
 */
static int try_lock(struct mydb *m, struct err *e)
{
	char sql[192];
	AUTO(db_rows) struct db_rows *rows = NULL;
	long long id = (long long)(mysql_thread_id(m->conn) & 0xffffffffU);
	(void)snprintf(sql, sizeof sql,
		       "select connection_id() & 4294967295 = %lld, case when connection_id() &"
		       " 4294967295 = %lld then get_lock('%s', 0) end",
		       id, id, m->lock_name);
	if (db_query(&rows, &m->base, sql, DB_NO_ARGS, e) != 0 || db_next(rows, e) < 0)
		return -1;
	if (db_int(rows, 0) == 0)
		return err_set(
		    e, ERR_REFUSED,
		    "the database is behind a proxy that shares the server's "
		    "connections, where no lock is held: point the instance at the server "
		    "itself");
	return db_int(rows, 1) == 1;
}

/* The list of processes shows those of the same user, or all with the PROCESS privilege. */
static int lock_fail(struct mydb *m, int64_t wait_ms, struct err *e)
{
	char sql[512];
	AUTO(db_rows) struct db_rows *rows = NULL;
	(void)snprintf(sql, sizeof sql,
		       "select h.id, coalesce(p.user, ''), coalesce(p.host, ''),"
		       " coalesce(p.command, ''), date_format(utc_timestamp() - interval p.time"
		       " second, '%%Y-%%m-%%dT%%H:%%i:%%sZ')"
		       " from (select is_used_lock('%s') as id) h"
		       " left join information_schema.processlist p on p.id = h.id",
		       m->lock_name);
	if (db_query(&rows, &m->base, sql, DB_NO_ARGS, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc < 0)
		return -1;
	if (rc == 0 || db_is_null(rows, 0))
		return err_set(e, ERR_UNAVAILABLE,
			       "another runner was working on this database; waited %lld ms",
			       (long long)wait_ms);
	if (db_is_null(rows, 4))
		return err_set(e, ERR_UNAVAILABLE,
			       "another runner works on this database: connection %lld, of another "
			       "user; waited %lld ms",
			       (long long)db_int(rows, 0), (long long)wait_ms);
	return err_set(e, ERR_UNAVAILABLE,
		       "another runner works on this database: connection %lld ('%.*s' from "
		       "'%.*s'), in state '%.*s' since %.*s; waited %lld ms",
		       (long long)db_int(rows, 0), STR_ARG(db_text(rows, 1)),
		       STR_ARG(db_text(rows, 2)), STR_ARG(db_text(rows, 3)),
		       STR_ARG(db_text(rows, 4)), (long long)wait_ms);
}

static int mydb_lock(struct db *db, int64_t wait_ms, struct err *e)
{
	struct mydb *m = mydb_of(db);
	int64_t until = clock_mono_ms() + wait_ms;
	int64_t pause_ms = LOCK_PAUSE_MS;
	if (m->database == NULL)
		return err_set(e, ERR_INPUT, "no database is chosen, so there is none to lock");
	for (;;) {
		int got = m->locked ? 1 : try_lock(m, e);
		if (got != 0) {
			m->locked = got > 0;
			return got < 0 ? -1 : 0;
		}
		int64_t now = clock_mono_ms();
		if (now >= until)
			return lock_fail(m, wait_ms, e);
		if (mydb_pause(m, now + pause_ms < until ? now + pause_ms : until))
			return err_set(e, ERR_UNAVAILABLE, "waiting for the lock was cancelled");
		pause_ms = pause_ms < LOCK_PAUSE_MAX_MS / 2 ? pause_ms * 2 : LOCK_PAUSE_MAX_MS;
	}
}

static void mydb_cancel(struct db *db)
{
	uint64_t one = 1;
	(void)!write(mydb_of(db)->wake, &one, sizeof one); /* full means that one waits */
}

/* ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_LOCK_NOWAIT */
static const char *const lock_codes[] = { "1205", "1213", "3572", NULL };
static const char *const schemes[] = { "mysql:", "mariadb:", NULL };

const struct db_driver db_mysql = {
	.name = "mysql",
	.schemes = schemes,
	.flags = DB_ISOLATION_FIRST,
	.identity = "bigint not null auto_increment primary key",
	.blob = "longblob",
	.skip_locked = " for update skip locked",
	.ledger = "tidegate_revision",
	.ledger_look = mydb_ledger_look,
	.ledger_check = mydb_ledger_look,
	.ledger_ddl = mydb_ledger_ddl,
	.ledger_upgrade = mydb_ledger_upgrade,
	.lock_codes = lock_codes,
	.isolation = "set transaction isolation level ",
	.tables_named = mydb_tables_named,
	.lasting = mydb_lasting,
	.open = mydb_open,
	.close = mydb_close,
	.query = mydb_query,
	.next = mydb_next_row,
	.column = mydb_column,
	.rows_free = mydb_rows_free,
	.begin = mydb_begin,
	.commit = mydb_commit,
	.rollback = mydb_rollback,
	.screen = mydb_screen,
	.script = mydb_script,
	.split = mydb_split,
	.statement = mydb_statement,
	.reset = mydb_reset,
	.probe = mydb_probe,
	.lock = mydb_lock,
	.cancel = mydb_cancel,
	.databases = mydb_databases,
	.inspect = mydb_inspect,
	.parse = mydb_parse,
	.explain = mydb_explain,
	.count = mydb_count,
};
