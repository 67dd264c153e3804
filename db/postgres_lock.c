/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of a runner: an advisory lock of the session, which the server lets go when the session
 * ends. It is polled: who waits for it inside the server has a snapshot that the holder's CREATE
 * INDEX CONCURRENTLY waits for. Behind a pooler, it is first found out whether the session has a
 * server process for itself.
 */

#include "base/clock.h"
#include "base/num.h"
#include "db/postgres.h"

#include <libpq-fe.h>

enum {
	PAUSE_MS = 50, /* between two tries, doubling */
	PAUSE_MAX_MS = 500,
	POOL_WAIT_MS = 2000, /* for a second server process; the pool may have none to give */
};

/* Held twice, for the proof of postgres_after.c. */
#define TRY_LOCK                                                                                   \
	"case when pg_catalog.pg_try_advisory_lock(" POSTGRES_LOCK_KEY                             \
	") then pg_catalog.pg_try_advisory_lock(" POSTGRES_LOCK_KEY ") else false end"

/* A pooler makes up the process numbers that it tells clients: where they differ, nothing is locked
 * yet. This costs no round trip of its own. */
static const char sql_try_lock[] =
    "select case when pg_catalog.pg_backend_pid() operator(pg_catalog.=) $1"
    " then " TRY_LOCK " end,"
    " pg_catalog.pg_backend_pid()";
/* A process that has the lock already has it by another session of the pooler. */
static const char sql_try_lock_pooled[] =
    "select case when not held then " TRY_LOCK " end,"
    " pg_catalog.pg_backend_pid() from (select exists (select from pg_catalog.pg_locks l where"
    " " POSTGRES_LOCK_IS_OURS
    " and l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()) as held offset 0) h";
static const char sql_pid[] = "select pg_catalog.pg_backend_pid()";
static const char sql_begin_pid[] = "begin; select pg_catalog.pg_backend_pid()";

/*
 * Who holds it, in words. What it runs is told when it is one of us, up to the first text: a text
 * may be a password. Others' activity is NULL to those who may not see it.
 */
static const char sql_holder[] =
    "select l.pid, pg_catalog.concat(case when a.application_name operator(pg_catalog.<>) ''"
    " then pg_catalog.format(' (%L)', a.application_name) end,"
    " case when a.usename is not null then pg_catalog.format(' of %L', a.usename) end,"
    " case when a.client_addr is not null"
    " then pg_catalog.format(' from %s', pg_catalog.host(a.client_addr)) end,"
    " case when a.backend_start is not null then pg_catalog.format(', connected since %s',"
    " pg_catalog.to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"
    " end,"
    " case when a.state is not null then pg_catalog.format(', %s for %s s', a.state,"
    " pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()"
    " operator(pg_catalog.-) a.state_change))) end,"
    " case when a.state operator(pg_catalog.=) 'active'::pg_catalog.text and"
    " pg_catalog.split_part(a.application_name, ' ', 1) operator(pg_catalog.=)"
    " pg_catalog.split_part(pg_catalog.current_setting('application_name'), ' ', 1)"
    " then pg_catalog.format(': %s', pg_catalog.\"left\"(pg_catalog.regexp_replace("
    "pg_catalog.split_part(pg_catalog.split_part(pg_catalog.regexp_replace(a.query,"
    " '^(begin;)?select pg_catalog.txid_current[(][)];', ''), '\n;', 1), '''', 1),"
    " '[[:space:]]+', ' ', 'g'), 48)) end)"
    " from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a"
    " on a.pid operator(pg_catalog.=) l.pid where " POSTGRES_LOCK_IS_OURS
    " and l.database operator(pg_catalog.=) (select d.oid from pg_catalog.pg_database d"
    " where d.datname operator(pg_catalog.=) pg_catalog.current_database()) limit 1";

AUTO_DEFINE(pg_result, PGresult *, PQclear);

static int refuse_pooler(struct err *e)
{
	return err_set(e, ERR_REFUSED,
		       "the database is behind a pooler in transaction mode, where no lock is held "
		       "from one transaction to the next: point the instance at PostgreSQL itself "
		       "or at a session-mode pool");
}

static int get_pid(int64_t *pid, struct db *db, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql_pid, DB_NO_ARGS, e) != 0 || db_next(rows, e) < 0)
		return -1;
	*pid = db_int(rows, 0);
	return 0;
}

/*
 * The process that another session gets, which is kept busy from then on. 0 as *pid: none within a
 * moment, as in a pool of one process that is ours.
 */
static int get_twin_pid(int64_t *pid, struct postgres *twin, struct err *e)
{
	*pid = 0;
	postgres_call_start(twin);
	twin->deadline = clock_mono_ms() + POOL_WAIT_MS;
	if (postgres_send(twin, sql_begin_pid, e) != 0)
		return -1;
	for (;;) {
		AUTO(pg_result) PGresult *result = NULL;
		if (postgres_result(&result, twin, e) != 0)
			return clock_mono_ms() >= twin->deadline ? 0 : -1;
		if (result == NULL)
			return 0;
		if (PQresultStatus(result) == PGRES_FATAL_ERROR)
			return postgres_fail(twin, result, e);
		if (PQntuples(result) == 1)
			IGNORE(num_parse_i64(pid, str_of(PQgetvalue(result, 0, 0)), 1, INT64_MAX));
	}
}

/*
 * Process `pid` answered last, and the session is idle: in transaction mode it is free for another
 * session now, and pools give away what was used last.
 */
static int check_pooler(struct postgres *p, int64_t pid, struct err *e)
{
	AUTO(db) struct db *twin = NULL;
	int64_t other = 0, again = 0;
	if (postgres_twin(&twin, p, e) != 0 ||
	    get_twin_pid(&other, (struct postgres *)twin, e) != 0)
		return err_wrap(e, "cannot find out in which mode the pooler works");
	if (other == pid)
		return refuse_pooler(e);
	if (get_pid(&again, &p->base, e) != 0)
		return -1;
	if (again != pid)
		return refuse_pooler(e);
	p->pooled = 1;
	return postgres_simple(p, p->settings, e);
}

/* 1: ours now; 0: somebody has it; -1: failed. */
static int try_pooled(struct postgres *p, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (p->locked)
		return 1;
	if (db_query(&rows, &p->base, sql_try_lock_pooled, DB_NO_ARGS, e) != 0 ||
	    db_next(rows, e) < 0)
		return -1;
	return db_is_null(rows, 0) ? refuse_pooler(e) : db_int(rows, 0) != 0;
}

/* The same, where nobody may stand between. */
static int try_lock(struct postgres *p, struct err *e)
{
	int64_t pid;
	{
		AUTO(db_rows) struct db_rows *rows = NULL;
		if (db_query(&rows, &p->base, sql_try_lock, DB_ARGS(DB_I(PQbackendPID(p->conn))),
			     e) != 0 ||
		    db_next(rows, e) < 0)
			return -1;
		if (!db_is_null(rows, 0))
			return db_int(rows, 0) != 0;
		pid = db_int(rows, 1);
	}
	return check_pooler(p, pid, e) != 0 ? -1 : try_pooled(p, e);
}

static int fail(struct db *db, int64_t wait_ms, struct err *e)
{
	AUTO(db_rows) struct db_rows *rows = NULL;
	if (db_query(&rows, db, sql_holder, DB_NO_ARGS, e) != 0)
		return -1;
	int rc = db_next(rows, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_UNAVAILABLE,
			       "another runner was working on this database; waited %lld ms",
			       (long long)wait_ms);
	long long pid = (long long)db_int(rows, 0);
	return err_set(e, ERR_UNAVAILABLE,
		       "another runner works on this database: server process %lld%.*s; waited "
		       "%lld ms; wait for it, or end it by pg_terminate_backend(%lld) when its "
		       "runner is dead",
		       pid, STR_ARG(db_text(rows, 1)), (long long)wait_ms, pid);
}

int postgres_lock(struct db *db, int64_t wait_ms, struct err *e)
{
	struct postgres *p = (struct postgres *)db;
	int64_t until = clock_mono_ms() + wait_ms;
	int64_t pause_ms = PAUSE_MS;
	for (;;) {
		int got = p->pooled ? try_pooled(p, e) : try_lock(p, e);
		if (got != 0) {
			p->locked = got > 0;
			return got < 0 ? -1 : 0;
		}
		int64_t now = clock_mono_ms();
		if (now >= until)
			return fail(db, wait_ms, e);
		int64_t wake = now + pause_ms < until ? now + pause_ms : until;
		if (postgres_wait(p, 0, wake) == POSTGRES_CANCELLED)
			return err_set(e, ERR_UNAVAILABLE, "waiting for the lock was cancelled");
		pause_ms = pause_ms < PAUSE_MAX_MS / 2 ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}
